# SPDX-License-Identifier: Apache-2.0
"""Messages that we sign verify elsewhere, and what others sign verifies here: dkimpy, OpenDKIM's
library, rspamd and mailauth, with generated messages whose headers and bodies are awkward, and every pair of
canonicalizations. INTEROP_MESSAGES=1000 makes a long run of it."""
import collections
import json
import os
import random
import shutil
import socket
import subprocess
import urllib.request

import pytest

from conftest import BINARY, TOP, eventually, free_ports

dkim = pytest.importorskip('dkim')

COUNT = int(os.environ.get('INTEROP_MESSAGES', '40'))
PAIRS = [(h, b) for h in ('simple', 'relaxed') for b in ('simple', 'relaxed')]
NOW = '1700000000'


class Keys:
    """A key of each kind, and the DNS that publishes them, in the forms of all three."""

    def __init__(self, folder):
        self.folder, self.records, self.pem = folder, {}, {}
        for kind in ('rsa', 'ed25519'):
            out = subprocess.run([BINARY, 'dkim', 'keygen', kind], check=True, capture_output=True,
                                 text=True).stdout
            pem, record = out[:out.rindex('v=DKIM1')], out[out.rindex('v=DKIM1'):].strip()
            self.records[f'{kind}._domainkey.a.example'] = record
            self.pem[kind] = os.path.join(folder, kind + '.pem')
            with open(self.pem[kind], 'w', encoding='ascii') as f:
                f.write(pem)
        self.zone = os.path.join(folder, 'zone.json')
        names = {n: {'TXT': [r]} for n, r in self.records.items()}
        with open(self.zone, 'w', encoding='ascii') as f:
            json.dump({'zone': 1, 'names': names}, f)
        self.lines = os.path.join(folder, 'keys.txt')
        with open(self.lines, 'w', encoding='ascii') as f:
            f.writelines(f'{n} {r}\n' for n, r in self.records.items())

    def dns(self, name, timeout=5):
        return self.records.get(name.decode().rstrip('.'), '').encode()

    def seed(self):
        with open(self.pem['ed25519'], encoding='ascii') as f:
            import base64
            der = base64.b64decode(''.join(f.read().split('\n')[1:-2]))
            return base64.b64encode(der[-32:])


@pytest.fixture(scope='module')
def keys(tmp_path_factory):
    return Keys(str(tmp_path_factory.mktemp('keys')))


@pytest.fixture(scope='module')
def opendkim(tmp_path_factory):
    program = str(tmp_path_factory.mktemp('peer') / 'opendkim_peer')
    source = os.path.join(TOP, 'tests/e2e/opendkim_peer.c')
    built = subprocess.run([shutil.which('cc') or 'gcc', '-O1', '-o', program, source, '-lopendkim'],
                           capture_output=True, check=False)
    if built.returncode != 0:
        pytest.skip('no libopendkim-dev here')
    return program


def ours(message, keys):
    out = subprocess.run([BINARY, 'test', 'dkim', '--zone', keys.zone, '--now', NOW], input=message,
                         capture_output=True, check=True).stdout
    return json.loads(out)


def sign(message, keys, kind, pair, *more):
    out = subprocess.run(
        [BINARY, 'test', 'dkim-sign', '--domain', 'a.example', '--selector', kind, '--key',
         keys.pem[kind], '--canonicalization', '/'.join(pair), '--now', NOW, *more],
        input=message, capture_output=True, check=True).stdout
    return json.loads(out)['headers'][0].encode() + b'\r\n' + message


# --- Messages ------------------------------------------------------------------------------------

WORDS = [b'alpha', b'be ta', b'gamma\t', b'  delta', b'\xc3\xa4\xc3\xb6', b'\xff\xfe', b'=20', b';b=x',
         b'a:b', b'"quoted  text"', b'(c \t c)', b'x' * 90]


def text(dice, words):
    return dice.choice([b' ', b'  ', b'\t', b' \t ']).join(dice.choice(WORDS) for _ in range(words))


def value(dice):
    out = dice.choice([b'', b' ', b'   ', b'\t']) + text(dice, dice.randint(0, 6))
    for _ in range(dice.randint(0, 3)):
        out += dice.choice([b'\r\n ', b'\r\n\t', b' \r\n  ', b'\t\r\n\t ']) + text(dice, 1 + dice.randint(0, 4))
    return out + dice.choice([b'', b' ', b'\t'])


