// SPDX-License-Identifier: Apache-2.0
// tests/unit/limits/fixture.h: the limits of a configuration written in a line or two, over counts
// of its own; and a session for its expressions.
#pragma once

#include "../base/check.h"

#include "../conf/conf_of.h"
#include "limits/settings.h"
#include "limits/shared.h"

#define NOW_MS (1700000000 * (int64_t)SECOND_MS)

struct fixture {
    struct arena arena, scratch;
    struct findings findings;
    struct conf *conf;
    struct limits_settings settings;
    struct limits_shared *shared;
    struct limits limits;
};

static inline void fixture_init(struct fixture *f, const char *config)
{
    *f = (struct fixture){0};
    arena_init(&f->arena, 64 * MIB);
    arena_init(&f->scratch, MIB);
    f->findings = findings_make(&f->arena);
    struct str text = arena_fmt(&f->arena, SMTP "%s", config);
    f->conf = conf_of(text, &f->findings);
    struct err bad = limits_settings_make(&f->arena, f->conf, &f->findings, &f->settings);
    check_str("settings", err_text(bad), S(""));
    f->shared = mem_new(struct limits_shared);
    assert_non_null(f->shared);
    limits_shared_init(f->shared, 7);
    f->limits = (struct limits){.settings = &f->settings, .shared = f->shared, .column = 3};
}

static inline void fixture_done(struct fixture *f)
{
    mem_free(f->shared);
    conf_free(f->conf);
    arena_done(&f->scratch);
    arena_done(&f->arena);
}

static inline struct ip ip_of(const char *text)
{
    struct ip ip = {0};
    assert_true(ip_parse(str_from_c(text), &ip));
    return ip;
}
