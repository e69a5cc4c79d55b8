// SPDX-License-Identifier: Apache-2.0
// cli/queue/queue_status.c: `posthaste queue status [ID]...`.
#include "cli/commands.h"

#include "cli/queue/queue_pauses.h"
#include "cli/queue/queue_print.h"
#include "cli/queue/queue_server.h"

#define MESSAGE_BYTES_MAX (64 * MIB)

static const struct cli_option options[] = {CLI_OPTION_CONFIG, CLI_OPTION_JSON};

static struct err status_main(void *work) suspends;
static struct err status_of(struct queue_work *w, struct str word, struct json_out *json);

static int run(struct cli *c)
{
    if (c->operand_count == 0)
        return queue_pauses_run(c, PAUSES_LOOK);
    return queue_work_run(c, QUEUE_TO_READ, status_main, NULL);
}

static struct err status_main(void *work)
{
    struct queue_work *w = work;
    struct cli *c = w->c;
    size_t missing = 0;
    w->told_unsettled = true; // nothing is changed here: it need not be said
    queue_server_settle(w);   // so that what workers know is seen, and what they carry
    struct json_out json = cli_json_begin(c);
    json_array_begin(&json);
    for (size_t i = 0; i < c->operand_count; i++) {
        struct err e = status_of(w, c->operands[i], &json);
        if (failed(e))
            w->status = cli_fail(c, e.kind == ERR_NOT_FOUND ? CLI_NOT_FOUND : CLI_FAILED, e);
        missing += failed(e);
    }
    json_array_end(&json);
    if (c->json)
        (void)cli_json_end(c, CLI_OK);
    if (missing > 0 && missing < c->operand_count)
        w->status = CLI_PARTLY;
    return OK;
}

static struct err status_of(struct queue_work *w, struct str word, struct json_out *json)
{
    struct cli *c = w->c;
    struct arena a;
    struct message m;
    uint64_t id;
    if (!queue_id_parse(word, &id))
        return fail_fmt(&c->arena, ERR_SYNTAX, "\"%.*s\" is no id of a message", ARG(word));
    arena_init(&a, MESSAGE_BYTES_MAX);
    struct err e = store_read(w->store, &a, id, STORE_WITHOUT_BODY, &m);
    if (failed(e)) {
        e = fail_fmt(&c->arena, e.kind, "%.*s: %.*s", ARG(word), ARG(err_text(e)));
    } else if (c->json) {
        bool is_carried = queue_server_carries(w, id);
        queue_message_json(json, &m, is_carried ? FLIGHT_YES : FLIGHT_NO);
    } else {
        struct buf text AUTO(buf_done);
        buf_init(&text, MESSAGE_BYTES_MAX);
        queue_message_text(&text, &m, w->wall_now_ms);
        if (queue_server_carries(w, id))
            buf_add(&text, S("It is being delivered at this moment.\n"));
        buf_add_byte(&text, '\n');
        cli_print(c, buf_str(&text));
    }
    arena_done(&a);
    return e;
}

const struct command command_queue_status = {
        .run = run,
        .operands = "[ID]...",
        .operand_max = SIZE_MAX,
        .about = "Without an ID: do deliveries go on, or has somebody paused them? Else says all "
                 "that\n"
                 "is known of messages: each recipient with its status, its last\n"
                 "reply, and when it is tried again. An id has 16 hex digits, or is a decimal\n"
                 "number. The exit status is 5 when there is no such message, 6 when only some\n"
                 "are there.",
        CLI_OPTIONS(options),
};
