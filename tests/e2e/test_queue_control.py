# SPDX-License-Identifier: Apache-2.0
"""A tool and a running server on the same queue: what `posthaste queue` changes, workers look at at
once, and neither loses what the other has written."""
import base64
import json
import re
import socketserver
import subprocess
import threading
import time

import pytest

from conftest import BINARY, eventually
from mail_tools import Letter, mail_server, queue
from peer_tools import Loopback

# A look without being told is every 5 seconds.
AT_ONCE_S = 1.5

SETTINGS = '''
[session.rcpt]
relay = true
[queue.strategy]
route = "'next'"
schedule = "'slow'"
[queue.virtual.slow]
threads-per-node = 5
[queue.schedule.slow]
queue-name = "slow"
retry = ["1h"]
expire = "5d"
[queue.route.next]
type = "relay"
address = "127.0.0.1"
port = %d
[queue.route.next.tls]
implicit = false
'''


class Dialogue(socketserver.StreamRequestHandler):
    timeout = 30

    def handle(self):
        host = self.server
        self.say('220 next.test ESMTP')
        for line in self.rfile:
            word = line.split()[0].upper() if line.split() else b''
            if word == b'QUIT':
                return self.say('221 bye')
            if word == b'EHLO':
                self.say('250-next.test\r\n250 AUTH PLAIN LOGIN')
            elif word == b'AUTH':
                self.say('334 UGFzc3dvcmQ6' if b'LOGIN' in line else '235 2.7.0 welcome')
                if b'LOGIN' in line:
                    self.rfile.readline()
                    self.say('334 UGFzc3dvcmQ6')
                    self.rfile.readline()
                    self.say('235 2.7.0 welcome')
            elif word == b'RCPT':
                host.asked.append(line.decode().strip())
                self.say(next((answer for address, answer in host.answers.items() if address.encode() in line), host.answer))
            elif word == b'DATA':
                self.say('354 go on')
                lines = []
                while not lines or lines[-1] != b'.\r\n':
                    lines.append(self.rfile.readline())
                host.letters.append(b''.join(lines).decode())
                host.ready.wait(30)
                host.taken += 1
                self.say('250 2.0.0 taken')
            else:
                self.say('250 next.test')

    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')


class Host(Loopback):
    """The next host: answers RCPT with that of `answers` for the address, or `answer`."""

    def __init__(self):
        self.answer, self.asked, self.taken = '451 4.3.0 later', [], 0
        self.answers, self.letters, self.ready = {}, [], threading.Event()
        self.ready.set()  # else it thinks about each message
        super().__init__(Dialogue)


@pytest.fixture
def host():
    with Host() as h:
        yield h


def tool(s, *words, status=0):
    done = subprocess.run([BINARY, *words, '-c', s.config_path], capture_output=True, text=True, timeout=30)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def send(s, *to):
    to = to or ('rob@far.test',)
    letter = Letter(to=to[0])
    with s.connect('smtp') as c:
        c.line()
        c.command('EHLO client.example')
        c.command('MAIL FROM:<ann@a.example>')
        for address in to:
            assert c.command('RCPT TO:<%s>' % address)[-1].startswith('250')
        assert c.command('DATA')[-1].startswith('354')
        c.send(letter.data + b'.\r\n')
        assert c.reply()[-1].startswith('250')
    return letter


def start(server, host, extra=''):
    return mail_server(server, SETTINGS % host.port + extra, delivers=True,
                       listeners={'smtp': 'protocol = "smtp"\nrole = "mx"'})


def test_workers_look_at_once_at_what_a_tool_has_changed(server, host):
    s = start(server, host)
    message = queue(s).one(send(s))
    eventually(lambda: host.asked, what='the first attempt')
    for round in range(2, 6):
        seen = len(host.asked)
        tool(s, 'queue', 'retry', message.id)
        eventually(lambda: len(host.asked) > seen, AT_ONCE_S, 'attempt %d' % round)


