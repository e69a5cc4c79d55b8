// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_settings.c: report.dsn.* (queue.md 12.3), at load and for one message. A report is
// never kept back because an expression fails: its default is used, and the failure told.
#include "queue/dsn/dsn.h"

#include "events/event.h"
#include "mail/address.h"

#define SECTION "report.dsn."

struct asking { // the expressions of one message
    const struct dsn_settings *s;
    struct arena *a;
    const struct expr_env *env;
    struct span *span;
};

static void check_addresses(const struct conf *conf, struct arena *a, struct findings *findings,
        const struct dsn_settings *s);
static bool is_address(struct arena *a, struct str text);
static bool ask(const struct asking *k, const char *key, const struct expr_setting *setting,
        struct expr_result *out) suspends;
static struct str ask_text(const struct asking *k, const char *key,
        const struct expr_setting *setting, struct str otherwise) suspends;
static struct str ask_address(const struct asking *k, const char *key,
        const struct expr_setting *setting, struct str otherwise) suspends;
static struct str ascii_domain(struct arena *a, const struct mail_address *address);
static struct err ask_copies(const struct asking *k, struct dsn_words *out) suspends MUST_USE;
static void tell(const struct asking *k, const char *key, struct str reason);

struct err dsn_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct dsn_settings *out)
{
    struct str domain = conf_str(conf, S("report.domain"));
    bool own = conf_is_set(conf, S(SECTION "reporting-mta"));
    *out = (struct dsn_settings){.from_name = conf_expr(conf, S(SECTION "from-name")),
            .from_address = conf_expr(conf, S(SECTION "from-address")),
            .send = conf_expr(conf, S(SECTION "send")),
            .copy_to = conf_expr(conf, S(SECTION "copy-to")),
            .double_bounce_to = conf_expr(conf, S(SECTION "double-bounce-to")),
            .reporting_mta =
                    conf_expr(conf, own ? S(SECTION "reporting-mta") : S("report.submitter")),
            .returns = (enum dsn_return)conf_enum(conf, S(SECTION "return")),
            .language = (enum dsn_language)conf_enum(conf, S(SECTION "language")),
            .full_bytes_max = (size_t)conf_u64(conf, S(SECTION "max-size")),
            .head_bytes_max = (size_t)conf_u64(conf, S(SECTION "max-header-size")),
            .rate = conf_rate(conf, S(SECTION "rate")),
            .host = conf_str(conf, S("server.hostname")),
            .postmaster = conf_str(conf, S("report.postmaster"))};
    if (str_is_empty(out->postmaster))
        out->postmaster = arena_join(a, S("postmaster@"), domain);
    check_addresses(conf, a, findings, out);
    return str_is_null(out->postmaster) ? fail(ERR_LIMIT, "no memory for settings") : OK;
}

// What constants say is known at load; queue.md 16.
static void check_addresses(const struct conf *conf, struct arena *a, struct findings *findings,
        const struct dsn_settings *s)
{
    const struct expr_result *from = expr_constant(s->from_address);
    const struct expr_result *to = expr_constant(s->double_bounce_to);
    const struct expr_result *copies = expr_constant(s->copy_to);
    struct str own = from != NULL && from->outcome == EXPR_VALUE ? from->text : S("");
    if (from != NULL && !is_address(a, own))
        conf_error(conf, findings, S(SECTION "from-address"), -1, S("bad-email"),
                "\"%.*s\" is not an address", ARG(own));
    if (to != NULL && to->outcome == EXPR_VALUE && !is_address(a, to->text))
        conf_error(conf, findings, S(SECTION "double-bounce-to"), -1, S("bad-email"),
                "\"%.*s\" is not an address", ARG(to->text));
    else if (to != NULL && to->outcome == EXPR_VALUE && str_eq_nocase(to->text, own))
        conf_error(conf, findings, S(SECTION "double-bounce-to"), -1, S("dsn-loop"),
                "reports to their own sender would loop");
    for (size_t i = 0; copies != NULL && i < copies->list_count; i++) {
        if (!is_address(a, copies->list[i]))
            conf_error(conf, findings, S(SECTION "copy-to"), -1, S("bad-email"),
                    "\"%.*s\" is not an address", ARG(copies->list[i]));
        else if (str_eq_nocase(copies->list[i], own))
            conf_error(conf, findings, S(SECTION "copy-to"), -1, S("dsn-loop"),
                    "reports to their own sender would loop");
    }
}

