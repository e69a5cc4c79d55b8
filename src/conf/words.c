// SPDX-License-Identifier: Apache-2.0
// conf/words.c: the words of an enum setting, kept as one text in the table of settings:
// "log console stdout=console journal !syslog".
#include "conf/types.h"

#define NEAR_MAX 2 // letters that may differ in a suggestion

struct word {
    struct str text;      // what is written
    struct str canonical; // what it stands for
    bool alias, later;
};

static bool word_next(struct str *rest, struct word *out);
static bool word_eq(struct str a, struct str b, enum word_case fold);
static int word_place(struct str words, struct str canonical);

enum word_found value_word(struct str words, struct str text, enum word_case fold, int *out_place,
        struct str *out_word)
{
    struct word w;
    for (struct str rest = words; word_next(&rest, &w);) {
        if (!word_eq(w.text, text, fold))
            continue;
        if (w.later)
            return WORD_NOT_BUILT;
        *out_place = word_place(words, w.canonical);
        *out_word = w.canonical;
        return WORD_FOUND;
    }
    return WORD_UNKNOWN;
}

struct str value_word_list(struct arena *a, struct str words)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, 4 * KIB);
    struct word w, next = {0};
    struct str rest = words;
    bool more = word_next(&rest, &next);
    while (more) {
        w = next;
        do
            more = word_next(&rest, &next);
        while (more && (next.alias || next.later));
        if (w.alias || w.later)
            continue;
        if (b.len > 0)
            buf_add(&b, more ? S(", ") : S(" or "));
        buf_add(&b, w.text);
    }
    return arena_str(a, buf_str(&b));
}

struct str value_word_nearest(struct str words, struct str text)
{
    struct str best = STR_NULL;
    size_t best_distance = NEAR_MAX + 1;
    struct word w;
    for (struct str rest = words; word_next(&rest, &w);) {
        size_t d = str_distance(w.text, text, NEAR_MAX);
        if (str_eq_nocase(w.text, text))
            d = 0;
        if (!w.later && d < best_distance && d < w.text.len) {
            best = w.canonical;
            best_distance = d;
        }
    }
    return best;
}

static bool word_next(struct str *rest, struct word *out)
{
    struct str piece;
    do {
        if (!str_split(rest, ' ', &piece))
            return false;
    } while (piece.len == 0);
    *out = (struct word){.text = piece, .canonical = piece};
    if (piece.ptr[0] == '!') {
        out->text = out->canonical = str_from(piece, 1);
        out->later = true;
    }
    if (str_cut(piece, '=', &out->text, &out->canonical))
        out->alias = true;
    return true;
}

static bool word_eq(struct str a, struct str b, enum word_case fold)
{
    return fold == WORD_NOCASE ? str_eq_nocase(a, b) : str_eq(a, b);
}

// Place among the words that are no aliases: what the rooms' own enums follow.
static int word_place(struct str words, struct str canonical)
{
    int place = 0;
    struct word w;
    for (struct str rest = words; word_next(&rest, &w);) {
        if (w.alias || w.later)
            continue;
        if (str_eq(w.text, canonical))
            return place;
        place++;
    }
    assert(false); // an alias in settings.def names a word that is not there
    return -1;
}
