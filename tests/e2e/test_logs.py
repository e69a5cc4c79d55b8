# SPDX-License-Identifier: Apache-2.0
"""What the server says reaches its logs: in each form, over rotation, reload, crashes and a log
writer that dies, and nothing is lost when it stops in order."""
import glob
import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import BINARY, eventually

TIME = r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z'


def tracer(s, name, more=''):
    level = '' if more.startswith('level') else 'level = "debug"\n'
    return '[tracer.%s]\ntype = "log"\npath = "%s"\n%s%s\n' % (name, s.folder + '/logs', level, more)


@pytest.fixture
def logged(server):
    """logged(name='more keys') starts a server with log tracers of these names; their files begin so."""
    def make(**tracers):
        s = server(start=False)
        keys = ''.join(tracer(s, name, '%s\nprefix = "%s"' % (more, name)) for name, more in tracers.items())
        s.write_config(keys)
        return s.start()
    return make


def files(s, prefix):
    """The log files of a prefix, oldest first, without the link."""
    found = [p for p in glob.glob('%s/logs/%s*' % (s.folder, prefix)) if not p.endswith('.current')]
    dated = []
    for path in found:
        try:
            dated.append((os.path.getmtime(path), path))
        except FileNotFoundError:
            pass  # rotated or packed away while we looked
    return [path for _, path in sorted(dated)]


def read(path):
    opener = gzip.open if path.endswith('.gz') else open
    with opener(path, 'rt', encoding='utf-8') as f:
        return f.read()


def text_of(s, prefix):
    return ''.join(read(p) for p in files(s, prefix))


def talk(s, count=1, name='me.example.test'):
    for _ in range(count):
        with s.connect('smtp') as c:
            c.line()
            c.command('EHLO ' + name)
            c.command('QUIT')


def from_json(text):
    return [json.loads(line) for line in text.splitlines()]


def worker_writers(s):
    """The log writer's process."""
    with open('/proc/%d/task/%d/children' % (s.process.pid, s.process.pid), encoding='ascii') as f:
        pids = [int(p) for p in f.read().split()]
    for pid in pids:
        try:
            with open('/proc/%d/comm' % pid, encoding='ascii') as f:
                if f.read().strip() == 'posthaste-log':
                    return pid
        except OSError:
            pass
    return None


