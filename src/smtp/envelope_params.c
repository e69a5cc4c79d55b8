// SPDX-License-Identifier: Apache-2.0
// smtp/envelope_params.c: the parameters of MAIL and RCPT (inbound.md 5.2, 5.3), a table and a
// small reader for each.
#include "smtp/envelope_params.h"

#include "base/date.h"
#include "mail/token.h"

#define ENVID_BYTES_MAX 100 // RFC 3461 4.4
#define ORCPT_BYTES_MAX 500 // RFC 3461 4.2
#define AUTH_BYTES_MAX 500  // RFC 4954 5
#define NINE_DIGITS_MAX 999999999
#define PRIORITY_MOST 9

typedef bool parameter_reader(struct reading *r, struct str value);

static bool took(struct reading *r, struct err e);
static bool take_size(struct reading *r, struct str value);
static bool take_body(struct reading *r, struct str value);
static bool take_smtputf8(struct reading *r, struct str value);
static bool take_ret(struct reading *r, struct str value);
static bool take_envid(struct reading *r, struct str value);
static bool is_printable(struct str text);
static bool take_auth(struct reading *r, struct str value);
static bool take_by(struct reading *r, struct str value);
static bool take_holdfor(struct reading *r, struct str value);
static bool take_holduntil(struct reading *r, struct str value);
static bool take_priority(struct reading *r, struct str value);
static bool take_requiretls(struct reading *r, struct str value);
static bool take_solicit(struct reading *r, struct str value);
static bool take_notify(struct reading *r, struct str value);
static bool take_orcpt(struct reading *r, struct str value);

enum command { OF_MAIL, OF_RCPT };
enum wants { WANTS_VALUE, WANTS_NONE };

static const struct row {
    struct str keyword;
    enum command command;
    enum wants wants;
    uint32_t extension;
    parameter_reader *take;
} rows[] = {
        {S_INIT("SIZE"), OF_MAIL, WANTS_VALUE, EXT_SIZE, take_size},
        {S_INIT("BODY"), OF_MAIL, WANTS_VALUE, EXT_8BITMIME, take_body},
        {S_INIT("SMTPUTF8"), OF_MAIL, WANTS_NONE, EXT_SMTPUTF8, take_smtputf8},
        {S_INIT("RET"), OF_MAIL, WANTS_VALUE, EXT_DSN, take_ret},
        {S_INIT("ENVID"), OF_MAIL, WANTS_VALUE, EXT_DSN, take_envid},
        {S_INIT("AUTH"), OF_MAIL, WANTS_VALUE, EXT_AUTH, take_auth},
        {S_INIT("BY"), OF_MAIL, WANTS_VALUE, EXT_DELIVERBY, take_by},
        {S_INIT("HOLDFOR"), OF_MAIL, WANTS_VALUE, EXT_FUTURERELEASE, take_holdfor},
        {S_INIT("HOLDUNTIL"), OF_MAIL, WANTS_VALUE, EXT_FUTURERELEASE, take_holduntil},
        {S_INIT("MT-PRIORITY"), OF_MAIL, WANTS_VALUE, EXT_MT_PRIORITY, take_priority},
        {S_INIT("REQUIRETLS"), OF_MAIL, WANTS_NONE, EXT_REQUIRETLS, take_requiretls},
        {S_INIT("SOLICIT"), OF_MAIL, WANTS_VALUE, EXT_NO_SOLICITING, take_solicit},
        {S_INIT("NOTIFY"), OF_RCPT, WANTS_VALUE, EXT_DSN, take_notify},
        {S_INIT("ORCPT"), OF_RCPT, WANTS_VALUE, EXT_DSN, take_orcpt},
};

