// SPDX-License-Identifier: Apache-2.0
// proof/spf.c: check_host() of RFC 7208 4. The records that include one another are a stack of
// frames, worked through by one loop: the task's own stack does not grow with what a domain
// publishes. Memory is that of an arena which ends with the evaluation.
#include "proof/spf.h"

#include "base/idna.h"
#include "proof/spf_eval.h"
#include "rt/rt.h"

#define LOOKUPS_MAX 10 // RFC 7208 4.6.4
#define VOIDS_MAX 2
#define WAIT_MS (20 * SECOND_MS)
#define DOMAIN_BYTES_MAX 253

static struct err fill_in(struct spf_eval *ev, const struct spf_question *q, bool *out_fine,
        struct spf_answer *answer);
static struct err sender_split(struct spf_eval *ev, struct str sender);
static struct err sender_is(struct spf_eval *ev, struct str local, struct str domain);
static struct err domain_read(struct arena *a, struct str text, struct str *out);
static bool domain_is_multi_label(struct str domain);
static bool domain_is_plain(struct str domain);
static struct err evaluate(struct spf_eval *ev, struct spf_answer *answer) suspends;
static struct err frame_push(
        struct spf_eval *ev, struct str domain, bool *out_decided, enum spf_result *out) suspends;
static struct err frame_load(struct spf_eval *ev, bool *out_decided, enum spf_result *out) suspends;
static enum spf_result record_select(
        struct spf_eval *ev, const struct dns_txt_answer *txt, struct spf_record *out);
static struct err frame_step(struct spf_eval *ev, bool *out_decided, enum spf_result *out) suspends;
static struct err frame_include(
        struct spf_eval *ev, bool *out_decided, enum spf_result *out) suspends;
static struct err frame_redirect(
        struct spf_eval *ev, enum spf_result *out_result, bool *out_decided) suspends;
static bool frame_return(struct spf_eval *ev, enum spf_result *result);
static enum spf_result result_of_qualifier(enum spf_qualifier qualifier);
static bool decides(enum spf_step step, enum spf_result of_match, enum spf_result *out);
static struct err explain(struct spf_eval *ev, struct spf_answer *answer) suspends;
static struct err explanation_fetch(
        struct spf_eval *ev, const struct spf_frame *f, struct buf *out) suspends;
static void read_reporting(const struct spf_record *record, struct spf_reporting *out);
static struct err hand_over(struct arena *a, struct spf_answer *answer);

struct err spf_check(struct resolver *r, struct arena *a, const struct spf_settings *settings,
        const struct spf_question *question, struct spf_answer *out)
{
    struct arena scratch AUTO(arena_done);
    struct spf_answer answer = {.identity = question->identity, .helo = question->helo};
    bool fine;
    arena_init(&scratch, SPF_MEMORY_BYTES_MAX);
    struct spf_eval *ev = arena_make(&scratch, struct spf_eval);
    if (ev == NULL)
        return fail(ERR_LIMIT, "no memory to check SPF");
    *ev = (struct spf_eval){.r = r, .a = &scratch, .settings = settings};
    struct err e = fill_in(ev, question, &fine, &answer);
    bool ours = deadline_left_ms() > settings->wait_ms;
    if (!failed(e) && fine && !question->exempt) {
        within_ms(settings->wait_ms);
        e = evaluate(ev, &answer);
    }
    if (e.kind == ERR_CANCELLED || e.kind == ERR_INTERNAL || (e.kind == ERR_TIMEOUT && !ours))
        return e;
    if (failed(e)) { // the check's own time, or memory that a domain's answers have used up
        answer.result = SPF_TEMPERROR;
        ev->problem = err_text(e);
    }
    if (answer.result == SPF_FAIL && str_is_null(answer.explanation))
        answer.explanation = question->default_explanation;
    bool tell = answer.result == SPF_TEMPERROR || answer.result == SPF_PERMERROR ||
                answer.result == SPF_NONE;
    answer.problem = tell ? ev->problem : STR_NULL;
    answer.lookups = ev->lookups;
    answer.voids = ev->voids;
    TRY(hand_over(a, &answer));
    *out = answer;
    return OK;
}

// RFC 7208 2.3, 2.4 and 4.3. Without a domain to ask about the answer is none.
static struct err fill_in(struct spf_eval *ev, const struct spf_question *q, bool *out_fine,
        struct spf_answer *answer)
{
    struct spf_macro_values *v = &ev->values;
    bool null_sender = q->identity == SPF_OF_MAIL && str_is_empty(q->sender);
    *out_fine = false;
    v->ip = ip_unmap(q->ip);
    v->helo = q->helo;
    v->receiver = q->receiver;
    v->now_s = wall_ms() / SECOND_MS;
    if (q->identity == SPF_OF_HELO || null_sender)
        TRY(sender_is(ev, S("postmaster"), q->helo));
    else
        TRY(sender_split(ev, q->sender));
    answer->ip = v->ip;
    answer->null_sender = null_sender;
    answer->exempt = q->exempt;
    answer->sender = v->sender;
    answer->domain = v->sender_domain;
    *out_fine = domain_is_multi_label(v->sender_domain) && domain_is_plain(v->sender_domain);
    if (!*out_fine)
        ev->problem = S("the name is no domain of two labels or more");
    return OK;
}

