// SPDX-License-Identifier: Apache-2.0
// tests/support/server.c: the supervisor's part, as a task on the node, which is the parent of the
// workers: so a crash of the node takes all of them.
#include "server.h"

#include "events/log.h"
#include "files.h"
#include "queue/space.h"
#include "rt/shared.h"
#include "server/logging.h"
#include "server/mail.h"
#include "server/worker.h"
#include "state.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <unistd.h>

#define SCRATCH_BYTES_MAX (4 * MIB)
#define WIRE_LINE_BYTES_MAX 256
#define LET_GO_MS 1000
#define CONFIG_PATH "/etc/posthaste/config.toml"
#define COLUMNS 32 // of generations alive at once
#define METRICS_ALIGNMENT 4096

struct socket {
    struct endpoint at;
    struct acceptor *acceptor;
};

struct generation {
    struct link in_server;
    struct sim_server *server;
    struct plan *plan;
    struct event_ring *ring;
    struct worker_start start;
    struct worker_test test;
    struct worker_socket *sockets;
    struct stream *wire;
    bool retired;
};

enum order { ORDER_NONE, ORDER_STOP, ORDER_RELOAD };

struct sim_server {
    struct sim *sim;
    struct node *node;
    struct sim_server_options options;
    struct memory_files files; // of options.config
    struct conf_files conf_files;
    struct state_folder state;
    struct store_faults store_faults;
    struct space_faults space_faults;
    struct arena scratch; // of one start: findings, sockets
    struct findings findings;
    struct buf trouble;
    struct listen_kept kept;
    struct server_shared *shared;
    void *quota_memory; // NULL: no configuration had a quota
    char *metrics_memory;
    struct metrics *metrics;
    struct event_wants wants;
    struct buf events; // records that workers handed over
    size_t events_taken;
    VEC(struct socket) sockets;
    struct list generations;
    struct group workers;
    uint64_t generations_made;
    struct waitq orders, answers;
    enum order order;
    bool is_ready, is_ended;
    struct err outcome; // of the last order
};

static bool old_ones_let_go(const struct sim_server *s);
static struct err supervise(void *arg) suspends;
static struct err obey(struct sim_server *s) suspends;
static struct err generation_begin(struct sim_server *s, struct generation **out) suspends;
static struct err quotas_begin(struct sim_server *s, const struct plan *plan);
static struct err sockets_open(struct sim_server *s, struct generation *g);
static struct err socket_for(
        struct sim_server *s, const struct plan_address *address, struct acceptor **out);
static struct err generation_main(void *arg) suspends;
static void generation_free(struct generation *g);
static void tell(struct generation *g, struct str line) suspends;
static void retire_all(struct sim_server *s, const struct generation *but, struct str how) suspends;
static struct plan *make_plan(struct sim_server *s);
static bool take_records(void *self, struct str records);

struct err sim_server_add(
        struct sim *sim, const struct sim_server_options *options, struct sim_server **out)
{
    struct sim_server *s = mem_new(struct sim_server);
    size_t metrics_bytes = metrics_bytes_needed(COLUMNS);
    if (s == NULL)
        return fail(ERR_LIMIT, "no memory for a server");
    s->sim = sim;
    s->options = *options;
    memory_files_init(&s->files, options->authority);
    if (!str_is_null(options->config)) {
        s->conf_files = memory_files_conf(&s->files);
        s->options.files = &s->conf_files;
        s->options.path = S(CONFIG_PATH);
        TRY(memory_files_put(&s->files, s->options.path, options->config));
    }
    s->store_faults.segment_bytes = options->segment_bytes;
    s->shared = mem_new(struct server_shared);
    s->metrics_memory = mem_bytes(metrics_bytes + METRICS_ALIGNMENT);
    if (s->shared == NULL || s->metrics_memory == NULL)
        return fail(ERR_LIMIT, "no memory for a server");
    uintptr_t at = ((uintptr_t)s->metrics_memory + METRICS_ALIGNMENT - 1) &
                   ~(uintptr_t)(METRICS_ALIGNMENT - 1);
    s->metrics = metrics_at((void *)at, COLUMNS);
    for (size_t i = 0; i < EVENT_COUNT; i++)
        if (event_row((enum event_id)i)->level != LEVEL_TRACE) // every line that is said
            s->wants.of[i] =
                    (uint8_t)(event_row((enum event_id)i)->level | WANT_RECORD | WANT_COUNT);
    arena_init(&s->scratch, SCRATCH_BYTES_MAX);
    TRY(state_folder_make(&s->state));
    buf_init(&s->trouble, MIB);
    buf_init(&s->events, 64 * MIB);
    list_init(&s->generations);
    waitq_init(&s->orders);
    waitq_init(&s->answers);
    struct sim_node node = {
            .name = options->name, .ip_count = options->ip_count, .main = supervise, .arg = s};
    memcpy(node.ips, options->ips, sizeof(node.ips));
    *out = s;
    return sim_node_add(sim, &node, &s->node);
}

