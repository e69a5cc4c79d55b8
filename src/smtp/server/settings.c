// SPDX-License-Identifier: Apache-2.0
// smtp/server/settings.c: session.* read and cross-checked (inbound.md 14, 19).
#include "smtp/server/settings.h"

#include "listen/nets.h"

#define DELIMITERS_MAX 4
#define LEAST_PORT25_TIMEOUT_MS (5 * MINUTE_MS) // RFC 5321 4.5.3.2.7
#define LEAST_TIMEOUT_MS SECOND_MS
#define GREET_DELAY_MAX_MS (30 * SECOND_MS)

static void rules_make(const struct conf *conf, struct smtp_settings *out);
static struct err strip_make(struct arena *a, const struct conf *conf, struct smtp_settings *out);
static struct err networks_make(const struct smtp_settings_inputs *in, struct findings *f,
        struct str key, struct nets **out);
static void check_times(
        const struct smtp_settings_inputs *in, struct findings *f, const struct smtp_settings *s);
static void check_numbers(
        const struct conf *conf, struct findings *f, const struct smtp_settings *s);
static void check_mechanisms(
        const struct smtp_settings_inputs *in, struct findings *f, const struct smtp_settings *s);
static bool says_any(const struct expr_setting *setting, const struct str *words, size_t count);
static void check_relay(
        const struct smtp_settings_inputs *in, struct findings *f, const struct smtp_settings *s);
static void check_directory(const struct smtp_settings_inputs *in, struct findings *f,
        const struct smtp_settings *s, enum rule_id id);
static bool has_port_25(const struct listen_settings *listen);
static bool is_on_loopback_only(const struct listener *l);

static const struct str keys[] = {
#define RULE(id, key, on_failure) S_INIT(key),
#include "smtp/server/rules.def"
};

struct str rule_key(enum rule_id id)
{
    return keys[id];
}

struct err smtp_settings_make(struct arena *a, const struct smtp_settings_inputs *in,
        struct findings *f, struct smtp_settings *out)
{
    const struct conf *conf = in->conf;
    *out = (struct smtp_settings){
            .conf = conf,
            .command_bytes_max = conf_u64(conf, S("session.limits.command-line")),
            .auth_bytes_max = conf_u64(conf, S("session.limits.auth-line")),
            .help = conf_str(conf, S("session.help")),
            .delimiters = conf_str(conf, S("session.rcpt.sub-addressing-delimiter")),
            .received_for = conf_bool(conf, S("session.data.add-headers.received-for")),
            .expression_wait_ms = conf_duration_ms(conf, S("config.expression-timeout")),
    };
    rules_make(conf, out);
    TRY(strip_make(a, conf, out));
    TRY(networks_make(in, f, S("session.connect.xclient"), &out->xclient));
    TRY(networks_make(in, f, S("session.connect.xforward"), &out->xforward));
    check_times(in, f, out);
    check_numbers(conf, f, out);
    check_mechanisms(in, f, out);
    check_relay(in, f, out);
    check_directory(in, f, out, RULE_AUTH_DIRECTORY);
    check_directory(in, f, out, RULE_RCPT_DIRECTORY);
    return OK;
}

void smtp_settings_done(struct smtp_settings *s)
{
    nets_free(s->xclient);
    nets_free(s->xforward);
}

static void rules_make(const struct conf *conf, struct smtp_settings *out)
{
    for (size_t i = 0; i < RULE_COUNT; i++) {
        struct rule *r = &out->rules[i];
        r->setting = conf_expr(conf, keys[i]);
        r->constant = expr_constant(r->setting);
        r->is_default = !conf_is_set(conf, keys[i]);
    }
}

