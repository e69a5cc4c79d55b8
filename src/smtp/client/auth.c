// SPDX-License-Identifier: Apache-2.0
// smtp/client/auth.c: logging in at a relay (RFC 4954; outbound.md 13). A wrong password of ours
// must not bounce anybody's mail: whatever goes wrong is temporary. At most two mechanisms are
// tried, and none after a 535, or a wrong password would lock the account.
#include "smtp/client/login.h"

#include "base/encode.h"
#include "smtp/sasl_parts.h"

#define LOGIN_ARENA_BYTES (2 * MIB) // six replies of the longest kind
#define LOGIN_TRIES_MAX 2
#define LOGIN_STEPS_MAX 6       // SCRAM takes three
#define LOGIN_COMMAND_BYTES 510 // RFC 4954 4: with more, the first message waits to be asked for

static void refuse(
        enum failure_kind kind, struct str enhanced, struct str text, struct client_answer *out);
static bool candidate_at(
        const struct client_credentials *credentials, size_t i, enum sasl_mechanism *out);
static bool is_usable(const struct smtp_client *c, const struct client_credentials *credentials,
        enum sasl_mechanism m);
static struct err try_login(struct smtp_client *c, struct arena *a,
        const struct client_credentials *credentials, enum sasl_mechanism m,
        struct client_answer *out) suspends MUST_USE;
static struct err converse(
        struct login *l, struct arena *a, struct client_answer *out) suspends MUST_USE;
static struct err say_auth(struct login *l, struct str first) suspends MUST_USE;
static struct err hear_step(struct login *l, struct arena *a, struct str *out_challenge,
        struct client_answer *out) suspends MUST_USE;
static struct err give_up(struct login *l, struct arena *a, struct err why,
        struct client_answer *out) suspends MUST_USE;
static struct err first_message(struct login *l, struct str *out) MUST_USE;
static struct err respond(struct login *l, struct str challenge, struct str *out) suspends MUST_USE;
static struct err login_respond(struct login *l, struct str challenge, struct str *out) MUST_USE;
static struct err cram_respond(struct login *l, struct str challenge, struct str *out) MUST_USE;
static struct str encoded(struct arena *a, struct str message);

struct err client_auth(struct smtp_client *c, struct arena *a,
        const struct client_credentials *credentials, struct client_answer *out)
{
    size_t tries = 0;
    enum sasl_mechanism m;
    if (!credentials->channel_is_safe) {
        refuse(FAILURE_TLS, S("4.7.4"), S("refusing to send credentials without TLS"), out);
        return OK;
    }
    for (size_t i = 0; tries < LOGIN_TRIES_MAX && candidate_at(credentials, i, &m); i++) {
        if (!is_usable(c, credentials, m))
            continue;
        tries++;
        c->logs_in = true;
        struct err e = try_login(c, a, credentials, m, out);
        c->logs_in = false;
        TRY(e);
        c->logged_in = out->verdict == CLIENT_GOOD;
        if (out->verdict == CLIENT_GOOD || c->gone || out->outcome.code == 535)
            return OK;
    }
    if (tries == 0)
        refuse(FAILURE_CONNECTION, S("4.7.8"),
                S("the host offers no mechanism of authentication that we have"), out);
    return OK;
}

static void refuse(
        enum failure_kind kind, struct str enhanced, struct str text, struct client_answer *out)
{
    *out = (struct client_answer){.stage = CLIENT_AUTH,
            .verdict = CLIENT_TEMPORARY,
            .outcome = {.kind = kind,
                    .command = S("AUTH"),
                    .enhanced = enhanced,
                    .text = text,
                    .at_ms = wall_ms()}};
}

// Those of the route in its order, offered or not; else ours, the safest first.
static bool candidate_at(
        const struct client_credentials *credentials, size_t i, enum sasl_mechanism *out)
{
    static const enum sasl_mechanism ours[] = {SASL_SCRAM_SHA_256_PLUS, SASL_SCRAM_SHA_256,
            SASL_OAUTHBEARER, SASL_XOAUTH2, SASL_PLAIN, SASL_LOGIN, SASL_CRAM_MD5};
    const struct strs *forced = &credentials->mechanisms;
    if (forced->count == 0) {
        if (i < COUNT_OF(ours))
            *out = ours[i];
        return i < COUNT_OF(ours);
    }
    if (i >= forced->count)
        return false;
    if (!sasl_named(forced->at[i], out) && !sasl_of_word(forced->at[i], out))
        *out = SASL_EXTERNAL; // which no credentials are for
    return true;
}

