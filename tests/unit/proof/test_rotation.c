// SPDX-License-Identifier: Apache-2.0
// tests/unit/proof/test_rotation.c: rotation of keys as values (authentication.md 7.3, 7.4):
// selectors from templates, what settings may say, keys as text, each step, and a year of steps
// with a DNS that is late or gone and a machine that stops before or behind any write.
#include "../base/check.h"

#include "../conf/conf_of.h"
#include "base/date.h"
#include "base/encode.h"
#include "proof/rotation.h"

#define ED_SEED "private-key = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A='\n"
#define ED_ONE                                                                                     \
    "[signature.one]\nalgorithm = 'ed25519-sha256'\ndomain = 'a.example'\nselector = "             \
    "'s1'\n" ED_SEED
#define LONG_LABEL "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" // 64

// --- Templates -----------------------------------------------------------------------------------

static const struct template_case {
    const char *template, *selector, *error; // error: a part of it; NULL: none
} templates[] = {
        {"v{version}-{algorithm}-{date-%Y%m%d}", "v1-rsa-20270101", NULL},
        {"{hash}.{epoch}", "sha256.1798765323", NULL},
        {"s{random}", "sabcdefgh", NULL},
        {"plain", "plain", NULL},
        {"a b+c/d=e", "abcde", NULL},
        {"UPPER_case", "upper_case", NULL},
        {"}", NULL, "empty selector"},
        {"x}", "x", NULL},
        {"d{date-%F %T}", "d2027-01-01010203", NULL},
        {"d{date-%D-%R}", "d010127-0102", NULL},
        {"d{date-%y%j%C}", "d2700120", NULL},
        {"d{date-%e%I%p%P%S}", "d101amam03", NULL}, // upper case is lowered with the rest
        {"w{date-%G-%V-%g}", "w2026-53-26", NULL},
        {"w{date-%U.%W.%u.%w}", "w00.00.5.5", NULL},
        {"d{date-%a%A%b%B%h}", "dfrifridayjanjanuaryjan", NULL},
        {"d{date-%s%%}", "d1798765323", NULL},
        {"d{date-plain}", "dplain", NULL},
        {"", NULL, "empty selector"},
        {"+/=", NULL, "empty selector"},
        {"{date-%%}", NULL, "empty selector"},
        {"a{algorithm", NULL, "the { at column 2 is never closed"},
        {"{", NULL, "column 1"},
        {"{}", NULL, "{} at column 1 is unknown"},
        {"x{Algorithm}", NULL, "{Algorithm} at column 2 is unknown"},
        {"{date}", NULL, "{date} at column 1 is unknown"},
        {"{date-}", NULL, "the date at column 1 has no format"},
        {"{date-%Y%}", NULL, "ends in a single %"},
        {"ab{date-%Q}", NULL, "the date at column 3 has %Q"},
        {"{date-%\x01}", NULL, "has %?"},
        {"{{algorithm}}", NULL, "unknown"},
        {".a", NULL, "not made of labels"},
        {"a..b", NULL, "not made of labels"},
        {LONG_LABEL, NULL, "not made of labels"},
        {LONG_LABEL "." LONG_LABEL "." LONG_LABEL "." LONG_LABEL, NULL, "too long"},
};

static void test_templates(void **state UNUSED)
{
    struct rotation_selector_inputs in = {.type = DKIM_KEY_RSA, .now_ms = 1798765323999};
    memcpy(in.random, "abcdefgh", ROTATION_RANDOM_BYTES);
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        const struct template_case *c = &templates[i];
        struct arena a AUTO(arena_done);
        struct str selector = STR_NULL;
        arena_init(&a, 64 * KIB);
        struct err e = rotation_selector(&a, str_from_c(c->template), &in, &selector);
        if (c->error == NULL)
            check_str(c->template, selector, str_from_c(c->selector));
        else if (!failed(e) || !str_contains(err_text(e), str_from_c(c->error)))
            check_failed("%s: said \"%.*s\"", c->template, ARG(err_text(e)));
    }
}

// --- Settings ------------------------------------------------------------------------------------

