// SPDX-License-Identifier: Apache-2.0
// conf/needed.c: see conf/needed.h. What is not understood here (options, look-around, numbers
// behind a backslash) ends the reading, for to ask too little is always right.
#include "conf/needed.h"

#define WORD_BYTES_LEAST 3
#define WORD_BYTES_MAX 32 // the rest of a longer one is one of its own
#define DEPTH_MAX 8       // of groups

struct needed {
    struct str word;            // null: the parts say it
    bool any_of;                // one of the parts will do
    const struct needed *parts; // the last one first
    const struct needed *next;
};

struct reading {
    struct arena *arena;
    struct scan in;
    bool gave_up;
};

struct run { // literals that follow each other
    char bytes[WORD_BYTES_MAX];
    size_t len;
};

static const struct needed *read_alternatives(struct reading *r, size_t depth);
static const struct needed *read_items(struct reading *r, size_t depth);
static void read_item(struct reading *r, size_t depth, struct run *run, struct needed *to);
static void read_group(struct reading *r, size_t depth, struct needed *to);
static bool read_literal(struct reading *r, uint8_t c, uint8_t *out);
static void skip_class(struct reading *r);
static bool read_quantifier(struct reading *r, uint64_t *out_least);
static void end_run(struct reading *r, struct run *run, struct needed *to);
static void add_part(struct reading *r, struct needed *to, const struct needed *part);
static size_t hash_of_three(const char *bytes);
static bool has_word(const struct letters_of_three *letters, struct str word);

const struct needed *needed_read(struct arena *a, struct str pattern)
{
    struct reading r = {.arena = a, .in = scan_over(pattern)};
    const struct needed *all = read_alternatives(&r, 0);
    return r.gave_up || !scan_end(&r.in) ? NULL : all;
}

// Where one of them needs nothing, nothing is needed.
static const struct needed *read_alternatives(struct reading *r, size_t depth)
{
    struct needed *any = arena_make(r->arena, struct needed);
    bool all_need = true;
    r->gave_up |= any == NULL;
    do {
        const struct needed *one = r->gave_up ? NULL : read_items(r, depth);
        all_need &= one != NULL;
        if (all_need)
            add_part(r, any, one);
    } while (!r->gave_up && scan_byte(&r->in, '|'));
    if (any != NULL)
        any->any_of = true;
    return all_need && !r->gave_up ? any : NULL;
}

// Up to '|', ')' or the end.
static const struct needed *read_items(struct reading *r, size_t depth)
{
    struct needed *all = arena_make(r->arena, struct needed);
    struct run run = {.len = 0};
    r->gave_up |= all == NULL;
    while (!r->gave_up && !scan_end(&r->in) && scan_peek(&r->in) != '|' && scan_peek(&r->in) != ')')
        read_item(r, depth, &run, all);
    if (r->gave_up)
        return NULL;
    end_run(r, &run, all);
    return all->parts != NULL ? all : NULL;
}

// What stands on both sides of an item without width (\b, ^, $) touches.
static void read_item(struct reading *r, size_t depth, struct run *run, struct needed *to)
{
    uint8_t c = 0, literal;
    uint64_t least = 1;
    scan_any(&r->in, &c);
    if (c == '^' || c == '$' || (c == '\\' && scan_byte(&r->in, 'b')))
        return;
    if (c == '(') {
        end_run(r, run, to);
        read_group(r, depth, to);
    } else if (read_literal(r, c, &literal)) {
        bool is_repeated = read_quantifier(r, &least);
        if (least > 0)
            run->bytes[run->len++] = (char)byte_to_lower(literal);
        if (is_repeated || run->len == sizeof(run->bytes))
            end_run(r, run, to);
    } else {
        end_run(r, run, to);
        (void)read_quantifier(r, &least);
    }
}

static void read_group(struct reading *r, size_t depth, struct needed *to)
{
    uint64_t least;
    bool is_plain = !scan_byte(&r->in, '?') || scan_byte(&r->in, ':');
    if (depth == DEPTH_MAX || !is_plain || scan_peek(&r->in) == '*') {
        r->gave_up = true;
        return;
    }
    const struct needed *group = read_alternatives(r, depth + 1);
    r->gave_up |= !scan_byte(&r->in, ')');
    (void)read_quantifier(r, &least);
    if (least > 0 && group != NULL)
        add_part(r, to, group);
}

