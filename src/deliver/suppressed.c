// SPDX-License-Identifier: Apache-2.0
// deliver/suppressed.c: the suppression list (queue/control/suppress.h) around an attempt. Before
// it, who is on the list is given up: he came onto it after the message was queued, or did not come
// by RCPT. After it, what came back for good is noted, and so is what was taken where bounces were
// counted. It is about mail that leaves: mailboxes of ours are known to the directory.
#include "deliver/job.h"

#include "deliver/reply/classify.h"
#include "queue/control/suppress.h"

#define SCRATCH_BYTES_MAX (256 * KIB)

static bool look_at(struct job *j, size_t place, struct arena *scratch) suspends;
static void give_up(struct job *j, size_t place, const struct suppress_entry *entry);

void suppressed_leave(
        struct job *j, const struct route *route, struct carried *rcpts, size_t *count)
{
    struct arena scratch AUTO(arena_done) = {0};
    size_t left = 0;
    if (j->d->in.suppressed == NULL || route->type == ROUTE_LOCAL || j->probe != NULL)
        return;
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    for (size_t i = 0; i < *count; i++) {
        arena_reset(&scratch);
        if (!look_at(j, rcpts[i].place, &scratch))
            rcpts[left++] = rcpts[i];
    }
    *count = left;
}

// True: he is on the list.
static bool look_at(struct job *j, size_t place, struct arena *scratch)
{
    struct suppress_service *list = j->d->in.suppressed;
    struct tried *t = &j->tried[place];
    struct suppress_entry entry;
    struct queue_env env = {.message = &j->m,
            .unit = j->u,
            .rcpt = &j->u->rcpts[place],
            .wall_now_ms = j->wall_now_ms,
            .outside = &j->outside};
    struct str address;
    bool applies = suppress_applies(list, &env, scratch);
    // Who refuses reports of delivery, as he never sent what they are about, is no bad address.
    t->is_watched = applies && !str_is_empty(j->m.sender);
    if (!applies || failed(suppress_address(scratch, env.rcpt->address, &address)))
        return false;
    bool holds = suppress_has(list, scratch, address, &entry);
    t->was_counted = !holds && entry.bounces > 0;
    if (holds)
        give_up(j, place, &entry);
    return holds;
}

// The class is not that of the bounce that was: nothing came back now.
static void give_up(struct job *j, size_t place, const struct suppress_entry *entry)
{
    bool drops = suppress_service_settings(j->d->in.suppressed)->action == SUPPRESS_DISCARD;
    bool has_text = entry->text.len > 0;
    struct client_answer why =
            answer_permanent(CLIENT_RCPT, FAILURE_IO, j->d->in.settings->host, S("5.1.1"),
                    arena_fmt(&j->arena, "Recipient is on the suppression list%s%.*s",
                            has_text ? ": " : ".", ARG(entry->text)));
    why.outcome.bounce_class = bounce_class_word(BOUNCE_ADMIN);
    j->tried[place].is_watched = false;
    j->tried[place].is_silent = drops;
    job_settle(j, place, &why);
    event_in(&j->span, EV_DELIVERY_SUPPRESSED, F_STR(to, j->u->rcpts[place].address),
            F_STR(reason, suppress_reason_word(entry->reason)),
            F_STR(bounceClass, entry->bounce_class), F_STR(details, entry->text));
}

void suppressed_note(const struct job *j, size_t place)
{
    const struct recipient *r = &j->u->rcpts[place];
    const struct tried *t = &j->tried[place];
    bool is_good = r->status == RCPT_COMPLETED;
    enum bounce_class class = BOUNCE_OTHER;
    if (!t->is_watched || (is_good && !t->was_counted))
        return;
    if (!is_good &&
            (!bounce_class_named(r->last.bounce_class, &class) || !bounce_class_is_hard(class)))
        return;
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, SCRATCH_BYTES_MAX);
    struct suppress_bounce bounce = {.bounce_class = r->last.bounce_class,
            .text = r->last.text,
            .by = arena_fmt(&scratch, "message %016llx", (unsigned long long)j->m.id),
            .at_ms = wall_ms(),
            .is_good = is_good};
    if (!failed(suppress_address(&scratch, r->address, &bounce.address)))
        suppress_note(j->d->in.suppressed, &bounce);
}
