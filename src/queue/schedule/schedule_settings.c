// SPDX-License-Identifier: Apache-2.0
// queue/schedule/schedule_settings.c: virtual queues and schedules as configured (queue.md 4),
// together with those that are there without being written. One that is written replaces the
// built-in one of the same name altogether. Names that the strategy gives as literals must exist: a
// typing error is to be found here, not by the first message.
#include "queue/schedule/schedule.h"

#include "queue/limits.h"

struct reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    struct schedule_settings *out;
};

#define INTERVALS(name, ...) static const int64_t name[] = {__VA_ARGS__}
INTERVALS(usual_retry, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 15 * MINUTE_MS, 30 * MINUTE_MS,
        HOUR_MS, 2 * HOUR_MS);
INTERVALS(usual_notify, DAY_MS, 3 * DAY_MS);
INTERVALS(dsn_retry, 15 * MINUTE_MS, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS);
INTERVALS(report_retry, 30 * MINUTE_MS, HOUR_MS, 2 * HOUR_MS);

#define USUAL_EXPIRE_MS (5 * (int64_t)DAY_MS)

#define USUAL_WEIGHT 10
static const struct virtual_queue builtin_queues[] = {
        {.id = S_INIT("local"), .slots = 25, .weight = USUAL_WEIGHT},
        {.id = S_INIT("remote"), .slots = 50, .weight = USUAL_WEIGHT},
        {.id = S_INIT("dsn"), .slots = 5, .weight = USUAL_WEIGHT},
        {.id = S_INIT("report"), .slots = 5, .weight = USUAL_WEIGHT},
        {.id = S_INIT("default"), .slots = 25, .weight = USUAL_WEIGHT}};

// The virtual queue of each is that of its own name.
#define USUAL                                                                                      \
    .retry_ms = usual_retry, .retry_count = COUNT_OF(usual_retry), .notify_ms = usual_notify,      \
    .notify_count = COUNT_OF(usual_notify), .expire_ms = USUAL_EXPIRE_MS
static const struct schedule builtin_schedules[] = {{.id = S_INIT("local"), USUAL},
        {.id = S_INIT("remote"), USUAL},
        {.id = S_INIT("dsn"),
                .retry_ms = dsn_retry,
                .retry_count = COUNT_OF(dsn_retry),
                .expiry = EXPIRY_ATTEMPTS,
                .attempts_max = 10},
        {.id = S_INIT("report"),
                .retry_ms = report_retry,
                .retry_count = COUNT_OF(report_retry),
                .expiry = EXPIRY_ATTEMPTS,
                .attempts_max = 8},
        {.id = S_INIT("default"), USUAL}};

static struct err read_queues(struct reading *r) MUST_USE;
static struct err read_schedules(struct reading *r) MUST_USE;
static struct err read_schedule(struct reading *r, struct str id, struct schedule *out) MUST_USE;
static const struct virtual_queue *read_queue_name(struct reading *r, struct str id);
static struct err read_intervals(
        struct reading *r, struct str key, const int64_t **out, size_t *out_count) MUST_USE;
static int64_t interval_of(
        struct reading *r, struct str key, int place, const struct conf_element *element);
static void sort_marks(struct reading *r, struct str key, int64_t *marks, size_t count);
static void read_expiry(struct reading *r, struct str id, struct schedule *out);
static void read_manager(struct reading *r);
static void check_strategy(struct reading *r);
static bool check_literals(struct reading *r, bool *used);
static size_t place_of(const struct schedule_settings *s, struct str id);
static struct str names_of(const struct schedule_settings *s, struct arena *a);

static struct str item(const struct reading *r, struct str id, struct str member)
{
    return conf_item(r->conf, S("queue.schedule"), id, member);
}

struct err schedule_settings_make(struct arena *a, const struct conf *conf,
        struct findings *findings, struct schedule_settings *out)
{
    struct reading r = {.arena = a, .conf = conf, .findings = findings, .out = out};
    *out = (struct schedule_settings){.conf = conf};
    out->schedule_of = conf_expr(conf, S("queue.strategy.schedule"));
    out->expression_wait_ms = conf_duration_ms(conf, S("config.expression-timeout"));
    TRY(read_queues(&r));
    TRY(read_schedules(&r));
    read_manager(&r);
    check_strategy(&r);
    return OK;
}

