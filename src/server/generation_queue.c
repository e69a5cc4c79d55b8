// SPDX-License-Identifier: Apache-2.0
// server/generation_queue.c: who changes the queue with a tool (`posthaste queue ...`) does so
// beside the workers. Before it, they settle: the tool reads LMDB, and what a worker has only in
// its journal would be lost, or win over the tool (docs/queue-store.md). They also say what they
// are delivering at that moment, for nobody can stop that. After it, they look.
#include "server/supervisor.h"

#include "base/id.h"

#define SETTLE_WAIT_MS (5 * SECOND_MS)
#define LINE_BYTES_MAX 40

struct carried {
    uint64_t number; // of the request
    uint64_t id;     // of a message
};

static bool wait_for_all(struct supervisor *sup, uint64_t number) suspends;
static void give_carried(struct supervisor *sup, uint64_t number, struct buf *out);
static void hear_carried(struct supervisor *sup, struct scan *in);
static bool all_have_answered(const struct supervisor *sup, uint64_t number, bool *out_well);

void queue_look(struct supervisor *sup)
{
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        generation_tell(g, S("look\n"));
}

bool queue_settle(struct supervisor *sup, struct buf *out_carried)
{
    struct buf line AUTO(buf_done);
    uint64_t number = ++sup->settles;
    buf_init(&line, LINE_BYTES_MAX);
    buf_fmt(&line, "settle %llu\n", (unsigned long long)number);
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        for (size_t i = 0; i < g->worker_count; i++)
            if (g->slots[i].ready) {
                g->slots[i].settle_asked = number;
                slot_tell(&g->slots[i], buf_str(&line));
            }
    sup->settlers++;
    bool well = wait_for_all(sup, number);
    give_carried(sup, number, out_carried);
    if (--sup->settlers == 0)
        buf_clear(&sup->carried);
    return well;
}

static bool wait_for_all(struct supervisor *sup, uint64_t number)
{
    bool well = true;
    within_ms(SETTLE_WAIT_MS);
    while (!all_have_answered(sup, number, &well))
        if (failed(waitq_wait(&sup->settled, "the workers to settle")))
            return false;
    return well;
}

// A worker answers several requests at once, with the number of the last.
static void give_carried(struct supervisor *sup, uint64_t number, struct buf *out)
{
    for (size_t at = 0; at < sup->carried.len; at += sizeof(struct carried)) {
        struct carried c;
        memcpy(&c, sup->carried.ptr + at, sizeof(c));
        if (c.number < number)
            continue;
        id_add(out, c.id);
        buf_add_byte(out, '\n');
    }
}

void queue_hear(struct supervisor *sup, struct slot *s, struct str line)
{
    struct scan in = scan_over(line);
    if (scan_lit(&in, S("carries "))) {
        hear_carried(sup, &in);
        return;
    }
    bool could = scan_lit(&in, S("settled "));
    uint64_t number;
    if (!could && !scan_lit(&in, S("unsettled ")))
        return;
    if (!scan_u64(&in, UINT64_MAX, &number))
        return;
    s->settled = number;
    s->unsettled = !could;
    waitq_wake_all(&sup->settled);
}

// carries = "carries " number SP id        before "settled", one for each
static void hear_carried(struct supervisor *sup, struct scan *in)
{
    struct carried c;
    if (sup->settlers > 0 && scan_u64(in, UINT64_MAX, &c.number) && scan_byte(in, ' ') &&
            scan_hex_u64(in, 16, &c.id))
        buf_add(&sup->carried, str_of((const char *)&c, sizeof(c)));
}

// One that became ready later has opened the store since, and one that is gone will not answer:
// what it had is moved by who opens the store next.
static bool all_have_answered(const struct supervisor *sup, uint64_t number, bool *out_well)
{
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        for (size_t i = 0; i < g->worker_count; i++) {
            const struct slot *s = &g->slots[i];
            if (!s->ready || s->settle_asked < number)
                continue;
            if (s->settled < number)
                return false;
            *out_well &= !s->unsettled;
        }
    return true;
}
