// SPDX-License-Identifier: Apache-2.0
// server/status.c: how the server is: for `posthaste server status`, for the service manager, and
// for probes that ask the supervisor.
#include "server/supervisor.h"

#include "base/date.h"
#include "base/json.h"
#include "queue/control/pauses.h"
#include "server/names.h"

#include <stdatomic.h>

#define PAUSES_BYTES_MAX (4 * MIB)

static void write_text(struct supervisor *sup, struct buf *out, struct str waiting);
static void write_json(struct supervisor *sup, struct buf *out, struct str waiting);
static void write_dane_json(const struct supervisor *sup, struct json_out *o);
static void write_worker_json(struct json_out *o, const struct slot *s);
static size_t ready_workers(const struct supervisor *sup);
static struct pauses read_pauses(const struct supervisor *sup, struct arena *a);
static void write_pauses(const struct supervisor *sup, struct buf *out);
static void write_pauses_json(const struct supervisor *sup, struct json_out *o);

static const char *state_of(const struct supervisor *sup, struct str waiting)
{
    if (sup->stop_count > 0)
        return "stopping";
    if (sup->replaced)
        return "replaced";
    return str_is_empty(waiting) ? "serving" : "degraded";
}

void status_write(struct supervisor *sup, enum status_form form, struct buf *out)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 16 * KIB);
    struct str waiting = sockets_waiting(sup->sockets, &a);
    if (form == STATUS_JSON)
        write_json(sup, out, waiting);
    else
        write_text(sup, out, waiting);
}

bool status_ready(struct supervisor *sup, struct buf *out)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 16 * KIB);
    struct str waiting = sockets_waiting(sup->sockets, &a);
    bool ready = str_is_empty(waiting) && sup->stop_count == 0 && !sup->replaced &&
                 ready_workers(sup) > 0;
    if (!ready)
        buf_fmt(out, "%s%s%.*s\n", state_of(sup, waiting), str_is_empty(waiting) ? "" : ": ",
                ARG(waiting));
    return ready;
}

// One line, for STATUS= of the service manager.
void status_tell(struct supervisor *sup)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, 16 * KIB);
    struct str waiting = sockets_waiting(sup->sockets, &a);
    if (!str_is_empty(waiting))
        service_tell(&sup->service, "STATUS=degraded: %.*s", ARG(waiting));
    else if (sup->reload_failed)
        service_tell(&sup->service, "STATUS=reload failed: %zu errors; generation %llu goes on",
                sup->reload_errors, (unsigned long long)sup->generation_number);
    else
        service_tell(&sup->service, "STATUS=serving: %zu listeners, %zu workers, generation %llu",
                sup->current->plan->listener_count, ready_workers(sup),
                (unsigned long long)sup->generation_number);
}

static size_t ready_workers(const struct supervisor *sup)
{
    return sup->current == NULL ? 0 : sup->current->ready_count;
}

static void write_text(struct supervisor *sup, struct buf *out, struct str waiting)
{
    uint64_t open = shared_count_total(&sup->shared->listen.connections);
    buf_fmt(out, "posthaste " POSTHASTE_VERSION ", process %d: %s", (int)process_id(),
            state_of(sup, waiting));
    if (!str_is_empty(waiting))
        buf_fmt(out, ": %.*s", ARG(waiting));
    buf_fmt(out, "\ngeneration %llu since %lld s, started %lld s ago, %zu of %zu workers ready\n",
            (unsigned long long)sup->generation_number,
            (long long)(now_ms() - sup->generation_since_ms) / SECOND_MS,
            (long long)(now_ms() - sup->started_ms) / SECOND_MS, ready_workers(sup),
            sup->current == NULL ? 0 : sup->current->worker_count);
    buf_fmt(out, "%llu connections are open\n", (unsigned long long)open);
    if (atomic_load(&sup->shared->names) == NAMES_UNVALIDATED)
        buf_fmt(out, "answers of the DNS are not validated, so there is no DANE\n");
    write_pauses(sup, out);
    if (sup->reload_failed)
        buf_fmt(out, "the last reload failed:\n%.*s", ARG(buf_str(&sup->report)));
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        if (g != sup->current)
            buf_fmt(out, "a former generation of %zu workers finishes its sessions\n",
                    g->worker_count);
}

