# SPDX-License-Identifier: Apache-2.0
"""A C file as the rules see it: its lines, the same without comments and strings, its functions.

This is no parser of C. It relies on what clang-format guarantees of our files (a function's brace
alone in column 1, one statement a line), and so stays small and has no false alarms there.
"""
import bisect
import re

BLANK = re.compile(r'[^\n]')
TOKENS = re.compile(r'//(?:\\\n|[^\n])*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r'^[ \t]*#(?:\\\n|[^\n])*', re.M)
NOT_FUNCTIONS = {'if', 'for', 'while', 'switch', 'return', 'sizeof', 'defined', '__attribute__', 'AUTO',
                 'PRINTF_LIKE', '_Static_assert', 'static_assert', '_Alignas', '__extension__'}


def blanked(text):
    return BLANK.sub(' ', text)


class Function:
    def __init__(self, name, head, body, line, end_line, static):
        self.name, self.head, self.body = name, head, body
        self.line, self.end_line, self.static = line, end_line, static


class Source:
    def __init__(self, path, text):
        self.path, self.text = path, text
        self.lines = text.split('\n')
        self.starts = [0]
        for line in self.lines:
            self.starts.append(self.starts[-1] + len(line) + 1)
        self.comments = []  # (offset, text)
        self.code = TOKENS.sub(self._drop, text)
        self.plain = DIRECTIVE.sub(lambda m: blanked(m.group()), self.code)
        self._items = None

    def _drop(self, m):
        token = m.group()
        if token.startswith(('//', '/*')):
            self.comments.append((m.start(), token))
            return blanked(token)
        return token[0] + blanked(token[1:-1]) + token[-1]

    def line_of(self, offset):
        return bisect.bisect_right(self.starts, offset)

    def room(self):
        parts = self.path.split('/')
        return parts[1] if parts[0] == 'src' and len(parts) > 2 else None

    def items(self):
        """The top level of the file: (offset, text before the body, body or None) of each item."""
        if self._items is None:
            self._items = list(self._split())
        return self._items

    def _split(self):
        depth, start, body_at, parens = 0, 0, None, 0
        for m in re.finditer(r'[{};()]', self.plain):
            c, at = m.group(), m.start()
            if c == '(':
                parens += 1
            elif c == ')':
                parens -= 1
            elif c == '{':
                if depth == 0 and parens == 0:
                    body_at = at
                depth += 1
            elif c == '}':
                depth -= 1
                if depth == 0 and parens == 0 and body_at is not None:
                    head = self.plain[start:body_at]
                    if self._is_function(head):
                        yield self._item(start, head, self.plain[body_at:at + 1], body_at)
                        start, body_at = at + 1, None
            elif depth == 0 and parens == 0:
                end = body_at if body_at is not None else at
                body = self.plain[body_at:at] if body_at is not None else None
                yield self._item(start, self.plain[start:end], body, body_at)
                start, body_at = at + 1, None

    @staticmethod
    def _is_function(head):
        return head.rstrip().endswith((')', 'suspends')) and '=' not in head.split('(')[0]

    @staticmethod
    def _item(start, head, body, body_at):
        skip = len(head) - len(head.lstrip())
        return start + skip, head.strip(), body, body_at

    def functions(self):
        for offset, head, body, body_at in self.items():
            if body is None or not self._is_function(head):
                continue
            name = function_name(head)
            if name is None:
                continue
            yield Function(name, head, body, self.line_of(offset), self.line_of(body_at + len(body)),
                           bool(re.match(r'static\b', head)))

    def prototypes(self):
        """(name, text, line) of each declared function, struct members that point to one aside."""
        for offset, head, body, _ in self.items():
            if body is None and '(' in head and not head.startswith(('typedef', '_Static_assert')) \
                    and '=' not in head.split('(')[0]:
                name = function_name(head)
                if name is not None:
                    yield name, head, self.line_of(offset)


def function_name(head):
    for m in re.finditer(r'\b([A-Za-z_]\w*)\s*\(', head):
        if m.group(1) not in NOT_FUNCTIONS:
            return m.group(1)
    return None
