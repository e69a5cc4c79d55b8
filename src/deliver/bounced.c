// SPDX-License-Identifier: Apache-2.0
// deliver/bounced.c: what follows from the class of a failure (outbound.md 28.5), once it is
// written down.
#include "deliver/classify.h"
#include "deliver/job.h"

struct str job_bounce_class(const struct job *j, size_t place)
{
    const struct deliver_inputs *in = &j->d->in;
    const struct recipient *r = &j->u->rcpts[place];
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, 64 * KIB);
    enum bounce_class class = bounce_class_of_rcpt(in->settings->bounces, &scratch, r);
    if (r->status == RCPT_PERM_FAILED)
        metric_add(in->metrics, METRIC_QUEUE_BOUNCED, LABELS(class), 1);
    return bounce_class_word(class);
}
