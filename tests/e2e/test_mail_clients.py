# SPDX-License-Identifier: Apache-2.0
"""Real clients, unmodified, hand in mail: swaks, smtplib, nodemailer, msmtp, curl. What they sent is
then in the queue byte for byte, with the envelope, the parameters of DSN, the account and the Received
line that belong to it."""
import base64
import json
import os
import re
import shutil
import smtplib
import subprocess

import pytest

from conftest import HOST, any_certificate
from mail_tools import ADDRESS, PASSWORD, USER, Letter, mail_server, queue

BERT = 'bert@example.test'
SAID = {'plain': 'ESMTP', 'starttls': 'ESMTPS', 'tls': 'ESMTPS', 'login': 'ESMTPSA', 'lmtp': 'LMTP'}


@pytest.fixture(scope='module')
def post(tmp_path_factory, certificate):
    """One server for all clients of this file."""
    from conftest import Server
    made = []

    def server(start=True, **options):
        made.append(Server(tmp_path_factory.mktemp('post'), certificate, **options))
        return made[0].start() if start else made[0]
    yield mail_server(server)
    queue(made[0]).check()
    made[0].stop()


def client(*words, stdin=None, status=0, env=None):
    """Runs a client; its output. A client that is not installed skips the test."""
    if shutil.which(words[0]) is None:
        pytest.skip(words[0] + ' is not installed')
    done = subprocess.run([str(w) for w in words], input=stdin, capture_output=True, timeout=60,
                          env={**os.environ, **(env or {})})
    assert done.returncode == status, (done.stdout + done.stderr).decode(errors='replace')
    return (done.stdout + done.stderr).decode(errors='replace')


def arrived(s, letter, said, sender=ADDRESS, to=(BERT,), account=None):
    """The letter in the queue, after the checks that are the same for all."""
    found = queue(s).one(letter)
    assert found.body == letter.data
    assert found.sent == found.sent[:len(found.sent) - len(letter.data)] + letter.data
    assert (found.sender, sorted(found.recipients)) == (sender, sorted(to))
    assert found.account == account
    top = found.top
    assert re.match(r'Received: from ', top), top
    assert ' by %s (Posthaste) with %s id %s' % (HOST, said, found.id) in top, top
    assert (' for <%s>' % to[0] in top) == (len(to) == 1), top
    if account is not None:  # where the user sits is nobody's business
        assert '127.0.0.1' not in top, top
    return found


def flags(found, address=BERT):
    return {f for f in found.recipients[address]['flags'] if f.startswith('notify-')}


# --- swaks -----------------------------------------------------------------------------------------

def swaks(s, listener, letter, *words, status=0, folder='/tmp', to=BERT):
    """--data @file: swaks makes CRLF of the file's line ends, doubles dots and ends the last line."""
    path = letter.write(folder)
    with open(path, 'rb') as f:
        text = f.read().replace(b'\r\n', b'\n').removesuffix(b'\n')
    with open(path, 'wb') as f:
        f.write(text)
    return client('swaks', '--server', '127.0.0.1', '--port', s.ports[listener], '--from', ADDRESS, '--to', to,
                  '--helo', 'client.example.test', '--data', '@' + path, '--no-strip-from', *words, status=status)


@pytest.mark.parametrize('how, listener, words', [
    ('plain', 'smtp', []),
    ('plain', 'smtp', ['--pipeline']),
    ('starttls', 'smtp', ['--tls']),
    ('starttls', 'smtp', ['--tls', '--pipeline']),
    ('lmtp', 'lmtp', ['--protocol', 'LMTP']),
    ('lmtp', 'lmtp', ['--protocol', 'LMTP', '--pipeline']),
])
def test_swaks(post, tmp_path, how, listener, words):
    letter = Letter('swaks')
    swaks(post, listener, letter, *words, folder=tmp_path)
    found = arrived(post, letter, SAID[how])
    assert 'from client.example.test (' in found.top
    assert ('using TLSv1' in found.top) == (how == 'starttls'), found.top
    assert flags(found) == {'notify-failure', 'notify-delay', 'notify-implicit'}


