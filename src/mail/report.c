// SPDX-License-Identifier: Apache-2.0
// mail/report.c: see report.h. First the parts of the message, of which one is the report's; in it
// a group of fields about the message, and behind each empty line one about a recipient; last the
// identity of what came back.
#include "mail/report.h"

#include "mail/mime.h"
#include "mail/status.h"

struct report_reading {
    struct arena *arena;
    struct mail_report out;
    VEC(struct mail_report_rcpt) rcpts;
};

// The fields of one group, as texts in one line each; null: not there.
enum report_field {
    FIELD_ENVELOPE_ID,
    FIELD_REPORTING_MTA,
    FIELD_ORIGINAL,
    FIELD_FINAL,
    FIELD_ACTION,
    FIELD_STATUS,
    FIELD_REMOTE,
    FIELD_DIAGNOSTIC,
    FIELD_COUNT
};
struct report_group {
    struct str at[FIELD_COUNT];
    size_t count; // of fields, known or not
};

static bool is_report(const struct mime_part *top);
static struct err find_status(struct arena *a, const struct mime_tree *tree,
        enum mail_report_extent extent, struct str *out) MUST_USE;
static bool is_status(const struct mime_part *part);
static struct err read_groups(struct report_reading *r, struct str text) MUST_USE;
static struct err read_group(
        struct report_reading *r, struct scan *in, struct report_group *out) MUST_USE;
static struct err note_field(
        struct report_reading *r, struct report_group *g, const struct mail_field *field) MUST_USE;
static struct err add_rcpt(struct report_reading *r, const struct report_group *g) MUST_USE;
static struct str untyped(struct str text);
static struct str uncommented(struct str text);
static bool action_named(struct str word, enum mail_report_action *out);
static bool status_of(struct str text, struct str *out);
static void read_diagnostic(struct str text, struct mail_report_rcpt *out);
static struct str id_of_returned(struct arena *a, const struct mime_tree *tree);
static bool is_returned(const struct mime_part *part);

static const struct str actions[MAIL_REPORT_ACTIONS] = {
        [MAIL_REPORT_FAILED] = S_INIT("failed"),
        [MAIL_REPORT_DELAYED] = S_INIT("delayed"),
        [MAIL_REPORT_DELIVERED] = S_INIT("delivered"),
        [MAIL_REPORT_RELAYED] = S_INIT("relayed"),
        [MAIL_REPORT_EXPANDED] = S_INIT("expanded"),
};

static const struct str fields[FIELD_COUNT] = {
        [FIELD_ENVELOPE_ID] = S_INIT("Original-Envelope-Id"),
        [FIELD_REPORTING_MTA] = S_INIT("Reporting-MTA"),
        [FIELD_ORIGINAL] = S_INIT("Original-Recipient"),
        [FIELD_FINAL] = S_INIT("Final-Recipient"),
        [FIELD_ACTION] = S_INIT("Action"),
        [FIELD_STATUS] = S_INIT("Status"),
        [FIELD_REMOTE] = S_INIT("Remote-MTA"),
        [FIELD_DIAGNOSTIC] = S_INIT("Diagnostic-Code"),
};

struct str mail_report_action_word(enum mail_report_action action)
{
    return actions[action];
}

struct err mail_report_read(struct arena *a, struct str message, enum mail_report_extent extent,
        struct mail_report *out)
{
    struct report_reading r = {.arena = a};
    struct mime_tree tree;
    struct str status;
    TRY(mime_read(a, message, &tree));
    if (tree.count == 0 || !is_report(&tree.parts[0]))
        return fail(ERR_NOT_FOUND, "it is no report of delivery");
    TRY(find_status(a, &tree, extent, &status));
    TRY(read_groups(&r, status));
    r.out.rcpts = r.rcpts.at;
    r.out.rcpt_count = r.rcpts.count;
    r.out.message_id = id_of_returned(a, &tree);
    *out = r.out;
    return OK;
}

// RFC 6522 3
static bool is_report(const struct mime_part *top)
{
    struct str of = mail_type_param(&top->type, S("report-type"));
    return str_eq(top->type.type, S("multipart/report")) && str_eq_nocase(of, S("delivery-status"));
}