static struct err read_queues(struct reading *r)
{
    const struct str map = S("queue.virtual");
    struct conf_ids ids = conf_ids(r->conf, map);
    struct virtual_queue *all =
            arena_array(r->arena, ids.count + COUNT_OF(builtin_queues), struct virtual_queue);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the virtual queues");
    size_t count = 0;
    for (size_t i = 0; i < ids.count; i++) {
        struct str id = ids.at[i], slots = conf_item(r->conf, map, id, S("threads-per-node"));
        if (id.len == 0 || id.len > QUEUE_NAME_BYTES_MAX)
            conf_error(r->conf, r->findings, slots, -1, S("bad-id"),
                    "Invalid virtual queue name \"%.*s\": must be 1-%d bytes long", ARG(id),
                    QUEUE_NAME_BYTES_MAX);
        all[count++] = (struct virtual_queue){.id = id,
                .slots = (uint32_t)conf_u64(r->conf, slots),
                .weight = (uint32_t)conf_u64(r->conf, conf_item(r->conf, map, id, S("weight"))),
                .paused = conf_bool(r->conf, conf_item(r->conf, map, id, S("paused")))};
    }
    for (size_t i = 0; i < COUNT_OF(builtin_queues); i++)
        if (!conf_has_id(r->conf, map, builtin_queues[i].id))
            all[count++] = builtin_queues[i];
    r->out->queues = all;
    r->out->queue_count = count;
    return OK;
}

static struct err read_schedules(struct reading *r)
{
    struct conf_ids ids = conf_ids(r->conf, S("queue.schedule"));
    struct schedule *all =
            arena_array(r->arena, ids.count + COUNT_OF(builtin_schedules), struct schedule);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the schedules");
    size_t count = 0;
    for (size_t i = 0; i < ids.count; i++)
        TRY(read_schedule(r, ids.at[i], &all[count++]));
    for (size_t i = 0; i < COUNT_OF(builtin_schedules); i++) {
        if (conf_has_id(r->conf, S("queue.schedule"), builtin_schedules[i].id))
            continue;
        all[count] = builtin_schedules[i];
        all[count].queue = virtual_queue_named(r->out, all[count].id);
        count++;
    }
    r->out->schedules = all;
    r->out->schedule_count = count;
    return OK;
}

static struct err read_schedule(struct reading *r, struct str id, struct schedule *out)
{
    *out = (struct schedule){.id = id,
            .queue = read_queue_name(r, id),
            .jitter_percent = (uint32_t)conf_u64(r->conf, item(r, id, S("jitter"))),
            .align_ms = conf_duration_ms(r->conf, item(r, id, S("align"))),
            .honor_retry_hint = conf_bool(r->conf, item(r, id, S("honor-retry-hint")))};
    struct str retry = item(r, id, S("retry"));
    TRY(read_intervals(r, retry, &out->retry_ms, &out->retry_count));
    if (out->retry_count == 0) {
        if (!findings_tell(r->findings, retry))
            conf_error(r->conf, r->findings, retry, -1, S("bad-duration"),
                    "invalid duration: at least one wait is needed");
        out->retry_ms = usual_retry;
        out->retry_count = COUNT_OF(usual_retry);
    }
    struct str notify = item(r, id, S("notify"));
    TRY(read_intervals(r, notify, &out->notify_ms, &out->notify_count));
    read_expiry(r, id, out);
    return OK;
}

static const struct virtual_queue *read_queue_name(struct reading *r, struct str id)
{
    struct str key = item(r, id, S("queue-name")), name = conf_str(r->conf, key);
    const struct virtual_queue *q = virtual_queue_named(r->out, name);
    if (q != NULL)
        return q;
    conf_error(r->conf, r->findings, key, -1, S("unknown-id"),
            "Virtual queue '%.*s' does not exist.", ARG(name));
    return virtual_queue_named(r->out, S("default"));
}

