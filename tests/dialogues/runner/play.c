// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/play.c: one case: its world is made, its steps are played in order, and
// at the end nothing may be left unread.
#include "runner.h"
#include "zone.h"

#include "rt/stream.h"

#define MAIN_FILE S("/etc/posthaste/config.toml")
#define SHARED_FILE S("/etc/posthaste/config.toml.d/10-shared.toml")
#define CASE_FILE S("/etc/posthaste/config.toml.d/20-case.toml")
#define BLOCK_BYTES_MAX MIB
#define SAYING_BYTES_MAX (4 * MIB)

static struct err direct(void *arg) suspends;
static struct err world_make(struct runner *r);
static bool accepts_any(const struct dialogue_case *c);
static struct err play_all(struct runner *r) suspends;
static struct err play_steps(struct runner *r, const struct step *steps, size_t count) suspends;
static struct err play_step(struct runner *r, const struct step *step) suspends;
static struct err play_network(struct runner *r, const struct step *step) suspends;
static struct err play_server(struct runner *r, const struct step *step) suspends;
static struct err say(struct runner *r, const struct step *step) suspends;
static struct err say_all(struct runner *r, uint32_t line) suspends;
static struct err play_on(struct runner *r, const struct step *step);
static struct err play_close(struct runner *r, const struct step *step) suspends;
static struct err play_block(struct runner *r, const struct step *step);
static struct err play_zone(struct runner *r, const struct step *step);
static struct err play_dns(struct runner *r, const struct step *step);
static struct err play_fault(struct runner *r, const struct step *step);
static struct err at_the_end(struct runner *r) suspends;
static void world_end(struct runner *r) suspends;

// What a server needs at least; a case's own configuration stands in files that override this one.
static const struct str base_config = S_INIT("[server]\n"
                                             "hostname = \"mx.example.org\"\n"
                                             "[server.listener.smtp]\n"
                                             "bind = [\"[::]:25\"]\n"
                                             "protocol = \"smtp\"\n");

struct err play_case(struct runner *r)
{
    uint64_t seed = 1;
    each_in_vec (step, &r->dialogue->shared.steps) {
        if (step->kind == STEP_SEED)
            seed = (uint64_t)step->number;
    }
    each_in_vec (step, &r->now->steps) {
        if (step->kind == STEP_SEED)
            seed = (uint64_t)step->number;
    }
    arena_init(&r->arena, CASE_BYTES_MAX);
    buf_init(&r->saying, SAYING_BYTES_MAX);
    buf_init(&r->metrics_before, 16 * MIB);
    buf_init(&r->trouble.text, MIB);
    memory_files_init(&r->files, r->authority);
    r->conf_files = memory_files_conf(&r->files);
    r->sim = sim_new(r->options->has_seed ? r->options->seed : seed);
    struct err e = r->sim == NULL ? fail(ERR_LIMIT, "no memory for a world") : world_make(r);
    if (!failed(e))
        e = sim_run(r->sim, direct, r);
    if (failed(e) && !r->trouble.some)
        e = wrong(r, r->now->line, "%.*s", ARG(err_text(e)));
    sim_server_free(r->server);
    return e;
}

static struct err world_make(struct runner *r)
{
    struct sim_server_options options = {
            .name = S("mx.example.org"),
            .ips = {{IP_V4, {198, 51, 100, 25}}, {IP_V6, {0x20, 1, 0xd, 0xb8, [15] = 0x25}},
                    {IP_V4, {127, 0, 0, 1}}},
            .ip_count = 3,
            .files = &r->conf_files,
            .path = MAIN_FILE,
            .delivers = accepts_any(&r->dialogue->shared) || accepts_any(r->now),
    };
    TRY(memory_files_put(&r->files, MAIN_FILE, base_config));
    return sim_server_add(r->sim, &options, &r->server);
}

// What waits in the queue can be looked at as long as nobody is there who would take it.
static bool accepts_any(const struct dialogue_case *c)
{
    for (size_t i = 0; i < c->steps.count; i++)
        if (c->steps.at[i].kind == STEP_ACCEPT)
            return true;
    return false;
}

static struct err direct(void *arg)
{
    struct runner *r = arg;
    struct err e = play_all(r);
    world_end(r);
    return e;
}

static struct err play_all(struct runner *r)
{
    TRY(waiting_open(r));
    TRY(play_steps(r, r->dialogue->shared.steps.at, r->dialogue->shared.steps.count));
    TRY(play_steps(r, r->now->steps.at, r->now->steps.count));
    return at_the_end(r);
}

static struct err play_steps(struct runner *r, const struct step *steps, size_t count)
{
    for (size_t i = 0; i < count;) {
        const struct step *step = &steps[i];
        size_t used = 1;
        struct err e;
        if (step->kind != STEP_SAY)
            TRY(say_all(r, step->line)); // neighbouring lines leave in one segment
        switch (step->kind) {
        case STEP_LINE:
        case STEP_BYTES:
        case STEP_REPLY_HAS:
        case STEP_REPLY_LACKS:
        case STEP_SKIP_TO:
            e = hear_steps(r, step, count - i, &used);
            if (e.kind == ERR_NOT_FOUND) // taken out by --accept
                e = OK;
            break;
        default:
            e = play_step(r, step);
            break;
        }
        TRY(e);
        i += used;
    }
    return count > 0 ? say_all(r, steps[count - 1].line) : OK;
}

