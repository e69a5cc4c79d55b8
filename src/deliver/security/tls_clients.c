// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls_clients.c: our side of handshakes. Files of authorities are read when the
// configuration is loaded, for a worker may not be able to; contexts are made when first needed and
// kept, one for each strategy and certificate.
//
// A context checks no certificate: that is done afterwards (tls_verify.c), where DANE has its word,
// too. Nor does it keep sessions: which of them may be resumed is decided in egress_sessions.c, so
// that none is carried from one level to another.
#include "deliver/security/tls_clients.h"

#include "deliver/egress/egress_sessions.h"
#include "deliver/security/tls_chain.h"
#include "listen/certificates.h"
#include "rt/file.h"
#include "rt/task.h"

#include <openssl/err.h>

#define CA_FILE_BYTES_MAX ((size_t)4 * MIB)

// Mozilla's "intermediate" (its guideline 5.7). TLS 1.3 has its own, which are all good.
#define CIPHERS_TODAY "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL"

struct trust { // authorities of one file
    struct link link;
    struct str ca_file; // null: the system's
    X509_STORE *store;
};

struct client { // one context
    struct link link;
    const struct tls_strategy *strategy;
    struct str certificate; // null: none
    SSL_CTX *ssl;
};

struct tls_clients {
    struct list trusts, made;
    struct tls_sessions sessions;
    struct certificates *certificates;
    const struct conf_files *files;
    struct str system_folder;
    bool system_is_empty; // it has no authorities
};

struct making { // for deep_call
    struct tls_clients *clients;
    const struct tls_plan *plan;
    struct arena *a;
    SSL_CTX *ssl;
    struct err e;
};

static struct err read_all(
        struct tls_clients *clients, struct arena *a, const struct tls_clients_options *options);
static struct err as_finding(const struct tls_clients_options *options, struct err e,
        struct str map, struct str id, struct str member);
static struct err trust_add(struct tls_clients *clients, struct arena *a, struct str ca_file);
static bool system_is_empty(const struct tls_clients *clients, struct arena *a, X509_STORE *store);
static struct trust *trust_for(const struct tls_clients *clients, struct str ca_file);
static struct err read_file(
        struct tls_clients *clients, struct arena *a, struct str path, struct str *out);
static bool same(struct str a, struct str b);
static void make(void *arg);
static struct err set_up(struct making *m);
static struct err show_certificate(struct making *m);
static int look_later(X509_STORE_CTX *context, void *unused);
static struct err openssl_error(struct arena *a, const char *what);

struct err tls_clients_make(
        struct arena *a, const struct tls_clients_options *options, struct tls_clients **out)
{
    struct tls_clients *clients = mem_new(struct tls_clients);
    if (clients == NULL)
        return fail(ERR_LIMIT, "no memory for TLS");
    list_init(&clients->trusts);
    list_init(&clients->made);
    tls_sessions_init(&clients->sessions);
    clients->files = options->files;
    clients->system_folder = options->system_folder;
    if (str_is_null(clients->system_folder))
        clients->system_folder = str_from_c(X509_get_default_cert_dir());
    if (options->certificates != NULL)
        clients->certificates = certificates_ref(options->certificates);
    struct err e = read_all(clients, a, options);
    if (failed(e)) {
        tls_clients_free(clients);
        return e;
    }
    clients->files = NULL; // only needed now
    *out = clients;
    return OK;
}

void tls_clients_free(struct tls_clients *clients)
{
    if (clients == NULL)
        return;
    while (!list_is_empty(&clients->trusts)) {
        struct trust *t = CONTAINER_OF(list_take_first(&clients->trusts), struct trust, link);
        X509_STORE_free(t->store);
        mem_free(t);
    }
    while (!list_is_empty(&clients->made)) {
        struct client *c = CONTAINER_OF(list_take_first(&clients->made), struct client, link);
        SSL_CTX_free(c->ssl);
        mem_free(c);
    }
    tls_sessions_done(&clients->sessions);
    certificates_unref(clients->certificates);
    mem_free(clients);
}

// --- Authorities ---------------------------------------------------------------------------------

