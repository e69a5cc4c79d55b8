// SPDX-License-Identifier: Apache-2.0
// smtp/server/xclient.c: XCLIENT and XFORWARD: a front end that we trust says who the client is
// (inbound.md 4.13). Whom we trust is decided by the connection's own peer, or the one that a PROXY
// header named, never by what XCLIENT said before.
#include "listen/nets.h"
#include "rt/rt.h"
#include "smtp/envelope.h"
#include "smtp/limits.h"
#include "smtp/server/client.h"
#include "smtp/server/stages.h"
#include "smtp/server/verify.h"

#define ATTRIBUTE_BYTES_MAX 255 // of a value

enum attribute {
    ATTR_NAME,
    ATTR_ADDR,
    ATTR_PORT,
    ATTR_PROTO,
    ATTR_HELO,
    ATTR_LOGIN,
    ATTR_DESTADDR,
    ATTR_DESTPORT,
    ATTR_IDENT,
    ATTR_SOURCE,
    ATTR_COUNT
};

struct attributes {
    struct str text[ATTR_COUNT]; // decoded; null: not named
    bool absent[ATTR_COUNT];     // [UNAVAILABLE], [TEMPUNAVAIL]
};

static bool is_in(const struct smtp_session *s, const struct nets *nets);
static bool read_attributes(
        struct arena *a, struct str args, struct str known, struct attributes *out);
static bool read_attribute(
        struct arena *a, struct str one, struct str known, struct attributes *out);
static bool is_known(struct str name, struct str known);
static bool read_ip(struct str text, struct ip *out);
static bool read_port(struct str text, uint16_t *out);
static bool apply_endpoint(const struct attributes *x, enum attribute addr, enum attribute port,
        struct endpoint *endpoint);
static struct err forward(
        struct smtp_session *s, const struct attributes *x, const struct ip *ip) MUST_USE;
static void forward_text(struct buf *out, const struct attributes *x, enum attribute which);
static struct err apply_login(
        struct smtp_session *s, const struct attributes *x, enum reply_id *out) suspends MUST_USE;
static struct err apply(
        struct smtp_session *s, const struct attributes *x, enum reply_id *out) suspends MUST_USE;

static const struct str names[] = {
        [ATTR_NAME] = S_INIT("NAME"),
        [ATTR_ADDR] = S_INIT("ADDR"),
        [ATTR_PORT] = S_INIT("PORT"),
        [ATTR_PROTO] = S_INIT("PROTO"),
        [ATTR_HELO] = S_INIT("HELO"),
        [ATTR_LOGIN] = S_INIT("LOGIN"),
        [ATTR_DESTADDR] = S_INIT("DESTADDR"),
        [ATTR_DESTPORT] = S_INIT("DESTPORT"),
        [ATTR_IDENT] = S_INIT("IDENT"),
        [ATTR_SOURCE] = S_INIT("SOURCE"),
};

bool xclient_is_allowed(const struct smtp_session *s)
{
    return is_in(s, s->service->settings->xclient);
}

bool xforward_is_allowed(const struct smtp_session *s)
{
    return is_in(s, s->service->settings->xforward);
}

static bool is_in(const struct smtp_session *s, const struct nets *nets)
{
    return nets != NULL && nets_contains(nets, &s->introducer, wall_ms());
}

// "XCLIENT" 1*( SP attribute "=" value )
struct err stage_xclient(struct smtp_session *s, struct str args)
{
    struct attributes x = {0};
    enum reply_id why = REPLY_OK;
    s->stage = STAGE_CONNECT;
    if (!xclient_is_allowed(s))
        return reply(s, REPLY_NO_XCLIENT);
    if (s->transaction != NULL)
        return reply(s, REPLY_NOT_IN_MAIL);
    if (!read_attributes(&s->scratch, args, S(XCLIENT_NAMES), &x))
        return reply(s, REPLY_BAD_ARGUMENT);
    TRY(apply(s, &x, &why));
    if (s->over)
        return OK;
    return why == REPLY_OK ? stage_connect(s) : reply(s, why);
}

