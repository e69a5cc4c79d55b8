// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_check.c: `posthaste queue check` (queue.md 3.6).
#include "cli/commands.h"

#include "base/encode.h"
#include "cli/queue/queue_store.h"

#define FINDING_BYTES_MAX (4 * KIB)
#define CHECK_BYTES_MAX (256 * MIB)
#define COULD_NOT_RUN 2

static const struct cli_option options[] = {
        CLI_OPTION_CONFIG,
        {.name = S_INIT("repair"), .help = "mend what is found"},
        CLI_OPTION_JSON,
};

static struct err check_main(void *work) suspends;
static void say(void *ctx, struct str text);
static int result(struct cli *c, const struct store_check *seen);

static int run(struct cli *c)
{
    enum queue_open how = cli_has(c, S("repair")) ? QUEUE_TO_CHANGE : QUEUE_TO_READ;
    int status = CLI_FAILED; // unless check_main comes to its end
    int could = queue_work_run(c, how, check_main, &status);
    return could == CLI_OK ? status : COULD_NOT_RUN;
}

static struct err check_main(void *work)
{
    struct queue_work *w = work;
    struct arena a;
    struct store_check seen;
    const struct store_check_options what = {.repair = cli_has(w->c, S("repair")),
            .wall_now_ms = w->wall_now_ms,
            .say = w->c->json ? NULL : say,
            .ctx = w->c};
    arena_init(&a, CHECK_BYTES_MAX);
    struct err e = store_check(w->store, &a, &what, &seen);
    if (failed(e))
        e = fail_fmt(&w->c->arena, e.kind, "%.*s", ARG(err_text(e)));
    else
        *(int *)w->arg = result(w->c, &seen);
    arena_done(&a);
    return e;
}

static void say(void *ctx, struct str text)
{
    struct cli *c = ctx;
    struct buf line AUTO(buf_done);
    buf_init(&line, 2 * FINDING_BYTES_MAX);
    escape_text(&line, text, FINDING_BYTES_MAX, ESCAPE_PLAIN);
    buf_add_byte(&line, '\n');
    cli_print(c, buf_str(&line));
}

static int result(struct cli *c, const struct store_check *seen)
{
    int status = seen->findings > seen->repaired ? CLI_FAILED : CLI_OK;
    if (!c->json) {
        fprintf(c->out,
                "%llu message(s), %llu unit(s), %llu due, %llu link(s) to bodies; "
                "%llu problem(s), %llu mended.\n",
                (unsigned long long)seen->messages, (unsigned long long)seen->units,
                (unsigned long long)seen->due, (unsigned long long)seen->links,
                (unsigned long long)seen->findings, (unsigned long long)seen->repaired);
        return status;
    }
    const struct {
        struct str key;
        uint64_t value;
    } members[] = {{S("messages"), seen->messages}, {S("units"), seen->units},
            {S("due"), seen->due}, {S("links"), seen->links}, {S("findings"), seen->findings},
            {S("repaired"), seen->repaired}};
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    for (size_t i = 0; i < COUNT_OF(members); i++)
        json_put_u64(&o, members[i].key, members[i].value);
    json_object_end(&o);
    return cli_json_end(c, status);
}

const struct command command_queue_check = {
        .run = run,
        .about = "Does the queue hold together? Records and their checksums, units without\n"
                 "messages, messages without units, what is due, bodies that are missing or left\n"
                 "over. Each problem is a line. Exit status: 0 none (or all mended), 1 some, 2 it\n"
                 "could not be looked at. It may run beside the server. Records that cannot be\n"
                 "read are kept as files in the folder quarantine beside the bodies.",
        CLI_OPTIONS(options),
};
