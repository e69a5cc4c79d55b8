# SPDX-License-Identifier: Apache-2.0
"""`posthaste queue` beside a running server and without one; quotas, which a start counts anew; a
store in a folder of its own, and one whose disk is full."""
import json
import os
import subprocess

from conftest import BINARY, eventually
from mail_tools import STAYS

LISTENERS = {'smtp': 'protocol = "smtp"\nrole = "mx"'}
RELAY = '[session.rcpt]\nrelay = true\nallow-open-relay = true\ndirectory = false\n[session.auth]\nrequire = false\n' + STAYS

NOWHERE = """
[queue.strategy]
route = "'closed'"
[queue.route.closed]
type = "relay"
address = "127.0.0.1"
port = 1
"""


def queue(s, *words, status=0):
    done = subprocess.run([BINARY, 'queue', *words, '-c', s.config_path], capture_output=True, text=True, timeout=30)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def listed(s, *filters):
    return [json.loads(line) for line in queue(s, 'list', *filters).splitlines()]


def send(s, sender='ann@a.example', to=('bob@b.example',), body='Subject: x\r\n\r\nhello\r\n'):
    """The reply to the message, or to what refused it before."""
    with s.connect('smtp') as c:
        c.line()
        c.command('EHLO client.example')
        last = c.command('MAIL FROM:<%s>' % sender)
        if last[-1][0] != '2':
            return last[-1]
        for address in to:
            assert c.command('RCPT TO:<%s>' % address)[-1].startswith('250')
        assert c.command('DATA')[-1].startswith('354')
        c.send(('From: <%s>\r\n%s.\r\n' % (sender, body)).encode())
        return c.reply()[-1]


def queued_id(reply):
    assert reply.startswith('250 2.0.0 '), reply
    return reply.rstrip('.').rsplit(' ', 1)[1]


def test_the_queue_is_looked_at_and_changed_beside_the_server(server):
    s = server(RELAY, listeners=LISTENERS)
    first = queued_id(send(s, to=('bob@b.example', 'eve@c.example')))
    second = queued_id(send(s, sender='', to=('bob@b.example',)))
    eventually(lambda: len(listed(s)) == 2, what='the list of both')
    assert [m['id_hex'] for m in listed(s)] == [first, second]
    assert [m['id_hex'] for m in listed(s, '--sender', '<>')] == [second]
    assert 'hello' in queue(s, 'show', first)
    assert queue(s, 'show', first, '--original').startswith('From: <ann@a.example>')
    queue(s, 'hold', first, '--reason', 'a look')
    assert all(r['hold']['text'] == 'a look' for r in listed(s, '--status', 'held')[0]['recipients'])
    queue(s, 'cancel', '--domain', 'c.example', '--yes')
    assert [list(r['status']) for r in listed(s)[0]['recipients'] if r['address'] == 'eve@c.example'] == [['perm_fail']]
    queue(s, 'cancel', second)
    queue(s, 'cancel', second, status=5)
    assert ' 0 problem(s)' in queue(s, 'check')
    s.stop()
    assert [m['id_hex'] for m in listed(s)] == [first]
    queue(s, 'release', first)
    assert not listed(s, '--status', 'held')
    s.start()
    assert [m['id_hex'] for m in listed(s)] == [first]
    assert ' 0 problem(s)' in queue(s, 'check')


def test_a_quota_holds_over_a_restart_and_is_given_back(server):
    s = server(RELAY + '[[queue.quota]]\nmessages = 2\nkey = "sender"\n', listeners=LISTENERS)
    kept = queued_id(send(s))
    queued_id(send(s))
    assert send(s) == '452 4.3.1 Mail system full, try again later.'
    assert send(s, sender='other@a.example').startswith('250')
    s.stop()
    s.start()
    s.wait_log('network.listen-start')
    eventually(lambda: send(s).startswith('452'), what='the count of what the store has')
    s.stop()
    for message in listed(s, '--sender', 'ann@'):
        if message['id_hex'] != kept:
            queue(s, 'cancel', message['id_hex'])
    s.start()
    queued_id(send(s))
    eventually(lambda: send(s).startswith('452'), what='the quota')


