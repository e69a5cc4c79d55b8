# SPDX-License-Identifier: Apache-2.0
"""The rule about suspends: who calls what may switch coroutines says so on its own prototype.

Marked are functions whose prototype (in a header, or static on top of a file) carries the word, and
members of structs that point to functions and carry it. A macro whose text calls a marked function
counts as marked. What a file declares static is marked in that file only."""
import re

MEMBER = re.compile(r'\(\s*\*\s*(\w+)\s*\)\s*\((?:[^()]|\([^()]*\))*\)\s*suspends\b')
MACRO = re.compile(r'^[ \t]*#[ \t]*define[ \t]+(\w+)\(((?:\\\n|[^\n])*)', re.M)
CALL = re.compile(r'(->|\.)?\s*\b([A-Za-z_]\w*)\s*\(')


def findings(sources):
    """Generates (path, line, level, text)."""
    everywhere, members = set(), set()
    for s in sources:
        members.update(MEMBER.findall(s.plain))
        for name, head, _ in s.prototypes():
            if _is_marked(head) and not head.startswith('static '):
                everywhere.add(name)
        for f in s.functions():
            if _is_marked(f.head) and not f.static:
                everywhere.add(f.name)
    macros = _marked_macros(sources, everywhere)
    for s in sources:
        if s.path.startswith('src/'):
            for line, text in _in_file(s, everywhere | macros, members):
                yield s.path, line, 'error', text


def _is_marked(head):
    return bool(re.search(r'\)\s*[^()]*\bsuspends\b', head))


def _marked_macros(sources, everywhere):
    found = set()
    for s in sources:
        for m in MACRO.finditer(s.code):
            if any(c.group(2) in everywhere for c in CALL.finditer(m.group(2))):
                found.add(m.group(1))
    return found


def _in_file(source, everywhere, members):
    own = {name for name, head, _ in source.prototypes() if _is_marked(head)}
    local = {name for name, head, _ in source.prototypes() if head.startswith('static ')}
    own |= {f.name for f in source.functions() if _is_marked(f.head)}
    marked = (everywhere - (local - own)) | own
    for f in source.functions():
        if f.name in marked:
            continue
        for m in CALL.finditer(f.body):
            through = m.group(1) is not None
            if m.group(2) in (members if through else marked):
                line = f.end_line - f.body.count('\n') + f.body.count('\n', 0, m.start(2))
                yield line, '%s calls %s, which suspends: mark its prototype too' % (f.name, m.group(2))
                break
