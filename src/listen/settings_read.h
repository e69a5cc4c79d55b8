// SPDX-License-Identifier: Apache-2.0
// listen/settings_read.h: what the files that read the settings share. Private to the room.
#pragma once

#include "listen/settings.h"

struct reading {
    struct arena *arena;
    const struct listen_inputs *in;
    const struct conf *conf;
    struct findings *findings;
    struct listen_settings *out;
    struct listener *listeners; // being made
};

// Keys of the listener.
struct str listener_key(const struct reading *r, const struct listener *l, struct str member);
bool listener_bool(const struct reading *r, const struct listener *l, struct str member);
int64_t listener_ms(const struct reading *r, const struct listener *l, struct str member);
struct str listener_str(const struct reading *r, const struct listener *l, struct str member);
uint64_t listener_u64(const struct reading *r, const struct listener *l, struct str member);
struct conf_list listener_list(
        const struct reading *r, const struct listener *l, struct str member);

// Findings about them. `element` as in conf_finding.
void listener_say(const struct reading *r, const struct listener *l, struct str member, int element,
        struct finding what);
void listener_error(const struct reading *r, const struct listener *l, struct str member,
        int element, struct str code, const char *fmt, ...) PRINTF_LIKE(6, 7);
void listener_warning(const struct reading *r, const struct listener *l, struct str member,
        int element, struct str code, const char *fmt, ...) PRINTF_LIKE(6, 7);

// The steps. All add findings and go on; an error is for lack of memory.
struct err settings_read_binds(struct reading *r, struct listener *l) MUST_USE;
struct err settings_relate_binds(struct reading *r) MUST_USE; // clashes, who takes IPv4
struct err settings_read_greeting(struct reading *r, struct listener *l) MUST_USE;
void settings_read_socket(struct reading *r, struct listener *l);
struct err settings_read_proxy(struct reading *r, struct listener *l) MUST_USE;
struct err settings_read_lists(struct reading *r) MUST_USE; // allow and block lists
struct err settings_read_tls(struct reading *r, struct listener *l) MUST_USE;
struct err settings_read_certificates(struct reading *r) MUST_USE;
struct err settings_make_tls_contexts(struct reading *r) MUST_USE;
