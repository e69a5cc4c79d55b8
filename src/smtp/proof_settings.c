// SPDX-License-Identifier: Apache-2.0
// smtp/proof_settings.c: auth.spf, auth.dkim, auth.arc, auth.dmarc and auth.results read and
// cross-checked (authentication.md 13, 14). Strategies are rules of the session
// (smtp/server/rules.def) and are only looked at here for what an administrator may not have meant.
#include "smtp/proof.h"

#include "conf/conf.h"
#include "conf/expr.h"
#include "conf/lookup.h"
#include "listen/nets.h"
#include "mail/suffix.h"
#include "proof/signers.h"

struct reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    uint64_t seed;
    struct smtp_proof_settings *out;
};

static void read_limits(struct reading *r);
static void read_words(struct reading *r);
static struct err read_suffixes(struct reading *r);
static struct err read_sealers(struct reading *r);
static struct err read_forwarders(struct reading *r);
static struct err read_trusted(struct reading *r);
static struct err names_put(struct reading *r, struct proof_names *names, struct str name);
static void note_own_hashes(struct reading *r, const struct signers *signers);
static void check_severity(struct reading *r);
static void warn_if_strict(struct reading *r, struct str key, const char *why);
static void check_rewriting(struct reading *r);

struct err smtp_proof_settings_make(struct arena *a, const struct smtp_proof_inputs *in,
        struct findings *f, struct smtp_proof_settings *out)
{
    struct strs forged = {0};
    struct reading r = {.arena = a, .conf = in->conf, .findings = f, .seed = in->seed, .out = out};
    *out = (struct smtp_proof_settings){0};
    read_limits(&r);
    read_words(&r);
    TRY(conf_strs(a, in->conf, S("auth.results.remove"), &forged));
    out->forged = forged;
    TRY(read_suffixes(&r));
    TRY(read_sealers(&r));
    TRY(read_forwarders(&r));
    TRY(read_trusted(&r));
    out->arc.oldest_pass = out->sealers.listed != NULL || out->sealers.other_count > 0;
    if (conf_is_set(in->conf, S("auth.arc.oldest-pass")))
        out->arc.oldest_pass = conf_bool(in->conf, S("auth.arc.oldest-pass"));
    if (in->signers != NULL)
        note_own_hashes(&r, in->signers);
    check_severity(&r);
    check_rewriting(&r);
    return OK;
}

void smtp_proof_settings_done(struct smtp_proof_settings *s)
{
    lookup_free(s->sealers.listed);
    lookup_free(s->forwarder_names.listed);
    nets_free(s->forwarders);
    nets_free(s->trusted);
    suffix_list_close(s->suffixes);
    *s = (struct smtp_proof_settings){0};
}

bool proof_names_have(const struct proof_names *names, struct str name)
{
    struct expr_value ignored;
    if (names->listed != NULL && lookup_get(names->listed, name, &ignored))
        return true;
    for (size_t i = 0; i < names->other_count; i++)
        if (lookup_get(names->others[i], name, &ignored))
            return true;
    return false;
}

static void read_limits(struct reading *r)
{
    const struct conf *conf = r->conf;
    struct smtp_proof_settings *s = r->out;
    s->spf = spf_settings_default();
    s->spf.wait_ms = conf_duration_ms(conf, S("auth.spf.timeout"));
    s->spf.lookups_max = (uint32_t)conf_u64(conf, S("auth.spf.limits.lookups"));
    s->spf.voids_max = conf_is_none(conf, S("auth.spf.limits.void-lookups"))
                               ? UINT32_MAX
                               : (uint32_t)conf_u64(conf, S("auth.spf.limits.void-lookups"));
    s->spf.explain = conf_bool(conf, S("auth.spf.explanation"));
    s->dkim = dkim_rules_default(0);
    s->dkim.wait_ms = conf_duration_ms(conf, S("auth.dkim.timeout"));
    s->dkim.skew_s = (uint64_t)(conf_duration_ms(conf, S("auth.dkim.clock-skew")) / SECOND_MS);
    s->dkim.signatures_max = (size_t)conf_u64(conf, S("auth.dkim.limits.signatures"));
    s->dkim.allow_body_length = !conf_bool(conf, S("auth.dkim.strict"));
    s->dkim.atps = conf_bool(conf, S("auth.dkim.atps"));
    s->arc = arc_rules_default(0);
    s->arc.dkim = s->dkim;
    s->arc.wait_ms = conf_duration_ms(conf, S("auth.arc.timeout"));
    s->arc.sets_max = (size_t)conf_u64(conf, S("auth.arc.max-sets"));
    s->dmarc = dmarc_settings_default();
    s->dmarc.wait_ms = conf_duration_ms(conf, S("auth.dmarc.timeout"));
}

