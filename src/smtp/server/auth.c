// SPDX-License-Identifier: Apache-2.0
// smtp/server/auth.c: AUTH (RFC 4954; inbound.md 4.5): drives the machine of smtp/sasl.h between
// the client, who is sent challenges, and the directory, which answers its questions.
#include "smtp/server/client.h"
#include "smtp/server/stages.h"

#include "listen/tls_context.h"
#include "rt/rt.h"
#include "rt/tls.h"
#include "smtp/limits.h"

struct login_try {
    struct smtp_session *s;
    struct sasl_inputs inputs;
    struct sasl sasl;
    struct str directory;
    struct login_answer answer; // what the directory said last
    struct str name;            // of whom; null: not said yet
    bool line_too_long;
};

static bool has_directory(struct smtp_session *s) suspends;
static struct err may_try(struct smtp_session *s, struct str mechanism, enum sasl_mechanism *out,
        enum reply_id *out_why) suspends MUST_USE;
static bool has_binding(struct smtp_session *s);
static struct sasl_conditions conditions_of(struct smtp_session *s) suspends;
static struct err try_login(
        struct login_try *l, struct str initial, struct sasl_step *out) suspends MUST_USE;
static void fill_inputs(struct login_try *l, enum sasl_mechanism mechanism) suspends;
static struct err converse(struct login_try *l, struct sasl_step *step) suspends MUST_USE;
static struct err hear(struct login_try *l, struct sasl_step *step) suspends MUST_USE;
static struct err answer_question(struct login_try *l, struct sasl_step *step) suspends MUST_USE;
static struct err ask_directory(struct login_try *l, const struct sasl_question *q,
        struct sasl_answer *out) suspends MUST_USE;
static void take_secrets(
        const struct login_secrets *found, enum sasl_hash hash, struct sasl_answer *out);
static struct err conclude(struct login_try *l, const struct sasl_step *step) suspends MUST_USE;
static struct err admit(struct login_try *l, const struct sasl_step *step) suspends MUST_USE;
static struct err let_in(struct login_try *l) suspends MUST_USE;
static struct err refuse(
        struct login_try *l, enum reply_id id, struct str reason) suspends MUST_USE;
static struct err refuse_outcome(struct login_try *l) suspends MUST_USE;
static struct err reply_counted(struct login_try *l, enum reply_id id) suspends MUST_USE;

// "AUTH" SP mechanism [ SP initial-response ]      RFC 4954 4
struct err stage_auth(struct smtp_session *s, struct str args)
{
    struct str name = args, rest = STR_NULL;
    enum sasl_mechanism mechanism = SASL_PLAIN;
    enum reply_id why = REPLY_OK;
    struct sasl_step step;
    s->stage = STAGE_AUTH;
    str_cut(args, ' ', &name, &rest);
    if (str_is_empty(name))
        return reply(s, REPLY_AUTH_SYNTAX);
    TRY(may_try(s, name, &mechanism, &why));
    if (why != REPLY_OK)
        return reply(s, why);
    struct login_try *l = arena_make(&s->scratch, struct login_try);
    if (l == NULL)
        return fail(ERR_LIMIT, "no memory for a login");
    l->s = s;
    if (failed(rule_text(s, RULE_AUTH_DIRECTORY, &l->directory)))
        return reply(s, REPLY_AUTH_TROUBLE);
    fill_inputs(l, mechanism);
    struct err e = try_login(l, str_is_null(rest) ? STR_NULL : str_trim_blanks(rest), &step);
    if (!failed(e))
        e = conclude(l, &step);
    sasl_done(&l->sasl);
    arena_wipe(&s->scratch); // what was typed has been in it
    arena_init(&s->scratch, SCRATCH_BYTES_MAX);
    return e;
}

