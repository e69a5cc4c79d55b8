// SPDX-License-Identifier: Apache-2.0
// rt/dns_unbound.c: the real DNS, by libunbound with a thread of its own. Questions go to that
// thread through a pipe; answers come back through another, whose descriptor our loop watches. One
// task of the resolver's reads them, and libunbound then calls us back on the worker's thread.
//
// A question is never cancelled in libunbound: its answer is worth keeping even when nobody waits
// any more, and an ask stays until its callback has been (dns_resolver.h). Only the end of the
// resolver kills what is under way, and libunbound calls nobody back then.
//
// Validation may be impossible because the servers strip signatures. With DNS_VALIDATE_AUTO the
// root's keys are asked for first, and while that is under way other questions are held; if they
// come without a valid signature, libunbound is made anew without validation.
#include "rt/dns_wire.h"

#include "rt/dns_resolver.h"
#include "rt/dns_stub.h"
#include "rt/epoll.h"

#include <pthread.h>
#include <signal.h>
#include <unbound.h>
#include <unistd.h>

#define CLASS_IN 1
#define RCODE_NXDOMAIN 3
#define PROBES_MAX 3 // a server that does not serve the root need not be asked for ever
#define ANSWER_MEMORY_MAX ((size_t)MIB)
#define OPTION_BYTES_MAX (16 * KIB)
#define ROOT_KEY_PATH "/usr/share/dns/root.key"
#define CA_BUNDLE_PATH "/etc/ssl/certs/ca-certificates.crt"

enum probe { PROBE_WANTED, PROBE_SENT, PROBE_STRIPPED, PROBE_OVER };

struct unbound {
    struct resolver *resolver;
    const struct dns_settings *settings;
    struct ub_ctx *ctx;
    struct watch watch;
    bool watching;
    struct group service; // the task that reads answers
    bool serving;
    struct list sent; // asks that libunbound has
    struct list held; // asks that wait for the probe
    enum probe probe;
    size_t probe_count;
};

struct submission { // of one question, for the large stack
    struct unbound *u;
    const char *name;
    uint16_t type;
    void *data;
    ub_callback_type callback;
    int result;
};

static struct err library_make(
        struct arena *a, const struct dns_settings *s, bool validate, struct ub_ctx **out);
static struct err set_servers(struct arena *a, struct ub_ctx *ctx, const struct dns_settings *s);
static struct err set_options(
        struct arena *a, struct ub_ctx *ctx, const struct dns_settings *s, bool validate);
static struct err set_anchor(struct arena *a, struct ub_ctx *ctx, const struct dns_settings *s);
static struct err set_number(struct arena *a, struct ub_ctx *ctx, const char *option, size_t value);
static void finalize(void *ctx);
static struct err refused(struct arena *a, const char *what, int code);
static struct err unbound_start(struct resolver *r, struct dns_ask *ask);
static struct err be_ready(struct unbound *u);
static struct err service_begin(struct unbound *u);
static struct err submit(
        struct unbound *u, const char *name, uint16_t type, void *data, ub_callback_type callback);
static void submit_deep(void *submission);
static struct err serve(void *arg) suspends;
static void process_deep(void *ctx);
static void on_answer(void *data, int code, struct ub_result *result);
static void on_probe(void *data, int code, struct ub_result *result);
static enum probe probe_of(const struct dns_settings *s);
static struct err do_without_validation(struct unbound *u);
static struct err library_replace(struct unbound *u, struct ub_ctx *with, bool validates);
static void send_held(struct unbound *u);
static struct err unbound_renew(
        struct resolver *r, struct arena *a, const struct dns_settings *settings) suspends;
static void ask_again(struct unbound *u);
static void unbound_free(struct resolver *r) suspends;
static void forget(struct list *asks);

static const struct resolver_backend unbound_backend = {
        .start = unbound_start, .renew = unbound_renew, .free = unbound_free};

struct err resolver_new_unbound(
        struct arena *a, const struct dns_settings *settings, struct resolver **out)
{
    if (settings->validation == DNS_TRUST_AD)
        return dns_stub_new(settings, out);
    struct unbound *u = mem_new(struct unbound);
    if (u == NULL)
        return fail(ERR_LIMIT, "no memory for a resolver");
    bool validate = settings->validation != DNS_VALIDATE_OFF;
    *u = (struct unbound){.settings = settings, .probe = probe_of(settings)};
    list_init(&u->sent);
    list_init(&u->held);
    struct err e = library_make(a, settings, validate, &u->ctx);
    if (!failed(e))
        e = resolver_make(&unbound_backend, u, settings, out);
    if (failed(e)) {
        ub_ctx_delete(u->ctx);
        mem_free(u);
        return e;
    }
    u->resolver = *out;
    u->resolver->figures.validating = validate;
    return OK;
}

