// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_response.c: what rules make of replies (outbound.md 19.3).
#include "settings_fixture.h"

#include "deliver/reply/response.h"

#define RULES                                                                                      \
    "[[queue.response]]\nmatch=\"stage == 'rcpt' && code == 550 && contains(message, 'too many')"  \
    "\"\naction='defer'\nretry-after='1h'\n"                                                       \
    "[[queue.response]]\nmatch=\"enhanced == '4.7.1' && rcpt_domain == 'b.example'\"\n"            \
    "action='bounce'\n"                                                                            \
    "[[queue.response]]\nmatch=\"stage == 'greeting' && mx == 'mx.b.example'\"\n"                  \
    "action='next-host'\n"                                                                         \
    "[[queue.response]]\nmatch=\"stage == 'eod' && 7 / (code - 451) > 0\"\naction='log'\n"         \
    "[[queue.response]]\nmatch=\"stage == 'mail'\"\naction='drop-connection'\n"                    \
    "[[queue.response]]\nmatch=\"code == 451\"\naction='log'\n"                                    \
    "[[queue.response]]\nmatch=\"contains(message, 'TSS04')\"\naction='suspend'\n"                 \
    "scope=['source-ip', 'mx-site']\nduration='2h'\n"                                              \
    "[[queue.response]]\nmatch=\"code == 554\"\naction='throttle'\nconcurrency=1\n"                \
    "[[queue.response]]\nmatch=\"code == 555\"\naction='route'\nroute='local'\n"                   \
    "[[queue.response]]\nmatch=\"stage == 'tls' && code == 454\"\naction='disable-tls'\n"          \
    "[[queue.response]]\nmatch=\"stage == 'tls'\"\naction='disable-tls'\nscope='mx'\n"             \
    "retry-after='1m'\n"

struct reply {
    const char *name;
    enum client_stage stage;
    enum client_verdict verdict;
    uint16_t code;
    const char *enhanced, *text;
    const char *rule; // its id; "": none
    enum client_verdict after;
    const char *effect;
    bool ambiguous;
};

static const struct reply replies[] = {
        {"a refusal becomes a delay", CLIENT_RCPT, CLIENT_PERMANENT, 550, "5.7.1",
                "too many messages", "0", CLIENT_TEMPORARY, "stays 3600000", false},
        {"of another stage it does not", CLIENT_MAIL, CLIENT_PERMANENT, 550, "5.7.1",
                "too many messages", "4", CLIENT_PERMANENT, "drops", false},
        {"with another text it does not", CLIENT_RCPT, CLIENT_PERMANENT, 550, "5.1.1",
                "no such user", "", CLIENT_PERMANENT, "", false},
        {"a delay becomes a refusal", CLIENT_RCPT, CLIENT_TEMPORARY, 450, "4.7.1", "listed", "1",
                CLIENT_PERMANENT, "stays", false},
        {"another host is asked", CLIENT_GREETING, CLIENT_PERMANENT, 554, "", "no", "2",
                CLIENT_TEMPORARY, "next", false},
        {"not when the message may have arrived", CLIENT_GREETING, CLIENT_LOST, 0, "", "", "2",
                CLIENT_TEMPORARY, "", true},
        {"what cannot be evaluated does not fit", CLIENT_EOD, CLIENT_TEMPORARY, 451, "4.3.0", "x",
                "5", CLIENT_TEMPORARY, "failed 3", false},
        {"what is refused waits for better times", CLIENT_RCPT, CLIENT_PERMANENT, 553, "5.7.1",
                "[TSS04] no", "6", CLIENT_TEMPORARY, "staysorders", false},
        {"a throttle leaves the answer", CLIENT_RCPT, CLIENT_PERMANENT, 554, "5.7.1", "slowly", "7",
                CLIENT_PERMANENT, "orders", false},
        {"another route is soon tried", CLIENT_RCPT, CLIENT_PERMANENT, 555, "5.5.4", "not here",
                "8", CLIENT_TEMPORARY, "stayslocal 1000", false},
        {"next time without TLS, and others may be tried before", CLIENT_TLS, CLIENT_TEMPORARY, 454,
                "4.7.0", "no", "9", CLIENT_TEMPORARY, "orders", false},
        {"without TLS, in a minute, there", CLIENT_TLS, CLIENT_LOST, 0, "4.7.5", "handshake", "10",
                CLIENT_TEMPORARY, "staysorders 60000", false},
        {"what is accepted stays accepted", CLIENT_RCPT, CLIENT_GOOD, 250, "2.1.5",
                "too many thanks", "", CLIENT_GOOD, "", false},
};