static struct err may_try(struct smtp_session *s, struct str mechanism, enum sasl_mechanism *out,
        enum reply_id *out_why)
{
    struct expr_result r = rule_ask(s, RULE_MECHANISMS);
    struct sasl_set enabled = r.outcome == EXPR_VALUE ? sasl_set_of(&r) : (struct sasl_set){0};
    *out_why = REPLY_OK;
    if (enabled.bits == 0 || !has_directory(s))
        *out_why = REPLY_NO_AUTH;
    else if (s->account != NULL)
        *out_why = REPLY_AUTH_TWICE;
    else if (s->transaction != NULL)
        *out_why = REPLY_AUTH_IN_MAIL;
    else if (s->hello == HELLO_NONE && rule_bool(s, RULE_EHLO_REQUIRE)) // inbound.md 2.1
        *out_why = REPLY_HELLO_FIRST;
    else if (!sasl_named(mechanism, out))
        *out_why = REPLY_UNKNOWN_MECHANISM;
    else if (sasl_shows_secret(*out) && !conditions_of(s).secrets_may_show)
        *out_why = REPLY_PLAIN_TEXT; // also where it would be offered within TLS only
    else if (!sasl_set_has(auth_offered(s), *out))
        *out_why = REPLY_UNKNOWN_MECHANISM;
    if (enabled.bits != 0 && *out_why == REPLY_NO_AUTH)
        event_in(s->options->span, EV_SMTP_MISSING_AUTH_DIRECTORY, F_STR(mechanism, mechanism));
    else if (*out_why == REPLY_AUTH_TWICE)
        event_in(s->options->span, EV_SMTP_ALREADY_AUTHENTICATED);
    else if (*out_why == REPLY_UNKNOWN_MECHANISM)
        event_in(s->options->span, EV_SMTP_AUTH_MECHANISM_NOT_SUPPORTED,
                F_STR(mechanism, mechanism));
    else if (*out_why != REPLY_OK)
        event_in(s->options->span, EV_SMTP_AUTH_NOT_ALLOWED, F_STR(mechanism, mechanism));
    return OK;
}

// session.auth.directory = false: there is nobody to ask, and so no AUTH. One that cannot be
// evaluated is told when somebody tries.
static bool has_directory(struct smtp_session *s)
{
    struct str directory;
    return failed(rule_text(s, RULE_AUTH_DIRECTORY, &directory)) || !str_is_null(directory);
}

// Bearer tokens are left out: no directory of this build can check them, and a client that is
// offered a mechanism tries it.
struct sasl_set auth_offered(struct smtp_session *s)
{
    struct sasl_set none = {0};
    if (s->account != NULL)
        return none;
    struct expr_result r = rule_ask(s, RULE_MECHANISMS);
    if (r.outcome != EXPR_VALUE || !has_directory(s))
        return none;
    struct sasl_set set = sasl_set_of(&r);
    sasl_set_remove(&set, SASL_OAUTHBEARER);
    sasl_set_remove(&set, SASL_XOAUTH2);
    struct sasl_conditions conditions = conditions_of(s);
    conditions.binding = sasl_set_has(set, SASL_SCRAM_SHA_256_PLUS) && has_binding(s);
    return sasl_set_usable(set, conditions);
}

// Making one takes a hash or two, so it is asked for only where -PLUS is wished for.
static bool has_binding(struct smtp_session *s)
{
    SSL *ssl = stream_ssl(s->stream);
    return ssl != NULL &&
           (!str_is_null(tls_binding(&s->scratch, ssl, TLS_BINDING_EXPORTER)) ||
                   !str_is_null(tls_binding(&s->scratch, ssl, TLS_BINDING_SERVER_END_POINT)));
}

static struct sasl_conditions conditions_of(struct smtp_session *s)
{
    SSL *ssl = stream_ssl(s->stream);
    return (struct sasl_conditions){
            .secrets_may_show = s->tls_on || ip_is_loopback(&s->client.ip) ||
                                rule_bool(s, RULE_ALLOW_PLAIN_TEXT),
            .certificate = ssl != NULL && visit_tls_facts(s->visit).client_verified,
    };
}

static void fill_inputs(struct login_try *l, enum sasl_mechanism mechanism)
{
    struct smtp_session *s = l->s;
    SSL *ssl = stream_ssl(s->stream);
    l->inputs = (struct sasl_inputs){.mechanism = mechanism,
            .offered = auth_offered(s),
            .host = s->host,
            .now_s = wall_ms() / SECOND_MS};
    random_bytes(l->inputs.random, sizeof(l->inputs.random));
    memcpy(l->inputs.pepper, s->service->pepper, sizeof(l->inputs.pepper));
    if (ssl == NULL)
        return;
    struct tls_names names = tls_client_names(&s->scratch, ssl);
    l->inputs.bindings[SASL_TLS_EXPORTER] = tls_binding(&s->scratch, ssl, TLS_BINDING_EXPORTER);
    l->inputs.bindings[SASL_TLS_SERVER_END_POINT] =
            tls_binding(&s->scratch, ssl, TLS_BINDING_SERVER_END_POINT);
    l->inputs.identities = names.at;
    l->inputs.identity_count = names.count;
}

static struct err try_login(struct login_try *l, struct str initial, struct sasl_step *out)
{
    *out = sasl_begin(&l->sasl, &l->inputs, initial);
    return converse(l, out);
}

