// SPDX-License-Identifier: Apache-2.0
// tests/unit/directory/test_login.c: who may log in, what is remembered of it and for how long,
// what other mechanisms are told, and codes of a second factor.
#include "world.h"

#include "directory/totp.h"

// {SHA} costs nothing: this is "secret", "second", "k$123456".
#define SECRET "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="
#define TOTP_KEY "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" // RFC 6238: 12345678901234567890
#define P "[[directory.local.principals]]\n"
#define TEXT                                                                                       \
    LISTENER                                                                                       \
    "[storage]\ndirectory = 'local'\n[authentication.fallback-admin]\nuser = 'Root'\n"             \
    "secret = '" SECRET "'\nlocal-only = true\n"                                                   \
    "[authentication.password]\nhash = 'pbkdf2'\n"                                                 \
    "[directory.staff]\ntype = 'internal'\n[directory.both]\ntype = 'chain'\n"                     \
    "directories = ['other', 'local']\n[directory.other]\ntype = 'memory'\n"                       \
    "[[directory.other.principals]]\nname = 'bob'\nsecret = '{PLAIN}other'\n"                      \
    "[directory.some]\ntype = 'chain'\ndirectories = ['local']\n"                                  \
    "login.domains = ['b.example']\n"                                                              \
    "[directory.local]\ntype = 'memory'\ndefault-domain = 'a.example'\n" P                         \
    "name = 'anna'\nemail = 'anna.weber@a.example'\nsecret = '" SECRET "'\n" P                     \
    "name = 'bob'\nemail = 'bob@b.example'\nsecret = ['{SHA}bogus', '{PLAIN}second']\n" P          \
    "name = 'none'\nemail = 'none@a.example'\n" P "name = 'off'\nsecret = '" SECRET                \
    "'\nenabled = false\n" P "name = 'old'\nsecret = '" SECRET                                     \
    "'\nexpires = 2001-01-01T00:00:00Z\n" P "name = 'home'\nsecret = '" SECRET                     \
    "'\nlogin-allowed-ips = ['192.0.2.0/24', '2001:db8::1']\n" P                                   \
    "name = 'odd'\nsecret = '{NO-SUCH}x'\n" P "name = 'group'\nclass = 'group'\nsecret = '" SECRET \
    "'\n" P "name = 'two'\nsecret = ['" SECRET "', 'otpauth://totp/x?secret=" TOTP_KEY             \
    "&digits=8']\n" P "name = 'keys'\nsecret = '{SCRAM-SHA-256}4096,W22ZaJ0SNY7soEsUEjb6gQ==,"     \
    "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=,wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=' "  \
    "\n"

struct login_case {
    const char *name, *login, *secret, *from, *directory;
    enum login_outcome outcome;
    const char *account, *error;
};

