# SPDX-License-Identifier: Apache-2.0
"""What the server counts: a scrape adds up what all workers did, exactly."""
import base64
import os
import re
import signal
import ssl
import socket
import subprocess

import pytest

from conftest import any_certificate, eventually

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (-?[0-9.e+]+|\+Inf|NaN)$')


def scrape(s, path='/metrics', headers=''):
    """{(name, labels): value} of a page, each line of which must be well-formed."""
    status, _, body = s.get(path, headers=headers)
    assert status == 200
    found, typed = {}, set()
    for line in body.splitlines():
        if line.startswith('# TYPE '):
            assert line.split()[2] not in typed, 'a family twice: ' + line
            typed.add(line.split()[2])
        if line.startswith('#'):
            continue
        m = SAMPLE.match(line)
        assert m, line
        key = (m.group(1), m.group(2) or '')
        assert key not in found, line
        found[key] = float(m.group(3))
    return found


def total(found, name, *labels):
    return sum(v for (n, l), v in found.items() if n == name and all(part in l for part in labels))


def basic(name, secret):
    return 'Authorization: Basic %s\r\n' % base64.b64encode(('%s:%s' % (name, secret)).encode()).decode()


def test_connections_of_all_workers_add_up(server):
    s = server(workers=2)
    held = [s.connect('smtp') for _ in range(60)]
    for c in held:
        c.line()
    for _ in range(40):
        with s.connect('submission') as c:
            c.line()
            c.command('QUIT')
    found = scrape(s)
    assert found['listener_accepted_total', 'listener="smtp"'] == 60
    assert found['listener_accepted_total', 'listener="submission"'] == 40
    assert found['listener_active_connections', 'listener="smtp"'] == 60
    assert found['smtp_connection_start_total', ''] == 100
    assert found['smtp_connection_start', ''] == 100  # the compatible name
    for c in held:
        c.close()
    eventually(lambda: total(scrape(s), 'smtp_active_connections') == 0, what='the end of all sessions')
    assert total(scrape(s), 'listener_active_connections', 'listener="smtp"') == 0


def test_refusals_by_reason(server):
    s = server(extra='[server.listener.smtp]\nmax-connections = 3\n')
    held = [s.connect('smtp') for _ in range(3)]
    for c in held:
        c.line()
    for _ in range(5):
        with s.connect('smtp') as c:
            assert c.line().startswith('421 4.3.2')
    found = scrape(s)
    assert total(found, 'listener_refused_total', 'listener="smtp"', 'reason="listener"') == 5
    assert total(found, 'listener_refused_total') == 5
    assert found['limit_concurrent_connection_total', ''] == 5
    for c in held:
        c.close()


def test_handshakes_by_version_and_result(server):
    s = server()
    s.expect_log('tls.handshake-error')
    for version, count in ((ssl.TLSVersion.TLSv1_2, 3), (ssl.TLSVersion.TLSv1_3, 4)):
        context = any_certificate()
        context.minimum_version = context.maximum_version = version
        for _ in range(count):
            with s.connect_tls('submissions', context) as c:
                c.line()
    with s.connect('submissions') as c:
        c.send(b'this is no handshake at all\r\n')
        c.closed()
    found = scrape(s)
    ok = [total(found, 'tls_handshakes_total', 'listener="submissions"', 'tls_version="%s"' % v, 'result="ok"')
          for v in ('1.2', '1.3')]
    assert ok == [3, 4]
    assert total(found, 'tls_handshakes_total', 'listener="submissions"', 'result="failed"') == 1
    assert found['tls_handshake_time_count', ''] >= 7
    assert found['tls_handshake_time_bucket', 'le="+Inf"'] == found['tls_handshake_time_count', '']


def test_histograms_are_cumulative(server):
    s = server()
    for _ in range(10):
        s.get('/healthz/live')
    found = scrape(s)
    buckets = [(float(re.search(r'le="([^"]+)"', l).group(1).replace('+Inf', 'inf')), v)
               for (n, l), v in found.items() if n == 'http_request_time_bucket']
    values = [v for _, v in sorted(buckets)]
    assert values == sorted(values) and values[-1] == found['http_request_time_count', ''] >= 10


