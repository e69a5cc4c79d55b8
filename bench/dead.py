#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# bench/dead.py: one destination that takes nothing has 100,000 messages waiting; what does the mail
# for all others lose? Mail flows through the server into a sink beside the backlog: of a host that is
# silent (connections are taken, nobody speaks), of one that refuses connections, and of one that
# answers each message after a second. `parked` is the measure: as many messages wait, and none is due.
#
# The server that is measured and a parked one run at the same time and are given mail in turns, so
# that what the disk does to one it does to the other; the share is the median of the turns' ratios,
# and the CPU of the one beside the other's tells what the backlog costs where the rate is noisy.
# A round of a kind that is `parked` itself shows how far two servers alike are apart.
#
# usage: bench/dead.py [--messages N] [--flow N] [--rounds N] [--workers N] [--kinds silent,closed,slow]
import contextlib
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


class Side:
    """A server with its backlog, the sink that its mail flows to, and the host that takes nothing."""

    def __init__(self, parts, options, kind):
        folder, self.sink = parts.enter_context(house.Folder()), parts.enter_context(mail.Sink())
        dead = parts.enter_context(mail.Dead(kind))
        mail.fill(folder, options["messages"], 1, 4000, FAR_S if kind == "parked" else 0, "dead")
        self.server = parts.enter_context(
            mail.start(folder, self.sink, options["workers"], EXTRA % dead.port, ROUTE))

    def flow(self, count):
        """Messages a second, and microseconds of CPU for each."""
        return self.server.flow(self.sink, count)

    def idle(self):
        """CPU of a second in which nothing flows, in percent."""
        before = self.server.cpu_s()
        time.sleep(5)
        return (self.server.cpu_s() - before) / 5 * 100


def measure(options, kind):
    with contextlib.ExitStack() as parts:
        sides = [Side(parts, options, "parked"), Side(parts, options, kind)]
        for side in sides:
            side.flow(options["flow"] // 4)  # warm
        time.sleep(2)
        idle = sides[1].idle()
        turns = []
        for turn in range(options["rounds"]):
            seen = {}
            for at in (0, 1) if turn % 2 else (1, 0):
                seen[at] = sides[at].flow(options["flow"])
            turns.append((seen[0], seen[1]))
        return {"kind": kind, "idle": idle,
                "parked": house.median(parked[0] for parked, _ in turns),
                "rate": house.median(dead[0] for _, dead in turns),
                "share": house.median(dead[0] / parked[0] for parked, dead in turns) * 100,
                "cpu_parked": house.median(parked[1] for parked, _ in turns),
                "cpu": house.median(dead[1] for _, dead in turns)}


def main():
    arguments = sys.argv[1:]
    house.help(__file__, arguments)
    options = {"messages": int(house.option(arguments, "--messages", "100000")),
               "flow": int(house.option(arguments, "--flow", "5000")),
               "rounds": int(house.option(arguments, "--rounds", "9")),
               "workers": int(house.option(arguments, "--workers", "1"))}
    kinds = house.option(arguments, "--kinds", "parked,silent,closed,slow").split(",")
    house.table(house.machine(), [measure(options, kind) for kind in kinds],
                [("backlog of", "kind", "%s"), ("parked msg/s", "parked", "%.0f"), ("messages/s", "rate", "%.0f"),
                 ("share, %", "share", "%.0f"), ("parked CPU us", "cpu_parked", "%.0f"),
                 ("CPU us each", "cpu", "%.0f"), ("idle, % CPU", "idle", "%.1f")])


main()
