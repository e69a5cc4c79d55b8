#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# bench/tls.py: a TLS connection that greets and quits, beside nginx's mail module.
#
# usage: bench/tls.py [ROUNDS] [THREADS]
#
# Certificates with P-256 and RSA-2048; full handshakes and resumed ones (tickets); ROUNDS (7) of a
# second each with THREADS (8) clients, by turns for both servers, one worker each. Prints medians
# and the ratio of our CPU for each connection to nginx's, which is to be at most 1.1.
import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/lib")
import house  # noqa: E402

KINDS = ("p256", "rsa2048")
RATIO_MOST = 1.1


def measure(kind, count, threads):
    """A dict of (server, full or resumed) to the rounds seen."""
    with house.Folder() as folder:
        way = "first:" + kind
        servers = [s for s in (house.posthaste(folder, way), house.nginx(folder, way)) if s]
        cells = [(server, how) for server in servers for how in ("full", "resumed")]

        def cell(which):
            server, how = which
            flags = ["--tls", "--resume"] if how == "resumed" else ["--tls"]
            return house.greet(server, 1, threads, *flags)

        try:
            for which in cells:
                cell(which)
            seen = house.rounds(cells, count, cell)
        finally:
            for server in servers:
                server.stop()
    return {(server.name, how): rounds for (server, how), rounds in seen.items()}


def main(arguments):
    house.help(__file__, arguments)
    count = int(arguments[0]) if arguments else 7
    threads = int(arguments[1]) if len(arguments) > 1 else 8
    house.descriptors()
    print(house.machine(), flush=True)
    rows, worst = [], 0
    for kind in KINDS:
        seen = measure(kind, count, threads)
        for how in ("full", "resumed"):
            cpu = {name: [r["cpu_us"] for r in rounds]
                   for (name, h), rounds in seen.items() if h == how}
            for name, values in cpu.items():
                rounds = seen[(name, how)]
                ratio = None
                if name == "posthaste" and "nginx" in cpu:
                    ratio = house.median(values) / house.median(cpu["nginx"])
                    worst = max(worst, ratio)
                rows.append({"kind": kind, "how": how, "server": name,
                             "cpu": house.median(values), "least": min(values), "ratio": ratio,
                             "rate": house.median([r["rate"] for r in rounds]),
                             "resumed": sum(r["resumed"] for r in rounds) * 100 /
                             sum(r["done"] for r in rounds)})
    house.table("TLS 1.3, greet, quit; %d clients, medians of %d rounds" % (threads, count), rows,
                [("key    ", "kind", "%s"), ("handshake", "how", "%s"),
                 ("server    ", "server", "%s"), ("CPU us each", "cpu", "%.0f"),
                 ("least", "least", "%.0f"), ("a second", "rate", "%.0f"),
                 ("resumed %", "resumed", "%.0f"), ("to nginx", "ratio", "%.2f")])
    return 0 if worst <= RATIO_MOST else 1


sys.exit(main(sys.argv[1:]))
