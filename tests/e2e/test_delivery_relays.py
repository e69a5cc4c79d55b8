# SPDX-License-Identifier: Apache-2.0
"""What is demanded of a relay, and what it demands: TLS that is offered, missing, or shows another
certificate than it should; a login, at another of our servers and at Dovecot."""
import re

import pytest

from conftest import HOST, eventually
from delivery_tools import FAR, Awkward, assert_arrived, awkward_letters, queue_empties, send, sender, sunk
from mail_tools import PASSWORD, USER, Letter, mail_server, queue
from peer_tools import Peer, dovecot, smtp_sink

LONG = '[queue.schedule.remote]\nqueue-name = "remote"\nretry = ["1h"]\n'
OTHER = {'submission': 'protocol = "smtp"\nrole = "submission"', 'submissions':
         'protocol = "smtp"\nrole = "submission"\ntls.implicit = true', 'smtp': 'protocol = "smtp"'}


def last_of(s, letter):
    """What the queue says of the one recipient of a letter that waits."""
    def tried():
        return next(iter(queue(s).one(letter).recipients.values())).get('last_attempt')
    eventually(tried, what='an attempt')
    return next(iter(queue(s).one(letter).recipients.values()))


def test_tls_that_is_demanded_and_not_offered(server, tmp_path):
    """It waits, and says why; nothing of the message has been said in the clear."""
    with Peer() as peer:
        s = sender(server, tmp_path, peer.port, 'tls.starttls = "require"\n', LONG)
        letter = Letter('secret')
        send(s, letter, FAR)
        rcpt = last_of(s, letter)
        assert 'temp_fail' in rcpt['status'], rcpt
        assert re.search('TLS', rcpt['status']['temp_fail']), rcpt
        assert not [line for line in peer.said if line.upper().startswith(('MAIL', 'RCPT', 'DATA', 'BDAT'))]
        assert s.log_has(r'delivery\.start-tls-unavailable')


@pytest.mark.parametrize('route, arrives', [
    ('tls.ca-file = "{cert}"\ntls.name = "%s"\ntls.starttls = "require"\n' % HOST, True),
    ('tls.ca-file = "{cert}"\ntls.name = "other.example"\ntls.starttls = "require"\n', False),
    ('tls.name = "%s"\ntls.starttls = "require"\n' % HOST, False),
    ('tls.allow-invalid-certs = true\ntls.starttls = "require"\n', True),
    ('tls.starttls = "disable"\n', True)], ids=['good', 'other-name', 'unknown-issuer', 'any', 'off'])
def test_certificates(server, tmp_path, certificate, route, arrives):
    other = mail_server(server, '[session.rcpt]\nrelay = "true"\n', listeners=OTHER)
    s = sender(server, tmp_path, other.ports['smtp'], route.format(cert=certificate[0]), LONG)
    s.expect_log(r'start-tls-error|Failed to start TLS')
    letter = Letter('careful')
    send(s, letter, FAR)
    if arrives:
        assert queue(other).one(letter).body.endswith(letter.data)
        said = 'ESMTP' if 'disable' in route else 'ESMTPS'
        assert ' with %s id' % said in queue(other).one(letter).top
        queue_empties(s)
    else:
        status = last_of(s, letter)['status']
        assert 'TLS' in status['temp_fail'], status
        assert not queue(other).find(letter)
    s.stop()  # before the other one, which would wait for its idle connection


LOGIN = 'auth.username = "%s"\nauth.secret = "%s"\ntls.allow-invalid-certs = true\n'


@pytest.mark.parametrize('listener, more', [
    ('submission', ''), ('submissions', 'tls.implicit = true\n'),
    ('submission', 'auth.mechanisms = ["cram_md5"]\n'), ('submission', 'auth.mechanisms = ["plain"]\n')],
    ids=['starttls', 'implicit', 'cram-md5', 'plain'])
def test_a_login_at_one_of_ours(server, tmp_path, listener, more):
    other = mail_server(server, listeners=OTHER)
    s = sender(server, tmp_path, other.ports[listener], LOGIN % (USER, PASSWORD) + more)
    letter = Awkward()
    send(s, letter, FAR)
    found = queue(other).one(letter)
    assert found.body.endswith(letter.data)
    assert found.account == USER
    assert ' with ESMTPSA id' in found.top
    queue_empties(s)
    s.stop()


def test_a_wrong_password(server, tmp_path):
    other = mail_server(server, listeners=OTHER)
    s = sender(server, tmp_path, other.ports['submission'], LOGIN % (USER, 'open sesame'), LONG)
    s.expect_log(r'delivery\.auth-failed')
    letter = Letter('not ours')
    send(s, letter, FAR)
    rcpt = last_of(s, letter)
    assert '535' in str(rcpt) and 'temp_fail' in rcpt['status'], rcpt
    assert s.log_has(r'delivery\.auth-failed')
    assert not s.log_has(r'delivery\..*open sesame')


SUBMISSION = '''
protocols = submission
service submission-login {
  inet_listener submission {
    port = %%(port)d
  }
}
passdb {
  driver = passwd-file
  args = %(folder)s/users
}
submission_relay_host = 127.0.0.1
submission_relay_port = %(relay)d
'''


def test_a_login_at_dovecot(server, tmp_path, certificate):
    folder = tmp_path / 'dovecot'
    folder.mkdir()
    (folder / 'users').write_text('gate:{PLAIN}way::::::\n')
    with smtp_sink(tmp_path / 'sink') as relay, \
            dovecot(folder, certificate, SUBMISSION % {'folder': folder, 'relay': relay}) as port:
        s = sender(server, tmp_path, port, LOGIN % ('gate', 'way'))
        letters = awkward_letters()
        for letter in letters:
            send(s, letter, FAR)
        assert_arrived(lambda: sunk(tmp_path / 'sink'), *letters)
        queue_empties(s)
