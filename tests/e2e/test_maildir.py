# SPDX-License-Identifier: Apache-2.0
"""Mail into Maildirs: what a newcomer sees arrive, read by Python and by Dovecot."""
import glob
import mailbox
import os
import shutil
import smtplib
import subprocess
import tempfile

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

NOBODY = 65534
DOVECOT = '''
base_dir = {folder}/run
mail_location = maildir:{folder}/mail
log_path = /dev/stderr
ssl = no
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 0
first_valid_gid = 0
'''


def start(server, tmp_path, quota='1 MiB/100', extra=''):
    s = mail_server(server, start=False, delivers=True)
    s.mail = str(tmp_path / 'mail')
    s.write_config(s.extra + ROUTE % (s.mail, quota) + extra)
    return s.start()


def send(s, letter, *to):
    with smtplib.SMTP('127.0.0.1', s.ports['smtp']) as c:
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


def test_a_group_may_read_them(server, tmp_path):
    """In the sandbox, which knows few system calls."""
    s = start(server, tmp_path, extra='mode = "0640"\ngid = "%d"\n' % os.getgid())
    send(s, Letter(), 'anna@example.test')
    assert os.stat(arrives(box(s))[0]).st_mode & 0o777 == 0o640
    assert os.stat(box(s, folder='new')).st_mode & 0o777 == 0o750
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
    with tempfile.TemporaryDirectory() as folder:  # Dovecot reads no mail as root
        owner = NOBODY if os.getuid() == 0 else os.getuid()
        shutil.copytree(box(s), os.path.join(folder, 'mail'))
        for path, _, files in os.walk(folder):
            for name in ['.', *files]:
                os.chown(os.path.join(path, name), owner, -1)
        config = tmp_path / 'dovecot.conf'
        config.write_text(DOVECOT.format(folder=folder, uid=owner, gid=os.getgid()))
        done = subprocess.run(['doveadm', '-c', str(config), '-f', 'tab', 'fetch',
                               'size.physical size.virtual hdr.x-letter', 'ALL'], capture_output=True, text=True,
                              timeout=60, env=dict(os.environ, USER='anna', HOME=folder))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].split('\t') == [str(physical), str(virtual), letter.name], done.stdout
    s.stop()
