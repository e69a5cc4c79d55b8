// SPDX-License-Identifier: Apache-2.0
// proof/dmarc.c: one message against the policy of its author domain, RFC 9989 4 and 5.
#include "proof/dmarc.h"

#include "proof/dmarc_walk.h"
#include "proof/tags.h"
#include "rt/dns.h"
#include "rt/rt.h"

#define WAIT_MS (20 * SECOND_MS)
#define MEMORY_BYTES_MAX (2 * MIB) // of what is asked for one message

struct check {
    struct dmarc_places places;
    const struct dmarc_settings *settings;
    const struct dmarc_question *question;
    struct dmarc_walk author;
    struct dmarc_answer answer;
    bool any_pass;  // somebody proved something, for whomever
    bool undecided; // trouble stands where a proof might have been
};

static struct err check_message(struct check *c) suspends;
static bool domain_read(struct arena *a, struct str text, size_t label_min, struct str *out);
static struct err policy_find(struct check *c, bool *out_found) suspends;
static struct err policy_of_name(struct check *c, const struct dmarc_place *place) suspends;
static struct err author_exists(struct check *c, bool *out) suspends;
static void policy_soften(struct check *c);
static enum dmarc_policy softer(enum dmarc_policy policy);
static struct err judge(struct check *c, const struct dmarc_identifier *id, bool strict,
        struct str *out_aligned) suspends;
static struct err aligns(
        struct check *c, struct str domain, bool strict, bool *out, bool *out_temporary) suspends;
static bool could_align(const struct check *c, struct str domain, bool strict);
static struct err hand_over(struct arena *a, struct check *c);
static bool keep(struct arena *a, struct str *text);

struct err dmarc_check(struct resolver *r, struct arena *a, const struct dmarc_settings *settings,
        const struct dmarc_question *question, struct dmarc_answer *out)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, MEMORY_BYTES_MAX);
    struct check c = {.settings = settings, .question = question};
    c.places = (struct dmarc_places){.r = r, .a = &scratch, .suffixes = settings->suffixes};
    bool ours = deadline_left_ms() > settings->wait_ms;
    within_ms(settings->wait_ms);
    struct err e = check_message(&c);
    if (e.kind == ERR_CANCELLED || e.kind == ERR_INTERNAL || (e.kind == ERR_TIMEOUT && !ours))
        return e;
    if (failed(e)) { // the check's own time, or memory that the answers have used up
        c.answer.result = DMARC_TEMPERROR;
        c.answer.discovery_failed = c.answer.record == NULL;
        c.answer.comment = err_text(e);
    }
    TRY(hand_over(a, &c));
    *out = c.answer;
    return OK;
}

static struct err check_message(struct check *c)
{
    const struct dmarc_question *q = c->question;
    struct dmarc_answer *answer = &c->answer;
    bool found;
    if (!domain_read(c->places.a, q->author, 2, &answer->author)) {
        answer->comment = S("no author domain");
        return OK;
    }
    TRY(policy_find(c, &found));
    if (!found)
        return OK;
    if (q->spf != NULL)
        TRY(judge(c, q->spf, answer->record->strict_spf, &answer->spf_aligned));
    for (size_t i = 0; i < q->dkim_count && i < DMARC_IDENTIFIERS_MAX; i++) {
        if (str_is_null(answer->dkim_aligned))
            TRY(judge(c, &q->dkim[i], answer->record->strict_dkim, &answer->dkim_aligned));
    }
    if (!str_is_null(answer->spf_aligned) || !str_is_null(answer->dkim_aligned))
        answer->result = DMARC_PASS;
    else
        answer->result = c->undecided ? DMARC_TEMPERROR : DMARC_FAIL;
    answer->not_aligned = answer->result == DMARC_FAIL && c->any_pass;
    if (answer->result == DMARC_FAIL)
        answer->comment = c->any_pass ? S("policy not aligned") : S("no passing identifiers");
    return OK;
}

// A-labels in lower case. Underscores are let pass: a policy holds for the names below it, however
// odd.
static bool domain_read(struct arena *a, struct str text, size_t label_min, struct str *out)
{
    if (str_ends(text, S(".")))
        text = str_upto(text, text.len - 1);
    return tag_domain(a, text, label_min, out);
}

// RFC 9989 4.10.1. Not found: the answer says none, or that one cannot know.
static struct err policy_find(struct check *c, bool *out_found)
{
    struct dmarc_answer *answer = &c->answer;
    TRY(dmarc_walk(&c->places, answer->author, &c->author));
    answer->org_domain = c->author.org;
    const struct dmarc_place *place = dmarc_walk_policy(&c->author);
    *out_found = place != NULL && !place->record->no_policy;
    if (place == NULL && c->author.temporary) {
        answer->result = DMARC_TEMPERROR;
        answer->discovery_failed = true;
        answer->comment = c->author.at[c->author.count - 1]->why;
        return OK;
    }
    if (place == NULL && c->author.at[0]->many)
        answer->comment = S("more than one policy record");
    if (place != NULL && place->record->no_policy)
        answer->comment = S("no valid policy");
    if (!*out_found)
        return OK;
    answer->record = place->record;
    answer->policy_domain = place->name;
    TRY(policy_of_name(c, place));
    policy_soften(c);
    return OK;
}