// RFC 7208 4.3: a sender may lack a local part.
static struct err sender_split(struct spf_eval *ev, struct str sender)
{
    struct str local = STR_NULL, domain = sender;
    (void)str_rcut(sender, '@', &local, &domain);
    return sender_is(ev, str_is_empty(local) ? S("postmaster") : local, domain);
}

static struct err sender_is(struct spf_eval *ev, struct str local, struct str domain)
{
    struct spf_macro_values *v = &ev->values;
    v->local = local;
    ev->local_beyond_ascii = !str_is_ascii(v->local);
    TRY(domain_read(ev->a, domain, &v->sender_domain));
    v->sender = arena_fmt(ev->a, "%.*s@%.*s", ARG(v->local), ARG(v->sender_domain));
    return str_is_null(v->sender) ? fail(ERR_LIMIT, "no memory to check SPF") : OK;
}

// To A-labels in lower case; what cannot be converted stays as it is.
static struct err domain_read(struct arena *a, struct str text, struct str *out)
{
    struct idna_result ascii;
    if (str_ends(text, S(".")))
        text = str_upto(text, text.len - 1);
    if (!str_is_ascii(text)) {
        TRY(idna_to_ascii(a, text, &ascii));
        text = ascii.fault == IDNA_FINE ? ascii.text : text;
    }
    *out = arena_str_lower(a, text);
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for a name") : OK;
}

static bool domain_is_multi_label(struct str domain)
{
    struct str rest = domain, label;
    size_t count = 0;
    if (domain.len > DOMAIN_BYTES_MAX)
        return false;
    for (; str_split(&rest, '.', &label); count++) {
        if (str_is_empty(label) || label.len > DNS_LABEL_BYTES_MAX)
            return false;
    }
    return count >= 2;
}

// Neither an address literal nor something that only looks like a name.
static bool domain_is_plain(struct str domain)
{
    struct scan in = scan_over(domain);
    for (uint8_t c; scan_any(&in, &c);) {
        if (c <= ' ' || c > '~' || c == '[' || c == '@' || c == '\\')
            return false;
    }
    return true;
}

// RFC 7208 4.6.2: terms from left to right, until one decides.
static struct err evaluate(struct spf_eval *ev, struct spf_answer *answer)
{
    enum spf_result result = SPF_NONE;
    bool decided = false;
    TRY(frame_push(ev, ev->values.sender_domain, &decided, &result));
    while (!decided || ev->depth > 1) {
        if (decided)
            decided = frame_return(ev, &result);
        else
            TRY(frame_step(ev, &decided, &result));
    }
    const struct spf_frame *top = &ev->frames[0];
    bool by_term = result != SPF_NONE && result != SPF_TEMPERROR && result != SPF_PERMERROR;
    answer->result = result;
    if (by_term && top->term != NULL)
        answer->mechanism = top->term->text;
    read_reporting(&top->record, &answer->reporting);
    if (result != SPF_FAIL)
        return OK;
    return explain(ev, answer);
}

static struct err frame_push(
        struct spf_eval *ev, struct str domain, bool *out_decided, enum spf_result *out)
{
    if (ev->depth == COUNT_OF(ev->frames)) {
        *out_decided =
                decides(spf_eval_problem(ev, SPF_STEP_PERMERROR,
                                "records include one another more than %d deep", SPF_DEPTH_MAX),
                        SPF_NONE, out);
        return OK;
    }
    ev->frames[ev->depth++] = (struct spf_frame){.domain = domain};
    return frame_load(ev, out_decided, out);
}

// RFC 7208 4.4 to 4.6. The look-up of a record is counted with the term that wants it.
static struct err frame_load(struct spf_eval *ev, bool *out_decided, enum spf_result *out)
{
    struct spf_frame *f = &ev->frames[ev->depth - 1];
    struct dns_txt_answer txt;
    bool first = ev->depth == 1 && !f->redirected;
    *out_decided = true;
    TRY(dns_txt(ev->r, ev->a, f->domain, &txt));
    if (dns_is_temporary(txt.answer.outcome)) {
        struct str outcome = dns_outcome_name(txt.answer.outcome);
        (void)spf_eval_problem(
                ev, SPF_STEP_TEMPERROR, "TXT of %.*s: %.*s", ARG(f->domain), ARG(outcome));
        *out = SPF_TEMPERROR;
        return OK;
    }
    if (!first && dns_is_void(txt.answer.outcome))
        (void)spf_eval_count_void(ev); // permerror it is anyway
    *out = record_select(ev, &txt, &f->record);
    *out_decided = *out != SPF_NEUTRAL; // the word for: there is a record
    if (*out == SPF_NONE)
        (void)spf_eval_problem(ev, SPF_STEP_NO_MATCH, "%.*s has no SPF record", ARG(f->domain));
    if (*out == SPF_NONE && f->redirected)
        *out = SPF_PERMERROR;
    return OK;
}

