// SPDX-License-Identifier: Apache-2.0
// proof/rotation_settings.c: which domains are rotated, and how. A template is tried at load, with
// each kind of key: what it would do wrong in three months is told now.
#include "proof/rotation.h"

#include "conf/conf.h"
#include "proof/tags.h"

#define RULES S("auth.dkim.rotation")
#define SIGNATURES S("signature")
#define DOMAINS S("domain")
#define EVERY_LOCAL S("*")
#define BY_HAND S("manual")
#define TYPES 2

struct reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    const struct signers *signers;
    struct rotation_rule *rules;
    size_t rule_count;
};

static struct err read_rule(struct reading *r, struct str id, struct rotation_rule *rule) MUST_USE;
static struct err read_domains(
        struct reading *r, struct str key, struct rotation_rule *rule) MUST_USE;
static void check_twice(struct reading *r, struct str key, int element, struct str domain);
static void check_template(struct reading *r, struct str key, const bool of_type[TYPES]);
static struct err read_choices(struct reading *r, struct rotation_settings *out) MUST_USE;
static const struct rotation_rule *rule_named(const struct reading *r, struct str id);
static void check_signatures(struct reading *r, const struct rotation_settings *s);
static const struct rotation_rule *rule_for(const struct rotation_settings *s, struct str domain);
static const struct signer_entry *entry_with_own(
        const struct rotation_settings *s, struct str domain, enum dkim_key_type type);

struct err rotation_settings_make(struct arena *a, const struct conf *conf,
        const struct signers *signers, struct findings *f, struct rotation_settings *out)
{
    struct conf_ids ids = conf_ids(conf, RULES);
    struct reading r = {.arena = a,
            .conf = conf,
            .findings = f,
            .signers = signers,
            .rules = arena_array(a, ids.count + 1, struct rotation_rule)};
    if (r.rules == NULL)
        return fail(ERR_LIMIT, "no memory for the rotation of keys");
    for (size_t i = 0; i < ids.count; i++) {
        TRY(read_rule(&r, ids.at[i], &r.rules[i]));
        r.rule_count++;
    }
    *out = (struct rotation_settings){
            .rules = r.rules, .rule_count = r.rule_count, .signers = signers};
    TRY(read_choices(&r, out));
    check_signatures(&r, out);
    return OK;
}

static struct err read_rule(struct reading *r, struct str id, struct rotation_rule *rule)
{
    const struct conf *conf = r->conf;
    struct str publish = conf_item(conf, RULES, id, S("publish"));
    struct conf_list types = conf_list(conf, conf_item(conf, RULES, id, S("algorithms")));
    *rule = (struct rotation_rule){.id = id,
            .template = conf_str(conf, conf_item(conf, RULES, id, S("selector-template"))),
            .rotate_after_ms =
                    conf_duration_ms(conf, conf_item(conf, RULES, id, S("rotate-after"))),
            .retire_after_ms =
                    conf_duration_ms(conf, conf_item(conf, RULES, id, S("retire-after"))),
            .delete_after_ms =
                    conf_duration_ms(conf, conf_item(conf, RULES, id, S("delete-after")))};
    for (size_t i = 0; i < types.count; i++)
        rule->of_type[str_eq(types.at[i].text, S("rsa-sha256")) ? DKIM_KEY_RSA : DKIM_KEY_ED25519] =
                true;
    if (types.count == 0)
        conf_error(conf, r->findings, conf_item(conf, RULES, id, S("algorithms")), -1, S("missing"),
                "name at least one");
    if (!str_eq(conf_str(conf, publish), BY_HAND))
        conf_error(conf, r->findings, publish, -1, S("later"),
                "only \"manual\" is there: updating the DNS is not built yet");
    if (str_eq(id, BY_HAND))
        conf_error(conf, r->findings, conf_item(conf, RULES, id, S("domains")), -1, S("bad-id"),
                "a rotation needs another name: domain.<name>.dkim = \"manual\" means none");
    check_template(r, conf_item(conf, RULES, id, S("selector-template")), rule->of_type);
    return read_domains(r, conf_item(conf, RULES, id, S("domains")), rule);
}

static struct err read_domains(struct reading *r, struct str key, struct rotation_rule *rule)
{
    struct conf_list list = conf_list(r->conf, key);
    struct str *domains = arena_array(r->arena, list.count + 1, struct str);
    if (domains == NULL)
        return fail(ERR_LIMIT, "no memory for the rotation of keys");
    rule->domains.at = domains;
    for (size_t i = 0; i < list.count; i++) {
        struct str *domain = &domains[rule->domains.count];
        if (str_eq(list.at[i].text, EVERY_LOCAL)) {
            rule->all_local = true;
            *domain = EVERY_LOCAL;
        } else if (!tag_domain(r->arena, list.at[i].text, 2, domain)) {
            conf_error(r->conf, r->findings, key, (int)i, S("bad-name"),
                    "expected a domain that signs, such as example.org, or *");
            continue;
        }
        check_twice(r, key, (int)i, *domain);
        if (!str_eq(*domain, EVERY_LOCAL))
            rule->domains.count++;
    }
    return OK;
}

static void check_twice(struct reading *r, struct str key, int element, struct str domain)
{
    for (size_t i = 0; i < r->rule_count; i++) {
        const struct rotation_rule *other = &r->rules[i];
        if (strs_have(&other->domains, domain) || (other->all_local && str_eq(domain, EVERY_LOCAL)))
            conf_error(r->conf, r->findings, key, element, S("twice"),
                    "auth.dkim.rotation.%.*s is for it already", ARG(other->id));
    }
}

