# SPDX-License-Identifier: Apache-2.0
"""HTTP as clients see it: what is refused, in which time, what a proxy in front may say, and the
keys of http.*. With sockets where the octets matter, with curl where a real client does."""
import gzip
import json
import os
import re
import subprocess
import time

import pytest

from conftest import BINARY, eventually, readable

GET = b'GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n'


def http(extra=''):
    return '[http]\n' + extra


def ask(s, octets, end=True):
    """What comes for these octets until the server closes, or for `end` False until it is silent."""
    with s.connect('http') as c:
        c.send(octets)
        if end:
            return c.rest()
        data = b''
        while readable(c.socket, 0.3):
            more = c.socket.recv(65536)
            if not more:
                break
            data += more
        return data


def statuses(data):
    return [int(n) for n in re.findall(rb'HTTP/1\.1 (\d{3}) ', data)]


def curl(s, *arguments):
    """(status, head fields in lower case, body)"""
    done = subprocess.run(['curl', '-s', '-i', '--max-time', '20', *arguments], capture_output=True, timeout=30, check=False)
    head, _, body = done.stdout.partition(b'\r\n\r\n')
    lines = head.decode().split('\r\n')
    status = int(lines[0].split(' ')[1]) if lines[0] else 0
    return status, {k.lower(): v for k, _, v in (line.partition(': ') for line in lines[1:])}, body


def url(s, path='/', scheme='http'):
    return '%s://127.0.0.1:%d%s' % (scheme, s.ports['http'], path)


@pytest.fixture(scope='module')
def plain(tmp_path_factory, certificate):
    """One server for all that only asks: small limits, short times."""
    from conftest import Server
    folder = tmp_path_factory.mktemp('http')
    s = Server(folder, certificate, http('max-header = "2 KiB"\nmax-body = "1 KiB"\n'
                                         'timeout.header = "1s"\ntimeout.body = "1s"\ntimeout.idle = "2s"\n'))
    s.expect_log('http.error')
    s.start()
    yield s
    s.stop()


