// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_envelope.c: envelopes as documents. What was written is read again, all of
// it; what a person leaves out has the values of a fresh message; and what would say something to
// another host that SMTP could not have brought is refused.
#include "place.h"

#include "queue/envelope/envelope.h"

#define NOW_MS INT64_C(1763768100123)

// --- All that there is ---------------------------------------------------------------------------

static const struct message_tag tags[] = {
        {S_INIT("tenant"), S_INIT("north")}, {S_INIT("campaign"), S_INIT("")}};
static const struct passage passage = {.stage = S_INIT("rcpt"),
        .remote_ip = S_INIT("192.0.2.9"),
        .source_ip = S_INIT("192.0.2.1"),
        .tls = S_INIT("TLSv1.3 x"),
        .elapsed_ms = 77};

static void fill(struct envelope *e, struct unit units[2], struct recipient rcpts[2])
{
    rcpts[0] = (struct recipient){.address = S("ann@a.example"),
            .orcpt_type = S("rfc822"),
            .orcpt = S("Ann@a.example"),
            .flags = RCPT_NOTIFY_SUCCESS | RCPT_DSN_SENT | RCPT_EXPIRY_FIXED | RCPT_SILENT,
            .status = RCPT_PERM_FAILED,
            .retry_count = 3,
            .retry_at_ms = NOW_MS + 7,
            .notify_count = 2,
            .notify_at_ms = NEVER_MS,
            .base_ms = 60000,
            .expiry = EXPIRY_ATTEMPTS,
            .expiry_attempts = 10,
            .last = {.kind = FAILURE_MTA_STS,
                    .entity = S("mx.a.example"),
                    .command = S("RCPT TO"),
                    .host = S("mx.a.example"),
                    .code = 550,
                    .enhanced = S("5.1.1"),
                    .text = S("gone \x1b[1m\xff"),
                    .bounce_class = S("no-user"),
                    .at_ms = NOW_MS - 5,
                    .passage = &passage}};
    rcpts[1] = (struct recipient){.address = S("\"a b\"@b.example"),
            .flags = RCPT_NOTIFY_NEVER,
            .retry_at_ms = NEVER_MS,
            .notify_at_ms = NOW_MS,
            .expiry_ms = 12345};
    units[0] = (struct unit){.domain = S("a.example"),
            .queue = S("remote"),
            .schedule = S("slow"),
            .route_override = S("mx"),
            .prefix_headers = S("Delivered-To: x\r\n\tfolded\r\nX: y\r\n"),
            .priority = -4,
            .due_ms = NEVER_MS,
            .hold = {.reason = HOLD_QUARANTINE,
                    .text = S("looks odd"),
                    .by = S("filter x"),
                    .since_ms = NOW_MS - 9,
                    .until_ms = NOW_MS + 9,
                    .clocks_at_ms = NOW_MS + 99},
            .rcpts = &rcpts[0],
            .rcpt_count = 1};
    units[1] = (struct unit){.number = 1,
            .domain = S("b.example"),
            .queue = S("remote"),
            .schedule = S("remote"),
            .priority = -4,
            .due_ms = NOW_MS,
            .rcpts = &rcpts[1],
            .rcpt_count = 1};
    *e = (struct envelope){.has_origin = true,
            .origin = {.store = UINT64_MAX, .id = 0x0b55250b1000400a},
            .has_content = true,
            .bytes = 100,
            .top_bytes = 40,
            .message = {.created_ms = NOW_MS - 1000,
                    .sender = S("bob@b.example"),
                    .flags = MESSAGE_AUTHENTICATED | MESSAGE_REQUIRETLS | MESSAGE_RETURN_PATH_SAID,
                    .priority = -4,
                    .env_id = S("order+42"),
                    .via_port = 587,
                    .account = S("bob"),
                    .submitter = S("<>"),
                    .by_ms = NOW_MS + 1,
                    .hold_until_ms = NOW_MS + 2,
                    .helo = S("client.example"),
                    .tags = tags,
                    .tag_count = COUNT_OF(tags),
                    .units = units,
                    .unit_count = 2}};
    ip_parse(S("2001:db8::1"), &e->message.from_ip);
    memset(e->sha256, 0xa5, sizeof(e->sha256));
}

