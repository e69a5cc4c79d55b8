// SPDX-License-Identifier: Apache-2.0
// deliver/local/maildir.h: a message into a Maildir, as qmail thought of it and Courier and Dovecot
// went on: written and synced below tmp/, then given its name in new/, whose folder is synced as
// well. What a reader finds in new/ is whole, whatever crashes when.
//
// The name is the same whenever this message is brought to this mailbox, and it is looked for in
// new/ and cur/ first: a delivery that a crash had interrupted, or whose success was not written
// down, leaves one message. Line ends become LF, as those who read Maildirs expect; `,S=` is the
// size of the file, `,W=` the size with CRLF.
//
// With a quota the file `maildirsize` of Maildir++ is kept (maildir_quota.h). Sub-addresses go into
// the folder of their name if the owner of the mailbox has one (maildir_path.h).
#pragma once

#include "queue/message_reader.h"
#include "rt/mailfile.h"

struct maildir_faults { // tests: which step of a delivery goes wrong
    int fails_at;       // counted from 1; 0: none
    int errno_value;    // 0: it crashes there, and nothing is tidied up
    int steps;          // done so far
};

struct maildir_letter {
    struct str path;   // of the mailbox
    struct str detail; // of the sub-address; null: none
    struct str unique; // what is before ",S=" in its name: no '/' nor ':'
    struct mailfile_owner owner;
    bool create;        // the mailbox, when it is missing
    bool keep_crlf;     // the bytes as they are: what is binary has no line ends
    int64_t created_ms; // of the message: it was not in this mailbox before
    int64_t wall_now_ms;
    uint64_t quota_bytes, quota_messages; // 0: none
    struct maildir_faults *fail;          // NULL: none
};

enum maildir_outcome {
    MAILDIR_STORED, // now, or it was there already
    MAILDIR_OVER_QUOTA,
    MAILDIR_MISSING, // and is not to be created
};

// Reads the message to its end, unless it knows the outcome before. Memory is bounded whatever the
// size; all file work is done by helper threads. An error is the disk's (ERR_NO_SPACE, ERR_REFUSED,
// ERR_IO, ...), the reader's, or a cancellation; the text lives in the arena.
struct err maildir_store(const struct maildir_letter *letter, struct arena *a,
        struct message_reader *reader, enum maildir_outcome *out) suspends MUST_USE;
