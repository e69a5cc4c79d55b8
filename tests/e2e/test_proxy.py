# SPDX-License-Identifier: Apache-2.0
"""PROXY headers: from whom they are taken, what they change, and who is turned away (listeners.md
11). 127.0.0.2 is a trusted proxy; every other address of loopback is a stranger. haproxy stands in
front where it says so."""
import shutil
import socket
import ssl
import struct
import subprocess
import time

import pytest

from conftest import HOST, any_certificate, eventually, free_ports, readable

PROXY, STRANGER = '127.0.0.2', '127.0.0.3'
TRUST = '[server.proxy]\ntrusted-networks = ["127.0.0.2"]\n'
V1 = b'PROXY TCP4 203.0.113.9 192.0.2.1 4711 25\r\n'
SIGNATURE = b'\r\n\r\n\0\r\nQUIT\n'


def v2(body=None, command=0x21, family=0x11, length=None):
    if body is None:
        body = socket.inet_aton('203.0.113.9') + socket.inet_aton('192.0.2.1') + struct.pack('>HH', 4711, 25)
    return SIGNATURE + bytes([command, family]) + struct.pack('>H', len(body) if length is None else length) + body


def tlv(kind, value):
    return bytes([kind]) + struct.pack('>H', len(value)) + value


def client_seen(c):
    """The address that the server greets us by, after EHLO."""
    assert c.line().startswith('220 ')
    return c.command('EHLO me.example.test')[0].split('[')[1].rstrip(']')


@pytest.mark.parametrize('header,seen', [
    (V1, '203.0.113.9'),
    (b'PROXY TCP6 2001:db8::7 2001:db8::1 4711 25\r\n', '2001:db8::7'),
    (b'PROXY TCP6 ::ffff:203.0.113.8 ::ffff:192.0.2.1 1 2\r\n', '203.0.113.8'),
    (b'PROXY UNKNOWN whatever there is\r\n', PROXY),
    (v2(), '203.0.113.9'),
    (v2(command=0x20, body=b'local with data'), PROXY),
    (v2(family=0x00, body=b''), PROXY),
    (v2(body=v2()[16:] + tlv(0x04, b'nothing')), '203.0.113.9'),
], ids=['v1', 'v1 over IPv6', 'v1 mapped', 'v1 unknown', 'v2', 'v2 local', 'v2 unspec', 'v2 with a TLV'])
def test_the_header_names_the_client(server, header, seen):
    with server(TRUST).connect('smtp', PROXY) as c:
        c.send(header)
        assert client_seen(c) == seen


def test_a_header_byte_by_byte(server):
    for header in (V1, v2()):
        with server(TRUST).connect('smtp', PROXY) as c:
            for i in range(len(header)):
                c.send(header[i:i + 1])
                time.sleep(0.001)
            assert client_seen(c) == '203.0.113.9'


def test_a_second_header_is_a_command(server):
    with server(TRUST).connect('smtp', PROXY) as c:
        c.send(V1 + V1)
        assert c.line().startswith('220 ')
        assert c.line().startswith('500 ')


@pytest.mark.parametrize('bad', [
    b'EHLO me.example.test\r\n',
    b'PROXY TCP4 203.0.113.9 192.0.2.1 4711 70000\r\n',
    b'PROXY TCP4 2001:db8::7 192.0.2.1 4711 25\r\n',
    b'PROXY UNKNOWN ' + b'x' * 94,
    v2(length=65535),
    v2(body=v2()[16:] + b'\x04\xff\xff'),
    v2(body=v2()[16:] + tlv(0x03, b'\0\0\0\0')),
], ids=['no header', 'port', 'family', 'endless line', 'v2 length', 'v2 TLV overrun', 'v2 checksum'])
def test_bad_headers_are_closed_without_a_word(server, bad):
    s = server(TRUST)
    s.expect_log('proxy-error')
    with s.connect('smtp', PROXY) as c:
        c.send(bad)
        assert c.closed()
    s.wait_log('network.proxy-error')


def test_a_late_header(server):
    s = server(TRUST + 'timeout = "300ms"\n')
    s.expect_log('proxy-error')
    began = time.monotonic()  # before the server can have begun to count
    with s.connect('smtp', PROXY) as c:
        c.send(V1[:20])
        assert c.closed()
        assert 0.3 < time.monotonic() - began < 10
    s.wait_log('proxy.timeout')


def test_a_health_check_of_the_balancer_is_silent(server):
    s = server(TRUST)
    s.connect('smtp', PROXY).close()
    with s.connect('smtp', PROXY) as c:
        c.send(V1)
        client_seen(c)
    s.stop()
    assert not s.log_has('proxy-error')


@pytest.mark.parametrize('header', [V1, v2()], ids=['v1', 'v2'])
@pytest.mark.parametrize('listener', ['smtp', 'submissions', 'http'])
def test_a_header_from_a_stranger(server, listener, header):
    s = server(TRUST)
    s.expect_log('proxy-error|handshake-error')
    with s.connect(listener, STRANGER) as c:
        c.send(header)
        rest = c.rest()
        assert rest == b'' or rest.startswith(b'220 ') and rest.count(b'\n') == 1
    s.wait_log('header from untrusted peer')


