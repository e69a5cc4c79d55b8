// SPDX-License-Identifier: Apache-2.0
// conf/findings.h: what is wrong with a configuration, and where. Readers, expanders and checkers
// add findings and go on, so that one run tells everything; whoever started the run decides.
// configuration.md 13: the same findings go to the terminal, the log, JSON and the API.
//
//     finding_add(f, (struct finding){.severity = FINDING_ERROR, .code = S("bad-duration"),
//             .file = file, .line = 3, .column = 8, .key = S("session.timeout"),
//             .value = text, .message = ...});
#pragma once

#include "base/base.h"

enum finding_severity { FINDING_ERROR, FINDING_WARNING, FINDING_INFO };

// configuration.md 13.1: the event that reports this class.
enum finding_class {
    FINDING_PARSE,   // syntax, type, range: config.parse-error / parse-warning
    FINDING_MACRO,   // config.macro-error
    FINDING_BUILD,   // reference, consistency, resource: config.build-error / build-warning
    FINDING_UNKNOWN, // unknown key: config.unused-setting
};

struct finding {
    enum finding_severity severity;
    enum finding_class class;
    struct str code;       // stable word for programs: "bad-address", "unknown-key", "syntax"
    struct str file;       // null: no file (database, environment, command line)
    uint32_t line, column; // from 1; columns count code points; 0 = not known
    struct str key;        // flat key, may be null
    struct str value;      // as written, null when there is none or it is secret
    struct str message;    // what is wrong and what to write
    struct str hint;       // a further sentence, may be null
    struct str source;     // the source line, for the caret; may be null
};

#define FINDINGS_MAX 1000 // further ones are counted, not kept

struct findings {
    struct arena *arena; // texts and array live here
    VEC(struct finding) all;
    size_t error_count, warning_count, dropped_count;
};

struct findings findings_make(struct arena *a);
// Slices of `f` must live as long as the arena (static text, or made in it).
void finding_add(struct findings *all, struct finding f);
// How many errors have been added since a mark: if (findings_errors_since(f, mark) > 0) ...
static inline bool findings_failed(const struct findings *all)
{
    return all->error_count > 0;
}

// FILE:LINE:COL: error: MESSAGE, then the source line and a caret when known (configuration.md
// 2.3). `colour` for terminals. Each finding ends with a newline.
enum findings_form { FINDINGS_PLAIN, FINDINGS_COLOUR };
void findings_print(struct buf *out, const struct findings *all, enum findings_form form);
// {"ok":...,"errors":[...],"warnings":[...]} of testdata's `config check --json`.
void findings_json(struct buf *out, const struct findings *all);
// One line a finding: file:line:column: error: key: message
void findings_lines(struct buf *out, const struct findings *all);
