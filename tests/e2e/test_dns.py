# SPDX-License-Identifier: Apache-2.0
"""Names: `posthaste dns query` asks real servers on loopback. nsd serves one zone that is signed
well, one that is signed and then tampered with, one unsigned and one that does not load; unbound
stands before it as the resolver that the configuration names. Nothing leaves the machine."""
import json
import os
import shutil
import socket
import struct
import subprocess
import time

import pytest

from conftest import BINARY, eventually, free_ports
from peer_tools import Names

TOOLS = ('nsd', 'unbound', 'ldns-keygen', 'ldns-signzone')
missing = [t for t in TOOLS if shutil.which(t) is None and not os.path.exists('/usr/sbin/' + t)]
pytestmark = pytest.mark.skipif(bool(missing), reason='not installed: ' + ' '.join(missing))

ZONE = """$ORIGIN {name}.
$TTL 600
@       SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 120
        NS  ns
        MX  20 backup
        MX  10 MX.{name}.
        TXT "v=spf1 mx -all"
        TXT "one " "two"
ns      A   127.0.0.1
mx      A   192.0.2.1
        A   192.0.2.2
        AAAA 2001:db8::1
alias   CNAME mx
*.wild  A   192.0.2.9
null    MX  0 .
_25._tcp.mx TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
big     TXT {big}
"""
SIGNED = {'signed.example': 1, 'bogus.example': 1, 'dear.example': 100, 'too-dear.example': 101}  # rounds of NSEC3
BIG = ' '.join('"%s"' % ('%04d' % i * 60) for i in range(16))  # does not fit into a UDP answer


def program(name):
    return shutil.which(name) or '/usr/sbin/' + name


class Servers:
    def __init__(self, folder):
        self.folder = str(folder)
        self.nsd_port, self.port, self.validator_port = free_ports(3)
        self.processes = []
        self.write_zones()
        self.start_nsd()
        self.start_unbound(self.port, 'iterator')
        self.start_unbound(self.validator_port, 'validator iterator')

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_zones(self):
        for name in (*SIGNED, 'plain.example'):
            with open(self.path(name), 'w', encoding='ascii') as f:
                f.write(ZONE.format(name=name, big=BIG))
        anchors = ''
        for name, iterations in SIGNED.items():
            run = lambda *args: subprocess.run(args, cwd=self.folder, check=True, capture_output=True, text=True)
            key = run(program('ldns-keygen'), '-a', 'ECDSAP256SHA256', '-k', '-r', '/dev/urandom', name).stdout.strip()
            run(program('ldns-signzone'), '-n', '-t', str(iterations), '-f', name + '.signed', name, key)
            with open(self.path(key + '.key'), encoding='ascii') as f:
                anchors += f.read()
        with open(self.path('anchors'), 'w', encoding='ascii') as f:
            f.write(anchors)
        with open(self.path('bogus.example.signed'), encoding='ascii') as f:
            text = f.read()
        assert '192.0.2.2' in text
        with open(self.path('bogus.example.signed'), 'w', encoding='ascii') as f:
            f.write(text.replace('192.0.2.2', '192.0.2.3'))

    def spawn(self, *args):
        log = open(self.path(os.path.basename(args[0]) + '.log'), 'wb')
        self.processes.append(subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=log, stderr=log))

    def start_nsd(self):
        with open(self.path('nsd.conf'), 'w', encoding='ascii') as f:
            f.write('server:\n  ip-address: 127.0.0.1@%d\n  zonesdir: "%s"\n  database: ""\n  username: ""\n'
                    '  rrl-ratelimit: 0\n  pidfile: ""\n  xfrdfile: "%s/xfrd"\n  zonelistfile: "%s/zones"\n  xfrdir: "%s"\n'
                    'remote-control:\n  control-enable: no\n'
                    % (self.nsd_port, self.folder, self.folder, self.folder, self.folder))
            for zone, path in [*((name, name + '.signed') for name in SIGNED),
                               ('plain.example', 'plain.example'), ('broken.example', 'no-such-file')]:
                f.write('zone:\n  name: "%s"\n  zonefile: "%s"\n' % (zone, path))
        self.spawn(program('nsd'), '-d', '-c', self.path('nsd.conf'))
        eventually(lambda: answers(self.nsd_port), what='the start of nsd')

    def start_unbound(self, port, modules):
        path = self.path('unbound.%d.conf' % port)
        with open(path, 'w', encoding='ascii') as f:
            f.write('server:\n  interface: 127.0.0.1@%d\n  username: ""\n  chroot: ""\n  directory: "%s"\n'
                    '  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n  do-not-query-localhost: no\n'
                    '  module-config: "%s"\n  trust-anchor-file: anchors\n  access-control: 127.0.0.0/8 allow\n'
                    '  do-ip6: no\n' % (port, self.folder, modules))
            for zone in (*SIGNED, 'plain.example', 'broken.example'):
                f.write('stub-zone:\n  name: "%s"\n  stub-addr: 127.0.0.1@%d\n' % (zone, self.nsd_port))
        self.spawn(program('unbound'), '-d', '-c', path)
        eventually(lambda: answers(port), what='the start of unbound')

    def stop(self):
        for p in self.processes:
            p.terminate()
        for p in self.processes:
            p.wait(20)


