# SPDX-License-Identifier: Apache-2.0
"""Accounts and domains: `posthaste account` and `posthaste domain`, with and without a running
server, as somebody at a terminal and as a program. What they change holds for the server at once."""
import base64
import json
import os
import pty
import stat
import subprocess

import pytest

from conftest import BINARY, READ_S, Connection

INTERNAL = '[directory.internal]\ntype = "internal"\n[domain."file.example"]\naliases = ["alias.example"]\n'


class Cli:
    def __init__(self, config):
        self.config = config

    def run(self, *words, stdin='', status=0, prefix=()):
        done = subprocess.run([*prefix, BINARY, *words, '-c', self.config], input=stdin, capture_output=True,
                              text=True, timeout=60)
        assert done.returncode == status, '%s: %d\n%s%s' % (words, done.returncode, done.stdout, done.stderr)
        return done

    def lines(self, *words):
        return [json.loads(line) for line in self.run(*words).stdout.splitlines()]


@pytest.fixture
def cli(tmp_path):
    state = tmp_path / 'state'
    config = tmp_path / 'c.toml'
    config.write_text('[server]\nhostname = "mx.file.example"\nlistener.smtp.bind = "127.0.0.1:2525"\n'
                      '[global]\nstate-dir = "%s"\n' % state + INTERNAL)
    made = Cli(str(config))
    made.state, made.path = state, config
    return made


def test_life_of_an_account(cli):
    assert cli.lines('account', 'list') == []
    refused = cli.run('account', 'create', 'anna', '--email', 'anna@a.example', status=5).stderr
    assert 'posthaste domain create a.example' in refused
    cli.run('domain', 'create', 'A.example', '--alias', 'b.example')
    made = cli.run('account', 'create', 'Anna', '-a', 'Anna@a.example', '-a', 'a.w@file.example', '-q', '2gb').stdout
    assert 'shown this once' in made
    cli.run('account', 'create', 'bob', '-a', 'bob@a.example', '--password-stdin', stdin='correct horse\n')
    cli.run('account', 'create', 'sales', '--type', 'group', '-a', 'sales@a.example', '--member', 'anna')
    cli.run('account', 'update', 'bob', '--group', 'sales', '--is-admin', '--description', 'Bob\x1b[31m')
    accounts = {a['name']: a for a in cli.lines('account', 'list')}
    assert set(accounts) == {'anna', 'bob', 'sales'}
    assert accounts['anna']['emails'] == ['anna@a.example', 'a.w@file.example']
    assert accounts['anna']['quota'] == 2 << 30 and accounts['anna']['secrets'] == ['***']
    assert accounts['bob']['memberOf'] == ['sales'] and accounts['bob']['roles'] == ['admin']
    sales = json.loads(cli.run('account', 'show', '--json', 'sales@a.example').stdout)
    assert sales['members'] == ['anna', 'bob'] and sales['secrets'] == []
    shown = cli.run('account', 'show', 'bob').stdout
    assert 'argon2id' in shown and '\x1b' not in shown and '$argon2id' not in shown
    assert [a['name'] for a in cli.lines('account', 'list', 'B@A')] == ['bob']
    assert cli.run('domain', 'delete', 'a.example', '--yes', status=1).stderr.startswith('error: 3 addresses are in')
    assert 'nothing was deleted' in cli.run('account', 'delete', 'bob', status=1).stderr
    cli.run('account', 'delete', 'anna', 'bob', 'sales', '--yes')
    cli.run('domain', 'delete', 'a.example', '-y')
    assert [d['name'] for d in cli.lines('domain', 'list')] == ['file.example']


def test_refusals(cli):
    cli.run('account', 'create', 'anna', '-a', 'anna@file.example', '--generate')
    for words, status, text in [
            (['account', 'create', 'anna', '--generate'], 1, "there is an account 'anna' already"),
            (['account', 'create', 'b', '-a', 'anna@file.example', '-g'], 1, "belongs to 'anna' already"),
            (['account', 'create', 'b', '-a', 'b@alias.example', '-g'], 1, 'is an alias of file.example'),
            (['account', 'create', 'b', '--type', 'group', '-g'], 1, 'no password goes with'),
            (['account', 'create', 'b', 'short'], 1, 'a password has 8 to 128 characters'),
            (['account', 'create', 'b', 'long enough', '--generate'], 1, 'in one way only'),
            (['account', 'create', 'b', '--type', 'robot'], 2, '--type takes one of'),
            (['account', 'update', 'anna'], 2, 'say what is to be changed'),
            (['account', 'update', 'bob', '--disable'], 5, "there is no account 'bob'"),
            (['account', 'password', 'bob', '--generate'], 5, "there is no account 'bob'"),
            (['account', 'show', 'bob'], 5, "there is no account 'bob'"),
            (['domain', 'create', 'file.example'], 1, 'is in the configuration'),
            (['domain', 'show', 'no.example'], 5, 'there is no domain no.example'),
            (['domain', 'create', '-x'], 2, '-x')]:
        assert text in cli.run(*words, status=status).stderr, words
    cli.path.write_text(cli.path.read_text().replace('type = "internal"', 'type = "memory"'))
    assert 'has no internal directory' in cli.run('account', 'list', status=1).stderr


