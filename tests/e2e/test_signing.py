# SPDX-License-Identifier: Apache-2.0
"""Mail that is submitted here, and reports of delivery, leave with signatures that dkimpy finds good:
as they were queued, as they arrive at another host, and converted for one without 8BITMIME."""
import os
import smtplib
import subprocess

import pytest

from conftest import BINARY, eventually
from delivery_tools import FAR, files_of, notices, sender
from mail_tools import ADDRESS, PASSWORD, USER, Letter, mail_server, queue
from peer_tools import Peer, hand_in

dkim = pytest.importorskip('dkim')

SIGNATURE = '''
[signature."%s"]
algorithm = "%s-sha256"
domain = "example.test"
selector = "%s"
private-key = "%%{file:%s}%%"
'''
LOGIN = (USER, PASSWORD)


class Keys:
    """A key of each kind, in files, and what the DNS would have."""

    def __init__(self, folder):
        self.records, self.config = {}, ''
        for kind in ('rsa', 'ed25519'):
            out = subprocess.run([BINARY, 'dkim', 'keygen', kind], check=True, capture_output=True, text=True).stdout
            at = out.rindex('v=DKIM1')
            path = os.path.join(str(folder), kind + '.pem')
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), 'w', encoding='ascii') as f:
                f.write(out[:at])
            self.records[kind + '._domainkey.example.test.'] = out[at:].strip()
            self.config += SIGNATURE % (kind + '-example.test', kind, kind, path)

    def dns(self, name, timeout=5):
        return self.records.get(name.decode(), '').encode()

    def verify(self, data, count=2):
        """All of so many signatures are good; the kinds, from the top."""
        checker = dkim.DKIM(data)
        fields = [body for name, body in checker.headers if name.lower() == b'dkim-signature']
        assert len(fields) == count, data[:2000]
        for i in range(count):
            assert checker.verify(idx=i, dnsfunc=self.dns), 'signature %d of %r' % (i, data[:3000])
        return [b'a=rsa' in f and 'rsa' or 'ed25519' for f in fields]


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    return Keys(tmp_path_factory.mktemp('keys'))


LOCAL = '[domain."example.test"]\n'


def test_what_is_submitted(server, keys):
    s = mail_server(server, LOCAL + keys.config)
    letters = [Letter('small'), Letter('large', size=400000)]
    for letter in letters:
        hand_in(s.ports['submission'], ADDRESS, ['bert@example.test'], letter.data, login=LOGIN)
        found = queue(s).one(letter)
        assert keys.verify(found.sent) == ['rsa', 'ed25519']
        assert found.body == letter.data
    foreign = Letter('foreign')
    hand_in(s.ports['smtp'], ADDRESS, ['bert@example.test'], foreign.data)
    assert b'DKIM-Signature' not in queue(s).one(foreign).sent


def test_by_domain(server, keys):
    """auth.dkim.sign-domain alone turns the default off, and takes whatever is active."""
    s = mail_server(server, LOCAL + keys.config + '[auth.dkim]\nsign-domain = "sender_domain"\n')
    letter = Letter('domain')
    hand_in(s.ports['smtp'], ADDRESS, ['bert@example.test'], letter.data)
    assert sorted(keys.verify(queue(s).one(letter).sent)) == ['ed25519', 'rsa']


@pytest.mark.parametrize('on_failure, accepted', [('unsigned', True), ('tempfail', False)])
def test_names_of_nobody(server, keys, on_failure, accepted):
    """Ids that an expression makes can only be found missing when there is mail."""
    s = mail_server(server, LOCAL + keys.config + '[auth.dkim]\nsign = "\'no-\' + sender_domain"\non-failure = "%s"\n'
                    % on_failure)
    s.expect_log('dkim.signer-not-found')
    letter = Letter('nobody')
    if accepted:
        hand_in(s.ports['smtp'], ADDRESS, ['bert@example.test'], letter.data)
        assert b'DKIM-Signature' not in queue(s).one(letter).sent
        return
    with pytest.raises(smtplib.SMTPDataError) as refused:
        hand_in(s.ports['smtp'], ADDRESS, ['bert@example.test'], letter.data)
    assert refused.value.smtp_code == 451 and refused.value.smtp_error.startswith(b'4.3.5')
    assert not queue(s).records()


@pytest.mark.parametrize('offers', [['PIPELINING', '8BITMIME'], ['PIPELINING']], ids=['8bit', 'converted'])
def test_on_the_way(server, tmp_path, keys, offers):
    with Peer(offers=offers) as peer:
        s = sender(server, tmp_path, peer.port, more=keys.config)
        for letter in [Letter('small'), Letter('large', size=400000)]:
            before = len(peer.messages)
            hand_in(s.ports['submission'], ADDRESS, [FAR], letter.data, mail_options=['BODY=8BITMIME'], login=LOGIN)
            eventually(lambda n=before: len(peer.messages) > n, what='the message')
            got = peer.messages[-1][2]
            assert keys.verify(got) == ['rsa', 'ed25519']
            assert ('8BITMIME' in offers) == any(c > 127 for c in got)


def test_reports(server, tmp_path, keys):
    with Peer(answers={'RCPT': ['550 5.1.1 no']}) as peer:
        s = sender(server, tmp_path, peer.port, more=keys.config)
        hand_in(s.ports['smtp'], ADDRESS, [FAR], Letter('refused').data)
        eventually(lambda: notices(s), what='the report')
        data = [d for d in files_of(s.mail) if b'multipart/report' in d]
        assert keys.verify(data[0]) == ['rsa', 'ed25519']


SEALS = '''
[session.data.add-headers]
auth-results = "true"
[auth.iprev]
verify = "disable"
[auth.spf.verify]
ehlo = "disable"
mail-from = "disable"
[auth.dmarc]
verify = "disable"
[auth.arc]
seal = "%s"
'''


@pytest.mark.parametrize('seal', ["'rsa-example.test'", "'ed25519-example.test'"])
def test_seal(server, tmp_path, keys, seal):
    """What goes on to others is sealed if it was not submitted; what stays here is not."""
    with Peer() as peer:
        s = sender(server, tmp_path, peer.port, more=keys.config + SEALS % seal)
        hand_in(s.ports['smtp'], 'ann@elsewhere.test', [FAR], Letter('foreign', sender='ann@elsewhere.test').data)
        eventually(lambda: peer.messages, what='the message')
        got = peer.messages[-1][2]
        names = [line.split(b':')[0].decode() for line in got.split(b'\r\n')[:60] if line[:1] not in b' \t']
        assert names[:4] == ['ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results', 'Received']
        assert b'ARC-Authentication-Results: i=1; mail.example.test;' in got
        if 'rsa' in seal:  # dkimpy knows no other chains
            cv, links, why = dkim.arc_verify(got, dnsfunc=keys.dns)
            assert cv == b'pass', (why, links)
        hand_in(s.ports['submission'], ADDRESS, [FAR], Letter('own').data, login=LOGIN)
        eventually(lambda: len(peer.messages) == 2, what='the other message')
        assert b'ARC-' not in peer.messages[-1][2]
        hand_in(s.ports['smtp'], 'ann@elsewhere.test', [ADDRESS], Letter('stays', sender='ann@elsewhere.test').data)
        eventually(lambda: files_of(s.mail), what='the message here')
        assert b'ARC-' not in files_of(s.mail)[0]