// An anchor of the administrator's own says that validation is wanted, whatever comes of it.
static enum probe probe_of(const struct dns_settings *s)
{
    bool unsure = s->validation == DNS_VALIDATE_AUTO && str_is_null(s->trust_anchor);
    return unsure ? PROBE_WANTED : PROBE_OVER;
}

// --- Settings ------------------------------------------------------------------------------------

static struct err library_make(
        struct arena *a, const struct dns_settings *s, bool validate, struct ub_ctx **out)
{
    struct ub_ctx *ctx = ub_ctx_create();
    if (ctx == NULL)
        return fail(ERR_LIMIT, "libunbound could not be set up");
    ub_ctx_debugout(ctx, NULL); // what is wrong with a name is told in its answer
    ub_ctx_debuglevel(ctx, 0);
    ub_ctx_async(ctx, 1); // a thread; the other way is a process of its own
    struct err e = set_options(a, ctx, s, validate);
    if (!failed(e))
        e = set_servers(a, ctx, s);
    if (!failed(e) && validate)
        e = set_anchor(a, ctx, s);
    if (failed(e)) {
        ub_ctx_delete(ctx);
        return e;
    }
    // From here on files are read no more (except certificates of DNS over TLS, with the thread).
    deep_call(finalize, ctx);
    *out = ctx;
    return OK;
}

// The library answers for some names itself. Those of private networks are given back to the
// servers by an option; test. (RFC 6761 6.2) is not, though laboratories use it.
static void finalize(void *ctx)
{
    (void)ub_ctx_zone_remove(ctx, "test.");
}

static struct err set_options(
        struct arena *a, struct ub_ctx *ctx, const struct dns_settings *s, bool validate)
{
    static const struct {
        const char *option, *value;
    } always[] = {
            {"do-not-query-localhost:", "no"}, // a resolver on loopback is the usual one
            {"unblock-lan-zones:", "yes"},     // PTR of private addresses is the servers' matter
            {"insecure-lan-zones:", "yes"},
            {"outgoing-range:", "128"}, // sockets at once; the library's own 16 is for one user
            {"msg-cache-size:", "1m"},  // answers are kept by us; it keeps what validation needs
            {"rrset-cache-size:", "4m"},
            {"key-cache-size:", "1m"},
            // What costs more hashes than this to deny counts as unsigned (RFC 9276 3.2); the
            // library's own bound is higher.
            {"val-nsec3-keysize-iterations:", "1024 100 2048 100 4096 100"},
    };
    for (size_t i = 0; i < COUNT_OF(always); i++) {
        int code = ub_ctx_set_option(ctx, always[i].option, always[i].value);
        if (code != 0)
            return refused(a, always[i].option, code);
    }
    int code =
            ub_ctx_set_option(ctx, "module-config:", validate ? "validator iterator" : "iterator");
    if (code != 0)
        return refused(a, "module-config:", code);
    TRY(set_number(a, ctx, "num-queries-per-thread:", s->inflight_max));
    TRY(set_number(a, ctx, "cache-min-ttl:", s->ttl_min_s));
    TRY(set_number(a, ctx, "cache-max-ttl:", s->ttl_max_s));
    return set_number(a, ctx, "cache-max-negative-ttl:", s->ttl_negative_max_s);
}

static struct err set_number(struct arena *a, struct ub_ctx *ctx, const char *option, size_t value)
{
    struct str text = arena_fmt(a, "%zu", value); // a NUL stands behind it
    if (str_is_null(text))
        return fail(ERR_LIMIT, "no memory for the settings of the resolver");
    int code = ub_ctx_set_option(ctx, option, text.ptr);
    return code == 0 ? OK : refused(a, option, code);
}

static struct err set_servers(struct arena *a, struct ub_ctx *ctx, const struct dns_settings *s)
{
    int code = 0;
    if (s->server_count == 0)
        return fail(ERR_CONFIG, "the resolver has no server to ask");
    if (s->servers[0].protocol == DNS_TCP)
        code = ub_ctx_set_option(ctx, "tcp-upstream:", "yes");
    if (s->servers[0].protocol == DNS_TLS) {
        code = ub_ctx_set_option(ctx, "tls-cert-bundle:", CA_BUNDLE_PATH);
        code = code != 0 ? code : ub_ctx_set_tls(ctx, 1);
    }
    if (code != 0)
        return refused(a, "the protocol of the servers", code);
    for (size_t i = 0; i < s->server_count; i++) {
        const struct dns_server *server = &s->servers[i];
        assert(server->protocol == s->servers[0].protocol);
        struct str ip = ip_text(a, &server->ip);
        bool named = !str_is_empty(server->auth_name);
        struct str text = arena_fmt(a, "%.*s@%u%s%.*s", ARG(ip), server->port, named ? "#" : "",
                ARG(server->auth_name));
        if (str_is_null(text))
            return fail(ERR_LIMIT, "no memory for the settings of the resolver");
        code = ub_ctx_set_fwd(ctx, text.ptr);
        if (code != 0)
            return refused(a, text.ptr, code);
    }
    return OK;
}

