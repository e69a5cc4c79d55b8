// SPDX-License-Identifier: Apache-2.0
// tests/unit/cli/test_queue.c: `posthaste queue`, one command line after the other on a queue of
// three messages; and how long the first page of a large queue takes.
#include "../queue/place.h"

#include "cli/commands.h"
#include "cli/moment.h"
#include "queue/quota/quota.h"
#include "rt/clock.h"

#define WORDS_MAX 9
#define LARGE_QUEUE 20000
#define GROUP 500

#define ROW(words, variable)                                                                       \
    {                                                                                              \
        GROUP_QUEUE, S_INIT(words), "", &command_##variable                                        \
    }
static const struct command_row rows[] = {ROW("queue list", queue_list),
        ROW("queue summary", queue_summary), ROW("queue status", queue_status),
        ROW("queue show", queue_show), ROW("queue retry", queue_retry),
        ROW("queue reroute", queue_reroute), ROW("queue edit", queue_edit),
        ROW("queue rule add", queue_rule_add), ROW("queue rule list", queue_rule_list),
        ROW("queue rule remove", queue_rule_remove), ROW("queue hold", queue_hold),
        ROW("queue release", queue_release), ROW("queue cancel", queue_cancel),
        ROW("queue check", queue_check), ROW("queue quota list", queue_quota_list),
        ROW("queue export", queue_export), ROW("queue import", queue_import)};

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    int status;
    const char *out; // whole; what begins with "~" is a part; NULL: nothing
    const char *err; // a part; NULL: nothing
} steps[] = {
        {"all", {"list", "-oplain"}, 0, "~0000000000000010  ", NULL},
        {"three", {"list", "-otable"}, 0, "~3 queued message(s) found.\n", NULL},
        {"a page", {"list", "-otable", "--limit", "2"}, 0,
                "~2 shown; go on with --cursor 0000000000000020\n", NULL},
        {"the next page", {"list", "-otable", "--cursor", "0000000000000020"}, 0,
                "~\n1 queued message(s) found.\n", NULL},
        {"newest first", {"list", "--newest", "--limit", "1"}, 0,
                "~{\"id\":48,\"id_hex\":\"0000000000000030\",", NULL},
        {"a line a message", {"list", "-s", "<>"}, 0,
                "~\"return_path\":\"\",\"created\":\"1970-01-01T00:00:01Z\"", NULL},
        {"an array", {"list", "--json", "--sender", "BOB"}, 0, "~[{\"id\":48,", NULL},
        {"nothing fits", {"list", "--sender", "nobody"}, 0, "", NULL},
        {"nothing fits in an array", {"list", "--sender", "nobody", "-ojson"}, 0, "[]\n", NULL},
        {"a domain, not a part of it", {"list", "-d", "d1.example"}, 0, "~\"id\":32,", NULL},
        {"a part of it", {"list", "-d", "1.example"}, 0, "", NULL},
        {"a recipient", {"list", "--rcpt", "R1@D1"}, 0, "~\"id\":32,", NULL},
        {"text", {"list", "--text", "bob@"}, 0, "~\"id\":48,", NULL},
        {"status", {"list", "--status", "tempfail"}, 0,
                "~{\"temp_fail\":\"Error for mx.example: Unexpected response for RCPT: 451 4.3.0 "
                "busy \\\\u{1b}[1m\"}",
                NULL},
        {"status and error of different recipients",
                {"list", "--status", "scheduled", "--error", "busy"}, 0, "", NULL},
        {"due", {"list", "--before", "1970-01-02"}, 0, "~\"id\":16,", NULL},
        {"not due", {"list", "--after", "1970-01-02"}, 0, "", NULL},
        {"no time", {"list", "--after", "yesterday"}, 2, NULL, "\"yesterday\" is no time"},
        {"no cursor", {"list", "--cursor", "x"}, 2, NULL, "--cursor takes the id of a message"},
        {"status of one", {"status", "16"}, 0, "~To          <r0@d0.example> scheduled, queue",
                NULL},
        {"harmless", {"status", "0000000000000030"}, 0, "~451 4.3.0 busy \\u{1b}[1m\n", NULL},
        {"status of none", {"status", "99"}, 5, NULL, "error: 99: reading a message: there is no"},
        {"status of some", {"status", "16", "99"}, 6, "~Id          0000000000000010\n", "99: "},
        {"no id", {"status", "0x10"}, 1, NULL, "\"0x10\" is no id of a message"},
        {"as sent", {"show", "16"}, 0, "Received: from mx.a.example\r\nSubject: x\r\n\r\nbody\r\n",
                NULL},
        {"only the header", {"show", "16", "--headers"}, 0,
                "Received: from mx.a.example\r\nSubject: x\r\n\r\n", NULL},
        {"as it came", {"show", "16", "--original"}, 0, "Bcc: y\r\nSubject: x\r\n\r\nbody\r\n",
                NULL},
        {"show none", {"show", "99"}, 5, NULL, "there is no such message"},
        {"by domain", {"summary", "--json"}, 0,
                "~[{\"key\":\"d0.example\",\"messages\":3,\"recipients\":6,", NULL},
        {"by error", {"summary", "--by", "error"}, 0, "~busy \\u{1b}[1m\n", NULL},
        {"errors by kind", {"summary", "--by", "queue", "--json"}, 0, "~\"errors\":{", NULL},
        {"by status", {"summary", "--by", "status"}, 0, "~  scheduled\n", NULL},
        {"by age", {"summary", "--age", "--top", "1"}, 0, "~ 1280m  older  Group\n", NULL},
        {"by nothing", {"summary", "--by", "colour"}, 2, NULL, "--by takes one of domain"},
        {"quotas", {"quota", "list"}, 0,
                "~1 of 4                     50 B  q                 "
                "sender=ann@a.example\n",
                NULL},
        {"a quota that is gone", {"quota", "list"}, 0, "~  (changed)         \n", NULL},
        {"quotas for programs", {"quota", "list", "--json"}, 0,
                "~[{\"id\":\"q\",\"key\":\"sender=ann@a.example\",\"messages\":1,\"size\":50,"
                "\"messages_max\":4,\"percent\":25},{\"id\":null,",
                NULL},
        {"checked", {"check"}, 0,
                "3 message(s), 4 unit(s), 4 due, 0 link(s) to bodies; 0 problem(s), 0 mended.\n",
                NULL},
        {"checked for programs", {"check", "--json"}, 0,
                "{\"messages\":3,\"units\":4,\"due\":4,\"links\":0,\"findings\":0,"
                "\"repaired\":0}\n",
                NULL},
        {"export where", {"export"}, 2, NULL, "FOLDER"},
        {"how many would be exported", {"export", "/nonexistent/x", "--dry-run"}, 0,
                "3 message(s) are meant.\n", NULL},
        {"export into nothing", {"export", "/dev/null/x"}, 1, NULL, "/dev/null"},
        {"export nothing", {"export", "/nonexistent/x", "--dry-run", "-d", "x"}, 5,
                "0 message(s) are meant.\n", NULL},
        {"ids and a filter", {"export", "/nonexistent/x", "16", "-d", "x"}, 2, NULL,
                "give either ids or a filter"},
        {"import what", {"import"}, 2, NULL, "FOLDER"},
        {"import nothing", {"import", "/nonexistent/x.json"}, 1,
                "Imported 0 message(s); 0 had been imported before.\n", "/nonexistent/x.json"},
        {"hold which", {"hold"}, 2, NULL, "which messages? Give ids, a filter, or --all"},
        {"both", {"hold", "16", "--all"}, 2, NULL, "give either ids or a filter"},
        {"not asked", {"hold", "-d", "d1.example"}, 1, NULL,
                "nothing was changed, and 1 message(s) are meant; --yes"},
        {"dry run", {"hold", "--all", "--dry-run"}, 0, "3 message(s) are meant.\n", NULL},
        {"held", {"hold", "-d", "d1.example", "-y", "--reason", "why"}, 0, "Held 1 message(s).\n",
                NULL},
        {"it says so", {"status", "32"}, 0, "~by command line", NULL},
        {"why", {"list", "--hold-reason", "admin"}, 0, "~\"text\":\"why\"", NULL},
        {"one unit of two", {"list", "--status", "held"}, 0, "~r0@d1.example", NULL},
        {"still consistent, and to be looked at when clocks run on", {"check"}, 0,
                "~ 4 due, 0 link(s) to bodies; 0 problem(s)", NULL},
        {"held already", {"hold", "-d", "d1.example", "-y"}, 5, "Held 0 message(s).\n",
                "nothing matched"},
        {"released", {"release", "--hold-reason", "admin", "-y"}, 0, "Released 1 message(s).\n",
                NULL},
        {"due again", {"check"}, 0, "~ 4 due, 0 link(s) to bodies; 0 problem(s)", NULL},
        {"not held", {"release", "32"}, 5, "Released 0 message(s).\n", "nothing matched"},
        {"times", {"status", "16"}, 0, "~next attempt ", NULL},
        {"no way", {"reroute", "16"}, 2, NULL,
                "where to? Give --to-route, --to-queue or --to-schedule"},
        {"no such route", {"reroute", "16", "--to-route", "x"}, 2, NULL, "there is no route 'x'"},
        {"no such schedule", {"reroute", "16", "--to-schedule", "x"}, 2, NULL,
                "there is no schedule 'x'"},
        {"no such queue", {"reroute", "16", "--to-queue", "x"}, 2, NULL,
                "there is no virtual queue 'x'"},
        {"another way", {"reroute", "16", "--to-route", "mx", "--to-schedule", "dsn"}, 0,
                "Rerouted 1 message(s).\n", NULL},
        {"its queue", {"status", "16", "--json"}, 0,
                "~\"queue\":\"dsn\",\"schedule\":\"dsn\",\"route\":\"mx\"", NULL},
        {"its end", {"status", "16"}, 0, "~next notice never, ends with attempt 10", NULL},
        {"and back",
                {"reroute", "16", "--to-route", "", "--to-schedule", "remote", "--to-queue",
                        "report"},
                0, "Rerouted 1 message(s).\n", NULL},
        {"another queue than the schedule's", {"status", "16", "--json"}, 0,
                "~\"queue\":\"report\",\"schedule\":\"remote\",\"next_hop\"", NULL},
        {"retried", {"retry", "16", "--time", "2090-01-01"}, 0,
                "Successfully rescheduled 1 message(s).\n", NULL},
        {"later", {"list", "--after", "2089-12-31"}, 0, "", NULL},
        {"as it says", {"status", "16", "--json"}, 0, "~\"next_retry\":\"2090-01-01T00:00:00Z\"",
                NULL},
        {"with one attempt more", {"status", "16", "--json"}, 0, "~\"attempts_max\":1", NULL},
        {"some are gone", {"retry", "16", "99"}, 6, "Successfully rescheduled 1 message(s).\n",
                NULL},
        {"for programs", {"retry", "16", "--json"}, 0,
                "{\"changed\":1,\"unchanged\":0,\"gone\":0,\"in_progress\":0}\n", NULL},
        {"nothing to change", {"edit", "32"}, 2, NULL, "what is to be changed?"},
        {"no priority", {"edit", "32", "--priority", "10"}, 2, NULL, "--priority takes -9 to 9"},
        {"whom", {"edit", "32", "--drop"}, 2, NULL, "whom to drop?"},
        {"nobody", {"edit", "32", "--rcpt", "r1@d1", "--drop"}, 1, NULL,
                "Recipient '<r1@d1>' does not exist"},
        {"an envelope", {"edit", "32", "--priority", "-4", "--env-id", "E", "--tag=tenant=t"}, 0,
                "Changed 1 message(s).\n", NULL},
        {"is there", {"status", "32", "--json"}, 0, "~\"priority\":-4,\"env_id\":\"E\"", NULL},
        {"with its tag", {"status", "32", "--json"}, 0, "~\"tags\":{\"tenant\":\"t\"}", NULL},
        {"again", {"edit", "32", "--priority", "-4", "--json"}, 0,
                "{\"changed\":0,\"unchanged\":1,\"gone\":0,\"in_progress\":0}\n", NULL},
        {"an end", {"edit", "32", "-r", "r0@d1.example", "--expires", "2091-01-01"}, 0,
                "Changed 1 message(s).\n", NULL},
        {"of one of them", {"status", "32", "--json"}, 0, "~\"expires\":\"2091-01-01T00:00:00Z\"",
                NULL},
        {"dropped", {"edit", "32", "-r", "r1@d1.example", "--drop"}, 0, "Changed 1 message(s).\n",
                NULL},
        {"failed", {"list", "--rcpt", "r1@d1.example", "--status", "permfail"}, 0, "~\"id\":32,",
                NULL},
        {"anew", {"edit", "32", "-r", "r1@d1.example", "--requeue"}, 0, "Changed 1 message(s).\n",
                NULL},
        {"waits", {"list", "--rcpt", "r1@d1.example", "--status", "scheduled"}, 0, "~\"id\":32,",
                NULL},
        {"as a whole", {"check"}, 0, "~0 problem(s)", NULL},
        {"about nothing", {"rule", "add", "hold"}, 2, NULL, "what is it about?"},
        {"no action", {"rule", "add", "drop", "--queue", "x"}, 2, NULL, "hold or bounce"},
        {"for too long", {"rule", "add", "hold", "--queue", "x", "--until", "+31d"}, 2, NULL,
                "within the next 30 days"},
        {"what a hold cannot say", {"rule", "add", "hold", "--queue", "x", "--text", "y"}, 2, NULL,
                "are for rules that bounce"},
        {"how many", {"rule", "add", "hold", "--rcpt-domain", "d1.example", "--dry-run"}, 0,
                "1 message(s) are meant.\n", NULL},
        {"no rule yet", {"rule", "list", "--json"}, 0, "[]\n", NULL},
        {"a rule",
                {"rule", "add", "hold", "--rcpt-domain", "D1.example", "--reason=because",
                        "--json"},
                0, "{\"changed\":1,\"unchanged\":0,\"gone\":0,\"in_progress\":0}\n", NULL},
        {"holds", {"list", "--hold-reason", "admin"}, 0, "~\"text\":\"because\"", NULL},
        {"and stands", {"rule", "list", "--json"}, 0,
                "~\"action\":\"hold\",\"rcpt-domain\":\"D1.example\"", NULL},
        {"no such rule", {"rule", "remove", "x"}, 5, NULL, "there is no rule 'x'"},
        {"not unasked", {"rule", "add", "bounce", "--queue", "x"}, 1, NULL, "no rule was made"},
        {"a rule that fits nothing", {"rule", "add", "bounce", "--queue", "x", "-y", "--json"}, 0,
                "{\"changed\":0,\"unchanged\":0,\"gone\":0,\"in_progress\":0}\n", NULL},
        {"let go", {"release", "--hold-reason", "admin", "-y"}, 0, "Released 1 message(s).\n",
                NULL},
        {"gone", {"edit", "99", "--priority", "1"}, 5, "Changed 0 message(s).\n",
                "nothing matched"},
        {"one recipient", {"cancel", "--rcpt", "r1@d1.example", "-y"}, 0,
                "Cancelled delivery of 1 message(s).\n", NULL},
        {"who failed", {"list", "--status", "permfail"}, 0,
                "~{\"perm_fail\":\"Error for localhost: Queue error: Delivery canceled.\"}", NULL},
        {"the others wait", {"list", "--rcpt", "r0@d1.example", "--status", "scheduled"}, 0,
                "~\"id\":32,", NULL},
        {"the last ones", {"cancel", "--sender", "<>", "--rcpt", "example", "-y"}, 0,
                "Cancelled delivery of 1 message(s).\n", NULL},
        {"go with the message", {"status", "32"}, 5, NULL, "no such message"},
        {"by id", {"cancel", "16"}, 0, "Cancelled delivery of 1 message(s).\n", NULL},
        {"all", {"cancel", "--all", "--yes"}, 0, "Cancelled delivery of 1 message(s).\n", NULL},
        {"empty", {"list", "-otable"}, 0, "0 queued message(s) found.\n", NULL},
        {"an empty queue holds together", {"check"}, 0, "~0 message(s), 0 unit(s), 0 due", NULL},
};