static void check_rcpt(const struct recipient *got, const struct recipient *want)
{
    check_str("address", got->address, want->address);
    check_str("orcpt type", got->orcpt_type, want->orcpt_type);
    check_str("orcpt", got->orcpt, want->orcpt);
    check_u64("flags", got->flags, want->flags);
    check_u64("status", got->status, want->status);
    check_u64("attempts", got->retry_count, want->retry_count);
    check_u64("retry", (uint64_t)got->retry_at_ms, (uint64_t)want->retry_at_ms);
    check_u64("marks", got->notify_count, want->notify_count);
    check_u64("notify", (uint64_t)got->notify_at_ms, (uint64_t)want->notify_at_ms);
    check_u64("base", (uint64_t)got->base_ms, (uint64_t)want->base_ms);
    check_u64("expiry", got->expiry, want->expiry);
    check_u64("lifetime", (uint64_t)got->expiry_ms, (uint64_t)want->expiry_ms);
    check_u64("most attempts", got->expiry_attempts, want->expiry_attempts);
    check_u64("kind", got->last.kind, want->last.kind);
    check_u64("at", (uint64_t)got->last.at_ms, (uint64_t)want->last.at_ms);
    check_u64("code", got->last.code, want->last.code);
    check_str("text", got->last.text, want->last.text);
    check_str("class", got->last.bounce_class, want->last.bounce_class);
    check_true("passage", (got->last.passage == NULL) == (want->last.passage == NULL));
    if (got->last.passage != NULL)
        check_u64("elapsed", (uint64_t)got->last.passage->elapsed_ms,
                (uint64_t)want->last.passage->elapsed_ms);
}

static void check_envelope(const struct envelope *got, const struct envelope *want)
{
    const struct message *g = &got->message, *w = &want->message;
    check_true("origin", got->has_origin && got->origin.store == want->origin.store &&
                                 got->origin.id == want->origin.id);
    check_u64("size", got->bytes, want->bytes);
    check_u64("top", got->top_bytes, want->top_bytes);
    check_true("digest", memcmp(got->sha256, want->sha256, sizeof(got->sha256)) == 0);
    check_str("sender", g->sender, w->sender);
    check_u64("created", (uint64_t)g->created_ms, (uint64_t)w->created_ms);
    check_u64("flags", g->flags, w->flags);
    check_true("priority", g->priority == w->priority);
    check_str("env id", g->env_id, w->env_id);
    check_true("ip", ip_eq(&g->from_ip, &w->from_ip));
    check_u64("port", g->via_port, w->via_port);
    check_str("account", g->account, w->account);
    check_str("submitter", g->submitter, w->submitter);
    check_u64("by", (uint64_t)g->by_ms, (uint64_t)w->by_ms);
    check_u64("hold until", (uint64_t)g->hold_until_ms, (uint64_t)w->hold_until_ms);
    check_str("helo", g->helo, w->helo);
    check_u64("tags", g->tag_count, w->tag_count);
    check_str("tag", g->tags[0].value, w->tags[0].value);
    check_u64("units", g->unit_count, w->unit_count);
    for (size_t i = 0; i < w->unit_count; i++) {
        check_str("domain", g->units[i].domain, w->units[i].domain);
        check_str("queue", g->units[i].queue, w->units[i].queue);
        check_str("schedule", g->units[i].schedule, w->units[i].schedule);
        check_str("route", g->units[i].route_override, w->units[i].route_override);
        check_str("prefix", g->units[i].prefix_headers, w->units[i].prefix_headers);
        check_u64("due", (uint64_t)g->units[i].due_ms, (uint64_t)w->units[i].due_ms);
        check_true("its priority", g->units[i].priority == w->units[i].priority);
        check_u64("held", g->units[i].hold.reason, w->units[i].hold.reason);
        check_str("by whom", g->units[i].hold.by, w->units[i].hold.by);
        check_u64(
                "until", (uint64_t)g->units[i].hold.until_ms, (uint64_t)w->units[i].hold.until_ms);
        check_u64("clocks", (uint64_t)g->units[i].hold.clocks_at_ms,
                (uint64_t)w->units[i].hold.clocks_at_ms);
        check_rcpt(&g->units[i].rcpts[0], &w->units[i].rcpts[0]);
    }
}