// The root's keys in the order of who is the more likely to be up to date.
static struct err set_anchor(struct arena *a, struct ub_ctx *ctx, const struct dns_settings *s)
{
    static const char *const root[] = {
            ". IN DS 20326 8 2 E06D44B80B8F1D39A95C0B0D7C65D08458E880409BBC683457104237C7F8EC8D",
            ". IN DS 38696 8 2 683D2D0ACB8C9B712A1948B27F741219298D0A450D612C483AF444A4C0FB2B16",
    };
    int code = 0;
    if (!str_is_null(s->trust_anchor)) {
        const char *path = arena_c_str(a, s->trust_anchor);
        if (path == NULL)
            return fail(ERR_LIMIT, "no memory for the settings of the resolver");
        if (access(path, R_OK) != 0)
            return fail_fmt(a, ERR_CONFIG, "the trust anchor %s cannot be read", path);
        code = ub_ctx_add_ta_file(ctx, path);
    } else if (access(ROOT_KEY_PATH, R_OK) == 0) {
        code = ub_ctx_add_ta_file(ctx, ROOT_KEY_PATH);
    } else {
        for (size_t i = 0; code == 0 && i < COUNT_OF(root); i++)
            code = ub_ctx_add_ta(ctx, root[i]);
    }
    return code == 0 ? OK : refused(a, "the trust anchor", code);
}

static struct err refused(struct arena *a, const char *what, int code)
{
    return fail_fmt(a, ERR_CONFIG, "libunbound refuses %s: %s", what, ub_strerror(code));
}

// --- Questions -----------------------------------------------------------------------------------

static struct err unbound_start(struct resolver *r, struct dns_ask *ask)
{
    struct unbound *u = r->state;
    TRY(be_ready(u));
    if (u->probe == PROBE_OVER) {
        TRY(submit(u, ask->name.ptr, ask->type, ask, on_answer));
        list_append(&u->sent, &ask->link);
    } else {
        list_append(&u->held, &ask->link);
    }
    ask->held_by_backend = true;
    return OK;
}

static struct err be_ready(struct unbound *u)
{
    if (!u->serving)
        TRY(service_begin(u));
    if (u->probe == PROBE_WANTED) {
        TRY(submit(u, ".", DNS_DNSKEY, u, on_probe));
        u->probe = PROBE_SENT;
        u->probe_count++;
    }
    return OK;
}

static struct err service_begin(struct unbound *u)
{
    if (!u->watching)
        TRY(watch_begin(&u->watch, ub_fd(u->ctx)));
    u->watching = true;
    group_begin(&u->service);
    TRY(group_spawn(&u->service, serve, u));
    u->serving = true;
    return OK;
}

static struct err submit(
        struct unbound *u, const char *name, uint16_t type, void *data, ub_callback_type callback)
{
    struct submission s = {.u = u, .name = name, .type = type, .data = data, .callback = callback};
    deep_call(submit_deep, &s);
    return s.result == 0 ? OK : fail(ERR_DNS, "libunbound takes no question");
}

