// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_streams.c: the limits of reading, writing against a slow reader, and how
// connections end.
#include "fixture.h"

#define LARGE_BYTES (1 * MIB)

struct ends {
    struct err (*act)(struct ends *e) suspends;
    struct stream *near, *far;
    char *large;
    size_t seen;
    struct err outcome;
};

static struct err say(struct stream *s, struct str text)
{
    TRY(stream_write(s, text));
    return stream_flush(s);
}

// --- Reading -------------------------------------------------------------------------------------

static struct err lines(struct ends *e)
{
    struct str line;
    assert_ok(say(e->far, S("a\r\nbb\r")));
    assert_ok(stream_until(e->near, S("\r\n"), 3, &line));
    assert_true(str_eq(line, S("a\r\n")));
    {
        within_ms(0);
        assert_int_equal(stream_until(e->near, S("\r\n"), 10, &line).kind, ERR_TIMEOUT);
    }
    assert_ok(say(e->far, S("\n\r\r\n"))); // a terminator in two pieces; a false start
    assert_ok(stream_until(e->near, S("\r\n"), 10, &line));
    assert_true(str_eq(line, S("bb\r\n")));
    assert_int_equal(stream_until(e->near, S("\r\n"), 2, &line).kind, ERR_LIMIT);
    assert_ok(stream_until(e->near, S("\r\n"), 3, &line)); // nothing was consumed by the failure
    assert_true(str_eq(line, S("\r\r\n")));
    return OK;
}

static struct err longest_line(struct ends *e)
{
    struct str line;
    memset(e->large, 'x', STREAM_READ_BYTES_MAX + 1);
    e->large[STREAM_READ_BYTES_MAX - 1] = '\n';
    assert_ok(say(e->far, str_of(e->large, STREAM_READ_BYTES_MAX)));
    assert_ok(stream_until(e->near, S("\n"), STREAM_READ_BYTES_MAX, &line));
    assert_int_equal(line.len, STREAM_READ_BYTES_MAX);
    e->large[STREAM_READ_BYTES_MAX - 1] = 'x';
    e->large[STREAM_READ_BYTES_MAX] = '\n';
    assert_ok(say(e->far, str_of(e->large, STREAM_READ_BYTES_MAX + 1)));
    assert_int_equal(stream_until(e->near, S("\n"), STREAM_READ_BYTES_MAX, &line).kind, ERR_LIMIT);
    stream_consume(e->near, STREAM_READ_BYTES_MAX);
    assert_ok(stream_until(e->near, S("\n"), 1, &line)); // and the rest is still there
    return OK;
}

static struct err peeking(struct ends *e)
{
    struct str seen;
    assert_ok(say(e->far, S("abc")));
    assert_ok(stream_peek(e->near, 1, &seen));
    assert_true(str_eq(seen, S("abc")));
    assert_ok(stream_peek(e->near, 3, &seen));
    stream_consume(e->near, 1);
    assert_true(str_eq(stream_buffered(e->near), S("bc")));
    assert_ok(stream_end(e->far));
    assert_int_equal(stream_peek(e->near, 3, &seen).kind, ERR_CLOSED); // the end came too early
    assert_true(str_eq(stream_buffered(e->near), S("bc")));            // and took nothing along
    memset(e->large, 'x', STREAM_READ_BYTES_MAX);
    assert_ok(say(e->near, str_of(e->large, STREAM_READ_BYTES_MAX)));
    assert_ok(stream_peek(e->far, STREAM_READ_BYTES_MAX, &seen)); // a whole buffer
    assert_int_equal(seen.len, STREAM_READ_BYTES_MAX);
    return OK;
}

// --- Writing -------------------------------------------------------------------------------------

static struct err count_slowly(void *arg)
{
    struct ends *e = arg;
    for (;;) {
        struct str piece;
        e->outcome = stream_read(e->far, 10000, &piece);
        if (failed(e->outcome))
            return OK;
        for (size_t i = 0; i < piece.len; i++)
            assert_int_equal((uint8_t)piece.ptr[i], (uint8_t)((e->seen + i) * 7 / 5));
        e->seen += piece.len;
        task_yield();
    }
}

