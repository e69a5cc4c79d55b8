// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_suppress.c: `posthaste queue suppress add`, `remove` and `import`: people change
// the suppression list (queue.md 18, row 18).
#include "cli/queue/queue_suppress.h"

#include "cli/commands.h"
#include "cli/moment.h"
#include "cli/server/become_server.h"
#include "rt/clock.h"

#define IMPORT_BYTES_MAX (512 * (size_t)MIB)
#define IMPORT_GROUP 20000          // addresses of one commit
#define GROUP_BYTES_MAX (256 * MIB) // of such a group
#define WRONG_LINES_SHOWN 20

static const struct cli_option add_options[] = {
        SUPPRESS_ENTRY_OPTIONS,
        CLI_OPTION_CONFIG,
        CLI_OPTION_JSON,
};
static const struct cli_option remove_options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON};

struct call {
    struct str folder;
    enum suppress_use use;
    struct suppress_work w;
    suppress_work_main *main;
    int status;
};

struct import {
    struct suppress_work *w;
    struct suppress_entry preset;
    struct arena arena; // of a group
    VEC(struct suppress_entry) group;
    uint64_t line, imported, wrong;
};

static void work(void *arg);
static int add(struct suppress_work *w);
static int drop(struct suppress_work *w);
static int import(struct suppress_work *w);
static struct err import_line(struct import *im, struct str line) MUST_USE;
static struct err import_group(struct import *im) MUST_USE;
static int say_count(struct cli *c, const char *key, uint64_t count, uint64_t wrong);

// --- The list ------------------------------------------------------------------------------------

int suppress_work_run(struct cli *c, enum suppress_use use, suppress_work_main *main)
{
    struct call call = {.use = use, .w = {.c = c}, .main = main};
    int status;
    struct conf *conf = config_read_state(c, &status);
    if (status == CLI_OK) {
        call.folder = suppress_folder(&c->arena, conf);
        status = as_server_run(c, conf, call.folder, work, &call);
        status = status == CLI_OK ? call.status : status;
    }
    conf_free(conf);
    return status;
}

static void work(void *arg)
{
    struct call *call = arg;
    struct suppress_work *w = &call->w;
    struct err e = suppress_open(&w->c->arena, call->folder, call->use, &w->list);
    if (failed(e) && (e.kind != ERR_NOT_FOUND || call->use == SUPPRESS_SERVE)) {
        call->status = cli_fail(w->c, CLI_FAILED, e);
        return;
    }
    if (failed(e))
        w->list = NULL;
    w->wall_now_ms = wall_ms();
    call->status = call->main(w);
    suppress_close(w->list);
}

struct err suppress_entry_of(struct suppress_work *w, struct suppress_entry *out)
{
    struct cli *c = w->c;
    struct conf_env env = conf_env_process(&c->arena);
    struct suppress_entry e = {.reason = SUPPRESS_MANUAL,
            .text = cli_text(c, S("text"), S("")),
            .by = arena_fmt(&c->arena, "command line %.*s", ARG(conf_env_exact(&env, S("USER")))),
            .since_ms = w->wall_now_ms};
    struct str until = cli_text(c, S("until"), STR_NULL);
    (void)suppress_reason_named(cli_text(c, S("reason"), S("manual")), &e.reason);
    if (e.text.len > SUPPRESS_TEXT_BYTES_MAX || !str_is_utf8(e.text))
        return fail(ERR_SYNTAX, "--text takes one line of at most 500 bytes");
    if (!str_is_null(until) && !moment_parse(until, w->wall_now_ms, &e.until_ms))
        return fail(ERR_SYNTAX, "--until takes 2027-01-31T10:00:00Z, +2h or +90d");
    if (!str_is_null(until) && e.until_ms <= w->wall_now_ms)
        return fail(ERR_SYNTAX, "--until is over already");
    *out = e;
    return OK;
}

// --- add, remove ---------------------------------------------------------------------------------

static int run_add(struct cli *c)
{
    return suppress_work_run(c, SUPPRESS_SERVE, add);
}

// All of them, or none when one of them is no address.
static int add(struct suppress_work *w)
{
    struct cli *c = w->c;
    struct suppress_entry preset = {0};
    struct suppress_entry *all = arena_array(&c->arena, c->operand_count, struct suppress_entry);
    struct err e = all == NULL ? fail(ERR_LIMIT, "no memory for so many addresses")
                               : suppress_entry_of(w, &preset);
    if (failed(e))
        return cli_usage_error(c, e);
    for (size_t i = 0; i < c->operand_count; i++) {
        all[i] = preset;
        e = suppress_address(&c->arena, c->operands[i], &all[i].address);
        if (failed(e))
            return cli_fail_text(
                    c, CLI_FAILED, "%.*s: %.*s", ARG(c->operands[i]), ARG(err_text(e)));
    }
    e = suppress_put(w->list, &c->arena, all, c->operand_count);
    return failed(e) ? cli_fail(c, CLI_FAILED, e) : say_count(c, "added", c->operand_count, 0);
}

static int run_remove(struct cli *c)
{
    return suppress_work_run(c, SUPPRESS_SERVE, drop);
}

