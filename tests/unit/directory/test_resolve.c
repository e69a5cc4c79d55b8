// SPDX-License-Identifier: Apache-2.0
// tests/unit/directory/test_resolve.c: who gets the mail to an address, inbound.md 8, VRFY and
// EXPN, and who may send as whom. Each table is asked of a memory directory and of an internal
// one that holds the same.
#include "world.h"

#define DOMAINS                                                                                    \
    "[domain.'a.example']\naliases = ['alias.example']\n"                                          \
    "[domain.'onward.example']\nallow-relaying = true\n"                                           \
    "[domain.'off.example']\nenabled = false\n"                                                    \
    "[domain.'plain.example']\nsub-addressing = false\nrequire-role-addresses = true\n"            \
    "[domain.'custom.example']\n"                                                                  \
    "sub-addressing = [{if = \"contains(rcpt, '_')\", then = \"split_once(rcpt, '_')[0]\"}, "      \
    "{else = false}]\n"                                                                            \
    "[domain.'caught.example']\ncatch-all = 'bob+x@a.example'\n"                                   \
    "[domain.'caught2.example']\ncatch-all = 'bob@alias.example'\n"                                \
    "[domain.'owned.example']\n[domain.'lists.example']\n[domain.'broken.example']\n"              \
    "sub-addressing = \"1 / (len(rcpt) - len(rcpt))\"\n"

#define P "[[directory.local.principals]]\n"
#define PEOPLE                                                                                     \
    "[storage]\ndirectory = 'DIR'\n[directory.local]\ntype = 'memory'\n"                           \
    "[directory.staff]\ntype = 'internal'\n" P                                                     \
    "name = 'Anna'\nemail = ['Anna@A.Example', 'anna@plain.example', 'anna@custom.example']\n"     \
    "member-of = ['berlin']\nemail-list = ['team@lists.example']\n" P                              \
    "name = 'bob'\nemail = ['bob@a.example', 'bob@broken.example', '\"b ob\"@a.example', '\"b "    \
    "ob+y\"@a.example']\n"                                                                         \
    "email-list = 'team@lists.example'\n" P                                                        \
    "name = 'off'\nemail = 'off@a.example'\nenabled = false\n" P                                   \
    "name = 'gone'\nemail = 'gone@a.example'\nenabled = false\ndisabled-receives = false\n" P      \
    "name = 'sales'\nclass = 'group'\nemail = 'sales@a.example'\n" P                               \
    "name = 'berlin'\nclass = 'group'\nemail = 'berlin@a.example'\nmember-of = 'sales'\n" P        \
    "name = 'owner'\nemail = ['owner@owned.example', '@owned.example']\n" P                        \
    "name = 'boss'\nclass = 'admin'\nemail = ['info-*@a.example', 'boss@a.example']\n" P           \
    "name = 'press'\nemail = ['press@a.example', 'info-press-*@a.example']\n" P                    \
    "name = 'news'\nclass = 'list'\nemail = 'news@lists.example'\nmembers = ['anna', 'inner']\n"   \
    "external-members = ['far@elsewhere.example', 'bob@a.example', 'nobody@a.example']\n"          \
    "owner = 'boss@a.example'\n" P                                                                 \
    "name = 'inner'\nclass = 'list'\nemail = 'inner@lists.example'\nmembers = ["                   \
    "'bob', 'gone']\nexternal-members = ['anna+x@alias.example', 'news@lists.example']\n"

struct resolve_case {
    const char *name, *address;
    enum resolution kind;
    const char *is;     // the recipient from then on; NULL: the same
    const char *detail; // NULL: none
    const char *sub_addressing, *catch_all, *delimiters; // of the session
    const char *error;
};