struct fixture {
    struct arena arena;
    struct findings findings;
    struct conf *conf;
    struct signers signers;
    struct rotation_settings settings;
};

static void fixture_init(struct fixture *f, const char *config)
{
    *f = (struct fixture){0};
    arena_init(&f->arena, 64 * MIB);
    f->findings = findings_make(&f->arena);
    f->conf = conf_of(arena_fmt(&f->arena, "%s%s", SMTP, config), &f->findings);
    assert_false(failed(signers_make(&f->arena, f->conf, &f->findings, &f->signers)));
    assert_false(failed(
            rotation_settings_make(&f->arena, f->conf, &f->signers, &f->findings, &f->settings)));
}

static void fixture_done(struct fixture *f)
{
    signers_done(&f->signers);
    conf_free(f->conf);
    arena_done(&f->arena);
}

#define R "[auth.dkim.rotation.r]\n"
static const struct settings_case {
    const char *name, *config, *found; // "LINE:COLUMN code" of each that is wrong
} settings_cases[] = {
        {"all that is needed", R "domains = ['a.example', '*']\n", ""},
        {"no domains", R "publish = 'manual'\n", "3:21 missing"},
        {"no domain that signs", R "domains = ['example']\n", "4:12 bad-name"},
        {"no such algorithm", R "domains = '*'\nalgorithms = 'rsa-sha1'\n", "5:14 bad-word"},
        {"none at all", R "domains = '*'\nalgorithms = []\n", "5:14 missing"},
        {"no time", R "domains = '*'\nrotate-after = '0s'\n", "5:16 bad-duration"},
        {"a template", R "domains = '*'\nselector-template = '{date-%Y'\n", "5:21 bad-template"},
        {"an empty one", R "domains = '*'\nselector-template = '+'\n", "5:21 bad-template"},
        {"publishing by others", R "domains = '*'\npublish = 'rfc2136'\n", "5:11 later"},
        {"called manual", "[auth.dkim.rotation.manual]\ndomains = '*'\n", "4:11 bad-id"},
        {"a domain twice",
                R "domains = 'a.example'\n[auth.dkim.rotation.s]\ndomains = 'A.example'\n",
                "6:11 twice"},
        {"all twice", R "domains = '*'\n[auth.dkim.rotation.s]\ndomains = '*'\n", "6:11 twice"},
        {"one of all", R "domains = '*'\n[auth.dkim.rotation.s]\ndomains = 'a.example'\n", ""},
        {"a domain by hand", R "domains = '*'\n[domain.'a.example']\ndkim = 'manual'\n", ""},
        {"a domain by another", R "domains = '*'\n[domain.'a.example']\ndkim = 'none'\n",
                "6:8 unknown-id"},
        {"a signature's own", ED_ONE "rotate-after = '1d'\nretire-after = '1d'\n", ""},
        {"its template", ED_ONE "selector-template = '{x}'\n", "8:21 bad-template"},
        {"a moment for nothing", ED_ONE "next-transition-at = 2027-01-01T00:00:00Z\n",
                "8:22 no-rotation"},
        {"a moment", ED_ONE "next-transition-at = 2027-01-01T00:00:00Z\nrotate-after = '1d'\n", ""},
        {"of one that is not active",
                ED_ONE "stage = 'retired'\nnext-transition-at = 2027-01-01T00:00:00Z\n",
                "9:22 no-rotation"},
};

static void test_settings(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(settings_cases); i++) {
        const struct settings_case *c = &settings_cases[i];
        struct fixture f;
        struct buf found AUTO(buf_done);
        buf_init(&found, 4 * KIB);
        fixture_init(&f, c->config);
        each_in_vec (one, &f.findings.all)
            if (!str_eq(one->code, S("no-effect")))
                buf_fmt(&found, "%s%u:%u %.*s", found.len > 0 ? " " : "", one->line, one->column,
                        ARG(one->code));
        check_str(c->name, buf_str(&found), str_from_c(c->found));
        fixture_done(&f);
    }
}