def test_what_a_tool_changes_right_behind_an_attempt_is_kept(server, host):
    """The worker has its result in the journal, and moves it half a second later."""
    s = start(server, host)
    for round in range(4):
        seen = len(host.asked)
        message = queue(s).one(send(s))
        eventually(lambda: len(host.asked) > seen, what='the first attempt')
        time.sleep(1)
        tool(s, 'queue', 'retry', message.id)
        eventually(lambda: len(host.asked) > seen + 1, AT_ONCE_S, 'the second attempt')
        time.sleep(0.05)  # the answer is written down now
        tool(s, 'queue', 'hold', message.id)
        time.sleep(1)
        rcpt = json.loads(tool(s, 'queue', 'status', message.id, '--json'))[0]['recipients'][0]
        assert rcpt.get('hold') and rcpt['retry_num'] == 2, rcpt


def test_paused_deliveries_wait_also_over_a_restart(server, host):
    s = start(server, host)
    host.answer = '250 2.1.5 yes'
    assert 'paused since' in tool(s, 'queue', 'pause', '--reason', 'new cable')
    eventually(lambda: 'all deliveries are paused since' in tool(s, 'server', 'status'), what='the status')
    queue(s).one(send(s))
    s.stop()
    s.expect_log('queue.paused')
    s.start()
    s.wait_log('queue.paused')
    queue(s).one(send(s, 'bob@far.test'))
    time.sleep(1)
    assert not host.asked
    assert json.loads(tool(s, 'queue', 'status', '--json'))['reason'] == 'new cable'
    assert tool(s, 'queue', 'resume') == 'all deliveries go on\n'
    eventually(lambda: host.taken == 2, AT_ONCE_S, 'both messages')
    assert 'paused' not in tool(s, 'server', 'status')


def test_one_virtual_queue_is_paused_also_by_its_configuration(server, host):
    s = start(server, host)
    host.answer = '250 2.1.5 yes'
    tool(s, 'queue', 'pause', 'nowhere', status=5)
    assert "'slow' is paused" in tool(s, 'queue', 'pause', 'slow')
    tool(s, 'queue', 'pause', 'default')
    waits = send(s)
    queue(s).one(waits)
    time.sleep(1)
    assert not host.asked
    tool(s, 'queue', 'resume', 'default')
    assert not host.asked
    tool(s, 'queue', 'resume', 'slow')
    eventually(lambda: host.taken == 1, AT_ONCE_S, 'the message')
    s.stop()
    s.write_config(s.extra.replace('threads-per-node = 5', 'threads-per-node = 5\npaused = true'))
    s.start()
    assert json.loads(tool(s, 'queue', 'status', '--json'))['queues']['slow'] == 'paused'
    send(s)
    time.sleep(1)
    assert host.taken == 1
    tool(s, 'queue', 'resume', 'slow')
    eventually(lambda: host.taken == 2, AT_ONCE_S, 'the second message')


def test_who_is_cancelled_silently_is_in_no_later_report(server, host):
    """Also when others of the same unit fail afterwards."""
    s = start(server, host)
    message = queue(s).one(send(s, 'rob@far.test', 'bob@far.test'))
    eventually(lambda: len(host.asked) == 2, what='the first attempt')
    eventually(lambda: 'temp_fail' in tool(s, 'queue', 'list'), what='its result')
    now = json.loads(tool(s, 'queue', 'status', message.id, '--json'))[0]
    last = now['recipients'][0]['last_attempt']
    assert not now['in_flight'] and last['elapsed'] >= 0 and last['start'] <= last['at']
    assert (last['stage'], last['remote_ip'], last['source_ip'], last['code'], last['error']) == (
        'rcpt', '127.0.0.1', '127.0.0.1', 451, 'unexpected-reply'), last
    tool(s, 'queue', 'cancel', '--rcpt', 'bob@', '--yes')
    host.answers = {'rob@far.test': '550 5.1.1 nobody of that name'}
    host.answer = '250 2.1.5 yes'
    tool(s, 'queue', 'retry', message.id)
    eventually(lambda: host.letters, what='the report')
    told = host.letters[0].split('Content-Type: message/delivery-status')[1].split('\n--')[0]
    assert 'rob@far.test' in told and 'bob@far.test' not in told


