// SPDX-License-Identifier: Apache-2.0
// cli/options.c: reading a command line by its table, and telling the table to a person.
#include "cli/options.h"

#include "base/encode.h"

#define HELP_COLUMNS 80
#define HELP_NAME_COLUMNS_MAX 30 // a longer name has its text on the next line
#define TYPING_ERRORS_MAX 2

struct reader {
    struct arena *arena;
    struct options *options;
    const struct str *words;
    size_t count, at;
};

static struct err long_option(struct reader *r, struct str word);
static struct err short_options(struct reader *r, struct str letters);
static struct err value_of(struct reader *r, const struct cli_option *option, struct str *out);
static struct err take(struct reader *r, const struct cli_option *option, struct str value);
static struct err value_check(
        struct reader *r, const struct cli_option *option, struct str value, uint64_t *out_number);
static bool is_choice(struct str choices, struct str value);
static const struct cli_option *find_name(const struct options *o, struct str name);
static const struct cli_option *find_letter(const struct options *o, char letter);
static struct err unknown(struct reader *r, struct str name);
static struct str shown(struct arena *a, struct str text);
static void help_name(struct buf *out, const struct cli_option *option);
static size_t help_column(const struct option_set *sets, size_t set_count);

struct err options_parse(struct arena *a, struct options *o, const struct str *words, size_t count)
{
    struct reader r = {.arena = a, .options = o, .words = words, .count = count};
    bool only_operands = false;
    while (r.at < count) {
        struct str word = words[r.at++];
        bool operand = only_operands || word.len < 2 || word.ptr[0] != '-';
        if (operand) {
            struct str *kept = vec_add(a, &o->operands);
            if (kept == NULL)
                return fail(ERR_LIMIT, "the command line is too long");
            *kept = word;
        } else if (str_eq(word, S("--"))) {
            only_operands = true;
        } else if (str_starts(word, S("--"))) {
            TRY(long_option(&r, str_from(word, 2)));
        } else {
            TRY(short_options(&r, str_from(word, 1)));
        }
    }
    return OK;
}

static struct err long_option(struct reader *r, struct str word)
{
    struct str name = word, value = STR_NULL;
    bool joined = str_cut(word, '=', &name, &value);
    const struct cli_option *option = find_name(r->options, name);
    if (option == NULL)
        return unknown(r, name);
    if (joined && option->takes == OPTION_FLAG)
        return fail_fmt(r->arena, ERR_SYNTAX, "option --%.*s takes no value", ARG(option->name));
    if (!joined)
        TRY(value_of(r, option, &value));
    return take(r, option, value);
}

// Flags may share one dash; the first option that takes a value has the rest of the word.
static struct err short_options(struct reader *r, struct str letters)
{
    while (letters.len > 0) {
        const struct cli_option *option = find_letter(r->options, letters.ptr[0]);
        if (option == NULL) {
            struct str letter = shown(r->arena, str_upto(letters, 1));
            return fail_fmt(r->arena, ERR_SYNTAX, "unknown option -%.*s", ARG(letter));
        }
        letters = str_from(letters, 1);
        struct str value = STR_NULL;
        bool takes_rest = option->takes != OPTION_FLAG && option->takes != OPTION_OPTIONAL;
        if (takes_rest && letters.len > 0) {
            value = letters;
            letters = S("");
        } else {
            TRY(value_of(r, option, &value));
        }
        TRY(take(r, option, value));
    }
    return OK;
}

// The value that stands as a word of its own, for options that have one there.
static struct err value_of(struct reader *r, const struct cli_option *option, struct str *out)
{
    if (option->takes == OPTION_FLAG || option->takes == OPTION_OPTIONAL) {
        *out = STR_NULL;
        return OK;
    }
    if (r->at == r->count)
        return fail_fmt(r->arena, ERR_SYNTAX, "option --%.*s needs a value, %.*s",
                ARG(option->name), ARG(option->value));
    *out = r->words[r->at++];
    return OK;
}

static struct err take(struct reader *r, const struct cli_option *option, struct str value)
{
    uint64_t number = 0;
    if (!option->many && options_given(r->options, option->name, 0) != NULL)
        return fail_fmt(r->arena, ERR_SYNTAX, "option --%.*s is given twice", ARG(option->name));
    TRY(value_check(r, option, value, &number));
    struct option_given *given = vec_add(r->arena, &r->options->given);
    if (given == NULL)
        return fail(ERR_LIMIT, "the command line is too long");
    *given = (struct option_given){.option = option, .value = value, .number = number};
    return OK;
}

static struct err value_check(
        struct reader *r, const struct cli_option *option, struct str value, uint64_t *out_number)
{
    switch (option->takes) {
    case OPTION_FLAG:
    case OPTION_TEXT:
    case OPTION_OPTIONAL:
        return OK;
    case OPTION_NUMBER:
        if (str_to_u64(value, option->max, out_number) && *out_number >= option->min)
            return OK;
        return fail_fmt(r->arena, ERR_SYNTAX, "option --%.*s takes a number from %llu to %llu",
                ARG(option->name), (unsigned long long)option->min,
                (unsigned long long)option->max);
    case OPTION_CHOICE:
        if (is_choice(option->value, value))
            return OK;
        return fail_fmt(r->arena, ERR_SYNTAX, "option --%.*s takes one of %.*s", ARG(option->name),
                ARG(option->value));
    }
    return OK;
}

