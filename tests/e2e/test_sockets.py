# SPDX-License-Identifier: Apache-2.0
"""Sockets that others pass to the server, UNIX sockets, and addresses that cannot be bound."""
import os
import signal
import socket
import stat
import subprocess
import sys

import pytest

from conftest import BINARY, LISTENERS, Connection, eventually
from process_tools import ask, status, with_successors

# Becomes the server with the descriptors given as its 3, 4, ...
ACTIVATE = '''
import os, sys
fds, names, command = eval(sys.argv[1]), sys.argv[2], sys.argv[3:]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.set_inheritable(3 + i, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execv(command[0], command)
'''


def listening(port=0, reuse_port=False):
    s = socket.socket()
    if reuse_port:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(('127.0.0.1', port))
    s.listen(10)
    return s


def activated(server, sockets, names, wait=True):
    """Starts the server with these sockets; they are closed here."""
    log = open(server.log_path, 'ab')
    fds = [s.fileno() for s in sockets]
    server.log = log
    server.process = subprocess.Popen(
        [sys.executable, '-c', ACTIVATE, repr(fds), ':'.join(names), BINARY, 'serve', '-c', server.config_path],
        stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, pass_fds=fds, start_new_session=True)
    for s in sockets:
        s.close()
    if wait:
        server.wait_ready()
    return server


def without(name):
    return {k: v for k, v in LISTENERS.items() if k != name}


def test_activation_by_name(server):
    passed = listening()
    port = passed.getsockname()[1]
    s = server(start=False, listeners=without('smtp'),
               extra='[server.listener.smtp]\nprotocol = "smtp"\nbind = ["systemd:mail"]\n')
    early = Connection(port)  # what came before the server is served
    activated(s, [passed], ['mail'])
    assert early.line().startswith('220 ')
    early.close()
    s.ports['smtp'] = port
    with with_successors(s):
        for word in ('reload', 'restart'):
            done = ask(s, word)
            assert done.returncode == 0, done.stderr
            with s.connect('smtp') as c:
                assert c.line().startswith('220 ')


def test_activation_by_address_and_by_id(server):
    s = server(start=False)
    by_address = listening(s.ports['smtp'])
    other = listening()
    port = other.getsockname()[1]
    activated(s, [by_address, other], ['whatever', 'lmtp'])
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')
    with Connection(port) as c:  # the listener `lmtp` takes the socket of its name for its address
        assert 'LMTP' in c.line()


def test_sockets_that_nobody_wants(server):
    s = server(start=False)
    activated(s, [listening()], ['spare'])
    s.wait_log("no listener wants these sockets that were passed: 'spare' 127.0.0.1:")


@pytest.mark.parametrize('what, text', [
    ('udp', 'not a stream socket'),
    ('connected', 'does not listen'),
    ('missing', "no socket named 'mail'"),
])
def test_activation_refuses(server, what, text):
    keep = listening()
    sockets = {'udp': lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM),
               'connected': lambda: socket.create_connection(keep.getsockname()),
               'missing': listening}
    s = server(start=False, listeners=without('smtp'),
               extra='[server.listener.smtp]\nprotocol = "smtp"\nbind = ["systemd:mail"]\n')
    activated(s, [sockets[what]()], ['other' if what == 'missing' else 'mail'], wait=False)
    assert s.process.wait(20) == 1
    assert text in s.log_text()
    s.process = None
    keep.close()


def unix_client(path):
    c = Connection.__new__(Connection)
    c.socket, c.unread = socket.socket(socket.AF_UNIX), b''
    c.socket.settimeout(20)
    c.socket.connect(path)
    return c


def unix_listener(path):
    return '[server.listener.local]\nprotocol = "lmtp"\nbind = ["unix:%s"]\nsocket.mode = "0660"\n' % path


def test_unix_sockets(server, tmp_path):
    path = str(tmp_path / 'lmtp.sock')
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(path)
    stale.close()
    s = server(extra=unix_listener(path))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o660
    with unix_client(path) as c:
        assert c.line().startswith('220 ')
    with with_successors(s):
        assert ask(s, 'restart').returncode == 0
        s.process.wait(20)
        with unix_client(path) as c:
            assert c.line().startswith('220 ')
    assert not os.path.exists(path)


def test_a_unix_socket_in_use(server, tmp_path):
    path = str(tmp_path / 'lmtp.sock')
    alive = socket.socket(socket.AF_UNIX)
    alive.bind(path)
    alive.listen(1)
    s = server(start=False, extra=unix_listener(path)).start(wait=False)
    assert s.process.wait(20) == 1
    assert 'in use' in s.log_text() and 'local' in s.log_text()
    assert os.path.exists(path)
    s.process = None
    alive.close()


def test_abstract_unix_sockets(server):
    name = 'posthaste-test-%d' % os.getpid()
    server(extra=unix_listener('@' + name))
    with unix_client('\0' + name) as c:
        assert c.line().startswith('220 ')


def test_an_address_that_is_not_there(server):
    s = server(extra='[server.listener.away]\nprotocol = "smtp"\nbind = ["192.0.2.77:%d"]\n' % 2525, start=False)
    s.expect_log('network.bind-error')
    s.start(wait=False)
    s.wait_log(r'network.bind-error.*"away"')
    now = status(s)
    assert now['state'] == 'degraded' and now['degraded'] == 'listener away 192.0.2.77:2525'
    assert ask(s, 'healthcheck').returncode == 1
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')
    code, _, body = s.get('/healthz/ready')
    assert code == 503 and 'away' in body


def test_an_address_that_is_not_there_may_be_fatal(server):
    s = server(start=False, before='[server]\nbind-failure = "fatal"\n',
               extra='[server.listener.away]\nprotocol = "smtp"\nbind = ["192.0.2.77:2525"]\n')
    s.start(wait=False)
    assert s.process.wait(20) == 1
    s.process = None


def test_a_port_that_becomes_free_is_taken(server):
    holder = listening()
    port = holder.getsockname()[1]
    s = server(before='[server]\nbind-failure = "retry"\n',
               extra='[server.listener.late]\nprotocol = "smtp"\nbind = ["127.0.0.1:%d"]\n' % port, start=False)
    s.expect_log('.')
    s.start(wait=False)
    assert status(s)['state'] == 'degraded'
    holder.close()
    eventually(lambda: status(s)['state'] == 'serving', 15, 'the late listener')
    s.wait_log('network.listen-start.*"late"')
    with Connection(port) as c:
        assert c.line().startswith('220 ')
    assert ask(s, 'healthcheck').returncode == 0


def test_no_socket_at_all(server):
    s = server(start=False, before='[server]\nbind-failure = "retry"\n', listeners={},
               extra='[server.listener.away]\nprotocol = "smtp"\nbind = ["192.0.2.77:2525"]\n')
    s.start(wait=False)
    assert s.process.wait(20) == 1
    assert 'not one listening socket' in s.log_text()
    s.process = None


def test_port_0_is_one_port_for_all_workers(server):
    s = server(extra='[server.listener.any]\nprotocol = "smtp"\nbind = ["127.0.0.1:0"]\n')
    out = subprocess.run(['ss', '-Hltnp'], capture_output=True, text=True)
    if out.returncode != 0:
        pytest.skip('no ss')
    ports = {line.split()[3] for line in out.stdout.splitlines() if 'pid=%d,' % s.process.pid in line}
    assert len(ports) == len(s.ports) + 1
    s.send(signal.SIGHUP)
    s.wait_log('server.reload')
