// SPDX-License-Identifier: Apache-2.0
// smtp/server/spf.c: SPF of the EHLO name and of the sender (authentication.md 4). Where a strategy
// may refuse by the result, the command waits for it; where it only goes into the record, a task
// asks while the client goes on, and the end of data waits for what is not there by then.
#include "rt/rt.h"
#include "smtp/limits.h"
#include "smtp/server/verify.h"

static struct spf_run *run_new(struct smtp_session *s, enum proof_strategy strategy);
static bool ask_about(struct spf_run *run, struct smtp_session *s, enum spf_identity identity);
static int64_t time_left_ms(const struct smtp_session *s);
static struct err check(struct smtp_session *s, enum spf_identity identity,
        enum proof_strategy strategy, struct spf_run **out_run, enum reply_id *out,
        struct str *out_words) suspends MUST_USE;
static struct err judge(struct smtp_session *s, struct spf_run *run, enum reply_id *out,
        struct str *out_words) suspends MUST_USE;
static struct err ask_main(void *run) suspends;
static struct err ask(struct spf_run *run) suspends MUST_USE;

bool spf_is_on(const struct smtp_session *s)
{
    return s->pace.spf_helo != PROOF_DISABLE || s->pace.spf_mail != PROOF_DISABLE;
}

struct err spf_check_helo(struct smtp_session *s, enum reply_id *out, struct str *out_words)
{
    struct spf_run *run = NULL;
    bool is_literal = str_starts(session_helo(s), S("["));
    enum proof_strategy strategy = is_literal ? PROOF_DISABLE : s->pace.spf_helo;
    struct err e = check(s, SPF_OF_HELO, strategy, &run, out, out_words);
    if (failed(e) || *out != REPLY_OK) {
        spf_run_free(run);
        return e;
    }
    spf_run_free(s->spf_helo);
    s->spf_helo = run;
    return OK;
}

struct err spf_check_mail(struct smtp_session *s, enum reply_id *out, struct str *out_words)
{
    spf_run_free(s->spf_mail);
    s->spf_mail = NULL;
    return check(s, SPF_OF_MAIL, s->pace.spf_mail, &s->spf_mail, out, out_words);
}

void spf_forget(struct smtp_session *s)
{
    spf_run_free(s->spf_helo);
    spf_run_free(s->spf_mail);
    s->spf_helo = s->spf_mail = NULL;
}

void spf_run_free(struct spf_run *run)
{
    if (run == NULL)
        return;
    group_end(&run->group);
    arena_done(&run->arena);
    mem_free(run);
}

struct err spf_await(struct spf_run *run, const struct spf_answer **out)
{
    *out = NULL;
    if (run == NULL)
        return OK;
    if (!run->done)
        TRY(group_wait_all(&run->group));
    *out = &run->answer;
    return OK;
}

static struct err check(struct smtp_session *s, enum spf_identity identity,
        enum proof_strategy strategy, struct spf_run **out_run, enum reply_id *out,
        struct str *out_words)
{
    *out = REPLY_OK;
    *out_words = S("");
    if (strategy == PROOF_DISABLE)
        return OK;
    struct spf_run *run = *out_run = run_new(s, strategy);
    if (run == NULL || !ask_about(run, s, identity))
        return fail(ERR_LIMIT, "no memory to check a sender");
    if (strategy == PROOF_RELAXED && !failed(group_spawn(&run->group, ask_main, run)))
        return OK;
    TRY(ask(run));
    return judge(s, run, out, out_words);
}

static struct spf_run *run_new(struct smtp_session *s, enum proof_strategy strategy)
{
    struct spf_run *run = mem_new(struct spf_run);
    if (run == NULL)
        return NULL;
    *run = (struct spf_run){.service = s->service,
            .span = s->options->span,
            .settings = s->service->proof->spf,
            .strategy = strategy,
            .began_ms = now_ms()};
    if (run->settings.wait_ms > time_left_ms(s))
        run->settings.wait_ms = time_left_ms(s);
    group_begin(&run->group);
    arena_init(&run->arena, SPF_RUN_BYTES_MAX);
    return run;
}

// A check takes no longer than the session itself may.
static int64_t time_left_ms(const struct smtp_session *s)
{
    int64_t left_ms = s->began_ms + s->pace.duration_ms - now_ms();
    return left_ms > 1 ? left_ms : 1;
}

static bool ask_about(struct spf_run *run, struct smtp_session *s, enum spf_identity identity)
{
    struct arena *a = &run->arena;
    struct str sender = S("");
    if (identity == SPF_OF_MAIL)
        sender = s->transaction->sender.text;
    run->question = (struct spf_question){.identity = identity,
            .ip = s->client.ip,
            .helo = arena_str(a, session_helo(s)),
            .sender = arena_str(a, sender),
            .receiver = arena_str(a, s->host),
            .exempt = s->pace.spf_exempt};
    return !str_is_null(run->question.helo) && !str_is_null(run->question.sender) &&
           !str_is_null(run->question.receiver);
}

static struct err judge(
        struct smtp_session *s, struct spf_run *run, enum reply_id *out, struct str *out_words)
{
    struct proof_refusal no;
    if (!spf_refuses(&s->scratch, &run->answer, run->strategy, &no))
        return OK;
    *out = refusal_reply(&no, REPLY_SPF_FAILED, REPLY_SPF_TROUBLE);
    *out_words = refusal_words(&s->scratch, &no);
    return OK;
}

static struct err ask_main(void *arg)
{
    struct spf_run *run = arg;
    task_describe("SPF", run);
    return ask(run);
}

// Our own want of memory proves nothing about anybody, and may pass: a temporary error.
static struct err ask(struct spf_run *run)
{
    struct spf_answer answer;
    struct err e =
            spf_check(run->service->resolver, &run->arena, &run->settings, &run->question, &answer);
    if (e.kind == ERR_CANCELLED)
        return e;
    if (failed(e))
        answer = (struct spf_answer){.result = SPF_TEMPERROR,
                .identity = run->question.identity,
                .domain = S(""),
                .null_sender = str_is_empty(run->question.sender),
                .sender = run->question.sender,
                .helo = run->question.helo,
                .ip = ip_unmap(run->question.ip)};
    run->answer = answer;
    run->done = true;
    tell_spf(run);
    return OK;
}