static void read_words(struct reading *r)
{
    // In the order of the rows' words.
    static const enum dmarc_several several[] = {
            DMARC_SEVERAL_EXEMPT, DMARC_SEVERAL_STRICTEST, DMARC_SEVERAL_REJECT};
    static const enum proof_quarantine quarantines[] = {
            QUARANTINE_MARK, QUARANTINE_HOLD, QUARANTINE_REJECT};
    int which = conf_enum(r->conf, S("auth.dmarc.multiple-from"));
    int what = conf_enum(r->conf, S("auth.dmarc.quarantine"));
    r->out->dmarc.several = several[which > 0 ? which : 0];
    r->out->quarantine = quarantines[what > 0 ? what : 0];
    r->out->dmarc_reply_detail = conf_bool(r->conf, S("auth.dmarc.reply-detail"));
    r->out->dkim_reply_text = conf_bool(r->conf, S("auth.dkim.reply-text"));
    r->out->authserv_id = conf_str(r->conf, S("auth.results.authserv-id"));
    r->out->combine = conf_bool(r->conf, S("auth.results.combine"));
    r->out->tell_login = conf_bool(r->conf, S("auth.results.smtp-auth"));
}

static struct err read_suffixes(struct reading *r)
{
    struct str path = conf_str(r->conf, S("auth.dmarc.psl-file"));
    if (conf_enum(r->conf, S("auth.dmarc.discovery")) == 0) {
        if (!str_is_null(path))
            conf_warning(r->conf, r->findings, S("auth.dmarc.psl-file"), -1, S("unused"),
                    "is only read where auth.dmarc.discovery is \"psl\"");
        return OK;
    }
    struct err e = suffix_list_open(r->arena, path, &r->out->suffixes);
    if (e.kind == ERR_LIMIT)
        return e;
    if (failed(e))
        conf_error(r->conf, r->findings,
                str_is_null(path) ? S("auth.dmarc.discovery") : S("auth.dmarc.psl-file"), -1,
                S("bad-list"), "%.*s", ARG(err_text(e)));
    r->out->dmarc.suffixes = r->out->suffixes;
    return OK;
}

// A word without a dot names a lookup.
static struct err read_sealers(struct reading *r)
{
    struct str key = S("auth.arc.trusted-sealers");
    struct conf_list list = conf_list(r->conf, key);
    struct proof_names *names = &r->out->sealers;
    names->others = arena_array(r->arena, list.count + 1, const struct lookup *);
    if (names->others == NULL)
        return fail(ERR_LIMIT, "no memory for names of sealers");
    for (size_t i = 0; i < list.count; i++) {
        struct str text = list.at[i].text;
        const struct lookup *other = lookups_get(conf_lookups(r->conf), text);
        if (str_find_byte(text, '.') != STR_NOT_FOUND)
            TRY(names_put(r, names, text));
        else if (other != NULL)
            names->others[names->other_count++] = other;
        else
            conf_error(r->conf, r->findings, key, (int)i, S("unknown-lookup"),
                    "is no domain, and there is no lookup of that name");
    }
    if (names->listed != NULL)
        lookup_close(names->listed);
    return OK;
}

