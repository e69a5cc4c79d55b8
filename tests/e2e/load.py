#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that come at a steady rate, talk, and quit, until standard input ends.

usage: load.py --plain PORT [--tls PORT] [--rate PER_SECOND] [--tls-share PERCENT]

Each one connects, hears the greeting, says EHLO, NOOP and QUIT, and waits for the end of the
connection. At the end it prints one JSON object: how many came and were served, and of the others
how many were refused, cut off (reset, or ended in the middle), stuck for ten seconds, or heard
something else than they should; with examples."""
import argparse
import asyncio
import json
import ssl
import sys
import time

PATIENCE_S = 10
OPEN_MAX = 400  # clients at once: beyond, the rate gives way


class Wrong(Exception):
    pass


class Figures:
    def __init__(self):
        self.count = dict.fromkeys(('served', 'refused', 'cut', 'stuck', 'wrong'), 0)
        self.examples, self.slowest_ms = [], 0

    def note(self, what, why=None):
        self.count[what] += 1
        if why is not None and len(self.examples) < 10:
            self.examples.append('%s: %s' % (what, why))


async def hear(reader, code):
    while True:
        line = await reader.readline()
        if not line.endswith(b'\n'):
            raise ConnectionResetError('ended instead of %d' % code)
        if not line.startswith(b'%d' % code):
            raise Wrong('%r instead of %d' % (line, code))
        if line[3:4] == b' ':
            return


async def talk(port, context):
    reader, writer = await asyncio.open_connection('127.0.0.1', port, ssl=context)
    try:
        await hear(reader, 220)
        for command, code in ((b'EHLO load.example.test', 250), (b'NOOP', 250), (b'QUIT', 221)):
            writer.write(command + b'\r\n')
            await hear(reader, code)
        if await reader.read(1):
            raise Wrong('text behind the last reply')
    finally:
        writer.close()


async def client(port, context, figures):
    began = time.monotonic()
    try:
        await asyncio.wait_for(talk(port, context), PATIENCE_S)
        figures.note('served')
    except ConnectionRefusedError as e:
        figures.note('refused', e)
    except (asyncio.TimeoutError, TimeoutError):
        figures.note('stuck', 'for %d s' % PATIENCE_S)
    except Wrong as e:
        figures.note('wrong', e)
    except (OSError, ssl.SSLError, asyncio.IncompleteReadError) as e:
        figures.note('cut', repr(e))
    figures.slowest_ms = max(figures.slowest_ms, round((time.monotonic() - began) * 1000))


def any_certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


async def run(options):
    figures, tasks, context = Figures(), set(), any_certificate() if options.tls else None
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, lambda: sys.stdin.buffer.read1(1) or ended.set())
    began, started = time.monotonic(), 0
    print('started', flush=True)
    while not ended.is_set():
        due = int((time.monotonic() - began) * options.rate)
        while started < due and len(tasks) < OPEN_MAX:
            tls = context is not None and started % 100 < options.tls_share
            task = asyncio.create_task(client(options.tls if tls else options.plain, context if tls else None, figures))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
            started += 1
        if len(tasks) >= OPEN_MAX:
            began = time.monotonic() - started / options.rate  # what could not come is not made up for
        await asyncio.sleep(0.005)
    loop.remove_reader(sys.stdin)
    seconds = time.monotonic() - began
    if tasks:
        await asyncio.wait(tasks)
    return {**figures.count, 'clients': started, 'seconds': round(seconds, 2), 'per_second': round(started / seconds),
            'slowest_ms': figures.slowest_ms, 'examples': figures.examples}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--plain', type=int, required=True)
    parser.add_argument('--tls', type=int)
    parser.add_argument('--rate', type=int, default=500)
    parser.add_argument('--tls-share', type=int, default=20)
    print(json.dumps(asyncio.run(run(parser.parse_args()))), flush=True)


if __name__ == '__main__':
    main()