static bool is_usable(const struct smtp_client *c, const struct client_credentials *credentials,
        enum sasl_mechanism m)
{
    bool forced = credentials->mechanisms.count > 0;
    if (!forced && (c->mechanisms >> m & 1) == 0)
        return false;
    switch (m) {
    case SASL_SCRAM_SHA_256_PLUS:
        return stream_ssl(c->stream) != NULL && !str_is_null(credentials->secret);
    case SASL_SCRAM_SHA_256:
    case SASL_SCRAM_SHA_1:
    case SASL_PLAIN:
    case SASL_LOGIN:
    case SASL_CRAM_MD5:
        return !str_is_null(credentials->secret);
    case SASL_OAUTHBEARER:
    case SASL_XOAUTH2:
        return !str_is_null(credentials->token);
    case SASL_EXTERNAL:
    case SASL_MECHANISM_COUNT:
        break;
    }
    return false;
}

// --- One try -------------------------------------------------------------------------------------

static struct err try_login(struct smtp_client *c, struct arena *a,
        const struct client_credentials *credentials, enum sasl_mechanism m,
        struct client_answer *out)
{
    struct arena secrets AUTO(arena_wipe);
    struct login l = {.c = c, .credentials = credentials, .mechanism = m, .arena = &secrets};
    arena_init(&secrets, LOGIN_ARENA_BYTES);
    return converse(&l, a, out);
}

// "AUTH" SP mechanism [ SP initial-response ], then challenges and responses      RFC 4954 4
static struct err converse(struct login *l, struct arena *a, struct client_answer *out)
{
    struct str message = STR_NULL, challenge;
    TRY(first_message(l, &message));
    bool is_owed = !str_is_null(message) &&
                   encoded(l->arena, message).len >
                           LOGIN_COMMAND_BYTES - S("AUTH ").len - sasl_name(l->mechanism).len - 1;
    TRY(say_auth(l, is_owed ? STR_NULL : message));
    for (size_t steps = 0; steps < LOGIN_STEPS_MAX; steps++) {
        TRY(hear_step(l, a, &challenge, out));
        if (out->verdict != CLIENT_GOOD)
            return OK;
        if (out->outcome.code == 235)
            break;
        if (is_owed) {
            is_owed = false;
        } else {
            struct err e = respond(l, challenge, &message);
            if (e.kind == ERR_REFUSED)
                return give_up(l, a, e, out);
            TRY(e);
        }
        TRY(client_say(l->c, encoded(l->arena, message)));
    }
    if (out->outcome.code == 334)
        return give_up(l, a, fail(ERR_REFUSED, "the host asks without end"), out);
    bool is_scram = !str_is_null(l->first_bare);
    if (!is_scram || l->server_has_proved)
        return OK;
    l->c->gone = true; // whoever it is, it does not know our password
    refuse(FAILURE_CONNECTION, S("4.7.8"), S("the host has not proved that it knows the password"),
            out);
    out->gone = true;
    return OK;
}

static struct err say_auth(struct login *l, struct str first)
{
    struct str name = sasl_name(l->mechanism), text = S("");
    if (!str_is_null(first))
        text = first.len == 0 ? S("=") : encoded(l->arena, first);
    struct str line = arena_fmt(
            l->arena, "AUTH %.*s%s%.*s", ARG(name), str_is_null(first) ? "" : " ", ARG(text));
    if (str_is_null(line) || str_is_null(text))
        return client_no_room();
    return client_say(l->c, line);
}

static struct err hear_step(
        struct login *l, struct arena *a, struct str *out_challenge, struct client_answer *out)
{
    struct client_reply reply;
    struct buf bytes AUTO(buf_done);
    const struct client_question q = {.stage = CLIENT_AUTH,
            .expects = EXPECTS_AUTH,
            .command = S("AUTH"),
            .wait_ms = l->c->options.timeouts->auth_ms};
    *out_challenge = STR_NULL; // what is no base64
    buf_init(&bytes, REPLY_LINE_READ_MAX);
    TRY(client_hear_lines(l->c, a, l->arena, &q, &reply, out));
    if (reply.code != 334 || !decode_base64(&bytes, str_trim(reply.lines[0])))
        return OK;
    *out_challenge = arena_str(l->arena, buf_str(&bytes));
    return str_is_null(*out_challenge) ? client_no_room() : OK;
}

// "*" ends it, and the peer says 501 (RFC 4954 4).
static struct err give_up(
        struct login *l, struct arena *a, struct err why, struct client_answer *out)
{
    struct str unused;
    struct client_answer said;
    TRY(client_say(l->c, S("*")));
    TRY(hear_step(l, a, &unused, &said));
    refuse(FAILURE_CONNECTION, S("4.7.8"), err_text(why), out);
    if (said.verdict == CLIENT_GOOD)
        l->c->gone = true; // it has not understood
    out->gone = l->c->gone;
    return OK;
}

