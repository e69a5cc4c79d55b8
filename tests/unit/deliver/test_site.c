// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_site.c: the MX site of a set of hosts (outbound.md 20, 28.1).
#include "settings_fixture.h"

#include "deliver/hosts/site.h"

#define HOSTS_MAX 5

static const struct {
    const char *name;
    const char *hosts[HOSTS_MAX];
    const char *site;
} cases[] = {
        {"none", {NULL}, ""},
        {"one", {"mx.b.example"}, "mx.b.example"},
        {"the order of the answer does not matter", {"b.example", "c.example", "a.example"},
                "a.example|b.example|c.example"},
        {"a host that is there twice", {"b.example", "a.example", "b.example", "a.example"},
                "a.example|b.example"},
        {"an address", {"192.0.2.1:25"}, "192.0.2.1:25"},
        {"a provider", {"gmail-smtp-in.l.google.com", "alt1.gmail-smtp-in.l.google.com"}, "gmail"},
        {"under two suffixes of one provider", {"aspmx.l.google.com", "aspmx2.googlemail.com"},
                "gmail"},
        {"the suffix itself", {"google.com"}, "gmail"},
        {"a name that ends alike", {"mx.notgoogle.com"}, "mx.notgoogle.com"},
        {"a customer's own host beside it", {"aspmx.l.google.com", "mx.b.example"},
                "aspmx.l.google.com|mx.b.example"},
        {"two providers", {"aspmx.l.google.com", "mx1.mail.icloud.com"},
                "aspmx.l.google.com|mx1.mail.icloud.com"},
        {"each customer has a host", {"b-example.mail.protection.outlook.com"}, "outlook"},
        {"outlook.com is not all of it", {"mx.outlook.com"}, "mx.outlook.com"},
};

static size_t strs_from(const char *const hosts[HOSTS_MAX], struct str out[HOSTS_MAX])
{
    size_t count = 0;
    while (count < HOSTS_MAX && hosts[count] != NULL) {
        out[count] = str_from_c(hosts[count]);
        count++;
    }
    return count;
}

static void sites(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        struct str names[HOSTS_MAX];
        const struct strs hosts = {names, strs_from(cases[i].hosts, names)};
        arena_init(&a, MIB);
        check_str(cases[i].name, site_of(&a, &hosts), str_from_c(cases[i].site));
    }
}

static void no_room_gives_no_name(void **state)
{
    struct arena a AUTO(arena_done);
    struct str name = S("mx.b.example");
    const struct strs hosts = {&name, 1};
    (void)state;
    arena_init(&a, 8);
    assert_true(str_is_null(site_of(&a, &hosts)));
}

static void suffixes(void **state)
{
    const struct str suffixes[] = {S("b.example"), S("c.example")};
    const struct strs all = {suffixes, 2};
    const struct str names[] = {S("mx.b.example"), S("c.example"), S("xc.example")};
    (void)state;
    assert_true(site_is_under(&(struct strs){names, 2}, &all));
    assert_false(site_is_under(&(struct strs){names, 3}, &all));
    assert_false(site_is_under(&(struct strs){names, 0}, &all));
    assert_false(site_host_is_under(S("mx.example"), S("")));
    assert_true(site_host_is_under(S("MX.B.example"), S("b.EXAMPLE")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(sites), TEST(no_room_gives_no_name), TEST(suffixes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
