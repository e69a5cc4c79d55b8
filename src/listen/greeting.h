// SPDX-License-Identifier: Apache-2.0
// listen/greeting.h: from a greeting text to the lines that are sent (listeners.md 5).
#pragma once

#include "base/base.h"
#include "listen/tls_settings.h"

#define GREETING_LINES_MAX 10
#define GREETING_LINE_BYTES_MAX 500

// Lines without code and line end. The host name is put in front of the first line unless it is
// its first word already (RFC 5321 4.2); control bytes are dropped.
struct err greeting_make(
        struct arena *a, struct str text, struct str host, struct str_list *out) MUST_USE;
