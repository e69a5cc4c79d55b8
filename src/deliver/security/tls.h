// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls.h: TLS with one host (outbound.md 14, 15.6, 15.7, 16.5, 17): what is tried,
// what the certificate must prove, and what becomes of it when it is not offered, fails, or proves
// nothing.
//
//     TRY(tls_plan_make(a, &(struct tls_wishes){.strategy = s, .route = r, ...}, &plan));
//     if (plan.refused)
//         ... plan.answer: this host is not used at all ...
//     if (plan.use == TLS_USE_STARTTLS && !client_offers(c, CLIENT_EXT_STARTTLS))
//         TRY(tls_after(&plan, TLS_NOT_OFFERED, a, S(""), &step)); // go on in plaintext?
//     ...
//     TRY(tls_client_context(clients, &plan, a, &context));
//     struct err e = stream_tls(stream, context, TLS_CLIENT, plan.sni, a);
//     if (failed(e))
//         TRY(tls_after(&plan, tls_event_of(e), a, err_text(e), &step));
//     TRY(tls_verify(clients, &plan, stream_ssl(stream), wall_ms(), a, &proof));
//     if (proof.step.course != TLS_GO_ON)
//         ... proof.step.answer ...
//
// The handshake itself never fails because of a certificate: it is looked at afterwards, so that
// DANE may have its word and a policy that is only tested has none.
#pragma once

#include "deliver/security/dane.h"
#include "deliver/settings/settings.h"

#include <openssl/ssl.h>

struct certificates;
struct tls_clients;
struct tls_sessions;

enum tls_sts {       // what `mta-sts` found out about the domain
    TLS_STS_NONE,    // no policy (certainly), mode none, or nobody asked
    TLS_STS_UNKNOWN, // an error, or an invalid policy, and nothing kept from before
    TLS_STS_TESTING,
    TLS_STS_ENFORCE,
};

struct tls_wishes {
    const struct tls_strategy *strategy;
    const struct route *route;
    struct str host;           // MX or relay name, lower case, A-labels; null: only an address
    struct ip ip;              // of a relay that is an address; else family IP_NONE
    bool is_local;             // a Unix socket or loopback
    struct str next_hop;       // the domain whose MX this is; null for relays
    const struct str *aliases; // what its CNAMEs lead to (RFC 7672 3.2.2)
    size_t alias_count;
    bool mx_is_secure;                // validated by DNSSEC
    bool requiretls, tls_is_optional; // the message: REQUIRETLS, TLS-Required: No
    enum tls_sts sts;
    bool sts_matches;        // the host is one of the policy's
    struct str sts_id;       // of the policy, for the identity
    const struct dane *dane; // NULL: not asked
    bool is_switched_off;    // at run time: no TLS, unless somebody demands it (19.3)
};

enum tls_use { TLS_USE_NONE, TLS_USE_STARTTLS, TLS_USE_IMPLICIT };
enum tls_level { TLS_LEVEL_NONE, TLS_LEVEL_PKIX, TLS_LEVEL_STS, TLS_LEVEL_DANE }; // 14.2
struct str tls_level_name(enum tls_level level); // "none", "pkix", "sts-pkix", "dane"

struct tls_plan {
    bool refused;                // not to be used, and not even connected to:
    struct client_answer answer; // why
    // RFC 8460 4.3: a fault that is reported before anybody connects: of the refusal, or of records
    // that cannot be used or believed, where the host is used all the same. NULL: none.
    const char *result_type;

    enum tls_use use;
    bool mandatory;          // never plaintext
    enum tls_level level;    // what the certificate must prove
    bool needs_requiretls;   // after TLS, EHLO must offer it, else TLS_NO_REQUIRETLS; not of LMTP
    bool forgives;           // TLS-Required: No: a proof that fails is told, and delivery goes on
    bool accepts_invalid;    // on-invalid-cert
    bool plaintext_after;    // on-handshake-failure
    bool sts_matches;        // as wished
    bool reports_sts;        // an MTA-STS policy applies, testing included: see struct tls_proof
    struct str sni;          // null: none
    const struct str *names; // reference names
    size_t name_count;
    struct ip ip; // reference address of an IP relay
    struct str host;
    const struct dane *dane; // NULL unless level DANE
    struct str ca_file, certificate;
    const struct tls_strategy *strategy;
    // All that decided: a connection may serve another message only if its text is the same
    // (outbound.md 21). One line of printable text.
    struct str identity;
};
// Everything in the plan lives in the arena, or points to what the wishes point to.
struct err tls_plan_make(
        struct arena *a, const struct tls_wishes *wishes, struct tls_plan *out) MUST_USE;

