# SPDX-License-Identifier: Apache-2.0
"""What the tests of the process tree share: load, `posthaste server ...`, the service manager's end
of NOTIFY_SOCKET, and servers that have successors."""
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys

from conftest import BINARY, eventually

HERE = os.path.dirname(os.path.abspath(__file__))
RATE = int(os.environ.get('POSTHASTE_LOAD_RATE', '500'))


class Load:
    """load.py, running; `figures` when it has ended."""

    def __init__(self, server, rate=RATE):
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, 'load.py'), '--plain', str(server.ports['smtp']),
             '--tls', str(server.ports['submissions']), '--rate', str(rate)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == 'started\n'
        self.figures = None

    def end(self):
        out, _ = self.process.communicate(timeout=60)
        self.figures = json.loads(out)
        print('load:', json.dumps(self.figures))
        return self.figures


@contextlib.contextmanager
def load(server, rate=RATE):
    running = Load(server, rate)
    try:
        yield running
    finally:
        if running.figures is None:
            running.end()


def ask(server, *words, timeout=60):
    """`posthaste server WORDS` about this server."""
    return subprocess.run([BINARY, 'server', *words, '-c', server.config_path], capture_output=True, text=True,
                          timeout=timeout)


def status(server):
    """It is ready a moment before it can be asked."""
    done = None

    def answered():
        nonlocal done
        done = ask(server, 'status', '--json')
        return done.returncode != 3
    eventually(answered, 10, 'an answer of the server')
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lock_pid(server):
    with open(os.path.join(server.folder, 'state', 'lock'), encoding='ascii') as f:
        text = f.read().strip()
    return int(text) if text else 0


@contextlib.contextmanager
def with_successors(server):
    """At the end the server that is in service now is stopped too, whoever it is."""
    group = os.getpgid(server.process.pid)
    try:
        yield
        assert ask(server, 'stop').returncode == 0
    finally:
        with contextlib.suppress(ProcessLookupError):
            if sys.exc_info()[0] is not None:
                os.killpg(group, signal.SIGKILL)


class Manager:
    """The receiving end of NOTIFY_SOCKET."""

    def __init__(self, folder):
        self.path = os.path.join(str(folder), 'notify')
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.setblocking(False)
        self.heard = []

    def listen(self):
        while True:
            try:
                self.heard += self.socket.recv(65536).decode().split('\n')
            except BlockingIOError:
                return self.heard

    def wait(self, start, within_s=20):
        """Waits for a line that begins so, and forgets all up to it; returns the line."""
        eventually(lambda: any(line.startswith(start) for line in self.listen()), within_s, 'the notice %s' % start)
        place = next(i for i, line in enumerate(self.heard) if line.startswith(start))
        line, self.heard = self.heard[place], self.heard[place + 1:]
        return line
