// SPDX-License-Identifier: Apache-2.0
// cli/test/test_bounce_class.c: `posthaste test bounce-class`. The rules are those of deliveries.
#include "cli/batch.h"
#include "cli/commands.h"

#include "deliver/reply/classify.h"
#include "mail/status.h"
#include "rt/file.h"

#define RULES_BYTES_MAX (64 * MIB) // compiled

static const struct cli_option options[] = {
        CLI_OPTION_BATCH,
        {.name = S_INIT("host"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME"),
                .help = "name of the host that said it"},
        {.name = S_INIT("command"),
                .takes = OPTION_TEXT,
                .value = S_INIT("WORD"),
                .help = "what it answered: connect, ehlo, starttls, auth, mail, rcpt (default) or "
                        "data"},
        {.name = S_INIT("rules"),
                .takes = OPTION_TEXT,
                .value = S_INIT("FILE"),
                .help = "rules to try (default: the built-in ones)"},
};

static struct err rules_read(struct cli *c, struct arena *a, struct bounce_rules **out) MUST_USE;
static int classify_operand(struct cli *c, struct arena *a, const struct bounce_rules *rules);
static int classify_requests(struct cli *c, const struct bounce_rules *rules);
static struct str text_or(const struct json *request, struct str key, struct str otherwise);
static bool reply_read(struct str reply, struct outcome *out);
static bool scan_enhanced(struct scan *in);
static void answer_add(struct json_out *o, const struct bounce_answer *answer);

static int run(struct cli *c)
{
    struct bounce_rules *rules;
    struct arena a AUTO(arena_done);
    arena_init(&a, RULES_BYTES_MAX);
    struct err e = rules_read(c, &a, &rules);
    if (failed(e))
        return cli_fail(c, e.kind == ERR_SYNTAX ? CLI_DATA : cli_status_of_file(e), e);
    return c->operand_count > 0 ? classify_operand(c, &a, rules) : classify_requests(c, rules);
}

static struct err rules_read(struct cli *c, struct arena *a, struct bounce_rules **out)
{
    struct str path = cli_text(c, S("rules"), STR_NULL), text = bounce_rules_built_in();
    if (!str_is_null(path))
        TRY(file_read(a, path, BOUNCE_RULES_BYTES_MAX, &text, NULL));
    return bounce_rules_read(a, text, out);
}

static int classify_operand(struct cli *c, struct arena *a, const struct bounce_rules *rules)
{
    struct outcome o = {.host = cli_text(c, S("host"), STR_NULL),
            .command = cli_text(c, S("command"), S("rcpt"))};
    if (!reply_read(c->operands[0], &o))
        return cli_fail_text(c, CLI_TEST_USAGE, "a reply begins with three digits");
    struct bounce_answer answer = bounce_classify(rules, a, &o);
    struct json_out out = cli_json_begin(c);
    json_object_begin(&out);
    answer_add(&out, &answer);
    json_object_end(&out);
    return cli_json_end(c, CLI_OK);
}

static int classify_requests(struct cli *c, const struct bounce_rules *rules)
{
    struct batch b;
    struct str reply;
    batch_begin(&b, c);
    while (batch_next(&b)) {
        if (!batch_text(&b, S("reply"), &reply))
            continue;
        struct outcome o = {.host = text_or(b.request, S("host"), cli_text(c, S("host"), STR_NULL)),
                .command = text_or(b.request, S("command"), cli_text(c, S("command"), S("rcpt")))};
        if (!reply_read(reply, &o)) {
            batch_refuse(&b, S("a reply begins with three digits"));
            continue;
        }
        struct bounce_answer answer = bounce_classify(rules, &b.arena, &o);
        struct json_out out = batch_answer(&b);
        answer_add(&out, &answer);
        batch_answer_end(&b, &out);
    }
    return batch_end(&b);
}

static struct str text_or(const struct json *request, struct str key, struct str otherwise)
{
    return json_string(json_member(request, key), otherwise);
}

// reply = 3DIGIT [ ( SP / "-" ) [ enhanced ( SP / end ) ] text ]
static bool reply_read(struct str reply, struct outcome *out)
{
    struct scan in = scan_over(str_trim(reply));
    uint16_t code;
    if (!mail_code_scan(&in, &code))
        return false;
    if (!scan_end(&in) && !scan_byte(&in, ' ') && !scan_byte(&in, '-'))
        return false;
    out->kind = FAILURE_UNEXPECTED_REPLY;
    out->code = code;
    size_t start = scan_offset(&in);
    if (scan_enhanced(&in))
        out->enhanced = scan_since(&in, start);
    out->text = str_trim(scan_rest(&in));
    return true;
}

static bool scan_enhanced(struct scan *in)
{
    struct scan ahead = *in;
    struct mail_status ignored;
    if (!mail_status_scan(&ahead, &ignored) || (!scan_end(&ahead) && scan_peek(&ahead) != ' '))
        return false;
    *in = ahead;
    return true;
}

static void answer_add(struct json_out *o, const struct bounce_answer *answer)
{
    json_put_str(o, S("class"), bounce_class_word(answer->class));
    json_put_bool(o, S("hard"), bounce_class_is_hard(answer->class));
    json_put_str(o, S("provider"), answer->provider);
    json_key(o, S("line"));
    if (answer->line > 0)
        json_u64(o, answer->line);
    else
        json_null(o);
}

const struct command command_test_bounce_class = {
        .run = run,
        .operands = "[REPLY]",
        .operand_max = 1,
        .about =
                "Which bounce class would a reply of another server get? The answer tells whether\n"
                "it condemns the address (hard), whose rule says so, and its line among the\n"
                "rules. Without REPLY requests are read: {\"reply\": \"550 5.1.1 no such user\"},\n"
                "with \"host\" and \"command\" if they matter.",
        .examples =
                "  posthaste test bounce-class --host mx.example.net \"550 5.1.1 who is that?\"\n"
                "  posthaste test bounce-class --batch --rules my.rules < replies",
        CLI_OPTIONS(options),
};
