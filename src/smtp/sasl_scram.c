// SPDX-License-Identifier: Apache-2.0
// smtp/sasl_scram.c: SCRAM-SHA-1 (RFC 5802), SCRAM-SHA-256 and -PLUS (RFC 7677; bindings of
// RFC 9266 and RFC 5929 4). The client proves that it has the password, we prove that we know it,
// and what is stored here is of no use to whoever steals it.
//
// The grammar is kept to the letter: attributes in their order, `m` refused, nothing forgiven. Who
// does not exist gets a salt and a refusal like somebody with a wrong password, and after as long:
// keys are derived for whoever fails, needed or not.
#include "smtp/sasl_parts.h"

#include "base/encode.h"
#include "base/unicode.h"

#define NONCE_RANDOM_BYTES 18 // 24 characters, 144 bits

static struct sasl_step first_heard(struct sasl *s, struct str message);
static bool take_flag(struct sasl *s, struct scan *in, struct sasl_step *out_wrong);
static bool take_binding(struct sasl *s, struct scan *in, struct sasl_step *out_wrong);
static struct sasl_step stored_keys(struct sasl *s, const struct sasl_answer *answer);
static struct sasl_step clear_secret(struct sasl *s, struct str clear);
static struct sasl_step nobody(struct sasl *s);
static struct sasl_step derived_keys(struct sasl *s, struct str clear);
static void add_whose(const struct sasl *s, struct buf *out);
static struct sasl_step server_first(struct sasl *s, uint32_t iterations);
static struct sasl_step final_heard(struct sasl *s, struct str message);
static struct sasl_step final_judge(struct sasl *s, struct str before_proof, struct str proof);
static struct sasl_step server_final(struct sasl *s, struct str server_key);
static bool is_header_and_binding(struct sasl *s, struct str text);
static bool scan_attribute(struct scan *in, char name, struct str *out);
static bool scan_extensions(struct scan *in, char until);
static bool is_value_byte(uint8_t c);
static bool is_printable(uint8_t c);
static bool is_binding_name(uint8_t c);

struct sasl_step scram_heard(struct sasl *s, struct str message)
{
    switch (s->state->stage) {
    case SASL_STAGE_FIRST:
        return first_heard(s, message);
    case SASL_STAGE_SECOND:
        return final_heard(s, message);
    case SASL_STAGE_RIGHT:
    case SASL_STAGE_REFUSED:
        break;
    }
    // RFC 4954 4: what a mechanism says with its success is a challenge in SMTP.
    if (message.len > 0)
        return sasl_fail(s, SASL_MALFORMED, S("words behind the end of SCRAM"));
    return sasl_succeed(s);
}

// --- client-first-message ------------------------------------------------------------------------

// client-first-message = gs2-header client-first-message-bare
// gs2-header = gs2-cbind-flag "," [ authzid ] ","
// client-first-message-bare = username "," nonce ["," extensions]
static struct sasl_step first_heard(struct sasl *s, struct str message)
{
    struct scan in = scan_over(message);
    struct str authzid = STR_NULL, name, nonce;
    struct sasl_step wrong;
    if (!take_flag(s, &in, &wrong))
        return wrong;
    if (!scan_byte(&in, ',') || (scan_peek(&in) == 'a' && !scan_attribute(&in, 'a', &authzid)) ||
            !scan_byte(&in, ','))
        return sasl_fail(s, SASL_MALFORMED, S("SCRAM without its header"));
    s->state->gs2_header = scan_since(&in, 0);
    s->state->first_bare = scan_rest(&in);
    if (!scan_attribute(&in, 'n', &name) || !scan_byte(&in, ',') || !scan_lit(&in, S("r=")) ||
            !scan_while(&in, is_printable, &nonce) || !scan_extensions(&in, '\0') || !scan_end(&in))
        return sasl_fail(s, SASL_MALFORMED, S("a first message of SCRAM that is none"));
    if (!sasl_take_saslname(s, name, &s->question.login) ||
            (!str_is_null(authzid) && !sasl_take_saslname(s, authzid, &s->question.authzid)))
        return sasl_bad_name(s);
    s->state->nonce = nonce;
    s->question.hash = scram_hash_of(s) == SCRAM_SHA_1 ? SASL_SHA_1 : SASL_SHA_256;
    return sasl_ask(s, SASL_ASK_SCRAM);
}

