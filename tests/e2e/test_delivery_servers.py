# SPDX-License-Identifier: Apache-2.0
"""Mail leaves for other mail servers: Postfix, Exim, OpenSMTPD and Dovecot take it by SMTP and LMTP, in the clear
and with TLS, with CHUNKING and without. Each letter arrives once, byte for byte below what they put
on top."""
import email
import os
import re
import shutil

import pytest

from conftest import eventually
from delivery_tools import (FAR, arrived, assert_arrived, awkward_letters, below_trace, files_of, queue_empties, send,
                            sender, sunk)
from mail_tools import Letter
from peer_tools import dovecot, exim, open_up, opensmtpd, postfix, smtp_sink, text_of

MANY = ['rcpt%d@far.test' % i for i in range(50)]


# --- Postfix ---------------------------------------------------------------------------------------

POSTFIX_TAKES = '''
virtual_mailbox_domains = far.test
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/boxes
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
message_size_limit = 1000000
'''
POSTFIX_TLS = '''
smtpd_tls_security_level = may
smtpd_tls_chain_files = {key}, {cert}
smtpd_tls_loglevel = 1
smtpd_tls_received_header = yes
'''


def postfix_takes(tmp_path, certificate, more=''):
    folder = str(tmp_path / 'postfix')
    open_up(folder)
    os.makedirs(folder + '/mail')
    os.chown(folder + '/mail', 65534, 65534)
    with open(folder + '/boxes', 'w', encoding='ascii') as f:
        f.writelines('%s %s/\n' % (a, a.split('@')[0]) for a in [FAR, *MANY])
    text = POSTFIX_TAKES + more
    return postfix(folder, text.format(folder=folder, cert=certificate[0], key=certificate[1]))


@pytest.mark.parametrize('more', [POSTFIX_TLS, 'smtpd_discard_ehlo_keywords = chunking\n'], ids=['tls', 'data'])
def test_postfix(server, tmp_path, certificate, more):
    with postfix_takes(tmp_path, certificate, more) as port:
        s = sender(server, tmp_path, port, 'tls.allow-invalid-certs = true\n')
        letters = awkward_letters()
        for letter in letters:
            send(s, letter, FAR, mail_options=['BODY=8BITMIME'])
        assert_arrived(lambda: files_of(tmp_path / 'postfix' / 'mail'), *letters)
        queue_empties(s)
        for data in files_of(tmp_path / 'postfix' / 'mail'):
            assert (b'(using TLSv1.3' in data) == (more == POSTFIX_TLS)
        s.stop()  # Postfix counts the commands of a connection at its end
        path = str(tmp_path / 'postfix' / 'log')
        eventually(lambda: text_of(path).count(': disconnect from') == text_of(path).count(': connect from'),
                   what='the end of the connections')
    log = text_of(path)
    assert 'warning' not in log and 'improper' not in log, log
    assert ('bdat=' in log) == (more == POSTFIX_TLS), log


def test_many_recipients_and_messages_take_one_connection(server, tmp_path, certificate):
    """One worker with one slot: all that is needed is one connection, and one transaction a message."""
    with postfix_takes(tmp_path, certificate) as port:
        s = sender(server, tmp_path, port, more=ONE_SLOT, workers=1)
        letters = [Letter('%d of many' % i) for i in range(10)]
        for letter in letters[:-1]:
            send(s, letter, FAR)
        send(s, letters[-1], *MANY)

        def read():
            return files_of(tmp_path / 'postfix' / 'mail')
        assert_arrived(read, *letters[:-1])
        assert_arrived(read, letters[-1], copies=len(MANY))
        assert {re.search(rb'Delivered-To: (\S+)', d)[1].decode() for d in arrived(read, letters[-1])} == set(MANY)
        queue_empties(s)
        s.stop()  # which says QUIT
        log = str(tmp_path / 'postfix' / 'log')
        eventually(lambda: ' disconnect from ' in text_of(log), what='the end of the connection')
    ends = re.findall(r' disconnect from \S+ ehlo=1 mail=(\d+) rcpt=(\d+) bdat=\d+ (.*)', text_of(log))
    assert ends == [('10', str(9 + len(MANY)), 'quit=1 commands=%d' % (2 + 2 * 10 + 9 + len(MANY)))], text_of(log)


