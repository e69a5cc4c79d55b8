// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_sts.c: when a policy holds: records good and bad, what is kept and for
// how long, what is asked how often, and what a strategy that requires a policy hears.
#include "sts_world.h"

#include "deliver/security/sts_cache.h"
#include "rt/blobfile.h"
#include "rt/file.h"

// Asks once, as an ordinary strategy would.
static struct err expect(struct sts_world *w, const char *what, const char *id,
        enum sts_fault fault, size_t asked_in_all)
{
    struct sts_result got;
    TRY(find(w, &got));
    struct str known = got.known != NULL ? got.known->id : S("none");
    check_str(what, known, str_from_c(id));
    check_u64(what, got.fault, fault);
    check_u64(what, w->asked, asked_in_all);
    check_true(what, !got.is_refused);
    return OK;
}

static void story(task_main *of)
{
    struct sts_world w = {0};
    with_world(&w, of);
}

// --- The record, and what is said to those who require a policy ----------------------------------

static const struct record_case {
    const char *name;
    const char *txt[2];
    enum sts_fault fault;
    enum dns_fault_kind dns; // DNS_FAULT_DELAY_ONLY: none
    enum client_verdict required;
    const char *policy; // NULL: none is asked for
} records[] = {
        {.name = "no name", .required = CLIENT_PERMANENT},
        {.name = "another's record", .txt = {"v=spf1 -all"}, .required = CLIENT_PERMANENT},
        {.name = "the version in another case",
                .txt = {"V=STSv1; id=1"},
                .required = CLIENT_PERMANENT},
        {.name = "a version that begins alike",
                .txt = {"v=STSv12; id=1"},
                .required = CLIENT_PERMANENT},
        {.name = "a blank in front", .txt = {" v=STSv1; id=1"}, .required = CLIENT_PERMANENT},
        {.name = "no id",
                .txt = {"v=STSv1;"},
                .fault = STS_FAULT_RECORD,
                .required = CLIENT_TEMPORARY},
        {.name = "an id with a hyphen",
                .txt = {"v=STSv1; id=a-b"},
                .fault = STS_FAULT_RECORD,
                .required = CLIENT_TEMPORARY},
        {.name = "two records",
                .txt = {"v=STSv1; id=1", "v=STSv1; id=2"},
                .fault = STS_FAULT_RECORD,
                .required = CLIENT_TEMPORARY},
        {.name = "no answer",
                .dns = DNS_FAULT_SERVFAIL,
                .fault = STS_FAULT_DNS,
                .required = CLIENT_TEMPORARY},
        {.name = "no answer in time",
                .dns = DNS_FAULT_TIMEOUT,
                .fault = STS_FAULT_DNS,
                .required = CLIENT_TEMPORARY},
        {.name = "a bogus answer",
                .dns = DNS_FAULT_BOGUS,
                .fault = STS_FAULT_DNS,
                .required = CLIENT_TEMPORARY},
        {.name = "a record, and no policy",
                .txt = {"v=STSv1; id=1"},
                .policy = "hello",
                .fault = STS_FAULT_POLICY,
                .required = CLIENT_TEMPORARY},
        {.name = "a policy that is none",
                .txt = {"v=STSv1; id=1"},
                .policy = POLICY("none", "86400"),
                .required = CLIENT_PERMANENT},
        {.name = "one that is tested",
                .txt = {"v=STSv1; id=1", "v=spf1 -all"},
                .policy = POLICY("testing", "86400"),
                .required = CLIENT_GOOD},
        {.name = "one that is enforced",
                .txt = {"v=STSv1;id=1"},
                .policy = POLICY("enforce", "86400"),
                .required = CLIENT_GOOD},
};

struct record_run {
    struct sts_world world;
    const struct record_case *is;
};

static void check_required(const struct record_case *c, const struct sts_result *got)
{
    check_true(c->name, got->is_refused == (c->required != CLIENT_GOOD));
    check_true(c->name, got->enforced == (c->required == CLIENT_GOOD));
    if (!got->is_refused)
        return;
    check_u64(c->name, got->answer.verdict, c->required);
    check_u64(c->name, got->answer.outcome.kind, FAILURE_MTA_STS);
    check_str(c->name, got->answer.outcome.enhanced,
            c->required == CLIENT_PERMANENT ? S("5.7.5") : S("4.7.5"));
    check_str(c->name, got->answer.outcome.entity, S(DOMAIN));
}

