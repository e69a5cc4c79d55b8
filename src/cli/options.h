// SPDX-License-Identifier: Apache-2.0
// cli/options.h: the options of a command as a table, from which both the reader of the command
// line and the option part of --help are made. Forms: --name value, --name=value, -l value,
// -lvalue, flags alone or bundled (-vq); "--" ends the options; operands may stand between them.
// Names are not abbreviated. An option given twice is refused unless its row says `many`, for
// whoever wrote both of them meant something that we would have to guess.
//
//     static const struct cli_option options[] = {
//         {.name = S_INIT("zone"), .takes = OPTION_TEXT, .value = S_INIT("FILE"),
//          .help = "answer DNS questions from FILE"},
//         {.name = S_INIT("max-lookups"), .takes = OPTION_NUMBER, .value = S_INIT("N"),
//          .max = 100, .help = "look-ups before permerror (default 10)"},
//     };
#pragma once

#include "base/base.h"

enum option_takes {
    OPTION_FLAG,     // nothing
    OPTION_TEXT,     // any value
    OPTION_OPTIONAL, // --name or --name=value; no form with a blank
    OPTION_NUMBER,   // decimal, min to max
    OPTION_CHOICE,   // one of the words in `value`, which are separated by '|'
};

struct cli_option {
    struct str name; // without the dashes
    char letter;     // 0: none
    enum option_takes takes;
    struct str value; // what --help calls the value: "FILE"
    uint64_t min, max;
    bool required, many;
    const char *help;
};

struct option_set {
    const struct cli_option *at;
    size_t count;
};

struct option_given {
    const struct cli_option *option;
    struct str value; // null for a flag and for an OPTION_OPTIONAL without one
    uint64_t number;  // of an OPTION_NUMBER
};

#define OPTION_SETS_MAX 3

struct options {
    struct option_set sets[OPTION_SETS_MAX]; // what may be given; the caller fills these in
    VEC(struct option_given) given;          // what was
    VEC(struct str) operands;
};

// Adds to given and operands. The slices are those of `words`. An error's text names the option.
// Whether required ones are there is asked separately, since --help comes before it.
struct err options_parse(
        struct arena *a, struct options *o, const struct str *words, size_t count) MUST_USE;
struct err options_check_required(struct arena *a, const struct options *o) MUST_USE;

// The nth time (from 0) that the option was given, or NULL. That a set has it is asserted, so a
// misspelt name does not look like an absent option.
const struct option_given *options_given(const struct options *o, struct str name, size_t nth);

// Whether the word names an option of the sets: --name, --name=value, -l.
bool options_know(const struct options *o, struct str word);

// "-z, --zone FILE   answer ...", one or more lines an option, wrapped at 80 columns.
void options_help(struct buf *out, const struct option_set *sets, size_t set_count);
// Adds text word by word in lines of at most 80 columns, all but the first indented.
void help_wrap(struct buf *out, struct str text, size_t indent);
