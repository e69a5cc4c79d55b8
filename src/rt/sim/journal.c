// SPDX-License-Identifier: Apache-2.0
// rt/sim/journal.c: what happened, as a hash of everything and the last lines as text.
#include "base/encode.h"
#include "rt/sim/world.h"

#define EXCERPT_BYTES LOG_TEXT_BYTES

static uint64_t mixed(uint64_t hash, uint64_t value);
static void add_ends(struct buf *out, const struct note *n);

void journal_add(struct sim *sim, enum note_kind kind, const struct end *e, struct str text)
{
    struct journal *j = &sim->journal;
    bool is_secret = e != NULL && e->conn->is_secret && kind == NOTE_BYTES;
    struct note n = {.at_ns = sim->now_ns,
            .conn = e == NULL ? 0 : e->conn->id,
            .len = is_secret ? 0 : (uint32_t)text.len,
            .kind = (uint8_t)kind,
            .side = e == NULL ? 0 : e->side};
    j->hash = mixed(j->hash, (uint64_t)n.at_ns);
    j->hash = mixed(j->hash, n.conn << 8 | (uint64_t)n.kind << 1 | n.side);
    if (!is_secret) {
        j->hash = mixed(j->hash, (uint64_t)n.len << 32 | hash_crc32c(0, text));
        n.text_len = (uint8_t)(text.len < EXCERPT_BYTES ? text.len : EXCERPT_BYTES);
        memcpy(n.text, text.len > 0 ? text.ptr : "", n.text_len);
    }
    j->ring[j->count++ % LOG_RING_COUNT] = n;
}

// The finish of splitmix64: every bit of the value reaches every bit of the hash.
static uint64_t mixed(uint64_t hash, uint64_t value)
{
    uint64_t x = (hash ^ value) + UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t sim_log_hash(const struct sim *sim)
{
    return sim->journal.hash;
}

uint64_t sim_log_count(const struct sim *sim)
{
    return sim->journal.count;
}

void sim_note(struct sim *sim, struct str text)
{
    journal_add(sim, NOTE_TEXT, NULL, text);
}

void sim_log_tail(const struct sim *sim, size_t count, struct buf *out)
{
    static const struct str words[] = {
            [NOTE_CONNECT] = S_INIT("connects"),
            [NOTE_REFUSE] = S_INIT("is refused"),
            [NOTE_ACCEPT] = S_INIT("is accepted"),
            [NOTE_BYTES] = S_INIT("gets"),
            [NOTE_END] = S_INIT("gets the end"),
            [NOTE_RESET] = S_INIT("gets a reset"),
            [NOTE_CLOSE] = S_INIT("closes"),
            [NOTE_LOST] = S_INIT("gives up"),
            [NOTE_START] = S_INIT("start of"),
            [NOTE_CRASH] = S_INIT("crash of"),
            [NOTE_CUT] = S_INIT("cut"),
            [NOTE_HEAL] = S_INIT("heal"),
            [NOTE_TEXT] = S_INIT("note"),
    };
    const struct journal *j = &sim->journal;
    uint64_t most = j->count < LOG_RING_COUNT ? j->count : LOG_RING_COUNT;
    if (count > most)
        count = (size_t)most;
    for (uint64_t i = j->count - count; i < j->count; i++) {
        const struct note *n = &j->ring[i % LOG_RING_COUNT];
        sim_time_add(out, n->at_ns);
        add_ends(out, n);
        buf_fmt(out, " %.*s", ARG(words[n->kind]));
        if (n->text_len > 0) {
            buf_fmt(out, " %u: ", n->len);
            escape_text(out, str_of(n->text, n->text_len), EXCERPT_BYTES, ESCAPE_PLAIN);
        }
        buf_add_byte(out, '\n');
    }
}

static void add_ends(struct buf *out, const struct note *n)
{
    if (n->conn != 0)
        buf_fmt(out, " #%llu %s", (unsigned long long)n->conn, n->side == 0 ? "client" : "server");
}

void sim_time_add(struct buf *out, int64_t at_ns)
{
    int64_t ms = at_ns / 1000000, s = ms / 1000;
    if (s >= 3600)
        buf_fmt(out, "%lld:%02d:%02d.%03d", (long long)(s / 3600), (int)(s / 60 % 60),
                (int)(s % 60), (int)(ms % 1000));
    else if (s >= 60)
        buf_fmt(out, "%d:%02d.%03d", (int)(s / 60), (int)(s % 60), (int)(ms % 1000));
    else
        buf_fmt(out, "%d.%03d", (int)s, (int)(ms % 1000));
}