static struct err record_story(void *arg)
{
    struct record_run *run = CONTAINER_OF(arg, struct record_run, world);
    struct sts_world *w = &run->world;
    const struct record_case *c = run->is;
    struct sts_result got;
    for (size_t i = 0; i < COUNT_OF(c->txt) && c->txt[i] != NULL; i++)
        set_txt(w, c->txt[i]);
    if (c->dns != DNS_FAULT_DELAY_ONLY)
        TRY(sim_dns_fault(
                w->sim, &(struct dns_fault){.name = S("_mta-sts." DOMAIN), .kind = c->dns}));
    if (c->policy != NULL)
        set_policy(w, c->policy);
    TRY(find(w, &got));
    check_true(c->name, !got.is_refused);
    check_u64(c->name, got.fault, c->fault);
    check_true(c->name, (got.known != NULL) == (c->required == CLIENT_GOOD));
    check_u64(c->name, w->asked, c->policy != NULL);
    bool is_enforced = got.known != NULL && got.known->policy.mode == STS_ENFORCE;
    check_true(c->name, got.enforced == is_enforced);
    w->in.wish = TLS_REQUIRE;
    TRY(find(w, &got));
    check_required(c, &got);
    w->in.wish = TLS_DISABLE;
    TRY(find(w, &got));
    check_true(c->name, got.known == NULL && !got.is_refused && got.fault == STS_FAULT_NONE);
    return OK;
}

static void records_are_judged(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct record_run run = {.is = &records[i]};
        with_world(&run.world, record_story);
    }
}

// --- What is known, and how long -----------------------------------------------------------------

static struct err hold_story(void *arg)
{
    struct sts_world *w = arg;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    TRY(expect(w, "known", "one", STS_FAULT_NONE, 1));
    struct sts_result got;
    TRY(sts_find(&w->in, &w->arena, S("Example.NET"), &got));
    check_true("in any case", got.known != NULL && w->asked == 1);
    replace_txt(w, NULL);
    TRY(expect(w, "the record is gone", "one", STS_FAULT_NONE, 1));
    replace_txt(w, "v=STSv1");
    TRY(expect(w, "the record is broken", "one", STS_FAULT_RECORD, 1));
    TRY(sim_dns_fault(w->sim,
            &(struct dns_fault){.name = S("_mta-sts." DOMAIN), .kind = DNS_FAULT_SERVFAIL}));
    TRY(expect(w, "no answer", "one", STS_FAULT_DNS, 1));
    TRY(task_sleep_ms(DAY_MS - MINUTE_MS));
    TRY(expect(w, "its last minute", "one", STS_FAULT_DNS, 1));
    TRY(task_sleep_ms(MINUTE_MS));
    return expect(w, "expired", "none", STS_FAULT_DNS, 1);
}

static void policies_hold_until_they_expire(void **state UNUSED)
{
    story(hold_story);
}

static struct err expired_story(void *arg)
{
    struct sts_world *w = arg;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "3600"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    TRY(task_sleep_ms(HOUR_MS));
    TRY(expect(w, "the same id, expired", "one", STS_FAULT_NONE, 2));
    TRY(task_sleep_ms(HOUR_MS));
    w->reply = S("HTTP/1.1 500 Oh\r\n\r\n");
    return expect(w, "expired and not to be had", "none", STS_FAULT_FETCH, 3);
}

static void expired_ones_are_fetched_anew(void **state UNUSED)
{
    story(expired_story);
}

static struct err change_story(void *arg)
{
    struct sts_world *w = arg;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "864000"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    replace_txt(w, "v=STSv1; id=two");
    set_policy(w, "nonsense");
    TRY(expect(w, "the new one is broken", "one", STS_FAULT_POLICY, 2));
    TRY(expect(w, "not asked again at once", "one", STS_FAULT_POLICY, 2));
    TRY(task_sleep_ms(4 * MINUTE_MS - 1));
    TRY(expect(w, "nor before four minutes", "one", STS_FAULT_POLICY, 2));
    TRY(task_sleep_ms(2 * MINUTE_MS + 1));
    TRY(expect(w, "but after six", "one", STS_FAULT_POLICY, 3));
    TRY(task_sleep_ms(8 * MINUTE_MS - 1));
    TRY(expect(w, "not before eight more", "one", STS_FAULT_POLICY, 3));
    TRY(task_sleep_ms(4 * MINUTE_MS + 1));
    TRY(expect(w, "but after twelve", "one", STS_FAULT_POLICY, 4));
    set_policy(w, POLICY("testing", "864000"));
    TRY(task_sleep_ms(72 * MINUTE_MS));
    TRY(expect(w, "mended", "two", STS_FAULT_NONE, 5));
    replace_txt(w, "v=STSv1; id=three");
    return expect(w, "no waiting after success", "three", STS_FAULT_NONE, 6);
}