// gs2-cbind-flag = ("p=" cb-name) / "n" / "y"               RFC 5802 6
static bool take_flag(struct sasl *s, struct scan *in, struct sasl_step *out_wrong)
{
    if (scan_lit(in, S("p=")))
        return take_binding(s, in, out_wrong);
    bool could_bind = scan_byte(in, 'y');
    if (!could_bind && !scan_byte(in, 'n'))
        *out_wrong = sasl_fail(s, SASL_MALFORMED, S("SCRAM without its header"));
    else if (s->inputs->mechanism == SASL_SCRAM_SHA_256_PLUS)
        *out_wrong = sasl_fail(s, SASL_MALFORMED, S("-PLUS without a channel binding"));
    else if (could_bind && sasl_set_has(s->inputs->offered, SASL_SCRAM_SHA_256_PLUS))
        // The client believes that we cannot bind: somebody has edited what we offered.
        *out_wrong = sasl_fail(s, SASL_WRONG, S("the offer of -PLUS was taken out on the way"));
    else
        return true;
    return false;
}

static bool take_binding(struct sasl *s, struct scan *in, struct sasl_step *out_wrong)
{
    static const struct str names[SASL_BINDING_COUNT] = {
            [SASL_TLS_EXPORTER] = S_INIT("tls-exporter"),
            [SASL_TLS_SERVER_END_POINT] = S_INIT("tls-server-end-point"),
    };
    struct str name;
    if (!scan_while(in, is_binding_name, &name)) {
        *out_wrong = sasl_fail(s, SASL_MALFORMED, S("SCRAM without its header"));
        return false;
    }
    if (s->inputs->mechanism != SASL_SCRAM_SHA_256_PLUS) {
        *out_wrong = sasl_fail(s, SASL_MALFORMED, S("a channel binding without -PLUS"));
        return false;
    }
    for (size_t i = 0; i < SASL_BINDING_COUNT; i++)
        if (str_eq(name, names[i]) && !str_is_empty(s->inputs->bindings[i])) {
            s->state->binding = s->inputs->bindings[i];
            return true;
        }
    // No sign of an attack: GNU SASL takes tls-unique under TLS 1.2, whatever is offered.
    *out_wrong = sasl_fail(s, SASL_MALFORMED, S("a channel binding that is not offered"));
    return false;
}

// --- server-first-message ------------------------------------------------------------------------

struct sasl_step scram_answered(struct sasl *s, const struct sasl_answer *answer)
{
    s->state->known = answer->verdict == SASL_YES;
    if (!s->state->known)
        return nobody(s);
    if (str_is_null(answer->stored_key))
        return clear_secret(s, answer->clear);
    return stored_keys(s, answer);
}

static struct sasl_step stored_keys(struct sasl *s, const struct sasl_answer *answer)
{
    struct sasl_state *st = s->state;
    size_t len = scram_digest_bytes(scram_hash_of(s));
    if (answer->stored_key.len != len || answer->server_key.len != len || answer->salt.len == 0 ||
            answer->iterations == 0)
        return sasl_fail(s, SASL_UNAVAILABLE, S("the stored SCRAM keys are malformed"));
    st->clear = S("unused");
    st->salt = arena_str(&s->arena, answer->salt);
    st->stored_key = arena_str(&s->arena, answer->stored_key);
    st->server_key = arena_str(&s->arena, answer->server_key);
    if (str_is_null(st->salt) || str_is_null(st->stored_key) || str_is_null(st->server_key))
        return sasl_no_room(s);
    return server_first(s, answer->iterations);
}

static struct sasl_step clear_secret(struct sasl *s, struct str clear)
{
    struct str prepared;
    switch (sasl_prepare(&s->arena, clear, &prepared)) {
    case SASL_PREPARED:
        if (prepared.len > 0)
            return derived_keys(s, prepared);
        break;
    case SASL_FORBIDDEN: // no client can say it
        break;
    case SASL_NO_ROOM:
        return sasl_no_room(s);
    }
    return nobody(s);
}

static struct sasl_step nobody(struct sasl *s)
{
    s->state->known = false;
    return derived_keys(s, S("nobody"));
}

