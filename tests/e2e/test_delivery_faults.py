# SPDX-License-Identifier: Apache-2.0
"""Hosts that misbehave, and a server that dies while it delivers: whatever was acknowledged arrives,
and twice only what was on its way."""
import contextlib
import os
import random
import re
import signal
import smtplib

from conftest import eventually
from delivery_tools import (FAR, SCHEDULE, assert_arrived, below_trace, notices, queue_empties, send, send_over, sender,
                            sunk)
from mail_tools import Letter, queue
from peer_tools import Peer, smtp_sink

SLOTS = 5
KILLS = 3
FEW_SLOTS = '[queue.virtual.remote]\nthreads-per-node = %d\n' % SLOTS


def taken(peer):
    return lambda: [m[2] for m in peer.messages]


TROUBLES = {
    'greeting-closes': {'': [None]}, 'greeting-421': {'': ['421 4.3.2 busy']}, 'ehlo-closes': {'EHLO': [None]},
    'mail-451': {'MAIL': ['451 4.3.0 later']}, 'mail-closes': {'MAIL': [None]},
    'rcpt-451': {'RCPT': ['451 4.7.1 greylisted, come back']}, 'rcpt-closes': {'RCPT': [None]},
    'data-451': {'DATA': ['451 4.3.0 later']}, 'data-closes': {'DATA': [None]}, 'end-451': {'.': ['451 4.3.0 later']},
    'end-closes': {'.': [None]}, 'end-421': {'.': ['421 4.3.2 going down']}}


def test_trouble_once(server, tmp_path):
    """Wherever it is, the next attempt succeeds, and nobody is told anything. Each is a host of its own."""
    with contextlib.ExitStack() as all_of_them:
        peers = {name: all_of_them.enter_context(Peer(answers=a)) for name, a in TROUBLES.items()}
        routes = ''.join('[queue.route.%s]\ntype = "relay"\naddress = "127.0.0.1"\nport = %d\n' % (name, peer.port)
                         for name, peer in peers.items())
        s = sender(server, tmp_path, 1, more=routes, route_name='split(rcpt_domain, \'.\')[0]')
        letters = {name: Letter(name) for name in peers}
        for name in peers:
            send(s, letters[name], 'bert@%s.test' % name)
        for name, peer in peers.items():
            assert_arrived(taken(peer), letters[name])
            assert not any(peer.answers.values()), name
        queue_empties(s)
        assert not notices(s)
        assert [len(p.messages) for p in peers.values()] == [1] * len(peers)


def test_one_of_several_is_put_off(server, tmp_path):
    """It is tried again alone."""
    with Peer(answers={'RCPT': ['250 ok', '451 4.7.1 not now', '250 ok']}) as peer:
        s = sender(server, tmp_path, peer.port)
        send(s, Letter('greylisted'), FAR, 'carl@far.test', 'dora@far.test')
        eventually(lambda: len(peer.messages) == 2, what='both messages')
        queue_empties(s)
        told = [[re.search('<(.*)>', r)[1] for r in m[1]] for m in peer.messages]
        assert told == [[FAR, 'dora@far.test'], ['carl@far.test']]


def test_a_host_that_closes_idle_connections(server, tmp_path):
    """At the moment of reuse: another connection is made at once, without waiting for the schedule."""
    with Peer(answers={'MAIL': ['250 ok', None]}) as peer:
        s = sender(server, tmp_path, peer.port, workers=1, schedule=SCHEDULE.replace('1s', '1h'))
        letters = [Letter('first'), Letter('second')]
        for letter in letters:
            send(s, letter, FAR)
            assert_arrived(taken(peer), letter)
        queue_empties(s)
        assert peer.connections == 2


def test_messages_over_one_connection(server, tmp_path):
    with Peer() as peer:
        s = sender(server, tmp_path, peer.port, workers=1, more='[queue.virtual.remote]\nthreads-per-node = 1\n')
        letters = [Letter('%d' % i) for i in range(30)]
        with smtplib.SMTP('127.0.0.1', s.ports['smtp'], timeout=30) as c:
            for letter in letters:
                send_over(c, letter, FAR)
        assert_arrived(taken(peer), *letters)
        queue_empties(s)
        assert peer.connections == 1


def test_killed_while_delivering(server, tmp_path):
    """All of its processes at once, with SIGKILL, while mail comes and goes."""
    chance = random.Random(4711)
    with smtp_sink(tmp_path / 'sink') as port:
        s = sender(server, tmp_path, port, more=FEW_SLOTS)
        s.expect_log('.')
        letters = []
        for _ in range(KILLS):
            with smtplib.SMTP('127.0.0.1', s.ports['smtp'], timeout=30) as c:
                for _ in range(chance.randrange(10, 60)):
                    letters.append(Letter('killed', size=chance.randrange(5000)))
                    send_over(c, letters[-1], FAR)
                kill(s)
            s.start()
        account(s, lambda: sunk(tmp_path / 'sink'), letters)


def test_killed_while_the_last_reply_is_awaited(server, tmp_path):
    """The peer has them, but nobody has heard so: these, and no others, arrive twice."""
    with Peer() as peer:
        s = sender(server, tmp_path, peer.port, more=FEW_SLOTS)
        s.expect_log('.')
        peer.gate.clear()
        letters = [Letter('unheard') for _ in range(4 * SLOTS)]
        for letter in letters:
            send(s, letter, FAR)
        eventually(lambda: peer.said.count('DATA') > 1, what='deliveries')
        kill(s)
        peer.gate.set()
        s.start()
        assert account(s, taken(peer), letters) > 0


def kill(s):
    os.killpg(s.process.pid, signal.SIGKILL)
    s.process.wait()
    s.log.close()


def account(s, read, letters):
    """All have arrived; how many copies too many."""
    wanted = [letter.data for letter in letters]
    eventually(lambda: not set(wanted) - {below_trace(d) for d in read()}, what='the arrival of all')
    queue_empties(s)
    found = [below_trace(d) for d in read()]
    assert set(found) == set(wanted), 'something else has arrived'
    copies = [found.count(w) for w in wanted]
    print('copies too many:', sum(copies) - len(copies))
    assert max(copies) <= 1 + KILLS
    assert sum(copies) - len(copies) <= KILLS * (SLOTS + 1)  # slots are rounded up for two workers
    queue(s).check()
    return sum(copies) - len(copies)
