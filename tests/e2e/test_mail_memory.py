# SPDX-License-Identifier: Apache-2.0
"""Large messages do not lie in memory: 40 sessions that send 10 MiB each at once. bench/big.py does the
same with 1,000 sessions and 25 MiB, where the limit is 300 MiB; this one is scaled down."""
import json
import os
import subprocess
import sys
import time

from conftest import BINARY, TOP, eventually
from mail_tools import mail_server, queue

COUNT, MIB = 40, 10
LIMIT_KIB = 300 * COUNT / 1000 * 1024 + 8 * 1024  # 8 MiB: whole blocks that a worker keeps anyway


def pss_kib(s):
    total = 0
    for pid in [s.process.pid, *s.pids()]:
        with open('/proc/%d/smaps_rollup' % pid, encoding='ascii') as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith('Pss:'))
    return total


def test_large_messages_at_once(server):
    s = mail_server(server, level='info')
    with subprocess.Popen([sys.executable, os.path.join(TOP, 'bench/lib/big_send.py'), '--port', str(s.ports['smtp']),
                           '--count', str(COUNT), '--bytes', str(MIB << 20)], stdout=subprocess.PIPE, text=True) as sender:
        assert sender.stdout.readline() == 'started\n'
        most = 0
        while sender.poll() is None:
            most = max(most, pss_kib(s))
            time.sleep(0.05)
        said = json.loads(sender.stdout.readline())
    eventually(lambda: len(queue(s).records()) == COUNT, what='all messages in the queue')
    least = pss_kib(s)
    print('%.1f MiB at most, %.1f at rest; %s' % (most / 1024, least / 1024, said))
    assert said['accepted'] == COUNT, said
    assert most - least <= LIMIT_KIB or is_sanitized(), (least, most)
    assert all(r['size'] > (MIB << 20) - 200 for r in queue(s).records())


def is_sanitized():
    """Sanitizers keep what is freed."""
    with open(BINARY, 'rb') as f:
        return b'__asan_init' in f.read()
