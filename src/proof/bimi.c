// SPDX-License-Identifier: Apache-2.0
// proof/bimi.c: reading records of BIMI.
#include "proof/bimi.h"

#include "proof/tags.h"
#include "proof/uris.h"

static struct err read_uri(
        struct arena *a, const struct tags *tags, struct str name, struct str *out);

// assertion-record = "v=BIMI1" 1*( ";" tag ), with l=, which may be empty
struct err bimi_record_parse(struct arena *a, struct str text, struct bimi_record *out)
{
    struct bimi_record record = {0};
    struct tags tags;
    enum tags_fault fault;
    TRY(tags_parse(a, text, &tags, &fault));
    if (fault != TAGS_FINE)
        return fail(ERR_SYNTAX, "malformed or repeated tags");
    if (!str_eq(tags.all.at[0].name, S("v")) || !str_eq(tags.all.at[0].value, S("BIMI1")))
        return fail(ERR_SYNTAX, "it does not begin with v=BIMI1");
    if (tags_find(&tags, S("l")) == NULL)
        return fail(ERR_SYNTAX, "l= is missing");
    TRY(read_uri(a, &tags, S("l"), &record.location));
    TRY(read_uri(a, &tags, S("a"), &record.evidence));
    const struct tag *preference = tags_find(&tags, S("avp"));
    record.personal = preference != NULL && str_eq_nocase(preference->value, S("personal"));
    record.declined = str_is_null(record.location) && str_is_null(record.evidence);
    *out = record;
    return OK;
}

// A tag that is absent or empty is a null URI.
static struct err read_uri(
        struct arena *a, const struct tags *tags, struct str name, struct str *out)
{
    const struct tag *tag = tags_find(tags, name);
    struct uris uris;
    bool fine;
    *out = STR_NULL;
    if (tag == NULL || str_is_empty(tag->value))
        return OK;
    TRY(uris_read(a, tag->value, &uris, &fine));
    if (!fine || uris.count != 1 || !str_starts_nocase(uris.at[0], S("https://")))
        return fail_fmt(a, ERR_SYNTAX, "%.*s= is no https URI", ARG(name));
    *out = uris.at[0];
    return OK;
}
