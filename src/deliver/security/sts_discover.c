// SPDX-License-Identifier: Apache-2.0
// deliver/security/sts_discover.c: does a domain say in the DNS that it has a policy (outbound.md
// 16.1)?
#include "deliver/security/sts_cache.h"

static void judge_records(
        const struct dns_txt_answer *txt, struct arena *a, struct sts_discovery *out);

struct err sts_discover(const struct sts_inputs *in, struct arena *a, struct str domain,
        int64_t ends_ms, struct sts_discovery *out)
{
    struct sts_discovery d = {.found = STS_RECORD_ABSENT};
    struct dns_txt_answer txt;
    struct str name = arena_join(a, S("_mta-sts."), domain);
    struct err e;
    if (str_is_null(name))
        return fail(ERR_LIMIT, "no memory for a name");
    {
        within_ms(sts_left_ms(ends_ms));
        e = dns_txt(in->resolver, a, name, &txt);
    }
    bool is_late = e.kind == ERR_TIMEOUT && deadline_left_ms() > 0; // by our time, not the caller's
    if (failed(e) && !is_late && e.kind != ERR_SYNTAX)
        return e;
    if (is_late || (!failed(e) && dns_is_temporary(txt.answer.outcome))) {
        d.found = STS_RECORD_UNKNOWN;
        d.why = arena_fmt(a, "%.*s TXT: %.*s", ARG(name),
                ARG(is_late ? err_text(e) : dns_outcome_name(txt.answer.outcome)));
    } else if (failed(e) || txt.count == 0) {
        d.why = arena_fmt(a, "%.*s has no TXT record", ARG(name)); // or can be no name at all
    } else {
        judge_records(&txt, a, &d);
    }
    *out = d;
    return OK;
}

// RFC 8461 3.1: others may stand there, but only one of ours.
static void judge_records(
        const struct dns_txt_answer *txt, struct arena *a, struct sts_discovery *out)
{
    const struct dns_txt *one = NULL;
    size_t count = 0;
    struct sts_record record;
    for (size_t i = 0; i < txt->count; i++) {
        if (sts_record_begins(txt->at[i].joined)) {
            one = &txt->at[i];
            count++;
        }
    }
    if (count == 0) {
        out->why = S("no TXT record begins with v=STSv1");
        return;
    }
    struct err e = count > 1 ? fail(ERR_SYNTAX, "there is more than one record of MTA-STS")
                             : sts_record_parse(a, one->joined, &record);
    out->found = failed(e) ? STS_RECORD_BAD : STS_RECORD_FOUND;
    out->why = err_text(e);
    out->id = failed(e) ? STR_NULL : record.id;
}