def test_counters_survive_workers_and_reloads(server):
    s = server()
    s.expect_log('server.worker-exit')
    with s.connect('smtp') as c:
        c.line()
    before = s.pids()
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(s.pids()) == len(before) and not set(s.pids()) & set(before), what='new workers')
    eventually(lambda: s.get('/healthz/ready')[0] == 200, what='readiness')
    s.send(signal.SIGHUP)
    s.wait_log(r'\(server.reload\)')
    found = scrape(s)
    assert found['smtp_connection_start_total', ''] == 1
    assert found['server_worker_exit_total', ''] == len(before)
    assert found['listener_active_connections', 'listener="smtp"'] == 0


def test_processes_and_certificates(server):
    s = server(workers=2)
    eventually(lambda: total(scrape(s), 'worker_count') == 2, what='the first figures')
    found = scrape(s)
    for worker in ('supervisor', 'log', '0', '1'):
        assert found['process_memory', 'worker="%s"' % worker] > 100000
        assert found['process_open_fds', 'worker="%s"' % worker] >= 3
        assert found['process_cpu_seconds', 'worker="%s"' % worker] >= 0
    days = found['certificate_expiry_seconds', 'id="default"'] / 86400
    assert 28 < days <= 30
    assert found['process_start_time', ''] > 1.7e9
    assert total(found, 'build_info', 'version="') == 1


def test_who_may_see_them(server):
    s = server(extra='[metrics.prometheus.auth]\nusername = "ada"\nsecret = "s3cret"\n')
    assert s.get('/metrics')[0] == 401
    assert 'www-authenticate: basic' in s.get('/metrics/prometheus')[1].lower()
    assert s.get('/metrics', headers=basic('ada', 's3cres'))[0] == 401
    assert s.get('/metrics', headers=basic('ada', 's3cret'))[0] == 200
    assert s.get('/metrics/prometheus', headers=basic('ada', 's3cret'))[0] == 200


def test_none_unless_enabled(server):
    s = server(start=False)
    s.write_config()
    with open(s.config_path, encoding='utf-8') as f:
        config = f.read().replace('[metrics.prometheus]\nenable = true\n', '')
    with open(s.config_path, 'w', encoding='utf-8') as f:
        f.write(config)
    s.start()
    assert s.get('/metrics')[0] == 404 and s.get('/metrics/prometheus')[0] == 404


def test_forms_and_settings(server):
    s = server(extra='[metrics]\nprefix = "ph_"\ncompatible-names = false\ndisabled-events = ["smtp.*"]\n')
    found = scrape(s)
    assert ('ph_server_startup_total', '') in found and ('ph_server_startup', '') not in found
    assert all(n.startswith('ph_') for n, _ in found)
    assert not any(n.startswith('ph_smtp_connection') for n, _ in found)
    _, head, body = s.get('/metrics', headers='Accept: application/openmetrics-text; version=1.0.0\r\n')
    assert 'application/openmetrics-text' in head and body.endswith('# EOF\n')
    done = subprocess.run(['curl', '-s', '--compressed', 'http://127.0.0.1:%d/metrics' % s.ports['http']],
                          capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.startswith('# HELP ph_')


def test_readiness_falls_while_draining(server):
    s = server(extra='[server.shutdown]\ndelay = "3s"\n')
    with socket.create_connection(('127.0.0.1', s.ports['http'])) as c:
        def status():
            c.sendall(b'GET /healthz/ready HTTP/1.1\r\nHost: a\r\n\r\n')
            return c.recv(65536).split(b' ', 2)[1]
        assert status() == b'200'
        s.send(signal.SIGTERM)

        def says_no():
            try:
                return status() == b'503'
            except (OSError, IndexError):
                pytest.fail('the connection ended before readiness fell')
        eventually(says_no, 3, 'the fall of readiness')
        assert s.get('/healthz/live')[0] == 200
    s.stop()
