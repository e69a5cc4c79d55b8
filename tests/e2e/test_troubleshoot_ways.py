# SPDX-License-Identifier: Apache-2.0
"""`posthaste troubleshoot delivery` for each way in which mail may fail to leave: in the DNS, by policies, at the
connection, in TLS, in the dialogue. The last line says what would become of mail, whose trouble it is, and why."""
import hashlib
import json
import ssl
import subprocess

import pytest

from conftest import BINARY, free_ports, make_certificate
from peer_tools import Peer, Script

MX = 'mx1.far.test'
TAKEN = 'It would be taken. '
WAITS = 'It would wait, and be tried again until its time is over. '
RETURNS = 'It would go back to its sender at once. '
UNDECIDED = 'Nothing is decided. '


class TlsScript(Script):
    def on_starttls(self, _):
        if not self.answer('STARTTLS', '220 go on') or not self.last.startswith('220'):
            return True
        if self.server.context is None:
            self.say('this is no TLS')
            return False
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile('rb'), self.connection.makefile('wb', 0)
        return True


class Host(Peer):
    """A Peer that offers TLS, with this certificate."""

    def __init__(self, certificate=None, offers=('STARTTLS', '8BITMIME'), answers=None):
        self.context = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        super().__init__(offers, answers)
        self.RequestHandlerClass = TlsScript


class World:
    """A server's configuration, a zone, and perhaps a host; ask() gives what is said."""

    def __init__(self, server, folder):
        self.s = server(start=False)
        self.folder, self.zone_path = str(folder), folder / 'zone.json'
        self.names = {'.': {'NS': ['a.root']}, 'far.test': {'MX': [[10, MX]]}, MX: {'A': ['127.0.0.1']}}
        self.signed = False

    def certificate(self, name=MX):
        return make_certificate(self.folder, name, name)

    def ask(self, port, *words, more='', target='bob@far.test', status=1):
        self.zone_path.write_text(json.dumps({'zone': 1, 'ad': self.signed, 'names': self.names}))
        self.s.write_config('[queue]\ndetect-self = false\n[queue.route.mx]\ntype = "mx"\nport = %d\nprohibited-ips = []\n'
                            % port + more)
        done = subprocess.run([BINARY, 'troubleshoot', 'delivery', target, '-c', self.s.config_path, '--sender',
                               'ann@a.test', '--zone', str(self.zone_path), *words], capture_output=True, text=True, timeout=60)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert done.stderr == ''
        self.said = done.stdout
        return done.stdout.splitlines()[-1]


@pytest.fixture
def world(server, tmp_path):
    return World(server, tmp_path)


def trust(certificate, *keys):
    return '[queue.tls.default]\nca-file = "%s"\n' % certificate[0] + ''.join(k + '\n' for k in keys)


# --- The DNS and policies --------------------------------------------------------------------------

@pytest.mark.parametrize('names, expected', [
    ({'far.test': 'NXDOMAIN'}, RETURNS + 'The DNS: far.test: 5.1.2 the domain does not exist'),
    ({'far.test': 'SERVFAIL'}, WAITS + 'The DNS: far.test: 4.4.3 asking for MX of far.test: SERVFAIL'),
    ({'far.test': 'TIMEOUT'}, WAITS + 'The DNS: far.test: 4.4.3 asking for MX of far.test: TIMEOUT'),
    ({'far.test': {'MX': [[0, '']]}}, RETURNS + 'The DNS: far.test: 5.1.10 domain does not accept mail (null MX)'),
    ({MX: 'NXDOMAIN'}, RETURNS + 'The DNS: mx1.far.test: 5.4.4 MX host has no address'),
    ({MX: 'SERVFAIL'}, WAITS + 'The DNS: mx1.far.test: 4.4.3 asking for A of mx1.far.test: SERVFAIL'),
    ({'far.test': {'TXT': ['nothing else']}}, RETURNS + 'The DNS: far.test: 5.1.2 the domain has neither an MX nor an address'),
    ({'.': 'NXDOMAIN', 'far.test': 'NXDOMAIN'}, WAITS + 'The DNS: far.test: 4.4.3 the domain does not exist'),
], ids=lambda v: None if isinstance(v, str) else json.dumps(v)[:40])
def test_the_dns(world, names, expected):
    world.names.update(names)
    said = world.ask(1)
    assert said.startswith(expected), said


