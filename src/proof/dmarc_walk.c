// SPDX-License-Identifier: Apache-2.0
// proof/dmarc_walk.c: up the tree of names, RFC 9989 4.10, or by the list of public suffixes, RFC
// 7489 3.2 and 6.6.3.
#include "proof/dmarc_walk.h"

#include "mail/suffix.h"
#include "rt/dns.h"

#define LABELS_ASKED 7 // of a name that has more, once it was asked for itself: RFC 9989 4.10

static struct err walk_tree(
        struct dmarc_places *places, struct str name, struct dmarc_walk *out) suspends;
static struct err walk_suffixes(
        struct dmarc_places *places, struct str name, struct dmarc_walk *out) suspends;
static struct err walk_step(struct dmarc_places *places, struct str name, struct dmarc_walk *walk,
        const struct dmarc_place **out) suspends;
static size_t label_count(struct str name);
static struct str last_labels(struct str name, size_t count);
static struct str organization(const struct dmarc_walk *walk);
static struct err place_ask(
        struct dmarc_places *places, struct str name, const struct dmarc_place **out) suspends;
static struct err place_fill(struct dmarc_places *places, struct dmarc_place *place) suspends;

struct err dmarc_walk(struct dmarc_places *places, struct str name, struct dmarc_walk *out)
{
    struct dmarc_walk walk = {0};
    if (places->suffixes != NULL)
        TRY(walk_suffixes(places, name, &walk));
    else
        TRY(walk_tree(places, name, &walk));
    *out = walk;
    return OK;
}

static struct err walk_tree(struct dmarc_places *places, struct str name, struct dmarc_walk *walk)
{
    size_t labels = label_count(name);
    const struct dmarc_place *place;
    for (size_t count = labels; count > 0;) {
        TRY(walk_step(places, last_labels(name, count), walk, &place));
        bool ends = place->record != NULL && place->record->psd != DMARC_PSD_UNKNOWN;
        if (place->temporary || ends)
            break;
        count = count > LABELS_ASKED ? LABELS_ASKED : count - 1;
    }
    if (!walk->temporary)
        walk->org = organization(walk);
    return OK;
}

static struct err walk_step(struct dmarc_places *places, struct str name, struct dmarc_walk *walk,
        const struct dmarc_place **out)
{
    assert(walk->count < DMARC_QUERIES_MAX);
    TRY(place_ask(places, name, out));
    walk->at[walk->count++] = *out;
    walk->temporary = (*out)->temporary;
    return OK;
}

static size_t label_count(struct str name)
{
    struct str rest = name, label;
    size_t count = 0;
    while (str_split(&rest, '.', &label))
        count++;
    return count;
}

static struct str last_labels(struct str name, size_t count)
{
    struct str label;
    for (size_t left = label_count(name); left > count; left--)
        (void)str_cut(name, '.', &label, &name);
    return name;
}

// RFC 9989 4.10.2
static struct str organization(const struct dmarc_walk *walk)
{
    struct str start = walk->at[0]->name, shortest = start;
    for (size_t i = 0; i < walk->count; i++) {
        const struct dmarc_place *place = walk->at[i];
        if (place->record == NULL)
            continue;
        if (place->record->psd == DMARC_PSD_NO)
            return place->name;
        if (place->record->psd == DMARC_PSD_YES && i > 0)
            return last_labels(start, label_count(place->name) + 1);
        shortest = place->name;
    }
    return shortest;
}

// RFC 7489 6.6.3, and the suffix itself if it is one that publishes for those below (RFC 9091).
static struct err walk_suffixes(
        struct dmarc_places *places, struct str name, struct dmarc_walk *walk)
{
    struct suffix_answer suffix;
    const struct dmarc_place *place;
    TRY(suffix_ask(places->suffixes, places->a, name, &suffix));
    walk->org = str_is_null(suffix.registrable) ? name : suffix.registrable;
    TRY(walk_step(places, name, walk, &place));
    if (place->record == NULL && !place->temporary && !place->many && !str_eq(walk->org, name))
        TRY(walk_step(places, walk->org, walk, &place));
    if (place->record != NULL || place->temporary || place->many || str_is_null(suffix.suffix) ||
            str_eq(suffix.suffix, name))
        return OK;
    TRY(walk_step(places, suffix.suffix, walk, &place));
    if (place->record != NULL && place->record->psd != DMARC_PSD_YES)
        walk->count--;
    return OK;
}

// RFC 9989 4.10.1: that of the name itself, of its organization, of the public suffix above that.
const struct dmarc_place *dmarc_walk_policy(const struct dmarc_walk *walk)
{
    const struct dmarc_place *first = walk->at[0], *suffix = NULL;
    if (first->record != NULL || first->many)
        return first->record != NULL ? first : NULL;
    for (size_t i = 1; i < walk->count; i++) {
        const struct dmarc_place *place = walk->at[i];
        if (place->record == NULL)
            continue;
        if (str_eq(place->name, walk->org))
            return place;
        if (place->record->psd == DMARC_PSD_YES)
            suffix = place;
    }
    return suffix;
}

// --- One name ------------------------------------------------------------------------------------

static struct err place_ask(
        struct dmarc_places *places, struct str name, const struct dmarc_place **out)
{
    each_in_vec (known, &places->all) {
        if (str_eq((*known)->name, name)) {
            *out = *known;
            return OK;
        }
    }
    struct dmarc_place *place = arena_make(places->a, struct dmarc_place);
    struct dmarc_place **added = vec_add(places->a, &places->all);
    if (place == NULL || added == NULL)
        return fail(ERR_LIMIT, "no memory to look for DMARC records");
    *added = place;
    place->name = name;
    TRY(place_fill(places, place));
    *out = place;
    return OK;
}

static struct err place_fill(struct dmarc_places *places, struct dmarc_place *place)
{
    struct dns_txt_answer txt;
    struct dmarc_record *record = NULL;
    struct str name = arena_fmt(places->a, "_dmarc.%.*s", ARG(place->name));
    if (str_is_null(name))
        return fail(ERR_LIMIT, "no memory to look for DMARC records");
    struct err e = dns_txt(places->r, places->a, name, &txt);
    if (e.kind == ERR_SYNTAX)
        return OK; // with the label before it the name is too long to exist
    TRY(e);
    place->temporary = dns_is_temporary(txt.answer.outcome);
    if (place->temporary) {
        struct str outcome = dns_outcome_name(txt.answer.outcome);
        place->why = arena_fmt(places->a, "TXT of %.*s: %.*s", ARG(name), ARG(outcome));
    }
    for (size_t i = 0; i < txt.count; i++) {
        if (!dmarc_record_begins(txt.at[i].joined))
            continue;
        place->many = record != NULL;
        if (place->many)
            return OK;
        record = arena_make(places->a, struct dmarc_record);
        if (record == NULL)
            return fail(ERR_LIMIT, "no memory for a DMARC record");
        TRY(dmarc_record_parse(places->a, txt.at[i].joined, record));
    }
    place->record = record;
    return OK;
}
