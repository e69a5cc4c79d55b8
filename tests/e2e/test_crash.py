# SPDX-License-Identifier: Apache-2.0
"""What is left of a worker that broke: its last words in the log and in a crash report."""
import glob
import os
import signal
import time

from conftest import eventually


def worker_of(s):
    """A worker (not the log writer)."""
    def is_worker(pid):
        with open('/proc/%d/comm' % pid, encoding='ascii') as f:
            return 'log' not in f.read()
    return next(p for p in s.pids() if is_worker(p))


def sleeps(pid):
    """In its loop, for a while: a worker that is busy would break within a task, and say so."""
    def state():
        time.sleep(0.02)
        with open('/proc/%d/stat' % pid, encoding='ascii') as f:
            return f.read().rpartition(')')[2].split()[0]
    return all(state() == 'S' for _ in range(10))


def test_last_words(server):
    s = server(workers=1)
    s.expect_log('.')
    s.wait_log(r'server\.startup')
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')
        worker = worker_of(s)
        eventually(lambda: sleeps(worker), what='a worker with nothing to do')
        os.kill(worker, signal.SIGABRT)
        s.wait_log(r'worker-exit.*crashed by signal 6, outside of every task')
    reports = os.path.join(s.folder, 'state', 'crash', '*.txt')
    eventually(lambda: glob.glob(reports), what='the crash report')
    with open(glob.glob(reports)[0], encoding='utf-8') as f:
        report = f.read()
    assert 'signal: 6' in report
    assert '"connection" waiting for ' in report  # the one above
    assert '"accept" waiting for ' in report
    assert 'smtp.connection-start' in report  # among its last events
    eventually(lambda: s.get('/healthz/ready')[0] == 200, what='the return of the worker')
