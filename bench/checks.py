#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""bench/checks.py: what the checks of a message's sender cost: iprev, SPF of both names, one signature of
RSA with 2048 bits, ARC, DMARC, and the fields that tell of them.

usage: bench/checks.py [--messages N] [--rounds N]

Hands the same 4 KiB message to a server with one worker, over one connection, with all checks and
without any, in turns, and reads the worker's processor time: medians of many short rounds. The DNS is an
unbound on loopback, which the worker's own cache spares after the first message. Needs python3-dkim and
unbound. POSTHASTE_BIN names the program."""
import argparse
import os
import socket
import statistics
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, '..', 'tests', 'e2e'))
from pathlib import Path  # noqa: E402

from conftest import Server, make_certificate  # noqa: E402
from mail_tools import mail_config  # noqa: E402
from test_dkim_interop import Keys  # noqa: E402
from test_message_proof import Zone, dkim  # noqa: E402

CHECKS = '''
[resolver]
type = "custom"
custom = ["127.0.0.1:%d"]
[auth]
iprev.verify = "%s"
spf.verify = { ehlo = "%s", mail-from = "%s" }
dkim.verify = "%s"
arc.verify = "%s"
dmarc.verify = "%s"
[session.data.add-headers]
auth-results = %s
received-spf = %s
'''


def cpu_s(s):
    """Of the server's process and all below it."""
    total, todo = 0.0, [s.process.pid]
    while todo:
        pid = todo.pop()
        for task in os.listdir('/proc/%d/task' % pid):
            with open('/proc/%d/task/%s/schedstat' % (pid, task), encoding='ascii') as f:
                total += int(f.read().split()[0]) / 1e9  # in ns; what /proc/PID/stat has is counted in ticks
            with open('/proc/%d/task/%s/children' % (pid, task), encoding='ascii') as f:
                todo += [int(c) for c in f.read().split()]
    return total


def send(port, message, count):
    with socket.create_connection(('127.0.0.1', port)) as c:
        lines = c.makefile('rb')

        def reply():
            line = lines.readline()
            while line[3:4] == b'-':
                line = lines.readline()
            assert line[:1] in b'23', line
        reply()
        c.sendall(b'EHLO a.example\r\n')
        reply()
        for _ in range(count):
            c.sendall(b'MAIL FROM:<ann@a.example>\r\nRCPT TO:<bert@example.test>\r\nDATA\r\n')
            for _ in range(3):
                reply()
            c.sendall(message + b'.\r\n')
            reply()


def start(folder, certificate, port, on):
    word = 'relaxed' if on else 'disable'
    s = Server(folder, certificate, level='error', workers=1)
    s.extra = mail_config(os.path.join(s.folder, 'state', 'mail')) + CHECKS % (
        port, *[word] * 6, *['true' if on else 'false'] * 2)
    s.write_config(s.extra)
    return s.start()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument('--messages', type=int, default=100)
    options.add_argument('--rounds', type=int, default=41)
    options = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix='bench-checks-'))
    (folder / 'keys').mkdir()
    (folder / 'zone').mkdir()
    keys = Keys(str(folder / 'keys'))
    zone = Zone(folder / 'zone', {**keys.records, 'a.example': 'v=spf1 ip4:127.0.0.1 -all',
                                  '_dmarc.a.example': 'v=DMARC1; p=reject'})
    plain = b'From: Ann <ann@a.example>\r\nTo: bert@example.test\r\nSubject: bench\r\n\r\n' + b'0123456789abcde\r\n' * 240
    with open(keys.pem['rsa'], 'rb') as f:
        message = dkim.sign(plain, b'rsa', b'a.example', f.read(), canonicalize=(b'relaxed', b'relaxed')) + plain
    servers = {}
    for on in (True, False):
        where = folder / ('on' if on else 'off')
        where.mkdir()
        servers[on] = start(where, make_certificate(str(where), 'default', 'localhost'), zone.port, on)
        send(servers[on].ports['smtp'], message, 100)
    costs = {True: [], False: []}
    for _ in range(options.rounds):
        for on, s in servers.items():
            before = cpu_s(s)
            send(s.ports['smtp'], message, options.messages)
            costs[on].append((cpu_s(s) - before) / options.messages * 1e6)
    more = statistics.median(on - off for on, off in zip(costs[True], costs[False]))
    print('with all checks %.0f us of processor time a message, without %.0f: %.0f more (at the best %.0f, %.0f)'
          % (statistics.median(costs[True]), statistics.median(costs[False]), more,
             min(costs[True]), min(costs[False])))
    for s in servers.values():
        s.stop()
    zone.stop()


if __name__ == '__main__':
    main()