static void new_ids_are_fetched(void **state UNUSED)
{
    story(change_story);
}

static struct err bound_story(void *arg)
{
    struct sts_world *w = arg;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, "nonsense");
    for (size_t hour = 0; hour < 24; hour++) {
        size_t before = w->asked;
        struct sts_result got;
        TRY(find(w, &got));
        TRY(task_sleep_ms(HOUR_MS * 6 / 5));
        check_true("at least once in an hour and a fifth", w->asked == before + 1);
    }
    return OK;
}

static void failures_wait_an_hour_at_most(void **state UNUSED)
{
    story(bound_story);
}

static struct err short_story(void *arg)
{
    struct sts_world *w = arg;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "0"));
    TRY(expect(w, "for this attempt", "one", STS_FAULT_NONE, 1));
    TRY(expect(w, "and for no other", "one", STS_FAULT_NONE, 2));
    w->reply = S("HTTP/1.1 500 Oh\r\n\r\n");
    TRY(expect(w, "nothing is left of it", "none", STS_FAULT_FETCH, 3));
    TRY(task_sleep_ms(DAY_MS));
    set_policy(w, POLICY("enforce", "60"));
    TRY(expect(w, "a minute", "one", STS_FAULT_NONE, 4));
    TRY(task_sleep_ms(59 * SECOND_MS));
    TRY(expect(w, "nearly over", "one", STS_FAULT_NONE, 4));
    TRY(task_sleep_ms(SECOND_MS));
    return expect(w, "over", "one", STS_FAULT_NONE, 5);
}

static void short_lives_are_honoured(void **state UNUSED)
{
    story(short_story);
}

static struct err none_story(void *arg)
{
    struct sts_world *w = arg;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    TRY(expect(w, "enforced", "one", STS_FAULT_NONE, 1));
    replace_txt(w, "v=STSv1; id=two");
    set_policy(w, POLICY("none", "86400"));
    TRY(expect(w, "given up", "none", STS_FAULT_NONE, 2));
    TRY(expect(w, "which is remembered", "none", STS_FAULT_NONE, 2));
    TRY(restart(w));
    return expect(w, "for long", "none", STS_FAULT_NONE, 2);
}

static void none_is_a_policy(void **state UNUSED)
{
    story(none_story);
}

// --- The disk ------------------------------------------------------------------------------------

static struct err disk_story(void *arg)
{
    struct sts_world *w = arg;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    TRY(restart(w));
    TRY(expect(w, "after a restart", "one", STS_FAULT_NONE, 1));
    TRY(restart(w));
    TRY(sim_dns_fault(w->sim,
            &(struct dns_fault){.name = S("_mta-sts." DOMAIN), .kind = DNS_FAULT_SERVFAIL}));
    struct sts_result got;
    TRY(find(w, &got));
    check_true("without the DNS, too", got.known != NULL && got.enforced);
    check_str("its text", got.known->text, S(POLICY("enforce", "86400")));
    check_str("its domain", got.known->domain, S(DOMAIN));
    check_true("its host", sts_matches(got.known, S("A.mx.Example.")));
    check_true("no other", !sts_matches(got.known, S("mx.example")));
    TRY(task_sleep_ms(DAY_MS));
    TRY(restart(w));
    return expect(w, "expired on disk", "none", STS_FAULT_DNS, 1);
}

static void policies_survive_restarts(void **state UNUSED)
{
    story(disk_story);
}

static struct err neighbour_story(void *arg)
{
    struct sts_world *w = arg;
    struct sts_cache *mine = w->cache, *other;
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    TRY(expect(w, "mine", "one", STS_FAULT_NONE, 1));
    TRY(begin_cache(w));
    other = w->cache;
    TRY(expect(w, "the neighbour reads it", "one", STS_FAULT_NONE, 1));
    replace_txt(w, "v=STSv1; id=two");
    TRY(expect(w, "the neighbour fetches the next", "two", STS_FAULT_NONE, 2));
    w->in.cache = w->cache = mine;
    TRY(expect(w, "which I read", "two", STS_FAULT_NONE, 2));
    sts_cache_free(other);
    return OK;
}

