// SPDX-License-Identifier: Apache-2.0
// server/logs_figures.c: the metrics that only the supervisor can know: what each process costs,
// when certificates end, how many workers run. Taken every few seconds, and only where somebody may
// ask for them.
#include "rt/figures.h"
#include "rt/process.h"
#include "server/logs_state.h"
#include "server/plan.h"

#define FIRST_AFTER_MS 500
#define EVERY_MS (5 * SECOND_MS)
#define WORKER_VALUES LABEL_BOUND_WORKER
#define SLOT_TEXT_BYTES 24

struct figures_by_worker { // by value of the label `worker`; a slot may have two, old and new
    struct process_figures at[WORKER_VALUES];
    int64_t workers, memory_bytes;
};

static void take_figures(struct logs *l);
static void add_process(struct figures_by_worker *all, uint8_t worker, pid_t pid);
static uint8_t label_of_slot(struct logs *l, size_t slot);
static void set(struct logs *l, enum metric_id id, uint8_t label, int64_t value);
static void set_certificates(struct logs *l);

struct err logs_take_figures(void *arg)
{
    struct logs *l = arg;
    task_describe("figures of processes", l);
    set(l, METRIC_PROCESS_START_TIME, 0, wall_ms());
    TRY(task_sleep_ms(FIRST_AFTER_MS));
    for (;;) {
        if (l->telemetry != NULL && l->telemetry->prometheus)
            take_figures(l);
        TRY(task_sleep_ms(EVERY_MS));
    }
}

static void take_figures(struct logs *l)
{
    struct figures_by_worker *all = mem_new(struct figures_by_worker);
    if (all == NULL)
        return;
    add_process(all, WORKER_SUPERVISOR, process_id());
    if (l->writer != 0)
        add_process(all, metrics_label_add(l->metrics, LABEL_WORKER, S("log")), l->writer);
    for (size_t i = 0; i < COUNT_OF(l->workers); i++) {
        if (l->workers[i].pid == 0)
            continue;
        add_process(all, label_of_slot(l, l->workers[i].slot), l->workers[i].pid);
        all->workers++;
    }
    for (size_t i = 0; i < WORKER_VALUES; i++) {
        const struct process_figures *f = &all->at[i];
        set(l, METRIC_PROCESS_CPU_SECONDS, (uint8_t)i, f->cpu_ms);
        set(l, METRIC_PROCESS_MEMORY, (uint8_t)i, f->memory_bytes);
        set(l, METRIC_PROCESS_OPEN_FDS, (uint8_t)i, f->descriptors);
    }
    set(l, METRIC_SERVER_MEMORY, 0, all->memory_bytes);
    set(l, METRIC_WORKER_COUNT, 0, all->workers);
    set(l, METRIC_WORKER_RESTARTS, 0,
            (int64_t)metric_event_value(l->metrics, EV_SERVER_WORKER_EXIT));
    set_certificates(l);
    mem_free(all);
}

static void add_process(struct figures_by_worker *all, uint8_t worker, pid_t pid)
{
    struct process_figures f;
    if (!process_figures_read(pid, &f))
        return; // it has just ended
    all->at[worker].cpu_ms += f.cpu_ms;
    all->at[worker].memory_bytes += f.memory_bytes;
    all->at[worker].descriptors += f.descriptors > 0 ? f.descriptors : 0;
    all->memory_bytes += f.memory_bytes;
}

static uint8_t label_of_slot(struct logs *l, size_t slot)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, SLOT_TEXT_BYTES);
    buf_fmt(&text, "%zu", slot);
    return metrics_label_add(l->metrics, LABEL_WORKER, buf_str(&text));
}

static void set(struct logs *l, enum metric_id id, uint8_t label, int64_t value)
{
    metric_gauge_set(&l->own.metrics, id, LABELS(label), value);
}

static void set_certificates(struct logs *l)
{
    const struct certificates *all = l->certificates;
    for (size_t i = 0; all != NULL && i < certificates_count(all); i++) {
        const struct certificate *c = certificates_at(all, i);
        uint8_t label = metrics_label_add(l->metrics, LABEL_CERTIFICATE, c->id);
        set(l, METRIC_CERTIFICATE_EXPIRY, label, (c->not_after_ms - wall_ms()) / SECOND_MS);
    }
}
