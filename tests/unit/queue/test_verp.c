// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_verp.c: senders of their own: how they are written, what hosts may do to
// them on the way, and what nobody can make up.
#include "../base/check.h"
#include "base/id.h"
#include "mail/address.h"
#include "queue/dsn/verp.h"

#define ARENA_BYTES (1 * MIB)
#define SECRET "0123456789abcdef0123456789abcdef"
#define TEMPLATE "bounces+{id}-{rcpt-encoded}@news.example.org"
#define ID UINT64_C(0x0b55250b1000400a)
#define SENT "bounces+0b55250b1000400a.929c3324130c6002add7-bob=far.example@news.example.org"

static const struct str secrets[] = {S_INIT(SECRET), S_INIT("an older one, of 32 characters..")};
static const struct verp_settings settings = {.is_on = true, .secrets = {secrets, 1}};
static const struct verp_settings changed = {.is_on = true, .secrets = {secrets, 2}};
static const struct verp_settings older = {.is_on = true, .secrets = {secrets + 1, 1}};
static const struct verp_settings off = {.secrets = {secrets, 1}};

static int64_t later_ms(int64_t ms)
{
    return id_made_at_ms(ID) + ms;
}

static struct str make(struct arena *a, const struct verp_settings *s, const char *template,
        const char *rcpt, bool watched)
{
    const struct verp_mail mail = {.id = ID, .rcpt = str_from_c(rcpt), .is_watched = watched};
    struct str out;
    struct err e = verp_make(a, s, str_from_c(template), &mail, &out);
    return failed(e) ? arena_join(a, S("! "), err_text(e)) : out;
}

// What stands between the signature and the domain.
static const struct {
    const char *rcpt;
    const char *encoded;
} spellings[] = {
        {"bob@far.example", "bob=far.example"},
        {"bob+news@far.example", "bob+2bnews=far.example"},
        {"a=b@far.example", "a+3db=far.example"},
        {"b_o-b.x@far.example", "b_o-b.x=far.example"},
        {"\"a..b@c\"@far.example", "+22a.+2eb+40c+22=far.example"},
        {"bob@[192.0.2.1]", "bob=+5b192.0.2.1+5d"},
        {"n\xC3\xBC@far.example", "n+c3+bc=far.example"},
        {"50%!/{}@far.example", "50+25+21+2f+7b+7d=far.example"},
};

static void recipients_are_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(spellings); i++) {
        struct arena a;
        struct verp_mail mail;
        struct mail_address parsed;
        arena_init(&a, ARENA_BYTES);
        struct str address = make(&a, &settings, TEMPLATE, spellings[i].rcpt, false);
        struct str want = arena_fmt(&a, "-%s@news.example.org", spellings[i].encoded);
        check_str(spellings[i].rcpt, str_from(address, 8 + 16 + 1 + 20), want);
        check_true("an address", !failed(mail_address_parse(&a, address, &parsed)));
        check_true("of no quotes", !parsed.quoted && !parsed.beyond_ascii);
        check_true("read", verp_read(&a, &settings, address, later_ms(0), &mail));
        check_str("who", mail.rcpt, str_from_c(spellings[i].rcpt));
        check_true("which", mail.id == ID && !mail.is_watched);
        arena_done(&a);
    }
}

static const struct {
    const char *name;
    const char *template, *rcpt, *why;
} refusals[] = {
        {"nothing", "", "bob@far.example", "expected NAME+{id}-{rcpt-encoded}@DOMAIN"},
        {"no name", "+{id}-{rcpt-encoded}@x.example", "bob@far.example",
                "expected NAME+{id}-{rcpt-encoded}@DOMAIN"},
        {"nothing between", "bounces{id}-{rcpt-encoded}@x.example", "bob@far.example",
                "expected NAME+{id}-{rcpt-encoded}@DOMAIN"},
        {"the other way round", "b+{rcpt-encoded}-{id}@x.example", "bob@far.example",
                "expected NAME+{id}-{rcpt-encoded}@DOMAIN"},
        {"no domain", "b+{id}-{rcpt-encoded}@", "bob@far.example", NULL},
        {"two names", "a b+{id}-{rcpt-encoded}@x.example", "bob@far.example", NULL},
        {"beyond ASCII", "b+{id}-{rcpt-encoded}@\xC3\xBC.example", "bob@far.example",
                "the address is not ASCII"},
};

