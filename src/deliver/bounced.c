// SPDX-License-Identifier: Apache-2.0
// deliver/bounced.c: each failure gets its class (outbound.md 28.5), which is written down with it,
// and what follows from it once it is written down.
#include "deliver/classify.h"
#include "deliver/job.h"

#define SCRATCH_BYTES_MAX (64 * KIB)

static enum bounce_class class_of(const struct job *j, size_t place);

void job_classify(struct job *j)
{
    for (size_t i = 0; i < j->u->rcpt_count; i++) {
        struct recipient *r = &j->u->rcpts[i];
        bool is_new = j->tried[i].is_settled || (j->look.of_rcpt[i] & LOOK_EXPIRED) != 0;
        bool has_failed = r->status == RCPT_TEMP_FAILED || r->status == RCPT_PERM_FAILED;
        if (is_new && has_failed)
            r->last.bounce_class = bounce_class_word(class_of(j, i));
    }
}

// Who is given up without having been refused has had his time.
static enum bounce_class class_of(const struct job *j, size_t place)
{
    const struct recipient *r = &j->u->rcpts[place];
    const struct tried *t = &j->tried[place];
    struct arena scratch AUTO(arena_done);
    bool refused = t->is_settled && t->verdict.verdict == VERDICT_PERMANENT;
    if (r->status == RCPT_PERM_FAILED && !refused)
        return BOUNCE_EXPIRED;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    return bounce_class_of(j->d->in.settings->bounces, &scratch, &r->last);
}

void job_bounced(const struct job *j, size_t place)
{
    enum bounce_class class = BOUNCE_OTHER;
    (void)bounce_class_named(j->u->rcpts[place].last.bounce_class, &class);
    metric_add(j->d->in.metrics, METRIC_QUEUE_BOUNCED, LABELS(class), 1);
}
