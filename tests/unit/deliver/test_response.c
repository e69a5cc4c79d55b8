// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_response.c: what rules make of replies (outbound.md 19.3).
#include "settings_fixture.h"

#include "deliver/response.h"

#define RULES                                                                                      \
    "[[queue.response]]\nmatch=\"stage == 'rcpt' && code == 550 && contains(message, 'too many')"  \
    "\"\naction='defer'\nretry-after='1h'\n"                                                       \
    "[[queue.response]]\nmatch=\"enhanced == '4.7.1' && rcpt_domain == 'b.example'\"\n"            \
    "action='bounce'\n"                                                                            \
    "[[queue.response]]\nmatch=\"stage == 'greeting' && mx == 'mx.b.example'\"\n"                  \
    "action='next-host'\n"                                                                         \
    "[[queue.response]]\nmatch=\"stage == 'eod' && 7 / (code - 451) > 0\"\naction='log'\n"         \
    "[[queue.response]]\nmatch=\"stage == 'mail'\"\naction='drop-connection'\n"                    \
    "[[queue.response]]\nmatch=\"code == 451\"\naction='log'\n"

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
    struct err e = response_apply(&f->settings, &env, &a, &answer, &effect);
    check_str(r->name, err_text(e), S(""));
    check_str(r->name, effect.rule != NULL ? effect.rule->id : S(""), str_from_c(r->rule));
    check_u64(r->name, answer.verdict, r->after);
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    buf_fmt(&text, "%s%s%s", effect.stays_here ? "stays" : "", effect.asks_next_host ? "next" : "",
            effect.drops_connection ? "drops" : "");
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

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
