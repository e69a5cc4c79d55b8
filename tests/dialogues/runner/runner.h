// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/runner.h: what the files of the dialogue runner share. One case is one
// world: a simulation with a server in it, made when the case begins and gone when it ends. The
// script is the director of that simulation; every step is a function of play_….c, and an error
// from one ends the case, with its text and place in `trouble`.
#pragma once

#include "dialogue.h"
#include "files.h"
#include "rt/sim/sim.h"
#include "server.h"

#define TALKS_MAX 16
#define SOON_MS SECOND_MS // that an expectation lets pass
#define TRANSCRIPT_LINES 20
#define TRANSCRIPT_BYTES 200
#define CASE_BYTES_MAX (64 * MIB)

struct options {
    struct str posthaste; // the program, for run; null: run fails
    bool accept;          // rewrite what differs
    bool has_seed;
    uint64_t seed; // in place of the file's
};

// One line of the file, or a block, to be replaced; an empty text with `insert` unset removes.
struct edit {
    uint32_t line, count;
    bool insert; // before the line
    struct str text;
};
struct edits {
    struct arena *arena;
    VEC(struct edit) all;
};

struct talk { // one connection of the script
    struct str name;
    char role; // whose part the script has
    struct stream *stream;
    uint32_t line;
    bool closing; // we have ended our side: what the other one still says is not asked for
    bool over;    // its end was expected and came, or we broke it
};

struct waiting { // where Posthaste may connect to in this case
    struct endpoint at;
    struct acceptor *acceptor;
};

struct heard_event {
    struct str record;
};

struct trouble {
    bool some;
    uint32_t line;
    struct buf text; // lines: what was expected, what came
};

struct transcript {
    char lines[TRANSCRIPT_LINES][TRANSCRIPT_BYTES];
    size_t lens[TRANSCRIPT_LINES];
    size_t count;
};

struct runner {
    const struct options *options;
    const struct dialogue *dialogue;
    const struct dialogue_case *now;
    struct arena arena; // of the case
    struct sim *sim;
    struct sim_server *server;
    struct authority *authority;
    struct memory_files files;
    struct conf_files conf_files;
    struct holes holes;
    struct talk talks[TALKS_MAX];
    size_t talk_count;
    struct talk *talk; // the current one
    struct buf saying; // not sent yet
    size_t segment_bytes;
    VEC(struct waiting) waiting;
    bool was_started;
    VEC(struct heard_event) events; // since the last look
    struct buf metrics_before;
    int64_t exit_status; // of the last run
    uint32_t exit_line;  // where it is still to be asked for; 0: nowhere
    struct trouble trouble;
    struct transcript *transcript;
    struct edits *edits;
};

// --- Steps ---------------------------------------------------------------------------------------

// play.c: one case from its beginning to its end. The error says that it failed.
struct err play_case(struct runner *r) MUST_USE;
struct err play_start_server(struct runner *r) suspends MUST_USE; // unless it was started

// hear.c: what is expected of a connection. `steps` begin with the one to play; *out_used of them
// were (a run of S+ and S- is one reply).
struct err hear_steps(struct runner *r, const struct step *steps, size_t count,
        size_t *out_used) suspends MUST_USE;
struct err hear_end(struct runner *r, const struct step *step) suspends MUST_USE;
struct err hear_silence(struct runner *r, const struct step *step) suspends MUST_USE;
struct err hear_nothing_more(struct runner *r, struct talk *t, uint32_t line,
        uint32_t insert_at) suspends MUST_USE; // --accept inserts what came before that line
struct err check_time(struct runner *r, const struct step *step, int64_t after_ms) MUST_USE;
int64_t patience_ms(const struct when *when);

// connect.c
struct err play_connect(struct runner *r, const struct step *step) suspends MUST_USE;
struct err play_accept(struct runner *r, const struct step *step) suspends MUST_USE;
struct err play_tls(struct runner *r, const struct step *step) suspends MUST_USE;
struct err waiting_open(struct runner *r) MUST_USE; // for all accept lines of the case

// outcome.c
struct err play_events(struct runner *r, const struct step *step) suspends MUST_USE;
struct err play_metrics(struct runner *r, const struct step *step) suspends MUST_USE;
struct err play_run(struct runner *r, const struct step *step) MUST_USE;
// From a list of fields as events and the queue have them: key=value or key="value"; false: no
// more.
bool next_wanted(struct str *rest, struct str *key, struct str *value);

// queue.c
struct err play_queue(struct runner *r, const struct step *step) suspends MUST_USE;
struct err play_message(struct runner *r, const struct step *step) suspends MUST_USE;

// process.c: a subcommand of the real program with this configuration.
struct err process_output(
        struct runner *r, struct str arguments, struct str *out, int *out_status) MUST_USE;

// --- Saying what happened (report.c) -------------------------------------------------------------

struct err wrong(struct runner *r, uint32_t line, const char *fmt, ...) PRINTF_LIKE(3, 4);
// Expected and got, with a caret below the place where they differ.
struct err differs(struct runner *r, uint32_t line, struct str expected, struct str got, size_t at);
void note(struct runner *r, const char *fmt, ...) PRINTF_LIKE(2, 3); // a line of the transcript
void note_line(struct runner *r, const struct talk *t, char role, struct str line);
void report_case(struct buf *out, const struct runner *r, const char *verdict);

bool edit_add(struct runner *r, struct edit edit); // false: not accepting
// The file's text with all edits made.
void edits_apply(const struct dialogue *d, const struct edits *edits, struct buf *out);
// As the line of a dialogue that expects exactly these bytes.
struct str as_template(struct arena *a, struct str line);
