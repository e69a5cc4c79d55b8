# SPDX-License-Identifier: Apache-2.0
"""Other mail servers deliver to this one: Postfix by SMTP and LMTP, Exim by both (with BDAT), Dovecot's
submission service and its LMTP proxy. Each adds a Received field of its own on top; what is below is
what they were given, byte for byte, and DSN parameters come through."""
import re

import pytest

from mail_tools import ADDRESS, PASSWORD, USER, Letter, mail_server, queue
from peer_tools import dovecot, exim_send, hand_in, hand_in_lmtp, postfix

BERT = 'bert@example.test'
LETTERS = 20


def passed_on(s, letter, said, by, sender=ADDRESS):
    """The letter in the queue, below what its server has added."""
    found = queue(s).one(letter)
    assert found.body.endswith(letter.data)
    added = found.body[:-len(letter.data)]
    assert by is None or re.match(rb'Received: from [^\r]*(\r\n[ \t][^\r]*)*\r\n', added), added
    assert by is None or by in added, added
    assert re.search(r' by mail\.example\.test \(Posthaste\) with %s id ' % said, found.top), found.top
    assert found.sender == sender
    return found


def assert_dsn(found, address, notify, orcpt):
    rcpt = found.recipients[address]
    assert {f for f in rcpt['flags'] if f.startswith('notify-')} == notify
    assert rcpt.get('orcpt') == orcpt
    assert found.record['env_id'] == 'id-7'
    assert 'ret-hdrs' in found.record['flags']


DSN = (['RET=HDRS', 'ENVID=id-7', 'BODY=8BITMIME'], ['NOTIFY=SUCCESS,FAILURE'])


# --- Postfix ---------------------------------------------------------------------------------------

@pytest.mark.parametrize('how, listener, said, more', [
    ('smtp', 'smtp', 'ESMTP', 'relayhost = [127.0.0.1]:%d\n'),
    ('smtp with TLS', 'smtp', 'ESMTPS', 'relayhost = [127.0.0.1]:%d\nsmtp_tls_security_level = encrypt\n'),
    ('lmtp', 'lmtp', 'LMTP', 'default_transport = lmtp:inet:127.0.0.1:%d\n'),
    ('lmtp with TLS', 'lmtp', 'LMTPS', 'default_transport = lmtp:inet:127.0.0.1:%d\nlmtp_tls_security_level = encrypt\n')],
    ids=['smtp', 'smtp-tls', 'lmtp', 'lmtp-tls'])
def test_postfix(server, tmp_path, how, listener, said, more):
    s = mail_server(server)
    letters = [Letter(how, size=(i % 10) * 30000) for i in range(LETTERS)]
    with postfix(tmp_path / 'postfix', more % s.ports[listener]) as port:
        for letter in letters:
            assert hand_in(port, ADDRESS, [BERT], letter.data, *DSN) == {}
        for letter in letters:
            found = passed_on(s, letter, said, b'by postfix.test (Postfix)')
            assert_dsn(found, BERT, {'notify-success', 'notify-failure'}, 'rfc822;' + BERT)
            assert 'from postfix.test (' in found.top
            assert list(found.recipients) == [BERT]
    assert len(queue(s).records()) == LETTERS


def test_postfix_to_several(server, tmp_path):
    """One of them is unknown here: Postfix hears it and writes a notice, which comes to the sender."""
    s = mail_server(server)
    letter = Letter('several')
    with postfix(tmp_path / 'postfix', 'relayhost = [127.0.0.1]:%d\n' % s.ports['smtp']) as port:
        hand_in(port, ADDRESS, [BERT, ADDRESS, 'nobody@example.test'], letter.data)
        found = passed_on(s, letter, 'ESMTP', b'by postfix.test (Postfix)')
        assert sorted(found.recipients) == sorted([BERT, ADDRESS])
        notice = next(r for r in queue_of(s, 2) if r['return_path'] == '')
        assert [r['address'] for r in notice['recipients']] == [ADDRESS]
        assert b'550 5.1.1' in queue(s).run('show', '--raw', notice['id_hex'])


def queue_of(s, count):
    from conftest import eventually
    eventually(lambda: len(queue(s).records()) >= count, what='%d messages' % count)
    return queue(s).records()


# --- Exim ------------------------------------------------------------------------------------------

