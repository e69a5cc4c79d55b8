# SPDX-License-Identifier: Apache-2.0
"""Who the processes are, and what they may still do (listeners.md 15.2; docs/operations.md, "What a
worker may do"). Most of it needs root, which the server then gives up."""
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest

from conftest import BINARY, Server, any_certificate, eventually, make_certificate
from process_tools import ask, lock_pid, with_successors

NOBODY = pwd.getpwnam('nobody')
ONLY_BIND = 1 << 10  # CAP_NET_BIND_SERVICE
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
RUN_AS = 'run-as.user = "nobody"\n'


def low_port():
    """A port that only root may bind, and that nobody uses."""
    for port in [25, *range(600, 1000)]:
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(('127.0.0.1', port))
                return port
            except OSError:
                pass
    raise AssertionError('no low port is free')


def low_ports_are_for_root():
    with open('/proc/sys/net/ipv4/ip_unprivileged_port_start', encoding='ascii') as f:
        return int(f.read()) >= 1000


def status(pid):
    with open('/proc/%d/status' % pid, encoding='utf-8') as f:
        return dict(line.rstrip('\n').split(':\t', 1) for line in f if ':\t' in line)


def ids(pid):
    s = status(pid)
    return set(s['Uid'].split()), set(s['Gid'].split())


def capabilities(pid):
    s = status(pid)
    return [int(s[name], 16) for name in ('CapPrm', 'CapEff', 'CapInh', 'CapAmb')]


def filters(pid):
    """How many filters of system calls the process has; a container brings its own. Old kernels only
    tell whether there are any."""
    s = status(pid)
    return int(s.get('Seccomp_filters', 3 if s['Seccomp'] == '2' else 0))


