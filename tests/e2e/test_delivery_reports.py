# SPDX-License-Identifier: Apache-2.0
"""Reports of delivery come to the sender's own mailbox, and are read by Python: what failed, what is
late, what has arrived, and nothing where another server owes the report."""
import re
import smtplib

import pytest

from conftest import eventually
from delivery_tools import (FAR, SCHEDULE, assert_arrived, files_of, goes_to, notices, only_notice, queue_empties, send,
                            sender)
from mail_tools import ADDRESS, Letter
from peer_tools import Peer, opensmtpd
from test_delivery_servers import dovecot_takes, postfix_takes

ALL = ['NOTIFY=SUCCESS,FAILURE,DELAY', 'ORCPT=rfc822;first@far.test']


def assert_about(notice, letter, subject):
    assert notice.message['To'] == '<%s>' % ADDRESS or notice.message['To'] == ADDRESS
    assert notice.message['Return-Path'] == '<>'
    assert notice.message['Auto-Submitted'] == 'auto-replied'
    assert re.search(subject, notice.message['Subject']), notice.message['Subject']
    assert notice.per_message['Reporting-MTA'] == 'dns; mail.example.test'
    assert letter.name in notice.rest[0].as_string()


def assert_rcpt(fields, action, status, diagnostic=None, remote=None):
    assert fields['Action'] == action
    assert re.fullmatch(status, fields['Status']), fields['Status']
    if diagnostic is not None:
        assert re.match(diagnostic, fields['Diagnostic-Code']), fields['Diagnostic-Code']
    if remote is not None:
        assert remote in fields['Remote-MTA'], fields['Remote-MTA']


def test_refused_recipients(server, tmp_path, certificate):
    """By a real Postfix: two of three are unknown there, and stand in one report."""
    with postfix_takes(tmp_path, certificate) as port:
        s = sender(server, tmp_path, port)
        letter = Letter('refused')
        send(s, letter, FAR, 'no1@far.test', 'no2@far.test', mail_options=['ENVID=id-7', 'RET=HDRS'])
        notice = only_notice(s)
        assert_about(notice, letter, '(?i)undeliver|fail|return|not')
        assert notice.per_message['Original-Envelope-Id'] == 'id-7'
        assert set(notice.rcpts) == {'no1@far.test', 'no2@far.test'}
        for address, fields in notice.rcpts.items():
            assert fields['Final-Recipient'] == 'rfc822; ' + address
            assert_rcpt(fields, 'failed', r'5\.1\.1', r'smtp; *550[ -]5\.1\.1 .*User unknown', '127.0.0.1')
        assert notice.rest[0].get_content_type() == 'text/rfc822-headers'
        assert_arrived(lambda: files_of(tmp_path / 'postfix' / 'mail'), letter)
        queue_empties(s)
    assert len(notices(s)) == 1


def test_what_comes_back(server, tmp_path):
    """The peer refuses the message itself; RET=FULL wants all of it."""
    with Peer(answers={'.': ['554 5.6.0 I do not like it']}) as peer:
        s = sender(server, tmp_path, peer.port)
        letter = Letter('whole', eight_bit=False)
        send(s, letter, FAR, 'carl@far.test', mail_options=['RET=FULL'], rcpt_options=['ORCPT=rfc822;first@far.test'])
        notice = only_notice(s)
        assert set(notice.rcpts) == {FAR, 'carl@far.test'}
        for fields in notice.rcpts.values():
            assert_rcpt(fields, 'failed', r'5\.6\.0', r'smtp; *554 5\.6\.0 I do not like it')
            assert fields['Original-Recipient'].replace(' ', '') == 'rfc822;first@far.test'
        assert notice.rest[0].get_content_type() == 'message/rfc822'
        inner = notice.rest[0].as_bytes().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')
        assert letter.data in inner
        queue_empties(s)


def test_nobody_is_told_who_does_not_want_to(server, tmp_path):
    with Peer(answers={'RCPT': ['550 5.1.1 no'] * 2}) as peer:
        s = sender(server, tmp_path, peer.port)
        send(s, Letter('never'), FAR, rcpt_options=['NOTIFY=NEVER'])
        send(s, Letter('success'), FAR, rcpt_options=['NOTIFY=SUCCESS'])
        eventually(lambda: not peer.answers['RCPT'], what='both refusals')
        queue_empties(s)
        assert not notices(s)


