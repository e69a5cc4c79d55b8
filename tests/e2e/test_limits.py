# SPDX-License-Identifier: Apache-2.0
"""Limits, lists and bans with the real program: who is refused, in which words, and that places are
given back (listeners.md 7, 12). Loopback is always allowed, so clients from elsewhere are made by a
PROXY header from a trusted 127.0.0.2."""
import os
import re
import resource
import signal
import time

import pytest

from conftest import HOST, eventually, free_ports

PROXY = '127.0.0.2'
TRUST = '[server.proxy]\ntrusted-networks = ["127.0.0.2"]\n'
GOOD, BAD = '203.0.113.1', '203.0.113.77'


def connect_as(s, client, listener='smtp'):
    c = s.connect(listener, PROXY)
    family, own = ('TCP6', '2001:db8::1') if ':' in client else ('TCP4', '192.0.2.1')
    c.send(('PROXY %s %s %s 4711 25\r\n' % (family, client, own)).encode())
    return c


def greeted(c):
    line = c.line()
    return line is not None and line.startswith('220 ')


def metric_count(s, event):
    return len(re.findall(re.escape('(%s)' % event), s.log_text()))


def test_a_full_listener_says_so_and_recovers(server):
    s = server('[server.listener.smtp]\nmax-connections = 2\n', listeners={'http': 'protocol = "http"', 'smtp': ''})
    held = [s.connect('smtp'), s.connect('smtp')]
    assert all(greeted(c) for c in held)
    with s.connect('smtp') as c:
        assert c.line() == '421 4.3.2 %s Too many connections.' % HOST
        assert c.closed()
    s.wait_log(r'limit.concurrent-connection\).*limit = 2')
    held[0].close()

    def free_again():
        with s.connect('smtp') as c:
            return greeted(c)
    eventually(free_again, what='a free place')


def test_counts_live_longer_than_a_generation(server):
    """Sessions of the old workers count for the new ones, also when listeners have moved."""
    s = server('[server.listener.smtp]\nmax-connections = 2\n', listeners={'http': 'protocol = "http"', 'smtp': ''})
    held = [s.connect('smtp'), s.connect('smtp')]
    assert all(greeted(c) for c in held)
    s.listeners = {'a': 'protocol = "smtp"', **s.listeners}
    s.ports['a'], = free_ports(1)
    s.write_config('[server.listener.smtp]\nmax-connections = 1\n')
    s.send(signal.SIGHUP)
    s.wait_log(r'server.reload\)')
    with s.connect('a') as c:
        assert greeted(c)
    with s.connect('smtp') as c:
        assert c.line().startswith('421 4.3.2')
    assert all(c.command('NOOP')[0].startswith('250') for c in held)  # nobody was thrown out
    held[0].close()
    time.sleep(0.2)
    with s.connect('smtp') as c:  # one is one too many still
        assert c.line().startswith('421 4.3.2')
    held[1].close()

    def free_again():
        with s.connect('smtp') as c:
            return greeted(c)
    eventually(free_again, what='a free place')


def test_all_listeners_together(server):
    s = server('[server]\nmax-connections = 2\nreserved-connections = 3\n', before='', listeners={
        'http': 'protocol = "http"', 'smtp': '', 'submission': '', 'submissions': 'tls.implicit = true'}, start=False)
    s.write_config('')
    with open(s.config_path, 'r+', encoding='utf-8') as f:
        text = f.read().replace('[server]\n', '[server]\nmax-connections = 2\nreserved-connections = 3\n')
        f.seek(0)
        f.write(text)
    s.expect_log('handshake-error')
    s.start()
    held = []

    def takes_a_place(listener):  # when that of the probe which saw the server ready has come back
        held.append(s.connect(listener))
        return greeted(held[-1])
    for listener in ('smtp', 'submission'):
        eventually(lambda name=listener: takes_a_place(name), what='a place at %s' % listener)
    with held[-2], held[-1]:
        with s.connect('smtp') as c:
            assert c.line().startswith('421 4.3.2')
        with s.connect('submissions') as c:
            assert c.rest() == b''  # never a word where TLS comes first
        assert s.get('/healthz/ready')[0] == 200  # the reserve: management works at the limit


def test_http_at_its_limit(server):
    s = server('', listeners={'smtp': '', 'http': 'protocol = "http"\nmax-connections = 1'}, start=False)
    s.write_config()
    with open(s.config_path, 'r+', encoding='utf-8') as f:
        text = f.read().replace('[server]\n', '[server]\nreserved-connections = 0\n')
        f.seek(0)
        f.write(text)
    s.start()
    held = []

    def takes_the_place():  # when the last one's has come back
        held.append(s.connect('http'))
        held[-1].send(b'GET /robots.txt HTTP/1.1\r\nHost: x\r\n\r\n')
        return held[-1].line().startswith('HTTP/1.1 200')
    eventually(takes_the_place, what='the only place')
    with held[-1]:
        def refused():
            status, head, _ = s.get('/robots.txt')
            return status == 503 and 'Retry-After: 5' in head
        eventually(refused, what='the refusal')


