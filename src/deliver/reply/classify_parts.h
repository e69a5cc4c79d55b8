// SPDX-License-Identifier: Apache-2.0
// deliver/reply/classify_parts.h: rules about bounces as they are read. Private to classify*.c.
#pragma once

#include "conf/needed.h"
#include "conf/regex.h"
#include "deliver/reply/classify.h"

#define BOUNCE_ANY UINT16_MAX

struct bounce_status { // an enhanced code
    bool is_given;
    uint16_t at[3]; // or BOUNCE_ANY
};

struct bounce_rule {
    size_t line;
    enum bounce_class class;
    uint16_t code[3];   // digits, or BOUNCE_ANY
    struct str command; // the beginning of it; null: any
    struct bounce_status status;
    const struct regex *pattern; // NULL: any text
    const struct needed *needed; // by the pattern; may be NULL
};

struct bounce_provider {
    struct str name;
    bool is_everybody;
    struct strs suffixes; // of its hosts' names
    size_t first, end;    // of the rules
};

struct bounce_rules {
    VEC(struct bounce_rule) all;
    VEC(struct bounce_provider) providers; // everybody's last
};

// status = part "." part "." part ; part = 1*3DIGIT / "x"
bool bounce_status_read(struct str text, struct bounce_status *out);
