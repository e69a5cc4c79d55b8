// SPDX-License-Identifier: Apache-2.0
// queue/signing.c: who signs. Ids become signatures of the configuration; what is found wrong with
// them is told here, once for each message, and nobody who waits for a message hears of it.
#include "queue/signing.h"

#include "events/event.h"
#include "mail/mail.h"

static void choose(struct span *span, const struct signer_entry *entry, struct signing_choice *out);
static bool is_chosen(const struct signing_choice *by, const struct signer_entry *entry);
static void tell_too_many(struct span *span, const struct signer_entry *entry);
static bool is_ours(const struct mail_field *field);

void signing_desk_init(struct signing_desk *desk, const struct signing_settings *settings)
{
    *desk = (struct signing_desk){.settings = settings};
    waitq_init(&desk->waiting);
}

void signing_choose(const struct signing_desk *desk, struct span *span, const struct str *ids,
        size_t id_count, enum signing_kind kind, struct signing_choice *out)
{
    size_t known = 0;
    for (size_t i = 0; i < id_count; i++) {
        const struct signer_entry *entry = signers_find(desk->settings->signers, ids[i]);
        known += entry != NULL;
        if (entry != NULL)
            choose(span, entry, out);
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
    for (size_t i = 0; i < all->count; i++) {
        if (str_eq_nocase(all->at[i].signer.domain, domain))
            choose(span, &all->at[i], out);
    }
}

// One that is disabled or not active is there all the same: nothing is said of it.
static void choose(struct span *span, const struct signer_entry *entry, struct signing_choice *out)
{
    if (!entry->signs || is_chosen(out, entry))
        return;
    if (out->count < SIGNATURES_MAX)
        out->signers[out->count++] = entry;
    else
        tell_too_many(span, entry);
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
    const struct signer_entry *entry = signers_find(desk->settings->signers, id);
    if (entry == NULL)
        event_in(span, EV_ARC_SEALER_NOT_FOUND, F_STR(id, id));
    else if (entry->signs)
        out->sealer = entry;
}

// --- Our own fields on top of a message ----------------------------------------------------------

void signing_choose_again(const struct signing_desk *desk, struct arena *a, const struct message *m,
        struct signing_choice *out)
{
    struct scan in = scan_over(m->top);
    struct mail_field field;
    while (mail_field_next(&in, MAIL_CRLF, &field)) {
        const struct signer_entry *entry = NULL;
        if (str_eq_nocase(field.name, S("DKIM-Signature")))
            entry = signers_find_maker(desk->settings->signers, a, field.body);
        if (entry != NULL)
            choose(NULL, entry, out);
    }
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