@pytest.mark.parametrize('mechanism', ['PLAIN', 'LOGIN', 'CRAM-MD5'])
@pytest.mark.parametrize('listener, words', [('submission', ['--tls']), ('submissions', ['--tls-on-connect'])])
def test_swaks_logs_in(post, tmp_path, mechanism, listener, words):
    letter = Letter('swaks')
    said = swaks(post, listener, letter, '--auth', mechanism, '--auth-user', USER, '--auth-password', PASSWORD, *words,
                 folder=tmp_path)
    assert 'AUTH ' + mechanism in said
    arrived(post, letter, SAID['login'], account=USER)


@pytest.mark.parametrize('mechanism', ['PLAIN', 'LOGIN', 'CRAM-MD5'])
def test_swaks_with_a_wrong_password(post, tmp_path, mechanism):
    letter = Letter('swaks')
    said = swaks(post, 'submissions', letter, '--auth', mechanism, '--auth-user', USER, '--auth-password', 'wrong',
                 '--tls-on-connect', folder=tmp_path, status=28)
    assert '535 5.7.8' in said
    assert queue(post).find(letter) == []


@pytest.mark.parametrize('mechanism', ['DIGEST-MD5', 'CRAM-SHA1'])
def test_swaks_with_a_mechanism_that_is_not_ours(post, tmp_path, mechanism):
    letter = Letter('swaks')
    said = swaks(post, 'submissions', letter, '--auth', mechanism, '--auth-user', USER, '--auth-password', PASSWORD,
                 '--tls-on-connect', folder=tmp_path, status=28)
    assert 'Auth not attempted' in said, said


def test_swaks_without_login_is_refused(post, tmp_path):
    letter = Letter('swaks')
    said = swaks(post, 'submission', letter, '--tls', folder=tmp_path, status=23)
    assert '530 5.7.0' in said
    assert queue(post).find(letter) == []


def test_swaks_to_several_of_whom_one_is_unknown(post, tmp_path):
    letter = Letter('swaks')
    said = swaks(post, 'lmtp', letter, '--protocol', 'LMTP', '--pipeline', folder=tmp_path,
                 to='%s,nobody@example.test,%s' % (BERT, ADDRESS))
    assert '550 5.1.1' in said
    assert len(re.findall(r'250 2\.0\.0 <\S+> Message queued', said)) == 2, said
    arrived(post, letter, SAID['lmtp'], to=(BERT, ADDRESS))


def test_swaks_big(post, tmp_path):
    letter = Letter('swaks', size=3 << 20)
    swaks(post, 'smtp', letter, '--tls', folder=tmp_path)
    assert 'blob_hash' in arrived(post, letter, SAID['starttls']).record


# --- smtplib ---------------------------------------------------------------------------------------

def smtp(s, listener):
    if listener == 'submissions':
        return smtplib.SMTP_SSL('127.0.0.1', s.ports[listener], 'py.example.test', context=any_certificate(), timeout=30)
    kind = smtplib.LMTP if listener == 'lmtp' else smtplib.SMTP
    return kind('127.0.0.1', s.ports[listener], 'py.example.test', timeout=30)


@pytest.mark.parametrize('listener, said', [('smtp', 'ESMTP'), ('lmtp', 'LMTP')])
def test_smtplib_sends_several_in_a_session(post, listener, said):
    letters = [Letter('smtplib %d' % i, size=i * 100000) for i in range(4)]
    with smtp(post, listener) as c:
        for letter in letters:
            assert c.sendmail(ADDRESS, [BERT], letter.data, ['BODY=8BITMIME']) == {}
    for letter in letters:
        assert 'body-8bit' in arrived(post, letter, said).record['flags']


