// SPDX-License-Identifier: Apache-2.0
// deliver/reply/classify.c: asking the rules about bounces (outbound.md 28.5). classify_read.c
// reads them.
#include "deliver/reply/classify.h"

#include "deliver/reply/classify_parts.h"

static const struct {
    struct str word;
    bool is_hard;
} classes[] = {
#define BOUNCE_CLASS(name, class_word, hard, about) {.word = S_INIT(class_word), .is_hard = hard},
#include "events/bounce_classes.def"
};

struct asked { // what the rules are asked about
    const struct outcome *o;
    uint16_t code;
    struct bounce_status status;
    bool is_plain;
    struct letters_of_three letters; // of a plain text
};

static bool class_of_kind(const struct outcome *o, enum bounce_class *out);
static bool enhanced_is(struct str enhanced, struct str detail);
static bool is_of_provider(const struct bounce_provider *p, struct str host);
static bool rule_fits(const struct bounce_rule *r, struct arena *scratch, const struct asked *q);
static bool text_fits(const struct bounce_rule *r, struct arena *scratch, const struct asked *q);
static bool code_fits(const struct bounce_rule *r, uint16_t code);
static bool command_fits(const struct bounce_rule *r, struct str command);
static bool status_fits(const struct bounce_status *wanted, const struct bounce_status *have);

enum bounce_class bounce_class_of(
        const struct bounce_rules *rules, struct arena *scratch, const struct outcome *outcome)
{
    return bounce_classify(rules, scratch, outcome).class;
}

struct bounce_answer bounce_classify(
        const struct bounce_rules *rules, struct arena *scratch, const struct outcome *o)
{
    struct bounce_answer answer = {.class = BOUNCE_OTHER};
    struct str host = str_is_empty(o->host) ? o->entity : o->host;
    struct asked q = {.o = o, .code = o->code};
    if (bounce_class_named(o->bounce_class, &answer.class) || class_of_kind(o, &answer.class))
        return answer;
    (void)bounce_status_read(o->enhanced, &q.status);
    if (q.code == 0 && q.status.is_given) // one of ours, for which no host said anything
        q.code = (uint16_t)(q.status.at[0] * 100);
    q.is_plain = letters_of_three(o->text, &q.letters);
    each_in_vec (p, &rules->providers) {
        if (!is_of_provider(p, host))
            continue;
        for (size_t i = p->first; i < p->end; i++) {
            const struct bounce_rule *r = &rules->all.at[i];
            if (!rule_fits(r, scratch, &q))
                continue;
            return (struct bounce_answer){r->class, r->line, p->name};
        }
    }
    return answer;
}

struct str bounce_class_word(enum bounce_class class)
{
    return classes[class].word;
}

bool bounce_class_named(struct str word, enum bounce_class *out)
{
    for (size_t i = 0; i < COUNT_OF(classes); i++)
        if (str_eq(classes[i].word, word)) {
            *out = (enum bounce_class)i;
            return true;
        }
    return false;
}

bool bounce_class_is_hard(enum bounce_class class)
{
    return classes[class].is_hard;
}

// What needs no rule, for no host has said it in its words (queue.md 2.4).
static bool class_of_kind(const struct outcome *o, enum bounce_class *out)
{
    bool replied = o->code != 0;
    switch (o->kind) {
    case FAILURE_NONE:
    case FAILURE_UNEXPECTED_REPLY:
        return false;
    case FAILURE_DNS: {
        bool lacks_domain = str_starts(o->enhanced, S("5.1."));
        *out = lacks_domain ? BOUNCE_BAD_DOMAIN : BOUNCE_ROUTING;
        return true;
    }
    case FAILURE_CONNECTION:
        if (replied)
            return false;
        *out = BOUNCE_CONNECTION;
        if (enhanced_is(o->enhanced, S(".4.6")) || str_eq(o->enhanced, S("5.4.4")))
            *out = BOUNCE_ROUTING;
        if (enhanced_is(o->enhanced, S(".7.8")))
            *out = BOUNCE_AUTH_FAILED;
        if (enhanced_is(o->enhanced, S(".5.0")))
            *out = BOUNCE_PROTOCOL;
        return true;
    case FAILURE_TLS:
    case FAILURE_DANE:
    case FAILURE_MTA_STS:
        *out = BOUNCE_TLS;
        return true;
    case FAILURE_RATE:
    case FAILURE_CONCURRENCY:
        *out = BOUNCE_RATE_LIMIT;
        return true;
    case FAILURE_IO:
        if (replied)
            return false;
        *out = BOUNCE_OTHER;
        if (enhanced_is(o->enhanced, S(".4.7")))
            *out = BOUNCE_EXPIRED;
        if (enhanced_is(o->enhanced, S(".7.0")) || enhanced_is(o->enhanced, S(".7.1")))
            *out = BOUNCE_ADMIN; // cancelled, or by a standing rule
        return *out != BOUNCE_OTHER;
    }
    return false;
}

static bool enhanced_is(struct str enhanced, struct str detail)
{
    return enhanced.len == detail.len + 1 && str_ends(enhanced, detail);
}

static bool is_of_provider(const struct bounce_provider *p, struct str host)
{
    if (p->is_everybody)
        return true;
    for (size_t i = 0; i < p->suffixes.count; i++) {
        struct str suffix = p->suffixes.at[i];
        if (!str_ends_nocase(host, suffix))
            continue;
        if (host.len == suffix.len || host.ptr[host.len - suffix.len - 1] == '.')
            return true;
    }
    return false;
}

static bool rule_fits(const struct bounce_rule *r, struct arena *scratch, const struct asked *q)
{
    return code_fits(r, q->code) && command_fits(r, q->o->command) &&
           status_fits(&r->status, &q->status) && text_fits(r, scratch, q);
}

// Most patterns are about words that the text has not, which is found out for a hundredth of what
// asking them takes.
static bool text_fits(const struct bounce_rule *r, struct arena *scratch, const struct asked *q)
{
    if (r->pattern == NULL)
        return true;
    if (q->is_plain && !needed_is_there(r->needed, &q->letters))
        return false;
    return regex_match(r->pattern, scratch, q->o->text, NULL) == REGEX_MATCH;
}

static bool code_fits(const struct bounce_rule *r, uint16_t code)
{
    uint16_t divisor = 100;
    for (size_t i = 0; i < COUNT_OF(r->code); i++) {
        if (r->code[i] != BOUNCE_ANY && r->code[i] != code / divisor % 10)
            return false;
        divisor /= 10;
    }
    return true;
}

// A message ends with DATA's dot or with the last BDAT: it is the same to whoever judges the reply.
static bool command_fits(const struct bounce_rule *r, struct str command)
{
    if (str_eq_nocase(command, S("BDAT")))
        command = S("DATA");
    return str_is_null(r->command) || str_starts_nocase(command, r->command);
}

static bool status_fits(const struct bounce_status *wanted, const struct bounce_status *have)
{
    if (!wanted->is_given)
        return true;
    for (size_t i = 0; i < COUNT_OF(wanted->at); i++)
        if (!have->is_given || (wanted->at[i] != BOUNCE_ANY && wanted->at[i] != have->at[i]))
            return false;
    return true;
}