static const struct resolve_case cases[] = {
        {.name = "no domain", .address = "anna", .kind = RESOLVED_NOT_LOCAL},
        {.name = "another domain", .address = "anna@elsewhere.example", .kind = RESOLVED_NOT_LOCAL},
        {.name = "a domain that is switched off",
                .address = "anna@off.example",
                .kind = RESOLVED_NOT_LOCAL},
        {.name = "exact", .address = "anna@a.example", .kind = RESOLVED_MAILBOX},
        {.name = "a group", .address = "sales@a.example", .kind = RESOLVED_MAILBOX},
        {.name = "a list", .address = "news@lists.example", .kind = RESOLVED_LIST},
        {.name = "a list of email-list", .address = "team@lists.example", .kind = RESOLVED_LIST},
        {.name = "unknown", .address = "nobody@a.example", .kind = RESOLVED_UNKNOWN},
        {.name = "an entry that is no address",
                .address = "@owned.example",
                .kind = RESOLVED_NOT_LOCAL},
        {.name = "disabled, still receives", .address = "off@a.example", .kind = RESOLVED_MAILBOX},
        {.name = "disabled, receives nothing",
                .address = "gone@a.example",
                .kind = RESOLVED_DISABLED},
        {.name = "an alias domain",
                .address = "anna@alias.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@a.example"},
        {.name = "a sub-address",
                .address = "anna+x@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@a.example",
                .detail = "x"},
        {.name = "the first + cuts",
                .address = "anna+x+y@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@a.example",
                .detail = "x+y"},
        {.name = "an empty detail",
                .address = "anna+@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@a.example",
                .detail = ""},
        {.name = "nothing before the +", .address = "+x@a.example", .kind = RESOLVED_UNKNOWN},
        {.name = "a sub-address of nobody",
                .address = "nobody+x@a.example",
                .kind = RESOLVED_UNKNOWN},
        {.name = "a quoted local part is looked up first",
                .address = "\"b ob+y\"@a.example",
                .kind = RESOLVED_MAILBOX},
        {.name = "a quoted local part is cut within its quotes",
                .address = "\"b ob+x y\"@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "\"b ob\"@a.example",
                .detail = "x y"},
        {.name = "and loses them where it can",
                .address = "\"bob+x y\"@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "bob@a.example",
                .detail = "x y"},
        {.name = "a sub-address in an alias domain",
                .address = "anna+x@alias.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@a.example",
                .detail = "x"},
        {.name = "other delimiters",
                .address = "anna-x@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@a.example",
                .detail = "x",
                .delimiters = "+-"},
        {.name = "not a delimiter", .address = "anna-x@a.example", .kind = RESOLVED_UNKNOWN},
        {.name = "the session has none",
                .address = "anna+x@a.example",
                .kind = RESOLVED_UNKNOWN,
                .sub_addressing = "false"},
        {.name = "the session's own",
                .address = "x.anna@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@a.example",
                .sub_addressing = "split_once(rcpt, '.')[1]"},
        {.name = "the session's own, no change",
                .address = "nobody@a.example",
                .kind = RESOLVED_UNKNOWN,
                .sub_addressing = "false"},
        {.name = "the session's own makes no address",
                .address = "nobody@a.example",
                .sub_addressing = "'@@'",
                .error = "sub-addressing made no address of nobody@a.example: expected a "
                         "local part at column 1"},
        {.name = "the domain has none",
                .address = "anna+x@plain.example",
                .kind = RESOLVED_UNKNOWN},
        {.name = "the domain's own",
                .address = "anna_x@custom.example",
                .kind = RESOLVED_MAILBOX,
                .is = "anna@custom.example"},
        {.name = "the domain's own wins",
                .address = "anna+x@custom.example",
                .kind = RESOLVED_UNKNOWN,
                .sub_addressing = "true"},
        {.name = "an expression that fails",
                .address = "nobody@broken.example",
                .error = "an expression about nobody: division by zero"},
        {.name = "but not for whom it is not asked",
                .address = "bob@broken.example",
                .kind = RESOLVED_MAILBOX},
        {.name = "the domain's catch-all is no sub-address",
                .address = "any@caught.example",
                .kind = RESOLVED_UNKNOWN},
        {.name = "the domain's catch-all",
                .address = "any@caught2.example",
                .kind = RESOLVED_MAILBOX,
                .is = "bob@a.example"},
        {.name = "who owns the domain",
                .address = "any@owned.example",
                .kind = RESOLVED_MAILBOX,
                .is = "owner@owned.example"},
        {.name = "the session catches none",
                .address = "any@owned.example",
                .kind = RESOLVED_UNKNOWN,
                .catch_all = "false"},
        {.name = "the session's catch-all",
                .address = "any@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "bob@a.example",
                .catch_all = "'bob@a.example'"},
        {.name = "the session's catch-all is nobody",
                .address = "any@a.example",
                .kind = RESOLVED_UNKNOWN,
                .catch_all = "'nobody@a.example'"},
        {.name = "the domain's catch-all wins",
                .address = "any@caught2.example",
                .kind = RESOLVED_MAILBOX,
                .is = "bob@a.example",
                .catch_all = "false"},
        {.name = "unknown users go onward",
                .address = "any@onward.example",
                .kind = RESOLVED_ONWARD},
        {.name = "what begins so",
                .address = "info-x@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "boss@a.example"},
        {.name = "the longest beginning",
                .address = "info-press-x@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "press@a.example"},
        {.name = "what begins otherwise", .address = "inf-x@a.example", .kind = RESOLVED_UNKNOWN},
        {.name = "postmaster",
                .address = "postmaster@a.example",
                .kind = RESOLVED_MAILBOX,
                .is = "boss@a.example"},
        {.name = "postmaster of a domain with a catch-all",
                .address = "postmaster@owned.example",
                .kind = RESOLVED_MAILBOX,
                .is = "boss@a.example"},
        {.name = "abuse",
                .address = "abuse@plain.example",
                .kind = RESOLVED_MAILBOX,
                .is = "boss@a.example"},
        {.name = "abuse where it is not wished",
                .address = "abuse@a.example",
                .kind = RESOLVED_UNKNOWN},
};

static const struct expr_setting *compiled(struct world *w, const char *text)
{
    struct expr_problem problem = {0};
    struct expr_spec spec = {
            .key = S("session.rcpt.x"), .context = EXPR_ADDR, .target = {.kind = EXPR_TO_ANY}};
    struct expr_world world = {0};
    if (text == NULL)
        return NULL;
    const struct expr_setting *made =
            expr_from_text(&w->a, str_from_c(text), &spec, &world, &problem);
    if (made == NULL)
        check_failed("%s: %.*s", text, ARG(problem.message));
    return made;
}

static struct err resolve_all(void *arg)
{
    struct world *w = arg;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct resolve_case *c = &cases[i];
        struct resolved r;
        struct str address = str_from_c(c->address);
        struct resolve_rules rules = w->rules;
        rules.sub_addressing = compiled(w, c->sub_addressing);
        rules.catch_all = compiled(w, c->catch_all);
        if (c->delimiters != NULL)
            rules.delimiters = str_from_c(c->delimiters);
        struct err e = directories_resolve(w->d, &w->a, &rules, address, &r);
        check_str(c->name, err_text(e), str_from_c(c->error));
        if (failed(e))
            continue;
        struct str is = c->is != NULL ? str_from_c(c->is) : address;
        check_u64(c->name, r.kind, c->kind);
        check_str(c->name, r.address, is);
        check_str(c->name, r.detail, str_from_c(c->detail));
        check_true(c->name, str_is_null(r.detail) == (c->detail == NULL));
        bool alias = str_ends(address, S("@alias.example"));
        check_true(c->name, r.moved == (c->is != NULL && (!alias || c->detail != NULL)));
        bool somebody = r.kind == RESOLVED_MAILBOX || r.kind == RESOLVED_LIST ||
                        r.kind == RESOLVED_DISABLED;
        check_true(c->name, (r.account != NULL) == somebody);
    }
    return OK;
}

static struct err expand_all(void *arg)
{
    static const char *const members[] = {"anna@a.example null boss@a.example",
            "far@elsewhere.example null boss@a.example", "bob@a.example null boss@a.example"};
    struct world *w = arg;
    struct resolved list;
    struct expansion x;
    TRY(directories_resolve(w->d, &w->a, &w->rules, S("news@lists.example"), &list));
    TRY(directories_expand(w->d, &w->a, &w->rules, list.account, &x));
    // anna is on both lists, under two addresses; inner and news hold each other.
    check_u64("members", x.count, COUNT_OF(members));
    for (size_t i = 0; i < x.count; i++) {
        struct str line = arena_fmt(&w->a, "%.*s %s %.*s", ARG(x.at[i].address),
                str_is_null(x.at[i].detail) ? "null" : "detail", ARG(x.at[i].sender));
        check_str("member", line, str_from_c(members[i]));
        check_true("local", x.at[i].local == !str_ends(x.at[i].address, S("elsewhere.example")));
    }
    check_u64("unknown and disabled ones", x.dead_count, 2);
    check_true("not too many", !x.too_many);
    TRY(directories_resolve(w->d, &w->a, &w->rules, S("team@lists.example"), &list));
    TRY(directories_expand(w->d, &w->a, &w->rules, list.account, &x));
    check_u64("members of email-list", x.count, 2);
    check_true("its sender stays", str_is_null(x.at[0].sender));
    return OK;
}

static struct err verify_all(void *arg)
{
    static const struct {
        const char *what, *vrfy;
        size_t expn;
    } rows[] = {{"anna", "anna@a.example", 0}, {"ANNA@A.example", "anna@a.example", 0},
            {"ann", NULL, 0}, {"boss", "boss@a.example", 0},
            {"anna+x@a.example", "anna@a.example", 0}, {"news", NULL, 3},
            {"news@lists.example", NULL, 3}, {"", NULL, 0}, {"@", NULL, 0},
            {"anna@elsewhere.example", NULL, 0}, {"sales", "sales@a.example", 0},
            {"any@owned.example", "owner@owned.example", 0}};
    struct world *w = arg;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool found = true;
        struct str address = STR_NULL, what = str_from_c(rows[i].what);
        struct strs members = {0};
        TRY(directories_vrfy(w->d, &w->a, &w->rules, what, &found, &address));
        check_true(rows[i].what, found == (rows[i].vrfy != NULL));
        check_str(rows[i].what, address, str_from_c(rows[i].vrfy));
        TRY(directories_expn(w->d, &w->a, &w->rules, what, &found, &members));
        check_true(rows[i].what, found == (rows[i].expn > 0));
        check_u64(rows[i].what, members.count, rows[i].expn);
    }
    return OK;
}

