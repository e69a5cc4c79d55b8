# SPDX-License-Identifier: Apache-2.0
"""DANE, from the domain to the end of DATA: a zone that is really signed, and hosts that have the
certificate of their records, another one, or no TLS at all. Nothing leaves the machine."""
import hashlib
import json
import smtplib
import socketserver
import ssl
import subprocess

import pytest

import test_dns
from conftest import BINARY, eventually, make_certificate
from mail_tools import Letter, mail_server, queue
from peer_tools import Loopback

pytestmark = test_dns.pytestmark

# Domains of the signed zone: the host has the right key; another key; no TLS; no records.
ZONE = """$ORIGIN {{name}}.
$TTL 600
@       SOA ns.{{name}}. hostmaster.{{name}}. 1 3600 600 86400 120
        NS  ns
ns      A   127.0.0.1
other   A   192.0.2.2
right   MX  10 mx.right
wrong   MX  10 mx.wrong
bare    MX  10 mx.bare
none    MX  10 mx.none
mx.right A 127.0.0.1
mx.wrong A 127.0.0.1
mx.bare A 127.0.0.2
mx.none A 127.0.0.2
_{port}._tcp.mx.right TLSA 3 1 1 {key}
_{port}._tcp.mx.wrong TLSA 3 1 1 {nobody}
_{port}._tcp.mx.bare TLSA 3 1 1 {key}
lie     MX  10 mx.lie
mx.lie  A 127.0.0.2
_{port}._tcp.mx.lie TLSA 3 1 1 {liar}
_smtp._tls.lie TXT "v=TLSRPTv1; rua=mailto:tls@lie.{{name}}"
_smtp._tls.right TXT "v=TLSRPTv1; rua=mailto:tls@right.{{name}}"
_smtp._tls.wrong TXT "v=TLSRPTv1; rua=mailto:tls@wrong.{{name}}"
_smtp._tls.none TXT "v=TLSRPTv1; rua=https://none.{{name}}/"
"""

SETTINGS = '''
[session.rcpt]
relay = "true"
[resolver]
type = "custom"
custom = ["127.0.0.1:%d"]
trust-anchor = "%s"
[queue]
detect-self = false
[queue.route.mx]
type = "mx"
port = %d
prohibited-ips = []
'''


LIAR = '11' * 32


class Servers(test_dns.Servers):
    """Somebody changes the records of mx.lie on their way."""

    def write_zones(self):
        super().write_zones()
        path = self.path('signed.example.signed')
        with open(path, encoding='ascii') as f:
            text = f.read()
        assert LIAR in text
        with open(path, 'w', encoding='ascii') as f:
            f.write(text.replace(LIAR, '22' * 32))


class Host(socketserver.StreamRequestHandler):
    """An SMTP server that keeps what it is told: (name, was there TLS, SNI, recipient) of each RCPT."""
    timeout = 30

    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')
        self.wfile.flush()

    def handle(self):
        self.sni = None
        secure = False
        self.say('220 host.example ESMTP')
        while True:
            words = self.rfile.readline().decode('latin-1').strip()
            verb = words.upper().split(' ')[0]
            if verb == 'EHLO':
                offers = self.server.context is not None and not secure
                self.say('250-host.example\r\n250 STARTTLS' if offers else '250 host.example')
            elif verb == 'STARTTLS':
                self.say('220 go')
                self.start_tls()
                secure = True
            elif verb == 'DATA':
                self.say('354 go')
                while self.rfile.readline() not in (b'.\r\n', b''):
                    pass
                self.say('250 taken')
            elif verb in ('QUIT', ''):
                if verb:
                    self.say('221 bye')
                return
            else:
                if verb in ('MAIL', 'RCPT'):
                    self.server.told.append((verb, secure, self.sni, words))
                self.say('250 ok')

    def start_tls(self):
        def keep(_, name, __):
            self.sni = name
        self.server.context.sni_callback = keep
        self.request = self.server.context.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile('rb'), self.request.makefile('wb')


class Hosts(Loopback):
    def __init__(self, address, context):
        self.context, self.told = context, []
        super().__init__(Host, address)


@pytest.fixture
def world(tmp_path_factory, monkeypatch, server):
    folder = tmp_path_factory.mktemp('hosts')
    cert, key = make_certificate(str(folder), 'host', 'nobody.asks.example')
    der = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-outform', 'DER'], check=True,
                         capture_output=True).stdout
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    good = Hosts(('127.0.0.1', 0), context)
    port = good.port
    bare = Hosts(('127.0.0.2', port), None)
    monkeypatch.setattr(test_dns, 'ZONE', ZONE.format(
        port=port, key=hashlib.sha256(der).hexdigest(), nobody='00' * 32, liar=LIAR))
    names = Servers(tmp_path_factory.mktemp('dns'))
    s = mail_server(server, SETTINGS % (names.port, names.path('anchors'), port), delivers=True)
    s.good, s.bare = good, bare
    yield s
    for h in (good, bare):
        h.stop()
    names.stop()


def send(s, to, field=b''):
    with smtplib.SMTP('127.0.0.1', s.ports['smtp']) as c:
        c.sendmail('anna@example.test', [to], field + Letter(eight_bit=False).data)


