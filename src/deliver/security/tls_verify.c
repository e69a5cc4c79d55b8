// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls_verify.c: what the peer's certificate proves, after the handshake
// (outbound.md 14.2, 15.5, 16.5). DANE's word is the last one where there are records; the answer
// of a policy that is only tested is noted and stops nothing.
#include "deliver/security/tls_clients.h"

#include "deliver/security/tls_chain.h"
#include "rt/task.h"

#include <openssl/err.h>
#include <openssl/ocsp.h>

struct proving { // for deep_call
    const struct tls_plan *plan;
    SSL *ssl;
    X509_STORE *store;
    STACK_OF(X509) * chain;
    int64_t now_ms;
    struct tls_proof *out;
};

struct public_answer {       // of the authorities that a plan trusts
    const char *result_type; // NULL: all is well
    struct str why;
    struct str name;
};

static void prove(void *arg);
static void prove_dane(struct proving *p);
static void prove_public(struct proving *p);
static void prove_sts(struct proving *p);
static struct public_answer ask_public(struct proving *p, enum tls_subject subject);
static bool is_revoked(struct proving *p, STACK_OF(X509) * built);
static bool says_revoked(struct proving *p, OCSP_BASICRESP *said, STACK_OF(X509) * built);

struct err tls_verify(struct tls_clients *clients, const struct tls_plan *plan, SSL *ssl,
        int64_t now_ms, struct arena *a, struct tls_proof *out)
{
    *out = (struct tls_proof){.step.course = TLS_GO_ON};
    struct proving p = {.plan = plan,
            .ssl = ssl,
            .store = tls_clients_store(clients, plan),
            .now_ms = now_ms,
            .out = out};
    deep_call(prove, &p);
    if (out->result_type == NULL) {
        out->reached = plan->level;
        return OK;
    }
    TRY(tls_after(plan, TLS_PROOF_FAILED, a, out->why, &out->step));
    out->step.result_type = out->result_type;
    return OK;
}

static void prove(void *arg)
{
    struct proving *p = arg;
    p->chain = SSL_get_peer_cert_chain(p->ssl);
    p->out->version = str_from_c(SSL_get_version(p->ssl));
    p->out->cipher = str_from_c(SSL_get_cipher_name(p->ssl));
    p->out->is_resumed = SSL_session_reused(p->ssl) == 1;
    switch (p->plan->level) {
    case TLS_LEVEL_NONE:
        break;
    case TLS_LEVEL_PKIX:
    case TLS_LEVEL_STS:
        prove_public(p);
        break;
    case TLS_LEVEL_DANE:
        prove_dane(p);
        break;
    }
    if (p->plan->reports_sts)
        prove_sts(p);
    ERR_clear_error();
}

static void prove_dane(struct proving *p)
{
    const struct tls_plan *plan = p->plan;
    dane_verify(&(struct dane_question){.profile = DANE_SMTP,
                        .records = plan->dane->usable,
                        .record_count = plan->dane->usable_count,
                        .chain = p->chain,
                        .names = plan->names,
                        .name_count = plan->name_count,
                        .now_ms = p->now_ms},
            &p->out->match);
    p->out->result_type = p->out->match.result_type;
    p->out->why = p->out->match.why;
    p->out->name = p->out->match.name;
}

// Only at the plainest level may a name stand where it stood before RFC 2818.
static void prove_public(struct proving *p)
{
    struct public_answer said = ask_public(
            p, p->plan->level == TLS_LEVEL_PKIX ? TLS_SUBJECT_WITHOUT_SAN : TLS_SUBJECT_NEVER);
    p->out->result_type = said.result_type;
    p->out->why = said.why;
    p->out->name = said.name;
}

// What MTA-STS would have said, whatever the level. Where DANE has decided, its result is told
// under both policies, since PKIX has no say then (RFC 8461 2).
static void prove_sts(struct proving *p)
{
    if (!p->plan->sts_matches)
        p->out->sts_result_type = "validation-failure";
    else if (p->plan->level == TLS_LEVEL_DANE || p->plan->level == TLS_LEVEL_STS)
        p->out->sts_result_type = p->out->result_type;
    else
        p->out->sts_result_type = ask_public(p, TLS_SUBJECT_NEVER).result_type;
}

static struct public_answer ask_public(struct proving *p, enum tls_subject subject)
{
    struct public_answer out = {.result_type = "validation-failure"};
    STACK_OF(X509) *built = NULL;
    if (sk_X509_num(p->chain) <= 0 || p->store == NULL) {
        out.why = p->store == NULL ? S("there are no authorities to ask")
                                   : S("the peer showed no certificate");
        return out;
    }
    int error = tls_chain_verify(&(struct tls_chain){.sent = p->chain,
                                         .store = p->store,
                                         .strength = TLS_PKIX_STRENGTH,
                                         .now_ms = p->now_ms},
            &built);
    struct tls_reference reference = {.names = p->plan->names,
            .count = p->plan->name_count,
            .ip = &p->plan->ip,
            .subject = subject};
    if (error == X509_V_OK && !tls_chain_names(sk_X509_value(p->chain, 0), &reference, &out.name))
        error = p->plan->ip.family == IP_NONE ? X509_V_ERR_HOSTNAME_MISMATCH
                                              : X509_V_ERR_IP_ADDRESS_MISMATCH;
    if (error == X509_V_OK && is_revoked(p, built))
        error = X509_V_ERR_CERT_REVOKED;
    tls_chain_free(built);
    out.result_type = error == X509_V_OK ? NULL : tls_chain_result_type(error);
    out.why = error == X509_V_OK ? STR_NULL : tls_chain_text(error);
    return out;
}

// RFC 6066 8: what the peer brings along about itself, if the authority has signed it.
// Silence, and what cannot be believed, say nothing: nobody is asked over the network.
static bool is_revoked(struct proving *p, STACK_OF(X509) * built)
{
    union { // OpenSSL's macro takes a pointer to a pointer to what it does not change
        const unsigned char *at;
        unsigned char *out;
    } der = {0};
    long len = SSL_ctrl(p->ssl, SSL_CTRL_GET_TLSEXT_STATUS_REQ_OCSP_RESP, 0, &der.out);
    if (der.at == NULL || len <= 0 || sk_X509_num(built) < 2)
        return false;
    OCSP_RESPONSE *response = d2i_OCSP_RESPONSE(NULL, &der.at, len);
    OCSP_BASICRESP *said = response == NULL ? NULL : OCSP_response_get1_basic(response);
    bool revoked = said != NULL && says_revoked(p, said, built);
    OCSP_BASICRESP_free(said);
    OCSP_RESPONSE_free(response);
    return revoked;
}

static bool says_revoked(struct proving *p, OCSP_BASICRESP *said, STACK_OF(X509) * built)
{
    int status = V_OCSP_CERTSTATUS_UNKNOWN;
    ASN1_GENERALIZEDTIME *this_update = NULL, *next_update = NULL;
    OCSP_CERTID *id = OCSP_cert_to_id(NULL, sk_X509_value(built, 0), sk_X509_value(built, 1));
    // "Revoked" is for ever, so an old answer that says it still counts.
    bool found =
            id != NULL && OCSP_basic_verify(said, built, p->store, 0) == 1 &&
            OCSP_resp_find_status(said, id, &status, NULL, NULL, &this_update, &next_update) == 1;
    OCSP_CERTID_free(id);
    return found && status == V_OCSP_CERTSTATUS_REVOKED;
}
