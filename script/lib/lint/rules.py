# SPDX-License-Identifier: Apache-2.0
"""The rules for one C file. Each is a generator of (line, level, text); its first doc line is what
script/lint --rules prints. tables.py holds what is a matter of taste or of the project's plan."""
import re

import tables

RULES = []


def rule(function):
    RULES.append(function)
    return function


def _find(source, pattern, text=None):
    for m in re.finditer(pattern, source.plain if text is None else text):
        yield source.line_of(m.start()), m


def _stricter_in_src(source):
    return 'error' if source.path.startswith('src/') else 'warning'


@rule
def spdx(source):
    """every file begins with its SPDX line"""
    if source.path.endswith('.def'):
        return  # a table is part of the file that includes it
    if not source.lines[0].startswith('// SPDX-License-Identifier: Apache-2.0'):
        yield 1, 'error', 'the first line must be // SPDX-License-Identifier: Apache-2.0'


@rule
def story(source):
    """behind it stands `// path: what the file is for`"""
    if source.path.startswith('src/') and not source.path.endswith('.def'):
        second = source.lines[1] if len(source.lines) > 1 else ''
        want = '// ' + source.path[len('src/'):] + ':'
        if not second.startswith(want):
            yield 2, 'error', 'the second line must begin with "%s" and say what the file is for' % want


@rule
def length(source):
    """a file has at most 700 lines, better 600"""
    n = len(source.lines) - 1
    if source.path.endswith('.def'):
        return  # a table is as long as what it lists
    if n > tables.FILE_LINES_MAX:
        yield 1, 'error', '%d lines: split it by idea' % n
    elif n > tables.FILE_LINES_GOOD:
        yield 1, 'warning', '%d lines: time to split it by idea' % n


@rule
def function_length(source):
    """a function has at most 80 lines"""
    for f in source.functions():
        n = f.end_line - f.line + 1
        if n > tables.FUNCTION_LINES_GOOD:
            yield f.line, 'warning', '%s has %d lines' % (f.name, n)


@rule
def names(source):
    """a file is named for its idea"""
    stem = source.path.rsplit('/', 1)[-1].split('.')[0]
    if stem in tables.VAGUE_NAMES:
        yield 1, 'error', 'a file called %s could hold anything: name it for its idea' % stem


@rule
def layout(source):
    """no tabs, no blanks at line ends, 100 columns"""
    for i, line in enumerate(source.lines, 1):
        if '\t' in line:
            yield i, 'error', 'a tab'
        if line != line.rstrip():
            yield i, 'error', 'blanks at the end of the line'
        if len(line) > tables.COLUMNS and not source.path.endswith('.def'):
            # Tests hold long texts that nothing can break; elsewhere they can be said shorter.
            yield i, _stricter_in_src(source), '%d columns' % len(line)
    if source.text and not source.text.endswith('\n'):
        yield len(source.lines), 'error', 'no newline at the end of the file'


@rule
def rooms(source):
    """a room includes only itself and the rooms before it"""
    room = source.room()
    if room is None or room not in tables.ROOMS:
        return
    for i, line in enumerate(source.lines, 1):
        m = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if not m:
            continue
        other = m.group(1).split('/')[0]
        if '/' not in m.group(1):
            yield i, 'error', 'write the room too: "%s/%s"' % (room, m.group(1))
        elif other not in tables.ROOMS:
            yield i, 'error', 'there is no room %s' % other
        elif tables.ROOMS.index(other) > tables.ROOMS.index(room):
            yield i, 'error', '%s/ lies above %s/: calls go down the list of rooms' % (other, room)


@rule
def include_order(source):
    """first the file's own header, then the house, then <system>"""
    own = re.sub(r'^src/', '', source.path)[:-2] + '.h'
    system_at, count = None, 0
    for i, line in enumerate(source.lines, 1):
        m = re.match(r'\s*#\s*include\s+(["<])([^">]+)[">]', line)
        if not m or m.group(2).endswith('.def'):
            continue
        count += 1
        if m.group(1) == '<':
            system_at = system_at or i
        elif system_at:
            yield i, 'error', '"%s" stands below a <system> header' % m.group(2)
        if m.group(2) == own and count > 1 and source.path.endswith('.c'):
            yield i, 'error', "the file's own header comes first"


