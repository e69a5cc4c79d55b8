// SPDX-License-Identifier: Apache-2.0
// base/punycode.h: the letters of a label as ASCII (RFC 3492), without the "xn--" before them.
#pragma once

#include "base/base.h"

void punycode_add(struct buf *out, const uint32_t *codes, size_t count);
// At most `max` code points; false: the text is none, or there would be more.
bool punycode_read(struct str text, uint32_t *out_codes, size_t max, size_t *out_count);