static void templates_are_checked(void **state)
{
    struct arena a;
    char longest[MAIL_ADDRESS_BYTES_MAX], longer[MAIL_ADDRESS_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        arena_init(&a, ARENA_BYTES);
        struct str got = make(&a, &settings, refusals[i].template, refusals[i].rcpt, false);
        check_true(refusals[i].name, str_starts(got, S("! ")));
        if (refusals[i].why != NULL)
            check_str(refusals[i].name, str_from(got, 2), str_from_c(refusals[i].why));
        arena_done(&a);
    }
    // "b+" 16 "." 20 "-" x "=c@d.example": 254 in all.
    size_t most = MAIL_ADDRESS_BYTES_MAX - (sizeof("b+.-=c@d.example") - 1) - 36;
    memset(longest, 'x', sizeof(longest));
    memset(longer, 'x', sizeof(longer));
    assert(most + 4 <= sizeof(longest));
    memcpy(longest + most, "@c", sizeof("@c"));
    memcpy(longer + most + 1, "@c", sizeof("@c"));
    arena_init(&a, ARENA_BYTES);
    struct str got = make(&a, &settings, "b+{id}-{rcpt-encoded}@d.example", longest, false);
    check_u64("as long as may be", got.len, MAIL_ADDRESS_BYTES_MAX);
    check_str("a byte longer",
            make(&a, &settings, "b+{id}-{rcpt-encoded}@d.example", longer, false),
            S("! the address would be too long"));
    arena_done(&a);
}

static void what_is_signed(void **state)
{
    struct arena a;
    struct verp_mail mail;
    (void)state;
    arena_init(&a, ARENA_BYTES);
    check_str("a known one", make(&a, &settings, TEMPLATE, "bob@far.example", false), S(SENT));
    struct str watched = make(&a, &settings, TEMPLATE, "bob@far.example", true);
    check_true("read", verp_read(&a, &settings, watched, later_ms(0), &mail) && mail.is_watched);
    struct str by_older = make(&a, &older, TEMPLATE, "bob@far.example", true);
    check_true("another secret", !verp_read(&a, &settings, by_older, later_ms(0), &mail));
    check_true("a former secret", verp_read(&a, &changed, by_older, later_ms(0), &mail));
    check_true("watched", mail.is_watched);
    check_true("switched off", !verp_read(&a, &off, S(SENT), later_ms(0), &mail));
    check_true("at its end", verp_read(&a, &settings, S(SENT), later_ms(VERP_AGE_MAX_MS), &mail));
    check_true(
            "after it", !verp_read(&a, &settings, S(SENT), later_ms(VERP_AGE_MAX_MS + 1), &mail));
    check_true("a clock behind", verp_read(&a, &settings, S(SENT), later_ms(-DAY_MS), &mail));
    check_true("far behind", !verp_read(&a, &settings, S(SENT), later_ms(-DAY_MS - 1), &mail));
    arena_done(&a);
}

static const struct {
    const char *name;
    const char *address;
    bool proves;
} readings[] = {
        {"as it was sent", SENT, true},
        {"in capitals",
                "BOUNCES+0B55250B1000400A.929C3324130C6002ADD7-BOB=FAR.EXAMPLE@NEWS.EXAMPLE.ORG",
                true},
        {"at another domain",
                "bounces+0b55250b1000400a.929c3324130c6002add7-bob=far.example@other.example",
                true},
        {"somebody else",
                "bounces+0b55250b1000400a.929c3324130c6002add7-eve=far.example@news.example.org",
                false},
        {"another message",
                "bounces+0b55250b1000400b.929c3324130c6002add7-bob=far.example@news.example.org",
                false},
        {"a digit of the signature",
                "bounces+0b55250b1000400a.929c3324130c6002add0-bob=far.example@news.example.org",
                false},
        {"a short signature",
                "bounces+0b55250b1000400a.929c3324130c6002add-bob=far.example@news.example.org",
                false},
        {"no signature", "bounces+0b55250b1000400a-bob=far.example@news.example.org", false},
        {"nobody", "bounces+0b55250b1000400a.929c3324130c6002add7-@news.example.org", false},
        {"a broken escape",
                "bounces+0b55250b1000400a.929c3324130c6002add7-bob=far.example+2@news.example.org",
                false},
        {"no domain", "bounces+0b55250b1000400a.929c3324130c6002add7-bob=far.example", false},
        {"nothing in front",
                "0b55250b1000400a.929c3324130c6002add7-bob=far.example@news.example.org", false},
        {"ordinary", "bounces@news.example.org", false},
        {"empty", "", false},
};

static void what_proves(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(readings); i++) {
        struct arena a;
        struct verp_mail mail;
        arena_init(&a, ARENA_BYTES);
        bool proves = verp_read(&a, &settings, str_from_c(readings[i].address), later_ms(0), &mail);
        check_true(readings[i].name, proves == readings[i].proves);
        arena_done(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(recipients_are_written), TEST(templates_are_checked),
            TEST(what_is_signed), TEST(what_proves)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
