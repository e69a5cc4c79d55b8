// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_classify.c: bounce classes (outbound.md 28.5): how rules are read, in
// which order they are asked, and what the built-in ones make of replies as they are met.
#include "../base/check.h"

#include "deliver/reply/classify.h"

#define ARENA_BYTES (32 * MIB)

static struct bounce_rules *built_in(struct arena *a)
{
    struct bounce_rules *rules = NULL;
    assert_true(!failed(bounce_rules_read(a, bounce_rules_built_in(), &rules)));
    return rules;
}

static const char *class_of(struct arena *a, const struct bounce_rules *rules, const char *host,
        uint16_t code, const char *enhanced, const char *command, const char *text)
{
    const struct outcome o = {.kind = FAILURE_UNEXPECTED_REPLY,
            .host = str_from_c(host),
            .command = str_from_c(command),
            .code = code,
            .enhanced = str_from_c(enhanced),
            .text = str_from_c(text)};
    return bounce_class_word(bounce_class_of(rules, a, &o)).ptr;
}

// The forms are those of well-known servers, in words of our own.
static void replies_as_they_are_met(void **state)
{
    (void)state;
    static const struct {
        const char *host;
        uint16_t code;
        const char *enhanced, *command, *text, *class;
    } cases[] = {
            // odd ones
            {"mx.example", 550, NULL, "DATA", "", "policy"},
            {"mx.example", 550, NULL, "RCPT TO", "", "bad-mailbox"},
            {"mx.example", 450, NULL, "RCPT TO", "", "other"},
            {"mx.example", 571, NULL, "RCPT TO", "\xff\xfe", "other"},
            {"", 421, NULL, "CONNECT", "bye", "connection"},
            // mailboxes
            {"mx.example", 550, "5.1.1", "RCPT TO", "<a@b.example>: User unknown in local table",
                    "bad-mailbox"},
            {"mx.example", 550, NULL, "RCPT TO", "No such person at this address", "bad-mailbox"},
            {"mx.example", 550, "5.7.1", "RCPT TO", "no such user here", "bad-mailbox"},
            {"mx.example", 554, NULL, "DATA", "delivery error: mailbox does not exist",
                    "bad-mailbox"},
            {"mx.example", 550, NULL, "RCPT TO", "Unrouteable address", "bad-mailbox"},
            {"mx.example", 550, NULL, "RCPT TO", "Requested action not taken: mailbox unavailable",
                    "bad-mailbox"},
            {"gmail-smtp-in.l.google.com", 550, "5.1.1", "RCPT TO",
                    "The account you wanted is not one of ours", "bad-mailbox"},
            {"x-com.mail.protection.outlook.com", 550, "5.4.1", "RCPT TO",
                    "Recipient address rejected: Access denied.", "bad-mailbox"},
            {"x-com.mail.protection.outlook.com", 550, "5.1.10", "DATA",
                    "RESOLVER.ADR.RecipientNotFound", "bad-mailbox"},
            {"mta5.am0.yahoodns.net", 554, NULL, "DATA",
                    "delivery error: dd This user doesn't have a yahoo.com account", "bad-mailbox"},
            {"smtp-in.orange.fr", 550, "5.1.1", "RCPT TO", "Adresse invalide. OFR_416",
                    "bad-mailbox"},
            {"mx.yandex.ru", 550, "5.7.1", "RCPT TO", "No such user!", "bad-mailbox"},
            {"gmail-smtp-in.l.google.com", 550, "5.2.1", "RCPT TO",
                    "The account you wanted is inactive", "inactive-mailbox"},
            {"mta5.am0.yahoodns.net", 554, NULL, "RCPT TO",
                    "Sorry, this mailbox is disabled (554.30)", "inactive-mailbox"},
            {"mx.example", 550, NULL, "RCPT TO", "account has been suspended", "inactive-mailbox"},
            {"mx.example", 550, NULL, "RCPT TO", "she is no longer with us: account closed",
                    "inactive-mailbox"},
            {"mx.example", 552, "5.2.2", "RCPT TO", "full", "quota"},
            {"mx.example", 452, "4.2.2", "RCPT TO", "The recipient's mailbox is over quota",
                    "quota"},
            {"mx.example", 550, NULL, "DATA", "Mailbox quota exceeded", "quota"},
            {"mx.example", 422, NULL, "RCPT TO", "mailbox of the user is full", "quota"},
            {"smtp-in.orange.fr", 552, "5.1.1", "RCPT TO", "Boite pleine OFR_417", "quota"},
            {"mx.example", 550, "5.1.2", "RCPT TO", "", "bad-domain"},
            {"mx.example", 556, NULL, "RCPT TO", "", "bad-domain"},
            {"mx.example", 550, NULL, "RCPT TO", "domain does not exist here any more",
                    "bad-domain"},
            // spam and names
            {"gmail-smtp-in.l.google.com", 421, "4.7.0", "DATA",
                    "an unusual rate of unsolicited mail comes from your address",
                    "spam-reputation"},
            {"gmail-smtp-in.l.google.com", 550, "5.7.1", "DATA",
                    "this message is likely unsolicited mail", "spam-content"},
            {"x-com.mail.protection.outlook.com", 550, "5.7.606", "MAIL FROM",
                    "Access denied, banned sending IP [192.0.2.1]", "spam-reputation"},
            {"eur.olc.protection.outlook.com", 550, "5.7.1", "MAIL FROM",
                    "part of your network is on our block list (S3140)", "spam-reputation"},
            {"mta5.am0.yahoodns.net", 421, "4.7.0", "MAIL FROM",
                    "[TSS04] put off for a while, users complain", "spam-reputation"},
            {"mx.example", 554, "5.7.1", "RCPT TO",
                    "Client host [192.0.2.1] blocked using zen.spamhaus.org", "spam-reputation"},
            {"mx.example", 554, NULL, "CONNECT", "your server has a poor reputation",
                    "spam-reputation"},
            {"esa1.iphmx.com", 554, NULL, "CONNECT", "rejected due to the sending MTA's standing",
                    "spam-reputation"},
            {"rx.t-online.de", 554, NULL, "CONNECT", "IP=192.0.2.1 - A problem occurred.",
                    "spam-reputation"},
            {"mx.pphosted.com", 554, "5.7.1", "CONNECT",
                    "Blocked - see https://ipcheck.proofpoint.com/?ip=192.0.2.1",
                    "spam-reputation"},
            {"mx.example", 550, NULL, "DATA", "this looks like SPAM to us", "spam-content"},
            {"mx.qq.com", 550, NULL, "DATA", "Mail content denied.", "spam-content"},
            {"mx.mail.ru", 550, NULL, "DATA", "spam message rejected, see the help",
                    "spam-content"},
            {"mx.example", 554, "5.7.1", "DATA", "Virus Eicar found", "virus"},
            {"mx.example", 550, "5.7.1", "DATA", "the DMARC policy of the domain says so",
                    "auth-failed"},
            {"mx.example", 550, "5.7.23", "MAIL FROM", "not permitted by its record",
                    "auth-failed"},
            {"gmail-smtp-in.l.google.com", 550, "5.7.26", "DATA", "who are you", "auth-failed"},
            {"x-com.mail.protection.outlook.com", 550, "5.7.515", "DATA",
                    "Access denied, the level that is required is not met", "auth-failed"},
            // delays
            {"mx.example", 450, "4.2.0", "RCPT TO", "Greylisted, see http://x.example/",
                    "greylist"},
            {"mx.example", 451, NULL, "RCPT TO", "grey-listing in action", "greylist"},
            {"mx.example", 450, "4.7.1", "RCPT TO", "please try again in 300 seconds", "greylist"},
            {"mta5.am0.yahoodns.net", 451, NULL, "MAIL FROM", "[GL01] not now", "greylist"},
            {"mx.example", 421, "4.7.0", "CONNECT", "too many connections from your address",
                    "rate-limit"},
            {"mx.example", 450, "4.7.1", "RCPT TO", "rate limit exceeded", "rate-limit"},
            {"gmail-smtp-in.l.google.com", 450, "4.2.1", "RCPT TO",
                    "this user is receiving mail at a rate that", "rate-limit"},
            {"mx.comcast.net", 421, NULL, "CONNECT", "Throttled - see RL000001", "rate-limit"},
            {"mx.example", 421, "4.3.2", "DATA", "Service shutting down", "connection"},
            // rules of theirs
            {"mx.example", 554, "5.7.1", "RCPT TO", "Relay access denied", "relay-denied"},
            {"mx.example", 550, NULL, "RCPT TO", "relaying is not permitted to this host",
                    "relay-denied"},
            {"mx.example", 550, "5.1.8", "MAIL FROM", "Sender address rejected: no such domain",
                    "policy"},
            {"mx.example", 550, "5.7.25", "CONNECT", "there is no PTR for you", "policy"},
            {"mx.example", 554, "5.7.1", "DATA", "Message rejected under our policy", "policy"},
            {"mx.example", 552, "5.3.4", "MAIL FROM", "Message size exceeds fixed limit",
                    "too-large"},
            {"mx.example", 552, NULL, "BDAT", "", "too-large"},
            {"mx.example", 530, "5.7.0", "MAIL FROM", "Must issue a STARTTLS command first", "tls"},
            {"gmail-smtp-in.l.google.com", 550, "5.7.29", "DATA", "not this way", "tls"},
            {"mx.example", 554, "5.4.6", "DATA", "Too many hops", "routing"},
            {"mx.example", 550, "5.4.4", "RCPT TO", "", "routing"},
            {"mx.example", 501, "5.5.4", "MAIL FROM", "Syntax: MAIL FROM:<address>", "protocol"},
            {"mx.example", 550, "5.6.0", "DATA", "lone LF", "protocol"},
    };
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    const struct bounce_rules *rules = built_in(&a);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *class = class_of(&a, rules, cases[i].host, cases[i].code, cases[i].enhanced,
                cases[i].command, cases[i].text);
        check_str(cases[i].text, str_from_c(class), str_from_c(cases[i].class));
    }
    arena_done(&a);
}