// All or nothing: what cannot be understood changes nothing.
static struct err apply(struct smtp_session *s, const struct attributes *x, enum reply_id *out)
{
    struct endpoint client = s->client, local = s->local;
    *out = REPLY_BAD_ARGUMENT;
    if (!apply_endpoint(x, ATTR_ADDR, ATTR_PORT, &client) ||
            !apply_endpoint(x, ATTR_DESTADDR, ATTR_DESTPORT, &local))
        return OK;
    TRY(apply_login(s, x, out));
    if (*out != REPLY_OK)
        return OK;
    if (!ip_eq(&client.ip, &s->client.ip)) {
        s->ptr_is_settled = false;
        s->ptr_name = STR_NULL;
        s->iprev = IPREV_NONE;
        client_end_lists(s);
        s->over = !listen_client_is(s->visit, &client);
    }
    s->client = client;
    s->local = local;
    if (s->over) { // as at connect: not a word
        s->result.end = SMTP_END_BANNED;
        return OK;
    }
    if (!str_is_null(x->text[ATTR_NAME])) {
        s->ptr_is_settled = true;
        s->iprev = IPREV_NONE;
        s->ptr_name = x->absent[ATTR_NAME] ? STR_NULL : arena_str(&s->identity, x->text[ATTR_NAME]);
    }
    s->hello = HELLO_NONE;
    buf_clear(&s->helo);
    spf_forget(s);
    xforward_forget(s);
    if (!str_is_null(x->text[ATTR_HELO]) && !x->absent[ATTR_HELO]) {
        buf_add(&s->helo, arena_str_lower(&s->scratch, x->text[ATTR_HELO]));
        s->hello = session_is_lmtp(s) ? HELLO_LHLO : HELLO_EHLO;
        if (str_eq_nocase(x->text[ATTR_PROTO], S("SMTP")))
            s->hello = HELLO_HELO;
    }
    if (s->service->limits != NULL)
        throttle_release(s->service->limits, &s->held);
    return OK;
}

static bool apply_endpoint(const struct attributes *x, enum attribute addr, enum attribute port,
        struct endpoint *endpoint)
{
    if (!str_is_null(x->text[addr]) && !x->absent[addr] && !read_ip(x->text[addr], &endpoint->ip))
        return false;
    return str_is_null(x->text[port]) || x->absent[port] ||
           read_port(x->text[port], &endpoint->port);
}

// The front end has checked the password; that there is such an account we check. Who is introduced
// without a login has none, whoever was introduced before (inbound.md 2.1).
static struct err apply_login(
        struct smtp_session *s, const struct attributes *x, enum reply_id *out)
{
    const struct account *account = NULL;
    struct str name = x->text[ATTR_LOGIN];
    *out = REPLY_OK;
    if (!x->absent[ATTR_LOGIN] && name.len > 0) {
        struct str directory;
        struct err e = rule_text(s, RULE_AUTH_DIRECTORY, &directory);
        struct directories *d = NULL;
        if (!failed(e))
            e = client_directories(s, &d);
        if (!failed(e) && !str_is_null(directory)) { // else nobody is known here
            within_ms(DIRECTORY_WAIT_MS);
            e = directories_account(d, &s->identity, directory, name, &account);
        }
        if (e.kind == ERR_CANCELLED)
            return e;
        if (failed(e)) // that nobody can be asked makes nobody unknown (inbound.md 19)
            *out = REPLY_AUTH_TROUBLE;
        else if (account == NULL || account->disabled)
            *out = REPLY_NO_XCLIENT;
        if (*out != REPLY_OK)
            return OK;
    }
    s->account = account;
    s->account_name = account == NULL ? S("") : account->name;
    s->visit->logged_in = account != NULL;
    return OK;
}