def test_drop_says_nothing(server):
    s = server('', listeners={'http': 'protocol = "http"', 'smtp': 'max-connections = 1'}, start=False)
    s.write_config()
    with open(s.config_path, 'r+', encoding='utf-8') as f:
        text = f.read().replace('[server]\n', '[server]\nlimit-action = "drop"\n')
        f.seek(0)
        f.write(text)
    s.start()
    with s.connect('smtp') as held:
        assert greeted(held)
        with s.connect('smtp') as c:
            assert c.rest() == b''


def test_connections_of_one_client(server):
    s = server(TRUST, listeners={'http': 'protocol = "http"', 'smtp': 'max-connections-per-ip = 2'})
    held = [connect_as(s, GOOD), connect_as(s, GOOD)]
    assert all(greeted(c) for c in held)
    with connect_as(s, GOOD) as c:
        assert c.line() == '421 4.7.0 %s Too many connections.' % HOST
    with connect_as(s, '203.0.113.2') as c:
        assert greeted(c)
    for _ in range(4):  # loopback is not limited by address
        held.append(s.connect('smtp'))
        assert greeted(held[-1])
    # IPv6 clients are counted by networks of 64 bits.
    held += [connect_as(s, '2001:db8:0:1::1'), connect_as(s, '2001:db8:0:1::2')]
    assert all(greeted(c) for c in held[-2:])
    with connect_as(s, '2001:db8:0:1:ffff::3') as c:
        assert c.line().startswith('421 4.7.0')
    with connect_as(s, '2001:db8:0:2::1') as c:
        assert greeted(c)
    held[0].close()

    def free_again():
        with connect_as(s, GOOD) as c:
            return greeted(c)
    eventually(free_again, what='a free place')
    for c in held:
        c.close()


def test_connection_rate(server):
    s = server(TRUST, listeners={'http': 'protocol = "http"', 'smtp': 'connection-rate = "3/1h"'}, workers=3)
    for _ in range(3):  # whichever worker takes them
        with connect_as(s, GOOD) as c:
            assert greeted(c)
    with connect_as(s, GOOD) as c:
        assert c.line().startswith('421 4.7.0')
    with connect_as(s, '203.0.113.2') as c:
        assert greeted(c)


@pytest.mark.parametrize('action,word', [('drop', None), ('reply', '554 5.7.1 %s Access denied.' % HOST)])
def test_the_block_list(server, action, word):
    s = server(TRUST, start=False)
    s.write_config(TRUST, before='[server.blocked-ip]\n"203.0.113.64/26" = ""\n"127.0.0.0/8" = ""\n'
                   '"203.0.113.1" = "reason=manual expires=2020-01-01T00:00:00Z"\n')
    with open(s.config_path, 'r+', encoding='utf-8') as f:
        text = f.read().replace('[server]\n', '[server]\nblock-action = "%s"\n' % action)
        f.seek(0)
        f.write(text)
    s.start()
    for _ in range(3):
        with connect_as(s, BAD) as c:
            assert c.line() == word
            assert c.closed()
    with connect_as(s, GOOD) as c:  # that entry has ended
        assert greeted(c)
    with s.connect('smtp') as c:  # loopback is allowed whatever the list says
        assert greeted(c)
    s.stop()
    assert 1 <= metric_count(s, 'security.ip-blocked') <= 2  # one a minute and worker


BANS = '[server.auto-ban]\nscan.rate = "3/1d"\nscan.period = "%s"\n'


def offend(s, client, times=4):
    """So many unknown commands; was the connection closed before the last reply?"""
    with connect_as(s, client) as c:
        c.line()
        for i in range(times):
            c.say('XYZZY')
            if c.line() is None:
                return True
        return c.closed() if times > 3 else False


def test_scanning_is_banned_everywhere(server):
    s = server(TRUST + BANS % '1h', workers=3)
    assert not offend(s, BAD, 2)
    assert offend(s, BAD, 2) or True  # the third and the fourth: one too many
    s.wait_log('security.scan-ban.*203.0.113.77')
    for listener in ('smtp', 'submission', 'lmtp') * 3:
        with connect_as(s, BAD, listener) as c:
            assert c.rest() == b''
    with connect_as(s, GOOD) as c:
        assert greeted(c)
    s.stop()
    assert metric_count(s, 'security.scan-ban') == 1


