// SPDX-License-Identifier: Apache-2.0
// deliver/bounced.c: each failure gets its class (outbound.md 28.5), which is written down with it,
// and what follows from it once it is written down.
#include "base/hash.h"
#include "deliver/job.h"
#include "deliver/reply/classify.h"

#define SCRATCH_BYTES_MAX (64 * KIB)
#define KEY_BYTES_MAX (4 * KIB)

static enum bounce_class class_of(const struct job *j, size_t place);
static enum bounce_class ask(struct deliverer *d, const struct outcome *o);
static uint64_t key_of(struct bounces_known *known, const struct outcome *o);

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
    bool refused = t->is_settled && t->verdict.verdict == VERDICT_PERMANENT;
    if (r->status == RCPT_PERM_FAILED && !refused)
        return BOUNCE_EXPIRED;
    return ask(j->d, &r->last);
}

static enum bounce_class ask(struct deliverer *d, const struct outcome *o)
{
    struct arena scratch AUTO(arena_done);
    uint64_t key = key_of(&d->bounces, o);
    size_t place = key % COUNT_OF(d->bounces.at);
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    if (key != 0 && d->bounces.at[place].key == key)
        return (enum bounce_class)d->bounces.at[place].class;
    enum bounce_class class = bounce_class_of(d->in.settings->bounces, &scratch, o);
    d->bounces.at[place].key = key;
    d->bounces.at[place].class = (uint8_t) class;
    return class;
}

// Of all that the rules look at, with a byte between that none of it has. 0: too long.
static uint64_t key_of(struct bounces_known *known, const struct outcome *o)
{
    struct buf all AUTO(buf_done);
    if (known->seed == 0)
        known->seed = random_u64();
    buf_init(&all, KEY_BYTES_MAX);
    buf_fmt(&all, "%d %u\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s\n%.*s", (int)o->kind, o->code, ARG(o->host),
            ARG(o->entity), ARG(o->command), ARG(o->enhanced), ARG(o->bounce_class), ARG(o->text));
    return all.overflow ? 0 : hash_sip24(known->seed, known->seed, buf_str(&all));
}

void job_bounced(const struct job *j, size_t place)
{
    enum bounce_class class = BOUNCE_OTHER;
    (void)bounce_class_named(j->u->rcpts[place].last.bounce_class, &class);
    metric_add(j->d->in.metrics, METRIC_QUEUE_BOUNCED, LABELS(class), 1);
}
