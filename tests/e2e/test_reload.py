# SPDX-License-Identifier: Apache-2.0
"""Reloads and hand-overs while clients come and go: not one of them may notice."""
import os
import signal
import ssl
import time

from conftest import HOST, Connection, any_certificate, eventually
from process_tools import ask, load, lock_pid, status, with_successors

RELOADS, HANDOVERS = 50, 10
PAUSE_S = 0.1  # so that each of them has clients
MORE_WORKERS = '\n[server.socket]\nbacklog = %d\n'


def assert_nobody_noticed(figures):
    assert figures['served'] > 0
    bad = {k: figures[k] for k in ('refused', 'cut', 'stuck', 'wrong') if figures[k]}
    assert not bad, figures


def test_reloads_under_load(server):
    s = server()
    with load(s) as running:
        for i in range(RELOADS):
            if i % 10 == 0:  # other workers, and another option of the sockets that are in service
                s.workers = 1 + i // 10 % 3
                s.write_config(MORE_WORKERS % (1000 + i))
            done = ask(s, 'reload')
            assert done.returncode == 0, done.stderr
            assert 'reloaded: generation %d' % (i + 2) in done.stdout
            time.sleep(PAUSE_S)
        assert_nobody_noticed(running.end())
    assert status(s)['generation'] == RELOADS + 1
    eventually(lambda: not any(w['retiring'] for w in status(s)['workers']), 20, 'the end of the old workers')


def test_handovers_under_load(server):
    s = server()
    first = s.process.pid
    with with_successors(s):
        with load(s) as running:
            for i in range(HANDOVERS):
                before = lock_pid(s)
                os.kill(before, signal.SIGUSR2)
                eventually(lambda: lock_pid(s) not in (0, before), 30, 'hand-over %d' % i)
                time.sleep(PAUSE_S)
            assert_nobody_noticed(running.end())
        assert lock_pid(s) != first
        assert s.process.wait(30) == 0
        assert status(s)['pid'] == lock_pid(s)


def test_sessions_go_on_over_a_reload_and_a_handover(server):
    s = server()
    with with_successors(s):
        with s.connect('smtp') as c:
            c.line()
            c.command('EHLO me.example.test')
            assert ask(s, 'reload').returncode == 0
            assert c.command('NOOP')[0].startswith('250 ')
            assert ask(s, 'restart').returncode == 0
            assert c.command('NOOP')[0].startswith('250 ')
            assert c.command('QUIT')[0].startswith('221 ')
        assert s.process.wait(20) == 0


def test_a_probe_on_an_old_connection_hears_ready(server):
    s = server()
    with s.connect('http') as c:
        for word in (None, 'reload'):
            assert word is None or ask(s, word).returncode == 0
            c.say('GET /healthz/ready HTTP/1.1\r\nHost: localhost\r\n')
            head = []
            while not head or head[-1]:
                head.append(c.line())
            assert head[0].startswith('HTTP/1.1 200'), head
            length = next(int(line.split(':')[1]) for line in head if line.lower().startswith('content-length:'))
            while len(c.unread) < length:
                c.unread += c.socket.recv(65536)
            c.unread = c.unread[length:]


def test_tls_sessions_resume_with_the_successor(server):
    s = server()
    context = any_certificate()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # its tickets come with the handshake
    with with_successors(s):
        c = Connection(s.ports['submissions'])
        session = c.start_tls(context).session
        c.close()
        assert ask(s, 'restart').returncode == 0
        again = Connection(s.ports['submissions'])
        again.socket = context.wrap_socket(again.socket, server_hostname=HOST, session=session)
        assert again.socket.session_reused
        assert again.line().startswith('220 ')
        again.close()


def test_a_successor_that_cannot_start(server):
    s = server()
    s.expect_log('.')
    before = lock_pid(s)
    with open(s.config_path, 'a', encoding='utf-8') as f:
        f.write('\n[server]\nno-such-key = 1\n')
    done = ask(s, 'restart')
    assert done.returncode == 1
    assert 'goes on' in done.stderr
    assert lock_pid(s) == before == s.process.pid
    s.wait_log('server.handover-error')
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')


