// SPDX-License-Identifier: Apache-2.0
// queue/dsn/verp.c: see verp.h.
#include "queue/dsn/verp.h"

#include "base/encode.h"
#include "base/id.h"
#include "directory/scram.h"
#include "mail/address.h"

#define MIDDLE "{id}-{rcpt-encoded}@"
#define PROOF_BYTES 10 // 80 bits: each guess is a mail to this server
#define PROOF_DIGITS (2 * PROOF_BYTES)

static bool template_cut(struct str template, struct str *out_prefix, struct str *out_domain);
static bool prove(
        struct arena *a, struct str secret, const struct verp_mail *mail, char out[PROOF_DIGITS]);
static void add_rcpt(struct buf *out, struct str rcpt);
static bool token_read(struct arena *a, const struct verp_settings *s, struct scan *in,
        int64_t wall_now_ms, struct verp_mail *out);
static bool is_proof(struct arena *a, struct str secret, struct str proof, struct verp_mail *mail);
static bool rcpt_read(struct arena *a, struct str encoded, struct str *out);
static void check_template(struct arena *a, const struct conf *conf, struct findings *findings,
        const struct verp_settings *s);

// --- Settings ------------------------------------------------------------------------------------

struct err verp_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct verp_settings *out)
{
    struct str key = S("queue.verp"), secret = S("queue.verp-secret");
    *out = (struct verp_settings){.sender = conf_expr(conf, key),
            .reports = (enum verp_reports)conf_enum(conf, S("queue.verp-reports"))};
    const struct expr_result *constant = expr_constant(out->sender);
    out->is_on = constant == NULL || constant->outcome == EXPR_VALUE;
    TRY(conf_strs(a, conf, secret, &out->secrets));
    for (size_t i = 0; i < out->secrets.count; i++)
        if (out->secrets.at[i].len < VERP_SECRET_BYTES_MIN)
            conf_error(conf, findings, secret, (int)i, S("too-short"),
                    "it has less than %d characters", VERP_SECRET_BYTES_MIN);
    if (out->secrets.count > VERP_SECRETS_MAX)
        conf_error(conf, findings, secret, VERP_SECRETS_MAX, S("too-many"),
                "%d secrets are enough: one that signs, and former ones", VERP_SECRETS_MAX);
    if (out->is_on && out->secrets.count == 0)
        conf_error(conf, findings, key, -1, S("half-pair"),
                "it needs queue.verp-secret, which signs the addresses");
    if (!out->is_on && conf_is_set(conf, S("queue.verp-reports")))
        conf_warning(conf, findings, S("queue.verp-reports"), -1, S("unused"),
                "it has no effect without queue.verp");
    check_template(a, conf, findings, out);
    return OK;
}

// What is written as it is can be tried.
static void check_template(struct arena *a, const struct conf *conf, struct findings *findings,
        const struct verp_settings *s)
{
    const struct verp_mail sample = {.rcpt = S("a@b.example")};
    struct str entry, address;
    for (size_t i = 0; s->secrets.count > 0 && i < expr_value_count(s->sender); i++) {
        const struct expr_result *value = expr_literal(s->sender, i, &entry);
        if (value == NULL || value->outcome != EXPR_VALUE)
            continue;
        struct err e = verp_make(a, s, value->text, &sample, &address);
        if (failed(e))
            conf_error(conf, findings, S("queue.verp"), -1, S("bad-email"), "\"%.*s\": %.*s",
                    ARG(value->text), ARG(err_text(e)));
    }
}

// --- Making --------------------------------------------------------------------------------------

struct err verp_make(struct arena *a, const struct verp_settings *s, struct str template,
        const struct verp_mail *mail, struct str *out)
{
    struct buf text AUTO(buf_done);
    struct mail_address address;
    struct str prefix, domain;
    char proof[PROOF_DIGITS];
    buf_init(&text, 4 * KIB);
    if (!template_cut(template, &prefix, &domain))
        return fail(ERR_SYNTAX, "expected NAME+" MIDDLE "DOMAIN");
    if (s->secrets.count == 0 || !prove(a, s->secrets.at[0], mail, proof))
        return fail(ERR_CONFIG, "it cannot be signed");
    buf_add(&text, prefix);
    id_add(&text, mail->id);
    buf_add_byte(&text, '.');
    buf_add(&text, str_of(proof, sizeof(proof)));
    buf_add_byte(&text, '-');
    add_rcpt(&text, mail->rcpt);
    buf_fmt(&text, "@%.*s", ARG(domain));
    struct str made = arena_str(a, buf_str(&text));
    if (text.overflow || made.len > MAIL_ADDRESS_BYTES_MAX)
        return fail(ERR_SYNTAX, "the address would be too long");
    TRY(mail_address_parse(a, made, &address));
    if (address.beyond_ascii)
        return fail(ERR_SYNTAX, "the address is not ASCII");
    *out = made;
    return OK;
}

