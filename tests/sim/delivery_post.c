// SPDX-License-Identifier: Apache-2.0
// tests/sim/delivery_post.c: mail is handed to the server, by our own client, while all is well.
#define POSTHASTE_BASE_ROOM
#include "delivery.h"

#include "base/id.h"
#include "queue/message_reader.h"
#include "smtp/client/client.h"

#define ARENA_BYTES_MAX (4 * MIB)
#define MAIL_BYTES_MAX (16 * KIB)
#define CONNECTIONS_MAX 16

static const struct client_timeouts times = {MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS,
        MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS, MINUTE_MS};

struct posting {
    struct world *world;
    size_t first, count;
    size_t number, step; // every step-th of them
};

static struct err post_some(void *posting) suspends MUST_USE;
static struct err post_over(
        const struct posting *p, struct stream *s, struct arena *a) suspends MUST_USE;
static struct err post_one(
        struct world *w, struct mail *m, struct smtp_client *c) suspends MUST_USE;
static struct err note_accepted(
        struct world *w, struct mail *m, const struct client_answer *said) MUST_USE;

struct err post_mails(struct world *w, size_t first, size_t count, size_t connections)
{
    struct posting postings[CONNECTIONS_MAX];
    struct group all AUTO(group_end);
    assert(connections <= COUNT_OF(postings));
    group_begin(&all);
    for (size_t i = 0; i < connections; i++) {
        postings[i] = (struct posting){
                .world = w, .first = first, .count = count, .number = i, .step = connections};
        TRY(group_spawn(&all, post_some, &postings[i]));
    }
    return group_wait_all(&all);
}

static struct err post_some(void *posting)
{
    const struct posting *p = posting;
    struct stream *s AUTO(stream_close_auto) = NULL;
    struct arena a AUTO(arena_done);
    const struct endpoint to = {.ip = world_server_ip, .port = 25};
    const struct connect_options from = {.from = {IP_V4, {10, 0, 0, (uint8_t)(p->number + 1)}}};
    arena_init(&a, ARENA_BYTES_MAX);
    TRY(net_connect(&to, &from, &s));
    return post_over(p, s, &a);
}

static struct err post_over(const struct posting *p, struct stream *s, struct arena *a)
{
    const struct client_options options = {
            .ehlo_name = S("client.example"), .timeouts = &times, .bdat_chunk_bytes = MIB};
    struct smtp_client *c;
    struct client_answer said;
    TRY(client_new(a, s, &options, &c));
    TRY(client_greet(c, a, &said));
    for (size_t i = p->number; i < p->count; i += p->step)
        TRY(post_one(p->world, &p->world->mails[p->first + i], c));
    client_quit(c);
    return OK;
}

static struct err post_one(struct world *w, struct mail *m, struct smtp_client *c)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct arena a AUTO(arena_done);
    struct buf text AUTO(buf_done);
    const struct message_reading how = {0};
    arena_init(&a, ARENA_BYTES_MAX);
    struct client_rcpt *to = arena_array(&a, m->rcpt_count, struct client_rcpt);
    struct recipient *as_given = arena_make(&a, struct recipient);
    struct message *message = arena_make(&a, struct message);
    assert(to != NULL && as_given != NULL && message != NULL);
    as_given->flags = RCPT_NOTIFY_IMPLICIT;
    buf_init(&text, MAIL_BYTES_MAX);
    mail_write(m, &text);
    *message = (struct message){
            .body = {.place = BODY_INLINE, .bytes = text.len, .inline_bytes = buf_str(&text)}};
    for (size_t i = 0; i < m->rcpt_count; i++)
        to[i] = (struct client_rcpt){.rcpt = as_given, .address = rcpt_address(&a, &m->rcpts[i])};
    TRY(message_open(NULL, &a, message, &how, &reader));
    struct client_transaction t = {.message = message,
            .sender = m->has_no_sender ? S("") : arena_fmt(&a, "s%u@home.example", m->number),
            .bytes = text.len,
            .body = reader,
            .rcpts = to,
            .rcpt_count = m->rcpt_count};
    TRY(client_send(c, &a, &t));
    for (size_t i = 0; i < m->rcpt_count; i++)
        TRY(note_accepted(w, m, &to[i].answer));
    return OK;
}

static struct err note_accepted(struct world *w, struct mail *m, const struct client_answer *said)
{
    const struct str word = S("queued with id ");
    struct str text = said->outcome.text;
    size_t at = str_find(text, word);
    if (said->verdict != CLIENT_GOOD || at == STR_NOT_FOUND ||
            !id_parse(str_part(text, at + word.len, ID_DIGITS), &m->id)) {
        finding(w, "mail %u is not accepted: %u %.*s", m->number, said->outcome.code, ARG(text));
        return fail(ERR_REFUSED, "what was posted is not accepted");
    }
    if (m->is_accepted)
        return OK;
    m->is_accepted = true;
    m->accepted_at_ms = wall_ms();
    w->mails_posted++;
    return map_put(&w->by_id, str_of((const char *)&m->id, sizeof(m->id)), m)
                   ? OK
                   : fail(ERR_LIMIT, "no memory");
}