// The one part of that type right below the top, with its transfer encoding undone. Where the
// message is cut off it must be followed by another: else nobody knows whether it has ended.
static struct err find_status(struct arena *a, const struct mime_tree *tree,
        enum mail_report_extent extent, struct str *out)
{
    const struct mime_part *found = NULL;
    struct buf content AUTO(buf_done);
    bool has_ended = extent == MAIL_REPORT_WHOLE;
    buf_init(&content, MAIL_REPORT_STATUS_BYTES);
    for (size_t i = 1; i < tree->count; i++) {
        const struct mime_part *part = &tree->parts[i];
        if (part->depth != 1)
            continue;
        has_ended = has_ended || found != NULL;
        if (is_status(part) && found != NULL)
            return fail(ERR_SYNTAX, "it has two parts about the delivery");
        if (is_status(part))
            found = part;
    }
    if (found == NULL)
        return fail(ERR_SYNTAX, "it has no part about the delivery");
    if (!has_ended)
        return fail(ERR_SYNTAX, "it is too long");
    mime_content_add(&content, found);
    if (content.overflow)
        return fail(ERR_SYNTAX, "its part about the delivery is too long");
    *out = arena_str(a, buf_str(&content));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for a report of delivery") : OK;
}

static bool is_status(const struct mime_part *part)
{
    return str_eq(part->type.type, S("message/delivery-status")) ||
           str_eq(part->type.type, S("message/global-delivery-status"));
}

// delivery-status-content = per-message-fields 1*( CRLF per-recipient-fields )     RFC 3464 2.1
static struct err read_groups(struct report_reading *r, struct str text)
{
    struct scan in = scan_over(text);
    struct report_group group = {0};
    while (group.count == 0 && !scan_end(&in))
        TRY(read_group(r, &in, &group));
    r->out.envelope_id = group.at[FIELD_ENVELOPE_ID];
    r->out.reporting_mta = uncommented(untyped(group.at[FIELD_REPORTING_MTA]));
    if (!str_is_null(group.at[FIELD_FINAL]))
        return fail(ERR_SYNTAX, "its first fields are not about the message");
    while (!scan_end(&in)) {
        TRY(read_group(r, &in, &group));
        if (group.count > 0) // several empty lines are one
            TRY(add_rcpt(r, &group));
    }
    return r->rcpts.count > 0 ? OK : fail(ERR_SYNTAX, "it tells of no recipient");
}

static struct err read_group(struct report_reading *r, struct scan *in, struct report_group *out)
{
    struct mail_field field;
    *out = (struct report_group){0};
    while (mail_field_next(in, MAIL_LF, &field)) {
        if (str_is_null(field.name))
            return fail(ERR_SYNTAX, "a line of it is no field");
        if (++out->count > MAIL_REPORT_FIELDS_MAX)
            return fail(ERR_SYNTAX, "it has too many fields");
        TRY(note_field(r, out, &field));
    }
    return OK;
}

// A field that stands twice says two things.
static struct err note_field(
        struct report_reading *r, struct report_group *g, const struct mail_field *field)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        if (!str_eq_nocase(field->name, fields[i]))
            continue;
        if (!str_is_null(g->at[i]))
            return fail(ERR_SYNTAX, "it has a field twice");
        g->at[i] = mail_text_read(r->arena, field->body);
        return str_is_null(g->at[i]) ? fail(ERR_LIMIT, "no memory for a report of delivery") : OK;
    }
    return OK;
}

