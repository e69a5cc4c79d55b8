#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# bench/greet.py: accept, greet, hear QUIT, say goodbye, close: what a connection costs.
#
# usage: bench/greet.py [ROUNDS] [THREADS]
#
# ROUNDS (7) of a second each with THREADS (8) clients, by turns for Posthaste with one worker and,
# where they are installed, nginx's mail module with one worker and Postfix's smtpd (as root).
# Prints the median of the rounds and the CPU of the server for each connection, also as a ratio to
# ours. The rate is that of the machine, clients included; CPU is the figure to compare.
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/lib")
import house  # noqa: E402


def main(arguments):
    house.help(__file__, arguments)
    count = int(arguments[0]) if arguments else 7
    threads = int(arguments[1]) if len(arguments) > 1 else 8
    house.descriptors()
    print(house.machine(), flush=True)
    with house.Folder() as folder:
        servers = [server for server in (house.posthaste(folder), house.nginx(folder),
                                         house.postfix(folder)) if server]
        try:
            for server in servers:
                house.greet(server, 0.5, threads)  # caches, and processes made on demand
            seen = house.rounds(servers, count, lambda server: house.greet(server, 1, threads))
        finally:
            for server in servers:
                server.stop()
    ours = house.median([r["cpu_us"] for r in seen[servers[0]]])
    rows = []
    for server in servers:
        cpu = [r["cpu_us"] for r in seen[server]]
        rows.append({"server": server.name, "cpu": house.median(cpu), "least": min(cpu),
                     "rate": house.median([r["rate"] for r in seen[server]]),
                     "ratio": house.median(cpu) / ours})
    house.table("accept, greet, quit; %d clients, medians of %d rounds" % (threads, count), rows,
                [("server    ", "server", "%s"), ("CPU us each", "cpu", "%.1f"),
                 ("least", "least", "%.1f"), ("    a second", "rate", "%.0f"),
                 ("to ours", "ratio", "%.2f")])
    return 0


sys.exit(main(sys.argv[1:]))
