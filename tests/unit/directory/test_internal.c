// SPDX-License-Identifier: Apache-2.0
// tests/unit/directory/test_internal.c: accounts are made, changed and removed, as a whole or not
// at all; two handles see each other's commits at once; a process that dies in the middle leaves
// what was committed and nothing else.
#include "world.h"

#include "directory/internal_lmdb.h"

#include <signal.h>
#include <sys/wait.h>

#define TEXT                                                                                       \
    LISTENER "[directory.staff]\ntype = 'internal'\n[domain.'file.example']\n"                     \
             "aliases = ['alias.example']\n"

struct change_case {
    const char *name, *account;
    enum apply apply;
    enum account_type type;
    struct edit edits[3];
    const char *error;
    const char *is; // the account from then on
};

static void describe(struct buf *out, const struct account *account)
{
    const struct {
        const char *name;
        const struct strs *values;
    } rows[] = {{"email", &account->emails}, {"group", &account->groups}, {"list", &account->lists},
            {"external", &account->external_members}, {"role", &account->roles},
            {"from", &account->login_networks}};
    buf_fmt(out, "%u %.*s %.*s", account->id, ARG(account->name),
            ARG(account_type_name(account->type)));
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t v = 0; v < rows[i].values->count; v++)
            buf_fmt(out, " %s=%.*s", rows[i].name, ARG(rows[i].values->at[v]));
    if (account->quota_bytes > 0)
        buf_fmt(out, " quota=%llu", (unsigned long long)account->quota_bytes);
    if (account->description.len > 0)
        buf_fmt(out, " '%.*s'", ARG(account->description));
    if (account->disabled)
        buf_fmt(out, " disabled");
    if (account->owner.len > 0)
        buf_fmt(out, " owner=%.*s", ARG(account->owner));
}

#define ADD(what, text)                                                                            \
    {                                                                                              \
        .action = EDIT_ADD, .field = EDIT_##what, .value = S_INIT(text)                            \
    }
#define SET(what, text)                                                                            \
    {                                                                                              \
        .action = EDIT_SET, .field = EDIT_##what, .value = S_INIT(text)                            \
    }
#define DEL(what, text)                                                                            \
    {                                                                                              \
        .action = EDIT_REMOVE, .field = EDIT_##what, .value = S_INIT(text)                         \
    }
#define NEW .apply = APPLY_CREATE
#define OLD .apply = APPLY_UPDATE