static const struct login_case cases[] = {
        {.name = "right", .login = "anna", .secret = "secret", .account = "anna"},
        {.name = "in capitals", .login = " ANNA ", .secret = "secret", .account = "anna"},
        {.name = "by address",
                .login = "Anna.Weber@A.example",
                .secret = "secret",
                .account = "anna"},
        {.name = "by local part, the default domain added",
                .login = "anna.weber",
                .secret = "secret",
                .account = "anna"},
        {.name = "the second secret, the first one is malformed",
                .login = "bob",
                .secret = "second",
                .account = "bob"},
        {.name = "no secret is right, one cannot be checked",
                .login = "bob",
                .secret = "third",
                .error = "the digest is malformed of account bob"},
        {.name = "wrong", .login = "anna", .secret = "Secret", .outcome = LOGIN_WRONG},
        {.name = "unknown", .login = "nobody", .secret = "secret", .outcome = LOGIN_UNKNOWN},
        {.name = "no secret here", .login = "none", .secret = "secret", .outcome = LOGIN_WRONG},
        {.name = "an empty secret", .login = "none", .secret = "", .outcome = LOGIN_UNKNOWN},
        {.name = "an empty name", .login = "", .secret = "secret", .outcome = LOGIN_UNKNOWN},
        {.name = "a control character",
                .login = "an\rna",
                .secret = "secret",
                .outcome = LOGIN_UNKNOWN},
        {.name = "no UTF-8", .login = "anna\xff", .secret = "secret", .outcome = LOGIN_UNKNOWN},
        {.name = "what would hurt others",
                .login = "*)(uid=*))(|(uid=*",
                .secret = "' OR 1=1",
                .outcome = LOGIN_UNKNOWN},
        {.name = "disabled", .login = "off", .secret = "secret", .outcome = LOGIN_DISABLED},
        {.name = "disabled, and wrong", .login = "off", .secret = "x", .outcome = LOGIN_WRONG},
        {.name = "expired", .login = "old", .secret = "secret", .outcome = LOGIN_EXPIRED},
        {.name = "from its network",
                .login = "home",
                .secret = "secret",
                .from = "192.0.2.9",
                .account = "home"},
        {.name = "from its address",
                .login = "home",
                .secret = "secret",
                .from = "2001:db8::1",
                .account = "home"},
        {.name = "from elsewhere",
                .login = "home",
                .secret = "secret",
                .from = "198.51.100.1",
                .outcome = LOGIN_FROM_ELSEWHERE},
        {.name = "an unknown form",
                .login = "odd",
                .secret = "secret",
                .error = "unsupported hash scheme {NO-SUCH} of account odd"},
        {.name = "a group", .login = "group", .secret = "secret", .outcome = LOGIN_FORBIDDEN},
        {.name = "without its code",
                .login = "two",
                .secret = "secret",
                .outcome = LOGIN_SECOND_FACTOR},
        {.name = "with a wrong code",
                .login = "two",
                .secret = "secret$12345678",
                .outcome = LOGIN_WRONG},
        {.name = "SCRAM keys do for a password",
                .login = "keys",
                .secret = "pencil",
                .account = "keys"},
        {.name = "the fallback", .login = "root", .secret = "secret", .from = "127.0.0.1"},
        {.name = "the fallback, wrong",
                .login = "root",
                .secret = "x",
                .from = "127.0.0.1",
                .outcome = LOGIN_WRONG},
        {.name = "the fallback from elsewhere",
                .login = "root",
                .secret = "secret",
                .from = "192.0.2.1",
                .outcome = LOGIN_FROM_ELSEWHERE},
        {.name = "in a chain the first that knows him decides",
                .login = "bob",
                .secret = "second",
                .directory = "both",
                .outcome = LOGIN_WRONG},
        {.name = "in a chain, the second one",
                .login = "anna",
                .secret = "secret",
                .directory = "both",
                .account = "anna"},
        {.name = "for logins of other domains only",
                .login = "anna",
                .secret = "secret",
                .directory = "some",
                .outcome = LOGIN_UNKNOWN},
        {.name = "for logins of this domain",
                .login = "bob@b.example",
                .secret = "second",
                .directory = "some",
                .account = "bob"},
};

static struct login login_of(const struct login_case *c)
{
    struct login login = {
            .directory = S("*"), .name = str_from_c(c->login), .secret = str_from_c(c->secret)};
    if (c->directory != NULL)
        login.directory = str_from_c(c->directory);
    bool good = ip_parse(str_from_c(c->from != NULL ? c->from : "203.0.113.9"), &login.from);
    assert_true(good);
    return login;
}

static struct err log_in_all(void *arg)
{
    struct world *w = arg;
    for (size_t round = 0; round < 2; round++) // the second time from what is remembered
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            const struct login_case *c = &cases[i];
            struct login login = login_of(c);
            struct login_answer answer;
            struct err e = directories_login(w->d, &w->a, &login, &answer);
            check_str(c->name, err_text(e), str_from_c(c->error));
            if (failed(e))
                continue;
            check_u64(c->name, answer.outcome, c->outcome);
            if (c->account != NULL)
                check_str(c->name, answer.account->name, str_from_c(c->account));
        }
    return OK;
}

static void logs_in(void **state)
{
    (void)state;
    struct world w;
    world_load(&w, TEXT);
    world_run(&w, log_in_all);
    world_end(&w);
}

static struct err remember(void *arg)
{
    struct world *w = arg;
    struct login login = {.name = S("anna"), .secret = S("wrong")};
    struct login_answer answer;
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_true("the first time", !answer.repeated);
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_true("the second time", answer.repeated && answer.outcome == LOGIN_WRONG);
    login.secret = S("other");
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_true("another one", !answer.repeated);
    TRY(task_sleep_ms(11 * SECOND_MS));
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_true("after its time", !answer.repeated);
    return OK;
}

static void remembers_what_was_wrong(void **state)
{
    (void)state;
    struct world w;
    world_load(&w, TEXT);
    world_run(&w, remember);
    world_end(&w);
}