static void check_reply(const struct fixture *f, const struct reply *r)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, MIB);
    const struct message m = {.sender = S("a@a.example")};
    const struct recipient rcpt = {.address = S("b@b.example")};
    const struct queue_host host = {.mx = S("mx.b.example")};
    const struct queue_env env = {.message = &m, .rcpt = &rcpt, .host = &host};
    struct client_answer answer = {.stage = r->stage,
            .verdict = r->verdict,
            .ambiguous = r->ambiguous,
            .outcome = {.code = r->code,
                    .enhanced = str_from_c(r->enhanced),
                    .text = str_from_c(r->text)}};
    struct response_effect effect;
    const struct response_inputs in = {.settings = &f->settings};
    struct err e = response_apply(&in, &env, &a, &answer, &effect);
    check_str(r->name, err_text(e), S(""));
    check_str(r->name, effect.rule != NULL ? effect.rule->id : S(""), str_from_c(r->rule));
    check_u64(r->name, answer.verdict, r->after);
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    buf_fmt(&text, "%s%s%s%s%.*s", effect.stays_here ? "stays" : "",
            effect.asks_next_host ? "next" : "", effect.drops_connection ? "drops" : "",
            effect.gives_order ? "orders" : "", ARG(effect.route));
    if (effect.retry_after_ms > 0)
        buf_fmt(&text, " %lld", (long long)effect.retry_after_ms);
    if (!str_is_null(effect.failed_id))
        buf_fmt(&text, "failed %.*s", ARG(effect.failed_id));
    check_str(r->name, buf_str(&text), str_from_c(r->effect));
    check_str(r->name, answer.outcome.text, str_from_c(r->text));
}

static struct err check_all(void *arg)
{
    for (size_t i = 0; i < COUNT_OF(replies); i++)
        check_reply(arg, &replies[i]);
    return OK;
}

static void rules(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, RULES);
    assert_int_equal(f.findings.all.count, 0);
    struct sim *sim = sim_new(2);
    assert_non_null(sim);
    assert_false(failed(sim_run(sim, check_all, &f)));
    sim_free(sim);
    fixture_done(&f);
}

#define CLASSES                                                                                    \
    "[[queue.response]]\nmatch=\"bounce_class == 'greylist'\"\naction='bounce'\n"                  \
    "[[queue.response]]\nmatch=\"bounce_class == 'bad-mailbox' && mx == 'mx.yandex.net'\"\n"       \
    "action='log'\nclass='quota'\n"                                                                \
    "[[queue.response]]\nmatch=\"code == 571\"\naction='defer'\n"

