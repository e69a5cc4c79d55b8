// SPDX-License-Identifier: Apache-2.0
// tests/unit/directory/test_settings.c: what is wrong with directories and domains in a
// configuration, and what is right although it looks odd.
#include "world.h"

#define MEMORY "[directory.m]\ntype = 'memory'\n"
#define P "[[directory.m.principals]]\n"

struct settings_case {
    const char *name, *text, *found;
};

static const struct settings_case cases[] = {
        {.name = "nothing at all", .text = ""},
        {.name = "one of each",
                .text = "[storage]\ndirectory = 'c'\n[directory.i]\ntype = 'internal'\n" MEMORY
                        "[directory.c]\ntype = 'chain'\ndirectories = ['m', 'i']\n"},
        {.name = "no type",
                .text = "[directory.x]\nlogin.domains = 'a.example'\n",
                .found = "/c.toml:4:12: error: directory.x.type: this must be set\n"},
        {.name = "a type of later",
                .text = "[directory.x]\ntype = 'ldap'\nurl = 'ldap://h'\n",
                .found = "/c.toml:5:8: error: directory.x.type: this build does not have \"ldap\" "
                         "yet\n"
                         "/c.toml:6:1: error: directory.x.url: this build does not have LDAP "
                         "directories yet\n"},
        {.name = "an unknown type",
                .text = "[directory.x]\ntype = 'intern'\n",
                .found = "/c.toml:5:8: error: directory.x.type: invalid word \"intern\" (expected "
                         "internal, memory or chain); did you mean 'internal'?\n"},
        {.name = "several, and no default",
                .text = "[directory.i]\ntype = 'internal'\n" MEMORY,
                .found = "error: storage.directory: there are 2 directories; say "
                         "which one is the default\n"},
        {.name = "a default that is not there",
                .text = "[storage]\ndirectory = 'x'\n" MEMORY,
                .found = "/c.toml:5:13: error: storage.directory: directory 'x' is not defined; "
                         "add [directory.\"x\"]; defined: m\n"},
        {.name = "two internal ones",
                .text = "[storage]\ndirectory = 'a'\n[directory.a]\ntype = 'internal'\n"
                        "[directory.b]\ntype = 'internal'\n",
                .found = "/c.toml:9:8: error: directory.b.type: 'a' is the internal directory "
                         "already, and there is one only\n"},
        {.name = "a chain of nothing, and one of itself",
                .text = "[storage]\ndirectory = 'c'\n[directory.c]\ntype = 'chain'\n"
                        "[directory.d]\ntype = 'chain'\ndirectories = ['d']\n",
                .found = "/c.toml:6:12: error: directory.c.directories: a chain names the "
                         "directories that it asks\n"
                         "/c.toml:10:16: error: directory.d.directories: 'd' is a chain itself; "
                         "name the directories in it\n"},
        {.name = "keys of other types",
                .text = "[directory.i]\ntype = 'internal'\ndirectories = ['i']\n"
                        "lookup.domains = 'a.example'\n[[directory.i.principals]]\nname = 'x'\n",
                .found = "/c.toml:8:15: error: directory.i.principals: only a directory of type "
                         "\"memory\" has this\n"
                         "/c.toml:7:18: error: directory.i.lookup.domains: only a directory of "
                         "type \"memory\" has this\n"
                         "/c.toml:6:16: error: directory.i.directories: only a directory of type "
                         "\"chain\" has this\n"},
        {.name = "no name",
                .text = MEMORY P "email = 'a@a.example'\n",
                .found = "/c.toml:6:15: error: directory.m.principals: element 1 has no 'name'\n"},
        {.name = "a name twice",
                .text = MEMORY P "name = 'anna'\n" P "name = 'ANNA'\n",
                .found = "/c.toml:8:15: error: directory.m.principals: the name 'anna' is there "
                         "twice: also in principal 1\n"},
        {.name = "an address twice",
                .text = MEMORY P "name = 'anna'\nemail = ['a@a.example', 'b@a.example']\n" P
                                 "name = 'bob'\nemail = 'B@A.example'\n",
                .found = "/c.toml:9:15: error: directory.m.principals: b@a.example belongs to both "
                         "'bob' and 'anna' (principal 1)\n"},
        {.name = "no address",
                .text = MEMORY P "name = 'anna'\nemail = ['a@@a.example', '@a.example']\n",
                .found = "/c.toml:6:15: error: directory.m.principals: address \"a@@a.example\": "
                         "expected a domain at column 3\n"},
        {.name = "no group",
                .text = MEMORY P "name = 'anna'\nmember-of = ['x', 'anna']\n",
                .found = "/c.toml:6:15: error: directory.m.principals: 'anna' is a member of 'x', "
                         "which is no group\n"
                         "/c.toml:6:15: error: directory.m.principals: 'anna' is a member of "
                         "'anna', which is no group\n"},
        {.name = "clear secrets, and such as are none",
                .text = MEMORY P "name = 'anna'\nsecret = ['pass', '{PLAIN}x', "
                                 "'otpauth://totp/x?secret=A', '$6$x$y']\n",
                .found = "/c.toml:6:15: warning: directory.m.principals: the secret of 'anna' is "
                         "clear text; 'posthaste account password --hash' makes a hash of it\n"},
        {.name = "a class of nobody, and others' words for it",
                .text = MEMORY P "name = 'anna'\nclass = 'Person'\n" P
                                 "name = 'bob'\nclass = 'robot'\n",
                .found = "/c.toml:9:15: error: directory.m.principals: element 2: invalid word "
                         "\"robot\" (expected individual, admin, group or list)\n"},
        {.name = "members of what is no list",
                .text = MEMORY P "name = 'anna'\nmembers = 'anna'\n",
                .found =
                        "/c.toml:6:15: error: directory.m.principals: 'anna' is no list, so it has "
                        "no members; members of a group say member-of\n"},
        {.name = "a list of nobody",
                .text = MEMORY P "name = 'l'\nclass = 'list'\nmembers = ['anna']\n"
                                 "external-members = 'x'\nowner = 'y'\n",
                .found = "/c.toml:6:15: error: directory.m.principals: owner \"y\": expected @ at "
                         "column 2\n"
                         "/c.toml:6:15: error: directory.m.principals: 'anna' on the list 'l' is "
                         "nobody here; addresses of elsewhere are external-members\n"
                         "/c.toml:6:15: error: directory.m.principals: member \"x\": expected @ at "
                         "column 2\n"},
        {.name = "a list address of somebody",
                .text = MEMORY P "name = 'anna'\nemail = 'a@a.example'\n" P
                                 "name = 'bob'\nemail-list = 'a@a.example'\n",
                .found =
                        "/c.toml:9:15: error: directory.m.principals: a@a.example is an address of "
                        "'anna' and no list\n"},
        {.name = "domains that clash",
                .text = "[domain.'a.example']\naliases = ['b.example', 'c.example']\n"
                        "[domain.'b.example']\naliases = ['c.example']\n",
                .found = "/c.toml:5:12: error: domain.\"a.example\".aliases: b.example is the "
                         "domain b.example already\n"
                         "/c.toml:7:12: error: domain.\"b.example\".aliases: c.example is an alias "
                         "of a.example already\n"},
        {.name = "no domain",
                .text = "[domain.'a_b']\nenabled = true\n",
                .found = "/c.toml:5:11: error: domain.a_b.enabled: \"a_b\" is no domain: \"a_b\" "
                         "is no label of a domain\n"},
        {.name = "a domain's directory that is not there",
                .text = MEMORY P "name = 'a'\nclass = 'admin'\nemail = 'x@a.example'\n"
                                 "[domain.'a.example']\ndirectory = 'x'\n",
                .found = "/c.toml:11:13: error: domain.\"a.example\".directory: directory 'x' is "
                         "not defined; add [directory.\"x\"]; defined: m\n"},
        {.name = "nobody is postmaster",
                .text = MEMORY "[domain.'a.example']\nallow-relaying = true\n"
                               "[domain.'off.example']\nenabled = false\n",
                .found = "/c.toml:6:9: warning: domain.\"a.example\".enabled: nobody gets the mail "
                         "to postmaster@a.example (RFC 5321 4.5.1); give somebody the address, "
                         "make somebody an administrator, or set report.postmaster\n"},
        {.name = "report.postmaster is",
                .text = MEMORY "[report]\npostmaster = 'x@elsewhere.example'\n"
                               "[domain.'a.example']\nallow-relaying = true\n"},
        {.name = "half a fallback administrator",
                .text = "[authentication.fallback-admin]\nuser = 'root'\n",
                .found = "/c.toml:5:8: error: authentication.fallback-admin.user: a fallback "
                         "administrator needs both user and secret\n"},
        {.name = "a fallback administrator's secret in the clear",
                .text = "[authentication.fallback-admin]\nuser = 'root'\nsecret = 'x'\n",
                .found = "/c.toml:6:10: warning: authentication.fallback-admin.secret: this is "
                         "clear text; 'posthaste account password --hash' makes a hash of it\n"},
};