def test_late(server, tmp_path):
    """451 at first: the sender hears of the delay once, and no more when it has arrived."""
    with Peer(answers={'RCPT': ['451 4.7.1 not now'] * 3}) as peer:
        s = sender(server, tmp_path, peer.port, schedule=SCHEDULE + 'notify = ["1s"]\nexpire = "5m"\n')
        letter = Letter('late')
        send(s, letter, FAR)
        notice = only_notice(s)
        assert_about(notice, letter, '(?i)delay')
        assert_rcpt(notice.rcpts[FAR], 'delayed', r'4\.7\.1', r'smtp; *451 4\.7\.1 not now', '127.0.0.1')
        assert notice.rcpts[FAR]['Will-Retry-Until']
        assert_arrived(lambda: [m[2] for m in peer.messages], letter)
        queue_empties(s)
        assert len(notices(s)) == 1


def test_given_up(server, tmp_path):
    """After as many attempts as the schedule allows."""
    with Peer(answers={'RCPT': ['451 4.7.1 not now'] * 9}) as peer:
        s = sender(server, tmp_path, peer.port, schedule=SCHEDULE + 'max-attempts = 2\n')
        send(s, Letter('hopeless'), FAR)
        notice = only_notice(s)
        assert_rcpt(notice.rcpts[FAR], 'failed', r'[45]\.(7\.1|4\.7)', r'smtp; *451 4\.7\.1 not now')
        assert len(peer.answers['RCPT']) == 9 - 2
        queue_empties(s)


def test_success_by_lmtp_is_delivery(server, tmp_path, certificate):
    with dovecot_takes(tmp_path, certificate) as port:
        s = sender(server, tmp_path, port, 'protocol = "lmtp"\ntls.allow-invalid-certs = true\n')
        letter = Letter('lmtp')
        send(s, letter, FAR, mail_options=['ENVID=id-7'], rcpt_options=ALL)
        notice = only_notice(s)
        assert_about(notice, letter, '(?i)deliver')
        assert_rcpt(notice.rcpts[FAR], 'delivered', r'2\.\d\.\d')
        assert notice.rcpts[FAR]['Original-Recipient'].replace(' ', '') == 'rfc822;first@far.test'
        queue_empties(s)


def test_success_at_a_host_without_dsn_is_relay(server, tmp_path):
    with Peer() as peer:
        s = sender(server, tmp_path, peer.port)
        letter = Letter('relayed')
        send(s, letter, FAR, rcpt_options=ALL)
        notice = only_notice(s)
        assert_about(notice, letter, '(?i)relay|deliver|sent|hand')
        assert_rcpt(notice.rcpts[FAR], 'relayed', r'2\.\d\.\d')
        queue_empties(s)


def test_success_at_a_host_with_dsn_is_its_business(server, tmp_path):
    """It is told what is wanted, and we say nothing."""
    with Peer(offers=['8BITMIME', 'DSN', 'PIPELINING']) as peer:
        s = sender(server, tmp_path, peer.port)
        letter = Letter('asked')
        send(s, letter, FAR, mail_options=['ENVID=id-7', 'RET=HDRS'], rcpt_options=ALL)
        assert_arrived(lambda: [m[2] for m in peer.messages], letter)
        queue_empties(s)
        (mail, (rcpt,), _), = peer.messages
        assert 'ENVID=id-7' in mail and 'RET=HDRS' in mail
        assert set(re.search('NOTIFY=([A-Z,]+)', rcpt)[1].split(',')) == {'SUCCESS', 'FAILURE', 'DELAY'}
        assert 'ORCPT=rfc822;first@far.test' in rcpt
        assert not notices(s)


def test_success_at_postfix(server, tmp_path, certificate):
    """Which has been told what is wanted, too: its report is the only one."""
    s = sender(server, tmp_path, 1, start=False)
    with postfix_takes(tmp_path, certificate, 'relayhost = [127.0.0.1]:%d\n' % s.ports['smtp']) as port:
        goes_to(s, port)
        s.start()
        send(s, Letter('postfix'), FAR, mail_options=['ENVID=id-7'], rcpt_options=ALL)
        notice = only_notice(s)
        assert notice.per_message['Reporting-MTA'] == 'dns; postfix.test'
        assert notice.per_message['Original-Envelope-Id'] == 'id-7'
        assert_rcpt(notice.rcpts[FAR], 'delivered', r'2\.\d\.\d')
        queue_empties(s)
    assert len(notices(s)) == 1


def test_success_at_opensmtpd(server, tmp_path):
    s = sender(server, tmp_path, 1, start=False)
    back = 'action "back" relay host "smtp://127.0.0.1:%d"\nmatch from any for any action "back"\n' % s.ports['smtp']
    with opensmtpd(tmp_path / 'opensmtpd', None, back) as port:
        goes_to(s, port)
        s.start()
        send(s, Letter('opensmtpd'), FAR, mail_options=['ENVID=id-7'], rcpt_options=ALL)
        eventually(lambda: files_of(tmp_path / 'mail' / 'anna'), what='the report')
        queue_empties(s)
    report, = files_of(tmp_path / 'mail' / 'anna')  # which is in no form of RFC 3464
    assert b'/opensmtpd.test"' in report and b'Delivered' in report, report


