// SPDX-License-Identifier: Apache-2.0
// events/line.h: what the forms of a log line share: a line that grows to its limit and no further,
// and the one place where a peer's bytes are made fit to be looked at.
#pragma once

#include "base/date.h"
#include "events/record.h"

#define LINE_BYTES_MAX (16 * KIB) // with its newline
#define LINE_RESERVE_BYTES 96     // for closing marks

struct line {
    struct buf *buf;
    size_t start;
    bool cut; // something did not fit
};

struct line line_begin(struct buf *buf);
// All of it or nothing; false, and `cut`, when it does not fit.
bool line_add(struct line *line, struct str piece);
// Closing marks, which have room of their own.
void line_close(struct line *line, struct str piece);
// Takes back what was added since.
size_t line_mark(const struct line *line);
void line_back(struct line *line, size_t mark);

// operations.md 6.2: \" \\ \r \n \t, and \u{..} for other controls, DEL, C1, bidi and line
// separators. A byte that is no UTF-8 becomes \x.. .
bool line_add_escaped(struct line *line, struct str bytes);
// The same protection as a JSON string without its quotes; a byte that is no UTF-8: U+FFFD.
bool line_add_json(struct line *line, struct str bytes);
bool line_add_base64(struct line *line, struct str bytes);
bool line_add_u64(struct line *line, uint64_t value);
bool line_add_i64(struct line *line, int64_t value);
bool line_add_double(struct line *line, double value); // not finite: null
bool line_add_id(struct line *line, uint64_t id);
bool line_add_time(struct line *line, int64_t at_ms, enum date_precision precision);
bool line_add_ip(struct line *line, const struct ip *ip);