class World:
    """A folder that user nobody may read, and servers in it."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix='posthaste-privileges-')
        os.chmod(self.folder, 0o755)
        self.certificate = make_certificate(self.folder, 'default', 'mail.example.test')
        for path in self.certificate:
            os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)
        self.made = []

    def server(self, server_keys=RUN_AS, start=True, env=None, **options):
        folder = os.path.join(self.folder, 'server%d' % len(self.made))
        os.mkdir(folder)
        s = Server(folder, self.certificate, '[server]\n' + server_keys, env=env, **options)
        os.chmod(folder, 0o755)
        os.chmod(s.config_path, 0o644)
        self.made.append(s)
        return self.start(s) if start else s

    @staticmethod
    def start(s):
        shutil.rmtree(os.path.join(s.folder, 'state'))  # the server makes its own
        s.start()
        s.wait_log(r'server\.startup')  # all workers are there, and not the first one only
        return s

    def end(self):
        try:
            for s in self.made:
                s.stop()
        finally:
            shutil.rmtree(self.folder)


@pytest.fixture
def world():
    w = World()
    yield w
    w.end()


def has_sandbox(s):
    return not s.log_has(r'server\.sandbox\b')



def refused(world, server_keys, expected, prefix=(), env=None):
    """The start is refused with status 1 and a text."""
    s = world.server(server_keys, start=False, env=env)
    shutil.rmtree(os.path.join(s.folder, 'state'))
    done = subprocess.run([*prefix, BINARY, 'serve', '-c', s.config_path], capture_output=True, text=True,
                          timeout=60, env={**os.environ, **(env or {})})
    assert done.returncode == 1, done.stderr
    assert expected in done.stderr
    return done.stderr


@needs_root
def test_root_is_given_up(world):
    s = world.server(listeners={'smtp': 'protocol = "smtp"', 'http': 'protocol = "http"\ntls.enable = false'},
                     start=False)
    s.ports['smtp'] = low_port()
    s.write_config('[server]\n' + RUN_AS)
    world.start(s)
    nobody = ({str(NOBODY.pw_uid)}, {str(NOBODY.pw_gid)})
    assert ids(s.process.pid) == nobody
    assert capabilities(s.process.pid) == [ONLY_BIND] * 4
    assert status(s.process.pid)['NoNewPrivs'] == '1'
    assert len(s.pids()) >= 2
    for pid in s.pids():
        assert ids(pid) == nobody
    if has_sandbox(s):
        assert all(capabilities(p) == [0, 0, 0, 0] for p in s.pids())  # the log writer, too
    confined = [p for p in s.pids() if capabilities(p) == [0, 0, 0, 0] and status(p)['NoNewPrivs'] == '1']
    if has_sandbox(s):
        assert len(confined) >= 2  # the workers
        assert sum(filters(p) == filters(os.getpid()) + 3 for p in confined) >= 2
        assert all(status(p)['Seccomp'] == '2' for p in s.pids())
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')
    state = os.stat(os.path.join(s.folder, 'state'))
    assert (state.st_uid, state.st_mode & 0o777) == (NOBODY.pw_uid, 0o700)


@needs_root
def test_sessions_in_the_sandbox(world):
    s = world.server('sandbox.mode = "best-effort"\n' + RUN_AS)
    with s.connect_tls('submissions') as c:
        assert c.line().startswith('220 ')
        assert c.command('EHLO me.example.test')[-1].startswith('250 ')
    with s.connect('smtp') as c:
        c.line()
        c.command('EHLO me.example.test')
        assert c.command('STARTTLS')[0].startswith('220 ')
        c.start_tls(any_certificate())
        assert c.command('EHLO me.example.test')[-1].startswith('250 ')
        assert c.command('QUIT')[0].startswith('221 ')
    assert s.get('/healthz/ready')[0] == 200


@needs_root
def test_a_reload_binds_a_low_port(world):
    s = world.server()
    port = low_port()
    s.ports['second'], s.listeners = port, {**s.listeners, 'second': 'protocol = "smtp"'}
    s.write_config('[server]\n' + RUN_AS)
    s.send(signal.SIGHUP)
    s.wait_log(r'listenerId = "second"')
    with s.connect('second') as c:
        assert c.line().startswith('220 ')


@needs_root
def test_a_reload_without_the_capability(world):
    if not low_ports_are_for_root():
        pytest.skip('here everybody may bind low ports')
    keys = RUN_AS + 'run-as.keep-bind-capability = false\n'
    s = world.server(keys)
    s.expect_log('.')
    assert capabilities(s.process.pid) == [0, 0, 0, 0]
    s.ports['second'], s.listeners = low_port(), {**s.listeners, 'second': 'protocol = "smtp"'}
    s.write_config('[server]\n' + keys)
    s.send(signal.SIGHUP)
    s.wait_log('not allowed: ports below .*AmbientCapabilities=CAP_NET_BIND_SERVICE')
    assert s.get('/healthz/ready')[0] == 200  # the former configuration goes on


@needs_root
def test_a_successor_after_root_is_given_up(world):
    """The right to bind low ports outlives the hand-over to a new binary; root does not come back."""
    as_nobody = ['setpriv', '--reuid=%d' % NOBODY.pw_uid, '--clear-groups']
    if subprocess.run([*as_nobody, BINARY, '--version'], check=False, capture_output=True).returncode != 0:
        pytest.skip('user nobody cannot start the program')
    s = world.server(listeners={'smtp': 'protocol = "smtp"', 'http': 'protocol = "http"\ntls.enable = false'},
                     start=False)
    s.ports['smtp'] = low_port()
    s.write_config('[server]\n' + RUN_AS)
    world.start(s)
    with with_successors(s):
        first = lock_pid(s)
        s.send(signal.SIGUSR2)
        eventually(lambda: lock_pid(s) not in (0, first), what='the hand-over')
        pid = lock_pid(s)
        assert ids(pid) == ({str(NOBODY.pw_uid)}, {str(NOBODY.pw_gid)})
        assert capabilities(pid) == [ONLY_BIND] * 4
        s.ports['second'], s.listeners = low_port(), {**s.listeners, 'second': 'protocol = "smtp"'}
        s.write_config('[server]\n' + RUN_AS)
        assert ask(s, 'reload').returncode == 0
        with s.connect('second') as c:
            assert c.line().startswith('220 ')
        assert s.process.wait(30) == 0


@needs_root
def test_the_environment_wins(world):
    s = world.server('run-as.user = "root"\n', env={'RUN_AS_USER': 'nobody', 'RUN_AS_GROUP': '54322'})
    assert ids(s.process.pid) == ({str(NOBODY.pw_uid)}, {'54322'})


@needs_root
def test_root_without_another_user_is_warned_of(world):
    s = world.server('')
    assert s.log_has('warning: the server runs as root')
    assert ids(s.process.pid) == ({'0'}, {'0'})
    if has_sandbox(s):
        assert sum(capabilities(p) == [0, 0, 0, 0] for p in s.pids()) >= 2


@needs_root
def test_nobody_of_that_name(world):
    refused(world, 'run-as.user = "no-such-user"\n', 'there is no user no-such-user: create it')
    refused(world, 'run-as.user = "nobody"\nrun-as.group = "no-such-group"\n', 'there is no group no-such-group')


@needs_root
def test_only_root_can_become_another(world):
    as_nobody = ['setpriv', '--reuid=%d' % NOBODY.pw_uid, '--regid=%d' % NOBODY.pw_gid, '--clear-groups']
    text = refused(world, 'run-as.user = "root"\n', 'only root can become user root', prefix=as_nobody)
    assert 'nobody' in text or str(NOBODY.pw_uid) in text


@needs_root
def test_what_the_user_cannot_read_is_refused_at_the_start(world):
    os.chown(world.certificate[1], 0, 0)
    os.chmod(world.certificate[1], 0o600)
    refused(world, RUN_AS, 'Permission denied')


@needs_root
def test_a_state_folder_of_somebody_else(world):
    s = world.server(start=False)
    os.chmod(os.path.join(s.folder, 'state'), 0o700)
    done = subprocess.run([BINARY, 'serve', '-c', s.config_path], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'belongs to user number 0 with mode 0700: chown it' in done.stderr


@needs_root
def test_the_sandbox_can_be_switched_off(world):
    s = world.server(RUN_AS + 'sandbox.mode = "off"\n')
    assert s.log_has(r'server\.sandbox\b.*server\.sandbox\.mode is off')
    assert all(filters(p) == filters(os.getpid()) for p in s.pids())


@needs_root
def test_a_forbidden_call_is_explained(world):
    s = world.server()
    s.expect_log('worker-exit')
    victim = next(p for p in s.pids() if 'log' not in status(p)['Name'])
    os.kill(victim, signal.SIGSYS)  # what the kernel does when a filter says so
    s.wait_log(r'worker-exit.*forbidden system call; the kernel\'s log names')
    eventually(lambda: s.get('/healthz/ready')[0] == 200, what='the return of the worker')