// In this order, in one directory.
static const struct change_case cases[] = {
        {.name = "made", .account = " Anna ", NEW, .is = "1 anna individual"},
        {.name = "made twice",
                .account = "anna",
                NEW,
                .error = "there is an account 'anna' already"},
        {.name = "no such", .account = "bob", OLD, .error = "there is no account 'bob'"},
        {.name = "no name",
                .account = "",
                NEW,
                .error = "'' is no name of an account: 1 to 255 bytes of UTF-8 without control "
                         "characters are expected"},
        {.name = "an address",
                .account = "anna",
                OLD,
                .edits = {ADD(EMAIL, "Anna@FILE.example"), ADD(EMAIL, "a.w@file.example")},
                .is = "1 anna individual email=anna@file.example email=a.w@file.example"},
        {.name = "a domain of nobody",
                .account = "anna",
                OLD,
                .edits = {ADD(EMAIL, "anna@new.example")},
                .error = "the domain new.example is not ours: make it by 'posthaste domain create "
                         "new.example', or in the configuration by [domain.\"new.example\"]"},
        {.name = "an alias domain",
                .account = "anna",
                OLD,
                .edits = {ADD(EMAIL, "anna@alias.example")},
                .error = "alias.example is an alias of file.example: addresses are those of "
                         "file.example, and hold in its aliases as well"},
        {.name = "no address",
                .account = "anna",
                OLD,
                .edits = {ADD(EMAIL, "anna")},
                .error = "'anna' is no address: expected @ at column 5"},
        {.name = "another one",
                .account = "bob",
                NEW,
                .edits = {SET(DESCRIPTION, "Bob"), SET(QUOTA, "1gb"), ADD(ROLE, "admin")},
                .is = "2 bob individual role=admin quota=1073741824 'Bob'"},
        {.name = "somebody else's address",
                .account = "bob",
                OLD,
                .edits = {ADD(EMAIL, "bob@file.example"), ADD(EMAIL, "anna@file.example")},
                .error = "anna@file.example belongs to 'anna' already"},
        {.name = "and nothing of it was done",
                .account = "bob",
                OLD,
                .is = "2 bob individual role=admin quota=1073741824 'Bob'"},
        {.name = "the primary address",
                .account = "anna",
                OLD,
                .edits = {SET(EMAIL, "anna@file.example")},
                .is = "1 anna individual email=anna@file.example"},
        {.name = "an address that is free again",
                .account = "bob",
                OLD,
                .edits = {ADD(EMAIL, "a.w@file.example")},
                .is = "2 bob individual email=a.w@file.example role=admin quota=1073741824 'Bob'"},
        {.name = "an address that it has not",
                .account = "bob",
                OLD,
                .edits = {DEL(EMAIL, "anna@file.example")},
                .error = "'bob' has no address anna@file.example"},
        {.name = "a group",
                .account = "sales",
                NEW,
                .type = ACCOUNT_GROUP,
                .edits = {ADD(MEMBER, "anna"), ADD(EMAIL, "sales@file.example")},
                .is = "3 sales group email=sales@file.example"},
        {.name = "who is in it",
                .account = "anna",
                OLD,
                .is = "1 anna individual email=anna@file.example group=sales"},
        {.name = "no group",
                .account = "anna",
                OLD,
                .edits = {ADD(GROUP, "bob")},
                .error = "'bob' is no group"},
        {.name = "no such group",
                .account = "anna",
                OLD,
                .edits = {ADD(GROUP, "x")},
                .error = "there is no account, group or list 'x'"},
        {.name = "a group in a group",
                .account = "berlin",
                NEW,
                .type = ACCOUNT_GROUP,
                .edits = {ADD(GROUP, "sales")},
                .is = "4 berlin group group=sales"},
        {.name = "in a circle",
                .account = "berlin",
                OLD,
                .edits = {ADD(MEMBER, "sales")},
                .error = "'berlin' would contain itself"},
        {.name = "in itself",
                .account = "sales",
                OLD,
                .edits = {ADD(GROUP, "sales")},
                .error = "'sales' would contain itself"},
        {.name = "a list",
                .account = "news",
                NEW,
                .type = ACCOUNT_LIST,
                .edits = {ADD(MEMBER, "anna@file.example"), ADD(EXTERNAL_MEMBER, "x@y.example"),
                        SET(OWNER, "boss@file.example")},
                .is = "5 news list external=x@y.example owner=boss@file.example"},
        {.name = "who is on it",
                .account = "anna",
                OLD,
                .is = "1 anna individual email=anna@file.example group=sales list=news"},
        {.name = "off the list",
                .account = "anna",
                OLD,
                .edits = {DEL(LIST, "news")},
                .is = "1 anna individual email=anna@file.example group=sales"},
        {.name = "no list",
                .account = "anna",
                OLD,
                .edits = {ADD(EXTERNAL_MEMBER, "x@y.example")},
                .error = "'anna' is no list: only lists have members elsewhere"},
        {.name = "no size",
                .account = "anna",
                OLD,
                .edits = {SET(QUOTA, "much")},
                .error = "'much' is no size such as 500mb or 2gb"},
        {.name = "no time",
                .account = "anna",
                OLD,
                .edits = {SET(EXPIRES, "soon")},
                .error = "'soon' is no time such as 2027-01-31T00:00:00Z"},
        {.name = "no truth",
                .account = "anna",
                OLD,
                .edits = {SET(ENABLED, "perhaps")},
                .error = "'perhaps' is neither true nor false"},
        {.name = "no network",
                .account = "anna",
                OLD,
                .edits = {ADD(LOGIN_NETWORK, "home")},
                .error = "'home' is neither an address nor a network"},
        {.name = "of domains",
                .account = "anna",
                OLD,
                .edits = {ADD(ALIAS, "x.example")},
                .error = "that is a property of domains"},
        {.name = "disabled",
                .account = "anna",
                OLD,
                .edits = {SET(ENABLED, "false"), ADD(LOGIN_NETWORK, "192.0.2.0/24")},
                .is = "1 anna individual email=anna@file.example group=sales from=192.0.2.0/24 "
                      "disabled"},
};