static struct err converse(struct login_try *l, struct sasl_step *step)
{
    while (sasl_goes_on(step)) {
        if (step->kind == SASL_CHALLENGE) {
            TRY(hear(l, step));
        } else if (step->kind == SASL_ASK) {
            TRY(answer_question(l, step));
        } else { // SASL_COMPUTE: slow on purpose, so not on the loop
            TRY(offload(sasl_compute, &l->sasl));
            *step = sasl_computed(&l->sasl);
        }
    }
    return OK;
}

static struct err hear(struct login_try *l, struct sasl_step *step)
{
    struct smtp_session *s = l->s;
    struct str line;
    TRY(reply_line(s, S("334 "), step->challenge));
    struct err e = line_next(s, s->service->settings->auth_bytes_max, &line);
    if (e.kind == ERR_LIMIT) {
        event_in(s->options->span, EV_SMTP_AUTH_EXCHANGE_TOO_LONG,
                F_U64(limit, s->service->settings->auth_bytes_max));
        l->line_too_long = true;
        step->kind = SASL_FAILURE;
        step->failure = SASL_MALFORMED;
        return OK;
    }
    TRY(e);
    *step = sasl_respond(&l->sasl, str_upto(line, line.len - (str_ends(line, S("\r\n")) ? 2 : 1)));
    return OK;
}

// A name that is locked (inbound.md 10.8) is answered as a wrong password would be.
static struct err answer_question(struct login_try *l, struct sasl_step *step)
{
    struct sasl_answer answer = {.verdict = SASL_NO};
    const struct sasl_question *q = &step->question;
    if (!str_is_null(q->login))
        l->name = arena_str(&l->s->scratch, q->login);
    struct err e = OK;
    if (listen_login_may_try(l->s->visit, l->name)) {
        within_ms(DIRECTORY_WAIT_MS);
        e = ask_directory(l, q, &answer);
    } else {
        event_in(l->s->options->span, EV_AUTH_TOO_MANY_ATTEMPTS, F_STR(accountName, l->name));
    }
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e)) {
        event_in(l->s->options->span, EV_AUTH_ERROR, F_STR(accountName, l->name),
                F_STR(mechanism, sasl_name(l->inputs.mechanism)), F_ERR(reason, e));
        answer.verdict = SASL_TROUBLE;
    }
    *step = sasl_answer(&l->sasl, &answer);
    return OK;
}

static struct err ask_directory(
        struct login_try *l, const struct sasl_question *q, struct sasl_answer *out)
{
    struct smtp_session *s = l->s;
    struct directories *d;
    TRY(client_directories(s, &d));
    struct login login = {.directory = l->directory,
            .name = q->login,
            .secret = q->password,
            .from = s->client.ip};
    struct login_secrets found;
    switch (q->kind) {
    case SASL_ASK_PASSWORD:
        TRY(directories_login(d, &s->identity, &login, &l->answer));
        out->verdict = l->answer.outcome == LOGIN_OK ? SASL_YES : SASL_NO;
        return OK;
    case SASL_ASK_SCRAM:
    case SASL_ASK_CLEAR:
        TRY(directories_secrets(d, &s->scratch, &login, &found));
        take_secrets(&found, q->hash, out);
        if (q->kind == SASL_ASK_CLEAR && str_is_null(out->clear))
            out->verdict = SASL_NO;
        return OK;
    case SASL_ASK_CERTIFICATE:
        TRY(directories_admit(d, &s->identity, &login, &l->answer));
        out->verdict = l->answer.outcome == LOGIN_OK ? SASL_YES : SASL_NO;
        return OK;
    case SASL_ASK_TOKEN:
        break;
    }
    return OK;
}

static void take_secrets(
        const struct login_secrets *found, enum sasl_hash hash, struct sasl_answer *out)
{
    const struct scram_keys *keys = hash == SASL_SHA_1 ? &found->sha1 : &found->sha256;
    if (found->account == NULL)
        return;
    out->clear = found->clear;
    if (!str_is_null(keys->salt)) {
        out->salt = keys->salt;
        out->stored_key = keys->stored_key;
        out->server_key = keys->server_key;
        out->iterations = keys->iterations;
    }
    if (!str_is_null(out->salt) || !str_is_null(out->clear))
        out->verdict = SASL_YES;
}

static struct err conclude(struct login_try *l, const struct sasl_step *step)
{
    struct smtp_session *s = l->s;
    if (step->kind == SASL_SUCCESS)
        return admit(l, step);
    switch (step->failure) {
    case SASL_WRONG:
        return l->answer.outcome == LOGIN_OK ? refuse(l, REPLY_AUTH_FAILED, step->why)
                                             : refuse_outcome(l);
    case SASL_MALFORMED:
        return reply(s, l->line_too_long ? REPLY_SASL_LONG : REPLY_CANNOT_DECODE);
    case SASL_CANCELLED:
        return reply(s, REPLY_AUTH_CANCELLED);
    case SASL_UNAVAILABLE:
        break;
    }
    return reply(s, REPLY_AUTH_TROUBLE);
}