void sim_server_free(struct sim_server *s)
{
    if (s == NULL)
        return;
    listen_kept_done(&s->kept);
    memory_files_done(&s->files);
    state_folder_remove(&s->state);
    arena_done(&s->scratch);
    buf_done(&s->trouble);
    buf_done(&s->events);
    mem_free(s->metrics_memory);
    mem_free(s->quota_memory);
    mem_free(s->shared);
    mem_free(s);
}

// --- What tests ask for --------------------------------------------------------------------------

struct err sim_server_start(struct sim_server *s)
{
    s->is_ready = s->is_ended = false;
    s->order = ORDER_NONE;
    TRY(sim_node_start(s->node));
    while (!s->is_ready && !s->is_ended)
        TRY(waitq_wait(&s->answers, "a server to start"));
    return s->outcome;
}

void sim_server_drain(struct sim_server *s)
{
    s->order = ORDER_STOP;
    waitq_wake_all(&s->orders);
}

struct err sim_server_reload(struct sim_server *s)
{
    s->order = ORDER_RELOAD;
    waitq_wake_all(&s->orders);
    while (s->order == ORDER_RELOAD && !s->is_ended)
        TRY(waitq_wait(&s->answers, "a server to reload"));
    // The old generation accepts for a moment longer: what the system has queued for it.
    for (int i = 0; i < LET_GO_MS && !failed(s->outcome) && !old_ones_let_go(s); i++)
        TRY(task_sleep_ms(1));
    return s->outcome;
}

static bool old_ones_let_go(const struct sim_server *s)
{
    each_in_vec (socket, &s->sockets) {
        if (sim_acceptor_handles(socket->acceptor) > 2) // the server's own, and the new worker's
            return false;
    }
    return true;
}

void sim_server_crash(struct sim_server *s, enum sim_crash how)
{
    sim_node_crash(s->node, how);
}

bool sim_server_is_up(const struct sim_server *s)
{
    return sim_node_is_up(s->node);
}

struct node *sim_server_node(const struct sim_server *s)
{
    return s->node;
}

struct str sim_server_folder(const struct sim_server *s)
{
    return str_from_c(s->state.path);
}

struct str sim_server_trouble(const struct sim_server *s)
{
    return buf_str(&s->trouble);
}

const struct metrics *sim_server_metrics(const struct sim_server *s)
{
    return s->metrics;
}

// What was handed over first; then what still waits in the workers' rings, so that a look needs no
// time to pass.
bool sim_server_next_event(struct sim_server *s, struct str *out)
{
    struct str left = str_from(buf_str(&s->events), s->events_taken), rest = left;
    struct record record;
    if (record_take(&rest, &record)) {
        *out = str_upto(left, left.len - rest.len);
        s->events_taken += out->len;
        return true;
    }
    each_in_list (g, &s->generations, struct generation, in_server)
        if (event_ring_take(g->ring, out))
            return true;
    return false;
}

// Of several generations each has a part of its own until it is settled.
struct err sim_server_queue(struct sim_server *s, struct arena *a, struct sim_queue *out)
{
    *out = (struct sim_queue){.store = NULL};
    each_in_list (g, &s->generations, struct generation, in_server) {
        struct mail_worker *mail = g->test.mail;
        if (mail == NULL || mail->service.store == NULL)
            continue;
        if (out->store != NULL)
            TRY(store_settle(mail->service.store, a));
        else
            out->store = mail->service.store;
    }
    struct str folder = arena_fmt(a, "%s/data", s->state.path);
    if (out->store != NULL || str_is_null(folder) || access(folder.ptr, F_OK) != 0)
        return OK;
    struct store_options options = {.folder = folder,
            .blob_folder = arena_fmt(a, "%s/blobs", s->state.path),
            .map_bytes_max = (uint64_t)KIB * MIB,
            .read_only = true};
    out->is_opened = true;
    return store_open(a, &options, &out->store);
}

void sim_server_queue_end(struct sim_queue *look)
{
    if (look->is_opened)
        store_close(look->store);
}

