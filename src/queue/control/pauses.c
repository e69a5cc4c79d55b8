// SPDX-License-Identifier: Apache-2.0
// queue/control/pauses.c: see queue/control/pauses.h.
#include "queue/control/pauses.h"

#include "queue/control/statefile.h"

#define PAUSES_MAX 1000

// line = ( "paused" / "running" ) SP name SP moment [ SP reason ]
static bool read_line(struct str line, struct pause *out);
static bool is_no_blank(uint8_t c);

struct str pauses_path(struct arena *a, const struct conf *conf)
{
    return arena_join(a, conf_str(conf, S("global.state-dir")), S("/paused"));
}

struct err pauses_read(struct arena *a, struct str path, struct pauses *out)
{
    struct str text;
    TRY(statefile_read(a, path, STATEFILE_BYTES_MAX, &text));
    return statefile_blame(a, path, pauses_parse(a, text, out));
}

struct err pauses_parse(struct arena *a, struct str text, struct pauses *out)
{
    struct statefile_lines lines = statefile_lines_of(text);
    struct pauses all = {0};
    struct str line;
    while (statefile_line(&lines, &line)) {
        struct pause one;
        if (!read_line(line, &one))
            return fail_fmt(a, ERR_SYNTAX, "this is no line of it: \"%.*s\"", ARG(line));
        TRY(pauses_set(a, &all, &one));
    }
    *out = all;
    return OK;
}

static bool read_line(struct str line, struct pause *out)
{
    struct scan in = scan_over(line);
    uint64_t since;
    *out = (struct pause){.runs = scan_lit(&in, S("running "))};
    if (!out->runs && !scan_lit(&in, S("paused ")))
        return false;
    if (!scan_while(&in, is_no_blank, &out->queue) || !scan_byte(&in, ' ') ||
            !scan_u64(&in, INT64_MAX, &since) || (!scan_end(&in) && !scan_byte(&in, ' ')))
        return false;
    out->since_ms = (int64_t)since;
    out->reason = str_trim(scan_rest(&in));
    return true;
}

static bool is_no_blank(uint8_t c)
{
    return c > ' ' && c != 127;
}

struct err pauses_write(struct arena *a, struct str path, const struct pauses *pauses)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, STATEFILE_BYTES_MAX);
    each_in_vec (p, &pauses->all)
        buf_fmt(&text, "%s %.*s %lld%s%.*s\n", p->runs ? "running" : "paused", ARG(p->queue),
                (long long)p->since_ms, str_is_empty(p->reason) ? "" : " ", ARG(p->reason));
    return statefile_write(a, path, &text);
}

const struct pause *pauses_find(const struct pauses *pauses, struct str queue)
{
    each_in_vec (p, &pauses->all)
        if (str_eq(p->queue, queue))
            return p;
    return NULL;
}

bool pauses_stop(const struct pauses *pauses, const struct virtual_queue *q)
{
    const struct pause *all = pauses_find(pauses, PAUSES_ALL);
    const struct pause *own = pauses_find(pauses, q->id);
    if (all != NULL && !all->runs)
        return true;
    return own != NULL ? !own->runs : q->paused;
}

struct err pauses_set(struct arena *a, struct pauses *pauses, const struct pause *pause)
{
    pauses_forget(pauses, pause->queue);
    struct pause *one = pauses->all.count < PAUSES_MAX ? vec_add(a, &pauses->all) : NULL;
    if (one == NULL)
        return fail(ERR_LIMIT, "too many virtual queues are paused");
    *one = *pause;
    return OK;
}

void pauses_forget(struct pauses *pauses, struct str queue)
{
    size_t kept = 0;
    for (size_t i = 0; i < pauses->all.count; i++)
        if (!str_eq(pauses->all.at[i].queue, queue))
            pauses->all.at[kept++] = pauses->all.at[i];
    pauses->all.count = kept;
}
