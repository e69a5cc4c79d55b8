# SPDX-License-Identifier: Apache-2.0
"""TLS as clients see it, mostly through `openssl s_client`: which certificate, versions and suites
they get, sessions that are resumed by another worker, slow and broken handshakes, and certificates
that change while the server runs (listeners.md 8, 9)."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

import pytest

from conftest import HOST, any_certificate, eventually, make_certificate, readable

LISTENERS = {'http': 'protocol = "http"\ntls.enable = false', 'smtp': '',
             'submissions': 'tls.implicit = true', 'https': 'protocol = "http"\ntls.implicit = true'}


def s_client(s, listener, *arguments, say=b'QUIT\r\n'):
    """What openssl s_client prints about one connection."""
    starttls = ['-starttls', 'smtp'] if listener == 'smtp' else []
    done = subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % s.ports[listener], *starttls,
                           *arguments], input=say, capture_output=True, timeout=30, check=False)
    return done.stdout.decode(errors='replace') + done.stderr.decode(errors='replace')


def subject(text):
    found = re.search(r'subject=.*?CN ?= ?([^\s,]+)', text)
    return found.group(1) if found else None


def serve(server, extra='', listeners=None, **options):
    s = server(extra, listeners=listeners or LISTENERS, start=False, **options)
    s.expect_log('handshake-error')
    return s


def certificate_table(name, pair, more=''):
    return '[certificate.%s]\ncert = "file://%s"\nprivate-key = "file://%s"\n%s\n' % (name, *pair, more)


@pytest.fixture(scope='module')
def pairs(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp('pairs'))
    return {name: make_certificate(folder, name.strip('*.'), name, key=key, days=30 if key == 'ec' else 90) for name, key in
            (('one.example', 'ec'), ('two.example', 'ec'), ('*.wild.example', 'ec'), ('rsa.example', 'rsa:2048'))}


@pytest.mark.parametrize('listener', ['smtp', 'submissions'])
def test_a_certificate_for_each_name(server, pairs, listener):
    extra = ''.join(certificate_table('c%d' % i, pair) for i, pair in enumerate(pairs.values()))
    extra += '[server.tls]\nsni = [{subject = "mapped.example", certificate = "c1"}]\n'
    s = serve(server, extra).start()
    for name, expected in (('one.example', 'one.example'), ('TWO.example', 'two.example'),
                           ('a.wild.example', '*.wild.example'), ('rsa.example', 'rsa.example'),
                           ('mapped.example', 'two.example'), ('unknown.example', HOST), ('wild.example', HOST),
                           ('a.b.wild.example', HOST)):
        assert subject(s_client(s, listener, '-servername', name)) == expected, name
    assert subject(s_client(s, listener, '-noservername')) == HOST


def test_strict_names(server, pairs):
    s = serve(server, '[server.tls]\nsni-strict = true\n').start()
    assert 'unrecognized name' in s_client(s, 'submissions', '-servername', 'unknown.example')
    assert subject(s_client(s, 'submissions', '-servername', HOST)) == HOST


def version_and_cipher(text):
    found = re.search(r'New, (\S+), Cipher is (\S+)', text)
    return found.groups() if found else (None, None)


def test_versions(server):
    s = serve(server, '[server.tls]\nprotocols = ["TLSv1.3"]\n').start()
    assert version_and_cipher(s_client(s, 'submissions', '-tls1_3'))[0] == 'TLSv1.3'
    text = s_client(s, 'submissions', '-tls1_2')
    assert 'protocol version' in text and subject(text) is None
    s = serve(server, '[server.tls]\ndisable-protocols = ["0x0304"]\n').start()
    assert version_and_cipher(s_client(s, 'smtp'))[0] == 'TLSv1.2'
    assert 'protocol version' in s_client(s, 'submissions', '-tls1_3')


def test_old_versions_are_never_spoken(server):
    s = serve(server).start()
    assert subject(s_client(s, 'submissions', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')) is None


def test_suites(server):
    s = serve(server, '[server.tls]\nciphers = ["TLS13_CHACHA20_POLY1305_SHA256", '
              '"ECDHE-ECDSA-CHACHA20-POLY1305", "0xC02B"]\n').start()
    assert version_and_cipher(s_client(s, 'submissions'))[1] == 'TLS_CHACHA20_POLY1305_SHA256'
    assert version_and_cipher(s_client(s, 'submissions', '-tls1_2'))[1] == 'ECDHE-ECDSA-CHACHA20-POLY1305'
    # Ours is the order, and what is not ours is refused.
    both = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305'
    assert version_and_cipher(s_client(s, 'submissions', '-tls1_2', '-cipher', both))[1] == both.split(':')[1]
    assert 'handshake failure' in s_client(s, 'submissions', '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384')


def test_the_order_of_the_client(server):
    s = serve(server, '[server.tls]\nignore-client-order = false\n').start()
    order = 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384'
    assert version_and_cipher(s_client(s, 'submissions', '-tls1_2', '-cipher', order))[1] == order.split(':')[0]


def test_groups(server):
    s = serve(server, '[server.tls]\ngroups = ["SECP384R1"]\n').start()
    assert 'P-384' in s_client(s, 'submissions') or 'secp384r1' in s_client(s, 'submissions')
    assert subject(s_client(s, 'submissions', '-groups', 'X25519')) is None


def test_both_key_types_side_by_side(server, tmp_path):
    ec = make_certificate(str(tmp_path), 'ec', 'both.example')
    rsa = make_certificate(str(tmp_path), 'rsa', 'both.example', key='rsa:2048')
    s = serve(server, certificate_table('ec', ec) + certificate_table('rsa', rsa)).start()
    for cipher in ('ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'):
        text = s_client(s, 'submissions', '-tls1_2', '-servername', 'both.example', '-cipher', cipher)
        assert version_and_cipher(text)[1] == cipher
        assert subject(text) == 'both.example'


@pytest.mark.parametrize('version', [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_session_is_resumed_by_another_worker(server, version):
    s = serve(server, workers=2).start()
    context = any_certificate()
    context.minimum_version = context.maximum_version = version
    session, resumed = None, 0
    for _ in range(12):
        raw = socket.create_connection(('127.0.0.1', s.ports['submissions']), 20)
        with context.wrap_socket(raw, server_hostname=HOST, session=session) as c:
            resumed += c.session_reused
            c.recv(100)
            c.sendall(b'NOOP\r\n')
            c.recv(100)
            session = c.session
    assert resumed == 11
    s.stop()
    assert len(re.findall('resumed', s.log_text())) >= 11


def test_tickets_outlive_a_reload(server):
    s = serve(server).start()
    context = any_certificate()
    session = None
    for round_ in range(2):
        raw = socket.create_connection(('127.0.0.1', s.ports['submissions']), 20)
        with context.wrap_socket(raw, server_hostname=HOST, session=session) as c:
            c.recv(100)
            session = c.session
            assert c.session_reused == (round_ > 0)
        if round_ == 0:
            before = s.pids()
            s.send(signal.SIGHUP)
            eventually(lambda: not set(before) <= set(s.pids()), what='new workers')


def test_without_tickets(server):
    s = serve(server, '[server.tls]\nsession-tickets = false\n').start()
    assert 'TLS session ticket' not in s_client(s, 'submissions', '-tls1_2')


@pytest.mark.parametrize('drip', [False, True], ids=['silent', 'a byte at a time'])
def test_a_handshake_has_its_time(server, drip):
    s = serve(server, '[server.tls]\ntimeout = "1s"\n').start()
    began = time.monotonic()
    hello = iter(b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(500))
    with s.connect('submissions') as c:
        while drip and time.monotonic() - began < 8 and not readable(c.socket, 0.2):
            c.send(bytes([next(hello)]))
        assert c.closed()
    assert 0.5 < time.monotonic() - began < 8
    s.wait_log('tls.handshake-error')


@pytest.mark.parametrize('how', ['reset', 'closed'])
def test_clients_that_leave_in_the_handshake_free_their_place(server, how):
    s = serve(server, listeners={'http': 'protocol = "http"',
                                 'submissions': 'tls.implicit = true\nmax-connections = 1'}).start()
    for _ in range(5):
        c = s.connect('submissions')
        c.send(b'\x16\x03\x01\x02\x00\x01')
        if how == 'reset':
            c.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b'\x01\0\0\0\0\0\0\0')
        c.close()
        eventually(lambda: subject(s_client(s, 'submissions')) == HOST, what='a free place')


def test_wrong_bytes_where_tls_comes_first(server):
    s = serve(server).start()
    with s.connect('submissions') as c:
        c.send(b'EHLO me.example.test\r\n')
        assert c.rest() == b''
    with s.connect('https') as c:
        c.send(b'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
        answer = c.rest()
        assert answer.startswith(b'HTTP/1.1 400 ') and b'This port speaks TLS' in answer
    with s.connect('https') as c:
        c.send(b'\x00\x01\x02')
        assert c.rest() == b''


def test_alpn(server):
    s = serve(server).start()
    assert 'ALPN protocol: http/1.1' in s_client(s, 'https', '-alpn', 'h2,http/1.1')
    assert 'no application protocol' in s_client(s, 'https', '-alpn', 'h2')
    assert 'no application protocol' in s_client(s, 'submissions', '-alpn', 'h2,http/1.1')
    assert 'ALPN protocol: smtp' in s_client(s, 'submissions', '-alpn', 'imap,smtp')
    assert subject(s_client(s, 'submissions', '-alpn', 'imap')) == HOST


def test_client_certificates(server, tmp_path):
    ca, key = make_certificate(str(tmp_path), 'client', 'client.example')
    with open(ca, encoding='ascii') as f:
        pem = f.read()
    s = serve(server, "[server.tls]\nclient-auth = 'require'\nclient-ca = '''\n%s'''\n" % pem).start()
    context = any_certificate()
    context.load_cert_chain(ca, key)
    with s.connect_tls('submissions', context) as c:
        assert c.line().startswith('220 ')
    with pytest.raises(OSError):  # TLS 1.3 tells a client without one when it first reads
        with s.connect_tls('submissions') as c:
            assert c.line().startswith('220 ')
    s.wait_log('client certificate')


def test_self_signed_when_there_is_none(server):
    s = serve(server, certificate=None).start()
    first = s_client(s, 'submissions')
    assert subject(first) == HOST
    assert s_client(s, 'smtp').split('-----BEGIN')[1][:500] == first.split('-----BEGIN')[1][:500]
    s.wait_log('tls.no-certificates-available')


def test_no_certificate_and_none_made(server):
    s = serve(server, '[server.tls]\nself-signed = false\n', certificate=None).start()
    assert 'handshake failure' in s_client(s, 'submissions')
    with s.connect('smtp') as c:
        c.line()
        assert not any(line[4:] == 'STARTTLS' for line in c.command('EHLO me.example.test'))
        assert c.command('STARTTLS')[0] == '454 4.7.0 TLS not available due to temporary reason.'


def test_starttls_switched_off(server):
    s = serve(server, listeners={'http': 'protocol = "http"', 'smtp': 'tls.enable = false'}).start()
    with s.connect('smtp') as c:
        c.line()
        assert c.command('STARTTLS')[0] == '502 5.5.1 TLS not available.'


def test_required(server):
    s = serve(server, listeners={'http': 'protocol = "http"', 'smtp': 'tls.require = true'}).start()
    with s.connect('smtp') as c:
        c.line()
        assert c.command('EHLO me.example.test')[0].startswith('250')
        assert c.command('MAIL FROM:<>')[0].startswith('530 5.7.0')
        assert c.command('STARTTLS')[0].startswith('220')
        c.start_tls()
        assert not c.command('MAIL FROM:<>')[0].startswith('530')


def test_commands_smuggled_behind_starttls(server):
    s = serve(server).start()
    with s.connect('smtp') as c:
        c.line()
        c.send(b'STARTTLS\r\nEHLO evil.example.test\r\n')
        assert c.line() == '503 5.5.1 Data after STARTTLS.'
        assert c.closed()


def test_renegotiation_is_refused(server):
    s = serve(server).start()
    process = subprocess.Popen(['openssl', 's_client', '-connect', '127.0.0.1:%d' % s.ports['submissions'], '-tls1_2'],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = b''
    while b'220 ' not in said:  # a greeting in the middle of it would be another error
        piece = process.stdout.read1(4096)
        assert piece, said
        said += piece
    process.stdin.write(b'R\n')
    process.stdin.flush()
    try:
        out = process.communicate(timeout=20)[0].decode(errors='replace')
    except subprocess.TimeoutExpired:
        process.kill()
        out = process.communicate()[0].decode(errors='replace')
    assert 'renegotiation' in out


def test_odd_hellos_do_no_harm(server):
    s = serve(server).start()
    huge = b'\x01' + (65536).to_bytes(3, 'big') + b'\x03\x03' + b'x' * 65534
    for hello in (b'\x16\x03\x01\x00\x00', b'\x16\x03\x01\xff\xff' + b'x' * 65535, b'\x16\x03\x01\x40\x00' + huge[:16384],
                  b'\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00', b'\x16\x00\x00\x00\x01\x00'):
        with s.connect('submissions') as c:
            try:
                c.send(hello)
                c.socket.shutdown(socket.SHUT_WR)
                c.rest()
            except OSError:
                pass  # reset by the server, which is as good
    for name in ('x' * 63 + '.' + 'y' * 63 + '.' + 'z' * 63 + '.' + 'w' * 63, '127.0.0.1', 'a..b'):
        s_client(s, 'submissions', '-servername', name)
    assert subject(s_client(s, 'submissions')) == HOST
    assert len(s.pids()) >= 2


def copy(pair, to):
    for source, target in zip(pair, to):
        shutil.copyfile(source, target + '.new')
        shutil.move(target + '.new', target)  # a rename, as certbot's links are changed


def test_a_renewed_certificate_without_a_reload(server, tmp_path, pairs):
    mine = str(tmp_path / 'mine.crt'), str(tmp_path / 'mine.key')
    copy(pairs['one.example'], mine)
    s = serve(server, certificate=mine, workers=2).start()
    eventually(lambda: s.metric('certificate_expiry_seconds') > 0, what='the metric')
    before_s = s.metric('certificate_expiry_seconds')
    with s.connect('smtp') as before:
        before.line()
        assert subject(s_client(s, 'submissions')) == 'one.example'
        pids = s.pids()
        copy(pairs['rsa.example'], mine)
        for _ in range(4):  # whichever worker answers
            eventually(lambda: subject(s_client(s, 'submissions')) == 'rsa.example', 30, 'the new certificate')
        assert subject(s_client(s, 'smtp')) == 'rsa.example'
        assert before.command('NOOP')[0].startswith('250')
    assert s.pids() == pids
    s.wait_log('server.reload.*certificate.default')
    eventually(lambda: abs(s.metric('certificate_expiry_seconds') - before_s) > 86400, 30, 'the metric')
    s.expect_log('worker-exit')
    for pid in pids:  # their successors are born with the new one
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(set(s.pids()) - set(pids)) == 2, 30, 'other workers')
    for _ in range(6):
        eventually(lambda: subject(s_client(s, 'submissions')) is not None, 30, 'an answer')
        assert subject(s_client(s, 'submissions')) == 'rsa.example'


def test_a_certificate_that_does_not_fit_its_key(server, tmp_path, pairs):
    mine = str(tmp_path / 'mine.crt'), str(tmp_path / 'mine.key')
    copy(pairs['one.example'], mine)
    s = serve(server, certificate=mine, workers=1).start()
    s.expect_log('config.build-error')
    copy(pairs['two.example'][:1], mine[:1])  # certbot replaces one file after the other
    time.sleep(9)
    assert subject(s_client(s, 'submissions')) == 'one.example'
    copy(pairs['two.example'], mine)
    eventually(lambda: subject(s_client(s, 'submissions')) == 'two.example', 30, 'the new certificate')


def test_links_that_change_as_certbot_changes_them(server, tmp_path, pairs):
    live, archive = tmp_path / 'live', tmp_path / 'archive'
    live.mkdir()
    archive.mkdir()

    def issue(number, name):
        copy(pairs[name], (str(archive / ('crt%d' % number)), str(archive / ('key%d' % number))))
        for part in ('crt', 'key'):
            link = live / (part + '.new')
            link.symlink_to(archive / ('%s%d' % (part, number)))
            link.rename(live / part)
    issue(1, 'one.example')
    s = serve(server, certificate=(str(live / 'crt'), str(live / 'key')), workers=1).start()
    assert subject(s_client(s, 'submissions')) == 'one.example'
    issue(2, 'two.example')
    eventually(lambda: subject(s_client(s, 'submissions')) == 'two.example', 30, 'the new certificate')
