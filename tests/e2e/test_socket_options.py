# SPDX-License-Identifier: Apache-2.0
"""Options of sockets as the kernel has them (listeners.md 6): looked at through copies of the
server's own descriptors, so they are what was set, not what was asked for."""
import ctypes
import os
import signal
import socket
import stat
import struct
import time

import pytest

from conftest import Connection, eventually

PIDFD_GETFD = 438
IP_FREEBIND, IPV6_UNICAST_HOPS, IPV6_TCLASS = 15, 16, 67
TCP_DEFER_ACCEPT, TCP_USER_TIMEOUT = 9, 18
SO_BINDTODEVICE = 25


def sockets_of(s):
    """Copies of all TCP sockets of the server's processes."""
    libc, found = ctypes.CDLL(None, use_errno=True), []
    for pid in [s.process.pid] + s.pids():
        pidfd = os.pidfd_open(pid)
        for fd in os.listdir('/proc/%d/fd' % pid):
            try:
                if not os.readlink('/proc/%d/fd/%s' % (pid, fd)).startswith('socket:'):
                    continue
            except OSError:
                continue
            copy = libc.syscall(PIDFD_GETFD, pidfd, int(fd), 0)
            if copy < 0:
                pytest.skip('copies of descriptors are not allowed here')
            one = socket.socket(fileno=copy)
            if one.family in (socket.AF_INET, socket.AF_INET6) and one.type == socket.SOCK_STREAM:
                found.append(one)
            else:
                one.close()
        os.close(pidfd)
    return found


def listening(s, port):
    return [x for x in sockets_of(s) if x.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            and x.getsockname()[1] == port]


def accepted(s, client):
    """A copy of the server's end of a connection; None: it has closed it. To be closed before the
    server closes its own: while there is a copy the connection cannot end."""
    name, mine = client.socket.getsockname(), None
    for x in sockets_of(s):
        try:
            found = x.getpeername()[1] == name[1]
        except OSError:
            found = False
        if found and mine is None:
            mine = x
        else:
            x.close()
    return mine


def option(x, level, name):
    return x.getsockopt(level, name)


def serve(server, keys, listener='smtp', **more):
    return server(listeners={'http': 'protocol = "http"', listener: keys}, **more)