def message(dice):
    fields = [b'From: Ann <ann@a.example>' + dice.choice([b'', b' ', b'\r\n\t(x)'])]
    names = [b'To', b'Subject', b'subject', b'Date', b'Message-ID', b'Cc', b'Reply-To', b'X-Other',
             b'Received', b'List-Id', b'MIME-Version', b'Content-Type', b'X-Empty']
    for _ in range(dice.randint(1, 14)):
        fields.append(dice.choice(names) + b':' + value(dice))
    dice.shuffle(fields)
    return b'\r\n'.join(fields) + b'\r\n\r\n' + body(dice)


def body(dice):
    """Ends in CRLF, or is empty: so the protocol has it. Others are tested in tests/unit/proof."""
    kind = dice.randint(0, 9)
    if kind == 0:
        return b''
    if kind == 1:
        return b'\r\n' * dice.randint(1, 9)
    if kind == 2:
        return dice.choice([b' \r\n', b'\t \t\r\n', b'\r\n \r\n\t\r\n'])
    if kind == 3:
        return b'long ' * dice.choice([40000, 210000]) + b'\r\n'
    lines = []
    for _ in range(dice.randint(1, 40)):
        lines.append(dice.choice([b'', b' ', b'\t', b'.', b'-- ', text(dice, dice.randint(1, 9)),
                                  text(dice, 3) + b' \t ']))
    return b'\r\n'.join(lines) + dice.choice([b'\r\n', b'\r\n\r\n\r\n', b'\r\n \r\n\r\n'])


def messages(is_beyond_peer=lambda plain, body_canon: False):
    dice, kept = random.Random(6376), []
    while len(kept) < COUNT:
        pair = PAIRS[len(kept) % len(PAIRS)]
        plain = message(dice)
        if not is_beyond_peer(plain, pair[1]):
            kept.append((len(kept), plain, pair))
    return kept


# --- Both ways -----------------------------------------------------------------------------------

@pytest.mark.parametrize('kind', ['rsa', 'ed25519'])
def test_dkimpy_verifies_ours(keys, kind):
    for i, plain, pair in messages():
        more = ['--oversign'] if i % 3 == 0 else []
        signed = sign(plain, keys, kind, pair, *more)
        assert ours(signed, keys)['result'] == 'pass', (i, pair, plain[:300])
        assert dkim.verify(signed, dnsfunc=keys.dns), (i, pair, plain)


@pytest.mark.parametrize('kind', ['rsa', 'ed25519'])
def test_we_verify_dkimpy(keys, kind):
    for i, plain, pair in messages():
        secret = keys.seed() if kind == 'ed25519' else open(keys.pem['rsa'], 'rb').read()
        field = dkim.sign(plain, kind.encode(), b'a.example', secret,
                          canonicalize=tuple(p.encode() for p in pair),
                          signature_algorithm=kind.encode() + b'-sha256')
        assert ours(field + plain, keys)['result'] == 'pass', (i, pair, plain)


def test_opendkim_verifies_ours(keys, opendkim):
    for i, plain, pair in messages():
        signed = sign(plain, keys, 'rsa', pair)
        out = subprocess.run([opendkim, 'verify', keys.lines], input=signed, capture_output=True,
                             check=True).stdout
        assert out.startswith(b'pass'), (i, pair, out, plain)


def test_we_verify_opendkim(keys, opendkim):
    for i, plain, pair in messages():
        signed = subprocess.run([opendkim, 'sign', keys.pem['rsa'], 'a.example', 'rsa', *pair],
                                input=plain, capture_output=True, check=True).stdout
        assert ours(signed, keys)['result'] == 'pass', (i, pair, signed)


RSPAMD = '''
options { pidfile = "%(folder)s/pid"; filters = "dkim"; url_tld = "%(folder)s/tld";
          dns { nameserver = ["127.0.0.1:1"]; timeout = 0.1s; retransmits = 1; fake_records = [ %(records)s ] } }
logging { type = "file"; filename = "%(folder)s/log"; }
worker { type = "normal"; bind_socket = "127.0.0.1:%(port)d"; count = 1; }
modules { path = "/usr/share/rspamd/plugins/dkim_signing.lua"; }
lua = "/usr/share/rspamd/rules/rspamd.lua";
dkim { sign_headers = "from:to:subject"; }
dkim_signing { allow_username_mismatch = true; use_domain = "header"; domain { a.example {
               selectors [ { path = "%(key)s"; selector = "rsa"; } ] } } }
'''