// The write that fails alone can be taken back: then it is known that nothing was kept.
void sim_server_disk(struct sim_server *s, enum sim_disk how)
{
    int next = atomic_load(&s->store_faults.calls) + 1;
    s->store_faults.errno_value = how == SIM_DISK_FULL ? ENOSPC : EIO;
    s->store_faults.fail_from = how == SIM_DISK_WELL ? 0 : next;
    s->store_faults.fail_until = how == SIM_DISK_WELL ? 0 : next + 1;
    if (how == SIM_DISK_BROKEN)
        s->store_faults.fail_until = INT_MAX;
    s->store_faults.body_errno = how == SIM_DISK_BROKEN ? EIO : 0;
    if (how == SIM_DISK_FULL)
        s->store_faults.body_errno = ENOSPC;
    s->space_faults.full = how == SIM_DISK_FULL;
}

static bool take_records(void *self, struct str records)
{
    struct sim_server *s = self;
    if (sim_node_is_up(s->node)) // what it says while it crashes, nobody hears
        buf_add(&s->events, records);
    return true;
}

// --- The task on the node ------------------------------------------------------------------------

static struct err supervise(void *arg)
{
    struct sim_server *s = arg;
    struct generation *g;
    mem_free(s->shared); // new memory is zero, and most of it is never touched
    s->shared = mem_new(struct server_shared);
    assert(s->shared != NULL);
    s->sockets.count = 0;
    s->order = ORDER_NONE;
    group_begin(&s->workers);
    s->outcome = generation_begin(s, &g);
    struct err e = s->outcome;
    if (!failed(e)) {
        s->is_ready = true;
        waitq_wake_all(&s->answers);
        e = obey(s);
    }
    group_end(&s->workers);
    each_in_vec (socket, &s->sockets)
        acceptor_free(socket->acceptor);
    s->sockets.count = 0;
    s->is_ended = true;
    waitq_wake_all(&s->answers);
    return e;
}

static struct err obey(struct sim_server *s)
{
    while (s->workers.count > 0) {
        struct generation *g;
        switch (s->order) {
        case ORDER_NONE:
            TRY(waitq_wait(&s->orders, "orders"));
            break;
        case ORDER_RELOAD:
            s->outcome = generation_begin(s, &g);
            if (!failed(s->outcome))
                retire_all(s, g, S("retire\n"));
            s->order = ORDER_NONE;
            waitq_wake_all(&s->answers);
            break;
        case ORDER_STOP:
            retire_all(s, NULL, S("stop\n"));
            each_in_vec (socket, &s->sockets)
                acceptor_close(socket->acceptor);
            return group_wait_all(&s->workers);
        }
    }
    return s->workers.first_error;
}

static void retire_all(struct sim_server *s, const struct generation *but, struct str how)
{
    each_in_list (g, &s->generations, struct generation, in_server)
        if (g != but && (!g->retired || str_eq(how, S("stop\n")))) {
            g->retired = true;
            tell(g, how);
        }
}

static void tell(struct generation *g, struct str line)
{
    if (!failed(stream_write(g->wire, line))) {
        struct err ignored = stream_flush(g->wire);
        (void)ignored; // it is ending already
    }
}

static struct err generation_begin(struct sim_server *s, struct generation **out)
{
    struct generation *g = mem_new(struct generation);
    struct stream *wires[2] = {NULL, NULL};
    if (g == NULL)
        return fail(ERR_LIMIT, "no memory for a generation");
    g->server = s;
    g->plan = make_plan(s);
    g->ring = mem_bytes(event_ring_bytes());
    struct err e = g->plan == NULL ? fail(ERR_CONFIG, "the configuration has errors") : OK;
    if (!failed(e) && g->ring == NULL)
        e = fail(ERR_LIMIT, "no memory for events");
    if (!failed(e))
        e = sockets_open(s, g);
    if (!failed(e))
        e = quotas_begin(s, g->plan);
    if (!failed(e))
        e = stream_pair(wires);
    if (failed(e)) {
        generation_free(g);
        return e;
    }
    uint32_t column = (uint32_t)(++s->generations_made % (COLUMNS - 1)) + 1;
    g->wire = wires[0];
    g->start.plan = g->plan;
    g->start.shared = s->shared;
    g->start.column = column;
    g->start.wire = -1;
    g->start.test = &g->test;
    g->test = (struct worker_test){.store_faults = &s->store_faults,
            .space_faults = &s->space_faults,
            .delivers_nothing = !s->options.delivers};
    g->start.wire_stream = wires[1];
    g->start.sockets = g->sockets;
    g->start.logging = (struct logging_start){.ring = event_ring_at(g->ring),
            .wants = &s->wants,
            .metrics = s->metrics,
            .column = column,
            .channel = -1,
            .errors = -1,
            .sink = {.self = s, .write = take_records},
            .node = 1};
    list_append(&s->generations, &g->in_server);
    e = group_spawn(&s->workers, generation_main, g);
    if (failed(e)) {
        stream_close(wires[1]);
        generation_free(g);
        return e;
    }
    *out = g;
    struct str line;
    e = stream_until(g->wire, S("\n"), WIRE_LINE_BYTES_MAX, &line);
    return failed(e) ? fail(ERR_INTERNAL, "the worker ended while it started") : OK;
}