def test_defaults(server):
    s = serve(server, '')
    ours = listening(s, s.ports['smtp'])
    assert len({os.fstat(x.fileno()).st_ino for x in ours}) == 2  # one for each worker
    for x in ours:
        assert option(x, socket.SOL_SOCKET, socket.SO_REUSEPORT) == 1
        assert option(x, socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1
    with s.connect('smtp') as c:
        c.line()
        with accepted(s, c) as x:
            assert option(x, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
            assert option(x, socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert option(x, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 7200


def test_one_socket_for_all_workers(server):
    s = serve(server, 'socket.reuse-port = false')
    assert len({os.fstat(x.fileno()).st_ino for x in listening(s, s.ports['smtp'])}) == 1
    for _ in range(5):
        with s.connect('smtp') as c:
            assert c.line().startswith('220 ')


def test_everything_set(server):
    s = serve(server, 'socket.ttl = 33\nsocket.tos = 32\nsocket.nodelay = false\nsocket.keepalive = "90s"\n'
              'socket.user-timeout = "25s"\nsocket.send-buffer-size = 65536\nsocket.recv-buffer-size = "96k"\n'
              'socket.backlog = 77\nsocket.freebind = true\nsocket.reuse-addr = false')
    x = listening(s, s.ports['smtp'])[0]
    assert option(x, socket.IPPROTO_IP, socket.IP_TOS) == 32  # so that SYN-ACK carries it
    assert option(x, socket.IPPROTO_IP, socket.IP_TTL) == 33
    assert option(x, socket.IPPROTO_IP, IP_FREEBIND) == 1
    assert option(x, socket.SOL_SOCKET, socket.SO_SNDBUF) >= 65536
    assert option(x, socket.SOL_SOCKET, socket.SO_RCVBUF) >= 96 * 1024
    with s.connect('smtp') as c:
        c.line()
        with accepted(s, c) as x:
            assert option(x, socket.IPPROTO_IP, socket.IP_TTL) == 33
            assert option(x, socket.IPPROTO_IP, socket.IP_TOS) == 32
            assert option(x, socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
            assert option(x, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 90
            assert option(x, socket.IPPROTO_TCP, TCP_USER_TIMEOUT) == 25000


def backlog(x):
    """sk_max_ack_backlog, which TCP_INFO shows as tcpi_sacked of a listening socket."""
    info = x.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104)
    return struct.unpack_from('I', info, 28)[0]


def test_the_backlog_of_the_listener_wins(server):
    s = server('[server.socket]\nbacklog = 50\n',
               listeners={'http': 'protocol = "http"', 'smtp': 'socket.backlog = 77', 'submission': ''})
    assert {backlog(x) for x in listening(s, s.ports['smtp'])} == {77}
    assert {backlog(x) for x in listening(s, s.ports['submission'])} == {50}


def test_defer_accept(server):
    s = serve(server, 'tls.implicit = true\nsocket.defer-accept = "5s"', 'submissions')
    assert option(listening(s, s.ports['submissions'])[0], socket.IPPROTO_TCP, TCP_DEFER_ACCEPT) >= 5


def test_bind_device(server):
    s = serve(server, 'socket.bind-device = "lo"')
    x = listening(s, s.ports['smtp'])[0]
    assert x.getsockopt(socket.SOL_SOCKET, SO_BINDTODEVICE, 16).rstrip(b'\0') == b'lo'
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')


@pytest.mark.skipif(not socket.has_ipv6, reason='needs IPv6')
def test_ipv6(server):
    s = server(listeners={'http': 'protocol = "http"', 'smtp': ''}, start=False)
    with open(s.config_path, 'r+', encoding='utf-8') as f:
        text = f.read().replace('["127.0.0.1:%d"]' % s.ports['smtp'],
                                '["[::]:%d"]\nsocket.tos = 40\nsocket.tos-v6 = 72\nsocket.ttl = 21' % s.ports['smtp'])
        f.seek(0)
        f.write(text)
    s.start()
    x = listening(s, s.ports['smtp'])[0]
    assert option(x, socket.IPPROTO_IPV6, socket.IPV6_V6ONLY) == 0
    with s.connect('smtp') as c:  # IPv4 on a socket for both
        c.line()
        assert c.command('EHLO me.example.test')[0].endswith('[127.0.0.1]')
        with accepted(s, c) as x:
            assert option(x, socket.IPPROTO_IP, socket.IP_TOS) == 40
    c = Connection.__new__(Connection)
    c.socket, c.unread = socket.create_connection(('::1', s.ports['smtp']), 10), b''
    with c:
        c.line()
        assert c.command('EHLO me.example.test')[0].endswith('[::1]')
        with accepted(s, c) as x:
            assert option(x, socket.IPPROTO_IPV6, IPV6_TCLASS) == 72
            assert option(x, socket.IPPROTO_IPV6, IPV6_UNICAST_HOPS) == 21


def test_linger_waits_for_the_client(server):
    s = serve(server, 'socket.linger = "2s"')
    with s.connect('smtp') as c:
        c.line()
        c.say('QUIT')
        assert c.line().startswith('221 ')
        assert c.closed()
        c.send(b'more\r\n')  # still read, so that nothing is reset
        time.sleep(0.3)
        c.send(b'and more\r\n')
    with s.connect('smtp') as c:
        c.line()
        c.say('QUIT')
        began = time.monotonic()
        c.rest()

        def gone():
            x = accepted(s, c)
            if x is not None:
                x.close()
            return x is None
        assert not gone()  # the server waits for our end
        eventually(gone, 10, 'the end of the wait')
        assert time.monotonic() - began > 1


def test_unix_socket(server, tmp_path):
    path = str(tmp_path / 'lmtp.sock')
    s = server(listeners={'http': 'protocol = "http"', 'lmtp': 'protocol = "lmtp"'}, start=False)
    with open(s.config_path, 'r+', encoding='utf-8') as f:
        text = f.read().replace('["127.0.0.1:%d"]' % s.ports['lmtp'], '["unix:%s"]\nsocket.mode = "0660"' % path)
        f.seek(0)
        f.write(text)
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)  # left by a server that did not end in order
    stale.close()
    s.start()
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    c = Connection.__new__(Connection)
    c.socket, c.unread = socket.socket(socket.AF_UNIX), b''
    c.socket.connect(path)
    with c:
        assert c.line().startswith('220 ')
        assert c.command('LHLO me.example.test')[0].endswith('[127.0.0.1]')
    s.wait_log('network.peer.*process %d of user %d' % (os.getpid(), os.getuid()))


def test_an_option_that_is_refused_stops_the_start(server):
    s = server(listeners={'smtp': 'socket.bind-device = "no-such-device"'}, start=False)
    s.expect_log('.')
    s.start(wait=False)
    assert s.process.wait(20) == 1
    assert 'bind-device' in s.log_text()
    s.process = None