def test_strangers_are_served_without_one(server):
    with server(TRUST).connect('smtp', STRANGER) as c:
        assert client_seen(c) == STRANGER


def test_required_closes_strangers(server):
    s = server(TRUST, listeners={'smtp': 'protocol = "smtp"\nproxy.mode = "required"'}, start=False)
    s.expect_log('proxy-error')
    s.start(wait=False)
    eventually(lambda: s.log_has('startup'), what='the start')
    with s.connect('smtp', STRANGER) as c:
        assert c.closed()
    with s.connect('smtp', PROXY) as c:
        c.send(V1)
        assert client_seen(c) == '203.0.113.9'
    s.wait_log('no trusted proxy')


def test_optional_waits_a_second(server):
    s = server(TRUST, listeners={'smtp': 'protocol = "smtp"\nproxy.mode = "optional"', 'http': 'protocol = "http"'})
    with s.connect('smtp', PROXY) as c:
        assert client_seen(c) == PROXY
    with s.connect('smtp', PROXY) as c:
        c.send(V1)
        assert client_seen(c) == '203.0.113.9'


def test_off_on_one_listener(server):
    s = server(TRUST, listeners={'smtp': 'protocol = "smtp"\nproxy.override = true',
                                 'http': 'protocol = "http"\ntls.enable = false'})
    with s.connect('smtp', PROXY) as c:
        assert client_seen(c) == PROXY


def test_the_header_comes_before_tls(server):
    s = server(TRUST)
    for header in (V1, v2()):
        with s.connect('submissions', PROXY) as c:
            c.send(header)
            c.start_tls()
            assert client_seen(c) == '203.0.113.9'


def ssl_tlv():
    sub = tlv(0x21, b'TLSv1.3') + tlv(0x23, b'TLS_AES_256_GCM_SHA384')
    return tlv(0x20, b'\x01' + b'\0\0\0\0' + sub)


def test_what_the_header_tells_is_logged(server):
    s = server(TRUST)
    with s.connect('smtp', PROXY) as c:
        c.send(v2(body=v2()[16:] + tlv(0x05, b'unique-77') + tlv(0x02, b'mx.example.org') + ssl_tlv()))
        client_seen(c)
    s.wait_log(r'network.peer.*remoteIp = 203.0.113.9.*by proxy 127.0.0.2, id unique-77, name mx.example.org, '
               r'TLSv1.3 TLS_AES_256_GCM_SHA384')


@pytest.mark.parametrize('trust', [True, False])
def test_tls_at_the_proxy(server, trust):
    more = '' if trust else '\nproxy.trust-tls = false'
    s = server(TRUST, listeners={'smtp': 'protocol = "smtp"' + more, 'http': 'protocol = "http"'})
    s.expect_log('handshake-error')  # the answer to STARTTLS is all that is asked for
    with s.connect('smtp', PROXY) as c:
        c.send(v2(body=v2()[16:] + ssl_tlv()))
        c.line()
        offers = any(line[4:] == 'STARTTLS' for line in c.command('EHLO me.example.test'))
        assert offers == (not trust)
        assert c.command('STARTTLS')[0].startswith('503' if trust else '220')


HAPROXY = '''
global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 20s
    timeout server 20s
listen front
    bind 127.0.0.1:%d
    source 127.0.0.2
    server one 127.0.0.1:%d %s
'''


@pytest.mark.skipif(not shutil.which('haproxy'), reason='needs haproxy')
@pytest.mark.parametrize('how', ['send-proxy', 'send-proxy-v2'])
@pytest.mark.parametrize('listener', ['smtp', 'submissions'])
def test_behind_haproxy(server, tmp_path, how, listener):
    s = server(TRUST)
    s.expect_log('handshake-error')  # of the first connection, which only knocks
    port, = free_ports(1)
    config = tmp_path / 'haproxy.cfg'
    config.write_text(HAPROXY % (port, s.ports[listener], how))
    front = subprocess.Popen(['haproxy', '-db', '-f', str(config)], stderr=subprocess.DEVNULL)
    try:
        def accepts():
            try:
                socket.create_connection(('127.0.0.1', port), 1).close()
                return True
            except OSError:
                return False
        eventually(accepts, what='the start of haproxy')
        raw = socket.create_connection(('127.0.0.1', port), 20, ('127.0.0.77', 0))
        with (any_certificate().wrap_socket(raw, server_hostname=HOST) if listener == 'submissions' else raw) as c:
            lines = c.makefile('rb')
            assert lines.readline().startswith(b'220 ')
            c.sendall(b'EHLO me.example.test\r\n')
            assert b'[127.0.0.77]' in lines.readline()
    finally:
        front.terminate()
        front.wait()
