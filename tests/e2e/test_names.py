# SPDX-License-Identifier: Apache-2.0
"""Names as the machine knows them: /etc/resolv.conf, which may change at any time, and /etc/hosts. The server has a
view of the machine of its own, with files of the test in their place, and asks servers on loopback (port 53)."""
import os
import socket
import subprocess
import threading

import pytest

from conftest import BINARY, eventually
from peer_tools import Names
from process_tools import ask as ask_server
from test_queue_control import Host

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or subprocess.run(['unshare', '--mount', 'true'], capture_output=True, check=False).returncode != 0,
    reason='needs root, and a view of the machine of its own')

VIEW = 'for f in hosts resolv.conf; do mount --bind "$0/$f" /etc/$f || exit 9; done; exec "$@"'


class Counted(Names):
    """A server of the DNS at port 53 of an address; it counts the questions."""

    def __init__(self, address, records, name=None):
        threading.Thread.__init__(self, daemon=True)
        self.count, outer = 0, self

        class Records(dict):
            def get(self, *args):
                outer.count += 1
                return super().get(*args)

        self.records, self.name_on_wire = Records(records), name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        self.start()


@pytest.fixture
def names():
    """names(address, records, name): see Counted."""
    made = []

    def make(*args):
        made.append(Counted(*args))
        return made[-1]

    yield make
    for server in made:
        try:
            server.socket.shutdown(socket.SHUT_RDWR)  # "not connected", and the thread wakes up all the same
        except OSError:
            pass
        server.socket.close()
        server.join()


@pytest.fixture
def view(tmp_path):
    """view(hosts=..., resolv_conf=...) writes these files; gives the beginning of a command that sees them."""
    def write(**files):
        for name, text in files.items():
            with open(tmp_path / name.replace('_', '.', 1), 'w', encoding='ascii') as f:
                f.write(text)
        return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', VIEW, str(tmp_path)]
    write(hosts='127.0.0.1 localhost\n', resolv_conf='')
    return write


def talk(s):
    """A client about whom the DNS is asked."""
    with s.connect('smtp') as c:
        c.reply()
        c.command('EHLO me%d.example.test' % os.urandom(1)[0])
        c.command('MAIL FROM:<anna@from.example>')


def test_resolv_conf_is_read_again(server, view, names):
    first, second = names('127.0.0.77', {}), names('127.0.0.78', {})
    s = server(start=False)
    s.start(prefix=view(resolv_conf='nameserver 127.0.0.77\noptions attempts:1\n'))
    s.wait_log(r'DNSSEC is off')  # these sign nothing, and it is told before anybody has asked
    assert 'there is no DANE' in ask_server(s, 'status').stdout
    assert '"dane":false' in ask_server(s, 'status', '--json').stdout
    talk(s)
    assert first.count > 0 and second.count == 0
    view(resolv_conf='nameserver 127.0.0.78\n')
    s.wait_log(r'Other servers of the DNS.*127\.0\.0\.78')
    before = first.count
    talk(s)
    eventually(lambda: second.count > 1, what='a question to the other server')
    assert first.count == before
    view(resolv_conf='# nothing\n')
    s.wait_log(r'Servers of the DNS unusable.*names no server')
    talk(s)
    assert first.count == before
    # A worker that is born now asks whom the others ask.
    s.expect_log('worker')
    count = second.count
    for pid in s.pids():
        os.kill(pid, 9)
    s.wait_log(r'(?s)(Worker started.*){4}')
    talk(s)
    eventually(lambda: second.count > count, what='a question of a new worker')
    assert first.count == before


def test_a_file_that_stays_the_same_changes_nothing(server, view, names):
    names('127.0.0.77', {})
    s = server(start=False)
    s.start(prefix=view(resolv_conf='nameserver 127.0.0.77\n'))
    view(resolv_conf='# written again\nnameserver 127.0.0.77\nsearch example\n')
    view(hosts='127.0.0.1 localhost\n')
    with pytest.raises(AssertionError):
        s.wait_log('Other servers', within_s=5)


def test_validation_that_cannot_be_stops_the_start(server, view, names):
    names('127.0.0.77', {})
    s = server('[resolver]\ndnssec = "validate"\n', start=False)
    s.expect_log('.')
    s.start(wait=False, prefix=view(resolv_conf='nameserver 127.0.0.77\n'))
    assert s.process.wait(40) == 1
    assert s.log_has(r'"validate"? ?.* is impossible: the servers of the DNS take signatures off'), s.log_text()
    s.stop(status=1)


def test_servers_that_are_silent_stop_nothing(server, view):
    s = server('[resolver]\ndnssec = "validate"\ntimeout = "1s"\nattempts = 0\n', start=False)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(('127.0.0.77', 53))
        s.start(prefix=view(resolv_conf='nameserver 127.0.0.77\n'))


RELAY = """
[queue.strategy]
route = "'%s'"
[queue.route.relay]
type = "relay"
address = "relay.test"
port = %d
[resolver]
dnssec = "off"
hosts-file = %s
"""


def test_names_of_the_hosts_file_are_those_of_relays(server, view, names):
    """outbound.md 22.1: what somebody has written into the settings is found there, and not what strangers write."""
    names('127.0.0.77', {15: b'\x00\x0a\x05relay\x04test\x00'}, b'\x03far\x04test\x00')
    prefix = view(resolv_conf='nameserver 127.0.0.77\n', hosts='127.0.0.1 localhost\n127.0.0.1 here Relay.Test\n')
    host = Host()
    host.answer = '250 2.1.5 welcome'

    def ask(route, hosts_file):
        s = server(RELAY % (route, host.port, hosts_file), start=False)
        done = subprocess.run([*prefix, BINARY, 'troubleshoot', 'delivery', 'bob@far.test', '-c', s.config_path],
                              capture_output=True, text=True, timeout=60, check=False)
        return done.stdout + done.stderr
    try:
        assert 'It would be taken.' in ask('relay', 'true')
        assert 'the relay has no address in the DNS' in ask('relay', 'false')
        assert 'MX host has no address' in ask('mx', 'true')
    finally:
        host.shutdown()
        host.server_close()