static struct err read_all(
        struct tls_clients *clients, struct arena *a, const struct tls_clients_options *options)
{
    const struct deliver_settings *s = options->settings;
    TRY(trust_add(clients, a, STR_NULL));
    for (size_t i = 0; i < s->tls_count; i++)
        TRY(as_finding(options, trust_add(clients, a, s->tls[i].ca_file), S("queue.tls"),
                s->tls[i].id, S("ca-file")));
    for (size_t i = 0; i < s->route_count; i++)
        TRY(as_finding(options, trust_add(clients, a, s->routes[i].tls_ca_file), S("queue.route"),
                s->routes[i].id, S("tls.ca-file")));
    return OK;
}

// The administrator is told at which setting it is.
static struct err as_finding(const struct tls_clients_options *options, struct err e,
        struct str map, struct str id, struct str member)
{
    const struct conf *conf = options->settings->conf;
    if (!failed(e) || e.kind == ERR_LIMIT || options->findings == NULL)
        return e;
    conf_error(conf, options->findings, conf_item(conf, map, id, member), -1, S("unreadable"),
            "%.*s", ARG(err_text(e)));
    return OK;
}

static struct err trust_add(struct tls_clients *clients, struct arena *a, struct str ca_file)
{
    struct str text;
    STACK_OF(X509) *all = NULL;
    if (trust_for(clients, ca_file) != NULL)
        return OK;
    struct trust *t = mem_new(struct trust);
    if (t == NULL)
        return fail(ERR_LIMIT, "no memory for authorities");
    t->ca_file = ca_file;
    list_append(&clients->trusts, &t->link);
    if (str_is_null(ca_file)) {
        t->store = X509_STORE_new();
        bool set = t->store != NULL && X509_STORE_set_default_paths(t->store) == 1;
        clients->system_is_empty = set && system_is_empty(clients, a, t->store);
        return set ? OK : openssl_error(a, "the system's authorities");
    }
    TRY(read_file(clients, a, ca_file, &text));
    struct err e = tls_chain_read(a, text, &all);
    if (failed(e))
        return fail_fmt(a, ERR_CONFIG, "%.*s: %.*s", ARG(ca_file), ARG(err_text(e)));
    t->store = tls_chain_store(all);
    tls_chain_free(all);
    return t->store != NULL ? OK : fail(ERR_LIMIT, "no memory for authorities");
}

// Those of the system's file are in the store by now; those of its folder are read when they are
// needed.
static bool system_is_empty(const struct tls_clients *clients, struct arena *a, X509_STORE *store)
{
    struct str folder = clients->system_folder, *paths;
    size_t count = 0;
    if (sk_X509_OBJECT_num(X509_STORE_get0_objects(store)) > 0)
        return false;
    struct err e = file_glob(a, arena_join(a, folder, S("/*.0")), &paths, &count);
    return !failed(e) && count == 0;
}

bool tls_clients_trust_nobody(const struct tls_clients *clients)
{
    return clients->system_is_empty;
}

static struct err read_file(
        struct tls_clients *clients, struct arena *a, struct str path, struct str *out)
{
    struct conf_file file;
    if (clients->files == NULL)
        return file_read(a, path, CA_FILE_BYTES_MAX, out, NULL);
    TRY(clients->files->read(clients->files->self, a, path, CA_FILE_BYTES_MAX, &file));
    *out = file.text;
    return OK;
}

static struct trust *trust_for(const struct tls_clients *clients, struct str ca_file)
{
    each_in_list (t, &clients->trusts, struct trust, link) {
        if (same(t->ca_file, ca_file))
            return t;
    }
    return NULL;
}

// Nothing is not the same as an empty name.
static bool same(struct str a, struct str b)
{
    return str_is_null(a) == str_is_null(b) && str_eq(a, b);
}

X509_STORE *tls_clients_store(const struct tls_clients *clients, const struct tls_plan *plan)
{
    const struct trust *t = trust_for(clients, plan->ca_file);
    return t == NULL ? NULL : t->store;
}

// --- Contexts ------------------------------------------------------------------------------------

