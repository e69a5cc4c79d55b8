// SPDX-License-Identifier: Apache-2.0
// directory/internal_record.c: accounts and domains as records (base/fields.h). Tags are for
// ever: a field that goes leaves its number unused. Groups and lists are not in the record of who
// is on them: the databases `owner` and `member` say that, so that a group's end is no change of
// others.
#include "directory/internal_lmdb.h"

#include "base/fields.h"

enum account_tag {
    A_NAME = 1,
    A_TYPE = 2,
    A_DESCRIPTION = 3,
    A_EMAIL = 4, // these and all with an s in struct account: one field a value
    A_EXTERNAL_MEMBER = 5,
    A_OWNER = 6,
    A_ROLE = 7,
    A_SECRET = 8,
    A_LOGIN_NETWORK = 9,
    A_QUOTA = 10,
    A_DISABLED = 11,
    A_DISABLED_REFUSES = 12,
    A_CREATED = 13,
    A_EXPIRES = 14,
    A_REVISION = 15,
    A_ID = 16,
};

enum domain_tag {
    D_NAME = 1,
    D_DESCRIPTION = 2,
    D_CATCH_ALL = 3,
    D_ALIAS = 4,
    D_DISABLED = 5,
    D_RELAYING = 6,
    D_NO_SUB_ADDRESSING = 7,
    D_CREATED = 8,
};

static void field_strs(struct fields_out *out, uint32_t tag, const struct strs *values);
static struct err strs_of(struct arena *a, struct str record, uint32_t tag, struct strs *out);
static void account_field(struct account *account, const struct field *f);
static void domain_field(struct internal_domain *domain, const struct field *f);

void account_encode(struct buf *buf, const struct account *account)
{
    struct fields_out out = fields_begin(buf);
    field_u64(&out, A_ID, account->id);
    field_str(&out, A_NAME, account->name);
    field_u64(&out, A_TYPE, account->type);
    field_str(&out, A_DESCRIPTION, account->description);
    field_strs(&out, A_EMAIL, &account->emails);
    field_strs(&out, A_EXTERNAL_MEMBER, &account->external_members);
    field_str(&out, A_OWNER, account->owner);
    field_strs(&out, A_ROLE, &account->roles);
    field_strs(&out, A_SECRET, &account->secrets);
    field_strs(&out, A_LOGIN_NETWORK, &account->login_networks);
    field_u64(&out, A_QUOTA, account->quota_bytes);
    field_u64(&out, A_DISABLED, account->disabled);
    field_u64(&out, A_DISABLED_REFUSES, account->disabled_refuses);
    field_i64(&out, A_CREATED, account->created_at_ms);
    field_i64(&out, A_EXPIRES, account->expires_at_ms);
    field_u64(&out, A_REVISION, account->revision);
    fields_end(&out);
}

static void field_strs(struct fields_out *out, uint32_t tag, const struct strs *values)
{
    for (size_t i = 0; i < values->count; i++)
        field_str(out, tag, values->at[i]);
}

// The texts are slices of a copy in the arena: the record itself goes with its transaction.
struct err account_decode(struct arena *a, struct str record, struct account *out)
{
    struct fields_in in;
    struct field f;
    struct str copy = arena_str(a, record);
    if (str_is_null(copy))
        return fail(ERR_LIMIT, "no memory for an account");
    TRY(fields_open(copy, &in));
    while (field_next(&in, &f))
        account_field(out, &f);
    if (in.broken || str_is_empty(out->name) || out->type > ACCOUNT_OTHER)
        return fail(ERR_SYNTAX, "the record is malformed");
    TRY(strs_of(a, copy, A_EMAIL, &out->emails));
    TRY(strs_of(a, copy, A_EXTERNAL_MEMBER, &out->external_members));
    TRY(strs_of(a, copy, A_ROLE, &out->roles));
    TRY(strs_of(a, copy, A_SECRET, &out->secrets));
    return strs_of(a, copy, A_LOGIN_NETWORK, &out->login_networks);
}

static void account_field(struct account *account, const struct field *f)
{
    switch (f->tag) {
    case A_ID:
        account->id = (uint32_t)f->number;
        break;
    case A_NAME:
        account->name = f->bytes;
        break;
    case A_TYPE:
        account->type = (enum account_type)f->number;
        break;
    case A_DESCRIPTION:
        account->description = f->bytes;
        break;
    case A_OWNER:
        account->owner = f->bytes;
        break;
    case A_QUOTA:
        account->quota_bytes = f->number;
        break;
    case A_DISABLED:
        account->disabled = f->number != 0;
        break;
    case A_DISABLED_REFUSES:
        account->disabled_refuses = f->number != 0;
        break;
    case A_CREATED:
        account->created_at_ms = field_signed(f);
        break;
    case A_EXPIRES:
        account->expires_at_ms = field_signed(f);
        break;
    case A_REVISION:
        account->revision = f->number;
        break;
    }
}

static struct err strs_of(struct arena *a, struct str record, uint32_t tag, struct strs *out)
{
    struct fields_in in;
    struct field f;
    size_t count = 0;
    TRY(fields_open(record, &in));
    for (struct fields_in count_in = in; field_next(&count_in, &f);)
        count += f.tag == tag && !f.is_number;
    if (count == 0)
        return OK;
    struct str *at = arena_array(a, count, struct str);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for an account");
    while (field_next(&in, &f))
        if (f.tag == tag && !f.is_number)
            at[out->count++] = f.bytes;
    out->at = at;
    return OK;
}

void domain_encode(struct buf *buf, const struct internal_domain *domain)
{
    struct fields_out out = fields_begin(buf);
    field_str(&out, D_NAME, domain->name);
    field_str(&out, D_DESCRIPTION, domain->description);
    field_str(&out, D_CATCH_ALL, domain->catch_all);
    field_strs(&out, D_ALIAS, &domain->aliases);
    field_u64(&out, D_DISABLED, domain->disabled);
    field_u64(&out, D_RELAYING, domain->allow_relaying);
    field_u64(&out, D_NO_SUB_ADDRESSING, domain->no_sub_addressing);
    field_i64(&out, D_CREATED, domain->created_at_ms);
    fields_end(&out);
}

struct err domain_decode(struct arena *a, struct str record, struct internal_domain *out)
{
    struct fields_in in;
    struct field f;
    struct str copy = arena_str(a, record);
    if (str_is_null(copy))
        return fail(ERR_LIMIT, "no memory for a domain");
    TRY(fields_open(copy, &in));
    while (field_next(&in, &f))
        domain_field(out, &f);
    if (in.broken || str_is_empty(out->name))
        return fail(ERR_SYNTAX, "the record is malformed");
    return strs_of(a, copy, D_ALIAS, &out->aliases);
}

static void domain_field(struct internal_domain *domain, const struct field *f)
{
    switch (f->tag) {
    case D_NAME:
        domain->name = f->bytes;
        break;
    case D_DESCRIPTION:
        domain->description = f->bytes;
        break;
    case D_CATCH_ALL:
        domain->catch_all = f->bytes;
        break;
    case D_DISABLED:
        domain->disabled = f->number != 0;
        break;
    case D_RELAYING:
        domain->allow_relaying = f->number != 0;
        break;
    case D_NO_SUB_ADDRESSING:
        domain->no_sub_addressing = f->number != 0;
        break;
    case D_CREATED:
        domain->created_at_ms = field_signed(f);
        break;
    }
}
