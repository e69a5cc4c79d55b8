# SPDX-License-Identifier: Apache-2.0
"""The rule about suspends: who calls what may switch coroutines says so on its own prototype.

Marked are functions whose prototype (in a header, or static on top of a file) carries the word, and
members of structs that point to functions and carry it. A macro whose text calls a marked function
counts as marked, and so does what is declared with a marked function type (`http_handler name;`).
What a file declares static is marked in that file only; a member only where its struct is seen."""
import re

MEMBER = re.compile(r'\(\s*\*\s*(\w+)\s*\)\s*\((?:[^()]|\([^()]*\))*\)\s*suspends\b')
MACRO = re.compile(r'^[ \t]*#[ \t]*define[ \t]+(\w+)\(((?:\\\n|[^\n])*)', re.M)
CALL = re.compile(r'(->|\.)?\s*\b([A-Za-z_]\w*)\s*\(')
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"([^"]+)"', re.M)
FUNCTION_TYPE = re.compile(r'^typedef\b[^;{}(]*?\b(\w+)\((?:[^()]|\([^()]*\))*\)([^;]*);', re.M)


def function_types(sources):
    """{name: is it marked} of all typedefs of functions."""
    return {m.group(1): 'suspends' in m.group(2) for s in sources for m in FUNCTION_TYPE.finditer(s.plain)}


def findings(sources):
    """Generates (path, line, level, text)."""
    types = {name for name, marked in function_types(sources).items() if marked}
    everywhere = set()
    for s in sources:
        for name, head, _ in s.prototypes():
            if _is_marked(head) and not head.startswith('static '):
                everywhere.add(name)
        for f in s.functions():
            if _is_marked(f.head) and not f.static:
                everywhere.add(f.name)
        everywhere.update(_declared_with(types, s.plain, r'\s+'))
    macros = _marked_macros(sources, everywhere)
    members = {s.path: set(MEMBER.findall(s.plain)) | _declared_with(types, s.plain, r'\s*\*\s*') for s in sources}
    seen_from = _visibility(sources)
    for s in sources:
        if s.path.startswith('src/'):
            visible = set().union(*(members.get(path, set()) for path in seen_from(s.path)))
            for line, text in _in_file(s, everywhere | macros, visible):
                yield s.path, line, 'error', text


def _declared_with(types, text, between):
    if not types:
        return set()
    return set(re.findall(r'\b(?:%s)%s(\w+)\s*;' % ('|'.join(sorted(types)), between), text))


def _visibility(sources):
    """A function that gives the files whose declarations a file sees: itself and what it includes."""
    direct = {s.path: {'src/' + name for name in INCLUDE.findall(s.text)} for s in sources}

    def seen(path):
        found, todo = set(), [path]
        while todo:
            at = todo.pop()
            if at not in found:
                found.add(at)
                todo += direct.get(at, ())
        return found
    return seen


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
