# SPDX-License-Identifier: Apache-2.0
"""What is left of a worker that broke: its last words in the log and in a crash report."""
import glob
import os
import signal

from conftest import eventually


def worker_of(s):
    """A worker (not the log writer)."""
    def is_worker(pid):
        with open('/proc/%d/comm' % pid, encoding='ascii') as f:
            return 'log' not in f.read()
    return next(p for p in s.pids() if is_worker(p))


def test_last_words(server):
    s = server(workers=1)
    s.expect_log('.')
    s.wait_log(r'server\.startup')
    with s.connect('smtp') as c:
        assert c.line().startswith('220 ')
        os.kill(worker_of(s), signal.SIGABRT)
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