static size_t edit_count(const struct change_case *c)
{
    size_t count = 0;
    while (count < COUNT_OF(c->edits) && !str_is_null(c->edits[count].value))
        count++;
    return count;
}

static struct internal *opened(struct world *w, enum internal_use use)
{
    struct internal *in = NULL;
    struct err e = internal_open(&w->a, world_folder(w), use, S("staff"), &in);
    check_str("open", err_text(e), S(""));
    return in;
}

// Each change by one handle is what the next one, which was opened before, reads.
static void changes(void **state)
{
    (void)state;
    struct world w;
    world_load(&w, TEXT);
    struct internal *in = opened(&w, INTERNAL_SERVE);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct change_case *c = &cases[i];
        const struct account *made = NULL, *back = NULL;
        struct buf text AUTO(buf_done);
        struct str name, why;
        struct change change = {.apply = c->apply,
                .name = str_from_c(c->account),
                .type = c->type,
                .edits = c->edits,
                .count = edit_count(c),
                .wall_ms = 1000,
                .settings = w.settings};
        buf_init(&text, KIB);
        struct err e = internal_account_change(in, &w.a, &change, &made);
        check_str(c->name, err_text(e), str_from_c(c->error));
        if (failed(e))
            continue;
        assert_true(account_name_normal(&w.a, change.name, &name, &why));
        e = internal_by_name(in, &w.a, name, &back);
        check_str(c->name, err_text(e), S(""));
        describe(&text, back);
        check_str(c->name, buf_str(&text), str_from_c(c->is));
    }
    internal_close(in);
    world_end(&w);
}

static struct err make(struct world *w, struct internal *in, struct str name, struct str email)
{
    struct edit edit = {EDIT_ADD, EDIT_EMAIL, email};
    const struct account *made;
    struct change change = {.apply = APPLY_CREATE,
            .name = name,
            .edits = &edit,
            .count = email.len > 0,
            .settings = w->settings};
    return internal_account_change(in, &w->a, &change, &made);
}

static void removes(void **state)
{
    (void)state;
    struct world w;
    const struct account *account = NULL;
    struct strs members;
    world_load(&w, TEXT);
    struct internal *in = opened(&w, INTERNAL_SERVE);
    check_str("make", err_text(make(&w, in, S("anna"), S("anna@file.example"))), S(""));
    struct edit member = ADD(MEMBER, "anna");
    struct account sales = {.name = S("sales"), .type = ACCOUNT_GROUP};
    world_change(&w, in, APPLY_CREATE, &sales, &member, 1);
    check_str("members", err_text(internal_members(in, &w.a, S("sales"), &members)), S(""));
    check_u64("members", members.count, 1);
    check_str("removed", err_text(internal_account_remove(in, &w.a, S("Anna"))), S(""));
    check_str("members", err_text(internal_members(in, &w.a, S("sales"), &members)), S(""));
    check_u64("no members", members.count, 0);
    check_str("again", err_text(internal_account_remove(in, &w.a, S("anna"))),
            S("there is no account 'anna'"));
    check_str("look", err_text(internal_by_address(in, &w.a, S("anna@file.example"), &account)),
            S(""));
    assert_null(account);
    // Numbers are never used again.
    check_str("make", err_text(make(&w, in, S("anna"), S("anna@file.example"))), S(""));
    check_str("look", err_text(internal_by_name(in, &w.a, S("anna"), &account)), S(""));
    check_u64("number", account->id, 3);
    internal_close(in);
    world_end(&w);
}