static struct sasl_step derived_keys(struct sasl *s, struct str clear)
{
    uint8_t salt[SCRAM_DIGEST_BYTES_MAX];
    struct str pepper = str_of((const char *)s->inputs->pepper, SASL_PEPPER_BYTES);
    struct buf whose AUTO(buf_done);
    buf_init(&whose, SASL_LINE_BYTES_MAX);
    add_whose(s, &whose);
    if (whose.overflow)
        return sasl_no_room(s);
    if (!scram_sign(SCRAM_SHA_256, pepper, buf_str(&whose), salt))
        return sasl_fail(s, SASL_UNAVAILABLE, S("this machine's OpenSSL refuses SHA-256"));
    s->state->clear = clear;
    s->state->salt = arena_str(&s->arena, str_of((const char *)salt, SCRAM_SALT_BYTES));
    if (str_is_null(s->state->salt))
        return sasl_no_room(s);
    return server_first(s, SCRAM_ITERATIONS);
}

// Somebody who exists has one salt however the name is written. So must nobody, or two ways of
// writing it would tell one from the other.
static void add_whose(const struct sasl *s, struct buf *out)
{
    struct str login = s->question.login, domain = s->inputs->default_domain;
    buf_add(out, scram_hash_of(s) == SCRAM_SHA_1 ? S("SHA-1 ") : S("SHA-256 "));
    unicode_add_lower(out, login);
    if (!str_contains(login, S("@")) && !str_is_empty(domain)) {
        buf_add_byte(out, '@');
        unicode_add_lower(out, domain);
    }
}

// server-first-message = nonce "," salt "," iteration-count
static struct sasl_step server_first(struct sasl *s, uint32_t iterations)
{
    struct sasl_state *st = s->state;
    struct buf text AUTO(buf_done);
    buf_init(&text, SASL_LINE_BYTES_MAX);
    buf_add(&text, S("r="));
    buf_add(&text, st->nonce);
    if (str_is_null(s->inputs->nonce))
        encode_base64(&text,
                str_of((const char *)s->inputs->random + sizeof(uint64_t), NONCE_RANDOM_BYTES));
    else
        buf_add(&text, s->inputs->nonce);
    size_t nonce_end = text.len;
    buf_add(&text, S(",s="));
    encode_base64(&text, st->salt);
    buf_fmt(&text, ",i=%u", iterations);
    st->server_first = text.overflow ? STR_NULL : arena_str(&s->arena, buf_str(&text));
    if (str_is_null(st->server_first))
        return sasl_no_room(s);
    st->nonce = str_part(st->server_first, 2, nonce_end - 2);
    st->stage = SASL_STAGE_SECOND;
    return sasl_challenge(s, st->server_first);
}

// --- client-final-message ------------------------------------------------------------------------

// client-final-message = channel-binding "," nonce ["," extensions] "," proof
static struct sasl_step final_heard(struct sasl *s, struct str message)
{
    struct scan in = scan_over(message);
    struct str binding, nonce, proof_text;
    struct buf proof AUTO(buf_done);
    buf_init(&proof, SASL_LINE_BYTES_MAX);
    if (!scan_attribute(&in, 'c', &binding) || !scan_byte(&in, ',') ||
            !scan_attribute(&in, 'r', &nonce) || !scan_extensions(&in, 'p'))
        return sasl_fail(s, SASL_MALFORMED, S("a final message of SCRAM that is none"));
    struct str before_proof = scan_since(&in, 0);
    if (!scan_byte(&in, ',') || !scan_attribute(&in, 'p', &proof_text) || !scan_end(&in) ||
            !decode_base64(&proof, proof_text) || proof.len != scram_digest_bytes(scram_hash_of(s)))
        return sasl_fail(s, SASL_MALFORMED, S("a proof of SCRAM that is none"));
    if (!str_eq(nonce, s->state->nonce))
        return sasl_fail(s, SASL_WRONG, S("another nonce than ours"));
    if (!is_header_and_binding(s, binding))
        return sasl_fail(s, SASL_WRONG, S("another channel than this one"));
    return final_judge(s, before_proof, buf_str(&proof));
}

// channel-binding = "c=" base64 of gs2-header and the octets of the binding
static bool is_header_and_binding(struct sasl *s, struct str text)
{
    struct str header = s->state->gs2_header, binding = s->state->binding;
    struct buf said AUTO(buf_done);
    buf_init(&said, SASL_LINE_BYTES_MAX);
    return decode_base64(&said, text) && str_starts(buf_str(&said), header) &&
           str_eq(str_from(buf_str(&said), header.len), binding);
}