static struct err read_intervals(
        struct reading *r, struct str key, const int64_t **out, size_t *out_count)
{
    struct conf_list list = conf_list(r->conf, key);
    int64_t *all = arena_array(r->arena, list.count + 1, int64_t);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for a schedule");
    if (list.count > SCHEDULE_INTERVALS_MAX)
        conf_error(r->conf, r->findings, key, SCHEDULE_INTERVALS_MAX, S("bad-duration"),
                "invalid duration: more than %d of them", SCHEDULE_INTERVALS_MAX);
    for (size_t i = 0; i < list.count; i++)
        all[i] = interval_of(r, key, (int)i, &list.at[i]);
    if (str_ends(key, S("notify")))
        sort_marks(r, key, all, list.count);
    *out = all;
    *out_count = list.count;
    return OK;
}

// queue.md 15: a time below a second becomes one; it is mostly a number whose unit was forgotten.
static int64_t interval_of(
        struct reading *r, struct str key, int place, const struct conf_element *element)
{
    int64_t ms = element->value.integer;
    if (ms >= SECOND_MS)
        return ms;
    uint64_t bare;
    if (str_to_u64(element->written, UINT64_MAX, &bare))
        conf_warning(r->conf, r->findings, key, place, S("short-duration"),
                "%lld ms, taken for one second; did you mean %.*sm?", (long long)ms,
                ARG(element->written));
    else
        conf_warning(r->conf, r->findings, key, place, S("short-duration"),
                "%lld ms, taken for one second", (long long)ms);
    return SECOND_MS;
}

static void sort_marks(struct reading *r, struct str key, int64_t *marks, size_t count)
{
    bool told = false;
    for (size_t i = 1; i < count; i++)
        for (size_t j = i; j > 0 && marks[j - 1] >= marks[j]; j--) {
            if (!told)
                conf_warning(r->conf, r->findings, key, (int)i, S("mark-order"),
                        "marks count from the message's beginning, not from each other: this one "
                        "does not come after the one before it");
            told = true;
            if (marks[j - 1] == marks[j])
                break;
            int64_t swapped = marks[j];
            marks[j] = marks[j - 1];
            marks[j - 1] = swapped;
        }
}

static void read_expiry(struct reading *r, struct str id, struct schedule *out)
{
    struct str expire = item(r, id, S("expire")), attempts = item(r, id, S("max-attempts"));
    struct str end = item(r, id, S("max-expire")), type = item(r, id, S("expire-type"));
    bool by_time = conf_is_set(r->conf, expire), by_attempts = conf_is_set(r->conf, attempts);
    if (by_time && by_attempts)
        conf_error(r->conf, r->findings, attempts, -1, S("conflict"),
                "Cannot specify both 'expire' and 'max-attempts'.");
    out->expiry = by_attempts ? EXPIRY_ATTEMPTS : EXPIRY_TTL;
    out->attempts_max = by_attempts ? (uint32_t)conf_u64(r->conf, attempts) : 0;
    if (!by_attempts)
        out->expire_ms = conf_duration_ms(r->conf, expire);
    if (!by_attempts && out->expire_ms == 0)
        out->expire_ms = USUAL_EXPIRE_MS;
    out->expire_max_ms = by_attempts ? conf_duration_ms(r->conf, end) : 0;
    if (conf_is_set(r->conf, end) && !by_attempts)
        conf_error(r->conf, r->findings, end, -1, S("conflict"),
                "this goes with 'max-attempts'; without it 'expire' says when to give up");
    struct str word = conf_str(r->conf, type);
    bool says_attempts = str_eq(word, S("attempts"));
    if (!str_is_null(word) && says_attempts != by_attempts && (by_time || by_attempts))
        conf_error(r->conf, r->findings, type, -1, S("conflict"), "'%s' says something else",
                by_attempts ? "max-attempts" : "expire");
    else if (says_attempts && !by_attempts)
        conf_error(r->conf, r->findings, type, -1, S("missing"), "'max-attempts' is not set");
}

