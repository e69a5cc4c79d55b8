// SPDX-License-Identifier: Apache-2.0
// proof/dkim_sign.c: which fields are signed, how the signature field is written, and the signature
// over it (RFC 6376 5). The field is complete but for the value of b= when it is hashed; what comes
// behind it changes nothing before it.
#include "proof/dkim_sign.h"

#include "proof/signature_check.h"
#include "proof/signature_write.h"

#define FIELD_BYTES_MAX (64 * KIB)

static void write_field(struct fold *f, const struct dkim_signer *signer,
        const struct dkim_names *names, int64_t now_s, struct str body_hash);
static void write_identity(struct fold *f, struct str identity);
static bool has_author(struct arena *a, struct proof_head *head);
static struct err add_name(struct arena *a, struct dkim_names *names, struct str name);
static bool is_listed(const struct str *list, size_t count, struct str name);
static size_t times_in(const struct dkim_names *names, struct str name);

const struct str dkim_names_recommended[] = {S_INIT("From"), S_INIT("To"), S_INIT("Cc"),
        S_INIT("Reply-To"), S_INIT("Sender"), S_INIT("Date"), S_INIT("Subject"),
        S_INIT("Message-ID"), S_INIT("In-Reply-To"), S_INIT("References"), S_INIT("MIME-Version"),
        S_INIT("Content-Type"), S_INIT("Content-Transfer-Encoding"), S_INIT("Content-ID"),
        S_INIT("Content-Description"), S_INIT("List-Id"), S_INIT("List-Unsubscribe"),
        S_INIT("List-Unsubscribe-Post"), S_INIT("List-Help"), S_INIT("List-Post"),
        S_INIT("List-Archive"), S_INIT("Autocrypt")};
const size_t dkim_names_recommended_count = COUNT_OF(dkim_names_recommended);
const struct str dkim_oversigned_recommended[] = {S_INIT("From"), S_INIT("To"), S_INIT("Cc"),
        S_INIT("Reply-To"), S_INIT("Date"), S_INIT("Subject"), S_INIT("Message-ID"),
        S_INIT("MIME-Version"), S_INIT("Content-Type"), S_INIT("Content-Transfer-Encoding")};
const size_t dkim_oversigned_recommended_count = COUNT_OF(dkim_oversigned_recommended);

struct dkim_signer dkim_signer_default(void)
{
    return (struct dkim_signer){.head_canon = CANON_RELAXED,
            .body_canon = CANON_RELAXED,
            .names = dkim_names_recommended,
            .name_count = dkim_names_recommended_count,
            .oversigned = dkim_oversigned_recommended, // its first is From
            .oversigned_count = 1};
}

struct body_hash_kind dkim_sign_body_kind(const struct dkim_signer *signer)
{
    return (struct body_hash_kind){
            .canon = signer->body_canon, .hash = PROOF_SHA256, .bytes_max = CANON_WHOLE};
}

struct err dkim_sign_make(struct arena *a, const struct dkim_signer *signer,
        struct proof_head *head, struct str body_hash, int64_t now_s, struct str *out_field)
{
    struct buf field AUTO(buf_done);
    struct dkim_names names = {0};
    struct fold f;
    buf_init(&field, FIELD_BYTES_MAX);
    if (!has_author(a, head))
        return fail(ERR_REFUSED, "there is no From field with an address");
    TRY(dkim_sign_names(a, signer, head, &names));
    fold_begin(&f, &field, S("DKIM-Signature"));
    write_field(&f, signer, &names, now_s, body_hash);
    struct signature_write w = {.fold = &f,
            .key = signer->key,
            .place = signer->place,
            .canon = signer->head_canon,
            .head = head,
            .names = names.all.at,
            .name_count = names.all.count};
    TRY(signature_write(&w));
    *out_field = arena_str(a, buf_str(&field));
    return str_is_null(*out_field) ? fail(ERR_LIMIT, "no memory for a signature") : OK;
}