static struct err play_step(struct runner *r, const struct step *step)
{
    switch (step->kind) {
    case STEP_SAY:
        return say(r, step);
    case STEP_LINE:
    case STEP_BYTES:
    case STEP_REPLY_HAS:
    case STEP_REPLY_LACKS:
    case STEP_SKIP_TO:
        return OK; // play_steps has done it
    case STEP_CONNECT:
        return play_connect(r, step);
    case STEP_ACCEPT:
        return play_accept(r, step);
    case STEP_ON:
        return play_on(r, step);
    case STEP_CLOSED:
    case STEP_ABORTED:
        return hear_end(r, step);
    case STEP_SILENT:
        return hear_silence(r, step);
    case STEP_CLOSE:
    case STEP_ABORT:
        return play_close(r, step);
    case STEP_TLS:
        return play_tls(r, step);
    case STEP_SEGMENT:
    case STEP_CUT:
    case STEP_HEAL:
    case STEP_WAIT:
    case STEP_CLOCK:
    case STEP_SEED:
        return play_network(r, step);
    case STEP_CRASH:
    case STEP_START:
    case STEP_DRAIN:
    case STEP_RELOAD:
        return play_server(r, step);
    case STEP_CONFIG:
    case STEP_FILE:
        return play_block(r, step);
    case STEP_ZONE:
        return play_zone(r, step);
    case STEP_DNS:
        return play_dns(r, step);
    case STEP_EVENTS:
        TRY(play_start_server(r));
        return play_events(r, step);
    case STEP_METRICS:
        TRY(play_start_server(r));
        return play_metrics(r, step);
    case STEP_RUN:
    case STEP_EXIT:
        return play_run(r, step);
    case STEP_QUEUE:
        return play_queue(r, step);
    case STEP_MESSAGE:
        return play_message(r, step);
    case STEP_FAULT:
        return play_fault(r, step);
    }
    return OK;
}

// --- Saying --------------------------------------------------------------------------------------

static struct err say(struct runner *r, const struct step *step)
{
    struct str text;
    struct err e = template_fill(&r->arena, &step->text, &r->holes, &text);
    if (failed(e))
        return wrong(r, step->line, "%.*s", ARG(err_text(e)));
    if (r->talk == NULL || r->talk->over)
        return wrong(r, step->line, "the connection is over, by the dialogue's own words");
    buf_add(&r->saying, text);
    if (!step->raw)
        buf_add(&r->saying, S("\r\n"));
    note_line(r, r->talk, step->role, text);
    return r->saying.overflow ? fail(ERR_LIMIT, "too much is said at once") : OK;
}

static struct err say_all(struct runner *r, uint32_t line)
{
    if (r->saying.len == 0)
        return OK;
    within_ms(SOON_MS);
    struct err e = stream_write(r->talk->stream, buf_str(&r->saying));
    if (!failed(e))
        e = stream_flush(r->talk->stream);
    buf_clear(&r->saying);
    return failed(e) ? wrong(r, line, "what was said could not be sent: %.*s", ARG(err_text(e)))
                     : OK;
}

static struct err play_on(struct runner *r, const struct step *step)
{
    for (size_t i = 0; i < r->talk_count; i++)
        if (str_eq(r->talks[i].name, step->name))
            r->talk = &r->talks[i];
    return OK;
}

static struct err play_close(struct runner *r, const struct step *step)
{
    struct talk *t = r->talk;
    if (t == NULL || t->over)
        return wrong(r, step->line, "the connection is over, by the dialogue's own words");
    note(r, "%.*s %s", ARG(t->name), step->kind == STEP_ABORT ? "abort" : "close");
    if (step->kind == STEP_ABORT) {
        t->over = true;
        sim_stream_abort(t->stream);
        return OK;
    }
    t->closing = true;
    TRY(sim_settle(r->sim));
    TRY(hear_nothing_more(r, t, step->line, step->line));
    within_ms(SOON_MS);
    struct err ignored = stream_end(t->stream);
    (void)ignored; // it may have been ended from the other side
    return OK;
}

// --- The world -----------------------------------------------------------------------------------

struct err play_start_server(struct runner *r)
{
    if (r->was_started)
        return OK;
    r->was_started = true;
    struct err e = sim_server_start(r->server);
    if (!failed(e))
        return OK;
    return wrong(r, r->now->line, "the server did not start: %.*s\n%.*s", ARG(err_text(e)),
            ARG(str_trim(sim_server_trouble(r->server))));
}

