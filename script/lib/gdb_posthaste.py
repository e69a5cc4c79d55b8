# SPDX-License-Identifier: Apache-2.0
"""gdb's view of this house: slices as text, errors, arenas and buffers in a line, and the tasks of
a worker with what each waits for. script/debug and script/test --gdb load it."""
import gdb
import gdb.printing

TEXT_MOST = 200


def bytes_as_text(ptr, length):
    length = int(length)
    if int(ptr) == 0:
        return 'null' if length == 0 else '(null, %d bytes)' % length
    try:
        raw = gdb.selected_inferior().read_memory(int(ptr), min(length, TEXT_MOST)).tobytes()
    except gdb.MemoryError:
        return '(unreadable, %d bytes)' % length
    text = raw.decode('utf-8', 'backslashreplace').replace('\r', '\\r').replace('\n', '\\n')
    return '"%s"%s' % (text, '... (%d bytes)' % length if length > TEXT_MOST else '')


class StrPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        return bytes_as_text(self.value['ptr'], self.value['len'])


class ErrPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        kind = str(self.value['kind'])
        if int(self.value['kind']) == 0:
            return 'OK'
        return '%s: %s' % (kind, bytes_as_text(self.value['text'], self.value['text_len']))


class BufPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        return '%s, %d of at most %d bytes%s' % (bytes_as_text(v['ptr'], v['len']), int(v['len']),
                                                 int(v['limit_bytes']), ', overflown' if v['overflow'] else '')


class ArenaPrinter:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        v = self.value
        return 'arena, %d of at most %d bytes' % (int(v['used_bytes']), int(v['limit_bytes']))


def printers():
    all_of_them = gdb.printing.RegexpCollectionPrettyPrinter('posthaste')
    for name, printer in (('str', StrPrinter), ('err', ErrPrinter), ('buf', BufPrinter), ('arena', ArenaPrinter)):
        all_of_them.add_printer(name, '^%s$' % name, printer)
    return all_of_them


def running_loop():
    """The loop of the selected thread; None outside of one."""
    try:
        loop = gdb.parse_and_eval("'loop.c'::running")
    except gdb.error:
        return None
    return None if int(loop) == 0 else loop.dereference()


def all_tasks(loop):
    task_type = gdb.lookup_type('struct task')
    offset = next(f.bitpos // 8 for f in task_type.fields() if f.name == 'all_link')
    head = loop['all']['head']
    at, end = head['next'], int(head.address)
    while int(at) != end:
        yield gdb.Value(int(at) - offset).cast(task_type.pointer()).dereference()
        at = at['next']


def text_or(value, otherwise):
    return otherwise if int(value) == 0 else value.string()


class InfoTasks(gdb.Command):
    """info tasks: every coroutine of this worker and what it waits for."""

    def __init__(self):
        super().__init__('info tasks', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        loop = running_loop()
        if loop is None:
            print('no loop runs in this thread')
            return
        for i, task in enumerate(all_tasks(loop)):
            running = int(task.address) == int(loop['current'])
            waiting = 'runs' if running else text_or(task['waiting_for'], 'ready')
            since = (int(loop['now_ns']) - int(task['waiting_since_ns'])) / 1e9
            session = int(task['session'])
            print('%s%4d  %-24s %s%s%s' % ('*' if running else ' ', i, text_or(task['name'], task['main']), waiting,
                                           '' if waiting in ('runs', 'ready') else ', for %.3f s' % since,
                                           ', session %016x' % session if session else ''))


class Task(gdb.Command):
    """task N: the stack of the N-th coroutine of `info tasks` (x86-64)."""

    def __init__(self):
        super().__init__('task', gdb.COMMAND_STACK)

    def invoke(self, argument, from_tty):
        loop = running_loop()
        tasks = [] if loop is None else list(all_tasks(loop))
        if not argument.isdigit() or int(argument) >= len(tasks):
            print('task N, with a number that `info tasks` shows')
            return
        task = tasks[int(argument)]
        if int(task.address) == int(loop['current']):
            gdb.execute('backtrace')
            return
        # rt/context_x86_64.c pushes rbp rbx r12-r15 below the address to return to. gdb walks the
        # stack from registers, so they are borrowed for a moment and put back.
        saved = int(task['context']['sp'])
        word = gdb.lookup_type('unsigned long').pointer()
        words = gdb.Value(saved).cast(word)
        borrowed = {'$r15': words[0], '$r14': words[1], '$r13': words[2], '$r12': words[3], '$rbx': words[4],
                    '$rbp': words[5], '$pc': words[6], '$rsp': saved + 56}
        borrowed = {name: int(value) for name, value in borrowed.items()}
        gdb.execute('frame 0', to_string=True)
        before = {name: int(gdb.parse_and_eval('(unsigned long)' + name)) for name in borrowed}
        try:
            for name, value in borrowed.items():
                gdb.execute('set %s = %d' % (name, value), to_string=True)
            gdb.execute('backtrace')
        finally:
            for name, value in before.items():
                gdb.execute('set %s = %d' % (name, value), to_string=True)


gdb.printing.register_pretty_printer(None, printers(), replace=True)
InfoTasks()
Task()
