# SPDX-License-Identifier: Apache-2.0
"""A disk that is really full: a small file system of its own for the state folder, while mail flows.
It is refused with 452 as long as there is no room, and accepted again without anybody's help when
there is; nothing that was acknowledged is lost. Needs root, for the mount namespace."""
import collections
import os
import subprocess
import time

import pytest

from conftest import eventually
from flood_tools import Flood, account_for
from mail_tools import mail_server

MOUNT = 'mount -t tmpfs -o size=%dm,mode=755 tmpfs "$0" && echo mounted && exec sleep 600'


@pytest.fixture
def small_disk():
    """small_disk(folder, mib) mounts a file system there, which only this test sees, by way of the
    prefix of commands that it gives."""
    holders = []

    def make(folder, mib):
        os.makedirs(folder, exist_ok=True)
        holder = subprocess.Popen(['unshare', '-m', '--propagation', 'private', 'sh', '-c', MOUNT % mib, folder],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        holders.append(holder)
        if holder.stdout.readline() != b'mounted\n':
            pytest.skip('no right to mount anything')
        return holder.pid
    yield make
    for holder in holders:
        holder.kill()
        holder.wait()
        holder.stdout.close()


class Disk:
    def __init__(self, pid, folder):
        self.filler = '/proc/%d/root%s/filler' % (pid, folder)

    def fill(self):
        """To the last block: what others free meanwhile is taken, too."""
        with open(self.filler, 'ab', buffering=0) as f:
            for size in (1 << 20, 4096):
                try:
                    while f.write(b'x' * size) == size:
                        pass
                except OSError:
                    pass

    def empty(self):
        os.unlink(self.filler)


def answer(s):
    """The reply that decides: to MAIL if that is refused, else to the message, which is too large for
    what a worker has reserved."""
    try:
        with s.connect('smtp') as c:
            c.reply()
            c.command('EHLO probe.example.test')
            reply = c.command('MAIL FROM:<probe@client.test>')[0]
            if not reply.startswith('250'):
                return reply
            c.command('RCPT TO:<bert@example.test>')
            c.command('DATA')
            return c.command('Subject: probe\r\n\r\n' + ('x' * 70 + '\r\n') * 3000 + '.')[0] or ''
    except OSError:
        return ''


@pytest.mark.parametrize('guard', ['with the guard', 'to the last block', 'stopped while full'])
def test_full(server, tmp_path, small_disk, guard):
    """The guard refuses whatever comes. Without it a worker takes small messages until the pieces of
    journal that it has reserved are full, too; refused is what would not be safe. What could not be
    moved out of the journal when the server stopped is moved by the next one."""
    s = mail_server(server, level='info', start=False)
    state = os.path.join(s.folder, 'state')
    holder = small_disk(state, 256)
    s.prefix = ['nsenter', '-t', str(holder), '-m']
    if guard == 'with the guard':
        s.extra = s.extra.replace('min-free = 0\n', 'min-free = "16mb"\n')
        s.write_config(s.extra)
    s.expect_log('.')
    s.start(prefix=s.prefix)
    disk = Disk(holder, state)
    with Flood(s, tmp_path, '--clients', 4, '--rate', 500, '--big', 30) as flood:
        for _ in range(2):
            eventually(lambda: all_answer(s, 10, '250 2.0.0'), 30, 'mail that is accepted')

            def full():
                disk.fill()
                return all_answer(s, 10, '452 4.3.1')
            eventually(full, 30, '452')
            time.sleep(1)
            disk.fill()
            assert answer(s).startswith('452 4.3.1')
            disk.empty()
        eventually(lambda: all_answer(s, 10, '250 2.0.0'), 30, 'mail that is accepted')
        if guard == 'stopped while full':
            disk.fill()
            time.sleep(1)
            s.stop()
    if guard == 'stopped while full':
        disk.empty()
        s.start(prefix=s.prefix)
    s.stop()
    codes = collections.Counter(more for what, more in flood.book().values() if what == 'no')
    print('refused:', dict(codes))
    assert set(codes) == {'452'}, '\n'.join(
        line for line in s.log_text().splitlines() if ' ERROR' in line or 'store.error' in line)[:4000]
    figures = account_for(s, flood)
    assert figures['acknowledged'] > 0
    assert figures['unknown'] == 0 or guard == 'stopped while full'


def all_answer(s, count, start):
    return all(answer(s).startswith(start) for _ in range(count))
