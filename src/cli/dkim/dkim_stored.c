// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_stored.c: `posthaste dkim show`, for all keys that there are: those that the server
// has made itself, and those of the configuration.
#include "cli/dkim/dkim_stored.h"

#include "base/date.h"
#include "cli/account/account_print.h"
#include "cli/config/config_plan.h"
#include "mail/address.h"
#include "queue/signing/key_file.h"
#include "server/plan.h"

// One of either kind.
struct shown {
    struct str id, domain, selector, record; // record: null where none is to be published
    enum dkim_key_type type;
    enum signer_stage stage;
    int64_t since_ms, due_ms; // 0: never
    bool is_stored, revoked;
};

struct showing {
    struct cli *c;
    struct plan *plan;
    struct str domain; // null: all
    struct rotation_keys keys;
    VEC(struct shown) all;
};

static int show(struct showing *s);
static struct err collect(struct showing *s) MUST_USE;
static struct err collect_stored(struct showing *s) MUST_USE;
static struct err collect_configured(struct showing *s) MUST_USE;
static bool is_shown(const struct showing *s, struct str domain);
static int show_table(struct showing *s);
static struct err add_row(struct table *t, const struct shown *k) MUST_USE;
static int show_json(struct showing *s);
static void add_moment(struct json_out *o, struct arena *a, int64_t at_ms);

struct rotation_keys dkim_stored_read(struct cli *c, const struct plan *plan)
{
    struct rotation_keys keys = {0};
    struct err e = key_file_read(&c->arena, key_file_path(&c->arena, plan->conf), &keys);
    if (failed(e))
        fprintf(c->err, "warning: keys that the server has made are left out: %.*s\n",
                ARG(err_text(e)));
    return keys;
}

int dkim_stored_show(struct cli *c)
{
    struct showing s = {.c = c};
    int status = CLI_OK;
    struct err e =
            c->operand_count == 0 ? OK : mail_domain_read(&c->arena, c->operands[0], &s.domain);
    if (failed(e))
        return cli_usage_error(c, e);
    s.plan = config_plan(c, &status);
    if (s.plan != NULL)
        status = show(&s);
    plan_free(s.plan);
    return status;
}

static int show(struct showing *s)
{
    s->keys = dkim_stored_read(s->c, s->plan);
    struct err e = collect(s);
    if (failed(e))
        return cli_fail(s->c, CLI_INTERNAL, e);
    if (s->c->json)
        return show_json(s);
    if (s->all.count > 0)
        return show_table(s);
    return cli_fail_text(s->c, CLI_NOT_FOUND, "there are no keys%s%.*s",
            str_is_null(s->domain) ? "" : " of ", ARG(s->domain));
}

static struct err collect(struct showing *s)
{
    TRY(collect_stored(s));
    return collect_configured(s);
}

static struct err collect_stored(struct showing *s)
{
    struct arena *a = &s->c->arena;
    each_in_vec (k, &s->keys.all) {
        struct shown *row = is_shown(s, k->domain) ? vec_add(a, &s->all) : NULL;
        if (row == NULL && is_shown(s, k->domain))
            return fail(ERR_LIMIT, "no memory for so many keys");
        if (row == NULL)
            continue;
        *row = (struct shown){.id = rotation_key_id(a, k),
                .domain = k->domain,
                .selector = k->selector,
                .record = rotation_key_record(a, k),
                .type = k->type,
                .stage = k->stage,
                .since_ms = k->since_ms,
                .due_ms = k->due_ms,
                .is_stored = !str_is_empty(k->secret),
                .revoked = k->revoked};
    }
    return OK;
}

// Those that are followed are there already.
static struct err collect_configured(struct showing *s)
{
    const struct signers *all = &s->plan->signers;
    for (size_t i = 0; i < all->count; i++) {
        const struct signer_entry *e = &all->at[i];
        if (e->key == NULL || !is_shown(s, e->signer.domain) ||
                rotation_key_find(&s->keys, e->signer.domain, e->signer.selector) != NULL)
            continue;
        struct shown *row = vec_add(&s->c->arena, &s->all);
        if (row == NULL)
            return fail(ERR_LIMIT, "no memory for so many keys");
        *row = (struct shown){.id = e->id,
                .domain = e->signer.domain,
                .selector = e->signer.selector,
                .record = e->stage == SIGNER_RETIRED ? STR_NULL : e->record,
                .type = private_key_type(e->key),
                .stage = e->stage,
                .due_ms = e->rotation.next_transition_at_ms};
    }
    return OK;
}

static bool is_shown(const struct showing *s, struct str domain)
{
    return str_is_null(s->domain) || str_eq(s->domain, domain);
}

// --- For people ----------------------------------------------------------------------------------

static int show_table(struct showing *s)
{
    static const struct str heading[] = {S_INIT("Domain"), S_INIT("Kind"), S_INIT("Selector"),
            S_INIT("Stage"), S_INIT("Due"), S_INIT("From")};
    struct table t = {.arena = &s->c->arena, .columns = COUNT_OF(heading)};
    struct err e = OK;
    for (size_t i = 0; i < COUNT_OF(heading) && !failed(e); i++)
        e = table_add(&t, heading[i]);
    each_in_vec (k, &s->all)
        if (!failed(e))
            e = add_row(&t, k);
    if (failed(e))
        return cli_fail(s->c, CLI_INTERNAL, e);
    table_print(s->c, &t);
    return CLI_OK;
}

static struct err add_row(struct table *t, const struct shown *k)
{
    TRY(table_add(t, k->domain));
    TRY(table_add(t, rotation_type_name(k->type)));
    TRY(table_add(t, k->selector));
    TRY(table_add(t, k->revoked
                             ? arena_join(t->arena, rotation_stage_name(k->stage), S(", revoked"))
                             : rotation_stage_name(k->stage)));
    TRY(table_add(t, k->due_ms == 0 ? S("-") : date_rfc3339(t->arena, k->due_ms)));
    return table_add(t, k->is_stored ? S("server") : S("configuration"));
}

// --- JSON ----------------------------------------------------------------------------------------

static int show_json(struct showing *s)
{
    struct arena *a = &s->c->arena;
    struct json_out o = cli_json_begin(s->c);
    json_array_begin(&o);
    each_in_vec (k, &s->all) {
        json_object_begin(&o);
        json_put_str(&o, S("id"), k->id);
        json_put_str(&o, S("domain"), k->domain);
        json_put_str(&o, S("selector"), k->selector);
        json_put_str(&o, S("algorithm"),
                k->type == DKIM_KEY_RSA ? S("rsa-sha256") : S("ed25519-sha256"));
        json_put_str(&o, S("stage"), rotation_stage_name(k->stage));
        json_put_bool(&o, S("revoked"), k->revoked);
        json_key(&o, S("since"));
        add_moment(&o, a, k->since_ms);
        json_key(&o, S("nextTransitionAt"));
        add_moment(&o, a, k->due_ms);
        json_put_str(&o, S("origin"), k->is_stored ? S("server") : S("configuration"));
        json_put_str(&o, S("record"), k->record);
        json_object_end(&o);
    }
    json_array_end(&o);
    return cli_json_end(s->c, CLI_OK);
}

static void add_moment(struct json_out *o, struct arena *a, int64_t at_ms)
{
    json_str(o, at_ms == 0 ? STR_NULL : date_rfc3339(a, at_ms));
}