static void test_key_in_a_file(void **state UNUSED)
{
    const struct conf_env env = {.os_hostname = S("mx.example.org"), .cpu_count = 2};
    const char text[] =
            SMTP "[signature.one]\nalgorithm = 'ed25519-sha256'\ndomain = 'a.example'\n"
                 "selector = 's1'\nprivate-key = '%{file:/k.pem}%'\nretire-after = '1d'\n";
    const char seed[] = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=";
    struct memfile all[] = {{.path = "/c.toml", .text = text, .text_len = sizeof(text) - 1},
            {.path = "/k.pem", .text = seed, .text_len = sizeof(seed) - 1}};
    struct memfs fs = {.files = all, .count = COUNT_OF(all)};
    struct conf_files files = memfs_files(&fs);
    struct conf_options options = {.path = S("/c.toml"), .env = &env, .files = &files};
    struct arena a AUTO(arena_done);
    struct signers signers;
    size_t wrong = 0;
    arena_init(&a, 64 * MIB);
    struct findings findings = findings_make(&a);
    struct conf *conf = conf_load(&options, &findings);
    assert_non_null(conf);
    assert_false(failed(signers_make(&a, conf, &findings, &signers)));
    each_in_vec (one, &findings.all)
        wrong += str_eq(one->code, S("key-in-file")) && one->line == 8 && one->column == 16;
    check_u64("told once", wrong, 1);
    check_true("does not sign", !signers.at[0].signs);
    signers_done(&signers);
    conf_free(conf);
}

static void test_rules(void **state UNUSED)
{
    struct fixture f;
    struct rotation_rule rule;
    fixture_init(&f, R "domains = ['*', 'c.example']\nalgorithms = 'ed25519-sha256'\n"
                       "rotate-after = '10d'\ndelete-after = '5d'\n"
                       "[auth.dkim.rotation.s]\ndomains = 'b.example'\nretire-after = '2d'\n"
                       "[domain.'hand.example']\ndkim = 'manual'\n"
                       "[domain.'other.example']\ndkim = 's'\n" ED_ONE "retire-after = '3d'\n");
    check_u64("nothing is wrong", f.findings.error_count, 0);
    check_true("on", rotation_is_on(&f.settings));
    check_true("of all", rotation_rule_of(&f.settings, S("x.example"), DKIM_KEY_ED25519, &rule));
    check_u64("as it says", (uint64_t)rule.rotate_after_ms, 10 * (uint64_t)DAY_MS);
    check_true("not of its kinds",
            !rotation_rule_of(&f.settings, S("x.example"), DKIM_KEY_RSA, &rule));
    check_true("named", rotation_rule_of(&f.settings, S("b.example"), DKIM_KEY_RSA, &rule));
    check_u64("the one that names it", (uint64_t)rule.retire_after_ms, 2 * (uint64_t)DAY_MS);
    check_true(
            "by hand", !rotation_rule_of(&f.settings, S("hand.example"), DKIM_KEY_ED25519, &rule));
    check_true("by its own word",
            rotation_rule_of(&f.settings, S("other.example"), DKIM_KEY_RSA, &rule));
    check_true(
            "a signature", rotation_rule_of(&f.settings, S("a.example"), DKIM_KEY_ED25519, &rule));
    check_u64("says one thing", (uint64_t)rule.retire_after_ms, 3 * (uint64_t)DAY_MS);
    check_u64("and not the others", (uint64_t)rule.delete_after_ms, 5 * (uint64_t)DAY_MS);
    fixture_done(&f);
    fixture_init(&f, ED_ONE "retire-after = '3d'\n");
    check_true("alone", rotation_rule_of(&f.settings, S("a.example"), DKIM_KEY_ED25519, &rule));
    check_u64("with what is usual", (uint64_t)rule.rotate_after_ms, (uint64_t)ROTATION_ROTATE_MS);
    check_true(
            "its kind alone", !rotation_rule_of(&f.settings, S("a.example"), DKIM_KEY_RSA, &rule));
    check_true("on", rotation_is_on(&f.settings));
    fixture_done(&f);
    fixture_init(&f, ED_ONE);
    check_true("off", !rotation_is_on(&f.settings));
    fixture_done(&f);
}