static void there_and_back(void **state)
{
    (void)state;
    struct envelope e, back;
    struct unit units[2];
    struct recipient rcpts[2];
    struct arena a;
    struct buf text, again;
    fill(&e, units, rcpts);
    arena_init(&a, MIB);
    buf_init(&text, MIB);
    buf_init(&again, MIB);
    envelope_write(&e, &text);
    check_str("read", err_text(envelope_read(&a, buf_str(&text), 1, &back)), S(""));
    check_envelope(&back, &e);
    envelope_write(&back, &again);
    check_str("written again", buf_str(&again), buf_str(&text));
    buf_done(&text);
    buf_done(&again);
    arena_done(&a);
}

// --- What a person writes ------------------------------------------------------------------------

#define HEAD "{\"posthaste_envelope\":1,"
#define UNITS(rcpt) "\"units\":[{\"recipients\":[{" rcpt "}]}]"
#define RCPT "\"address\":\"ann@a.example\""

static void the_least(void **state)
{
    (void)state;
    struct envelope e;
    struct arena a;
    arena_init(&a, MIB);
    struct err failure = envelope_read(
            &a, S(HEAD "\"return_path\":\"bob@b.example\"," UNITS(RCPT) "}"), NOW_MS, &e);
    check_str("read", err_text(failure), S(""));
    const struct unit *u = &e.message.units[0];
    const struct recipient *r = &u->rcpts[0];
    check_true("from nowhere", !e.has_origin && !e.has_content);
    check_u64("source", e.message.flags, MESSAGE_UNAUTHENTICATED);
    check_u64("created", (uint64_t)e.message.created_ms, (uint64_t)NOW_MS);
    check_str("domain", u->domain, S("a.example"));
    check_str("queue", u->queue, S("default"));
    check_str("schedule", u->schedule, S("default"));
    check_u64("due", (uint64_t)u->due_ms, (uint64_t)NOW_MS);
    check_u64("notices", r->flags, RCPT_NOTIFY_FAILURE | RCPT_NOTIFY_DELAY | RCPT_NOTIFY_IMPLICIT);
    check_u64("end", (uint64_t)r->expiry_ms, 5 * (uint64_t)DAY_MS);
    check_u64("no notice", (uint64_t)r->notify_at_ms, (uint64_t)NEVER_MS);
    arena_done(&a);
}