struct output {
    int status;
    char *out, *err;
    size_t out_len, err_len;
};

static void run(const char *config, const char *const *words, struct output *o)
{
    const char *argv[WORDS_MAX + 5] = {"posthaste", "queue"};
    int argc = 2;
    for (size_t i = 0; i < WORDS_MAX && words[i] != NULL; i++)
        argv[argc++] = words[i];
    argv[argc++] = "-c";
    argv[argc++] = config;
    *o = (struct output){0};
    struct cli_call call = {.argc = argc,
            .argv = (char **)(uintptr_t)argv,
            .in = fopen("/dev/null", "r"),
            .out = open_memstream(&o->out, &o->out_len),
            .err = open_memstream(&o->err, &o->err_len),
            .rows = rows,
            .row_count = COUNT_OF(rows)};
    assert_true(call.in != NULL && call.out != NULL && call.err != NULL);
    o->status = cli_main(&call);
    fclose(call.in);
    fclose(call.out);
    fclose(call.err);
}

static void output_done(struct output *o)
{
    free(o->out);
    free(o->err);
}

static void check_part(const char *name, struct str got, const char *want)
{
    struct str part = str_from_c(want);
    if (str_starts(part, S("~")) ? !str_contains(got, str_from(part, 1)) : !str_eq(got, part))
        check_failed("%s: got \"%.*s\", want \"%.*s\"", name, ARG(got), ARG(part));
}

