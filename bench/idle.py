#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# bench/idle.py: what an idle session costs in memory, plain, with TLS first, and after STARTTLS.
#
# usage: bench/idle.py [COUNT] [--most] [--only plain|first|starttls]
#
# COUNT sessions (10,000) on one worker, each after EHLO. The figure is the PSS of all the server's
# processes with them minus without them, divided, some seconds later, when it has settled. --most opens as many as the machine's limits let
# one worker hold (30,000 at most), plain. Afterwards each session must still answer.
import subprocess
import sys
import json
import time

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/lib")
import house  # noqa: E402

LIMITS = {"plain": 12, "first": 28, "starttls": 28}
AIMS = {"plain": 8, "first": 18, "starttls": 18}


def settled_kib(server):
    """Waits until the server has given back what it does not need for now."""
    seen = [server.pss_kib()]
    for _ in range(30):
        time.sleep(1)
        seen.append(server.pss_kib())
        if len(seen) > 8 and max(seen[-4:]) - min(seen[-4:]) <= 64:
            break
    return seen[-1]


def measure(way, count):
    tls = None if way == "plain" else way
    flags = {"plain": [], "first": ["--tls"], "starttls": ["--starttls"]}[way]
    with house.Folder() as folder:
        with house.posthaste(folder, tls, connections=count + 100) as server:
            house.greet(server, 0.3, 4, *flags)  # so that what is made once is there
            time.sleep(0.3)
            before_kib, before_s = server.pss_kib(), server.cpu_s()
            client = subprocess.Popen(
                [house.CLIENT, "idle", "--port", str(server.port), "--count", str(count), *flags],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            standing = json.loads(client.stdout.readline())["standing"]
            after_s = server.cpu_s()
            busy_kib, after_kib = server.pss_kib(), settled_kib(server)
            client.stdin.close()
            alive = json.loads(client.stdout.readline())["alive"]
            client.wait()
            left_kib = settled_kib(server)
    each = (after_kib - before_kib) / max(standing, 1)
    print("%-9s %6d sessions  %6.2f KiB each (limit %d, aim %d; %.2f while they were new)  "
          "%4.0f us CPU each to open  %d alive  %.1f MiB left after they went" %
          (way, standing, each, LIMITS[way], AIMS[way], (busy_kib - before_kib) / max(standing, 1),
           (after_s - before_s) * 1e6 / max(standing, 1), alive, (left_kib - before_kib) / 1024),
          flush=True)
    return standing == count and alive == count and each <= LIMITS[way]


def main(arguments):
    most = house.descriptors()
    count = 10000
    house.help(__file__, arguments)
    only = house.option(arguments, "--only", None)
    ways = [only] if only else list(LIMITS)
    if "--most" in arguments:
        arguments.remove("--most")
        ways, count = ["plain"], min(30000, most - 200)
    if arguments:
        count = int(arguments[0])
    if count + 200 > most:
        print("a process may have %d descriptors here: %d sessions instead of %d" %
              (most, most - 200, count))
        count = most - 200
    print(house.machine(), flush=True)
    return 0 if all([measure(way, count) for way in ways]) else 1


sys.exit(main(sys.argv[1:]))