static bool is_choice(struct str choices, struct str value)
{
    struct str choice;
    while (str_split(&choices, '|', &choice))
        if (str_eq(choice, value))
            return true;
    return false;
}

#define each(option, o)                                                                            \
    for (size_t set_ = 0; set_ < OPTION_SETS_MAX; set_++)                                          \
        for (const struct cli_option *option = (o)->sets[set_].at;                                 \
                option != NULL && option < (o)->sets[set_].at + (o)->sets[set_].count; option++)

static const struct cli_option *find_name(const struct options *o, struct str name)
{
    each (option, o)
        if (str_eq(option->name, name))
            return option;
    return NULL;
}

static const struct cli_option *find_letter(const struct options *o, char letter)
{
    each (option, o)
        if (option->letter != 0 && option->letter == letter)
            return option;
    return NULL;
}

static struct err unknown(struct reader *r, struct str name)
{
    size_t least = TYPING_ERRORS_MAX + 1;
    struct str nearest = STR_NULL, typed = shown(r->arena, name);
    each (option, r->options) {
        size_t distance = str_distance(name, option->name, TYPING_ERRORS_MAX);
        if (distance < least) {
            least = distance;
            nearest = option->name;
        }
    }
    if (str_is_null(nearest))
        return fail_fmt(r->arena, ERR_SYNTAX, "unknown option --%.*s", ARG(typed));
    return fail_fmt(r->arena, ERR_SYNTAX, "unknown option --%.*s; did you mean --%.*s?", ARG(typed),
            ARG(nearest));
}

// A command line may come from anywhere: what it brings is not let loose on the terminal.
static struct str shown(struct arena *a, struct str text)
{
    struct buf escaped AUTO(buf_done);
    buf_init(&escaped, KIB);
    escape_text(&escaped, text, 200, ESCAPE_PLAIN);
    return arena_str(a, buf_str(&escaped));
}

struct err options_check_required(struct arena *a, const struct options *o)
{
    each (option, o)
        if (option->required && options_given(o, option->name, 0) == NULL)
            return fail_fmt(a, ERR_SYNTAX, "option --%.*s is missing", ARG(option->name));
    return OK;
}

const struct option_given *options_given(const struct options *o, struct str name, size_t nth)
{
    assert(find_name(o, name) != NULL);
    each_in_vec (given, &o->given) {
        if (!str_eq(given->option->name, name))
            continue;
        if (nth == 0)
            return given;
        nth--;
    }
    return NULL;
}

bool options_know(const struct options *o, struct str word)
{
    struct str name, value;
    if (!str_starts(word, S("--")))
        return word.len == 2 && word.ptr[0] == '-' && find_letter(o, word.ptr[1]) != NULL;
    name = str_from(word, 2);
    str_cut(name, '=', &name, &value);
    return find_name(o, name) != NULL;
}

void options_help(struct buf *out, const struct option_set *sets, size_t set_count)
{
    size_t column = help_column(sets, set_count);
    for (size_t i = 0; i < set_count; i++) {
        for (size_t k = 0; k < sets[i].count; k++) {
            const struct cli_option *option = &sets[i].at[k];
            size_t start = out->len;
            help_name(out, option);
            size_t used = out->len - start;
            if (used + 2 > column) {
                buf_add_byte(out, '\n');
                used = 0;
            }
            buf_add_repeat(out, ' ', column - used);
            help_wrap(out, str_from_c(option->help), column);
        }
    }
}

static void help_name(struct buf *out, const struct cli_option *option)
{
    if (option->letter != 0)
        buf_fmt(out, "  -%c, --%.*s", option->letter, ARG(option->name));
    else
        buf_fmt(out, "      --%.*s", ARG(option->name));
    if (option->takes == OPTION_OPTIONAL)
        buf_fmt(out, "[=%.*s]", ARG(option->value));
    else if (option->takes != OPTION_FLAG)
        buf_fmt(out, " %.*s", ARG(option->value));
}

// Where the texts begin: two columns behind the longest name that is not too long.
static size_t help_column(const struct option_set *sets, size_t set_count)
{
    struct buf name AUTO(buf_done);
    size_t column = 0;
    buf_init(&name, KIB);
    for (size_t i = 0; i < set_count; i++) {
        for (size_t k = 0; k < sets[i].count; k++) {
            buf_clear(&name);
            help_name(&name, &sets[i].at[k]);
            if (name.len <= HELP_NAME_COLUMNS_MAX && name.len + 2 > column)
                column = name.len + 2;
        }
    }
    return column;
}

void help_wrap(struct buf *out, struct str text, size_t indent)
{
    size_t column = indent;
    struct str word;
    for (bool first = true; str_split(&text, ' ', &word); first = false) {
        size_t width = str_utf8_count(word);
        if (!first && column + 1 + width > HELP_COLUMNS) {
            buf_add_byte(out, '\n');
            buf_add_repeat(out, ' ', indent);
            column = indent;
        } else if (!first) {
            buf_add_byte(out, ' ');
            column++;
        }
        buf_add(out, word);
        column += width;
    }
    buf_add_byte(out, '\n');
}
