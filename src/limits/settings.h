// SPDX-License-Identifier: Apache-2.0
// limits/settings.h: what the configuration says about limits: queue.limiter.inbound and
// spam-filter.grey-list, read, cross-checked, and turned into values that a worker can use as they
// are. Lives in the arena, with slices and expressions of the conf: both must outlive it.
#pragma once

#include "base/base.h"
#include "conf/conf.h"

#define THROTTLES_MAX 64 // each takes room on the stack of a check

// What a counter is kept for. Bit n of throttle.keys; places in the words of the setting.
enum throttle_key {
    THROTTLE_REMOTE_IP,
    THROTTLE_REMOTE_NET,
    THROTTLE_LOCAL_IP,
    THROTTLE_LISTENER,
    THROTTLE_HELO_DOMAIN,
    THROTTLE_AUTHENTICATED_AS,
    THROTTLE_SENDER,
    THROTTLE_SENDER_DOMAIN,
    THROTTLE_RCPT,
    THROTTLE_RCPT_DOMAIN,
    THROTTLE_KEY_COUNT
};

// When a limiter is asked: at connect, at MAIL, at RCPT.
enum throttle_class { THROTTLES_REMOTE, THROTTLES_SENDER, THROTTLES_RCPT, THROTTLE_CLASS_COUNT };

struct throttle {
    struct str id;                    // of the configuration; of a list: its position
    struct str description;           // empty: none
    const struct expr_setting *match; // NULL: always
    struct str match_key;             // for eval.error
    uint32_t keys;                    // bit n: enum throttle_key n
    enum throttle_class class;
    struct rate rate;     // count 0: none
    uint64_t concurrency; // 0: none
};

struct throttle_settings {
    const struct throttle *all; // in the order of the files
    size_t count;
    bool by_class[THROTTLE_CLASS_COUNT]; // is there one of this class
};

enum greylist_key {
    GREYLIST_SENDER,
    GREYLIST_RCPT,
    GREYLIST_REMOTE_IP,
    GREYLIST_REMOTE_NET,
    GREYLIST_HELO_DOMAIN
};

struct greylist_settings {
    int64_t duration_ms; // life of an entry that passes; 0: off
    int64_t delay_ms;    // attempts within it are refused again
    int64_t window_ms;   // first attempts older than this are forgotten
    uint32_t keys;       // bit n: enum greylist_key n
    const struct expr_setting *skip;
    uint64_t auto_allow; // passes of a network before it need not wait any more; 0: never
};

struct limits_settings {
    struct throttle_settings throttles;
    struct greylist_settings greylist;
};

// Adds what is wrong to the findings and goes on; the error is for lack of memory only.
struct err limits_settings_make(struct arena *a, const struct conf *conf, struct findings *f,
        struct limits_settings *out) MUST_USE;
