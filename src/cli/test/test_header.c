// SPDX-License-Identifier: Apache-2.0
// cli/test/test_header.c: `posthaste test header`. The readers are those of messages on their way.
#include "cli/batch.h"
#include "cli/commands.h"

#include "mail/mail.h"

static const struct cli_option options[] = {CLI_OPTION_BATCH};

static bool answer(struct batch *b, struct str type, struct str value);
static void answer_mailboxes(struct batch *b, struct json_out *o, struct str value);
static void put_mailbox(struct json_out *o, const struct mail_mailbox *box);
static void answer_type(struct json_out *o, bool good, const struct mail_type *type);
static void answer_ids(struct batch *b, struct json_out *o, struct str value);
static void answer_received(struct batch *b, struct json_out *o, struct str value);
static void put_date(struct json_out *o, bool good, const struct civil *date);

static int run(struct cli *c)
{
    struct batch b;
    struct str type, value;
    batch_begin(&b, c);
    while (batch_next(&b)) {
        if (!batch_text(&b, S("type"), &type) || !batch_text(&b, S("value"), &value))
            continue;
        if (!answer(&b, type, value))
            batch_refuse(&b, S("no such type of field"));
    }
    return batch_end(&b);
}

static bool answer(struct batch *b, struct str type, struct str value)
{
    static const struct str known[] = {S_INIT("address"), S_INIT("content-type"),
            S_INIT("content-disposition"), S_INIT("date"), S_INIT("message-id"), S_INIT("text"),
            S_INIT("received")};
    struct mail_type read = {0};
    struct civil date = {0};
    size_t which = 0;
    while (which < COUNT_OF(known) && !str_eq(known[which], type))
        which++;
    if (which == COUNT_OF(known))
        return false;
    struct json_out o = batch_answer(b);
    json_key(&o, S("value"));
    switch (which) {
    case 0:
        answer_mailboxes(b, &o, value);
        break;
    case 1:
        answer_type(&o, mail_content_type_read(&b->arena, value, &read), &read);
        break;
    case 2:
        answer_type(&o, mail_disposition_read(&b->arena, value, &read), &read);
        break;
    case 3:
        put_date(&o, mail_date_read(value, &date), &date);
        break;
    case 4:
        answer_ids(b, &o, value);
        break;
    case 5:
        json_str(&o, mail_text_read(&b->arena, value));
        break;
    case 6:
        answer_received(b, &o, value);
        break;
    }
    batch_answer_end(b, &o);
    return true;
}

// Groups stand where their first member does; those without members at the end.
static void answer_mailboxes(struct batch *b, struct json_out *o, struct str value)
{
    struct mail_mailboxes all;
    if (!mail_mailboxes_read(&b->arena, value, &all)) {
        json_null(o);
        return;
    }
    json_array_begin(o);
    size_t group = 0;
    for (size_t i = 0; i <= all.count; i++) {
        size_t in = i < all.count ? all.at[i].group : 0;
        if (group != 0 && (in != group || i == all.count)) {
            json_array_end(o);
            json_object_end(o);
        }
        if (i < all.count && in != 0 && in != group) {
            json_object_begin(o);
            json_put_str(o, S("group"), all.groups[in - 1]);
            json_key(o, S("members"));
            json_array_begin(o);
        }
        group = in;
        if (i < all.count)
            put_mailbox(o, &all.at[i]);
    }
    for (size_t g = 0; g < all.group_count; g++) {
        bool has_members = false;
        for (size_t i = 0; i < all.count; i++)
            has_members = has_members || all.at[i].group == g + 1;
        if (has_members)
            continue;
        json_object_begin(o);
        json_put_str(o, S("group"), all.groups[g]);
        json_key(o, S("members"));
        json_array_begin(o);
        json_array_end(o);
        json_object_end(o);
    }
    json_array_end(o);
}

static void put_mailbox(struct json_out *o, const struct mail_mailbox *box)
{
    json_object_begin(o);
    json_put_str(o, S("name"), box->name);
    json_put_str(o, S("address"), box->address);
    json_object_end(o);
}

static void answer_type(struct json_out *o, bool good, const struct mail_type *type)
{
    if (!good) {
        json_null(o);
        return;
    }
    json_object_begin(o);
    json_put_str(o, S("type"), type->type);
    json_key(o, S("params"));
    json_object_begin(o);
    for (size_t i = 0; i < type->param_count; i++)
        json_put_str(o, type->params[i].name, type->params[i].value);
    json_object_end(o);
    json_object_end(o);
}

static void answer_ids(struct batch *b, struct json_out *o, struct str value)
{
    struct mail_ids ids;
    if (!mail_ids_read(&b->arena, value, &ids)) {
        json_null(o);
        return;
    }
    json_array_begin(o);
    for (size_t i = 0; i < ids.count; i++)
        json_str(o, ids.at[i]);
    json_array_end(o);
}

static void answer_received(struct batch *b, struct json_out *o, struct str value)
{
    struct mail_received r;
    if (!mail_received_read(&b->arena, value, &r)) {
        json_null(o);
        return;
    }
    const struct {
        struct str key, value;
    } texts[] = {{S("from"), r.from}, {S("helo"), r.helo},
            {S("from_ip"), r.from_ip.family == IP_NONE ? STR_NULL : ip_text(&b->arena, &r.from_ip)},
            {S("by"), r.by}, {S("with"), r.with}, {S("id"), r.id}, {S("for"), r.for_}};
    json_object_begin(o);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        json_put_str(o, texts[i].key, texts[i].value);
    json_key(o, S("date"));
    put_date(o, r.has_date, &r.date);
    json_object_end(o);
}

static void put_date(struct json_out *o, bool good, const struct civil *date)
{
    struct buf text AUTO(buf_done) = {0};
    if (!good) {
        json_null(o);
        return;
    }
    int minutes = date->offset_min < 0 ? -date->offset_min : date->offset_min;
    buf_init(&text, 64);
    buf_fmt(&text, "%04d-%02u-%02uT%02u:%02u:%02u%c%02d:%02d", date->year, date->month, date->day,
            date->hour, date->minute, date->second, date->offset_min < 0 ? '-' : '+', minutes / 60,
            minutes % 60);
    json_str(o, buf_str(&text));
}

const struct command command_test_header = {
        .run = run,
        .operands = "< REQUEST",
        .about =
                "Reads the body of one header field. The request is {\"type\": TYPE, \"value\":\n"
                "\"...\"}, TYPE one of address, content-type, content-disposition, date,\n"
                "message-id, text and received; the value is what stands behind the colon, with\n"
                "its folding. The answer is {\"value\": ...}, null when nothing can be made of it.",
        .examples = "  echo '{\"type\": \"date\", \"value\": \"1 Jan 26 9:00 EST\"}' | posthaste "
                    "test header",
        CLI_OPTIONS(options),
};