static void workers_share_the_disk(void **state UNUSED)
{
    story(neighbour_story);
}

static struct err damage_story(void *arg)
{
    struct sts_world *w = arg;
    struct arena a AUTO(arena_done);
    struct str *files;
    size_t count;
    arena_init(&a, MIB);
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    struct str pattern = arena_fmt(&a, "%s/*.policy", w->folder.path);
    TRY(file_glob(&a, pattern, &files, &count));
    check_u64("one file, and nothing beside it", count, 1);
    int fd;
    TRY(blob_remove(&a, files[0]));
    TRY(blob_create(&a, files[0], &fd));
    TRY(blob_write_at(&a, fd, S("not a policy at all"), 0));
    blob_close(fd);
    TRY(restart(w));
    TRY(expect(w, "fetched instead", "one", STS_FAULT_NONE, 2));
    TRY(restart(w));
    return expect(w, "and whole again", "one", STS_FAULT_NONE, 2);
}

static void damaged_files_are_none(void **state UNUSED)
{
    story(damage_story);
}

static struct err room_story(void *arg)
{
    struct sts_world *w = arg;
    struct sts_result got;
    w->cache->options.bytes_max = 1; // room for what is being asked for, and no more
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    check_u64("nothing stays", map_count(&w->cache->entries), 0);
    check_u64("nor is counted", w->cache->bytes, 0);
    TRY(expect(w, "from the disk", "one", STS_FAULT_NONE, 1));
    w->cache->options.bytes_max = MIB;
    TRY(find(w, &got));
    check_u64("now it stays", map_count(&w->cache->entries), 1);
    check_true("and is counted", w->cache->bytes > sizeof(struct sts_entry));
    return OK;
}

static void memory_is_bounded(void **state UNUSED)
{
    story(room_story);
}

// --- At the same time ----------------------------------------------------------------------------

struct asker {
    struct sts_world *world;
    struct sts_result got;
    struct err ended;
    int64_t timeout_ms; // of the asker's own; 0: none
};

static struct err ask_main(void *arg)
{
    struct asker *k = arg;
    within_ms(k->timeout_ms > 0 ? k->timeout_ms : HOUR_MS);
    k->ended = find(k->world, &k->got);
    return OK;
}

static struct err ask_together(struct sts_world *w, struct asker *askers, size_t count)
{
    struct group all AUTO(group_end);
    group_begin(&all);
    for (size_t i = 0; i < count; i++) {
        askers[i].world = w;
        TRY(group_spawn(&all, ask_main, &askers[i]));
    }
    return group_wait_all(&all);
}

static struct err together_story(void *arg)
{
    struct sts_world *w = arg;
    struct asker askers[8] = {0};
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "0"));
    w->delay_ms = 10 * SECOND_MS;
    TRY(ask_together(w, askers, COUNT_OF(askers)));
    check_u64("one fetch", w->asked, 1);
    for (size_t i = 0; i < COUNT_OF(askers); i++)
        check_true("for all", askers[i].got.known != NULL && askers[i].got.enforced);
    set_policy(w, "nonsense");
    TRY(ask_together(w, askers, COUNT_OF(askers)));
    check_u64("one failure", w->asked, 2);
    for (size_t i = 0; i < COUNT_OF(askers); i++)
        check_u64("for all", askers[i].got.fault, STS_FAULT_POLICY);
    return OK;
}

static void one_fetch_serves_all(void **state UNUSED)
{
    story(together_story);
}

// Each has a worker of its own.
static struct err ask_alone(void *arg)
{
    struct asker *k = arg;
    struct sts_inputs in = k->world->in;
    struct sts_cache *cache;
    TRY(sts_cache_new(&k->world->cache->options, &cache));
    in.cache = cache;
    k->ended = sts_find(&in, &k->world->arena, S(DOMAIN), &k->got);
    sts_cache_free(cache);
    return OK;
}

