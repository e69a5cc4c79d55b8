// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_identity.c: from root to another user. What needs root is tried in children
// and skipped where the tests do not run as root.
#include "in_child.h"

#include "rt/identity.h"
#include "rt/stack.h"

#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define STRANGER 54321 // a number without an entry in the user database
#define OTHER_GROUP 54322

static struct arena memory;

static int make_memory(void **state UNUSED)
{
    arena_init(&memory, 4 * MIB);
    return 0;
}

static int drop_memory(void **state UNUSED)
{
    arena_done(&memory);
    return 0;
}

static void only_root(void)
{
    if (geteuid() != 0) {
        print_message("skipped: needs root\n");
        skip();
    }
}

struct find_case {
    const char *name;
    const char *user, *group;
    const char *error; // NULL: found
    enum identity_change change;
    uint32_t uid, gid;
};

static void find_as_root(void **state UNUSED)
{
    static const struct find_case cases[] = {
            {"nobody is wished", "", "", NULL, IDENTITY_STAYS_ROOT, 0, 0},
            {"root by name", "root", "", NULL, IDENTITY_STAYS_ROOT, 0, 0},
            {"root by number", "0", "", NULL, IDENTITY_STAYS_ROOT, 0, 0},
            {"by name", "nobody", "", NULL, IDENTITY_CHANGES, 65534, 65534},
            {"by number", "65534", "", NULL, IDENTITY_CHANGES, 65534, 65534},
            {"group by name", "nobody", "root", NULL, IDENTITY_CHANGES, 65534, 0},
            {"group by number", "nobody", "54322", NULL, IDENTITY_CHANGES, 65534, OTHER_GROUP},
            {"unknown number with a group", "54321", "54322", NULL, IDENTITY_CHANGES, STRANGER,
                    OTHER_GROUP},
            {"unknown number alone", "54321", "", "add server.run-as.group", 0, 0, 0},
            {"unknown name", "no-such-user", "", "there is no user no-such-user: create it", 0, 0,
                    0},
            {"unknown group", "nobody", "no-such-group", "there is no group no-such-group", 0, 0,
                    0},
            {"a group alone", "", "nobody", "without server.run-as.user", 0, 0, 0},
            {"the number that means none", "4294967295", "", "there is no user 4294967295", 0, 0,
                    0},
            {"a number beyond", "4294967296", "", "there is no user 4294967296", 0, 0, 0},
            {"a sign", "-1", "", "there is no user -1", 0, 0, 0},
            {"a blank", "nobody ", "", "there is no user nobody ", 0, 0, 0},
    };
    only_root();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct find_case *c = &cases[i];
        print_message("  %s\n", c->name);
        struct identity_wish wish = {.user = str_from_c(c->user), .group = str_from_c(c->group)};
        struct identity got;
        struct err e = identity_find(&memory, &wish, &got);
        if (c->error != NULL) {
            assert_true(failed(e));
            assert_true(str_contains(err_text(e), str_from_c(c->error)));
            continue;
        }
        assert_false(failed(e));
        assert_int_equal(got.change, c->change);
        assert_int_equal(got.uid, c->uid);
        assert_int_equal(got.gid, c->gid);
    }
}

static void find_refuses_a_long_name(void **state UNUSED)
{
    static char name[70000];
    memset(name, 'x', sizeof(name));
    struct identity_wish wish = {.user = str_of(name, sizeof(name))};
    struct identity got;
    assert_int_equal(identity_find(&memory, &wish, &got).kind, ERR_LIMIT);
}

// --- An ordinary user ----------------------------------------------------------------------------

static const char *as_stranger(const void *arg UNUSED)
{
    gid_t groups[] = {OTHER_GROUP};
    struct identity got;
    if (geteuid() == 0) {
        SHOULD(setgroups(1, groups) == 0);
        SHOULD(setresgid(STRANGER, STRANGER, STRANGER) == 0);
        SHOULD(setresuid(STRANGER, STRANGER, STRANGER) == 0);
    }
    struct identity_wish wish = {0};
    SHOULD(!failed(identity_find(&memory, &wish, &got)) && got.change == IDENTITY_STAYS);
    wish.user = S("root");
    struct err e = identity_find(&memory, &wish, &got);
    SHOULD(e.kind == ERR_CONFIG && str_contains(err_text(e), S("only root can become user root")));
    return NULL;
}

static const char *as_itself(const void *arg UNUSED)
{
    gid_t groups[] = {OTHER_GROUP};
    struct identity got;
    SHOULD(setgroups(1, groups) == 0);
    SHOULD(setresgid(STRANGER, STRANGER, STRANGER) == 0);
    SHOULD(setresuid(STRANGER, STRANGER, STRANGER) == 0);
    struct identity_wish wish = {.user = S("54321"), .group = S("54321")};
    SHOULD(!failed(identity_find(&memory, &wish, &got)) && got.change == IDENTITY_STAYS);
    wish.group = S("54322"); // one of its further groups
    SHOULD(!failed(identity_find(&memory, &wish, &got)) && got.change == IDENTITY_STAYS);
    wish.group = S("root");
    SHOULD(identity_find(&memory, &wish, &got).kind == ERR_CONFIG);
    return NULL;
}