static struct err read_forwarders(struct reading *r)
{
    struct conf_list list = conf_list(r->conf, S("auth.dmarc.trusted-forwarders"));
    struct proof_names *names = &r->out->forwarder_names;
    if (list.count == 0)
        return OK;
    r->out->forwarders = nets_new(r->seed);
    if (r->out->forwarders == NULL)
        return fail(ERR_LIMIT, "no memory for a list of networks");
    for (size_t i = 0; i < list.count; i++) {
        struct ip_net net;
        bool cleared;
        if (!ip_net_parse(list.at[i].text, &net, &cleared))
            TRY(names_put(r, names, list.at[i].text));
        else if (!nets_add(r->out->forwarders, &net, NETS_FOREVER))
            return fail(ERR_LIMIT, "no memory for a list of networks");
    }
    if (names->listed != NULL)
        lookup_close(names->listed);
    return OK;
}

static struct err names_put(struct reading *r, struct proof_names *names, struct str name)
{
    if (names->listed == NULL)
        names->listed = lookup_new();
    if (names->listed == NULL)
        return fail(ERR_LIMIT, "no memory for a list of names");
    return lookup_put(r->arena, names->listed, arena_str_lower(r->arena, name), S(""));
}

static struct err read_trusted(struct reading *r)
{
    struct conf_list list = conf_list(r->conf, S("auth.results.trusted"));
    if (list.count == 0)
        return OK;
    r->out->trusted = nets_new(r->seed);
    if (r->out->trusted == NULL)
        return fail(ERR_LIMIT, "no memory for a list of networks");
    for (size_t i = 0; i < list.count; i++)
        if (!nets_add(r->out->trusted, &list.at[i].value.net, NETS_FOREVER))
            return fail(ERR_LIMIT, "no memory for a list of networks");
    return OK;
}

// Which of a message's hashes our own signatures will want is not known before its body has passed.
static void note_own_hashes(struct reading *r, const struct signers *signers)
{
    for (size_t i = 0; i < signers->count; i++)
        if (signers->at[i].signs)
            r->out->own_hash[signers->at[i].signer.body_canon] = true;
}

// authentication.md 4.8 and 5.7
static void check_severity(struct reading *r)
{
    warn_if_strict(r, S("auth.spf.verify.mail-from"),
            "rejects every domain without an SPF record; use enforce to reject only fail");
    warn_if_strict(r, S("auth.dkim.verify"),
            "rejects all mail that is not signed, which RFC 6376 6.1 advises against; use enforce "
            "to reject only what fails the author's own signature");
}

static void warn_if_strict(struct reading *r, struct str key, const char *why)
{
    const struct expr_result *constant = expr_constant(conf_expr(r->conf, key));
    if (constant != NULL && proof_strategy_of(constant) == PROOF_STRICT)
        conf_warning(r->conf, r->findings, key, -1, S("severe"), "%s", why);
}

// authentication.md 14: SPF is asked about the sender as it was rewritten.
static void check_rewriting(struct reading *r)
{
    struct str key = S("session.mail.rewrite");
    const struct expr_setting *rewrite = conf_expr(r->conf, key);
    const struct expr_result *constant = expr_constant(rewrite);
    const struct expr_result *spf =
            expr_constant(conf_expr(r->conf, S("auth.spf.verify.mail-from")));
    bool never = constant != NULL &&
                 (constant->outcome != EXPR_VALUE || constant->value.type != EXPR_STRING);
    bool off = spf != NULL && proof_strategy_of(spf) == PROOF_DISABLE;
    if (never || off || expr_uses(rewrite, EXPR_VAR_AUTHENTICATED_AS))
        return;
    if (conf_is_set(r->conf, key))
        conf_warning(r->conf, r->findings, key, -1, S("changes-spf"),
                "may rewrite the sender of mail from outside, and SPF then asks the new sender's "
                "domain; write a condition with authenticated_as");
}
