// SPDX-License-Identifier: Apache-2.0
// listen/settings.c: the listeners one by one, then what concerns them together. Conversion of
// single values, unknown keys and undefined ids are told by conf/ already.
#include "listen/settings.h"

#include "listen/greeting.h"
#include "listen/settings_read.h"

#define DESCRIPTORS_BESIDE 256 // files, logs, listening sockets

static struct err read_listeners(struct reading *r);
static struct err read_listener(struct reading *r, struct listener *l);
static void read_protocol(struct reading *r, struct listener *l);
static void read_role(struct reading *r, struct listener *l);
static void read_limits(struct reading *r, struct listener *l);
static void check_descriptors(struct reading *r);
static void check_cleartext_http(struct reading *r, const struct listener *l);
static struct str bind_key_text(struct reading *r, const struct listen_address *at);
static void read_server(struct reading *r);
static struct ban_settings ban_of(const struct conf *conf, struct str rate, struct str period);
static void listener_vsay(const struct reading *r, const struct listener *l, struct str member,
        int element, struct finding what, const char *fmt, va_list args) PRINTF_LIKE(6, 0);

struct err listen_settings_make(struct arena *a, const struct listen_inputs *in, struct findings *f,
        struct listen_settings *out)
{
    *out = (struct listen_settings){0};
    struct reading r = {.arena = a, .in = in, .conf = in->conf, .findings = f, .out = out};
    in->kept->settings_made++;
    read_server(&r);
    TRY(read_listeners(&r));
    check_descriptors(&r);
    TRY(settings_relate_binds(&r));
    if (in->addresses_only)
        return OK;
    TRY(settings_read_lists(&r));
    TRY(settings_read_certificates(&r));
    return settings_make_tls_contexts(&r);
}

void listen_settings_done(struct listen_settings *s)
{
    for (size_t i = 0; i < s->listener_count; i++) {
        tls_context_free(s->listeners[i].tls_context);
        nets_free(s->listeners[i].proxy_nets);
    }
    nets_free(s->allowed);
    nets_free(s->blocked);
    certificates_unref(s->certificates);
    self_signed_free(s->self_signed);
    *s = (struct listen_settings){0};
}

void listen_kept_done(struct listen_kept *kept)
{
    self_signed_free(kept->self_signed);
    kept->self_signed = NULL;
    for (size_t i = 0; kept->slots != NULL && i < LISTENERS_MAX; i++)
        mem_free((void *)(uintptr_t)kept->slots[i].id.ptr);
    mem_free(kept->slots);
    kept->slots = NULL;
}

struct err listen_kept_slot(struct listen_kept *kept, struct str id, size_t *out)
{
    size_t oldest = 0;
    if (kept->slots == NULL)
        kept->slots = mem_bytes(LISTENERS_MAX * sizeof(struct kept_slot));
    for (size_t i = 0; kept->slots != NULL && i < LISTENERS_MAX; i++) {
        if (str_eq(kept->slots[i].id, id) && !str_is_null(kept->slots[i].id)) {
            kept->slots[i].wanted_at = kept->settings_made;
            *out = i;
            return OK;
        }
        if (kept->slots[i].wanted_at < kept->slots[oldest].wanted_at)
            oldest = i;
    }
    char *copy = mem_bytes(id.len + 1);
    if (copy == NULL || kept->slots == NULL) {
        mem_free(copy);
        return fail(ERR_LIMIT, "no memory for the listeners");
    }
    memcpy(copy, id.ptr, id.len);
    mem_free((void *)(uintptr_t)kept->slots[oldest].id.ptr);
    kept->slots[oldest] =
            (struct kept_slot){.id = str_of(copy, id.len), .wanted_at = kept->settings_made};
    *out = oldest;
    return OK;
}

struct str listen_role_name(enum listen_role role)
{
    switch (role) {
    case ROLE_NONE:
        return S("");
    case ROLE_MX:
        return S("mx");
    case ROLE_SUBMISSION:
        return S("submission");
    case ROLE_RELAY:
        return S("relay");
    }
    return S("");
}

bool listener_has_port(const struct listener *l, uint16_t port)
{
    for (size_t i = 0; i < l->address_count; i++)
        if (l->addresses[i].bind.form == BIND_IP && l->addresses[i].bind.at.port == port)
            return true;
    return false;
}

// A listener that is switched off is not looked at (configuration.md 3.4).
static struct err read_listeners(struct reading *r)
{
    struct conf_ids ids = conf_ids(r->conf, S("server.listener"));
    r->listeners = arena_array(r->arena, ids.count + 1, struct listener);
    if (r->listeners == NULL)
        return fail(ERR_LIMIT, "no memory for the listeners");
    r->out->listeners = r->listeners;
    for (size_t i = 0; i < ids.count; i++) {
        struct listener *l = &r->listeners[r->out->listener_count];
        *l = (struct listener){.id = ids.at[i], .index = r->out->listener_count};
        if (!listener_bool(r, l, S("enable")))
            continue;
        if (r->out->listener_count == LISTENERS_MAX) {
            listener_error(r, l, S("bind"), -1, S("too-many-listeners"), "more than %d listeners",
                    LISTENERS_MAX);
            break;
        }
        r->out->listener_count++; // from here on it is given back with the others
        TRY(listen_kept_slot(r->in->kept, l->id, &l->slot));
        TRY(read_listener(r, l));
    }
    return OK;
}

