# SPDX-License-Identifier: Apache-2.0
# bench/lib/mail.py: a server that delivers what waits in its queue or comes by SMTP to a sink on
# loopback, and the parts around it.
#
#     with house.Folder() as folder, mail.Sink() as sink:
#         mail.fill(folder, 1000, 50, 4000, 0)          # 1,000 messages to 50 domains, due now
#         with mail.start(folder, sink) as server:
#             server.greeted_ms, sink.stat(), server.flow(sink, 10000)
import os
import socket
import subprocess
import sys
import threading
import time

import house

BENCH = os.path.join(os.path.dirname(os.path.dirname(house.POSTHASTE)), "bench")
CONFIG = """
[queue]
detect-self = false
[queue.strategy]
route = %s
[queue.route.sink]
type = "relay"
address = "127.0.0.1"
port = %d
[queue.quota.size]
messages = 100000000
[session.auth]
require = "false"
[session.rcpt]
relay = "true"
%s
"""


class Sink:
    def __init__(self):
        self.port = house.free_port()
        self.process = subprocess.Popen([os.path.join(BENCH, "load-sink"), str(self.port)])
        self.talk = None
        for _ in range(100):
            try:
                self.talk = socket.create_connection(("127.0.0.1", self.port), 1)
                break
            except OSError:
                time.sleep(0.02)
        self.lines = self.talk.makefile("rb")
        self.lines.readline()

    def stat(self, command=b"STAT"):
        """Messages that came; when the first and the last did, in nanoseconds of the monotonic clock."""
        self.talk.sendall(command + b"\r\n")
        return tuple(int(n) for n in self.lines.readline().split()[1:])

    def forget(self):
        self.stat(b"RSTA")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.talk.close()
        self.process.kill()
        self.process.wait()


class Dead:
    """A host at 127.0.0.2 that takes nothing: `silent` takes connections and never speaks, `closed`
    refuses them, `slow` refuses each recipient for now, after a second."""

    def __init__(self, kind):
        self.kind = kind
        self.listener = socket.create_server(("127.0.0.2", 0), backlog=1000)
        self.port = self.listener.getsockname()[1]
        if kind == "slow":
            threading.Thread(target=self.serve, daemon=True).start()
        elif kind != "silent":
            self.listener.close()

    def serve(self):
        try:
            while True:
                threading.Thread(target=self.talk, args=(self.listener.accept()[0],), daemon=True).start()
        except OSError:
            pass

    def talk(self, s):
        try:
            s.sendall(b"220 slow.test ESMTP\r\n")
            for line in s.makefile("rb"):
                if line.startswith(b"RCPT"):
                    time.sleep(1)
                s.sendall(b"450 4.2.1 later\r\n" if line.startswith((b"RCPT", b"DATA")) else b"250 ok\r\n")
        except OSError:
            pass
        s.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()


def state(folder):
    path = folder.path("state")
    os.makedirs(path, exist_ok=True)
    os.chmod(path, 0o700)
    return path


def fill(folder, count, domains, size, due_in_s, prefix="d"):
    if count == 0:
        return
    subprocess.run([os.path.join(BENCH, "queue-fill"), state(folder) + "/data", state(folder) + "/blobs", str(count),
                    str(domains), str(size), str(due_in_s), prefix], check=True)


def queue(folder, *words):
    """What the command says; a message that it is to show may have been delivered meanwhile."""
    return subprocess.run([house.POSTHASTE, "queue", words[0], "-c", folder.path("posthaste.toml"), *words[1:]],
                          capture_output=True, text=True).stdout


class Delivering(house.Server):
    """Knows when it was begun and when it greeted, in milliseconds of the monotonic clock."""

    def __init__(self, command, port, log):
        self.name, self.port = "posthaste", port
        self.log = log
        self.began_ms = time.monotonic_ns() / 1e6
        with open(log, "w") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL)
        while self.process.poll() is None:
            try:
                with socket.create_connection(("127.0.0.1", port), 30) as s:
                    if s.recv(100).startswith(b"220"):
                        break
            except OSError:
                time.sleep(0.003)
        self.greeted_ms = time.monotonic_ns() / 1e6 - self.began_ms
        if self.process.poll() is not None:
            with open(log) as said:
                sys.exit("posthaste did not start:\n" + said.read())

    def flow(self, sink, count, sessions=20, size=4000):
        """Messages of smtp-source through the server into the sink: how many a second, and the
        server's CPU for one, in microseconds."""
        sink.forget()
        before, began = self.cpu_s(), time.monotonic()
        said = subprocess.run(["smtp-source", "-m", str(count), "-s", str(sessions), "-l", str(size), "-N",
                               "-f", "ann@home.example", "-t", "bob@flow.example",
                               "127.0.0.1:%d" % self.port], capture_output=True, text=True)
        if said.returncode != 0:
            sys.exit("smtp-source: " + said.stderr)
        while sink.stat()[0] < count and time.monotonic() - began < 120:
            time.sleep(0.02)
        done, _, last_ns = sink.stat()
        if done < count:
            sys.exit("%d of %d messages have arrived" % (done, count))
        return count / (last_ns / 1e9 - began), (self.cpu_s() - before) * 1e6 / count


def start(folder, sink, workers=1, extra="", route="\"'sink'\""):
    """route: the expression of queue.strategy.route."""
    state(folder)
    return house.posthaste(folder, workers=workers, extra=CONFIG % (route, sink.port, extra), server=Delivering)