@pytest.fixture(scope='module')
def rspamd(keys, tmp_path_factory):
    """Asks it about a message: the symbols it gives, and the signature it would make."""
    if shutil.which('rspamd') is None:
        pytest.skip('no rspamd here')
    folder, (port,) = str(tmp_path_factory.mktemp('rspamd')), free_ports(1)
    records = ''.join('{ name = "%s"; type = txt; replies = ["%s"]; }' % r for r in keys.records.items())
    with open(os.path.join(folder, 'tld'), 'w', encoding='ascii') as f:
        f.write('example\n')
    with open(os.path.join(folder, 'conf'), 'w', encoding='ascii') as f:
        f.write(RSPAMD % {'folder': folder, 'records': records, 'port': port, 'key': keys.pem['rsa']})

    def ask(data, **headers):
        request = urllib.request.Request('http://127.0.0.1:%d/checkv2' % port, data=data, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    def is_there():
        with socket.socket() as s:
            return s.connect_ex(('127.0.0.1', port)) == 0
    with subprocess.Popen(['rspamd', '-f', '-i', '-c', os.path.join(folder, 'conf')], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as p:
        try:
            eventually(is_there, 60, 'the start of rspamd')
            yield ask
        finally:
            p.terminate()


def is_beyond_rspamd(plain, body_canon):
    """rspamd 3.4 takes signed fields of one name from the top, where RFC 6376 5.4.2 begins at the bottom; and
    its relaxed form of a body that is all blanks is a line, where that of 3.4.4 is empty."""
    body_bytes = plain.partition(b'\r\n\r\n')[2]
    if body_canon == 'relaxed' and body_bytes.strip(b'\r\n') and not body_bytes.strip():
        return True
    names = [line.split(b':')[0].lower() for line in plain.partition(b'\r\n\r\n')[0].split(b'\r\n')
             if line[:1] not in b' \t']
    return max(collections.Counter(names).values()) > 1


def test_rspamd_verifies_ours(keys, rspamd):
    for i, plain, pair in messages(is_beyond_rspamd):
        for kind in ('rsa', 'ed25519'):
            symbols = rspamd(sign(plain, keys, kind, pair))['symbols']
            assert 'R_DKIM_ALLOW' in symbols, (i, kind, pair, sorted(symbols), plain)


def test_we_verify_rspamd(keys, rspamd):
    for i, plain, _ in messages(lambda plain, _: is_beyond_rspamd(plain, 'relaxed')):
        field = rspamd(plain, User='ann@a.example', IP='127.0.0.1')['dkim-signature']
        signed = b'DKIM-Signature: ' + '\r\n'.join(field.splitlines()).encode() + b'\r\n' + plain
        out = subprocess.run([BINARY, 'test', 'dkim', '--zone', keys.zone], input=signed, capture_output=True,
                             check=True).stdout
        assert json.loads(out)['result'] == 'pass', (i, signed)


@pytest.fixture
def mailauth(tmp_path):
    """A folder of messages, and how to call mailauth: MAILAUTH names the node_modules that has it."""
    if not os.environ.get('MAILAUTH'):
        pytest.skip('MAILAUTH names no node_modules with mailauth in it')

    def call(*args):
        env = dict(os.environ, NODE_PATH=os.environ['MAILAUTH'])
        return subprocess.run(['node', os.path.join(TOP, 'tests/e2e/mailauth_peer.js'), *args],
                              capture_output=True, check=True, text=True, env=env).stdout
    return tmp_path, call


@pytest.mark.parametrize('kind', ['rsa', 'ed25519'])
def test_mailauth(keys, mailauth, kind):
    folder, call = mailauth
    all_of_them = messages()
    for i, plain, pair in all_of_them:
        (folder / f'{i:04}.eml').write_bytes(sign(plain, keys, kind, pair))
    lines = call('verify', str(folder), keys.zone).splitlines()
    assert len(lines) == COUNT
    assert [line for line in lines if not line.endswith(' pass')] == []
    for i, plain, pair in all_of_them:
        (folder / f'{i:04}.eml').write_bytes(plain)
        (folder / f'{i:04}.eml.pair').write_text('/'.join(pair))
    call('sign', str(folder), keys.pem[kind], kind + '-sha256')
    for i, plain, pair in all_of_them:
        signed = (folder / f'{i:04}.eml.signed').read_bytes()
        assert ours(signed, keys)['result'] == 'pass', (i, pair, signed)
