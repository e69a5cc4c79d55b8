// SPDX-License-Identifier: Apache-2.0
// deliver/local/maildir_quota.h: how full a mailbox is, by the file `maildirsize` of Maildir++: its
// first line is the quota ("1000000S,500C"), the others are added by whoever changes something:
// bytes and messages, and negative when they go. So an answer costs one small file. It is counted
// anew when the file is missing, was made for another quota, or has grown long; and when it says
// "full" though it may just be old. Blocking, for helper threads.
//
// Counted is what Maildir++ counts: all folders but .Trash, without what is marked as deleted.
#pragma once

#include "rt/mailfile.h"

struct maildir_quota {
    uint64_t bytes, messages; // 0: no limit
};
struct maildir_usage {
    int64_t bytes, messages;
};

// May so much more come into the mailbox? `scratch` is a path in it for a new file.
struct err maildir_quota_fits(struct arena *a, struct str path, struct str scratch,
        const struct maildir_quota *quota, uint64_t bytes, int64_t wall_now_ms,
        bool *out_fits) MUST_USE;
// Adds a message to the file, if there is one: also where others are who keep it.
void maildir_quota_add(struct arena *a, struct str path, uint64_t bytes);

// What a file says, for tests; false: it is none, or for another quota.
bool maildir_usage_read(struct str text, const struct maildir_quota *quota,
        struct maildir_usage *out, size_t *out_lines);
