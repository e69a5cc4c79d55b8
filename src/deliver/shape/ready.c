// SPDX-License-Identifier: Apache-2.0
// deliver/shape/ready.c: see deliver/shape/ready.h.
#include "deliver/shape/ready.h"

static bool goes_before(const struct ready *a, const struct ready *b, int64_t wall_now_ms);
static bool was_due_before(const struct ready *a, const struct ready *b);
static struct ready *item_of(struct link *k);

void ready_line_init(struct ready_line *line)
{
    for (size_t i = 0; i < READY_PRIORITIES; i++)
        list_init(&line->of[i]);
}

// Mostly they come in the order in which they were due, so its place is looked for from the end.
void ready_line_add(struct ready_line *line, struct ready *r)
{
    assert(r->priority >= -UNIT_PRIORITY_MOST && r->priority <= UNIT_PRIORITY_MOST);
    struct list *list = &line->of[r->priority + UNIT_PRIORITY_MOST];
    struct link *where = &list->head;
    while (where->prev != &list->head && was_due_before(r, item_of(where->prev)))
        where = where->prev;
    link_insert_before(where, &r->in_line);
}

void ready_line_remove(struct ready *r)
{
    link_remove(&r->in_line);
}

struct ready *ready_line_first(const struct ready_line *line, int64_t wall_now_ms)
{
    struct ready *first = NULL;
    for (size_t i = 0; i < READY_PRIORITIES; i++) {
        struct ready *r = list_is_empty(&line->of[i]) ? NULL : item_of(list_first(&line->of[i]));
        if (r != NULL && (first == NULL || goes_before(r, first, wall_now_ms)))
            first = r;
    }
    return first;
}

struct ready *ready_line_last(const struct ready_line *line, int64_t wall_now_ms)
{
    struct ready *last = NULL;
    for (size_t i = 0; i < READY_PRIORITIES; i++) {
        struct ready *r = list_is_empty(&line->of[i]) ? NULL : item_of(line->of[i].head.prev);
        if (r != NULL && (last == NULL || goes_before(last, r, wall_now_ms)))
            last = r;
    }
    return last;
}

int ready_urgency(int priority, int64_t due_ms, int64_t wall_now_ms)
{
    int64_t grown = wall_now_ms > due_ms ? (wall_now_ms - due_ms) / READY_GROWS_EACH_MS : 0;
    return priority + (grown < READY_GROWS_MOST ? (int)grown : READY_GROWS_MOST);
}

static bool goes_before(const struct ready *a, const struct ready *b, int64_t wall_now_ms)
{
    int of_a = ready_urgency(a->priority, a->due_ms, wall_now_ms);
    int of_b = ready_urgency(b->priority, b->due_ms, wall_now_ms);
    return of_a != of_b ? of_a > of_b : was_due_before(a, b);
}

static bool was_due_before(const struct ready *a, const struct ready *b)
{
    if (a->due_ms != b->due_ms)
        return a->due_ms < b->due_ms;
    return a->id != b->id ? a->id < b->id : a->number < b->number;
}

static struct ready *item_of(struct link *k)
{
    return CONTAINER_OF(k, struct ready, in_line);
}
