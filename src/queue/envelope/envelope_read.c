// SPDX-License-Identifier: Apache-2.0
// queue/envelope/envelope_read.c: from a document to a message. It may come from anywhere, so
// whatever would be said to another host, or stand in a header, must be what SMTP could have
// brought: addresses, texts of one line, header fields. What is not understood is refused, for a
// flag or a status that were passed over would send the message in another way than it was meant.
//
// The first thing that is wrong stays in `bad`; all reading goes on after it, over values that
// nobody uses.
#include "queue/envelope/envelope.h"

#include "base/date.h"
#include "base/encode.h"
#include "base/id.h"
#include "base/json.h"
#include "directory/account.h"
#include "mail/address.h"
#include "queue/control/edit.h"
#include "queue/env.h"
#include "queue/envelope/envelope_form.h"
#include "queue/flags.h"
#include "queue/unit.h"

#define LIFETIME_MS (5 * (int64_t)DAY_MS) // where nothing is said: that of the built-in schedules
#define FALLBACK_NAME "default"           // of queue and schedule: they are always there
#define NAME_BYTES_MAX 64                 // of schedules and routes, queue.md 15
#define LINE_BYTES_MAX 1024               // of texts for which nothing else is said
#define REASON_BYTES_MAX (16 * KIB)       // what a person has written

struct reading {
    struct arena *arena;
    int64_t now_ms;
    struct err bad;
};

enum text_kind {
    TEXT_LINE,    // no control characters: it may stand in a command or a header field
    TEXT_REMOTE,  // what others said, as it is stored: whoever shows it makes it harmless
    TEXT_HEADERS, // whole header fields, or nothing
};

static void read_head(struct reading *r, const struct json *doc);
static void read_origin(struct reading *r, const struct json *doc, struct envelope *out);
static void read_content(struct reading *r, const struct json *doc, struct envelope *out);
static void read_message(struct reading *r, const struct json *doc, struct message *m);
static void read_source(struct reading *r, const struct json *doc, struct message *m);
static void read_tags(struct reading *r, const struct json *doc, struct message *m);
static void read_units(struct reading *r, const struct json *doc, struct message *m);
static void read_unit(
        struct reading *r, const struct json *v, const struct message *m, struct unit *out);
static void read_hold(struct reading *r, const struct json *unit, struct unit *u);
static void read_rcpt(struct reading *r, const struct json *v, struct recipient *out);
static void read_status(struct reading *r, const struct json *rcpt, struct recipient *out);
static void read_last(struct reading *r, const struct json *rcpt, struct outcome *out);
static void read_passage(struct reading *r, const struct json *last, struct outcome *out);

static const struct json *part(
        struct reading *r, const struct json *of, struct str key, enum json_type type);
static struct str text(struct reading *r, const struct json *of, struct str key, size_t bytes_max,
        enum text_kind kind);
static struct str address(struct reading *r, const struct json *of, struct str key);
static bool text_fits(struct str text, enum text_kind kind);
static int64_t number(struct reading *r, const struct json *of, struct str key, int64_t otherwise,
        int64_t least, int64_t most);
static int64_t moment(struct reading *r, const struct json *of, struct str key, int64_t otherwise);
static int64_t moment_or_never(
        struct reading *r, const struct json *of, struct str key, int64_t otherwise);
static uint64_t id_of(struct reading *r, const struct json *of, struct str key);
static uint32_t flags(struct reading *r, const struct json *of, const struct flag_word *words,
        uint32_t otherwise);
static void *room(struct reading *r, size_t count, size_t size);
static void wrong(struct reading *r, const struct json *at, struct str key, const char *what);

struct err envelope_read(
        struct arena *a, struct str document, int64_t wall_now_ms, struct envelope *out)
{
    struct json_error bad;
    struct reading r = {.arena = a, .now_ms = wall_now_ms};
    struct envelope e = {0};
    const struct json *doc = json_parse(a, document, &bad);
    if (doc == NULL)
        return fail_fmt(
                a, ERR_SYNTAX, "line %u, column %u: %.*s", bad.line, bad.column, ARG(bad.message));
    read_head(&r, doc);
    TRY(r.bad);
    read_origin(&r, doc, &e);
    read_content(&r, doc, &e);
    read_message(&r, doc, &e.message);
    read_units(&r, doc, &e.message);
    TRY(r.bad);
    *out = e;
    return OK;
}

