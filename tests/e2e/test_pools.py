# SPDX-License-Identifier: Apache-2.0
"""Pools of source addresses on loopback: weights, warm-ups with a pool behind them, one count for all
workers and over a reload, who is suspended, and options of the sockets as the kernel has them."""
import collections
import datetime
import json
import signal
import socket
import subprocess

import pytest

from conftest import BINARY, eventually
from delivery_tools import FAR, queue_empties, send, sender
from mail_tools import Letter, queue
from peer_tools import Peer
from process_tools import status
from test_socket_options import option, sockets_of

NOWHERE = '192.0.2.77'  # TEST-NET-1: on no machine


class Sink(Peer):
    """Knows from which addresses its clients came; each brings one message."""

    def __init__(self):
        super().__init__()
        self.clients = []

    def get_request(self):
        connection, address = super().get_request()
        self.clients.append(address[0])
        return connection, address

    def taken(self, count):
        """How many of the last so many messages came from which address."""
        eventually(lambda: len(self.messages) >= count, what='%d messages' % count)
        found = collections.Counter(self.clients)
        self.clients.clear()
        self.messages.clear()
        return found


def connects(*pools, select='round-robin', keys=''):
    return '''
[queue.connection.default]
pool = "first"
select = "%s"
reuse.enable = false
%s
%s
''' % (select, keys, '\n'.join(pools))


def pool(name, *sources, keys=''):
    return '[queue.pool.%s]\nsources = [\n%s]\n%s\n' % (name, ''.join('    { %s },\n' % x for x in sources), keys)


def send_some(s, count):
    for _ in range(count):
        send(s, Letter(), FAR)


def utc_day(days=0):
    return (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)).strftime('%Y-%m-%d')


def test_weights_are_exact(server, tmp_path):
    with Sink() as sink:
        s = sender(server, tmp_path, sink.port, workers=1,
                   more=connects(pool('first', 'ip = "127.0.0.2", ehlo = "two.example.test", weight = 3',
                                      'ip = "127.0.0.3", ehlo = "three.example.test"')))
        send_some(s, 8)
        assert sink.taken(8) == {'127.0.0.2': 6, '127.0.0.3': 2}
        assert sink.said.count('EHLO two.example.test') == 6
        assert sink.said.count('EHLO three.example.test') == 2


def test_a_warm_up_overflows_into_the_pool_behind(server, tmp_path):
    day = utc_day()
    with Sink() as sink:
        s = sender(server, tmp_path, sink.port, more=connects(
            pool('first', 'ip = "127.0.0.2", warmup-start = "%s", warmup-plan = "w"' % utc_day(-1),
                 'ip = "127.0.0.4", warmup-start = "%s", warmup-plan = "w"' % utc_day(1), keys='fallback = "behind"'),
            pool('behind', 'ip = "127.0.0.3"'), '[queue.warmup.w]\ndays = [1, 5, 1]\n'))
        send_some(s, 12)
        found = sink.taken(12)
        s.send(signal.SIGHUP)
        eventually(lambda: status(s)['generation'] == 2, what='the reload')
        send_some(s, 4)
        later = sink.taken(4)
    if utc_day() != day:
        pytest.skip('midnight has passed')
    assert found == {'127.0.0.2': 5, '127.0.0.3': 7}  # both workers together
    assert later == {'127.0.0.3': 4}  # the count is that of the node, not of a generation


def test_addresses_that_are_suspended_or_not_there(server, tmp_path):
    with Sink() as sink:
        s = sender(server, tmp_path, sink.port, more=connects(
            pool('first', 'ip = "127.0.0.2", weight = 1000', 'ip = "127.0.0.3"', 'ip = "%s", weight = 1000' % NOWHERE),
            select='random'))
        s.expect_log('the source address cannot be used')
        send_some(s, 6)
        assert NOWHERE not in sink.taken(6)
        queue(s).run('suspend', '--source-ip', '127.0.0.2')
        send_some(s, 4)
        assert sink.taken(4) == {'127.0.0.3': 4}
        queue(s).run('unsuspend', '--source-ip', '127.0.0.2')
        send_some(s, 6)
        assert '127.0.0.2' in sink.taken(6)
        queue_empties(s)


def test_route_lists_them(server, tmp_path):
    s = sender(server, tmp_path, 9, start=False, more=connects(
        pool('first', 'ip = "127.0.0.2", warmup-start = "%s", warmup-plan = "w"' % utc_day(-1), keys='fallback = "behind"'),
        pool('behind', 'ip = "127.0.0.3", ehlo = "three.example.test", weight = 7', 'ip = "::1"'),
        '[queue.warmup.w]\ndays = [1, 5, 5]\n'))
    done = subprocess.run([BINARY, 'test', 'route', FAR, '-c', s.config_path], capture_output=True, timeout=60, check=True)
    hosts = json.loads(done.stdout)['hosts']
    assert [(x['pool'], x['ip'], x['weight'], x['today']) for x in hosts[0]['sources']] == \
        [('first', '127.0.0.2', 1, 5), ('behind', '127.0.0.3', 7, None)]
    assert hosts[0]['sources'][1]['ehlo'] == 'three.example.test'


def test_options_of_the_sockets(server, tmp_path):
    with Sink() as sink:
        sink.gate.clear()
        s = sender(server, tmp_path, sink.port, more=connects(
            pool('first', 'ip = "127.0.0.2"'), keys='tos = 32\nmss = 1000\nbind-device = "lo"\nkeepalive = "2m"\n'))
        send_some(s, 1)
        eventually(lambda: sink.connections == 1 and any(x.startswith('DATA') for x in sink.said), what='the message')
        ours = [x for x in sockets_of(s) if leads_to(x, sink.port)]
        assert len(ours) >= 1
        assert option(ours[0], socket.IPPROTO_IP, socket.IP_TOS) == 32
        assert option(ours[0], socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert option(ours[0], socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert option(ours[0], socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 120
        assert option(ours[0], socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 1000
        for x in ours:
            x.close()
        sink.gate.set()
        assert sink.taken(1) == {'127.0.0.2': 1}


def leads_to(x, port):
    try:
        return x.getpeername()[1] == port
    except OSError:
        return False
