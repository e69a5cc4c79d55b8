// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_json.h: counts as the report that a domain gets (RFC 8460 4; reports.md
// 8.2).
#pragma once

#include "base/json.h"
#include "deliver/tlsrpt/tlsrpt_store.h"

struct tlsrpt_report {
    const struct report_object *object;
    const struct report_row *rows;
    size_t row_count;
    struct str organization; // report.domain
    struct str submitter;    // a host name
};
// One JSON object. ERR_SYNTAX: a row is damaged.
struct err tlsrpt_json_add(
        struct arena *a, struct json_out *o, const struct tlsrpt_report *report) MUST_USE;