// RFC 3464 2.3: these three are always there.
static struct err add_rcpt(struct report_reading *r, const struct report_group *g)
{
    struct mail_report_rcpt rcpt = {.original = untyped(g->at[FIELD_ORIGINAL]),
            .final = untyped(g->at[FIELD_FINAL]),
            .remote = uncommented(untyped(g->at[FIELD_REMOTE]))};
    if (str_is_empty(rcpt.final))
        return fail(ERR_SYNTAX, "it does not say for whom the message was");
    if (!action_named(uncommented(g->at[FIELD_ACTION]), &rcpt.action))
        return fail(ERR_SYNTAX, "it does not say what became of the message");
    if (!status_of(uncommented(g->at[FIELD_STATUS]), &rcpt.status))
        return fail(ERR_SYNTAX, "its status is none");
    read_diagnostic(g->at[FIELD_DIAGNOSTIC], &rcpt);
    if (r->rcpts.count == MAIL_REPORT_RCPTS_MAX)
        return fail(ERR_SYNTAX, "it tells of too many recipients");
    struct mail_report_rcpt *slot = vec_add(r->arena, &r->rcpts);
    if (slot == NULL)
        return fail(ERR_LIMIT, "no memory for a report of delivery");
    *slot = rcpt;
    return OK;
}

// What stands behind the type and its semicolon, if they are written.
static struct str untyped(struct str text)
{
    struct str type, rest;
    bool typed = str_cut(text, ';', &type, &rest) && !str_contains(type, S("@"));
    struct str plain = str_trim(typed ? rest : text);
    if (str_starts(plain, S("<")) && str_ends(plain, S(">")) && plain.len > 1)
        plain = str_trim(str_part(plain, 1, plain.len - 2));
    return str_is_null(text) ? text : plain;
}

// "5.1.1 (no such user)", "mx.example.org (192.0.2.1)"
static struct str uncommented(struct str text)
{
    size_t comment = str_find_byte(text, '(');
    return str_is_null(text) || comment == STR_NOT_FOUND ? text : str_trim(str_upto(text, comment));
}

static bool action_named(struct str word, enum mail_report_action *out)
{
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (str_eq_nocase(str_trim(word), actions[i])) {
            *out = (enum mail_report_action)i;
            return true;
        }
    return false;
}

// What stands behind it is dropped.
static bool status_of(struct str text, struct str *out)
{
    struct str trimmed = str_trim(text);
    struct scan in = scan_over(trimmed);
    struct mail_status ignored;
    if (!mail_status_scan(&in, &ignored))
        return false;
    *out = scan_since(&in, 0);
    return scan_end(&in) || scan_blanks(&in) > 0;
}

// "smtp; 550 5.1.1 <ann@example.org>: no such user"; of another type it has no code.
static void read_diagnostic(struct str text, struct mail_report_rcpt *out)
{
    struct str type, said;
    struct mail_status ignored;
    uint16_t code = 0;
    if (!str_cut(text, ';', &type, &said))
        return;
    out->diagnostic = str_upto(str_trim(said), MAIL_REPORT_DIAGNOSTIC_BYTES);
    struct scan in = scan_over(out->diagnostic);
    bool is_reply = str_eq_nocase(str_trim(type), S("smtp")) && mail_code_scan(&in, &code) &&
                    (scan_end(&in) || scan_byte(&in, ' ') || scan_byte(&in, '-'));
    if (!is_reply)
        return;
    out->code = code;
    out->diagnostic = str_trim(scan_rest(&in));
    if (mail_status_scan(&in, &ignored) && (scan_end(&in) || scan_blanks(&in) > 0))
        out->diagnostic = str_trim(scan_rest(&in));
}

// Of the third part, which may be a message, or only its header.
static struct str id_of_returned(struct arena *a, const struct mime_tree *tree)
{
    for (size_t i = 1; i < tree->count; i++) {
        struct mail_field field;
        struct mail_ids ids;
        struct scan in = scan_over(tree->parts[i].body);
        if (tree->parts[i].depth != 1 || !is_returned(&tree->parts[i]))
            continue;
        while (mail_field_next(&in, MAIL_LF, &field))
            if (str_eq_nocase(field.name, S("Message-ID")) && mail_ids_read(a, field.body, &ids) &&
                    ids.count == 1)
                return ids.at[0];
    }
    return STR_NULL;
}

static bool is_returned(const struct mime_part *part)
{
    static const struct str types[] = {S_INIT("message/rfc822"), S_INIT("message/global"),
            S_INIT("text/rfc822-headers"), S_INIT("message/global-headers")};
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(part->type.type, types[i]))
            return part->encoding == MIME_IDENTITY;
    return false;
}
