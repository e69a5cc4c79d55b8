// SPDX-License-Identifier: Apache-2.0
// smtp/sasl_password.c: the mechanisms of few words: PLAIN (RFC 4616), LOGIN (never described by an
// RFC), CRAM-MD5 (RFC 2195) and EXTERNAL (RFC 4422 appendix A).
//
// Names are prepared, passwords of PLAIN and LOGIN are handed on as typed: what is stored about
// them was mostly made of the bytes that people typed elsewhere, before they came to us.
#include "smtp/sasl_parts.h"

#include "base/encode.h"

static struct sasl_step ask_password(struct sasl *s, struct str password);
static bool is_secret(struct str text);
static struct sasl_step ask_certificate(struct sasl *s, struct str identity);

// message = [authzid] UTF8NUL authcid UTF8NUL passwd        RFC 4616 2
struct sasl_step plain_heard(struct sasl *s, struct str message)
{
    struct str rest = message, authzid, authcid;
    if (!str_split(&rest, '\0', &authzid) || str_is_null(rest) ||
            !str_split(&rest, '\0', &authcid) || str_is_null(rest))
        return sasl_fail(s, SASL_MALFORMED, S("PLAIN without its three parts"));
    if (!sasl_take_name(s, authcid, &s->question.login))
        return sasl_bad_name(s);
    if (authzid.len > 0 && !sasl_take_name(s, authzid, &s->question.authzid))
        return sasl_bad_name(s);
    return ask_password(s, rest);
}

struct sasl_step login_start(struct sasl *s)
{
    return sasl_challenge(s, S("Username:"));
}

struct sasl_step login_heard(struct sasl *s, struct str message)
{
    if (s->state->stage == SASL_STAGE_SECOND)
        return ask_password(s, message);
    if (!sasl_take_name(s, message, &s->question.login))
        return sasl_bad_name(s);
    s->state->stage = SASL_STAGE_SECOND;
    return sasl_challenge(s, S("Password:"));
}

static struct sasl_step ask_password(struct sasl *s, struct str password)
{
    if (!is_secret(password))
        return sasl_fail(s, SASL_MALFORMED, S("a password that can be none"));
    s->question.password = password;
    return sasl_ask(s, SASL_ASK_PASSWORD);
}

// passwd = 1*SAFE. An empty one must never reach a directory: many an LDAP server takes it for an
// anonymous login, and says yes (RFC 4513 5.1.2).
static bool is_secret(struct str text)
{
    return text.len > 0 && str_find_byte(text, '\0') == STR_NOT_FOUND && str_is_utf8(text);
}

// --- CRAM-MD5 ------------------------------------------------------------------------------------

// "<" digits "." seconds "@" host ">"       RFC 2195 2
struct sasl_step cram_start(struct sasl *s)
{
    uint64_t number = s->inputs->number;
    if (number == 0)
        memcpy(&number, s->inputs->random, sizeof(number));
    s->state->challenge = arena_fmt(&s->arena, "<%llu.%lld@%.*s>", (unsigned long long)number,
            (long long)s->inputs->now_s, ARG(s->inputs->host));
    if (str_is_null(s->state->challenge))
        return sasl_no_room(s);
    return sasl_challenge(s, s->state->challenge);
}

// user SP 32HEXDIG; a name may have blanks in it
struct sasl_step cram_heard(struct sasl *s, struct str message)
{
    struct str user, hex;
    struct buf digest AUTO(buf_done);
    buf_init(&digest, CRAM_DIGEST_BYTES);
    if (!str_rcut(message, ' ', &user, &hex) || hex.len != (size_t)2 * CRAM_DIGEST_BYTES ||
            !decode_hex(&digest, hex))
        return sasl_fail(s, SASL_MALFORMED, S("CRAM-MD5 without name and digest"));
    if (!sasl_take_name(s, user, &s->question.login))
        return sasl_bad_name(s);
    s->state->digest = arena_str(&s->arena, buf_str(&digest));
    if (str_is_null(s->state->digest))
        return sasl_no_room(s);
    return sasl_ask(s, SASL_ASK_CLEAR);
}

struct sasl_step cram_answered(struct sasl *s, const struct sasl_answer *answer)
{
    bool known = answer->verdict == SASL_YES && !str_is_empty(answer->clear), right = false;
    if (!cram_proves(
                known ? answer->clear : S("nobody"), s->state->challenge, s->state->digest, &right))
        return sasl_fail(s, SASL_UNAVAILABLE, S("this machine's OpenSSL refuses MD5"));
    if (known && right)
        return sasl_succeed(s);
    return sasl_fail(s, SASL_WRONG, S("name and secret do not fit"));
}

// --- EXTERNAL ------------------------------------------------------------------------------------

// The client says nothing, or whom it wants to be: which must be one that its certificate names.
struct sasl_step external_heard(struct sasl *s, struct str message)
{
    struct str wanted = STR_NULL;
    if (message.len > 0 && !sasl_take_name(s, message, &wanted))
        return sasl_bad_name(s);
    for (size_t i = 0; i < s->inputs->identity_count; i++)
        if (message.len == 0 || str_eq_nocase(wanted, s->inputs->identities[i]))
            return ask_certificate(s, s->inputs->identities[i]);
    return sasl_fail(s, SASL_WRONG, S("no certificate, or not of this name"));
}

static struct sasl_step ask_certificate(struct sasl *s, struct str identity)
{
    if (!sasl_take_name(s, identity, &s->question.login))
        return sasl_bad_name(s);
    return sasl_ask(s, SASL_ASK_CERTIFICATE);
}
