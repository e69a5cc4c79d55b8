// SPDX-License-Identifier: Apache-2.0
// http/gzip.h: answers in fewer bytes (RFC 9110 8.4.1.3), for those who ask for it.
#pragma once

#include "http/read.h"

#define GZIP_BYTES_MIN 1024 // management.md 1.1: below that it is not worth the while

// Accept-Encoding = #( codings [ weight ] )             RFC 9110 12.5.3
bool http_accepts_gzip(const struct http_head *head);
// Text in some form; what is compressed already gains nothing.
bool http_type_shrinks(struct str type);
// False when it did not become shorter, or there is no memory. `out` is initialised here.
bool http_gzip(struct str content, struct buf *out);