@rule
def outside_world(source):
    """sockets, files, time, threads and signals only inside rt/"""
    room = source.room()
    if room is None:
        return
    for i, line in enumerate(source.lines, 1):
        m = re.match(r'\s*#\s*include\s+<([^>]+)>', line)
        if not m:
            continue
        header = m.group(1)
        allowed = next((rows for pattern, rows in tables.HEADERS if re.fullmatch(pattern, header)), None)
        if allowed is None:
            yield i, 'error', '<%s> is in no row of HEADERS (script/lib/lint/tables.py)' % header
        elif allowed != 'all' and room not in allowed:
            yield i, 'error', '<%s> belongs to %s only' % (header, ', '.join(a + '/' for a in allowed))


@rule
def banned_calls(source):
    """the calls of libc that have a better counterpart here"""
    room = source.room()
    if room is None:
        return
    own = {name for name, head, _ in source.prototypes() if head.startswith('static ')}
    for line, m in _find(source, r'(?<![\w.>])([a-z_]\w*)\s*\('):
        if m.group(1) in own:
            continue
        for pattern, rows, instead in tables.CALLS:
            if re.fullmatch(pattern, m.group(1)) and room not in rows:
                yield line, 'error', '%s(): %s' % (m.group(1), instead)


@rule
def control_flow(source):
    """no goto, no setjmp"""
    for line, m in _find(source, r'\b(goto|setjmp|longjmp|sigsetjmp|siglongjmp)\b'):
        yield line, 'error', '%s: return early, use TRY and AUTO' % m.group(1)


@rule
def assignment_in_condition(source):
    """no assignment in the condition of an if or while (a for may fetch its next value there)"""
    for m in re.finditer(r'\b(if|while)\s*\(', source.plain):
        inside = _parenthesised(source.plain, m.end() - 1)
        if re.search(r'(?<![=!<>+\-*/%&|^])=(?!=)', re.sub(r'\(\s*struct \w+\s*\)\s*\{[^}]*\}', '', inside)):
            yield source.line_of(m.start()), 'error', 'an assignment in the condition of this %s' % m.group(1)


def _parenthesised(text, at):
    depth = 0
    for m in re.finditer(r'[()]', text[at:]):
        depth += 1 if m.group() == '(' else -1
        if depth == 0:
            return text[at + 1:at + m.start()]
    return ''


@rule
def nested_conditional(source):
    """no ?: inside ?:"""
    frames = [False]
    for m in re.finditer(r'[?(){}\[\],;]', source.plain):
        c = m.group()
        if c in '({[':
            frames.append(False)
        elif c in ')}]':
            if len(frames) > 1:
                frames.pop()
        elif c in ',;':
            frames[-1] = False
        else:
            if any(frames):
                yield source.line_of(m.start()), _stricter_in_src(source), 'a ?: inside a ?:'
            frames[-1] = True
        if c == '}':
            frames[-1] = False


@rule
def mutable_globals(source):
    """no global and no static local that changes, no thread-local"""
    if source.room() is None:
        return
    for line, m in _find(source, r'\b(_Thread_local|__thread|thread_local)\b'):
        yield line, 'error', 'a thread-local: state hangs off the worker'
    for offset, head, _, _ in source.items():
        if head.split(' ')[0] in source.function_types:
            continue  # a prototype: `http_handler health_live;`
        if head and '(' not in head.split('=')[0] and not _is_type_or_const(head):
            yield source.line_of(offset), 'error', 'a global that can change: ' + ' '.join(head.split())[:60]
    for f in source.functions():
        first = f.end_line - f.body.count('\n')
        for m in re.finditer(r'\bstatic\b[^;=({]*', f.body):
            if not _constant(m.group()):
                line = first + f.body.count('\n', 0, m.start())
                yield line, 'error', 'a static local that can change'


def _is_type_or_const(head):
    declared = head.split('=')[0]
    if re.match(r'(typedef|extern|_Static_assert)\b', head):
        return True
    if re.fullmatch(r'(static\s+)?(struct|enum|union)(\s+\w+)?\s*', declared) and '=' not in head:
        return True
    if '=' not in head and not re.search(r'\w\s+\*?\s*\w', declared):
        return True  # a macro that stands alone on its line
    return _constant(declared)


def _constant(declaration):
    """Is the declared thing itself const? For a pointer what counts stands behind its last star."""
    declaration = re.sub(r'\{[^{}]*\}', '', declaration)
    behind = declaration.rsplit('*', 1)[-1] if '*' in declaration else declaration
    return bool(re.search(r'\bconst\b', behind))


