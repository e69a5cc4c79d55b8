// SPDX-License-Identifier: Apache-2.0
// deliver/local/maildir_path.h: where a mailbox lies, and what the message is called in it. On
// values; only maildir_folder looks at the disk, and is for a helper thread.
#pragma once

#include "base/base.h"

struct maildir_names { // what the placeholders of a path stand for
    struct str local, domain, rcpt, user;
};

// "/var/mail/{domain}/{local}/Maildir". ERR_SYNTAX: a value could lead out of the path, or is no
// part of one (the text says which); ERR_CONFIG: no such placeholder.
struct err maildir_path(struct arena *a, struct str pattern, const struct maildir_names *names,
        struct str *out) MUST_USE;
// What stands before the first component with a placeholder, without the slash; "/" if nothing.
struct str maildir_root(struct str pattern);

// Of Maildir++: "lists" is ".lists" below the mailbox; dots are levels. False: it names none.
bool maildir_folder_name(struct arena *a, struct str detail, struct str *out);
// The folder for a detail, or the mailbox itself: if there is no folder of that name, in whatever
// case. Blocking.
struct str maildir_folder(struct arena *a, struct str path, struct str detail);

// "<time>.Q<id>R<mark>.<host>": the mark is made of the mailbox' address, so that two aliases of
// it make one name, whenever they are tried.
struct str maildir_unique(
        struct arena *a, int64_t created_ms, uint64_t id, struct str mailbox, struct str host);
// Is this the name of a message called so, with whatever sizes and flags?
bool maildir_name_is(struct str name, struct str unique);
