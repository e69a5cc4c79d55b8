# SPDX-License-Identifier: Apache-2.0
"""What a domain should publish (`dns records`, `dns check`), and the steps of changing a key
(`dkim rotate`), with keys, a certificate and a zone made here."""
import hashlib
import json
import os
import re
import subprocess

import pytest

from conftest import BINARY, make_certificate

CONFIG = '''
[server]
hostname = "mx.example.org"
[server.listener.smtp]
bind = ["127.0.0.1:25"]
protocol = "smtp"
[server.listener.submissions]
bind = ["127.0.0.1:465"]
protocol = "smtp"
tls.implicit = true
[certificate.default]
cert = "%%{file:%s}%%"
private-key = "%%{file:%s}%%"
[domain."example.org"]
report-address = "mailto:reports@example.org"
'''


class Place:
    def __init__(self, folder):
        self.folder = str(folder)
        self.cert, key = make_certificate(self.folder, 'mx', 'mx.example.org')
        self.config = CONFIG % (self.cert, key)
        self.write()
        self.zone({})

    def write(self):
        with open(os.path.join(self.folder, 'config.toml'), 'w', encoding='ascii') as f:
            f.write(self.config)

    def zone(self, names):
        with open(os.path.join(self.folder, 'zone.json'), 'w', encoding='ascii') as f:
            json.dump({'zone': 1, 'names': names}, f)

    def run(self, *words, status=0):
        done = subprocess.run([BINARY, *words], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        return done.stdout

    def ask(self, *words, status=0):
        return self.run(*words, '--config', 'config.toml', '--zone', 'zone.json', status=status)

    def add_signature(self, text):
        self.config += text[text.index('[signature.'):]
        self.write()


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def records(place):
    return json.loads(place.ask('dns', 'records', 'example.org', '--json'))


def test_records(place):
    place.add_signature(place.run('dkim', 'create', 'rsa', 'example.org', 'rsa', 's1'))
    place.add_signature(place.run('dkim', 'create', 'ed25519', 'other.example', 'ed', 's2'))
    found = {(r['type'], r['name']): r['content'] for r in records(place) if r.get('recommended', True)}
    assert found.pop(('TXT', 's1._domainkey.example.org.')).startswith('v=DKIM1; k=rsa; h=sha256; p=MII')
    key = subprocess.run('openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER' % place.cert,
                         shell=True, check=True, capture_output=True).stdout
    assert found.pop(('TLSA', '_25._tcp.mx.example.org.')) == '3 1 1 ' + hashlib.sha256(key).hexdigest()
    assert re.fullmatch('v=STSv1; id=[0-9a-f]{20}', found.pop(('TXT', '_mta-sts.example.org.')))
    to = 'mailto:reports@example.org'
    assert found == {
        ('MX', 'example.org.'): '10 mx.example.org.',
        ('TXT', 'example.org.'): 'v=spf1 mx ra=postmaster -all',
        ('TXT', 'mx.example.org.'): 'v=spf1 a ra=postmaster -all',
        ('TXT', '_dmarc.example.org.'): 'v=DMARC1; p=reject; rua=%s; ruf=%s' % (to, to),
        ('TXT', '_smtp._tls.example.org.'): 'v=TLSRPTv1; rua=' + to,
        ('CNAME', 'mta-sts.example.org.'): 'mx.example.org.',
        ('SRV', '_submissions._tcp.example.org.'): '0 1 465 mx.example.org.',
        ('SRV', '_submission._tcp.example.org.'): '0 0 0 .',
    }
    zone = place.ask('dns', 'records', 'example.org', '--zone-file')
    assert all(' IN ' in line for line in zone.splitlines() if not line.startswith(';'))
    assert max(len(s) for s in re.findall('"([^"]*)"', zone)) == 255


def published(wanted):
    names = {}
    for r in wanted:
        value = r['content'].split() if r['type'] in ('MX', 'SRV', 'TLSA') else r['content']
        if r['type'] in ('MX', 'SRV', 'TLSA'):
            value = [int(x) if x.isdigit() and len(x) < 6 else x for x in value]
        names.setdefault(r['name'].rstrip('.'), {}).setdefault(r['type'], []).append(value)
    return names


def statuses(place, status):
    out = json.loads(place.ask('dns', 'check', 'example.org', '--json', status=status))
    return {r['name']: (r['status'], r['found']) for r in out if r['type'] == 'TXT'}


def test_check(place):
    place.add_signature(place.run('dkim', 'create', 'ed25519', 'example.org', 'ed', 's1'))
    assert set(statuses(place, 1).values()) == {('missing', None)}
    names = published([r for r in records(place) if r['type'] in ('TXT', 'MX')])
    key = names['s1._domainkey.example.org']['TXT'][0]
    names['s1._domainkey.example.org']['TXT'] = [' ; '.join(key.split('; ')) + ';']  # another spelling
    names['_dmarc.example.org']['TXT'].append('v=DMARC1; p=none')  # two are none
    names['example.org']['TXT'].append('hello')
    names['_smtp._tls.example.org']['TXT'] = ['v=TLSRPTv1; rua=mailto:else@example.org']
    names['_mta-sts.example.org'] = 'TIMEOUT'
    place.zone(names)
    found = statuses(place, 3)
    assert found['s1._domainkey.example.org.'][0] == 'ok'
    assert found['example.org.'][0] == 'ok'
    assert found['_dmarc.example.org.'][0] == 'different'
    assert found['_smtp._tls.example.org.'] == ('different', 'v=TLSRPTv1; rua=mailto:else@example.org')
    assert found['_mta-sts.example.org.'][0] == 'unknown'


def test_rotation(place):
    place.add_signature(place.run('dkim', 'create', 'rsa', 'example.org', 'rsa', 's1'))
    place.add_signature(place.run('dkim', 'create', 'ed25519', 'example.org', 'ed', 's2'))
    place.ask('dkim', 'rotate', 'nobody', status=5)
    made = place.ask('dkim', 'rotate', 'example.org', 'rsa', status=6)
    selector = re.search('selector = "(v1-rsa-[0-9]{8})"', made)[1]
    assert 'stage = "pending"' in made and 'ed25519' not in made
    place.add_signature(made)
    files = sorted(os.listdir(place.folder))
    assert 'waits' in place.ask('dkim', 'rotate', 'rsa', status=6)
    assert sorted(os.listdir(place.folder)) == files  # one that is pending will do
    record = [r for r in records(place) if r['name'].startswith(selector)][0]
    place.zone({record['name'].rstrip('.'): {'TXT': [record['content']]}})
    ready = place.ask('dkim', 'rotate', 'rsa')
    assert re.search(r'\[signature."example.org-%s"\]\nstage = "active"' % selector, ready)
    assert '[signature."rsa"]\nstage = "retiring"' in ready
    assert 's1._domainkey.example.org. IN TXT "v=DKIM1; k=rsa; p="' in place.ask('dkim', 'rotate', 'rsa', '--revoke')
