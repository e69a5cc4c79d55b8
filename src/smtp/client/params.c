// SPDX-License-Identifier: Apache-2.0
// smtp/client/params.c: the parameters of MAIL and RCPT (outbound.md 9; queue.md 9.2, 9.3, 12.10).
// A parameter is said only to a peer that offers it. Some may be left out when a peer, against its
// own word, refuses them; those that say what the message is, or what was promised, may not.
#include "smtp/client/parts.h"

static bool may_say(const struct smtp_client *c, uint32_t extension);
static void add_required(
        struct buf *out, const struct smtp_client *c, const struct client_transaction *t);
static void add_by(struct buf *out, const struct client_transaction *t);
static void add_submitter(struct buf *out, const struct smtp_client *c, struct str submitter);
static void add_dsn(struct buf *out, const struct message *m);
static void add_notify(struct buf *out, uint32_t flags);
static void add_orcpt(struct buf *out, const struct recipient *rcpt, bool smtputf8);
static void add_utf8_address(struct buf *out, struct str text, bool smtputf8);

void client_mail_parameters(struct buf *out, const struct smtp_client *c,
        const struct client_transaction *t, bool *out_optional)
{
    const struct message *m = t->message;
    add_required(out, c, t);
    size_t before = out->len;
    if (may_say(c, CLIENT_EXT_SIZE))
        buf_fmt(out, " SIZE=%llu", (unsigned long long)t->bytes);
    if (may_say(c, CLIENT_EXT_DSN))
        add_dsn(out, m);
    if (t->by_mode == 'N' && may_say(c, CLIENT_EXT_DELIVERBY))
        add_by(out, t);
    if (m->priority != 0 && may_say(c, CLIENT_EXT_MT_PRIORITY))
        buf_fmt(out, " MT-PRIORITY=%d", m->priority);
    if (may_say(c, CLIENT_EXT_AUTH))
        add_submitter(out, c, m->submitter);
    *out_optional = out->len > before;
}

static bool may_say(const struct smtp_client *c, uint32_t extension)
{
    return client_offers(c, extension) && !c->parameters_are_refused;
}

static void add_required(
        struct buf *out, const struct smtp_client *c, const struct client_transaction *t)
{
    if (t->wants_binary)
        buf_add(out, S(" BODY=BINARYMIME"));
    else if (t->wants_8bit)
        buf_add(out, S(" BODY=8BITMIME"));
    if (t->wants_smtputf8)
        buf_add(out, S(" SMTPUTF8"));
    // A host that must offer it has been asked before; a mailbox server behind LMTP need not know
    // the word (outbound.md 17.2).
    if (t->requiretls && client_offers(c, CLIENT_EXT_REQUIRETLS))
        buf_add(out, S(" REQUIRETLS"));
    if (t->by_mode == 'R' && client_offers(c, CLIENT_EXT_DELIVERBY))
        add_by(out, t);
}

// BY=by-time;by-mode[T]      RFC 2852 4
static void add_by(struct buf *out, const struct client_transaction *t)
{
    buf_fmt(out, " BY=%lld;%c%s", (long long)t->by_s, t->by_mode, t->by_trace ? "T" : "");
}

// RFC 4954 5: who submitted it is told to every host that knows AUTH; that nobody knows, to those
// that would else take it for mail of the account we have logged in with.
static void add_submitter(struct buf *out, const struct smtp_client *c, struct str submitter)
{
    bool nobody = str_eq(submitter, S("<>"));
    if (str_is_empty(submitter) || (nobody && !c->logged_in))
        return;
    buf_add(out, S(" AUTH="));
    if (nobody)
        buf_add(out, submitter);
    else
        client_add_xtext(out, submitter);
}

// RFC 3461 4.3 and 4.4
static void add_dsn(struct buf *out, const struct message *m)
{
    if ((m->flags & MESSAGE_RET_FULL) != 0)
        buf_add(out, S(" RET=FULL"));
    else if ((m->flags & MESSAGE_RET_HDRS) != 0)
        buf_add(out, S(" RET=HDRS"));
    if (str_is_empty(m->env_id))
        return;
    buf_add(out, S(" ENVID="));
    client_add_xtext(out, m->env_id);
}

// RFC 3461 4.1 and 4.2; what the client did not say is not said for it.
void client_rcpt_parameters(struct buf *out, const struct smtp_client *c,
        const struct client_transaction *t, const struct client_rcpt *rcpt, bool *out_optional)
{
    const struct recipient *r = rcpt->rcpt;
    size_t before = out->len;
    if (may_say(c, CLIENT_EXT_DSN)) {
        bool notify_is_said = (r->flags & RCPT_NOTIFY_IMPLICIT) == 0;
        if (notify_is_said)
            add_notify(out, r->flags);
        if (!str_is_empty(r->orcpt)) {
            add_orcpt(out, r, t->wants_smtputf8);
        } else if (notify_is_said && out->len > before && str_is_ascii(r->address)) {
            buf_add(out, S(" ORCPT=rfc822;"));
            client_add_xtext(out, r->address);
        }
    }
    *out_optional = out->len > before;
}

static void add_notify(struct buf *out, uint32_t flags)
{
    static const struct {
        uint32_t flag;
        struct str word;
    } words[] = {
            {RCPT_NOTIFY_NEVER, S_INIT("NEVER")},
            {RCPT_NOTIFY_SUCCESS, S_INIT("SUCCESS")},
            {RCPT_NOTIFY_FAILURE, S_INIT("FAILURE")},
            {RCPT_NOTIFY_DELAY, S_INIT("DELAY")},
    };
    bool is_first = true;
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if ((flags & words[i].flag) == 0)
            continue;
        buf_add(out, is_first ? S(" NOTIFY=") : S(","));
        buf_add(out, words[i].word);
        is_first = false;
    }
}

static void add_orcpt(struct buf *out, const struct recipient *rcpt, bool smtputf8)
{
    struct str type = str_is_empty(rcpt->orcpt_type) ? S("rfc822") : rcpt->orcpt_type;
    buf_fmt(out, " ORCPT=%.*s;", ARG(type));
    if (str_eq_nocase(type, S("utf-8")))
        add_utf8_address(out, rcpt->orcpt, smtputf8);
    else
        client_add_xtext(out, rcpt->orcpt);
}

// xtext = *( xchar / hexchar ), xchar = "!" to "~" without "+" and "="      RFC 3461 4
void client_add_xtext(struct buf *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        if (c < '!' || c > '~' || c == '+' || c == '=')
            buf_fmt(out, "+%02X", c);
        else
            buf_add_byte(out, (char)c);
    }
}

// RFC 6533 3: utf-8-addr-unitext where the hop takes such octets, else utf-8-addr-xtext, where they
// are \x{HEX}. A client that was given the second form has escapes in it already: they stay.
static void add_utf8_address(struct buf *out, struct str text, bool smtputf8)
{
    while (text.len > 0) {
        uint32_t code = 0;
        size_t len = str_utf8_next(text, &code);
        if (len > 1 && smtputf8)
            buf_add(out, str_upto(text, len));
        else if (len > 1)
            buf_fmt(out, "\\x{%X}", code);
        else if (len == 1 && code > ' ' && code < 0x7f && code != '+' && code != '=')
            buf_add_byte(out, text.ptr[0]);
        else
            buf_fmt(out, "\\x{%X}", (unsigned)(uint8_t)text.ptr[0]);
        text = str_from(text, len > 1 ? len : 1);
    }
}