static struct err strip_make(struct arena *a, const struct conf *conf, struct smtp_settings *out)
{
    struct conf_list list = conf_list(conf, S("session.data.strip-headers"));
    struct str *names = arena_array(a, list.count + 1, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for the settings of sessions");
    for (size_t i = 0; i < list.count; i++)
        names[i] = list.at[i].text;
    out->strip = names;
    out->strip_count = list.count;
    return OK;
}

// Whoever may say XCLIENT may be anybody: the whole Internet must not.
static struct err networks_make(const struct smtp_settings_inputs *in, struct findings *f,
        struct str key, struct nets **out)
{
    struct conf_list list = conf_list(in->conf, key);
    if (list.count == 0)
        return OK;
    *out = nets_new(in->seed);
    for (size_t i = 0; *out != NULL && i < list.count; i++) {
        const struct ip_net *net = &list.at[i].value.net;
        if (net->prefix == 0)
            conf_error(in->conf, f, key, (int)i, S("everybody"),
                    "every client could claim any address and account; name the front ends");
        else if (!nets_add(*out, net, NETS_FOREVER))
            return fail(ERR_LIMIT, "no memory for a list of networks");
    }
    return *out != NULL ? OK : fail(ERR_LIMIT, "no memory for a list of networks");
}

static void check_times(
        const struct smtp_settings_inputs *in, struct findings *f, const struct smtp_settings *s)
{
    const struct expr_result *timeout = s->rules[RULE_TIMEOUT].constant;
    const struct expr_result *delay = s->rules[RULE_GREET_DELAY].constant;
    if (timeout != NULL && timeout->number < LEAST_TIMEOUT_MS)
        conf_error(in->conf, f, rule_key(RULE_TIMEOUT), -1, S("too-short"),
                "no client answers that fast; at least 1s, and 5m where other servers deliver");
    else if (timeout != NULL && timeout->number < LEAST_PORT25_TIMEOUT_MS &&
             has_port_25(in->listen))
        conf_warning(in->conf, f, rule_key(RULE_TIMEOUT), -1, S("short-timeout"),
                "shorter than the 5m that RFC 5321 4.5.3.2.7 asks of a server on port 25; slow "
                "but honest servers will be cut off");
    if (delay != NULL && delay->number > GREET_DELAY_MAX_MS)
        conf_error(in->conf, f, rule_key(RULE_GREET_DELAY), -1, S("too-long"),
                "at most 30s: patient clients give up, too");
}

static void check_numbers(
        const struct conf *conf, struct findings *f, const struct smtp_settings *s)
{
    const struct expr_result *rcpts = s->rules[RULE_MAX_RECIPIENTS].constant;
    const struct expr_result *received = s->rules[RULE_RECEIVED_HEADERS].constant;
    const struct expr_result *bytes = s->rules[RULE_TRANSFER_LIMIT].constant;
    const struct expr_result *size = s->rules[RULE_MESSAGE_SIZE].constant;
    if (rcpts != NULL && rcpts->number > 0 && rcpts->number < 100)
        conf_warning(conf, f, rule_key(RULE_MAX_RECIPIENTS), -1, S("few-recipients"),
                "RFC 5321 4.5.3.1.8 asks for at least 100");
    if (received != NULL && received->number > 0 && received->number < 25)
        conf_warning(conf, f, rule_key(RULE_RECEIVED_HEADERS), -1, S("few-hops"),
                "mail that passes filters and lists has more hops than one would think; the "
                "default is 100");
    if (bytes != NULL && size != NULL && bytes->number > 0 && bytes->number < size->number)
        conf_warning(conf, f, rule_key(RULE_TRANSFER_LIMIT), -1, S("less-than-a-message"),
                "less than session.data.limits.size: the largest messages cannot arrive");
    if (s->delimiters.len < 1 || s->delimiters.len > DELIMITERS_MAX)
        conf_error(conf, f, S("session.rcpt.sub-addressing-delimiter"), -1, S("bad-text"),
                "1 to 4 characters, such as \"+\" or \"+-\"");
}

// What would never be offered, whatever is written. The default names mechanisms for all cases.
static void check_mechanisms(
        const struct smtp_settings_inputs *in, struct findings *f, const struct smtp_settings *s)
{
    static const struct str tokens[] = {S_INIT("oauthbearer"), S_INIT("xoauth2")};
    static const struct str shown[] = {S_INIT("plain"), S_INIT("login")};
    static const struct str others[] = {S_INIT("scram_sha_256"), S_INIT("scram_sha_256_plus"),
            S_INIT("scram_sha_1"), S_INIT("cram_md5"), S_INIT("external")};
    const struct rule *r = &s->rules[RULE_MECHANISMS];
    const struct expr_result *plain_text = s->rules[RULE_ALLOW_PLAIN_TEXT].constant;
    bool shows = says_any(r->setting, shown, COUNT_OF(shown));
    if (r->is_default)
        return;
    if (says_any(r->setting, tokens, COUNT_OF(tokens)))
        (shows || says_any(r->setting, others, COUNT_OF(others)) ? conf_warning : conf_error)(
                in->conf, f, rule_key(RULE_MECHANISMS), -1, S("not-built"),
                "oauthbearer and xoauth2 are not offered: no directory of this build can check "
                "tokens");
    for (size_t i = 0; shows && i < in->listen->listener_count; i++) {
        const struct listener *l = &in->listen->listeners[i];
        bool is_mail = l->protocol == LISTEN_SMTP || l->protocol == LISTEN_LMTP;
        // Where it depends on the client or the listener, the session decides.
        if (is_mail && l->tls_context == NULL && r->constant != NULL && plain_text != NULL &&
                !plain_text->boolean && !is_on_loopback_only(l))
            conf_warning(in->conf, f, rule_key(RULE_MECHANISMS), -1, S("never-offered"),
                    "plain and login will never be offered on listener \"%.*s\": it has no TLS, "
                    "and session.auth.allow-plain-text is false",
                    ARG(l->id));
    }
}

static bool says_any(const struct expr_setting *setting, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (expr_says(setting, words[i]))
            return true;
    return false;
}

// inbound.md 19: an open relay is an accident, unless it is written down as intended.
static void check_relay(
        const struct smtp_settings_inputs *in, struct findings *f, const struct smtp_settings *s)
{
    const struct expr_result *relay = s->rules[RULE_RELAY].constant;
    bool exposed = false;
    for (size_t i = 0; i < in->listen->listener_count; i++) {
        const struct listener *l = &in->listen->listeners[i];
        if ((l->protocol == LISTEN_SMTP || l->protocol == LISTEN_LMTP) && !is_on_loopback_only(l))
            exposed = true;
    }
    if (relay == NULL || !relay->boolean || !exposed ||
            conf_bool(in->conf, S("session.rcpt.allow-open-relay")))
        return;
    conf_error(in->conf, f, rule_key(RULE_RELAY), -1, S("open-relay"),
            "true for everybody makes this an open relay, which spammers find within hours; "
            "write a condition, or set session.rcpt.allow-open-relay = true as well");
}

// README 3.14: a name that nobody defined is a slip. What an expression makes of a session is seen
// when it is asked.
static void check_directory(const struct smtp_settings_inputs *in, struct findings *f,
        const struct smtp_settings *s, enum rule_id id)
{
    const struct expr_result *r = s->rules[id].constant;
    if (r == NULL || r->outcome != EXPR_VALUE || in->directory == NULL || str_eq(r->text, S("*")) ||
            directory_settings_have(in->directory, r->text))
        return;
    conf_error(in->conf, f, rule_key(id), -1, S("unknown-directory"),
            "there is no directory \"%.*s\"; write \"'*'\" for the default one, or define "
            "[directory.\"%.*s\"]",
            ARG(r->text), ARG(r->text));
}

static bool has_port_25(const struct listen_settings *listen)
{
    for (size_t i = 0; i < listen->listener_count; i++)
        if (listener_has_port(&listen->listeners[i], 25))
            return true;
    return false;
}

static bool is_on_loopback_only(const struct listener *l)
{
    for (size_t k = 0; k < l->address_count; k++) {
        const struct bind *b = &l->addresses[k].bind;
        if (b->form != BIND_UNIX && !ip_is_loopback(&b->at.ip))
            return false;
    }
    return true;
}