static void an_ordinary_user_cannot_become_another(void **state UNUSED)
{
    passes_in_child(as_stranger, NULL);
}

static void an_ordinary_user_may_be_named(void **state UNUSED)
{
    only_root();
    passes_in_child(as_itself, NULL);
}

// --- Becoming another ----------------------------------------------------------------------------

static const char *become(const struct identity_wish *wish)
{
    struct identity who;
    struct err e = identity_find(&memory, wish, &who);
    if (!failed(e))
        e = identity_take(&memory, &who);
    if (!failed(e))
        e = identity_harden(&memory, wish, &who);
    return failed(e) ? arena_c_str(&memory, err_text(e)) : NULL;
}

static const char *bind_port(uint16_t port, bool should)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
            .sin_port = htons(port),
            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool bound = bind(fd, (struct sockaddr *)&at, sizeof(at)) == 0;
    close(fd);
    SHOULD(bound == should);
    return NULL;
}

static const char *without_capability(const void *arg UNUSED)
{
    char room[200];
    struct identity_wish wish = {.user = S("nobody")};
    const char *bad = become(&wish);
    if (bad != NULL)
        return bad;
    SHOULD(str_eq(own_status("Uid", room, sizeof(room)), S("65534\t65534\t65534\t65534")));
    SHOULD(str_eq(own_status("Gid", room, sizeof(room)), S("65534\t65534\t65534\t65534")));
    SHOULD(str_eq(own_status("CapPrm", room, sizeof(room)), S("0000000000000000")));
    SHOULD(str_eq(own_status("CapEff", room, sizeof(room)), S("0000000000000000")));
    SHOULD(str_eq(own_status("CapInh", room, sizeof(room)), S("0000000000000000")));
    SHOULD(str_eq(own_status("CapAmb", room, sizeof(room)), S("0000000000000000")));
    SHOULD(str_eq(own_status("NoNewPrivs", room, sizeof(room)), S("1")));
    SHOULD(setuid(0) != 0);
    SHOULD(setgid(0) != 0);
    SHOULD(open("/etc/shadow", O_RDONLY | O_CLOEXEC) < 0);
    return bind_port(1023, false);
}

static const char *with_capability(const void *arg UNUSED)
{
    char room[200];
    struct identity_wish wish = {.user = S("nobody"), .keep_bind_capability = true};
    const char *bad = become(&wish);
    if (bad != NULL)
        return bad;
    SHOULD(str_eq(own_status("CapPrm", room, sizeof(room)), S("0000000000000400")));
    SHOULD(str_eq(own_status("CapEff", room, sizeof(room)), S("0000000000000400")));
    SHOULD(str_eq(own_status("CapAmb", room, sizeof(room)), S("0000000000000400")));
    SHOULD(setuid(0) != 0);
    SHOULD(str_is_null(identity_port_hint(&memory, 25)));
    bad = bind_port(1022, true);
    if (bad != NULL)
        return bad;
    SHOULD(!failed(identity_drop_capabilities(&memory)));
    SHOULD(str_eq(own_status("CapPrm", room, sizeof(room)), S("0000000000000000")));
    SHOULD(str_eq(own_status("CapAmb", room, sizeof(room)), S("0000000000000000")));
    return bind_port(1022, false);
}

static const char *with_a_group(const void *arg UNUSED)
{
    gid_t groups[10];
    struct identity_wish wish = {.user = S("nobody"), .group = S("54322")};
    const char *bad = become(&wish);
    if (bad != NULL)
        return bad;
    SHOULD(getegid() == OTHER_GROUP);
    SHOULD(getgroups(COUNT_OF(groups), groups) == 1 && groups[0] == OTHER_GROUP);
    return NULL;
}

static const char *as_a_number(const void *arg UNUSED)
{
    struct identity_wish wish = {.user = S("54321"), .group = S("54322")};
    const char *bad = become(&wish);
    if (bad != NULL)
        return bad;
    SHOULD(getuid() == STRANGER && getgid() == OTHER_GROUP);
    return NULL;
}

static void root_is_gone(void **state UNUSED)
{
    only_root();
    passes_in_child(without_capability, NULL);
}

static void low_ports_may_stay(void **state UNUSED)
{
    only_root();
    passes_in_child(with_capability, NULL);
}

static void a_group_comes_alone(void **state UNUSED)
{
    only_root();
    passes_in_child(with_a_group, NULL);
}

static void numbers_need_no_entry(void **state UNUSED)
{
    only_root();
    passes_in_child(as_a_number, NULL);
}

// --- Hardening, folders, hints -------------------------------------------------------------------

struct harden_case {
    const char *name;
    enum identity_change change;
    bool core_dumps;
    int dumpable;
};

