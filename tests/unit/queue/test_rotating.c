// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_rotating.c: the task that changes keys, for more than a year of virtual
// time, on a machine that crashes every few days, with a DNS that fails for whole days and an
// administrator who takes his time. And what two of them do to each other.
#include "place.h"

#include "queue/signing/key_file.h"
#include "queue/signing/rotating.h"
#include "rt/sim/sim.h"

#define DAYS 420
#define DOMAIN S("a.example")
#define TYPES 2

struct world {
    struct sim *sim;
    struct node *node;
    struct arena arena; // of one look
    struct dns_zone *zone;
    struct list faults;
    struct dns_fault outage;
    struct str path, domains[1];
    struct signers none;
    struct rotation_rule rule;
    struct rotation_settings settings;
    struct signing_settings signing;
    struct signing_desk *desk; // while the machine runs
    struct str signed_by[TYPES];
    char selectors[TYPES][64];
    size_t changes[TYPES], outages;
};

static void world_init(struct world *w, const char *folder)
{
    *w = (struct world){.domains = {DOMAIN}, .outage = {.kind = DNS_FAULT_SERVFAIL}};
    arena_init(&w->arena, 64 * MIB);
    list_init(&w->faults);
    w->zone = dns_zone_new();
    w->rule = (struct rotation_rule){.id = S("r"),
            .domains = {w->domains, 1},
            .of_type = {true, true},
            .template = ROTATION_TEMPLATE,
            .rotate_after_ms = ROTATION_ROTATE_MS,
            .retire_after_ms = ROTATION_RETIRE_MS,
            .delete_after_ms = ROTATION_DELETE_MS};
    w->settings =
            (struct rotation_settings){.rules = &w->rule, .rule_count = 1, .signers = &w->none};
    w->signing = (struct signing_settings){
            .signers = &w->none, .rotation = &w->settings, .threads = 1, .self_test = true};
    w->path = str_from_c(folder);
}

static struct err server_main(void *arg)
{
    struct world *w = arg;
    struct signing_desk desk;
    struct resolver *resolver = NULL;
    struct rotating r = {.settings = &w->settings, .path = w->path, .desk = &desk};
    arena_init(&r.trouble, 64 * KIB);
    signing_desk_init(&desk, &w->signing);
    signing_desk_watch(&desk, w->path, NULL);
    struct err e =
            resolver_new_zone(w->zone, &(struct dns_zone_options){.faults = &w->faults}, &resolver);
    r.resolver = resolver;
    w->desk = &desk;
    if (!failed(e))
        e = rotating_main(&r);
    w->desk = NULL;
    resolver_free(resolver);
    signing_desk_done(&desk);
    arena_done(&r.trouble);
    return e;
}

// --- The administrator ---------------------------------------------------------------------------

static void publish(struct world *w, const struct rotation_key *key)
{
    struct buf rdata AUTO(buf_done);
    buf_init(&rdata, 4 * KIB);
    for (struct str rest = key->record; !str_is_empty(rest); rest = str_from(rest, 255)) {
        buf_add_byte(&rdata, (char)str_upto(rest, 255).len);
        buf_add(&rdata, str_upto(rest, 255));
    }
    struct str name = rotation_key_name(&w->arena, key);
    dns_zone_remove(w->zone, name);
    assert_false(failed(dns_zone_add(w->zone, name, DNS_TXT, buf_str(&rdata))));
}

static void administer(struct world *w, const struct rotation_keys *keys)
{
    each_in_vec (k, &keys->all) {
        if (k->stage == SIGNER_PENDING && wall_ms() - k->since_ms > HOUR_MS)
            publish(w, k);
        if (k->stage == SIGNER_RETIRED)
            dns_zone_remove(w->zone, rotation_key_name(&w->arena, k));
    }
}

// --- What must hold ------------------------------------------------------------------------------

static bool is_published(struct world *w, const struct rotation_key *key)
{
    struct resolver *resolver = NULL;
    struct dns_txt_answer txt;
    assert_false(failed(resolver_new_zone(w->zone, &(struct dns_zone_options){0}, &resolver)));
    assert_false(failed(dns_txt(resolver, &w->arena, rotation_key_name(&w->arena, key), &txt)));
    resolver_free(resolver);
    return txt.count == 1 && str_eq(txt.at[0].joined, key->record);
}

