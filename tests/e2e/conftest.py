# SPDX-License-Identifier: Apache-2.0
"""What end-to-end tests start from: `server`, which starts the real program as often as a test
likes, and a certificate.

    def test_greets(server):
        s = server()                                  # with the listeners of LISTENERS
        with s.connect('smtp') as c:
            assert c.line().startswith('220 mail.example.test')

    def test_limits(server):
        s = server(extra='[server.listener.smtp]\\nmax-connections = 1\\n')

At the end of a test every server that still runs is stopped with SIGTERM, must end with status 0,
and must not have logged an error or a crash; a test that provokes errors says which ones with
`s.expect_log('pattern')`. All ports are free ones of loopback. Nothing sleeps without a bound."""
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import time

import pytest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BINARY = os.environ.get('POSTHASTE_BIN') or os.path.join(TOP, 'build', 'posthaste')
HOST = 'mail.example.test'
START_S, STOP_S, READ_S = 20, 40, 20  # sanitizers on a busy machine are slow
BAD_LOG = re.compile(r'\b(ERROR|error)\b|AddressSanitizer|runtime error:|assertion failed')

# Each listener: protocol and further keys. The port is chosen when the server is made.
LISTENERS = {
    'smtp': 'protocol = "smtp"',
    'submission': 'protocol = "smtp"\nrole = "submission"',
    'submissions': 'protocol = "smtp"\nrole = "submission"\ntls.implicit = true',
    'lmtp': 'protocol = "lmtp"',
    'http': 'protocol = "http"\ntls.enable = false',
}


def eventually(true_now, within_s=START_S, what='this'):
    """Waits until a condition holds; fails the test when it does not within the time."""
    end = time.monotonic() + within_s
    while not true_now():
        assert time.monotonic() < end, '%s did not happen within %g s' % (what, within_s)
        time.sleep(0.02)


def free_ports(count):
    """Ports that nobody uses now: bound all at once, so that they differ, and then let go."""
    held = []
    for _ in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', 0))
        held.append(s)
    ports = [s.getsockname()[1] for s in held]
    for s in held:
        s.close()
    return ports


def make_certificate(folder, name, *names, key='ec', days=30):
    """A certificate signed by itself, and its key: (path, path)."""
    cert, private = os.path.join(folder, name + '.crt'), os.path.join(folder, name + '.key')
    algorithm = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] if key == 'ec' else ['-newkey', key]
    subject = ','.join('DNS:' + n for n in names or (name,))
    subprocess.run(['openssl', 'req', '-x509', *algorithm, '-nodes', '-days', str(days), '-sha256', '-subj',
                    '/CN=' + (names or (name,))[0], '-addext', 'subjectAltName=' + subject,
                    '-keyout', private, '-out', cert], check=True, capture_output=True)
    return cert, private


