// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_local.c: routes that end on this machine (outbound.md 24): Maildirs,
// the drain, the shelf; and an LMTP server, whose hosts are read like those of a relay.
#include "deliver/local/maildir_path.h"
#include "deliver/settings/settings_read.h"
#include "rt/identity.h"

typedef struct err number_of(struct arena *a, struct str name, uint32_t *out, bool *out_may);

static int64_t read_owner(
        struct reading *r, const struct object *o, struct str member, number_of *number);
static void read_path(struct reading *r, const struct object *o, struct route *out);
static void read_mode(struct reading *r, const struct object *o, struct route *out);
static void read_quota(struct reading *r, const struct object *o, struct route *out);
static void read_headers(struct reading *r, const struct object *o, struct route *out);

struct err settings_read_local(struct reading *r, const struct object *o, struct route *out)
{
    static const enum local_store stores[] = {
            LOCAL_MAILDIR, LOCAL_LMTP, LOCAL_DISCARD, LOCAL_HOLD}; // as in the row
    out->store = stores[object_word(r, o, S("store"))];
    out->create = object_bool(r, o, S("create"));
    out->uid = read_owner(r, o, S("uid"), identity_user_number);
    out->gid = read_owner(r, o, S("gid"), identity_group_number);
    out->over_quota_bounces = object_word(r, o, S("over-quota")) == 1;
    read_path(r, o, out);
    read_mode(r, o, out);
    read_quota(r, o, out);
    read_headers(r, o, out);
    return OK;
}

static int64_t read_owner(
        struct reading *r, const struct object *o, struct str member, number_of *number)
{
    struct str name = object_str(r, o, member);
    uint32_t found = 0;
    bool may = true;
    if (str_is_empty(name))
        return -1;
    struct err e = number(r->arena, name, &found, &may);
    if (failed(e))
        object_error(r, o, member, -1, S("bad-owner"), "%.*s", ARG(err_text(e)));
    else if (!may)
        object_error(r, o, member, -1, S("bad-owner"),
                "the server's user cannot give files to %.*s: let the server run as that user or "
                "in that group (server.run-as), or leave %.*s out",
                ARG(name), ARG(member));
    return (int64_t)found;
}

// What a placeholder stands for is known later; whether it is one is known now.
static void read_path(struct reading *r, const struct object *o, struct route *out)
{
    const struct maildir_names sample = {S("l"), S("d"), S("r"), S("u")};
    struct str made;
    out->path = object_str(r, o, S("path"));
    struct err e = maildir_path(r->arena, out->path, &sample, &made);
    if (failed(e))
        object_error(r, o, S("path"), -1, S("bad-path"), "%.*s", ARG(err_text(e)));
    else if (str_eq(made, out->path))
        object_warning(r, o, S("path"), -1, S("one-maildir"),
                "there is no {local}, {rcpt} or {user} in it: everybody's mail goes into one "
                "Maildir");
}

static void read_mode(struct reading *r, const struct object *o, struct route *out)
{
    struct str text = object_str(r, o, S("mode"));
    if (!value_mode(text, &out->mode))
        object_error(r, o, S("mode"), -1, S("bad-mode"),
                "invalid permissions \"%.*s\" (expected octal digits such as 0600)", ARG(text));
    else if ((out->mode & 0600) != 0600)
        object_error(r, o, S("mode"), -1, S("bad-mode"),
                "\"%.*s\" keeps the owner from reading or writing", ARG(text));
}

// quota = bytes [ "/" messages ] / "/" messages
static void read_quota(struct reading *r, const struct object *o, struct route *out)
{
    struct str text = object_str(r, o, S("quota")), bytes = text, messages = STR_NULL;
    int64_t size = 0;
    uint64_t count = 0;
    if (str_is_empty(text))
        return;
    str_cut(text, '/', &bytes, &messages);
    bool good = str_is_empty(bytes) || (value_size(str_trim(bytes), &size) && size > 0);
    if (!str_is_null(messages))
        good = good && str_to_u64(str_trim(messages), UINT32_MAX, &count) && count > 0;
    if (!good)
        object_error(r, o, S("quota"), -1, S("bad-quota"),
                "invalid quota \"%.*s\" (expected BYTES, BYTES/MESSAGES or /MESSAGES, such as "
                "\"1 GiB/100000\")",
                ARG(text));
    out->quota_bytes = (uint64_t)size;
    out->quota_messages = count;
}

static void read_headers(struct reading *r, const struct object *o, struct route *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("headers")));
    bool adds[3] = {false}; // as in the row
    for (size_t i = 0; i < list.count; i++)
        adds[list.at[i].value.integer] = true;
    out->adds_return_path = adds[0];
    struct str for_all = S("session.data.add-headers.delivered-to");
    out->adds_delivered_to = conf_is_set(r->conf, for_all) ? conf_bool(r->conf, for_all) : adds[1];
    out->adds_original_to = adds[2];
}