static void failures_without_a_reply(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum failure_kind kind;
        const char *enhanced, *class;
    } cases[] = {
            {"nothing is known", FAILURE_NONE, NULL, "other"},
            {"we would have had to break it", FAILURE_UNEXPECTED_REPLY, "5.6.3", "protocol"},
            {"larger than its SIZE", FAILURE_UNEXPECTED_REPLY, "5.3.4", "too-large"},
            {"no such domain", FAILURE_DNS, "5.1.2", "bad-domain"},
            {"null MX", FAILURE_DNS, "5.1.10", "bad-domain"},
            {"DNS is down", FAILURE_DNS, "4.4.3", "routing"},
            {"no usable host", FAILURE_DNS, "5.4.4", "routing"},
            {"refused", FAILURE_CONNECTION, "4.4.1", "connection"},
            {"ourselves", FAILURE_CONNECTION, "5.4.6", "routing"},
            {"a relay does not know our password", FAILURE_CONNECTION, "4.7.8", "auth-failed"},
            {"gibberish", FAILURE_CONNECTION, "4.5.0", "protocol"},
            {"a bad certificate", FAILURE_TLS, "4.7.5", "tls"},
            {"TLSA", FAILURE_DANE, "4.7.5", "tls"},
            {"MTA-STS", FAILURE_MTA_STS, "4.7.5", "tls"},
            {"our own limiter", FAILURE_RATE, "4.4.5", "rate-limit"},
            {"cancelled", FAILURE_IO, "5.7.0", "admin"},
            {"by a rule", FAILURE_IO, "5.7.1", "admin"},
            {"expired", FAILURE_IO, "4.4.7", "expired"},
            {"our disk", FAILURE_IO, "4.3.0", "other"},
    };
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    const struct bounce_rules *rules = built_in(&a);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct outcome o = {.kind = cases[i].kind, .enhanced = str_from_c(cases[i].enhanced)};
        check_str(cases[i].name, bounce_class_word(bounce_class_of(rules, &a, &o)),
                str_from_c(cases[i].class));
    }
    arena_done(&a);
}

