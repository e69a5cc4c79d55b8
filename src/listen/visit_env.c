// SPDX-License-Identifier: Apache-2.0
// listen/visit_env.c: a connection as the expressions of its protocol see it.
#include "listen/visit.h"

#include "conf/expr.h"
#include "listen/tls_context.h"
#include "rt/tls.h"

static bool of_proxy(const struct visit *v, struct arena *scratch, enum expr_variable id,
        struct expr_value *out);
static bool of_tls(const struct visit *v, struct arena *scratch, enum expr_variable id,
        struct expr_value *out);

bool visit_variable(
        const struct visit *v, struct arena *scratch, enum expr_variable id, struct expr_value *out)
{
    switch ((int)id) { // a few of the many
    case EXPR_VAR_LISTENER:
        *out = expr_text(v->listener->id);
        return true;
    case EXPR_VAR_LISTENER_ROLE:
        *out = expr_text(
                v->listener->role_is_own ? listen_role_name(v->listener->role) : S("auto"));
        return true;
    case EXPR_VAR_REMOTE_PORT:
        *out = expr_integer(v->client.port);
        return true;
    case EXPR_VAR_LOCAL_IP:
        *out = expr_text(ip_text(scratch, &v->local.ip));
        return true;
    case EXPR_VAR_LOCAL_PORT:
        *out = expr_integer(v->local.port);
        return true;
    default:
        return of_proxy(v, scratch, id, out) || of_tls(v, scratch, id, out);
    }
}

static bool of_proxy(
        const struct visit *v, struct arena *scratch, enum expr_variable id, struct expr_value *out)
{
    if (v->proxied == NULL)
        return false;
    switch ((int)id) {
    case EXPR_VAR_PROXY_IP:
        *out = expr_text(ip_text(scratch, &v->peer.ip));
        return true;
    case EXPR_VAR_PROXY_DST_IP:
        *out = expr_text(ip_text(scratch, &v->proxied->destination.ip));
        return true;
    case EXPR_VAR_PROXY_DST_PORT:
        *out = expr_integer(v->proxied->destination.port);
        return true;
    default:
        return false;
    }
}

static bool of_tls(
        const struct visit *v, struct arena *scratch, enum expr_variable id, struct expr_value *out)
{
    SSL *ssl = stream_ssl(v->stream);
    switch ((int)id) {
    case EXPR_VAR_TLS_VERSION:
        *out = expr_text(visit_tls_facts(v).version);
        return true;
    case EXPR_VAR_TLS_CIPHER:
        *out = expr_text(visit_tls_facts(v).cipher);
        return true;
    case EXPR_VAR_TLS_SNI:
        *out = expr_text(visit_tls_facts(v).sni);
        return true;
    case EXPR_VAR_CLIENT_CERT_SUBJECT:
        *out = expr_text(ssl == NULL ? S("") : tls_client_subject(scratch, ssl));
        return true;
    case EXPR_VAR_CLIENT_CERT_FINGERPRINT:
        *out = expr_text(ssl == NULL ? S("") : tls_client_fingerprint(scratch, ssl));
        return true;
    default:
        return false;
    }
}

struct tls_facts visit_tls_facts(const struct visit *v)
{
    struct tls_facts facts = {.version = S(""), .cipher = S(""), .sni = S("")};
    SSL *ssl = stream_ssl(v->stream);
    if (ssl != NULL)
        tls_facts_of(ssl, &facts);
    else if (v->proxied != NULL && v->tls_by_proxy)
        facts = (struct tls_facts){.version = v->proxied->tls_version,
                .cipher = v->proxied->tls_cipher,
                .sni = v->proxied->sni};
    return facts;
}
