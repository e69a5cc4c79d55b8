// SPDX-License-Identifier: Apache-2.0
// queue/signing/signing_settings.c: what the configuration says about our own signatures. Ids that
// stand in it as literals must exist: a slip is to be found at load, not by mail that goes out
// unsigned.
#include "queue/signing/signing.h"

#include "rt/process.h"

struct reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    const struct signers *signers;
    const struct rotation_settings *rotation;
};

static void check_ids(const struct reading *r, struct str key);
static void check_id(const struct reading *r, struct str key, struct str entry, struct str id);
static bool is_rotated(const struct reading *r, struct str id);
static struct str nearest_id(const struct reading *r, struct str id);

struct err signing_settings_make(struct arena *a, const struct conf *conf,
        const struct rotation_settings *rotation, size_t workers, struct findings *f,
        struct signing_settings *out)
{
    const struct signers *signers = rotation->signers;
    const struct reading r = {
            .arena = a, .conf = conf, .findings = f, .signers = signers, .rotation = rotation};
    size_t threads = conf_u64(conf, S("auth.dkim.threads"));
    if (threads == 0)
        threads = processors_online();
    if (workers > 0)
        threads /= workers;
    *out = (struct signing_settings){.signers = signers,
            .rotation = rotation,
            .self_test = conf_bool(conf, S("auth.dkim.self-test")),
            .must_sign = conf_enum(conf, S("auth.dkim.on-failure")) == 1,
            .threads = threads > 0 ? threads : 1,
            .dsn = conf_expr(conf, S("report.dsn.sign")),
            .dsn_is_default = !conf_is_set(conf, S("report.dsn.sign"))};
    check_ids(&r, S("auth.dkim.sign"));
    check_ids(&r, S("auth.arc.seal"));
    check_ids(&r, S("report.dsn.sign"));
    return OK;
}

static void check_ids(const struct reading *r, struct str key)
{
    const struct expr_setting *setting = conf_expr(r->conf, key);
    struct str entry;
    if (!conf_is_set(r->conf, key))
        return;
    for (size_t i = 0; i < expr_value_count(setting); i++) {
        const struct expr_result *value = expr_literal(setting, i, &entry);
        if (value == NULL || value->outcome != EXPR_VALUE)
            continue;
        for (size_t k = 0; k < value->list_count; k++)
            check_id(r, key, entry, value->list[k]);
        if (value->list_count == 0 && !str_is_empty(value->text))
            check_id(r, key, entry, value->text);
    }
}

static void check_id(const struct reading *r, struct str key, struct str entry, struct str id)
{
    if (signers_find(r->signers, id) != NULL || is_rotated(r, id))
        return;
    struct str near = nearest_id(r, id);
    struct str hint = str_is_null(near) ? arena_fmt(r->arena, "add [signature.\"%.*s\"]", ARG(id))
                                        : arena_fmt(r->arena, "did you mean '%.*s'?", ARG(near));
    conf_error(r->conf, r->findings, key, -1, S("unknown-id"),
            "%.*s%ssignature '%.*s' is not defined; %.*s", ARG(entry), entry.len > 0 ? ": " : "",
            ARG(id), ARG(hint));
}

// rsa-DOMAIN, ed25519-DOMAIN, whose keys the server makes itself; there may be none yet.
static bool is_rotated(const struct reading *r, struct str id)
{
    struct str type_name, domain;
    enum dkim_key_type type;
    struct rotation_rule rule;
    return str_cut(id, '-', &type_name, &domain) && rotation_type_parse(type_name, &type) &&
           rotation_rule_of(r->rotation, domain, type, &rule);
}

static struct str nearest_id(const struct reading *r, struct str id)
{
    struct str words = S("");
    for (size_t i = 0; i < r->signers->count; i++) {
        struct str one = arena_fmt(r->arena, "%s%.*s", i > 0 ? " " : "", ARG(r->signers->at[i].id));
        words = arena_join(r->arena, words, one);
    }
    return value_word_nearest(words, id);
}