static struct err send_as_all(void *arg)
{
    static const struct {
        const char *account, *sender;
        bool may;
    } rows[] = {{"anna", "anna@a.example", true}, {"anna", "anna@alias.example", true},
            {"anna", "anna+x@a.example", true}, {"anna", "anna+x@plain.example", false},
            {"anna", "anna_x@custom.example", true}, {"anna", "bob@a.example", false},
            {"anna", "berlin@a.example", true}, {"anna", "sales@a.example", true},
            {"anna", "sales+x@a.example", true}, {"bob", "sales@a.example", false},
            {"anna", "news@lists.example", true}, {"anna", "team@lists.example", true},
            {"bob", "news@lists.example", false}, {"boss", "news@lists.example", true},
            {"owner", "any@owned.example", true}, {"owner", "any@a.example", false},
            {"anna", "any@owned.example", false}, {"anna", "any@elsewhere.example", false},
            {"boss", "postmaster@a.example", true}, {"anna", "postmaster@a.example", false},
            {"bob", "any@caught2.example", true}, {"anna", "nobody@a.example", false},
            {"press", "info-press-now@a.example", true}, {"press", "info-x@a.example", false},
            {"anna", "", false}, {"anna", "anna", true}};
    struct world *w = arg;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct account *account = NULL;
        bool may = false;
        TRY(directories_account(w->d, &w->a, S("*"), str_from_c(rows[i].account), &account));
        TRY(directories_may_send_as(
                w->d, &w->a, &w->rules, account, str_from_c(rows[i].sender), &may));
        if (may != rows[i].may)
            check_failed("%s as %s: %d", rows[i].account, rows[i].sender, may);
    }
    return OK;
}

