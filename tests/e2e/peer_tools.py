# SPDX-License-Identifier: Apache-2.0
"""Other mail servers, each with its own configuration, queue and ports in a folder of the test, so
that what is installed on the machine stays as it is. All of them need root: they change users."""
import contextlib
import os
import pwd
import shutil
import smtplib
import socket
import socketserver
import struct
import subprocess
import threading

import pytest

from conftest import TOP, Connection, eventually, free_ports

POSTFIX_SERVICES = '''
127.0.0.1:{port} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
lmtp unix - - n - - lmtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
'''

POSTFIX = '''
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/data
maillog_file = {folder}/log
maillog_file_prefixes = {folder}
mail_owner = postfix
setgid_group = postdrop
myhostname = postfix.test
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtputf8_enable = yes
{more}
'''

EXIM = '''
primary_hostname = exim.test
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
exim_path = {program}
exim_user = nobody
exim_group = nogroup
never_users =
keep_environment =
host_lookup =
dsn_advertise_hosts = *
acl_smtp_rcpt = accept
acl_not_smtp = accept
smtp_accept_max = 0
{more}
'''

DOVECOT = '''
base_dir = {folder}/run
state_dir = {folder}/run
log_path = {folder}/log
listen = 127.0.0.1
ssl = yes
ssl_cert = <{cert}
ssl_key = <{key}
ssl_client_require_valid_cert = no
disable_plaintext_auth = no
auth_mechanisms = plain
hostname = dovecot.test
postmaster_address = postmaster@example.test
first_valid_uid = 0
mail_location = maildir:{folder}/home
default_internal_user = dovecot
userdb {{
  driver = static
  args = uid=dovecot gid=dovecot home={folder}/home
}}
{more}
'''


OPENSMTPD = '''
smtp limit max-mails 1000
smtp max-message-size "1000000"
table users {{ "@" = "nobody" }}
{listen}
action "box" maildir "{folder}/mail/%{{rcpt.user}}" virtual <users>
match from any for domain "far.test" action "box"
{more}
'''

# OpenSMTPD has its folders, users and socket compiled in. It sees its own, the machine does not; and
# it asks the DNS about every client, where nobody answers.
OPENSMTPD_VIEW = '''
set -e
mount -t tmpfs none /var/spool
mount -t tmpfs none /var/lib
mount -t tmpfs none /run
mkdir -p -m 711 /var/spool/smtpd /var/lib/opensmtpd /var/lib/opensmtpd/empty
mount --bind {program}/usr/libexec /usr/libexec
for name in passwd group resolv.conf; do mount --bind {folder}/$name /etc/$name; done
exec {program}/usr/sbin/smtpd -d -f {folder}/smtpd.conf
'''


def need(program, *more):
    """The program, wherever it is; without it, or without root, the test is skipped."""
    if os.geteuid() != 0:
        pytest.skip('%s needs root' % program)
    for place in (shutil.which(program, path=os.environ['PATH'] + ':/usr/sbin'), *more):
        if place and os.access(place, os.X_OK):
            return place
    return pytest.skip(program + ' is not installed')


