// SPDX-License-Identifier: Apache-2.0
// smtp/client/client.c: a conversation as a whole: its beginning, what may be asked of it, its end.
#include "smtp/client/parts.h"

struct err client_new(struct arena *a, struct stream *s, const struct client_options *options,
        struct smtp_client **out)
{
    struct smtp_client *c = arena_make(a, struct smtp_client);
    if (c == NULL)
        return client_no_room();
    assert(options->timeouts != NULL);
    c->stream = s;
    c->options = *options;
    c->parameters_are_refused = options->parameters_are_refused;
    if (c->options.bdat_chunk_bytes == 0)
        c->options.bdat_chunk_bytes = BDAT_CHUNK_BYTES;
    *out = c;
    return OK;
}

bool client_offers(const struct smtp_client *c, uint32_t extension)
{
    return (c->offered & extension) == extension;
}

uint64_t client_size_max(const struct smtp_client *c)
{
    return client_offers(c, CLIENT_EXT_SIZE) ? c->size_max : 0;
}

int64_t client_by_min_s(const struct smtp_client *c)
{
    return client_offers(c, CLIENT_EXT_DELIVERBY) ? c->by_min_s : 0;
}

uint32_t client_rcpts_max(const struct smtp_client *c)
{
    return client_offers(c, CLIENT_EXT_LIMITS) ? c->rcpts_max : 0;
}

uint32_t client_mails_max(const struct smtp_client *c)
{
    return client_offers(c, CLIENT_EXT_LIMITS) ? c->mails_max : 0;
}

uint32_t client_rcpt_domains_max(const struct smtp_client *c)
{
    return client_offers(c, CLIENT_EXT_LIMITS) ? c->rcpt_domains_max : 0;
}

struct str client_peer_name(const struct smtp_client *c)
{
    return str_of(c->peer_name, c->peer_name_len);
}

bool client_refuses_parameters(const struct smtp_client *c)
{
    return c->parameters_are_refused;
}

bool client_fell_back(const struct smtp_client *c)
{
    return c->fell_back;
}

bool client_is_usable(const struct smtp_client *c)
{
    return !c->gone && !failed(c->write_failure);
}

// Looks without waiting. Whatever a peer says unasked is a goodbye (outbound.md 8.2).
bool client_is_alive(struct smtp_client *c)
{
    struct str said;
    within_ms(0);
    return client_is_usable(c) && stream_peek(c->stream, 1, &said).kind == ERR_TIMEOUT;
}

// The reply means nothing, but a peer that still hears QUIT logs no broken connection.
void client_quit(struct smtp_client *c)
{
    struct arena scratch AUTO(arena_done);
    struct client_reply reply;
    arena_init(&scratch, REPLY_ARENA_BYTES);
    within_ms(c->options.timeouts->quit_ms);
    if (!client_is_usable(c))
        return;
    c->gone = true;
    if (failed(client_say(c, S("QUIT"))) || failed(c->write_failure) ||
            failed(stream_flush(c->stream)))
        return;
    struct err ignored = client_reply_read(c->stream, &scratch, &reply);
    (void)ignored;
}