// RFC 7208 4.5: exactly one record begins as SPF records do. Neutral: it was read.
static enum spf_result record_select(
        struct spf_eval *ev, const struct dns_txt_answer *txt, struct spf_record *out)
{
    struct str domain = ev->frames[ev->depth - 1].domain, text = STR_NULL;
    for (size_t i = 0; i < txt->count; i++) {
        struct str joined = txt->at[i].joined;
        if (spf_record_begins(joined) && !str_is_null(text)) {
            (void)spf_eval_problem(
                    ev, SPF_STEP_PERMERROR, "%.*s has more than one SPF record", ARG(domain));
            return SPF_PERMERROR;
        }
        text = spf_record_begins(joined) ? joined : text;
    }
    if (str_is_null(text))
        return SPF_NONE;
    struct err e = spf_record_parse(ev->a, text, out);
    if (!failed(e))
        return SPF_NEUTRAL;
    (void)spf_eval_problem(
            ev, SPF_STEP_PERMERROR, "record of %.*s, %.*s", ARG(domain), ARG(err_text(e)));
    return e.kind == ERR_SYNTAX ? SPF_PERMERROR : SPF_TEMPERROR;
}

static struct err frame_step(struct spf_eval *ev, bool *out_decided, enum spf_result *out)
{
    struct spf_frame *f = &ev->frames[ev->depth - 1];
    enum spf_step step = SPF_STEP_MATCH;
    if (f->next == f->record.term_count)
        return frame_redirect(ev, out, out_decided);
    f->term = &f->record.terms[f->next++];
    if (f->term->mechanism == SPF_INCLUDE)
        return frame_include(ev, out_decided, out);
    if (f->term->mechanism != SPF_ALL)
        TRY(spf_eval_mechanism(ev, f->domain, f->term, &step));
    *out_decided = decides(step, result_of_qualifier(f->term->qualifier), out);
    return OK;
}

// RFC 7208 5.2. What cannot be asked for is a domain without a record.
static struct err frame_include(struct spf_eval *ev, bool *out_decided, enum spf_result *out)
{
    struct spf_frame *f = &ev->frames[ev->depth - 1];
    struct str name = STR_NULL;
    enum spf_step step = spf_eval_count_lookup(ev);
    if (step == SPF_STEP_NO_MATCH)
        TRY(spf_eval_name(ev, f->domain, f->term->domain, &step, &name));
    *out_decided = decides(step, SPF_NONE, out);
    if (*out_decided || spf_eval_never_matches(ev, f->term->domain))
        return OK;
    if (!str_is_null(name) && domain_is_multi_label(name))
        return frame_push(ev, name, out_decided, out);
    *out_decided = decides(
            spf_eval_problem(ev, SPF_STEP_PERMERROR, "%.*s leads to no domain", ARG(f->term->text)),
            SPF_NONE, out);
    return OK;
}

// RFC 7208 6.1. "all" that did not match does not exist, so an "all" anywhere has decided before.
static struct err frame_redirect(
        struct spf_eval *ev, enum spf_result *out_result, bool *out_decided)
{
    struct spf_frame *f = &ev->frames[ev->depth - 1];
    struct str name = STR_NULL;
    *out_decided = true;
    *out_result = SPF_NEUTRAL;
    f->term = NULL;
    if (str_is_null(f->record.redirect))
        return OK;
    enum spf_step step = spf_eval_count_lookup(ev);
    if (step == SPF_STEP_NO_MATCH)
        TRY(spf_eval_name(ev, f->domain, f->record.redirect, &step, &name));
    if (decides(step, SPF_NONE, out_result) || spf_eval_never_matches(ev, f->record.redirect))
        return OK;
    if (str_is_null(name) || !domain_is_multi_label(name)) {
        (void)spf_eval_problem(ev, SPF_STEP_PERMERROR, "redirect=%.*s leads to no domain",
                ARG(f->record.redirect));
        *out_result = SPF_PERMERROR;
        return OK;
    }
    *f = (struct spf_frame){.domain = name, .redirected = true};
    return frame_load(ev, out_decided, out_result);
}