// Who has proved a secret without showing it has not been asked yet whether he may come in.
static struct err admit(struct login_try *l, const struct sasl_step *step)
{
    struct smtp_session *s = l->s;
    bool acts_for_another = step->question.authzid.len > 0 &&
                            !str_eq_nocase(step->question.authzid, step->question.login);
    if (l->answer.account == NULL) {
        struct login login = {.directory = l->directory, .name = l->name, .from = s->client.ip};
        within_ms(DIRECTORY_WAIT_MS);
        struct err e = directories_admit(s->service->directories, &s->identity, &login, &l->answer);
        if (e.kind == ERR_CANCELLED)
            return e;
        if (failed(e))
            return reply(s, REPLY_AUTH_TROUBLE);
    }
    if (l->answer.outcome != LOGIN_OK)
        return refuse_outcome(l);
    if (acts_for_another && !account_is_admin(l->answer.account))
        return refuse(l, REPLY_AUTH_FAILED, S("may not act for another account"));
    if (acts_for_another) {
        const struct account *other = NULL;
        struct err e = directories_account(s->service->directories, &s->identity, l->directory,
                step->question.authzid, &other);
        if (failed(e))
            return e.kind == ERR_CANCELLED ? e : reply(s, REPLY_AUTH_TROUBLE);
        if (other == NULL || other->disabled)
            return refuse(l, REPLY_AUTH_FAILED, S("no such account to act for"));
        l->answer.account = other;
    }
    return let_in(l);
}

static struct err let_in(struct login_try *l)
{
    struct smtp_session *s = l->s;
    s->account = l->answer.account;
    s->account_name = s->account->name;
    s->visit->logged_in = true;
    listen_login_succeeded(s->visit, s->account_name);
    event_in(s->options->span, EV_AUTH_SUCCESS, F_STR(accountName, s->account_name),
            F_STR(mechanism, sasl_name(l->inputs.mechanism)));
    session_set_pace(s);
    return reply(s, REPLY_AUTH_OK);
}

static struct err refuse_outcome(struct login_try *l)
{
    struct str reason = login_outcome_reason(l->answer.outcome);
    switch (l->answer.outcome) {
    case LOGIN_SECOND_FACTOR: // waits and counts, and never bans (inbound.md 4.5)
        TRY(session_wait(l->s, rule_number(l->s, RULE_AUTH_ERRORS_WAIT)));
        return reply_counted(l, REPLY_SECOND_FACTOR);
    case LOGIN_FORBIDDEN:
        return reply(l->s, REPLY_NOT_AUTHORIZED);
    case LOGIN_OK:
    case LOGIN_UNKNOWN:
    case LOGIN_WRONG:
    case LOGIN_DISABLED:
    case LOGIN_EXPIRED:
    case LOGIN_FROM_ELSEWHERE:
        break;
    }
    return refuse(l, REPLY_AUTH_FAILED, reason);
}

// The pause is the same whatever was wrong, so that time tells nothing.
static struct err refuse(struct login_try *l, enum reply_id id, struct str reason)
{
    struct smtp_session *s = l->s;
    struct str name = str_is_null(l->name) ? S("") : l->name;
    event_in(s->options->span, EV_AUTH_FAILED, F_STR(accountName, name),
            F_IP(remoteIp, &s->client.ip), F_STR(mechanism, sasl_name(l->inputs.mechanism)),
            F_STR(reason, reason));
    TRY(session_wait(s, rule_number(s, RULE_AUTH_ERRORS_WAIT)));
    if (!l->answer.repeated && listen_login_failed(s->visit, name)) {
        s->over = true; // banned by this very attempt: not a word more
        s->result.end = SMTP_END_BANNED;
        return OK;
    }
    return reply_counted(l, id);
}

static struct err reply_counted(struct login_try *l, enum reply_id id)
{
    struct smtp_session *s = l->s;
    uint64_t most = (uint64_t)rule_number(s, RULE_AUTH_ERRORS_TOTAL);
    struct str name = str_is_null(l->name) ? S("") : l->name;
    s->counts.auth_failures++;
    TRY(reply(s, id));
    if (most == 0 || s->counts.auth_failures < most)
        return OK;
    event_in(s->options->span, EV_AUTH_TOO_MANY_ATTEMPTS, F_STR(accountName, name));
    reply_and_leave(s, REPLY_TOO_MANY_LOGINS, SMTP_END_ERRORS);
    return OK;
}