static struct err read_listener(struct reading *r, struct listener *l)
{
    read_protocol(r, l);
    l->host = listener_str(r, l, S("hostname"));
    l->host_is_own = conf_is_own(r->conf, listener_key(r, l, S("hostname")));
    TRY(settings_read_tls(r, l)); // the default port depends on it
    TRY(settings_read_binds(r, l));
    read_role(r, l);
    TRY(settings_read_greeting(r, l));
    read_limits(r, l);
    settings_read_socket(r, l);
    TRY(settings_read_proxy(r, l));
    check_cleartext_http(r, l);
    return OK;
}

static void read_protocol(struct reading *r, struct listener *l)
{
    struct str word = listener_str(r, l, S("protocol"));
    struct conf_list written = listener_list(r, l, S("protocol"));
    for (int p = LISTEN_SMTP; p <= LISTEN_MANAGESIEVE; p++)
        if (str_eq(listen_protocol_name((enum listen_protocol)p), word))
            l->protocol = (enum listen_protocol)p;
    if (written.count == 0)
        return;
    struct str as_written = str_trim(written.at[0].written);
    if (str_eq_nocase(as_written, S("https")) && !listener_bool(r, l, S("tls.implicit")))
        listener_warning(r, l, S("protocol"), -1, S("protocol"),
                "\"https\" does not switch TLS on; set tls.implicit = true");
    if (str_eq_nocase(as_written, S("jmap")))
        listener_warning(r, l, S("protocol"), -1, S("protocol"), "write \"http\"");
}

static void read_role(struct reading *r, struct listener *l)
{
    static const struct {
        struct str word;
        enum listen_role role;
    } roles[] = {{S_INIT("mx"), ROLE_MX}, {S_INIT("submission"), ROLE_SUBMISSION},
            {S_INIT("relay"), ROLE_RELAY}};
    struct str word = listener_str(r, l, S("role"));
    if (l->protocol == LISTEN_SMTP)
        l->role = listener_has_port(l, 25) ? ROLE_MX : ROLE_SUBMISSION;
    else if (l->protocol == LISTEN_LMTP)
        l->role = ROLE_RELAY;
    for (size_t i = 0; i < COUNT_OF(roles) && l->role != ROLE_NONE; i++)
        if (str_eq(roles[i].word, word))
            l->role = roles[i].role;
    l->role_is_own = l->role != ROLE_NONE && !str_eq(word, S("auto"));
    if (l->protocol == LISTEN_LMTP && listener_has_port(l, 25))
        listener_error(r, l, S("bind"), -1, S("lmtp-port"),
                "LMTP must not be spoken on port 25 (RFC 2033 5)");
    if (l->tls.require && l->role == ROLE_MX && listener_has_port(l, 25))
        listener_warning(r, l, S("tls.require"), -1, S("tls-require"),
                "a publicly referenced mail server must not require TLS on port 25 (RFC 3207 4): "
                "mail from servers without it will be lost");
}

static void read_limits(struct reading *r, struct listener *l)
{
    l->connections_max = listener_u64(r, l, S("max-connections"));
    l->connections_per_client_max = listener_u64(r, l, S("max-connections-per-ip"));
    if (l->protocol == LISTEN_HTTP && l->connections_per_client_max == 0)
        l->connections_per_client_max = conf_u64(r->conf, S("http.max-connections-per-ip"));
    l->connection_rate = conf_rate(r->conf, listener_key(r, l, S("connection-rate")));
    if (l->connections_max > r->out->connections_max)
        listener_warning(r, l, S("max-connections"), -1, S("limit"),
                "more than server.max-connections = %llu allows for all listeners together",
                (unsigned long long)r->out->connections_max);
}

// listeners.md 7.1. A session may have a second connection of its own.
static void check_descriptors(struct reading *r)
{
    uint64_t sessions = 0, max = r->in->kept->descriptors_max;
    for (size_t i = 0; i < r->out->listener_count; i++)
        sessions += r->listeners[i].connections_max;
    if (sessions > r->out->connections_max)
        sessions = r->out->connections_max;
    uint64_t need = 2 * sessions + DESCRIPTORS_BESIDE;
    if (max == 0 || need <= max)
        return;
    conf_warning(r->conf, r->findings, S("server.max-connections"), -1, S("descriptors"),
            "needs %llu descriptors, and a process may have %llu; raise the limit (LimitNOFILE of "
            "the service, ulimit -n)",
            (unsigned long long)need, (unsigned long long)max);
}

