# SPDX-License-Identifier: Apache-2.0
"""DANE: `posthaste test dane`, which runs the server's own verification, against OpenSSL's over real
handshakes, and with records out of a zone that is really signed. Nothing leaves the machine."""
import hashlib
import itertools
import json
import os
import re
import subprocess

import pytest

import test_dns
from conftest import BINARY, eventually, free_ports, make_certificate

HOST = 'mx.example.net'
PEOPLE = ('leaf', 'middle', 'root', 'other')
CHAINS = (('leaf',), ('leaf', 'middle'), ('leaf', 'middle', 'root'))


class Authority:
    """root, middle below it, leaf below that; and other, whom nobody knows."""

    def __init__(self, folder):
        self.folder = str(folder)
        self.make('root', None, 'basicConstraints=critical,CA:TRUE')
        self.make('middle', 'root', 'basicConstraints=critical,CA:TRUE')
        self.make('leaf', 'middle', 'subjectAltName=DNS:' + HOST)
        self.make('other', None, 'basicConstraints=critical,CA:TRUE')

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self, *words, given=None):
        return subprocess.run(['openssl', *words], cwd=self.folder, check=True, capture_output=True,
                              input=given, timeout=60).stdout

    def make(self, name, issuer, extension):
        self.run('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', name + '.key')
        self.run('req', '-new', '-key', name + '.key', '-subj', '/CN=' + name, '-out', name + '.csr')
        with open(self.path(name + '.ext'), 'w', encoding='ascii') as f:
            f.write(extension + '\n')
        by = ['-CA', issuer + '.pem', '-CAkey', issuer + '.key'] if issuer else ['-key', name + '.key']
        self.run('x509', '-req', '-in', name + '.csr', *by, '-days', '30', '-extfile', name + '.ext',
                 '-set_serial', str(len(name)), '-out', name + '.pem')

    def text(self, *names):
        return ''.join(open(self.path(n + '.pem'), encoding='ascii').read() for n in names)

    def record(self, usage, selector, matching, name):
        data = self.run('x509', '-in', name + '.pem', '-outform', 'DER')
        if selector == 1:
            data = self.run('pkey', '-in', name + '.key', '-pubout', '-outform', 'DER')
        digest = {0: lambda d: d.hex(), 1: lambda d: hashlib.sha256(d).hexdigest(),
                  2: lambda d: hashlib.sha512(d).hexdigest()}[matching]
        return '%d %d %d %s' % (usage, selector, matching, digest(data))


@pytest.fixture(scope='module')
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp('authority'))