def test_each_form_is_read_back(logged):
    s = logged(text='', json='format = "json"', logfmt='format = "logfmt"', brief='precision = "s"')
    talk(s)
    s.stop()
    text, logfmt = text_of(s, 'text').splitlines(), text_of(s, 'logfmt').splitlines()
    events = from_json(text_of(s, 'json'))
    assert len(text) == len(logfmt) == len(events) > 5
    assert all(re.match(TIME + r' (INFO|DEBUG|WARN) .+ \([a-z-]+\.[a-z-]+\)( \w+ = |$)', line) for line in text)
    assert all(re.match('time=' + TIME + r' level=\w+ event=[a-z-]+\.[a-z-]+( \w+=|$)', line) for line in logfmt)
    assert all(re.match(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ', line) for line in text_of(s, 'brief').splitlines())
    types = [e['type'] for e in events]
    assert types[-1] != 'server.startup'
    for wanted in ('network.listen-start', 'server.worker-start', 'server.startup', 'smtp.connection-start',
                   'smtp.connection-end', 'server.shutdown', 'network.listen-stop'):
        assert wanted in types, wanted
    start = next(e for e in events if e['type'] == 'smtp.connection-start')
    end = next(e for e in events if e['type'] == 'smtp.connection-end')
    assert start['data']['listenerId'] == 'smtp' and start['data']['remoteIp'] == '127.0.0.1'
    assert start['data']['spanId'] == end['data']['spanId'] and 'elapsed' in end['data']
    assert len({e['id'] for e in events}) == len(events)
    assert [e['type'] for e in events] == re.findall(r' event=([a-z.-]+)', '\n'.join(logfmt))
    assert os.stat(files(s, 'text')[0]).st_mode & 0o777 == 0o640
    assert os.path.realpath(s.folder + '/logs/text.current') == files(s, 'text')[0]


def test_what_a_client_says_stays_in_its_line(logged):
    s = logged(text='', json='format = "json"')
    s.expect_log('http.error')
    with s.connect('http') as c:
        c.send(b'GET /\xff\x1b[31m"%0aFAKE HTTP/1.1\r\nHost: a\r\n\r\n')
        c.rest()
    with s.connect('http') as c:
        c.send(b'GET /a?"x"&b=%0a\\ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
        c.rest()
    s.stop()
    for line in text_of(s, 'text').splitlines():
        assert re.match(TIME, line) and '\x1b' not in line
    assert all(e['type'] for e in from_json(text_of(s, 'json')))


def test_levels_events_and_samples(logged):
    s = logged(errors='level = "error"', some='events = ["smtp.*"]\nevents-policy = "include"',
               others='disabled-events = ["smtp.connection-*", "server.*"]', sampled='sample."smtp.connection-start" = 5')
    talk(s, 20)
    s.stop()
    assert text_of(s, 'errors') == ''
    some, others = text_of(s, 'some'), text_of(s, 'others')
    assert some.count('(smtp.connection-start)') == 20 and '(network.' not in some
    assert '(smtp.connection-' not in others and '(server.' not in others and '(network.listen-start)' in others
    assert text_of(s, 'sampled').count('(smtp.connection-start)') == 4


def test_levels_of_events_can_be_changed(server):
    s = server(start=False)
    s.write_config(tracer(s, 'file') + '[tracing.level]\n"smtp.connection-*" = "disable"\n"network.listen-start" = "warn"\n')
    s.start()
    talk(s)
    s.stop()
    text = text_of(s, 'posthaste')
    assert '(smtp.connection-' not in text and re.search(r' WARN .*\(network.listen-start\)', text)


def test_rotation_by_size_keeps_and_packs(logged):
    s = logged(small='rotate-size = "4 KiB"\nkeep = 3\ncompress = "gzip"')
    talk(s, 120)
    eventually(lambda: any(p.endswith('.gz') for p in files(s, 'small')), what='a packed file')
    eventually(lambda: len(files(s, 'small')) <= 5, what='the end of old files')
    s.stop()
    for p in files(s, 'small'):
        assert len(read(p)) <= 4096
        assert all(re.match(TIME, line) for line in read(p).splitlines())


def test_rotation_by_size_loses_nothing(logged):
    s = logged(small='rotate-size = "4 KiB"\nformat = "json"', whole='rotate = "never"\nformat = "json"')
    talk(s, 100)
    s.stop()
    assert len(files(s, 'small')) > 3
    parts = {line for p in files(s, 'small') for line in read(p).splitlines()}
    assert parts == set(text_of(s, 'whole').splitlines())


@pytest.mark.parametrize('rotate, form', [('daily', r'\d{4}-\d\d-\d\d'), ('hourly', r'\d{4}-\d\d-\d\dT\d\d'),
                                          ('minutely', r'\d{4}-\d\d-\d\dT\d\d:\d\d'), ('never', '')])
def test_names_tell_the_period(logged, rotate, form):
    s = logged(file='rotate = "%s"' % rotate)
    s.stop()
    names = [os.path.basename(p) for p in files(s, 'file')]
    assert names and all(re.fullmatch('file' + (r'\.' + form if form else ''), name) for name in names)


def test_sigusr1_and_a_moved_file_begin_another(logged):
    s = logged(file='rotate = "never"')
    path, moved = s.folder + '/logs/file', s.folder + '/logs/moved'
    eventually(lambda: os.path.exists(path) and '(server.startup)' in read(path), what='the log')
    os.rename(path, moved)
    s.send(signal.SIGUSR1)

    def there():
        talk(s)
        return os.path.exists(path)
    eventually(there, what='the new file')
    os.rename(path, moved + '2')  # and without a signal, it is noticed within a second or two
    eventually(there, what='another new file')
    s.stop()
    assert '(server.startup)' in read(moved) and '(server.shutdown)' in read(path)


def test_a_reload_changes_tracers_and_loses_nothing(server):
    s = server(start=False)
    before = tracer(s, 'a', 'prefix = "a"\nformat = "json"') + tracer(s, 'all', 'prefix = "all"\nformat = "json"')
    after = tracer(s, 'b', 'prefix = "b"\nformat = "json"') + tracer(s, 'all', 'prefix = "all"\nformat = "json"')
    s.write_config(before)
    s.start()
    with s.connect('smtp') as c:  # of the old generation, to its end
        c.line()
        for i in range(4):
            s.write_config(after if i % 2 == 0 else before)
            s.send(signal.SIGHUP)
            talk(s, 10)
            eventually(lambda i=i: s.log_text().count('(server.reload)') == i + 1, what='the reload')
        c.command('QUIT')
    talk(s, 10)
    s.stop()
    events = from_json(text_of(s, 'all'))
    types = [e['type'] for e in events]
    assert types.count('smtp.connection-start') == types.count('smtp.connection-end') == 51
    assert types.count('server.reload') == 4
    assert len({e['id'] for e in events}) == len(events)
    assert '"smtp.connection-start"' in text_of(s, 'a') and '"smtp.connection-start"' in text_of(s, 'b')
    assert '"server.startup"' in text_of(s, 'a') and '"server.startup"' not in text_of(s, 'b')


def test_nothing_is_lost_at_an_orderly_stop(logged):
    s = logged(file='format = "json"')
    connections = [s.connect('smtp') for _ in range(200)]
    for c in connections:
        c.line()
    s.stop()
    types = [e['type'] for e in from_json(text_of(s, 'file'))]
    assert types.count('smtp.connection-start') == types.count('smtp.connection-end') == 200
    for c in connections:
        c.close()


def test_the_log_writer_may_die(logged):
    s = logged(file='format = "json"')
    s.expect_log('log writer')
    talk(s, 5)
    first = worker_writers(s)
    os.kill(first, signal.SIGKILL)
    talk(s, 5)
    eventually(lambda: worker_writers(s) not in (None, first), what='another log writer')
    talk(s, 5)
    s.stop()
    types = [e['type'] for e in from_json(text_of(s, 'file'))]
    assert types.count('smtp.connection-start') == types.count('smtp.connection-end') == 15


def test_a_worker_that_dies_leaves_its_last_events_and_words(logged):
    s = logged(file='format = "json"')
    s.expect_log('.')
    held = [s.connect('smtp') for _ in range(20)]
    for c in held:
        c.line()
    victims = s.pids()
    for pid in victims:
        os.kill(pid, signal.SIGTRAP)  # those of real faults have a handler, which counts on the fault
    for c in held:
        c.close()
    eventually(lambda: len(s.pids()) == len(victims) and not set(s.pids()) & set(victims), what='new workers')
    s.stop()
    events = from_json(text_of(s, 'file'))
    exits = [e for e in events if e['type'] == 'server.worker-exit']
    assert len(exits) == len(victims) and all(e['data']['signal'] == signal.SIGTRAP for e in exits)
    assert sum(e['type'] == 'smtp.connection-start' for e in events) == 20
    reports = [read(e['data']['path']) for e in exits]
    assert all('signal: 5\n' in r for r in reports)
    assert sum(r.count('(smtp.connection-start)') for r in reports) == 20


@pytest.mark.skipif(shutil.which('gdb') is None, reason='gdb makes a worker fail')
def test_a_failed_assertion_is_in_the_log(logged):
    s = logged(file='format = "json"')
    s.expect_log('.')
    done = subprocess.run(['gdb', '-p', str(s.pids()[0]), '-batch', '-ex',
                           'call (void)base_assert_failed("sky == up", "here.c", 7, "fall")'],
                          capture_output=True, text=True, timeout=60, check=False)
    if 'SIGABRT' not in done.stdout:
        s.stop()
        pytest.skip('gdb may not attach here')
    eventually(lambda: 'server.worker-exit' in text_of(s, 'file'), what='the end of the worker')
    s.stop()
    death = next(e for e in from_json(text_of(s, 'file')) if e['type'] == 'server.worker-exit')
    assert 'assertion failed: sky == up (here.c:7, fall)' in death['data']['reason']
    assert 'assertion failed: sky == up' in s.log_text()
    assert 'assertion failed: sky == up' in read(death['data']['path'])


def test_a_full_disk_never_stops_mail(logged, tmp_path):
    """The folder of one tracer goes away, and is a file for a while."""
    s = logged(good='', bad='rotate = "never"')
    s.expect_log('telemetry.log-error')
    bad = s.folder + '/logs/bad'
    eventually(lambda: os.path.exists(bad), what='the log')
    os.remove(bad)
    os.mkdir(bad)
    talks = []

    def told():
        talk(s)
        talks.append(1)
        return '(telemetry.log-error)' in read(files(s, 'good')[0])
    eventually(told, what='word of it')  # the open file is looked after once a second
    talk(s, 5)
    os.rmdir(bad)
    eventually(lambda: os.path.isfile(bad), what='the file again')
    talk(s, 5)
    s.stop()
    assert read(files(s, 'good')[0]).count('(smtp.connection-start)') == 10 + len(talks)
    assert read(bad).count('(smtp.connection-start)') >= 10


def journal_fields(entry):
    """NAME=value, or NAME, a length of eight octets and so many of the value."""
    fields = {}
    while entry:
        line, _, rest = entry.partition(b'\n')
        name, equals, value = line.partition(b'=')
        if not equals:
            length = int.from_bytes(rest[:8], 'little')
            value, rest = rest[8:8 + length], rest[9 + length:]
        fields[name.decode()] = value.decode()
        entry = rest
    return fields


def test_the_journal(server, tmp_path):
    """Its native protocol, at a socket of ours in the place of the journal's."""
    if os.geteuid() != 0 or subprocess.run(['unshare', '-m', 'true'], capture_output=True, check=False).returncode != 0:
        pytest.skip('needs a mount namespace')
    folder = tmp_path / 'journal'
    folder.mkdir()
    journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    journal.bind(str(folder / 'socket'))
    journal.settimeout(10)
    s = server(start=False)
    s.write_config('[tracer.j]\ntype = "journal"\nlevel = "info"\n')
    script = 'mkdir -p /run/systemd/journal && mount --bind "$0" /run/systemd/journal && exec "$@"'
    s.start(prefix=['unshare', '-m', 'sh', '-c', script, str(folder)])
    with s.connect('smtp') as c:
        c.line()
    entries = []
    while not any(b'smtp.connection-end' in e for e in entries):
        entries.append(journal.recv(65536))
    s.stop()
    started = journal_fields(next(e for e in entries if b'smtp.connection-start' in e))
    assert started['PRIORITY'] == '6' and started['SYSLOG_IDENTIFIER'] == 'posthaste'
    assert started['REMOTE_IP'] == '127.0.0.1' and started['LISTENER_ID'] == 'smtp'
    assert started['MESSAGE'].startswith('SMTP connection started (smtp.connection-start)')


def test_without_a_journal_there_is_the_console(server):
    if os.path.exists('/run/systemd/journal/socket'):
        pytest.skip('there is a journal')
    s = server(start=False)
    s.write_config('[tracer.j]\ntype = "journal"\n')
    with open(s.config_path, encoding='utf-8') as f:
        config = f.read().replace('[tracer.console]\ntype = "console"\nlevel = "debug"\nbuffered = false\n', '')
    with open(s.config_path, 'w', encoding='utf-8') as f:
        f.write(config)
    s.start()
    s.expect_log('telemetry.journal-error')
    talk(s)
    s.stop()
    assert s.log_has(r'\(telemetry.journal-error\)') and s.log_has(r'\(smtp.connection-start\)')


def test_a_terminal_gets_colours(server):
    s = server(start=False)
    s.write_config('')
    master, slave = os.openpty()
    s.log = open(s.log_path, 'ab')
    s.process = subprocess.Popen([BINARY, 'serve', '-c', s.config_path], stdin=subprocess.DEVNULL, stdout=slave,
                                 stderr=slave, start_new_session=True)
    os.close(slave)
    seen = b''
    while b'server.startup' not in seen:
        seen += os.read(master, 65536)
    s.wait_ready()
    s.stop()
    assert b'\x1b[' in seen
    os.close(master)


def test_crowded_logs_report_what_they_lost(logged):
    """The log writer stands still: mail goes on, and afterwards the loss is told and counted."""
    s = logged(file='format = "json"\nlossy = true')
    writer = worker_writers(s)
    os.kill(writer, signal.SIGSTOP)
    try:
        ask = b'GET /%s HTTP/1.1\r\nHost: a\r\n\r\n' % (b'x' * 900)
        for _ in range(8):
            with s.connect('http') as c:
                for _ in range(60):
                    c.send(ask * 10)
                    got = 0
                    while got < 10:
                        got += c.socket.recv(65536).count(b'HTTP/1.1 404')
        with s.connect('smtp') as c:
            assert c.line().startswith('220 ')
    finally:
        os.kill(writer, signal.SIGCONT)
    assert s.metric('telemetry_lost_total') > 0
    s.stop()
    assert any(e['type'] == 'telemetry.lost' for e in from_json(text_of(s, 'file')))