// listeners.md 13.2: passwords of administrators in clear text.
static void check_cleartext_http(struct reading *r, const struct listener *l)
{
    if (l->protocol != LISTEN_HTTP || l->tls.implicit)
        return;
    for (size_t i = 0; i < l->address_count; i++) {
        const struct bind *b = &l->addresses[i].bind;
        if (b->form != BIND_IP || ip_is_private(&b->at.ip))
            continue;
        listener_warning(r, l, S("bind"), -1, S("cleartext-http"),
                "%.*s is open to the network without TLS, and administrators log in there; set "
                "tls.implicit = true or bind a loopback or private address",
                ARG(bind_key_text(r, &l->addresses[i])));
        return;
    }
}

static struct str bind_key_text(struct reading *r, const struct listen_address *at)
{
    return bind_text(r->arena, &at->bind);
}

static void read_server(struct reading *r)
{
    struct listen_settings *s = r->out;
    s->host = conf_str(r->conf, S("server.hostname"));
    s->connections_max = conf_u64(r->conf, S("server.max-connections"));
    s->connections_reserved = conf_u64(r->conf, S("server.reserved-connections"));
    bool drop = str_eq(conf_str(r->conf, S("server.limit-action")), S("drop"));
    s->limit_action = drop ? LIMIT_DROP : LIMIT_REPLY;
    bool reply = str_eq(conf_str(r->conf, S("server.block-action")), S("reply"));
    s->block_action = reply ? BLOCK_REPLY : BLOCK_DROP;
    struct str failure = conf_str(r->conf, S("server.bind-failure"));
    s->bind_failure = BIND_FAILURE_AUTO;
    if (str_eq(failure, S("fatal")))
        s->bind_failure = BIND_FAILURE_FATAL;
    if (str_eq(failure, S("retry")))
        s->bind_failure = BIND_FAILURE_RETRY;
    s->ban_scan = ban_of(r->conf, S("server.auto-ban.scan.rate"), S("server.auto-ban.scan.period"));
    s->ban_loiter =
            ban_of(r->conf, S("server.auto-ban.loiter.rate"), S("server.auto-ban.loiter.period"));
    s->ban_abuse =
            ban_of(r->conf, S("server.auto-ban.abuse.rate"), S("server.auto-ban.abuse.period"));
    s->ban_auth = ban_of(r->conf, S("server.auto-ban.auth.rate"), S("server.auto-ban.auth.period"));
    struct str action = conf_str(r->conf, S("server.auto-ban.auth.login-action"));
    s->login_action = LOGIN_LOCK;
    if (str_eq(action, S("ban")))
        s->login_action = LOGIN_BAN;
    if (str_eq(action, S("off")))
        s->login_action = LOGIN_OFF;
    s->ban_abuse_per_recipient = conf_bool(r->conf, S("server.auto-ban.abuse.per-recipient"));
    s->ban_ipv6_prefix = (uint8_t)conf_u64(r->conf, S("server.auto-ban.ipv6-prefix"));
}

static struct ban_settings ban_of(const struct conf *conf, struct str rate, struct str period)
{
    return (struct ban_settings){conf_rate(conf, rate), conf_duration_ms(conf, period)};
}

// --- Keys of a listener and findings about them ------------------------------------------------

struct str listener_key(const struct reading *r, const struct listener *l, struct str member)
{
    return conf_item(r->conf, S("server.listener"), l->id, member);
}

bool listener_bool(const struct reading *r, const struct listener *l, struct str member)
{
    return conf_bool(r->conf, listener_key(r, l, member));
}

int64_t listener_ms(const struct reading *r, const struct listener *l, struct str member)
{
    return conf_duration_ms(r->conf, listener_key(r, l, member));
}

struct str listener_str(const struct reading *r, const struct listener *l, struct str member)
{
    return conf_str(r->conf, listener_key(r, l, member));
}

uint64_t listener_u64(const struct reading *r, const struct listener *l, struct str member)
{
    return conf_u64(r->conf, listener_key(r, l, member));
}

struct conf_list listener_list(const struct reading *r, const struct listener *l, struct str member)
{
    return conf_list(r->conf, listener_key(r, l, member));
}

void listener_say(const struct reading *r, const struct listener *l, struct str member, int element,
        struct finding what)
{
    conf_finding(r->conf, r->findings, listener_key(r, l, member), element, what);
}

void listener_error(const struct reading *r, const struct listener *l, struct str member,
        int element, struct str code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    listener_vsay(r, l, member, element,
            (struct finding){.severity = FINDING_ERROR, .class = FINDING_BUILD, .code = code}, fmt,
            args);
    va_end(args);
}

void listener_warning(const struct reading *r, const struct listener *l, struct str member,
        int element, struct str code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    listener_vsay(r, l, member, element,
            (struct finding){.severity = FINDING_WARNING, .class = FINDING_BUILD, .code = code},
            fmt, args);
    va_end(args);
}

static void listener_vsay(const struct reading *r, const struct listener *l, struct str member,
        int element, struct finding what, const char *fmt, va_list args)
{
    what.message = arena_vfmt(r->arena, fmt, args);
    listener_say(r, l, member, element, what);
}