// The first one makes the thread, which must not take the signals of our loop.
static void submit_deep(void *submission)
{
    struct submission *s = submission;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->result = ub_resolve_async(s->u->ctx, s->name, s->type, CLASS_IN, s->data, s->callback, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static struct err serve(void *arg)
{
    struct unbound *u = arg;
    task_describe("dns", u);
    for (;;) {
        TRY(watch_wait_readable(&u->watch, "libunbound"));
        u->watch.readable = false; // before it is read: what comes meanwhile sets it again
        deep_call(process_deep, u->ctx);
        if (u->probe == PROBE_STRIPPED)
            TRY(do_without_validation(u));
        if (u->probe != PROBE_SENT)
            send_held(u);
    }
}

static void process_deep(void *ctx)
{
    int ignored UNUSED = ub_process(ctx); // an error concerns one message: its ask runs out of time
}

static void on_answer(void *data, int code, struct ub_result *result)
{
    struct dns_ask *ask = data;
    struct arena a AUTO(arena_done);
    arena_init(&a, ANSWER_MEMORY_MAX);
    link_remove(&ask->link);
    if (code != 0 || result == NULL) {
        dns_ask_fail(ask, DNS_SERVFAIL, str_from_c(ub_strerror(code)));
    } else if (result->bogus) {
        struct str why = str_from_c(result->why_bogus);
        dns_ask_fail(ask, DNS_BOGUS, str_is_empty(why) ? S("validation failed") : why);
    } else if (result->rcode != 0 && result->rcode != RCODE_NXDOMAIN) {
        struct str why = arena_fmt(&a, "the servers gave no answer (code %d)", result->rcode);
        dns_ask_fail(ask, DNS_SERVFAIL, why);
    } else {
        struct dns_answer answer = {.name = ask->name,
                .type = ask->type,
                .dnssec = result->secure ? DNSSEC_SECURE : DNSSEC_INSECURE};
        struct str packet = str_of(result->answer_packet, (size_t)result->answer_len);
        struct err e = dns_message_read(&a, packet, &answer);
        if (failed(e))
            dns_ask_fail(ask, DNS_SERVFAIL, err_text(e));
        else
            dns_ask_answer(ask, &answer);
    }
    ub_resolve_free(result);
}

static void on_probe(void *data, int code, struct ub_result *result)
{
    struct unbound *u = data;
    bool heard = code == 0 && result != NULL;
    if (heard && result->bogus)
        u->probe = PROBE_STRIPPED;
    else if ((heard && result->rcode == 0) || u->probe_count >= PROBES_MAX)
        u->probe = PROBE_OVER;
    else
        u->probe = PROBE_WANTED; // nobody answered: the next question tries again
    ub_resolve_free(result);
}

// Nothing is under way now: all questions are held.
static struct err do_without_validation(struct unbound *u)
{
    struct arena a AUTO(arena_done);
    struct ub_ctx *without;
    arena_init(&a, OPTION_BYTES_MAX);
    u->probe = PROBE_OVER;
    if (failed(library_make(&a, u->settings, false, &without)))
        return OK; // then everything stays bogus, which is safe
    return library_replace(u, without, false);
}

static struct err library_replace(struct unbound *u, struct ub_ctx *with, bool validates)
{
    if (u->watching)
        watch_end(&u->watch);
    u->watching = false;
    ub_ctx_delete(u->ctx);
    u->ctx = with;
    u->resolver->figures.validating = validates;
    TRY(watch_begin(&u->watch, ub_fd(u->ctx)));
    u->watching = true;
    return OK;
}

static void send_held(struct unbound *u)
{
    for (struct link *k; (k = list_take_first(&u->held)) != NULL;) {
        struct dns_ask *ask = CONTAINER_OF(k, struct dns_ask, link);
        struct err e = submit(u, ask->name.ptr, ask->type, ask, on_answer);
        if (failed(e))
            dns_ask_fail(ask, DNS_SERVFAIL, err_text(e));
        else
            list_append(&u->sent, &ask->link);
    }
}

static struct err unbound_renew(
        struct resolver *r, struct arena *a, const struct dns_settings *settings)
{
    struct unbound *u = r->state;
    struct ub_ctx *with;
    bool validate = settings->validation != DNS_VALIDATE_OFF;
    TRY(library_make(a, settings, validate, &with));
    if (u->serving)
        group_end(&u->service); // nobody reads answers now
    u->serving = false;
    u->settings = settings;
    u->probe = probe_of(settings);
    u->probe_count = 0;
    struct err e = library_replace(u, with, validate);
    for (struct link *k; (k = list_take_first(&u->sent)) != NULL;)
        list_append(&u->held, k);
    ask_again(u);
    return e;
}

// The old library took what it had been asked with it.
static void ask_again(struct unbound *u)
{
    if (list_is_empty(&u->held))
        return;
    struct err e = be_ready(u);
    if (!failed(e) && u->probe == PROBE_OVER)
        send_held(u);
    for (struct link *k; failed(e) && (k = list_take_first(&u->held)) != NULL;)
        dns_ask_fail(CONTAINER_OF(k, struct dns_ask, link), DNS_SERVFAIL, err_text(e));
}

static void unbound_free(struct resolver *r)
{
    struct unbound *u = r->state;
    if (u->serving)
        group_end(&u->service);
    if (u->watching)
        watch_end(&u->watch);
    ub_ctx_delete(u->ctx);
    forget(&u->sent);
    forget(&u->held);
    mem_free(u);
}

static void forget(struct list *asks)
{
    for (struct link *k; (k = list_take_first(asks)) != NULL;)
        dns_ask_forget(CONTAINER_OF(k, struct dns_ask, link));
}
