// SPDX-License-Identifier: Apache-2.0
// queue/control/pauses.c: see queue/control/pauses.h.
#include "queue/control/pauses.h"

#include "base/json_lines.h"
#include "queue/control/statefile.h"

#define PAUSES_MAX 1000

static struct err read_one(const struct json *o, struct pause *out) MUST_USE;

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
    struct json_lines lines = json_lines_of(text);
    struct pauses all = {0};
    const struct json *o;
    while (json_lines_next(&lines, a, &o)) {
        struct pause one;
        TRY(json_lines_blame(&lines, a, read_one(o, &one)));
        TRY(pauses_set(a, &all, &one));
    }
    TRY(lines.error);
    *out = all;
    return OK;
}

static struct err read_one(const struct json *o, struct pause *out)
{
    const struct json *paused = json_member(o, S("paused"));
    *out = (struct pause){.queue = json_string(json_member(o, S("queue")), S("")),
            .reason = json_string(json_member(o, S("reason")), S("")),
            .runs = paused != NULL && paused->type == JSON_FALSE};
    if (str_is_empty(out->queue) || !json_is_bool(paused) ||
            !json_to_i64(json_member(o, S("since")), &out->since_ms) || out->since_ms < 0)
        return fail(ERR_SYNTAX, "it has \"queue\", \"paused\" and \"since\"");
    return OK;
}

struct err pauses_write(struct arena *a, struct str path, const struct pauses *pauses)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, STATEFILE_BYTES_MAX);
    each_in_vec (p, &pauses->all) {
        struct json_out o = json_begin(&text, JSON_COMPACT);
        json_object_begin(&o);
        json_put_str(&o, S("queue"), p->queue);
        json_put_bool(&o, S("paused"), !p->runs);
        json_put_i64(&o, S("since"), p->since_ms);
        json_put_str(&o, S("reason"), p->reason);
        json_object_end(&o);
        buf_add_byte(&text, '\n');
    }
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
