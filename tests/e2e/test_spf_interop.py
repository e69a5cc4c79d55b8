# SPDX-License-Identifier: Apache-2.0
"""What domains publish means the same to us and to pyspf: small worlds of records at random.
INTEROP_WORLDS=200 makes a long run of it."""
import json
import os
import random
import subprocess

import pytest

from conftest import BINARY

spf = pytest.importorskip('spf')

WORLDS = int(os.environ.get('INTEROP_WORLDS', '20'))
NAMES = [f'd{i}.example.com' for i in range(8)]
PEERS = ['192.0.2.3', '192.0.2.200', '2001:db8::3', '198.51.100.9']
PEER_6 = '.'.join('300000000000000000000000' '8bd01002') + '.ip6.arpa'
SPECS = ['%{d}', '%{d2}', '%{o}', '%{h}', '%{ir}.%{v}.example.com', '%{l}.d1.example.com',
         '%{l1r-}.%{d3}', '%{p}', '%{p2}.example.com', '%{i}.example.com', '%{s}.example.com',
         '%{d1r}.example.com', 'x%%.example.com', 'foo:25.example.com', 'a..example.com',
         'nx1.example.com', 'nx2.example.com', 'timeout.example.com']
NETWORKS = ['ip4:192.0.2.3', 'ip4:192.0.2.0/24', 'ip4:198.51.100.0/30', 'ip4:0.0.0.0/0',
            'ip6:2001:db8::/32', 'ip6:2001:db8::3', 'ip6:::/0', 'ip6:::ffff:192.0.2.3']
BAD = ['all.', 'all:x', 'ip4:1.2.3', 'ip4:192.0.2.3/032', 'a/33', 'a:1.2.3.4', 'a:bad', 'ip6:zz',
       'exists:x%.example.com', 'exists:%{x}.example.com', 'moo=%(', '1up=x', '=x', 'exp=', 'include']
# Where pyspf leaves our reading of the RFC: it counts the addresses of exchanges and pointers among
# the void look-ups, and has a word of its own for a record that includes itself.
TOLERATED = ('Void lookup limit', 'trivial recursion')


class World:
    def __init__(self, chance):
        self.chance = chance
        self.names = {n: self.name(n) for n in NAMES}
        for n in NAMES:
            text = chance.choice(['why %{i} %{d} %{S}', '%{p} is bad', 'broken %{', '%{c} by %{r}'])
            self.names['exp.' + n] = {'TXT': [text]}
        self.names['timeout.example.com'] = 'TIMEOUT'
        self.names['3.2.0.192.in-addr.arpa'] = {'PTR': chance.sample(NAMES, 3)}
        self.names[PEER_6] = {'PTR': chance.sample(NAMES, 2)}

    def name(self, name):
        chance, it = self.chance, {}
        if chance.random() < 0.8:
            terms = [self.term() for _ in range(chance.randrange(1, 6))]
            if chance.random() < 0.3:
                terms.append('redirect=' + self.spec())
            if chance.random() < 0.3:
                terms.append('exp=exp.' + name)
            it['TXT'] = ['v=spf1 ' + ' '.join(terms)] + ['v=spf1 -all'] * (chance.random() < 0.04)
        if chance.random() < 0.6:
            it['A'] = chance.sample(['192.0.2.3', '192.0.2.77', '203.0.113.5'], 2)
        if chance.random() < 0.4:
            it['AAAA'] = [chance.choice(['2001:db8::3', '2001:db8::4'])]
        if chance.random() < 0.5:
            count = 11 if chance.random() < 0.05 else 3
            it['MX'] = [[i, chance.choice(NAMES)] for i in range(count)]
        return it

    def spec(self):
        return self.chance.choice(NAMES if self.chance.random() < 0.5 else SPECS)

    def term(self):
        chance = self.chance
        if chance.random() < 0.02:
            return chance.choice(BAD)
        prefix = chance.choice(['', '/24', '//64', '/24//64', '/0', '//0'])
        return chance.choice(['', '', '', '+', '-', '~', '?']) + chance.choice([
            'include:' + self.spec(), 'include:' + self.spec(), 'a' + prefix, 'mx' + prefix,
            'a:' + self.spec() + prefix, 'mx:' + self.spec() + prefix, 'ptr', 'ptr:' + self.spec(),
            'exists:' + self.spec(), chance.choice(NETWORKS), chance.choice(NETWORKS), 'all'])

    def answer(self, name, kind, *_more, **_options):
        """As pyspf asks for records."""
        name = name.lower().rstrip('.')
        records = self.names.get(name)
        if records == 'TIMEOUT':
            raise spf.TempError('no answer')
        records = (records or {}).get(kind, [])
        if kind == 'TXT':
            return [((name, kind), (r.encode(),)) for r in records]
        return [((name, kind), tuple(r) if kind == 'MX' else r) for r in records]


def ours(zone, peer, sender, helo):
    out = subprocess.run([BINARY, 'test', 'spf', '--zone', zone, '--ip', peer, '--helo', helo,
                          '--mail-from', sender, '--receiver', 'here.example'],
                         check=True, capture_output=True).stdout
    return json.loads(out)


def test_pyspf_agrees(tmp_path, monkeypatch):
    zone, seen = str(tmp_path / 'zone.json'), set()
    for seed in range(WORLDS):
        world = World(random.Random(seed))
        monkeypatch.setattr(spf, 'DNSLookup', world.answer)
        with open(zone, 'w', encoding='ascii') as f:
            json.dump({'zone': 1, 'names': world.names}, f)
        for name in NAMES:
            peer, helo = world.chance.choice(PEERS), world.chance.choice(NAMES + ['mx.other.example'])
            sender = world.chance.choice(['strong-bad@', 'a.b-c+d@', 'x@']) + name
            theirs, _, text = spf.query(i=peer, s=sender, h=helo, receiver='here.example').check()
            if any(words in text for words in TOLERATED):
                continue
            mine = ours(zone, peer, sender, helo)
            told = f'seed {seed}: {peer} {sender} {helo}: {world.names[name].get("TXT")}: {text}'
            assert mine['result'] == theirs, told
            if mine['explanation'] is not None:
                assert mine['explanation'] == text, told
            seen.add(theirs)
    assert {'pass', 'fail', 'softfail', 'neutral', 'none', 'permerror', 'temperror'} <= seen
