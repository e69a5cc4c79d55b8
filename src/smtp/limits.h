// SPDX-License-Identifier: Apache-2.0
// smtp/limits.h: the bounds of this room, with their reasons. What an administrator may want
// otherwise is a setting (inbound.md 14).
#pragma once

#include "base/base.h"

#define SCRATCH_BYTES_MAX (512 * KIB)   // of one command: values of expressions are up to 64 KiB
#define IDENTITY_BYTES_MAX (128 * KIB)  // names and the account of a session
#define TRANSACTION_BYTES_MAX (8 * MIB) // ten thousand recipients of the longest kind
#define SPF_RUN_BYTES_MAX (64 * KIB)    // names, and what came of one check
#define VERIFY_BYTES_MAX (16 * MIB)     // header, signatures and keys of a message
#define FINISH_BYTES_MAX (32 * MIB)     // at the end of data: the record with all its units
#define GOODBYE_WAIT_MS (5 * SECOND_MS) // for a last reply that nobody may be reading
#define LINE_TIMES_MAX 16               // a line so many times too long ends the session
#define HELLO_BYTES_MAX 255             // argument of EHLO, RFC 5321 4.5.3.1.2
#define REPLY_LINE_BYTES_MAX 512        // RFC 5321 4.5.3.1.5
#define WORDS_BYTES_MAX (4 * KIB)       // of a reply made of somebody's words
#define WAITED_MS_MAX (5 * MINUTE_MS)   // of a session, in all (inbound.md 10.2)
#define REFUSED_COMMANDS_MAX 5          // after a refusal as greeting (inbound.md 4.2)
#define REFUSED_WAIT_MS MINUTE_MS
#define ERRORS_WITHOUT_WAIT 2 // session.errors.wait acts from the third on
#define VRFY_BYTES_MAX 256
#define CHUNK_DIGITS_MAX 19                // of BDAT: 2^63-1
#define DIRECTORY_WAIT_MS (20 * SECOND_MS) // of AUTH and RCPT (directory.md 1.2)
