// SPDX-License-Identifier: Apache-2.0
// proof/signature_write.c: tags in folded lines; the last is b=, for which all others
// are hashed.
#include "proof/signature_write.h"

#include "base/encode.h"
#include "proof/signature_check.h"

#define SIGNED_BYTES_MAX ((size_t)256 * MIB) // the header's own limit comes first
#define BASE64_BYTES_MAX (2 * KIB)

static struct err digest_of(
        const struct signature_write *w, uint8_t *room, struct str *out) MUST_USE;

struct str private_key_algorithm(const struct private_key *key)
{
    return private_key_type(key) == DKIM_KEY_RSA ? S("rsa-sha256") : S("ed25519-sha256");
}

void signature_write_tag(struct fold *f, struct str tag, struct str value)
{
    fold_word(f, tag);
    fold_add(f, S("="));
    fold_add(f, value);
    fold_add(f, S(";"));
}

void signature_write_number(struct fold *f, struct str tag, uint64_t value)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 32);
    buf_fmt(&text, "%llu", (unsigned long long)value);
    signature_write_tag(f, tag, buf_str(&text));
}

void signature_write_base64(struct fold *f, struct str tag, struct str bytes)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, BASE64_BYTES_MAX);
    encode_base64(&text, bytes);
    signature_write_tag(f, tag, buf_str(&text));
}

void signature_write_canon(struct fold *f, enum canon head, enum canon body)
{
    fold_word(f, S("c="));
    fold_add(f, canon_name(head));
    fold_add(f, S("/"));
    fold_add(f, canon_name(body));
    fold_add(f, S(";"));
}

// Folds come next to a colon only: RFC 6376 3.5 has FWS there, and some verifiers nowhere else.
void signature_write_names(struct fold *f, const struct str *names, size_t count)
{
    fold_word(f, S("h="));
    for (size_t i = 0; i < count; i++) {
        if (i > 0) {
            fold_add(f, S(":"));
            fold_joint(f);
        }
        fold_add(f, names[i]);
    }
    fold_add(f, S(";"));
}

struct err signature_write(struct signature_write *w)
{
    uint8_t room[PROOF_DIGEST_BYTES_MAX];
    struct str digest;
    struct buf text AUTO(buf_done);
    buf_init(&text, BASE64_BYTES_MAX);
    fold_word(w->fold, S("b="));
    TRY(digest_of(w, room, &digest));
    TRY(private_key_sign(w->key, w->place, digest, &text));
    fold_bytes(w->fold, buf_str(&text));
    fold_end(w->fold);
    return w->fold->out->overflow ? fail(ERR_LIMIT, "a signature field has grown too long") : OK;
}

static struct err digest_of(const struct signature_write *w, uint8_t *room, struct str *out)
{
    struct str field = buf_str(w->fold->out);
    struct buf text AUTO(buf_done);
    buf_init(&text, SIGNED_BYTES_MAX);
    buf_add(&text, w->before);
    proof_head_begin(w->head);
    proof_head_add(w->head, &text, w->canon, w->names, w->name_count);
    canon_signature_add(&text, w->canon, field, str_of(field.ptr + field.len, 0));
    if (text.overflow || w->fold->out->overflow)
        return fail(ERR_LIMIT, "no memory for the header of a message");
    if (proof_head_is_spent(w->head))
        return fail(ERR_LIMIT, "to find the fields that are signed takes too long");
    return proof_digest(PROOF_SHA256, buf_str(&text), room, out);
}