@pytest.mark.parametrize('mechanism', ['plain', 'login', 'cram_md5'])
@pytest.mark.parametrize('listener', ['submission', 'submissions'])
def test_smtplib_logs_in(post, listener, mechanism):
    letter = Letter('smtplib')
    with smtp(post, listener) as c:
        if listener == 'submission':
            c.starttls(context=any_certificate())
        c.ehlo()
        c.user, c.password = USER, PASSWORD
        c.auth(mechanism.upper().replace('_', '-'), getattr(c, 'auth_' + mechanism))
        c.sendmail(ADDRESS, [BERT], letter.data)
    arrived(post, letter, SAID['login'], account=USER)


def test_smtplib_asks_for_notices(post):
    letter = Letter('smtplib')
    with smtp(post, 'smtp') as c:
        c.ehlo()
        assert c.has_extn('dsn')
        c.mail(ADDRESS, ['RET=HDRS', 'ENVID=an+2Bid+3D7'])
        assert c.rcpt(BERT, ['NOTIFY=SUCCESS,FAILURE', 'ORCPT=rfc822;Bert+2Bmail@example.test'])[0] == 250
        assert c.rcpt(ADDRESS, ['NOTIFY=NEVER'])[0] == 250
        assert c.data(letter.data)[0] == 250
    found = arrived(post, letter, 'ESMTP', to=(BERT, ADDRESS))
    assert found.record['env_id'] == 'an+id=7'
    assert 'ret-hdrs' in found.record['flags'] and 'ret-full' not in found.record['flags']
    assert flags(found) == {'notify-success', 'notify-failure'}
    assert found.recipients[BERT]['orcpt'] == 'rfc822;Bert+mail@example.test'
    assert flags(found, ADDRESS) == {'notify-never'}


def test_smtplib_beyond_ascii(post):
    letter = Letter('smtplib')
    sender, to = 'jörg@bücher.example', 'größe@catchall.test'
    with smtp(post, 'smtp') as c:
        c.ehlo()
        assert c.sendmail(sender, [to], letter.data, ['SMTPUTF8', 'BODY=8BITMIME']) == {}
    found = queue(post).one(letter)
    assert found.body == letter.data
    assert found.sender == 'jörg@xn--bcher-kva.example'
    assert 'smtputf8' in found.record['flags']
    assert ' with UTF8SMTP id ' in found.top
    assert found.recipients[BERT]['orcpt'] == 'utf-8;' + to


# --- nodemailer ------------------------------------------------------------------------------------

def nodemailer(transport, messages):
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'nodemailer_send.js')
    env = {'NODE_PATH': ':'.join([os.environ.get('NODE_PATH', ''), '/usr/share/nodejs', '/usr/share/node'])}
    if shutil.which('node') is None or subprocess.run(
            ['node', '-e', 'require("nodemailer")'], capture_output=True, env={**os.environ, **env}).returncode != 0:
        pytest.skip('nodemailer is not installed')
    work = json.dumps({'transport': transport, 'messages': messages}).encode()
    out = client('node', script, stdin=work, env=env)
    return [json.loads(line) for line in out.splitlines() if line.startswith('{')]


@pytest.mark.parametrize('listener, more, pool', [
    ('submission', {'requireTLS': True}, False), ('submissions', {'secure': True}, True),
    ('submissions', {'secure': True, 'authMethod': 'LOGIN'}, False),
    ('submissions', {'secure': True, 'authMethod': 'CRAM-MD5'}, True)])
def test_nodemailer(post, listener, more, pool):
    letters = [Letter('nodemailer', size=i * 200000) for i in range(3 if pool else 1)]
    transport = {'host': '127.0.0.1', 'port': post.ports[listener], 'tls': {'rejectUnauthorized': False}, 'pool': pool,
                 'auth': {'user': USER, 'pass': PASSWORD}, **more}
    dsn = {'id': 'node-1', 'return': 'full', 'notify': ['success', 'delay'], 'recipient': BERT}
    results = nodemailer(transport, [
        {'envelope': {'from': ADDRESS, 'to': [BERT], 'dsn': dsn}, 'raw': base64.b64encode(x.data).decode()} for x in letters])
    assert [r.get('response', r)[:9] for r in results] == ['250 2.0.0'] * len(letters), results
    for letter in letters:
        found = arrived(post, letter, SAID['login'], account=USER)
        assert found.record['env_id'] == 'node-1' and 'ret-full' in found.record['flags']
        assert flags(found) == {'notify-success', 'notify-delay'}
        assert found.recipients[BERT]['orcpt'] == 'rfc822;' + BERT