static int drop(struct suppress_work *w)
{
    struct cli *c = w->c;
    uint64_t removed = 0;
    for (size_t i = 0; i < c->operand_count; i++) {
        struct str address;
        struct err e = suppress_address(&c->arena, c->operands[i], &address);
        if (!failed(e))
            e = suppress_remove(w->list, &c->arena, address);
        removed += !failed(e);
        if (failed(e) && e.kind != ERR_NOT_FOUND)
            return cli_fail_text(
                    c, CLI_FAILED, "%.*s: %.*s", ARG(c->operands[i]), ARG(err_text(e)));
        if (failed(e))
            (void)cli_fail_text(
                    c, CLI_NOT_FOUND, "%.*s: %.*s", ARG(c->operands[i]), ARG(err_text(e)));
    }
    (void)say_count(c, "removed", removed, 0);
    if (removed == c->operand_count)
        return CLI_OK;
    return removed > 0 ? CLI_PARTLY : CLI_NOT_FOUND;
}

static int say_count(struct cli *c, const char *key, uint64_t count, uint64_t wrong)
{
    if (c->json) {
        struct json_out o = cli_json_begin(c);
        json_object_begin(&o);
        json_put_u64(&o, str_from_c(key), count);
        if (wrong > 0)
            json_put_u64(&o, S("wrong"), wrong);
        json_object_end(&o);
        return cli_json_end(c, CLI_OK);
    }
    fprintf(c->out, "%llu address%s %s.\n", (unsigned long long)count, count == 1 ? "" : "es", key);
    return CLI_OK;
}

// --- import --------------------------------------------------------------------------------------

static int run_import(struct cli *c)
{
    return suppress_work_run(c, SUPPRESS_SERVE, import);
}

// Lines that are wrong are told, and the others imported: such lists come from many hands.
static int import(struct suppress_work *w)
{
    struct cli *c = w->c;
    struct buf text AUTO(buf_done);
    struct import im = {.w = w};
    struct str line;
    buf_init(&text, IMPORT_BYTES_MAX);
    struct err e = suppress_entry_of(w, &im.preset);
    if (failed(e))
        return cli_usage_error(c, e);
    e = cli_read_file(c, c->operands[0], &text);
    if (failed(e))
        return cli_fail(c, CLI_FAILED, e);
    arena_init(&im.arena, GROUP_BYTES_MAX);
    for (struct scan in = scan_over(buf_str(&text)); !failed(e) && scan_line(&in, &line);)
        e = import_line(&im, line);
    if (!failed(e))
        e = import_group(&im);
    int status = failed(e) ? cli_fail(c, CLI_FAILED, e) : CLI_OK;
    arena_done(&im.arena);
    if (im.wrong > WRONG_LINES_SHOWN)
        fprintf(c->err, "... and %llu more\n", (unsigned long long)(im.wrong - WRONG_LINES_SHOWN));
    (void)say_count(c, "imported", im.imported, im.wrong);
    return status == CLI_OK && im.wrong > 0 ? CLI_PARTLY : status;
}

static struct err import_line(struct import *im, struct str line)
{
    struct suppress_entry read;
    bool is_entry;
    im->line++;
    struct err e = suppress_line_read(&im->arena, line, &read, &is_entry);
    if (e.kind == ERR_SYNTAX) {
        im->wrong++;
        if (im->wrong <= WRONG_LINES_SHOWN)
            fprintf(im->w->c->err, "line %llu: %.*s\n", (unsigned long long)im->line,
                    ARG(err_text(e)));
        return OK;
    }
    TRY(e);
    if (!is_entry)
        return OK;
    struct suppress_entry *added = vec_add(&im->arena, &im->group);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory for so many addresses");
    *added = im->preset;
    added->address = read.address;
    if (read.text.len > 0)
        added->text = read.text;
    return im->group.count >= IMPORT_GROUP ? import_group(im) : OK;
}

static struct err import_group(struct import *im)
{
    TRY(suppress_put(im->w->list, &im->arena, im->group.at, im->group.count));
    im->imported += im->group.count;
    im->group.at = NULL;
    im->group.count = im->group.cap = 0;
    arena_reset(&im->arena);
    return OK;
}

#define ADDRESSES(least) .operands = "ADDRESS...", .operand_min = (least), .operand_max = SIZE_MAX

const struct command command_queue_suppress_add = {
        .run = run_add,
        ADDRESSES(1),
        .about = "Puts addresses on the suppression list: mail to them is refused or dropped from\n"
                 "now on, where queue.suppress.enable is true. An address that is there gets the\n"
                 "new reason, text and end.",
        .examples =
                "  posthaste queue suppress add ann@example.net --reason complaint\n"
                "  posthaste queue suppress add bob@example.net --until +30d --text \"on leave\"",
        CLI_OPTIONS(add_options),
};

const struct command command_queue_suppress_remove = {
        .run = run_remove,
        ADDRESSES(1),
        .about =
                "Takes addresses off the suppression list, and forgets what bounces were counted.\n"
                "What was refused or dropped before does not come back.",
        .examples = "  posthaste queue suppress remove ann@example.net",
        CLI_OPTIONS(remove_options),
};

const struct command command_queue_suppress_import = {
        .run = run_import,
        CLI_ONE_OPERAND("FILE"),
        .about =
                "Puts the addresses of a file on the suppression list, one a line; behind a "
                "comma,\n"
                "a TAB or a blank may stand the text that is kept with it. Empty lines, and those\n"
                "that begin with #, are passed over. Lines that are wrong are told, and the "
                "others\n"
                "imported; the exit status is 6 then. A FILE of - is standard input.",
        .examples = "  posthaste queue suppress import bounced.txt --reason bounce --until +180d\n"
                    "  posthaste queue suppress list --plain | ssh mx2 posthaste queue suppress "
                    "import -",
        CLI_OPTIONS(add_options),
};
