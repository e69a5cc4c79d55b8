# SPDX-License-Identifier: Apache-2.0
"""A flood of mail (flood.py), and what must be true of the queue afterwards.

    with Flood(s, tmp_path) as flood:
        ... whatever happens ...
    figures = account_for(s, flood)    # after the server has been stopped

A message that got 250 is in the queue exactly once, byte for byte; one that was refused is not; one
whose reply never came may be there once; nobody else is."""
import collections
import json
import os
import subprocess
import sys

from conftest import BINARY
from mail_tools import queue, read_stamp

HERE = os.path.dirname(os.path.abspath(__file__))
READER = os.path.join(os.path.dirname(os.path.realpath(BINARY)), '..', 'tests', 'support', 'queue_reader')


class Flood:
    def __init__(self, server, folder, *words, listener='smtp'):
        self.out = os.path.join(str(folder), 'flood')
        self.process = subprocess.Popen(
            [sys.executable, os.path.join(HERE, 'flood.py'), '--port', str(server.ports[listener]), '--out', self.out,
             *[str(w) for w in words]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == 'started\n'
        self.figures = None

    def end(self):
        if self.figures is None:
            said, _ = self.process.communicate(timeout=120)
            self.figures = json.loads(said)
            assert self.figures.pop('ended'), 'a client did not end'
        return self.figures

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def book(self):
        """{name: (what, id or code)}"""
        with open(self.out, encoding='ascii') as f:
            return {name: (what, more) for what, more, name in (line.split() for line in f)}


def messages(s):
    """All (id, bytes as they came) of a queue whose server has stopped."""
    if not os.path.exists(READER):  # a build without tests: one command a message, which takes a while
        for record in queue(s).records():
            yield record['id_hex'], queue(s).run('show', '--original', record['id_hex'])
        return
    with subprocess.Popen([*s.prefix, READER, s.store, os.path.join(s.store, 'blobs')],
                          stdout=subprocess.PIPE) as p:
        while True:
            head = p.stdout.readline()
            if not head:
                break
            number, size = head.split(b' ')[:2]
            yield number.decode(), p.stdout.read(int(size))
            assert p.stdout.read(1) == b'\n'
    assert p.returncode == 0


def account_for(s, flood):
    """Compares book and queue; returns figures, which it prints, too."""
    book = flood.book()
    found = collections.Counter()
    wrong = []
    for number, data in messages(s):
        stamp = read_stamp(data)
        if stamp is None and data.startswith(b'Subject: probe\r\n'):
            continue  # a test's own
        if stamp is None or not stamp[1]:
            wrong.append('%s is damaged: %r' % (number, data[:200]))
            continue
        found[stamp[0]] += 1
        what, more = book.get(stamp[0], ('never sent', ''))
        if what not in ('ok', 'unknown') or (what == 'ok' and more != number):
            wrong.append('%s is %s %s and in the queue as %s' % (stamp[0], what, more, number))
    wrong += ['%s is there %d times' % (n, c) for n, c in found.items() if c > 1]
    wrong += ['%s was acknowledged as %s and is missing' % (n, more) for n, (what, more) in book.items()
              if what == 'ok' and n not in found]
    kinds = collections.Counter(what for what, _ in book.values())
    figures = {'sent': len(book), 'acknowledged': kinds['ok'], 'refused': kinds['no'], 'unknown': kinds['unknown'],
               'found': sum(found.values()), 'unknown found': sum(found[n] for n, (w, _) in book.items() if w == 'unknown')}
    print('flood:', json.dumps(figures))
    assert not wrong, '%d are wrong:\n%s' % (len(wrong), '\n'.join(wrong[:20]))
    queue(s).check()
    return figures