ONE_SLOT = '[queue.virtual.remote]\nthreads-per-node = 1\n'


def test_smtp_sink(server, tmp_path):
    with smtp_sink(tmp_path / 'sink') as port:
        s = sender(server, tmp_path, port)
        letters = awkward_letters()
        for letter in letters:
            send(s, letter, FAR, 'carl@far.test')
        assert_arrived(lambda: sunk(tmp_path / 'sink'), *letters)
        queue_empties(s)
    for data in sunk(tmp_path / 'sink'):
        assert data.count(b'X-Rcpt-Args: ') == 2


@pytest.mark.parametrize('options', [['-e'], ['-p'], ['-E'], ['-8']], ids=['helo', 'no-pipelining', 'no-dsn', 'no-8bit'])
def test_hosts_that_can_less(server, tmp_path, options):
    with smtp_sink(tmp_path / 'sink', *options) as port:
        s = sender(server, tmp_path, port)
        letter = Letter('simple', eight_bit=False, size=30000)
        send(s, letter, FAR, 'carl@far.test')
        assert_arrived(lambda: sunk(tmp_path / 'sink'), letter)
        queue_empties(s)


def test_a_host_without_8bitmime(server, tmp_path):
    """The text is the same, the coding is not."""
    with smtp_sink(tmp_path / 'sink', '-8') as port:
        s = sender(server, tmp_path, port)
        letter = Letter('8-bit', size=20000)
        send(s, letter, FAR, mail_options=['BODY=8BITMIME'])
        eventually(lambda: arrived(lambda: sunk(tmp_path / 'sink'), letter), what='the arrival')
        queue_empties(s)
    data, = sunk(tmp_path / 'sink')
    assert max(data) < 128
    sent, got = (email.message_from_bytes(below_trace(d)) for d in (letter.data, data))
    assert got.get_payload(decode=True) == sent.get_payload(decode=True)
    assert got['Content-Type'] == sent['Content-Type'] and got['Message-ID'] == sent['Message-ID']


# --- Exim ------------------------------------------------------------------------------------------

EXIM_TAKES = '''
tls_advertise_hosts = {tls}
tls_certificate = {folder}/cert
tls_privatekey = {folder}/key
chunking_advertise_hosts = {bdat}
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = ${{lookup{{$local_part}}dsearch,ret=full,filter=dir{{{folder}/mail}}}}
  maildir_format
  delivery_date_add
  envelope_to_add
  return_path_add
  user = nobody
  group = nogroup
'''


@pytest.mark.parametrize('tls, bdat', [('*', '*'), ('', '')], ids=['tls', 'data'])
def test_exim(server, tmp_path, certificate, tls, bdat):
    folder = tmp_path / 'exim'
    for box in ('bert', 'carl'):
        (folder / 'mail' / box).mkdir(parents=True)
        shutil.chown(folder / 'mail' / box, 'nobody')
    for name, path in zip(('cert', 'key'), certificate):
        (folder / name).write_bytes(open(path, 'rb').read())
    with exim(folder, EXIM_TAKES.format(folder=folder, tls=tls, bdat=bdat)) as port:
        s = sender(server, tmp_path, port, 'tls.allow-invalid-certs = true\n')
        letters = awkward_letters()
        for letter in letters:
            send(s, letter, FAR, 'carl@far.test', mail_options=['BODY=8BITMIME'])
        assert_arrived(lambda: files_of(folder / 'mail' / 'bert'), *letters)
        assert_arrived(lambda: files_of(folder / 'mail' / 'carl'), *letters)
        queue_empties(s)
    log = text_of(str(folder / 'log' / 'mainlog'))
    assert len(re.findall(r' <= .* P=esmtps X=TLS', log)) == (len(letters) if tls else 0), log
    assert len(re.findall(r' <= .* K ', log)) == (len(letters) if bdat else 0), log


