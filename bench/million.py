#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# bench/million.py: what a long queue costs. For each length two queues, of messages to 50,000 domains:
#
# due     all are due when the server starts: how long until it greets, until the first message has
#         arrived at its host, and what the delivery of one costs while the others wait
# parked  none is due: what comes in meanwhile is delivered at once; what does that cost
#
# and beside both: memory, the first page of `queue list`, `queue status` and `queue summary`.
#
# usage: bench/million.py [--messages N,N,...] [--bytes N] [--seconds S] [--workers N] [--kinds due,parked]
#                         [--flow N] [--save]
#
# --save writes the figures to bench/million.txt and draws bench/million.svg. A million messages of
# 4,000 bytes (the default) need 6 GB where temporary files go (TMPDIR).
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import chart
import house
import mail

HERE = os.path.dirname(os.path.abspath(__file__))
DOMAINS = 50000
FAR_S = 10 * 24 * 3600  # when parked messages are due
LOOKS = 5


def look(server, folder):
    """Milliseconds of commands that look into the queue, medians."""
    def ms(*words):
        began = time.monotonic()
        said = mail.queue(folder, *words)
        return (time.monotonic() - began) * 1e3, said
    pages = [ms("list", "--limit", "100") for _ in range(LOOKS)]
    ids = [line.split('"id_hex":"')[1].split('"')[0] for line in pages[-1][1].splitlines() if '"id_hex":"' in line][-1:]
    status = [ms("status", ids[0])[0] for _ in range(LOOKS)] if ids else []
    return {"list_ms": house.median(page[0] for page in pages),
            "status_ms": house.median(status) if status else None,
            "summary_ms": ms("summary")[0]}


def due(options, count):
    with house.Folder() as folder, mail.Sink() as sink:
        mail.fill(folder, count, DOMAINS, options["bytes"], 0)
        with mail.start(folder, sink, options["workers"]) as server:
            memory = 0
            while sink.stat()[0] == 0 and server.process.poll() is None:
                time.sleep(0.005)
            began, before, had = time.monotonic(), server.cpu_s(), sink.stat()[0]
            while sink.stat()[0] < count and time.monotonic() - began < options["seconds"]:
                time.sleep(0.1)
                memory = max(memory, server.pss_kib())
            done, first_ns, last_ns = sink.stat()
            if done < count:  # else the end was between two looks
                last_ns = time.monotonic_ns()
            cpu = server.cpu_s() - before
            figures = {"kind": "due", "messages": count, "greeting_ms": server.greeted_ms,
                       "first_ms": first_ns / 1e6 - server.began_ms, "done": done,
                       "rate": (done - had) / max(last_ns / 1e9 - began, 1e-9), "cpu_us": cpu * 1e6 / max(done - had, 1)}
            figures.update(look(server, folder))
            figures["pss_mib"] = max(memory, server.pss_kib()) / 1024
            return figures


def parked(options, count):
    with house.Folder() as folder, mail.Sink() as sink:
        mail.fill(folder, count, DOMAINS, options["bytes"], FAR_S)
        with mail.start(folder, sink, options["workers"]) as server:
            figures = {"kind": "parked", "messages": count, "greeting_ms": server.greeted_ms}
            time.sleep(1)
            before = server.cpu_s()
            time.sleep(3)
            figures["idle_percent"] = (server.cpu_s() - before) / 3 * 100
            server.flow(sink, options["flow"] // 4)  # warm
            flows = [server.flow(sink, options["flow"]) for _ in range(3)]
            figures.update({"done": 3 * options["flow"], "rate": house.median(f[0] for f in flows),
                            "cpu_us": house.median(f[1] for f in flows)})
            figures.update(look(server, folder))
            figures["pss_mib"] = server.pss_kib() / 1024
            return figures


COLUMNS = [("queue ", "kind", "%s"), (" messages", "messages", "%d"), ("greets, ms", "greeting_ms", "%.0f"),
           ("first, ms", "first_ms", "%.0f"), ("measured", "done", "%d"), ("messages/s", "rate", "%.0f"),
           ("CPU us each", "cpu_us", "%.0f"), ("idle, % CPU", "idle_percent", "%.1f"), ("PSS MiB", "pss_mib", "%.0f"),
           ("list, ms", "list_ms", "%.1f"), ("status, ms", "status_ms", "%.1f"), ("summary, ms", "summary_ms", "%.0f")]


def main():
    arguments = sys.argv[1:]
    house.help(__file__, arguments)
    options = {"bytes": int(house.option(arguments, "--bytes", "4000")),
               "seconds": float(house.option(arguments, "--seconds", "15")),
               "workers": int(house.option(arguments, "--workers", "1")),
               "flow": int(house.option(arguments, "--flow", "10000"))}
    counts = [int(n) for n in house.option(arguments, "--messages", "1000,10000,100000,1000000").split(",")]
    kinds = house.option(arguments, "--kinds", "due,parked").split(",")
    rows = []
    for kind, measure in (("due", due), ("parked", parked)):
        for count in ([0] if kind == "parked" else []) + counts:
            if kind in kinds:
                rows.append({name: None for _, name, _ in COLUMNS} | measure(options, count))
                house.table("" if len(rows) > 1 else house.machine(), rows[-1:], COLUMNS)
    if "--save" in arguments:
        with open(os.path.join(HERE, "million.txt"), "w") as out:
            house.table(house.machine(), rows, COLUMNS, out)
        chart.save(os.path.join(HERE, "million.svg"), "CPU of the server for one message, by messages that wait",
                   "microseconds", [(kind, [(r["messages"], r["cpu_us"]) for r in rows if r["kind"] == kind and r["messages"]])
                                    for kind in kinds])


main()
