# SPDX-License-Identifier: Apache-2.0
"""Mail from the queue of one server into that of another: `queue export` and `queue import`. All of
it arrives, as it was, byte for byte and with its state, and no message twice."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import BINARY, eventually
from mail_tools import Letter, mail_server, queue

LISTENERS = {'smtp': 'protocol = "smtp"\nrole = "mx"'}
RELAY = '[session.rcpt]\nrelay = true\n'
# What is not told by the list, or differs because it is another queue.
OF_THE_QUEUE = ('id', 'id_hex', 'blob_hash')


def tool(s, *words, status=0):
    done = subprocess.run([BINARY, *words, '-c', s.config_path], capture_output=True, text=True, timeout=120)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout if status == 0 else done.stdout + done.stderr


def send(s, letter, *to):
    with s.connect('smtp') as c:
        c.line()
        c.command('EHLO client.example')
        c.command('MAIL FROM:<ann@a.example> RET=FULL ENVID=order+2B42')
        for address in to:
            assert c.command('RCPT TO:<%s> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;%s' % (address, address))[-1].startswith('250')
        assert c.command('DATA')[-1].startswith('354')
        lines = [b'.' + line if line.startswith(b'.') else line for line in letter.data.split(b'\r\n')]
        c.send(b'\r\n'.join(lines) + b'.\r\n')
        assert c.reply()[-1].startswith('250')
    return queue(s).one(letter)


def state(found):
    """All that is known of a message, without what another queue has of its own."""
    record = {k: v for k, v in found.record.items() if k not in OF_THE_QUEUE}
    return json.dumps(record, sort_keys=True)


@pytest.fixture
def two(server):
    """Two servers whose mail stays where it is."""
    made = [mail_server(server, RELAY, listeners=LISTENERS) for _ in range(2)]
    for s in made:
        eventually(lambda: os.path.exists(os.path.join(s.store, 'data.mdb')), what='a queue')
    return made


def filled(s):
    letters = [Letter(to='rob@far.test'), Letter(to='rob@far.test', size=300000), Letter(to='eve@other.test')]
    found = [send(s, letters[0], 'rob@far.test', 'ann@far.test', 'kim@other.test'),
             send(s, letters[1], 'rob@far.test'), send(s, letters[2], 'eve@other.test')]
    tool(s, 'queue', 'hold', found[2].id, '--reason', 'wait for Größe')
    tool(s, 'queue', 'edit', found[0].id, '--priority', '4', '--tag', 'tenant=north', '--rcpt', 'kim@other.test',
         '--expires', '+9d')
    tool(s, 'queue', 'reroute', found[1].id, '--to-queue', 'report', '--to-schedule', 'report')
    return letters


def test_a_queue_moves_to_another_server(two, tmp_path):
    one, other = two
    letters = filled(one)
    before = [queue(one).one(letter) for letter in letters]
    folder = str(tmp_path / 'moving')
    said = json.loads(tool(one, 'queue', 'export', folder, '--json'))
    assert said == {'meant': 3, 'exported': 3, 'removed': 0, 'in_progress': 0, 'failed': 0, 'damaged': 0}
    assert sorted(os.listdir(folder)) == sorted(m.id + end for m in before for end in ('.eml', '.json'))
    for m in before:
        assert open(os.path.join(folder, m.id + '.eml'), 'rb').read() == m.sent
    said = json.loads(tool(other, 'queue', 'import', folder, '--json'))
    assert (said['imported'], said['already'], said['failed']) == (3, 0, 0)
    assert [os.path.basename(m['file'])[:16] for m in said['messages']] == sorted(m.id for m in before)
    for letter, m in zip(letters, before):
        there = queue(other).one(letter)
        assert there.sent == m.sent
        assert there.body == m.body
        assert state(there) == state(m)
    queue(other).check()
    # Of what is in the queue twice the exports are the same, but for where they come from.
    again = str(tmp_path / 'again')
    tool(other, 'queue', 'export', again)
    strip = re.compile(r'"origin": \{[^}]*\},')
    assert sorted(strip.sub('', open(os.path.join(folder, f)).read()) for f in os.listdir(folder) if f.endswith('.json')) \
        == sorted(strip.sub('', open(os.path.join(again, f)).read()) for f in os.listdir(again) if f.endswith('.json'))
    # Nothing is taken twice, not even what has left, nor by the queue that has it.
    said = json.loads(tool(other, 'queue', 'import', folder, '--json'))
    assert (said['imported'], said['already'], said['failed']) == (0, 3, 0)
    tool(other, 'queue', 'cancel', '--all', '--yes')
    assert tool(other, 'queue', 'import', folder) == 'Imported 0 message(s); 3 had been imported before.\n'
    assert tool(one, 'queue', 'import', folder) == 'Imported 0 message(s); 3 had been imported before.\n'
    assert queue(other).records() == []


def test_some_of_it(two, tmp_path):
    one, other = two
    letters = filled(one)
    held = queue(one).one(letters[2])
    folder = str(tmp_path / 'some')
    tool(one, 'queue', 'export', folder, '--hold-reason', 'admin')
    assert sorted(os.listdir(folder)) == [held.id + '.eml', held.id + '.json']
    assert tool(one, 'queue', 'export', folder, '--rcpt', 'far.test', '--dry-run') == '2 message(s) are meant.\n'
    assert 'nobody' not in tool(one, 'queue', 'export', folder, '--rcpt', 'nobody', status=5)
    assert 'no such message' in tool(one, 'queue', 'export', folder, '99', status=1)
    assert 'is no id' in tool(one, 'queue', 'export', folder, 'x', status=1)
    assert 'either ids or a filter' in tool(one, 'queue', 'export', folder, held.id, '-d', 'x', status=2)
    assert tool(other, 'queue', 'import', os.path.join(folder, held.id + '.eml')).startswith('Imported 1 ')
    assert queue(other).one(letters[2]).record['recipients'][0]['hold']['text'] == 'wait for Größe'
    assert 'there are no envelopes' in tool(other, 'queue', 'import', str(tmp_path), status=5)


def test_what_was_changed_on_the_way_is_refused(two, tmp_path):
    one, other = two
    filled(one)
    folder = str(tmp_path / 'moving')
    tool(one, 'queue', 'export', folder)
    names = sorted(n[:-5] for n in os.listdir(folder) if n.endswith('.json'))
    with open(os.path.join(folder, names[0] + '.eml'), 'r+b') as f:
        f.seek(-3, 2)
        f.write(b'X')
    with open(os.path.join(folder, names[1] + '.eml'), 'ab') as f:
        f.write(b'more\r\n')
    said = tool(other, 'queue', 'import', folder, status=6)
    assert 'is not the one that was exported' in said and ' bytes and not ' in said
    assert said.startswith('Imported 1 message(s)')
    assert len(queue(other).records()) == 1
    assert os.listdir(os.path.join(other.store, 'blobs', 'tmp')) == []


def test_messages_leave_while_deliveries_are_paused(two, tmp_path):
    one, other = two
    letters = filled(one)
    folder = str(tmp_path / 'moving')
    assert 'posthaste queue pause' in tool(one, 'queue', 'export', folder, '--remove', '--yes', status=1)
    assert len(queue(one).records()) == 3
    tool(one, 'queue', 'pause')
    assert 'which have left the queue' in tool(one, 'queue', 'export', folder, '--remove', '--yes')
    assert queue(one).records() == []
    queue(one).check()
    tool(other, 'queue', 'import', folder)
    for letter in letters:
        queue(other).one(letter)
    # What has left comes back once.
    assert tool(one, 'queue', 'import', folder).startswith('Imported 3 ')
    assert tool(one, 'queue', 'import', folder).startswith('Imported 0 ')
    queue(one).check()


def test_an_export_that_is_killed_is_ended_by_the_next(two, tmp_path):
    """At any moment each message is in the queue, or in the folder as one that can be imported, or,
    when it has just left, as one that the next export makes so; never is it in both."""
    one, other = two
    letters = [Letter(to='rob@far.test') for _ in range(20)]
    for letter in letters:
        send(one, letter, 'rob@far.test')
    tool(one, 'queue', 'pause')
    folder = str(tmp_path / 'moving')
    for delay_ms in (60, 90, 120, 150, 200, 300, 500, 2000):
        export = subprocess.Popen([BINARY, 'queue', 'export', folder, '--remove', '--yes', '-c', one.config_path],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay_ms / 1000)
        export.send_signal(signal.SIGKILL)
        export.wait()
        names = os.listdir(folder) if os.path.isdir(folder) else []
        out = {n[:16] for n in names if n.endswith('.json')}
        leaving = {n[:16] for n in names if n.endswith('.leaving')}
        here = {r['id_hex'] for r in queue(one).records()}
        assert not out & here
        assert len(out | leaving | here) == len(letters)
    export = subprocess.run([BINARY, 'queue', 'export', folder, '--remove', '--yes', '-c', one.config_path],
                            capture_output=True, timeout=120)
    assert export.returncode in (0, 5), export
    queue(one).check()
    importing = [BINARY, 'queue', 'import', folder, '-c', other.config_path]
    for delay_ms in (40, 60, 80, 120):
        tried = subprocess.Popen(importing, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay_ms / 1000)
        tried.send_signal(signal.SIGKILL)
        tried.wait()
    tool(other, 'queue', 'import', folder)
    for letter in letters:
        queue(other).one(letter)
    assert len(queue(other).records()) == len(letters)
    queue(other).check()


def test_imported_mail_is_delivered_by_a_running_server(server, tmp_path):
    one = mail_server(server, RELAY, listeners=LISTENERS)
    next_one = mail_server(server, RELAY, listeners=LISTENERS)
    route = RELAY + '''
[queue.strategy]
route = "'next'"
[queue.route.next]
type = "relay"
address = "127.0.0.1"
port = %d
[queue.route.next.tls]
implicit = false
allow-invalid-certs = true
''' % next_one.ports['smtp']
    other = mail_server(server, route, delivers=True, listeners=LISTENERS)
    letter = Letter(to='rob@far.test', size=200000)
    send(one, letter, 'rob@far.test')
    folder = str(tmp_path / 'moving')
    tool(one, 'queue', 'export', folder)
    tool(other, 'queue', 'import', folder)
    arrived = queue(next_one).one(letter)
    assert arrived.body.endswith(letter.data)
    eventually(lambda: queue(other).records() == [], what='an empty queue')


def test_what_a_person_has_written(two, tmp_path):
    one = two[0]
    letter = Letter(to='rob@far.test')
    (tmp_path / 'm.eml').write_bytes(letter.data)
    (tmp_path / 'm.json').write_text('{"posthaste_envelope": 1, "return_path": "ann@a.example", '
                                     '"units": [{"recipients": [{"address": "rob@far.test"}]}]}')
    assert tool(one, 'queue', 'import', str(tmp_path / 'm.json')).startswith('Imported 1 ')
    assert tool(one, 'queue', 'import', str(tmp_path / 'm.json')).startswith('Imported 0 ')
    found = queue(one).one(letter)
    assert found.body == letter.data and 'body-8bit' in found.record['flags']
    (tmp_path / 'm.eml').write_bytes(letter.data.replace(b'\r\n', b'\n'))
    assert 'do not all end in CR LF' in tool(one, 'queue', 'import', str(tmp_path / 'm.json'), status=1)
    (tmp_path / 'm.json').write_text('{"posthaste_envelope": 1, "units": [{"recipients": [{"address": "a>\\r\\nDATA"}]}]}')
    assert 'm.json: line 1, column' in tool(one, 'queue', 'import', str(tmp_path / 'm.json'), status=1)