// In pieces of all sizes: below, at and beyond a block, so that some are gathered and some are not.
static struct err writes_arrive(struct ends *e)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        e->large[i] = (char)(i * 7 / 5);
    TRY(group_spawn(&g, count_slowly, e));
    for (size_t at = 0, piece = 1; at < LARGE_BYTES; at += piece, piece = piece * 3 + 1) {
        if (piece > LARGE_BYTES - at)
            piece = LARGE_BYTES - at;
        assert_ok(stream_write(e->near, str_of(e->large + at, piece)));
    }
    assert_ok(stream_end(e->near));
    assert_ok(group_wait_all(&g));
    assert_int_equal(e->outcome.kind, ERR_CLOSED);
    assert_int_equal(e->seen, LARGE_BYTES);
    assert_int_equal(stream_figures(e->near).bytes_out, LARGE_BYTES);
    assert_int_equal(stream_figures(e->far).bytes_in, LARGE_BYTES);
    return OK;
}

// Within a scope whose waits send, the one that sends already is not disturbed.
static struct err writes_arrive_flushing(struct ends *e)
{
    flushing(e->near);
    return writes_arrive(e);
}

// A wait for anything else lets what is queued leave, and nothing leaves where nothing waits.
static struct err said_before_a_wait(struct ends *e)
{
    struct str got;
    {
        flushing(e->near);
        assert_ok(stream_write(e->near, S("one")));
        assert_int_equal(stream_figures(e->near).bytes_out, 0);
        assert_ok(task_sleep_ms(1));
        assert_int_equal(stream_figures(e->near).bytes_out, 3);
        flushing(NULL);
        assert_ok(stream_write(e->near, S("two")));
        assert_ok(task_sleep_ms(1));
        assert_int_equal(stream_figures(e->near).bytes_out, 3);
    }
    assert_ok(task_sleep_ms(1)); // the scope is over
    assert_int_equal(stream_figures(e->near).bytes_out, 3);
    assert_ok(stream_flush(e->near));
    assert_ok(stream_read(e->far, 100, &got));
    assert_true(str_eq(got, S("onetwo")));
    return OK;
}

// To a peer that reads nothing what does not leave stays, in order.
static struct err rest_stays(struct ends *e)
{
    struct group g AUTO(group_end);
    group_begin(&g);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        e->large[i] = (char)(i * 7 / 5);
    size_t at = 0;
    {
        flushing(e->near);
        for (size_t out = SIZE_MAX; out != stream_figures(e->near).bytes_out; at += 1000) {
            out = stream_figures(e->near).bytes_out;
            assert_ok(stream_write(e->near, str_of(e->large + at, 1000)));
            assert_ok(task_sleep_ms(1));
        }
    }
    TRY(group_spawn(&g, count_slowly, e));
    assert_ok(stream_end(e->near));
    assert_ok(group_wait_all(&g));
    assert_int_equal(e->seen, at);
    return OK;
}

// What was queued when a write failed may have left in part: it must not be sent again.
static struct err failed_writes_are_dropped(struct ends *e)
{
    struct err outcome = OK;
    {
        within_ms(0);
        while (!failed(outcome))
            outcome = say(e->near, S("0123456789"));
    }
    assert_int_equal(outcome.kind, ERR_TIMEOUT);
    size_t out = stream_figures(e->near).bytes_out;
    stream_drain(e->far, out);
    assert_ok(say(e->near, S("new")));
    assert_int_equal(stream_figures(e->near).bytes_out, out + 3);
    return OK;
}