static struct err workers_story(void *arg)
{
    struct sts_world *w = arg;
    struct asker askers[4] = {0};
    struct group all AUTO(group_end);
    group_begin(&all);
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    w->delay_ms = 10 * SECOND_MS;
    for (size_t i = 0; i < COUNT_OF(askers); i++) {
        askers[i].world = w;
        TRY(group_spawn(&all, ask_alone, &askers[i]));
    }
    TRY(group_wait_all(&all));
    check_u64("one fetch", w->asked, 1);
    for (size_t i = 0; i < COUNT_OF(askers); i++)
        check_true("for all", !failed(askers[i].ended) && askers[i].got.known != NULL);
    return OK;
}

static void one_fetch_serves_all_workers(void **state UNUSED)
{
    story(workers_story);
}

static struct err heir_story(void *arg)
{
    struct sts_world *w = arg;
    struct asker askers[2] = {{.timeout_ms = 5 * SECOND_MS}};
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "86400"));
    w->delay_ms = 10 * SECOND_MS;
    TRY(ask_together(w, askers, COUNT_OF(askers)));
    check_u64("the first runs out of its own time", askers[0].ended.kind, ERR_TIMEOUT);
    check_u64("the second takes over", w->asked, 2);
    check_true("and hears it", !failed(askers[1].ended) && askers[1].got.known != NULL);
    return OK;
}

static void who_gives_up_hands_over(void **state UNUSED)
{
    story(heir_story);
}

// --- Refreshing ----------------------------------------------------------------------------------

static struct err refresh_story(void *arg)
{
    struct sts_world *w = arg;
    struct group background AUTO(group_end);
    group_begin(&background);
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "172800"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    TRY(group_spawn(&background, sts_refresh_main, &w->in));
    TRY(task_sleep_ms(23 * HOUR_MS));
    check_u64("not in the first day", w->asked, 1);
    TRY(task_sleep_ms(3 * HOUR_MS));
    check_u64("but then", w->asked, 2);
    TRY(task_sleep_ms(3 * DAY_MS));
    check_u64("daily", w->asked, 5);
    TRY(expect(w, "so it has not expired", "one", STS_FAULT_NONE, 5));
    TRY(task_sleep_ms(12 * DAY_MS));
    size_t asked = w->asked;
    check_true("for seven days after its last use", asked >= 11 && asked <= 13);
    TRY(task_sleep_ms(10 * DAY_MS));
    check_u64("and not longer", w->asked, asked);
    replace_txt(w, NULL);
    return expect(w, "then it expires", "none", STS_FAULT_NONE, asked);
}

static void policies_in_use_are_refreshed(void **state UNUSED)
{
    story(refresh_story);
}

static struct err withdrawn_story(void *arg)
{
    struct sts_world *w = arg;
    struct group background AUTO(group_end);
    struct arena a AUTO(arena_done);
    struct str *files;
    size_t count;
    arena_init(&a, MIB);
    group_begin(&background);
    set_txt(w, "v=STSv1; id=one");
    set_policy(w, POLICY("enforce", "172800"));
    TRY(expect(w, "fetched", "one", STS_FAULT_NONE, 1));
    replace_txt(w, NULL);
    TRY(group_spawn(&background, sts_refresh_main, &w->in));
    TRY(task_sleep_ms(47 * HOUR_MS));
    TRY(expect(w, "it holds, and is not prolonged", "one", STS_FAULT_NONE, 1));
    TRY(task_sleep_ms(3 * HOUR_MS));
    struct str pattern = arena_fmt(&a, "%s/*", w->folder.path);
    TRY(file_glob(&a, pattern, &files, &count));
    check_u64("its file is gone", count, 0);
    return expect(w, "and so is it", "none", STS_FAULT_NONE, 1);
}

static void policies_taken_back_expire(void **state UNUSED)
{
    story(withdrawn_story);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(records_are_judged),
            TEST(policies_hold_until_they_expire),
            TEST(expired_ones_are_fetched_anew),
            TEST(new_ids_are_fetched),
            TEST(failures_wait_an_hour_at_most),
            TEST(short_lives_are_honoured),
            TEST(none_is_a_policy),
            TEST(policies_survive_restarts),
            TEST(workers_share_the_disk),
            TEST(damaged_files_are_none),
            TEST(memory_is_bounded),
            TEST(one_fetch_serves_all),
            TEST(one_fetch_serves_all_workers),
            TEST(who_gives_up_hands_over),
            TEST(policies_in_use_are_refreshed),
            TEST(policies_taken_back_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