static void read_head(struct reading *r, const struct json *doc)
{
    int64_t version = 0;
    if (!json_to_i64(json_member(doc, S(ENVELOPE_MARK)), &version))
        r->bad = fail(ERR_SYNTAX, "this is no envelope: it has no " ENVELOPE_MARK " number");
    else if (version != ENVELOPE_VERSION)
        r->bad = fail_fmt(r->arena, ERR_UNSUPPORTED, "an envelope of version %lld; this is %d",
                (long long)version, ENVELOPE_VERSION);
}

static void read_origin(struct reading *r, const struct json *doc, struct envelope *out)
{
    const struct json *v = part(r, doc, S("origin"), JSON_OBJECT);
    if (v == NULL)
        return;
    out->has_origin = true;
    out->origin.store = id_of(r, v, S("store"));
    out->origin.id = id_of(r, v, S("id"));
}

static void read_content(struct reading *r, const struct json *doc, struct envelope *out)
{
    const struct json *v = part(r, doc, S("content"), JSON_OBJECT);
    struct buf digest AUTO(buf_done);
    buf_init(&digest, BODY_DIGEST_BYTES);
    if (v == NULL)
        return;
    out->has_content = true;
    out->bytes = (uint64_t)number(r, v, S("size"), 0, 0, INT64_MAX);
    out->top_bytes = (uint64_t)number(r, v, S("top"), 0, 0, RECORD_BYTES_MAX);
    if (out->top_bytes > out->bytes)
        wrong(r, v, S("top"), "is more than there is");
    if (!decode_hex(&digest, text(r, v, S("sha256"), 2 * BODY_DIGEST_BYTES, TEXT_LINE)) ||
            digest.len != BODY_DIGEST_BYTES)
        wrong(r, v, S("sha256"), "takes 64 hex digits");
    else
        memcpy(out->sha256, digest.ptr, BODY_DIGEST_BYTES);
}

static void read_message(struct reading *r, const struct json *doc, struct message *m)
{
    m->sender = address(r, doc, S("return_path"));
    m->created_ms = moment(r, doc, S("created"), r->now_ms);
    m->priority = (int)number(r, doc, S("priority"), 0, -UNIT_PRIORITY_MOST, UNIT_PRIORITY_MOST);
    m->env_id = text(r, doc, S("env_id"), ENV_ID_BYTES_MAX, TEXT_LINE);
    m->via_port = (uint16_t)number(r, doc, S("via_port"), 0, 0, UINT16_MAX);
    m->helo = text(r, doc, S("ehlo"), LINE_BYTES_MAX, TEXT_LINE);
    m->account = text(r, doc, S("account"), LINE_BYTES_MAX, TEXT_LINE);
    m->submitter = text(r, doc, S("submitter"), LINE_BYTES_MAX, TEXT_LINE);
    m->by_ms = moment(r, doc, S("deliver_by"), 0);
    m->hold_until_ms = moment(r, doc, S("hold_until"), 0);
    struct str ip = text(r, doc, S("from_ip"), IP_TEXT_BYTES_MAX, TEXT_LINE);
    if (!str_is_null(ip) && !ip_parse(ip, &m->from_ip))
        wrong(r, doc, S("from_ip"), "is no address");
    read_source(r, doc, m);
    read_tags(r, doc, m);
}

static void read_source(struct reading *r, const struct json *doc, struct message *m)
{
    m->flags = flags(r, doc, message_flag_words(), 0);
    uint32_t sources = m->flags & MESSAGE_SOURCES;
    if (sources == 0)
        m->flags |= MESSAGE_UNAUTHENTICATED;
    else if ((sources & (sources - 1)) != 0)
        wrong(r, doc, S("flags"), "name more than one source");
}

static void read_tags(struct reading *r, const struct json *doc, struct message *m)
{
    const struct json *all = part(r, doc, S("tags"), JSON_ARRAY);
    if (all == NULL || all->count == 0)
        return;
    if (all->count > MESSAGE_TAGS_MAX) {
        wrong(r, doc, S("tags"), "are too many");
        return;
    }
    struct message_tag *tags = room(r, all->count, sizeof(*tags));
    for (const struct json *v = all->first; v != NULL && tags != NULL; v = v->next) {
        struct message_tag *tag = &tags[m->tag_count++];
        tag->name = text(r, v, S("name"), TAG_NAME_BYTES_MAX, TEXT_LINE);
        tag->value = text(r, v, S("value"), TAG_VALUE_BYTES_MAX, TEXT_LINE);
        if (str_is_empty(tag->name) || str_is_null(tag->value))
            wrong(r, v, S("name"), "and value make a tag");
    }
    m->tags = tags;
}

