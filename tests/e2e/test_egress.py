# SPDX-License-Identifier: Apache-2.0
"""The way from us to hosts: SOCKS5 proxies, PROXY headers and XCLIENT, which Postfix is told, and TLS
sessions that are resumed."""
import re
import smtplib
import socket
import socketserver
import ssl
import struct
import threading

import pytest

from conftest import eventually
from delivery_tools import FAR, assert_arrived, queue_empties, send, send_over, sender, sunk
from mail_tools import Letter
from peer_tools import Loopback, Peer, Script, postfix, smtp_sink, text_of

CLIENT = '127.0.0.2'
ONE_EACH = '[queue.connection.default]\nreuse.max-messages = 1\n'


def send_from_client(s, letter):
    with smtplib.SMTP('127.0.0.1', s.ports['smtp'], 'client.test', 30, source_address=(CLIENT, 0)) as c:
        send_over(c, letter, FAR)


# --- Whose mail it is ----------------------------------------------------------------------------

@pytest.mark.parametrize('route, main', [
    ('xclient = true\n', 'smtpd_authorized_xclient_hosts = 127.0.0.1\n'),
    ('proxy-protocol = "v1"\n', 'smtpd_upstream_proxy_protocol = haproxy\n'),
    ('proxy-protocol = "v2"\n', 'smtpd_upstream_proxy_protocol = haproxy\n')], ids=['xclient', 'v1', 'v2'])
def test_postfix_hears_of_the_client(server, tmp_path, route, main):
    with postfix(tmp_path / 'postfix', main + 'default_transport = discard:\n') as port:
        s = sender(server, tmp_path, port, route)
        send_from_client(s, Letter('theirs'))

        def clients():
            return re.findall(r' client=\S+(\[.*\])', text_of(str(tmp_path / 'postfix' / 'log')))
        eventually(clients, what='the arrival at Postfix')
        assert clients() == ['[%s]' % CLIENT]
        s.stop()


def test_a_host_without_xclient_gets_the_mail(server, tmp_path):
    with Peer() as peer:
        s = sender(server, tmp_path, peer.port, 'xclient = true\n')
        letter = Letter('plain')
        send_from_client(s, letter)
        eventually(lambda: peer.messages, what='the arrival')
        assert not [line for line in peer.said if line.startswith('XCLIENT')]


# --- SOCKS5 --------------------------------------------------------------------------------------

class SocksScript(socketserver.StreamRequestHandler):
    """One connection: RFC 1928 with CONNECT to IPv4 addresses, RFC 1929."""
    timeout = 30

    def take(self, count):
        data = self.rfile.read(count)
        assert len(data) == count
        return data

    def handle(self):
        server = self.server
        _, count = self.take(2)
        methods = self.take(count)
        wanted = 2 if server.login else 0
        assert wanted in methods
        self.wfile.write(bytes([5, wanted]))
        if server.login:
            self.take(1)
            login = tuple(self.take(self.take(1)[0]).decode() for _ in range(2))
            self.wfile.write(bytes([1, login != server.login]))
            if login != server.login:
                return
        _, command, _, kind = self.take(4)
        assert (command, kind) == (1, 1)
        to = (socket.inet_ntoa(self.take(4)), struct.unpack('!H', self.take(2))[0])
        server.asked.append(to)
        if server.refusals:
            self.wfile.write(bytes([5, server.refusals.pop(0), 0, 1]) + bytes(6))
            return
        with socket.create_connection(to) as far:
            self.wfile.write(bytes([5, 0, 0, 1]) + bytes(6))
            back = threading.Thread(target=pump, args=(far, self.connection))
            back.start()
            pump(self.connection, far)
            back.join()


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


class Socks(Loopback):
    """A proxy: `asked` is where it was to lead; it says `refusals` before it does."""

    def __init__(self, login=None, refusals=()):
        self.login, self.refusals, self.asked = login, list(refusals), []
        super().__init__(SocksScript)


def test_through_a_proxy(server, tmp_path):
    with Socks(('me', 'secret')) as proxy, smtp_sink(tmp_path / 'sink') as port:
        s = sender(server, tmp_path, port, 'socks5 = "localhost:%d,me,secret"\n' % proxy.port)
        letters = [Letter('small'), Letter('large', size=2000000)]
        for letter in letters:
            send(s, letter, FAR)
        assert_arrived(lambda: sunk(tmp_path / 'sink'), *letters)
        queue_empties(s)
        assert set(proxy.asked) == {('127.0.0.1', port)}
        s.stop()


def test_a_proxy_that_refuses_first(server, tmp_path):
    """The host is tried again at once, though it could not be reached: it was not its fault."""
    with Socks(refusals=[1, 2, 5]) as proxy, smtp_sink(tmp_path / 'sink') as port:
        s = sender(server, tmp_path, port, 'socks5 = "127.0.0.1:%d"\n' % proxy.port)
        s.expect_log(r'delivery\.connect-error')
        letter = Letter('patient')
        send(s, letter, FAR)
        assert_arrived(lambda: sunk(tmp_path / 'sink'), letter)
        assert len(proxy.asked) == 4
        eventually(lambda: s.log_has(r'delivery\.connect-error.*general failure'), what='the event')
        assert not s.log_has(r'delivery\.host-cooldown')
        s.stop()


def test_a_wrong_password_for_the_proxy(server, tmp_path):
    with Socks(('me', 'secret')) as proxy, Peer() as peer:
        s = sender(server, tmp_path, peer.port, 'socks5 = "127.0.0.1:%d,me,open-sesame"\n' % proxy.port)
        s.expect_log(r'delivery\.connect-error')
        send(s, Letter('waits'), FAR)
        eventually(lambda: s.log_has(r'delivery\.connect-error.*refuses our login'), what='the refusal')
        assert not s.log_has('open-sesame')
        assert peer.connections == 0


# --- TLS sessions --------------------------------------------------------------------------------

class TlsScript(Script):
    def on_starttls(self, _):
        self.say('220 2.0.0 go')
        self.connection = self.server.context.wrap_socket(self.connection, server_side=True)
        self.server.resumed.append(self.connection.session_reused)
        self.rfile, self.wfile = self.connection.makefile('rb'), self.connection.makefile('wb')
        return True


class TlsPeer(Peer):
    """With TLS; `resumed` has a word for each handshake, as OpenSSL saw it."""

    def __init__(self, certificate, version):
        super().__init__(offers=('PIPELINING', '8BITMIME', 'STARTTLS'))
        self.RequestHandlerClass, self.resumed = TlsScript, []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(*certificate)
        self.context.maximum_version = version


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=['1.2', '1.3'])
@pytest.mark.parametrize('key, resumed', [('', True), ('session-cache = false\n', False)], ids=['on', 'off'])
def test_sessions_are_resumed(server, tmp_path, certificate, version, key, resumed):
    with TlsPeer(certificate, version) as peer:
        s = sender(server, tmp_path, peer.port, 'tls.allow-invalid-certs = true\ntls.starttls = "require"\n',
                   workers=1, more=ONE_EACH + '[queue.tls.default]\ndescription = "x"\n' + key)
        for i in range(3):
            send(s, Letter('letter %d' % i), FAR)
            eventually(lambda: len(peer.messages) > i, what='the arrival')
        assert peer.resumed == [False, resumed, resumed]
        if resumed:
            eventually(lambda: s.log_has(r'delivery\.start-tls\).*resumed'), what='the event')
        s.stop()