static const char *write_config(struct place *p)
{
    const char *path = arena_c_str(&p->a, arena_fmt(&p->a, "%s/c.toml", p->folder));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "[global]\nstate-dir = '%s'\n[server.listener.s]\nbind = '[::1]:25'\n"
            "[queue.quota.q]\nmessages = 4\nkey = 'sender'\n",
            p->folder);
    fclose(f);
    return path;
}

// The key by which the quota of the configuration counts this message.
static uint64_t key_of(struct place *p, const struct message *m)
{
    struct findings findings = findings_make(&p->a);
    struct conf_options options = {.path = str_from_c(write_config(p))};
    struct queue_settings settings;
    struct conf *conf = conf_load(&options, &findings);
    assert_non_null(conf);
    struct err e = queue_settings_make(&p->a, conf, &findings, &settings);
    check_str("settings", err_text(e), S(""));
    struct queue_env env = {.message = m, .unit = &m->units[0], .rcpt = &m->units[0].rcpts[0]};
    uint64_t key = quota_key(&p->a, &settings.quotas[0], &env);
    conf_free(conf);
    return key;
}

static struct err three_messages(void *arg)
{
    struct place *p = arg;
    static const struct cut cut = {.at = 0, .bytes = 8};
    struct message m[] = {made_message(p, 0x10, S("Bcc: y\r\nSubject: x\r\n\r\nbody\r\n"), 1),
            made_message(p, 0x20, S("body"), 2), made_message(p, 0x30, S("body"), 1)};
    m[0].cuts = &cut;
    m[0].cut_count = 1;
    struct quota_ref refs[] = {{.key = key_of(p, &m[0])},
            {.key = 77, .scope = QUOTA_OF_DOMAIN, .subject = S("D0.example")},
            {.key = 78, .scope = QUOTA_OF_DOMAIN, .subject = S("done.example")}};
    m[0].quota_refs = refs;
    m[0].quota_ref_count = COUNT_OF(refs);
    m[0].quota_bytes = 50;
    m[1].sender = S("");
    m[2].sender = S("bob@b.example");
    m[2].units[0].rcpts[0].status = RCPT_TEMP_FAILED;
    m[2].units[0].rcpts[0].last = (struct outcome){.kind = FAILURE_UNEXPECTED_REPLY,
            .entity = S("mx.example"),
            .command = S("RCPT"),
            .code = 451,
            .enhanced = S("4.3.0"),
            .text = S("busy \x1b[1m"),
            .at_ms = 5000};
    for (size_t i = 0; i < COUNT_OF(m); i++)
        TRY(accept_message(p, &m[i]));
    return OK;
}

