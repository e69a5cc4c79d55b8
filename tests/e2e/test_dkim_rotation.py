# SPDX-License-Identifier: Apache-2.0
"""Keys that the server makes and changes by itself: they sign once a real resolver has their records and
not before, nobody restarts anything, and what is forced or taken back is done at once."""
import json
import os
import re
import stat
import subprocess
import time

import pytest

from conftest import BINARY, eventually, free_ports
from mail_tools import ADDRESS, PASSWORD, USER, Letter, mail_server, queue
from peer_tools import hand_in
from test_dns import answers, program

dkim = pytest.importorskip('dkim')

CONFIG = '''
[domain."example.test"]
[resolver]
type = "custom"
custom = ["127.0.0.1:%d"]
[auth.dkim.rotation.all]
domains = ["*"]
retire-after = "3s"
delete-after = "15s"
'''


class Zone:
    """unbound, whose answers are forgotten after a second; it starts anew with other records."""

    def __init__(self, folder):
        self.folder, self.port, self.texts, self.process = folder, free_ports(1)[0], {}, None

    def serve(self, texts):
        self.stop()
        self.texts.update(texts)
        config = str(self.folder / 'unbound.conf')
        with open(config, 'w', encoding='ascii') as f:
            f.write('server:\n  interface: 127.0.0.1@%d\n  username: ""\n  chroot: ""\n  directory: "%s"\n'
                    '  pidfile: ""\n  use-syslog: no\n  do-daemonize: no\n  module-config: "iterator"\n'
                    '  local-zone: "." static\n  local-zone: "test." static\n'
                    '  local-data: "test. 1 IN SOA ns.test. a.test. 1 60 60 60 1"\n' % (self.port, self.folder))
            for name, text in self.texts.items():
                parts = ' '.join('"%s"' % text[i:i + 250] for i in range(0, len(text), 250))
                f.write("  local-data: '%s 1 IN TXT %s'\n" % (name, parts))
        with open(str(self.folder / 'unbound.log'), 'ab') as log:
            self.process = subprocess.Popen([program('unbound'), '-d', '-c', config], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log)
        eventually(lambda: answers(self.port), what='the start of unbound')

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(20)
        self.process = None


@pytest.fixture
def zone(tmp_path):
    z = Zone(tmp_path)
    z.serve({})
    yield z
    z.stop()


def call(s, *words, status=0):
    out = subprocess.run([BINARY, *words, '-c', s.config_path], capture_output=True, text=True, check=False)
    assert out.returncode == status, (words, out.stdout, out.stderr)
    return out.stdout


def keys(s, stage=None):
    found = json.loads(call(s, 'dkim', 'show', 'example.test', '--json'))
    return {k['selector']: k for k in found if stage in (None, k['stage'])}


def records(s):
    """What is to be published of keys, by name."""
    found = json.loads(call(s, 'dns', 'records', 'example.test', '--json'))
    return {r['name']: r['content'] for r in found if '._domainkey.' in r['name']}


def selectors(s, zone):
    """Who has signed a message now; each signature is good."""
    letter = Letter('small')
    hand_in(s.ports['submission'], ADDRESS, ['bert@example.test'], letter.data, login=(USER, PASSWORD))
    data = queue(s).one(letter).sent
    fields = [body for name, body in dkim.DKIM(data).headers if name.lower() == b'dkim-signature']
    for i in range(len(fields)):
        assert dkim.DKIM(data).verify(idx=i, dnsfunc=lambda n, timeout=5: zone.texts.get(n.decode(), '').encode())
    return sorted(re.search(rb'\bs=([^;]+);', re.sub(rb'\s', b'', f))[1].decode() for f in fields)


