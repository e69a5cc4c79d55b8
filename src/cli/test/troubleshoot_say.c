// SPDX-License-Identifier: Apache-2.0
// cli/test/troubleshoot_say.c: see cli/test/troubleshoot_say.h.
#include "cli/test/troubleshoot_say.h"

#include "base/json.h"
#include "events/text.h"

static bool is_of_the_attempt(enum field_id field);
static struct str end_name(enum probe_end end);
static struct str end_text(const struct probe *probe, enum probe_end end);
static struct str kind_text(enum failure_kind kind);
static void say_json(struct cli *c, const struct probe_result *result);

void troubleshoot_add_event(struct buf *out, const struct record *r)
{
    const struct event_row *row = event_row(r->head.id);
    struct str fields = r->fields, between = S(": ");
    struct field_value v;
    buf_fmt(out, "%.*s (%.*s)", ARG(row->text), ARG(row->name));
    while (record_next_field(&fields, &v)) {
        if (v.kind == KIND_NULL || is_of_the_attempt(v.field))
            continue;
        buf_add(out, between);
        buf_fmt(out, "%.*s = ", ARG(field_row(v.field)->name));
        text_add_value(out, &v);
        between = S(", ");
    }
    buf_add_byte(out, '\n');
}

static bool is_of_the_attempt(enum field_id field)
{
    static const enum field_id all[] = {FIELD_queueId, FIELD_queueName, FIELD_from, FIELD_total,
            FIELD_size, FIELD_attempt, FIELD_totalSuccesses, FIELD_totalFailures};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (all[i] == field)
            return true;
    return false;
}

void troubleshoot_say(struct cli *c, const struct probe *probe, const struct probe_result *result)
{
    const struct outcome *o = &result->outcome;
    if (c->json) {
        say_json(c, result);
        return;
    }
    struct buf text AUTO(buf_done);
    buf_init(&text, 64 * KIB);
    buf_fmt(&text, "\n%.*s ", ARG(end_text(probe, result->end)));
    if (result->end != PROBE_TAKEN && !str_is_empty(kind_text(o->kind)))
        buf_fmt(&text, "%.*s: ", ARG(kind_text(o->kind)));
    if (!str_is_empty(o->entity))
        buf_fmt(&text, "%.*s: ", ARG(o->entity));
    if (o->code != 0)
        buf_fmt(&text, "the host says %s%.*s%s", str_is_empty(o->command) ? "" : "to ",
                ARG(o->command), str_is_empty(o->command) ? "" : ": ");
    if (o->code != 0)
        buf_fmt(&text, "%u ", o->code);
    if (!str_is_empty(o->enhanced) && !str_starts(o->text, o->enhanced))
        buf_fmt(&text, "%.*s ", ARG(o->enhanced));
    buf_add(&text, o->text);
    buf_add_byte(&text, '\n');
    cli_print(c, buf_str(&text));
}

static struct str end_text(const struct probe *probe, enum probe_end end)
{
    switch (end) {
    case PROBE_TAKEN:
        return S("It would be taken.");
    case PROBE_DEFERRED:
        return S("It would wait, and be tried again until its time is over.");
    case PROBE_REFUSED:
        return str_is_empty(probe->sender) ? S("It would be given up at once.")
                                           : S("It would go back to its sender at once.");
    case PROBE_UNKNOWN:
        break;
    }
    return S("Nothing is decided.");
}

// Whose trouble it is, in words that need no table.
static struct str kind_text(enum failure_kind kind)
{
    switch (kind) {
    case FAILURE_DNS:
        return S("The DNS");
    case FAILURE_CONNECTION:
        return S("The connection");
    case FAILURE_TLS:
        return S("TLS");
    case FAILURE_DANE:
        return S("TLS, by the keys that the DNS has for the host (DANE)");
    case FAILURE_MTA_STS:
        return S("TLS, by the policy that the domain publishes (MTA-STS)");
    case FAILURE_RATE:
    case FAILURE_CONCURRENCY:
        return S("A limit of ours");
    case FAILURE_IO:
        return S("This server");
    case FAILURE_NONE:
    case FAILURE_UNEXPECTED_REPLY:
        break;
    }
    return S("");
}

static void say_json(struct cli *c, const struct probe_result *result)
{
    const struct outcome *o = &result->outcome;
    struct json_out out = cli_json_begin(c);
    json_object_begin(&out);
    json_put_bool(&out, S("accepted"), result->end == PROBE_TAKEN);
    json_put_str(&out, S("end"), end_name(result->end));
    json_put_str(&out, S("entity"), o->entity);
    json_put_u64(&out, S("code"), o->code);
    json_put_str(&out, S("enhanced"), o->enhanced);
    json_put_str(&out, S("text"), o->text);
    json_object_end(&out);
    (void)cli_json_end(c, CLI_OK);
}

static struct str end_name(enum probe_end end)
{
    switch (end) {
    case PROBE_TAKEN:
        return S("taken");
    case PROBE_DEFERRED:
        return S("deferred");
    case PROBE_REFUSED:
        return S("refused");
    case PROBE_UNKNOWN:
        break;
    }
    return S("unknown");
}