static struct err play_network(struct runner *r, const struct step *step)
{
    switch (step->kind) {
    case STEP_SEGMENT:
        r->segment_bytes = (size_t)step->number;
        for (size_t i = 0; i < r->talk_count; i++)
            if (!r->talks[i].over)
                sim_stream_segment(r->talks[i].stream, r->segment_bytes);
        return OK;
    case STEP_CUT:
        sim_cut(r->sim, &step->from);
        return OK;
    case STEP_HEAL:
        if (step->from.family != IP_NONE) {
            sim_cut_heal(r->sim, &step->from);
            return OK;
        }
        sim_heal(r->sim);
        sim_server_disk(r->server, SIM_DISK_WELL);
        return OK;
    case STEP_WAIT:
        TRY(play_start_server(r));
        return sim_run_ms(r->sim, step->number);
    case STEP_CLOCK:
        sim_wall_set(r->sim, wall_ms() + step->number);
        return OK;
    default:
        return OK; // the seed was used when the world was made
    }
}

static struct err play_server(struct runner *r, const struct step *step)
{
    if (step->kind == STEP_START && r->was_started && sim_server_is_up(r->server))
        return wrong(r, step->line, "the server runs already");
    if (step->kind == STEP_START)
        r->was_started = false;
    TRY(play_start_server(r));
    if (!sim_server_is_up(r->server))
        return wrong(r, step->line, "the server does not run");
    note(r, "%.*s", ARG(step->written));
    struct err e = OK;
    if (step->kind == STEP_CRASH)
        sim_server_crash(r->server, SIM_CRASH_RESET);
    else if (step->kind == STEP_DRAIN)
        sim_server_drain(r->server);
    else if (step->kind == STEP_RELOAD)
        e = sim_server_reload(r->server);
    return failed(e) ? wrong(r, step->line, "reloading failed: %.*s\n%.*s", ARG(err_text(e)),
                               ARG(str_trim(sim_server_trouble(r->server))))
                     : OK;
}

static struct err play_block(struct runner *r, const struct step *step)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, BLOCK_BYTES_MAX);
    for (size_t i = 0; i < step->line_count; i++) {
        buf_add(&text, step->lines[i]);
        buf_add_byte(&text, '\n');
    }
    bool is_shared = step->line < r->now->line; // it stands before the first case
    struct str path = is_shared ? SHARED_FILE : CASE_FILE;
    return memory_files_put(&r->files, step->kind == STEP_FILE ? step->name : path, buf_str(&text));
}

static struct err play_zone(struct runner *r, const struct step *step)
{
    struct dns_zone *zone = sim_dns(r->sim);
    struct err e = zone == NULL ? fail(ERR_LIMIT, "no memory for a zone") : OK;
    for (size_t i = 0; i < step->line_count && !failed(e); i++) {
        e = zone_add_line(&r->arena, zone, step->name, step->lines[i]);
        if (failed(e))
            return wrong(r, step->block_line + (uint32_t)i, "%.*s", ARG(err_text(e)));
    }
    if (!failed(e) && (step->secure || step->bogus))
        e = dns_zone_sign(zone, step->name, step->secure ? DNSSEC_SECURE : DNSSEC_BOGUS);
    return failed(e) ? wrong(r, step->line, "%.*s", ARG(err_text(e))) : OK;
}

static struct err play_dns(struct runner *r, const struct step *step)
{
    static const enum dns_fault_kind kinds[] = {
            [TROUBLE_SERVFAIL] = DNS_FAULT_SERVFAIL,
            [TROUBLE_TIMEOUT] = DNS_FAULT_TIMEOUT,
            [TROUBLE_DELAY] = DNS_FAULT_DELAY_ONLY,
    };
    struct dns_fault fault = {.name = step->dns.name,
            .kind = kinds[step->dns.trouble],
            .delay_ms = step->dns.delay_ms};
    if (step->dns.type.len > 0 && !dns_type_parse(step->dns.type, &fault.type))
        return wrong(r, step->line, "no type of record: %.*s", ARG(step->dns.type));
    return sim_dns_fault(r->sim, &fault);
}

static struct err play_fault(struct runner *r, const struct step *step)
{
    static const enum sim_disk how[] = {
            [FAULT_COMMIT] = SIM_DISK_FAILS,
            [FAULT_DISK] = SIM_DISK_BROKEN,
            [FAULT_DISK_FULL] = SIM_DISK_FULL,
    };
    sim_server_disk(r->server, how[step->number]);
    return OK;
}

static struct err at_the_end(struct runner *r)
{
    uint32_t line = r->now->line;
    if (r->now->steps.count > 0)
        line = r->now->steps.at[r->now->steps.count - 1].line;
    TRY(sim_settle(r->sim));
    for (size_t i = 0; i < r->talk_count; i++)
        if (!r->talks[i].over && !r->talks[i].closing)
            TRY(hear_nothing_more(r, &r->talks[i], line, line + 1));
    if (r->exit_line != 0 && r->exit_status != 0)
        return wrong(r, r->exit_line, "expected  exit 0\n    got       exit %lld",
                (long long)r->exit_status);
    return OK;
}

static void world_end(struct runner *r)
{
    for (size_t i = 0; i < r->talk_count; i++)
        stream_close(r->talks[i].stream);
    each_in_vec (w, &r->waiting)
        acceptor_free(w->acceptor);
}
