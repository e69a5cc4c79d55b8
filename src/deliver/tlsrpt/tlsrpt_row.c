// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_row.c: an observation as bytes (base/fields.h). Equal observations are
// equal bytes, so that they are counted as one, in memory and on disk.
#include "deliver/tlsrpt/tlsrpt_row.h"

#include "base/fields.h"

enum {
    TAG_POLICY = 1,
    TAG_POLICY_DOMAIN = 2,
    TAG_LINE = 3,
    TAG_PATTERN = 4,
    TAG_RESULT = 5,
    TAG_SENDING = 6,
    TAG_RECEIVING = 7,
    TAG_HOST = 8,
    TAG_HELO = 9,
    TAG_REASON = 10,
};

// RFC 8460 4.3, and the texts by which results are told apart.
static const char *const result_types[] = {
        "starttls-not-supported",
        "certificate-host-mismatch",
        "certificate-expired",
        "certificate-not-trusted",
        "validation-failure",
        "tlsa-invalid",
        "dnssec-invalid",
        "dane-required",
        "sts-policy-fetch-error",
        "sts-policy-invalid",
        "sts-webpki-invalid",
};

static void add_details(struct fields_out *out, const struct tlsrpt_seen *seen);
static void add_ip(struct fields_out *out, uint32_t tag, const struct ip *ip);
static struct err take(struct arena *a, const struct field *f, struct tlsrpt_seen *seen,
        struct tlsrpt_lists *lists) MUST_USE;
static struct err take_one(struct arena *a, struct tlsrpt_list *list, struct str one) MUST_USE;
static const char *result_type_named(struct str name);

void tlsrpt_row_add(struct buf *row, const struct tlsrpt_seen *seen)
{
    struct fields_out out = fields_begin(row);
    field_u64(&out, TAG_POLICY, seen->policy);
    field_str(&out, TAG_POLICY_DOMAIN, seen->policy_domain);
    for (size_t i = 0; i < seen->policy_lines.count; i++)
        field_str(&out, TAG_LINE, seen->policy_lines.at[i]);
    for (size_t i = 0; i < seen->mx_patterns.count; i++)
        field_str(&out, TAG_PATTERN, seen->mx_patterns.at[i]);
    if (seen->result_type != NULL)
        add_details(&out, seen);
    fields_end(&out);
}

static void add_details(struct fields_out *out, const struct tlsrpt_seen *seen)
{
    field_str(out, TAG_RESULT, str_from_c(seen->result_type));
    add_ip(out, TAG_SENDING, &seen->sending_ip);
    add_ip(out, TAG_RECEIVING, &seen->receiving_ip);
    field_str(out, TAG_HOST, seen->mx_host);
    field_str(out, TAG_HELO, seen->mx_helo);
    field_str(out, TAG_REASON, str_upto(seen->reason, TLSRPT_REASON_BYTES_MAX));
}

static void add_ip(struct fields_out *out, uint32_t tag, const struct ip *ip)
{
    if (ip->family != IP_NONE)
        field_ip(out, tag, ip);
}

struct err tlsrpt_row_read(struct arena *a, struct str row, struct tlsrpt_seen *out)
{
    struct tlsrpt_seen seen = {0};
    struct tlsrpt_lists lists = {0};
    struct fields_in in;
    TRY(fields_open(row, &in));
    for (struct field f; field_next(&in, &f);)
        TRY(take(a, &f, &seen, &lists));
    if (in.broken)
        return fail(ERR_SYNTAX, "a row of a report is damaged");
    seen.policy_lines = (struct strs){lists.lines.at, lists.lines.count};
    seen.mx_patterns = (struct strs){lists.patterns.at, lists.patterns.count};
    *out = seen;
    return OK;
}

static struct err take(struct arena *a, const struct field *f, struct tlsrpt_seen *seen,
        struct tlsrpt_lists *lists)
{
    bool fine = true;
    if (f->tag == TAG_POLICY)
        seen->policy = f->number <= TLSRPT_TLSA ? (enum tlsrpt_policy)f->number : TLSRPT_NO_POLICY;
    else if (f->tag == TAG_POLICY_DOMAIN)
        seen->policy_domain = f->bytes;
    else if (f->tag == TAG_LINE)
        return take_one(a, &lists->lines, f->bytes);
    else if (f->tag == TAG_PATTERN)
        return take_one(a, &lists->patterns, f->bytes);
    else if (f->tag == TAG_RESULT)
        seen->result_type = result_type_named(f->bytes);
    else if (f->tag == TAG_SENDING)
        fine = field_to_ip(f, &seen->sending_ip);
    else if (f->tag == TAG_RECEIVING)
        fine = field_to_ip(f, &seen->receiving_ip);
    else if (f->tag == TAG_HOST)
        seen->mx_host = f->bytes;
    else if (f->tag == TAG_HELO)
        seen->mx_helo = f->bytes;
    else if (f->tag == TAG_REASON)
        seen->reason = f->bytes;
    return fine ? OK : fail(ERR_SYNTAX, "a row of a report is damaged");
}

static struct err take_one(struct arena *a, struct tlsrpt_list *list, struct str one)
{
    struct str *added = vec_add(a, list);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory for a row of a report");
    *added = one;
    return OK;
}

// One that this version does not know is a failure all the same.
static const char *result_type_named(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(result_types); i++)
        if (str_eq(name, str_from_c(result_types[i])))
            return result_types[i];
    return "validation-failure";
}

struct str tlsrpt_policy_name(enum tlsrpt_policy policy)
{
    switch (policy) {
    case TLSRPT_NO_POLICY:
        return S("no-policy-found");
    case TLSRPT_STS:
        return S("sts");
    case TLSRPT_TLSA:
        return S("tlsa");
    }
    return S("");
}