@pytest.mark.parametrize('keys, names, expected', [
    ('dane = "require"', {}, RETURNS + 'TLS, by the keys that the DNS has for the host (DANE): mx1.far.test: 5.7.5 '
     'DANE is required and not available: the MX records are not signed'),
    ('mta-sts = "require"', {}, RETURNS + 'TLS, by the policy that the domain publishes (MTA-STS): far.test: 5.7.5 '
     'MTA-STS is required and the domain publishes no policy'),
    ('mta-sts = "require"', {'_mta-sts.far.test': {'TXT': ['v=STSv1; id=?']}}, WAITS + 'TLS, by the policy that the '
     'domain publishes (MTA-STS): far.test: 4.7.5 MTA-STS is required and no policy can be had: '),
    ('mta-sts = "require"', {'_mta-sts.far.test': 'SERVFAIL'}, WAITS + 'TLS, by the policy that the domain publishes '
     '(MTA-STS): far.test: 4.7.5 MTA-STS is required and no policy can be had: _mta-sts.far.test TXT: SERVFAIL'),
    ('mta-sts = "require"', {'_mta-sts.far.test': {'TXT': ['v=STSv1; id=1']}, 'mta-sts.far.test': {'A': ['127.0.0.1']}},
     WAITS + 'TLS, by the policy that the domain publishes (MTA-STS): far.test: 4.7.5 MTA-STS is required and no policy '
     'can be had: mta-sts.far.test has no address that may be asked'),
], ids=['dane', 'no-policy', 'bad-record', 'no-answer', 'prohibited'])
def test_policies(world, keys, names, expected):
    world.names.update(names)
    said = world.ask(1, more='[queue.tls.default]\n' + keys + '\n')
    assert said.startswith(expected), said


def tlsa(world, port, answer):
    world.signed = True
    world.names['_%d._tcp.%s' % (port, MX)] = answer


def key_of(certificate):
    der = subprocess.run(['openssl', 'x509', '-in', certificate[0], '-outform', 'DER'], check=True, capture_output=True).stdout
    return hashlib.sha256(der).hexdigest()


def test_keys_in_the_dns(world):
    certificate = world.certificate()
    with Host(certificate) as host:
        tlsa(world, host.port, {'TLSA': [[3, 0, 1, key_of(certificate)]]})
        assert world.ask(host.port, status=0).startswith(TAKEN)
        assert 'dane.authentication-success' in world.said and 'policy = "dane"' in world.said
        tlsa(world, host.port, {'TLSA': [[3, 0, 1, '00' * 32]]})
        assert world.ask(host.port) == WAITS + 'TLS, by the keys that the DNS has for the host (DANE): mx1.far.test: ' \
            '4.7.5 DANE authentication failed: No matching certificates found.'
        tlsa(world, host.port, 'SERVFAIL')
        assert world.ask(host.port).startswith(WAITS + 'The DNS: mx1.far.test: 4.4.3 asking for TLSA records of _')
        tlsa(world, host.port, {'TLSA': [[1, 0, 1, key_of(certificate)]]})
        assert world.ask(host.port, status=0).startswith(TAKEN), 'any certificate will do'
        assert 'dane.tlsa-record-invalid' in world.said and 'Invalid TLSA record.' in world.said
        assert world.ask(host.port, more='[queue.tls.default]\ndane = "require"\n').startswith(
            RETURNS + 'TLS, by the keys that the DNS has for the host (DANE): mx1.far.test: 5.7.5 DANE is required')


# --- Connection, greeting, dialogue ----------------------------------------------------------------

