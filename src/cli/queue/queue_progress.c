// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_progress.c: see queue_progress.h.
#include "cli/queue/queue_progress.h"

#include "rt/clock.h"
#include "rt/terminal.h"

#define STEP_MS 200
#define LINE_WIDTH 60

struct progress progress_begin(struct cli *c, const char *doing)
{
    return (struct progress){
            .c = c, .doing = doing, .shows = !c->json && terminal_is(fileno(c->err))};
}

void progress_step(struct progress *p, uint64_t done, uint64_t of)
{
    if (!p->shows || now_ms() < p->next_at_ms)
        return;
    p->next_at_ms = now_ms() + STEP_MS;
    if (of > 0)
        fprintf(p->c->err, "\r%s %llu of %llu message(s)", p->doing, (unsigned long long)done,
                (unsigned long long)of);
    else
        fprintf(p->c->err, "\r%s %llu message(s)", p->doing, (unsigned long long)done);
    fflush(p->c->err);
}

void progress_end(struct progress *p)
{
    if (p->shows && p->next_at_ms > 0)
        fprintf(p->c->err, "\r%*s\r", LINE_WIDTH, "");
    p->shows = false;
}