static void read_units(struct reading *r, const struct json *doc, struct message *m)
{
    const struct json *all = part(r, doc, S("units"), JSON_ARRAY);
    size_t rcpts = 0;
    if (all == NULL || all->count == 0 || all->count > MESSAGE_UNITS_MAX) {
        wrong(r, doc, S("units"), "takes 1 to 10000 of them");
        return;
    }
    m->units = room(r, all->count, sizeof(*m->units));
    for (const struct json *v = all->first; v != NULL && m->units != NULL; v = v->next) {
        struct unit *u = &m->units[m->unit_count];
        u->number = (uint16_t)m->unit_count++;
        read_unit(r, v, m, u);
        rcpts += u->rcpt_count;
    }
    if (rcpts > MESSAGE_RCPTS_MAX)
        wrong(r, doc, S("units"), "have more than 10000 recipients");
}

static void read_unit(
        struct reading *r, const struct json *v, const struct message *m, struct unit *u)
{
    const struct json *all = part(r, v, S("recipients"), JSON_ARRAY);
    if (all == NULL || all->count == 0 || all->count > UNIT_RCPTS_MAX) {
        wrong(r, v, S("recipients"), "takes 1 to 100 of them");
        return;
    }
    u->rcpts = room(r, all->count, sizeof(*u->rcpts));
    for (const struct json *each = all->first; each != NULL && u->rcpts != NULL; each = each->next)
        read_rcpt(r, each, &u->rcpts[u->rcpt_count++]);
    u->priority = m->priority;
    u->domain = text(r, v, S("domain"), LINE_BYTES_MAX, TEXT_LINE);
    if (str_is_null(u->domain) && u->rcpt_count > 0)
        u->domain = address_domain(u->rcpts[0].address);
    u->queue = text(r, v, S("queue"), QUEUE_NAME_BYTES_MAX, TEXT_LINE);
    u->schedule = text(r, v, S("schedule"), NAME_BYTES_MAX, TEXT_LINE);
    u->queue = str_is_null(u->queue) ? S(FALLBACK_NAME) : u->queue;
    u->schedule = str_is_null(u->schedule) ? S(FALLBACK_NAME) : u->schedule;
    u->route_override = text(r, v, S("route"), NAME_BYTES_MAX, TEXT_LINE);
    u->prefix_headers = text(r, v, S("prefix_headers"), MIB, TEXT_HEADERS);
    read_hold(r, v, u);
    u->due_ms = moment_or_never(r, v, S("due"), unit_next_due(u, m->created_ms));
    if (str_is_empty(u->domain))
        wrong(r, v, S("domain"), "is missing");
}

static void read_hold(struct reading *r, const struct json *unit, struct unit *u)
{
    const struct json *v = part(r, unit, S("hold"), JSON_OBJECT);
    if (v == NULL)
        return;
    struct str reason = text(r, v, S("reason"), NAME_BYTES_MAX, TEXT_LINE);
    u->hold = (struct hold){.text = text(r, v, S("text"), REASON_BYTES_MAX, TEXT_REMOTE),
            .by = text(r, v, S("by"), REASON_BYTES_MAX, TEXT_REMOTE),
            .since_ms = moment(r, v, S("since"), r->now_ms),
            .until_ms = moment(r, v, S("until"), 0),
            .clocks_at_ms = moment(r, v, S("clocks_at"), 0)};
    if (!hold_reason_find(reason, &u->hold.reason))
        wrong(r, v, S("reason"), "is none for which mail is held");
}

static void read_rcpt(struct reading *r, const struct json *v, struct recipient *out)
{
    const uint32_t unsaid = RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY | RCPT_NOTIFY_IMPLICIT;
    out->address = address(r, v, S("address"));
    out->orcpt_type = text(r, v, S("orcpt_type"), NAME_BYTES_MAX, TEXT_LINE);
    out->orcpt = text(r, v, S("orcpt"), ORCPT_BYTES_MAX, TEXT_LINE);
    out->flags = flags(r, v, rcpt_flag_words(), unsaid);
    out->retry_count = (uint32_t)number(r, v, S("retry_num"), 0, 0, UINT32_MAX);
    out->retry_at_ms = moment_or_never(r, v, S("next_retry"), r->now_ms);
    out->notify_count = (uint32_t)number(r, v, S("notify_num"), 0, 0, UINT32_MAX);
    out->notify_at_ms = moment_or_never(r, v, S("next_notify"), NEVER_MS);
    out->base_ms = number(r, v, S("base_ms"), 0, 0, CALENDAR_LAST_MS);
    out->expiry_ms = number(r, v, S("expires_ms"), LIFETIME_MS, 0, CALENDAR_LAST_MS);
    out->expiry_attempts = (uint32_t)number(r, v, S("attempts_max"), 0, 0, UINT32_MAX);
    out->expiry = json_member(v, S("attempts_max")) != NULL ? EXPIRY_ATTEMPTS : EXPIRY_TTL;
    read_status(r, v, out);
    read_last(r, v, &out->last);
    if (str_is_empty(out->address))
        wrong(r, v, S("address"), "is missing");
    if (str_is_null(out->orcpt) != str_is_null(out->orcpt_type))
        wrong(r, v, S("orcpt"), "takes an orcpt_type");
}

