# SPDX-License-Identifier: Apache-2.0
"""What the tests of receiving mail share: a server that takes mail, messages that can be recognised,
and a look into the queue.

    s = mail_server(server)                     # LMTP and port 25 without AUTH, submission with
    message = Letter('swaks')                   # 8-bit, dots, long lines; an id and a checksum inside
    ... a client sends message.data ...
    found = queue(s).one(message)               # waits until it is there, once; a dictionary
    assert found.body == message.data           # the bytes as they came

The queue is read by `posthaste queue`, as an administrator reads it."""
import hashlib
import json
import os
import re
import subprocess
import uuid

from conftest import BINARY, eventually

DOMAIN = 'example.test'
USER, PASSWORD = 'anna', 'correct horse'
ADDRESS = 'anna@example.test'

# Passwords in clear text, since CRAM-MD5 and SCRAM-SHA-1 need them.
ACCOUNTS = '''
[storage]
directory = "people"
[directory.people]
type = "memory"
default-domain = "example.test"
[[directory.people.principals]]
name = "anna"
secret = "correct horse"
email = ["anna@example.test"]
[[directory.people.principals]]
name = "bert"
secret = "{PLAIN}battery staple"
email = ["bert@example.test", "@catchall.test"]
'''

# The ports are not those of the protocols, which is what the defaults go by. min-free is for disks
# that are nearly full, as they are where tests run.
SESSIONS = '''
[session.auth]
mechanisms = "[plain, login, scram_sha_256_plus, scram_sha_256, scram_sha_1, cram_md5]"
require = "starts_with(listener, 'submission')"
allow-plain-text = "false"
[session.auth.errors]
wait = "100ms"
[session.rcpt.errors]
wait = "100ms"
[session.extensions]
dsn = "true"
[session.data.limits]
messages = "0"
[queue.limiter.inbound.none-of-the-defaults]
key = ["remote_ip"]
rate = "1000000/1s"
[store.here]
type = "embedded"
path = "%s"
min-free = 0
min-free-percent = 0
min-free-inodes = 0
[storage]
data = "here"
'''


# What is accepted stays where tests can look at it.
STAYS = ''.join('[queue.virtual.%s]\npaused = true\n' % name for name in ('default', 'dsn', 'local', 'remote', 'report'))


def mail_config(store, delivers=False):
    """Accounts, and sessions for tests; the queue lies in the folder `store`."""
    return ACCOUNTS + SESSIONS % store + ('' if delivers else STAYS)


def mail_server(server, extra='', start=True, delivers=False, **options):
    """A server that takes mail: see mail_config. `server` is the fixture."""
    s = server(start=False, **options)
    s.store = os.path.join(s.folder, 'state', 'mail')
    s.extra = mail_config(s.store, delivers) + extra
    s.write_config(s.extra)
    s.prefix = []  # of all commands that look at the queue
    return s.start() if start else s


class Letter:
    """A message that can be recognised and checked: X-Letter is its name, and X-Sum the SHA-256 of
    all that stands behind that field."""

    def __init__(self, subject='letter', sender=ADDRESS, to='bert@' + DOMAIN, size=0, eight_bit=True):
        self.name = uuid.uuid4().hex
        head = 'From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\n' % (sender, to, subject)
        head += 'Date: Fri, 21 Nov 2025 09:55:06 +0000\r\nMessage-ID: <%s@%s>\r\n' % (self.name, DOMAIN)
        lines = ['.', '..', '.a line behind a dot', 'From somebody', '', ' blank first', 'x' * 900, 'the end.']
        body = '\r\n'.join([head + 'MIME-Version: 1.0', 'Content-Type: text/plain; charset=utf-8', ''] + lines) + '\r\n'
        if eight_bit:
            body += 'Größe, 大きさ\r\n'
        data = body.encode()
        if size > len(data):
            line = (self.name * 2 + 'abcdef')[:70].encode() + b'\r\n'
            data += (line * (size // len(line) + 1))[:size - len(data) - 2].rstrip(b'\r') + b'\r\n'
        self.data = stamped(self.name, data)

    def write(self, folder):
        path = os.path.join(str(folder), self.name)
        with open(path, 'wb') as f:
            f.write(self.data)
        return path


def stamped(name, data):
    return b'X-Letter: %s\r\nX-Sum: %s\r\n' % (name.encode(), hashlib.sha256(data).hexdigest().encode()) + data


STAMP = re.compile(rb'^X-Letter: ([0-9a-z-]+)\r\nX-Sum: ([0-9a-f]{64})\r\n', re.M)


def read_stamp(data):
    """(name, is it whole) of a message, or None when it is no letter of ours: a notice about one has
    it in its body."""
    m = STAMP.search(data, 0, data.find(b'\r\n\r\n') + 2)
    return (m[1].decode(), hashlib.sha256(data[m.end():]).hexdigest() == m[2].decode()) if m else None


class Found:
    """A message of the queue: what `queue list` says of it, the bytes that came, and the lines of
    ours above them."""

    def __init__(self, queue, record):
        self.record, self.id = record, record['id_hex']
        self.sender = record['return_path']
        self.body = queue.run('show', '--original', self.id)
        self.sent = queue.run('show', '--raw', self.id)

    @property
    def account(self):
        return self.record['received'].get('account')

    @property
    def recipients(self):
        return {r['address']: r for r in self.record['recipients']}

    @property
    def top(self):
        """The fields that the server put above, unfolded; nothing else changed but what is cut out."""
        names = re.compile(rb'(?:Received|Date|Message-ID|Authentication-Results|Received-SPF): ')
        at = 0
        while names.match(self.sent, at) and not self.body.startswith(self.sent[at:at + 200]):
            at = re.compile(rb'\r\n(?![ \t])').search(self.sent, at).end()
        return re.sub(r'\r\n[ \t]+', ' ', self.sent[:at].decode())


class Queue:
    def __init__(self, server):
        self.server, self.names = server, {}  # names: of the letters by id, which never change

    def run(self, *words):
        done = subprocess.run([*self.server.prefix, BINARY, 'queue', *words, '-c', self.server.config_path],
                              capture_output=True, timeout=120)
        assert done.returncode == 0, '%s: %s' % (words, done.stderr.decode(errors='replace'))
        return done.stdout

    def records(self, *words):
        """The queue, a dictionary a message."""
        return [json.loads(line) for line in self.run('list', '--output', 'ndjson', *words).splitlines()]

    def find(self, letter):
        records = {r['id_hex']: r for r in self.records()}
        for new in records.keys() - self.names.keys():
            stamp = read_stamp(self.run('show', '--original', new))
            self.names[new] = stamp and stamp[0]
        return [Found(self, r) for i, r in records.items() if self.names[i] == letter.name]

    def one(self, letter):
        """Waits until the letter is listed, and asserts that it is so once."""
        found = []

        def there():
            found[:] = self.find(letter)
            return found
        eventually(there, 20, 'the message in the queue')
        assert len(found) == 1, [f.record for f in found]
        return found[0]

    def check(self):
        self.run('check')


def queue(server):
    """The queue of a server: one object, since it remembers what it has read."""
    if not hasattr(server, 'queue'):
        server.queue = Queue(server)
    return server.queue
