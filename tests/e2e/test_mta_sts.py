# SPDX-License-Identifier: Apache-2.0
"""MTA-STS: mail for a domain whose policy Python's HTTPS server hands out, to a host that offers STARTTLS,
with names from unbound. All of it on loopback; port 443 wants root."""
import http.server
import json
import os
import shutil
import smtplib
import socket
import socketserver
import ssl
import subprocess
import threading

import pytest

from conftest import eventually, free_ports
from mail_tools import Letter, mail_server, queue

POLICY_IP, MX_IP = '127.0.0.2', '127.0.0.3'
UNBOUND = shutil.which('unbound') or '/usr/sbin/unbound'
pytestmark = pytest.mark.skipif(os.getuid() != 0 or not os.path.exists(UNBOUND), reason='wants root, and unbound')

CONFIG = '''
[resolver]
type = "custom"
custom = ["127.0.0.1:%d"]
dnssec = "off"
[queue.mta-sts]
prohibited-ips = []
[queue.route.mx]
type = "mx"
port = %d
prohibited-ips = []
[queue.schedule.remote]
retry = ["1s"]
'''


class Authority:
    def __init__(self, folder):
        self.folder = str(folder)
        self.run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
                 '-subj', '/CN=Test CA', '-keyout', 'ca.key', '-out', 'ca.pem')

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words):
        subprocess.run(['openssl', *words], cwd=self.folder, check=True, capture_output=True, timeout=60)

    def context(self, name):
        with open(self.path(name + '.ext'), 'w', encoding='ascii') as f:
            f.write('subjectAltName=DNS:%s\n' % name)
        self.run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=x',
                 '-keyout', name + '.key', '-out', name + '.csr')
        self.run('x509', '-req', '-in', name + '.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-days', '30',
                 '-extfile', name + '.ext', '-set_serial', '1', '-out', name + '.pem')
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path(name + '.pem'), self.path(name + '.key'))
        return context