struct err tls_client_context(
        struct tls_clients *clients, const struct tls_plan *plan, struct arena *a, SSL_CTX **out)
{
    each_in_list (c, &clients->made, struct client, link) {
        if (c->strategy == plan->strategy && same(c->certificate, plan->certificate)) {
            *out = c->ssl;
            return OK;
        }
    }
    struct client *c = mem_new(struct client);
    struct making m = {.clients = clients, .plan = plan, .a = a};
    if (c == NULL)
        return fail(ERR_LIMIT, "no memory for a TLS context");
    deep_call(make, &m);
    if (failed(m.e)) {
        mem_free(c);
        return m.e;
    }
    *c = (struct client){
            .strategy = plan->strategy, .certificate = plan->certificate, .ssl = m.ssl};
    list_append(&clients->made, &c->link);
    *out = c->ssl;
    return OK;
}

struct tls_sessions *tls_clients_sessions(struct tls_clients *clients, const struct tls_plan *plan)
{
    return plan->strategy->session_cache ? &clients->sessions : NULL;
}

static void make(void *arg)
{
    struct making *m = arg;
    ERR_clear_error();
    m->ssl = SSL_CTX_new(TLS_client_method());
    m->e = m->ssl == NULL ? openssl_error(m->a, "making a TLS context") : set_up(m);
    if (!failed(m->e))
        m->e = show_certificate(m);
    if (failed(m->e))
        SSL_CTX_free(m->ssl);
}

static struct err set_up(struct making *m)
{
    const struct tls_strategy *s = m->plan->strategy;
    struct str ciphers = str_is_null(s->ciphers) ? S(CIPHERS_TODAY) : s->ciphers;
    // Lists for hosts of long ago lower OpenSSL's standards by themselves ("@SECLEVEL=0").
    bool is_old = s->version_min < TLS1_2_VERSION || str_contains(ciphers, S("@SECLEVEL=0"));
    // What a peer's certificate must be is decided afterwards: where DANE names a key of 1024 bits,
    // that is the key.
    SSL_CTX_set_security_level(m->ssl, is_old ? 0 : 1);
    SSL_CTX_set_options(m->ssl, SSL_OP_NO_COMPRESSION);
    if (!s->session_cache)
        SSL_CTX_set_options(m->ssl, SSL_OP_NO_TICKET);
    if (is_old)
        SSL_CTX_set_options(m->ssl, SSL_OP_LEGACY_SERVER_CONNECT);
    SSL_CTX_set_session_cache_mode(m->ssl, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(m->ssl, TLS_CHAIN_BYTES_MAX);
    SSL_CTX_set_cert_verify_callback(m->ssl, look_later, NULL);
    SSL_CTX_set_tlsext_status_type(m->ssl, TLSEXT_STATUSTYPE_ocsp);
    const char *groups = str_is_null(s->groups) ? NULL : arena_c_str(m->a, s->groups);
    bool taken = SSL_CTX_set_min_proto_version(m->ssl, s->version_min) == 1 &&
                 SSL_CTX_set_cipher_list(m->ssl, arena_c_str(m->a, ciphers)) == 1;
    // The macro of this call casts const away, which clang does not let pass.
    if (taken && groups != NULL)
        taken = SSL_CTX_ctrl(m->ssl, SSL_CTRL_SET_GROUPS_LIST, 0, (void *)(uintptr_t)groups) == 1;
    return taken ? OK : openssl_error(m->a, "setting versions, cipher suites and groups");
}

static struct err show_certificate(struct making *m)
{
    struct str id = m->plan->certificate;
    if (str_is_null(id))
        return OK;
    const struct certificate *c = m->clients->certificates == NULL
                                          ? NULL
                                          : certificates_by_id(m->clients->certificates, id);
    if (c == NULL)
        return fail_fmt(m->a, ERR_CONFIG, "there is no certificate \"%.*s\"", ARG(id));
    return SSL_CTX_use_cert_and_key(m->ssl, c->leaf, c->key, c->chain, 1) == 1
                   ? OK
                   : openssl_error(m->a, "using our certificate");
}

static int look_later(X509_STORE_CTX *context UNUSED, void *unused UNUSED)
{
    return 1;
}

static struct err openssl_error(struct arena *a, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    struct err e = fail_fmt(
            a, ERR_CONFIG, "%s: %s", what, reason != NULL ? reason : "OpenSSL gives no reason");
    ERR_clear_error();
    return e;
}