static struct err check_classes(void *arg)
{
    static const struct {
        const char *name;
        uint16_t code;
        const char *text, *rule, *class; // that the answer has then; "": none
    } cases[] = {
            {"a delay that ends keeps its class", 450, "greylisted", "0", "greylist"},
            {"a rule gives its own, by words of the provider's", 550, "No such user!", "1",
                    "quota"},
            {"else it has none of a rule's", 571, "x", "2", ""},
            {"as if nobody had asked", 552, "full", "", ""},
    };
    const struct fixture *f = arg;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, MIB);
        const struct message m = {.sender = S("a@a.example")};
        const struct recipient rcpt = {.address = S("b@b.example")};
        const struct queue_host host = {.mx = S("mx.yandex.net")};
        const struct queue_env env = {.message = &m, .rcpt = &rcpt, .host = &host};
        struct client_answer answer = {.stage = CLIENT_RCPT,
                .verdict = CLIENT_PERMANENT,
                .outcome = {.kind = FAILURE_UNEXPECTED_REPLY,
                        .code = cases[i].code,
                        .text = str_from_c(cases[i].text)}};
        struct response_effect effect;
        const struct response_inputs in = {.settings = &f->settings};
        TRY(response_apply(&in, &env, &a, &answer, &effect));
        check_str(cases[i].name, effect.rule != NULL ? effect.rule->id : S(""),
                str_from_c(cases[i].rule));
        check_str(cases[i].name, answer.outcome.bounce_class, str_from_c(cases[i].class));
    }
    return OK;
}

static void classes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f, CLASSES);
    assert_int_equal(f.findings.all.count, 0);
    struct sim *sim = sim_new(2);
    assert_non_null(sim);
    assert_false(failed(sim_run(sim, check_classes, &f)));
    sim_free(sim);
    fixture_done(&f);
}

#define TRIGGERED                                                                                  \
    "[queue.response.often]\nmatch=\"code == 421\"\naction='suspend'\ntrigger='3/1h'\n"            \
    "[queue.response.own]\nmatch=\"code == 450\"\naction='log'\n"                                  \
    "[queue.response.then]\nmatch=\"code == 421\"\naction='log'\n"                                 \
    "[queue.shaping.b]\ndomains='b.example'\nautomation='own'\n"

struct said { // a reply, and the rule that it comes to
    const char *name;
    uint16_t code;
    const char *site;
    int64_t at_ms;
    bool is_shaped;
    const char *rule;
};
static const struct said said[] = {
        {"once is not often enough", 421, "a", 0, false, "then"},
        {"nor twice", 421, "a", 1000, false, "then"},
        {"another site has its own count", 421, "c", 1000, false, "then"},
        {"the third time", 421, "a", 2000, false, "often"},
        {"and the fourth", 421, "a", 3000, false, "often"},
        {"after a while it is seldom again", 421, "a", HOUR_MS, false, "then"},
        {"what an entry names is for it alone", 450, "a", 0, false, ""},
        {"and comes first there", 450, "b", 0, true, "own"},
};

struct triggers {
    struct fixture f;
    struct limits_shared *shared;
};

static struct err say_all(void *arg)
{
    struct triggers *t = arg;
    for (size_t i = 0; i < COUNT_OF(said); i++) {
        struct arena a AUTO(arena_done);
        arena_init(&a, MIB);
        const struct queue_env env = {0};
        struct client_answer answer = {.stage = CLIENT_MAIL,
                .verdict = CLIENT_TEMPORARY,
                .outcome = {.code = said[i].code, .text = S("later")}};
        const struct response_inputs in = {.settings = &t->f.settings,
                .automation = said[i].is_shaped ? &t->f.settings.shapings[0] : NULL,
                .shared = t->shared,
                .site = str_from_c(said[i].site),
                .wall_now_ms = 1763768100000 + said[i].at_ms};
        struct response_effect effect;
        assert_false(failed(response_apply(&in, &env, &a, &answer, &effect)));
        check_str(said[i].name, effect.rule != NULL ? effect.rule->id : S(""),
                str_from_c(said[i].rule));
    }
    return OK;
}

static void triggers(void **state)
{
    struct triggers *t = mem_new(struct triggers);
    (void)state;
    fixture_init(&t->f, TRIGGERED);
    assert_int_equal(t->f.findings.all.count, 0);
    t->shared = mem_new(struct limits_shared);
    limits_shared_init(t->shared, 7);
    struct sim *sim = sim_new(2);
    assert_false(failed(sim_run(sim, say_all, t)));
    sim_free(sim);
    mem_free(t->shared);
    fixture_done(&t->f);
    mem_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(rules), TEST(classes), TEST(triggers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