// --- Keys as text --------------------------------------------------------------------------------

#define KEY_OF(domain, kind, stage, selector, since, record, secret)                               \
    "{\"stage\":\"" stage "\",\"domain\":\"" domain "\",\"kind\":\"" kind                          \
    "\",\"selector\":\"" selector "\",\"since\":" since                                            \
    ",\"due\":2,\"tries\":0,\"revoked\":false,\"record\":\"" record "\",\"secret\":\"" secret      \
    "\"}\n"
#define KEY(stage, selector, since, record, secret)                                                \
    KEY_OF("a.example", "rsa", stage, selector, since, record, secret)

static const struct text_case {
    const char *name, *text;
    size_t count; // SIZE_MAX: refused
} texts[] = {
        {"none", "", 0},
        {"one", KEY("active", "s1", "1", "r", "s"), 1},
        {"without the last line end, of the configuration",
                "{\"stage\":\"retired\",\"domain\":\"a.example\",\"kind\":\"ed25519\","
                "\"selector\":\"s1\",\"since\":1,\"due\":2,\"tries\":0,\"revoked\":true,"
                "\"record\":\"r\",\"secret\":\"\"}",
                1},
        {"two", KEY("active", "s1", "1", "r", "s") KEY("pending", "s2", "1", "r", "s"), 2},
        {"twice", KEY("active", "s1", "1", "r", "s") KEY("retired", "s1", "1", "r", "s"), SIZE_MAX},
        {"lines in the key", KEY("active", "s1", "1", "r", "a\\nb\\n"), 1},
        {"no stage", KEY("done", "s1", "1", "r", "s"), SIZE_MAX},
        {"no kind", KEY_OF("a.example", "dsa", "active", "s1", "1", "r", "s"), SIZE_MAX},
        {"no domain", KEY_OF("a", "rsa", "active", "s1", "1", "r", "s"), SIZE_MAX},
        {"no selector", KEY("active", "", "1", "r", "s"), SIZE_MAX},
        {"no record", KEY("active", "s1", "1", "", "s"), SIZE_MAX},
        {"pending without a key", KEY("pending", "s1", "1", "r", ""), SIZE_MAX},
        {"less", "{\"stage\":\"active\",\"domain\":\"a.example\"}", SIZE_MAX},
        {"a moment before all", KEY("active", "s1", "-1", "r", "s"), SIZE_MAX},
        {"no such moment", KEY("active", "s1", "9223372036854775808", "r", "s"), SIZE_MAX},
        {"a moment in words", KEY("active", "s1", "\"1\"", "r", "s"), SIZE_MAX},
        {"words", "active a.example rsa s1 1 2 0 - cg== cw==", SIZE_MAX},
};

static void test_texts(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct text_case *c = &texts[i];
        struct arena a AUTO(arena_done);
        struct rotation_keys keys = {0}, again = {0};
        struct buf text AUTO(buf_done), same AUTO(buf_done);
        arena_init(&a, MIB);
        buf_init(&text, 64 * KIB);
        buf_init(&same, 64 * KIB);
        struct err e = rotation_keys_parse(&a, str_from_c(c->text), &keys);
        check_u64(c->name, failed(e) ? SIZE_MAX : keys.all.count, c->count);
        rotation_keys_add(&text, &keys);
        assert_false(failed(rotation_keys_parse(&a, buf_str(&text), &again)));
        rotation_keys_add(&same, &again);
        check_str(c->name, buf_str(&same), buf_str(&text));
    }
}

// --- Steps ---------------------------------------------------------------------------------------

static const struct rotation_rule usual = {.of_type = {true, true},
        .rotate_after_ms = 90 * (int64_t)DAY_MS,
        .retire_after_ms = 7 * (int64_t)DAY_MS,
        .delete_after_ms = 30 * (int64_t)DAY_MS};
static const struct rotation_line line = {
        .domain = S_INIT("a.example"), .type = DKIM_KEY_RSA, .rule = &usual};

