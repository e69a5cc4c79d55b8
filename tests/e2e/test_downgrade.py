# SPDX-License-Identifier: Apache-2.0
"""8-bit mail for a host without 8BITMIME: what Python's own reader finds in each part is what was in
it before, no octet is beyond ASCII, and SIZE= is right."""
import email
import email.policy
import random
from types import SimpleNamespace

import pytest

from conftest import eventually
from delivery_tools import FAR, queue_empties, send, sender
from peer_tools import Peer

HEAD = b'From: <anna@example.test>\r\nTo: <bert@far.test>\r\nSubject: parts\r\nMIME-Version: 1.0\r\n'
TEXT = 'Grüße, 大きさ  \r\n-- \r\n.\r\n' + 'ö' * 1200 + ' end = \r\n'


def part(kind, encoding, body):
    return b'Content-Type: %s\r\nContent-Transfer-Encoding: %s\r\n\r\n%s' % (kind, encoding, body)


def multipart(kind, boundary, *parts):
    body = b'preamble \xe9\r\n' + b''.join(b'--%s\r\n%s\r\n' % (boundary, p) for p in parts)
    return part(b'multipart/%s; boundary="%s"' % (kind, boundary), b'8bit', body + b'--%s--\r\nepilogue\r\n' % boundary)


def binary(size):
    """Octets that 8BITMIME can carry: lines that end in CRLF, no NUL."""
    chance = random.Random(size)
    lines = [bytes(chance.choice(range(14, 256)) for _ in range(chance.randrange(900))) for _ in range(size // 450)]
    return b'\r\n'.join(lines)


def messages():
    text = part(b'text/plain; charset=utf-8', b'8bit', TEXT.encode())
    latin = part(b'text/html; charset=iso-8859-1', b'8bit', '<p>Grüße</p>'.encode('latin1'))
    picture = part(b'image/x-noise', b'8bit', binary(300000))
    plain = part(b'text/plain', b'7bit', b'plain = plain \r\n')
    inner = part(b'message/rfc822', b'8bit', HEAD + multipart(b'alternative', b'=_y', text, latin))
    yield 'text', HEAD + text
    yield 'parts', HEAD + multipart(b'mixed', b'x x', text, picture, plain)
    yield 'nested', HEAD + multipart(b'mixed', b'x', multipart(b'related', b'x1', latin, picture), inner, plain)


def leaves(data):
    message = email.message_from_bytes(data, policy=email.policy.SMTP)
    return [(p.get_content_type(), p.get_content_charset(), p.get_payload(decode=True))
            for p in message.walk() if not p.is_multipart()]


@pytest.mark.parametrize('offers', [[], ['PIPELINING', 'SIZE']], ids=['data', 'size'])
def test_a_host_without_8bitmime(server, tmp_path, offers):
    with Peer(offers=offers) as peer:
        s = sender(server, tmp_path, peer.port)
        for count, (name, data) in enumerate(messages(), 1):
            send(s, SimpleNamespace(data=data), FAR, mail_options=['BODY=8BITMIME'])
            eventually(lambda count=count: len(peer.messages) == count, what='the message ' + name)
            mail, _, got = peer.messages[-1]
            assert 'BODY=' not in mail
            assert got.isascii(), name
            assert max(len(line) for line in got.split(b'\r\n')) <= 998
            assert leaves(got) == leaves(data), name
            assert ('SIZE=%d' % len(got) in mail.split()) == ('SIZE' in offers)
        queue_empties(s)