static void check_template(struct reading *r, struct str key, const bool of_type[TYPES])
{
    struct str template = conf_str(r->conf, key);
    for (size_t i = 0; i < TYPES && !str_is_null(template); i++) {
        struct rotation_selector_inputs in = {.type = (enum dkim_key_type)i};
        struct str selector;
        if (!of_type[i])
            continue;
        memset(in.random, 'x', ROTATION_RANDOM_BYTES);
        struct err e = rotation_selector(r->arena, template, &in, &selector);
        if (!failed(e))
            continue;
        conf_error(r->conf, r->findings, key, -1, S("bad-template"), "%.*s", ARG(err_text(e)));
        return;
    }
}

// --- What domains and signatures say -------------------------------------------------------------

static struct err read_choices(struct reading *r, struct rotation_settings *out)
{
    struct conf_ids ids = conf_ids(r->conf, DOMAINS);
    struct rotation_domain *all = arena_array(r->arena, ids.count + 1, struct rotation_domain);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the rotation of keys");
    out->domains = all;
    for (size_t i = 0; i < ids.count; i++) {
        struct str key = conf_item(r->conf, DOMAINS, ids.at[i], S("dkim")), domain;
        struct str id = conf_str(r->conf, key);
        const struct rotation_rule *rule = rule_named(r, id);
        if (str_is_null(id) || !tag_domain(r->arena, ids.at[i], 1, &domain))
            continue;
        if (rule == NULL && !str_eq(id, BY_HAND))
            conf_error(r->conf, r->findings, key, -1, S("unknown-id"),
                    "expected \"manual\", or the id of one of auth.dkim.rotation");
        all[out->domain_count++] = (struct rotation_domain){.domain = domain, .rule = rule};
    }
    return OK;
}

static const struct rotation_rule *rule_named(const struct reading *r, struct str id)
{
    for (size_t i = 0; i < r->rule_count; i++)
        if (str_eq(r->rules[i].id, id))
            return &r->rules[i];
    return NULL;
}

static void check_signatures(struct reading *r, const struct rotation_settings *s)
{
    for (size_t i = 0; i < r->signers->count; i++) {
        const struct signer_entry *e = &r->signers->at[i];
        struct rotation_rule rule;
        bool of_type[TYPES] = {false};
        if (e->key == NULL || str_is_null(e->signer.domain))
            continue;
        of_type[private_key_type(e->key)] = true;
        check_template(r, conf_item(r->conf, SIGNATURES, e->id, S("selector-template")), of_type);
        if (e->rotation.next_transition_at_ms != 0 &&
                (!e->signs ||
                        !rotation_rule_of(s, e->signer.domain, private_key_type(e->key), &rule)))
            conf_warning(r->conf, r->findings,
                    conf_item(r->conf, SIGNATURES, e->id, S("next-transition-at")), -1,
                    S("no-rotation"), "nothing happens then: %s",
                    e->signs ? "no rotation is for its domain and kind of key"
                             : "it is not one that signs");
    }
}

// --- Which one is for a domain -------------------------------------------------------------------

bool rotation_is_on(const struct rotation_settings *s)
{
    for (size_t i = 0; i < s->signers->count; i++)
        if (signer_has_rotation(&s->signers->at[i]))
            return true;
    return s->rule_count > 0;
}

bool rotation_rule_of(const struct rotation_settings *s, struct str domain, enum dkim_key_type type,
        struct rotation_rule *out)
{
    const struct rotation_rule *rule = rule_for(s, domain);
    const struct signer_entry *e = entry_with_own(s, domain, type);
    *out = (struct rotation_rule){.template = ROTATION_TEMPLATE,
            .rotate_after_ms = ROTATION_ROTATE_MS,
            .retire_after_ms = ROTATION_RETIRE_MS,
            .delete_after_ms = ROTATION_DELETE_MS};
    if (rule != NULL && rule->of_type[type])
        *out = *rule;
    else if (e == NULL)
        return false;
    if (e == NULL)
        return true;
    if (!str_is_null(e->rotation.template))
        out->template = e->rotation.template;
    if (e->rotation.rotate_after_ms > 0)
        out->rotate_after_ms = e->rotation.rotate_after_ms;
    if (e->rotation.retire_after_ms > 0)
        out->retire_after_ms = e->rotation.retire_after_ms;
    if (e->rotation.delete_after_ms > 0)
        out->delete_after_ms = e->rotation.delete_after_ms;
    return true;
}

// The domain's own word, else who names it, else who is for all.
static const struct rotation_rule *rule_for(const struct rotation_settings *s, struct str domain)
{
    const struct rotation_rule *for_all = NULL;
    for (size_t i = 0; i < s->domain_count; i++)
        if (str_eq(s->domains[i].domain, domain))
            return s->domains[i].rule;
    for (size_t i = 0; i < s->rule_count; i++) {
        if (strs_have(&s->rules[i].domains, domain))
            return &s->rules[i];
        if (s->rules[i].all_local)
            for_all = &s->rules[i];
    }
    return for_all;
}

static const struct signer_entry *entry_with_own(
        const struct rotation_settings *s, struct str domain, enum dkim_key_type type)
{
    for (size_t i = 0; i < s->signers->count; i++) {
        const struct signer_entry *e = &s->signers->at[i];
        if (e->key != NULL && signer_has_rotation(e) && str_eq(e->signer.domain, domain) &&
                private_key_type(e->key) == type)
            return e;
    }
    return NULL;
}
