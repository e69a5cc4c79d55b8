// SPDX-License-Identifier: Apache-2.0
// smtp/client/hello.c: the greeting, EHLO (LHLO, HELO), and what a peer says that it can do
// (outbound.md 8.1 and 8.3). What it said before TLS was anybody's word, so each EHLO begins anew.
#include "smtp/client/parts.h"

static struct err greet(
        struct smtp_client *c, struct arena *a, struct client_answer *out) suspends MUST_USE;
static struct err hello(struct smtp_client *c, struct arena *a, struct str verb,
        struct client_answer *out) suspends MUST_USE;
static bool may_say_helo(const struct smtp_client *c, const struct client_answer *answer);
static void learn_line(struct smtp_client *c, struct str line);
static void learn_size(struct smtp_client *c, struct str words);
static void learn_mechanisms(struct smtp_client *c, struct str words);
static void learn_limits(struct smtp_client *c, struct str words);
static void learn_xclient(struct smtp_client *c, struct str words);
static bool take_word(struct str *rest, struct str *out);
static bool is_name_byte(uint8_t c);

static const struct {
    struct str keyword;
    enum client_extension extension;
} extensions[] = {
        {S_INIT("PIPELINING"), CLIENT_EXT_PIPELINING},
        {S_INIT("SIZE"), CLIENT_EXT_SIZE},
        {S_INIT("8BITMIME"), CLIENT_EXT_8BITMIME},
        {S_INIT("SMTPUTF8"), CLIENT_EXT_SMTPUTF8},
        {S_INIT("CHUNKING"), CLIENT_EXT_CHUNKING},
        {S_INIT("BINARYMIME"), CLIENT_EXT_BINARYMIME},
        {S_INIT("DSN"), CLIENT_EXT_DSN},
        {S_INIT("STARTTLS"), CLIENT_EXT_STARTTLS},
        {S_INIT("AUTH"), CLIENT_EXT_AUTH},
        {S_INIT("REQUIRETLS"), CLIENT_EXT_REQUIRETLS},
        {S_INIT("DELIVERBY"), CLIENT_EXT_DELIVERBY},
        {S_INIT("MT-PRIORITY"), CLIENT_EXT_MT_PRIORITY},
        {S_INIT("ENHANCEDSTATUSCODES"), CLIENT_EXT_ENHANCEDSTATUSCODES},
        {S_INIT("LIMITS"), CLIENT_EXT_LIMITS},
        {S_INIT("XCLIENT"), CLIENT_EXT_XCLIENT},
};

uint32_t client_extension_named(struct str keyword)
{
    for (size_t i = 0; i < COUNT_OF(extensions); i++)
        if (str_eq_nocase(extensions[i].keyword, keyword))
            return extensions[i].extension;
    return 0;
}

struct err client_greet(struct smtp_client *c, struct arena *a, struct client_answer *out)
{
    TRY(greet(c, a, out));
    if (out->verdict != CLIENT_GOOD)
        return OK;
    return client_hello(c, a, out);
}

static struct err greet(struct smtp_client *c, struct arena *a, struct client_answer *out)
{
    struct arena lines AUTO(arena_done);
    struct client_reply reply;
    const struct client_question q = {.stage = CLIENT_GREETING,
            .expects = EXPECTS_220,
            .command = S("CONNECT"),
            .wait_ms = c->options.timeouts->greeting_ms};
    arena_init(&lines, REPLY_ARENA_BYTES);
    TRY(client_hear_lines(c, a, &lines, &q, &reply, out));
    if (out->verdict == CLIENT_GOOD)
        client_peer_name_take(c, &reply);
    return OK;
}

struct err client_hello(struct smtp_client *c, struct arena *a, struct client_answer *out)
{
    client_forget(c);
    if (c->options.protocol == CLIENT_LMTP)
        return hello(c, a, S("LHLO"), out);
    if (c->options.helo_only)
        return hello(c, a, S("HELO"), out);
    TRY(hello(c, a, S("EHLO"), out));
    if (!may_say_helo(c, out))
        return OK;
    TRY(hello(c, a, S("HELO"), out));
    c->fell_back = out->verdict == CLIENT_GOOD;
    return OK;
}

static struct err hello(
        struct smtp_client *c, struct arena *a, struct str verb, struct client_answer *out)
{
    struct arena lines AUTO(arena_done);
    struct client_reply reply;
    const struct client_question q = {.stage = CLIENT_EHLO,
            .expects = EXPECTS_2XX,
            .command = verb,
            .wait_ms = c->options.timeouts->ehlo_ms};
    arena_init(&lines, REPLY_ARENA_BYTES);
    struct str line = arena_fmt(&lines, "%.*s %.*s", ARG(verb), ARG(c->options.ehlo_name));
    if (str_is_null(line))
        return client_no_room();
    TRY(client_say(c, line));
    TRY(client_hear_lines(c, a, &lines, &q, &reply, out));
    if (out->verdict != CLIENT_GOOD)
        return OK;
    client_peer_name_take(c, &reply);
    if (!str_eq(verb, S("HELO")))
        client_learn(c, &reply);
    return OK;
}

