// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings.h: how mail leaves, as configured (outbound.md): routes, connection and
// TLS strategies, which of them an attempt uses, limits, what is learned of hosts.
//
// Made at load, inherited by the workers, never changed. Slices and expressions are those of the
// conf, which must outlive it; the sets of networks are freed by deliver_settings_done.
#pragma once

#include "conf/conf.h"
#include "deliver/egress/egress_socks.h"
#include "listen/nets.h"
#include "queue/dsn/verp.h"
#include "rt/net.h"
#include "smtp/client/client.h"

// --- Routes (outbound.md 3) ----------------------------------------------------------------------

enum route_type { ROUTE_MX, ROUTE_RELAY, ROUTE_LOCAL };
enum ip_order { IP4_THEN_IP6, IP6_THEN_IP4, IP4_ONLY, IP6_ONLY, IP_ALTERNATE };
enum relay_balance {
    BALANCE_FAILOVER,
    BALANCE_ROUND_ROBIN,
    BALANCE_RANDOM,
    BALANCE_HASH_SENDER,
    BALANCE_HASH_RCPT_DOMAIN,
};
enum local_store { LOCAL_MAILDIR, LOCAL_LMTP, LOCAL_DISCARD, LOCAL_HOLD };
// TLS_AS_STRATEGY: the TLS strategy says (relays may differ from it).
enum tls_wish { TLS_AS_STRATEGY, TLS_OPTIONAL, TLS_REQUIRE, TLS_DISABLE };

struct relay_target {
    struct str name;    // a host to be looked up; null: `at` is where it is
    bool is_mx;         // `name` is a domain whose MX hosts are meant
    struct endpoint at; // address or Unix socket; with a name only the port counts
};

struct route {
    struct str id;
    enum route_type type;
    uint32_t rcpts_max;      // of a transaction
    uint32_t failover;       // 1 << enum client_stage: what makes the next host try
    uint32_t extensions_off; // enum client_extension: as if not offered
    bool helo_only;
    bool hide_local;                 // Received fields of our own that tell of clients inside
    const struct socks_proxy *socks; // NULL: straight there
    // ROUTE_MX
    uint32_t hosts_max, addresses_max;
    enum ip_order ip_order;
    uint16_t port;
    struct str mx_domain;    // null: the recipient's
    struct nets *prohibited; // NULL: none
    bool implicit_mx, allow_literals, accept_mx_ip;
    // ROUTE_RELAY, and ROUTE_LOCAL with LOCAL_LMTP
    const struct relay_target *targets;
    size_t target_count;
    enum client_protocol protocol;
    bool tls_implicit, tls_allow_invalid;
    enum tls_wish starttls;
    struct str tls_name, tls_ca_file, tls_certificate; // null: not set
    struct str username, secret, token;                // null: no AUTH
    struct strs mechanisms;                            // none: outbound.md 13
    bool allow_plaintext;
    enum relay_balance balance;
    uint8_t proxy_version; // of the PROXY header that is said first; 0: none
    bool xclient;
    // ROUTE_LOCAL
    enum local_store store;
    struct str path; // of maildirs, with {local} {domain} {rcpt} {user}
    bool create;
    int64_t uid, gid; // -1: ours
    uint32_t mode;
    uint64_t quota_bytes, quota_messages; // 0: none
    bool over_quota_bounces;
    bool adds_return_path, adds_delivered_to, adds_original_to;
};

// --- Connection strategies (7), TLS strategies (14), hosts (19.4) --------------------------------

enum source_select {
    SOURCE_RANDOM,
    SOURCE_ROUND_ROBIN,
    SOURCE_HASH_SENDER,
    SOURCE_HASH_SENDER_DOMAIN,
    SOURCE_HASH_RCPT_DOMAIN,
    SOURCE_HASH_TENANT, // tag.tenant, tag.campaign; without one by the sender's domain
    SOURCE_HASH_CAMPAIGN,
};

// queue.warmup.<id>: how much a new address may send to one provider, day by day.
struct warmup_plan {
    struct str id;
    const uint32_t *days; // messages on day 1, 2, ...; behind the last there is no limit
    size_t day_count;
};

struct source_address {
    struct ip ip;
    struct str ehlo_name;             // null: the strategy's
    uint32_t weight;                  // 0 is 1
    const struct warmup_plan *warmup; // NULL: none
    int64_t warmup_from_ms;           // midnight (UTC) at which its day 1 begins
};

