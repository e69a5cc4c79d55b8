// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_quota.c: what is charged, refused, given back and counted anew.
#include "place.h"

#include "../conf/conf_of.h"

#include "base/id.h"
#include "queue/quota/quota_table.h"

#include <sys/mman.h>

struct world {
    struct place place;
    struct findings findings;
    struct conf *conf;
    struct queue_settings settings;
    struct quota_meter meter;
};

static void load(struct world *w, const char *text)
{
    w->findings = findings_make(&w->place.a);
    w->conf = conf_of(str_from_c(text), &w->findings);
    struct err e = queue_settings_make(&w->place.a, w->conf, &w->findings, &w->settings);
    check_str("settings", err_text(e), S(""));
    w->meter = (struct quota_meter){.settings = &w->settings, .shared = quota_shared_new(0)};
    assert_non_null(w->meter.shared);
    check_true("a quota", w->settings.quota_count > 0);
}

static void forget_shared(struct world *w)
{
    munmap(w->meter.shared, sizeof(struct quota_shared));
}

static const struct str *refused(struct world *w, struct message *m, struct quota_charge *out)
{
    const struct quota *exceeded = NULL;
    struct err e = quota_charge(&w->meter, &w->place.a, m, out, &exceeded);
    check_str("charged", err_text(e), S(""));
    return exceeded != NULL ? &exceeded->id : NULL;
}

// A message of one unit to these addresses, blank separated.
static struct message message_to(struct world *w, uint64_t id, const char *sender, const char *to)
{
    struct message m = made_message(&w->place, id, S("0123456789"), 1);
    struct str rest = str_from_c(to), address;
    m.sender = str_from_c(sender);
    m.top = S("");
    m.units[0].rcpts = arena_array(&w->place.a, 10, struct recipient);
    m.units[0].rcpt_count = 0;
    while (str_split(&rest, ' ', &address))
        m.units[0].rcpts[m.units[0].rcpt_count++] =
                (struct recipient){.address = address, .notify_at_ms = NEVER_MS};
    return m;
}

#define Q(id, lines) "[queue.quota." id "]\n" lines "\n"

static const struct {
    const char *name, *config;
    struct {
        const char *sender, *to;
        const char *refused; // id of the quota
        size_t refs;
    } steps[4];
} cases[] = {
        {"messages", Q("q", "messages = 2"),
                {{"a@x", "b@y", NULL, 1}, {"a@x", "b@y", NULL, 1}, {"c@z", "d@y", "q", 0}}},
        {"bytes", Q("q", "size = 25"),
                {{"a@x", "b@y", NULL, 1}, {"a@x", "b@y", NULL, 1}, {"c@z", "d@y", "q", 0}}},
        {"larger than the quota", Q("q", "size = 9"), {{"a@x", "b@y", "q", 0}}},
        {"by sender, whatever its case", Q("q", "messages = 1\nkey = 'sender'"),
                {{"a@x", "b@y", NULL, 1}, {"A@X", "b@y", "q", 0}, {"c@x", "b@y", NULL, 1}}},
        {"the null sender is one", Q("q", "messages = 1\nkey = 'sender'"),
                {{"", "b@y", NULL, 1}, {"", "c@z", "q", 0}, {"<>@x", "b@y", NULL, 1}}},
        {"a domain once a message", Q("q", "messages = 2\nkey = 'rcpt_domain'"),
                {{"a@x", "b@y c@y d@z", NULL, 2}, {"a@x", "b@Y", NULL, 1}, {"a@x", "e@y", "q", 0},
                        {"a@x", "d@z", NULL, 1}}},
        {"each recipient", Q("q", "messages = 1\nkey = 'rcpt'"),
                {{"a@x", "b@y c@y", NULL, 2}, {"a@x", "d@y c@y", "q", 0}, {"a@x", "d@y", NULL, 1}}},
        {"what matches", Q("q", "messages = 1\nmatch = \"sender_domain == 'shop.example'\""),
                {{"a@x", "b@y", NULL, 0}, {"a@shop.example", "b@y", NULL, 1},
                        {"b@shop.example", "b@y", "q", 0}, {"a@x", "b@y", NULL, 0}}},
        {"recipients that match", Q("q", "messages = 1\nmatch = \"rcpt == 'b@y'\""),
                {{"a@x", "b@y c@y", NULL, 1}, {"a@x", "c@y", NULL, 0}, {"a@x", "b@y", "q", 0}}},
        {"two with the same key",
                Q("p", "messages = 5\nkey = 'sender'") Q("q", "messages = 1\nkey = 'sender'"),
                {{"a@x", "b@y", NULL, 2}, {"a@x", "b@y", "q", 0}, {"c@x", "b@y", NULL, 2}}},
        {"a refusal charges nothing",
                Q("p", "messages = 1\nkey = 'rcpt'") Q("q", "size = 5\nkey = 'sender'"),
                {{"a@x", "b@y", "q", 0}, {"c@x", "b@y", "q", 0}}},
};