def test_nodemailer_with_a_wrong_password(post):
    transport = {'host': '127.0.0.1', 'port': post.ports['submissions'], 'tls': {'rejectUnauthorized': False},
                 'secure': True, 'auth': {'user': USER, 'pass': 'wrong'}}
    result = nodemailer(transport, [{'envelope': {'from': ADDRESS, 'to': [BERT]},
                                     'raw': base64.b64encode(Letter().data).decode()}])[0]
    assert result['code'] == 535


# --- msmtp -----------------------------------------------------------------------------------------

def msmtp(s, listener, letter, *words, status=0, password=PASSWORD):
    tls = {'submission': ['--tls=on', '--tls-starttls=on'], 'submissions': ['--tls=on', '--tls-starttls=off']}
    return client('msmtp', '--host=127.0.0.1', '--port=%d' % s.ports[listener], '--from=' + ADDRESS, '--tls-trust-file=',
                  *(tls[listener] + ['--tls-certcheck=off', '--user=' + USER, '--passwordeval=echo ' + password]
                    if listener in tls else ['--auth=off', '--tls=off']),
                  *words, BERT, stdin=letter.data.replace(b'\r\n', b'\n'), status=status)


@pytest.mark.parametrize('mechanism', ['plain', 'login', 'cram-md5', 'scram-sha-1', 'scram-sha-256'])
@pytest.mark.parametrize('listener', ['submission', 'submissions'])
def test_msmtp_logs_in(post, listener, mechanism):
    letter = Letter('msmtp')
    msmtp(post, listener, letter, '--auth=' + mechanism)
    arrived(post, letter, SAID['login'], account=USER)


@pytest.mark.parametrize('mechanism', ['scram-sha-256', 'plain'])
def test_msmtp_with_a_wrong_password(post, mechanism):
    letter = Letter('msmtp')
    msmtp(post, 'submissions', letter, '--auth=' + mechanism, password='wrong', status=77)
    assert queue(post).find(letter) == []


@pytest.mark.parametrize('listener, words', [('smtp', []), ('lmtp', ['--protocol=lmtp'])])
def test_msmtp_asks_for_notices(post, listener, words):
    letter = Letter('msmtp', size=300000)
    msmtp(post, listener, letter, '--dsn-notify=failure,success', '--dsn-return=hdrs', *words)
    found = arrived(post, letter, SAID['lmtp' if listener == 'lmtp' else 'plain'])
    assert 'ret-hdrs' in found.record['flags']
    assert flags(found) == {'notify-success', 'notify-failure'}


# --- curl ------------------------------------------------------------------------------------------

@pytest.mark.parametrize('listener, words, said, account', [
    ('smtp', [], 'plain', None), ('smtp', ['--ssl-reqd'], 'starttls', None),
    ('submission', ['--ssl-reqd', '--login-options', 'AUTH=PLAIN'], 'login', USER),
    ('submissions', ['--login-options', 'AUTH=LOGIN'], 'login', USER),
    ('submissions', ['--login-options', 'AUTH=CRAM-MD5'], 'login', USER),
    ('submissions', ['--login-options', 'AUTH=PLAIN', '--sasl-ir'], 'login', USER)])
def test_curl(post, tmp_path, listener, words, said, account):
    letter = Letter('curl')
    scheme = 'smtps' if listener == 'submissions' else 'smtp'
    login = ['--user', '%s:%s' % (USER, PASSWORD)] if account else []
    client('curl', '--silent', '--show-error', '--insecure', '%s://127.0.0.1:%d/curl.example.test' % (scheme, post.ports[listener]),
           '--mail-from', ADDRESS, '--mail-rcpt', BERT, '--upload-file', letter.write(tmp_path), *login, *words)
    arrived(post, letter, SAID[said], account=account)
