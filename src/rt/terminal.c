// SPDX-License-Identifier: Apache-2.0
// rt/terminal.c: see rt/terminal.h. The terminal's own editing of lines would keep the keys that
// end it all until a line is done, so the few keys that people need for a password are done here.
#include "rt/terminal.h"

#include <errno.h>
#include <termios.h>
#include <unistd.h>

#define KEY_INTERRUPT 3 // Control-C
#define KEY_END 4       // Control-D
#define KEY_BACK 8      // Control-H
#define KEY_KILL 21     // Control-U
#define KEY_RUBOUT 127

static struct err read_line(struct arena *a, int fd, struct buf *line);
static void take_back(struct buf *line);
static void say(int fd, struct str text);

bool terminal_is(int fd)
{
    return isatty(fd) == 1;
}

struct err terminal_ask_secret(struct arena *a, int in_fd, int out_fd, struct str prompt,
        size_t bytes_max, struct str *out)
{
    struct termios before, quiet;
    struct buf line;
    if (tcgetattr(in_fd, &before) != 0)
        return fail_errno(a, errno, "asking for a password");
    quiet = before;
    quiet.c_lflag &= ~(tcflag_t)(ECHO | ECHOE | ECHOK | ECHONL | ISIG | ICANON);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    if (tcsetattr(in_fd, TCSAFLUSH, &quiet) != 0)
        return fail_errno(a, errno, "asking for a password");
    buf_init(&line, bytes_max + 1);
    bool room = buf_reserve(&line, bytes_max + 1); // no copies of it are left behind
    say(out_fd, prompt);
    struct err e = room ? read_line(a, in_fd, &line) : fail(ERR_LIMIT, "no memory for a password");
    say(out_fd, S("\n"));
    (void)tcsetattr(in_fd, TCSAFLUSH, &before);
    if (!failed(e) && line.len > bytes_max)
        e = fail_fmt(a, ERR_LIMIT, "a password has at most %zu bytes", bytes_max);
    if (!failed(e)) {
        *out = arena_str(a, buf_str(&line));
        if (str_is_null(*out))
            e = fail(ERR_LIMIT, "no memory for a password");
    }
    mem_wipe(line.ptr, line.cap);
    buf_done(&line);
    return e;
}

static struct err read_line(struct arena *a, int fd, struct buf *line)
{
    for (;;) {
        char c;
        ssize_t got = read(fd, &c, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(a, errno, "reading a password");
        if (got == 0 || c == KEY_INTERRUPT || c == KEY_END)
            return fail(ERR_CANCELLED, "no password was given");
        if (c == '\n' || c == '\r')
            return OK;
        if (c == KEY_KILL)
            buf_clear(line);
        else if (c == KEY_BACK || c == KEY_RUBOUT)
            take_back(line);
        else if (line->len < line->limit_bytes)
            buf_add_byte(line, c);
    }
}

// A character, which may be several bytes of UTF-8.
static void take_back(struct buf *line)
{
    bool inner = true;
    while (line->len > 0 && inner) {
        line->len--;
        inner = ((uint8_t)line->ptr[line->len] & 0xc0) == 0x80;
    }
}

static void say(int fd, struct str text)
{
    while (text.len > 0) {
        ssize_t sent = write(fd, text.ptr, text.len);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return; // then it is asked without a word
        text = str_from(text, (size_t)sent);
    }
}
