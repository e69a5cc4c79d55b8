# SPDX-License-Identifier: Apache-2.0
"""Starting, talking on every kind of listener, and stopping, with the real program."""
import os
import signal
import subprocess

import pytest

from conftest import BINARY, HOST, eventually


def run_serve(*arguments, **options):
    return subprocess.run([BINARY, 'serve', *arguments], capture_output=True, text=True, timeout=30, **options)


@pytest.mark.parametrize('listener', ['smtp', 'submission'])
def test_smtp_listeners_greet_and_answer(server, listener):
    with server().connect(listener) as c:
        assert c.line().startswith('220 %s ' % HOST)
        lines = c.command('EHLO me.example.test')
        assert lines[0].startswith('250-%s ' % HOST)
        assert any(line[4:] == 'STARTTLS' for line in lines)
        assert c.command('NOOP')[0].startswith('250 ')
        assert c.command('QUIT')[0].startswith('221 ')
        assert c.closed()


def test_lmtp_wants_lhlo(server):
    with server().connect('lmtp') as c:
        c.line()
        assert c.command('EHLO me.example.test')[0].startswith('5')
        assert c.command('LHLO me.example.test')[-1].startswith('250 ')


def test_starttls_forgets_what_was_said(server):
    with server().connect('submission') as c:
        c.line()
        c.command('EHLO me.example.test')
        assert c.command('STARTTLS')[0].startswith('220 ')
        tls = c.start_tls()
        assert tls.version() in ('TLSv1.2', 'TLSv1.3')
        assert not any(line[4:] == 'STARTTLS' for line in c.command('EHLO me.example.test'))
        assert c.command('STARTTLS')[0].startswith('503 5.5.1')


def test_implicit_tls_comes_first(server):
    with server().connect_tls('submissions') as c:
        assert c.line().startswith('220 ')


def test_health(server):
    s = server()
    assert s.get('/healthz/live')[0] == 200
    assert s.get('/healthz/ready')[0] == 200
    assert s.get('/no-such-page')[0] == 404


def test_sigterm_says_421_to_who_waits(server):
    s = server()
    with s.connect('smtp') as c:
        c.line()
        c.command('EHLO me.example.test')
        s.send(signal.SIGTERM)
        assert c.line().startswith('421 4.3.0')
        assert c.closed()
    s.stop(status=0)


def test_a_killed_worker_comes_back(server):
    s = server(workers=2)
    s.expect_log('.')  # it is told as an error, and should be
    s.wait_log(r'server\.startup')  # one that dies while it starts ends the start
    before = s.pids()
    assert len(before) >= 2
    os.kill(before[0], signal.SIGKILL)
    eventually(lambda: before[0] not in s.pids() and len(s.pids()) == len(before), 5, 'the return of the worker')
    eventually(lambda: s.get('/healthz/ready')[0] == 200, 5, 'readiness')


def test_a_broken_file_stops_the_start(tmp_path):
    config = tmp_path / 'config.toml'
    config.write_text('[server.listener.smtp]\nbnid = ["127.0.0.1:0"]\n')
    done = run_serve('-c', str(config))
    assert done.returncode == 1
    assert 'config.toml:2:' in done.stderr
    assert 'bind' in done.stderr  # the guess


def test_a_wrong_command_line(tmp_path):
    assert run_serve('--no-such-option').returncode == 2


def test_a_port_in_use(server):
    first = server()
    second = server(start=False)
    second.ports = first.ports
    second.write_config()
    with open(second.config_path, 'a', encoding='utf-8') as f:
        f.write('\n[server.socket]\nreuse-port = false\n')
    done = run_serve('-c', second.config_path)
    assert done.returncode == 1
    assert 'in use' in done.stderr or 'EADDRINUSE' in done.stderr
