// SPDX-License-Identifier: Apache-2.0
// queue/dsn/dsn_status.c: the status of a recipient in three numbers (queue.md 12.6 and 2.4, RFC
// 3463): the enhanced code of the reply if it belongs to its code, else what the code means at its
// stage; without a reply, what went wrong here.
#include "queue/dsn/dsn_parts.h"

#include "mail/status.h"

enum stage { AT_MAIL, AT_RCPT, AT_OTHER };

static struct str of_outcome(struct arena *a, const struct outcome *o, bool permanent);
static struct str of_code(struct arena *a, const struct outcome *o);
static enum stage stage_of(struct str command);
static bool names_no_mailbox(struct arena *a, struct str text);
static bool contains_any(struct str text, const struct str *words, size_t count);
static struct str of_kind(enum failure_kind kind, bool permanent);
static bool is_of_tls(enum failure_kind kind);
static uint8_t class_of(struct str status);

struct str dsn_status(
        struct arena *a, const struct message *m, const struct recipient *r, enum dsn_action action)
{
    struct str status = of_outcome(a, &r->last, r->status == RCPT_PERM_FAILED);
    switch (action) {
    case DSN_NONE:
    case DSN_FAILED:
        if (r->last.at_ms == 0)
            return S("4.4.7");
        if (!dsn_has_expired(r))
            break;
        if ((m->flags & MESSAGE_REQUIRETLS) != 0 && is_of_tls(r->last.kind))
            return S("5.7.30"); // RFC 8689 5, outbound.md 17.2: nobody could protect it
        return (m->flags & MESSAGE_BY_RETURN) != 0 ? S("5.4.7") : status; // RFC 2852 4.1.4.1
    case DSN_DELAYED:
        if ((m->flags & MESSAGE_BY_NOTIFY) != 0)
            return S("4.4.7"); // queue.md 9.2
        return r->last.at_ms != 0 && class_of(status) == 4 ? status : S("4.4.7");
    case DSN_RELAYED:
    case DSN_DELIVERED:
        return class_of(status) == 2 ? status : S("2.0.0");
    case DSN_EXPANDED:
        return S("2.0.0");
    }
    return class_of(status) == 2 ? S("5.0.0") : status;
}

// Whoever failed for good while the last trouble was a passing one had no time left.
bool dsn_has_expired(const struct recipient *r)
{
    const struct outcome *o = &r->last;
    if (r->status != RCPT_PERM_FAILED || o->at_ms == 0)
        return r->status == RCPT_PERM_FAILED;
    return o->code != 0 ? o->code / 100 == 4 : class_of(o->enhanced) == 4;
}

static struct str of_outcome(struct arena *a, const struct outcome *o, bool permanent)
{
    uint8_t class = class_of(o->enhanced);
    if (class != 0 && (o->code == 0 || class == o->code / 100))
        return o->enhanced;
    if (o->code == 0)
        return of_kind(o->kind, permanent);
    return of_code(a, o);
}

// What codes without an enhanced one mean; RFC 5321 4.2.3, 3463, 5248, 7504.
static struct str of_code(struct arena *a, const struct outcome *o)
{
    enum stage stage = stage_of(o->command);
    switch (o->code) {
    case 421:
        return S("4.4.2");
    case 450:
        return stage == AT_RCPT ? S("4.2.0") : S("4.0.0");
    case 451:
        return S("4.3.0");
    case 452:
        return stage == AT_RCPT ? S("4.5.3") : S("4.3.1");
    case 455:
        return S("4.5.4");
    case 500:
        return S("5.5.2");
    case 501:
    case 504:
    case 555:
        return S("5.5.4");
    case 502:
    case 503:
        return S("5.5.1");
    case 521:
        return S("5.3.2");
    case 530:
        return S("5.7.0");
    case 535:
        return S("5.7.8");
    case 550:
        if (stage != AT_RCPT)
            return S("5.0.0");
        return names_no_mailbox(a, o->text) ? S("5.1.1") : S("5.2.0");
    case 552:
        return stage == AT_RCPT ? S("5.2.2") : S("5.3.4");
    case 553:
        return S("5.1.3");
    case 556:
        return S("5.1.10");
    }
    switch (o->code / 100) {
    case 2:
        return S("2.0.0");
    case 4:
        return S("4.0.0");
    }
    return S("5.0.0");
}

static enum stage stage_of(struct str command)
{
    if (str_starts_nocase(command, S("RCPT")))
        return AT_RCPT;
    return str_starts_nocase(command, S("MAIL")) ? AT_MAIL : AT_OTHER;
}

static bool names_no_mailbox(struct arena *a, struct str text)
{
    static const struct str whats[] = {
            S_INIT("user"), S_INIT("mailbox"), S_INIT("recipient"), S_INIT("address")};
    static const struct str whys[] = {
            S_INIT("unknown"), S_INIT("not found"), S_INIT("does not exist"), S_INIT("invalid")};
    struct str lower = arena_str_lower(a, text);
    return contains_any(lower, whats, COUNT_OF(whats)) && contains_any(lower, whys, COUNT_OF(whys));
}

static bool contains_any(struct str text, const struct str *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_contains(text, words[i]))
            return true;
    return false;
}

// queue.md 2.4, its last column.
static struct str of_kind(enum failure_kind kind, bool permanent)
{
    switch (kind) {
    case FAILURE_NONE:
        return S("2.0.0");
    case FAILURE_DNS:
        return permanent ? S("5.1.2") : S("4.4.3");
    case FAILURE_UNEXPECTED_REPLY:
        return permanent ? S("5.0.0") : S("4.0.0");
    case FAILURE_CONNECTION:
        return permanent ? S("5.4.4") : S("4.4.1");
    case FAILURE_TLS:
    case FAILURE_DANE:
    case FAILURE_MTA_STS:
        return permanent ? S("5.7.5") : S("4.7.5");
    case FAILURE_RATE:
    case FAILURE_CONCURRENCY:
        return S("4.4.5");
    case FAILURE_IO:
        break;
    }
    return permanent ? S("5.3.0") : S("4.3.0");
}

static bool is_of_tls(enum failure_kind kind)
{
    return kind == FAILURE_TLS || kind == FAILURE_DANE || kind == FAILURE_MTA_STS;
}

// 0: it is none.
static uint8_t class_of(struct str status)
{
    struct scan in = scan_over(status);
    struct mail_status read;
    return mail_status_scan(&in, &read) && scan_end(&in) ? read.class : 0;
}
