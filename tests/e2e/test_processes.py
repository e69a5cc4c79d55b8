# SPDX-License-Identifier: Apache-2.0
"""Crashes, hangs, the service manager, the lock, and how a server ends."""
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import BINARY, READ_S, eventually
from process_tools import Manager, ask, load, lock_pid, status


def ready_pids(server):
    return {w['slot']: w['pid'] for w in status(server)['workers'] if w['ready'] and not w['retiring']}


def serves(server):
    with server.connect('smtp') as c:
        return c.line().startswith('220 ')


def test_killed_workers_are_back_within_a_second(server):
    s = server()
    s.expect_log('.')
    with load(s, rate=200) as running:
        for slot in (0, 1):
            pid = ready_pids(s)[slot]
            began = time.monotonic()
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: ready_pids(s).get(slot, pid) != pid, 10, 'the return of worker %d' % slot)
            print('worker %d was back after %d ms' % (slot, (time.monotonic() - began) * 1000))
        figures = running.end()
    # Sessions of the dead are cut; connections that it had not accepted yet are served.
    assert figures['refused'] == figures['stuck'] == figures['wrong'] == 0, figures


def test_nobody_waits_for_a_dead_worker(server):
    """While one worker is held down, all connections are served by the other, at once."""
    s = server(workers=2)
    s.expect_log('.')
    for _ in range(5):  # the back-off grows: 100 ms, 200, 400, 800, 1600
        pid = None
        eventually(lambda: ready_pids(s).get(0) is not None, 10, 'worker 0')
        pid = ready_pids(s)[0]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: ready_pids(s).get(0) != pid, 10, 'the death of worker 0')
    assert 0 not in ready_pids(s)
    began = time.monotonic()
    served = 0
    while time.monotonic() - began < 0.5:
        assert serves(s)
        served += 1
    slowest = time.monotonic() - began
    print('%d connections in %.2f s with one worker down' % (served, slowest))
    assert served >= 10
    eventually(lambda: 0 in ready_pids(s), 10, 'the return of worker 0')


def test_others_are_undisturbed_by_a_crash(server):
    s = server(workers=2)
    s.expect_log('.')
    clients = [s.connect('smtp') for _ in range(12)]
    for c in clients:
        c.line()
    os.kill(ready_pids(s)[0], signal.SIGKILL)
    eventually(lambda: 0 in ready_pids(s), 5, 'the return of the worker')
    alive = 0
    for c in clients:
        try:
            c.say('NOOP')
            reply = c.line()
            alive += reply is not None and reply.startswith('250 ')
        except OSError:
            pass
        c.close()
    assert 0 < alive < len(clients)


def test_twenty_crashes_in_a_row(server):
    s = server(workers=1)
    s.expect_log('.')
    last = 0

    def another():
        nonlocal last
        pid = ready_pids(s).get(0, last)
        changed, last = pid != last, pid
        return changed
    for _ in range(20):
        eventually(another, 15, 'the worker')
        os.kill(last, signal.SIGKILL)
    s.wait_log('20 times in a row')
    eventually(another, 15, 'the worker')
    assert serves(s)
    exits = [line for line in s.log_text().splitlines() if 'server.worker-exit' in line]
    assert len(exits) == 20
    assert all('nextRetry' in line for line in exits)


def test_a_worker_that_hangs_is_ended(server, tmp_path):
    manager = Manager(tmp_path)
    s = server(env={'NOTIFY_SOCKET': manager.path, 'WATCHDOG_USEC': '2000000'})
    s.expect_log('.')
    manager.wait('READY=1')
    manager.wait('STATUS=serving: 5 listeners, 2 workers, generation 1')
    for _ in range(3):
        manager.wait('WATCHDOG=1', 5)
    pid = ready_pids(s)[1]
    os.kill(pid, signal.SIGSTOP)
    s.wait_log('server.worker-hung', 10)
    s.wait_log(r'server.worker-exit.*slot = 1, signal = 6', 10)
    eventually(lambda: ready_pids(s).get(1, pid) != pid, 10, 'another worker')
    manager.listen()
    manager.heard.clear()
    manager.wait('WATCHDOG=1', 5)
    assert serves(s)


def test_what_the_service_manager_hears(server, tmp_path):
    manager = Manager(tmp_path)
    s = server(env={'NOTIFY_SOCKET': manager.path}, extra='[server.shutdown]\ngrace = "1s"\n')
    manager.wait('READY=1')
    before = time.monotonic_ns() // 1000
    s.send(signal.SIGHUP)
    manager.wait('RELOADING=1')
    since = int(manager.wait('MONOTONIC_USEC=').split('=')[1])
    assert before <= since <= time.monotonic_ns() // 1000
    manager.wait('READY=1')
    manager.wait('STATUS=serving: 5 listeners, 2 workers, generation 2')
    s.send(signal.SIGTERM)
    manager.wait('STOPPING=1')
    s.stop()