REFUSED = {
    'bare LF': (b'GET / HTTP/1.1\nHost: a\n\n', 400),
    'no host': (b'GET / HTTP/1.1\r\n\r\n', 400),
    'two hosts': (b'GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n', 400),
    'length and chunks': (b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400),
    'two lengths': (b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd', 400),
    'a list of lengths': (b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3, 4\r\n\r\nabcd', 400),
    'a signed length': (b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc', 400),
    'an unknown coding': (b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: cow\r\n\r\n', (400, 501)),
    'chunked twice': (b'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n', 400),
    'a blank before the colon': (b'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 400),
    'a folded field': (b'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n', 400),
    'a NUL': (b'GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n', 400),
    'HTTP/2 in clear text': (b'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', (400, 505)),
    'HTTP/1.2': (b'GET / HTTP/1.2\r\nHost: a\r\n\r\n', (200, 302, 505)),
    'a head that is too large': (GET % (b'/', b'X: ' + b'y' * 3000 + b'\r\n'), 431),
    'a target that is too long': (GET % (b'/' + b'y' * 3000, b''), (414, 431)),
    'a body that is too large': (b'POST /robots.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n', (405, 413)),
    'a path that goes up': (GET % (b'/healthz/../../etc/passwd', b''), 400),
    'an escaped NUL': (GET % (b'/%00', b''), 400),
    'TRACE': (b'TRACE / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 405),
    'a wrong method': (b'DELETE /robots.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n', 405),
}


@pytest.mark.parametrize('name', REFUSED)
def test_refused(plain, name):
    octets, wanted = REFUSED[name]
    got = statuses(ask(plain, octets))
    assert len(got) == 1 and got[0] in (wanted if isinstance(wanted, tuple) else (wanted,))


def test_what_follows_a_refusal_is_not_served(plain):
    smuggled = b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n' + GET % (b'/robots.txt', b'')
    assert statuses(ask(plain, smuggled)) == [400]


def test_pipelining_in_every_split(plain):
    octets = GET % (b'/robots.txt', b'') + b'HEAD /healthz/live HTTP/1.1\r\nHost: a\r\n\r\n' + \
        b'POST /robots.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc' + GET % (b'/x', b'Connection: close\r\n')
    whole = re.sub(rb'Date: [^\r]*', b'', ask(plain, octets))
    assert statuses(whole) == [200, 200, 405, 404]
    for at in range(1, len(octets), 7):
        with plain.connect('http') as c:
            c.send(octets[:at])
            time.sleep(0.001)
            c.send(octets[at:])
            assert re.sub(rb'Date: [^\r]*', b'', c.rest()) == whole


def test_a_connection_is_used_again(plain):
    with plain.connect('http') as c:
        for _ in range(50):
            c.send(GET % (b'/robots.txt', b''))
            data = b''
            while not data.endswith(b'Disallow: /\n'):
                data += c.socket.recv(65536)
            assert statuses(data) == [200]


def test_head_has_no_content(plain):
    data = ask(plain, b'HEAD /robots.txt HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    assert b'Content-Length: 26\r\n' in data and data.endswith(b'\r\n\r\n')


@pytest.mark.parametrize('octets, answer', [
    (b'', b''),                                      # says nothing: closed without a word
    (b'GET / HTTP/1.1\r\nHo', b'HTTP/1.1 408 '),     # begins, and goes to sleep
])
def test_slow_heads(plain, octets, answer):
    began = time.monotonic()
    data = ask(plain, octets)
    assert 0.8 < time.monotonic() - began < 8
    assert data.startswith(answer) and (data == b'') == (answer == b'')


def test_an_octet_now_and_then_is_too_slow(plain):
    with plain.connect('http') as c:
        end = time.monotonic() + 8
        try:
            for octet in GET % (b'/', b'X: ' + b'y' * 500 + b'\r\n'):
                c.send(bytes([octet]))
                if readable(c.socket, 0.1):
                    break
                assert time.monotonic() < end, 'nobody minds'
        except OSError:
            pass
        assert b' 408 ' in c.rest()


def test_an_idle_connection_is_closed_silently(plain):
    with plain.connect('http') as c:
        c.send(GET % (b'/robots.txt', b''))
        data = c.rest()
        assert statuses(data) == [200]


def test_clients_that_go_away(plain):
    for octets in (b'G', b'GET /robots.txt HTTP/1.1\r\nHost', GET % (b'/metrics', b''),
                   b'POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\nabc'):
        for _ in range(20):
            c = plain.connect('http')
            c.send(octets)
            c.close()
    eventually(lambda: plain.metric('http_active_connections') == 1, what='the end of these connections')
    assert plain.get('/healthz/ready')[0] == 200


def test_curl_goes_on_100(plain):
    body = 'x' * 900
    status, _, _ = curl(plain, '-H', 'Expect: 100-continue', '-d', body, url(plain, '/robots.txt'))
    assert status == 405
    assert curl(plain, url(plain, '/robots.txt'))[0] == 200
    assert curl(plain, '-I', url(plain, '/healthz/live'))[0] == 200
    status, fields, _ = curl(plain, '-X', 'OPTIONS', url(plain, '/robots.txt'))
    assert status == 204 and fields['allow'] == 'GET, HEAD, OPTIONS'


def test_answers_are_packed_for_who_wants_it(plain):
    _, fields, body = curl(plain, '-H', 'Accept-Encoding: gzip', url(plain, '/metrics'))
    assert fields['content-encoding'] == 'gzip' and 'Accept-Encoding' in fields['vary']
    assert len(body) == int(fields['content-length']) < 20000
    assert gzip.decompress(body).startswith(b'# HELP')
    _, fields, body = curl(plain, '-H', 'Accept-Encoding: gzip;q=0', url(plain, '/metrics'))
    assert 'content-encoding' not in fields and body.startswith(b'# HELP')
    _, fields, _ = curl(plain, '-H', 'Accept-Encoding: gzip', url(plain, '/robots.txt'))
    assert 'content-encoding' not in fields


def test_redirection_headers_and_scripts_of_other_sites(server):
    s = server(extra=http('redirect-root = "/ui"\nheaders = ["X-Frame-Options: DENY", "Content-Type: text/x"]\n'
                          'permissive-cors = true\nhsts = true\n'))
    status, fields, _ = curl(s, url(s, '/'))
    assert (status, fields['location']) == (302, '/ui')
    _, fields, _ = curl(s, url(s, '/robots.txt'))
    assert fields['x-frame-options'] == 'DENY' and fields['content-type'] == 'text/x'
    assert fields['access-control-allow-origin'] == '*' and 'PATCH' in fields['access-control-allow-methods']
    assert 'strict-transport-security' not in fields


def test_hsts_and_https(server):
    s = server(listeners={'http': 'protocol = "http"\ntls.implicit = true'}, start=False)
    s.write_config(http('hsts = true\nurl = "\'https://mail.example.test/\'"\n'))
    s.start(wait=False)
    eventually(lambda: curl(s, '-k', url(s, '/healthz/ready', 'https'))[0] == 200, what='readiness')
    _, fields, _ = curl(s, '-k', url(s, '/', 'https'))
    assert fields['strict-transport-security'] == 'max-age=31536000; includeSubDomains'
    assert fields['location'] == 'https://mail.example.test/admin'


def test_who_asks_behind_a_proxy(server):
    s = server(extra=http('use-x-forwarded = ["127.0.0.1"]\nallowed-endpoint = [\n'
                          '  { if = "remote_ip == \'192.0.2.66\'", then = 403 },\n'
                          '  { if = "is_tls && starts_with(url_path, \'/tls\')", then = 418 },\n'
                          '  { if = "headers[\'X-Odd\'] == \'1\'", then = 777 },\n  { else = 200 } ]\n'))

    def status(path, *fields):
        return curl(s, *[part for f in fields for part in ('-H', f)], url(s, path))[0]
    assert status('/metrics', 'X-Forwarded-For: 192.0.2.66') == 403
    assert status('/healthz/live', 'X-Forwarded-For: 192.0.2.66') == 200  # never asked
    assert status('/metrics', 'X-Forwarded-For: 192.0.2.66, 192.0.2.7') == 200  # to the left: hearsay
    assert status('/metrics', 'X-Forwarded-For: 192.0.2.66, 127.0.0.1') == 403
    assert status('/metrics', 'Forwarded: for="192.0.2.66:80";proto=http') == 403
    assert status('/tls', 'Forwarded: for=192.0.2.7;proto=https') == 418
    assert status('/metrics', 'X-Forwarded-For: 192.0.2.7', 'X-Odd: 1') == 404  # no status: 404
    assert status('/metrics', 'X-Odd: 1') == 200  # loopback itself may always
    s.wait_log(r'\(http.x-forwarded-missing\)')
    s.wait_log(r'\(http.request-url\).* remoteIp = 192.0.2.66')


def test_untrusted_peers_are_not_believed(server):
    s = server(extra=http('use-x-forwarded = ["10.0.0.0/8"]\n'
                          'allowed-endpoint = [{ if = "remote_ip == \'192.0.2.66\'", then = 403 }, { else = 200 }]\n'))
    assert curl(s, '-H', 'X-Forwarded-For: 192.0.2.66', url(s, '/metrics'))[0] == 200


def test_a_failing_expression_denies(server):
    s = server(extra=http('use-x-forwarded = ["127.0.0.1"]\nallowed-endpoint = "200 / (remote_port - remote_port)"\n'))
    s.expect_log('http.error|eval.error')
    assert curl(s, '-H', 'X-Forwarded-For: 192.0.2.7', url(s, '/metrics'))[0] == 503
    s.wait_log(r'\(eval.error\) .*http.allowed-endpoint')


def test_requests_are_limited_over_all_workers(server):
    s = server(workers=2, extra=http('use-x-forwarded = ["127.0.0.1"]\nrate-limit.anonymous = "10/1m"\n'))

    def status(client, path='/x'):
        return curl(s, '-H', 'X-Forwarded-For: ' + client, url(s, path))
    got = [status('192.0.2.1')[0] for _ in range(14)]
    assert got == [404] * 10 + [429] * 4
    code, fields, _ = status('192.0.2.1')
    assert code == 429 and int(fields['retry-after']) > 0
    assert status('192.0.2.2')[0] == 404  # another client
    assert status('192.0.2.1', '/healthz/live')[0] == 200
    got = [status('2001:db8::%x' % i)[0] for i in range(12)]  # one /64
    assert got == [404] * 10 + [429] * 2
    assert all(curl(s, url(s, '/x'))[0] == 404 for _ in range(15))  # loopback
    s.wait_log(r'\(limit.too-many-requests\) .*192.0.2.1')


def test_too_many_connections_of_one_client(server):
    """Loopback is exempt from limits by address, so the client comes through the PROXY protocol."""
    listeners = {'http': 'protocol = "http"\ntls.enable = false', 'proxied': 'protocol = "http"\ntls.enable = false\n'
                 'proxy.trusted-networks = ["127.0.0.1"]'}
    s = server(listeners=listeners, extra=http('max-connections-per-ip = 3\n'))
    header = b'PROXY TCP4 192.0.2.9 192.0.2.1 4711 80\r\n'
    held = []
    for _ in range(3):
        c = s.connect('proxied')
        c.send(header + GET % (b'/robots.txt', b''))
        assert c.socket.recv(65536).startswith(b'HTTP/1.1 200 ')
        held.append(c)
    with s.connect('proxied') as c:
        c.send(header + GET % (b'/robots.txt', b''))
        assert c.rest().startswith(b'HTTP/1.1 429 ')
    with s.connect('proxied') as c:
        c.send(header.replace(b'192.0.2.9', b'192.0.2.8') + GET % (b'/robots.txt', b'Connection: close\r\n'))
        assert c.rest().startswith(b'HTTP/1.1 200 ')
    for c in held:
        c.close()


def test_scanners_are_banned_at_once(server):
    listeners = {'http': 'protocol = "http"\ntls.enable = false', 'proxied': 'protocol = "http"\ntls.enable = false\n'
                 'proxy.trusted-networks = ["127.0.0.1"]'}
    s = server(listeners=listeners)

    def get(path, client):
        with s.connect('proxied') as c:
            c.send(b'PROXY TCP4 %s 192.0.2.1 4711 80\r\n' % client + GET % (path, b'Connection: close\r\n'))
            try:
                return c.rest()
            except ConnectionResetError:
                return b''
    assert get(b'/robots.txt', b'192.0.2.9').startswith(b'HTTP/1.1 200 ')
    assert get(b'/wp-login.php', b'192.0.2.9') == b''
    s.wait_log(r'\(security.scan-ban\) .*192.0.2.9')
    assert not get(b'/robots.txt', b'192.0.2.9').startswith(b'HTTP/1.1 200 ')
    assert get(b'/robots.txt', b'192.0.2.8').startswith(b'HTTP/1.1 200 ')
    assert s.get('/wp-login.php')[0] == 404  # loopback is never banned


@pytest.mark.parametrize('line, why', [
    ('headers = ["no colon"]', 'Name: value'),
    ('headers = ["Content-Length: 1"]', 'belong to the server'),
    ('redirect-root = "admin"', "begins with '/'"),
    ('cors.origins = ["https://a"]', 'not'),
    ('rate-limit.account = "5/1m"', 'not'),
    ('allowed-endpoint = "no_such_variable"', 'no_such_variable'),
])
def test_what_is_wrong_is_refused(tmp_path, line, why):
    config = tmp_path / 'c.toml'
    config.write_text('[server]\nhostname = "a.example.test"\n[server.listener.http]\nbind = ["127.0.0.1:0"]\n'
                      'protocol = "http"\n[http]\n%s\n' % line)
    done = subprocess.run([BINARY, 'config', 'check', '--json', str(config)], capture_output=True, text=True,
                          timeout=30, check=False, env={**os.environ})
    findings = json.loads(done.stdout)
    assert done.returncode == 1 and not findings['ok']
    assert any(e['line'] == 7 and why in e['message'] for e in findings['errors']), findings