def test_a_ban_ends(server):
    s = server(TRUST + BANS % '2s')
    assert offend(s, BAD)
    with connect_as(s, BAD) as c:
        assert c.rest() == b''

    def back():
        with connect_as(s, BAD) as c:
            return greeted(c)
    eventually(back, 15, 'the end of the ban')


def test_other_sessions_of_the_banned_end_too(server):
    s = server(TRUST + BANS % '1h', workers=3)
    with connect_as(s, BAD) as other:
        assert greeted(other)
        assert offend(s, BAD)
        other.say('NOOP')
        other.line()
        assert other.closed()


def test_loopback_is_never_banned(server):
    s = server(TRUST + BANS % '1h')
    for _ in range(3):
        with s.connect('smtp') as c:
            c.line()
            for _ in range(5):
                assert c.command('XYZZY')[0].startswith('500')
    with s.connect('smtp') as c:
        assert greeted(c)


@pytest.mark.parametrize('first', [b'GET / HTTP/1.1\r\n', b'SSH-2.0-x\r\n', b'\x16\x03\x01\x02\x00\x01\x00',
                                   b'User-Agent: x\r\n'])
def test_wrong_protocols_are_scans(server, first):
    s = server(TRUST + '[server.auto-ban]\nscan.rate = "1/1d"\nscan.period = "1h"\n')
    for _ in range(2):
        with connect_as(s, BAD) as c:
            c.send(first + b'MAIL FROM:<a@b.example>\r\n')
            text = c.rest().decode()
            assert re.fullmatch(r'220 [^\r\n]*\r\n(421 4.7.0 Not a mail client.\r\n)?', text)
            assert ('421' in text) == (first[0] != 0x16)
    s.wait_log('security.scan-ban')
    if first[0] == 0x16:
        s.wait_log('tls.on-cleartext-port')


def test_malformed_http_is_a_scan(server):
    s = server(TRUST + '[server.auto-ban]\nscan.rate = "1/1d"\nscan.period = "1h"\n')
    s.expect_log('http.error')
    for _ in range(2):
        with connect_as(s, BAD, 'http') as c:
            c.send(b'G\x01T / HTTP/1.1\r\n\r\n')
            assert b' 400 ' in c.rest()
    s.wait_log('security.scan-ban')
    with connect_as(s, BAD, 'http') as c:
        assert c.rest() == b''


def test_loitering(server):
    s = server(TRUST + '[server.auto-ban]\nloiter.rate = "1/1d"\nloiter.period = "1h"\n'
               '[server.listener.submissions]\ntls.timeout = "300ms"\n',
               listeners={'http': 'protocol = "http"', 'submissions': 'tls.implicit = true'}, start=False)
    s.write_config(TRUST + '[server.auto-ban]\nloiter.rate = "1/1d"\nloiter.period = "1h"\n'
                   '[server.tls]\ntimeout = "300ms"\n')
    s.expect_log('handshake-error')
    s.start()
    for _ in range(2):
        with connect_as(s, BAD, 'submissions') as c:
            assert c.closed()
    s.wait_log('security.loiter-ban')


def test_a_dead_worker_gives_places_back(server):
    s = server('', listeners={'http': 'protocol = "http"', 'smtp': 'max-connections = 3'}, workers=1)
    s.expect_log('.')
    held = [s.connect('smtp') for _ in range(3)]
    assert all(greeted(c) for c in held)
    pid = s.pids()
    for p in pid:
        try:
            with open('/proc/%d/cmdline' % p, 'rb') as f:
                f.read()
            os.kill(p, signal.SIGKILL)
        except OSError:
            pass

    def free_again():
        try:
            again = [s.connect('smtp') for _ in range(3)]
            good = all(greeted(c) for c in again)
        except OSError:
            return False
        for c in again:
            c.close()
        return good
    eventually(free_again, 20, 'free places')


def test_out_of_descriptors(server):
    """Those who cannot be accepted are told; sessions that are there go on; it recovers by itself."""
    s = server(listeners={'smtp': 'protocol = "smtp"'}, workers=1, start=False)
    s.expect_log('accept')
    s.start(prefix=('prlimit', '--nofile=60:60'))
    held = []
    try:
        refused = told = 0
        for _ in range(80):
            c = s.connect('smtp')
            c.socket.settimeout(5)
            try:
                line = c.line()
            except (TimeoutError, ConnectionResetError):
                line = None
            if line is not None and line.startswith('220'):
                held.append(c)
            else:
                told += line is not None and line.startswith('421 4.3.2')
                refused += 1
                c.close()
            if refused > 3:
                break
        assert refused > 0 and told > 0 and len(held) > 10
        assert held[0].command('NOOP')[0].startswith('250')
    finally:
        for c in held:
            c.close()

    def recovers():
        with s.connect('smtp') as c:
            return greeted(c)
    eventually(recovers, what='recovery')
    s.wait_log('network.accept-error')