static void read_manager(struct reading *r)
{
    struct schedule_settings *s = r->out;
    const struct conf *c = r->conf;
    s->slots_max = (uint32_t)conf_u64(c, S("queue.manager.max-slots"));
    s->scan_horizon_ms = conf_duration_ms(c, S("queue.manager.scan-horizon"));
    s->ready_factor = (uint32_t)conf_u64(c, S("queue.manager.ready-factor"));
    s->rcpts_max = (uint32_t)conf_u64(c, S("queue.manager.max-recipients-per-message"));
    s->drain_timeout_ms = conf_duration_ms(c, S("queue.manager.drain-timeout"));
    s->quarantine_ms = conf_duration_ms(c, S("queue.quarantine.expire"));
}

// A schedule that nothing can choose is worth a word, unless names are computed.
static void check_strategy(struct reading *r)
{
    const struct schedule_settings *s = r->out;
    bool *used = arena_array(r->arena, s->schedule_count, bool);
    if (used == NULL || !check_literals(r, used))
        return;
    for (size_t i = 0; i < s->schedule_count; i++)
        if (!used[i] && conf_has_id(r->conf, S("queue.schedule"), s->schedules[i].id))
            conf_warning(r->conf, r->findings, item(r, s->schedules[i].id, S("queue-name")), -1,
                    S("unused"), "queue.strategy.schedule never chooses this schedule");
}

// False: not all values are literals. The default of the strategy is one expression with four.
static bool check_literals(struct reading *r, bool *used)
{
    const struct str key = S("queue.strategy.schedule");
    const struct schedule_settings *s = r->out;
    bool all = true, written = conf_is_set(r->conf, key);
    for (size_t i = 0; i < COUNT_OF(builtin_schedules); i++)
        if (!written || str_eq(builtin_schedules[i].id, S("default")))
            used[place_of(s, builtin_schedules[i].id)] = true;
    for (size_t i = 0; written && i < expr_value_count(s->schedule_of); i++) {
        struct str entry;
        const struct expr_result *literal = expr_literal(s->schedule_of, i, &entry);
        size_t place = literal != NULL ? place_of(s, literal->text) : s->schedule_count;
        all = all && literal != NULL;
        if (literal == NULL)
            continue;
        if (place < s->schedule_count) {
            used[place] = true;
            continue;
        }
        struct str near = value_word_nearest(names_of(s, r->arena), literal->text);
        struct str hint = str_is_null(near)
                                  ? S("")
                                  : arena_fmt(r->arena, "; did you mean '%.*s'?", ARG(near));
        conf_error(r->conf, r->findings, key, -1, S("unknown-id"),
                "%.*s%sunknown schedule '%.*s'%.*s", ARG(entry), entry.len > 0 ? ": " : "",
                ARG(literal->text), ARG(hint));
    }
    return all;
}

static size_t place_of(const struct schedule_settings *s, struct str id)
{
    for (size_t i = 0; i < s->schedule_count; i++)
        if (str_eq(s->schedules[i].id, id))
            return i;
    return s->schedule_count;
}

static struct str names_of(const struct schedule_settings *s, struct arena *a)
{
    struct str names = S("");
    for (size_t i = 0; i < s->schedule_count; i++)
        names = arena_fmt(a, "%.*s %.*s", ARG(names), ARG(s->schedules[i].id));
    return str_is_null(names) ? S("") : names;
}

const struct schedule *schedule_named(const struct schedule_settings *s, struct str id)
{
    size_t place = place_of(s, id);
    return place < s->schedule_count ? &s->schedules[place] : NULL;
}

const struct virtual_queue *virtual_queue_named(const struct schedule_settings *s, struct str id)
{
    for (size_t i = 0; i < s->queue_count; i++)
        if (str_eq(s->queues[i].id, id))
            return &s->queues[i];
    return NULL;
}

const struct schedule *schedule_of_unit(const struct schedule_settings *s, const struct unit *u)
{
    const struct schedule *found = schedule_named(s, u->schedule);
    return found != NULL ? found : schedule_named(s, S("default"));
}

const struct virtual_queue *virtual_queue_of_unit(
        const struct schedule_settings *s, const struct unit *u)
{
    const struct virtual_queue *found = virtual_queue_named(s, u->queue);
    return found != NULL ? found : virtual_queue_named(s, S("default"));
}