static void read_status(struct reading *r, const struct json *rcpt, struct recipient *out)
{
    struct str word = text(r, rcpt, S("status"), NAME_BYTES_MAX, TEXT_LINE);
    if (str_is_null(word))
        return;
    for (int s = RCPT_SCHEDULED; s <= RCPT_PERM_FAILED; s++)
        if (str_eq(rcpt_status_word((enum rcpt_status)s), word)) {
            out->status = (enum rcpt_status)s;
            return;
        }
    wrong(r, rcpt, S("status"), "is none that a recipient has");
}

static void read_last(struct reading *r, const struct json *rcpt, struct outcome *out)
{
    const struct json *v = part(r, rcpt, S("last_attempt"), JSON_OBJECT);
    if (v == NULL)
        return;
    struct str kind = text(r, v, S("error"), NAME_BYTES_MAX, TEXT_LINE);
    *out = (struct outcome){.at_ms = moment(r, v, S("at"), r->now_ms),
            .entity = text(r, v, S("entity"), LINE_BYTES_MAX, TEXT_REMOTE),
            .command = text(r, v, S("command"), LINE_BYTES_MAX, TEXT_REMOTE),
            .host = text(r, v, S("host"), LINE_BYTES_MAX, TEXT_REMOTE),
            .code = (uint16_t)number(r, v, S("code"), 0, 0, 999),
            .enhanced = text(r, v, S("enhanced"), NAME_BYTES_MAX, TEXT_REMOTE),
            .text = text(r, v, S("text"), 4 * LINE_BYTES_MAX, TEXT_REMOTE),
            .bounce_class = text(r, v, S("bounce_class"), NAME_BYTES_MAX, TEXT_REMOTE)};
    read_passage(r, v, out);
    for (int k = FAILURE_NONE; k <= FAILURE_IO; k++)
        if (str_is_null(kind) || str_eq(failure_kind_word((enum failure_kind)k), kind)) {
            out->kind = (enum failure_kind)k;
            return;
        }
    wrong(r, v, S("error"), "is no kind of failure");
}

static void read_passage(struct reading *r, const struct json *last, struct outcome *out)
{
    struct passage p = {.stage = text(r, last, S("stage"), NAME_BYTES_MAX, TEXT_REMOTE),
            .remote_ip = text(r, last, S("remote_ip"), NAME_BYTES_MAX, TEXT_REMOTE),
            .source_ip = text(r, last, S("source_ip"), NAME_BYTES_MAX, TEXT_REMOTE),
            .tls = text(r, last, S("tls"), LINE_BYTES_MAX, TEXT_REMOTE),
            .elapsed_ms = number(r, last, S("elapsed"), 0, INT64_MIN, INT64_MAX)};
    if (str_is_null(p.stage))
        return;
    struct passage *kept = room(r, 1, sizeof(*kept));
    if (kept != NULL)
        *kept = p;
    out->passage = kept;
}

// --- Values --------------------------------------------------------------------------------------

// NULL: it is not there.
static const struct json *part(
        struct reading *r, const struct json *of, struct str key, enum json_type type)
{
    const struct json *v = json_member(of, key);
    if (v == NULL || v->type == type)
        return v;
    wrong(r, v, key, type == JSON_ARRAY ? "takes an array" : "takes an object");
    return NULL;
}

static struct str text(struct reading *r, const struct json *of, struct str key, size_t bytes_max,
        enum text_kind kind)
{
    const struct json *v = json_member(of, key);
    if (v == NULL)
        return STR_NULL;
    struct str found = json_string(v, STR_NULL);
    struct str coded = json_string(json_member(v, S("base64")), STR_NULL);
    if (!str_is_null(coded)) {
        struct buf bytes AUTO(buf_done);
        buf_init(&bytes, bytes_max);
        if (decode_base64(&bytes, coded) && !bytes.overflow)
            found = arena_str(r->arena, buf_str(&bytes));
    }
    if (str_is_null(found))
        wrong(r, v, key, "takes a text");
    else if (found.len > bytes_max)
        wrong(r, v, key, "is too long");
    else if (!text_fits(found, kind))
        wrong(r, v, key, "has characters that cannot stand there");
    return found;
}

