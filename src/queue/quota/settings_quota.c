// SPDX-License-Identifier: Apache-2.0
// queue/quota/settings_quota.c: queue.quota.<id>.*, in the order of their ids. What a quota counts
// once follows from the most specific variable that its key or match speaks of: each recipient,
// each domain of recipients, or the message.
#include "queue/quota/settings_quota.h"

#include "mail/status.h"

static struct err read_quota(struct reading *r, struct str id, struct quota *out);
static void read_parts(struct reading *r, struct quota *q);
static bool part_of(struct str word, struct quota_part *out);
static enum quota_scope scope_of(const struct quota *q);
static void read_reply(struct reading *r, struct quota *q);
static bool reply_parse(struct str text, uint16_t *out_code, struct str *out_rest);

static struct str item(const struct reading *r, struct str id, struct str member)
{
    return conf_item(r->conf, S("queue.quota"), id, member);
}

struct err settings_read_quotas(struct reading *r)
{
    struct conf_ids ids = conf_ids(r->conf, S("queue.quota"));
    struct quota *all = arena_array(r->arena, ids.count + 1, struct quota);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the quotas");
    for (size_t i = 0; i < ids.count; i++) {
        if (!conf_bool(r->conf, item(r, ids.at[i], S("enable"))))
            continue;
        if (r->out->quota_count == QUOTAS_MAX) {
            conf_error(r->conf, r->findings, item(r, ids.at[i], S("enable")), -1,
                    S("too-many-quotas"), "more than %d quotas", QUOTAS_MAX);
            break;
        }
        TRY(read_quota(r, ids.at[i], &all[r->out->quota_count]));
        r->out->quota_count++;
    }
    r->out->quotas = all;
    return OK;
}

static struct err read_quota(struct reading *r, struct str id, struct quota *q)
{
    *q = (struct quota){.id = id,
            .match = conf_expr(r->conf, item(r, id, S("match"))),
            .messages_max = conf_u64(r->conf, item(r, id, S("messages"))),
            .bytes_max = conf_u64(r->conf, item(r, id, S("size")))};
    if (q->messages_max == 0 && q->bytes_max == 0)
        conf_error(r->conf, r->findings, item(r, id, S("messages")), -1, S("missing"),
                "a quota needs 'messages' or 'size' or both, of at least 1");
    read_parts(r, q);
    q->scope = scope_of(q);
    read_reply(r, q);
    return OK;
}

static void read_parts(struct reading *r, struct quota *q)
{
    struct str key = item(r, q->id, S("key"));
    struct conf_list list = conf_list(r->conf, key);
    for (size_t i = 0; i < list.count; i++) {
        struct quota_part part = {0};
        if (!part_of(list.at[i].text, &part))
            conf_error(r->conf, r->findings, key, (int)i, S("quota-key"),
                    "Quota key \"%.*s\" is not available in this context; there are sender, "
                    "sender_domain, rcpt, rcpt_domain, authenticated_as, queue_name, source and "
                    "tag.NAME",
                    ARG(list.at[i].text));
        else if (q->part_count == QUOTA_PARTS_MAX)
            conf_error(r->conf, r->findings, key, (int)i, S("quota-key"), "more than %d keys",
                    QUOTA_PARTS_MAX);
        else
            q->parts[q->part_count++] = part;
    }
}

static bool part_of(struct str word, struct quota_part *out)
{
    static const struct str names[] = {
            [QUOTA_KEY_SENDER] = S_INIT("sender"),
            [QUOTA_KEY_SENDER_DOMAIN] = S_INIT("sender_domain"),
            [QUOTA_KEY_RCPT] = S_INIT("rcpt"),
            [QUOTA_KEY_RCPT_DOMAIN] = S_INIT("rcpt_domain"),
            [QUOTA_KEY_ACCOUNT] = S_INIT("authenticated_as"),
            [QUOTA_KEY_QUEUE] = S_INIT("queue_name"),
            [QUOTA_KEY_SOURCE] = S_INIT("source"),
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(names[i], word)) {
            *out = (struct quota_part){.key = (enum quota_key)i};
            return true;
        }
    if (!str_starts(word, S("tag.")) || word.len == 4)
        return false;
    *out = (struct quota_part){.key = QUOTA_KEY_TAG, .tag = str_from(word, 4)};
    return true;
}

static enum quota_scope scope_of(const struct quota *q)
{
    bool rcpt = expr_uses(q->match, EXPR_VAR_RCPT);
    bool domain = expr_uses(q->match, EXPR_VAR_RCPT_DOMAIN);
    for (size_t i = 0; i < q->part_count; i++) {
        rcpt |= q->parts[i].key == QUOTA_KEY_RCPT;
        domain |= q->parts[i].key == QUOTA_KEY_RCPT_DOMAIN;
    }
    if (rcpt)
        return QUOTA_OF_RCPT;
    return domain ? QUOTA_OF_DOMAIN : QUOTA_OF_MESSAGE;
}

static void read_reply(struct reading *r, struct quota *q)
{
    struct str key = item(r, q->id, S("reply"));
    if (!reply_parse(conf_str(r->conf, key), &q->reply_code, &q->reply))
        conf_error(r->conf, r->findings, key, -1, S("bad-reply"),
                "expected a code 4xx or 5xx, an enhanced code of the same class, and a text");
}

// reply = code SP status SP text
static bool reply_parse(struct str text, uint16_t *out_code, struct str *out_rest)
{
    struct scan in = scan_over(text);
    struct mail_status status;
    uint16_t code;
    if (!mail_code_scan(&in, &code) || code < 400 || !scan_byte(&in, ' '))
        return false;
    size_t rest = scan_offset(&in);
    if (!mail_status_scan(&in, &status) || status.class != code / 100 || !scan_byte(&in, ' ') ||
            scan_end(&in))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if ((uint8_t)text.ptr[i] < ' ' || (uint8_t)text.ptr[i] > '~')
            return false;
    *out_code = code;
    *out_rest = str_from(text, rest);
    return text.len <= REPLY_BYTES_MAX;
}
