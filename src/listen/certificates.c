// SPDX-License-Identifier: Apache-2.0
// listen/certificates.c: all certificates of a server and the table of their names. Built once;
// afterwards only read. The choice for a client is in certificate_select.c.
#include "listen/certificates_table.h"

#include "listen/certificate.h"

static bool add(struct certificates *all, const struct certificate_source *source,
        const struct certificates *before, struct certificate_notes *notes);
static struct certificates *table_new(size_t count);
static struct certificates *finish(
        struct certificates *all, bool made, struct certificate_notes *notes);
static const struct certificate_source *find_source(
        const struct certificate_source *sources, size_t count, struct str id);
static bool keep_before(struct certificates *all, const struct certificates *before, struct str id);
static struct certificate *keep(struct certificates *all, const struct certificate *old);
static void report_error(
        struct certificate_notes *notes, struct str member, struct str code, struct str message);
static void check_defaults(const struct certificates *all, struct certificate_notes *notes);
static bool names_index(struct certificates *all);
static bool index_name(
        struct certificates *all, struct str name, const struct certificate *certificate);

struct certificates *certificates_make(const struct certificate_source *sources, size_t count,
        const struct certificates *before, int64_t wall_now_ms, struct certificate_reports *reports)
{
    struct certificates *all = table_new(count);
    struct certificate_notes notes = {.reports = reports, .wall_now_ms = wall_now_ms};
    bool made = all != NULL;
    for (size_t i = 0; made && i < count; i++)
        made = add(all, &sources[i], before, &notes);
    return finish(all, made, &notes);
}

struct certificates *certificates_replace(const struct certificates *before,
        const struct certificate_source *sources, size_t count, int64_t wall_now_ms,
        struct certificate_reports *reports)
{
    struct certificates *all = table_new(before->count + count);
    struct certificate_notes notes = {.reports = reports, .wall_now_ms = wall_now_ms};
    bool made = all != NULL;
    for (size_t i = 0; made && i < before->count; i++) {
        const struct certificate_source *source = find_source(sources, count, before->at[i].id);
        made = source != NULL ? add(all, source, before, &notes)
                              : keep(all, &before->at[i]) != NULL;
    }
    for (size_t i = 0; made && i < count; i++) // those that could not be loaded at the start
        if (certificates_by_id(before, sources[i].id) == NULL)
            made = add(all, &sources[i], before, &notes);
    return finish(all, made, &notes);
}

static struct certificates *table_new(size_t count)
{
    struct certificates *all = mem_new(struct certificates);
    if (all == NULL)
        return NULL;
    all->references = 1;
    arena_init(&all->arena, CERTIFICATES_BYTES_MAX);
    map_init(&all->by_name, 0, 0); // names come from the administrator's certificates
    all->at = arena_array(&all->arena, count + 1, struct certificate);
    if (all->at != NULL)
        return all;
    certificates_unref(all);
    return NULL;
}

static struct certificates *finish(
        struct certificates *all, bool made, struct certificate_notes *notes)
{
    if (made && names_index(all)) {
        check_defaults(all, notes);
        return all;
    }
    certificates_unref(all);
    return NULL;
}

static const struct certificate_source *find_source(
        const struct certificate_source *sources, size_t count, struct str id)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(sources[i].id, id))
            return &sources[i];
    return NULL;
}

struct certificates *certificates_ref(struct certificates *all)
{
    all->references++;
    return all;
}

void certificates_unref(struct certificates *all)
{
    if (all == NULL || --all->references > 0)
        return;
    for (size_t i = 0; i < all->count; i++)
        certificate_drop(&all->at[i]);
    map_done(&all->by_name);
    arena_done(&all->arena);
    mem_free(all);
}

size_t certificates_count(const struct certificates *all)
{
    return all->count;
}

const struct certificate *certificates_at(const struct certificates *all, size_t i)
{
    assert(i < all->count);
    return &all->at[i];
}

const struct certificate *certificates_by_id(const struct certificates *all, struct str id)
{
    for (size_t i = 0; all != NULL && i < all->count; i++)
        if (str_eq(all->at[i].id, id))
            return &all->at[i];
    return NULL;
}

// False only without memory.
static bool add(struct certificates *all, const struct certificate_source *source,
        const struct certificates *before, struct certificate_notes *notes)
{
    struct certificate *c = &all->at[all->count];
    struct str member;
    notes->id = source->id;
    struct err e = certificate_load(&all->arena, source, notes, c, &member);
    if (!failed(e)) {
        all->count++;
        return !str_is_null(c->id);
    }
    certificate_drop(c);
    *c = (struct certificate){0};
    report_error(notes, member, S("bad-certificate"), err_text(e));
    return keep_before(all, before, source->id);
}

// 9.6: what was in service stays when its successor cannot be loaded.
static bool keep_before(struct certificates *all, const struct certificates *before, struct str id)
{
    const struct certificate *old = certificates_by_id(before, id);
    if (old == NULL)
        return true;
    struct certificate *kept = keep(all, old);
    if (kept != NULL)
        kept->is_kept = true;
    return kept != NULL;
}

static struct certificate *keep(struct certificates *all, const struct certificate *old)
{
    struct certificate *c = &all->at[all->count];
    struct str *names = arena_array(&all->arena, old->names.count + 1, struct str);
    *c = *old;
    c->id = arena_str(&all->arena, old->id);
    if (names == NULL || str_is_null(c->id)) {
        *c = (struct certificate){0};
        return NULL;
    }
    for (size_t i = 0; i < old->names.count; i++)
        names[i] = arena_str(&all->arena, old->names.at[i]);
    c->names.at = names;
    X509_up_ref(c->leaf);
    EVP_PKEY_up_ref(c->key);
    c->chain = X509_chain_up_ref(old->chain);
    all->count++;
    return c->chain != NULL || old->chain == NULL ? c : NULL;
}

static void report_error(
        struct certificate_notes *notes, struct str member, struct str code, struct str message)
{
    struct certificate_reports *reports = notes->reports;
    struct certificate_report *r = vec_add(reports->arena, &reports->all);
    reports->error_count++;
    if (r != NULL)
        *r = (struct certificate_report){.kind = REPORT_ERROR,
                .id = notes->id,
                .member = member,
                .code = code,
                .message = arena_str(reports->arena, message)};
}

static void check_defaults(const struct certificates *all, struct certificate_notes *notes)
{
    const struct certificate *first = NULL;
    for (size_t i = 0; i < all->count; i++) {
        if (!all->at[i].is_default)
            continue;
        notes->id = arena_str(notes->reports->arena, all->at[i].id);
        if (first != NULL)
            report_error(notes, S("default"), S("default-twice"),
                    arena_fmt(notes->reports->arena, "certificate '%.*s' is the default already",
                            ARG(first->id)));
        else
            first = &all->at[i];
    }
}

static bool names_index(struct certificates *all)
{
    for (size_t i = 0; i < all->count; i++)
        for (size_t j = 0; j < all->at[i].names.count; j++)
            if (!index_name(all, all->at[i].names.at[j], &all->at[i]))
                return false;
    return true;
}

static bool index_name(
        struct certificates *all, struct str name, const struct certificate *certificate)
{
    struct name_entry *first = map_get(&all->by_name, name);
    struct name_entry *entry = arena_make(&all->arena, struct name_entry);
    if (entry == NULL)
        return false;
    entry->certificate = certificate;
    if (first == NULL)
        return map_put(&all->by_name, name, entry);
    entry->next = first->next;
    first->next = entry;
    return true;
}
