// SPDX-License-Identifier: Apache-2.0
// mail/head_cut.c: which fields of a header go before it is passed on (inbound.md 11.1).
#include "mail/head.h"

#include "base/idna.h"
#include "mail/token.h"

#define IDNA_ARENA_BYTES (64 * KIB) // for one name
#define AUTHSERV_BYTES_MAX 1024     // of an authserv-id in quotes; what is longer is nobody's name

static bool is_authserv(struct str body, const struct strs *authserv_ids);
static bool is_name_of(struct str id, struct str authserv_id);

struct err mail_head_cuts(struct arena *a, const struct mail_head *head,
        const struct head_cutting *cutting, struct head_cuts *out)
{
    VEC(struct head_cut) cuts = {0};
    size_t end = 0, bytes = 0;
    for (size_t i = 0; i < head->field_count; i++) {
        const struct head_field *field = &head->fields[i];
        bool is_orphan = field->at == 0 && head->orphan_bytes > 0;
        if (!is_orphan && !mail_head_cuts_field(head, cutting, field))
            continue;
        struct head_cut *cut =
                cuts.count > 0 && end == field->at ? &cuts.at[cuts.count - 1] : vec_add(a, &cuts);
        if (cut == NULL)
            return fail(ERR_LIMIT, "no memory for the fields to take out");
        if (cut->bytes == 0)
            cut->at = field->at;
        cut->bytes += field->bytes;
        bytes += field->bytes;
        end = field->at + field->bytes;
    }
    *out = (struct head_cuts){.at = cuts.at, .count = cuts.count, .bytes = bytes};
    return OK;
}

bool mail_head_cuts_field(const struct mail_head *head, const struct head_cutting *cutting,
        const struct head_field *field)
{
    struct str name = head_field_name(head, field);
    if (str_is_null(name))
        return false;
    if (field->name == HEAD_AUTHENTICATION_RESULTS &&
            is_authserv(head_field_body(head, field), &cutting->authserv_ids))
        return true;
    if (field->name == HEAD_BCC && cutting->submission &&
            (mail_head_has(head, HEAD_TO) || mail_head_has(head, HEAD_CC)))
        return true;
    for (size_t i = 0; i < cutting->name_count; i++)
        if (str_eq_nocase(name, cutting->names[i]))
            return true;
    return false;
}

// authres-header = [CFWS] authserv-id [ CFWS authres-version ] ...      RFC 8601 2.2
// The version, or whatever follows, does not matter: RFC 8601 5 wants all that claim the name gone.
static bool is_authserv(struct str body, const struct strs *authserv_ids)
{
    struct scan in = scan_over(body);
    struct buf quoted AUTO(buf_done);
    struct str id;
    buf_init(&quoted, AUTHSERV_BYTES_MAX);
    token_skip(&in);
    if (scan_peek(&in) == '"') {
        token_quoted(&in, &quoted);
        id = buf_str(&quoted);
    } else if (!token_atom(&in, &id)) {
        return false;
    }
    if (str_ends(id, S("."))) // the same name to whoever looks it up
        id = str_upto(id, id.len - 1);
    for (size_t i = 0; i < authserv_ids->count; i++)
        if (str_eq_nocase(id, authserv_ids->at[i]) ||
                (!str_is_ascii(id) && is_name_of(id, authserv_ids->at[i])))
            return true;
    return false;
}

// RFC 8616 5: where octets beyond ASCII are allowed, our name may be written with them.
static bool is_name_of(struct str id, struct str authserv_id)
{
    struct arena a AUTO(arena_done);
    struct idna_result ascii;
    arena_init(&a, IDNA_ARENA_BYTES);
    struct err e = idna_to_ascii(&a, id, &ascii);
    return !failed(e) && ascii.fault == IDNA_FINE && str_eq_nocase(ascii.text, authserv_id);
}