def test_a_store_has_a_folder_of_its_own(server, tmp_path):
    spool = tmp_path / 'spool'
    spool.mkdir(mode=0o700)
    s = server(RELAY + '[store.spool]\ntype = "embedded"\npath = "%s"\n[storage]\ndata = "spool"\n' % spool,
               listeners=LISTENERS)
    large = 'Subject: x\r\n\r\n' + ('y' * 70 + '\r\n') * 4000
    queued_id(send(s, body=large))
    eventually(lambda: len(listed(s)) == 1, what='the message')
    assert os.path.exists(spool / 'data.mdb')
    assert queue(s, 'show', listed(s)[0]['id_hex']).count('y' * 70) == 4000
    queue(s, 'cancel', '--all', '--yes')
    files = [f for f in (spool / 'blobs').rglob('*') if f.is_file()]
    assert not files, files


def test_a_full_disk_is_no_place_for_mail(server):
    s = server(RELAY + '[store.full]\ntype = "embedded"\npath = "{}/x"\nmin-free = "9000tb"\n'
               '[storage]\ndata = "full"\n', start=False, listeners=LISTENERS)
    folder = os.path.join(s.folder, 'x')
    os.mkdir(folder, 0o700)
    with open(s.config_path, encoding='utf-8') as f:
        text = f.read()
    with open(s.config_path, 'w', encoding='utf-8') as f:
        f.write(text.replace('{}/x', folder))
    s.start()
    assert send(s) == '452 4.3.1 Insufficient system storage.'
    s.wait_log('store.low-space')


def test_what_cannot_be_read_is_told_kept_and_in_nobodys_way(server):
    """Octets change on the disk while the server does not run: of a body, of a recipient's record."""
    s = server(RELAY, listeners=LISTENERS)
    bodiless = queued_id(send(s, to=('one@b.example',), body='Subject: x\r\n\r\nthis body will rot\r\n'))
    broken = queued_id(send(s, to=('two@broken-record.example',)))
    well = queued_id(send(s, to=('three@b.example',)))
    eventually(lambda: len(listed(s)) == 3, what='all of them')
    s.stop()
    path = os.path.join(s.folder, 'state', 'data', 'data.mdb')
    with open(path, 'r+b') as f:
        data = f.read()
        assert b'this body will rot' in data
        data = data.replace(b'this body will rot', b'this body has rot!')
        spoiled = 0
        at = data.find(b'broken-record.example')
        while at >= 0:  # the field before it says how long it is
            start = data.rfind(b'two@', at - 4, at)
            if start >= 0:
                data = data[:start - 1] + b'\xff' + data[start:]
                spoiled += 1
            at = data.find(b'broken-record.example', at + 1)
        assert spoiled
        f.seek(0)
        f.write(data)
    s.write_config(RELAY.replace(STAYS, '') + NOWHERE)
    s.expect_log(r'queue\.corrupt|queue\.blob-not-found|delivery\.connect-error')
    s.start()
    s.wait_log('queue.corrupt')
    s.wait_log('queue.blob-not-found')
    eventually(lambda: subprocess.run([BINARY, 'queue', 'list', '-c', s.config_path], capture_output=True).returncode == 0
               and all('temp_fail' in m['recipients'][0]['status'] for m in listed(s)), what='an attempt for both')
    assert [m['id_hex'] for m in listed(s)] == [bodiless, well]
    status = [m['recipients'][0]['status']['temp_fail'] for m in listed(s)]
    assert status[0] == 'Error for localhost: Queue error: message body unavailable'
    assert 'connect' in status[1].lower()
    kept = os.listdir(os.path.join(s.folder, 'state', 'blobs', 'quarantine'))
    assert sorted(name.split('-')[0] for name in kept) == ['message', 'unit']
    assert all(broken in name for name in kept)