static struct err local_all(void *arg)
{
    static const struct {
        enum expr_local what;
        const char *name;
        bool local;
    } rows[] = {{EXPR_LOCAL_DOMAIN, "A.example", true}, {EXPR_LOCAL_DOMAIN, "alias.example", true},
            {EXPR_LOCAL_DOMAIN, "off.example", false}, {EXPR_LOCAL_DOMAIN, "x@a.example", false},
            {EXPR_LOCAL_DOMAIN, "", false}, {EXPR_LOCAL_ADDRESS, "Anna@a.example", true},
            {EXPR_LOCAL_ADDRESS, "anna@alias.example", true},
            {EXPR_LOCAL_ADDRESS, "news@lists.example", true},
            {EXPR_LOCAL_ADDRESS, "gone@a.example", true},
            {EXPR_LOCAL_ADDRESS, "anna+x@a.example", false},
            {EXPR_LOCAL_ADDRESS, "nobody@a.example", false},
            {EXPR_LOCAL_ADDRESS, "anna@elsewhere.example", false},
            {EXPR_LOCAL_ADDRESS, "a.example", false}};
    struct world *w = arg;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool local = !rows[i].local;
        TRY(directories_is_local(
                w->d, &w->a, rows[i].what, S("*"), str_from_c(rows[i].name), &local));
        check_true(rows[i].name, local == rows[i].local);
    }
    return OK;
}

