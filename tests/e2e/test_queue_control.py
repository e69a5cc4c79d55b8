# SPDX-License-Identifier: Apache-2.0
"""A tool and a running server on the same queue: what `posthaste queue` changes, workers look at at
once, and neither loses what the other has written."""
import json
import socketserver
import subprocess
import threading
import time

import pytest

from conftest import BINARY, eventually
from mail_tools import Letter, mail_server, queue

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
            if word == b'RCPT':
                host.asked.append(line.decode().strip())
                self.say(host.answer)
            elif word == b'DATA':
                self.say('354 go on')
                while self.rfile.readline() != b'.\r\n':
                    pass
                host.taken += 1
                self.say('250 2.0.0 taken')
            else:
                self.say('250 next.test')

    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')


class Host(socketserver.ThreadingTCPServer):
    """The next host: answers RCPT with `answer`."""
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        super().__init__(('127.0.0.1', 0), Dialogue)
        self.port, self.answer, self.asked, self.taken = self.server_address[1], '451 4.3.0 later', [], 0
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def host():
    h = Host()
    yield h
    h.shutdown()
    h.server_close()


def tool(s, *words, status=0):
    done = subprocess.run([BINARY, *words, '-c', s.config_path], capture_output=True, text=True, timeout=30)
    assert done.returncode == status, (words, done.returncode, done.stdout, done.stderr)
    return done.stdout


def send(s, to='rob@far.test'):
    letter = Letter(to=to)
    with s.connect('smtp') as c:
        c.line()
        c.command('EHLO client.example')
        c.command('MAIL FROM:<ann@a.example>')
        assert c.command('RCPT TO:<%s>' % to)[-1].startswith('250')
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
    queue(s).one(send(s, to='bob@far.test'))
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