static void commands(void **state)
{
    (void)state;
    struct place p;
    place_begin(&p);
    in_loop(three_messages, &p);
    const char *config = write_config(&p);
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct output o;
        run(config, steps[i].words, &o);
        if (o.status != steps[i].status)
            check_failed(
                    "%s: status %d, want %d; %s", steps[i].name, o.status, steps[i].status, o.err);
        check_part(steps[i].name, str_of(o.out, o.out_len), steps[i].out);
        check_true(steps[i].name, (steps[i].err == NULL) == (o.err_len == 0));
        check_true(steps[i].name, str_contains(str_of(o.err, o.err_len), str_from_c(steps[i].err)));
        output_done(&o);
    }
    place_end(&p);
}

static void no_queue(void **state)
{
    (void)state;
    struct place p;
    struct output o;
    static const char *const words[WORDS_MAX] = {"list"}, *const check[WORDS_MAX] = {"check"};
    place_begin(&p);
    const char *config = write_config(&p);
    nftw(arena_c_str(&p.a, p.options.folder), place_remove, 16, FTW_DEPTH | FTW_PHYS);
    run(config, words, &o);
    check_u64("status", (uint64_t)o.status, 1);
    check_true("why", str_contains(str_of(o.err, o.err_len), S("there is no queue in")));
    output_done(&o);
    run(config, check, &o);
    check_u64("could not run", (uint64_t)o.status, 2);
    output_done(&o);
    place_end(&p);
}