@contextlib.contextmanager
def postfix(folder, more):
    """A running Postfix; gives its port."""
    need('postfix')
    folder = str(folder)
    port = free_ports(1)[0]
    open_up(folder)
    uid = pwd.getpwnam('postfix').pw_uid
    for name in ('conf', 'data', 'spool'):
        os.makedirs(os.path.join(folder, name))
    os.chown(os.path.join(folder, 'data'), uid, -1)
    config = POSTFIX.format(folder=folder, more=more)
    for name, text in (('main.cf', config), ('master.cf', POSTFIX_SERVICES.format(port=port))):
        with open(os.path.join(folder, 'conf', name), 'w', encoding='ascii') as f:
            f.write(text)
    command = ['postfix', '-c', os.path.join(folder, 'conf')]
    done = subprocess.run([*command, 'start'], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr + text_of(os.path.join(folder, 'log'))
    try:
        yield port
    finally:
        subprocess.run([*command, 'stop'], capture_output=True, timeout=60, check=False)


def exim_setup(folder, more):
    """The command that runs Exim with this configuration."""
    program = need('exim4', os.path.join(TOP, 'build/peers/exim/usr/sbin/exim4'), '/opt/bench-peers/exim/usr/sbin/exim4')
    folder = str(folder)
    open_up(folder)
    for name in ('spool', 'log', 'mail'):
        os.makedirs(os.path.join(folder, name), exist_ok=True)
        shutil.chown(os.path.join(folder, name), 'nobody', 'nogroup')
    config = os.path.join(folder, 'exim.conf')
    with open(config, 'w', encoding='ascii') as f:
        f.write(EXIM.format(folder=folder, program=program, more=more))
    return [program, '-C', config]


def exim_send(folder, more, dialogue):
    """Exim takes mail from standard input and delivers it before it ends; its replies and log."""
    command = exim_setup(folder, 'tls_advertise_hosts =\n' + more)
    done = subprocess.run([*command, '-bs', '-odf'], input=dialogue, capture_output=True, timeout=60)
    return done.stdout.decode() + done.stderr.decode() + text_of(os.path.join(str(folder), 'log', 'mainlog'))


@contextlib.contextmanager
def running(command, port, log=None):
    """A program in the foreground, from when it greets at the port; `log` takes what it prints."""
    out = open(log, 'wb') if log else subprocess.DEVNULL
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out) as p:
        try:
            def greets():
                assert p.poll() is None, '%s ended: %s' % (command, text_of(log))
                try:
                    with Connection(port) as c:
                        return c.line() is not None
                except OSError:
                    return False
            eventually(greets, what='the start of ' + command[0])
            yield port
        finally:
            p.terminate()
            p.wait(30)


@contextlib.contextmanager
def exim(folder, more):
    """A running Exim that delivers what it takes; gives its port."""
    port = free_ports(1)[0]
    command = exim_setup(folder, 'local_interfaces = 127.0.0.1\ndeliver_drop_privilege\n' + more)
    with running([*command, '-bdf', '-odi', '-oX', str(port)], port, os.path.join(str(folder), 'said')):
        yield port


@contextlib.contextmanager
def opensmtpd(folder, certificate, more=''):
    """A running OpenSMTPD that takes mail for far.test into Maildirs, with TLS if there is a
    certificate; gives its port."""
    program = os.path.join(TOP, 'build/peers/opensmtpd')
    need(program + '/usr/sbin/smtpd')
    if subprocess.run(['unshare', '--mount', 'true'], capture_output=True, check=False).returncode != 0:
        pytest.skip('OpenSMTPD needs a view of the machine of its own')
    folder = str(folder)
    port = free_ports(1)[0]
    open_up(folder)
    os.makedirs(os.path.join(folder, 'mail'))
    shutil.chown(os.path.join(folder, 'mail'), 'nobody')
    listen = 'listen on 127.0.0.1 port %d hostname opensmtpd.test' % port
    if certificate:
        for name, path in zip(('cert', 'key'), certificate):
            shutil.copyfile(path, os.path.join(folder, name))
            os.chmod(os.path.join(folder, name), 0o600)
        listen = 'pki far cert "{0}/cert"\npki far key "{0}/key"\n{1} tls pki far'.format(folder, listen)
    for name, line in (('passwd', '%s:x:64998:64998::/nonexistent:/usr/sbin/nologin\n'), ('group', '%s:x:64998:\n')):
        with open(os.path.join(folder, name), 'w', encoding='ascii') as f:
            f.write(text_of('/etc/' + name) + line % 'opensmtpd' + line.replace('64998', '64999') % 'opensmtpq')
    with open(os.path.join(folder, 'resolv.conf'), 'w', encoding='ascii') as f:
        f.write('lookup file\n')
    with open(os.path.join(folder, 'smtpd.conf'), 'w', encoding='ascii') as f:
        f.write(OPENSMTPD.format(folder=folder, listen=listen, more=more))
    view = OPENSMTPD_VIEW.format(program=program, folder=folder)
    command = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', view]
    with running(command, port, os.path.join(folder, 'log')):
        yield port