// The counters are large, and few tests want them. A machine that starts anew has none.
static struct err quotas_begin(struct sim_server *s, const struct plan *plan)
{
    if (plan->queue.quota_count == 0 || s->shared->quota != NULL)
        return OK;
    if (s->quota_memory == NULL)
        s->quota_memory = mem_bytes(quota_shared_bytes());
    if (s->quota_memory == NULL)
        return fail(ERR_LIMIT, "no memory for the quotas of a server");
    s->shared->quota = quota_shared_at(s->quota_memory, wall_ms());
    return OK;
}

static struct plan *make_plan(struct sim_server *s)
{
    struct conf_env_var vars[] = {{S("STATE_DIR"), str_from_c(s->state.path)}};
    struct conf_env env = {.vars = vars,
            .var_count = COUNT_OF(vars),
            .os_hostname = s->options.name,
            .cpu_count = 1};
    struct conf_options options = {.path = s->options.path, .env = &env, .files = s->options.files};
    struct plan_inputs in = {.kept = &s->kept, .wall_now_ms = wall_ms()};
    struct arena a AUTO(arena_done);
    arena_init(&a, SCRATCH_BYTES_MAX);
    struct findings findings = findings_make(&a);
    struct plan *plan = plan_make(&options, &in, &findings);
    buf_clear(&s->trouble);
    findings_lines(&s->trouble, &findings);
    if (plan != NULL)
        logs_name_labels(s->metrics, plan);
    return plan;
}

static struct err sockets_open(struct sim_server *s, struct generation *g)
{
    size_t count = 0;
    for (size_t i = 0; i < g->plan->listener_count; i++)
        count += g->plan->listeners[i].address_count;
    g->sockets = mem_bytes((count + 1) * sizeof(struct worker_socket));
    if (g->sockets == NULL)
        return fail(ERR_LIMIT, "no memory for sockets");
    for (size_t i = 0; i < g->plan->listener_count; i++) {
        const struct plan_listener *l = &g->plan->listeners[i];
        for (size_t j = 0; j < l->address_count; j++) {
            struct worker_socket *socket = &g->sockets[g->start.socket_count];
            *socket = (struct worker_socket){.fd = -1, .slot = SOCKET_OF_ALL, .listener = l};
            TRY(socket_for(s, &l->addresses[j], &socket->acceptor));
            g->start.socket_count++;
        }
    }
    return OK;
}

// The worker's own handle of a listening socket that the server has, or opens now.
static struct err socket_for(
        struct sim_server *s, const struct plan_address *address, struct acceptor **out)
{
    each_in_vec (socket, &s->sockets) {
        if (endpoint_eq(&socket->at, &address->at))
            return sim_acceptor_share(socket->acceptor, out);
    }
    struct socket *socket = vec_add(&s->scratch, &s->sockets);
    if (socket == NULL)
        return fail(ERR_LIMIT, "no memory for sockets");
    s->sockets.count--; // until it is open
    TRY(net_listen(&address->at, &address->options, &socket->acceptor));
    s->sockets.count++;
    socket->at = address->at;
    return sim_acceptor_share(socket->acceptor, out);
}

static struct err generation_main(void *arg)
{
    struct generation *g = arg;
    struct sim_server *s = g->server;
    struct err e = worker_task(&g->start);
    g->start.socket_count = 0; // the worker has freed them
    for (struct str record; event_ring_take(g->ring, &record);)
        take_records(s, record);
    generation_free(g);
    waitq_wake_all(&s->orders);
    return e;
}

static void generation_free(struct generation *g)
{
    for (size_t i = 0; i < g->start.socket_count; i++)
        acceptor_free(g->sockets[i].acceptor);
    link_remove(&g->in_server);
    stream_close(g->wire);
    plan_free(g->plan);
    mem_free(g->ring);
    mem_free(g->sockets);
    mem_free(g);
}
