// SPDX-License-Identifier: Apache-2.0
// server/mail.c: see server/mail.h.
#include "server/mail.h"

#include "deliver/shape/suspend.h"
#include "deliver/shape/warmed.h"
#include "directory/directory.h"
#include "proof/key_cache.h"
#include "queue/control/standing.h"
#include "queue/space.h"
#include "queue/store/body.h"
#include "queue/store/store.h"
#include "rt/rt.h"
#include "server/worker.h"

#define MAIL_BYTES_MAX (64 * MIB)
#define STS_REFRESH_MS MINUTE_MS // for one policy that is fetched before it expires
#define STORE_AGAIN_MS (5 * SECOND_MS)
#define MEASURE_MS (5 * SECOND_MS)      // gauges of deliveries
#define LAST_RESULTS_MS (3 * SECOND_MS) // for who wants to hear of TLS, before a worker ends
#define COUNT_BYTES_MAX (64 * MIB)
#define RECOUNT_MS (10 * MINUTE_MS)
#define SWEEP_BYTES_MAX (16 * MIB)
#define SWEEP_MS HOUR_MS
#define BODY_STALE_MS (6 * HOUR_MS)

static void begin_quota(struct mail_worker *m, const struct mail_worker_inputs *in);
static struct err sweep_bodies(void *mail_worker) suspends MUST_USE;
static struct err count_quotas(void *mail_worker) suspends MUST_USE;
static struct err open_store(struct mail_worker *m) suspends MUST_USE;
static struct err tend_store(void *mail_worker) suspends MUST_USE;
static void open_directories(struct mail_worker *m);
static void open_resolver(struct mail_worker *m);
static struct err open_suppressed(struct mail_worker *m) MUST_USE;
static void look_around(struct mail_worker *m);
static struct err start_deliveries(struct mail_worker *m) MUST_USE;
static void end_deliveries(struct mail_worker *m) suspends;
static void end_results(struct mail_worker *m) suspends;
static struct err measure(void *mail_worker) suspends;
static void tell_doubts(const struct mail_worker *m);

struct err mail_worker_begin(struct mail_worker *m, const struct mail_worker_inputs *in)
{
    const struct plan *plan = in->plan;
    *m = (struct mail_worker){.plan = plan,
            .shared = in->shared,
            .names = plan->dns,
            .log = in->log,
            .is_first = in->is_first,
            .test = in->test};
    arena_init(&m->arena, MAIL_BYTES_MAX);
    m->limits = (struct limits){
            .settings = &plan->limits, .shared = &in->shared->limits, .column = in->column};
    m->service = (struct smtp_service){
            .settings = &plan->smtp,
            .schedules = &plan->schedules,
            .limits = &m->limits,
            .metrics = in->metrics,
            .node = (uint8_t)conf_u64(plan->conf, S("cluster.node-id")),
            .space = space_guard_new(
                    &plan->queue, in->log, in->test != NULL ? in->test->space_faults : NULL),
    };
    signing_desk_init(&m->signing, &plan->signing);
    m->service.signing = &m->signing;
    memcpy(m->service.pepper, in->shared->pepper, sizeof(m->service.pepper));
    group_begin(&m->tending);
    group_begin(&m->delivering);
    if (m->test != NULL)
        m->test->mail = m;
    open_resolver(m);
    open_directories(m);
    look_around(m);
    begin_quota(m, in);
    TRY(open_suppressed(m));
    TRY(mail_keys_begin(m));
    TRY(mail_suffixes_begin(m));
    return group_spawn(&m->tending, tend_store, m);
}

void mail_worker_stop(struct mail_worker *m)
{
    if (m->deliverer != NULL)
        deliverer_stop(m->deliverer);
}

void mail_worker_look(struct mail_worker *m)
{
    if (m->deliverer != NULL)
        deliverer_look(m->deliverer);
}

struct err mail_worker_settle(struct mail_worker *m, struct arena *a)
{
    return m->service.store == NULL ? OK : store_settle(m->service.store, a);
}

size_t mail_worker_carries(const struct mail_worker *m, struct arena *a, uint64_t **out_ids)
{
    return m->deliverer == NULL ? 0 : deliverer_carries(m->deliverer, a, out_ids);
}

void mail_worker_end(struct mail_worker *m)
{
    mail_worker_stop(m);
    end_deliveries(m);
    group_end(&m->tending);
    sts_cache_free(m->sts);
    end_results(m);
    suppress_write(m->suppressed); // what was noted last
    suppress_service_free(m->suppressed);
    if (m->test != NULL)
        m->test->mail = NULL;
    if (m->service.store != NULL) {
        struct err e = store_settle(m->service.store, &m->arena);
        if (failed(e)) // it stays in the journal, for who opens the store next
            event(m->log, EV_STORE_ERROR, F_STR(path, m->plan->queue.records.path),
                    F_ERR(reason, e));
        store_close(m->service.store);
    }
    mail_keys_end(m);
    space_guard_free(m->service.space);
    directories_close(m->service.directories);
    key_cache_free(m->service.keys);
    resolver_free(m->service.resolver);
    arena_done(&m->arena);
}

