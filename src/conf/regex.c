// SPDX-License-Identifier: Apache-2.0
// conf/regex.c: PCRE2 behind a small door. Each pattern is compiled twice: once plainly, for short
// subjects, and once with a callout before each item, through which the work on a long subject is
// counted. PCRE2's own limits count backtracking points only: a+b against a megabyte of 'a' makes
// few of those and still walks 5 × 10^11 characters.
#include "conf/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#define CALLOUT_COST 4 // steps one callout costs itself
#define MESSAGE_BYTES_MAX 256

struct regex {
    pcre2_code *plain;
    pcre2_code *watched;
    struct str pattern;
    uint32_t group_count;
    bool risky;
};

struct work {
    uint64_t done;
    size_t last_at;
};

static struct err references_refuse(struct arena *a, const struct regex *r);
static pcre2_code *code_make(
        struct arena *a, struct str pattern, uint32_t more, int *out_error, size_t *out_offset);
static void *arena_give(size_t bytes, void *arena);
static void arena_take_back(void *block, void *arena);
static struct err compile_error(struct arena *a, int error, size_t offset);
static bool is_nested(struct str pattern);
static bool is_unbounded(struct scan *in);
static void class_skip(struct scan *in);
static bool subject_repair(struct arena *scratch, struct str *subject);
static int run(const struct regex *r, struct str subject, pcre2_match_data *data);
static int count_work(pcre2_callout_block *block, void *work);
static bool groups_copy(struct arena *scratch, struct str subject, pcre2_match_data *data,
        size_t count, struct regex_groups *out);
static void data_free(pcre2_match_data **data);
static void context_free(pcre2_match_context **context);

struct err regex_compile(struct arena *a, struct str pattern, struct regex **out)
{
    if (pattern.len > REGEX_PATTERN_BYTES_MAX)
        return fail_fmt(a, ERR_SYNTAX, "invalid regular expression: longer than %d bytes",
                REGEX_PATTERN_BYTES_MAX);
    struct regex *r = arena_make(a, struct regex);
    if (r == NULL)
        return fail(ERR_LIMIT, "no memory for a regular expression");
    r->pattern = arena_str(a, pattern);
    int error = 0;
    size_t offset = 0;
    r->plain = code_make(a, pattern, 0, &error, &offset);
    if (r->plain != NULL)
        r->watched = code_make(a, pattern, PCRE2_AUTO_CALLOUT, &error, &offset);
    if (r->watched == NULL || str_is_null(r->pattern))
        return compile_error(a, error, offset);
    TRY(references_refuse(a, r));
    pcre2_pattern_info(r->plain, PCRE2_INFO_CAPTURECOUNT, &r->group_count);
    r->risky = is_nested(pattern);
    *out = r;
    return OK;
}

bool regex_is_risky(const struct regex *r)
{
    return r->risky;
}

enum regex_outcome regex_match(const struct regex *r, struct arena *scratch, struct str subject,
        struct regex_groups *out_groups)
{
    if (!subject_repair(scratch, &subject))
        return REGEX_LIMIT;
    // Not ..._create_from_pattern: that would take its memory from where the code came from, the
    // arena of the configuration, which nothing may change any more.
    pcre2_match_data *data AUTO(data_free) = pcre2_match_data_create(r->group_count + 1, NULL);
    if (data == NULL)
        return REGEX_LIMIT;
    int count = run(r, subject, data);
    if (count == PCRE2_ERROR_NOMATCH)
        return REGEX_NO_MATCH;
    if (count < 0)
        return REGEX_LIMIT;
    if (out_groups != NULL && !groups_copy(scratch, subject, data, (size_t)count, out_groups))
        return REGEX_LIMIT;
    return REGEX_MATCH;
}

// Back-references make matching exponential in ways that no counting of groups shows, and no
// example of the specification needs one.
static struct err references_refuse(struct arena *a, const struct regex *r)
{
    uint32_t highest = 0;
    pcre2_pattern_info(r->plain, PCRE2_INFO_BACKREFMAX, &highest);
    if (highest > 0)
        return fail_fmt(a, ERR_SYNTAX,
                "invalid regular expression: back-references are not offered (to group %u)",
                highest);
    return OK;
}

static pcre2_code *code_make(
        struct arena *a, struct str pattern, uint32_t more, int *out_error, size_t *out_offset)
{
    uint32_t options =
            PCRE2_UTF | PCRE2_UCP | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C | more;
    pcre2_general_context *memory = pcre2_general_context_create(arena_give, arena_take_back, a);
    pcre2_compile_context *context = memory == NULL ? NULL : pcre2_compile_context_create(memory);
    if (context == NULL)
        return NULL;
    pcre2_set_parens_nest_limit(context, REGEX_NESTING_MAX);
    PCRE2_SPTR text = (PCRE2_SPTR)(pattern.ptr != NULL ? pattern.ptr : "");
    return pcre2_compile(text, pattern.len, options, out_error, out_offset, context);
}

// PCRE2 takes its memory from the arena of the configuration, and gives nothing back one by one.
static void *arena_give(size_t bytes, void *arena)
{
    return arena_bytes(arena, bytes);
}

