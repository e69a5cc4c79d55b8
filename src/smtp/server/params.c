// SPDX-License-Identifier: Apache-2.0
// smtp/server/params.c: the rules of inbound.md 5.2. A value that its grammar does not have was
// refused by the parser already.
#include "smtp/server/params.h"

#include "base/date.h"
#include "rt/rt.h"
#include "smtp/server/stages.h"
#include "smtp/server/transaction.h"

static uint32_t extensions_offered(struct smtp_session *s, struct str args) suspends;
static struct err decide_hold(struct smtp_session *s, bool *out_good) suspends MUST_USE;
static struct err decide_by(struct smtp_session *s, bool *out_good) suspends MUST_USE;
static void decide_priority(struct smtp_session *s) suspends;
static bool is_solicitation_refused(struct smtp_session *s) suspends;
static bool keyword_is_among(struct str keyword, struct str list);

struct envelope_rules envelope_rules_now(struct smtp_session *s, struct str args)
{
    return (struct envelope_rules){.offered = extensions_offered(s, args),
            .strict = s->pace.strict_envelope,
            .is_utf8 = s->transaction != NULL && s->transaction->mail.smtputf8};
}

// Extensions with parameters that this session may use now (enum smtp_extension). Asked only when
// the command has parameters: that is when anything hangs on it.
static uint32_t extensions_offered(struct smtp_session *s, struct str args)
{
    static const struct {
        enum rule_id rule;
        uint32_t extension;
    } truths[] = {{RULE_SMTPUTF8, EXT_SMTPUTF8}, {RULE_DSN, EXT_DSN},
            {RULE_REQUIRETLS, EXT_REQUIRETLS}}; // the last: without TLS it has a reply of its own
    uint32_t offered = EXT_SIZE | EXT_8BITMIME | EXT_AUTH;
    struct str keywords;
    if (s->hello == HELLO_HELO || str_find_byte(args, ' ') == STR_NOT_FOUND)
        return 0; // RFC 5321 2.2.1: without EHLO there are no extensions
    for (size_t i = 0; i < COUNT_OF(truths); i++)
        if (rule_bool(s, truths[i].rule))
            offered |= truths[i].extension;
    if (rule_bool(s, RULE_CHUNKING) && rule_bool(s, RULE_BINARYMIME))
        offered |= EXT_BINARYMIME;
    if (rule_number(s, RULE_DELIVER_BY) > 0)
        offered |= EXT_DELIVERBY;
    if (rule_number(s, RULE_FUTURE_RELEASE) > 0)
        offered |= EXT_FUTURERELEASE;
    if (rule_word(s, RULE_MT_PRIORITY) >= 0)
        offered |= EXT_MT_PRIORITY;
    if (solicitation_is_named(s, &keywords))
        offered |= EXT_NO_SOLICITING;
    return offered;
}

bool solicitation_is_named(struct smtp_session *s, struct str *out_keywords)
{
    struct expr_result r = rule_ask(s, RULE_NO_SOLICITING);
    *out_keywords = S("");
    if (r.outcome != EXPR_VALUE || r.value.type != EXPR_STRING)
        return false;
    *out_keywords = r.value.text;
    return true;
}

struct err params_tell_fault(struct smtp_session *s, const struct envelope_fault *fault)
{
    if (fault->kind == FAULT_TWO_HOLDS) {
        told_invalid(s, S("HOLDFOR"));
        return reply(s, REPLY_TWO_HOLDS);
    }
    if (fault->kind == FAULT_UNSUPPORTED) {
        told_unsupported(s, fault->parameter);
        return reply_about(s, REPLY_UNSUPPORTED, fault->parameter);
    }
    told_invalid(s, fault->parameter);
    if (fault->kind == FAULT_DUPLICATE)
        return reply_about(s, REPLY_TWICE, fault->parameter);
    if (str_eq_nocase(fault->parameter, S("MT-PRIORITY")))
        return reply(s, REPLY_BAD_PRIORITY);
    return reply_about(s, REPLY_BAD_PARAMETER, fault->parameter);
}

