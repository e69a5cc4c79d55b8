// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/dialogue.h: a dialogue file as data. What the words mean is written down
// in docs/dialogues.md; reading checks all that can be known without running: so a wrong file says
// FILE:LINE: what is wrong, and nothing of it runs.
#pragma once

#include "base/ip.h"
#include "template.h"

#define DIALOGUE_BYTES_MAX MIB
#define DIALOGUE_STEPS_MAX 20000

enum step_kind {
    STEP_SAY,         // C: or S: of our own role, and C|
    STEP_LINE,        // S: expected, and S~
    STEP_BYTES,       // S|
    STEP_REPLY_HAS,   // S+
    STEP_REPLY_LACKS, // S-
    STEP_SKIP_TO,     // S^
    STEP_CONNECT,
    STEP_ACCEPT,
    STEP_ON,
    STEP_CLOSED,
    STEP_ABORTED,
    STEP_SILENT,
    STEP_CLOSE,
    STEP_ABORT,
    STEP_TLS,
    STEP_SEGMENT,
    STEP_CUT,
    STEP_HEAL,
    STEP_WAIT,
    STEP_CLOCK,
    STEP_CRASH,
    STEP_START,
    STEP_DRAIN,
    STEP_RELOAD,
    STEP_SEED,
    STEP_CONFIG,
    STEP_FILE,
    STEP_ZONE,
    STEP_DNS,
    STEP_EVENTS,
    STEP_METRICS,
    STEP_RUN,
    STEP_EXIT,
    STEP_QUEUE, // without lines: empty
    STEP_MESSAGE,
    STEP_FAULT,
};

enum when_kind { WHEN_SOON, WHEN_AT, WHEN_BY };
struct when {
    enum when_kind kind;
    int64_t ms;
};

struct tls_words {
    bool wanted, fails;
    struct str sni, cert, version, expect, reason; // null: not said
};

enum fault_word { FAULT_COMMIT, FAULT_DISK, FAULT_DISK_FULL };

enum dns_trouble { TROUBLE_SERVFAIL, TROUBLE_TIMEOUT, TROUBLE_DELAY };
struct dns_words {
    struct str name, type; // type empty: every one
    enum dns_trouble trouble;
    int64_t delay_ms;
};

struct step {
    enum step_kind kind;
    uint32_t line;
    char role; // 'C' or 'S' of a role line
    bool raw;  // C|: no CRLF is added
    struct when when;
    struct str written; // of role lines, the text; of others the whole line
    struct template text;
    struct regex *regex; // S~
    struct str name;     // of a connection, a file, a zone; arguments of run
    struct endpoint at;  // to= (without an IP: the server's own), at=
    struct ip from;      // from=, cut, heal (IP_NONE: everything)
    struct tls_words tls;
    struct dns_words dns;
    int64_t number; // wait, silent: ms; seed, segment, exit
    enum dns_trouble trouble;
    bool secure, bogus; // zone
    bool has_block;
    struct str *lines; // of a block, without their indentation
    size_t line_count;
    uint32_t block_line; // of the first of them
};

struct dialogue_case {
    struct str name;
    uint32_t line;
    VEC(struct step) steps;
};

struct dialogue {
    struct str file;
    VEC(struct str) lines; // of the file, for those who rewrite it
    struct dialogue_case shared;
    VEC(struct dialogue_case) cases;
};

// Everything lives in the arena, which must be some times larger than the text. ERR_SYNTAX with
// "FILE:LINE: what is wrong".
struct err dialogue_read(
        struct arena *a, struct str file, struct str text, struct dialogue *out) MUST_USE;

// --- Parts of the reader (reader.c, reader_words.c) ----------------------------------------------

struct reader {
    struct arena *arena;
    struct dialogue *out;
    struct dialogue_case *into;
    uint32_t line; // of the step being read
    struct {
        struct str name;
        char role; // whose part the script has
    } connections[16];
    size_t connection_count;
    char role; // of the connection that is current; 0: there is none
};

struct err reader_wrong(struct reader *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct step *reader_step(struct reader *r, enum step_kind kind); // NULL: too many, or no memory
// A keyword line; `has_block` when it ends in ':', which `line` has no more.
struct err reader_keyword(
        struct reader *r, struct str line, bool has_block, struct step **out) MUST_USE;
bool duration_read(struct str text, int64_t *out_ms); // 5ms 30s 15m 2h 5d
