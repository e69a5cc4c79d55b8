// SPDX-License-Identifier: Apache-2.0
// tests/unit/server/test_sockets.c: which of the sockets that were passed belongs to which
// listener, and which sockets are kept over reloads.
#include "../base/check.h"
#include "server/sockets_state.h"

#include "rt/listening.h"
#include "rt/process.h"

#define LISTENERS 3

struct world {
    struct arena arena;
    struct sockets *set;
    struct plan plan;
    struct plan_listener listeners[LISTENERS];
    struct plan_address addresses[LISTENERS];
    struct sockets_wish wish;
};

static struct world *world_new(void)
{
    struct world *w = mem_new(struct world);
    assert_non_null(w);
    arena_init(&w->arena, MIB);
    w->set = sockets_new();
    w->plan.listeners = w->listeners;
    w->plan.worker_count = 1;
    w->wish = (struct sockets_wish){.plan = &w->plan, .at_start = true};
    return w;
}

static void world_free(struct world *w)
{
    sockets_free(w->set);
    arena_done(&w->arena);
    mem_free(w);
}

// A bind of "systemd:NAME", or an endpoint.
static void listener_add(struct world *w, struct str id, struct str bind)
{
    size_t n = w->plan.listener_count++;
    struct plan_address *address = &w->addresses[n];
    w->listeners[n] = (struct plan_listener){.id = id, .addresses = address, .address_count = 1};
    *address = (struct plan_address){.options.reuse_port = true};
    if (str_starts(bind, S("systemd:"))) {
        address->bind.form = BIND_SYSTEMD;
        address->bind.name = str_from(bind, 8);
    } else {
        assert_true(endpoint_parse(bind, &address->at));
    }
}

static struct str name_of_ours(struct world *w, const char *name)
{
    return arena_fmt(&w->arena, "unix:@sockets-%d-%s", (int)process_id(), name);
}

static int passed_at(struct world *w, struct str bind)
{
    struct endpoint at = {0};
    struct listen_options options = {.reuse_port = true};
    int fd = -1;
    assert_true(endpoint_parse(bind, &at));
    assert_false(failed(net_bind(&w->arena, &at, &options, &fd)));
    return fd;
}

static void inherit(struct world *w, const struct inherited_socket *all, size_t count)
{
    assert_false(failed(sockets_inherit(w->set, &w->arena, FROM_SERVICE_MANAGER, all, count)));
}

static const struct place *place_of(struct world *w, size_t listener)
{
    struct wanted wanted;
    assert_true(wanted_nth(&w->plan, listener, 0, &wanted));
    return place_find(w->set, &wanted);
}

static void the_name_that_was_asked_for(void **state UNUSED)
{
    struct world *w = world_new();
    struct inherited_socket passed[] = {
            {passed_at(w, name_of_ours(w, "other")), S_INIT("other")},
            {passed_at(w, name_of_ours(w, "mail")), S_INIT("mail")},
    };
    inherit(w, passed, 2);
    listener_add(w, S("smtp"), S("systemd:mail"));
    assert_false(failed(sockets_want(w->set, &w->wish, &w->arena)));
    assert_int_equal(place_of(w, 0)->fds[0], passed[1].fd);
    assert_true(str_contains(sockets_drop_unclaimed(w->set, &w->arena), S("'other' unix:@")));
    world_free(w);
}

static void a_name_that_was_not_passed(void **state UNUSED)
{
    struct world *w = world_new();
    listener_add(w, S("smtp"), S("systemd:mail"));
    struct err e = sockets_want(w->set, &w->wish, &w->arena);
    assert_int_equal(e.kind, ERR_CONFIG);
    assert_true(str_contains(err_text(e), S("no socket named 'mail'")));
    world_free(w);
}

