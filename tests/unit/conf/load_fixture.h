// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/load_fixture.h: whole loads from files in memory. A case gives files and what is
// to be found: the lines of `findings_lines`, all of them, and lines of `config dump` that must be
// among those in force.
#pragma once

#include "../base/check.h"

#include "conf_of.h"

#define FILES_MAX 6
// clang-format off
#define MAIN(content) {{.path = "/c.toml", .text = content}}
#define JSON(content) {{.path = "/c.json", .text = content}}
// clang-format on
#define SERVER(lines) MAIN(SMTP "[server]\n" lines)

struct load_case {
    const char *name;
    struct memfile files[FILES_MAX];
    const char *env;    // "NAME=VALUE;NAME=VALUE"
    const char *found;  // NULL: nothing
    const char *values; // each line is one of the dump
    enum conf_stage stage;
    const char *machine; // its name; NULL: mx.example.org
};

static inline size_t env_of(const char *text, struct conf_env_var *vars, size_t max)
{
    size_t count = 0;
    struct str rest = str_from_c(text), one;
    while (count < max && str_split(&rest, ';', &one))
        if (str_cut(one, '=', &vars[count].name, &vars[count].value))
            count++;
    return count;
}

static inline size_t run_case(const struct load_case *c)
{
    size_t bad = 0;
    struct arena a;
    arena_init(&a, 64 * MIB);
    struct findings findings = findings_make(&a);
    struct conf_env_var vars[8];
    struct conf_env env = {.vars = vars,
            .var_count = env_of(c->env, vars, 8),
            .os_hostname = c->machine != NULL ? str_from_c(c->machine) : S("mx.example.org"),
            .cpu_count = 2};
    struct memfs fs = {.files = c->files, .count = FILES_MAX};
    struct conf_files files = memfs_files(&fs);
    struct conf_options options = {
            .path = str_from_c(c->files[0].path), .env = &env, .files = &files, .stage = c->stage};
    struct conf *conf = conf_load(&options, &findings);
    struct buf text;
    buf_init(&text, 4 * MIB);
    findings_lines(&text, &findings);
    if (!str_eq(buf_str(&text), str_from_c(c->found))) {
        fprintf(stderr, "== %s: found\n%.*s-- instead of\n%s", c->name, ARG(buf_str(&text)),
                c->found != NULL ? c->found : "");
        bad++;
    }
    buf_clear(&text);
    assert_non_null(conf);
    buf_add_byte(&text, '\n');
    conf_dump(&text, conf, S(""), CONF_DUMP_ALL);
    struct str rest = str_from_c(c->values), line;
    while (str_split(&rest, '\n', &line)) {
        struct str whole = arena_fmt(&a, "\n%.*s\n", ARG(line));
        if (line.len == 0 || str_contains(buf_str(&text), whole))
            continue;
        fprintf(stderr, "== %s: not in force: %.*s\n", c->name, ARG(line));
        bad++;
    }
    if (bad > 0)
        fprintf(stderr, "in force:%.*s\n", ARG(buf_str(&text)));
    buf_done(&text);
    conf_free(conf);
    arena_done(&a);
    return bad;
}

static inline void run_cases(const struct load_case *cases, size_t count)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad += run_case(&cases[i]);
    assert_int_equal(bad, 0);
}

#define RUN(cases) run_cases(cases, COUNT_OF(cases))