def test_the_service_manager_hears_of_a_failed_start(server, tmp_path):
    manager, first = Manager(tmp_path), server()
    second = server(start=False, env={'NOTIFY_SOCKET': manager.path})
    second.ports = first.ports
    second.write_config('[server.socket]\nreuse-port = false\n')
    second.start(wait=False)
    assert second.process.wait(20) == 1
    assert manager.wait('ERRNO=') == 'ERRNO=98'
    assert manager.wait('EXIT_STATUS=') == 'EXIT_STATUS=1'
    second.process = None


def test_a_second_server_is_refused(server):
    s = server()
    done = subprocess.run([BINARY, 'serve', '-c', s.config_path], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1
    assert 'already running (pid %d)' % s.process.pid in done.stderr
    assert serves(s)


def test_a_server_that_was_killed_leaves_no_lock(server):
    s = server()
    os.kill(s.process.pid, signal.SIGKILL)
    s.process.wait(10)
    s.process = None
    s.start()
    assert serves(s)


def test_status_and_stop(server):
    s = server()
    done = ask(s, 'status')
    assert done.returncode == 0
    assert re.search(r'process %d: serving' % s.process.pid, done.stdout)
    assert [w['ready'] for w in status(s)['workers']] == [True, True]
    assert ask(s, 'healthcheck').returncode == 0
    path = os.path.join(s.folder, 'state', 'control.sock')
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert ask(s, 'stop').returncode == 0
    assert s.process.wait(1) == 0
    assert not os.path.exists(path)
    assert ask(s, 'status').returncode == 3
    assert ask(s, 'healthcheck').returncode == 1


def test_sigquit_and_a_second_sigterm_are_at_once(server):
    for signals in ([signal.SIGQUIT], [signal.SIGTERM, signal.SIGTERM]):
        s = server(extra='[server.shutdown]\ndelay = "30s"\n')
        with s.connect('smtp') as c:
            c.line()
            began = time.monotonic()
            for number in signals:
                s.send(number)
                time.sleep(0.2)
            assert s.process.wait(10) == 0
            assert time.monotonic() - began < 5
            assert c.closed()


def test_stop_wins_over_reload(server):
    s = server()
    s.send(signal.SIGSTOP)
    s.send(signal.SIGHUP)
    s.send(signal.SIGTERM)
    s.send(signal.SIGCONT)
    assert s.process.wait(20) == 0
    assert not s.log_has('server.reload')


def test_not_ready_before_the_listeners_close(server):
    s = server(extra='[server.shutdown]\ndelay = "1s"\n')
    s.send(signal.SIGTERM)
    eventually(lambda: s.get('/healthz/ready')[0] == 503, 1, 'not being ready')
    assert serves(s)
    assert s.process.wait(10) == 0


def test_after_the_grace_sessions_are_cut(server):
    s = server(extra='[server.shutdown]\ngrace = "500ms"\n')
    with s.connect_tls('submissions') as c:
        c.line()
        began = time.monotonic()
        s.send(signal.SIGTERM)
        c.socket.settimeout(READ_S)
        assert s.process.wait(20) == 0
        assert time.monotonic() - began < 5


PROCESS_NAMESPACE = ('unshare', '--pid', '--fork', '--mount-proc', '--kill-child')


def unshare_works():
    """Not without rights, and not in a chroot whose root is no mount."""
    return subprocess.run([*PROCESS_NAMESPACE, 'true'], capture_output=True).returncode == 0


@pytest.mark.skipif(not unshare_works(), reason='no process namespace can be made here')
def test_as_process_1(server):
    """Process 1 reaps orphans, hands signals down, and follows the server to its successors."""
    s = server(start=False)
    s.start(prefix=PROCESS_NAMESPACE)
    for _ in range(2):
        done = ask(s, 'restart')
        assert done.returncode == 0, done.stderr
    children = subprocess.run(['ps', '--ppid', str(s.process.pid), '-o', 'pid='], capture_output=True, text=True)
    first = int(children.stdout.split()[0])
    eventually(lambda: len(status(s)['workers']) == 2, 10)
    assert serves(s)
    os.kill(first, signal.SIGTERM)
    assert s.process.wait(20) == 0


def test_status_is_json(server):
    s = server()
    assert json.loads(ask(s, 'status', '--json').stdout)['pid'] == lock_pid(s)