struct err parameter_take(struct reading *r, const struct parameter *p)
{
    enum command command = r->mail != NULL ? OF_MAIL : OF_RCPT;
    size_t i = 0;
    while (i < COUNT_OF(rows) &&
            !(rows[i].command == command && str_eq_nocase(rows[i].keyword, p->keyword)))
        i++;
    if (i == COUNT_OF(rows) || (rows[i].extension & r->rules->offered) == 0)
        return reading_fault(r, FAULT_UNSUPPORTED, p->keyword, S("not offered here"));
    if ((r->seen & UINT32_C(1) << i) != 0)
        return reading_fault(r, FAULT_DUPLICATE, p->keyword, S("given twice"));
    r->seen |= UINT32_C(1) << i;
    if (str_is_null(p->value) != (rows[i].wants == WANTS_NONE))
        return reading_fault(r, FAULT_PARAMETER, p->keyword,
                rows[i].wants == WANTS_NONE ? S("takes no value") : S("needs a value"));
    bool taken = rows[i].take(r, p->value);
    if (r->no_memory)
        return fail(ERR_LIMIT, "no memory for a parameter");
    if (!taken)
        return reading_fault(r, FAULT_PARAMETER, p->keyword, S("has a value that it cannot have"));
    if (command == OF_MAIL && r->mail->hold_for_s != 0 && r->mail->hold_until_ms != 0)
        return reading_fault(r, FAULT_TWO_HOLDS, p->keyword, S("one of the two is enough"));
    return OK;
}

static bool took(struct reading *r, struct err e)
{
    r->no_memory |= e.kind == ERR_LIMIT;
    return !failed(e);
}

// 1*20DIGIT      RFC 1870 4; what is larger than any number of ours is larger than any limit
static bool take_size(struct reading *r, struct str value)
{
    if (value.len > 20)
        return false;
    for (size_t i = 0; i < value.len; i++)
        if (!byte_is_digit((uint8_t)value.ptr[i]))
            return false;
    if (!str_to_u64(value, UINT64_MAX, &r->mail->size_bytes))
        r->mail->size_bytes = UINT64_MAX;
    return true;
}

static bool take_body(struct reading *r, struct str value)
{
    struct mail_command *m = r->mail;
    if (str_eq_nocase(value, S("7BIT")))
        m->body = BODY_7BIT;
    else if (str_eq_nocase(value, S("8BITMIME")))
        m->body = BODY_8BITMIME;
    else if (str_eq_nocase(value, S("BINARYMIME")) && (r->rules->offered & EXT_BINARYMIME) != 0)
        m->body = BODY_BINARYMIME;
    return m->body != BODY_UNSAID;
}

static bool take_smtputf8(struct reading *r, struct str value UNUSED)
{
    r->mail->smtputf8 = true;
    return true;
}

static bool take_ret(struct reading *r, struct str value)
{
    if (str_eq_nocase(value, S("FULL")))
        r->mail->ret = RET_FULL;
    else if (str_eq_nocase(value, S("HDRS")))
        r->mail->ret = RET_HDRS;
    return r->mail->ret != RET_UNSAID;
}

static bool take_envid(struct reading *r, struct str value)
{
    struct str *out = &r->mail->env_id;
    return took(r, xtext_decode(r->arena, value, ENVID_BYTES_MAX, out)) && is_printable(*out);
}

static bool is_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < ' ' || (uint8_t)text.ptr[i] > '~')
            return false;
    return true;
}

// xtext of a Mailbox, or <>
static bool take_auth(struct reading *r, struct str value)
{
    struct str text;
    struct mail_address address;
    if (str_eq(value, S("<>"))) {
        r->mail->auth = S("");
        return true;
    }
    if (!took(r, xtext_decode(r->arena, value, AUTH_BYTES_MAX, &text)) ||
            !took(r, mail_address_parse(r->arena, text, &address)))
        return false;
    r->mail->auth = text;
    return true;
}

// [sign] 1*9DIGIT ";" ("R" / "N") ["T"]      RFC 2852 4
static bool take_by(struct reading *r, struct str value)
{
    struct scan in = scan_over(value);
    struct mail_command *m = r->mail;
    uint64_t seconds;
    bool minus = scan_byte(&in, '-');
    bool plus = !minus && scan_byte(&in, '+');
    (void)plus;
    if (!scan_u64(&in, NINE_DIGITS_MAX, &seconds) || !scan_byte(&in, ';'))
        return false;
    if (scan_byte(&in, 'R') || scan_byte(&in, 'r'))
        m->by = BY_RETURN;
    else if (scan_byte(&in, 'N') || scan_byte(&in, 'n'))
        m->by = BY_NOTIFY;
    m->by_trace = scan_byte(&in, 'T') || scan_byte(&in, 't');
    m->by_s = minus ? -(int64_t)seconds : (int64_t)seconds;
    return scan_end(&in) && (m->by == BY_NOTIFY || (m->by == BY_RETURN && m->by_s > 0));
}