def test_a_cancelled_message_is_reported_when_that_is_asked_for(server, host):
    s = start(server, host)
    message = queue(s).one(send(s))
    eventually(lambda: 'temp_fail' in tool(s, 'queue', 'list'), what='the first attempt')
    host.answer = '250 2.1.5 yes'
    assert 'Cancelled delivery of 1 message(s).' in tool(s, 'queue', 'cancel', message.id, '--dsn')
    eventually(lambda: host.letters, AT_ONCE_S, 'the report')
    assert host.asked[-1].startswith('RCPT TO:<ann@a.example>')
    assert 'Status: 5.7.0' in host.letters[0] and 'Delivery canceled.' in host.letters[0]
    eventually(lambda: not tool(s, 'queue', 'list'), what='an empty queue')


def test_a_report_that_was_asked_for_outlives_the_next_cancellation(server, host):
    """Nobody serves between the two, so the notice about the first is not written yet at the second."""
    s = start(server, host)
    queue(s).one(send(s, 'rob@far.test', 'bob@far.test'))
    eventually(lambda: 'temp_fail' in tool(s, 'queue', 'list'), what='the first attempt')
    s.stop()
    tool(s, 'queue', 'cancel', '--rcpt', 'bob@', '--dsn', '--yes')
    tool(s, 'queue', 'cancel', '--rcpt', 'rob@', '--yes')
    host.answer = '250 2.1.5 yes'
    s.start()
    eventually(lambda: host.letters, what='the report')
    told = host.letters[0].split('Content-Type: message/delivery-status')[1].split('\n--')[0]
    assert 'bob@far.test' in told and 'rob@far.test' not in told
    eventually(lambda: not tool(s, 'queue', 'list'), what='an empty queue')


@pytest.mark.parametrize('words', [(), ('--rcpt', 'rob@', '--yes')])
def test_what_is_cancelled_at_the_end_of_data_arrives_all_the_same(server, host, words):
    """The answer says that it is in progress, and what really happened is told."""
    s = start(server, host)
    host.answer = '250 2.1.5 yes'
    host.ready.clear()
    message = queue(s).one(send(s))
    eventually(lambda: host.letters, what='the end of data')
    now = json.loads(tool(s, 'queue', 'status', message.id, '--json'))[0]
    assert now['in_flight'] and 'last_attempt' not in now['recipients'][0]
    told = json.loads(tool(s, 'queue', 'cancel', *(words or (message.id,)), '--json'))
    assert (told['changed'], told['in_progress']) == (1, 1)
    host.ready.set()
    s.expect_log('store.error')
    s.wait_log('delivery.delivered.*rob@far.test')
    eventually(lambda: not tool(s, 'queue', 'list'), what='an empty queue')


@pytest.mark.parametrize('mechanism', ['PLAIN', 'LOGIN'])
def test_the_dialogue_with_a_host_is_told_without_secrets_and_messages(server, host, mechanism):
    s = start(server, host, """
[queue.route.next.auth]
username = "firm"
secret = "open sesame"
mechanisms = ["%s"]
allow-plaintext = true
[tracing.level]
"delivery.raw-*" = "info"
""" % mechanism)
    host.answer = '250 2.1.5 yes'
    send(s)
    eventually(lambda: ('input', '250 2.0.0 taken') in raw(s), what='the end of the dialogue')
    said = raw(s)
    for told in (('input', '220 next.test ESMTP'), ('input', '250-next.test\r\n250 AUTH PLAIN LOGIN'),
                 ('output', '[credentials]'), ('input', '235 2.7.0 welcome'), ('output', 'RCPT TO:<rob@far.test>'),
                 ('output', 'DATA'), ('output', '[message]')):
        assert told in said, told
    for secret in ('open sesame', base64.b64encode(b'open sesame').decode(), base64.b64encode(b'\0firm\0open sesame').decode(),
                   base64.b64encode(b'firm').decode(), 'Subject:'):
        assert not any(secret in text for _, text in said), secret


def raw(s):
    """What was told of the dialogue: its direction, and the octets."""
    found = re.findall(r'delivery\.raw-(input|output).*contents = base64:([A-Za-z0-9+/=]+)', open(s.log_path).read())
    return [(way, base64.b64decode(text).decode()) for way, text in found]