def question(name, qtype=6):
    labels = b''.join(bytes([len(l)]) + l.encode() for l in name.split('.'))
    return struct.pack('>HHHHHH', 1, 0x0100, 1, 0, 0, 0) + labels + b'\0' + struct.pack('>HH', qtype, 1)


def answers(port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.5)
        s.connect(('127.0.0.1', port))
        try:
            s.send(question('plain.example'))
            return len(s.recv(4096)) > 12
        except OSError:
            return False


@pytest.fixture(scope='module')
def servers(tmp_path_factory):
    s = Servers(tmp_path_factory.mktemp('dns'))
    yield s
    s.stop()


@pytest.fixture
def ask(tmp_path, servers):
    """ask(name, type) gives the JSON of `dns query`; the keys of [resolver] may be changed."""
    def run(name, qtype='A', **keys):
        settings = {'type': 'custom', 'custom': ['127.0.0.1:%d' % servers.port],
                    'trust-anchor': servers.path('anchors'), **keys}
        config = tmp_path / 'config.toml'
        config.write_text('[resolver]\n' + ''.join(
            '%s = %s\n' % (k, json.dumps(v)) for k, v in settings.items() if v is not None))
        done = subprocess.run([BINARY, 'dns', 'query', '--json', '-c', str(config), name, qtype],
                              capture_output=True, text=True, timeout=60)
        assert done.stderr == '', done.stderr
        answer = json.loads(done.stdout)
        answer['status'] = done.returncode
        return answer
    return run


def summary(answer):
    return answer['outcome'], answer['dnssec'], answer['status']


def test_secure(ask):
    a = ask('MX.Signed.Example.')
    assert summary(a) == ('NOERROR', 'secure', 0)
    assert a['name'] == 'mx.signed.example'
    assert sorted(a['records']) == ['192.0.2.1', '192.0.2.2']
    assert 590 <= a['ttl'] <= 600


def test_secure_mx_and_txt(ask):
    assert sorted(ask('signed.example', 'MX')['records']) == ['10 mx.signed.example.', '20 backup.signed.example.']
    assert sorted(ask('signed.example', 'TXT')['records']) == ['"one " "two"', '"v=spf1 mx -all"']
    assert ask('null.signed.example', 'MX')['records'] == ['0 .']
    assert ask('_25._tcp.mx.signed.example', 'TLSA')['records'] == ['3 1 1 ' + '0123456789abcdef' * 4]


def test_secure_through_a_cname(ask):
    a = ask('alias.signed.example', 'AAAA')
    assert summary(a) == ('NOERROR', 'secure', 0)
    assert a['chain'] == ['mx.signed.example']
    assert a['records'] == ['2001:db8::1']


def test_secure_wildcard(ask):
    a = ask('any.wild.signed.example')
    assert summary(a) == ('NOERROR', 'secure', 0)
    assert a['records'] == ['192.0.2.9']


@pytest.mark.parametrize('name, qtype, outcome', [
    ('no-such-name.signed.example', 'A', 'NXDOMAIN'), ('signed.example', 'AAAA', 'NODATA')])
def test_secure_denial(ask, name, qtype, outcome):
    a = ask(name, qtype)
    assert summary(a) == (outcome, 'secure', 5)
    assert 100 <= a['ttl'] <= 120  # the last field of the SOA, RFC 2308 5


def test_what_is_too_dear_to_deny_counts_as_unsigned(ask):
    """RFC 9276 3.2, outbound.md 22.4"""
    assert summary(ask('no-such-name.dear.example')) == ('NXDOMAIN', 'secure', 5)
    assert summary(ask('no-such-name.too-dear.example')) == ('NXDOMAIN', 'insecure', 5)
    assert summary(ask('mx.too-dear.example')) == ('NOERROR', 'secure', 0)


def test_an_answer_that_needs_tcp(ask):
    assert len(ask('big.signed.example', 'TXT')['records'][0]) > 16 * 240


def test_a_server_asked_over_tcp_only(ask, servers):
    a = ask('signed.example', 'MX', custom=['tcp://127.0.0.1:%d' % servers.port])
    assert summary(a) == ('NOERROR', 'secure', 0)


def test_insecure(ask):
    assert summary(ask('mx.plain.example')) == ('NOERROR', 'insecure', 0)
    assert summary(ask('no-such-name.plain.example')) == ('NXDOMAIN', 'insecure', 5)
    assert ask('alias.plain.example')['chain'] == ['mx.plain.example']


