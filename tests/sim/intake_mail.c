// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake_mail.c: the messages. What a message is follows from the seed and its number, so
// that it need not be kept to be compared.
#define POSTHASTE_BASE_ROOM
#include "intake.h"

#define LINE_BYTES_LEAST 2
#define LINE_BYTES_MOST 120

static size_t some_bytes(struct prng *p);

void mail_plan(struct intake *in, struct mail *m)
{
    struct prng *p = &in->chance;
    m->bytes = some_bytes(p);
    m->rcpt_count = 1 + (prng_below(p, 2) == 0 ? prng_below(p, MAIL_RCPTS_MAX) : 0);
    m->framing = prng_below(p, 3) == 0 ? BY_BDAT : BY_DATA;
    m->by_lmtp = prng_below(p, 3) == 0;
    m->pipelines = prng_below(p, 2) == 0;
}

// Around the sizes at which the store does something else: 16 KiB, 128 KiB.
static size_t some_bytes(struct prng *p)
{
    switch (prng_below(p, 12)) {
    case 0:
        return 128 * KIB - 600 + prng_below(p, 1200);
    case 1:
        return 130 * KIB + prng_below(p, 200 * KIB);
    case 2:
        return 16 * KIB - 600 + prng_below(p, 1200);
    case 3:
        return 20 * KIB + prng_below(p, 90 * KIB);
    default:
        return 100 + prng_below(p, 5 * KIB);
    }
}

void mail_write(const struct intake *in, const struct mail *m, struct buf *out)
{
    struct prng p;
    prng_seed(&p, in->seed * 1000 + m->number);
    buf_fmt(out,
            "From: <m%u@client.example>\r\nTo: many\r\nSubject: %u\r\n"
            "Message-ID: <%u.%llu@client.example>\r\nDate: Wed, 18 Nov 2026 11:06:40 +0000\r\n\r\n",
            m->number, m->number, m->number, (unsigned long long)in->seed);
    while (out->len < m->bytes) {
        uint64_t word = prng_u64(&p);
        if ((word & 7) == 0)
            buf_add(out, S("..\r\n.\r\n.x"));
        size_t line = LINE_BYTES_LEAST + (word >> 3) % (LINE_BYTES_MOST - LINE_BYTES_LEAST);
        if (buf_reserve(out, line + sizeof(word)))
            for (size_t i = 0; i < line; i++, word = (word >> 5) | (word << 59))
                out->ptr[out->len++] = (char)('A' + (word & 31) % 26);
        buf_add(out, S("\r\n"));
    }
}

struct str mail_rcpt(struct arena *a, const struct mail *m, size_t i)
{
    return arena_fmt(a, "r%zu.m%u@domain%zu.example", i, m->number, i % 3);
}