struct source_pool { // queue.pool.<id>, outbound.md 28.3
    struct str id;
    const struct source_address *sources;
    size_t source_count;
    const struct source_pool *fallback; // NULL: none
};

struct connection_strategy {
    struct str id;
    struct str ehlo_name;                 // null: the server's
    const struct source_pool *pool;       // NULL: its addresses are its own
    const struct source_address *sources; // those of the pool, where there is one
    size_t source_count;
    enum source_select select;
    int64_t connect_ms, session_ms;
    struct client_timeouts timeouts; // without that of TLS, which the TLS strategy has
    bool reuse;
    uint32_t reuse_messages_max; // 0: no limit
    int64_t reuse_age_ms;
    int64_t idle_ms;   // 0: 5 s, 30 s for relays
    uint32_t idle_max; // of a destination
    bool freebind;
    size_t line_bytes_max;  // longer lines are folded; 0: they are sent as they are
    struct str bind_device; // null: as the routes say
    uint32_t fwmark;        // 0: none
    int mss;                // 0: the system's
    struct stream_options stream;
};

struct tls_strategy {
    struct str id;
    enum tls_wish dane, mta_sts, starttls; // never TLS_AS_STRATEGY
    bool allow_invalid;
    int64_t tls_ms, mta_sts_ms;
    int version_min;                 // TLS1_2_VERSION, ...
    struct str ciphers, groups;      // null: ours
    bool plaintext_on_failure;       // on-handshake-failure
    bool accept_on_invalid;          // on-invalid-cert
    struct str ca_file, certificate; // null: the system's; none
    bool session_cache;
    bool honor_tls_required_no;
};

struct host_settings {
    uint32_t failures_max; // 0: no cool-down
    int64_t cooldown_ms, cooldown_max_ms, remember_tls_ms;
    bool learn;
};

// --- Limits (20) and rules about replies (19.3) --------------------------------------------------

enum outbound_key {
    OUTBOUND_KEY_MX,
    OUTBOUND_KEY_REMOTE_IP,
    OUTBOUND_KEY_LOCAL_IP,
    OUTBOUND_KEY_SENDER,
    OUTBOUND_KEY_SENDER_DOMAIN,
    OUTBOUND_KEY_RCPT,
    OUTBOUND_KEY_RCPT_DOMAIN,
    OUTBOUND_KEY_MX_SITE,
    OUTBOUND_KEY_ROUTE,
    OUTBOUND_KEY_QUEUE,
    OUTBOUND_KEY_ACCOUNT,
    OUTBOUND_KEY_POOL, // of source addresses
};
enum outbound_stage { OUTBOUND_OF_SENDER, OUTBOUND_OF_RCPT, OUTBOUND_OF_REMOTE };
enum outbound_unit {
    OUTBOUND_MESSAGES,
    OUTBOUND_RECIPIENTS,
    OUTBOUND_CONNECTIONS,
    OUTBOUND_BYTES,
};

#define OUTBOUND_LIMITERS_MAX 64

struct outbound_limiter {
    struct str id;
    const struct expr_setting *match; // NULL: always
    uint32_t keys;                    // 1 << enum outbound_key
    enum outbound_stage stage;        // from the variables of key and match
    struct rate rate;                 // count 0: none
    uint32_t concurrency;             // 0: none
    enum outbound_unit unit;
    uint32_t burst;
    struct strs tags;   // names whose values are keys, too
    bool looks_at_rcpt; // by key or match: each recipient of a unit may have another answer
    bool is_of_message; // by its keys: a connection that is idle does not count
};

enum response_action {
    RESPONSE_LOG,
    RESPONSE_DEFER,
    RESPONSE_BOUNCE,
    RESPONSE_NEXT_HOST,
    RESPONSE_DROP_CONNECTION,
    RESPONSE_SUSPEND,
    RESPONSE_THROTTLE,
    RESPONSE_BACKOFF,
    RESPONSE_ROUTE,
    RESPONSE_DISABLE_TLS,
};

struct response_rule {
    struct str id;
    const struct expr_setting *match;
    enum response_action action;
    int64_t retry_after_ms;  // 0: as scheduled
    struct rate trigger;     // it acts when it has fitted so often; count 0: at once
    uint32_t scope;          // 1 << enum suspend_scope: what an order of it is about
    int64_t duration_ms;     // of the order
    struct rate rate;        // of RESPONSE_THROTTLE; count 0: none
    uint32_t concurrency;    // the same; 0: none
    struct str route;        // of RESPONSE_ROUTE
    bool is_of_shaping;      // asked only where an entry of queue.shaping names it
    struct str bounce_class; // that what it fits has from now on; null: its own
};