// --- What happened, and what follows (14.3) ------------------------------------------------------

enum tls_event {
    TLS_NOT_OFFERED,
    TLS_REFUSED,          // a 4xx or 5xx to STARTTLS
    TLS_HANDSHAKE_FAILED, // the peer or we said no; or it took too long
    TLS_CONNECTION_LOST,  // in the handshake
    TLS_PROOF_FAILED,     // the certificate
    TLS_NO_REQUIRETLS,    // TLS is up, and EHLO does not offer REQUIRETLS
    TLS_LOCAL_TROUBLE,    // our own context cannot be made
};
enum tls_course {
    TLS_GO_ON,
    TLS_GO_ON_PLAIN,     // on the same connection
    TLS_RECONNECT_PLAIN, // to the same address, without STARTTLS
    TLS_NEXT_ADDRESS,    // of the same host; without any, the next host
    TLS_NEXT_HOST,
};

struct tls_step {
    enum tls_course course;
    struct client_answer answer; // unless it goes on
    const char *result_type;     // RFC 8460 4.3; NULL: nothing to be reported
};

enum tls_event tls_event_of(struct err handshake);
// `detail`: what a person should know, a reply or the handshake's error.
struct err tls_after(const struct tls_plan *plan, enum tls_event event, struct arena *a,
        struct str detail, struct tls_step *out) MUST_USE;

// --- The peer's certificate ----------------------------------------------------------------------

struct tls_proof {
    struct tls_step step;        // GO_ON, or what follows from the failure
    enum tls_level reached;      // of a proof that succeeded
    const char *result_type;     // of the level's own check: NULL: it succeeded
    const char *sts_result_type; // the same of MTA-STS (plan.reports_sts)
    struct str why;              // of a failure, also of one that was let pass
    struct str version, cipher;  // "TLSv1.3", "TLS_AES_256_GCM_SHA384"
    bool is_resumed;             // from an earlier session, whose certificates these are
    struct str name;             // the reference name that the certificate had; null: none needed
    struct dane_match match;     // of level DANE
};
struct err tls_verify(struct tls_clients *clients, const struct tls_plan *plan, SSL *ssl,
        int64_t now_ms, struct arena *a, struct tls_proof *out) MUST_USE;

// --- Our side of the handshake -------------------------------------------------------------------
// Contexts and stores of authorities for all strategies and relays, made when the configuration is
// loaded (files are read) and never changed; and the sessions that may be resumed.

struct tls_clients_options {
    const struct deliver_settings *settings; // must outlive the clients
    struct certificates *certificates;       // ours to show; counted; NULL: none
    const struct conf_files *files;          // NULL: those of the machine
    struct findings *findings; // take what is wrong with the settings' files; NULL: an error is
    struct str system_folder;  // where its authorities are looked for; null: where OpenSSL does
};
// ERR_CONFIG, without findings: a file of authorities cannot be read, or has none; the text names
// it.
struct err tls_clients_make(struct arena *a, const struct tls_clients_options *options,
        struct tls_clients **out) MUST_USE;
void tls_clients_free(struct tls_clients *clients); // NULL is fine
// The system has no authorities: no certificate proves anything where no ca-file is named.
bool tls_clients_trust_nobody(const struct tls_clients *clients);
// What stays the clients'. An error is our own trouble: TLS_LOCAL_TROUBLE.
struct err tls_client_context(struct tls_clients *clients, const struct tls_plan *plan,
        struct arena *a, SSL_CTX **out) MUST_USE;
// NULL: what this strategy does is not resumed.
struct tls_sessions *tls_clients_sessions(struct tls_clients *clients, const struct tls_plan *plan);