static void check_line(struct world *w, const struct rotation_keys *keys, enum dkim_key_type type)
{
    const struct rotation_key *active = NULL;
    each_in_vec (k, &keys->all) {
        if (k->type != type)
            continue;
        check_true("one key signs", active == NULL || k->stage != SIGNER_ACTIVE);
        if (k->stage == SIGNER_ACTIVE)
            active = k;
        if (k->stage == SIGNER_ACTIVE || k->stage == SIGNER_RETIRING)
            check_true("its record is there", is_published(w, k));
    }
    check_true("never without one again", active != NULL || str_is_null(w->signed_by[type]));
    if (active == NULL)
        return;
    if (!str_eq(w->signed_by[type], active->selector)) {
        memcpy(w->selectors[type], active->selector.ptr, active->selector.len);
        w->signed_by[type] = str_of(w->selectors[type], active->selector.len);
        w->changes[type]++;
    }
    const struct stored_signer *one =
            w->desk == NULL ? NULL : stored_signers_of(&w->desk->stored, DOMAIN, type);
    if (one != NULL)
        check_str("the worker signs with it", one->entry.signer.selector, active->selector);
}

static void check(struct world *w)
{
    struct rotation_keys keys;
    struct err e = key_file_read(&w->arena, w->path, &keys);
    check_str("the file can be read", err_text(e), S(""));
    for (size_t type = 0; type < TYPES; type++)
        check_line(w, &keys, (enum dkim_key_type)type);
    administer(w, &keys);
    arena_reset(&w->arena);
}

static void tell(task_main *story, uint64_t seed)
{
    struct place p;
    struct world w;
    place_begin(&p);
    world_init(&w, arena_fmt(&p.a, "%s/dkim-keys", p.folder).ptr);
    w.sim = sim_new(seed);
    check_str("the story", err_text(sim_run(w.sim, story, &w)), S(""));
    sim_free(w.sim);
    dns_zone_free(w.zone);
    arena_done(&w.arena);
    place_end(&p);
}

static struct err year(void *arg)
{
    struct world *w = arg;
    const struct sim_node node = {.name = S("mx"), .main = server_main, .arg = w};
    TRY(sim_node_add(w->sim, &node, &w->node));
    TRY(sim_node_start(w->node));
    sim_faults(w->sim, (struct faults){.crash_mean_ms = 5 * DAY_MS, .down_mean_ms = 6 * HOUR_MS});
    for (size_t half_day = 0; half_day < 2 * DAYS; half_day++) {
        if (half_day % 34 == 6)
            list_append(&w->faults, &w->outage.link);
        TRY(sim_run_ms(w->sim, DAY_MS / 2));
        link_remove(&w->outage.link);
        check(w);
    }
    for (size_t type = 0; type < TYPES; type++)
        check_true("keys have changed", w->changes[type] >= 4 && w->changes[type] <= 6);
    check_true("the machine crashed", sim_node_starts(w->node) > 50);
    return OK;
}

static void test_year(void **state)
{
    (void)state;
    tell(year, 7);
}

// --- Two generations at once ---------------------------------------------------------------------

static struct err two(void *arg)
{
    struct world *w = arg;
    struct group group AUTO(group_end);
    struct rotation_keys keys;
    group_begin(&group);
    TRY(group_spawn(&group, server_main, w));
    TRY(group_spawn(&group, server_main, w));
    TRY(task_sleep_ms(MINUTE_MS));
    TRY(key_file_read(&w->arena, w->path, &keys));
    check_u64("one key of each kind", keys.all.count, TYPES);
    TRY(task_sleep_ms(2 * HOUR_MS));
    each_in_vec (k, &keys.all)
        publish(w, k);
    TRY(task_sleep_ms(HOUR_MS));
    TRY(key_file_read(&w->arena, w->path, &keys));
    check_u64("which sign", keys.all.count, TYPES);
    each_in_vec (k, &keys.all)
        check_u64("both", k->stage, SIGNER_ACTIVE);
    return OK;
}

static void test_two(void **state)
{
    (void)state;
    tell(two, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_two), TEST(test_year)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
