# SPDX-License-Identifier: Apache-2.0
"""The rules for what is not C: scripts, Python, documents; and the tools of others we ask."""
import os
import re
import shutil
import subprocess

import rules
import tables


def kind(path, text):
    """c, shell, python, man, document or other."""
    if path.endswith(('.c', '.h', '.def')):
        return 'c'
    first = text.split('\n', 1)[0]
    if path.endswith('.sh') or re.match(r'#!.*\b(ba|da)?sh\b', first):
        return 'shell'
    if path.endswith('.py') or re.match(r'#!.*\bpython3?\b', first):
        return 'python'
    if re.search(r'docs/man/.*\.[158]$', path):
        return 'man'
    if path.endswith('.md'):
        return 'document'
    return 'other'


def findings(path, text, what):
    """Generates (line, level, text, rule)."""
    lines = text.split('\n')
    if what in ('shell', 'python'):
        if not any('SPDX-License-Identifier: Apache-2.0' in line for line in lines[:2]):
            yield 1, 'error', 'no SPDX line on top', 'spdx'
        if len(lines) > tables.FILE_LINES_MAX:
            yield 1, 'error', '%d lines: split it by idea' % len(lines), 'length'
    if what in ('shell', 'python'):
        for i, line in enumerate(lines, 1):
            if line != line.rstrip():
                yield i, 'error', 'blanks at the end of the line', 'layout'
            if re.search(r'\b(TODO|FIXME)\b(?!.*#\d+)', line) and 'lint' not in path:
                yield i, 'error', 'a TODO needs the number of its issue (#12)', 'comments'
    if what == 'document':
        for i, line in enumerate(lines, 1):
            for at, level, said in rules.rfc_form(i, line):
                yield at, level, said, 'comments'


def tool_findings(files, missing_is):
    """What clang-format, the shells and mandoc say. files: {path: kind}. Generates findings with
    their path in front; a tool that is not installed is itself one, of the level given."""
    c_files = [p for p, what in files.items() if what == 'c' and not p.endswith('.def')]
    tool = shutil.which('clang-format-14')
    if tool is None:
        yield 'script/format', 1, missing_is, 'clang-format-14 is not installed; layout is unchecked', 'format'
    elif c_files:
        out = subprocess.run([tool, '--dry-run', '-Werror'] + c_files, capture_output=True, text=True)
        seen = set()
        for m in re.finditer(r'^(.+?):(\d+):\d+: error:', out.stderr, re.M):
            if m.group(1) not in seen:
                seen.add(m.group(1))
                yield m.group(1), int(m.group(2)), 'error', 'not as script/format would have it', 'format'
    for path, what in files.items():
        if what == 'shell':
            yield from _shell(path)
        if what == 'python':
            yield from _python(path)
        if what == 'man':
            yield from _man(path, missing_is)


def _shell(path):
    with open(path, encoding='utf-8') as f:
        first = f.readline()
    shell = 'bash' if 'bash' in first or path.endswith('common.sh') else 'sh'
    out = subprocess.run([shell, '-n', path], capture_output=True, text=True)
    for m in re.finditer(r'line (\d+): (.*)|: (\d+): (.*)', out.stderr):
        yield path, int(m.group(1) or m.group(3)), 'error', m.group(2) or m.group(4), 'shell'


def _python(path):
    with open(path, encoding='utf-8') as f:
        text = f.read()
    try:
        compile(text, path, 'exec')
    except SyntaxError as e:
        yield path, e.lineno or 1, 'error', e.msg, 'python'


def _man(path, missing_is):
    tool = shutil.which('mandoc')
    if tool is None:
        yield path, 1, missing_is, 'mandoc is not installed; the page is unchecked', 'man'
        return
    out = subprocess.run([tool, '-T', 'lint', '-W', 'warning', path], capture_output=True, text=True)
    for m in re.finditer(r':(\d+):\d+: (?:WARNING|ERROR|UNSUPP): (.*)', out.stdout + out.stderr):
        yield path, int(m.group(1)), 'error', m.group(2), 'man'


def exists(path):
    return os.path.isfile(path) and not os.path.islink(path)