static void arena_take_back(void *block, void *arena)
{
    (void)block;
    (void)arena;
}

static struct err compile_error(struct arena *a, int error, size_t offset)
{
    PCRE2_UCHAR message[MESSAGE_BYTES_MAX];
    if (error == 0 || pcre2_get_error_message(error, message, sizeof(message)) < 0)
        return fail(ERR_LIMIT, "no memory for a regular expression");
    return fail_fmt(a, ERR_SYNTAX, "invalid regular expression: %s at offset %zu",
            (const char *)message, offset);
}

// Walks over the pattern with one bit for each open group: does it hold an unbounded repetition?
// A group that does, and is followed by one itself, is what the warning is about.
static bool is_nested(struct str pattern)
{
    struct scan in = scan_over(pattern);
    uint64_t holds = 0; // lowest bit: the innermost group
    uint8_t c;
    while (scan_any(&in, &c)) {
        bool inner = false;
        if (c == '\\') {
            scan_skip(&in, 1);
        } else if (c == '[') {
            class_skip(&in);
        } else if (c == '(') {
            holds <<= 1;
            continue;
        } else if (c == ')') {
            inner = (holds & 1) != 0;
            holds = holds >> 1 | (inner ? 1 : 0);
        }
        if (!is_unbounded(&in))
            continue;
        if (inner)
            return true;
        holds |= 1;
    }
    return false;
}

// Takes a quantifier off: '*', '+' or '{n,}', perhaps with '?' or '+' behind it.
static bool is_unbounded(struct scan *in)
{
    struct scan ahead = *in;
    uint64_t least;
    if (scan_byte(&ahead, '{')) {
        if (!scan_u64(&ahead, UINT16_MAX, &least) || !scan_lit(&ahead, S(",}")))
            return false;
    } else if (!scan_byte(&ahead, '*') && !scan_byte(&ahead, '+')) {
        return false;
    }
    if (!scan_byte(&ahead, '?'))
        scan_byte(&ahead, '+');
    *in = ahead;
    return true;
}

static void class_skip(struct scan *in)
{
    uint8_t c;
    scan_byte(in, '^');
    scan_byte(in, ']'); // first in a class it stands for itself
    while (scan_any(in, &c) && c != ']')
        if (c == '\\')
            scan_skip(in, 1);
}

static bool subject_repair(struct arena *scratch, struct str *subject)
{
    if (str_is_null(*subject))
        *subject = S("");
    if (str_is_utf8(*subject))
        return true;
    char *text = arena_bytes(scratch, subject->len * 3);
    if (text == NULL)
        return false;
    struct str rest = *subject;
    size_t len = 0;
    while (rest.len > 0) {
        uint32_t code;
        size_t taken = str_utf8_next(rest, &code);
        len += utf8_put(taken == 0 ? 0xFFFD : code, text + len);
        rest = str_from(rest, taken == 0 ? 1 : taken);
    }
    *subject = str_of(text, len);
    return true;
}

static int run(const struct regex *r, struct str subject, pcre2_match_data *data)
{
    pcre2_match_context *context AUTO(context_free) = pcre2_match_context_create(NULL);
    if (context == NULL)
        return PCRE2_ERROR_NOMEMORY;
    struct work work = {0};
    bool watch = subject.len > REGEX_WATCH_BYTES;
    pcre2_set_match_limit(context, REGEX_MATCHES_MAX);
    pcre2_set_depth_limit(context, REGEX_DEPTH_MAX);
    pcre2_set_heap_limit(context, REGEX_HEAP_BYTES_MAX / KIB);
    if (watch)
        pcre2_set_callout(context, count_work, &work);
    return pcre2_match(watch ? r->watched : r->plain, (PCRE2_SPTR)subject.ptr, subject.len, 0,
            PCRE2_NO_UTF_CHECK, data, context);
}

// What was walked since the last callout is at most the distance between the two places, or the
// distance from where this attempt started when PCRE2 has gone back.
static int count_work(pcre2_callout_block *block, void *context)
{
    struct work *work = context;
    size_t at = block->current_position;
    work->done += CALLOUT_COST + (at > work->last_at ? at - work->last_at : 0);
    work->last_at = at;
    return work->done > REGEX_WORK_MAX ? PCRE2_ERROR_CALLOUT : 0;
}

static bool groups_copy(struct arena *scratch, struct str subject, pcre2_match_data *data,
        size_t count, struct regex_groups *out)
{
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(data);
    struct str *at = arena_array(scratch, count, struct str);
    if (at == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        if (ends[2 * i] != PCRE2_UNSET && ends[2 * i] <= ends[2 * i + 1])
            at[i] = str_part(subject, ends[2 * i], ends[2 * i + 1] - ends[2 * i]);
    *out = (struct regex_groups){at, count};
    return true;
}

static void data_free(pcre2_match_data **data)
{
    pcre2_match_data_free(*data);
}

static void context_free(pcre2_match_context **context)
{
    pcre2_match_context_free(*context);
}