def test_nobody_listens(world):
    assert world.ask(free_ports(1)[0]) == WAITS + 'The connection: mx1.far.test: 4.4.1 connection refused'


def test_nobody_answers_in_time(world):
    with Host() as host:
        host.answers = {'': [None]}
        assert world.ask(host.port).startswith(WAITS + 'The connection: mx1.far.test: 4.4.2 ')
    import socket
    with socket.socket() as silent:
        silent.bind(('127.0.0.1', 0))
        silent.listen(5)
        assert world.ask(silent.getsockname()[1], '--timeout', '1') == \
            UNDECIDED + 'the step behind the last one above took longer than the 1 s of --timeout'
        assert world.said.splitlines()[-3].startswith('Delivery attempt ended')


@pytest.mark.parametrize('answers, expected', [
    ({'': ['554 5.7.1 we know you']}, RETURNS + 'mx1.far.test: the host says to CONNECT: 554 5.7.1 we know you'),
    ({'': ['421 4.3.2 busy']}, WAITS + 'mx1.far.test: the host says to CONNECT: 421 4.3.2 busy'),
    ({'': ['220 fine\r\nwhat is this']}, WAITS + 'The connection: mx1.far.test: '),
    ({'EHLO': ['550 5.7.1 bad name'], 'HELO': ['550 5.7.1 bad name']}, WAITS + 'mx1.far.test: the host says to HELO: 550'),
    ({'MAIL': ['550 5.7.1 not from you']}, RETURNS + 'mx1.far.test: the host says to MAIL FROM: 550 5.7.1 not from you'),
    ({'MAIL': ['451 4.7.1 later']}, WAITS + 'mx1.far.test: the host says to MAIL FROM: 451 4.7.1 later'),
    ({'RCPT': ['550 5.1.1 nobody here']}, RETURNS + 'mx1.far.test: the host says to RCPT TO: 550 5.1.1 nobody here'),
    ({'RCPT': ['450 4.2.0 greylisted']}, WAITS + 'mx1.far.test: the host says to RCPT TO: 450 4.2.0 greylisted'),
    ({'RCPT': [None]}, WAITS + 'The connection: mx1.far.test: 4.4.2 '),
    ({'RCPT': ['250 2.1.5 welcome']}, TAKEN + 'mx1.far.test: the host says to RCPT TO: 250 2.1.5 welcome'),
], ids=['554', '421', 'noise', 'ehlo', 'mail-5', 'mail-4', 'rcpt-5', 'rcpt-4', 'gone', 'taken'])
def test_the_dialogue(world, answers, expected):
    with Peer(offers=['8BITMIME'], answers=answers) as host:
        said = world.ask(host.port, status=0 if expected.startswith(TAKEN) else 1)
        assert said.startswith(expected), said
        assert host.messages == []


# --- TLS -------------------------------------------------------------------------------------------

REQUIRES = '[queue.tls.default]\nstarttls = "require"\n'


def test_tls_that_is_not_there(world):
    with Host(offers=['8BITMIME']) as host:
        assert world.ask(host.port, more=REQUIRES) == \
            WAITS + 'TLS: mx1.far.test: 4.7.4 STARTTLS was not advertised by host'
        assert world.ask(host.port, status=0).startswith(TAKEN)
        assert 'delivery.start-tls-unavailable' in world.said
    with Host(answers={'STARTTLS': ['454 4.7.0 not now'] * 2}) as host:
        assert world.ask(host.port, more=REQUIRES) == \
            WAITS + 'TLS: mx1.far.test: 4.7.4 STARTTLS was refused: not now'
        assert world.ask(host.port, status=0).startswith(TAKEN), 'without TLS'
    with Host() as host:
        said = world.ask(host.port)
        assert said.startswith(WAITS + 'TLS: mx1.far.test: 4.7.5 the TLS handshake failed: '), said
        assert world.ask(host.port, status=0, more='[queue.tls.default]\non-handshake-failure = "plaintext"\n').startswith(TAKEN)


