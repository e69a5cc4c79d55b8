#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of one or more builds and counts their cases: the engine of script/test.

What there is to run comes from Meson's list (unit, corpus, dialogue, sim: each a program) and from
the folders that Meson does not know (conformance, e2e, lint). A program may speak TAP, as cmocka
does when asked, or end with a line `N passed, N failed[, N skipped]`; one that does neither is one
case, judged by its exit status. What a failing program printed is shown; the rest stays quiet.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SUITES = ['lint', 'unit', 'corpus', 'dialogue', 'sim', 'conformance', 'e2e']
ALONE = {'e2e'}  # they start servers and measure time: nothing else runs beside them
TIMEOUT_S = 300
SLOWER = {'gcc': 1, 'clang': 1, 'asan': 4, 'valgrind': 20}
CLOSING = re.compile(r'^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$')
TAP = re.compile(r'^(not )?ok \d+(.*)$')
COLOURS = sys.stdout.isatty() and not os.environ.get('NO_COLOR')
SANITIZERS = {
    'ASAN_OPTIONS': 'detect_leaks=1:detect_stack_use_after_return=0:abort_on_error=0:exitcode=99',
    'UBSAN_OPTIONS': 'print_stacktrace=1:halt_on_error=1:exitcode=99',
}


class Test:
    """One program to run, in one build."""

    def __init__(self, suite, name, command, build, env=None, folder=TOP, timeout_s=TIMEOUT_S):
        self.suite, self.name, self.command, self.build = suite, name, command, build
        self.env, self.folder = env or {}, folder
        self.timeout_s = timeout_s * SLOWER.get(build, 1)


class Outcome:
    """What came of it: counts of cases, and why it counts as failed, if it does."""

    def __init__(self, test):
        self.test, self.passed, self.failed, self.skipped = test, 0, 0, 0
        self.why, self.output, self.seconds = '', '', 0.0

    def count(self, status):
        """Reads the counts out of the output; a bad end always shows as a failed case."""
        lines = self.output.splitlines()
        closing = CLOSING.match(lines[-1].strip()) if lines else None
        tap = [m for m in map(TAP.match, lines) if m]
        if closing:
            self.passed, self.failed, self.skipped = (int(n or 0) for n in closing.groups())
        elif tap:
            for m in tap:
                if re.search(r'# skip', m.group(2), re.I):
                    self.skipped += 1
                elif m.group(1):
                    self.failed += 1
                else:
                    self.passed += 1
        elif status == 77:
            self.skipped = 1
        elif status == 0:
            self.passed = 1
        if status not in (0, 77) and not self.failed:
            self.failed += 1
        if self.failed:
            self.why = 'killed by signal %d' % -status if status < 0 else 'exit status %d' % status


def meson_tests(build):
    folder = os.path.join(TOP, 'build', build)
    said = subprocess.run(['meson', 'introspect', '--tests', folder], capture_output=True, check=True)
    for t in json.loads(said.stdout):
        suite = t['suite'][0].split(':')[-1] if t['suite'] else 'unit'
        yield Test(suite, t['name'], t['cmd'], build, t['env'], t['workdir'] or folder,
                   max(t['timeout'], 30))


def all_tests(builds):
    """Every test of every build; what does not depend on a build runs with the first one only."""
    for build in builds:
        first = build == builds[0]
        binary = os.path.join(TOP, 'build', build, 'src', 'posthaste')
        env = {'POSTHASTE_BIN': binary, 'POSTHASTE_BUILD': build}
        if first:
            yield Test('lint', 'lint', [os.path.join(TOP, 'script', 'lint'), '--count'], build)
            yield Test('lint', 'lint rules', [os.path.join(TOP, 'tests/lint/run')], build)
        yield from meson_tests(build)
        yield Test('conformance', 'conformance', [os.path.join(TOP, 'tests/conformance/run')], build, env)
        for part in ('examples', 'expressions'):
            yield Test('conformance', part, [os.path.join(TOP, 'tests/conformance/run-' + part)], build, env)
        if os.path.isdir(os.path.join(TOP, 'tests/e2e')):
            yield Test('e2e', 'e2e', [os.path.join(TOP, 'tests/e2e/run')], build, env, timeout_s=600)


def under_valgrind(tests):
    prefix = ['valgrind', '--quiet', '--error-exitcode=99', '--leak-check=full',
              '--errors-for-leak-kinds=definite', '--child-silent-after-fork=yes']
    for t in tests:
        if t.suite == 'unit' and t.build != 'asan':
            yield Test('valgrind', t.name, prefix + t.command, 'valgrind', t.env, t.folder, 30)


def chosen(tests, names):
    if not names:
        return list(tests)
    return [t for t in tests if any(n == t.suite or n in t.name for n in names)]


def environment(test):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT='TAP', PYTHONDONTWRITEBYTECODE='1', **test.env)
    for key, value in SANITIZERS.items():
        env[key] = ':'.join(filter(None, [value, os.environ.get(key)]))
    return env