static struct err many_messages(void *arg)
{
    struct place *p = arg;
    for (uint64_t id = 1; id <= LARGE_QUEUE;) {
        struct arena keep = p->a;
        arena_init(&p->a, 64 * MIB);
        struct store_change *changes = arena_array(&p->a, GROUP, struct store_change);
        struct message *m = arena_array(&p->a, GROUP, struct message);
        for (size_t i = 0; i < GROUP; i++, id++) {
            m[i] = made_message(p, id << 20, S("body"), 1);
            changes[i] = (struct store_change){.kind = STORE_ACCEPT, .message = &m[i]};
        }
        TRY(store_commit(p->store, &p->a, changes, GROUP));
        arena_done(&p->a);
        p->a = keep;
    }
    return OK;
}

// A page is found from where it begins, not from the first message.
static void large_queues(void **state)
{
    (void)state;
    struct place p;
    struct output o;
    static const char *const words[WORDS_MAX] = {"list", "--limit", "20"};
    place_begin(&p);
    in_loop(many_messages, &p);
    const char *config = write_config(&p);
    run(config, words, &o);
    check_u64("status", (uint64_t)o.status, 0);
    size_t lines = 0;
    for (size_t i = 0; i < o.out_len; i++)
        lines += o.out[i] == '\n';
    check_u64("a page", lines, 20);
    output_done(&o);
    place_end(&p);
}

