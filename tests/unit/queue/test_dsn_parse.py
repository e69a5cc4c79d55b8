#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads the delivery reports that dsn-samples composes with Python's email package, and compares
what it finds with what went in.

usage: test_dsn_parse.py PROGRAM
"""
import base64
import email
import email.header
import email.policy
import email.utils
import json
import re
import subprocess
import sys

ORDER = ['failed', 'delayed', 'relayed', 'expanded', 'delivered']
TOP = ['Date', 'From', 'To', 'Subject', 'Message-ID', 'In-Reply-To', 'Auto-Submitted', 'MIME-Version',
       'Content-Type', 'Content-Transfer-Encoding']


def unfold(value):
    return re.sub(r'\s+', ' ', value).strip()


def groups_of(text):
    """RFC 3464 2.1: groups of fields, divided by empty lines."""
    for group in text.rstrip('\r\n').split('\r\n\r\n'):
        fields = {}
        for line in re.split(r'\r\n(?![ \t])', group.strip('\r\n')):
            name, _, value = line.partition(':')
            assert re.fullmatch('[A-Za-z-]+', name) and name.lower() not in fields, line
            fields[name.lower()] = unfold(value)
        yield fields


def address_of(value, utf8):
    """The type and the address, with what was escaped (RFC 6533 3) as it was."""
    kind, _, address = value.partition(';')
    if kind.strip() == 'utf-8' and not utf8:
        address = re.sub(r'\\x\{([0-9A-F]+)\}', lambda m: chr(int(m.group(1), 16)), address)
    return kind.strip(), address.strip()


def raw_parts(raw, boundary):
    """The octets of the parts, by RFC 2046 5.1.1 and nothing else."""
    pieces = re.split(br'(?:^|\r\n)--' + re.escape(boundary.encode()) + br'(?:--)?\r\n', raw)
    return [piece.split(b'\r\n\r\n', 1)[1] if not piece.startswith(b'\r\n') else piece[2:]
            for piece in pieces[1:-1]]


def check_top(sample, message, raw):
    names = [name for name, _ in message.raw_items()]
    assert names == [name for name in TOP if name in names], names
    assert message['Auto-Submitted'] == 'auto-replied'
    assert email.utils.parseaddr(message['To'])[1] == sample['to']
    assert re.fullmatch('<[^<>@ ]+@[^<>@ ]+>', message['Message-ID'])
    assert email.utils.parsedate_to_datetime(message['Date']).timestamp() == 1772529327
    name, address = email.utils.parseaddr(unfold(message['From']))
    assert address == 'MAILER-DAEMON@firm.example'
    name = str(email.header.make_header(email.header.decode_header(name)))
    assert name == (sample['from_name'] or 'Mail Delivery Subsystem'), name
    head = raw.split(b'\r\n\r\n', 1)[0]
    assert max(len(line) for line in head.split(b'\r\n')) <= 76
    if not sample['utf8']:
        head.decode('ascii')


def check_groups(sample, part, text):
    first, *groups = groups_of(text)
    assert first.get('original-envelope-id') == (sample['env_id'] or None)
    assert first['reporting-mta'] == 'dns; mx1.firm.example'
    assert email.utils.parsedate_to_datetime(first['arrival-date']).timestamp() == 1772529325
    utf8 = part.get_content_type() == 'message/global-delivery-status'
    assert not utf8 or sample['utf8']
    rcpts = sorted(sample['rcpts'], key=lambda r: ORDER.index(r['action']))
    assert len(groups) == len(rcpts)
    for group, rcpt in zip(groups, rcpts):
        kind, address = address_of(group['final-recipient'], utf8)
        assert (kind, address) == ('rfc822' if address.isascii() else 'utf-8', rcpt['address'])
        if rcpt['orcpt']:
            as_text = re.sub(r'\\x\{([0-9A-F]+)\}', lambda m: chr(int(m.group(1), 16)), rcpt['orcpt'])
            assert address_of(group['original-recipient'], utf8)[1] == as_text
        else:
            assert 'original-recipient' not in group
        assert group['action'] == rcpt['action']
        assert re.fullmatch(r'[245]\.\d{1,3}\.\d{1,3}', group['status'])
        assert not rcpt['enhanced'] or group['status'] == rcpt['enhanced']
        if rcpt['host']:
            assert group['remote-mta'] == 'dns; ' + rcpt['host'] or not rcpt['code']
        reply = ' '.join(filter(None, [str(rcpt['code'] or ''), rcpt['code'] and rcpt['enhanced'], rcpt['text']]))
        kind, said = group['diagnostic-code'].split('; ', 1)
        assert kind == ('smtp' if rcpt['code'] else 'X-local')
        if reply.isascii():
            assert said == unfold(reply), (said, reply)
        assert email.utils.parsedate_to_datetime(group['last-attempt-date']).timestamp() == 1772529327
        assert group['final-log-id'] == '0b55250b1000400a'
        assert ('will-retry-until' in group) == (rcpt['action'] == 'delayed')


def check_returned(sample, part, octets):
    original = base64.b64decode(sample['original'])
    head = original.split(b'\r\n\r\n', 1)[0] + b'\r\n'
    assert part.get_content_type() == sample['part3']
    if sample['part3'] in ('message/rfc822', 'message/global'):
        assert octets == original
    elif sample['name'] == 'over TLS only':
        assert re.findall(br'(?m)^[A-Za-z-]+(?=:)', octets) == [b'Message-ID', b'Date', b'Subject']
    else:
        assert octets == head


PER_MESSAGE = {'original-envelope-id', 'reporting-mta', 'dsn-gateway', 'received-from-mta', 'arrival-date'}
PER_RCPT = {'original-recipient', 'final-recipient', 'action', 'status', 'remote-mta', 'diagnostic-code',
            'last-attempt-date', 'final-log-id', 'will-retry-until'}
CLASSES = {'failed': '45', 'delayed': '4', 'delivered': '2', 'relayed': '2', 'expanded': '2'}
# RFC 6533 3: utf-8-addr-xtext has printable ASCII without "+", "=", "\\" and what is escaped.
XTEXT = r'(?:[!-*,-<>-\[\]-~]|\\x\{(?:[1-9A-F][0-9A-F]{1,5}|2B|3D|5C)\})+'


def check_rfc(raw, message):
    """What RFC 3464, 6522 and 6533 require of any report, field by field."""
    assert message.get_content_type() == 'multipart/report' and message.get_boundary()  # 6522 3
    assert message['MIME-Version'] == '1.0' and message['To'] and message['Date']
    part = message.get_payload()[1]
    is_global = part.get_content_type() == 'message/global-delivery-status'
    octets = raw_parts(raw, message.get_boundary())[1]
    encoding = part['Content-Transfer-Encoding'] or '7bit'
    assert encoding in (('7bit', '8bit') if is_global else ('7bit',)), encoding  # 3464 2.1; 6533 4
    if encoding == '7bit':
        octets.decode('ascii')
    first, *groups = groups_of(octets.decode('utf-8'))
    assert set(first) <= PER_MESSAGE and groups  # 3464 2.2
    assert re.fullmatch(r'dns; [a-z0-9.-]+', first['reporting-mta'])  # 2.2.2: the one that must be there
    if 'received-from-mta' in first:
        assert re.match(r'dns; \S', first['received-from-mta'])  # 2.2.4
    assert email.utils.parsedate_tz(first['arrival-date'])[9] is not None  # 2.2.5
    for group in groups:
        assert set(group) <= PER_RCPT and {'final-recipient', 'action', 'status'} <= set(group)  # 2.3
        check_rfc_rcpt(group, is_global)
    names = [line.split(b':')[0] for line in octets.split(b'\r\n') if line and line[:1] not in b' \t']
    order = [n.decode().lower() for n in names]
    at = [order.index('original-recipient')] if 'original-recipient' in order else []
    assert not at or order[at[0] + 1] == 'final-recipient'  # 2.3: the first two, in this order


def check_rfc_rcpt(group, is_global):
    for name in ('original-recipient', 'final-recipient'):
        if name not in group:
            continue
        kind, _, address = group[name].partition('; ')
        assert re.fullmatch('[A-Za-z0-9-]+', kind) and address, group[name]  # 2.1.2
        if kind.lower() == 'utf-8' and not is_global:
            assert re.fullmatch(XTEXT, address), address  # 6533 3
        if kind.lower() == 'rfc822':
            address.encode('ascii')
    assert re.fullmatch(r'[245]\.(0|[1-9]\d{0,2})\.(0|[1-9]\d{0,2})', group['status'])  # 3463 2
    assert group['status'][0] in CLASSES[group['action']], group  # 2.3.3, 2.3.4
    assert group.get('remote-mta', 'dns; x').startswith('dns; ')
    kind = group.get('diagnostic-code', 'smtp;').split(';')[0]
    assert kind == 'smtp' or kind.startswith('X-'), kind  # 2.1.2: others are registered
    if kind == 'smtp' and 'diagnostic-code' in group:
        assert re.match(r'smtp; [2-5]\d\d', group['diagnostic-code'])  # 2.3.6: a reply has a code
    for name in ('last-attempt-date', 'will-retry-until'):
        assert name not in group or email.utils.parsedate_tz(group[name])
    assert group['action'] == 'delayed' or 'will-retry-until' not in group  # 2.3.8


def check(sample):
    raw = base64.b64decode(sample['message'])
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    assert message.get_content_type() == 'multipart/report'
    assert message.get_param('report-type') == 'delivery-status'
    assert not message.defects, message.defects
    check_rfc(raw, message)
    check_top(sample, message, raw)
    parts = message.get_payload()
    octets = raw_parts(raw, message.get_boundary())
    assert len(parts) == len(octets) == (3 if sample['part3'] else 2)
    words = parts[0].get_payload(decode=True).decode('utf-8')
    assert parts[0].get_content_type() == 'text/plain' and not parts[0].defects
    assert parts[1].get_content_type() in ('message/delivery-status', 'message/global-delivery-status')
    for rcpt in sample['rcpts']:
        shown = rcpt['orcpt'] if rcpt['address'] == 'secret@home.example' else rcpt['address']
        assert '  <%s>\r\n' % shown in words, words
    assert 'Reference: 0b55250b1000400a' in words
    check_groups(sample, parts[1], octets[1].decode('utf-8'))
    if sample['part3']:
        check_returned(sample, parts[2], octets[2])
    for line in raw.split(b'\r\n'):
        assert len(line) <= 998 and b'\n' not in line and b'\r' not in line


def main():
    lines = subprocess.run([sys.argv[1]], stdout=subprocess.PIPE, check=True).stdout.splitlines()
    failed = 0
    for line in lines:
        sample = json.loads(line)
        try:
            check(sample)
        except (AssertionError, KeyError, ValueError) as e:
            failed += 1
            print('FAIL %s: %s: %s' % (sample['name'], type(e).__name__, e))
            import traceback
            traceback.print_exc()
    print('%d passed, %d failed' % (len(lines) - failed, failed))
    return 1 if failed or not lines else 0


if __name__ == '__main__':
    sys.exit(main())