def run(test):
    out = Outcome(test)
    began = time.monotonic()
    with tempfile.TemporaryFile() as sink:
        try:
            p = subprocess.Popen(test.command, cwd=test.folder, env=environment(test), stdout=sink,
                                 stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        except OSError as e:
            out.failed, out.why = 1, 'cannot be run: %s' % e.strerror
            return out
        try:
            status = p.wait(test.timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(p.pid, 9)
            status = p.wait()
            out.why = 'no end within %d s' % test.timeout_s
        sink.seek(0)
        out.output = sink.read().decode('utf-8', 'replace').rstrip()
    why = out.why
    out.count(status)
    out.why = why or out.why
    out.seconds = time.monotonic() - began
    return out


def colour(code, text):
    return '\033[%sm%s\033[0m' % (code, text) if COLOURS else text


def show(out):
    t = out.test
    counts = '%d' % out.passed + (', %d FAILED' % out.failed if out.failed else '') + \
        (', %d skipped' % out.skipped if out.skipped else '')
    word = colour('31', 'FAIL') if out.failed else colour('32', 'ok  ') if out.passed else 'skip'
    print('%s %-8s %-44s %s (%.1f s)' % (word, t.build, t.name, counts, out.seconds), flush=True)
    if out.failed:
        text = out.output if len(out.output) < 20000 else out.output[:4000] + '\n[...]\n' + out.output[-16000:]
        print('     %s: %s' % (out.why, shlex.join(t.command)))
        print('\n'.join('     | ' + line for line in text.splitlines()), flush=True)
    elif not out.passed and out.output:
        print('     ' + out.output.splitlines()[0], flush=True)


def run_all(tests, jobs):
    together = [t for t in tests if t.suite not in ALONE]
    alone = [t for t in tests if t.suite in ALONE]
    outcomes = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for out in concurrent.futures.as_completed([pool.submit(run, t) for t in together]):
            outcomes.append(out.result())
            show(outcomes[-1])
    for t in alone:
        outcomes.append(run(t))
        show(outcomes[-1])
    return outcomes


def run_by_hand(tests, under_gdb, arguments):
    """One test with a person (or a debugger) before it, in place of this program."""
    if len(tests) != 1:
        sys.exit('this needs the name of one test; these fit: ' + (', '.join(t.name for t in tests) or 'none'))
    t = tests[0]
    command = t.command + arguments
    if under_gdb:
        gdb = ['gdb', '-q', '-iex', 'add-auto-load-safe-path ' + TOP,
               '-ex', 'source ' + os.path.join(TOP, 'script/lib/gdb_posthaste.py'), '-ex', 'run', '--args']
        command = gdb + command
    env = dict(os.environ, CMOCKA_TEST_ABORT='1' if under_gdb else '0', **t.env)
    os.chdir(t.folder)
    os.execvpe(command[0], command, env)


# How pytest, TAP and our own runners begin the line that names a failure.
NAMES_A_FAILURE = re.compile(r'(FAILED|ERROR|not ok|FAIL)\b')


def closing(outcomes):
    failed = [o for o in outcomes if o.failed]
    if failed:
        print('\nto run what failed again:')
        for o in failed:
            only = {'asan': ' --only-asan', 'valgrind': ' --valgrind'}.get(o.test.build, '')
            print('    script/test %s%s' % (shlex.quote(o.test.name), only))
            for line in list(filter(NAMES_A_FAILURE.match, o.output.splitlines()))[:20]:
                print('        ' + line)
    total = [sum(getattr(o, key) for o in outcomes) for key in ('passed', 'failed', 'skipped')]
    print('%d passed, %d failed' % tuple(total[:2]) + (', %d skipped' % total[2] if total[2] else ''))
    return 1 if total[1] else 0


def main():
    ap = argparse.ArgumentParser(description='the engine of script/test; see script/test --help')
    ap.add_argument('names', nargs='*')
    ap.add_argument('--build', action='append', default=[])
    ap.add_argument('--valgrind', action='store_true')
    ap.add_argument('--gdb', action='store_true')
    ap.add_argument('--list', action='store_true')
    ap.add_argument('--jobs', type=int, default=os.cpu_count() or 2)
    arguments = []
    argv = sys.argv[1:]
    if '--' in argv:
        argv, arguments = argv[:argv.index('--')], argv[argv.index('--') + 1:]
    opt = ap.parse_args(argv)
    tests = chosen(all_tests(opt.build or ['gcc']), opt.names)
    if opt.valgrind:
        tests += list(under_valgrind(tests))
    if opt.list:
        for t in tests:
            print('%-12s %-8s %s' % (t.suite, t.build, t.name))
        return 0
    if opt.gdb or arguments:
        return run_by_hand(tests, opt.gdb, arguments)
    if not tests:
        print('no test has this name: ' + ' '.join(opt.names), file=sys.stderr)
        print('0 passed, 0 failed')
        return 2
    return closing(run_all(tests, opt.jobs))


if __name__ == '__main__':
    sys.exit(main())