static void moments(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_ms; // INT64_MAX: it is none
    } texts[] = {{"-2h", 100000000 - 2 * HOUR_MS}, {"+1d", 100000000 + DAY_MS}, {"+0s", 100000000},
            {"1970-01-02", DAY_MS}, {"1970-01-01T00:00:01Z", 1000},
            {"1970-01-01T01:00:00+01:00", 0}, {"+1", INT64_MAX}, {"1d", INT64_MAX},
            {"-", INT64_MAX}, {"", INT64_MAX}, {"+1dd", INT64_MAX}, {"1970-13-01", INT64_MAX},
            {"+99999999d", INT64_MAX}};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        int64_t at = INT64_MAX;
        bool is = moment_parse(str_from_c(texts[i].text), 100000000, &at);
        check_u64(texts[i].text, (uint64_t)at, (uint64_t)texts[i].at_ms);
        check_u64(texts[i].text, is, texts[i].at_ms != INT64_MAX);
    }
    static const struct {
        int64_t at_ms;
        const char *text;
    } shown[] = {{INT64_MAX, "never"}, {1000000, "now"}, {1000999, "now"}, {1001000, "in 1s"},
            {999000, "1s ago"}, {1000000 - 89 * SECOND_MS, "89s ago"},
            {1000000 - 90 * SECOND_MS, "1m ago"}, {1000000 + 3 * HOUR_MS, "in 3h"},
            {1000000 + 36 * (int64_t)HOUR_MS, "in 1d"}, {1000000 + 50 * (int64_t)DAY_MS, "in 50d"}};
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        buf_clear(&text);
        moment_add(&text, shown[i].at_ms, 1000000);
        check_str("moment", buf_str(&text), str_from_c(shown[i].text));
    }
    static const struct {
        uint64_t bytes;
        const char *text;
    } sizes[] = {{0, "0 B"}, {1023, "1023 B"}, {1024, "1.0 KiB"}, {4301, "4.2 KiB"},
            {5 * (uint64_t)MIB, "5.0 MiB"}, {UINT64_C(1) << 45, "32.0 TiB"}};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        buf_clear(&text);
        size_add(&text, sizes[i].bytes);
        check_str("size", buf_str(&text), str_from_c(sizes[i].text));
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
            TEST(commands), TEST(no_queue), TEST(large_queues), TEST(moments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
