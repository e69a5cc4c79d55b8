// SPDX-License-Identifier: Apache-2.0
// manage/http_settings.h: the keys `http.*` (management.md 1.1), read once for a generation of
// workers and the same for all http listeners.
//
//     struct http_settings settings;
//     TRY(http_settings_make(a, conf, &findings, &settings)); // the findings tell what is wrong
//     ...
//     http_settings_done(&settings);
#pragma once

#include "conf/expr.h"
#include "http/http.h"

struct http_settings {
    struct http_limits limits;
    const struct http_field *fields; // http.headers
    size_t field_count;
    bool hsts, cors;
    struct forwarded_rules forwarded;
    struct nets *trusted;               // of forwarded; owned
    struct str redirect_root;           // empty: nothing is at /
    const struct expr_setting *url;     // NULL: not set, redirections name no host
    const struct expr_setting *allowed; // http.allowed-endpoint
    struct rate requests_anonymous;     // count 0: no limit
    const struct glob *scan_paths;      // whoever asks for these is banned
    size_t scan_path_count;
    const struct conf *conf; // for config_get and lookups of the expressions
};

struct findings;
struct err http_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct http_settings *out) MUST_USE;
void http_settings_done(struct http_settings *s);