// What a rule about replies has given stays.
static void a_class_that_was_given(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, ARENA_BYTES);
    const struct outcome o = {.kind = FAILURE_TLS, .code = 550, .bounce_class = S("quota")};
    check_u64("given", bounce_class_of(built_in(&a), &a, &o), BOUNCE_QUOTA);
    arena_done(&a);
}

static void rules_are_asked_in_order(void **state)
{
    (void)state;
    static const char text[] = "# a comment\n"
                               "[one] one.example two.example\r\n"
                               "\n"
                               "quota  5xx  *      full.?up\n"
                               "[other] one.example\n"
                               "virus  550  5.7.x\n"
                               "[*]\n"
                               "tls    *    x.7.1\n"
                               "policy 55x@rcpt *\n";
    static const struct {
        const char *name, *host;
        uint16_t code;
        const char *enhanced, *command, *text;
        enum bounce_class class;
        size_t line;
        const char *provider;
    } cases[] = {
            {"a provider's", "mx.one.example", 550, "5.7.1", "DATA", "FULL UP", BOUNCE_QUOTA, 4,
                    "one"},
            {"case of names does not matter", "MX.TWO.Example", 550, NULL, "DATA", "full up",
                    BOUNCE_QUOTA, 4, "one"},
            {"the second provider of the same host", "one.example", 550, "5.7.33", "DATA", "",
                    BOUNCE_VIRUS, 6, "other"},
            {"no part of a name", "mx.notone.example", 550, "5.7.1", "DATA", "full up", BOUNCE_TLS,
                    8, NULL},
            {"another class of reply", "mx.one.example", 450, "4.7.1", "DATA", "full up",
                    BOUNCE_TLS, 8, NULL},
            {"an enhanced code that is none", "a.example", 550, "5.7", "RCPT TO", "", BOUNCE_POLICY,
                    9, NULL},
            {"another command", "a.example", 550, NULL, "DATA", "", BOUNCE_OTHER, 0, NULL},
            {"another code", "a.example", 560, NULL, "RCPT TO", "", BOUNCE_OTHER, 0, NULL},
    };
    struct arena a;
    struct bounce_rules *rules;
    arena_init(&a, ARENA_BYTES);
    assert_true(!failed(bounce_rules_read(&a, str_from_c(text), &rules)));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct outcome o = {.kind = FAILURE_UNEXPECTED_REPLY,
                .host = str_from_c(cases[i].host),
                .command = str_from_c(cases[i].command),
                .code = cases[i].code,
                .enhanced = str_from_c(cases[i].enhanced),
                .text = str_from_c(cases[i].text)};
        struct bounce_answer answer = bounce_classify(rules, &a, &o);
        check_u64(cases[i].name, answer.class, cases[i].class);
        check_u64(cases[i].name, answer.line, cases[i].line);
        check_true(cases[i].name, str_eq(answer.provider, str_from_c(cases[i].provider)));
    }
    arena_done(&a);
}

