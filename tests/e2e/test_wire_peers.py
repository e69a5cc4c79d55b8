# SPDX-License-Identifier: Apache-2.0
"""What a route changes of a message or does about a host, seen by real peers: Postfix without SMTPUTF8, with lines
that are folded, without hops inside, with a priority in the header; Postfix whose TLS cannot be spoken, and one that
refuses for good; and a host of which one address family is dead. Nothing leaves the machine."""
import email
import email.policy
import re
import smtplib
import socket
import time
from types import SimpleNamespace

import pytest

from conftest import eventually, free_ports
from delivery_tools import (FAR, SCHEDULE, arrived, assert_arrived, files_of, goes_to, only_notice, queue_empties, send,
                            sender)
from mail_tools import ADDRESS, Letter, mail_server, stamped
from peer_tools import Names, Peer, text_of
from test_delivery_servers import POSTFIX_TLS, postfix_takes

NAME = 'Björn Ångström, 大阪'
SUBJECT = 'Grüße aus Zürich, ' + 'sehr viele ' * 20 + '終'
UTF8 = ['SMTPUTF8', 'BODY=8BITMIME']
NO_UTF8 = 'smtputf8_enable = no\n'


def took(tmp_path):
    return files_of(tmp_path / 'postfix' / 'mail')


def one_arrives(tmp_path):
    eventually(lambda: took(tmp_path), what='a message')
    data, = took(tmp_path)
    return data


def ours(data):
    """What stands below the fields that Postfix has put on top."""
    received = re.match(rb'(Return-Path:.*\r\n|Delivered-To:.*\r\n|X-Original-To:.*\r\n)*Received:.*\r\n(\s.*\r\n)*', data)
    assert received and b'by postfix.test (Postfix)' in received[0], data[:1000]
    return data[received.end():]


# --- SMTPUTF8 --------------------------------------------------------------------------------------

def international(letter='international'):
    head = 'From: "%s" <anna@example.test>\r\nTo: =?utf-8?q?B=C3=A9rt?= <bert@far.test>, Ünn <unn@bücher.test>\r\n' % NAME
    head += 'Subject: %s\r\nDate: Fri, 21 Nov 2025 09:55:06 +0000\r\nMessage-ID: <1@example.test>\r\n' % SUBJECT
    head += 'MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
    return SimpleNamespace(name=letter, data=stamped('a' * 32, (head + 'Größe\r\n').encode()))


def test_fields_are_written_anew_for_a_host_without_smtputf8(server, tmp_path, certificate):
    with postfix_takes(tmp_path, certificate, NO_UTF8) as port:
        s = sender(server, tmp_path, port, more='[queue]\ndowngrade-utf8 = "encode"\n')
        send(s, international(), FAR, mail_options=UTF8)
        data = one_arrives(tmp_path)
        queue_empties(s)
    head, _, body = data.partition(b'\r\n\r\n')
    assert head.isascii(), head
    assert body == 'Größe\r\n'.encode(), 'the host has 8BITMIME'
    assert max(len(line) for line in head.split(b'\r\n')) <= 998
    read = email.message_from_bytes(data, policy=email.policy.SMTP)
    assert read['Subject'] == SUBJECT and not read['Subject'].defects
    author, = read['From'].addresses
    assert (author.display_name, author.addr_spec) == (NAME, 'anna@example.test')
    assert [(a.display_name, a.addr_spec) for a in read['To'].addresses] == [
        ('Bért', 'bert@far.test'), ('Ünn', 'unn@xn--bcher-kva.test')]


def test_it_goes_back_where_nothing_may_be_changed(server, tmp_path, certificate):
    with postfix_takes(tmp_path, certificate, NO_UTF8) as port:
        s = sender(server, tmp_path, port)
        send(s, international(), FAR, mail_options=UTF8)
        assert only_notice(s).rcpts[FAR]['Status'] == '5.6.9'
        assert took(tmp_path) == []


def test_a_host_with_smtputf8_gets_it_as_it_is(server, tmp_path, certificate):
    with postfix_takes(tmp_path, certificate) as port:
        s = sender(server, tmp_path, port, more='[queue]\ndowngrade-utf8 = "encode"\n')
        letter = international()
        send(s, letter, FAR, mail_options=UTF8)
        assert one_arrives(tmp_path).endswith(letter.data)
        assert b'with UTF8SMTP' in took(tmp_path)[0]
        queue_empties(s)


# --- Lines, hops, priorities -----------------------------------------------------------------------