#define NOW 1000000000000
static const struct step_case {
    const char *name, *keys; // without record and secret: STAGE SELECTOR DUE-NOW
    enum rotation_step_kind kind;
    const char *selector; // of the key; NULL: none
    int64_t wait_ms;      // of WAIT, from now
    bool without_rule;
} steps[] = {
        {"nothing is there", "", ROTATION_MAKE, NULL, 0, false},
        {"nothing is there, and nothing is wanted", "", ROTATION_WAIT, NULL, -1, true},
        {"one waits", "pending s1 600000", ROTATION_WAIT, NULL, 600000, false},
        {"it is time to look", "pending s1 0", ROTATION_LOOK, "s1", 0, false},
        {"one waits, and nobody wants it", "pending s1 0", ROTATION_WAIT, NULL, -1, true},
        {"the clock was set back", "pending s1 90000000", ROTATION_LOOK, "s1", 0, false},
        {"one signs", "active s1 5", ROTATION_WAIT, NULL, 5, false},
        {"long enough", "active s1 0", ROTATION_MAKE, NULL, 0, false},
        {"long enough, and its successor waits", "active s1 0,pending s2 7", ROTATION_WAIT, NULL, 7,
                false},
        {"long enough, and is rotated no more", "active s1 0", ROTATION_WAIT, NULL, -1, true},
        {"one retires", "active s2 9,retiring s1 5", ROTATION_WAIT, NULL, 5, false},
        {"and has", "active s2 9,retiring s1 -5", ROTATION_RETIRE, "s1", 0, false},
        {"and has, and is rotated no more", "retiring s1 0", ROTATION_RETIRE, "s1", 0, true},
        {"and goes", "active s2 9,retired s1 0", ROTATION_DELETE, "s1", 0, false},
};

static enum signer_stage stage_named(struct str name)
{
    static const enum signer_stage all[] = {
            SIGNER_PENDING, SIGNER_ACTIVE, SIGNER_RETIRING, SIGNER_RETIRED};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        if (str_eq(name, rotation_stage_name(all[i])))
            return all[i];
    check_failed("no stage: %.*s", ARG(name));
    return SIGNER_PENDING;
}

static void add_keys(struct arena *a, struct rotation_keys *keys, const char *text)
{
    struct str rest = str_is_empty(str_from_c(text)) ? STR_NULL : str_from_c(text);
    struct str one, stage, more, selector, due = S("");
    while (str_split(&rest, ',', &one)) {
        int64_t due_ms;
        assert_true(str_cut(one, ' ', &stage, &more));
        assert_true(str_cut(more, ' ', &selector, &due));
        assert_true(str_to_i64(due, &due_ms));
        struct rotation_key *key = vec_add(a, &keys->all);
        *key = (struct rotation_key){.domain = S("a.example"),
                .selector = selector,
                .type = DKIM_KEY_RSA,
                .stage = stage_named(stage),
                .since_ms = 1,
                .due_ms = NOW + due_ms,
                .record = S("r"),
                .secret = S("s")};
    }
}

static void test_steps(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        const struct step_case *c = &steps[i];
        struct arena a AUTO(arena_done);
        struct rotation_keys keys = {0};
        struct rotation_line of = line;
        arena_init(&a, MIB);
        add_keys(&a, &keys, c->keys);
        if (c->without_rule)
            of.rule = NULL;
        struct rotation_step step = rotation_next(&keys, &of, NOW);
        check_u64(c->name, step.kind, c->kind);
        check_str(c->name, step.key == NULL || c->selector == NULL ? S("") : step.key->selector,
                c->selector == NULL ? S("") : str_from_c(c->selector));
        if (step.kind == ROTATION_WAIT)
            check_u64(c->name, (uint64_t)step.at_ms,
                    c->wait_ms < 0 ? INT64_MAX : (uint64_t)(NOW + c->wait_ms));
    }
}

// "STAGE SELECTOR DUE-NOW" of all.
static struct str keys_text(struct arena *a, const struct rotation_keys *keys)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, 4 * KIB);
    each_in_vec (k, &keys->all)
        buf_fmt(&text, "%s%.*s %.*s %lld", text.len > 0 ? "," : "",
                ARG(rotation_stage_name(k->stage)), ARG(k->selector), (long long)(k->due_ms - NOW));
    return arena_str(a, buf_str(&text));
}