static bool has_author(struct arena *a, struct proof_head *head)
{
    struct mail_mailboxes boxes;
    proof_head_begin(head);
    const struct mail_field *from = proof_head_take(head, S("From"));
    return from != NULL && mail_mailboxes_read(a, from->body, &boxes) && boxes.count > 0;
}

// authentication.md 6.4
static void write_field(struct fold *f, const struct dkim_signer *signer,
        const struct dkim_names *names, int64_t now_s, struct str body_hash)
{
    fold_word(f, S("v=1;"));
    signature_write_tag(f, S("a"), private_key_algorithm(signer->key));
    signature_write_tag(f, S("s"), signer->selector);
    signature_write_tag(f, S("d"), signer->domain);
    signature_write_canon(f, signer->head_canon, signer->body_canon);
    if (!str_is_null(signer->third_party)) {
        struct str hash = signer->third_party_hash;
        signature_write_tag(f, S("atps"), signer->third_party);
        signature_write_tag(f, S("atpsh"), str_is_null(hash) ? S("none") : hash);
    }
    if (signer->wants_reports)
        signature_write_tag(f, S("r"), S("y"));
    signature_write_names(f, names->all.at, names->all.count);
    if (!str_is_null(signer->identity))
        write_identity(f, signer->identity);
    signature_write_number(f, S("t"), (uint64_t)now_s);
    if (signer->expire_s > 0)
        signature_write_number(f, S("x"), (uint64_t)now_s + signer->expire_s);
    signature_write_base64(f, S("bh"), body_hash);
}

// RFC 6376 2.11
static void write_identity(struct fold *f, struct str identity)
{
    static const char digits[] = "0123456789ABCDEF";
    fold_word(f, S("i="));
    for (size_t i = 0; i < identity.len; i++) {
        uint8_t c = (uint8_t)identity.ptr[i];
        bool plain = c > 0x20 && c < 0x7f && c != ';' && c != '=';
        char coded[3] = {'=', digits[c >> 4], digits[c & 15]};
        fold_add(f, plain ? str_part(identity, i, 1) : str_of(coded, 3));
    }
    fold_add(f, S(";"));
}

// --- The list of names ---------------------------------------------------------------------------

// authentication.md 6.3: what is there from the bottom up, then what is not, then one more of those
// that nobody may add.
struct err dkim_sign_names(struct arena *a, const struct dkim_signer *signer,
        const struct proof_head *head, struct dkim_names *out)
{
    struct dkim_names names = {0};
    for (size_t i = head->count; i-- > 0;) {
        struct str name = head->fields[i].name;
        if (!str_is_null(name) && is_listed(signer->names, signer->name_count, name))
            TRY(add_name(a, &names, name));
    }
    for (size_t i = 0; i < signer->name_count; i++) {
        struct str name = signer->names[i];
        bool again = is_listed(signer->names, i, name);
        bool absent = signer->names_absent && proof_head_count(head, name) == 0;
        if (again || absent)
            TRY(add_name(a, &names, name));
    }
    for (size_t i = 0; i < signer->oversigned_count; i++) {
        struct str name = signer->oversigned[i];
        size_t wanted = proof_head_count(head, name) + 1;
        for (size_t have = times_in(&names, name); have < wanted; have++)
            TRY(add_name(a, &names, name));
    }
    *out = names;
    return OK;
}

static struct err add_name(struct arena *a, struct dkim_names *names, struct str name)
{
    struct str *slot = vec_add(a, &names->all);
    if (slot == NULL)
        return fail(ERR_LIMIT, "no memory for the names of signed fields");
    *slot = name;
    return OK;
}

static bool is_listed(const struct str *list, size_t count, struct str name)
{
    for (size_t i = 0; i < count; i++) {
        if (str_eq_nocase(list[i], name))
            return true;
    }
    return false;
}

static size_t times_in(const struct dkim_names *names, struct str name)
{
    size_t times = 0;
    each_in_vec (n, &names->all)
        times += str_eq_nocase(*n, name);
    return times;
}