// The same grammar. It changes what is logged and what our Received says, and nothing else; several
// of them add up.
struct err stage_xforward(struct smtp_session *s, struct str args)
{
    struct attributes x = {0};
    struct endpoint client = {0};
    s->stage = STAGE_OTHER;
    if (!xforward_is_allowed(s))
        return reply(s, REPLY_NO_XCLIENT);
    if (s->transaction != NULL)
        return reply(s, REPLY_NOT_IN_MAIL);
    if (!read_attributes(&s->scratch, args, S(XFORWARD_NAMES), &x) ||
            !apply_endpoint(&x, ATTR_ADDR, ATTR_PORT, &client))
        return reply(s, REPLY_BAD_ARGUMENT);
    TRY(forward(s, &x, &client.ip));
    struct str told = S("");
    for (size_t i = 0; i < ATTR_COUNT; i++)
        if (!str_is_null(x.text[i]) && !x.absent[i])
            told = arena_fmt(&s->scratch, "%.*s%s%.*s=%.*s", ARG(told), told.len > 0 ? " " : "",
                    ARG(names[i]), ARG(x.text[i]));
    event_in(s->options->span, EV_SMTP_XFORWARD, F_STR(details, told));
    return reply(s, REPLY_OK);
}

static struct err forward(struct smtp_session *s, const struct attributes *x, const struct ip *ip)
{
    struct forwarded *f = s->forwarded;
    if (f == NULL) {
        f = s->forwarded = mem_new(struct forwarded);
        if (f == NULL)
            return fail(ERR_LIMIT, "no memory for what XFORWARD says");
        buf_init(&f->name, ATTRIBUTE_BYTES_MAX);
        buf_init(&f->helo, ATTRIBUTE_BYTES_MAX);
    }
    if (!str_is_null(x->text[ATTR_ADDR]))
        f->ip = *ip;
    forward_text(&f->name, x, ATTR_NAME);
    forward_text(&f->helo, x, ATTR_HELO);
    return f->name.overflow || f->helo.overflow
                   ? fail(ERR_LIMIT, "no memory for what XFORWARD says")
                   : OK;
}

static void forward_text(struct buf *out, const struct attributes *x, enum attribute which)
{
    if (str_is_null(x->text[which]))
        return;
    buf_clear(out);
    if (!x->absent[which])
        buf_add(out, x->text[which]);
}

void xforward_forget(struct smtp_session *s)
{
    if (s->forwarded == NULL)
        return;
    buf_done(&s->forwarded->name);
    buf_done(&s->forwarded->helo);
    mem_free(s->forwarded);
    s->forwarded = NULL;
}

static bool read_attributes(
        struct arena *a, struct str args, struct str known, struct attributes *out)
{
    struct str rest = args, one;
    size_t count = 0;
    while (str_split(&rest, ' ', &one)) {
        if (str_is_empty(one))
            continue;
        if (!read_attribute(a, one, known, out))
            return false;
        count++;
    }
    return count > 0;
}

static bool read_attribute(
        struct arena *a, struct str one, struct str known, struct attributes *out)
{
    struct str name, value, text;
    if (!str_cut(one, '=', &name, &value) || !is_known(name, known))
        return false;
    for (size_t i = 0; i < ATTR_COUNT; i++) {
        if (!str_eq_nocase(names[i], name))
            continue;
        if (failed(xtext_decode(a, value, ATTRIBUTE_BYTES_MAX, &text)))
            return false;
        out->absent[i] = str_eq_nocase(value, S("[UNAVAILABLE]")) ||
                         str_eq_nocase(value, S("[TEMPUNAVAIL]"));
        out->text[i] = text;
    }
    return true;
}

static bool is_known(struct str name, struct str known)
{
    struct str rest = known, one;
    while (str_split(&rest, ' ', &one))
        if (str_eq_nocase(one, name))
            return true;
    return false;
}

static bool read_ip(struct str text, struct ip *out)
{
    bool parsed = str_starts_nocase(text, S("IPV6:")) ? ip6_parse(str_from(text, 5), out)
                                                      : ip4_parse(text, out);
    *out = ip_unmap(*out);
    return parsed;
}

static bool read_port(struct str text, uint16_t *out)
{
    uint64_t port;
    if (!str_to_u64(text, UINT16_MAX, &port))
        return false;
    *out = (uint16_t)port;
    return true;
}
