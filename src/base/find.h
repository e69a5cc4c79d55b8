// SPDX-License-Identifier: Apache-2.0
// base/find.h: looking for bytes in long texts, sixteen at a time where the processor can.
#pragma once

#include "base/str.h"

// Offset of the first CR, LF or NUL; the length when there is none. *has_8bit becomes true when a
// byte before it is beyond ASCII, and stays as it was otherwise. Message bodies are read so.
size_t find_line_byte(struct str s, bool *has_8bit);
// The same without the processor's help; public so that tests compare the two.
size_t find_line_byte_portable(struct str s, bool *has_8bit);
// Offset of the first blank that relaxed canonicalization (RFC 6376 3.4.4) may change: a HTAB, or a
// SP before another blank, a CR or the end of s; the length when there is none.
size_t find_loose_blank(struct str s);
size_t find_loose_blank_portable(struct str s);