// authentication.md 9.4
static struct err policy_of_name(struct check *c, const struct dmarc_place *place)
{
    const struct dmarc_record *record = place->record;
    bool exists = true;
    c->answer.policy = record->p;
    if (str_eq(place->name, c->answer.author))
        return OK;
    if (record->np != record->sp)
        TRY(author_exists(c, &exists));
    c->answer.policy = exists ? record->sp : record->np;
    return OK;
}

// RFC 8020: nothing is below a name that does not exist. Trouble counts as existence.
static struct err author_exists(struct check *c, bool *out)
{
    struct dns_ip_answer a;
    TRY(dns_a(c->places.r, c->places.a, c->answer.author, &a));
    *out = a.answer.outcome != DNS_NXDOMAIN;
    return OK;
}

// t=y; and what stood for it before: pct=0 of a record without t=, where the tree is walked, and
// the sampling of RFC 7489 6.6.4, where it is not.
static void policy_soften(struct check *c)
{
    struct dmarc_answer *answer = &c->answer;
    const struct dmarc_record *record = answer->record;
    bool by_suffixes = c->settings->suffixes != NULL;
    answer->disposition = answer->policy;
    answer->test_mode =
            record->test_mode || (!by_suffixes && record->percent == 0 && !record->test_given);
    answer->sampled_out = by_suffixes && c->question->sample > record->percent;
    if (answer->test_mode || answer->sampled_out)
        answer->disposition = softer(answer->policy);
}

static enum dmarc_policy softer(enum dmarc_policy policy)
{
    switch (policy) {
    case DMARC_REJECT:
        return DMARC_QUARANTINE;
    case DMARC_QUARANTINE:
    case DMARC_NONE:
        return DMARC_NONE;
    case DMARC_UNSPECIFIED:
        break;
    }
    return DMARC_UNSPECIFIED;
}

// --- Alignment -----------------------------------------------------------------------------------

static struct err judge(
        struct check *c, const struct dmarc_identifier *id, bool strict, struct str *out_aligned)
{
    struct str domain;
    bool aligned = false, temporary = false;
    if (!domain_read(c->places.a, id->domain, 1, &domain))
        return OK;
    if (id->result == DMARC_PROOF_TEMPERROR)
        c->undecided = c->undecided || could_align(c, domain, strict);
    if (id->result != DMARC_PROOF_PASS)
        return OK;
    c->any_pass = true;
    TRY(aligns(c, domain, strict, &aligned, &temporary));
    c->undecided = c->undecided || temporary;
    *out_aligned = aligned ? domain : STR_NULL;
    return OK;
}

// RFC 9989 4.4. Who has the author's organization lies within it, so others are not looked up.
static struct err aligns(
        struct check *c, struct str domain, bool strict, bool *out, bool *out_temporary)
{
    struct dmarc_walk walk;
    struct str org = c->answer.org_domain;
    *out = str_eq(domain, c->answer.author);
    if (*out || strict)
        return OK;
    if (str_is_null(org)) {
        *out_temporary = could_align(c, domain, strict);
        return OK;
    }
    if (!domain_is_within(domain, org))
        return OK;
    TRY(dmarc_walk(&c->places, domain, &walk));
    *out_temporary = str_is_null(walk.org);
    *out = str_eq(walk.org, org);
    return OK;
}

// Before anything is asked: the last two labels are the same.
static bool could_align(const struct check *c, struct str domain, bool strict)
{
    struct str author = c->answer.author, before, last, rest, label;
    if (strict || str_eq(domain, author))
        return str_eq(domain, author);
    if (!str_rcut(author, '.', &before, &last))
        return false;
    label = before;
    (void)str_rcut(before, '.', &rest, &label);
    return domain_is_within(domain, str_from(author, author.len - last.len - 1 - label.len));
}

// --- The answer ----------------------------------------------------------------------------------

// From the check's memory to the caller's: the record is read once more there.
static struct err hand_over(struct arena *a, struct check *c)
{
    struct dmarc_answer *answer = &c->answer;
    struct str *const texts[] = {&answer->author, &answer->policy_domain, &answer->org_domain,
            &answer->dkim_aligned, &answer->spf_aligned, &answer->comment};
    struct str *queries = arena_array(a, c->author.count, struct str);
    bool kept = queries != NULL;
    for (size_t i = 0; i < COUNT_OF(texts) && kept; i++)
        kept = keep(a, texts[i]);
    for (size_t i = 0; i < c->author.count && kept; i++) {
        queries[i] = arena_fmt(a, "_dmarc.%.*s", ARG(c->author.at[i]->name));
        kept = !str_is_null(queries[i]);
    }
    answer->queries = queries;
    answer->query_count = c->author.count;
    if (answer->record != NULL && kept) {
        struct str text = arena_str(a, answer->record->text);
        struct dmarc_record *record = arena_make(a, struct dmarc_record);
        kept = record != NULL && !str_is_null(text);
        if (kept)
            TRY(dmarc_record_parse(a, text, record));
        answer->record = record;
    }
    return kept ? OK : fail(ERR_LIMIT, "no memory for a DMARC result");
}

static bool keep(struct arena *a, struct str *text)
{
    if (str_is_null(*text))
        return true;
    *text = arena_str(a, *text);
    return !str_is_null(*text);
}

struct dmarc_settings dmarc_settings_default(void)
{
    return (struct dmarc_settings){.wait_ms = WAIT_MS};
}
