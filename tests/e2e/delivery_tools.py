# SPDX-License-Identifier: Apache-2.0
"""What the tests of leaving mail share: a server that hands everything to one relay, but has Anna's
mailbox itself, so that reports of delivery come back to her.

    s = sender(server, tmp_path, port)                 # the relay is at this port of loopback
    send(s, letter, 'bert@far.test')                   # from anna@example.test
    assert_arrived(read, letter)                       # once, whole; read() gives what is there
    report = only_notice(s)                            # parsed; report.rcpts has its fields"""
import email
import email.policy
import glob
import os
import smtplib

from conftest import eventually
from mail_tools import ADDRESS, Letter, mail_server, queue, read_stamp, stamped

FAR = 'bert@far.test'

CONFIG = '''
[domain."example.test"]
[session.rcpt]
relay = "true"
[session.extensions]
chunking = "true"
[queue]
detect-self = false
[queue.strategy]
route = "if_then(is_local_domain('*', rcpt_domain), 'local', %s)"
[queue.route.local]
type = "local"
path = "%s/{local}"
[queue.route.out]
type = "relay"
%s
'''
SCHEDULE = '''
[queue.schedule.remote]
queue-name = "remote"
retry = ["1s"]
'''


def sender(server, tmp_path, where, *keys, start=True, workers=2, **more):
    """A running server, which goes there: see `goes_to`."""
    s = mail_server(server, start=False, delivers=True, workers=workers)
    s.mail = str(tmp_path / 'mail')
    goes_to(s, where, *keys, **more)
    return s.start() if start else s


def goes_to(s, where, route='', schedule=SCHEDULE, more='', route_name="'out'"):
    """`where`: a port, or the address of the relay. `route`: further keys of it; `route_name`: an
    expression, if there are others in `more`."""
    address = 'address = "127.0.0.1"\nport = %d\n' % where if isinstance(where, int) else 'address = "%s"\n' % where
    s.write_config(s.extra + CONFIG % (route_name, s.mail, address + route) + schedule + more)


def send(s, letter, *to, mail_options=(), rcpt_options=()):
    with smtplib.SMTP('127.0.0.1', s.ports['smtp'], timeout=30) as c:
        send_over(c, letter, *to, mail_options=mail_options, rcpt_options=rcpt_options)


def send_over(c, letter, *to, mail_options=(), rcpt_options=()):
    refused = c.sendmail(ADDRESS, list(to), letter.data, list(mail_options), list(rcpt_options))
    assert not refused, refused


class Awkward(Letter):
    """Lines as long as they may be, and of dots; a header field that is folded; what looks like the
    end of the message; no text at the end but an empty line."""

    def __init__(self):
        super().__init__('awkward')
        lines = [b'From: <anna@example.test>', b'Subject: awkward', b'X-Folded: one', b'\ttwo', b'', b'', b'.', b'.' * 998,
                 b'y' * 998, b'', b'..', b'. ', b'.\t', b'>From here', b'QUIT', b'\xc3\xa4' * 400, b'\x01\x7f', b'', b'']
        self.data = stamped(self.name, b'\r\n'.join(lines) + b'\r\n')


def awkward_letters():
    return [Letter('plain'), Letter('large', size=300000), Letter('ascii', eight_bit=False), Awkward()]


def files_of(folder):
    """The messages of the Maildirs below a folder, with the line ends they had on the way."""
    return [read_file(p) for p in glob.glob(os.path.join(str(folder), '**', 'new', '*'), recursive=True)]


def sunk(folder):
    """The same of smtp-sink, which puts an empty line below each."""
    read = [read_file(p) for p in glob.glob(os.path.join(str(folder), 'mail.*'))]
    return [data[:-2] for data in read if data.endswith(b'\r\n\r\n')]


def read_file(path):
    with open(path, 'rb') as f:
        return f.read().replace(b'\n', b'\r\n')


def below_trace(data):
    """What of a message stands below the fields that others have put on top."""
    at = data.find(b'X-Letter: ')
    return data[at:] if at >= 0 else data


def arrived(read, letter):
    return [d for d in read() if (read_stamp(d) or ('',))[0] == letter.name]


def assert_arrived(read, *letters, copies=1):
    """Each of them arrives, so often, byte for byte."""
    for letter in letters:
        eventually(lambda: len(arrived(read, letter)) >= copies, what='the arrival of ' + letter.name)
    for letter in letters:
        got = arrived(read, letter)
        assert len(got) == copies, '%d copies instead of %d' % (len(got), copies)
        for data in got:
            assert below_trace(data) == letter.data


def queue_empties(s):
    eventually(lambda: not queue(s).records(), what='the end of the queue')


class Notice:
    """A report of delivery (RFC 3464): `per_message` are its fields, `rcpts` those of each recipient,
    by address."""

    def __init__(self, data):
        self.message = email.message_from_bytes(data, policy=email.policy.SMTP)
        assert self.message.get_content_type() == 'multipart/report', self.message.as_string()
        assert self.message.get_param('report-type') == 'delivery-status'
        assert not self.message.defects
        self.text, status, *self.rest = self.message.iter_parts()
        assert status.get_content_type() == 'message/delivery-status'
        self.per_message, *groups = status.get_payload()
        self.rcpts = {g['Final-Recipient'].split(';')[1].strip(): g for g in groups}


def notices(s):
    """What is in Anna's mailbox."""
    return [Notice(d) for d in files_of(os.path.join(s.mail, 'anna'))]


def wait_notices(s, count=1):
    eventually(lambda: len(files_of(os.path.join(s.mail, 'anna'))) >= count, what='%d report(s)' % count)
    found = notices(s)
    assert len(found) == count
    return found


def only_notice(s):
    return wait_notices(s)[0]
