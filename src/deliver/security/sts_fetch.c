// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts_fetch.c: one policy over HTTPS (outbound.md 16.2). The domain chooses where
// we are sent: so addresses are looked at, redirects are not followed, and size and time are
// bounded.
#include "deliver/security/sts_cache.h"

#include "http/client.h"
#include "rt/net.h"
#include "rt/offload.h"
#include "rt/rt.h"

#define HTTPS_PORT 443
#define ADDRESSES_TRIED_MAX 4
#define CONNECT_MS (15 * SECOND_MS) // for one of several addresses
#define HEAD_BYTES_MAX (16 * KIB)
#define PATH "/.well-known/mta-sts.txt" // RFC 8461 3.2

struct targets {
    struct ip at[ADDRESSES_TRIED_MAX];
    size_t count;
};

struct trust_job {
    struct http_trust *trust;
    struct err result;
};

static struct err find_targets(const struct sts_inputs *in, struct arena *a, struct str host,
        struct targets *targets, struct sts_fetched *out) suspends;
static void add_targets(
        const struct sts_inputs *in, const struct dns_ip_answer *from, struct targets *targets);
static struct err find_trust(
        struct sts_cache *cache, struct arena *a, const struct http_trust **out) suspends;
static void make_trust(void *arg);
static struct err connect_to(const struct sts_inputs *in, struct arena *a,
        const struct targets *targets, struct stream **out) suspends;
static struct err ask(const struct sts_inputs *in, struct arena *a, struct str host,
        const struct targets *targets, struct http_reply *out) suspends;
static void judge(struct arena *a, const struct http_reply *reply, struct sts_fetched *out);
static bool is_plain_text(struct str type);
static bool is_ours(struct err e);

struct err sts_fetch(
        const struct sts_inputs *in, struct arena *a, struct str domain, struct sts_fetched *out)
{
    struct sts_fetched fetched = {0};
    struct targets targets = {0};
    struct http_reply reply = {0};
    struct str host = arena_join(a, S("mta-sts."), domain);
    if (str_is_null(host))
        return fail(ERR_LIMIT, "no memory for a policy of MTA-STS");
    TRY(find_targets(in, a, host, &targets, &fetched));
    struct err e = fetched.fault == STS_FAULT_NONE ? ask(in, a, host, &targets, &reply) : OK;
    if (is_ours(e))
        return e;
    if (failed(e)) {
        fetched.fault = e.kind == ERR_REFUSED ? STS_FAULT_CERTIFICATE : STS_FAULT_FETCH;
        fetched.why = err_text(e);
    } else if (fetched.fault == STS_FAULT_NONE) {
        judge(a, &reply, &fetched);
    }
    *out = fetched;
    return OK;
}

// No memory, given up, or out of time: the caller knows whose time that was.
static bool is_ours(struct err e)
{
    return e.kind == ERR_LIMIT || e.kind == ERR_CANCELLED || e.kind == ERR_TIMEOUT;
}

static struct err find_targets(const struct sts_inputs *in, struct arena *a, struct str host,
        struct targets *targets, struct sts_fetched *out)
{
    struct dns_addresses found = {0};
    struct err e = dns_addresses(in->resolver, a, host, DNS_BOTH, &found);
    if (failed(e) && e.kind != ERR_SYNTAX)
        return e;
    add_targets(in, &found.ipv4, targets);
    add_targets(in, &found.ipv6, targets);
    if (targets->count > 0)
        return OK;
    // What the DNS does not answer is not reported (outbound.md 18).
    bool is_unknown = !failed(e) && dns_is_temporary(found.outcome);
    struct str why = failed(e) ? err_text(e) : dns_outcome_name(found.outcome);
    out->fault = is_unknown ? STS_FAULT_DNS : STS_FAULT_FETCH;
    if (!failed(e) && found.outcome == DNS_ANSWER)
        out->why = arena_fmt(a, "%.*s has no address that may be asked", ARG(host));
    else
        out->why = arena_fmt(a, "%.*s has no address: %.*s", ARG(host), ARG(why));
    return OK;
}

