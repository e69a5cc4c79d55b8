// SPDX-License-Identifier: Apache-2.0
// server/mail_names.c: a worker's part of server/names.h. The first worker asks for the keys of the
// root, once when it begins and again after each change, and says what it found; the others find
// the same with their first question.
#include "server/names.h"

#include "rt/rt.h"
#include "server/mail.h"
#include "server/worker.h"

#include <stdatomic.h>

#define CHECK_MS (5 * SECOND_MS)
#define AGAIN_MS MINUTE_MS
#define ANSWER_BYTES_MAX (256 * KIB)

static struct err look_later(void *mail_worker) suspends;
static struct err look(struct mail_worker *m, struct arena *a, bool *out_heard) suspends;
static void note(struct mail_worker *m, enum names_state state);

struct err names_check(struct mail_worker *m)
{
    if (m->service.resolver == NULL)
        return OK;
    note(m, NAMES_UNKNOWN);
    if (m->names.validation != DNS_VALIDATE)
        return group_spawn(&m->tending, look_later, m);
    bool heard = false;
    {
        within_ms(CHECK_MS);
        struct err e = look(m, &m->arena, &heard);
        if (failed(e) && e.kind == ERR_CONFIG)
            return e;
    }
    return heard ? OK : group_spawn(&m->tending, look_later, m);
}

// Mail need not wait for it. Servers that cannot be reached are asked until they can.
static struct err look_later(void *arg)
{
    struct mail_worker *m = arg;
    struct arena a AUTO(arena_done);
    bool heard = false;
    arena_init(&a, ANSWER_BYTES_MAX);
    task_describe("asking for the keys of the root", m);
    for (;;) {
        struct err e = look(m, &a, &heard);
        if (failed(e) && e.kind == ERR_CONFIG)
            event(m->log, EV_DNS_VALIDATION_FAILED, F_ERR(reason, e));
        if (heard)
            return OK;
        TRY(task_sleep_ms(AGAIN_MS));
        arena_reset(&a);
    }
}

// Keys without a signature, of a zone that is signed: they were taken off on the way.
static struct err look(struct mail_worker *m, struct arena *a, bool *out_heard)
{
    struct dns_answer root;
    *out_heard = m->names.validation == DNS_VALIDATE_OFF;
    if (*out_heard) {
        note(m, NAMES_UNVALIDATED);
        return OK;
    }
    TRY(dns_ask(m->service.resolver, a, &(struct dns_question){.name = S("."), .type = DNS_DNSKEY},
            &root));
    *out_heard = !dns_is_temporary(root.outcome) || root.outcome == DNS_BOGUS;
    if (root.outcome == DNS_BOGUS)
        return fail_fmt(a, ERR_CONFIG,
                "resolver.dnssec = \"validate\" is impossible: the servers of the DNS take "
                "signatures off, or change them: %.*s",
                ARG(root.why));
    bool validates = resolver_figures(m->service.resolver).validating;
    if (m->names.validation == DNS_TRUST_AD)
        validates = root.dnssec == DNSSEC_SECURE;
    if (*out_heard)
        note(m, validates ? NAMES_VALIDATED : NAMES_UNVALIDATED);
    if (*out_heard && !validates)
        event(m->log, EV_DNS_VALIDATION_OFF);
    return OK;
}

static void note(struct mail_worker *m, enum names_state state)
{
    atomic_store(&m->shared->names, (uint32_t)state);
}

void names_change(struct mail_worker *m, struct str words)
{
    struct dns_settings *now = arena_make(&m->arena, struct dns_settings);
    if (m->service.resolver == NULL || now == NULL)
        return;
    *now = m->names;
    struct err e = names_order_read(&m->arena, words, now)
                           ? resolver_renew(m->service.resolver, &m->arena, now)
                           : fail(ERR_SYNTAX, "an order to ask others could not be read");
    if (failed(e)) {
        event(m->log, EV_DNS_SERVERS_UNUSABLE, F_ERR(reason, e));
        return;
    }
    m->names = *now;
    // Without memory for it nobody is told what the others can do; they are asked all the same.
    if (m->is_first)
        e = group_spawn(&m->tending, look_later, m);
}
