// SPDX-License-Identifier: Apache-2.0
// queue/signing/signing.c: who signs. Ids become signatures of the configuration; what is found
// wrong with them is told here, once for each message, and nobody who waits for a message hears of
// it.
#include "queue/signing/signing.h"

#include "events/event.h"
#include "mail/mail.h"
#include "queue/signing/key_file.h"

#define STORED_BYTES_MAX (3 * KEY_FILE_BYTES_MAX) // text, and what it was decoded into

// One that signs, and who owns it.
struct pick {
    const struct signer_entry *entry;
    struct stored_signer *stored; // NULL: the configuration
};

static struct pick pick_id(const struct signing_desk *desk, struct str id);
static struct pick pick_line(const struct signing_desk *desk, struct str id);
static struct pick pick_configured(
        const struct signing_desk *desk, const struct signer_entry *entry);
static struct stored_signer *in_force(
        const struct signing_desk *desk, struct str domain, enum dkim_key_type type);
static void choose(struct span *span, struct pick pick, struct signing_choice *out);
static void hold(struct signing_choice *by, struct stored_signer *stored);
static bool is_chosen(const struct signing_choice *by, const struct signer_entry *entry);
static void tell_too_many(struct span *span, const struct signer_entry *entry);
static struct pick pick_maker(
        const struct signing_desk *desk, struct arena *a, struct str field_body);
static bool is_ours(const struct mail_field *field);

void signing_desk_init(struct signing_desk *desk, const struct signing_settings *settings)
{
    *desk = (struct signing_desk){.settings = settings};
    waitq_init(&desk->waiting);
    waitq_init(&desk->changed);
    statewatch_init(&desk->watch, STR_NULL, STORED_BYTES_MAX);
}

void signing_desk_done(struct signing_desk *desk)
{
    stored_signers_done(&desk->stored);
    statewatch_done(&desk->watch);
}

void signing_desk_watch(struct signing_desk *desk, struct str path, struct event_log *log)
{
    desk->watch.path = path;
    signing_desk_look(desk, log);
}

void signing_desk_look(struct signing_desk *desk, struct event_log *log)
{
    const struct signing_settings *settings = desk->settings;
    struct rotation_keys keys;
    struct arena *a = statewatch_changed(&desk->watch);
    if (a == NULL || !statewatch_take(&desk->watch, log, key_file_read(a, desk->watch.path, &keys)))
        return;
    stored_signers_take(&desk->stored, &keys, settings->signers, settings->self_test, log);
    desk->readings++;
    waitq_wake_all(&desk->changed);
}

// --- Whom an id means ----------------------------------------------------------------------------

static struct pick pick_id(const struct signing_desk *desk, struct str id)
{
    const struct signer_entry *entry = signers_find(desk->settings->signers, id);
    struct stored_signer *stored = stored_signers_find(&desk->stored, id);
    if (entry != NULL)
        return pick_configured(desk, entry);
    if (stored != NULL)
        return (struct pick){&stored->entry, stored};
    return pick_line(desk, id);
}

// rsa-DOMAIN, ed25519-DOMAIN: of a line that no signature of the configuration is called after.
static struct pick pick_line(const struct signing_desk *desk, struct str id)
{
    struct str type_name, domain;
    enum dkim_key_type type;
    struct stored_signer *stored = NULL;
    if (str_cut(id, '-', &type_name, &domain) && rotation_type_parse(type_name, &type))
        stored = stored_signers_of(&desk->stored, domain, type);
    return stored == NULL ? (struct pick){0} : (struct pick){&stored->entry, stored};
}

static struct pick pick_configured(
        const struct signing_desk *desk, const struct signer_entry *entry)
{
    struct stored_signer *stored =
            entry->signs ? in_force(desk, entry->signer.domain, private_key_type(entry->key))
                         : NULL;
    return stored == NULL ? (struct pick){.entry = entry} : (struct pick){&stored->entry, stored};
}

// A stored key takes the place of others only as long as its line is rotated.
static struct stored_signer *in_force(
        const struct signing_desk *desk, struct str domain, enum dkim_key_type type)
{
    struct stored_signer *stored = stored_signers_of(&desk->stored, domain, type);
    struct rotation_rule rule;
    const struct rotation_settings *rotation = desk->settings->rotation;
    return stored != NULL && rotation != NULL && rotation_rule_of(rotation, domain, type, &rule)
                   ? stored
                   : NULL;
}

// --- Choosing ------------------------------------------------------------------------------------

void signing_choose(const struct signing_desk *desk, struct span *span, const struct str *ids,
        size_t id_count, enum signing_kind kind, struct signing_choice *out)
{
    size_t known = 0;
    for (size_t i = 0; i < id_count; i++) {
        struct pick pick = pick_id(desk, ids[i]);
        known += pick.entry != NULL;
        if (pick.entry != NULL)
            choose(span, pick, out);
        else if (kind == SIGNING_NAMED)
            event_in(span, EV_DKIM_SIGNER_NOT_FOUND, F_STR(id, ids[i]));
    }
    if (kind == SIGNING_NAMED && id_count > 0 && known == 0)
        out->is_lost = true;
}

