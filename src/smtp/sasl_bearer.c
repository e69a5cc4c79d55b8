// SPDX-License-Identifier: Apache-2.0
// smtp/sasl_bearer.c: logins with a token of somebody else's: OAUTHBEARER (RFC 7628), and XOAUTH2,
// which was there before it. A refusal has two steps: the client is told why in JSON, says a line
// that means nothing, and only then hears the reply.
#include "smtp/sasl_parts.h"

#define SEPARATOR '\x01'

static bool skip_header(struct sasl *s, struct scan *in, bool *out_name_is_bad);
static struct sasl_step pairs_heard(struct sasl *s, struct scan *in);
static bool scan_pair(struct scan *in, struct str *out_key, struct str *out_value);
static bool take_token(struct str value, struct str *out);
static bool is_key(uint8_t c);
static bool is_value(uint8_t c);
static bool is_token(uint8_t c);
static struct sasl_step refused(struct sasl *s);

// client-resp = gs2-header kvsep *kvpair kvsep              RFC 7628 3.1
struct sasl_step oauthbearer_heard(struct sasl *s, struct str message)
{
    struct scan in = scan_over(message);
    bool name_is_bad = false;
    if (s->state->stage == SASL_STAGE_REFUSED)
        return refused(s);
    // No binding is offered with this mechanism: who wants one, or thinks that we have none, has
    // not heard what we said.
    if (str_starts(message, S("y,")) || str_starts(message, S("p=")))
        return sasl_fail(s, SASL_WRONG, S("OAUTHBEARER with a channel binding"));
    if (!skip_header(s, &in, &name_is_bad))
        return name_is_bad ? sasl_bad_name(s)
                           : sasl_fail(s, SASL_MALFORMED, S("OAUTHBEARER without its header"));
    return pairs_heard(s, &in);
}

// gs2-header = "n" "," [ "a=" saslname ] "," kvsep          RFC 5801 4
static bool skip_header(struct sasl *s, struct scan *in, bool *out_name_is_bad)
{
    struct str name;
    if (!scan_lit(in, S("n,")))
        return false;
    if (scan_lit(in, S("a="))) {
        if (!scan_until(in, ',', &name))
            return false;
        *out_name_is_bad = !sasl_take_saslname(s, name, &s->question.login);
    }
    return !*out_name_is_bad && scan_byte(in, ',') && scan_byte(in, SEPARATOR);
}

// "user=" name kvsep *kvpair kvsep
struct sasl_step xoauth2_heard(struct sasl *s, struct str message)
{
    struct scan in = scan_over(message);
    struct str name;
    if (s->state->stage == SASL_STAGE_REFUSED)
        return refused(s);
    if (!scan_lit(&in, S("user=")) || !scan_until_past(&in, SEPARATOR, &name))
        return sasl_fail(s, SASL_MALFORMED, S("XOAUTH2 without a user"));
    if (!sasl_take_name(s, name, &s->question.login))
        return sasl_bad_name(s);
    return pairs_heard(s, &in);
}

// One `auth`; other pairs (host, port) are allowed and mean nothing to us.
static struct sasl_step pairs_heard(struct sasl *s, struct scan *in)
{
    struct str key, value, token = STR_NULL;
    while (scan_pair(in, &key, &value))
        if (str_eq(key, S("auth")) && (!str_is_null(token) || !take_token(value, &token)))
            return sasl_fail(s, SASL_MALFORMED, S("a token that can be none"));
    if (!scan_byte(in, SEPARATOR) || !scan_end(in) || str_is_null(token))
        return sasl_fail(s, SASL_MALFORMED, S("bearer message without token or end"));
    s->question.token = token;
    return sasl_ask(s, SASL_ASK_TOKEN);
}

// kvpair = 1*ALPHA "=" *( VCHAR / SP / HTAB / CR / LF ) kvsep
static bool scan_pair(struct scan *in, struct str *out_key, struct str *out_value)
{
    struct scan ahead = *in;
    if (!scan_while(&ahead, is_key, out_key) || !scan_byte(&ahead, '=') ||
            !scan_while0(&ahead, is_value, out_value) || !scan_byte(&ahead, SEPARATOR))
        return false;
    *in = ahead;
    return true;
}

// "Bearer" 1*SP token, the scheme in any case (RFC 9110 11.1). RFC 6750 2.1 allows fewer characters
// in a token; those who issue opaque ones do not keep to it, and the rest can do no harm.
static bool take_token(struct str value, struct str *out)
{
    struct scan in = scan_over(value);
    if (!scan_lit_nocase(&in, S("Bearer ")))
        return false;
    while (scan_byte(&in, ' '))
        ;
    return scan_while(&in, is_token, out) && scan_end(&in);
}

static bool is_key(uint8_t c)
{
    return byte_is_alpha(c);
}

static bool is_value(uint8_t c)
{
    return is_token(c) || byte_is_space(c);
}

static bool is_token(uint8_t c)
{
    return c > ' ' && c < 0x7f;
}

struct sasl_step bearer_answered(struct sasl *s, const struct sasl_answer *answer)
{
    if (answer->verdict == SASL_YES)
        return sasl_succeed(s);
    s->state->stage = SASL_STAGE_REFUSED;
    if (s->inputs->mechanism == SASL_XOAUTH2)
        return sasl_challenge(
                s, S("{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}"));
    return sasl_challenge(
            s, S("{\"status\":\"invalid_token\",\"schemes\":\"bearer\",\"scope\":\"mail\"}"));
}

static struct sasl_step refused(struct sasl *s)
{
    return sasl_fail(s, SASL_WRONG, S("the token was refused"));
}
