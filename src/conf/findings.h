// SPDX-License-Identifier: Apache-2.0
// conf/findings.h: what is wrong with a configuration, and where. Readers, expanders and checkers
// add findings and go on, so that one run tells everything; whoever started the run decides.
// configuration.md 13: the same findings go to the terminal, the log, JSON and the API.
//
//     finding_add(f, (struct finding){.severity = FINDING_ERROR, .code = S("bad-duration"),
//             .file = file, .line = 3, .column = 8, .source = line, .key = S("session.timeout"),
//             .value = text, .message = S("expected a number and a unit")});
//
// A message does not name the key: whoever prints it puts the key where the form wants it (and
// leaves it out where the message names it after all, in single quotes).
#pragma once

#include "base/base.h"

enum finding_severity { FINDING_ERROR, FINDING_WARNING, FINDING_INFO };

// configuration.md 13.1: the event that reports this class.
enum finding_class {
    FINDING_PARSE,   // type, range, words: config.parse-error / parse-warning
    FINDING_MACRO,   // config.macro-error
    FINDING_BUILD,   // reference, consistency, resource: config.build-error / build-warning
    FINDING_UNKNOWN, // unknown key: config.unused-setting
    FINDING_SYNTAX,  // no TOML: config.parse-error / parse-warning
};

struct finding {
    enum finding_severity severity;
    enum finding_class class;
    struct str code; // stable word for programs, static: "bad-address", "unknown-key", "syntax"
    struct str file; // null: no file (database, environment, command line)
    uint32_t line, column; // from 1; columns count code points; 0 = not known
    struct str key;        // flat key, may be null
    uint32_t element;      // of a list, from 1; 0 = the key as a whole
    struct str value;      // as written, null when there is none or it is secret
    struct str message;    // what is wrong and what to write
    struct str hint;       // a further sentence, may be null
    struct str source;     // the source line, for the caret; may be null
    uint32_t caret;        // set by finding_add: column in `source`, which it may have shortened
};

#define FINDINGS_MAX 1000          // further ones are counted, not kept
#define FINDING_SOURCE_COLUMNS 160 // of a longer source line only the part around the caret is kept
#define FINDING_TEXT_BYTES_MAX 2048 // of a value or message; configurations may hold whole scripts

struct findings {
    struct arena *arena; // texts and array live here
    VEC(struct finding) all;
    size_t error_count, warning_count;
    size_t dropped_count; // of these were counted, but not kept: too many, or no memory
};

struct findings findings_make(struct arena *a);
// Copies all texts but `code` into the arena, so the caller's may go at once.
void finding_add(struct findings *all, struct finding f);
// Whoever wants it strict: warnings become errors.
void findings_harden(struct findings *all);
// The same with a formatted message.
void finding_add_fmt(struct findings *all, struct finding f, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
// Is an error about this key among them? What is wrong already need not be missed as well.
bool findings_tell(const struct findings *all, struct str key);
static inline bool findings_failed(const struct findings *all)
{
    return all->error_count > 0;
}

// FILE:LINE:COL: error: MESSAGE, then the source line and a caret when known (configuration.md
// 2.3). `colour` for terminals. Each finding ends with a newline.
enum findings_form { FINDINGS_PLAIN, FINDINGS_COLOUR };
void findings_print(struct buf *out, const struct findings *all, enum findings_form form);
// {"ok":...,"errors":[...],"warnings":[...]}. What is ok decides whoever asked for it: a server
// may start in spite of errors (config.on-error).
struct json_out;
void findings_json(struct json_out *o, const struct findings *all, bool ok);
// One line a finding: file:line:column: error: key: message
void findings_lines(struct buf *out, const struct findings *all);