static void test_answers(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct rotation_keys keys = {0};
    arena_init(&a, MIB);
    add_keys(&a, &keys, "active s1 -5,pending s2 0");
    static const int64_t after_ms[] = {60000, 300000, 3600000, 3600000};
    for (size_t i = 0; i < COUNT_OF(after_ms); i++) {
        rotation_answer(&keys, &line, &keys.all.at[1], ROTATION_TROUBLE, NOW);
        check_u64("trouble", (uint64_t)(keys.all.at[1].due_ms - NOW), (uint64_t)after_ms[i]);
    }
    rotation_answer(&keys, &line, &keys.all.at[1], ROTATION_ABSENT, NOW);
    check_str("not there yet", keys_text(&a, &keys), S("active s1 -5,pending s2 600000"));
    rotation_answer(&keys, &line, &keys.all.at[1], ROTATION_TROUBLE, NOW);
    check_u64("counted anew", (uint64_t)(keys.all.at[1].due_ms - NOW), 60000);
    rotation_answer(&keys, &line, &keys.all.at[1], ROTATION_PUBLISHED, NOW);
    check_str("there", keys_text(&a, &keys), S("retiring s1 604800000,active s2 7776000000"));
    check_u64("tries", keys.all.at[1].tries, 0);
    rotation_retire(&keys.all.at[0], &line, NOW);
    check_str("retired", keys_text(&a, &keys), S("retired s1 2592000000,active s2 7776000000"));
    check_true("no record", str_is_null(rotation_key_record(&a, &keys.all.at[0])));
    rotation_delete(&keys, &keys.all.at[0]);
    check_str("deleted", keys_text(&a, &keys), S("active s2 7776000000"));
}

static void test_force(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct rotation_keys keys = {0};
    arena_init(&a, MIB);
    check_true("nothing", !rotation_force(&keys, S("a.example"), DKIM_KEY_RSA, false, NOW));
    add_keys(&a, &keys, "active s1 99,pending s2 50");
    check_true(
            "of another kind", !rotation_force(&keys, S("a.example"), DKIM_KEY_ED25519, true, NOW));
    check_true("there", rotation_force(&keys, S("a.example"), DKIM_KEY_RSA, true, NOW));
    check_str("both now", keys_text(&a, &keys), S("active s1 0,pending s2 0"));
    check_true("again keeps it", rotation_force(&keys, S("a.example"), DKIM_KEY_RSA, false, NOW));
    rotation_answer(&keys, &line, &keys.all.at[1], ROTATION_PUBLISHED, NOW);
    check_str("no time for mail on its way", keys_text(&a, &keys),
            S("retiring s1 0,active s2 7776000000"));
    rotation_retire(&keys.all.at[0], &line, NOW);
    check_str("taken back", rotation_key_record(&a, &keys.all.at[0]),
            S("v=DKIM1; k=rsa; h=sha256; p="));
}

static void test_selectors(void **state UNUSED)
{
    struct arena a AUTO(arena_done);
    struct rotation_keys keys = {0};
    struct signer_entry e = {
            .signer = {.domain = S("a.example"), .selector = S("v-2")}, .stage = SIGNER_RETIRED};
    const struct signers configured = {.at = &e, .count = 1}, none = {0};
    struct str selector;
    arena_init(&a, MIB);
    add_keys(&a, &keys, "retired v 99,active s 50");
    assert_false(
            failed(rotation_free_selector(&a, &keys, &none, S("a.example"), S("x"), &selector)));
    check_str("free", selector, S("x"));
    assert_false(
            failed(rotation_free_selector(&a, &keys, &none, S("a.example"), S("v"), &selector)));
    check_str("the second", selector, S("v-2"));
    assert_false(failed(
            rotation_free_selector(&a, &keys, &configured, S("a.example"), S("v"), &selector)));
    check_str("the third", selector, S("v-3"));
    assert_false(
            failed(rotation_free_selector(&a, &keys, &none, S("b.example"), S("v"), &selector)));
    check_str("of another domain", selector, S("v"));
}

