// SPDX-License-Identifier: Apache-2.0
// proof/head.c: fields by name from the bottom up. Fields of one bucket are chained from the lowest
// to the highest, so the first in the chain that fits and is free is the answer; a name asked for
// again and again walks over those taken before, as often as it is listed.
#include "proof/head.h"

#include "base/hash.h"
#include "proof/tags.h"

static struct err fields_read(struct arena *a, struct str head, struct proof_head *out);
static uint32_t *bucket_of(const struct proof_head *h, struct str name);
static struct err index_make(struct arena *a, struct proof_head *h);
static bool read_authors(struct arena *a, struct proof_head *h, struct mail_mailboxes *out);
static bool domain_of(struct arena *a, struct str address, struct str *out);

struct err proof_head_read(struct arena *a, struct str head, struct proof_head *out)
{
    struct proof_head h = {0};
    TRY(fields_read(a, head, &h));
    TRY(index_make(a, &h));
    *out = h;
    return OK;
}

static struct err fields_read(struct arena *a, struct str head, struct proof_head *out)
{
    // A line "From ..." at the start would be taken for that of a mailbox file, and "From : x", an
    // author as good as any, be lost with it: nothing that came by a protocol begins so.
    if (str_starts(head, S("From ")))
        head = arena_join(a, S(".\r\n"), head);
    if (str_is_null(head))
        return fail(ERR_LIMIT, "no memory for the fields of a header");
    struct scan in = scan_over(head);
    VEC(struct mail_field) fields = {0};
    struct mail_field field;
    while (mail_field_next(&in, MAIL_CRLF, &field)) {
        struct mail_field *slot = vec_add(a, &fields);
        if (slot == NULL || fields.count >= UINT32_MAX)
            return fail(ERR_LIMIT, "no memory for the fields of a header");
        *slot = field;
    }
    out->fields = fields.at;
    out->count = fields.count;
    return OK;
}

static struct err index_make(struct arena *a, struct proof_head *h)
{
    h->bucket_count = 16;
    while (h->bucket_count < 2 * h->count)
        h->bucket_count *= 2;
    h->buckets = arena_array(a, h->bucket_count, uint32_t);
    h->taken = arena_array(a, h->count + 1, uint32_t);
    h->next_higher = arena_array(a, h->count + 1, uint32_t);
    if (h->buckets == NULL || h->taken == NULL || h->next_higher == NULL)
        return fail(ERR_LIMIT, "no memory for the fields of a header");
    for (size_t i = 0; i < h->count; i++) { // each goes before those above it
        if (str_is_null(h->fields[i].name))
            continue;
        uint32_t *bucket = bucket_of(h, h->fields[i].name);
        h->next_higher[i] = *bucket;
        *bucket = (uint32_t)i + 1;
    }
    return OK;
}

static uint32_t *bucket_of(const struct proof_head *h, struct str name)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ byte_to_lower((uint8_t)name.ptr[i])) * 0x100000001b3;
    return &h->buckets[(hash ^ (hash >> 32)) & (h->bucket_count - 1)];
}

void proof_head_begin(struct proof_head *h)
{
    h->round++;
}

const struct mail_field *proof_head_take(struct proof_head *h, struct str name)
{
    for (uint32_t place = *bucket_of(h, name); place != 0; place = h->next_higher[place - 1]) {
        uint32_t i = place - 1;
        if (proof_head_is_spent(h))
            return NULL;
        h->step_count++;
        if (h->taken[i] == h->round || !str_eq_nocase(h->fields[i].name, name))
            continue;
        h->taken[i] = h->round;
        return &h->fields[i];
    }
    return NULL;
}

bool proof_head_is_spent(const struct proof_head *h)
{
    return h->step_count >= PROOF_HEAD_STEPS_MAX;
}

void proof_head_leave_out(struct proof_head *h, const struct mail_field *field)
{
    h->taken[field - h->fields] = h->round;
}

void proof_head_add(struct proof_head *h, struct buf *out, enum canon canon,
        const struct str *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct mail_field *field = proof_head_take(h, names[i]);
        if (field != NULL)
            canon_field_add(out, canon, field->all);
    }
}

size_t proof_head_count(const struct proof_head *h, struct str name)
{
    size_t count = 0;
    for (uint32_t place = *bucket_of(h, name); place != 0; place = h->next_higher[place - 1])
        count += str_eq_nocase(h->fields[place - 1].name, name);
    return count;
}

size_t proof_head_bytes(struct str message)
{
    if (str_starts(message, S("\r\n")))
        return 2;
    size_t end = str_find(message, S("\r\n\r\n"));
    return end == STR_NOT_FOUND ? message.len : end + 4;
}

struct str proof_head_author_domain(struct arena *a, struct proof_head *h)
{
    struct mail_mailboxes boxes;
    struct str domain = STR_NULL;
    if (read_authors(a, h, &boxes) && boxes.count > 0)
        (void)domain_of(a, boxes.at[0].address, &domain);
    return domain;
}

bool proof_head_has_author_domain(struct arena *a, struct proof_head *h, struct str domain)
{
    struct mail_mailboxes boxes;
    struct str other;
    if (!read_authors(a, h, &boxes))
        return false;
    for (size_t i = 0; i < boxes.count; i++)
        if (domain_of(a, boxes.at[i].address, &other) && str_eq(other, domain))
            return true;
    return false;
}

// Of the one From field; where there are several, nobody knows who the author is.
static bool read_authors(struct arena *a, struct proof_head *h, struct mail_mailboxes *out)
{
    proof_head_begin(h);
    const struct mail_field *from = proof_head_take(h, S("From"));
    return from != NULL && proof_head_take(h, S("From")) == NULL &&
           mail_mailboxes_read(a, from->body, out);
}

static bool domain_of(struct arena *a, struct str address, struct str *out)
{
    struct str local, domain;
    return str_rcut(address, '@', &local, &domain) && tag_domain(a, domain, 1, out);
}