static struct err without_waiting(struct ends *e)
{
    struct str got;
    assert_ok(stream_write(e->near, S("421 busy\r\n")));
    stream_flush_now(e->near);
    assert_ok(stream_read(e->far, 100, &got));
    assert_true(str_eq(got, S("421 busy\r\n")));
    assert_ok(stream_flush(e->near)); // nothing is left
    assert_int_equal(stream_figures(e->near).bytes_out, 10);
    return OK;
}

// --- Ends ----------------------------------------------------------------------------------------

static struct err half_close(struct ends *e)
{
    struct str got;
    assert_ok(stream_write(e->near, S("QUIT\r\n")));
    assert_ok(stream_end(e->near)); // flushes
    assert_ok(stream_end(e->near)); // twice is once
    assert_ok(stream_read(e->far, 100, &got));
    assert_int_equal(stream_read(e->far, 100, &got).kind, ERR_CLOSED);
    assert_int_equal(stream_read(e->far, 100, &got).kind, ERR_CLOSED);
    assert_ok(say(e->far, S("221 bye\r\n"))); // the other side still may
    assert_ok(stream_read(e->near, 100, &got));
    assert_true(str_eq(got, S("221 bye\r\n")));
    assert_int_equal(say(e->near, S("more")).kind, ERR_RESET);
    return OK;
}

static struct err peer_gone(struct ends *e)
{
    struct str got;
    assert_ok(say(e->near, S("unread")));
    stream_close(e->far);
    e->far = NULL;
    // Closing with unread bytes breaks the connection: that is not an orderly end.
    assert_int_equal(stream_read(e->near, 100, &got).kind, ERR_RESET);
    assert_int_equal(say(e->near, S("more")).kind, ERR_RESET);
    return OK;
}

static struct err draining(struct ends *e)
{
    struct str got;
    assert_ok(say(e->far, S("0123456789")));
    stream_drain(e->near, 4);
    assert_ok(stream_read(e->near, 100, &got));
    assert_true(str_eq(got, S("456789")));
    assert_ok(stream_end(e->far));
    stream_drain(e->near, 100); // returns at the end
    return OK;
}

// One task may read while another writes.
static struct err both_ways(struct ends *e)
{
    struct group g AUTO(group_end);
    struct str got;
    group_begin(&g);
    for (size_t i = 0; i < LARGE_BYTES; i++)
        e->large[i] = (char)(i * 7 / 5);
    TRY(group_spawn(&g, count_slowly, e));
    for (int i = 0; i < 100; i++) {
        assert_ok(say(e->far, S("ping")));
        assert_ok(stream_peek(e->near, 4, &got));
        stream_consume(e->near, 4);
        assert_ok(say(e->near, str_of(e->large + i * 1000, 1000)));
    }
    assert_ok(stream_end(e->near));
    assert_ok(group_wait_all(&g));
    assert_int_equal(e->seen, 100000);
    return OK;
}

static struct err act(void *arg)
{
    struct ends *e = arg;
    struct stream *pair[2];
    TRY(stream_pair(pair));
    e->near = pair[0];
    e->far = pair[1];
    struct err outcome = e->act(e);
    stream_close(e->near);
    stream_close(e->far);
    return outcome;
}

static const struct {
    const char *name;
    struct err (*act)(struct ends *e);
} acts[] = {
        {"lines, and their limit", lines},
        {"the longest line", longest_line},
        {"peeking", peeking},
        {"writes of all sizes arrive", writes_arrive},
        {"writes arrive where waits send", writes_arrive_flushing},
        {"said before a wait", said_before_a_wait},
        {"what does not leave before a wait", rest_stays},
        {"failed writes are dropped", failed_writes_are_dropped},
        {"flushing without waiting", without_waiting},
        {"half-close", half_close},
        {"the peer has gone", peer_gone},
        {"draining", draining},
        {"both ways at once", both_ways},
};

static void each_act(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(acts); i++) {
        struct ends e = {.act = acts[i].act, .large = mem_bytes(LARGE_BYTES)};
        print_message("    %s\n", acts[i].name);
        assert_ok(run_real(act, &e));
        mem_free(e.large);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_act)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