static struct err tend_store(void *arg)
{
    struct mail_worker *m = arg;
    task_describe("store", m);
    while (failed(open_store(m)))
        TRY(task_sleep_ms(STORE_AGAIN_MS));
    m->gauges = (struct queue_gauges){.store = m->service.store,
            .metrics = m->service.metrics,
            .schedules = &m->plan->schedules};
    if (m->is_first) {
        TRY(group_spawn(&m->tending, sweep_bodies, m));
        TRY(group_spawn(&m->tending, queue_gauges_main, &m->gauges));
    }
    if (m->counts_quotas)
        TRY(group_spawn(&m->tending, count_quotas, m));
    struct err e = start_deliveries(m);
    if (failed(e))
        event(m->log, EV_SERVER_STARTUP_ERROR, F_ERR(reason, e));
    return store_tend(m->service.store);
}

static struct err start_deliveries(struct mail_worker *m)
{
    const struct plan *plan = m->plan;
    struct sts_cache_options sts;
    if (m->test != NULL && m->test->delivers_nothing)
        return OK;
    TRY(sts_cache_options_read(&m->arena, plan->conf, &sts));
    TRY(sts_cache_new(&sts, &m->sts));
    m->sts_refreshing = (struct sts_inputs){.resolver = m->service.resolver,
            .cache = m->sts,
            .prohibited = plan->deliver.sts_prohibited,
            .timeout_ms = STS_REFRESH_MS};
    if (m->is_first)
        TRY(group_spawn(&m->tending, sts_refresh_main, &m->sts_refreshing));
    const struct tlsrpt_options results = {
            .settings = &plan->tlsrpt, .resolver = m->service.resolver, .log = m->log};
    TRY(tlsrpt_new(&results, &m->tlsrpt));
    TRY(group_spawn(&m->tending, tlsrpt_main, m->tlsrpt));
    m->rcpt_rules = (struct resolve_rules){.directory = S("*"),
            .sub_addressing = plan->smtp.rules[RULE_SUB_ADDRESSING].setting,
            .catch_all = plan->smtp.rules[RULE_CATCH_ALL].setting,
            .delimiters = plan->smtp.delimiters,
            .env = &m->around_env};
    const struct deliver_inputs in = {.settings = &plan->deliver,
            .schedules = &plan->schedules,
            .dsn = &plan->dsn,
            .listen = &plan->listen,
            .store = m->service.store,
            .resolver = m->service.resolver,
            .directories = m->service.directories,
            .rules = &m->rcpt_rules,
            .tls = plan->tls_clients,
            .limits = m->limits.shared,
            .clock = &m->shared->clock,
            .column = m->limits.column,
            .quota = m->service.quota,
            .signing = &m->signing,
            .sts = m->sts,
            .tlsrpt = m->tlsrpt,
            .suppressed = m->suppressed,
            .log = m->log,
            .metrics = m->service.metrics,
            .node = m->service.node,
            .pauses_path = pauses_path(&m->arena, plan->conf),
            .standing_path = standing_path(&m->arena, plan->conf),
            .suspensions_path = suspensions_path(&m->arena, plan->conf),
            .warmed_path = warmed_path(&m->arena, plan->conf),
            .workers = (uint32_t)plan->worker_count,
            .adopts = m->is_first};
    TRY(deliverer_new(&m->arena, &in, &m->deliverer));
    TRY(group_spawn(&m->tending, measure, m));
    return group_spawn(&m->delivering, deliverer_run, m->deliverer);
}

// What is on its way gets as long as the manager of the queue allows.
static void end_deliveries(struct mail_worker *m)
{
    {
        within_ms(m->plan->schedules.drain_timeout_ms);
        struct err ignored = group_wait_all(&m->delivering);
        (void)ignored; // who has not come back by then is cancelled, and tries again another day
    }
    group_end(&m->delivering);
    deliverer_free(m->deliverer);
    m->deliverer = NULL;
}

static struct err measure(void *arg)
{
    struct mail_worker *m = arg;
    struct store_figures stored = {0};
    if (m->is_first)
        tell_doubts(m);
    task_describe("figures", m);
    if (!failed(store_figures(m->service.store, &stored)))
        event(m->log, EV_QUEUE_STARTED, F_STR(path, m->plan->queue.records.path),
                F_U64(total, stored.messages));
    for (;;) {
        if (m->deliverer != NULL)
            deliverer_measure(m->deliverer, m->is_first);
        TRY(task_sleep_ms(MEASURE_MS));
    }
}

// What is wrong with this machine and makes mail wait (outbound.md 27.3).
static void tell_doubts(const struct mail_worker *m)
{
    if (m->plan->clock_is_wrong)
        event(m->log, EV_DELIVERY_DOUBTED,
                F_STR(reason, S("the clock shows a moment before this program was written")),
                F_STR(details, S("DNSSEC is off, and certificates may seem to be of the future")));
    if (tls_clients_trust_nobody(m->plan->tls_clients))
        event(m->log, EV_DELIVERY_DOUBTED,
                F_STR(reason, S("the system has no certificate authorities")),
                F_STR(details, S("mail that needs a proven certificate waits: install "
                                 "ca-certificates, or name a queue.tls.<id>.ca-file")));
}