// --- Signatures of the configuration -------------------------------------------------------------

static void test_following(void **state UNUSED)
{
    struct fixture f;
    struct arena a AUTO(arena_done);
    struct rotation_keys keys = {0};
    bool changed;
    arena_init(&a, MIB);
    fixture_init(&f, ED_ONE "rotate-after = '90d'\nnext-transition-at = 2001-09-09T01:46:45Z\n");
    const struct rotation_line ed = {
            .domain = S("a.example"), .type = DKIM_KEY_ED25519, .rule = &usual};
    const struct signers none = {0};
    assert_false(failed(rotation_follow(&a, &keys, &line, &f.signers, NOW, &changed)));
    check_true("of another kind", !changed && keys.all.count == 0);
    assert_false(failed(rotation_follow(&a, &keys, &ed, &f.signers, NOW, &changed)));
    check_str("due when it says", keys_text(&a, &keys), S("active s1 5000"));
    check_true("no secret", changed && str_is_empty(keys.all.at[0].secret));
    assert_false(failed(rotation_follow(&a, &keys, &ed, &f.signers, NOW, &changed)));
    check_true("once", !changed);
    const struct rotation_key made = {
            .selector = S("s2"), .record = S("v=DKIM1; p=x"), .secret = S("x")};
    assert_false(failed(rotation_create(&a, &keys, &ed, &made, NOW)));
    rotation_answer(&keys, &ed, &keys.all.at[1], ROTATION_PUBLISHED, NOW);
    check_str("it retires", keys_text(&a, &keys), S("retiring s1 604800000,active s2 7776000000"));
    rotation_retire(&keys.all.at[0], &ed, NOW);
    rotation_delete(&keys, &keys.all.at[0]);
    assert_false(failed(rotation_follow(&a, &keys, &ed, &f.signers, NOW, &changed)));
    check_true("it does not come back", !changed);
    keys.all.count = 0;
    assert_false(failed(rotation_follow(&a, &keys, &ed, &f.signers, NOW, &changed)));
    assert_false(failed(rotation_follow(&a, &keys, &ed, &none, NOW, &changed)));
    check_str("taken out by hand", keys_text(&a, &keys), S("retiring s1 604800000"));
    fixture_done(&f);
}

// --- A year --------------------------------------------------------------------------------------

struct year {
    struct arena arena;
    struct buf disk; // the file
    struct buf zone; // " SELECTOR " of each record that is published
    uint64_t chance;
    int64_t now_ms;
    size_t made, cuts, lost;
    bool had_active;
};

static uint64_t below(struct year *y, uint64_t bound)
{
    y->chance = y->chance * 6364136223846793005U + 1442695040888963407U;
    return (y->chance >> 33) % bound;
}

// What must hold of the file whenever the machine stops.
static void check_file(struct year *y, const struct rotation_keys *keys)
{
    size_t active = 0, pending = 0;
    each_in_vec (k, &keys->all) {
        struct str word = arena_fmt(&y->arena, " %.*s ", ARG(k->selector));
        active += k->stage == SIGNER_ACTIVE;
        pending += k->stage == SIGNER_PENDING;
        if (k->stage == SIGNER_ACTIVE || k->stage == SIGNER_RETIRING)
            check_true(
                    "what signs or has signed is published", str_contains(buf_str(&y->zone), word));
    }
    y->had_active = y->had_active || active > 0;
    check_u64("exactly one signs", active, y->had_active);
    check_true("one successor at most", pending <= 1);
}

// The administrator: publishes what waits some days, takes away what is retired.
static void tend_zone(struct year *y, const struct rotation_keys *keys)
{
    each_in_vec (k, &keys->all) {
        struct str word = arena_fmt(&y->arena, " %.*s ", ARG(k->selector));
        size_t at = str_find(buf_str(&y->zone), word);
        if (k->stage == SIGNER_PENDING && at == STR_NOT_FOUND && below(y, 100) == 0)
            buf_add(&y->zone, word);
        if (k->stage != SIGNER_RETIRED || at == STR_NOT_FOUND)
            continue;
        memset(y->zone.ptr + at, '.', word.len);
    }
}

