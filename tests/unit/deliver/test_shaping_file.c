// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_shaping_file.c: packaging/config/shaping.toml as it is installed: it can
// be included as a whole, knows ten large providers by their hosts, and in back-off all of them get
// less than before.
#include "settings_fixture.h"

#include "deliver/shape/shaping.h"

#include <stdio.h>

#define FILE_BYTES_MAX (64 * KIB)
#define PROVIDERS 10

static const struct {
    const char *host, *site;
} hosts[] = {
        {"aspmx.l.google.com", "gmail"},
        {"far-example.mail.protection.outlook.com", "outlook"},
        {"mta5.am0.yahoodns.net", "yahoo"},
        {"mx.example.org", NULL},
        {"mx.google.com.example.org", NULL},
};

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    char *text = mem_bytes(FILE_BYTES_MAX);
    assert_non_null(file);
    assert_non_null(text);
    size_t len = fread(text, 1, FILE_BYTES_MAX - 1, file);
    assert_true(len > 0 && len < FILE_BYTES_MAX - 1);
    text[len] = '\0';
    (void)fclose(file);
    return text;
}

static void check_entry(const struct shaping *s)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, KIB);
    const char *name = arena_fmt(&a, "%.*s%c", ARG(s->id), 0).ptr;
    const struct outbound_limiter *l = s->limits;
    check_true(name, s->domains.count + s->suffixes.count + s->sites.count > 0);
    check_true(name, l[SHAPING_CONNECTIONS].concurrency > 0);
    check_true(name, s->messages_per_connection > 0 && s->automation_count > 0);
    check_true(name, s->backoff_retry_count > 0);
    check_true(name, l[SHAPING_BACKOFF_CONNECTIONS].concurrency > 0 &&
                             l[SHAPING_BACKOFF_CONNECTIONS].concurrency <
                                     l[SHAPING_CONNECTIONS].concurrency);
    const struct rate *usual = &l[SHAPING_MESSAGE_RATE].rate;
    const struct rate *less = &l[SHAPING_BACKOFF_MESSAGE_RATE].rate;
    check_true(name, less->count > 0 && (int64_t)less->count * usual->period_ms <
                                                (int64_t)usual->count * less->period_ms);
}

static void check_hosts(const struct deliver_settings *s)
{
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct arena a AUTO(arena_done);
        struct str host = str_from_c(hosts[i].host);
        const struct strs all = {.at = &host, .count = 1};
        struct shaped shaped;
        arena_init(&a, 64 * KIB);
        assert_false(failed(shaping_find(s, &a, S("far.example"), &all, &shaped)));
        check_str(hosts[i].host, shaped.site,
                hosts[i].site != NULL ? str_from_c(hosts[i].site) : host);
    }
}

static void the_file(void **state)
{
    struct fixture f;
    struct buf found AUTO(buf_done);
    size_t providers = 0;
    buf_init(&found, 64 * KIB);
    fixture_init(&f, *state);
    findings_lines(&found, &f.findings);
    check_str("nothing is wrong with it", buf_str(&found), S(""));
    for (size_t i = 0; i < f.settings.shaping_count; i++) {
        if (str_eq(f.settings.shapings[i].id, S("default")))
            continue;
        check_entry(&f.settings.shapings[i]);
        providers++;
    }
    check_u64("providers", providers, PROVIDERS);
    check_hosts(&f.settings);
    fixture_done(&f);
}

int main(int argc, char **argv)
{
    assert(argc == 2);
    char *text = read_file(argv[1]);
    const struct CMUnitTest tests[] = {
            {.name = "the file", .test_func = the_file, .initial_state = text}};
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    mem_free(text);
    return status;
}
