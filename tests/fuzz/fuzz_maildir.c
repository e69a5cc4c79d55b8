// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_maildir.c: lines of the input are what a stranger can choose of a mailbox' path
// and folder, and a maildirsize. No path leaves its root, no folder its mailbox.
#include "deliver/local/maildir_path.h"
#include "deliver/local/maildir_quota.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct arena *a, const struct maildir_names *names);
static void check_folder(struct arena *a, struct str detail);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str rest = str_of((const char *)data, size);
    struct maildir_names names = {0};
    struct maildir_usage usage;
    size_t lines = 0;
    arena_init(&a, 256 * KIB);
    (void)str_split(&rest, '\n', &names.local);
    (void)str_split(&rest, '\n', &names.domain);
    names.rcpt = names.domain;
    names.user = names.local;
    check_path(&a, &names);
    check_folder(&a, names.local);
    const struct maildir_quota quota = {.bytes = 1000};
    if (maildir_usage_read(rest, &quota, &usage, &lines))
        assert(lines <= rest.len);
    arena_done(&a);
    return 0;
}

static void check_path(struct arena *a, const struct maildir_names *names)
{
    struct str path, step, root = S("/root/");
    if (failed(maildir_path(a, S("/root/{domain}/{local}-{rcpt}/{user}/Maildir"), names, &path)))
        return;
    size_t steps = 0;
    assert(str_starts(path, root) && str_find_byte(path, '\0') == STR_NOT_FOUND);
    for (struct str rest = str_from(path, root.len); str_split(&rest, '/', &step); steps++)
        assert(step.len > 0 && !str_eq(step, S(".")) && !str_eq(step, S("..")));
    assert(steps == 4);
}

static void check_folder(struct arena *a, struct str detail)
{
    struct str folder;
    if (!maildir_folder_name(a, detail, &folder))
        return;
    assert(folder.len >= 2 && !str_eq(folder, S("..")));
    assert(str_find_byte(folder, '/') == STR_NOT_FOUND);
    assert(str_find_byte(folder, '\0') == STR_NOT_FOUND);
}