static void domains(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum apply apply;
        struct edit edits[2];
        const char *error;
    } rows[] = {
            {"New.Example", APPLY_CREATE, {ADD(ALIAS, "new2.example")}, NULL},
            {"new.example", APPLY_CREATE, {{0}}, "there is a domain new.example already"},
            {"new2.example", APPLY_CREATE, {{0}},
                    "new2.example is an alias of another domain already"},
            {"file.example", APPLY_CREATE, {{0}},
                    "file.example is in the configuration, [domain.\"file.example\"], which wins"},
            {"no_domain", APPLY_CREATE, {{0}},
                    "'no_domain' is no domain: \"no_domain\" is no label of a domain"},
            {"other.example", APPLY_CREATE, {ADD(ALIAS, "new.example")},
                    "there is a domain new.example already"},
            {"other.example", APPLY_UPDATE, {{0}}, "there is no domain other.example"},
            {"new.example", APPLY_UPDATE, {DEL(ALIAS, "new2.example"), SET(RELAYING, "true")},
                    NULL},
            {"new2.example", APPLY_CREATE, {SET(QUOTA, "1gb")}, "domains do not have that"},
            {"new2.example", APPLY_CREATE, {SET(SUB_ADDRESSING, "false")}, NULL},
    };
    struct world w;
    const struct internal_domain *domain = NULL;
    world_load(&w, TEXT);
    struct internal *in = opened(&w, INTERNAL_SERVE);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t count = 0;
        while (count < 2 && !str_is_null(rows[i].edits[count].value))
            count++;
        struct change change = {.apply = rows[i].apply,
                .name = str_from_c(rows[i].name),
                .edits = rows[i].edits,
                .count = count,
                .settings = w.settings};
        struct err e = internal_domain_change(in, &w.a, &change);
        check_str(rows[i].name, err_text(e), str_from_c(rows[i].error));
    }
    check_str("get", err_text(internal_domain(in, &w.a, S("new.example"), &domain)), S(""));
    check_true("as changed", domain->allow_relaying && domain->aliases.count == 0);
    check_str("get", err_text(internal_domain(in, &w.a, S("new2.example"), &domain)), S(""));
    check_true("as made", domain->no_sub_addressing);
    check_str("make", err_text(make(&w, in, S("anna"), S("anna@new.example"))), S(""));
    check_str("in use", err_text(internal_domain_remove(in, &w.a, S("new.example"))),
            S("1 address is in new.example: delete or change its accounts first"));
    check_str("not in use", err_text(internal_domain_remove(in, &w.a, S("new2.example"))), S(""));
    check_str("gone", err_text(internal_domain(in, &w.a, S("new2.example"), &domain)), S(""));
    internal_close(in);
    world_end(&w);
}

// Another process has the directory open, too: what it commits is seen here by the next question,
// and when it is killed in the middle of a change, that change was never made.
static void another_process(struct world *w, int go)
{
    struct internal *in = opened(w, INTERNAL_SERVE);
    struct err e = make(w, in, S("theirs"), S("theirs@file.example"));
    if (failed(e))
        _exit(1);
    struct lmdb_txn t;
    struct number_key id = key_number(77);
    if (failed(lmdb_txn_begin(&in->store, &w->a, LMDB_CHANGE, &t)) ||
            failed(lmdb_put(&t, DB_NAME, S("half"), key_one(&id))) ||
            write(go, "x", 1) != 1) // the parent may look now, and then kills us
        _exit(1);
    for (;;)
        pause();
}

