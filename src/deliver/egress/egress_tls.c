// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress_tls.c: the handshake with a host, anew or from an earlier session, and what
// is kept of it for the next one.
#include "deliver/egress/egress.h"

#include "deliver/egress/egress_sessions.h"
#include "rt/tls.h"

static struct str session_key(struct remote *r, const struct approach *p);

struct err egress_shake_hands(
        struct remote *r, struct approach *p, struct stream *s, SSL_CTX *context)
{
    struct arena *a = &r->j->arena;
    struct tls_sessions *sessions = tls_clients_sessions(r->j->d->in.tls, &p->tls);
    struct str key = session_key(r, p);
    SSL_SESSION *session = sessions == NULL || str_is_null(key)
                                   ? NULL
                                   : tls_sessions_find(sessions, key, wall_ms());
    struct err e;
    {
        within_ms(p->tls.strategy->tls_ms);
        e = session == NULL ? stream_tls(s, context, TLS_CLIENT, p->tls.sni, a)
                            : stream_tls_resume(s, context, session, p->tls.sni, a);
    }
    // Whoever breaks off because of a session gets none the next time.
    if (failed(e) && session != NULL)
        tls_sessions_forget(sessions, key);
    SSL_SESSION_free(session);
    return e;
}

// Of certificates that were let pass no session is kept: the next connection sees them again. And
// one whose certificates prove nothing any more must not bring them along another time.
void egress_note_proof(struct remote *r, struct approach *p, const struct tls_proof *proof)
{
    struct tls_sessions *sessions = tls_clients_sessions(r->j->d->in.tls, &p->tls);
    struct str key = session_key(r, p);
    bool is_good = proof->result_type == NULL && proof->step.course == TLS_GO_ON;
    p->keeps_session = is_good && sessions != NULL && !str_is_null(key);
    if (!is_good && sessions != NULL)
        tls_sessions_forget(sessions, key);
}

void egress_keep_session(struct remote *r, struct approach *p, struct connection *c)
{
    SSL *ssl = stream_ssl(c->stream);
    struct str key = session_key(r, p);
    if (p->keeps_session && ssl != NULL && !str_is_null(key))
        tls_sessions_keep(tls_clients_sessions(r->j->d->in.tls, &p->tls), key, ssl, wall_ms());
    p->keeps_session = false;
}

struct str egress_cipher(struct arena *a, const struct tls_proof *proof)
{
    return proof->is_resumed ? arena_fmt(a, "%.*s resumed", ARG(proof->cipher)) : proof->cipher;
}

static struct str session_key(struct remote *r, const struct approach *p)
{
    return tls_sessions_key(&r->j->arena, &p->tls, p->name, p->address->at.port);
}
