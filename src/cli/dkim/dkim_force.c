// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_force.c: `posthaste dkim rotate` of keys that the server changes itself: the active
// one is due now, and a successor that waits is looked for now (authentication.md 7.4). The file is
// changed; a server that runs sees it within seconds, one that does not when it starts.
#include "cli/dkim/dkim_stored.h"

#include "cli/one_task.h"
#include "cli/server/become_server.h"
#include "proof/dns_records.h"
#include "queue/control/statefile.h"
#include "queue/signing/key_file.h"
#include "rt/dns.h"
#include "rt/rt.h"
#include "server/plan.h"

#define LINES_MAX 2 // one of each kind
#define TEXT_BYTES_MAX (64 * KIB)

struct forcing {
    struct cli *c;
    const struct plan *plan;
    struct str path;
    struct rotation_keys keys;
    struct rotation_rule rules[LINES_MAX];
    struct rotation_line lines[LINES_MAX];
    bool was_forced[LINES_MAX];
    size_t line_count;
};

static void find_lines(struct forcing *f);
static bool line_of_id(const struct forcing *f, struct str *domain, enum dkim_key_type *type);
static struct err force(void *forcing);
static int say(const struct forcing *f);
static void say_line(const struct forcing *f, const struct rotation_line *line, struct buf *text);

bool dkim_stored_rotate(struct cli *c, const struct plan *plan, int *out_status)
{
    struct forcing f = {.c = c, .plan = plan, .path = key_file_path(&c->arena, plan->conf)};
    if (!rotation_is_on(&plan->rotation))
        return false;
    f.keys = dkim_stored_read(c, plan);
    find_lines(&f);
    if (f.line_count == 0)
        return false;
    *out_status = one_task_do(c, force, &f);
    if (*out_status == CLI_OK)
        *out_status = say(&f);
    return true;
}

// Of a domain all its lines, of an id the one that it signs for; of one algorithm, if one is given.
static void find_lines(struct forcing *f)
{
    const struct cli *c = f->c;
    struct str domain = c->operands[0];
    enum dkim_key_type only = DKIM_KEY_RSA;
    bool has_only = line_of_id(f, &domain, &only), is_given = c->operand_count > 1;
    enum dkim_key_type given = DKIM_KEY_RSA;
    if (is_given && !rotation_type_parse(c->operands[1], &given))
        return;
    domain = arena_str_lower(&f->c->arena, domain);
    for (size_t i = 0; i < LINES_MAX; i++) {
        struct rotation_line *line = &f->lines[f->line_count];
        *line = (struct rotation_line){
                .domain = domain, .type = (enum dkim_key_type)i, .rule = &f->rules[f->line_count]};
        if ((has_only && line->type != only) || (is_given && line->type != given))
            continue;
        f->line_count +=
                rotation_rule_of(&f->plan->rotation, domain, line->type, &f->rules[f->line_count]);
    }
}

static bool line_of_id(const struct forcing *f, struct str *domain, enum dkim_key_type *type)
{
    struct str id = *domain, kind, rest;
    const struct signer_entry *e = signers_find(&f->plan->signers, id);
    if (e != NULL && e->key != NULL) {
        *domain = e->signer.domain;
        *type = private_key_type(e->key);
        return true;
    }
    each_in_vec (k, &f->keys.all) {
        if (str_eq(rotation_key_id(&f->c->arena, k), id)) {
            *domain = k->domain;
            *type = k->type;
            return true;
        }
    }
    if (!str_cut(id, '-', &kind, &rest) || !rotation_type_parse(kind, type))
        return false;
    *domain = rest;
    return true;
}

static struct err force(void *forcing)
{
    struct forcing *f = forcing;
    struct arena *a = &f->c->arena;
    bool revoke = cli_has(f->c, S("revoke")), changed = false, any = false;
    int lock AUTO(statefile_unlock) = -1;
    TRY(become_server(a, f->plan->conf, conf_str(f->plan->conf, S("global.state-dir"))));
    TRY(statefile_lock(a, f->path, &lock));
    TRY(key_file_read(a, f->path, &f->keys));
    for (size_t i = 0; i < f->line_count; i++) {
        const struct rotation_line *line = &f->lines[i];
        TRY(rotation_follow(a, &f->keys, line, &f->plan->signers, wall_ms(), &changed));
        f->was_forced[i] = rotation_force(&f->keys, line->domain, line->type, revoke, wall_ms());
        any = any || f->was_forced[i];
    }
    return any ? key_file_write(a, f->path, &f->keys) : OK;
}

static int say(const struct forcing *f)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    for (size_t i = 0; i < f->line_count; i++)
        if (f->was_forced[i])
            say_line(f, &f->lines[i], &text);
    cli_print(f->c, buf_str(&text));
    if (text.len > 0)
        return CLI_OK;
    return cli_fail_text(
            f->c, CLI_NOT_FOUND, "no signature of '%.*s' is active", ARG(f->c->operands[0]));
}

static void say_line(const struct forcing *f, const struct rotation_line *line, struct buf *text)
{
    each_in_vec (k, &f->keys.all) {
        if (k->type != line->type || !str_eq(k->domain, line->domain))
            continue;
        if (k->stage == SIGNER_ACTIVE)
            buf_fmt(text, "%.*s signs until its successor is in the DNS%s.\n",
                    ARG(rotation_key_id(&f->c->arena, k)),
                    k->revoked ? ", and is taken back then" : "");
        if (k->stage != SIGNER_PENDING)
            continue;
        const struct dns_wanted w = {.type = DNS_TXT,
                .name = arena_join(&f->c->arena, rotation_key_name(&f->c->arena, k), S(".")),
                .content = k->record};
        buf_fmt(text, "%.*s waits, and is looked for now. Its record:\n\n",
                ARG(rotation_key_id(&f->c->arena, k)));
        dns_wanted_add(text, &w);
        buf_add(text, S("\n\n"));
    }
}