static const struct {
    const char *name, *text, *error; // a part
} refused[] = {
        {"nothing", "", "line 1, column 1"},
        {"no envelope", "{}", "this is no envelope"},
        {"an array", "[1]", "this is no envelope"},
        {"a later version", "{\"posthaste_envelope\":2}", "of version 2"},
        {"nobody", HEAD "\"return_path\":\"\"}", "units takes 1 to 10000"},
        {"no units", HEAD "\"units\":[]}", "units takes 1 to 10000"},
        {"units that are none", HEAD "\"units\":7}", "units takes an array"},
        {"an empty unit", HEAD "\"units\":[{\"recipients\":[]}]}", "recipients takes 1 to 100"},
        {"a unit that is a number", HEAD "\"units\":[7]}", "recipients takes 1 to 100"},
        {"no address", HEAD UNITS("\"queue\":\"x\"") "}", "address is missing"},
        {"a command in an address", HEAD UNITS("\"address\":\"a@b.example>\\r\\nDATA\"") "}",
                "address has characters that cannot stand there"},
        {"the same in base64", HEAD UNITS("\"address\":{\"base64\":\"YUBiLmV4YW1wbGU+DQo=\"}") "}",
                "address has characters"},
        {"the end of a path", HEAD UNITS("\"address\":\"a@b>\"") "}", "address is no address"},
        {"a blank in a sender", HEAD "\"return_path\":\"a b@c.example\"," UNITS(RCPT) "}",
                "return_path is no address"},
        {"a sender that is a number", HEAD "\"return_path\":5," UNITS(RCPT) "}",
                "return_path takes a text"},
        {"an unknown flag", HEAD "\"flags\":[\"requiretsl\"]," UNITS(RCPT) "}",
                "flags names one that is unknown"},
        {"two sources", HEAD "\"flags\":[\"dsn\",\"report\"]," UNITS(RCPT) "}",
                "flags name more than one source"},
        {"an unknown status", HEAD UNITS(RCPT ",\"status\":\"failed\"") "}",
                "status is none that a recipient has"},
        {"an unknown failure", HEAD UNITS(RCPT ",\"last_attempt\":{\"error\":\"x\"}") "}",
                "error is no kind of failure"},
        {"held for nothing", HEAD "\"units\":[{\"hold\":{},\"recipients\":[{" RCPT "}]}]}",
                "reason is none for which mail is held"},
        {"a body in a header",
                HEAD "\"units\":[{\"prefix_headers\":\"X: y\\r\\n\\r\\nz\\r\\n\","
                     "\"recipients\":[{" RCPT "}]}]}",
                "prefix_headers has characters"},
        {"half a header",
                HEAD "\"units\":[{\"prefix_headers\":\"X: y\",\"recipients\":[{" RCPT "}]}]}",
                "prefix_headers has characters"},
        {"a day that is none", HEAD "\"created\":\"2026-02-30T00:00:00Z\"," UNITS(RCPT) "}",
                "created takes a moment"},
        {"created never", HEAD "\"created\":\"never\"," UNITS(RCPT) "}", "created takes a moment"},
        {"a priority", HEAD "\"priority\":10," UNITS(RCPT) "}", "priority takes another number"},
        {"a lifetime", HEAD UNITS(RCPT ",\"expires_ms\":9223372036854775807") "}",
                "expires_ms takes another number"},
        {"a tag without a name", HEAD "\"tags\":[{\"value\":\"x\"}]," UNITS(RCPT) "}",
                "name and value make a tag"},
        {"half an orcpt", HEAD UNITS(RCPT ",\"orcpt\":\"x\"") "}", "orcpt takes an orcpt_type"},
        {"a long queue",
                HEAD
                "\"units\":[{\"queue\":\"123456789012345678901234567890123\",\"recipients\":[{" RCPT
                "}]}]}",
                "queue is too long"},
        {"no digest", HEAD "\"content\":{\"size\":1,\"sha256\":\"00\"}," UNITS(RCPT) "}",
                "sha256 takes 64 hex digits"},
        {"more on top than there is", HEAD "\"content\":{\"size\":1,\"top\":2}," UNITS(RCPT) "}",
                "top is more than there is"},
        {"an origin", HEAD "\"origin\":{\"store\":\"1\"}," UNITS(RCPT) "}",
                "store takes 16 hex digits"},
        {"no address of a client", HEAD "\"from_ip\":\"x\"," UNITS(RCPT) "}",
                "from_ip is no address"},
};

static void what_is_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        struct envelope e;
        struct arena a;
        arena_init(&a, MIB);
        struct err failure = envelope_read(&a, str_from_c(refused[i].text), NOW_MS, &e);
        check_true(refused[i].name, failed(failure));
        if (!str_contains(err_text(failure), str_from_c(refused[i].error)))
            check_failed("%s: \"%.*s\"", refused[i].name, ARG(err_text(failure)));
        arena_done(&a);
    }
}

// As many recipients as a message may have, and one more; as much memory as there is.
static void as_many_as_may_be(void **state)
{
    (void)state;
    for (size_t count = MESSAGE_RCPTS_MAX; count <= MESSAGE_RCPTS_MAX + 1; count++) {
        struct envelope e;
        struct arena a, narrow;
        struct buf text;
        arena_init(&a, 256 * MIB);
        arena_init(&narrow, MIB);
        buf_init(&text, 16 * MIB);
        buf_fmt(&text, HEAD "\"units\":[");
        for (size_t i = 0; i < count; i++)
            buf_fmt(&text, "%s{" RCPT "}%s", i % 100 == 0 ? "{\"recipients\":[" : ",",
                    i % 100 == 99 || i + 1 == count ? "]}" : "");
        struct str whole = buf_str(&text);
        for (size_t i = 0; i + 1 < whole.len; i++) // units stand behind each other
            if (text.ptr[i] == '}' && text.ptr[i + 1] == '{')
                buf_insert(&text, i + 1, S(","));
        buf_fmt(&text, "]}");
        struct err failure = envelope_read(&a, buf_str(&text), NOW_MS, &e);
        check_u64("kind", failure.kind, count > MESSAGE_RCPTS_MAX ? ERR_SYNTAX : ERR_NONE);
        check_true("little memory", failed(envelope_read(&narrow, buf_str(&text), NOW_MS, &e)));
        buf_done(&text);
        arena_done(&a);
        arena_done(&narrow);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(there_and_back),
            TEST(the_least),
            TEST(what_is_wrong),
            TEST(as_many_as_may_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
