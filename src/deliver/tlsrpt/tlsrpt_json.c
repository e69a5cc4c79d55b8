// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_json.c: see deliver/tlsrpt/tlsrpt_json.h. Rows of the same policy stand
// together; members that are not known are left out.
#include "deliver/tlsrpt/tlsrpt_json.h"

#include "deliver/tlsrpt/tlsrpt.h"

struct one { // a row
    struct tlsrpt_seen seen;
    uint64_t count;
    bool is_told;
};

static void add_frame(struct arena *a, struct json_out *o, const struct tlsrpt_report *report);
static void add_policy(struct json_out *o, struct one *all, size_t count, size_t first);
static void add_policy_object(struct json_out *o, const struct tlsrpt_seen *seen);
static void add_summary(
        struct json_out *o, const struct one *all, size_t count, const struct tlsrpt_seen *policy);
static void add_failure(struct json_out *o, const struct one *one);
static void add_text(struct json_out *o, struct str key, struct str text);
static void add_texts(struct json_out *o, struct str key, const struct strs *texts);
static void add_ip(struct json_out *o, struct str key, const struct ip *ip);
static bool is_same_policy(const struct tlsrpt_seen *a, const struct tlsrpt_seen *b);
static bool are_same(const struct strs *a, const struct strs *b);

struct err tlsrpt_json_add(struct arena *a, struct json_out *o, const struct tlsrpt_report *report)
{
    struct one *all = arena_array(a, report->row_count + 1, struct one);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for a report");
    for (size_t i = 0; i < report->row_count; i++) {
        TRY(tlsrpt_row_read(a, report->rows[i].bytes, &all[i].seen));
        all[i].count = report->rows[i].count;
    }
    json_object_begin(o);
    add_frame(a, o, report);
    json_key(o, S("policies"));
    json_array_begin(o);
    for (size_t i = 0; i < report->row_count; i++)
        if (!all[i].is_told)
            add_policy(o, all, report->row_count, i);
    json_array_end(o);
    json_object_end(o);
    return OK;
}

// The last second of the window is its end.
static void add_frame(struct arena *a, struct json_out *o, const struct tlsrpt_report *report)
{
    const struct report_window *w = &report->object->window;
    add_text(o, S("organization-name"), report->organization);
    json_key(o, S("date-range"));
    json_object_begin(o);
    json_put_time(o, S("start-datetime"), w->begin_ms);
    json_put_time(o, S("end-datetime"), w->end_ms - SECOND_MS);
    json_object_end(o);
    add_text(o, S("contact-info"), arena_join(a, S("noreply-tls@"), report->organization));
    add_text(o, S("report-id"),
            arena_fmt(a, "%lld.%llu@%.*s", (long long)(w->begin_ms / SECOND_MS),
                    (unsigned long long)report->object->number, ARG(report->submitter)));
}

static void add_policy(struct json_out *o, struct one *all, size_t count, size_t first)
{
    const struct tlsrpt_seen *policy = &all[first].seen;
    bool has_failures = false;
    json_object_begin(o);
    add_policy_object(o, policy);
    add_summary(o, all, count, policy);
    for (size_t i = first; i < count; i++) {
        if (!is_same_policy(&all[i].seen, policy))
            continue;
        all[i].is_told = true;
        if (all[i].seen.result_type == NULL)
            continue;
        if (!has_failures) {
            json_key(o, S("failure-details"));
            json_array_begin(o);
        }
        has_failures = true;
        add_failure(o, &all[i]);
    }
    if (has_failures)
        json_array_end(o);
    json_object_end(o);
}

static void add_policy_object(struct json_out *o, const struct tlsrpt_seen *seen)
{
    json_key(o, S("policy"));
    json_object_begin(o);
    add_text(o, S("policy-type"), tlsrpt_policy_name(seen->policy));
    add_texts(o, S("policy-string"), &seen->policy_lines);
    add_text(o, S("policy-domain"), seen->policy_domain);
    add_texts(o, S("mx-host"), &seen->mx_patterns);
    json_object_end(o);
}

static void add_summary(
        struct json_out *o, const struct one *all, size_t count, const struct tlsrpt_seen *policy)
{
    uint64_t good = 0, bad = 0;
    for (size_t i = 0; i < count; i++)
        if (is_same_policy(&all[i].seen, policy))
            *(all[i].seen.result_type == NULL ? &good : &bad) += all[i].count;
    json_key(o, S("summary"));
    json_object_begin(o);
    json_put_u64(o, S("total-successful-session-count"), good);
    json_put_u64(o, S("total-failure-session-count"), bad);
    json_object_end(o);
}

static void add_failure(struct json_out *o, const struct one *one)
{
    const struct tlsrpt_seen *seen = &one->seen;
    json_object_begin(o);
    add_text(o, S("result-type"), str_from_c(seen->result_type));
    add_ip(o, S("sending-mta-ip"), &seen->sending_ip);
    add_text(o, S("receiving-mx-hostname"), seen->mx_host);
    add_text(o, S("receiving-mx-helo"), seen->mx_helo);
    add_ip(o, S("receiving-ip"), &seen->receiving_ip);
    json_put_u64(o, S("failed-session-count"), one->count);
    add_text(o, S("failure-reason-code"), seen->reason);
    json_object_end(o);
}

static void add_text(struct json_out *o, struct str key, struct str text)
{
    if (str_is_empty(text))
        return;
    json_put_str(o, key, text);
}

static void add_texts(struct json_out *o, struct str key, const struct strs *texts)
{
    if (texts->count == 0)
        return;
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < texts->count; i++)
        json_str(o, texts->at[i]);
    json_array_end(o);
}

static void add_ip(struct json_out *o, struct str key, const struct ip *ip)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 64);
    if (ip->family == IP_NONE)
        return;
    ip_add(&text, ip);
    add_text(o, key, buf_str(&text));
}

static bool is_same_policy(const struct tlsrpt_seen *a, const struct tlsrpt_seen *b)
{
    return a->policy == b->policy && str_eq(a->policy_domain, b->policy_domain) &&
           are_same(&a->policy_lines, &b->policy_lines) &&
           are_same(&a->mx_patterns, &b->mx_patterns);
}

static bool are_same(const struct strs *a, const struct strs *b)
{
    for (size_t i = 0; a->count == b->count && i < a->count; i++)
        if (!str_eq(a->at[i], b->at[i]))
            return false;
    return a->count == b->count;
}