def test_long_lines_are_folded(server, tmp_path, certificate):
    words = b' '.join(b'%06d' % i for i in range(1000))
    data = stamped('b' * 32, b'From: <anna@example.test>\r\nDate: Fri, 21 Nov 2025 09:55:06 +0000\r\n'
                             b'Message-ID: <2@example.test>\r\nSubject: ' + words[:3000] + b'\r\n\r\n' + words + b'\r\nend\r\n')
    with postfix_takes(tmp_path, certificate, 'line_length_limit = 10000\nheader_size_limit = 100000\n') as port:
        s = sender(server, tmp_path, port, more='[queue.connection.default]\nline-length-limit = 998\n')
        send(s, SimpleNamespace(data=data), FAR)
        got = ours(one_arrives(tmp_path))
        queue_empties(s)
    lines = got.split(b'\r\n')
    assert 900 < max(len(line) for line in lines) <= 998
    assert re.sub(rb'\r\n[ \t]', b'', got).endswith(words + b'\r\nend\r\n'), 'nothing but line ends was added'
    assert len(lines) > len(data.split(b'\r\n'))


def submit(s, letter, *to, mail_options=()):
    """As Anna, who logs in."""
    import ssl
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with smtplib.SMTP('127.0.0.1', s.ports['submission'], timeout=30) as c:
        c.starttls(context=context)
        c.login('anna', 'correct horse')
        assert not c.sendmail(ADDRESS, list(to), letter.data, list(mail_options))


@pytest.mark.parametrize('hides', [False, True])
def test_hops_inside_are_not_told(server, tmp_path, certificate, hides):
    inside = (b'Received: from [10.1.2.3] by %s with ESMTPA; Fri, 21 Nov 2025 09:55:06 +0000\r\n'
              b'Received: from far.example ([192.0.2.1]) by elsewhere.example; Fri, 21 Nov 2025 09:55:05 +0000\r\n')
    with postfix_takes(tmp_path, certificate) as port:
        s = sender(server, tmp_path, port, 'hide-local = %s\n' % str(hides).lower())
        with s.connect('smtp') as c:
            own_name = c.line().split()[1]
        letter = Letter('from inside')
        submit(s, SimpleNamespace(data=inside % own_name.encode() + letter.data), FAR)
        head = ours(one_arrives(tmp_path)).partition(b'\r\n\r\n')[0].decode('latin-1')
        queue_empties(s)
    hops = re.findall(r'^Received: from (\S+)', head, re.M)
    assert hops == (['far.example'] if hides else ['[authenticated]', '[10.1.2.3]', 'far.example']), head


@pytest.mark.parametrize('says', [False, True])
def test_a_priority_is_said_in_the_header(server, tmp_path, certificate, says):
    with postfix_takes(tmp_path, certificate) as port:
        s = sender(server, tmp_path, port, more='[queue]\npriority-header = %s\n' % str(says).lower())
        submit(s, Letter('urgent'), FAR, mail_options=['MT-PRIORITY=3'])
        read = email.message_from_bytes(ours(one_arrives(tmp_path)))
        queue_empties(s)
    assert read.get_all('MT-Priority') == (['3'] if says else None)


def test_a_host_with_mt_priority_hears_it_as_a_parameter(server, tmp_path):
    with Peer(offers=['MT-PRIORITY', '8BITMIME']) as peer:
        s = sender(server, tmp_path, peer.port, more='[queue]\npriority-header = true\n')
        submit(s, Letter('urgent'), FAR, mail_options=['MT-PRIORITY=3'])
        eventually(lambda: peer.messages, what='a message')
        mail, _, got = peer.messages[0]
        assert 'MT-PRIORITY=3' in mail.split() and b'MT-Priority' not in got


# --- Who is left alone -----------------------------------------------------------------------------

REFUSES = 'smtpd_recipient_restrictions = check_recipient_access inline:{{ {{ghost@far.test = 550 5.1.1 No such user}} }}, permit\n'


def test_a_refusal_closes_the_address(server, tmp_path, certificate):
    with postfix_takes(tmp_path, certificate, REFUSES) as port:
        s = sender(server, tmp_path, port, more='[queue.suppress]\nenable = true\n')
        first = Letter('first')
        send(s, first, 'ghost@far.test', FAR)
        assert_arrived(lambda: took(tmp_path), first)
        assert only_notice(s).rcpts['ghost@far.test']['Status'] == '5.1.1'
        s.wait_log(r'queue\.suppressed.*ghost@far\.test')
        with s.connect('smtp') as c:
            c.line()
            for line in ('EHLO client.example', 'MAIL FROM:<anna@example.test>'):
                assert c.command(line)[-1].startswith('250')
            assert c.command('RCPT TO:<Ghost@FAR.test>')[-1] == '550 5.1.1 Recipient is on the suppression list.'
            assert c.command('RCPT TO:<bert@far.test>')[-1].startswith('250')
        queue_empties(s)
        s.stop()
    log = text_of(str(tmp_path / 'postfix' / 'log'))
    assert log.count('RCPT from') == 1 and 'rcpt=1/2' in log, log


