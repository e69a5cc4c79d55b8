# SPDX-License-Identifier: Apache-2.0
"""posthaste dkim: keys in files, their records, and what the DNS has of them."""
import json
import os
import stat
import subprocess

import pytest

from conftest import BINARY


@pytest.fixture
def dkim(tmp_path):
    def call(*args, status=0):
        out = subprocess.run([BINARY, 'dkim', *args], capture_output=True, text=True,
                             cwd=str(tmp_path), check=False)
        assert out.returncode == status, (out.stdout, out.stderr)
        return out.stdout if status in (0, 1) and out.stdout else out.stderr
    call.folder = tmp_path
    return call


def zone(dkim, records):
    path = dkim.folder / 'zone.json'
    path.write_text(json.dumps({'zone': 1, 'names': records}))
    return '--zone', str(path)


@pytest.mark.parametrize('kind,begin', [('rsa', 'BEGIN RSA PRIVATE KEY'), ('ed25519', 'BEGIN PRIVATE KEY')])
def test_create(dkim, kind, begin):
    made = json.loads(dkim('create', kind, 'Example.org', '--json'))
    path = dkim.folder / made['file']
    assert made['id'] == kind + '-example.org' and made['file'] == made['id'] + '.pem'
    assert made['selector'][-1] == kind[0] and made['selector'][:-1].isdigit()
    assert made['record']['name'] == made['selector'] + '._domainkey.example.org.'
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert begin in path.read_text()
    subprocess.run(['openssl', 'pkey', '-in', str(path), '-noout', '-check'], check=True)
    before = path.read_bytes()
    assert 'exists' in dkim('create', kind, 'example.org', status=1)  # never overwritten
    assert path.read_bytes() == before


def test_text_shows_what_to_do(dkim):
    text = dkim('create', 'rsa', 'example.org', 'main', 's1', '-o', 'key.pem')
    record = [line for line in text.splitlines() if ' IN TXT ' in line][0]
    strings = record.split(' IN TXT ')[1].strip('"').split('" "')
    assert [len(s) for s in strings][:-1] == [255] * (len(strings) - 1)
    assert ''.join(strings).startswith('v=DKIM1; k=rsa; h=sha256; p=')
    assert '[signature."main"]' in text and 'private-key = "%{file:key.pem}%"' in text
    assert dkim('show', 'key.pem', 'example.org', 's1') == record + '\n'


def test_check(dkim):
    made = json.loads(dkim('create', 'ed25519', 'example.org', 'ed', 's1', '--json'))
    other = json.loads(dkim('create', 'ed25519', 'example.org', 'other', 's2', '--json'))
    name, p = 's1._domainkey.example.org', made['record']['content'].split('p=')[1]
    args = 'check', 'ed.pem', 'example.org', 's1'
    assert dkim(*args, *zone(dkim, {name: {'TXT': [made['record']['content']]}})) == f'{name}: ok\n'
    # The same key in other words, and beside another record.
    dkim(*args, *zone(dkim, {name: {'TXT': ['hello', f'n=note;k=ed25519 ;  p={p[:9]} {p[9:]};']}}))
    assert 'missing' in dkim(*args, *zone(dkim, {}), status=1)
    text = dkim(*args, *zone(dkim, {name: {'TXT': [other['record']['content']]}}), status=1)
    assert 'differs (found "v=DKIM1;' in text and made['record']['content'] in text
    assert 'differs' in dkim(*args, *zone(dkim, {name: {'TXT': ['v=DKIM1; k=ed25519; p=']}}), status=1)
    dkim(*args, *zone(dkim, {name: 'SERVFAIL'}), status=3)
    answer = json.loads(dkim(*args, '--json', *zone(dkim, {}), status=1))
    assert answer == {'name': name + '.', 'status': 'missing', 'found': None}


def test_what_is_refused(dkim):
    for args in (['create', 'dsa', 'example.org'], ['create', 'rsa', 'example'], ['create', 'rsa'],
                 ['create', 'rsa', 'example.org', '--bits', '1024'], ['keygen', 'ed25519', '--bits', '2048'],
                 ['create', 'rsa', 'example.org', 'a/b'], ['create', 'rsa', 'example.org', 'id', 's 1'],
                 ['create', 'rsa', 'example.org', '--bits', '2049']):
        dkim(*args, status=2)
    dkim('show', 'none.pem', 'example.org', 's1', status=66)
    (dkim.folder / 'bad.pem').write_text('hello')
    assert 'no private key' in dkim('show', 'bad.pem', 'example.org', 's1', status=1)
    assert list(dkim.folder.glob('*.pem')) == [dkim.folder / 'bad.pem']


def test_others_may_read(dkim):
    dkim('create', 'ed25519', 'example.org', 'ed', 's1')
    os.chmod(dkim.folder / 'ed.pem', 0o640)
    out = subprocess.run([BINARY, 'dkim', 'show', 'ed.pem', 'example.org', 's1'], check=True,
                         capture_output=True, text=True, cwd=str(dkim.folder))
    assert 'can be read by others' in out.stderr


def test_keygen(dkim):
    text = dkim('keygen', 'rsa', '--bits', '3072')
    pem, record = text.split('-----END RSA PRIVATE KEY-----\n')
    assert pem.startswith('-----BEGIN RSA') and record.startswith('v=DKIM1; k=rsa; h=sha256; p=MII')


@pytest.mark.parametrize('mode,told', [(0o600, None), (0o640, 'can be read by a group'), (0o644, 'every user can read')])
def test_whoever_else_can_read_a_key_is_told(dkim, mode, told):
    """A warning with the name of the file, and never a word of what is in it."""
    made = json.loads(dkim('create', 'rsa', 'example.org', '--json'))
    key, config = dkim.folder / made['file'], dkim.folder / 'config.toml'
    key.chmod(mode)
    config.write_text('server.hostname = "mx.example.org"\n[server.listener.smtp]\nbind = ["127.0.0.1:2525"]\n'
                      'protocol = "smtp"\n[signature.x]\nalgorithm = "rsa-sha256"\ndomain = "example.org"\n'
                      'selector = "s"\nprivate-key = "%%{file:%s}%%"\n' % key)
    config.chmod(0o600)
    out = subprocess.run([BINARY, 'config', 'check', '--lines', '--config', str(config)],
                         capture_output=True, text=True, check=True)
    told_lines = [line for line in (out.stdout + out.stderr).splitlines() if 'signature.x' in line]
    assert len(told_lines) == (0 if told is None else 1), told_lines
    for line in told_lines:
        assert 'warning' in line and told in line and str(key) in line
    assert key.read_text().splitlines()[1][:20] not in out.stdout + out.stderr