class Connection:
    """A client that reads lines, with a bound on every wait."""

    def __init__(self, port, source=None):
        self.socket = socket.create_connection(('127.0.0.1', port), READ_S, (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b''

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def say(self, line):
        self.send(line.encode() + b'\r\n')

    def line(self):
        """The next line without its end; None at the end of the connection."""
        while b'\n' not in self.unread:
            more = self.socket.recv(65536)
            if not more:
                assert not self.unread, 'the connection ended inside a line: %r' % self.unread
                return None
            self.unread += more
        line, self.unread = self.unread.split(b'\n', 1)
        return line.rstrip(b'\r').decode()

    def reply(self):
        """One reply of SMTP, all its lines."""
        lines = [self.line()]
        while lines[-1] is not None and lines[-1][3:4] == '-':
            lines.append(self.line())
        return lines

    def command(self, text):
        self.say(text)
        return self.reply()

    def rest(self):
        """Everything until the end of the connection."""
        data = self.unread
        while True:
            more = self.socket.recv(65536)
            if not more:
                return data
            data += more

    def closed(self):
        """Has the peer ended the connection (now, or within the wait)?"""
        try:
            return not self.unread and self.socket.recv(1) == b''
        except ConnectionResetError:
            return True

    def start_tls(self, context=None, name=HOST):
        self.socket = (context or any_certificate()).wrap_socket(self.socket, server_hostname=name)
        return self.socket


def any_certificate():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


class Server:
    """One running `posthaste serve`, its ports by listener name, and its log."""

    def __init__(self, folder, certificate, extra='', listeners=None, before='', env=None, workers=2,
                 level='debug'):
        self.folder, self.expected, self.env, self.level = str(folder), [], env or {}, level
        listeners = LISTENERS if listeners is None else listeners
        self.ports = dict(zip(listeners, free_ports(len(listeners))))
        self.config_path = os.path.join(self.folder, 'config.toml')
        self.log_path = os.path.join(self.folder, 'log')
        self.certificate, self.workers, self.listeners = certificate, workers, listeners
        self.write_config(extra, before)
        self.process = None
        self.status = None

    def write_config(self, extra='', before=''):
        """Writes (or rewrites, for a reload) the configuration. Tables may stand in several places
        of the file when no key repeats, so `extra` can add keys to any of them."""
        parts = [before, '[server]\nhostname = "%s"\n' % HOST]
        for name, keys in self.listeners.items():
            parts.append('[server.listener.%s]\nbind = ["127.0.0.1:%d"]\n%s\n' % (name, self.ports[name], keys))
        if self.certificate:
            parts.append('[certificate.default]\ncert = "file://%s"\nprivate-key = "file://%s"\ndefault = true\n'
                         % self.certificate)
        parts.append('[global]\nstate-dir = "%s"\nio-threads = %d\n' % (os.path.join(self.folder, 'state'),
                                                                     self.workers))
        parts.append('[tracer.console]\ntype = "console"\nlevel = "%s"\nbuffered = false\n' % self.level)
        parts.append('[metrics.prometheus]\nenable = true\n')
        os.makedirs(os.path.join(self.folder, 'state'), exist_ok=True)
        with open(self.config_path, 'w', encoding='utf-8') as f:
            f.write('\n'.join(parts + [extra]))

    def start(self, wait=True, prefix=()):
        self.log = open(self.log_path, 'ab')
        self.process = subprocess.Popen(
            [*prefix, BINARY, 'serve', '-c', self.config_path], stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, env={**os.environ, **self.env}, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self):
        """Ready: the first listener accepts, and http, if there is one, says so."""
        def now():
            assert self.process.poll() is None, 'the server ended with status %s:\n%s' % (
                self.process.returncode, self.log_text())
            try:
                if 'http' in self.ports:
                    return self.get('/healthz/ready')[0] == 200
                socket.create_connection(('127.0.0.1', next(iter(self.ports.values()))), 1).close()
                return True
            except OSError:
                return False
        eventually(now, what='the start of the server')

    def connect(self, listener, source=None):
        return Connection(self.ports[listener], source)

    def connect_tls(self, listener, context=None, name=HOST):
        c = Connection(self.ports[listener])
        c.start_tls(context, name)
        return c

    def get(self, path, method='GET', headers=''):
        """(status, head, body) of one request."""
        with Connection(self.ports['http']) as c:
            c.send(('%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n' % (method, path, headers)).encode())
            data = c.rest()
        head, _, body = data.partition(b'\r\n\r\n')
        status = head.split(b' ', 2)[1] if head.startswith(b'HTTP/1.') else b'0'
        return int(status), head.decode(), body.decode()

    def metric(self, name):
        """The sum of a metric over its labels."""
        body = self.get('/metrics')[2]
        values = re.findall(r'^%s(?:\{[^}]*\})? ([0-9.e+]+)$' % re.escape(name), body, re.M)
        return sum(float(v) for v in values)

    def pids(self):
        """The workers: children of the supervisor, without the log writer."""
        def name(pid):
            try:
                with open('/proc/%d/comm' % pid, encoding='ascii') as f:
                    return f.read().strip()
            except OSError:
                return ''
        with open('/proc/%d/task/%d/children' % (self.process.pid, self.process.pid), encoding='ascii') as f:
            return [pid for pid in map(int, f.read().split()) if name(pid) != 'posthaste-log']

    def send(self, number):
        os.kill(self.process.pid, number)

    def log_text(self):
        with open(self.log_path, encoding='utf-8', errors='replace') as f:
            return f.read()

    def log_has(self, pattern):
        return re.search(pattern, self.log_text(), re.M)

    def wait_log(self, pattern, within_s=START_S):
        eventually(lambda: self.log_has(pattern), within_s, 'the log line %r' % pattern)

    def expect_log(self, pattern):
        """Lines that match are no failure of the test."""
        self.expected.append(re.compile(pattern))

    def stop(self, number=signal.SIGTERM, status=0):
        """Stops it and checks how it ended; a second call does nothing."""
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            os.kill(process.pid, number)
        try:
            got = process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError('the server did not end within %d s:\n%s' % (STOP_S, self.log_text())) from None
        finally:
            self.log.close()
        assert got == status, 'the server ended with status %d, not %d:\n%s' % (got, status, self.log_text())
        bad = [line for line in self.log_text().splitlines()
               if BAD_LOG.search(line) and not any(e.search(line) for e in self.expected)]
        assert not bad, 'the log has errors:\n' + '\n'.join(bad)


@pytest.fixture(scope='session')
def certificate(tmp_path_factory):
    return make_certificate(str(tmp_path_factory.mktemp('tls')), 'default', HOST, 'localhost')


@pytest.fixture
def server(tmp_path, certificate):
    """server(extra='', ...) starts one; see Server. start=False only makes it."""
    made = []

    def make(extra='', start=True, **options):
        folder = tmp_path / ('server%d' % len(made))
        folder.mkdir()
        s = Server(folder, options.pop('certificate', certificate), extra, **options)
        made.append(s)
        return s.start() if start else s

    yield make
    problems = []
    for s in made:
        try:
            s.stop()
        except AssertionError as e:
            problems.append(str(e))
    assert not problems, '\n'.join(problems)


def readable(sock, within_s):
    """Has the socket something to read (or its end) within the time?"""
    return bool(select.select([sock], [], [], within_s)[0])