// outbound.md 8.3: 500 to 504, 550 and 554 are what old servers say to a word that they don't know.
static bool may_say_helo(const struct smtp_client *c, const struct client_answer *answer)
{
    uint16_t code = answer->outcome.code;
    return answer->verdict == CLIENT_TEMPORARY && !c->gone && !c->options.tls_is_required &&
           ((code >= 500 && code <= 504) || code == 550 || code == 554);
}

// --- What it can do ------------------------------------------------------------------------------

void client_forget(struct smtp_client *c)
{
    c->offered = c->mechanisms = c->xclient = 0;
    c->size_max = 0;
    c->by_min_s = 0;
    c->rcpts_max = c->mails_max = c->rcpt_domains_max = 0;
}

void client_learn(struct smtp_client *c, const struct client_reply *reply)
{
    client_forget(c);
    for (size_t i = 1; i < reply->line_count; i++)
        learn_line(c, reply->lines[i]);
    // RFC 6531 3.1: whoever takes addresses beyond ASCII takes such bodies.
    if ((c->offered & CLIENT_EXT_SMTPUTF8) != 0)
        c->offered |= CLIENT_EXT_8BITMIME;
    c->offered &= ~c->options.extensions_off;
    if ((c->offered & CLIENT_EXT_CHUNKING) == 0) // RFC 3030 3: such a message only goes by BDAT
        c->offered &= ~(uint32_t)CLIENT_EXT_BINARYMIME;
}

// ehlo-line = ehlo-keyword *( SP ehlo-param )      RFC 5321 4.1.1.1
static void learn_line(struct smtp_client *c, struct str line)
{
    struct str rest = line, keyword, first, more;
    uint64_t seconds = 0;
    if (!take_word(&rest, &keyword))
        return;
    // Servers of the last century wrote "AUTH=LOGIN", beside the right one or instead of it.
    if (str_starts_nocase(keyword, S("AUTH=")) && str_cut(line, '=', &first, &more)) {
        c->offered |= CLIENT_EXT_AUTH;
        learn_mechanisms(c, more);
        return;
    }
    uint32_t extension = client_extension_named(keyword);
    c->offered |= extension;
    if (extension == CLIENT_EXT_SIZE)
        learn_size(c, rest);
    else if (extension == CLIENT_EXT_AUTH)
        learn_mechanisms(c, rest);
    else if (extension == CLIENT_EXT_LIMITS)
        learn_limits(c, rest);
    else if (extension == CLIENT_EXT_XCLIENT)
        learn_xclient(c, rest);
    else if (extension == CLIENT_EXT_DELIVERBY && take_word(&rest, &first) &&
             str_to_u64(first, INT32_MAX, &seconds))
        c->by_min_s = (int64_t)seconds;
}

// 0, garbage and what no message can exceed say nothing (outbound.md 27.2).
static void learn_size(struct smtp_client *c, struct str words)
{
    struct str word;
    uint64_t size = 0;
    if (take_word(&words, &word) && str_to_u64(word, INT64_MAX, &size))
        c->size_max = size;
}

static void learn_mechanisms(struct smtp_client *c, struct str words)
{
    struct str word;
    enum sasl_mechanism m;
    while (take_word(&words, &word))
        if (sasl_named(word, &m))
            c->mechanisms |= UINT32_C(1) << m;
}

// RFC 9422 4: name "=" value, unknown ones ignored
static void learn_limits(struct smtp_client *c, struct str words)
{
    struct str word, name, text;
    uint64_t value = 0;
    while (take_word(&words, &word)) {
        if (!str_cut(word, '=', &name, &text) || !str_to_u64(text, UINT32_MAX, &value))
            continue;
        if (str_eq_nocase(name, S("RCPTMAX")))
            c->rcpts_max = (uint32_t)value;
        else if (str_eq_nocase(name, S("MAILMAX")))
            c->mails_max = (uint32_t)value;
        else if (str_eq_nocase(name, S("RCPTDOMAINMAX")))
            c->rcpt_domains_max = (uint32_t)value;
    }
}

static void learn_xclient(struct smtp_client *c, struct str words)
{
    struct str word;
    while (take_word(&words, &word))
        c->xclient |= client_xclient_attribute(word);
}

static bool take_word(struct str *rest, struct str *out)
{
    *rest = str_trim_blanks(*rest);
    size_t len = 0;
    while (len < rest->len && !byte_is_blank((uint8_t)rest->ptr[len]))
        len++;
    *out = str_upto(*rest, len);
    *rest = str_from(*rest, len);
    return len > 0;
}

// The first word, if it can be a name or an address literal; else the name stays as it was.
void client_peer_name_take(struct smtp_client *c, const struct client_reply *reply)
{
    struct str rest = reply->lines[0], word;
    if (!take_word(&rest, &word) || word.len > sizeof(c->peer_name))
        return;
    for (size_t i = 0; i < word.len; i++)
        if (!is_name_byte((uint8_t)word.ptr[i]))
            return;
    for (size_t i = 0; i < word.len; i++)
        c->peer_name[i] = (char)byte_to_lower((uint8_t)word.ptr[i]);
    c->peer_name_len = word.len;
}

static bool is_name_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '.' || c == '-' || c == '_' || c == '[' || c == ']' || c == ':';
}