static void dies_in_the_middle(void **state)
{
    (void)state;
    struct world w;
    const struct account *account = NULL;
    int ends[2], status = 0;
    char byte;
    world_load(&w, TEXT);
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        another_process(&w, ends[1]);
    assert_true(child > 0);
    assert_int_equal(read(ends[0], &byte, 1), 1);
    struct internal *in = opened(&w, INTERNAL_LOOK);
    check_str("look", err_text(internal_by_name(in, &w.a, S("theirs"), &account)), S(""));
    assert_non_null(account);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    internal_close(in);
    in = opened(&w, INTERNAL_SERVE);
    check_str("make", err_text(make(&w, in, S("ours"), S("ours@file.example"))), S(""));
    check_str("look", err_text(internal_by_name(in, &w.a, S("half"), &account)), S(""));
    assert_null(account);
    check_str("look", err_text(internal_by_name(in, &w.a, S("theirs"), &account)), S(""));
    check_u64("theirs", account->id, 1);
    internal_close(in);
    world_end(&w);
    close(ends[0]);
    close(ends[1]);
}

#define WRITERS 3
#define MADE_BY_EACH 20

static void write_many(struct world *w, int number)
{
    struct internal *in = opened(w, INTERNAL_SERVE);
    for (int i = 0; i < MADE_BY_EACH; i++) {
        struct str name = arena_fmt(&w->a, "w%d-%d", number, i);
        struct str shared = arena_fmt(&w->a, "s%d", i); // of these one process makes each
        struct err e = make(w, in, name, address_join(&w->a, name, S("file.example")));
        struct err taken = make(w, in, shared, S(""));
        if (failed(e) || (failed(taken) && taken.kind != ERR_EXISTS))
            _exit(1);
    }
    internal_close(in);
    _exit(0);
}

// Several processes change the directory at the same time: nothing is lost, no number comes twice.
static void many_write(void **state)
{
    (void)state;
    struct world w;
    pid_t children[WRITERS];
    const struct account **all = NULL;
    size_t count = 0;
    bool seen[WRITERS * MADE_BY_EACH + MADE_BY_EACH + 1] = {0};
    world_load(&w, TEXT);
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        if (children[i] == 0)
            write_many(&w, i);
    }
    for (int i = 0; i < WRITERS; i++) {
        int status = 0;
        assert_true(waitpid(children[i], &status, 0) == children[i]);
        assert_int_equal(status, 0);
    }
    struct internal *in = opened(&w, INTERNAL_LOOK);
    struct account_page page = {.count_max = 1000};
    check_str("list", err_text(internal_accounts(in, &w.a, &page, &all, &count)), S(""));
    check_u64("all", count, WRITERS * MADE_BY_EACH + MADE_BY_EACH);
    for (size_t i = 0; i < count; i++) {
        assert_true(all[i]->id < COUNT_OF(seen) && !seen[all[i]->id]);
        seen[all[i]->id] = true;
    }
    internal_close(in);
    world_end(&w);
}

// directory.md 12: that account answers "not now", others work, the list shows it.
static void a_damaged_record(void **state)
{
    (void)state;
    struct world w;
    struct lmdb_txn t;
    const struct account *account = NULL, **all = NULL;
    size_t count = 0;
    world_load(&w, TEXT);
    struct internal *in = opened(&w, INTERNAL_SERVE);
    check_str("make", err_text(make(&w, in, S("anna"), S("anna@file.example"))), S(""));
    check_str("make", err_text(make(&w, in, S("bob"), S("bob@file.example"))), S(""));
    struct number_key id = key_number(1);
    assert_false(failed(lmdb_txn_begin(&in->store, &w.a, LMDB_CHANGE, &t)));
    assert_false(failed(lmdb_put(&t, DB_ACCOUNT, key_one(&id), S("\x01\x00what is this"))));
    assert_false(failed(lmdb_txn_commit(&t)));
    struct err e = internal_by_address(in, &w.a, S("anna@file.example"), &account);
    check_str("damaged", err_text(e),
            S("the record of account 1 cannot be read: the record's checksum is wrong"));
    check_true("for the moment", err_is_temporary(e.kind));
    check_str("another", err_text(internal_by_name(in, &w.a, S("bob"), &account)), S(""));
    struct account_page page = {.count_max = 10};
    check_str("list", err_text(internal_accounts(in, &w.a, &page, &all, &count)), S(""));
    check_u64("all", count, 2);
    check_u64("the damaged one", all[0]->id, 1);
    check_true("has no name", str_is_null(all[0]->name));
    internal_close(in);
    world_end(&w);
}

