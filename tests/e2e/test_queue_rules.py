# SPDX-License-Identifier: Apache-2.0
"""What people order about mail that waits and mail that is still to come: standing rules, edits of
envelopes; and the class of a refusal, from the reply to the queue and the log."""
import json
import re

from conftest import eventually
from mail_tools import queue
from test_queue_control import AT_ONCE_S, host, send, start, tool  # noqa: F401: host is a fixture


def told(s, event, **fields):
    """Waits for a line of the log with all of these."""
    s.wait_log('.*'.join([re.escape(event)] + ['(?=.*%s = "?%s)' % (k, re.escape(v)) for k, v in fields.items()]))


def rcpt_of(s, message):
    return json.loads(tool(s, 'queue', 'status', message.id, '--json'))[0]['recipients'][0]


def test_a_class_is_found_and_written_down(server, host):  # noqa: F811
    host.answer = '450 4.2.0 Greylisted, come back in 5 minutes'
    s = start(server, host, '[[queue.response]]\nmatch = "bounce_class == \'greylist\' && code == 450"\n'
                            'action = "defer"\nretry-after = "2h"\n')
    message = queue(s).one(send(s))
    told(s, 'delivery.failed', bounceClass='greylist')
    eventually(lambda: rcpt_of(s, message).get('last_attempt', {}).get('bounce_class') == 'greylist',
               what='the class in the queue')
    host.answer = '550 5.1.1 nobody of that name'
    tool(s, 'queue', 'retry', message.id)
    told(s, 'delivery.failed', bounceClass='bad-mailbox')


def test_a_rule_holds_what_comes(server, host):  # noqa: F811
    s = start(server, host)
    waits = queue(s).one(send(s))
    eventually(lambda: host.asked, what='the first attempt')
    seen = len(host.asked)
    tool(s, 'queue', 'rule', 'add', 'hold', '--rcpt-domain', 'far.test', '--reason', 'new host there')
    assert rcpt_of(s, waits)['hold']['text'] == 'new host there'
    s.stop()
    s.start()  # it stands over a restart
    comes = queue(s).one(send(s, 'bob@far.test'))
    told(s, 'queue.held', reason='new host there')
    eventually(lambda: rcpt_of(s, comes).get('hold', {}).get('text') == 'new host there', what='the hold')
    assert len(host.asked) == seen
    rule = json.loads(tool(s, 'queue', 'rule', 'list', '--json'))[0]
    tool(s, 'queue', 'rule', 'remove', rule['id'])
    host.answer = '250 2.1.5 yes'
    tool(s, 'queue', 'release', '--domain', 'far.test', '--yes')
    eventually(lambda: host.taken == 2, what='both messages')


def test_a_rule_gives_up_what_waits_and_what_comes(server, host):  # noqa: F811
    s = start(server, host)
    queue(s).one(send(s))
    eventually(lambda: host.asked, what='the first attempt')
    tool(s, 'queue', 'rule', 'add', 'bounce', '--rcpt-domain', 'far.test', '--text', 'a mistake of ours', '--yes')
    told(s, 'delivery.failed', details='a mistake of ours', bounceClass='admin', to='rob@far.test')
    send(s, 'bob@far.test')
    told(s, 'delivery.failed', details='a mistake of ours', to='bob@far.test')
    told(s, 'delivery.dsn-perm-fail', to='bob@far.test')
    # Reports about it go the same way; nobody of far.test is asked for again.
    assert [line for line in host.asked if 'far.test' in line] == ['RCPT TO:<rob@far.test>']


def test_an_edit_holds_beside_a_running_server(server, host):  # noqa: F811
    s = start(server, host)
    message = queue(s).one(send(s))
    eventually(lambda: host.asked, what='the first attempt')
    eventually(lambda: rcpt_of(s, message)['retry_num'] == 1, what='its result')
    tool(s, 'queue', 'edit', message.id, '--env-id', 'QQ1', '--priority', '5', '--attempts', '2')
    assert '"changed":0' in tool(s, 'queue', 'edit', message.id, '--priority', '5', '--json')
    seen = len(host.asked)
    tool(s, 'queue', 'edit', message.id, '--retry', '+0s')
    eventually(lambda: len(host.asked) > seen, AT_ONCE_S, 'the last attempt')
    # The second failure is the last.
    told(s, 'delivery.failed', reason='permanent', bounceClass='expired')
