#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# bench/dead.py: one destination that takes nothing has 100,000 messages waiting; what does the mail
# for all others lose? Mail flows through the server into a sink, first alone, then beside the
# backlog: of a host that is silent (connections are taken, nobody speaks), of one that refuses
# connections, and of one that answers each message after a second. `parked` is the measure: as many
# messages wait, and none is due.
#
# usage: bench/dead.py [--messages N] [--flow N] [--rounds N] [--workers N] [--kinds silent,closed,slow]
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import house
import mail

FAR_S = 10 * 24 * 3600
EXTRA = """
[queue.route.dead]
type = "relay"
address = "127.0.0.2"
port = %d
"""
ROUTE = """"if_then(rcpt_domain == 'dead0.example', 'dead', 'sink')\""""


def measure(options, kind):
    """Rate, CPU each, CPU of a second in which nothing flows."""
    with house.Folder() as folder, mail.Sink() as sink, mail.Dead(kind) as dead:
        if kind:
            mail.fill(folder, options["messages"], 1, 4000, FAR_S if kind == "parked" else 0, "dead")
        with mail.start(folder, sink, options["workers"], EXTRA % dead.port, ROUTE) as server:
            server.flow(sink, options["flow"] // 4)  # warm
            time.sleep(2)
            before = server.cpu_s()
            time.sleep(5)
            idle = (server.cpu_s() - before) / 5 * 100
            rate, cpu_us = server.flow(sink, options["flow"])
            return {"kind": kind or "none", "rate": rate, "cpu_us": cpu_us, "idle": idle}


def main():
    arguments = sys.argv[1:]
    house.help(__file__, arguments)
    options = {"messages": int(house.option(arguments, "--messages", "100000")),
               "flow": int(house.option(arguments, "--flow", "10000")),
               "workers": int(house.option(arguments, "--workers", "1"))}
    rounds = int(house.option(arguments, "--rounds", "3"))
    kinds = [""] + house.option(arguments, "--kinds", "parked,silent,closed,slow").split(",")
    seen = house.rounds(kinds, rounds, lambda kind: measure(options, kind))
    rows = [{name: house.median(f[name] for f in all) if name != "kind" else all[0][name] for name in all[0]}
            for all in seen.values()]
    for row in rows:
        row["share"] = row["rate"] / rows[1]["rate"] * 100
    house.table(house.machine(), rows, [("backlog of", "kind", "%s"), ("messages/s", "rate", "%.0f"), ("of parked, %", "share", "%.0f"),
                                        ("CPU us each", "cpu_us", "%.0f"), ("idle, % CPU", "idle", "%.1f")])


main()
