// SPDX-License-Identifier: Apache-2.0
// mail/token.h: the words of structured fields, RFC 5322 3.2; private to mail/ and proof/.
// Reading goes on over what is malformed: a quote or comment that does not end ends with the field.
#pragma once

#include "base/base.h"

// Skips white space, line ends and comments (RFC 5322 3.2.2, CFWS).
void token_skip(struct scan *in);
// Skips white space and takes one comment, without its parentheses; false: another thing stands
// there, or nothing.
bool token_comment(struct scan *in, struct str *out);
// What stands between the quotes, without backslashes and line ends (RFC 5322 3.2.4), added to a
// buf. The scan stands on the first quote.
void token_quoted(struct scan *in, struct buf *out);
// One or more bytes that are neither white space, specials nor a quote (RFC 5322 3.2.3, with dots).
bool token_atom(struct scan *in, struct str *out);

// RFC 2047 words, put together: the octets of neighbours of one charset are joined before they are
// converted, for some programs cut letters in two.
struct encoded_words {
    struct buf *out;
    struct buf octets;
    struct str charset; // null: no word is pending
};
void encoded_begin(struct encoded_words *e, struct buf *out);
bool encoded_take(struct encoded_words *e, struct scan *in); // false: none begins here
void encoded_flush(struct encoded_words *e);
void encoded_end(struct encoded_words *e);
// Text with encoded words in it, where white space between two of them does not count.
void encoded_text(struct buf *out, struct str text);

// Transfer encodings as they are found: what does not belong is left out.
void transfer_base64(struct buf *out, struct str text);
void transfer_quoted_printable(struct buf *out, struct str text);