static enum rotation_found look_up(struct year *y, const struct rotation_key *key)
{
    struct str word = arena_fmt(&y->arena, " %.*s ", ARG(key->selector));
    bool outage = (y->now_ms / DAY_MS) % 17 == 3; // every 17 days for a whole one
    if (outage || below(y, 20) == 0)
        return ROTATION_TROUBLE;
    return str_contains(buf_str(&y->zone), word) ? ROTATION_PUBLISHED : ROTATION_ABSENT;
}

static void take(struct year *y, struct rotation_keys *keys, const struct rotation_step *step)
{
    struct rotation_key made = {.record = S("v=DKIM1; p=x"), .secret = S("secret")};
    const struct signers none = {0};
    struct rotation_selector_inputs in = {.type = line.type, .now_ms = y->now_ms};
    switch (step->kind) {
    case ROTATION_WAIT:
        break;
    case ROTATION_MAKE:
        assert_false(failed(rotation_selector(&y->arena, ROTATION_TEMPLATE, &in, &made.selector)));
        assert_false(failed(rotation_free_selector(
                &y->arena, keys, &none, line.domain, made.selector, &made.selector)));
        assert_false(failed(rotation_create(&y->arena, keys, &line, &made, y->now_ms)));
        y->made++;
        break;
    case ROTATION_LOOK:
        rotation_answer(keys, &line, step->key, look_up(y, step->key), y->now_ms);
        y->cuts += step->key->stage == SIGNER_ACTIVE;
        break;
    case ROTATION_RETIRE:
        rotation_retire(step->key, &line, y->now_ms);
        break;
    case ROTATION_DELETE:
        rotation_delete(keys, step->key);
        break;
    }
}

// One process: reads the file, works, and may be killed before or behind each write.
static int64_t run_process(struct year *y)
{
    struct rotation_keys keys;
    assert_false(failed(rotation_keys_parse(&y->arena, buf_str(&y->disk), &keys)));
    tend_zone(y, &keys);
    for (;;) {
        struct rotation_step step = rotation_next(&keys, &line, y->now_ms);
        if (step.kind == ROTATION_WAIT)
            return step.at_ms;
        take(y, &keys, &step);
        check_file(y, &keys);
        uint64_t fate = below(y, 10);
        if (fate == 0) { // stopped before the write
            y->lost++;
            return y->now_ms + SECOND_MS;
        }
        buf_clear(&y->disk);
        rotation_keys_add(&y->disk, &keys);
        if (fate == 1) // behind it
            return y->now_ms + SECOND_MS;
    }
}

static void run_year(uint64_t seed)
{
    struct year y = {.chance = seed, .now_ms = NOW};
    arena_init(&y.arena, 64 * MIB);
    buf_init(&y.disk, MIB);
    buf_init(&y.zone, MIB);
    while (y.now_ms < NOW + 365 * (int64_t)DAY_MS) {
        int64_t next_ms = run_process(&y);
        check_true("time passes", next_ms > y.now_ms);
        y.now_ms = next_ms < y.now_ms + DAY_MS ? next_ms : y.now_ms + DAY_MS;
        if (below(&y, 500) == 0)
            y.now_ms += (int64_t)below(&y, 20 * DAY_MS); // switched off
        arena_reset(&y.arena);
    }
    check_true("it went on", y.cuts >= 3 && y.made >= 3 && y.lost > 0);
    check_true("and no more than that", y.cuts <= 8);
    buf_done(&y.zone);
    buf_done(&y.disk);
    arena_done(&y.arena);
}

static void test_years(void **state UNUSED)
{
    for (uint64_t seed = 1; seed <= 50; seed++)
        run_year(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(test_templates),
            TEST(test_settings),
            TEST(test_key_in_a_file),
            TEST(test_rules),
            TEST(test_texts),
            TEST(test_steps),
            TEST(test_answers),
            TEST(test_force),
            TEST(test_selectors),
            TEST(test_following),
            TEST(test_years),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
