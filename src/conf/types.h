// SPDX-License-Identifier: Apache-2.0
// conf/types.h: the value types of configuration.md 4: from the text of a setting to a value, its
// canonical text, and what to tell somebody who wrote something else. Each reader takes the text
// already trimmed, writes *out on success only, and knows nothing of keys or files.
#pragma once

#include "base/base.h"
#include "base/ip.h"

enum value_type {
#define TYPE(name, word, code, expected) TYPE_##name,
#include "conf/types.def"
};

struct rate {
    uint32_t count;    // 1 .. 1 000 000; 0 = no limit
    int64_t period_ms; // at least SECOND_MS
};

// A time table of configuration.md 4.2. Bit n of a field = value n is due; weekday 0 is Sunday.
struct cron {
    uint64_t minutes;
    uint32_t hours;
    uint8_t weekdays;
};

// What a text was read as. Which member holds is told by the type of its setting.
struct value {
    bool none;    // an optional setting switched off
    bool boolean; // also of NETS_OR_BOOL, whose net then has no family
    bool cleared; // bits beyond the prefix of net were there and have been cleared
    union {
        int64_t integer; // also size in bytes, duration and date-time in ms, place among the words
        double real;
        struct rate rate;
        struct ip_net net; // of a plain IP address: with the full prefix
        struct cron cron;
    };
};

// "4 KiB", "10m", "30": bytes, at most 2^63 - 1.
bool value_size(struct str text, int64_t *out);
// "30s", "5 m", "250": ms; one number, one unit. Zero is a value here: callers decide.
bool value_duration(struct str text, int64_t *out_ms);
// "5/1h"; false when count or period is zero or out of range. Periods are raised to one second.
bool value_rate(struct str text, struct rate *out);
bool value_boolean(struct str text, bool *out);
bool value_mode(struct str text, uint32_t *out); // "0660": permission bits, at most 0777
// false, disable(d), never, none, 0 and the empty text (configuration.md 4.1).
bool value_is_none(struct str text);
bool value_rate_is_none(struct str text); // and unlimited

// A host name as its lower-case A-label form in the arena; false with what is wrong with it.
bool value_host(struct arena *a, struct str text, struct str *out, struct str *out_why);
// Exact name, "*.domain", or an IP literal: what certificates and SNI lists name.
bool value_host_pattern(struct arena *a, struct str text, struct str *out, struct str *out_why);
bool value_email(struct arena *a, struct str text, struct str *out);
// scheme ":" "//" host ...; `schemes` is a blank separated list, empty for any.
bool value_uri(struct str text, struct str schemes);

// "0 3 *": minute hour weekday. False with the field that is wrong.
bool cron_parse(struct str text, struct cron *out, struct str *out_why);
// Seconds to add to UTC to have local time at this moment.
typedef int32_t cron_offset(const void *zone, int64_t utc_s);
// The first moment after `now_ms` that is due, counted in local minutes: a time skipped by a change
// of the clock runs at the first minute that exists after it, one that comes twice runs once.
// False when none comes within two weeks (an empty set, which cron_parse never gives).
bool cron_next(const struct cron *cron, cron_offset *offset, const void *zone, int64_t now_ms,
        int64_t *out_ms);

// Words of an enum setting: blank separated; "alias=word" accepts an alias; "!word" is known but
// not built. Words are told in error messages in this order, without aliases and "!".
enum word_case { WORD_EXACT, WORD_NOCASE };
enum word_found { WORD_UNKNOWN, WORD_NOT_BUILT, WORD_FOUND };
enum word_found value_word(struct str words, struct str text, enum word_case fold, int *out_place,
        struct str *out_word);
struct str value_word_list(struct arena *a, struct str words);    // "a, b or c"
struct str value_word_nearest(struct str words, struct str text); // null: nothing is near

struct str value_type_name(enum value_type type);     // "duration"
struct str value_type_code(enum value_type type);     // "bad-duration"
struct str value_type_expected(enum value_type type); // "a number and one of ms, s, m, h, d, w"