// In the order of listeners.md 15.3: the id of the listener wins over the address.
static void by_id_and_by_address(void **state UNUSED)
{
    struct world *w = world_new();
    struct str here = name_of_ours(w, "here"), there = name_of_ours(w, "there");
    struct inherited_socket passed[] = {
            {passed_at(w, here), S_INIT("unknown")},     // smtp's, by its address
            {passed_at(w, there), S_INIT("submission")}, // for its id, at another address
    };
    inherit(w, passed, 2);
    listener_add(w, S("smtp"), here);
    listener_add(w, S("submission"), name_of_ours(w, "elsewhere"));
    assert_false(failed(sockets_want(w->set, &w->wish, &w->arena)));
    assert_int_equal(place_of(w, 0)->fds[0], passed[0].fd);
    assert_int_equal(place_of(w, 1)->fds[0], passed[1].fd);
    assert_true(str_is_empty(sockets_drop_unclaimed(w->set, &w->arena)));
    world_free(w);
}

static void sockets_of_one_name_go_to_their_addresses(void **state UNUSED)
{
    struct world *w = world_new();
    struct str a = name_of_ours(w, "a"), b = name_of_ours(w, "b");
    struct inherited_socket passed[] = {
            {passed_at(w, b), S_INIT("mail")}, {passed_at(w, a), S_INIT("mail")}};
    inherit(w, passed, 2);
    listener_add(w, S("mail"), a);
    w->listeners[0].address_count = 2; // the second one is the next in the array
    struct endpoint second = {0};
    assert_true(endpoint_parse(b, &second));
    w->addresses[1] = (struct plan_address){.at = second};
    assert_false(failed(sockets_want(w->set, &w->wish, &w->arena)));
    assert_int_equal(place_of(w, 0)->fds[0], passed[1].fd);
    assert_true(str_is_empty(sockets_drop_unclaimed(w->set, &w->arena)));
    world_free(w);
}

static void more_and_fewer_workers(void **state UNUSED)
{
    struct world *w = world_new();
    listener_add(w, S("smtp"), S("127.0.0.1:0"));
    const size_t workers[] = {2, 4, 1, 3};
    const size_t sockets[] = {2, 4, 4, 4}; // none is closed while it may hold connections
    for (size_t i = 0; i < COUNT_OF(workers); i++) {
        w->plan.worker_count = workers[i];
        assert_false(failed(sockets_want(w->set, &w->wish, &w->arena)));
        assert_false(failed(sockets_activate(w->set, &w->arena)));
        sockets_settle(w->set, &w->plan);
        assert_int_equal(place_of(w, 0)->count, sockets[i]);
        assert_int_equal(sockets_slots(w->set), sockets[i]);
    }
    struct endpoint first, last; // the port that the kernel chose once is that of all
    listening_address(&w->arena, place_of(w, 0)->fds[0], &first);
    listening_address(&w->arena, place_of(w, 0)->fds[3], &last);
    assert_true(endpoint_eq(&first, &last));
    world_free(w);
}

static void a_change_that_is_undone(void **state UNUSED)
{
    struct world *w = world_new();
    listener_add(w, S("smtp"), S("127.0.0.1:0"));
    assert_false(failed(sockets_want(w->set, &w->wish, &w->arena)));
    sockets_settle(w->set, &w->plan);
    w->plan.worker_count = 3;
    w->wish.at_start = false;
    listener_add(w, S("other"), S("127.0.0.1:0"));
    listener_add(w, S("third"), S("systemd:nothing"));
    assert_true(failed(sockets_want(w->set, &w->wish, &w->arena)));
    assert_int_equal(place_of(w, 0)->count, 1);
    assert_null(place_of(w, 1));
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(the_name_that_was_asked_for),
            cmocka_unit_test(a_name_that_was_not_passed),
            cmocka_unit_test(by_id_and_by_address),
            cmocka_unit_test(sockets_of_one_name_go_to_their_addresses),
            cmocka_unit_test(more_and_fewer_workers),
            cmocka_unit_test(a_change_that_is_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
