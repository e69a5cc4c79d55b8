// SPDX-License-Identifier: Apache-2.0
// proof/dmarc_from.c: whose message is it? The author domain of RFC 9989 3.2.2, and what is done
// where there is none, or more than one (RFC 9989 4.3 and 11.5).
#include "proof/dmarc.h"

#include "mail/header.h"
#include "proof/tags.h"

static struct err read_mailboxes(
        struct arena *a, const struct mail_mailboxes *boxes, struct dmarc_authors *out);
static bool has_domain(const struct str *domains, size_t count, struct str domain);
static struct err check_each(struct resolver *r, struct arena *a,
        const struct dmarc_settings *settings, const struct dmarc_authors *authors,
        const struct dmarc_question *question, struct dmarc_answer *out) suspends;
static int severity(const struct dmarc_answer *answer);

struct err dmarc_authors_read(
        struct arena *a, const struct str *froms, size_t count, struct dmarc_authors *out)
{
    struct mail_mailboxes boxes;
    struct dmarc_authors authors = {.many_fields = count > 1};
    if (count == 1 && mail_mailboxes_read(a, froms[0], &boxes)) {
        authors.many_mailboxes = boxes.count > DMARC_MAILBOXES_MAX;
        if (!authors.many_mailboxes)
            TRY(read_mailboxes(a, &boxes, &authors));
    }
    *out = authors;
    return OK;
}

// Addresses without a domain that could have a policy count for nothing, beside others that have.
static struct err read_mailboxes(
        struct arena *a, const struct mail_mailboxes *boxes, struct dmarc_authors *out)
{
    struct str *domains = arena_array(a, boxes->count, struct str), local, domain, ascii;
    size_t count = 0;
    if (domains == NULL)
        return fail(ERR_LIMIT, "no memory for the authors of a message");
    for (size_t i = 0; i < boxes->count; i++) {
        if (!str_rcut(boxes->at[i].address, '@', &local, &domain))
            continue;
        if (str_ends(domain, S(".")))
            domain = str_upto(domain, domain.len - 1);
        if (tag_domain(a, domain, 2, &ascii) && !has_domain(domains, count, ascii))
            domains[count++] = ascii;
    }
    out->domains = domains;
    out->count = count;
    return OK;
}

static bool has_domain(const struct str *domains, size_t count, struct str domain)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq(domains[i], domain))
            return true;
    }
    return false;
}

struct err dmarc_check_authors(struct resolver *r, struct arena *a,
        const struct dmarc_settings *settings, const struct dmarc_authors *authors,
        const struct dmarc_question *question, struct dmarc_answer *out)
{
    struct dmarc_answer answer = {.result = DMARC_RESULT_NONE};
    bool several = authors->count > 1, strictest = settings->several == DMARC_SEVERAL_STRICTEST;
    bool too_many = authors->many_mailboxes || (strictest && authors->count > DMARC_AUTHORS_MAX);
    if (authors->many_fields || too_many) {
        answer.result = DMARC_PERMERROR;
        answer.many_authors = authors->many_fields;
        answer.comment =
                authors->many_fields ? S("multiple From fields") : S("too many author addresses");
    } else if (authors->count == 0) {
        answer.comment = S("no author domain");
    } else if (several && !strictest) {
        answer.comment = S("multiple author domains");
        answer.many_authors = settings->several == DMARC_SEVERAL_REJECT;
    } else {
        TRY(check_each(r, a, settings, authors, question, &answer));
    }
    *out = answer;
    return OK;
}

static struct err check_each(struct resolver *r, struct arena *a,
        const struct dmarc_settings *settings, const struct dmarc_authors *authors,
        const struct dmarc_question *question, struct dmarc_answer *out)
{
    struct dmarc_question one = *question;
    struct dmarc_answer answer;
    for (size_t i = 0; i < authors->count; i++) {
        one.author = authors->domains[i];
        TRY(dmarc_check(r, a, settings, &one, &answer));
        if (i == 0 || severity(&answer) > severity(out))
            *out = answer;
    }
    return OK;
}

// Of what a message may come to; the worst of several answers holds.
static int severity(const struct dmarc_answer *answer)
{
    switch (answer->result) {
    case DMARC_PASS:
        return 0;
    case DMARC_RESULT_NONE:
        return 1;
    case DMARC_PERMERROR:
        return 2;
    case DMARC_TEMPERROR:
        return answer->disposition == DMARC_REJECT || answer->discovery_failed ? 5 : 3;
    case DMARC_FAIL:
        break;
    }
    switch (answer->disposition) {
    case DMARC_REJECT:
        return 6;
    case DMARC_QUARANTINE:
        return 4;
    case DMARC_NONE:
    case DMARC_UNSPECIFIED:
        break;
    }
    return 3;
}