static struct err charges(void *arg)
{
    (void)arg;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        place_begin(&w.place);
        load(&w, cases[i].config);
        for (size_t j = 0; j < COUNT_OF(cases[i].steps) && cases[i].steps[j].sender; j++) {
            struct quota_charge charge;
            struct message m = message_to(&w, j, cases[i].steps[j].sender, cases[i].steps[j].to);
            const struct str *id = refused(&w, &m, &charge);
            check_str(
                    cases[i].name, id != NULL ? *id : S(""), str_from_c(cases[i].steps[j].refused));
            check_u64(cases[i].name, m.quota_ref_count, cases[i].steps[j].refs);
            quota_settle(&w.meter, &charge, QUOTA_KEPT);
        }
        forget_shared(&w);
        conf_free(w.conf);
        place_end(&w.place);
    }
    return OK;
}

static void charges_and_refusals(void **state)
{
    (void)state;
    in_loop(charges, NULL);
}

static uint64_t level_of(struct world *w, const struct message *m, size_t ref)
{
    struct quota_level level = quota_level(w->meter.shared, m->quota_refs[ref].key);
    check_u64("bytes go along", level.bytes, level.messages * 10);
    return level.messages;
}

// queue.md 11: with the last recipient of a domain, not the first; the message's at its removal.
static struct err releases(void *arg)
{
    struct world *w = arg;
    struct quota_charge charge;
    struct message m = message_to(w, 1, "a@x", "b@y c@y d@z"), after = m;
    check_true("fits", refused(w, &m, &charge) == NULL);
    quota_settle(&w->meter, &charge, QUOTA_KEPT);
    check_u64("message, two domains, three recipients", m.quota_ref_count, 6);
    after = m;
    after.units = arena_make(&w->place.a, struct unit);
    after.units[0] = m.units[0];
    after.units[0].rcpts = arena_array(&w->place.a, 3, struct recipient);
    memcpy(after.units[0].rcpts, m.units[0].rcpts, 3 * sizeof(struct recipient));
    static const struct {
        size_t rcpt;
        enum rcpt_status status;
        uint64_t levels[6]; // domains y and z, message, recipients b, c, d
    } steps[] = {{0, RCPT_TEMP_FAILED, {1, 1, 1, 1, 1, 1}}, {0, RCPT_COMPLETED, {1, 1, 1, 0, 1, 1}},
            {2, RCPT_PERM_FAILED, {1, 0, 1, 0, 1, 0}}, {1, RCPT_COMPLETED, {0, 0, 1, 0, 0, 0}}};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        after.units[0].rcpts[steps[i].rcpt].status = steps[i].status;
        quota_release(&w->meter, &m, &after);
        for (size_t j = 0; j < 6; j++)
            check_u64("level", level_of(w, &m, j), steps[i].levels[j]);
        m.units[0].rcpts[steps[i].rcpt].status = steps[i].status;
    }
    quota_release(&w->meter, &m, NULL);
    check_u64("and at the end", level_of(w, &m, 2), 0);
    quota_release(&w->meter, &m, NULL);
    check_u64("never below zero", level_of(w, &m, 2), 0);
    return OK;
}

#define SIX                                                                                        \
    Q("a", "messages = 9\nkey = 'rcpt_domain'")                                                    \
    Q("b", "messages = 9") Q("c", "messages = 9\nkey = 'rcpt'")

// A process dies between charge and commit; another one's charges stay.
static struct err deaths(void *arg)
{
    struct world *w = arg;
    struct quota_charge charge;
    struct message m = message_to(w, 1, "a@x", "b@y"), n = message_to(w, 2, "a@x", "b@y");
    w->meter.column = 3;
    check_true("fits", refused(w, &m, &charge) == NULL);
    w->meter.column = 4;
    check_true("fits", refused(w, &n, &charge) == NULL);
    check_u64("both", level_of(w, &m, 0), 2);
    quota_forget(w->meter.shared, 3);
    check_u64("one is left", level_of(w, &m, 0), 1);
    quota_forget(w->meter.shared, 3);
    check_u64("and stays", level_of(w, &m, 0), 1);
    quota_settle(&w->meter, &charge, QUOTA_GIVEN_BACK);
    check_u64("none", level_of(w, &m, 0), 0);
    return OK;
}

static uint64_t old_id(uint64_t n)
{
    return n << 22 | 1 << 14;
}

