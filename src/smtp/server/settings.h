// SPDX-License-Identifier: Apache-2.0
// smtp/server/settings.h: what the configuration says about sessions (`session.*`): expressions as
// they were compiled, what is literal as values. Made at load, inherited by the workers, never
// changed. Slices and expressions are those of the conf, which must outlive it.
#pragma once

#include "conf/conf.h"
#include "directory/directory.h"
#include "listen/settings.h"

enum rule_id {
#define RULE(id, key, on_failure) RULE_##id,
#include "smtp/server/rules.def"
    RULE_COUNT
};

struct rule {
    const struct expr_setting *setting;
    const struct expr_result *constant; // NULL: it depends on something
    bool is_default;                    // nobody wrote it: an explicit role of the listener counts
};

struct smtp_settings {
    const struct conf *conf;
    struct rule rules[RULE_COUNT];
    size_t command_bytes_max, auth_bytes_max;
    struct str help;
    struct str delimiters; // of sub-addresses
    const struct str *strip;
    size_t strip_count;
    bool received_for;
    struct nets *xclient, *xforward; // NULL: nobody
    int64_t expression_wait_ms;
};

struct smtp_settings_inputs {
    const struct conf *conf;
    const struct listen_settings *listen;
    const struct directory_settings *directory; // that settings may name; NULL: not checked
    uint64_t seed;                              // random, of the sets of networks
};

// Adds what is wrong to the findings and goes on; the error is for lack of memory only.
struct err smtp_settings_make(struct arena *a, const struct smtp_settings_inputs *in,
        struct findings *f, struct smtp_settings *out) MUST_USE;
void smtp_settings_done(struct smtp_settings *s);

struct str rule_key(enum rule_id id);
