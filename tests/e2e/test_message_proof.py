# SPDX-License-Identifier: Apache-2.0
"""What comes in is checked, against a DNS on loopback: messages that dkimpy and OpenDKIM have signed are
written down as such, whatever their headers and bodies; what pretends to be from a domain that
forbids it is refused; a DNS that is silent delays nobody for long."""
import re
import smtplib
import socket
import subprocess
import time

import pytest

from conftest import eventually, free_ports
from mail_tools import mail_server, queue
from test_dkim_interop import Keys, messages, opendkim  # the fixture, too
from test_dns import answers, program

dkim = pytest.importorskip('dkim')
assert opendkim

PROOF = '''
[resolver]
type = "custom"
custom = ["127.0.0.1:%d"]
[auth.spf.verify]
ehlo = "relaxed"
mail-from = "relaxed"
[auth.dmarc]
verify = "strict"
timeout = "2s"
[session.data.add-headers]
auth-results = true
received-spf = true
'''
SPOOFED = b'From: <ceo@bank.example>\r\nSubject: now\r\n\r\npay\r\n'


class Zone:
    """unbound, with names of its own and no others."""

    def __init__(self, folder, texts):
        self.port = free_ports(1)[0]
        config = str(folder / 'unbound.conf')
        with open(config, 'w', encoding='ascii') as f:
            f.write('server:\n  interface: 127.0.0.1@%d\n  username: ""\n  chroot: ""\n  directory: "%s"\n'
                    '  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n  module-config: "iterator"\n'
                    '  local-zone: "example." static\n  local-zone: "." static\n'
                    '  local-data: "example. 60 IN SOA ns.example. a.example. 1 60 60 60 60"\n' % (self.port, folder))
            for name, text in texts.items():
                parts = ' '.join('"%s"' % text[i:i + 250] for i in range(0, len(text), 250))
                f.write("  local-data: '%s. 60 IN TXT %s'\n" % (name, parts))
        with open(str(folder / 'unbound.log'), 'wb') as log:
            self.process = subprocess.Popen([program('unbound'), '-d', '-c', config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        eventually(lambda: answers(self.port), what='the start of unbound')

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    return Keys(str(tmp_path_factory.mktemp('keys')))


@pytest.fixture(scope='module')
def zone(tmp_path_factory, keys):
    z = Zone(tmp_path_factory.mktemp('zone'), {
        **keys.records,
        'a.example': 'v=spf1 ip4:127.0.0.1 -all',
        '_dmarc.a.example': 'v=DMARC1; p=reject; adkim=s; aspf=s',
        'bank.example': 'v=spf1 -all',
        '_dmarc.bank.example': 'v=DMARC1; p=reject'})
    yield z
    z.stop()


def receiver(server, port):
    return mail_server(server, PROOF % port)


def hand_over(c, data, sender='x@elsewhere.example'):
    """The reply to a message, and its id if there is one."""
    assert c.mail(sender)[0] == 250
    assert c.rcpt('bert@example.test')[0] == 250
    code, text = c.data(data)
    found = re.search(rb'with id ([0-9a-f]{16})', text)
    return code, text, found and found[1].decode()


def client(s):
    c = smtplib.SMTP('127.0.0.1', s.ports['smtp'], 'client.example', timeout=60)
    c.ehlo()
    return c


def results(s, queue_id):
    eventually(lambda: queue_id in [r['id_hex'] for r in queue(s).records()], 20, 'the message in the queue')
    sent = queue(s).run('show', '--raw', queue_id)
    return re.search(rb'^Authentication-Results: (?:.*\r\n[ \t])*.*\r\n', sent, re.M)[0].decode(errors='replace')


def check_signed(s, signed):
    with client(s) as c:
        for i, data in signed:
            code, text, queue_id = hand_over(c, data)
            assert code == 250, (i, text, data[:2000])
            found = results(s, queue_id)
            assert 'dkim=pass header.d=a.example' in found, (i, found, data[:2000])
            assert 'dmarc=pass header.from=a.example' in found, (i, found)


@pytest.mark.parametrize('kind', ['rsa', 'ed25519'])
def test_dkimpy_has_signed(server, keys, zone, kind):
    with open(keys.pem['rsa'], 'rb') as f:
        secret = keys.seed() if kind == 'ed25519' else f.read()
    check_signed(receiver(server, zone.port), [(i, dkim.sign(
        plain, kind.encode(), b'a.example', secret, canonicalize=tuple(p.encode() for p in pair),
        signature_algorithm=kind.encode() + b'-sha256') + plain) for i, plain, pair in messages()])


def test_opendkim_has_signed(server, keys, zone, opendkim):
    check_signed(receiver(server, zone.port), [(i, subprocess.run(
        [opendkim, 'sign', keys.pem['rsa'], 'a.example', 'rsa', *pair], input=plain, capture_output=True,
        check=True).stdout) for i, plain, pair in messages()[:20]])


def test_spoofed_mail_is_refused(server, zone):
    s = receiver(server, zone.port)
    with client(s) as c:
        assert hand_over(c, SPOOFED)[:2] == (550, b'5.7.1 Email rejected per DMARC policy.')
        assert hand_over(c, SPOOFED, 'ceo@bank.example')[0] == 550
        code, _, queue_id = hand_over(c, SPOOFED.replace(b'bank.example', b'a.example'), 'me@a.example')
        assert code == 250  # by SPF: this is a host of theirs
        found = results(s, queue_id)
        assert 'spf=pass' in found and 'dmarc=pass' in found
    assert len(queue(s).records()) == 1


def test_a_silent_dns_delays_nobody_for_long(server):
    """MAIL does not wait for what is only written down; the policy is not known, so strict says later."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(('127.0.0.1', 0))
        s = mail_server(server, PROOF % silent.getsockname()[1] + '''
[auth.spf]
timeout = "1s"
[auth.dkim]
timeout = "1s"
''')
        s.expected.append(re.compile(r'temp-error'))
        with client(s) as c:
            began = time.monotonic()
            assert c.mail('x@elsewhere.example')[0] == 250
            assert time.monotonic() - began < 1
            assert c.rcpt('bert@example.test')[0] == 250
            assert c.data(SPOOFED)[0] == 451
            assert time.monotonic() - began < 40
    assert queue(s).records() == []