static const char *harden(const void *arg)
{
    const struct harden_case *c = arg;
    struct identity_wish wish = {.core_dumps = c->core_dumps};
    struct identity who = {.change = c->change};
    struct rlimit core;
    umask(0002);
    SHOULD(!failed(identity_harden(&memory, &wish, &who)));
    SHOULD(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
    SHOULD(umask(0077) == 0027);
    SHOULD(RT_ASAN || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == c->dumpable);
    SHOULD(getrlimit(RLIMIT_CORE, &core) == 0);
    SHOULD(core.rlim_cur == (c->core_dumps ? core.rlim_max : 0));
    SHOULD(!failed(identity_harden(&memory, &wish, &who)));
    SHOULD(umask(0) == 0077); // a stricter one stays
    return NULL;
}

static void hardening(void **state UNUSED)
{
    static const struct harden_case cases[] = {
            {"never was root", IDENTITY_STAYS, false, 1},
            {"never was root, core files wished", IDENTITY_STAYS, true, 1},
            {"was root", IDENTITY_CHANGES, false, 0},
            {"was root, core files wished", IDENTITY_CHANGES, true, 1},
            {"is root", IDENTITY_STAYS_ROOT, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        passes_in_child(harden, &cases[i]);
    }
}

static const char *folder_of_another(const void *top)
{
    struct identity who;
    struct stat st;
    struct identity_wish wish = {.user = S("nobody")};
    struct str deep = arena_fmt(&memory, "%s/a/b/state", (const char *)top);
    struct str old = arena_fmt(&memory, "%s/old", (const char *)top);
    SHOULD(!failed(identity_find(&memory, &wish, &who)));
    SHOULD(mkdir(old.ptr, 0700) == 0);
    SHOULD(!failed(identity_make_folder(&memory, &who, deep, 0700)));
    SHOULD(!failed(identity_make_folder(&memory, &who, old, 0700)));
    SHOULD(stat(deep.ptr, &st) == 0 && st.st_uid == 65534 && (st.st_mode & 07777) == 0700);
    SHOULD(stat(old.ptr, &st) == 0 && st.st_uid == 0);
    SHOULD(!failed(identity_take(&memory, &who)));
    SHOULD(!failed(identity_check_folder(&memory, deep)));
    struct err e = identity_check_folder(&memory, old);
    SHOULD(e.kind == ERR_CONFIG && str_contains(err_text(e), S("user number 0 with mode 0700")));
    return NULL;
}

static void folders_are_given_away_only_when_made(void **state UNUSED)
{
    only_root();
    char top[] = "/tmp/posthaste-identity-XXXXXX";
    assert_non_null(mkdtemp(top));
    assert_int_equal(chmod(top, 0755), 0);
    passes_in_child(folder_of_another, top);
    struct str command = arena_fmt(&memory, "rm -r %s", top);
    assert_int_equal(system(command.ptr), 0);
}

static void a_folder_must_be_one(void **state UNUSED)
{
    struct identity who = {.change = IDENTITY_STAYS};
    assert_true(failed(identity_make_folder(&memory, &who, S("relative"), 0700)));
    assert_true(failed(identity_make_folder(&memory, &who, S(""), 0700)));
    assert_true(failed(identity_make_folder(&memory, &who, S("/dev/null/x"), 0700)));
    assert_true(failed(identity_check_folder(&memory, S("/dev/null"))));
    assert_true(failed(identity_check_folder(&memory, S("/no/such/folder"))));
}

static const char *hint_without_rights(const void *arg UNUSED)
{
    SHOULD(!failed(identity_drop_capabilities(&memory)));
    struct str hint = identity_port_hint(&memory, 25);
    if (str_is_null(hint)) // here low ports are for everybody
        return bind_port(25, true);
    SHOULD(str_contains(hint, S("AmbientCapabilities=CAP_NET_BIND_SERVICE")));
    SHOULD(str_contains(hint, S("ip_unprivileged_port_start to 25")));
    SHOULD(str_is_null(identity_port_hint(&memory, 1024)));
    SHOULD(str_is_null(identity_port_hint(&memory, 0)));
    return NULL;
}

static void low_ports_without_rights_are_explained(void **state UNUSED)
{
    passes_in_child(hint_without_rights, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(find_as_root),
            cmocka_unit_test(find_refuses_a_long_name),
            cmocka_unit_test(an_ordinary_user_cannot_become_another),
            cmocka_unit_test(an_ordinary_user_may_be_named),
            cmocka_unit_test(root_is_gone),
            cmocka_unit_test(low_ports_may_stay),
            cmocka_unit_test(a_group_comes_alone),
            cmocka_unit_test(numbers_need_no_entry),
            cmocka_unit_test(hardening),
            cmocka_unit_test(folders_are_given_away_only_when_made),
            cmocka_unit_test(a_folder_must_be_one),
            cmocka_unit_test(low_ports_without_rights_are_explained),
    };
    return cmocka_run_group_tests(tests, make_memory, drop_memory);
}