EXIM_ROUTE = '''
begin routers
all:
  driver = manualroute
  transport = out
  route_list = * 127.0.0.1 byname
  self = send
begin transports
out:
  driver = smtp
  port = %d
  allow_localhost
  hosts_try_dane =
  hosts_try_fastopen =
  user = nobody
  group = nogroup
  tls_verify_certificates =
'''


@pytest.mark.parametrize('how, listener, said, more', [
    ('smtp', 'smtp', 'ESMTP', '  hosts_avoid_tls = *\n'),
    ('smtp with DATA', 'smtp', 'ESMTP', '  hosts_avoid_tls = *\n  hosts_try_chunking =\n'),
    ('smtp with TLS', 'smtp', 'ESMTPS', '  hosts_require_tls = *\n'),
    ('lmtp', 'lmtp', 'LMTP', '  hosts_avoid_tls = *\n  protocol = lmtp\n')],
    ids=['smtp', 'smtp-data', 'smtp-tls', 'lmtp'])
def test_exim(server, tmp_path, how, listener, said, more):
    s = mail_server(server)
    letter = Letter(how, size=100000)
    dialogue = b'EHLO first.example.test\r\nMAIL FROM:<%s> RET=HDRS ENVID=id-7 BODY=8BITMIME\r\n' % ADDRESS.encode()
    dialogue += b'RCPT TO:<%s> NOTIFY=SUCCESS,FAILURE\r\n' % BERT.encode()
    dialogue += b'DATA\r\n' + letter.data.replace(b'\r\n.', b'\r\n..') + b'.\r\nQUIT\r\n'
    log = exim_send(tmp_path, EXIM_ROUTE % s.ports[listener] + more, dialogue)
    assert '=> ' + BERT in log, log
    found = passed_on(s, letter, said, b'by exim.test with')
    assert_dsn(found, BERT, {'notify-success', 'notify-failure'}, None)
    assert 'from exim.test (' in found.top


# --- Dovecot ---------------------------------------------------------------------------------------

SUBMISSION = '''
protocols = submission
service submission-login {
  inet_listener submission {
    port = %%(port)d
  }
}
passdb {
  driver = static
  args = nopassword=y
}
submission_relay_host = 127.0.0.1
submission_relay_port = %d
submission_relay_ssl = %s
submission_relay_ssl_verify = no
submission_relay_user = %s
submission_relay_password = %s
'''


@pytest.mark.parametrize('listener, how', [('submission', 'starttls'), ('submissions', 'smtps')])
def test_dovecot_submission(server, tmp_path, certificate, listener, how):
    s = mail_server(server)
    letters = [Letter('dovecot', size=i * 100000) for i in range(3)]
    more = SUBMISSION % (s.ports[listener], how, USER, PASSWORD)
    with dovecot(tmp_path / 'dovecot', certificate, more) as port:
        for letter in letters:
            assert hand_in(port, ADDRESS, [BERT], letter.data, *DSN, login=('someone', 'something')) == {}
        for letter in letters:
            found = passed_on(s, letter, 'ESMTPSA', b'by dovecot.test with ESMTPA')
            assert found.account == USER
            assert_dsn(found, BERT, {'notify-success', 'notify-failure'}, None)


PROXY = '''
protocols = lmtp
lmtp_proxy = yes
service lmtp {
  inet_listener lmtp {
    port = %%(port)d
  }
}
passdb {
  driver = static
  args = nopassword=y proxy=y protocol=%s host=127.0.0.1 port=%d
}
'''


@pytest.mark.parametrize('protocol, listener, said', [('lmtp', 'lmtp', 'LMTP'), ('smtp', 'smtp', 'ESMTP')])
def test_dovecot_lmtp(server, tmp_path, certificate, protocol, listener, said):
    s = mail_server(server)
    letters = [Letter('dovecot', size=i * 100000) for i in range(3)]
    with dovecot(tmp_path / 'dovecot', certificate, PROXY % (protocol, s.ports[listener])) as port:
        for letter in letters:
            answers, results = hand_in_lmtp(port, ADDRESS, [BERT, 'nobody@example.test', ADDRESS], letter.data)
            assert [a[:9] for a in answers] == ['250 2.1.5', '550 5.1.1', '250 2.1.5']
            assert [r[:9] for r in results] == ['250 2.0.0'] * 2, results
        for letter in letters:
            found = passed_on(s, letter, said, None)
            assert sorted(found.recipients) == sorted([BERT, ADDRESS])
