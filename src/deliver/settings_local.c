// SPDX-License-Identifier: Apache-2.0
// deliver/settings_local.c: routes that end on this machine (outbound.md 24): Maildirs, the drain,
// the shelf; and an LMTP server, whose hosts are read like those of a relay.
#include "deliver/maildir_path.h"
#include "deliver/settings_read.h"

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
    out->uid = object_str(r, o, S("uid"));
    out->gid = object_str(r, o, S("gid"));
    out->over_quota_bounces = object_word(r, o, S("over-quota")) == 1;
    read_path(r, o, out);
    read_mode(r, o, out);
    read_quota(r, o, out);
    read_headers(r, o, out);
    return OK;
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
    out->adds_delivered_to = adds[1];
    out->adds_original_to = adds[2];
}