class PolicyHost:
    def __init__(self, context):
        host = self
        self.policy, self.asked = '', 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                host.asked += 1
                body = host.policy.encode()
                self.send_response(200 if self.path == '/.well-known/mta-sts.txt' else 404)
                self.send_header('Content-Type', 'text/plain')
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *words):
                pass

        self.server = http.server.ThreadingHTTPServer((POLICY_IP, 443), Handler)
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Exchange:
    """A host that takes mail, and remembers which came over TLS."""

    def __init__(self, context, port):
        exchange = self
        self.over_tls = []

        class Handler(socketserver.StreamRequestHandler):
            def say(self, *lines):
                self.wfile.write(b''.join(line.encode() + b'\r\n' for line in lines))

            def handle(self):
                tls = False
                self.say('220 mx.example.net ESMTP')
                while line := self.rfile.readline():
                    verb = line.split()[0].upper() if line.split() else b''
                    if verb == b'EHLO':
                        self.say(*['250-mx.example.net'], '250 8BITMIME' if tls else '250 STARTTLS')
                    elif verb == b'STARTTLS':
                        self.say('220 go on')
                        self.connection = context.wrap_socket(self.connection, server_side=True)
                        self.rfile, self.wfile = self.connection.makefile('rb'), self.connection.makefile('wb', 0)
                        tls = True
                    elif verb == b'DATA':
                        self.say('354 go on')
                        while self.rfile.readline() not in (b'.\r\n', b''):
                            pass
                        exchange.over_tls.append(tls)
                        self.say('250 2.0.0 taken')
                    elif verb == b'QUIT':
                        self.say('221 bye')
                        return
                    else:
                        self.say('250 2.0.0 fine')

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        self.server = socketserver.ThreadingTCPServer((MX_IP, port), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class World:
    def __init__(self, folder):
        self.dns_port, self.mx_port = free_ports(2)
        self.authority = Authority(folder)
        self.policy = PolicyHost(self.authority.context('mta-sts.example.net'))
        self.exchange = Exchange(self.authority.context('mx.example.net'), self.mx_port)
        with open(self.authority.path('unbound.conf'), 'w', encoding='ascii') as f:
            f.write('server:\n  interface: 127.0.0.1@%d\n  username: ""\n  chroot: ""\n  directory: "%s"\n'
                    '  pidfile: ""\n  use-syslog: no\n  module-config: "iterator"\n  do-ip6: no\n'
                    '  local-zone: "example.net." static\n' % (self.dns_port, folder))
            for record in ('example.net. MX 10 mx.example.net.', '_mta-sts.example.net. TXT "v=STSv1; id=1"',
                           'mx.example.net. A ' + MX_IP, 'mta-sts.example.net. A ' + POLICY_IP):
                f.write("  local-data: '%s'\n" % record)
        self.unbound = subprocess.Popen([UNBOUND, '-d', '-c', self.authority.path('unbound.conf')],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(self.answers, what='the start of unbound')

    def answers(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(0.5)
            s.connect(('127.0.0.1', self.dns_port))
            try:
                s.send(b'\0\1\1\0\0\1\0\0\0\0\0\0\7example\3net\0\0\17\0\1')
                return len(s.recv(4096)) > 12
            except OSError:
                return False

    def stop(self):
        self.policy.stop()
        self.exchange.stop()
        self.unbound.terminate()
        self.unbound.wait(20)


@pytest.fixture
def world(tmp_path):
    folder = tmp_path / 'world'
    folder.mkdir()
    w = World(folder)
    yield w
    w.stop()


def start(server, world, more=''):
    s = mail_server(server, start=False, delivers=True, env={'SSL_CERT_FILE': world.authority.path('ca.pem')})
    s.extra += CONFIG % (world.dns_port, world.mx_port)
    s.extra += '[server.sandbox]\nread = ["%s"]\n' % world.authority.folder + more
    s.write_config(s.extra)
    return s.start()


def send(s, letter):
    with smtplib.SMTP('127.0.0.1', s.ports['submission']) as c:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        c.starttls(context=context)
        c.login('anna', 'correct horse')
        c.sendmail('anna@example.test', ['far@example.net'], letter.data)


def policy(mx, mode='enforce'):
    return 'version: STSv1\r\nmode: %s\r\nmx: %s\r\nmax_age: 86400\r\n' % (mode, mx)


def refused(s, count):
    """So many messages wait because of the policy."""
    records = queue(s).records()
    return len(records) == count and all('4.7.5' in json.dumps(r) for r in records)


def test_a_host_of_the_policy_gets_it(server, world):
    world.policy.policy = policy('*.example.net')
    s = start(server, world)
    send(s, Letter('first'))
    eventually(lambda: len(world.exchange.over_tls) == 1, 20, 'the first delivery')
    send(s, Letter('second'))
    eventually(lambda: len(world.exchange.over_tls) == 2, 20, 'the second delivery')
    assert all(world.exchange.over_tls)
    assert world.policy.asked == 1  # by whichever worker came first
    assert len(os.listdir(os.path.join(s.folder, 'state', 'mta-sts'))) == 1


def test_another_host_does_not_and_a_restart_forgets_nothing(server, world):
    world.policy.policy = policy('elsewhere.example.net')
    s = start(server, world)
    send(s, Letter('held'))
    eventually(lambda: refused(s, 1), 20, 'a refusal by policy')
    s.stop()
    world.policy.policy = policy('*.example.net')  # under the same id: nobody may ask for it
    asked = world.policy.asked
    s.start()
    send(s, Letter('held, too'))
    eventually(lambda: refused(s, 2), 20, 'refusals of both')
    assert world.exchange.over_tls == [] and world.policy.asked == asked


RELAY = '''
[queue.strategy]
route = "if_then(rcpt_domain == 'example.net', 'out', 'mx')"
[queue.route.out]
type = "relay"
address = "mx:example.net"
port = %d
[queue.tls.default]
mta-sts = "require"
'''


@pytest.mark.parametrize('mx, arrives', [('*.example.net', True), ('elsewhere.example.net', False)])
def test_a_relay_whose_policy_is_required(server, world, mx, arrives):
    world.policy.policy = policy(mx, 'testing')  # which counts as enforced then
    s = start(server, world, RELAY % world.mx_port)
    send(s, Letter('by relay'))
    if arrives:
        eventually(lambda: world.exchange.over_tls == [True], 20, 'the delivery')
    else:
        eventually(lambda: refused(s, 1), 20, 'a refusal by policy')
        assert world.exchange.over_tls == []
    assert world.policy.asked == 1


def test_a_policy_in_testing_stops_nothing(server, world):
    world.policy.policy = policy('elsewhere.example.net', 'testing')
    s = start(server, world)
    send(s, Letter('tested'))
    eventually(lambda: world.exchange.over_tls == [True], 20, 'the delivery')
