// SPDX-License-Identifier: Apache-2.0
// queue/signing/key_file.c: see queue/signing/key_file.h.
#include "queue/signing/key_file.h"

#include "queue/control/statefile.h"

struct str key_file_path(struct arena *a, const struct conf *conf)
{
    return arena_join(a, conf_str(conf, S("global.state-dir")), S("/dkim-keys"));
}

struct err key_file_read(struct arena *a, struct str path, struct rotation_keys *out)
{
    struct str text;
    TRY(statefile_read(a, path, KEY_FILE_BYTES_MAX, &text));
    return statefile_blame(a, path, rotation_keys_parse(a, text, out));
}

struct err key_file_write(struct arena *a, struct str path, const struct rotation_keys *keys)
{
    struct buf text;
    buf_init(&text, KEY_FILE_BYTES_MAX);
    rotation_keys_add(&text, keys);
    struct err e = statefile_write(a, path, &text);
    mem_wipe(text.ptr, text.len);
    buf_done(&text);
    return e;
}