// --- What providers take (28.1): deliver/shape/shaping.h has what holds for a destination --------

enum shaping_key {
    SHAPING_CONNECTIONS,
    SHAPING_CONNECTIONS_PER_IP,
    SHAPING_CONNECTION_RATE,
    SHAPING_MESSAGE_RATE,
    SHAPING_BYTES_RATE,
    SHAPING_BACKOFF_CONNECTIONS,
    SHAPING_BACKOFF_CONNECTION_RATE,
    SHAPING_BACKOFF_MESSAGE_RATE,
    SHAPING_LIMITS, // those before it are limiters
    SHAPING_MESSAGES_PER_CONNECTION = SHAPING_LIMITS,
    SHAPING_RECIPIENTS_PER_MESSAGE,
    SHAPING_TLS,
    SHAPING_CONNECTION,
    SHAPING_RETRY,
    SHAPING_AUTOMATION,
    SHAPING_BACKOFF_RETRY,
    SHAPING_BACKOFF_MS,
    SHAPING_BACKOFF_PERCENT,
    SHAPING_MAX_READY,
    SHAPING_KEYS
};

struct shaping { // an entry of queue.shaping
    struct str id;
    struct strs domains, suffixes, sites; // which destinations; `default`: none
    uint32_t set;                         // 1 << enum shaping_key: what it says
    struct outbound_limiter limits[SHAPING_LIMITS];
    uint32_t messages_per_connection, recipients_per_message;
    struct str tls, connection; // names of strategies
    const int64_t *retry_ms, *backoff_retry_ms;
    size_t retry_count, backoff_retry_count;
    const struct response_rule *const *automation;
    size_t automation_count;
    int64_t backoff_ms;       // back to normal after it
    uint32_t backoff_percent; // or when so many of the last messages went well
    uint32_t ready_max;       // units of a domain that wait in memory
};

enum downgrade_8bit { DOWNGRADE_8BIT_CONVERT, DOWNGRADE_8BIT_SEND, DOWNGRADE_8BIT_BOUNCE };
enum downgrade_utf8 { DOWNGRADE_UTF8_BOUNCE, DOWNGRADE_UTF8_ENCODE };

struct bounce_rules; // deliver/reply/classify.h

struct deliver_settings {
    const struct conf *conf;
    struct str host; // server.hostname
    const struct route *routes;
    size_t route_count;
    const struct connection_strategy *connections;
    size_t connection_count;
    const struct source_pool *pools;
    size_t pool_count;
    const struct tls_strategy *tls;
    size_t tls_count;
    // Which of them: expressions that give a name.
    const struct expr_setting *route_of, *connection_of, *tls_of;
    struct host_settings hosts;
    const struct outbound_limiter *limiters;
    size_t limiter_count;
    const struct response_rule *responses;
    size_t response_count;
    const struct shaping *shapings;
    size_t shaping_count;
    struct strs self_names;    // lower case: what else is "us" (queue.self)
    const struct ip *self_ips; // of queue.self
    size_t self_ip_count;
    bool detect_self;
    enum downgrade_8bit downgrade_8bit;
    enum downgrade_utf8 downgrade_utf8;
    uint64_t bdat_chunk_bytes;
    bool priority_header;
    int64_t race_delay_ms;     // queue.happy-eyeballs; 0: addresses are tried one by one
    bool never_is_null_sender; // queue.dsn-never-null-sender
    struct nets *sts_prohibited;
    int64_t expression_wait_ms;
    const struct bounce_rules *bounces;
    struct verp_settings verp;
};

// Adds what is wrong to the findings and goes on; the error is for lack of memory only. The
// built-in routes `mx` and `local`, the connection strategy `default`, and the TLS strategies
// `default` and `invalid-tls` are there whether written or not.
struct err deliver_settings_make(struct arena *a, const struct conf *conf, uint64_t seed,
        struct findings *findings, struct deliver_settings *out) MUST_USE;
void deliver_settings_done(struct deliver_settings *s);

const struct route *route_named(const struct deliver_settings *s, struct str id); // or NULL
const struct connection_strategy *connection_named(const struct deliver_settings *s, struct str id);
const struct tls_strategy *tls_named(const struct deliver_settings *s, struct str id);
