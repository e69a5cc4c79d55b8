// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_row.h: what the files of tlsrpt*.c share.
#pragma once

#include "deliver/tlsrpt/tlsrpt.h"

#define TLSRPT_ROW_BYTES_MAX (128 * KIB) // a policy of MTA-STS, or 64 TLSA records, and more

struct tlsrpt_lists { // of a row that is being read
    struct tlsrpt_list {
        struct str *at;
        size_t count, cap;
    } lines, patterns;
};

// tlsrpt_row.c: adds an observation without its domain; the buf's overflow says if it is too long.
void tlsrpt_row_add(struct buf *row, const struct tlsrpt_seen *seen);