def test_secrets(cli):
    cli.run('account', 'create', 'anna', '-a', 'anna@file.example', '--no-password')
    assert cli.lines('account', 'list')[0]['secrets'] == []
    done = cli.run('account', 'password', 'anna', 'on the line')
    assert 'can be seen by everybody' in done.stderr
    cli.run('account', 'password', 'anna', '--password-stdin', stdin='without its newline')
    assert 'more than one line' in cli.run('account', 'password', 'anna', '--password-stdin', stdin='a\nb\n',
                                           status=1).stderr
    cli.run('account', 'password', 'anna', '--generate', '--scram')
    assert 'scram' in cli.run('account', 'show', 'anna').stdout
    cli.run('account', 'password', 'anna', '--remove')
    done = subprocess.run([BINARY, 'account', 'password', '--hash', '--password-stdin'], input='x\n', text=True,
                          capture_output=True, check=True)
    assert done.stdout.startswith('$argon2id$')
    data = (cli.state / 'directory' / 'data.mdb').read_bytes()
    assert b'on the line' not in data and b'without its newline' not in data


def test_at_a_terminal(cli):
    """Asked twice, and not a letter of it is seen."""
    cli.run('account', 'create', 'anna', '-a', 'anna@file.example', '--no-password')

    def answer(*typed):
        main, side = pty.openpty()
        p = subprocess.Popen([BINARY, 'account', 'password', 'anna', '-c', cli.config], stdin=side, stdout=side,
                             stderr=side, start_new_session=True)
        os.close(side)
        seen = b''
        for prompt, text in zip((b'New password: ', b'Once more: '), typed):
            while not seen.endswith(prompt):
                seen += os.read(main, 1000)
            os.write(main, text)
        try:
            while more := os.read(main, 1000):
                seen += more
        except OSError:
            pass  # the other end is closed
        os.close(main)
        return p.wait(READ_S), seen
    status, seen = answer(b'no\x15correkt\x7f\x7fct horse\xc3\xb6\x08\n', b'correct horse\n')
    assert status == 0 and b'correct' not in seen and b'a new password' in seen
    status, seen = answer(b'correct horse\n', b'correct house\n')
    assert status == 1 and b'differ' in seen
    status, seen = answer(b'corr\x03')
    assert status == 1 and b'no password was given' in seen


@pytest.mark.skipif(os.geteuid() != 0, reason='needs root')
def test_files_belong_to_the_server(cli, tmp_path):
    """Root at the command line leaves nothing behind that the server could not write."""
    for folder in (tmp_path, tmp_path.parent, tmp_path.parent.parent):
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH | stat.S_IROTH)
    cli.state.mkdir()
    os.chown(cli.state, 65534, 65534)
    cli.run('account', 'create', 'anna', '-a', 'anna@file.example', '--generate')
    for path in (cli.state / 'directory', cli.state / 'directory' / 'data.mdb', cli.state / 'directory' / 'lock.mdb'):
        assert path.stat().st_uid == 65534, path


def plain(name, password):
    return 'AUTH PLAIN ' + base64.b64encode(b'\0%s\0%s' % (name.encode(), password.encode())).decode()


def test_a_running_server_knows_at_once(server):
    s = server(extra=INTERNAL + '[session.rcpt.errors]\nwait = "0s"\n[session.auth]\nrequire = false\nerrors.wait = "0s"\n'
               '[session.mail]\nis-allowed = "!is_local_domain(\'*\', sender_domain)"\n')
    cli = Cli(s.config_path)

    def rcpt(address):
        with Connection(s.ports['smtp']) as c:
            c.reply()
            c.command('EHLO client.example')
            assert c.command('MAIL FROM:<x@client.example>')[0].startswith('250'), s.log_text()
            return c.command('RCPT TO:<%s>' % address)[0][:9]

    def login(name, password):
        with Connection(s.ports['submissions']) as c:
            c.start_tls()
            c.reply()
            c.command('EHLO client.example')
            return c.command(plain(name, password))[0][:3]
    assert rcpt('anna@new.example') == '550 5.7.1'
    with Connection(s.ports['smtp']) as c:  # expressions ask the same directories
        c.reply()
        c.command('EHLO client.example')
        assert c.command('MAIL FROM:<x@file.example>')[0].startswith('550 5.7.1')
    cli.run('domain', 'create', 'new.example')
    assert rcpt('anna@new.example') == '550 5.1.1'
    cli.run('account', 'create', 'anna', '-a', 'anna@new.example', '--password-stdin', stdin='correct horse\n')
    assert rcpt('anna@new.example') == '250 2.1.5'
    assert rcpt('Anna+x@New.example') == '250 2.1.5'
    assert login('anna', 'correct horse') == '235'
    assert login('anna@new.example', 'correct horse') == '235'
    assert login('anna', 'wrong horse') == '535'
    cli.run('account', 'password', 'anna', '--password-stdin', stdin='another horse\n')
    assert login('anna', 'correct horse') == '535'
    assert login('anna', 'another horse') == '235'
    cli.run('account', 'update', 'anna', '--disable', '--refuse-mail')
    assert login('anna', 'another horse') == '535'
    assert rcpt('anna@new.example') == '550 5.2.1'
    cli.run('account', 'delete', 'anna', '--yes')
    assert rcpt('anna@new.example') == '550 5.1.1'