// What was counted and is not on disk yet.
static void end_results(struct mail_worker *m)
{
    if (m->tlsrpt != NULL)
        tlsrpt_write(m->tlsrpt, LAST_RESULTS_MS);
    tlsrpt_free(m->tlsrpt);
    m->tlsrpt = NULL;
}

// What crashes have left of large messages that were arriving. One that is alive is written all the
// time, and none is accepted so late.
static struct err sweep_bodies(void *arg)
{
    struct mail_worker *m = arg;
    struct arena a AUTO(arena_done);
    arena_init(&a, SWEEP_BYTES_MAX);
    task_describe("bodies", m);
    for (;;) {
        size_t removed;
        struct err e = bodies_sweep(m->service.store, &a, wall_ms() - BODY_STALE_MS, &removed);
        if (failed(e))
            event(m->log, EV_STORE_ERROR, F_STR(path, m->plan->queue.bodies.path),
                    F_ERR(reason, e));
        arena_reset(&a);
        TRY(task_sleep_ms(SWEEP_MS));
    }
}

static void begin_quota(struct mail_worker *m, const struct mail_worker_inputs *in)
{
    m->quota = (struct quota_meter){.settings = &m->plan->queue,
            .shared = in->shared->quota,
            .column = in->column,
            .log = in->log,
            .outside = &m->around_env};
    if (m->quota.shared == NULL || m->plan->queue.quota_count == 0)
        return;
    m->service.quota = &m->quota;
    m->counts_quotas = in->is_first;
}

// What waited when the server started counts, too; and now and then all is counted anew.
static struct err count_quotas(void *arg)
{
    struct mail_worker *m = arg;
    struct arena a AUTO(arena_done);
    arena_init(&a, COUNT_BYTES_MAX);
    task_describe("quotas", m);
    struct err e = quota_count(&m->quota, m->service.store, &a);
    while (e.kind != ERR_CANCELLED) {
        if (failed(e))
            event(m->log, EV_STORE_ERROR, F_STR(path, m->plan->queue.records.path),
                    F_ERR(reason, e));
        TRY(task_sleep_ms(RECOUNT_MS));
        arena_reset(&a);
        e = quota_recount(&m->quota, m->service.store, &a);
    }
    return e;
}

static struct err open_store(struct mail_worker *m)
{
    struct store_options options = queue_store_options(&m->plan->queue);
    options.journal = true;
    options.node = m->service.node;
    options.metrics = m->service.metrics;
    options.fail = m->test != NULL ? m->test->store_faults : NULL;
    struct err e = store_open(&m->arena, &options, &m->service.store);
    if (!failed(e) || m->store_was_told)
        return e;
    m->store_was_told = true;
    event(m->log, EV_STORE_ERROR, F_STR(path, options.folder), F_ERR(reason, e));
    return e;
}

static void open_directories(struct mail_worker *m)
{
    struct directories_options options = {.settings = m->plan->directory};
    if (directory_settings_have_internal(m->plan->directory))
        options.folder =
                directory_folder(&m->arena, conf_str(m->plan->conf, S("global.state-dir")));
    struct err e = directories_open(&m->arena, &options, &m->service.directories);
    if (!failed(e))
        e = directories_trouble(m->service.directories);
    if (failed(e))
        event(m->log, EV_STORE_ERROR, F_STR(path, options.folder), F_ERR(reason, e));
}

static struct err open_suppressed(struct mail_worker *m)
{
    const struct suppress_options options = {
            .settings = &m->plan->suppress, .log = m->log, .sweeps = m->is_first};
    TRY(suppress_service_new(&options, &m->suppressed));
    m->service.suppressed = m->suppressed;
    return m->suppressed == NULL ? OK : group_spawn(&m->tending, suppress_main, m->suppressed);
}

static void open_resolver(struct mail_worker *m)
{
    struct err e = resolver_new(&m->arena, &m->plan->dns, &m->service.resolver);
    m->service.iprev = &m->plan->iprev;
    m->service.proof = &m->plan->proof;
    m->service.keys = key_cache_new(random_u64(), random_u64(), KEY_CACHE_KEYS_MAX);
    m->service.dnsbl_settings = &m->plan->dnsbl;
    if (!failed(e) && m->plan->dnsbl.zone_count > 0)
        e = dnsbl_service_make(&m->arena, &m->plan->dnsbl, m->service.resolver, &m->service.dnsbl);
    if (failed(e))
        event(m->log, EV_SERVER_STARTUP_ERROR, F_ERR(reason, e));
}

static void look_around(struct mail_worker *m)
{
    m->around = (struct surroundings){.conf = m->plan->conf,
            .directories = m->service.directories,
            .resolver = m->service.resolver,
            .host = m->plan->listen.host,
            .node = m->service.node};
    m->around_env = surroundings_env(&m->around, m->plan->smtp.expression_wait_ms);
}
