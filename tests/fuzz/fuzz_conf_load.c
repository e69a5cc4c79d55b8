// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_conf_load.c: whole loads. The input is files, one after the other, each but the
// first behind a byte 0x1F: the main file (an object document when it begins with '{'), inc.toml,
// objects.json, value, and one of <main>.d. Loading twice must find the same; what a dump prints is
// TOML; and a configuration without findings, dumped, loads again and dumps the same.
#include "../unit/conf/memfs.h"

#include "base/json.h"
#include "conf/toml.h"

#define TEXT_BYTES_MAX (64 * MIB)
#define LOAD_BYTES_MAX ((size_t)128 * MIB)
#define FILES 5

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct run {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct buf found, dump;
};

static void load(struct run *r, const struct memfile *files, enum conf_stage stage)
{
    static const struct conf_env_var vars[] = {{S_INIT("A"), S_INIT("1")},
            {S_INIT("B"), S_INIT("%{env:A}%")}, {S_INIT("EMPTY"), S_INIT("")}};
    struct conf_env env = {.vars = vars,
            .var_count = COUNT_OF(vars),
            .os_hostname = S("mx.example.org"),
            .cpu_count = 2};
    struct memfs fs = {.files = files, .count = FILES};
    struct conf_files access = memfs_files(&fs);
    struct conf_options options = {.path = str_from_c(files[0].path),
            .env = &env,
            .files = &access,
            .stage = stage,
            .memory_bytes_max = LOAD_BYTES_MAX};
    arena_init(&r->arena, TEXT_BYTES_MAX);
    buf_init(&r->found, TEXT_BYTES_MAX);
    buf_init(&r->dump, TEXT_BYTES_MAX);
    r->findings = findings_make(&r->arena);
    r->conf = conf_load(&options, &r->findings);
    findings_print(&r->found, &r->findings, FINDINGS_COLOUR);
    if (r->conf != NULL)
        conf_dump(&r->dump, r->conf, S(""), CONF_DUMP_ALL);
}

static void run_done(struct run *r)
{
    conf_free(r->conf);
    buf_done(&r->dump);
    buf_done(&r->found);
    arena_done(&r->arena);
}

// Every other way to look at it.
static void look_at(struct run *r)
{
    struct buf out AUTO(buf_done);
    struct str near;
    buf_init(&out, TEXT_BYTES_MAX);
    struct json_out o = json_begin(&out, JSON_COMPACT);
    findings_json(&o, &r->findings, true);
    buf_clear(&out);
    findings_lines(&out, &r->findings);
    if (r->conf == NULL)
        return;
    o = json_begin(&out, JSON_COMPACT);
    conf_dump_json(&o, r->conf, S("server"), CONF_DUMP_WRITTEN);
    struct conf_ids ids = conf_ids(r->conf, S("server.listener"));
    for (size_t i = 0; i < ids.count && i < 4; i++) {
        struct str key = conf_item(r->conf, S("server.listener"), ids.at[i], S("bind"));
        conf_list(r->conf, key);
        conf_error(r->conf, &r->findings, key, 0, S("x"), "said later");
        conf_explain(&out, r->conf, key, &near);
    }
    conf_expr(r->conf, S("http.url"));
    conf_str(r->conf, S("report.domain"));
    conf_may_start(r->conf, &r->findings);
}

// A dump names the origin of each value behind it; the rest of a line is what is compared.
static void values_only(struct buf *out, struct str dump)
{
    struct str line, rest = dump;
    while (str_split(&rest, '\n', &line)) {
        size_t end = STR_NOT_FOUND;
        for (size_t at = 0, next; (next = str_find(str_from(line, at), S("  # "))) != STR_NOT_FOUND;
                at = end + 1)
            end = at + next;
        buf_fmt(out, "%.*s\n", ARG(str_upto(line, end == STR_NOT_FOUND ? line.len : end)));
    }
}

static void dump_and_load(struct run *r)
{
    struct buf written AUTO(buf_done), before AUTO(buf_done), after AUTO(buf_done);
    buf_init(&written, TEXT_BYTES_MAX);
    buf_init(&before, TEXT_BYTES_MAX);
    buf_init(&after, TEXT_BYTES_MAX);
    conf_dump(&written, r->conf, S(""), CONF_DUMP_WRITTEN);
    if (written.len == 0 || str_contains(buf_str(&written), S("***")) ||
            str_contains(buf_str(&written), S("include.")))
        return;
    struct memfile files[FILES] = {
            {.path = "/c.toml", .text = buf_str(&written).ptr, .text_len = written.len}};
    struct run again = {0};
    load(&again, files, CONF_FULL);
    values_only(&before, buf_str(&r->dump));
    values_only(&after, buf_str(&again.dump));
    if (again.findings.error_count > 0 || !str_eq(buf_str(&before), buf_str(&after))) {
        fprintf(stderr, "-- found\n%.*s-- written\n%.*s-- before\n%.*s-- after\n%.*s",
                ARG(buf_str(&again.found)), ARG(buf_str(&written)), ARG(buf_str(&before)),
                ARG(buf_str(&after)));
        assert(false);
    }
    run_done(&again);
}

static size_t split(struct str text, struct memfile *files)
{
    size_t count = 0;
    struct str part;
    while (count < FILES && str_split(&text, '\x1f', &part)) {
        files[count].text = part.len > 0 ? part.ptr : "";
        files[count].text_len = part.len;
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memfile files[FILES] = {{.path = "/c.toml", .mode = 0644}, {.path = "/inc.toml"},
            {.path = "/objects.json"}, {.path = "/value"}, {.path = "/c.toml.d/x.toml"}};
    struct str text = str_of((const char *)data, size);
    if (size == 0)
        return 0;
    for (size_t i = split(text, files); i < FILES; i++)
        files[i].path = NULL;
    if (str_starts(text, S("{")))
        files[0].path = "/c.json";
    struct run first = {0}, second = {0}, early = {0};
    load(&first, files, CONF_FULL);
    load(&second, files, CONF_FULL);
    load(&early, files, CONF_BIND);
    assert((first.conf == NULL) == (second.conf == NULL));
    assert(str_eq(buf_str(&first.found), buf_str(&second.found)));
    assert(str_eq(buf_str(&first.dump), buf_str(&second.dump)));
    if (first.conf != NULL) {
        assert(conf_fingerprint(first.conf) == conf_fingerprint(second.conf));
        if (first.findings.all.count == 0)
            dump_and_load(&first);
    }
    look_at(&first);
    look_at(&early);
    run_done(&first);
    run_done(&second);
    run_done(&early);
    return 0;
}
