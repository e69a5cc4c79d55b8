// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_smtp_client.c: a peer that says anything, to the client: greeting, EHLO, perhaps
// STARTTLS or AUTH, a transaction of three recipients, another one. Each input is played in one
// piece and cut into pieces, which must make no difference to the answers. What is asked of an
// answer: its text may be stored and shown, nothing is good without a reply that says so, and who
// was given up without a reply is never failed for good.
//
// The input: an octet of choices, one that says how long pieces are, and what the peer says.
#define POSTHASTE_BASE_ROOM
#include "rt/loop.h"
#include "rt/rt.h"
#include "rt/sim/sim.h"
#include "smtp/client/client.h"

#define INPUT_BYTES_MAX (32 * KIB)
#define ARENA_BYTES_MAX (4 * MIB)
#define RCPTS 3

enum choice {
    CHOOSE_LMTP = 1 << 0,
    CHOOSE_HELO = 1 << 1,
    CHOOSE_STARTTLS = 1 << 2,
    CHOOSE_AUTH = 1 << 3,
    CHOOSE_TOKEN = 1 << 4,
    CHOOSE_PLAIN = 1 << 5, // no extensions
    CHOOSE_PARAMETERS = 1 << 6,
};

struct run {
    uint8_t choices;
    size_t piece_bytes;
    struct str input;
    struct arena arena;
    struct stream *near, *far;
    struct client_answer answers[3 + RCPTS];
    size_t answer_count;
};

static const struct client_timeouts times = {.greeting_ms = 1000,
        .ehlo_ms = 1000,
        .mail_ms = 1000,
        .rcpt_ms = 1000,
        .data_ms = 1000,
        .data_init_ms = 1000,
        .data_block_ms = 1000,
        .auth_ms = 1000,
        .rset_ms = 1000,
        .quit_ms = 1000,
        .tls_ms = 1000};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void play(struct run *run);
static struct err play_main(void *arg) suspends;
static struct err peer_main(void *arg) suspends;
static struct err converse(struct run *run) suspends;
static struct err log_in(struct run *run, struct smtp_client *c) suspends;
static struct err transact(struct run *run, struct smtp_client *c, bool is_kept) suspends;
static void keep(struct run *run, const struct client_answer *answer);
static void check(const struct client_answer *answer);
static void check_text(struct str text);
static void compare(const struct run *a, const struct run *b);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > INPUT_BYTES_MAX)
        return 0;
    struct run whole = {.choices = data[0],
            .piece_bytes = INPUT_BYTES_MAX,
            .input = str_of((const char *)data + 2, size - 2)};
    struct run cut = whole;
    cut.piece_bytes = (size_t)data[1] + 1;
    play(&whole);
    play(&cut);
    if ((data[0] & CHOOSE_STARTTLS) == 0) // where what comes together makes a difference
        compare(&whole, &cut);
    arena_done(&whole.arena);
    arena_done(&cut.arena);
    return 0;
}

static void play(struct run *run)
{
    struct sim *sim = sim_new(1);
    assert(sim != NULL);
    arena_init(&run->arena, ARENA_BYTES_MAX);
    struct err e = sim_run(sim, play_main, run);
    if (failed(e))
        fprintf(stderr, "%.*s\n", ARG(err_text(e)));
    assert(!failed(e));
    sim_free(sim);
}

static struct err play_main(void *arg)
{
    struct run *run = arg;
    struct stream *pair[2];
    struct group g AUTO(group_end);
    group_begin(&g);
    TRY(stream_pair(pair));
    run->near = pair[0];
    run->far = pair[1];
    TRY(group_spawn(&g, peer_main, run));
    struct err e = converse(run);
    stream_close(run->near);
    TRY(group_wait_all(&g));
    stream_close(run->far);
    return e;
}

static struct err peer_main(void *arg)
{
    struct run *run = arg;
    struct str rest = run->input;
    struct err e = OK;
    while (rest.len > 0 && !failed(e)) {
        e = stream_write(run->far, str_upto(rest, run->piece_bytes));
        if (!failed(e))
            e = stream_flush(run->far);
        rest = str_from(rest, run->piece_bytes);
        task_yield();
    }
    e = stream_end(run->far);
    stream_drain(run->far, MIB);
    return OK;
}

