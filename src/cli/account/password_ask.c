// SPDX-License-Identifier: Apache-2.0
// cli/account/password_ask.c: see password_ask.h. The policy is that of directory.md 5.2.
#include "cli/account/password_ask.h"

#include "directory/password.h"
#include "rt/clock.h"
#include "rt/terminal.h"

#define MADE_CHARACTERS 20
#define ALPHABET "abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789" // none look alike

static struct err ask_twice(struct cli *c, struct str *out);
static struct err read_stdin(struct cli *c, struct str *out);
static struct err make_up(struct cli *c, struct str *out);
static struct err check_policy(
        struct cli *c, const struct directory_settings *settings, struct str password);

struct err password_new(struct cli *c, const struct directory_settings *settings,
        struct str operand, struct new_password *out)
{
    struct str password = operand;
    uint8_t salt[PASSWORD_SALT_BYTES];
    bool stdin_given = cli_has(c, S("password-stdin")), make = cli_has(c, S("generate"));
    *out = (struct new_password){0};
    if (stdin_given + make + !str_is_null(operand) > 1)
        return fail(ERR_SYNTAX, "say the password in one way only");
    if (!str_is_null(operand))
        fprintf(c->err, "warning: a password on the command line can be seen by everybody on this "
                        "machine, and stays in the shell's history; use --password-stdin\n");
    else if (stdin_given)
        TRY(read_stdin(c, &password));
    else if (!make && terminal_is(fileno(c->in)) && terminal_is(fileno(c->err)))
        TRY(ask_twice(c, &password));
    else
        TRY(make_up(c, &out->made));
    if (!str_is_null(out->made))
        password = out->made;
    TRY(check_policy(c, settings, password));
    random_bytes(salt, sizeof(salt));
    return cli_has(c, S("scram"))
                   ? password_scram_make_now(&c->arena, password, salt, &out->hash)
                   : password_make_now(&c->arena, settings->hash, password, salt, &out->hash);
}

static struct err ask_twice(struct cli *c, struct str *out)
{
    struct str again;
    int in = fileno(c->in), to = fileno(c->err);
    fflush(c->err);
    TRY(terminal_ask_secret(&c->arena, in, to, S("New password: "), PASSWORD_BYTES_MAX, out));
    TRY(terminal_ask_secret(&c->arena, in, to, S("Once more: "), PASSWORD_BYTES_MAX, &again));
    return str_eq(*out, again) ? OK : fail(ERR_SYNTAX, "the two passwords differ");
}

// The first line, so that a file may end in a newline or not.
static struct err read_stdin(struct cli *c, struct str *out)
{
    struct buf text AUTO(buf_done);
    struct scan in;
    buf_init(&text, PASSWORD_BYTES_MAX + 2);
    TRY(cli_read_input(c, &text));
    in = scan_over(buf_str(&text));
    *out = STR_NULL;
    (void)scan_line(&in, out);
    *out = arena_str(&c->arena, *out);
    mem_wipe(text.ptr, text.cap);
    if (!scan_end(&in))
        return fail(ERR_SYNTAX, "standard input holds more than one line");
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for a password") : OK;
}

static struct err make_up(struct cli *c, struct str *out)
{
    static const char alphabet[] = ALPHABET;
    struct buf text AUTO(buf_done);
    buf_init(&text, MADE_CHARACTERS);
    while (text.len < MADE_CHARACTERS) {
        uint8_t byte;
        random_bytes(&byte, 1);
        if (byte < 256 - 256 % (sizeof(alphabet) - 1)) // each letter as likely as the others
            buf_add_byte(&text, alphabet[byte % (sizeof(alphabet) - 1)]);
    }
    *out = arena_str(&c->arena, buf_str(&text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for a password") : OK;
}

static struct err check_policy(
        struct cli *c, const struct directory_settings *settings, struct str password)
{
    size_t characters = str_utf8_count(password);
    if (!str_is_utf8(password))
        return fail(ERR_SYNTAX, "a password is UTF-8");
    if (characters < settings->password_characters_min ||
            characters > settings->password_characters_max)
        return fail_fmt(&c->arena, ERR_SYNTAX,
                "a password has %zu to %zu characters here (authentication.password.min-length and "
                "max-length), and this one has %zu",
                settings->password_characters_min, settings->password_characters_max, characters);
    return OK;
}
