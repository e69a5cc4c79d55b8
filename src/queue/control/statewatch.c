// SPDX-License-Identifier: Apache-2.0
// queue/control/statewatch.c: see queue/control/statewatch.h.
#include "queue/control/statewatch.h"

#include "events/event.h"

void statewatch_init(struct statewatch *w, struct str path, size_t bytes_max)
{
    *w = (struct statewatch){.path = path};
    for (size_t i = 0; i < COUNT_OF(w->arenas); i++)
        arena_init(&w->arenas[i], bytes_max);
}

void statewatch_done(struct statewatch *w)
{
    for (size_t i = 0; i < COUNT_OF(w->arenas); i++)
        arena_done(&w->arenas[i]);
}

// Asked before it is read: should another one come in between, the next look finds that one. What
// cannot be asked for is found wanting by whoever reads it.
struct arena *statewatch_changed(struct statewatch *w)
{
    struct arena *a = &w->arenas[!w->turn];
    if (str_is_null(w->path))
        return NULL;
    arena_reset(a);
    w->next = (struct file_info){0};
    struct err e = file_stat(a, w->path, &w->next);
    bool is_known = e.kind == ERR_NOT_FOUND || !failed(e);
    return is_known && !w->is_bad && file_is_same(&w->next, &w->taken) ? NULL : a;
}

bool statewatch_take(struct statewatch *w, struct event_log *log, struct err e)
{
    if (failed(e) && !w->is_bad)
        event(log, EV_STORE_ERROR, F_STR(path, w->path), F_ERR(reason, e));
    w->is_bad = failed(e);
    if (failed(e))
        return false;
    w->taken = w->next;
    w->turn = !w->turn;
    return true;
}