# --- OpenSMTPD -------------------------------------------------------------------------------------

@pytest.mark.parametrize('tls', [True, False], ids=['tls', 'clear'])
def test_opensmtpd(server, tmp_path, certificate, tls):
    """It has neither PIPELINING nor CHUNKING. Debian 12's offers STARTTLS and fails in each handshake, as
    OpenSSL 3 is not what it was written for: who only would like TLS may do without then."""
    with opensmtpd(tmp_path / 'opensmtpd', certificate if tls else None) as port:
        s = sender(server, tmp_path, port, 'tls.allow-invalid-certs = true\n', more=TLS_OR_NOT)
        s.expect_log('delivery.start-tls-error')
        letters = awkward_letters()
        for letter in letters:
            send(s, letter, FAR, 'carl@far.test', mail_options=['BODY=8BITMIME'])
        for box in ('bert', 'carl'):
            assert_arrived(lambda box=box: files_of(tmp_path / 'opensmtpd' / 'mail' / box), *letters)
        queue_empties(s)
    assert re.search(r'smtp tls|SSL', text_of(str(tmp_path / 'opensmtpd' / 'log'))) is not None or not tls


TLS_OR_NOT = '[queue.tls.default]\non-handshake-failure = "plaintext"\n'


# --- Dovecot ---------------------------------------------------------------------------------------

DOVECOT_TAKES = '''
protocols = lmtp
service lmtp {
  inet_listener lmtp {
    port = %%(port)d
  }
  unix_listener lmtp {
    mode = 0666
  }
}
passdb {
  driver = passwd-file
  args = %(folder)s/users
}
mail_location = maildir:%(folder)s/mail/%%%%u
protocol lmtp {
  auth_username_format = %%%%Ln
}
'''


def dovecot_takes(tmp_path, certificate):
    folder = tmp_path / 'dovecot'
    open_up(str(folder))
    (folder / 'users').write_text(''.join('%s:{PLAIN}x::::::\n' % u for u in ('bert', 'carl')))
    (folder / 'mail').mkdir()
    (folder / 'mail').chmod(0o777)
    return dovecot(folder, certificate, DOVECOT_TAKES % {'folder': folder})


@pytest.mark.parametrize('how', ['tcp', 'unix'])
def test_dovecot(server, tmp_path, certificate, how):
    with dovecot_takes(tmp_path, certificate) as port:
        socket = tmp_path / 'dovecot' / 'run' / 'lmtp'
        s = sender(server, tmp_path, port if how == 'tcp' else 'unix:%s' % socket,
                   'protocol = "lmtp"\ntls.allow-invalid-certs = true\n')
        letters = awkward_letters()
        for letter in letters:
            send(s, letter, FAR, 'carl@far.test', mail_options=['BODY=8BITMIME'])
        assert_arrived(lambda: files_of(tmp_path / 'dovecot' / 'mail' / 'bert'), *letters)
        assert_arrived(lambda: files_of(tmp_path / 'dovecot' / 'mail' / 'carl'), *letters)
        queue_empties(s)


def test_a_socket_that_comes_later(server, tmp_path, certificate):
    """It is tried as any host that is down is: by the schedule, and not again and again."""
    socket = tmp_path / 'dovecot' / 'run' / 'lmtp'
    s = sender(server, tmp_path, 'unix:%s' % socket, 'protocol = "lmtp"\n')
    s.expect_log('there is no such socket')
    letter = Letter('early')
    send(s, letter, FAR)
    s.wait_log('there is no such socket')
    with dovecot_takes(tmp_path, certificate):
        assert_arrived(lambda: files_of(tmp_path / 'dovecot' / 'mail' / 'bert'), letter)
        queue_empties(s)
    assert len(re.findall('there is no such socket', s.log_text())) < 50