@rule
def default_over_enum(source):
    """no default: over an enum of ours: list every case"""
    for f in source.functions():
        first = f.end_line - f.body.count('\n')
        for m in re.finditer(r'\bswitch\s*\(', f.body):
            brace = f.body.find('{', m.end())
            body = _braced(f.body, brace)
            labels = re.findall(r'\bcase\s+([A-Za-z_]\w*)\s*:', body)
            others = re.findall(r'\bcase\s+(?![A-Za-z_]\w*\s*:)', body)
            if labels and not others and re.search(r'\bdefault\s*:', body) \
                    and all(label in source.enumerators for label in labels):
                line = first + f.body.count('\n', 0, m.start())
                yield line, 'error', 'default: over enum values: list every case'


def _braced(text, at):
    depth = 0
    for m in re.finditer(r'[{}]', text[at:]):
        depth += 1 if m.group() == '{' else -1
        if depth == 0:
            return text[at:at + m.end()]
    return ''


@rule
def preprocessor_in_function(source):
    """no #if inside a function: a file a platform"""
    spans = [(f.line, f.end_line) for f in source.functions()]
    for i, line in enumerate(source.lines, 1):
        if re.match(r'\s*#\s*if', line) and any(a < i < b for a, b in spans):
            yield i, 'error', '#if inside a function: give each platform its file'


@rule
def typedefs(source):
    """typedef only for function types; no packed structs"""
    for line, m in _find(source, r'\btypedef\s+(struct|enum|union)\b[^;(]*(\{|;)'):
        yield line, 'error', 'typedef of a %s: it keeps its keyword' % m.group(1)
    for line, m in _find(source, r'__attribute__\s*\(\(\s*(__)?packed|#\s*pragma\s+pack', source.code):
        yield line, 'error', 'a packed layout: read fields with get_u32 and its like'


@rule
def big_arrays(source):
    """no array over 1 KiB on the stack"""
    if source.room() is None:
        return
    for f in source.functions():
        first = f.end_line - f.body.count('\n')
        for m in re.finditer(r'^\s+(?!static|return)[\w ]+\s\**\w+\[(\d+)( \* KIB)?\]', f.body, re.M):
            size = int(m.group(1)) * (1024 if m.group(2) else 1)
            if size > tables.STACK_ARRAY_MAX:
                line = first + f.body.count('\n', 0, m.start(1))
                yield line, 'error', 'an array of %d elements on the stack' % size


@rule
def made_before_return(source):
    """an AUTO buffer or arena is made before the first return: zeroed locals hide that it was not"""
    for f in source.functions():
        for declared in re.finditer(r'\bstruct (?:buf|arena) ((?:\w+ AUTO\(\w+\)(?:, )?)+);', f.body):
            for name in re.findall(r'(\w+) AUTO', declared[1]):
                made = re.search(r'\w+\(&%s\b|\b%s = ' % (name, name), f.body[declared.end():])
                until = f.body[declared.end():declared.end() + made.start()] if made else f.body[declared.end():]
                if re.search(r'\breturn\b|\bTRY\(', until):
                    yield f.line + f.body[:declared.start()].count('\n'), 'error', \
                        '%s is given back by a return that comes before it is made' % name


@rule
def must_use(source):
    """what returns struct err is MUST_USE (headers)"""
    if not source.path.endswith('.h') or source.room() is None:
        return
    for name, head, line in source.prototypes():
        if re.match(r'(static inline )?struct err \w+\(', head) and 'MUST_USE' not in head \
                and name not in tables.ERR_MAKERS:
            yield line, 'error', '%s returns struct err and is not MUST_USE' % name


@rule
def comments(source):
    """no TODO without an issue, RFCs as `RFC 5321 4.1.1.3`, no code in comments"""
    for offset, text in source.comments:
        for k, part in enumerate(text.split('\n')):
            line = source.line_of(offset) + k
            if re.search(r'\b(TODO|FIXME|XXX|HACK)\b(?!.*#\d+)', part):
                yield line, 'error', 'a TODO needs the number of its issue (#12)'
            if re.match(r'//\s?(\w[\w\->.\[\]]* = .*;|\w+\(.*\);|\}|return\b.*;)$', part):
                yield line, 'warning', 'code in a comment: git remembers it'
            yield from rfc_form(line, part)


def rfc_form(line, text):
    """RFC 5321 or RFC 5321 4.1.1.3; lists as in RFC 5321 and 5322 are fine."""
    if re.search(r'\b(?:RFC-?\d|rfc ?\d|Rfc)', text):
        yield line, 'error', 'write RFCs as RFC 5321 4.1.1.3'
    elif re.search(r'\bRFC \d+,? ?(?:§|[Ss]ections?\b|[Ss]ec\.|chapter\b)', text):
        yield line, 'error', 'the section follows the number: RFC 5321 4.1.1.3'
