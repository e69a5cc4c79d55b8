# SPDX-License-Identifier: Apache-2.0
"""The suppression list (queue.md 18, row 18): a bounce closes RCPT in all workers and over a restart;
people read, change and import the list beside a running server."""
import json
import os
import re

from conftest import eventually
from mail_tools import queue
from test_queue_control import host, send, start, tool  # noqa: F401: host is a fixture

SETTINGS = '\n[queue.suppress]\nenable = true\n'
REFUSED = '550 5.1.1 Recipient is on the suppression list.'


def rcpt(s, to):
    with s.connect('smtp') as c:
        c.line()
        c.command('EHLO client.example')
        c.command('MAIL FROM:<ann@a.example>')
        return c.command('RCPT TO:<%s>' % to)[-1]


def suppress(s, *words, status=0):
    return tool(s, 'queue', 'suppress', *words, status=status)


def listed(s, *words):
    return json.loads(suppress(s, 'list', '--json', *words))


def test_a_bounce_closes_rcpt_and_stays_over_a_restart(server, host):  # noqa: F811
    host.answer = '550 5.1.1 nobody of that name'
    s = start(server, host, SETTINGS)
    assert listed(s) == []
    assert rcpt(s, 'rob@far.test').startswith('250')
    send(s, 'Rob@far.test')
    eventually(lambda: listed(s), what='the entry')
    s.wait_log('queue.suppressed.*to = "?rob@far.test')
    for _ in range(8):  # whichever worker answers
        assert rcpt(s, 'rob@FAR.test') == REFUSED
    assert rcpt(s, 'bob@far.test').startswith('250')
    s.wait_log('smtp.rcpt-to-suppressed.*bounceClass = "?bad-mailbox')
    s.stop()
    s.start()
    assert rcpt(s, 'rob@far.test') == REFUSED
    entry, = listed(s)  # and not ann, who refuses the report as well
    assert entry['suppressed'] and entry['reason'] == 'bounce' and entry['bounceClass'] == 'bad-mailbox'
    assert entry['bounces'] == 1 and entry['text'] == 'nobody of that name' and entry['until'] > entry['since']
    suppress(s, 'remove', 'ROB@far.test')
    assert rcpt(s, 'rob@far.test').startswith('250')
    suppress(s, 'remove', 'rob@far.test', status=5)


def test_a_temporary_failure_and_a_policy_suppress_nobody(server, host):  # noqa: F811
    host.answer = '550 5.7.1 you are on a block list'
    s = start(server, host, SETTINGS)
    send(s)
    s.wait_log('delivery.failed.*rob@far.test')
    host.answer = '450 4.1.1 nobody of that name yet'
    waits = queue(s).one(send(s))
    s.wait_log('delivery.rcpt-to-rejected.*450')
    assert listed(s) == []
    # What waits is given up once somebody puts the address on the list.
    asked = [rcpt for rcpt in host.asked if 'rob@' in rcpt]
    suppress(s, 'add', 'rob@far.test', '--reason', 'complaint', '--text', 'she asked for it')
    tool(s, 'queue', 'retry', waits.id)
    s.wait_log('delivery.suppressed.*reason = "?complaint')
    assert [rcpt for rcpt in host.asked if 'rob@' in rcpt] == asked


def test_people_change_the_list(server, host, tmp_path):  # noqa: F811
    s = start(server, host, SETTINGS)
    assert rcpt(s, 'a@x.test').startswith('250')
    suppress(s, 'add', 'A@x.test', 'b@y.test', '--until', '+2h')
    suppress(s, 'add', 'c@y.test', 'no address', status=1)
    assert [e['address'] for e in listed(s)] == ['a@x.test', 'b@y.test']
    assert rcpt(s, 'a@x.test') == REFUSED
    lines = ['# from elsewhere', ''] + ['u%d@many.test, 550 gone' % i for i in range(12000)] + ['what is this', 'b@y.test']
    (tmp_path / 'list').write_text('\n'.join(lines))
    done = suppress(s, 'import', str(tmp_path / 'list'), '--reason', 'bounce', status=6)
    assert '12001 addresses imported' in done
    assert rcpt(s, 'u11999@many.test') == REFUSED
    assert listed(s, '--domain', 'y.test')[0]['reason'] == 'bounce'
    page = listed(s, '--domain', 'many.test', '--limit', '5000')
    rest = listed(s, '--domain', 'many.test', '--limit', '20000', '--after', page[-1]['address'])
    assert len(page) == 5000 and len(rest) == 7000 and not {e['address'] for e in page} & {e['address'] for e in rest}
    plain = suppress(s, 'list', '--plain')
    assert len(plain.splitlines()) == 12002 and 'u7@many.test\t550 gone' in plain
    assert re.search(r'Address +Reason', suppress(s, 'list', '--reason', 'manual'))
    assert 'is suppressed' in suppress(s, 'show', 'u1@many.test')
    suppress(s, 'show', 'nobody@x.test', status=5)


def test_who_has_no_list_has_no_folder_of_one(server, host):  # noqa: F811
    s = start(server, host)
    assert 'Nobody is on' in suppress(s, 'list')
    suppress(s, 'add', 'rob@far.test')
    assert rcpt(s, 'rob@far.test').startswith('250')  # queue.suppress.enable is false


def test_a_list_that_cannot_be_read_suppresses_nobody(server, host):  # noqa: F811
    s = start(server, host, SETTINGS)
    suppress(s, 'add', 'rob@far.test')
    assert rcpt(s, 'rob@far.test') == REFUSED
    s.stop()
    with open(os.path.join(s.folder, 'state', 'suppressed', 'data.mdb'), 'wb') as f:
        f.write(b'this is no database' * 1000)
    s.expect_log('store.error.*suppressed')
    s.start()
    assert rcpt(s, 'rob@far.test').startswith('250')
    s.wait_log('store.error.*suppressed')