static bool is_address(struct arena *a, struct str text)
{
    struct mail_address address;
    return !failed(mail_address_parse(a, text, &address));
}

struct err dsn_words_make(const struct dsn_settings *s, struct arena *a, struct queue_env *env,
        struct span *span, struct dsn_words *out)
{
    struct expr_env inside = queue_expr_env(env);
    struct asking k = {.s = s, .a = a, .env = &inside, .span = span};
    struct expr_result send;
    struct dsn_words words = {
            .from_name = ask_text(&k, SECTION "from-name", s->from_name, S("")),
            .from_address = ask_address(
                    &k, SECTION "from-address", s->from_address, S("MAILER-DAEMON@localhost")),
            .send = !ask(&k, SECTION "send", s->send, &send) || send.boolean,
    };
    struct str mta = ask_text(&k, SECTION "reporting-mta", s->reporting_mta, s->host), ascii;
    words.reporting_mta = failed(mail_domain_read(a, mta, &ascii)) ? s->host : ascii;
    if ((env->message->flags & MESSAGE_LAST_RESORT) == 0)
        words.double_bounce_to =
                ask_address(&k, SECTION "double-bounce-to", s->double_bounce_to, S(""));
    TRY(ask_copies(&k, &words));
    *out = words;
    return OK;
}

// False: there is no value, and if that is because of a failure, it was told.
static bool ask(const struct asking *k, const char *key, const struct expr_setting *setting,
        struct expr_result *out)
{
    *out = expr_eval(setting, k->env, k->a);
    if (out->outcome == EXPR_FAILED)
        tell(k, key, out->fault.cause);
    return out->outcome == EXPR_VALUE;
}

static struct str ask_text(const struct asking *k, const char *key,
        const struct expr_setting *setting, struct str otherwise)
{
    struct expr_result r;
    return ask(k, key, setting, &r) && !str_is_empty(r.text) ? r.text : otherwise;
}

static struct str ask_address(const struct asking *k, const char *key,
        const struct expr_setting *setting, struct str otherwise)
{
    struct mail_address address;
    struct str text = ask_text(k, key, setting, S(""));
    if (str_is_empty(text))
        return otherwise;
    struct err e = mail_address_parse(k->a, text, &address);
    if (failed(e)) {
        tell(k, key, err_text(e));
        return otherwise;
    }
    struct str ascii = ascii_domain(k->a, &address);
    return str_is_null(ascii) ? otherwise : ascii;
}

// With the domain as A-labels, so that no more needs SMTPUTF8 than must.
static struct str ascii_domain(struct arena *a, const struct mail_address *address)
{
    if (str_is_ascii(address->domain))
        return address->text;
    struct str local = str_upto(address->text, address->text.len - address->domain.len);
    return arena_join(a, local, address->ascii);
}

static struct err ask_copies(const struct asking *k, struct dsn_words *out)
{
    struct expr_result r;
    if (!ask(k, SECTION "copy-to", k->s->copy_to, &r) || r.list_count == 0)
        return OK;
    struct str *copies = arena_array(k->a, r.list_count, struct str);
    if (copies == NULL)
        return fail(ERR_LIMIT, "no memory for the copies of a report");
    for (size_t i = 0; i < r.list_count; i++) {
        bool fine = is_address(k->a, r.list[i]) && !str_eq_nocase(r.list[i], out->from_address);
        if (fine)
            copies[out->copy_count++] = r.list[i];
        else
            tell(k, SECTION "copy-to", S("that is no address for copies"));
    }
    out->copies = copies;
    return OK;
}

static void tell(const struct asking *k, const char *key, struct str reason)
{
    if (k->span != NULL)
        event_in(k->span, EV_EVAL_ERROR, F_STR(key, str_from_c(key)), F_STR(reason, reason));
}
