// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_server.c: see queue_server.h.
#include "cli/queue/queue_server.h"

#include "server/control.h"

#define SETTLE_WAIT_MS (8 * SECOND_MS) // the server gives its workers less
#define LOOK_WAIT_MS (2 * SECOND_MS)
#define ANSWER_BYTES_MAX (64 * KIB)

static bool ask(struct queue_work *w, struct str request, int64_t wait_ms, struct buf *text,
        int *out_status) suspends;

void queue_server_settle(struct queue_work *w)
{
    int status = CLI_OK;
    struct buf text AUTO(buf_done);
    buf_init(&text, ANSWER_BYTES_MAX);
    bool answered = w->without_server || ask(w, S("settle"), SETTLE_WAIT_MS, &text, &status);
    if (text.len > 0 || w->carried.len > 0)
        w->carried = arena_str(&w->c->arena, buf_str(&text));
    if ((answered && status == CLI_OK) || w->told_unsettled)
        return;
    w->told_unsettled = true;
    fprintf(w->c->err, "note: the running server did not write down in time what it is doing; "
                       "where it does something with the same message, that may win\n");
}

bool queue_server_carries(const struct queue_work *w, uint64_t id)
{
    struct str left = w->carried, line;
    while (str_split(&left, '\n', &line)) {
        uint64_t each;
        if (queue_id_parse(line, &each) && each == id)
            return true;
    }
    return false;
}

void queue_server_look(struct queue_work *w)
{
    int status;
    struct buf text AUTO(buf_done);
    buf_init(&text, ANSWER_BYTES_MAX);
    if (!w->without_server)
        (void)ask(w, S("look"), LOOK_WAIT_MS, &text, &status);
}

// False: there is a server, and it does not answer as it should.
static bool ask(struct queue_work *w, struct str request, int64_t wait_ms, struct buf *text,
        int *out_status)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, ANSWER_BYTES_MAX);
    struct err e =
            control_ask_here(&a, control_path(&a, w->conf), request, wait_ms, text, out_status);
    w->without_server |= e.kind == ERR_NOT_FOUND || e.kind == ERR_UNREACHABLE;
    return w->without_server || !failed(e);
}