void signing_choose_domain(const struct signing_desk *desk, struct span *span, struct str domain,
        struct signing_choice *out)
{
    const struct signers *all = desk->settings->signers;
    bool is_configured[2] = {false}; // by enum dkim_key_type
    for (size_t i = 0; i < all->count; i++) {
        if (!str_eq_nocase(all->at[i].signer.domain, domain))
            continue;
        if (all->at[i].signs)
            is_configured[private_key_type(all->at[i].key)] = true;
        choose(span, pick_configured(desk, &all->at[i]), out);
    }
    for (size_t i = 0; i < desk->stored.count; i++) {
        struct stored_signer *one = desk->stored.at[i];
        if (str_eq_nocase(one->entry.signer.domain, domain) &&
                !is_configured[private_key_type(one->entry.key)])
            choose(span, (struct pick){&one->entry, one}, out);
    }
}

// One that is disabled or not active is there all the same: nothing is said of it.
static void choose(struct span *span, struct pick pick, struct signing_choice *out)
{
    if (!pick.entry->signs || is_chosen(out, pick.entry))
        return;
    if (out->count == SIGNATURES_MAX) {
        tell_too_many(span, pick.entry);
        return;
    }
    out->signers[out->count++] = pick.entry;
    hold(out, pick.stored);
}

static void hold(struct signing_choice *by, struct stored_signer *stored)
{
    if (stored == NULL)
        return;
    assert(by->held_count < COUNT_OF(by->held));
    by->held[by->held_count++] = stored;
    stored->users++;
}

void signing_choice_done(struct signing_choice *by)
{
    for (size_t i = 0; i < by->held_count; i++)
        stored_signer_release(by->held[i]);
    *by = (struct signing_choice){0};
}

static bool is_chosen(const struct signing_choice *by, const struct signer_entry *entry)
{
    for (size_t i = 0; i < by->count; i++) {
        if (str_eq(by->signers[i]->signer.domain, entry->signer.domain) &&
                str_eq(by->signers[i]->signer.selector, entry->signer.selector))
            return true;
    }
    return false;
}

static void tell_too_many(struct span *span, const struct signer_entry *entry)
{
    if (span != NULL)
        event_in(span, EV_DKIM_BUILD_ERROR, F_STR(id, entry->id),
                F_STR(domain, entry->signer.domain),
                F_STR(reason, S("a message has eight signatures at most")));
}

void signing_choose_sealer(const struct signing_desk *desk, struct span *span, struct str id,
        struct signing_choice *out)
{
    struct pick pick = pick_id(desk, id);
    if (pick.entry == NULL) {
        event_in(span, EV_ARC_SEALER_NOT_FOUND, F_STR(id, id));
    } else if (pick.entry->signs && out->sealer == NULL) {
        out->sealer = pick.entry;
        hold(out, pick.stored);
    }
}

// --- Our own fields on top of a message ----------------------------------------------------------

void signing_choose_again(const struct signing_desk *desk, struct arena *a, const struct message *m,
        struct signing_choice *out)
{
    struct scan in = scan_over(m->top);
    struct mail_field field;
    while (mail_field_next(&in, MAIL_CRLF, &field)) {
        struct pick pick = {0};
        if (str_eq_nocase(field.name, S("DKIM-Signature")))
            pick = pick_maker(desk, a, field.body);
        if (pick.entry != NULL)
            choose(NULL, pick, out);
    }
}

static struct pick pick_maker(
        const struct signing_desk *desk, struct arena *a, struct str field_body)
{
    const struct signer_entry *entry = signers_find_maker(desk->settings->signers, a, field_body);
    if (entry != NULL)
        return pick_configured(desk, entry);
    for (size_t i = 0; i < desk->stored.count; i++) {
        struct stored_signer *one = desk->stored.at[i];
        const struct signers alone = {.at = &one->entry, .count = 1};
        if (signers_find_maker(&alone, a, field_body) != NULL)
            return (struct pick){&one->entry, one};
    }
    return (struct pick){0};
}

struct err signing_top_without(struct arena *a, const struct message *m, struct str *out)
{
    struct scan in = scan_over(m->top);
    struct mail_field field;
    struct buf top AUTO(buf_done);
    buf_init(&top, m->top.len + 1);
    while (mail_field_next(&in, MAIL_CRLF, &field)) {
        if (!is_ours(&field))
            buf_add(&top, field.all);
    }
    *out = top.overflow ? STR_NULL : arena_str(a, buf_str(&top));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for the lines on top of a message") : OK;
}

static bool is_ours(const struct mail_field *field)
{
    return str_eq_nocase(field->name, S("DKIM-Signature")) ||
           str_starts_nocase(field->name, S("ARC-"));
}
