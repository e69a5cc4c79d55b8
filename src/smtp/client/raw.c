// SPDX-License-Identifier: Apache-2.0
// smtp/client/raw.c: the dialogue as it was, for who looks for trouble (operations.md 8.2:
// delivery.raw-input, raw-output). What proves who we are is left out, and of a message only its
// length is told (operations.md 6.2). A connection serves one message after another, so the span in
// which it is told is given anew for each, and taken away at the end.
#include "smtp/client/parts.h"

#include "events/event.h"

#define SHOWN_BYTES_MAX (4 * KIB) // of a line, or a reply; the rest is cut off

static bool is_wanted(const struct smtp_client *c, enum event_id id);

void client_tell_to(struct smtp_client *c, struct span *span)
{
    c->span = span;
}

void client_tell_line(const struct smtp_client *c, struct str line)
{
    if (is_wanted(c, EV_DELIVERY_RAW_OUTPUT))
        event_in(c->span, EV_DELIVERY_RAW_OUTPUT, F_U64(size, line.len),
                F_BYTES(contents, c->logs_in ? S("[credentials]") : line));
}

void client_tell_content(const struct smtp_client *c, uint64_t bytes)
{
    if (is_wanted(c, EV_DELIVERY_RAW_OUTPUT))
        event_in(c->span, EV_DELIVERY_RAW_OUTPUT, F_U64(size, bytes),
                F_BYTES(contents, S("[message]")));
}

// Line by line, with the code before each, as it came.
void client_tell_reply(const struct smtp_client *c, const struct client_reply *reply)
{
    // outbound.md 27.2: the last line counts.
    if (reply->codes_differ && is_wanted(c, EV_DELIVERY_REPLY_UNCLEAR))
        event_in(c->span, EV_DELIVERY_REPLY_UNCLEAR, F_STR(hostname, client_peer_name(c)),
                F_U64(code, reply->code), F_STR(details, reply->text));
    if (!is_wanted(c, EV_DELIVERY_RAW_INPUT))
        return;
    struct buf text AUTO(buf_done);
    buf_init(&text, SHOWN_BYTES_MAX);
    for (size_t i = 0; i < reply->line_count; i++)
        buf_fmt(&text, "%s%u%c%.*s", i > 0 ? "\r\n" : "", reply->code,
                i + 1 < reply->line_count ? '-' : ' ', ARG(reply->lines[i]));
    event_in(c->span, EV_DELIVERY_RAW_INPUT, F_U64(size, text.len),
            F_BYTES(contents,
                    c->logs_in && reply->code == 334 ? S("[credentials]") : buf_str(&text)));
}

static bool is_wanted(const struct smtp_client *c, enum event_id id)
{
    return c->span != NULL && event_is_wanted(c->span->log, id);
}