static void findings(void **state)
{
    (void)state;
    size_t bad = 0;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        struct buf text AUTO(buf_done), found AUTO(buf_done);
        buf_init(&text, 64 * KIB);
        buf_init(&found, 64 * KIB);
        buf_fmt(&text, LISTENER "%s%c", cases[i].text, 0);
        world_load(&w, text.ptr);
        findings_lines(&found, &w.findings);
        if (!str_eq(buf_str(&found), str_from_c(cases[i].found))) {
            print_error("== %s: found\n%.*s-- instead of\n%s", cases[i].name, ARG(buf_str(&found)),
                    cases[i].found != NULL ? cases[i].found : "");
            bad++;
        }
        world_end(&w);
    }
    assert_int_equal(bad, 0);
}

static void values(void **state)
{
    (void)state;
    struct world w;
    world_load(&w, LISTENER MEMORY P "name = ' J\xc3\x96RG '\nemail = 'J\xc3\x96RG@STRA\xc3\x9f"
                                     "E.example'\nquota = '1 gb'\nexpires = "
                                     "2027-01-31T00:00:00Z\nroles = ['admin']\n"
                                     "[domain.'b.example']\n[domain.'a.example']\n");
    const struct directory *m = directory_named(w.settings, S("m"));
    check_true("the only one is the default", w.settings->preset == m);
    const struct account *account = memory_by_name(m->memory, S("j\xc3\xb6rg"));
    assert_non_null(account);
    check_str("address", account_email(account), S("j\xc3\xb6rg@xn--strae-oqa.example"));
    check_true("by address", memory_by_address(m->memory, account_email(account)) == account);
    check_true("its domain", memory_has_domain(m->memory, S("xn--strae-oqa.example")));
    check_u64("quota", account->quota_bytes, 1 << 30);
    check_true("expires", account->expires_at_ms == INT64_C(1801353600000));
    check_true("administrator", account_is_admin(account) && m->memory->admin == account);
    check_str("first domain", directory_settings_first_domain(w.settings), S("a.example"));
    check_true("there", directory_settings_have(w.settings, S("m")));
    check_true("the default", directory_settings_have(w.settings, S("*")));
    check_true("not there", !directory_settings_have(w.settings, S("x")));
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(findings), TEST(values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