// An included record has a result: what that means to the record that includes it, RFC 7208 5.2.
// False: go on with the next term.
static bool frame_return(struct spf_eval *ev, enum spf_result *result)
{
    const struct spf_frame *f = &ev->frames[--ev->depth - 1];
    switch (*result) {
    case SPF_PASS:
        *result = result_of_qualifier(f->term->qualifier);
        return true;
    case SPF_FAIL:
    case SPF_SOFTFAIL:
    case SPF_NEUTRAL:
        return false;
    case SPF_TEMPERROR:
        return true;
    case SPF_PERMERROR:
    case SPF_NONE:
        *result = SPF_PERMERROR;
        return true;
    }
    return true;
}

static enum spf_result result_of_qualifier(enum spf_qualifier qualifier)
{
    switch (qualifier) {
    case SPF_PLUS:
        return SPF_PASS;
    case SPF_MINUS:
        return SPF_FAIL;
    case SPF_TILDE:
        return SPF_SOFTFAIL;
    case SPF_QUESTION:
        return SPF_NEUTRAL;
    }
    return SPF_PERMERROR;
}

static bool decides(enum spf_step step, enum spf_result of_match, enum spf_result *out)
{
    switch (step) {
    case SPF_STEP_NO_MATCH:
        return false;
    case SPF_STEP_MATCH:
        *out = of_match;
        return true;
    case SPF_STEP_TEMPERROR:
        *out = SPF_TEMPERROR;
        return true;
    case SPF_STEP_PERMERROR:
        *out = SPF_PERMERROR;
        return true;
    }
    return true;
}

// RFC 7208 6.2: trouble on the way to an explanation means that there is none.
static struct err explain(struct spf_eval *ev, struct spf_answer *answer)
{
    const struct spf_frame *f = &ev->frames[0];
    struct buf text AUTO(buf_done);
    buf_init(&text, SPF_EXPLANATION_BYTES_MAX);
    if (!ev->settings->explain || str_is_null(f->record.exp))
        return OK;
    struct err e = explanation_fetch(ev, f, &text);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (!failed(e) && text.len > 0 && !text.overflow)
        answer->explanation = arena_str(ev->a, buf_str(&text));
    return OK;
}

static struct err explanation_fetch(struct spf_eval *ev, const struct spf_frame *f, struct buf *out)
{
    enum spf_step step = SPF_STEP_NO_MATCH;
    struct dns_txt_answer txt;
    struct str name;
    size_t offset;
    if (spf_macro_uses(f->record.exp, 'p'))
        TRY(spf_eval_pointers(ev)); // before it would be counted: limits do not concern exp=
    TRY(spf_eval_name(ev, f->domain, f->record.exp, &step, &name));
    if (step != SPF_STEP_NO_MATCH || str_is_null(name))
        return OK;
    TRY(dns_txt(ev->r, ev->a, name, &txt));
    if (txt.count != 1)
        return OK;
    struct str text = txt.at[0].joined;
    if (!spf_macro_check(text, SPF_MACRO_IN_EXPLANATION, &offset))
        return OK;
    return spf_eval_expand(ev, f->domain, text, out);
}

// RFC 6652 4. What is malformed is as if it were not there.
static void read_reporting(const struct spf_record *record, struct spf_reporting *out)
{
    struct spf_reporting r = {.address = record->ra, .percent = 100};
    struct str rest = record->rr, word;
    uint64_t percent;
    if (str_to_u64(record->rp, UINT32_MAX, &percent) && percent < 100)
        r.percent = (uint32_t)percent;
    while (str_split(&rest, ':', &word)) {
        bool all = str_eq_nocase(word, S("all"));
        r.error = r.error || all || str_eq_nocase(word, S("e"));
        r.fail = r.fail || all || str_eq_nocase(word, S("f"));
        r.softfail = r.softfail || all || str_eq_nocase(word, S("s"));
        r.neutral = r.neutral || all || str_eq_nocase(word, S("n"));
    }
    if (!r.error && !r.fail && !r.softfail && !r.neutral)
        r.error = r.fail = r.softfail = r.neutral = true;
    *out = r;
}

// From the evaluation's memory to the caller's.
static struct err hand_over(struct arena *a, struct spf_answer *answer)
{
    struct str *const texts[] = {&answer->domain, &answer->sender, &answer->helo,
            &answer->mechanism, &answer->explanation, &answer->problem, &answer->reporting.address};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (str_is_null(*texts[i]))
            continue;
        *texts[i] = arena_str(a, *texts[i]);
        if (str_is_null(*texts[i]))
            return fail(ERR_LIMIT, "no memory for an SPF result");
    }
    return OK;
}

struct spf_settings spf_settings_default(void)
{
    return (struct spf_settings){.lookups_max = LOOKUPS_MAX,
            .voids_max = VOIDS_MAX,
            .wait_ms = WAIT_MS,
            .explain = true};
}
