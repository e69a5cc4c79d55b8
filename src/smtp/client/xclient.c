// SPDX-License-Identifier: Apache-2.0
// smtp/client/xclient.c: XCLIENT, by which a host that trusts us learns whose mail we bring. It has
// no RFC: Postfix's XCLIENT_README is what all others follow. An attribute that the host takes and
// we cannot fill is said to be [UNAVAILABLE], or the host would go on to think of us.
#include "smtp/client/parts.h"

#define COMMAND_BYTES_MAX (4 * KIB) // three values of which each octet is three in xtext
#define VALUE_BYTES_MAX 255         // the same for a value; longer ones are not told
#define UNAVAILABLE S("[UNAVAILABLE]")
#define TEMPORARILY_UNAVAILABLE S("[TEMPUNAVAIL]")

enum attribute {
    ATTRIBUTE_NAME = 1 << 0,
    ATTRIBUTE_ADDR = 1 << 1,
    ATTRIBUTE_PORT = 1 << 2,
    ATTRIBUTE_HELO = 1 << 3,
    ATTRIBUTE_LOGIN = 1 << 4,
};

static void add_address(struct buf *out, const struct ip *ip);
static void add_value(struct buf *out, const struct smtp_client *c, struct str name,
        struct str value, struct str otherwise);

static const struct {
    struct str word;
    enum attribute attribute;
} attributes[] = {
        {S_INIT("NAME"), ATTRIBUTE_NAME},
        {S_INIT("ADDR"), ATTRIBUTE_ADDR},
        {S_INIT("PORT"), ATTRIBUTE_PORT},
        {S_INIT("HELO"), ATTRIBUTE_HELO},
        {S_INIT("LOGIN"), ATTRIBUTE_LOGIN},
};

uint32_t client_xclient_attribute(struct str word)
{
    for (size_t i = 0; i < COUNT_OF(attributes); i++)
        if (str_eq_nocase(attributes[i].word, word))
            return attributes[i].attribute;
    return 0;
}

// "XCLIENT" 1*( SP attribute "=" xtext )
struct err client_xclient(struct smtp_client *c, struct arena *a,
        const struct client_origin *origin, struct client_answer *out)
{
    struct buf line AUTO(buf_done);
    const struct client_question q = {.stage = CLIENT_EHLO,
            .expects = EXPECTS_220,
            .command = S("XCLIENT"),
            .wait_ms = c->options.timeouts->ehlo_ms,
            .doing = S("waiting for the reply to XCLIENT")};
    buf_init(&line, COMMAND_BYTES_MAX);
    *out = (struct client_answer){.stage = CLIENT_EHLO, .verdict = CLIENT_GOOD};
    // Without the address the rest would be said of ours.
    if (!client_offers(c, CLIENT_EXT_XCLIENT) || (c->xclient & ATTRIBUTE_ADDR) == 0)
        return OK;
    buf_add(&line, S("XCLIENT"));
    add_value(&line, c, S("NAME"), origin->name,
            origin->name_may_come ? TEMPORARILY_UNAVAILABLE : UNAVAILABLE);
    add_address(&line, &origin->ip);
    add_value(&line, c, S("PORT"), STR_NULL, UNAVAILABLE);
    add_value(&line, c, S("HELO"), origin->helo, UNAVAILABLE);
    add_value(&line, c, S("LOGIN"), origin->login, UNAVAILABLE);
    if (line.overflow)
        return client_no_room();
    TRY(client_say(c, buf_str(&line)));
    TRY(client_hear(c, a, &q, out));
    return out->verdict == CLIENT_GOOD ? client_hello(c, a, out) : OK;
}

static void add_address(struct buf *out, const struct ip *ip)
{
    buf_add(out, S(" ADDR="));
    buf_add(out, ip->family == IP_V6 ? S("IPV6:") : S(""));
    ip_add(out, ip);
}

static void add_value(struct buf *out, const struct smtp_client *c, struct str name,
        struct str value, struct str otherwise)
{
    if ((c->xclient & client_xclient_attribute(name)) == 0)
        return;
    bool is_known = !str_is_empty(value) && value.len <= VALUE_BYTES_MAX;
    buf_fmt(out, " %.*s=", ARG(name));
    if (is_known)
        client_add_xtext(out, value);
    else
        buf_add(out, otherwise);
}
