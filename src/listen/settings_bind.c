// SPDX-License-Identifier: Apache-2.0
// listen/settings_bind.c: addresses and greeting of a listener, and how the addresses of all
// listeners go together (listeners.md 3, 5).
#include "listen/greeting.h"
#include "listen/settings_read.h"

struct address_vec {
    VEC(struct listen_address) all;
};

static struct err read_bind(struct reading *r, struct listener *l, const struct conf_element *e,
        int element, struct address_vec *addresses);
static struct err add_address(struct reading *r, struct listener *l, const struct bind *b,
        int element, struct address_vec *addresses);
static struct err default_bind(
        struct reading *r, struct listener *l, uint16_t port, struct address_vec *addresses);
static void say_default_port(
        struct reading *r, struct listener *l, const struct bind *b, int element);
static void relate(struct reading *r, const struct listener *l, const struct listener *other,
        const struct bind *mine, const struct bind *theirs);
static bool wildcard4_on(const struct reading *r, uint16_t port);

struct err settings_read_binds(struct reading *r, struct listener *l)
{
    struct str key = listener_key(r, l, S("bind"));
    struct conf_list list = conf_list(r->conf, key);
    struct address_vec addresses = {0};
    for (size_t i = 0; i < list.count; i++)
        TRY(read_bind(r, l, &list.at[i], list.count == 1 ? -1 : (int)i, &addresses));
    if (list.count == 0 && conf_is_set(r->conf, key))
        listener_error(r, l, S("bind"), -1, S("no-address"), "no address to bind");
    else if (list.count == 0)
        TRY(default_bind(r, l, listen_default_port(l->protocol, l->tls.implicit), &addresses));
    l->addresses = addresses.all.at;
    l->address_count = addresses.all.count;
    return OK;
}

static struct err read_bind(struct reading *r, struct listener *l, const struct conf_element *e,
        int element, struct address_vec *addresses)
{
    struct bind b;
    struct bind_advice advice;
    uint16_t port = listen_default_port(l->protocol, l->tls.implicit);
    struct err bad = bind_parse(r->arena, e->written, port, &b, &advice);
    if (failed(bad)) {
        listener_say(r, l, S("bind"), element,
                (struct finding){.severity = FINDING_ERROR,
                        .code = S("bad-address"),
                        .message = err_text(bad),
                        .hint = advice.hint});
        return bad.kind == ERR_LIMIT ? bad : OK;
    }
    if (!str_is_null(advice.warning))
        listener_warning(r, l, S("bind"), element, S("address"), "%.*s", ARG(advice.warning));
    else if (b.port_by_default)
        say_default_port(r, l, &b, element);
    return add_address(r, l, &b, element, addresses);
}

static struct err add_address(struct reading *r, struct listener *l, const struct bind *b,
        int element, struct address_vec *addresses)
{
    for (size_t i = 0; i < addresses->all.count; i++) {
        if (bind_relate(&addresses->all.at[i].bind, b) != BIND_SAME)
            continue;
        listener_warning(r, l, S("bind"), element, S("address-twice"),
                "%.*s is there already; left out", ARG(bind_text(r->arena, b)));
        return OK;
    }
    struct listen_address *added = vec_add(r->arena, &addresses->all);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory for the listeners' addresses");
    added->bind = *b;
    return OK;
}

static struct err default_bind(
        struct reading *r, struct listener *l, uint16_t port, struct address_vec *addresses)
{
    struct bind b = {
            .form = BIND_IP, .at = {.ip.family = IP_V6, .port = port}, .port_by_default = true};
    listener_warning(r, l, S("bind"), -1, S("default-address"), "not set; listening on %.*s",
            ARG(bind_text(r->arena, &b)));
    return add_address(r, l, &b, -1, addresses);
}

static void say_default_port(
        struct reading *r, struct listener *l, const struct bind *b, int element)
{
    listener_say(r, l, S("bind"), element,
            (struct finding){.severity = FINDING_INFO,
                    .class = FINDING_BUILD,
                    .code = S("default-port"),
                    .message = arena_fmt(r->arena, "no port given; listening on %.*s",
                            ARG(bind_text(r->arena, b)))});
}

struct err settings_relate_binds(struct reading *r)
{
    for (size_t i = 0; i < r->out->listener_count; i++) {
        const struct listener *l = &r->listeners[i];
        for (size_t x = 0; x < l->address_count; x++) {
            // Made in our arena, by add_address; const only for those who read it later.
            struct listen_address *at = (struct listen_address *)(uintptr_t)&l->addresses[x];
            at->v6only =
                    bind_v6only(&at->bind, l->socket.v6only, wildcard4_on(r, at->bind.at.port));
            for (size_t j = 0; j < i; j++)
                for (size_t y = 0; y < r->listeners[j].address_count; y++)
                    relate(r, l, &r->listeners[j], &at->bind, &r->listeners[j].addresses[y].bind);
        }
    }
    return OK;
}

static void relate(struct reading *r, const struct listener *l, const struct listener *other,
        const struct bind *mine, const struct bind *theirs)
{
    struct str text = bind_text(r->arena, mine);
    switch (bind_relate(mine, theirs)) {
    case BIND_APART:
        return;
    case BIND_SAME:
        listener_error(r, l, S("bind"), -1, S("address-twice"),
                "listeners '%.*s' and '%.*s' both listen on %.*s", ARG(other->id), ARG(l->id),
                ARG(text));
        return;
    case BIND_COVERED:
        listener_say(r, l, S("bind"), -1,
                (struct finding){.severity = FINDING_INFO,
                        .class = FINDING_BUILD,
                        .code = S("address-covered"),
                        .message = arena_fmt(r->arena,
                                "%.*s and %.*s of listener '%.*s' share a port: the address that "
                                "is not a wildcard wins",
                                ARG(text), ARG(bind_text(r->arena, theirs)), ARG(other->id))});
        return;
    }
}

static bool wildcard4_on(const struct reading *r, uint16_t port)
{
    for (size_t i = 0; i < r->out->listener_count; i++)
        for (size_t x = 0; x < r->listeners[i].address_count; x++) {
            const struct bind *b = &r->listeners[i].addresses[x].bind;
            if (bind_is_wildcard4(b) && b->at.port == port)
                return true;
        }
    return false;
}

struct err settings_read_greeting(struct reading *r, struct listener *l)
{
    struct str key = listener_key(r, l, S("greeting"));
    struct str text = conf_str(r->conf, key);
    bool is_own = conf_is_own(r->conf, key);
    struct str_list lines;
    if (l->protocol == LISTEN_HTTP) {
        if (is_own)
            listener_warning(r, l, S("greeting"), -1, S("greeting"), "HTTP has no greeting");
        return OK;
    }
    if (str_is_empty(text))
        text = l->protocol == LISTEN_LMTP ? S("LMTP at your service") : S("ESMTP at your service");
    else
        l->greeting_is_own = is_own;
    if (!str_is_ascii(text)) {
        listener_error(r, l, S("greeting"), -1, S("bad-greeting"),
                "a greeting may hold only ASCII characters");
        return OK;
    }
    struct err e = greeting_make(r->arena, text, l->host, &lines);
    if (e.kind == ERR_CONFIG) {
        listener_error(r, l, S("greeting"), -1, S("bad-greeting"), "%.*s", ARG(err_text(e)));
        return OK;
    }
    TRY(e);
    l->greeting = lines.at;
    l->greeting_count = lines.count;
    return OK;
}