static struct err domains_all(void *arg)
{
    static const struct {
        const char *domain, *name;
    } rows[] = {{"a.example", "a.example"}, {"alias.example", "a.example"}, {"off.example", NULL},
            {"elsewhere.example", NULL}, {"", NULL}};
    struct world *w = arg;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool local = false;
        struct local_domain domain;
        TRY(directories_domain(w->d, &w->a, S("*"), str_from_c(rows[i].domain), &local, &domain));
        check_true(rows[i].domain, local == (rows[i].name != NULL));
        if (local)
            check_str(rows[i].domain, domain.name, str_from_c(rows[i].name));
    }
    return OK;
}

static void ask_both(task_main *story)
{
    static const char *const ids[] = {"local", "staff"};
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct world w;
        struct buf text AUTO(buf_done);
        size_t at = str_find(S(PEOPLE), S("DIR"));
        assert_true(at != STR_NOT_FOUND);
        buf_init(&text, 64 * KIB);
        buf_fmt(&text, LISTENER DOMAINS "%.*s%s%.*s", ARG(str_upto(S(PEOPLE), at)), ids[i],
                ARG(str_from(S(PEOPLE), at + 3)));
        buf_add_byte(&text, '\0');
        world_load(&w, text.ptr);
        struct buf found AUTO(buf_done);
        buf_init(&found, 64 * KIB);
        findings_lines(&found, &w.findings);
        // What the internal directory holds is not known at load.
        struct str of_memory =
                S("/c.toml:16:13: warning: domain.\"caught.example\".catch-all: nobody in the "
                  "directory 'local' has the address bob+x@a.example\n");
        check_str("findings", buf_str(&found), i == 0 ? of_memory : S(""));
        world_copy(&w, S("local"));
        world_run(&w, story);
        world_end(&w);
    }
}

static void resolves(void **state)
{
    (void)state;
    ask_both(resolve_all);
}

static void expands(void **state)
{
    (void)state;
    ask_both(expand_all);
}

static void verifies(void **state)
{
    (void)state;
    ask_both(verify_all);
}

static void sends_as(void **state)
{
    (void)state;
    ask_both(send_as_all);
}

static void domains(void **state)
{
    (void)state;
    ask_both(domains_all);
    ask_both(local_all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(resolves), TEST(expands), TEST(verifies), TEST(sends_as), TEST(domains)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
