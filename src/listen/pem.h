// SPDX-License-Identifier: Apache-2.0
// listen/pem.h: the blocks of a PEM text (RFC 7468), lenient about blank lines, indentation and
// text between blocks; strict about what is inside, so that a shortened file is told as such.
#pragma once

#include "base/base.h"

struct pem_reader {
    struct scan in;
    size_t line;   // of what comes next, from 1
    size_t number; // of blocks seen
};

struct pem_block {
    struct str label; // "CERTIFICATE"
    struct str body;  // between its two lines
    size_t number, line;
    bool complete; // it has its END line
};

struct pem_reader pem_begin(struct str text);
bool pem_next(struct pem_reader *r, struct pem_block *out); // false: no further block
// The bytes of a block; false when it is not complete or not base64.
bool pem_decode(struct arena *a, const struct pem_block *block, struct str *out);