static void add_targets(
        const struct sts_inputs *in, const struct dns_ip_answer *from, struct targets *targets)
{
    for (size_t i = 0; i < from->count && targets->count < ADDRESSES_TRIED_MAX; i++) {
        if (in->prohibited == NULL || !nets_contains(in->prohibited, &from->at[i], wall_ms()))
            targets->at[targets->count++] = from->at[i];
    }
}

static struct err ask(const struct sts_inputs *in, struct arena *a, struct str host,
        const struct targets *targets, struct http_reply *out)
{
    static const struct http_field accept = {S_INIT("Accept"), S_INIT("text/plain")};
    const struct http_request request = {.host = host,
            .target = S(PATH),
            .fields = &accept,
            .field_count = 1,
            .head_bytes_max = HEAD_BYTES_MAX,
            .body_bytes_max = STS_TEXT_BYTES_MAX};
    const struct http_trust *trust;
    struct stream *s AUTO(stream_close_auto) = NULL;
    TRY(find_trust(in->cache, a, &trust));
    TRY(connect_to(in, a, targets, &s));
    TRY(http_client_tls(s, a, trust, host));
    return http_ask(s, a, &request, out);
}

static struct err find_trust(
        struct sts_cache *cache, struct arena *a, const struct http_trust **out)
{
    struct trust_job job = {0};
    *out = cache->options.trust != NULL ? cache->options.trust : cache->system;
    if (*out != NULL)
        return OK;
    TRY(offload(make_trust, &job)); // a file of some hundred certificates
    if (failed(job.result))
        return fail_fmt(a, ERR_LIMIT, "%.*s", ARG(err_text(job.result)));
    if (cache->system == NULL)
        cache->system = job.trust;
    else
        http_trust_free(job.trust); // somebody was faster
    *out = cache->system;
    return OK;
}

static void make_trust(void *arg)
{
    struct trust_job *job = arg;
    job->result = http_trust_system(&job->trust);
}

static struct err connect_to(const struct sts_inputs *in, struct arena *a,
        const struct targets *targets, struct stream **out)
{
    struct err e = OK;
    uint16_t port = in->cache->options.port != 0 ? in->cache->options.port : HTTPS_PORT;
    for (size_t i = 0; i < targets->count; i++) {
        struct endpoint to = {.ip = targets->at[i], .port = port};
        {
            within_ms(CONNECT_MS);
            e = net_connect(&to, &(struct connect_options){0}, out);
        }
        if (!failed(e) || e.kind == ERR_CANCELLED || deadline_left_ms() == 0)
            return e;
        e = fail_fmt(a, ERR_UNREACHABLE, "connecting to %.*s: %.*s", ARG(endpoint_text(a, &to)),
                ARG(err_text(e)));
    }
    return e;
}

static void judge(struct arena *a, const struct http_reply *reply, struct sts_fetched *out)
{
    struct str type = http_head_field(&reply->head, S("Content-Type"));
    struct str coding = http_head_field(&reply->head, S("Content-Encoding"));
    out->fault = STS_FAULT_FETCH;
    if (reply->status != 200) {
        out->why = arena_fmt(a, "the answer is %u, not 200", reply->status);
    } else if (!str_is_null(type) && !is_plain_text(type)) {
        out->why = arena_fmt(a, "the answer is %.*s, not text/plain", ARG(str_upto(type, 64)));
    } else if (!str_is_null(coding) && !str_eq_nocase(coding, S("identity"))) {
        out->why = S("the answer is in a content coding that was not asked for");
    } else if (reply->body_is_cut) {
        out->fault = STS_FAULT_POLICY;
        out->why = S("the policy is larger than 64 KiB");
    } else if (!str_is_utf8(reply->body)) {
        out->fault = STS_FAULT_POLICY;
        out->why = S("the policy is no UTF-8");
    } else {
        out->fault = STS_FAULT_NONE;
        out->text = reply->body;
        out->why = str_is_null(type) ? S("the answer has no Content-Type") : STR_NULL;
    }
}

// Content-Type: text/plain; charset=utf-8               RFC 8461 3.2; without one it may pass
static bool is_plain_text(struct str type)
{
    struct str main, parameters;
    if (!str_cut(type, ';', &main, &parameters))
        main = type;
    return str_eq_nocase(str_trim_blanks(main), S("text/plain"));
}
