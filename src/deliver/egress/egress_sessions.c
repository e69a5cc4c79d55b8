// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress_sessions.c: see deliver/egress/egress_sessions.h. The list is short, and a
// look through it is nothing beside the handshake that it may save.
#include "deliver/egress/egress_sessions.h"

#include "base/hash.h"
#include "rt/rt.h"

struct session {
    struct link link;
    uint64_t hash;
    struct buf key;
    SSL_SESSION *ssl;
    int64_t proved_at_ms; // when a whole handshake showed the certificates
    int64_t ends_at_ms;   // the first of them, or our patience
};

struct weighing { // for deep_call
    SSL *ssl;
    int64_t now_ms;
    SSL_SESSION *session; // NULL: nothing worth keeping
    int64_t lasts_ms;     // until a certificate expires
};

static struct session *with_key(const struct tls_sessions *sessions, struct str key);
static void weigh(void *arg);
static bool weigh_chain(struct weighing *w);
static struct session *make_room(struct tls_sessions *sessions, struct str key);
static void drop(struct tls_sessions *sessions, struct session *s);

void tls_sessions_init(struct tls_sessions *sessions)
{
    list_init(&sessions->all);
    sessions->count = 0;
}

void tls_sessions_done(struct tls_sessions *sessions)
{
    while (!list_is_empty(&sessions->all))
        drop(sessions, CONTAINER_OF(list_first(&sessions->all), struct session, link));
}

struct str tls_sessions_key(
        struct arena *a, const struct tls_plan *plan, struct str host, uint16_t port)
{
    return arena_fmt(a, "%zu:%.*s %u %.*s", host.len, ARG(host), port, ARG(plan->identity));
}

SSL_SESSION *tls_sessions_find(struct tls_sessions *sessions, struct str key, int64_t now_ms)
{
    struct session *s = with_key(sessions, key);
    if (s == NULL)
        return NULL;
    if (now_ms < s->proved_at_ms || now_ms >= s->ends_at_ms) { // or the clock was set back
        drop(sessions, s);
        return NULL;
    }
    link_remove(&s->link);
    list_prepend(&sessions->all, &s->link);
    SSL_SESSION_up_ref(s->ssl);
    return s->ssl;
}

void tls_sessions_keep(struct tls_sessions *sessions, struct str key, SSL *ssl, int64_t now_ms)
{
    struct weighing w = {.ssl = ssl, .now_ms = now_ms};
    struct session *s = with_key(sessions, key);
    // The certificates of a session that goes on were shown when it began.
    int64_t proved_at_ms = SSL_session_reused(ssl) && s != NULL ? s->proved_at_ms : now_ms;
    deep_call(weigh, &w);
    if (s == NULL && w.session != NULL)
        s = make_room(sessions, key);
    if (s == NULL || w.session == NULL) {
        SSL_SESSION_free(w.session);
        return;
    }
    int64_t patient_ms = proved_at_ms + SESSION_AGE_MAX_MS - now_ms;
    SSL_SESSION_free(s->ssl);
    s->ssl = w.session;
    s->proved_at_ms = proved_at_ms;
    s->ends_at_ms = now_ms + (patient_ms < w.lasts_ms ? patient_ms : w.lasts_ms);
}

void tls_sessions_forget(struct tls_sessions *sessions, struct str key)
{
    struct session *s = with_key(sessions, key);
    if (s != NULL)
        drop(sessions, s);
}

static struct session *with_key(const struct tls_sessions *sessions, struct str key)
{
    uint64_t hash = hash_sip24(0, 0, key);
    each_in_list (s, &sessions->all, struct session, link) {
        if (s->hash == hash && str_eq(buf_str(&s->key), key))
            return s;
    }
    return NULL;
}

static void weigh(void *arg)
{
    struct weighing *w = arg;
    SSL_SESSION *session = SSL_get1_session(w->ssl);
    if (session != NULL && SSL_SESSION_is_resumable(session) && weigh_chain(w) && w->lasts_ms > 0)
        w->session = session;
    else
        SSL_SESSION_free(session);
}

// False: too long, or not to be read.
static bool weigh_chain(struct weighing *w)
{
    STACK_OF(X509) *chain = SSL_get_peer_cert_chain(w->ssl);
    ASN1_TIME *now = ASN1_TIME_set(NULL, (time_t)(w->now_ms / SECOND_MS));
    size_t bytes = 0;
    bool good = now != NULL && sk_X509_num(chain) > 0;
    w->lasts_ms = SESSION_AGE_MAX_MS;
    for (int i = 0; good && i < sk_X509_num(chain); i++) {
        X509 *one = sk_X509_value(chain, i);
        int days = 0, seconds = 0, length = i2d_X509(one, NULL);
        good = length > 0 && ASN1_TIME_diff(&days, &seconds, now, X509_get0_notAfter(one)) == 1;
        int64_t left_ms = days * (int64_t)DAY_MS + seconds * (int64_t)SECOND_MS;
        w->lasts_ms = left_ms < w->lasts_ms ? left_ms : w->lasts_ms;
        bytes += good ? (size_t)length : 0;
    }
    ASN1_TIME_free(now);
    return good && bytes <= SESSION_CHAIN_BYTES_MAX;
}

// In the place of the longest unused one, if there are enough. NULL: no memory.
static struct session *make_room(struct tls_sessions *sessions, struct str key)
{
    struct session *s = mem_new(struct session);
    if (s == NULL)
        return NULL;
    buf_init(&s->key, key.len);
    buf_add(&s->key, key);
    s->hash = hash_sip24(0, 0, key);
    list_prepend(&sessions->all, &s->link);
    sessions->count++;
    if (s->key.overflow) {
        drop(sessions, s);
        return NULL;
    }
    if (sessions->count > SESSIONS_MAX)
        drop(sessions, CONTAINER_OF(sessions->all.head.prev, struct session, link));
    return s;
}

static void drop(struct tls_sessions *sessions, struct session *s)
{
    link_remove(&s->link);
    sessions->count--;
    SSL_SESSION_free(s->ssl);
    buf_done(&s->key);
    mem_free(s);
}
