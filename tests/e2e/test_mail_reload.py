# SPDX-License-Identifier: Apache-2.0
"""Reloads and hand-overs while mail flows: every message that was acknowledged is in the queue once,
and no client was sent away in the middle of one."""
import os
import signal
import time

from conftest import eventually
from flood_tools import Flood, account_for
from mail_tools import mail_server
from process_tools import lock_pid, status, with_successors

RATE = int(os.environ.get('POSTHASTE_LOAD_RATE', '500'))
TURNS = 8
PAUSE_S = 0.6


def assert_all_there(s, flood):
    figures = account_for(s, flood)
    assert figures['acknowledged'] > RATE * PAUSE_S * TURNS / 10, figures  # it flowed
    assert figures['refused'] == 0 and figures['unknown'] == 0, figures


def test_reloads_while_mail_flows(server, tmp_path):
    s = mail_server(server, level='info')
    with Flood(s, tmp_path, '--rate', RATE) as flood:
        for i in range(TURNS):
            s.workers = 1 + i % 3
            s.write_config(s.extra)
            s.send(signal.SIGHUP)
            eventually(lambda n=i: status(s)['generation'] == n + 2, what='the reload')
            time.sleep(PAUSE_S)
    s.stop()
    assert_all_there(s, flood)


def test_handovers_while_mail_flows(server, tmp_path):
    s = mail_server(server, level='info')
    with with_successors(s):
        with Flood(s, tmp_path, '--rate', RATE) as flood:
            for _ in range(TURNS):
                before = lock_pid(s)
                os.kill(before, signal.SIGUSR2)
                eventually(lambda b=before: lock_pid(s) not in (0, b), 30, 'the hand-over')
                time.sleep(PAUSE_S)
    assert_all_there(s, flood)