static bool take_holdfor(struct reading *r, struct str value)
{
    uint64_t seconds;
    if (value.len > 9 || !str_to_u64(value, NINE_DIGITS_MAX, &seconds) || seconds == 0)
        return false;
    r->mail->hold_for_s = (int64_t)seconds;
    return true;
}

static bool take_holduntil(struct reading *r, struct str value)
{
    return date_parse_rfc3339(value, &r->mail->hold_until_ms) && r->mail->hold_until_ms != 0;
}

// [sign] DIGIT      RFC 6710 5
static bool take_priority(struct reading *r, struct str value)
{
    struct scan in = scan_over(value);
    uint64_t number;
    bool minus = scan_byte(&in, '-');
    bool plus = !minus && scan_byte(&in, '+');
    (void)plus;
    if (!scan_u64(&in, PRIORITY_MOST, &number) || !scan_end(&in))
        return false;
    r->mail->priority = minus ? -(int)number : (int)number;
    r->mail->has_priority = true;
    return true;
}

static bool take_requiretls(struct reading *r, struct str value UNUSED)
{
    r->mail->requiretls = true;
    return true;
}

// Solicitation-keywords: words with dots between labels, commas between them. RFC 3865 2.4
static bool take_solicit(struct reading *r, struct str value)
{
    struct str rest = value, word;
    while (str_split(&rest, ',', &word)) {
        if (word.len == 0 || !byte_is_alpha((uint8_t)word.ptr[0]))
            return false;
        for (size_t i = 0; i < word.len; i++)
            if (!byte_is_alnum((uint8_t)word.ptr[i]) && word.ptr[i] != '-' && word.ptr[i] != '_' &&
                    word.ptr[i] != '.' && word.ptr[i] != ':')
                return false;
    }
    r->mail->solicit = value;
    return true;
}

// "NEVER" / 1#( "SUCCESS" / "FAILURE" / "DELAY" )      RFC 3461 4.1
static bool take_notify(struct reading *r, struct str value)
{
    static const struct {
        struct str word;
        enum notify_flag flag;
    } words[] = {
            {S_INIT("NEVER"), NOTIFY_NEVER},
            {S_INIT("SUCCESS"), NOTIFY_SUCCESS},
            {S_INIT("FAILURE"), NOTIFY_FAILURE},
            {S_INIT("DELAY"), NOTIFY_DELAY},
    };
    struct str rest = value, word;
    uint32_t all = 0;
    while (str_split(&rest, ',', &word)) {
        size_t i = 0;
        while (i < COUNT_OF(words) && !str_eq_nocase(word, words[i].word))
            i++;
        if (i == COUNT_OF(words) || (all & words[i].flag) != 0)
            return false;
        all |= words[i].flag;
    }
    r->rcpt->notify = all;
    return (all & NOTIFY_NEVER) == 0 || all == NOTIFY_NEVER;
}

// addr-type ";" xtext      RFC 3461 4.2; utf-8 addresses come in the forms of RFC 6533 3: raw with
// SMTPUTF8 only, and then they are kept as they are
static bool take_orcpt(struct reading *r, struct str value)
{
    struct rcpt_command *c = r->rcpt;
    struct str type, text;
    if (!str_cut(value, ';', &type, &text) || type.len == 0 || text.len == 0)
        return false;
    struct scan in = scan_over(type);
    if (!token_atom(&in, &c->orcpt_type) || !scan_end(&in) || !str_is_ascii(type))
        return false;
    if (r->rules->is_utf8 && str_eq_nocase(type, S("utf-8")) && !str_is_ascii(text)) {
        c->orcpt = text;
        return text.len <= ORCPT_BYTES_MAX && str_is_utf8(text);
    }
    return took(r, xtext_decode(r->arena, text, ORCPT_BYTES_MAX, &c->orcpt)) && c->orcpt.len > 0;
}