// False: it is not one certain byte.
static bool read_literal(struct reading *r, uint8_t c, uint8_t *out)
{
    static const struct str classes = S_INIT("dDsSwWhHvV");
    *out = c;
    if (c == '[')
        skip_class(r);
    if (c == '[' || c == '.')
        return false;
    if (c == '\\') {
        r->gave_up |= !scan_any(&r->in, out);
        if (!r->gave_up && str_find_byte(classes, (char)*out) != STR_NOT_FOUND)
            return false;
        r->gave_up |= byte_is_alpha(*out) || byte_is_digit(*out);
    }
    bool stands_alone = c == '*' || c == '+' || c == '?' || c == '{';
    r->gave_up |= stands_alone || *out >= 0x80;
    return !r->gave_up;
}

static void skip_class(struct reading *r)
{
    uint8_t c = 0;
    scan_byte(&r->in, '^');
    scan_byte(&r->in, ']'); // first in a class it stands for itself
    while (!r->gave_up && c != ']') {
        r->gave_up |= !scan_any(&r->in, &c) || c == '['; // [:alpha:]
        if (c == '\\')
            r->gave_up |= scan_peek(&r->in) == 'Q' || !scan_skip(&r->in, 1);
    }
}

// quantifier = ( "*" / "+" / "?" / "{" number [ "," [ number ] ] "}" ) [ "?" / "+" ]
static bool read_quantifier(struct reading *r, uint64_t *out_least)
{
    uint64_t most;
    *out_least = 1;
    if (scan_byte(&r->in, '*') || scan_byte(&r->in, '?')) {
        *out_least = 0;
    } else if (scan_byte(&r->in, '{')) {
        r->gave_up |= !scan_u64(&r->in, UINT16_MAX, out_least);
        if (scan_byte(&r->in, ','))
            (void)scan_u64(&r->in, UINT16_MAX, &most);
        r->gave_up |= !scan_byte(&r->in, '}');
    } else if (!scan_byte(&r->in, '+')) {
        return false;
    }
    if (!scan_byte(&r->in, '?'))
        scan_byte(&r->in, '+');
    return true;
}

static void end_run(struct reading *r, struct run *run, struct needed *to)
{
    struct needed word = {.word = STR_NULL};
    if (run->len >= WORD_BYTES_LEAST) {
        word.word = arena_str(r->arena, str_of(run->bytes, run->len));
        r->gave_up |= str_is_null(word.word);
        add_part(r, to, &word);
    }
    run->len = 0;
}

static void add_part(struct reading *r, struct needed *to, const struct needed *part)
{
    struct needed *copy = arena_make(r->arena, struct needed);
    r->gave_up |= copy == NULL;
    if (copy == NULL)
        return;
    *copy = *part;
    copy->next = to->parts;
    to->parts = copy;
}

// --- Asking --------------------------------------------------------------------------------------

bool letters_of_three(struct str text, struct letters_of_three *out)
{
    char last[WORD_BYTES_LEAST] = {0};
    *out = (struct letters_of_three){0};
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = byte_to_lower((uint8_t)text.ptr[i]);
        if (c >= 0x80)
            return false;
        last[0] = last[1];
        last[1] = last[2];
        last[2] = (char)c;
        size_t at = hash_of_three(last);
        out->seen[at / 64] |= 1ULL << at % 64;
    }
    return true;
}

bool needed_is_there(const struct needed *needed, const struct letters_of_three *letters)
{
    if (needed == NULL)
        return true;
    if (!str_is_null(needed->word))
        return has_word(letters, needed->word);
    for (const struct needed *part = needed->parts; part != NULL; part = part->next)
        if (needed_is_there(part, letters) == needed->any_of)
            return needed->any_of;
    return !needed->any_of;
}

static bool has_word(const struct letters_of_three *letters, struct str word)
{
    for (size_t i = 0; i + WORD_BYTES_LEAST <= word.len; i++) {
        size_t at = hash_of_three(word.ptr + i);
        if ((letters->seen[at / 64] >> at % 64 & 1) == 0)
            return false;
    }
    return true;
}

static size_t hash_of_three(const char *bytes)
{
    uint32_t three = (uint8_t)bytes[0] | (uint32_t)(uint8_t)bytes[1] << 8 |
                     (uint32_t)(uint8_t)bytes[2] << 16;
    return (three * 0x9E3779B1U) >> 20;
}