@contextlib.contextmanager
def smtp_sink(folder, *options):
    """Postfix's test server, which takes everything, each message into a file of its own; its port."""
    program = need('smtp-sink')
    folder = str(folder)
    open_up(folder)
    shutil.chown(folder, 'nobody')
    port = free_ports(1)[0]
    command = [program, '-u', 'nobody', '-R', folder, '-d', 'mail.', *options, '127.0.0.1:%d' % port, '100']
    with running(command, port, folder + '.said'):
        yield port


class Script(socketserver.StreamRequestHandler):
    """One connection to a Peer."""
    timeout = 30

    def say(self, text):
        self.wfile.write(text.encode() + b'\r\n')
        self.wfile.flush()

    def handle(self):
        self.server.connections += 1
        self.sender, self.rcpts, self.last = None, [], ''
        verb, goes_on = '', self.answer('', '220 peer.test ESMTP')
        while goes_on and verb != 'QUIT':
            line = self.rfile.readline().decode('latin-1').strip()
            verb = line.upper().split(' ')[0].split(':')[0]
            self.server.said.append(line)
            goes_on = verb != '' and getattr(self, 'on_' + verb.lower(), self.on_other)(line)

    def answer(self, verb, usual):
        """Gives the answer, unless the test has another one ready; False: the connection is over."""
        with self.server.lock:
            special = self.server.answers.get(verb)
            reply = special.pop(0) if special else usual
        if reply is None:
            return False
        self.say(reply)
        self.last = reply
        return not reply.startswith('421')

    def on_other(self, line):
        return self.answer(line.upper().split(' ')[0], '221 bye' if line.upper() == 'QUIT' else '250 2.0.0 ok')

    def on_ehlo(self, _):
        lines = ['peer.test', *self.server.offers]
        return self.answer('EHLO', '\r\n'.join('250%s%s' % ('-' if i < len(lines) - 1 else ' ', line)
                                               for i, line in enumerate(lines)))

    on_lhlo = on_ehlo

    def on_mail(self, line):
        goes_on = self.answer('MAIL', '250 2.1.0 ok')
        self.sender, self.rcpts = line if goes_on and self.last.startswith('2') else None, []
        return goes_on

    def on_rcpt(self, line):
        if self.sender is None:  # pipelined behind a MAIL that was refused
            return self.answer('', '503 5.5.1 from whom?')
        goes_on = self.answer('RCPT', '250 2.1.5 ok')
        if goes_on and self.last.startswith('2'):
            self.rcpts.append(line)
        return goes_on

    def on_data(self, _):
        usual = '354 go' if self.rcpts else '503 5.5.1 to whom?'
        goes_on = self.answer('DATA', usual)
        if not goes_on or not self.last.startswith('354'):
            return goes_on
        lines = []
        while not lines or lines[-1] != b'.\r\n':
            lines.append(self.rfile.readline())
            if lines[-1] == b'':
                return False
        self.server.gate.wait(self.timeout)
        goes_on = self.answer('.', '250 2.0.0 taken')
        if goes_on and self.last.startswith('2'):
            data = b''.join(line[1:] if line.startswith(b'.') else line for line in lines[:-1])
            self.server.messages.append((self.sender, self.rcpts, data))
        return goes_on


class Loopback(socketserver.ThreadingTCPServer):
    """A server of the test's own, which serves from the beginning to stop(), or the end of `with`."""
    allow_reuse_address = daemon_threads = True

    def __init__(self, handler, address=('127.0.0.1', 0)):
        super().__init__(address, handler)
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()

    def __exit__(self, *_):
        self.stop()

    def handle_error(self, *_):
        pass  # the other side has gone


class Peer(Loopback):
    """A server that does what the test says, and keeps what it takes: `messages` are (MAIL, RCPTs,
    data). `answers` has by verb what is said instead of the usual for so many times: None is to go
    away; '' is the greeting, '.' the end of data. While `gate` is cleared, ends of data are not
    answered."""

    def __init__(self, offers=('PIPELINING', '8BITMIME', 'SIZE 0'), answers=None):
        self.offers, self.answers, self.lock = offers, answers or {}, threading.Lock()
        self.gate = threading.Event()
        self.gate.set()
        self.messages, self.said, self.connections = [], [], 0
        super().__init__(Script)