// What stands before must end where a sub-address may be cut (session.rcpt.sub-addressing), and
// with whatever stands there it must not be taken for a digit of the id.
static bool template_cut(struct str template, struct str *out_prefix, struct str *out_domain)
{
    size_t at = str_find(template, S(MIDDLE));
    if (at == STR_NOT_FOUND || at < 2 || byte_is_alnum((uint8_t) template.ptr[at - 1]))
        return false;
    *out_prefix = str_upto(template, at);
    *out_domain = str_from(template, at + sizeof(MIDDLE) - 1);
    return true;
}

static bool prove(
        struct arena *a, struct str secret, const struct verp_mail *mail, char out[PROOF_DIGITS])
{
    uint8_t digest[SCRAM_DIGEST_BYTES_MAX];
    struct buf digits AUTO(buf_done);
    buf_init(&digits, PROOF_DIGITS);
    struct str text = arena_fmt(a, "posthaste verp %016llx %c %.*s", (unsigned long long)mail->id,
            mail->is_watched ? 'w' : '-', ARG(mail->rcpt));
    if (str_is_null(text) || !scram_sign(SCRAM_SHA_256, secret, text, digest))
        return false;
    encode_hex(&digits, str_of((const char *)digest, PROOF_BYTES));
    if (digits.len != PROOF_DIGITS)
        return false;
    memcpy(out, buf_str(&digits).ptr, PROOF_DIGITS);
    return true;
}

// rcpt-encoded = *( plain / "+" 2HEXDIG ) "=" *( plain / "+" 2HEXDIG )
// "=" is the "@"; plain are letters, digits, "-", "_", and dots, but none behind another.
static void add_rcpt(struct buf *out, struct str rcpt)
{
    size_t at = str_rfind_byte(rcpt, '@');
    for (size_t i = 0; i < rcpt.len; i++) {
        uint8_t c = (uint8_t)rcpt.ptr[i];
        bool dots = c == '.' && i > 0 && rcpt.ptr[i - 1] == '.';
        if (i == at)
            buf_add_byte(out, '=');
        else if (!dots && (byte_is_alnum(c) || c == '.' || c == '-' || c == '_'))
            buf_add_byte(out, (char)byte_to_lower(c));
        else
            buf_fmt(out, "+%02x", c);
    }
}

// --- Reading -------------------------------------------------------------------------------------

bool verp_read(struct arena *a, const struct verp_settings *s, struct str address,
        int64_t wall_now_ms, struct verp_mail *out)
{
    struct str local, domain, lower;
    if (!s->is_on || address.len > MAIL_ADDRESS_BYTES_MAX ||
            !str_rcut(address, '@', &local, &domain))
        return false;
    lower = arena_str_lower(a, local);
    for (size_t i = 1; i + ID_DIGITS + PROOF_DIGITS < lower.len; i++) {
        struct scan in = scan_over(str_from(lower, i));
        if (!byte_is_alnum((uint8_t)lower.ptr[i - 1]) && lower.ptr[i + ID_DIGITS] == '.' &&
                token_read(a, s, &in, wall_now_ms, out))
            return true;
    }
    return false;
}

static bool token_read(struct arena *a, const struct verp_settings *s, struct scan *in,
        int64_t wall_now_ms, struct verp_mail *out)
{
    struct verp_mail mail = {0};
    struct str id, proof;
    if (!scan_take(in, ID_DIGITS, &id) || !scan_byte(in, '.') ||
            !scan_take(in, PROOF_DIGITS, &proof) || !scan_byte(in, '-') ||
            !id_parse(id, &mail.id) || !rcpt_read(a, scan_rest(in), &mail.rcpt))
        return false;
    int64_t age_ms = wall_now_ms - id_made_at_ms(mail.id);
    if (age_ms > VERP_AGE_MAX_MS || age_ms < -DAY_MS)
        return false;
    for (size_t i = 0; i < s->secrets.count && i < VERP_SECRETS_MAX; i++)
        if (is_proof(a, s->secrets.at[i], proof, &mail)) {
            *out = mail;
            return true;
        }
    return false;
}

// Whether it counts is not written, but signed.
static bool is_proof(struct arena *a, struct str secret, struct str proof, struct verp_mail *mail)
{
    char right[PROOF_DIGITS];
    for (int watched = 0; watched <= 1; watched++) {
        mail->is_watched = watched != 0;
        if (!prove(a, secret, mail, right))
            return false;
        if (same_bytes(str_of(right, PROOF_DIGITS), proof))
            return true;
    }
    return false;
}

static bool rcpt_read(struct arena *a, struct str encoded, struct str *out)
{
    struct buf text AUTO(buf_done);
    struct scan in = scan_over(encoded);
    uint8_t c;
    buf_init(&text, MAIL_ADDRESS_BYTES_MAX);
    while (scan_any(&in, &c)) {
        struct str digits;
        if (c == '+' && (!scan_take(&in, 2, &digits) || !decode_hex(&text, digits)))
            return false;
        if (c != '+')
            buf_add_byte(&text, c == '=' ? '@' : (char)c);
    }
    *out = arena_str(a, buf_str(&text));
    return !text.overflow && !str_is_empty(*out);
}
