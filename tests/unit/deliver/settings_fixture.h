// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/settings_fixture.h: the settings of delivery of a configuration written in a
// line or two, made on a machine that has 192.0.2.1 and 2001:db8::1.
#pragma once

#include "../base/check.h"

#include "../conf/conf_of.h"
#include "deliver/settings/settings.h"
#include "rt/sim/sim.h"

#define RELAY "[queue.route.r]\ntype = 'relay'\n"
#define LOCAL "[queue.route.l]\ntype = 'local'\n"
#define LIMIT "[[queue.limiter.outbound]]\n"

struct fixture {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct deliver_settings settings;
    struct sim *sim;
    struct err made;
};

static inline void make_now(void *arg)
{
    struct fixture *f = arg;
    f->made = deliver_settings_make(&f->arena, f->conf, 7, &f->findings, &f->settings);
}

static inline struct err make_in_node(void *arg)
{
    deep_call(make_now, arg);
    return OK;
}

// A machine, because it is asked for the addresses of its interfaces.
static inline struct err on_a_machine(void *arg)
{
    struct fixture *f = arg;
    struct node *n;
    struct sim_node what = {.name = S("us"), .ip_count = 2, .main = make_in_node, .arg = f};
    assert_true(ip_parse(S("192.0.2.1"), &what.ips[0]) && ip_parse(S("2001:db8::1"), &what.ips[1]));
    TRY(sim_node_add(f->sim, &what, &n));
    TRY(sim_node_start(n));
    return sim_run_ms(f->sim, 10);
}

static inline void fixture_init(struct fixture *f, const char *config)
{
    *f = (struct fixture){.made = fail(ERR_LIMIT, "it did not run")};
    arena_init(&f->arena, 64 * MIB);
    f->findings = findings_make(&f->arena);
    struct str text = arena_fmt(&f->arena, SMTP "%s", config);
    f->conf = conf_of(text, &f->findings);
    f->sim = sim_new(1);
    assert_non_null(f->sim);
    assert_false(failed(sim_run(f->sim, on_a_machine, f)));
    check_str("made", err_text(f->made), S(""));
    conf_sort_findings(f->conf, &f->findings, 0);
}

static inline void fixture_done(struct fixture *f)
{
    deliver_settings_done(&f->settings);
    sim_free(f->sim);
    conf_free(f->conf);
    arena_done(&f->arena);
}

// The findings of a configuration, "LINE:COLUMN: severity: key: message\n" each; what stands here
// begins at line 3.
static inline void check_findings(const char *name, const char *config, const char *expected)
{
    struct fixture f;
    struct buf text AUTO(buf_done), found AUTO(buf_done);
    struct str line;
    buf_init(&text, 64 * KIB);
    buf_init(&found, 64 * KIB);
    fixture_init(&f, config);
    findings_lines(&text, &f.findings);
    for (struct str rest = buf_str(&text); str_split(&rest, '\n', &line) && line.len > 0;)
        buf_fmt(&found, "%.*s\n", ARG(str_starts(line, S("/c.toml:")) ? str_from(line, 8) : line));
    check_str(name, buf_str(&found), str_from_c(expected));
    fixture_done(&f);
}