def test_rotation(server, zone):
    s = mail_server(server, CONFIG % zone.port)
    eventually(lambda: len(re.findall('dkim.signature-created', s.log_text())) >= 2, 30, 'two keys')
    path = os.path.join(s.folder, 'state', 'dkim-keys')
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    first = keys(s, 'pending')
    assert sorted(k['algorithm'] for k in first.values()) == ['ed25519-sha256', 'rsa-sha256']
    assert all(re.match(r'v1-(rsa|ed25519)-\d{8}$', name) for name in first)
    assert 'PRIVATE' not in s.log_text() + call(s, 'dkim', 'show') and 'v=DKIM1; k=ed25519' in s.log_text()
    assert selectors(s, zone) == []

    zone.serve(records(s))
    time.sleep(1.5)
    call(s, 'dkim', 'rotate', 'example.test')
    eventually(lambda: len(keys(s, 'active')) == 2, 30, 'the keys to sign')
    assert set(keys(s, 'active')) == set(first)
    eventually(lambda: selectors(s, zone) == sorted(first), 20, 'signatures')

    # Due now: nothing changes before the DNS has the successor.
    rsa = [name for name in first if 'rsa' in name][0]
    call(s, 'dkim', 'rotate', 'rsa-example.test', '--revoke')
    eventually(lambda: keys(s, 'pending'), 30, 'a successor')
    assert list(keys(s, 'pending')) == [rsa + '-2']
    assert selectors(s, zone) == sorted(first)
    s.stop()
    s.start()
    assert selectors(s, zone) == sorted(first)

    zone.serve({n: t for n, t in records(s).items() if n.startswith(rsa + '-2.')})
    time.sleep(1.5)
    call(s, 'dkim', 'rotate', 'rsa-example.test')
    eventually(lambda: rsa in keys(s, 'retired'), 30, 'the successor')
    assert rsa + '-2' in keys(s, 'active')
    assert records(s)[rsa + '._domainkey.example.test.'] == 'v=DKIM1; k=rsa; h=sha256; p='
    eventually(lambda: rsa not in selectors(s, zone) and rsa + '-2' in selectors(s, zone), 20, 'its signature')
    s.wait_log('dkim.signature-deleted', 60)
    assert rsa not in keys(s) and rsa + '._domainkey.example.test.' not in records(s)
    call(s, 'dkim', 'show', 'other.test', status=5)
    assert call(s, 'dkim', 'show', 'other.test', '--json') == '[]\n'


def test_in_place_of_the_configuration(server, zone, tmp_path):
    """A key in the file of the configuration signs until its successor is there, which signs in its manner."""
    pem = subprocess.run([BINARY, 'dkim', 'keygen', 'ed25519'], check=True, capture_output=True, text=True).stdout
    record = pem[pem.rindex('v=DKIM1'):].strip()
    s = mail_server(server, (CONFIG % zone.port).split('[auth.dkim.rotation')[0] + '''
[signature."ed25519-example.test"]
algorithm = "ed25519-sha256"
domain = "example.test"
selector = "old"
headers = ["From", "Subject"]
private-key = """%s"""
retire-after = "3s"
delete-after = "4s"
next-transition-at = 2020-01-01T00:00:00Z
''' % pem[:pem.rindex('v=DKIM1')])
    zone.serve({'old._domainkey.example.test.': record})
    assert selectors(s, zone) == ['old']
    eventually(lambda: keys(s, 'pending'), 30, 'a successor')
    (new,) = keys(s, 'pending')
    zone.serve({n: t for n, t in records(s).items() if n.startswith(new)})
    time.sleep(1.5)
    call(s, 'dkim', 'rotate', 'ed25519-example.test')
    eventually(lambda: selectors(s, zone) == [new], 30, 'its signature')
    s.wait_log('dkim.signature-deleted', 30)
    assert set(keys(s)) == {new, 'old'} and 'old._domainkey.example.test.' not in records(s)
    assert selectors(s, zone) == [new]


def test_what_is_refused(server):
    s = mail_server(server, '[auth.dkim.rotation.all]\ndomains = "*"\npublish = "rfc2136"\nselector-template = "{x}"\n',
                    start=False)
    out = subprocess.run([BINARY, 'config', 'check', '-c', s.config_path], capture_output=True, text=True, check=False)
    assert out.returncode == 1
    assert 'not built yet' in out.stdout + out.stderr and '{x} at column 1 is unknown' in out.stdout + out.stderr