// A new password holds at once, whatever is remembered.
static struct err change_password(void *arg)
{
    struct world *w = arg;
    struct account anna = {.name = S("anna")};
    struct edit first[] = {{EDIT_SET, EDIT_SECRET, S("{PLAIN}first")}};
    struct edit second[] = {{EDIT_SET, EDIT_SECRET, S("{PLAIN}second")}};
    struct login login = {.directory = S("staff"), .name = S("anna"), .secret = S("first")};
    struct login_answer answer;
    world_change(w, w->d->internal, APPLY_CREATE, &anna, first, 1);
    for (int i = 0; i < 2; i++) {
        TRY(directories_login(w->d, &w->a, &login, &answer));
        check_u64("the first password", answer.outcome, LOGIN_OK);
    }
    world_change(w, w->d->internal, APPLY_UPDATE, &anna, second, 1);
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_u64("the first password, later", answer.outcome, LOGIN_WRONG);
    login.secret = S("second");
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_u64("the second password", answer.outcome, LOGIN_OK);
    return OK;
}

static void a_new_password_holds_at_once(void **state)
{
    (void)state;
    struct world w;
    world_load(&w, TEXT);
    world_run(&w, change_password);
    world_end(&w);
}

static struct err tell_secrets(void *arg)
{
    static const struct {
        const char *login, *clear;
        bool known, keys;
    } rows[] = {{"keys", NULL, true, true}, {"bob", "second", true, false},
            {"anna", NULL, true, false}, {"nobody", NULL, false, false},
            {"two", NULL, true, false}};
    struct world *w = arg;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct login login = {.name = str_from_c(rows[i].login)};
        struct login_secrets secrets;
        struct login_answer answer;
        TRY(directories_secrets(w->d, &w->a, &login, &secrets));
        check_true(rows[i].login, (secrets.account != NULL) == rows[i].known);
        check_str(rows[i].login, secrets.clear, str_from_c(rows[i].clear));
        check_true(rows[i].login, (secrets.sha256.iterations == 4096) == rows[i].keys);
        check_u64(rows[i].login, secrets.sha256.stored_key.len, rows[i].keys ? 32 : 0);
        TRY(directories_admit(w->d, &w->a, &login, &answer));
        check_true(rows[i].login, (answer.outcome != LOGIN_UNKNOWN) == rows[i].known);
    }
    struct login two = {.name = S("two")};
    struct login_answer answer;
    TRY(directories_admit(w->d, &w->a, &two, &answer));
    check_u64("a second factor", answer.outcome, LOGIN_SECOND_FACTOR);
    return OK;
}

static void tells_secrets(void **state)
{
    (void)state;
    struct world w;
    world_load(&w, TEXT);
    world_run(&w, tell_secrets);
    world_end(&w);
}

// RFC 6238 appendix B.
static void codes(void **state)
{
    (void)state;
    static const char key[] = "otpauth://totp/x?secret=" TOTP_KEY "&digits=8";
    static const struct {
        const char *name, *url, *code;
        int64_t at_s;
        bool right;
    } rows[] = {{"at 59 s", key, "94287082", 59, true}, {"a step later", key, "94287082", 89, true},
            {"two steps later", key, "94287082", 119, false},
            {"in 2005", key, "07081804", 1111111109, true},
            {"in 2033", key, "69279037", 2000000000, true},
            {"in 2603", key, "65353130", 20000000000, true},
            {"six digits of it", key, "287082", 59, false},
            {"with six digits", "otpauth://totp/x?secret=" TOTP_KEY, "287082", 59, true},
            {"SHA-256",
                    "otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQGEZA"
                    "&algorithm=sha256&digits=8",
                    "46119246", 59, true},
            {"no secret", "otpauth://totp/x?digits=8", "94287082", 59, false},
            {"no base32", "otpauth://totp/x?secret=1", "287082", 59, false},
            {"an unknown hash", "otpauth://totp/x?secret=" TOTP_KEY "&algorithm=MD5", "287082", 59,
                    false},
            {"a period of 0", "otpauth://totp/x?secret=" TOTP_KEY "&period=0", "287082", 59,
                    false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (totp_check(str_from_c(rows[i].url), str_from_c(rows[i].code), rows[i].at_s * 1000) !=
                rows[i].right)
            check_failed("%s", rows[i].name);
}

static struct err use_code(void *arg)
{
    struct world *w = arg;
    struct login login = {.name = S("two"), .secret = S("secret$94287082")};
    struct login_answer answer = {0};
    sim_wall_set(w->sim, 59 * SECOND_MS);
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_u64("with its code", answer.outcome, LOGIN_OK);
    TRY(directories_login(w->d, &w->a, &login, &answer));
    check_u64("each is good once", answer.outcome, LOGIN_WRONG);
    return OK;
}

static void a_code_is_good_once(void **state)
{
    (void)state;
    struct world w;
    world_load(&w, TEXT);
    world_run(&w, use_code);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(logs_in), TEST(remembers_what_was_wrong),
            TEST(a_new_password_holds_at_once), TEST(tells_secrets), TEST(codes),
            TEST(a_code_is_good_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