static void rules_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } cases[] = {
            {"quota * *", "line 1: a rule stands below"},
            {"[*]\nquota *", "line 2: expected CLASS"},
            {"[*]\n\n# x\nfull * *", "line 4: there is no class 'full'"},
            {"[*]\nquota 5x *", "line 2: '5x' is no code"},
            {"[*]\nquota 5yx *", "is no code"},
            {"[*]\nquota 550@noop *", "there is no command 'noop'"},
            {"[*]\nquota * 5.7", "'5.7' is no enhanced code"},
            {"[*]\nquota * 5.7.1.1", "is no enhanced code"},
            {"[*]\nquota * 5.7.1000", "is no enhanced code"},
            {"[*]\nquota * * (", "invalid regular expression"},
            {"[*]\nquota * * (a)\\1", "back-references"},
            {"[]\n", "expected [NAME]"},
            {"[x\n", "expected [NAME]"},
            {"[x]\n", "a provider has suffixes"},
            {"[*] a.example\n", "a provider has suffixes"},
            {"[*]\n[x] a.example\n", "behind those of [*]"},
    };
    struct arena a;
    struct bounce_rules *rules;
    arena_init(&a, ARENA_BYTES);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err e = bounce_rules_read(&a, str_from_c(cases[i].text), &rules);
        check_u64(cases[i].text, e.kind, ERR_SYNTAX);
        check_true(cases[i].text, str_contains(err_text(e), str_from_c(cases[i].error)));
    }
    arena_done(&a);
}

static void as_many_as_may_be(void **state)
{
    (void)state;
    struct arena a;
    struct bounce_rules *rules;
    struct buf text;
    arena_init(&a, ARENA_BYTES);
    buf_init(&text, MIB);
    buf_add(&text, S("[*]\n"));
    for (size_t i = 0; i < BOUNCE_RULES_MAX; i++)
        buf_add(&text, S("quota 552 *\n"));
    assert_true(!failed(bounce_rules_read(&a, buf_str(&text), &rules)));
    buf_add(&text, S("quota 552 *\n"));
    check_u64("one more", bounce_rules_read(&a, buf_str(&text), &rules).kind, ERR_LIMIT);
    buf_done(&text);
    arena_done(&a);
}

static void words_of_classes(void **state)
{
    (void)state;
    enum bounce_class class;
    assert_true(bounce_class_named(S("relay-denied"), &class) && class == BOUNCE_RELAY_DENIED);
    assert_true(!bounce_class_named(S("relay"), &class));
    assert_true(bounce_class_is_hard(BOUNCE_BAD_MAILBOX) && !bounce_class_is_hard(BOUNCE_QUOTA));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(replies_as_they_are_met),
            cmocka_unit_test(failures_without_a_reply),
            cmocka_unit_test(a_class_that_was_given),
            cmocka_unit_test(rules_are_asked_in_order),
            cmocka_unit_test(rules_that_are_none),
            cmocka_unit_test(as_many_as_may_be),
            cmocka_unit_test(words_of_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