static struct err counts(void *arg)
{
    struct world *w = arg;
    struct place *p = &w->place;
    struct message m[3];
    for (size_t i = 0; i < 3; i++) {
        struct quota_charge charge;
        m[i] = message_to(w, old_id(i + 1), "a@x", i == 2 ? "e@z" : "b@y c@y");
        check_true("fits", refused(w, &m[i], &charge) == NULL);
        quota_settle(&w->meter, &charge, QUOTA_KEPT);
        m[i].units[0].rcpts[0].status = i == 1 ? RCPT_COMPLETED : RCPT_SCHEDULED;
        TRY(accept_message(p, &m[i]));
    }
    forget_shared(w);
    w->meter.shared = quota_shared_new(id_made_at_ms(old_id(3)));
    quota_release(&w->meter, &m[0], NULL); // not counted yet, and found no more
    TRY(store_commit(
            p->store, &p->a, &(struct store_change){.kind = STORE_REMOVE, .id = m[0].id}, 1));
    TRY(quota_count(&w->meter, p->store, &p->a));
    check_u64("domain y", level_of(w, &m[1], 0), 1);
    check_u64("messages, without the one of now", level_of(w, &m[1], 1), 1);
    check_u64("recipient b is done", level_of(w, &m[1], 2), 0);
    check_u64("recipient c", level_of(w, &m[1], 3), 1);
    TRY(quota_count(&w->meter, p->store, &p->a));
    check_u64("once", level_of(w, &m[1], 1), 1);
    return OK;
}

// A command has taken a message out, and nobody told the counters.
static struct err recounts(void *arg)
{
    struct world *w = arg;
    struct place *p = &w->place;
    struct quota_shared *s = w->meter.shared;
    struct quota_charge charge;
    struct message m = message_to(w, old_id(1), "a@x", "b@y"),
                   n = message_to(w, old_id(2), "a@x", "c@y");
    check_true("fits", refused(w, &m, &charge) == NULL);
    quota_settle(&w->meter, &charge, QUOTA_KEPT);
    check_true("fits", refused(w, &n, &charge) == NULL);
    quota_settle(&w->meter, &charge, QUOTA_KEPT);
    TRY(accept_message(p, &n));
    TRY(quota_count(&w->meter, p->store, &p->a));
    TRY(quota_recount(&w->meter, p->store, &p->a));
    check_u64("touched a moment ago", level_of(w, &m, 1), 2);
    for (size_t i = 0; i < QUOTA_PLACES; i++)
        s->places[i].touched_at_ms = 1;
    TRY(quota_recount(&w->meter, p->store, &p->a));
    check_u64("corrected", level_of(w, &m, 1), 1);
    check_u64("the domain, too", level_of(w, &m, 0), 1);
    check_u64("gone", level_of(w, &m, 2), 0);
    check_u64("its place is free", quota_place_find(s, m.quota_refs[2].key), QUOTA_NO_PLACE);
    check_u64("there", level_of(w, &n, 2), 1);
    return OK;
}

static void run_with(const char *config, task_main *story)
{
    struct world w;
    place_begin(&w.place);
    load(&w, config);
    in_loop(story, &w);
    forget_shared(&w);
    conf_free(w.conf);
    place_end(&w.place);
}

static void charges_are_given_back(void **state)
{
    (void)state;
    run_with(SIX, releases);
}

static void the_dead_hold_nothing(void **state)
{
    (void)state;
    run_with(SIX, deaths);
}

static void stores_are_counted(void **state)
{
    (void)state;
    run_with(SIX, counts);
}

static void drift_is_corrected(void **state)
{
    (void)state;
    run_with(SIX, recounts);
}

// Keys that all want the same place: as many as the window has find one.
static void tables_fill(void **state)
{
    (void)state;
    struct quota_shared *s = quota_shared_new(0);
    const struct quota_amount one = {.messages = 1, .bytes = 7};
    struct quota_level before;
    for (uint64_t i = 1; i <= QUOTA_WINDOW + 3; i++)
        check_u64("in the window", quota_place_add(s, 5 + i * QUOTA_PLACES, &one, 1, &before),
                i <= QUOTA_WINDOW ? QUOTA_FITS : QUOTA_UNCOUNTED);
    check_u64("the last one", quota_level(s, 5 + (uint64_t)QUOTA_WINDOW * QUOTA_PLACES).bytes, 7);
    check_true("taken back", quota_place_set(s, 6, 0, 0));
    check_u64("and free for another one",
            quota_place_add(s, 5 + 99 * (uint64_t)QUOTA_PLACES, &one, 1, &before), QUOTA_FITS);
    munmap(s, sizeof(*s));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(charges_and_refusals),
            TEST(charges_are_given_back), TEST(the_dead_hold_nothing), TEST(stores_are_counted),
            TEST(drift_is_corrected), TEST(tables_fill)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