struct err params_decide(struct smtp_session *s, bool *out_good)
{
    struct transaction *t = s->transaction;
    int64_t size_max = rule_number(s, RULE_MESSAGE_SIZE);
    *out_good = false;
    if (size_max > 0 && t->mail.size_bytes > (uint64_t)size_max) {
        event_in(s->options->span, EV_SMTP_MESSAGE_TOO_LARGE, F_U64(size, t->mail.size_bytes),
                F_U64(limit, (uint64_t)size_max));
        return reply(s, REPLY_TOO_BIG);
    }
    if (t->mail.requiretls && !s->tls_on) {
        told_unsupported(s, S("REQUIRETLS"));
        return reply(s, REPLY_NEED_ENCRYPTION);
    }
    if (t->mail.solicit.len > 0 && is_solicitation_refused(s))
        return reply_rejected(s, REPLY_SOLICITATION, S(""));
    decide_priority(s);
    TRY(decide_hold(s, out_good));
    if (!*out_good) {
        told_invalid(s, S("HOLDFOR"));
        return OK;
    }
    TRY(decide_by(s, out_good));
    if (!*out_good)
        told_invalid(s, S("BY"));
    return OK;
}

// RFC 4865
static struct err decide_hold(struct smtp_session *s, bool *out_good)
{
    struct transaction *t = s->transaction;
    *out_good = t->mail.hold_for_s == 0 && t->mail.hold_until_ms == 0;
    if (*out_good)
        return OK;
    int64_t most_ms = rule_number(s, RULE_FUTURE_RELEASE), now = wall_ms();
    if (t->mail.hold_for_s > most_ms / SECOND_MS)
        return reply_number(s, REPLY_HOLD_TOO_LONG, most_ms / SECOND_MS);
    if (t->mail.hold_until_ms != 0 && t->mail.hold_until_ms <= now)
        return reply(s, REPLY_HOLD_PAST);
    if (t->mail.hold_until_ms > now + most_ms) {
        struct buf last AUTO(buf_done);
        buf_init(&last, 64);
        date_add_rfc3339(&last, (now + most_ms) / SECOND_MS * SECOND_MS, DATE_SECONDS);
        return reply_about(s, REPLY_HOLD_TOO_LATE, buf_str(&last));
    }
    t->hold_until_ms = t->mail.hold_until_ms;
    if (t->mail.hold_for_s > 0)
        t->hold_until_ms = now + t->mail.hold_for_s * SECOND_MS;
    *out_good = true;
    return OK;
}

// RFC 2852
static struct err decide_by(struct smtp_session *s, bool *out_good)
{
    struct transaction *t = s->transaction;
    *out_good = t->mail.by == BY_NONE;
    if (*out_good)
        return OK;
    int64_t most_s = rule_number(s, RULE_DELIVER_BY) / SECOND_MS;
    int64_t least_s = rule_number(s, RULE_DELIVER_BY_MIN) / SECOND_MS;
    int64_t by_s = t->mail.by_s, span_s = by_s < 0 ? -by_s : by_s;
    if (span_s > most_s)
        return reply_number(s, REPLY_BY_TOO_LONG, most_s);
    if (t->mail.by == BY_RETURN && by_s < least_s)
        return reply_number(s, REPLY_BY_TOO_SHORT, least_s);
    t->by_ms = wall_ms() + by_s * SECOND_MS;
    if (t->hold_until_ms != 0 && t->by_ms <= t->hold_until_ms)
        return reply(s, REPLY_BY_BEFORE_HOLD);
    *out_good = true;
    return OK;
}

// RFC 6710: what a profile has no level for becomes the nearest that it has; who has not logged in
// does not choose.
static void decide_priority(struct smtp_session *s)
{
    static const struct {
        int least, most;
    } levels[] = {{-4, 4}, {-4, 6}, {-9, 9}}; // MIXER, STANAG4406; NSEP names no bounds of its own
    struct transaction *t = s->transaction;
    t->priority = 0;
    if (s->account == NULL || t->mail.priority == 0)
        return;
    int64_t profile = rule_word(s, RULE_MT_PRIORITY);
    if (profile < 0 || profile >= (int64_t)COUNT_OF(levels))
        return;
    t->priority = t->mail.priority;
    if (t->priority > levels[profile].most)
        t->priority = levels[profile].most;
    if (t->priority < levels[profile].least)
        t->priority = levels[profile].least;
}

// RFC 3865 2.3
static bool is_solicitation_refused(struct smtp_session *s)
{
    struct str refused, rest = s->transaction->mail.solicit, keyword;
    if (!solicitation_is_named(s, &refused))
        return false;
    while (str_split(&rest, ',', &keyword))
        if (keyword_is_among(keyword, refused))
            return true;
    return false;
}

static bool keyword_is_among(struct str keyword, struct str list)
{
    struct str rest = list, one;
    while (str_split(&rest, ',', &one))
        if (str_eq_nocase(str_trim_blanks(one), keyword))
            return true;
    return false;
}