def test_a_broken_configuration_is_not_loaded(server):
    s = server()
    s.expect_log('.')
    with open(s.config_path, 'a', encoding='utf-8') as f:
        f.write('\n[server.listener.smtp]\nbnid = ["127.0.0.1:0"]\n')
    for words in (('reload',), ('reload', '--dry-run')):
        done = ask(s, *words)
        assert done.returncode == 1
        assert 'bnid' in done.stderr and 'config.toml:' in done.stderr
    now = status(s)
    assert (now['generation'], now['reloadFailed'], now['state']) == (1, True, 'serving')
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')
    s.write_config()
    assert ask(s, 'reload').returncode == 0
    assert status(s)['reloadFailed'] is False


def test_a_watched_configuration_is_loaded_when_it_changes(server):
    s = server(extra='[config]\nwatch = true\n')
    s.expect_log('.')
    with open(s.config_path, encoding='utf-8') as f:
        first = f.read()

    def write(text):  # as editors do: another file in its place
        with open(s.config_path + '.new', 'w', encoding='utf-8') as f:
            f.write(text)
        os.rename(s.config_path + '.new', s.config_path)

    write(first + '\n[http]\nnonsense = 1\n')
    eventually(lambda: status(s)['reloadFailed'], 20)
    time.sleep(4)  # what was refused is not tried again
    assert (status(s)['generation'], status(s)['state']) == (1, 'serving')
    write(first + '\n[server]\ngreeting = "watched"\n' if '[server]' not in first
          else first.replace('[server]', '[server]\ngreeting = "watched"', 1))

    def greeting():
        with s.connect('smtp') as c:
            return c.line()

    eventually(lambda: greeting().endswith(' watched'), 20)
    assert status(s)['generation'] == 2


def test_reload_adds_and_removes_listeners(server):
    s = server()
    extra = dict(s.listeners)
    port = s.ports.pop('lmtp')
    del extra['lmtp']
    s.listeners = extra
    s.write_config()
    assert ask(s, 'reload').returncode == 0

    def is_refused():
        try:
            Connection(port).close()
        except ConnectionResetError:
            return False  # it came at the very moment when the socket was closed
        except ConnectionRefusedError:
            return True
        return False

    eventually(is_refused, 5)
    s.listeners = {**extra, 'lmtp': 'protocol = "lmtp"'}
    s.ports['lmtp'] = port
    s.write_config()
    assert ask(s, 'reload').returncode == 0
    with s.connect('lmtp') as c:
        assert c.line().startswith('220 ')


def test_reload_with_a_port_in_use_changes_nothing(server):
    first, second = server(), server()
    second.expect_log('.')
    second.listeners = {**second.listeners, 'other': 'protocol = "smtp"\nsocket.reuse-port = false'}
    second.ports['other'] = first.ports['smtp']
    second.write_config()
    done = ask(second, 'reload')
    assert done.returncode == 1
    assert 'listener other' in done.stderr and 'process' in done.stderr
    assert status(second)['generation'] == 1
    with second.connect('smtp') as c:
        assert c.line().startswith('220 ')


def test_a_server_that_dies_while_it_hands_over(server):
    """Whenever it dies: there is one server in the end."""
    for delay_ms in (0, 20, 60, 120):
        s = server()
        s.expect_log('.')
        group = os.getpgid(s.process.pid)
        try:
            os.kill(s.process.pid, signal.SIGUSR2)
            time.sleep(delay_ms / 1000)
            os.kill(s.process.pid, signal.SIGKILL)
            s.process.wait(10)
            time.sleep(0.5)  # its workers and its log writer go with it
            alive = [pid for pid in os.listdir('/proc') if pid.isdigit() and belongs(pid, group)]
            if alive:
                eventually(lambda: status(s)['pid'] == lock_pid(s), 10)
                with s.connect('smtp') as c:
                    assert c.line().startswith('220 ')
                assert ask(s, 'stop').returncode == 0
            else:  # before there was a successor: another start is not in anybody's way
                s.start()
        finally:
            if s.process.poll() is not None:
                s.process = None


def belongs(pid, group):
    try:
        with open('/proc/%s/cmdline' % pid, 'rb') as f:
            return os.getpgid(int(pid)) == group and b'serve' in f.read()
    except (OSError, ProcessLookupError):
        return False


def test_a_clock_that_nobody_doubts_needs_no_word(server):
    s = server()
    done = ask(s, 'confirm-clock')
    assert (done.returncode, done.stdout) == (0, 'nobody doubts the clock\n'), done
