# SPDX-License-Identifier: Apache-2.0
"""Nothing that was acknowledged is lost: eight clients send as fast as they can, while workers and
the supervisor are killed at random with SIGKILL. Afterwards every message that got 250 is in the
queue exactly once, byte for byte, and none that was refused is.

POSTHASTE_KILLS: how many (default 50). POSTHASTE_SEED: of what dies when."""
import os
import random
import signal
import time

from conftest import eventually
from flood_tools import Flood, account_for
from mail_tools import mail_server

KILLS = int(os.environ.get('POSTHASTE_KILLS', '50'))
SEED = os.environ.get('POSTHASTE_SEED') or str(time.time_ns())
SUPERVISOR_SHARE = 0.3


def test_nothing_acknowledged_is_lost(server, tmp_path):
    print('POSTHASTE_SEED=' + SEED)
    chance = random.Random(SEED)
    s = mail_server(server, level='info')
    s.expect_log('.')
    with Flood(s, tmp_path) as flood:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.05, 0.8))
            if chance.random() < SUPERVISOR_SHARE:
                kill_supervisor(s)
            else:
                kill_worker(s, chance)
    figures = account_for_after_a_start(s, flood)
    assert figures['acknowledged'] > KILLS


def kill_worker(s, chance):
    workers = s.pids()
    if workers:
        os.kill(chance.choice(workers), signal.SIGKILL)


def kill_supervisor(s):
    """Its workers end when they notice; the new one must not mind those who have not yet."""
    s.send(signal.SIGKILL)
    s.process.wait()
    s.log.close()
    s.start()


def account_for_after_a_start(s, flood):
    """Who starts moves what the dead had committed to their journals; who stops has moved all."""
    kill_supervisor(s)
    eventually(lambda: s.pids(), what='the workers')
    s.stop()
    return account_for(s, flood)