static struct err converse(struct run *run)
{
    struct smtp_client *c;
    struct client_answer said;
    const struct client_options options = {
            .protocol = (run->choices & CHOOSE_LMTP) != 0 ? CLIENT_LMTP : CLIENT_SMTP,
            .ehlo_name = S("me.example"),
            .timeouts = &times,
            .extensions_off = (run->choices & CHOOSE_PLAIN) != 0 ? UINT32_MAX : 0,
            .helo_only = (run->choices & CHOOSE_HELO) != 0,
            .bdat_chunk_bytes = 16};
    TRY(client_new(&run->arena, run->near, &options, &c));
    TRY(client_greet(c, &run->arena, &said));
    keep(run, &said);
    check_text(client_peer_name(c));
    if (said.verdict == CLIENT_GOOD && (run->choices & CHOOSE_STARTTLS) != 0) {
        TRY(client_starttls(c, &run->arena, &said));
        check(&said);
        assert(said.verdict != CLIENT_GOOD || stream_buffered(run->near).len == 0);
        if (client_is_usable(c))
            TRY(client_hello(c, &run->arena, &said));
    }
    if (said.verdict == CLIENT_GOOD && (run->choices & CHOOSE_AUTH) != 0)
        TRY(log_in(run, c));
    if (said.verdict == CLIENT_GOOD && client_is_usable(c)) {
        TRY(transact(run, c, true));
        if (client_is_usable(c) && client_is_alive(c))
            TRY(transact(run, c, false));
    }
    client_quit(c);
    return OK;
}

static struct err log_in(struct run *run, struct smtp_client *c)
{
    bool by_token = (run->choices & CHOOSE_TOKEN) != 0;
    struct client_answer said;
    const struct client_credentials credentials = {.username = S("user"),
            .secret = by_token ? STR_NULL : S("pencil"),
            .token = by_token ? S("token") : STR_NULL,
            .nonce = S("rOprNGfwEbeRWgbNEkqO"),
            .channel_is_safe = true};
    TRY(client_auth(c, &run->arena, &credentials, &said));
    assert(said.verdict != CLIENT_PERMANENT); // nobody's mail fails by a password of ours
    keep(run, &said);
    return OK;
}

static struct err transact(struct run *run, struct smtp_client *c, bool is_kept)
{
    bool says_much = (run->choices & CHOOSE_PARAMETERS) != 0;
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {0};
    const struct str text = S("Subject: x\r\n\r\n.dot\nbare\rend");
    struct message m = {.priority = says_much ? 3 : 0,
            .env_id = says_much ? S("e=1") : STR_NULL,
            .flags = says_much ? MESSAGE_RET_HDRS : 0,
            .body = {.place = BODY_INLINE, .bytes = text.len, .inline_bytes = text}};
    struct recipient rcpt = {.address = S("a@x.example"),
            .flags = says_much ? RCPT_NOTIFY_NEVER : RCPT_NOTIFY_IMPLICIT};
    struct client_rcpt rcpts[RCPTS] = {{.rcpt = &rcpt, .address = S("a@x.example")},
            {.rcpt = &rcpt, .address = S("b@x.example")},
            {.rcpt = &rcpt, .address = S("c@x.example")}};
    TRY(message_open(NULL, &run->arena, &m, &how, &reader));
    struct client_transaction t = {.message = &m,
            .sender = S("s@y.example"),
            .bytes = text.len,
            .body = reader,
            .rcpts = rcpts,
            .rcpt_count = RCPTS};
    TRY(client_send(c, &run->arena, &t));
    check(&t.mail);
    for (size_t i = 0; i < RCPTS; i++) {
        if (!rcpts[i].was_tried) {
            assert(t.rcpts_accepted > 0); // or there would be no end of trying
            continue;
        }
        check(&rcpts[i].answer);
        assert(rcpts[i].answer.verdict != CLIENT_GOOD || rcpts[i].answer.stage == CLIENT_EOD);
        assert(rcpts[i].answer.gone || client_is_usable(c));
        if (is_kept)
            keep(run, &rcpts[i].answer);
    }
    return OK;
}

static void keep(struct run *run, const struct client_answer *answer)
{
    check(answer);
    assert(run->answer_count < COUNT_OF(run->answers));
    run->answers[run->answer_count++] = *answer;
}

static void check(const struct client_answer *answer)
{
    const struct outcome *o = &answer->outcome;
    check_text(o->text);
    check_text(o->enhanced);
    switch (answer->verdict) {
    case CLIENT_GOOD:
        assert(o->kind == FAILURE_NONE && (o->code / 100 == 2 || o->code == 354));
        break;
    case CLIENT_TEMPORARY:
        assert(o->kind != FAILURE_NONE);
        break;
    case CLIENT_PERMANENT:
        assert(o->code / 100 == 5 || str_eq(o->enhanced, S("5.3.4")));
        break;
    case CLIENT_LOST:
        assert(o->code == 0 && answer->gone && str_starts(o->enhanced, S("4.")));
        break;
    }
}

static void check_text(struct str text)
{
    assert(text.len <= 1024 && str_is_utf8(text));
    for (size_t i = 0; i < text.len; i++)
        assert((uint8_t)text.ptr[i] >= ' ' && text.ptr[i] != 0x7f);
}

static void compare(const struct run *a, const struct run *b)
{
    assert(a->answer_count == b->answer_count);
    for (size_t i = 0; i < a->answer_count; i++) {
        const struct client_answer *x = &a->answers[i], *y = &b->answers[i];
        assert(x->verdict == y->verdict && x->stage == y->stage &&
                x->outcome.code == y->outcome.code && str_eq(x->outcome.text, y->outcome.text));
    }
}