// --- Messages ------------------------------------------------------------------------------------

// Null: this mechanism begins with a challenge.
static struct err first_message(struct login *l, struct str *out)
{
    const struct client_credentials *k = l->credentials;
    struct str name;
    switch (l->mechanism) {
    case SASL_SCRAM_SHA_256_PLUS:
    case SASL_SCRAM_SHA_256:
    case SASL_SCRAM_SHA_1:
        return scram_first(l, out);
    case SASL_PLAIN: // RFC 4616 2
        *out = arena_fmt(l->arena, "%c%.*s%c%.*s", '\0', ARG(k->username), '\0', ARG(k->secret));
        break;
    case SASL_OAUTHBEARER: // RFC 7628 3.1
        name = login_saslname(l->arena, k->username);
        *out = arena_fmt(l->arena,
                "n,%s%.*s,\x01"
                "auth=Bearer %.*s\x01\x01",
                name.len > 0 ? "a=" : "", ARG(name), ARG(k->token));
        break;
    case SASL_XOAUTH2:
        *out = arena_fmt(l->arena,
                "user=%.*s\x01"
                "auth=Bearer %.*s\x01\x01",
                ARG(k->username), ARG(k->token));
        break;
    case SASL_LOGIN:
    case SASL_CRAM_MD5:
    case SASL_EXTERNAL:
    case SASL_MECHANISM_COUNT:
        *out = STR_NULL;
        return OK;
    }
    return str_is_null(*out) ? client_no_room() : OK;
}

static struct err respond(struct login *l, struct str challenge, struct str *out)
{
    l->heard++;
    switch (l->mechanism) {
    case SASL_SCRAM_SHA_256_PLUS:
    case SASL_SCRAM_SHA_256:
    case SASL_SCRAM_SHA_1:
        return scram_respond(l, challenge, out);
    case SASL_LOGIN:
        return login_respond(l, challenge, out);
    case SASL_CRAM_MD5:
        return cram_respond(l, challenge, out);
    case SASL_OAUTHBEARER: // it has told us why not, and wants a word before it refuses
        *out = S("\x01");
        return OK;
    case SASL_XOAUTH2:
        *out = S("");
        return OK;
    case SASL_PLAIN:
    case SASL_EXTERNAL:
    case SASL_MECHANISM_COUNT:
        break;
    }
    return fail(ERR_REFUSED, "the host asks what its mechanism has no answer to");
}

// No standard says what the prompts are: most say one of these words, and the rest ask for the name
// first.
static struct err login_respond(struct login *l, struct str challenge, struct str *out)
{
    struct str prompt = str_trim(challenge);
    bool wants_user =
            str_starts_nocase(prompt, S("user name")) || str_starts_nocase(prompt, S("username"));
    bool wants_password = str_starts_nocase(prompt, S("password"));
    if (l->heard > 2)
        return fail(ERR_REFUSED, "the host asks more than twice");
    *out = wants_user || (!wants_password && l->heard == 1) ? l->credentials->username
                                                            : l->credentials->secret;
    return OK;
}

// RFC 2195 2: the name, and the HMAC of the challenge in hex
static struct err cram_respond(struct login *l, struct str challenge, struct str *out)
{
    uint8_t digest[CRAM_DIGEST_BYTES];
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    if (l->heard > 1 || challenge.len == 0)
        return fail(ERR_REFUSED, "a challenge that CRAM-MD5 does not have");
    if (!cram_digest(l->credentials->secret, challenge, digest))
        return fail(ERR_REFUSED, "this machine's OpenSSL refuses the hash");
    buf_fmt(&text, "%.*s ", ARG(l->credentials->username));
    encode_hex(&text, str_of((const char *)digest, sizeof(digest)));
    *out = arena_str(l->arena, buf_str(&text));
    return str_is_null(*out) || text.overflow ? client_no_room() : OK;
}

static struct str encoded(struct arena *a, struct str message)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, LOGIN_ARENA_BYTES);
    encode_base64(&text, message);
    struct str made = text.overflow ? STR_NULL : arena_str(a, buf_str(&text));
    mem_wipe(text.ptr, text.len);
    return made;
}

struct str login_saslname(struct arena *a, struct str name)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == ',')
            buf_add(&text, S("=2C"));
        else if (name.ptr[i] == '=')
            buf_add(&text, S("=3D"));
        else
            buf_add_byte(&text, name.ptr[i]);
    }
    return text.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}