@pytest.fixture
def peer():
    """peer(folder, chain file, key) gives the port of a TLS server that shows this chain."""
    running = []

    def start(folder, chain, key):
        port, = free_ports(1)
        running.append(subprocess.Popen(
            ['openssl', 's_server', '-accept', '127.0.0.1:%d' % port, '-cert', chain, '-cert_chain', chain,
             '-key', key, '-quiet', '-no_ticket'], cwd=folder, stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        eventually(lambda: client(port).returncode == 0, what='the start of s_server')
        return port
    yield start
    for p in running:
        p.kill()
        p.wait(20)


def client(port, *words):
    return subprocess.run(['openssl', 's_client', '-connect', '127.0.0.1:%d' % port, '-no-CAfile', '-no-CApath',
                           '-no-CAstore', *words], input='', capture_output=True, text=True, timeout=60)


def openssl_says(port, host, record):
    done = client(port, '-brief', '-dane_tlsa_domain', host, '-dane_tlsa_rrdata', record,
                  '-dane_ee_no_namechecks')
    said = done.stdout + done.stderr
    assert 'CONNECTION ESTABLISHED' in said, said
    return 'Verification: OK' in said and 'DANE TLSA' in said


def we_say(tmp_path, host, records, chain):
    (tmp_path / 'tlsa').write_text('\n'.join(records) + '\n')
    (tmp_path / 'chain').write_text(chain)
    done = subprocess.run([BINARY, 'test', 'dane', '--host', host, '--tlsa', str(tmp_path / 'tlsa'),
                           '--chain', str(tmp_path / 'chain')], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize('chain', CHAINS, ids=lambda c: '-'.join(c))
def test_as_openssl_does(tmp_path, authority, peer, chain):
    (tmp_path / 'shown.pem').write_text(authority.text(*chain))
    port = peer(str(tmp_path), str(tmp_path / 'shown.pem'), authority.path('leaf.key'))
    matched = 0
    for usage, selector, matching, whose in itertools.product((2, 3), (0, 1), (0, 1, 2), PEOPLE):
        record = authority.record(usage, selector, matching, whose)
        for host in (HOST, 'elsewhere.example'):
            ours = we_say(tmp_path, host, [record], authority.text(*chain))
            theirs = openssl_says(port, host, record)
            assert (ours['result'] == 'match') == theirs, (usage, selector, matching, whose, host, ours)
            matched += theirs
    # The leaf under any name; authorities under the right one: those shown, and of the next one
    # above what is shown the whole certificate and the whole key.
    assert matched == 12 + {1: 2, 2: 8, 3: 12}[len(chain)]


@test_dns.pytestmark
def test_a_zone_that_is_signed(tmp_path_factory, tmp_path, peer, monkeypatch):
    folder = tmp_path_factory.mktemp('signed')
    cert, key = make_certificate(str(folder), 'mx', 'somebody.else.example')
    der = subprocess.run(['openssl', 'pkey', '-in', key, '-pubout', '-outform', 'DER'], check=True,
                         capture_output=True).stdout
    digest = hashlib.sha256(der).hexdigest()
    monkeypatch.setattr(test_dns, 'ZONE', test_dns.ZONE.replace('0123456789abcdef' * 4, digest))
    servers = test_dns.Servers(tmp_path_factory.mktemp('dns'))
    try:
        answer = query(tmp_path, servers, '_25._tcp.mx.signed.example')
        assert answer['outcome'] == 'NOERROR' and answer['dnssec'] == 'secure'
        assert query(tmp_path, servers, '_25._tcp.mx.plain.example')['dnssec'] == 'insecure'
        port = peer(str(folder), cert, key)
        shown = client(port, '-showcerts').stdout
        chain = '\n'.join(re.findall('-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----', shown, re.S))
        said = we_say(tmp_path, 'mx.signed.example', answer['records'], chain)
        assert said['result'] == 'match' and said['usage'] == 3 and said['depth'] == 0
        other = make_certificate(str(folder), 'other', 'mx.signed.example')[0]
        said = we_say(tmp_path, 'mx.signed.example', answer['records'], open(other, encoding='ascii').read())
        assert said['result'] == 'no-match' and said['reason']
    finally:
        servers.stop()


def query(tmp_path, servers, name):
    config = tmp_path / 'config.toml'
    config.write_text('[resolver]\ntype = "custom"\ncustom = ["127.0.0.1:%d"]\ntrust-anchor = "%s"\n'
                      % (servers.port, servers.path('anchors')))
    done = subprocess.run([BINARY, 'dns', 'query', '--json', '-c', str(config), name, 'TLSA'],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


NOUGHT = '00' * 32


@pytest.mark.parametrize('record, result, reason', [
    ('0 1 1 ' + NOUGHT, 'unusable', '; 0 1 1: usages 0 and 1 need public authorities'),
    ('4 1 1 ' + NOUGHT, 'unusable', '; 4 1 1: there is no such usage'),
    ('3 2 1 ' + NOUGHT, 'unusable', '; 3 2 1: there is no such selector'),
    ('3 1 3 ' + NOUGHT, 'unusable', '; 3 1 3: there is no such matching type'),
    ('3 1 1 ab', 'unusable', '; 3 1 1: a SHA-256 digest has 32 octets'),
    ('3 1 2 ' + NOUGHT, 'unusable', '; 3 1 2: a SHA-512 digest has 64 octets'),
    ('3 0 0 3000', 'unusable', '; 3 0 0: this is no certificate'),
    ('2 1 0 3000', 'unusable', '; 2 1 0: this is no public key'),
    ('3 1 1 ' + NOUGHT, 'no-match', 'no record names a certificate or key of this chain')])
def test_why_not(tmp_path, authority, record, result, reason):
    said = we_say(tmp_path, HOST, [record], authority.text('leaf', 'middle', 'root'))
    assert said['result'] == result and reason in said['reason'], said
    assert (result == 'unusable') == said['reason'].startswith('no record can be used; ')


def test_why_a_chain_is_wrong_that_is_named(tmp_path, authority):
    chain = authority.text('leaf', 'middle', 'root')
    said = we_say(tmp_path, 'elsewhere.example', [authority.record(2, 1, 1, 'root')], chain)
    assert said['reason'] == 'a record names this chain, which is wrong all the same for elsewhere.example: hostname mismatch'
    said = we_say(tmp_path, HOST, [authority.record(2, 0, 1, 'other'), authority.record(2, 1, 1, 'root')], chain)
    assert said['result'] == 'match' and said['reason'] is None


@pytest.mark.parametrize('tlsa, chain, status', [
    ('3 1\n', None, 65), ('3 1 1 xyz\n', None, 65), ('3 1 1 abc\n', None, 65), ('300 1 1 ab\n', None, 65),
    ('', None, 0), ('3 1 1 ab cd\n', None, 0), ('3 1 1 abcd\n', 'nothing', 65),
    ('3 1 1 abcd\n', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n', 65)])
def test_files_that_are_wrong(tmp_path, authority, tlsa, chain, status):
    (tmp_path / 'tlsa').write_text(tlsa)
    (tmp_path / 'chain').write_text(chain if chain is not None else authority.text('leaf'))
    words = [BINARY, 'test', 'dane', '--host', HOST, '--tlsa', str(tmp_path / 'tlsa'), '--chain']
    done = subprocess.run([*words, str(tmp_path / 'chain')], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stderr
    if status == 0:
        assert json.loads(done.stdout)['result'] == 'unusable'
    missing = subprocess.run([*words, str(tmp_path / 'missing')], capture_output=True, timeout=60)
    assert missing.returncode == (66 if status == 0 or chain is not None else 65)
