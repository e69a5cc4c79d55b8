// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_signing_settings.c: what the configuration says about our own signatures:
// ids that stand in it as they are must exist; how many sign at once in each worker.
#include "../base/check.h"

#include "../conf/conf_of.h"
#include "queue/signing/signing.h"

#define ONE                                                                                        \
    "[signature.one]\nalgorithm = 'ed25519-sha256'\ndomain = 'a.example'\nselector = 's1'\n"       \
    "private-key = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A='\n"

static const struct settings_case {
    const char *name, *config, *found;
    size_t workers, threads;
    bool must_sign, dsn_is_default;
} cases[] = {
        {"nothing written", "", "", 4, 1, false, true},
        {"threads for all workers", "auth.dkim.threads = 16\n", "", 4, 4, false, true},
        {"fewer threads than workers", "auth.dkim.threads = 1\n", "", 4, 1, false, true},
        {"tempfail", "auth.dkim.on-failure = 'tempfail'\n", "", 64, 1, true, true},
        {"an id that is there", "auth.dkim.sign = \"'one'\"\n", "", 64, 1, false, true},
        {"false", "auth.dkim.sign = false\nauth.arc.seal = false\n", "", 64, 1, false, true},
        {"an id that is not", "auth.dkim.sign = \"'onn'\"\n", "auth.dkim.sign unknown-id\n", 64, 1,
                false, true},
        {"one of a list", "auth.dkim.sign = \"['one', 'two']\"\n", "auth.dkim.sign unknown-id\n",
                64, 1, false, true},
        {"in a condition's value",
                "auth.dkim.sign = [{if = 'is_tls', then = \"'two'\"}, {else = \"'one'\"}]\n",
                "auth.dkim.sign unknown-id\n", 64, 1, false, true},
        {"one that is made for each message", "auth.dkim.sign = \"'x-' + sender_domain\"\n", "", 64,
                1, false, true},
        {"a sealer", "auth.arc.seal = \"'two'\"\n", "auth.arc.seal unknown-id\n", 64, 1, false,
                true},
        {"an id that rotation will make",
                "auth.dkim.rotation.r.domains = 'r.example'\n"
                "auth.dkim.sign = \"['rsa-r.example', 'ed25519-r.example', 'rsa-s.example']\"\n",
                "auth.dkim.sign unknown-id\n", 64, 1, false, true},
        {"reports", "report.dsn.sign = \"'two'\"\n", "report.dsn.sign unknown-id\n", 64, 1, false,
                false},
};

static void check_case(const struct settings_case *c)
{
    struct arena a;
    struct signers signers;
    struct rotation_settings rotation;
    struct signing_settings s;
    struct buf found AUTO(buf_done);
    arena_init(&a, 64 * MIB);
    buf_init(&found, 4 * KIB);
    struct findings findings = findings_make(&a);
    struct conf *conf =
            conf_of(arena_fmt(&a, "%s%s%s", c->config, SMTP, ONE), &findings); // keys before tables
    assert_false(failed(signers_make(&a, conf, &findings, &signers)));
    assert_false(failed(rotation_settings_make(&a, conf, &signers, &findings, &rotation)));
    assert_false(failed(signing_settings_make(&a, conf, &rotation, c->workers, &findings, &s)));
    each_in_vec (f, &findings.all)
        if (f->severity == FINDING_ERROR)
            buf_fmt(&found, "%.*s %.*s\n", ARG(f->key), ARG(f->code));
    check_str(c->name, buf_str(&found), str_from_c(c->found));
    check_u64(c->name, s.threads, c->threads);
    check_u64(c->name, s.must_sign, c->must_sign);
    check_u64(c->name, s.dsn_is_default, c->dsn_is_default);
    signers_done(&signers);
    conf_free(conf);
    arena_done(&a);
}

static void test_settings(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_case(&cases[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