RETURNS = [  # what was asked for, how long the letter is, what comes back of it
    ('RET=FULL', 0, 'message/rfc822'),
    ('RET=HDRS', 0, 'text/rfc822-headers'),
    (None, 0, 'text/rfc822-headers'),
    ('RET=FULL', 60000, 'text/rfc822-headers'),  # longer than report.dsn.max-size
]


@pytest.mark.parametrize('wish, size, kind', RETURNS)
def test_how_much_comes_back(server, tmp_path, wish, size, kind):
    with Peer(answers={'RCPT': ['550 5.1.1 no']}) as peer:
        s = sender(server, tmp_path, peer.port)
        letter = Letter('returned', size=size, eight_bit=False)
        send(s, letter, FAR, mail_options=[wish] if wish else [])
        notice = only_notice(s)
        assert notice.rest[0].get_content_type() == kind
        assert letter.name in notice.rest[0].as_string()
        if kind == 'message/rfc822':
            assert letter.data in notice.rest[0].as_bytes().replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')
        else:  # a header, and nothing of the body
            assert b'\n\n' not in notice.rest[0].get_payload().encode().rstrip().replace(b'\r', b'')
        queue_empties(s)


def test_success_and_delay_return_headers_only(server, tmp_path):
    """Whatever RET says: the sender has the message, and it is not lost (queue.md 12.4)."""
    with Peer() as peer:
        s = sender(server, tmp_path, peer.port)
        send(s, Letter('relayed', eight_bit=False), FAR, mail_options=['RET=FULL'], rcpt_options=ALL)
        assert only_notice(s).rest[0].get_content_type() == 'text/rfc822-headers'
        queue_empties(s)


XTEXT = [  # ENVID and ORCPT as the client writes them, and what they mean
    ('ENVID=order+2B42+3Dx', 'order+42=x', 'ORCPT=rfc822;a+2Bb@far.test', 'rfc822;a+b@far.test'),
    ('ENVID=+2D+2d+7E', '--~', 'ORCPT=x-local;some+20body', 'x-local;some body'),
]


@pytest.mark.parametrize('envid, id_means, orcpt, orcpt_means', XTEXT)
def test_xtext_there_and_back(server, tmp_path, envid, id_means, orcpt, orcpt_means):
    """A host that knows DSN gets what the client has said, in xtext again; a report has what it means."""
    with Peer(offers=['8BITMIME', 'DSN'], answers={'RCPT': ['250 2.1.5 ok', '550 5.1.1 no']}) as peer:
        s = sender(server, tmp_path, peer.port)
        for name in ('passed', 'refused'):
            send(s, Letter(name), FAR, mail_options=[envid], rcpt_options=[orcpt, 'NOTIFY=FAILURE'])
            eventually(lambda: len(peer.answers['RCPT']) == (1 if name == 'passed' else 0), what=name)
        notice = only_notice(s)
        assert notice.per_message['Original-Envelope-Id'] == id_means
        fields, = notice.rcpts.values()
        assert fields['Original-Recipient'].replace('; ', ';') == orcpt_means
        (mail, (rcpt,), _), = peer.messages
        assert decode(re.search(r'ENVID=(\S+)', mail)[1]) == id_means
        assert decode(re.search(r'ORCPT=([^\s>]+)', rcpt)[1]) == orcpt_means
        assert not re.search(r'=[^ ]*=', re.search(r'ENVID=\S+', mail)[0]), 'what is not allowed in xtext'
        queue_empties(s)


def decode(xtext):
    return re.sub(r'\+([0-9A-F]{2})', lambda m: chr(int(m[1], 16)), xtext)


@pytest.mark.parametrize('offers, notify, sender_is_null', [
    (['8BITMIME'], ['NEVER', 'NEVER'], True), (['8BITMIME'], ['NEVER', 'FAILURE'], False),
    (['8BITMIME', 'DSN'], ['NEVER', 'NEVER'], False)])
def test_who_wants_no_report_of_a_host_without_dsn(server, tmp_path, offers, notify, sender_is_null):
    with Peer(offers=offers) as peer:
        s = sender(server, tmp_path, peer.port, more='[queue]\ndsn-never-null-sender = true\n')
        with smtplib.SMTP('127.0.0.1', s.ports['smtp'], timeout=30) as c:
            c.ehlo()
            c.mail(ADDRESS)
            for name, wish in zip(('bob', 'carl'), notify):
                assert c.rcpt('%s@far.test' % name, ['NOTIFY=' + wish])[0] == 250
            c.data(Letter('never').data)
        eventually(lambda: peer.messages, what='the message')
        (mail, rcpts, _), = peer.messages
        assert len(rcpts) == 2 and ('FROM:<>' in mail) == sender_is_null, mail
        queue_empties(s)