static void lists(void **state)
{
    (void)state;
    static const struct {
        const char *after, *filter;
        size_t max;
        const char *names;
    } rows[] = {{NULL, NULL, 10, "anna bob cleo "}, {NULL, NULL, 2, "anna bob "},
            {"anna", NULL, 2, "bob cleo "}, {"b", NULL, 9, "bob cleo "}, {NULL, "o@f", 9, "cleo "},
            {NULL, "b", 9, "bob "}, {"cleo", NULL, 9, ""}, {NULL, "zz", 9, ""}};
    struct world w;
    world_load(&w, TEXT);
    struct internal *in = opened(&w, INTERNAL_SERVE);
    check_str("make", err_text(make(&w, in, S("bob"), S(""))), S(""));
    check_str("make", err_text(make(&w, in, S("anna"), S("anna@file.example"))), S(""));
    check_str("make", err_text(make(&w, in, S("cleo"), S("cleo@file.example"))), S(""));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct account_page page = {.after = str_from_c(rows[i].after),
                .filter = str_from_c(rows[i].filter),
                .count_max = rows[i].max};
        const struct account **all = NULL;
        size_t count = 0;
        struct buf names AUTO(buf_done);
        buf_init(&names, KIB);
        check_str("list", err_text(internal_accounts(in, &w.a, &page, &all, &count)), S(""));
        for (size_t n = 0; n < count; n++)
            buf_fmt(&names, "%.*s ", ARG(all[n]->name));
        check_str(rows[i].names, buf_str(&names), str_from_c(rows[i].names));
    }
    internal_close(in);
    world_end(&w);
}

static struct err ask_without(void *arg)
{
    struct world *w = arg;
    struct rcpt_answer answer;
    bool local;
    struct local_domain domain;
    struct directories_options options = {.settings = w->settings, .folder = S("/dev/null/x")};
    struct directories *d = NULL;
    TRY(directories_open(&w->a, &options, &d));
    struct err trouble = directories_trouble(d);
    struct err e = directories_rcpt(d, &w->a, S("*"), S("anna@file.example"), &answer);
    check_true("nobody is unknown", failed(e) && str_eq(err_text(e), err_text(trouble)));
    e = directories_domain(d, &w->a, S("*"), S("elsewhere.example"), &local, &domain);
    check_true("no domain is foreign", failed(e));
    e = directories_domain(d, &w->a, S("*"), S("file.example"), &local, &domain);
    check_true("but the file's are ours", !failed(e) && local);
    directories_close(d);
    // What was in the way may go while the worker runs.
    struct str folder = arena_fmt(&w->a, "%s/other", w->folder);
    FILE *f = fopen(arena_c_str(&w->a, folder), "w");
    assert_non_null(f);
    fclose(f);
    options.folder = folder;
    TRY(directories_open(&w->a, &options, &d));
    check_true("still in the way", failed(directories_trouble(d)));
    remove(arena_c_str(&w->a, folder));
    e = directories_rcpt(d, &w->a, S("*"), S("anna@file.example"), &answer);
    check_true("not tried again at once", failed(e));
    TRY(task_sleep_ms(6 * SECOND_MS));
    TRY(directories_rcpt(d, &w->a, S("*"), S("anna@file.example"), &answer));
    check_u64("unknown now", answer.kind, RCPT_UNKNOWN);
    check_true("no trouble", !failed(directories_trouble(d)));
    directories_close(d);
    return OK;
}

static void without_its_folder(void **state)
{
    (void)state;
    struct world w;
    struct internal *in = NULL;
    world_load(&w, TEXT);
    check_u64("nothing to look at",
            internal_open(&w.a, world_folder(&w), INTERNAL_LOOK, S("staff"), &in).kind,
            ERR_NOT_FOUND);
    world_run(&w, ask_without);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(changes), TEST(removes), TEST(domains),
            TEST(dies_in_the_middle), TEST(many_write), TEST(a_damaged_record), TEST(lists),
            TEST(without_its_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