// A mailbox, or a local part alone, as older ways of mail have it; or empty.
static struct str address(struct reading *r, const struct json *of, struct str key)
{
    struct mail_address parsed;
    struct str found = text(r, of, key, LINE_BYTES_MAX, TEXT_LINE);
    if (str_is_empty(found) || !failed(mail_address_parse(r->arena, found, &parsed)))
        return str_is_null(found) ? S("") : found;
    for (size_t i = 0; i < found.len; i++)
        if (byte_is_space((uint8_t)found.ptr[i]) || found.ptr[i] == '<' || found.ptr[i] == '>') {
            wrong(r, of, key, "is no address");
            break;
        }
    return found;
}

static bool text_fits(struct str s, enum text_kind kind)
{
    if (kind == TEXT_REMOTE)
        return true;
    bool fields = kind == TEXT_HEADERS;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = (uint8_t)s.ptr[i], before = i > 0 ? (uint8_t)s.ptr[i - 1] : '\n';
        bool is_end = c == '\r' && i + 1 < s.len && s.ptr[i + 1] == '\n';
        bool ends = c == '\n' && before == '\r';
        if (fields && is_end && before == '\n')
            return false; // an empty line: the header would end there
        if (fields && (is_end || ends || c == '\t'))
            continue;
        if (c < ' ' || c == 127)
            return false;
    }
    return !fields || s.len == 0 || str_ends(s, S("\r\n"));
}

static int64_t number(struct reading *r, const struct json *of, struct str key, int64_t otherwise,
        int64_t least, int64_t most)
{
    const struct json *v = json_member(of, key);
    int64_t found = otherwise;
    if (v == NULL)
        return otherwise;
    if (json_to_i64(v, &found) && found >= least && found <= most)
        return found;
    wrong(r, v, key, "takes another number");
    return otherwise;
}

static int64_t moment(struct reading *r, const struct json *of, struct str key, int64_t otherwise)
{
    const struct json *v = json_member(of, key);
    int64_t at_ms = 0;
    if (v == NULL)
        return otherwise;
    if (date_parse_rfc3339(json_string(v, S("")), &at_ms) && at_ms >= CALENDAR_FIRST_MS &&
            at_ms <= CALENDAR_LAST_MS)
        return at_ms;
    wrong(r, v, key, "takes a moment: 2026-01-31T10:00:00Z");
    return otherwise;
}

static int64_t moment_or_never(
        struct reading *r, const struct json *of, struct str key, int64_t otherwise)
{
    bool is_never = str_eq(json_string(json_member(of, key), S("")), S(NEVER_WORD));
    return is_never ? NEVER_MS : moment(r, of, key, otherwise);
}

static uint64_t id_of(struct reading *r, const struct json *of, struct str key)
{
    uint64_t id = 0;
    if (!id_parse(text(r, of, key, ID_DIGITS, TEXT_LINE), &id))
        wrong(r, of, key, "takes 16 hex digits");
    return id;
}

static uint32_t flags(
        struct reading *r, const struct json *of, const struct flag_word *words, uint32_t otherwise)
{
    const struct json *all = part(r, of, S("flags"), JSON_ARRAY);
    uint32_t found = 0;
    if (all == NULL)
        return otherwise;
    for (const struct json *v = all->first; v != NULL; v = v->next) {
        uint32_t flag = 0;
        if (!flag_find(words, json_string(v, STR_NULL), &flag))
            wrong(r, v, S("flags"), "names one that is unknown");
        found |= flag;
    }
    return found;
}

static void *room(struct reading *r, size_t count, size_t size)
{
    void *found = arena_array_bytes(r->arena, count, size);
    if (found == NULL && !failed(r->bad))
        r->bad = fail(ERR_LIMIT, "no memory for an envelope of this size");
    return found;
}

static void wrong(struct reading *r, const struct json *at, struct str key, const char *what)
{
    if (!failed(r->bad))
        r->bad = fail_fmt(r->arena, ERR_SYNTAX, "line %u, column %u: %.*s %s",
                at != NULL ? at->line : 1, at != NULL ? at->column : 1, ARG(key), what);
}
