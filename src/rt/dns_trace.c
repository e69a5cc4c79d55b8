// SPDX-License-Identifier: Apache-2.0
// rt/dns_trace.c: see dns_trace.h.
#include "rt/dns_trace.h"

#include "rt/dns_resolver.h"

#define RECORD_BYTES_MAX (64 * KIB)

static bool add(struct dns_trace *t, const struct dns_answer *answer);
static struct str record_text(struct arena *a, const struct dns_answer *answer, size_t i);

void resolver_trace(struct resolver *r, struct dns_trace *trace)
{
    r->trace = trace;
}

void dns_trace_note(struct dns_trace *t, const struct dns_answer *answer)
{
    if (t->all.count >= DNS_TRACED_MAX || !add(t, answer))
        t->missed++;
}

static bool add(struct dns_trace *t, const struct dns_answer *answer)
{
    struct dns_traced traced = {.name = arena_str(t->arena, answer->name),
            .type = answer->type,
            .outcome = answer->outcome,
            .count = answer->count};
    struct str *records = arena_array(t->arena, answer->count + 1, struct str);
    if (records == NULL || str_is_null(traced.name))
        return false;
    for (size_t i = 0; i < answer->count; i++) {
        records[i] = record_text(t->arena, answer, i);
        if (str_is_null(records[i]))
            return false;
    }
    struct dns_traced *slot = vec_add(t->arena, &t->all);
    if (slot == NULL)
        return false;
    traced.records = records;
    *slot = traced;
    return true;
}

static struct str record_text(struct arena *a, const struct dns_answer *answer, size_t i)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, RECORD_BYTES_MAX);
    dns_record_add(&text, answer->type, answer->records[i].rdata);
    return arena_str(a, buf_str(&text));
}
