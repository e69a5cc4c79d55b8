#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Many sessions, each of which sends one large message, all at once.

usage: big_send.py --port PORT --count N --bytes N [--rcpt ADDRESS]

All are brought to the 354 first; then they send side by side, whoever can. Prints one JSON object when
the last reply has come: how many messages were accepted, what the others heard, and the seconds
between the first octet of a message and the last reply. All send the same bytes from the same memory:
what is measured is the server."""
import argparse
import collections
import json
import resource
import selectors
import socket
import sys
import time

PIECE = 1 << 18
PATIENCE_S = 60


class Session:
    def __init__(self, port, rcpt):
        self.socket = socket.create_connection(('127.0.0.1', port), PATIENCE_S)
        self.sent, self.heard = 0, b''
        self.talk(b'', 220)
        self.talk(b'EHLO big.bench.test\r\n', 250)
        self.talk(b'MAIL FROM:<big@bench.test>\r\n', 250)
        self.talk(b'RCPT TO:<%s>\r\n' % rcpt.encode(), 250)
        self.talk(b'DATA\r\n', 354)
        self.socket.setblocking(False)

    def talk(self, line, code):
        self.socket.sendall(line)
        said = b''
        while not said.endswith(b'\r\n') or said.rstrip(b'\r\n').rpartition(b'\n')[2][3:4] != b' ':
            more = self.socket.recv(4096)
            if not more:
                break
            said += more
        if not said.rstrip(b'\r\n').rpartition(b'\n')[2].startswith(b'%d ' % code):
            sys.exit('%r got %r' % (line, said))

    def send(self, data):
        """True when all is sent."""
        self.sent += self.socket.send(data[self.sent:self.sent + PIECE])
        return self.sent == len(data)

    def hear(self):
        """The reply, or None while it has not come; b'' when the connection ended instead."""
        more = self.socket.recv(4096)
        self.heard += more
        return self.heard if self.heard.endswith(b'\r\n') else None if more else b''


def message(size):
    head = b'From: <big@bench.test>\r\nSubject: big\r\n\r\n'
    line = b'Pack my box with five dozen liquor jugs, and label each of the jugs.\r\n'
    return head + line * ((size - len(head)) // len(line)) + b'.\r\n'


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--port', type=int, required=True)
    ap.add_argument('--count', type=int, required=True)
    ap.add_argument('--bytes', type=int, required=True)
    ap.add_argument('--rcpt', default='bert@example.test')
    opt = ap.parse_args()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    data = memoryview(message(opt.bytes))
    sessions = [Session(opt.port, opt.rcpt) for _ in range(opt.count)]
    print('started', flush=True)
    results, began = collections.Counter(), time.monotonic()
    with selectors.DefaultSelector() as waiting:
        for s in sessions:
            waiting.register(s.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, s)
        while waiting.get_map():
            events = waiting.select(PATIENCE_S)
            if not events:
                results['silent'] += len(waiting.get_map())
                break
            for key, mask in events:
                s = key.data
                try:
                    if mask & selectors.EVENT_WRITE and s.send(data):
                        waiting.modify(s.socket, selectors.EVENT_READ, s)
                    said = s.hear() if mask & selectors.EVENT_READ else None
                except BlockingIOError:
                    continue
                except OSError as e:
                    said = str(e).encode()
                if said is not None:
                    results[said[:9].decode()] += 1
                    waiting.unregister(s.socket)
                    s.socket.close()
    print(json.dumps({'accepted': results.pop('250 2.0.0', 0), 'others': results, 'seconds': time.monotonic() - began}))


if __name__ == '__main__':
    main()