def test_bogus(ask):
    a = ask('mx.bogus.example')
    assert summary(a) == ('BOGUS', 'bogus', 1)
    assert a['records'] == []
    assert 'signature' in a['why']
    assert summary(ask('ns.bogus.example')) == ('NOERROR', 'secure', 0)  # that one was left alone


def test_bogus_is_not_seen_without_validation(ask):
    assert summary(ask('mx.bogus.example', dnssec='off')) == ('NOERROR', 'insecure', 0)
    assert summary(ask('mx.signed.example', dnssec='off')) == ('NOERROR', 'insecure', 0)


def test_a_validator_next_door_is_believed(ask, servers):
    keys = {'dnssec': 'trust-ad', 'custom': ['127.0.0.1:%d' % servers.validator_port], 'trust-anchor': None}
    assert summary(ask('mx.signed.example', **keys)) == ('NOERROR', 'secure', 0)
    assert summary(ask('no-such-name.signed.example', **keys)) == ('NXDOMAIN', 'secure', 5)
    assert ask('alias.signed.example', 'AAAA', **keys)['chain'] == ['mx.signed.example']
    assert summary(ask('mx.plain.example', **keys)) == ('NOERROR', 'insecure', 0)
    assert summary(ask('mx.bogus.example', **keys)) == ('SERVFAIL', 'insecure', 3)
    assert len(ask('big.signed.example', 'TXT', **keys)['records'][0]) > 16 * 240  # by TCP, behind a short one
    over_tcp = {**keys, 'custom': ['tcp://' + keys['custom'][0]]}
    assert summary(ask('mx.signed.example', **over_tcp)) == ('NOERROR', 'secure', 0)


def test_servfail(ask):
    assert summary(ask('broken.example')) == ('SERVFAIL', 'insecure', 3)


def test_a_silent_server(ask):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(('127.0.0.1', 0))
        began = time.monotonic()
        a = ask('mx.signed.example', custom=['127.0.0.1:%d' % silent.getsockname()[1]], timeout='500ms', attempts=1)
        assert summary(a) == ('TIMEOUT', 'insecure', 3)
        assert 0.9 < time.monotonic() - began < 10


def test_a_server_that_strips_signatures(ask):
    # It knows an address and a key of the root, and drops all signatures.
    server = Names({1: bytes([192, 0, 2, 7]), 48: struct.pack('>HBB', 257, 3, 13) + bytes(range(64))})
    options = {'custom': ['127.0.0.1:%d' % server.port], 'trust-anchor': None}
    try:
        assert summary(ask('any.example', **options)) == ('NOERROR', 'insecure', 0)
        assert summary(ask('any.example', dnssec='validate', **options)) == ('BOGUS', 'bogus', 1)
    finally:
        server.socket.close()


@pytest.mark.parametrize('keys, message', [
    ({'custom': []}, 'At least one custom resolver must be specified.'),
    ({'custom': ['127.0.0.1:99999']}, 'expected [udp://'),
    ({'custom': ['dns.example']}, 'expected [udp://'),
    ({'custom': ['127.0.0.1', 'tcp://127.0.0.1']}, 'of one protocol'),
    ({'custom': ['127.0.0.1#name']}, 'tls:// server only'),
    ({'trust-anchor': '/no/such/file'}, '/no/such/file'),
    ({'min-ttl': '2d'}, 'longer than'),
    ({'type': 'opennic'}, 'opennic'),
    ({'dnssec': 'trust-ad', 'custom': ['192.0.2.1']}, 'loopback only'),
    ({'dnssec': 'trust-ad', 'custom': ['tls://127.0.0.1#a.example']}, 'loopback only'),
])
def test_wrong_settings(tmp_path, keys, message):
    config = tmp_path / 'config.toml'
    config.write_text('[resolver]\n' + ''.join('%s = %s\n' % (k, json.dumps(v)) for k, v in
                                               {'type': 'custom', 'custom': ['127.0.0.1'], **keys}.items()))
    done = subprocess.run([BINARY, 'dns', 'query', '-c', str(config), 'example.org'], capture_output=True, text=True)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_fake_zone(tmp_path):
    zone = tmp_path / 'zone.json'
    zone.write_text('{"zone": 1, "ad": true, "names": {"1.2.0.192.in-addr.arpa": {"PTR": ["mx.example.org"]}}}')
    done = subprocess.run([BINARY, 'dns', 'query', '192.0.2.1', '--zone', str(zone)], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stdout == '1.2.0.192.in-addr.arpa PTR: NOERROR, secure, 300 s\n    mx.example.org.\n'
    zone.write_text('{"zone": 1,\n "nmaes": {}}')
    done = subprocess.run([BINARY, 'dns', 'query', 'x', '--zone', str(zone)], capture_output=True, text=True)
    assert done.returncode == 65
    assert 'zone.json:2:2: nmaes' in done.stderr
    done = subprocess.run([BINARY, 'dns', 'query', 'x', '--zone', str(tmp_path / 'none')], capture_output=True)
    assert done.returncode == 66