BROKEN_TLS = POSTFIX_TLS + 'smtpd_tls_protocols = >=TLSv1, <=TLSv1.1\ntls_high_cipherlist = DEFAULT:@SECLEVEL=0\n'
DISABLES = '''
[queue.response.broken]
match = "stage == 'tls'"
action = "disable-tls"
duration = "1h"
scope = "mx"
'''


def test_tls_that_is_broken_is_done_without_for_a_while(server, tmp_path, certificate):
    with postfix_takes(tmp_path, certificate, BROKEN_TLS) as port:
        s = sender(server, tmp_path, port, more=DISABLES, workers=1)
        s.expect_log(r'delivery\.start-tls-error')
        letters = [Letter('first'), Letter('second')]
        for letter in letters:
            send(s, letter, FAR)
            assert_arrived(lambda: took(tmp_path), letter)
        queue_empties(s)
        assert all(b'using TLS' not in d for d in took(tmp_path))
        tries = len(re.findall(r'\(delivery\.start-tls-error\)', s.log_text()))
        assert tries == 1, 'the second one did not even try'
        s.wait_log(r'delivery\.start-tls-disabled')


def test_who_demands_tls_waits(server, tmp_path, certificate):
    with postfix_takes(tmp_path, certificate, BROKEN_TLS) as port:
        s = sender(server, tmp_path, port, more=DISABLES + '[queue.tls.default]\nstarttls = "require"\n')
        s.expect_log(r'delivery\.start-tls-error')
        send(s, Letter('held'), FAR)
        eventually(lambda: len(re.findall(r'\(delivery\.start-tls-error\)', s.log_text())) >= 2, what='two attempts')
        assert took(tmp_path) == []


# --- One family is dead ----------------------------------------------------------------------------

class Dead:
    """A place of an address where connections are neither taken nor refused: its queue is full."""

    def __init__(self, family, address, port):
        self.listening = socket.socket(family, socket.SOCK_STREAM)
        self.listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            self.listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        self.listening.bind((address, port))
        self.listening.listen(0)
        self.waiting = []
        for _ in range(8):
            s = socket.socket(family, socket.SOCK_STREAM)
            s.settimeout(0.3)
            self.waiting.append(s)
            try:
                s.connect((address, port))
            except OSError:
                return
        raise AssertionError('the queue of a socket does not fill up here')

    def close(self):
        for s in [*self.waiting, self.listening]:
            s.close()


class Peer6(Peer):
    address_family = socket.AF_INET6

    def __init__(self, port):
        self.wanted = ('::1', port)
        super().__init__()

    def server_bind(self):
        self.server_address = self.wanted
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        super().server_bind()


@pytest.fixture
def names():
    n = Names({1: socket.inet_aton('127.0.0.1'), 28: socket.inet_pton(socket.AF_INET6, '::1')}, b'\4host\4twin\4test\0')
    yield n
    n.socket.close()


def racing(server, tmp_path, names, port, order, delay):
    s = mail_server(server, start=False, delivers=True, workers=1)
    s.mail = str(tmp_path / 'mail')
    goes_to(s, 'host.twin.test', 'port = %d\nip-lookup = "%s"\n' % (port, order),
            more='[resolver]\ntype = "custom"\ncustom = ["127.0.0.1:%d"]\ndnssec = "off"\n' % names.port +
            '[queue.connection.default]\ntimeout.connect = "4s"\n' + delay)
    return s.start()


@pytest.mark.parametrize('races', [True, False])
def test_ipv6_is_dead(server, tmp_path, certificate, names, races):
    """Postfix is reached over IPv4 at once, or when the time for the other family is over."""
    with postfix_takes(tmp_path, certificate) as port:
        dead = Dead(socket.AF_INET6, '::1', port)
        s = racing(server, tmp_path, names, port, 'ipv6_then_ipv4', '[queue]\nhappy-eyeballs = "200ms"\n' if races else '')
        s.expect_log(r'delivery\.connect-error')
        began = time.monotonic()
        letter = Letter('over the other family')
        send(s, letter, FAR)
        assert_arrived(lambda: took(tmp_path), letter)
        took_s = time.monotonic() - began
        queue_empties(s)
        dead.close()
    assert (took_s < 3) == races, took_s
    assert ('(delivery.connect-error)' in s.log_text()) == (not races)
    assert re.search(r'\(delivery\.connect\).*remoteIp = 127\.0\.0\.1', s.log_text())


def test_ipv4_is_dead(server, tmp_path, names):
    port, = free_ports(1)
    dead = Dead(socket.AF_INET, '127.0.0.1', port)
    with Peer6(port) as peer:
        s = racing(server, tmp_path, names, port, 'ipv4_then_ipv6', '[queue]\nhappy-eyeballs = "200ms"\n')
        began = time.monotonic()
        send(s, Letter('over the other family', eight_bit=False), FAR)
        eventually(lambda: peer.messages, what='the delivery')
        assert time.monotonic() - began < 3
        queue_empties(s)
        assert peer.connections == 1
    dead.close()
