// SPDX-License-Identifier: Apache-2.0
// listen/settings_nets.c: trusted proxies, allow list and block list (listeners.md 11.1, 12.1,
// 12.3).
#include "listen/settings_read.h"

static struct err add_proxies(struct reading *r, struct listener *l, struct conf_list list);
static void check_mode(struct reading *r, struct listener *l);
static bool has_unix(const struct listener *l);
static struct err read_list(struct reading *r, struct str key, struct nets **out);
static struct err add_entry(struct reading *r, struct str key, int element,
        const struct conf_element *e, struct nets *n);
static struct err add_always_allowed(struct reading *r);
static void check_no_effect(struct reading *r);

// The listener's own networks count when they are there, or when proxy.override says so.
struct err settings_read_proxy(struct reading *r, struct listener *l)
{
    struct str key = listener_key(r, l, S("proxy.trusted-networks"));
    struct str override_key = listener_key(r, l, S("proxy.override"));
    bool own = conf_is_own(r->conf, key), override = conf_bool(r->conf, override_key);
    struct conf_list list = {0};
    if (own || !override)
        list = conf_list(r->conf, key);
    if (own && !override && conf_is_own(r->conf, override_key))
        listener_warning(r, l, S("proxy.override"), -1, S("proxy-override"),
                "false has no effect: proxy.trusted-networks of the listener replaces the "
                "server's");
    l->proxy_timeout_ms = listener_ms(r, l, S("proxy.timeout"));
    l->proxy_trust_tls = listener_bool(r, l, S("proxy.trust-tls"));
    if (list.count > 0)
        TRY(add_proxies(r, l, list));
    check_mode(r, l);
    return OK;
}

static struct err add_proxies(struct reading *r, struct listener *l, struct conf_list list)
{
    l->proxy_nets = nets_new(r->in->kept->seed);
    if (l->proxy_nets == NULL)
        return fail(ERR_LIMIT, "no memory for the networks of proxies");
    for (size_t i = 0; i < list.count; i++) {
        const struct ip_net *net = &list.at[i].value.net;
        if (!nets_add(l->proxy_nets, net, NETS_FOREVER))
            return fail(ERR_LIMIT, "no memory for the networks of proxies");
        if (net->prefix == 0)
            listener_warning(r, l, S("proxy.trusted-networks"), (int)i, S("proxy-everybody"),
                    "any client can forge its address");
    }
    return OK;
}

static void check_mode(struct reading *r, struct listener *l)
{
    static const struct {
        struct str word;
        enum proxy_mode mode;
    } modes[] = {{S_INIT("off"), PROXY_MODE_OFF}, {S_INIT("auto"), PROXY_MODE_AUTO},
            {S_INIT("optional"), PROXY_MODE_OPTIONAL}, {S_INIT("required"), PROXY_MODE_REQUIRED}};
    struct str word = listener_str(r, l, S("proxy.mode"));
    l->proxy_mode = l->proxy_nets != NULL ? PROXY_MODE_AUTO : PROXY_MODE_OFF;
    for (size_t i = 0; i < COUNT_OF(modes); i++)
        if (str_eq(modes[i].word, word))
            l->proxy_mode = modes[i].mode;
    // On a UNIX socket its permissions are the trust (listeners.md 3.6).
    if (l->proxy_mode != PROXY_MODE_OFF && l->proxy_nets == NULL && !has_unix(l))
        listener_error(r, l, S("proxy.mode"), -1, S("proxy-networks"),
                "\"%.*s\" needs proxy.trusted-networks, and there are none", ARG(word));
}

static bool has_unix(const struct listener *l)
{
    for (size_t i = 0; i < l->address_count; i++)
        if (l->addresses[i].bind.form == BIND_UNIX)
            return true;
    return false;
}

struct err settings_read_lists(struct reading *r)
{
    TRY(read_list(r, S("server.allowed-ip"), &r->out->allowed));
    TRY(read_list(r, S("server.blocked-ip"), &r->out->blocked));
    TRY(add_always_allowed(r));
    check_no_effect(r);
    return OK;
}

static struct err read_list(struct reading *r, struct str key, struct nets **out)
{
    struct conf_list list = conf_list(r->conf, key);
    *out = nets_new(r->in->kept->seed);
    if (*out == NULL)
        return fail(ERR_LIMIT, "no memory for the lists of addresses");
    for (size_t i = 0; i < list.count; i++)
        TRY(add_entry(r, key, (int)i, &list.at[i], *out));
    return OK;
}

// The note of an entry stands in `name`: the key is the address.
static struct err add_entry(struct reading *r, struct str key, int element,
        const struct conf_element *e, struct nets *n)
{
    struct nets_note note = {0};
    struct err bad = nets_note_parse(r->arena, e->name, &note);
    if (failed(bad)) {
        conf_error(r->conf, r->findings, key, element, S("bad-note"), "%.*s", ARG(err_text(bad)));
        return OK;
    }
    return nets_add(n, &e->value.net, note.expires_ms)
                   ? OK
                   : fail(ERR_LIMIT, "no memory for the lists of addresses");
}

// 12.3: loopback, and all proxies, so that none is banned for its clients.
static struct err add_always_allowed(struct reading *r)
{
    static const struct ip_net loopback[] = {
            {.ip = {.family = IP_V4, .bytes = {127}}, .prefix = 8},
            {.ip = {.family = IP_V6, .bytes = {[15] = 1}}, .prefix = 128},
    };
    bool added = true;
    for (size_t i = 0; i < COUNT_OF(loopback); i++)
        added = added && nets_add(r->out->allowed, &loopback[i], NETS_FOREVER);
    for (size_t i = 0; i < r->out->listener_count; i++) {
        struct conf_list list = listener_list(r, &r->listeners[i], S("proxy.trusted-networks"));
        for (size_t j = 0; r->listeners[i].proxy_nets != NULL && j < list.count; j++)
            added = added && nets_add(r->out->allowed, &list.at[j].value.net, NETS_FOREVER);
    }
    return added ? OK : fail(ERR_LIMIT, "no memory for the lists of addresses");
}

static void check_no_effect(struct reading *r)
{
    struct str key = S("server.blocked-ip");
    struct conf_list list = conf_list(r->conf, key);
    for (size_t i = 0; i < list.count; i++)
        if (nets_covers(r->out->allowed, &list.at[i].value.net, r->in->wall_now_ms))
            conf_warning(r->conf, r->findings, key, (int)i, S("no-effect"),
                    "has no effect: it lies in a network that is allowed");
}
