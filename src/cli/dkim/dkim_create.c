// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_create.c: `posthaste dkim create` and `dkim keygen`: a new key, and what to publish
// and to configure for it. Needs no server.
#include "cli/commands.h"
#include "cli/dkim/dkim_key.h"
#include "cli/one_task.h"

#include "base/date.h"
#include "rt/rt.h"

#define TEXT_BYTES_MAX (32 * KIB)

struct creation {
    struct cli *c;
    struct dkim_kind kind;
    struct dkim_place place;
    struct str id, path;
    struct private_key *key;
    struct str record;
    int64_t now_ms;
};

static const struct cli_option create_options[] = {
        CLI_OPTION_DKIM_BITS,
        {.name = S_INIT("output"),
                .letter = 'o',
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .help = "where the private key goes (default: ID.pem)"},
        CLI_OPTION_JSON,
};
static const struct cli_option keygen_options[] = {CLI_OPTION_DKIM_BITS};

static struct err begin(struct creation *n);
static struct err read_clock(void *creation);
static struct err name_it(struct creation *n);
static struct err make(struct creation *n);
static int show(struct creation *n);
static int show_json(struct creation *n);

static int run_create(struct cli *c)
{
    struct creation n = {.c = c};
    struct err e = begin(&n);
    if (failed(e))
        return cli_usage_error(c, e);
    e = make(&n);
    if (!failed(e))
        e = dkim_key_write(&c->arena, n.path, n.key);
    private_key_free(n.key);
    if (failed(e))
        return cli_fail(c, e.kind == ERR_REFUSED ? CLI_RIGHTS : CLI_FAILED, e);
    return c->json ? show_json(&n) : show(&n);
}

static struct err begin(struct creation *n)
{
    struct cli *c = n->c;
    TRY(dkim_kind_read(c, c->operands[0], &n->kind));
    TRY(one_task_run(read_clock, n));
    return name_it(n);
}

static struct err read_clock(void *creation)
{
    struct creation *n = creation;
    n->now_ms = wall_ms();
    return OK;
}

// authentication.md 7.1: rsa-DOMAIN, and the month with a letter.
static struct err name_it(struct creation *n)
{
    struct cli *c = n->c;
    bool rsa = n->kind.type == DKIM_KEY_RSA;
    struct civil now;
    civil_from_ms(n->now_ms, &now);
    struct str month = arena_fmt(&c->arena, "%04d%02u", now.year, now.month);
    struct str selector = arena_join(&c->arena, month, rsa ? S("r") : S("e"));
    if (c->operand_count > 3)
        selector = c->operands[3];
    TRY(dkim_place_read(c, c->operands[1], selector, &n->place));
    n->id = arena_join(&c->arena, rsa ? S("rsa-") : S("ed25519-"), n->place.domain);
    if (c->operand_count > 2)
        n->id = c->operands[2];
    if (str_is_empty(n->id) || str_find_byte(n->id, '/') != STR_NOT_FOUND)
        return fail_fmt(&c->arena, ERR_SYNTAX, "'%.*s' is no id of a signature", ARG(n->id));
    n->path = cli_text(c, S("output"), arena_fmt(&c->arena, "%.*s.pem", ARG(n->id)));
    return OK;
}

static struct err make(struct creation *n)
{
    TRY(private_key_generate(n->kind.type, n->kind.bits, &n->key));
    return private_key_record(&n->c->arena, n->key, &n->record);
}

static int show(struct creation *n)
{
    struct buf text AUTO(buf_done);
    bool rsa = n->kind.type == DKIM_KEY_RSA;
    buf_init(&text, TEXT_BYTES_MAX);
    buf_fmt(&text, "The private key is in %.*s; nobody else can read it.\n\n", ARG(n->path));
    buf_add(&text, S("Publish this record:\n\n"));
    dkim_record_add(&text, &n->place, n->record);
    buf_add(&text, S("\nand configure:\n\n"));
    buf_fmt(&text, "[signature.\"%.*s\"]\n", ARG(n->id));
    buf_fmt(&text, "algorithm = \"%s\"\n", rsa ? "rsa-sha256" : "ed25519-sha256");
    buf_fmt(&text, "domain = \"%.*s\"\n", ARG(n->place.domain));
    buf_fmt(&text, "selector = \"%.*s\"\n", ARG(n->place.selector));
    buf_fmt(&text, "private-key = \"%%{file:%.*s}%%\"\n", ARG(n->path));
    cli_print(n->c, buf_str(&text));
    return CLI_OK;
}

static int show_json(struct creation *n)
{
    struct json_out o = cli_json_begin(n->c);
    json_object_begin(&o);
    json_put_str(&o, S("id"), n->id);
    json_put_str(&o, S("selector"), n->place.selector);
    json_put_str(&o, S("file"), n->path);
    json_key(&o, S("record"));
    json_object_begin(&o);
    json_put_str(&o, S("type"), S("TXT"));
    json_put_str(&o, S("name"), arena_fmt(&n->c->arena, "%.*s.", ARG(n->place.name)));
    json_put_str(&o, S("content"), n->record);
    json_object_end(&o);
    json_object_end(&o);
    return cli_json_end(n->c, CLI_OK);
}

static int run_keygen(struct cli *c)
{
    struct creation n = {.c = c};
    struct buf pem AUTO(buf_done);
    buf_init(&pem, PRIVATE_KEY_TEXT_BYTES_MAX);
    struct err e = dkim_kind_read(c, c->operands[0], &n.kind);
    if (failed(e))
        return cli_usage_error(c, e);
    e = make(&n);
    if (!failed(e))
        e = private_key_pem(n.key, &pem);
    private_key_free(n.key);
    if (failed(e))
        return cli_fail(c, CLI_INTERNAL, e);
    cli_print(c, buf_str(&pem));
    cli_print(c, n.record);
    cli_print(c, S("\n"));
    mem_wipe(pem.ptr, pem.len);
    return CLI_OK;
}

const struct command command_dkim_create = {
        .run = run_create,
        .operands = "ALGORITHM DOMAIN [ID] [SELECTOR]",
        .operand_min = 2,
        .operand_max = 4,
        .about = "Makes a key for signing the mail of a domain, writes it to a new file that only\n"
                 "its owner can read, and prints the record to publish and the settings that\n"
                 "use it. ALGORITHM is rsa or ed25519. ID (default: rsa-DOMAIN, ed25519-DOMAIN)\n"
                 "names the signature in the configuration, SELECTOR (default: the month and r\n"
                 "or e, as 202601r) the key in the DNS.",
        .examples = "  posthaste dkim create rsa example.org\n"
                    "  posthaste dkim create ed25519 example.org ed s1 -o /etc/posthaste/s1.pem",
        CLI_OPTIONS(create_options),
};

const struct command command_dkim_keygen = {
        .run = run_keygen,
        CLI_ONE_OPERAND("ALGORITHM"),
        .about = "Makes a key and prints it: the private key in PEM, and behind it the record\n"
                 "that publishes it. ALGORITHM is rsa or ed25519.",
        .examples = "  posthaste dkim keygen rsa --bits 3072",
        CLI_OPTIONS(keygen_options),
};
