#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# bench/big.py: memory while many sessions send large messages at once.
#
# usage: bench/big.py [COUNT [MIB]] [--workers N]
#
# COUNT sessions (1,000) each send a message of MIB (25) at the same time, to two workers. The figure
# is the largest PSS of all the server's processes, looked at ten times a second; the limit is 300 MiB
# for 1,000. Needs COUNT x MIB of disk below TMPDIR.
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/lib")
import house  # noqa: E402

LIMIT_MIB, AT = 300, 1000
SENDER = os.path.join(os.path.dirname(os.path.abspath(house.__file__)), "big_send.py")
MAIL = """
[server.listener.smtp]
max-connections = 20000
[storage]
directory = "people"
[directory.people]
type = "memory"
[[directory.people.principals]]
name = "bert"
email = ["bert@example.test"]
[session]
transfer-limit = "0"
[session.auth]
require = "false"
[queue.limiter.inbound.none-of-the-defaults]
key = ["remote_ip"]
rate = "1000000/1s"
"""


def measure(count, mib, workers):
    with house.Folder() as folder:
        with house.posthaste(folder, workers=workers, connections=count + 100, extra=MAIL) as server:
            before_kib, before_s = server.pss_kib(), server.cpu_s()
            with subprocess.Popen(
                    [sys.executable, SENDER, "--port", str(server.port), "--count", str(count), "--bytes",
                     str(mib << 20)], stdout=subprocess.PIPE, text=True) as sender:
                if sender.stdout.readline() != "started\n":
                    sys.exit("the sender did not start")
                ready_kib = most_kib = server.pss_kib()
                while sender.poll() is None:
                    try:
                        most_kib = max(most_kib, server.pss_kib())
                    except OSError: # a process has ended, which none should
                        sender.kill()
                        with open(folder.path("log")) as log:
                            sys.exit("a process of the server has ended:\n" + log.read())
                    time.sleep(0.1)
                said = json.loads(sender.stdout.readline())
            spent_s = server.cpu_s() - before_s
    print("%d x %d MiB, %d workers: %.1f MiB at most (%.1f before, %.1f with all at DATA)  %d accepted  %.0f s, "
          "%.0f MiB/s  %.0f ms CPU a message" %
          (count, mib, workers, most_kib / 1024, before_kib / 1024, ready_kib / 1024, said["accepted"],
           said["seconds"], count * mib / said["seconds"], spent_s * 1e3 / count), flush=True)
    if said["others"]:
        print("others heard: %s" % said["others"])
    limit_kib = (LIMIT_MIB * 1024 - before_kib) * count / AT + before_kib
    return said["accepted"] == count and most_kib <= max(limit_kib, before_kib + 64 * 1024)


def main(arguments):
    house.help(__file__, arguments)
    workers = int(house.option(arguments, "--workers", 2))
    count = int(arguments[0]) if arguments else 1000
    mib = int(arguments[1]) if len(arguments) > 1 else 25
    count = min(count, house.descriptors() - 200)
    free_mib = shutil.disk_usage(os.environ.get("TMPDIR", "/tmp")).free >> 20
    if free_mib < count * mib * 5 // 4:
        mib = max(1, free_mib * 4 // 5 // count)
        print("there is room for messages of %d MiB only" % mib)
    print(house.machine(), flush=True)
    return 0 if measure(count, mib, workers) else 1


sys.exit(main(sys.argv[1:]))
