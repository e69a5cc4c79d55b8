# SPDX-License-Identifier: Apache-2.0
"""What would become of mail for somebody: `posthaste test route` and `posthaste troubleshoot`."""
import json
import subprocess

import pytest

from conftest import BINARY
from test_queue_control import Host

ZONE = {'zone': 1, 'names': {
    'far.test': {'MX': [[20, 'mx2.far.test'], [10, 'mx1.far.test']]},
    'mx1.far.test': {'A': ['203.0.113.1']},
    'mx2.far.test': {'A': ['203.0.113.2']},
    'null.test': {'MX': [[0, '']]}}}

SETTINGS = '''
[queue.strategy]
tls = [ { if = "mx == 'mx1.far.test'", then = "'strict'" }, { else = "'default'" } ]
route = [ { if = "sender_domain == 'news.test'", then = "'relay'" }, { else = "'mx'" } ]
[queue.tls.strict]
starttls = "require"
[queue.route.relay]
type = "relay"
address = "127.0.0.1"
port = 2525
'''


def route(s, tmp_path, rcpt, *words, status=0):
    zone = tmp_path / 'zone.json'
    zone.write_text(json.dumps(ZONE))
    done = subprocess.run([BINARY, 'test', 'route', rcpt, '--zone', str(zone), '-c', s.config_path, *words],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


def test_a_route_is_what_the_strategies_say(server, tmp_path):
    s = server(SETTINGS, start=False)
    found = route(s, tmp_path, 'bob@far.test')
    assert found['schedule']['value'] == 'remote' and found['virtual_queue'] == 'remote'
    assert found['route']['value'] == 'mx'
    assert [(h['name'], h['addresses'], h['tls']['value']) for h in found['hosts']] == [
        ('mx1.far.test', ['203.0.113.1:25'], 'strict'), ('mx2.far.test', ['203.0.113.2:25'], 'default')]
    assert found['hosts'][0]['tls']['from'].startswith(s.config_path)
    relayed = route(s, tmp_path, 'bob@far.test', '--sender', 'ann@news.test')
    assert relayed['route']['value'] == 'relay' and relayed['route_type'] == 'relay'
    assert [h['addresses'] for h in relayed['hosts']] == [['127.0.0.1:2525']]


def test_a_route_that_leads_nowhere_says_why(server, tmp_path):
    s = server(SETTINGS, start=False)
    found = route(s, tmp_path, 'bob@null.test', status=1)
    assert found['trouble']['enhanced'] == '5.1.10' and found['trouble']['permanent'] is True


def ask(s, target, *words, status=0):
    done = subprocess.run([BINARY, 'troubleshoot', 'delivery', target, '-c', s.config_path, *words],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture
def host():
    h = Host()
    yield h
    h.shutdown()
    h.server_close()


def test_a_delivery_is_tried_without_a_message(server, host):
    s = server(SETTINGS.replace('"\'mx\'"', '"\'relay\'"').replace('2525', str(host.port)), start=False)
    host.answer = '250 2.1.5 welcome'
    said = ask(s, 'bob@far.test', '--sender', 'ann@a.test')
    assert 'It would be taken.' in said and 'welcome' in said, said
    assert host.asked == ['RCPT TO:<bob@far.test>'] and host.taken == 0
    host.answer = '550 5.1.1 nobody here'
    assert 'nobody here' in ask(s, 'bob@far.test', status=1)
    lines = [json.loads(line) for line in ask(s, 'bob@far.test', '--json', status=1).splitlines()]
    assert lines[-1]['accepted'] is False and lines[-1]['code'] == 550
    host.asked.clear()
    assert 'It would be taken.' in ask(s, 'far.test')
    assert host.asked == []


def test_nobody_answers(server, host):
    s = server(SETTINGS.replace('"\'mx\'"', '"\'relay\'"').replace('2525', '1'), start=False)
    assert 'refused' in ask(s, 'far.test', status=1)


def test_a_resolver_that_knows_no_root_bounces_nobody(server, tmp_path):
    """A captive portal says of everything that it does not exist (outbound.md 27.3)."""
    s = server(SETTINGS, start=False)
    for root, status in (({}, '5.1.2'), ({'.': 'NXDOMAIN'}, '4.4.3')):
        zone = tmp_path / 'zone.json'
        zone.write_text(json.dumps({'zone': 1, 'names': {**ZONE['names'], **root}}))
        said = ask(s, 'nowhere.test', '--zone', str(zone), status=1)
        assert status in said.splitlines()[-1], said
    assert 'there is no root of the DNS' in said.splitlines()[-1]
    null = ask(s, 'null.test', '--zone', str(zone), status=1)
    assert '5.1.10' in null.splitlines()[-1], 'who accepts no mail says so whatever the root is'


def test_each_stage_is_told(server, host):
    """outbound.md 25, 26: one event for each step of the way, in its order."""
    s = server(SETTINGS.replace('"\'mx\'"', '"\'relay\'"').replace('2525', str(host.port)), start=False)
    host.answer = '250 2.1.5 welcome'
    said = [json.loads(line) for line in ask(s, 'bob@far.test', '--sender', 'ann@a.test', '--json').splitlines()
            if line.startswith('{"')]
    told = [e.get('type') or e.get('event') for e in said]
    told = [t for t in told if t and not t.startswith('delivery.raw-')]
    assert told == ['delivery.attempt-start', 'delivery.domain-delivery-start', 'delivery.mx-lookup',
                    'delivery.ip-lookup', 'delivery.strategy', 'delivery.connect', 'delivery.ehlo',
                    'delivery.start-tls-unavailable', 'delivery.mail-from', 'delivery.rcpt-to',
                    'delivery.attempt-end'], told
    where = next(e for e in said if 'delivery.strategy' in str(e))
    assert "queue.strategy.tls 'default' (%s:" % s.config_path in str(where), where


SHAPING = '''
[queue.shaping.default]
connections = 10
message-rate = "100/1m"
[queue.shaping.far]
mx-suffix = ["far.test"]
connections = 3
[queue.shaping.customer]
domains = ["bought.test"]
retry = ["5m", "1h"]
'''


def test_what_a_provider_takes_and_who_says_so(server, tmp_path):
    """outbound.md 28.1: the domain's entry before that of the hosts, and that before the default, key by key."""
    s = server(SHAPING, start=False)
    zone = tmp_path / 'zone.json'
    zone.write_text(json.dumps({'zone': 1, 'names': {**ZONE['names'], 'bought.test': {'MX': [[10, 'mx1.far.test']]}}}))
    done = subprocess.run([BINARY, 'test', 'shaping', 'Bought.test', '--zone', str(zone), '-c', s.config_path],
                          capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said['site'], said['hosts'], said['trouble']) == ('customer', ['mx1.far.test'], None)
    assert {key: (v['value'], v['entry']) for key, v in said['values'].items()} == {
        'connections': ('3', 'far'), 'message-rate': ('100/1m', 'default'), 'retry': (['5m', '1h'], 'customer')}
    lines = open(s.config_path, encoding='utf-8').read().splitlines()
    for key, v in said['values'].items():
        path, line = v['origin'].rsplit(':', 1)
        assert path == s.config_path and lines[int(line) - 1].startswith(key), v
