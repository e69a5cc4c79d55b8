#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that send mail, each as fast as it can or at a given rate in all, until standard input
ends, and keep books: which messages were acknowledged, which refused, and of which nobody knows,
since the connection ended before the reply.

usage: flood.py --port PORT --out FILE [--clients N] [--rate PER_SECOND] [--big PERMILLE] [--prefix TEXT]

The name of a message stands in its field X-Letter, and a checksum in X-Sum (mail_tools.py). FILE gets
one line a message: `ok ID NAME`, `no CODE NAME` or `unknown - NAME`. Messages that were never sent to
their end have no line. Each client is a process: one alone would be busy with the clients' own work."""
import argparse
import hashlib
import json
import multiprocessing
import os
import random
import re
import signal
import socket
import sys
import time

PATIENCE_S = 20
QUEUED = re.compile(rb'250 2\.0\.0 Message queued with id ([0-9a-f]{16})\.')
PER_SESSION = 50
AGAIN_S = 0.02


class Lost(Exception):
    """The connection ended, or the server wants it to."""


class Client:
    def __init__(self, opt, number, stop, counts):
        self.opt, self.stop, self.counts = opt, stop, counts
        self.name = '%s%d' % (opt.prefix, number)
        self.random = random.Random(self.name)
        self.socket, self.unread, self.sequence, self.in_session = None, b'', 0, 0
        self.book = open('%s.%d' % (opt.out, number), 'w', encoding='ascii')

    def run(self):
        pause = self.opt.clients / self.opt.rate if self.opt.rate else 0
        due = time.monotonic()
        while not self.stop.value:
            try:
                if self.socket is None:
                    self.connect()
                self.send()
            except (OSError, Lost):
                self.drop()
                time.sleep(AGAIN_S)
            due = max(due + pause, time.monotonic() - 1)
            time.sleep(max(0, due - time.monotonic()))
        self.drop()
        self.book.close()

    def connect(self):
        self.unread, self.in_session = b'', 0
        self.socket = socket.create_connection(('127.0.0.1', self.opt.port), PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.expect(b'220')
        self.socket.sendall(b'EHLO flood.example.test\r\n')
        self.expect(b'250')

    def drop(self):
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def reply(self):
        """The last line of a reply."""
        while True:
            while b'\n' not in self.unread:
                more = self.socket.recv(65536)
                if not more:
                    raise Lost()
                self.unread += more
            line, self.unread = self.unread.split(b'\n', 1)
            if line[3:4] == b' ':
                return line

    def expect(self, code):
        if not self.reply().startswith(code):
            raise Lost()

    def send(self):
        """One message. Its envelope goes ahead in one piece (RFC 2920), and so does BDAT."""
        name, data = self.message()
        chunked = self.random.random() < 0.3
        envelope = b'MAIL FROM:<flood@client.test>\r\nRCPT TO:<bert@example.test>\r\n'
        self.socket.sendall(envelope + (b'BDAT %d LAST\r\n' % len(data) + data if chunked else b'DATA\r\n'))
        sent = chunked
        try:
            answers = [self.reply() for _ in range(2 if chunked else 3)]
            refusals = [a for a in answers if a[:1] not in b'23']
            if refusals:
                sent = False  # what BDAT brought is answered, too, but the first one says why
                self.note(refusals[0], name)
                raise Lost()
            if not chunked:
                sent = True
                self.socket.sendall(data.replace(b'\r\n.', b'\r\n..') + b'.\r\n')
            self.note(self.reply(), name)
        except (OSError, Lost):
            if sent:
                self.write('unknown', '-', name)
            raise
        self.in_session += 1
        if self.in_session >= PER_SESSION:
            self.socket.sendall(b'QUIT\r\n')
            raise Lost()

    def note(self, reply, name):
        queued = QUEUED.match(reply)
        if queued:
            self.write('ok', queued[1].decode(), name)
        else:
            self.write('no', reply[:3].decode(), name)
            if reply.startswith(b'421'):
                raise Lost()

    def write(self, what, more, name):
        self.book.write('%s %s %s\n' % (what, more, name))
        with self.counts.get_lock():
            self.counts[('ok', 'no', 'unknown').index(what)] += 1

    def message(self):
        self.sequence += 1
        name = '%s-%d' % (self.name, self.sequence)
        size = self.random.choice((700, 2000, 4000, 6000))
        if self.random.random() * 1000 < self.opt.big:
            size = 200000  # these lie in files
        line = ('.%s %08x ' % (name, self.random.getrandbits(32)) * 3)[:70].encode() + b'\r\n'
        rest = b'From: <flood@client.test>\r\nSubject: %s\r\n\r\n' % name.encode() + line * (size // len(line))
        return name, b'X-Letter: %s\r\nX-Sum: %s\r\n' % (name.encode(), hashlib.sha256(rest).hexdigest().encode()) + rest


def client_main(opt, number, stop, counts):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Client(opt, number, stop, counts).run()


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument('--port', type=int, required=True)
    ap.add_argument('--out', required=True)
    ap.add_argument('--clients', type=int, default=8)
    ap.add_argument('--rate', type=float, default=0)
    ap.add_argument('--big', type=float, default=5)
    ap.add_argument('--prefix', default='f')
    opt = ap.parse_args()
    stop, counts = multiprocessing.Value('b', 0), multiprocessing.Array('Q', 3)
    clients = [multiprocessing.Process(target=client_main, args=(opt, i, stop, counts)) for i in range(opt.clients)]
    for c in clients:
        c.start()
    print('started', flush=True)
    sys.stdin.read()
    stop.value = 1
    for c in clients:
        c.join(PATIENCE_S * 2)
    with open(opt.out, 'wb') as out:
        for i in range(opt.clients):
            with open('%s.%d' % (opt.out, i), 'rb') as f:
                out.write(f.read())
            os.unlink('%s.%d' % (opt.out, i))
    print(json.dumps({'ok': counts[0], 'no': counts[1], 'unknown': counts[2], 'ended': all(c.exitcode == 0 for c in clients)}))


if __name__ == '__main__':
    main()