static void write_json(struct supervisor *sup, struct buf *out, struct str waiting)
{
    struct json_out o = json_begin(out, JSON_COMPACT);
    json_object_begin(&o);
    json_put_str(&o, S("version"), S(POSTHASTE_VERSION));
    json_put_i64(&o, S("pid"), process_id());
    json_put_str(&o, S("state"), str_from_c(state_of(sup, waiting)));
    json_put_str(&o, S("degraded"), str_is_empty(waiting) ? STR_NULL : waiting);
    json_put_u64(&o, S("generation"), sup->generation_number);
    json_put_i64(&o, S("uptimeSeconds"), (now_ms() - sup->started_ms) / SECOND_MS);
    json_put_u64(&o, S("connections"), shared_count_total(&sup->shared->listen.connections));
    json_put_bool(&o, S("reloadFailed"), sup->reload_failed);
    write_dane_json(sup, &o);
    json_key(&o, S("paused"));
    write_pauses_json(sup, &o);
    json_key(&o, S("workers"));
    json_array_begin(&o);
    each_in_list (g, &sup->generations, struct generation, in_supervisor)
        for (size_t i = 0; i < g->worker_count; i++)
            write_worker_json(&o, &g->slots[i]);
    json_array_end(&o);
    json_object_end(&o);
    buf_add_byte(out, '\n');
}

// outbound.md 22.4: null while no server of the DNS has answered.
static void write_dane_json(const struct supervisor *sup, struct json_out *o)
{
    uint32_t names = atomic_load(&sup->shared->names);
    json_key(o, S("dane"));
    if (names == NAMES_UNKNOWN)
        json_null(o);
    else
        json_bool(o, names == NAMES_VALIDATED);
}

static void write_worker_json(struct json_out *o, const struct slot *s)
{
    json_object_begin(o);
    json_put_u64(o, S("slot"), s->number);
    json_put_i64(o, S("pid"), s->pid);
    json_put_bool(o, S("ready"), s->ready);
    json_put_bool(o, S("retiring"), s->generation->retiring);
    json_put_u64(o, S("crashesInARow"), s->crash_count);
    json_object_end(o);
}

// What somebody has paused, as the file says it: also what cannot be read is nothing to fail for.
static struct pauses read_pauses(const struct supervisor *sup, struct arena *a)
{
    struct pauses all = {0};
    if (sup->current == NULL || sup->current->plan == NULL)
        return all;
    struct err ignored = pauses_read(a, pauses_path(a, sup->current->plan->conf), &all);
    (void)ignored; // a worker tells of it
    return all;
}

static void write_pauses(const struct supervisor *sup, struct buf *out)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, PAUSES_BYTES_MAX);
    struct pauses pauses = read_pauses(sup, &a);
    each_in_vec (p, &pauses.all) {
        bool is_all = str_eq(p->queue, PAUSES_ALL);
        if (p->runs)
            continue;
        buf_fmt(out, "%s%.*s%s paused since ", is_all ? "all deliveries" : "deliveries of '",
                ARG(is_all ? S("") : p->queue), is_all ? " are" : "' are");
        date_add_rfc3339(out, p->since_ms, DATE_SECONDS);
        buf_fmt(out, "%s%.*s\n", str_is_empty(p->reason) ? "" : ": ", ARG(p->reason));
    }
}

static void write_pauses_json(const struct supervisor *sup, struct json_out *o)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, PAUSES_BYTES_MAX);
    struct pauses pauses = read_pauses(sup, &a);
    json_array_begin(o);
    each_in_vec (p, &pauses.all)
        if (!p->runs)
            json_str(o, p->queue);
    json_array_end(o);
}
