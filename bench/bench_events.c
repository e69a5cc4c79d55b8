// SPDX-License-Identifier: Apache-2.0
// bench/bench_events.c: what it costs to say something: an event that nobody wants, one that is
// only counted, one that goes into the ring, its line in each form; to count; and a scrape.
#define POSTHASTE_BASE_ROOM
#include "events/log.h"
#include "events/text.h"

#include <sys/mman.h>
#include <time.h>

#define ROUNDS 2000000
#define LINES 300000
#define SCRAPES 300
#define COLUMNS 130 // as a server has them; this many processes have counted:
#define COLUMNS_USED 4

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int64_t wall_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void tell(const char *what, double seconds, double count)
{
    printf("%-44s %10.1f ns\n", what, seconds / count * 1e9);
}

static bool take(void *self, struct str records)
{
    *(uint64_t *)self += records.len;
    return true;
}

static void *zeroed(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED)
        abort();
    return at;
}

static void say(struct event_log *log, struct span *span, int i)
{
    event_in(span, EV_SMTP_CONNECTION_END, F_MS(elapsed, 12), F_U64(sizeIn, (uint64_t)i),
            F_U64(sizeOut, 4711), F_U64(total, 1), F_STR(reason, S("quit")));
    if (i % 64 == 0)
        event_log_flush(log);
}

static void measure_events(const char *what, struct event_log *log, struct span *span)
{
    double from = now_s();
    for (int i = 0; i < ROUNDS; i++)
        say(log, span, i);
    tell(what, now_s() - from, ROUNDS);
}

static void measure_lines(const char *what, struct str record, const struct text_style *style)
{
    struct record r;
    struct buf line;
    struct str rest = record;
    buf_init(&line, MIB);
    if (!record_take(&rest, &r))
        abort();
    double from = now_s();
    for (int i = 0; i < LINES; i++) {
        buf_clear(&line);
        text_add_line(&line, &r, style);
    }
    tell(what, now_s() - from, LINES);
    buf_done(&line);
}

static void measure_metrics(struct metrics *m, struct metrics_column *c)
{
    double from = now_s();
    for (int i = 0; i < ROUNDS; i++)
        metric_add(c, METRIC_LISTENER_ACCEPTED, LABELS((uint8_t)(i & 7)), 1);
    tell("a counter with a label", now_s() - from, ROUNDS);
    from = now_s();
    for (int i = 0; i < ROUNDS; i++)
        metric_observe(c, METRIC_TLS_HANDSHAKE_TIME, NO_LABELS, (uint64_t)(i & 1023));
    tell("a histogram", now_s() - from, ROUNDS);
    struct buf page;
    struct metrics_form form = {.prefix = S(""), .compatible_names = true};
    buf_init(&page, 16 * MIB);
    from = now_s();
    for (int i = 0; i < SCRAPES; i++) {
        buf_clear(&page);
        metrics_expose(m, &form, &page);
    }
    tell("a scrape", now_s() - from, SCRAPES);
    printf("%-44s %10zu bytes\n", "its page", page.len);
    buf_done(&page);
}

int main(void)
{
    struct event_wants *wants = zeroed(sizeof(*wants));
    struct metrics *m = metrics_at(zeroed(metrics_bytes_needed(COLUMNS)), COLUMNS);
    struct metrics_column column = metrics_column_begin(m, COLUMNS_USED - 1);
    struct ip ip = {.family = IP_V4, .bytes = {192, 0, 2, 7}};
    struct span span;
    uint64_t taken = 0;
    for (size_t i = 0; i < 8; i++)
        (void)metrics_label_add(m, LABEL_LISTENER, str_of(&"abcdefgh"[i], 1));
    struct event_log *log = event_log_new(&(struct event_log_options){.wants = wants,
            .ring = event_ring_at(zeroed(event_ring_bytes())),
            .sink = {.self = &taken, .write = take},
            .now_ms = wall_now_ms,
            .metrics = &column,
            .node = 1});
    if (log == NULL)
        return 1;
    span_begin(&span, log, EV_SMTP_CONNECTION_START, F_STR(listenerId, S("smtp")),
            F_IP(remoteIp, &ip), F_U64(remotePort, 41236));
    measure_events("an event that nobody wants", log, &span);
    wants->of[EV_SMTP_CONNECTION_END] = LEVEL_INFO | WANT_COUNT;
    measure_events("one that is counted", log, &span);
    wants->of[EV_SMTP_CONNECTION_END] = LEVEL_INFO | WANT_COUNT | WANT_RECORD;
    measure_events("one that is recorded (5 fields, 3 of its span)", log, &span);
    char bytes[1024];
    struct field fields[] = {F_MS(elapsed, 12), F_U64(sizeIn, 420), F_U64(sizeOut, 4711),
            F_U64(total, 1), F_STR(reason, S("quit"))};
    struct record_head head = {.id = EV_SMTP_CONNECTION_END,
            .level = LEVEL_INFO,
            .at_ms = wall_now_ms(),
            .node = 1,
            .span_id = span.id};
    size_t len = record_write(
            bytes, sizeof(bytes), &head, &span, fields, sizeof(fields) / sizeof(fields[0]));
    measure_lines("its line as text", str_of(bytes, len), &(struct text_style){.form = FORM_TEXT});
    measure_lines("as JSON", str_of(bytes, len), &(struct text_style){.form = FORM_JSON});
    measure_lines("as logfmt", str_of(bytes, len), &(struct text_style){.form = FORM_LOGFMT});
    measure_metrics(m, &column);
    event_log_free(log);
    return taken > 0 ? 0 : 1;
}
