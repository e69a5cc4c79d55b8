# SPDX-License-Identifier: Apache-2.0
"""Mail into Maildirs: what a newcomer sees arrive, read by Python and by Dovecot."""
import glob
import mailbox
import os
import shutil
import smtplib
import subprocess

import pytest

from conftest import eventually
from mail_tools import Letter, mail_server, queue, read_stamp

ROUTE = '''
[domain."example.test"]
[queue.route.local]
type = "local"
path = "%s/{domain}/{local}/Maildir"
quota = "%s"
headers = ["Return-Path", "Delivered-To", "X-Original-To"]
'''


def start(server, tmp_path, quota='1 MiB/100'):
    s = mail_server(server, start=False, delivers=True)
    s.mail = str(tmp_path / 'mail')
    s.write_config(s.extra + ROUTE % (s.mail, quota))
    return s.start()


def send(s, letter, *to):
    with smtplib.LMTP('127.0.0.1', s.ports['lmtp']) as c:
        refused = c.sendmail('far@elsewhere.example', list(to), letter.data)
        assert not refused, refused


def box(s, local='anna', folder=''):
    return os.path.join(s.mail, 'example.test', local, 'Maildir', folder)


def stored(path):
    return glob.glob(os.path.join(path, 'new', '*')) + glob.glob(os.path.join(path, 'cur', '*'))


def arrives(path, count=1):
    eventually(lambda: len(stored(path)) >= count, what='%d message(s) in %s' % (count, path))
    assert len(stored(path)) == count
    return stored(path)


def test_a_message_arrives_whole(server, tmp_path):
    s = start(server, tmp_path)
    letters = [Letter('small'), Letter('large', size=300000)]
    for letter in letters:
        send(s, letter, 'anna@example.test')
    arrives(box(s), 2)
    found = {}
    for message in mailbox.Maildir(box(s), create=False):
        data = message.as_bytes()
        assert message['Return-Path'] == '<far@elsewhere.example>'
        assert message['Delivered-To'] == 'anna@example.test'
        assert message['X-Original-To'] == 'anna@example.test'
        assert message['Received'] is not None
        found[read_stamp(data.replace(b'\n', b'\r\n'))] = data
    assert set(found) == {(letter.name, True) for letter in letters}
    for path in stored(box(s)):
        assert ',S=%d,' % os.path.getsize(path) in path
        data = open(path, 'rb').read()
        assert b'\r' not in data
        assert path.endswith(',W=%d' % (len(data) + data.count(b'\n')))
        assert os.stat(path).st_mode & 0o777 == 0o600
    assert not os.listdir(os.path.join(box(s), 'tmp'))
    s.stop()


def test_sub_addresses_have_folders_if_the_owner_made_them(server, tmp_path):
    s = start(server, tmp_path)
    os.makedirs(box(s, folder='.lists/cur'), mode=0o700)
    send(s, Letter(), 'anna+lists@example.test')
    arrives(box(s, folder='.lists'))
    send(s, Letter(), 'anna+nowhere@example.test')
    arrives(box(s))
    assert not os.path.exists(box(s, folder='.nowhere'))
    s.stop()


def test_each_mailbox_has_one_copy(server, tmp_path):
    s = start(server, tmp_path)
    letter = Letter()
    send(s, letter, 'anna@example.test', 'bert@example.test', 'anna+x@example.test')
    arrives(box(s, 'bert'))
    arrives(box(s))
    s.stop()


def test_a_full_mailbox_takes_no_more(server, tmp_path):
    s = start(server, tmp_path, quota='/1')
    send(s, Letter(), 'anna@example.test')
    arrives(box(s))
    late = Letter()
    send(s, late, 'anna@example.test')
    waits = queue(s).one(late)
    eventually(lambda: '4.2.2' in str(queue(s).one(late).recipients), what='the reason why it waits')
    assert waits and len(stored(box(s))) == 1
    s.stop()


@pytest.mark.skipif(shutil.which('doveadm') is None, reason='Dovecot is not installed')
def test_dovecot_reads_it(server, tmp_path):
    s = start(server, tmp_path)
    letter = Letter()
    send(s, letter, 'anna@example.test')
    path = arrives(box(s))[0]
    physical, virtual = os.path.getsize(path), int(path.rsplit(',W=', 1)[1])
    config = tmp_path / 'dovecot.conf'
    state = tmp_path / 'dovecot'
    config.write_text('base_dir = %s\nmail_location = maildir:%s\nlog_path = /dev/stderr\nssl = no\n'
                      'mail_uid = %d\nmail_gid = %d\nfirst_valid_uid = 0\nfirst_valid_gid = 0\n'
                      % (state, box(s), os.getuid(), os.getgid()))
    done = subprocess.run(['doveadm', '-c', str(config), '-f', 'tab', 'fetch', 'size.physical size.virtual hdr.x-letter',
                           'ALL'], capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, USER='anna', HOME=str(tmp_path)))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split('\t') == [str(physical), str(virtual), letter.name], done.stdout
    s.stop()