def test_certificates(world):
    right, wrong = world.certificate(), world.certificate('elsewhere.test')
    with Host(right) as host:
        assert world.ask(host.port, more=trust(right), status=0).startswith(TAKEN)
        assert 'policy = "pkix"' in world.said
        said = world.ask(host.port, more=trust(wrong))
        assert said.startswith(WAITS + 'TLS: mx1.far.test: 4.7.5 the certificate was not accepted: self-signed certificate'), said
        assert world.ask(host.port, more=trust(wrong, 'on-invalid-cert = "accept"'), status=0).startswith(TAKEN)
    with Host(wrong) as host:
        said = world.ask(host.port, more=trust(wrong))
        assert said.startswith(WAITS + 'TLS: mx1.far.test: 4.7.5 the certificate was not accepted: hostname mismatch'), said


# --- Routes ----------------------------------------------------------------------------------------

RELAY = '''
[queue.strategy]
route = "'out'"
[queue.route.out]
type = "relay"
address = "127.0.0.1"
port = %d
'''


def test_relays(world):
    with Peer(offers=['AUTH PLAIN'], answers={'AUTH': ['535 5.7.8 who are you?']}) as host:
        said = world.ask(1, more=RELAY % host.port + 'auth.username = "me"\nauth.secret = "secret"\n')
        assert said.startswith(WAITS) and '535 ' in said and 'secret' not in world.said, said
        assert "queue.strategy.route 'out' (%s:" % world.s.config_path in world.said
    with Peer(offers=['8BITMIME']) as host:
        said = world.ask(1, more=RELAY % host.port + 'auth.username = "me"\nauth.secret = "secret"\ntls.starttls = "require"\n')
        assert 'STARTTLS was not advertised by host' in said


def test_mail_that_stays_here(world):
    said = world.ask(1, status=0, more='[queue.strategy]\nroute = "\'local\'"\n[queue.route.local]\ntype = "local"\n')
    assert said.startswith(TAKEN) and 'mail for it stays on this server: its route is local' in said


LIMITS = '''
[queue.shaping."default"]
message-rate = "5/1m"
tls = "lenient"
[queue.tls.lenient]
starttls = "disable"
[[queue.limiter.outbound]]
key = ["mx"]
concurrency = 2
match = "mx == 'mx1.far.test'"
[[queue.limiter.outbound]]
key = ["mx"]
concurrency = 3
match = "mx == 'mx2.far.test'"
[[queue.limiter.outbound]]
key = ["sender"]
rate = "2/1h"
'''


def test_what_decided_is_named(world):
    """outbound.md 25: strategy, limiter and policy, and the setting (file and line); no limit is asked."""
    with Peer(offers=['8BITMIME']) as host:
        for _ in range(3):
            assert world.ask(host.port, more=LIMITS, status=0).startswith(TAKEN)
        with open(world.s.config_path, encoding='utf-8') as f:
            lines = [line.strip() for line in f]
        at = lambda text: '%s:%d' % (world.s.config_path, lines.index(text) + 1)
        assert "queue.shaping.default.tls 'lenient' (%s)" % at('tls = "lenient"') in world.said
        counted = [line for line in world.said.splitlines() if 'delivery.limiters' in line]
        assert len(counted) == 2, counted
        assert 'details = ["queue.limiter.outbound.2.rate (%s)"]' % at('rate = "2/1h"') in counted[0]
        assert 'details = ["queue.limiter.outbound.0.concurrency (%s)", "queue.shaping.default.message-rate (%s)"]' % (
            at('concurrency = 2'), at('message-rate = "5/1m"')) in counted[1]
        assert json.loads(subprocess.run(
            [BINARY, 'troubleshoot', 'delivery', 'far.test', '--json', '-c', world.s.config_path, '--zone',
             str(world.zone_path)], capture_output=True, text=True).stdout.splitlines()[-1])['end'] == 'taken'
