// SPDX-License-Identifier: Apache-2.0
// mail/fold.h: writing a field in lines of at most 78 octets where that can be had, and of 998 in
// any case (RFC 5322 2.1.1). Words are what stays together; a fold comes only between them, or
// where fold_joint allows one. A word with which a line would pass 998 octets is cut.
//
//     struct fold f;
//     fold_begin(&f, &out, S("Received"));
//     fold_word(&f, S("from"));        // "Received: from"
//     fold_word(&f, helo);             // a blank or a fold, and the word
//     fold_add(&f, S(";"));            // belongs to the word before
//     fold_end(&f);                    // CRLF; out.overflow tells whether there was room
#pragma once

#include "base/base.h"

#define FOLD_LINE_BYTES 78      // RFC 5322 2.1.1, without CRLF
#define FOLD_LINE_BYTES_MAX 998 // the same

struct fold {
    struct buf *out;
    size_t line_bytes_max; // FOLD_LINE_BYTES, unless the writer says less after fold_begin
    size_t line_at;        // where the line began
    size_t word_at;        // where the last word began, with the blank before it
    bool blank;            // there is one
    bool can_fold;         // before that word
    bool fresh;            // no word is on the line yet
    bool indented;         // the line is not the first one
    // Lines begin with the blank that was there, not with a tab: of text that people read, in which
    // a tab would be seen. Set behind fold_begin.
    bool keeps_blank;
};

void fold_begin(struct fold *f, struct buf *out, struct str field_name);
// A new word, with a blank before it. It may hold blanks, at which it is not folded. More of it may
// be added to `out` as well: the next call of these finds it.
void fold_word(struct fold *f, struct str word);
// More of the last word.
void fold_add(struct fold *f, struct str text);
// What comes next is a word of its own, but without a blank before it: "h=from:" "to:" "date".
void fold_joint(struct fold *f);
// Octets that may be folded anywhere, as in the b= of a signature.
void fold_bytes(struct fold *f, struct str bytes);
// The words of a text, at its blanks and line ends.
void fold_text(struct fold *f, struct str text);
// The name before an address (mail/phrase.c): words, a quoted string, or encoded words.
void fold_phrase(struct fold *f, struct str name);
// Encoded words (RFC 2047) that stand for this text, which is well-formed UTF-8.
void fold_encoded(struct fold *f, struct str text);
// A new line now, whatever room there is; the next word is its first.
void fold_line(struct fold *f);
void fold_end(struct fold *f);