@contextlib.contextmanager
def dovecot(folder, certificate, more):
    """A running Dovecot. `more` has {port}, which is what this gives."""
    need('dovecot')
    folder = str(folder)
    port = free_ports(1)[0]
    open_up(folder)
    os.makedirs(os.path.join(folder, 'home'))
    shutil.chown(os.path.join(folder, 'home'), 'dovecot')
    path = os.path.join(folder, 'dovecot.conf')
    with open(path, 'w', encoding='ascii') as f:
        f.write(DOVECOT.format(folder=folder, cert=certificate[0], key=certificate[1], more=more % {'port': port}))
    with subprocess.Popen(['dovecot', '-F', '-c', path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as p:
        try:
            def answers():
                if p.poll() is not None:
                    said = p.stdout.read().decode() + text_of(os.path.join(folder, 'log'))
                    if 'Unknown protocol' in said or 'protocols: ' in said:
                        pytest.skip('this part of Dovecot is not installed')
                    raise AssertionError(said)
                try:
                    with Connection(port) as c:
                        return c.line() is not None
                except OSError:
                    return False
            eventually(answers, what='the start of Dovecot')
            yield port
        finally:
            p.terminate()
            p.wait(30)


def hand_in(port, sender, rcpts, data, mail_options=(), rcpt_options=(), login=None):
    """Hands one message to such a server; a dictionary of those that it refused."""
    with smtplib.SMTP('127.0.0.1', port, 'first.example.test', timeout=30) as c:
        if login is not None:
            c.login(*login)
        return c.sendmail(sender, rcpts, data, list(mail_options), list(rcpt_options))


def hand_in_lmtp(port, sender, rcpts, data):
    """The same by LMTP, for which smtplib knows only one recipient: the replies to RCPT, and those to
    the message."""
    with Connection(port) as c:
        c.reply()
        c.command('LHLO first.example.test')
        assert c.command('MAIL FROM:<%s>' % sender)[0].startswith('250')
        answers = [c.command('RCPT TO:<%s>' % r)[0] for r in rcpts]
        assert c.command('DATA')[0].startswith('354')
        c.send(data.replace(b'\r\n.', b'\r\n..') + b'.\r\n')
        return answers, [c.reply()[0] for a in answers if a.startswith('250')]


def text_of(path):
    try:
        with open(path, encoding='utf-8', errors='replace') as f:
            return f.read()
    except OSError:
        return ''


def open_up(folder):
    """Makes a folder that those servers can come to when they have changed to users of their own."""
    os.makedirs(folder, exist_ok=True)
    while folder.startswith('/tmp/') and len(folder) > len('/tmp/'):
        os.chmod(folder, 0o755)
        folder = os.path.dirname(folder)


class Names(threading.Thread):
    """A small DNS server that signs nothing. records: type -> octets of the one record that there is, for the name
    (as it goes over the wire), or for all names; all else is not there."""

    def __init__(self, records, name=None):
        super().__init__(daemon=True)
        self.records, self.name_on_wire = records, name
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(('127.0.0.1', 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                query, peer = self.socket.recvfrom(4096)
            except OSError:
                return
            end = query.index(b'\0', 12) + 5
            qtype, = struct.unpack('>H', query[end - 4:end - 2])
            known = self.name_on_wire is None or query[12:end - 4].lower() == self.name_on_wire
            rdata = self.records.get(qtype, b'') if known else b''
            record = b'\xc0\x0c' + struct.pack('>HHIH', qtype, 1, 300, len(rdata)) + rdata if rdata else b''
            head = query[:2] + struct.pack('>HHHHH', 0x8180 if known else 0x8183, 1, 1 if record else 0, 0, 0)
            self.socket.sendto(head + query[12:end] + record, peer)