def rcpts(host):
    return [t for t in host.told if t[0] == 'RCPT']


def test_hosts_and_their_records(world):
    world.expect_log(r'delivery\.start-tls-error')
    for domain in ('right', 'wrong', 'bare', 'none'):
        send(world, 'bert@%s.signed.example' % domain)
    eventually(lambda: len(rcpts(world.good)) >= 1 and len(rcpts(world.bare)) >= 1, what='two deliveries')
    for domain in ('wrong', 'bare'):  # the attempt has been made, and put off
        world.wait_log(r'(?s)delivery\.start-tls-(error|unavailable).*mx\.%s\.signed\.example' % domain)
    assert [(t[1], t[2]) for t in rcpts(world.good)] == [(True, 'mx.right.signed.example')]
    assert ['none.signed.example' in t[3] for t in rcpts(world.bare)] == [True]
    assert all(t[1] for t in world.good.told), 'something was said without TLS'


def test_a_sender_who_would_rather_have_it_delivered(world):
    for domain in ('wrong', 'bare'):
        send(world, 'bert@%s.signed.example' % domain, b'TLS-Required: No\r\n')
    eventually(lambda: rcpts(world.good) and rcpts(world.bare), what='two deliveries')
    assert [t[1] for t in rcpts(world.good)] == [True]  # TLS is used all the same
    assert [t[1] for t in rcpts(world.bare)] == [False]


def report(world, *words):
    out = subprocess.run([BINARY, 'report', *words, '--config', world.config_path], capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    return out.stdout


def policies(world, domain):
    found = [r for r in json.loads(report(world, 'list', '--json')) if r['domain'] == domain]
    return json.loads(report(world, 'show', found[0]['id']))['policies'] if found else []


def test_what_tls_reports_hear(world):
    """Counts are those of connections, under the policy that held, for domains that publish a record."""
    world.expect_log(r'delivery\.start-tls-error')
    for domain in ('right', 'wrong', 'bare', 'none'):
        send(world, 'bert@%s.signed.example' % domain)
    send(world, 'carl@right.signed.example')
    eventually(lambda: len(rcpts(world.good)) >= 2 and len(rcpts(world.bare)) >= 1, what='three deliveries')
    world.wait_log(r'(?s)delivery\.start-tls-error.*mx\.wrong\.signed\.example')
    world.stop()  # which writes what is counted
    assert {r['domain'] for r in json.loads(report(world, 'list', '--json'))} == \
        {d + '.signed.example' for d in ('right', 'wrong', 'none')}
    right, = policies(world, 'right.signed.example')
    assert right['policy']['policy-type'] == 'tlsa'
    assert right['policy']['policy-domain'] == 'mx.right.signed.example'
    assert right['policy']['policy-string'][0].startswith('3 1 1 ')
    assert right['policy']['policy-string'][0] == right['policy']['policy-string'][0].upper()
    connections = len(right_connections(world))
    assert right['summary'] == {'total-successful-session-count': connections, 'total-failure-session-count': 0}
    assert 'failure-details' not in right
    wrong, = policies(world, 'wrong.signed.example')
    assert wrong['summary']['total-failure-session-count'] >= 1
    failure = wrong['failure-details'][0]
    assert failure['result-type'] == 'validation-failure'
    assert failure['receiving-mx-hostname'] == 'mx.wrong.signed.example'
    assert failure['receiving-ip'] == failure['sending-mta-ip'] == '127.0.0.1'
    assert failure['failure-reason-code'] == 'No matching certificates found.'
    none, = policies(world, 'none.signed.example')
    assert none['policy'] == {'policy-type': 'no-policy-found', 'policy-domain': 'none.signed.example'}
    assert none['failure-details'][0]['result-type'] == 'starttls-not-supported'
    assert report(world, 'list').endswith('3 report(s) found.\n')


def test_records_that_cannot_be_believed(world):
    """They keep mail from the host, unless its sender would rather have it delivered; who publishes them hears of
    both."""
    send(world, 'bert@lie.signed.example')
    world.wait_log(r'dane\.bogus-dnssec-record.*mx\.lie\.signed\.example')
    eventually(lambda: '4.7.5' in json.dumps(queue(world).records()), what='an attempt that is put off')
    assert rcpts(world.bare) == []
    send(world, 'bert@lie.signed.example', b'TLS-Required: No\r\n')
    eventually(lambda: rcpts(world.bare), what='a delivery')
    world.stop()
    lie, = policies(world, 'lie.signed.example')
    assert lie['policy']['policy-type'] == 'tlsa' and lie['policy']['policy-domain'] == 'mx.lie.signed.example'
    failures = [(f['result-type'], f['failure-reason-code'], f.get('receiving-ip')) for f in lie['failure-details']]
    assert sorted(failures, key=str) == [('dnssec-invalid', 'Bogus TLSA records were found.', '127.0.0.2'),
                                         ('dnssec-invalid', 'Bogus TLSA records were found.', None)]


def right_connections(world):
    """Handshakes that began for this host and came to MAIL: one each, whatever was sent over it."""
    return [line for line in world.log_text().splitlines()
            if '(delivery.start-tls)' in line and 'mx.right.signed.example' in line]
