# SPDX-License-Identifier: Apache-2.0
"""script/lint: gathers the files, asks the rules, prints what they found."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True

import rules  # noqa: E402
import source  # noqa: E402
import suspends  # noqa: E402
import texts  # noqa: E402

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
EXCEPTIONS = os.path.join(TOP, 'script/lib/lint/exceptions.txt')


def all_files():
    """What git tracks or would add; in a tree without git, everything outside build folders."""
    said = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], capture_output=True, text=True)
    if said.returncode == 0:
        return sorted(set(said.stdout.split('\n')) - {''})
    found = []
    for folder, folders, names in os.walk('.'):
        folders[:] = [f for f in folders if not f.startswith(('.', 'build')) and f != 'local']
        found += [os.path.relpath(os.path.join(folder, n)) for n in names]
    return sorted(found)


def read(paths):
    """{path: text} of what can be judged as text."""
    out = {}
    for path in paths:
        if not texts.exists(path) or '/corpus/' in path or path == 'LICENSE':
            continue
        with open(path, 'rb') as f:
            raw = f.read()
        if b'\0' not in raw:
            out[path] = raw.decode('utf-8', 'replace')
    return out


def read_exceptions():
    """Rows `rule path reason`; a path may end in * and a reason must be there."""
    rows = []
    with open(EXCEPTIONS, encoding='utf-8') as f:
        for i, line in enumerate(f, 1):
            if line.strip() and not line.startswith('#'):
                words = line.split(None, 2)
                if len(words) < 3:
                    sys.exit('%s:%d: a row is: rule path reason' % (EXCEPTIONS, i))
                rows.append((words[0], words[1], i))
    return rows


def excepted(rows, used, rule, path):
    for name, pattern, i in rows:
        fits = path.startswith(pattern[:-1]) if pattern.endswith('*') else path == pattern
        if name == rule and fits:
            used.add(i)
            return True
    return False


def enumerators(sources):
    """The names of all our enums' values, also those that a .def file makes by pasting."""
    names = set()
    for s in sources:
        for m in re.finditer(r'\benum\b[^;{}()]*\{([^}]*)\}', s.plain):
            names.update(re.findall(r'(?:^|,)\s*([A-Z]\w*)', m.group(1)))
    return names


def judge(files, use_tools):
    """Generates (path, line, level, text, rule)."""
    kinds = {path: texts.kind(path, text) for path, text in files.items()}
    sources = [source.Source(p, t) for p, t in files.items() if kinds[p] == 'c']
    everyone = sources
    if len(files) < len(all_files()):  # some rules need the whole house, whatever was asked about
        house = read(p for p in all_files() if p.startswith('src/') and p.endswith(('.c', '.h')))
        everyone = [source.Source(p, t) for p, t in house.items()]
    values, types = enumerators(everyone), suspends.function_types(everyone)
    for s in sources:
        s.enumerators, s.function_types = values, types
        for rule in rules.RULES:
            if s.path.endswith('.def') and rule.__name__ not in ('spdx', 'length', 'layout', 'comments'):
                continue
            for line, level, text in rule(s):
                yield s.path, line, level, text, rule.__name__
    for path, line, level, text in suspends.findings(everyone):
        if path in files:
            yield path, line, level, text, 'suspends'
    for path, text in files.items():
        for line, level, said, rule in texts.findings(path, text, kinds[path]):
            yield path, line, level, said, rule
    if use_tools:
        yield from texts.tool_findings(kinds, 'error' if os.environ.get('CI') == 'true' else 'warning')


def print_rules():
    for rule in rules.RULES:
        print('%-26s %s' % (rule.__name__, rule.__doc__.strip().split('\n')[0]))
    print('%-26s %s' % ('suspends', 'who calls what suspends carries `suspends` too'))
    print('%-26s %s' % ('format, shell, python, man', 'what clang-format, sh -n, Python and mandoc say'))


def main():
    args = sys.argv[1:]
    flags = {a for a in args if a.startswith('--')}
    unknown = flags - {'--count', '--no-tools', '--rules'}
    if unknown:
        print('lint: unknown option ' + unknown.pop(), file=sys.stderr)
        return 2
    if '--rules' in flags:
        print_rules()
        return 0
    asked = [os.path.relpath(os.path.abspath(a), TOP) for a in args if not a.startswith('--')]
    os.chdir(TOP)
    files = read(asked or all_files())
    rows, used = read_exceptions(), set()
    bad, errors, warnings = set(), 0, 0
    for path, line, level, text, rule in judge(files, '--no-tools' not in flags):
        if excepted(rows, used, rule, path):
            continue
        print('%s:%d: %s: %s [%s]' % (path, line, level, text, rule))
        errors, warnings = errors + (level == 'error'), warnings + (level == 'warning')
        if level == 'error':
            bad.add(path)
    if not asked and '--no-tools' not in flags:
        for name, pattern, i in rows:
            if i not in used:
                print('%s:%d: warning: nothing needs this row any more' % (os.path.relpath(EXCEPTIONS), i))
    if '--count' in flags:
        print('%d passed, %d failed' % (len(files) - len(bad & set(files)), len(bad)))
    else:
        print('%d files, %d errors, %d warnings' % (len(files), errors, warnings))
    return 1 if errors else 0


if __name__ == '__main__':
    sys.exit(main())