// AuthMessage := client-first-message-bare "," server-first-message "," what came before the proof
static struct sasl_step final_judge(struct sasl *s, struct str before_proof, struct str proof)
{
    struct sasl_state *st = s->state;
    bool right = false;
    st->auth_message = arena_fmt(&s->arena, "%.*s,%.*s,%.*s", ARG(st->first_bare),
            ARG(st->server_first), ARG(before_proof));
    st->proof = arena_str(&s->arena, proof);
    if (str_is_null(st->auth_message) || str_is_null(st->proof))
        return sasl_no_room(s);
    if (!str_is_null(st->stored_key) &&
            !scram_proves(scram_hash_of(s), st->stored_key, st->auth_message, st->proof, &right))
        return sasl_fail(s, SASL_UNAVAILABLE, S("this machine's OpenSSL refuses the hash"));
    if (right)
        return server_final(s, st->server_key);
    s->last = SASL_COMPUTE;
    return (struct sasl_step){.kind = SASL_COMPUTE};
}

struct sasl_step scram_computed(struct sasl *s)
{
    struct sasl_state *st = s->state;
    size_t len = scram_digest_bytes(scram_hash_of(s));
    struct str stored_key = str_of((const char *)st->derived.stored_key, len);
    bool right = false;
    if (!scram_proves(scram_hash_of(s), stored_key, st->auth_message, st->proof, &right))
        return sasl_fail(s, SASL_UNAVAILABLE, S("this machine's OpenSSL refuses the hash"));
    // With stored keys the proof was wrong already, and with nobody there is none that is right.
    if (!right || !st->known || !str_is_null(st->stored_key))
        return sasl_fail(s, SASL_WRONG, S("name and secret do not fit"));
    return server_final(s, str_of((const char *)st->derived.server_key, len));
}

// server-final-message = "v=" base64 of HMAC(ServerKey, AuthMessage)
static struct sasl_step server_final(struct sasl *s, struct str server_key)
{
    uint8_t signature[SCRAM_DIGEST_BYTES_MAX];
    struct buf last AUTO(buf_done);
    buf_init(&last, 2 + 2 * SCRAM_DIGEST_BYTES_MAX);
    if (!scram_sign(scram_hash_of(s), server_key, s->state->auth_message, signature))
        return sasl_fail(s, SASL_UNAVAILABLE, S("this machine's OpenSSL refuses the hash"));
    buf_add(&last, S("v="));
    encode_base64(&last, str_of((const char *)signature, server_key.len));
    s->state->stage = SASL_STAGE_RIGHT;
    return sasl_challenge(s, buf_str(&last));
}

enum scram_hash scram_hash_of(const struct sasl *s)
{
    return s->inputs->mechanism == SASL_SCRAM_SHA_1 ? SCRAM_SHA_1 : SCRAM_SHA_256;
}

// --- Grammar -------------------------------------------------------------------------------------

// attr-val = ALPHA "=" 1*value-char                         RFC 5802 7
static bool scan_attribute(struct scan *in, char name, struct str *out)
{
    struct scan ahead = *in;
    if (!scan_byte(&ahead, name) || !scan_byte(&ahead, '=') ||
            !scan_while(&ahead, is_value_byte, out) || !str_is_utf8(*out))
        return false;
    *in = ahead;
    return true;
}

// *( "," attr-val ), which we ignore, up to the end or to an attribute named `until`. `m` is a word
// that one must understand, and there is none yet.
static bool scan_extensions(struct scan *in, char until)
{
    struct str value;
    while (scan_peek(in) == ',' && scan_peek_at(in, 1) != until) {
        int name = scan_peek_at(in, 1);
        if (name < 0 || !byte_is_alpha((uint8_t)name) || name == 'm')
            return false;
        if (!scan_skip(in, 1) || !scan_attribute(in, (char)name, &value))
            return false;
    }
    return true;
}

// value-char = any of UTF-8 but NUL and ","; whether it is UTF-8 is asked of the whole
static bool is_value_byte(uint8_t c)
{
    return c != '\0' && c != ',';
}

static bool is_printable(uint8_t c)
{
    return c > ' ' && c < 0x7f && c != ',';
}

static bool is_binding_name(uint8_t c)
{
    return byte_is_alnum(c) || c == '.' || c == '-';
}
