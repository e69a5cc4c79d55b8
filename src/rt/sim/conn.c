// SPDX-License-Identifier: Apache-2.0
// rt/sim/conn.c: a connection in memory: two ends, and to each a row of segments that are coming
// and of those that have come.
//
// What a real network does badly, this one does too: what was not read when a reset comes is lost;
// closing with unread bytes is a reset; bytes for an end that was closed are answered by one; a
// sender whose segments cannot arrive waits, and gives up after a quarter of an hour.
#include "rt/sim/world.h"

static enum io end_read(struct transport *t, void *into, size_t room, size_t *count);
static enum io end_write(
        struct transport *t, const struct iovec *parts, int part_count, size_t *count);
static enum io end_end(struct transport *t);
static void end_close(struct transport *t);
static int end_fd(const struct transport *t);
static size_t room_for(struct end *e);
static struct segment *send_segment(struct end *from, enum segment_kind kind, size_t len);
static void gather(const struct iovec **part, size_t *offset, char *into, size_t len);
static void arrive(struct end *e, uint64_t number);
static void take_in(struct end *e, struct segment *s);
static void hold(struct end *e);
static void drop_all(struct list *segments);
static void notice_tls(struct conn *c, struct str bytes);

static const struct transport_ops end_ops = {
        .read = end_read, .write = end_write, .end = end_end, .close = end_close, .fd = end_fd};

struct conn *conn_new(struct sim *sim, const struct endpoint *client, const struct endpoint *server)
{
    struct conn *c = mem_new(struct conn);
    if (c == NULL)
        return NULL;
    c->sim = sim;
    c->id = ++sim->next_conn;
    c->wire = sim->wire;
    c->to = *server;
    list_append(&sim->conns, &c->in_sim);
    for (uint8_t side = 0; side < 2; side++) {
        struct end *e = &c->ends[side];
        e->conn = c;
        e->side = side;
        e->segment_bytes = c->wire.segment_bytes;
        waitq_init(&e->readable);
        waitq_init(&e->writable);
        list_init(&e->coming);
        list_init(&e->come);
        e->t = (struct transport){.ops = &end_ops,
                .readable = &e->readable,
                .writable = &e->writable,
                .local = side == 0 ? *client : *server,
                .peer = side == 0 ? *server : *client};
    }
    return c;
}

void conn_unref(struct conn *c)
{
    assert(c->refs > 0);
    if (--c->refs > 0)
        return;
    for (int side = 0; side < 2; side++) {
        drop_all(&c->ends[side].coming);
        drop_all(&c->ends[side].come);
    }
    link_remove(&c->in_sim);
    mem_free(c);
}

struct err conn_stream(struct end *e, struct stream **out)
{
    e->is_open = true;
    e->conn->refs++;
    return stream_over(&e->t, out);
}

struct end *end_of_stream(const struct stream *s)
{
    struct transport *t = stream_transport((struct stream *)(uintptr_t)s);
    while (t->ops != &end_ops) { // TLS stands on it and has the same queues
        assert(t->readable != NULL);
        return CONTAINER_OF(t->readable, struct end, readable);
    }
    return CONTAINER_OF(t, struct end, t);
}

static struct end *end_from(struct transport *t)
{
    return CONTAINER_OF(t, struct end, t);
}

// --- What a stream asks for ----------------------------------------------------------------------

static enum io end_read(struct transport *t, void *into, size_t room, size_t *count)
{
    struct end *e = end_from(t);
    size_t got = 0;
    if (e->is_broken)
        return IO_FAILED;
    for (struct link *k; got < room && (k = list_first(&e->come)) != NULL;) {
        struct segment *s = CONTAINER_OF(k, struct segment, link);
        size_t piece = s->len - s->given < room - got ? s->len - s->given : room - got;
        memcpy((char *)into + got, s->bytes + s->given, piece);
        s->given += (uint32_t)piece;
        got += piece;
        if (s->given < s->len)
            break;
        link_remove(k);
        mem_free(s);
    }
    if (got == 0)
        return e->end_came ? IO_END : IO_WAIT_READ;
    e->unread_bytes -= got;
    t->bytes_in += got;
    *count = got;
    waitq_wake_all(&end_peer(e)->writable);
    return IO_DONE;
}

static enum io end_write(
        struct transport *t, const struct iovec *parts, int part_count, size_t *count)
{
    struct end *e = end_from(t);
    size_t total = 0, offset = 0;
    if (e->is_broken || e->end_sent) {
        if (!e->is_broken)
            t->error = fail(ERR_RESET, "the connection broke");
        return IO_FAILED;
    }
    for (int i = 0; i < part_count; i++)
        total += parts[i].iov_len;
    if (total > room_for(e))
        total = room_for(e);
    if (total == 0)
        return IO_WAIT_WRITE;
    for (size_t sent = 0; sent < total;) {
        size_t len = e->segment_bytes > 0 && e->segment_bytes < total - sent ? e->segment_bytes
                                                                             : total - sent;
        struct segment *s = send_segment(e, SEGMENT_BYTES, len);
        gather(&parts, &offset, s->bytes, len);
        notice_tls(e->conn, str_of(s->bytes, len));
        sent += len;
    }
    t->bytes_out += total;
    *count = total;
    return IO_DONE;
}

static size_t room_for(struct end *e)
{
    size_t most = e->conn->wire.buffer_bytes, used = end_peer(e)->unread_bytes;
    if (most == 0)
        most = BUFFER_BYTES_DEFAULT;
    return used < most ? most - used : 0;
}

static void gather(const struct iovec **part, size_t *offset, char *into, size_t len)
{
    while (len > 0) {
        size_t piece = (*part)->iov_len - *offset < len ? (*part)->iov_len - *offset : len;
        if (piece > 0)
            memcpy(into, (const char *)(*part)->iov_base + *offset, piece);
        into += piece;
        len -= piece;
        *offset += piece;
        if (*offset == (*part)->iov_len && len > 0) {
            (*part)++;
            *offset = 0;
        }
    }
}

// A handshake record (RFC 8446 5.1) where a segment begins: from then on its bytes are nobody's.
static void notice_tls(struct conn *c, struct str bytes)
{
    if (bytes.len >= 2 && bytes.ptr[0] == 0x16 && bytes.ptr[1] == 0x03)
        c->is_secret = true;
}

static enum io end_end(struct transport *t)
{
    struct end *e = end_from(t);
    if (e->is_broken)
        return IO_FAILED;
    if (!e->end_sent)
        send_segment(e, SEGMENT_END, 0);
    e->end_sent = true;
    return IO_DONE;
}

static void end_close(struct transport *t)
{
    struct end *e = end_from(t);
    e->is_open = false;
    if (!e->is_dead && !e->is_broken) {
        journal_add(e->conn->sim, NOTE_CLOSE, e, S(""));
        if (!list_is_empty(&e->come))
            conn_reset_peer(e);
        else if (!e->end_sent)
            send_segment(e, SEGMENT_END, 0);
        e->end_sent = true;
    }
    drop_all(&e->come);
    waitq_wake_all(&e->readable);
    waitq_wake_all(&e->writable);
    conn_unref(e->conn);
}

static int end_fd(const struct transport *t UNUSED)
{
    return -1;
}

void conn_reset_peer(struct end *e)
{
    send_segment(e, SEGMENT_RESET, 0);
    e->end_sent = true;
}

// --- On the way ----------------------------------------------------------------------------------

static struct segment *send_segment(struct end *from, enum segment_kind kind, size_t len)
{
    struct end *to = end_peer(from);
    struct sim *sim = from->conn->sim;
    const struct sim_wire *wire = &from->conn->wire;
    struct segment *s = mem_bytes(sizeof(struct segment) + len);
    assert(s != NULL);
    int64_t at_ns = sim->now_ns + wire->latency_us * 1000;
    if (wire->jitter_us > 0)
        at_ns += (int64_t)prng_below(&sim->chance, (uint64_t)wire->jitter_us + 1) * 1000;
    if (wire->bytes_per_s > 0) {
        int64_t starts_ns = to->wire_free_ns > sim->now_ns ? to->wire_free_ns : sim->now_ns;
        to->wire_free_ns = starts_ns + (int64_t)(len * 1000000000 / wire->bytes_per_s);
        at_ns += to->wire_free_ns - sim->now_ns;
    }
    if (at_ns < to->last_at_ns)
        at_ns = to->last_at_ns;
    to->last_at_ns = at_ns;
    s->kind = kind;
    s->len = (uint32_t)len;
    s->at_ns = at_ns;
    s->number = ++to->next_number;
    to->unread_bytes += len;
    list_append(&to->coming, &s->link);
    if (!to->is_held)
        agenda_add(sim, at_ns, DUE_SEGMENT, from->conn, to->side, s->number);
    return s;
}

void conn_due(struct sim *sim, const struct due *due)
{
    struct end *e = &due->conn->ends[due->side];
    switch ((enum due_kind)due->kind) {
    case DUE_SEGMENT:
        arrive(e, due->number);
        break;
    case DUE_GIVE_UP:
        if (e->is_held && e->hold_number == due->number) {
            journal_add(sim, NOTE_LOST, end_peer(e), S(""));
            end_break(end_peer(e), fail(ERR_RESET, "the peer stopped answering"), false);
        }
        break;
    case DUE_SYN:
    case DUE_ANSWER:
    case DUE_CONNECT_GIVE_UP:
        connect_due(sim, due);
        break;
    }
}

static void arrive(struct end *e, uint64_t number)
{
    struct sim *sim = e->conn->sim;
    struct link *first = list_first(&e->coming);
    if (first == NULL || CONTAINER_OF(first, struct segment, link)->number != number)
        return; // it was dropped by a reset, or is held
    struct segment *s = CONTAINER_OF(first, struct segment, link);
    bool node_is_gone = e->is_dead && e->node != NULL && !e->node->is_up && e->node->silent;
    if (path_is_cut(sim, e, end_peer(e)) || node_is_gone) {
        hold(e);
        return;
    }
    link_remove(first);
    if (s->kind == SEGMENT_BYTES && sim_happens(sim, sim->faults.reset_permille)) {
        e->unread_bytes -= s->len;
        mem_free(s);
        journal_add(sim, NOTE_RESET, e, S("by a fault"));
        end_break(e, fail(ERR_RESET, "the connection broke"), true);
        end_break(end_peer(e), fail(ERR_RESET, "the connection broke"), true);
        return;
    }
    take_in(e, s);
}

static void take_in(struct end *e, struct segment *s)
{
    struct sim *sim = e->conn->sim;
    switch (s->kind) {
    case SEGMENT_BYTES:
        journal_add(sim, NOTE_BYTES, e, str_of(s->bytes, s->len));
        if (e->is_broken || !e->is_open) {
            bool waits_in_queue = !e->is_dead && !e->is_broken && link_is_in(&e->conn->in_queue);
            if (!waits_in_queue) {
                e->unread_bytes -= s->len;
                mem_free(s);
                if (!end_peer(e)->is_broken)
                    conn_reset_peer(e);
                return;
            }
        }
        list_append(&e->come, &s->link);
        break;
    case SEGMENT_END:
        journal_add(sim, NOTE_END, e, S(""));
        e->end_came = true;
        mem_free(s);
        if (e->is_dead && !end_peer(e)->is_broken)
            conn_reset_peer(e); // the machine that runs there now knows nothing of it
        break;
    case SEGMENT_RESET:
        journal_add(sim, NOTE_RESET, e, S(""));
        mem_free(s);
        end_break(e, fail(ERR_RESET, "the connection broke"), true);
        return;
    }
    waitq_wake_all(&e->readable);
}

// What has come and was not read is lost with a reset, as the strictest systems do it.
void end_break(struct end *e, struct err why, bool by_reset)
{
    if (e->is_broken)
        return;
    e->is_broken = true;
    e->was_reset = by_reset;
    e->t.error = why;
    drop_all(&e->coming);
    drop_all(&e->come);
    e->unread_bytes = 0;
    waitq_wake_all(&e->readable);
    waitq_wake_all(&e->writable);
    waitq_wake_all(&end_peer(e)->writable);
}

static void hold(struct end *e)
{
    struct sim *sim = e->conn->sim;
    e->is_held = true;
    e->hold_number++;
    agenda_add(sim, sim->now_ns + GIVE_UP_NS, DUE_GIVE_UP, e->conn, e->side, e->hold_number);
}

void end_release(struct end *e, int64_t now_ns)
{
    if (!e->is_held)
        return;
    e->is_held = false;
    each_in_list (s, &e->coming, struct segment, link)
        agenda_add(e->conn->sim, now_ns, DUE_SEGMENT, e->conn, e->side, s->number);
    if (e->last_at_ns < now_ns)
        e->last_at_ns = now_ns;
}

bool path_is_cut(const struct sim *sim, const struct end *a, const struct end *b)
{
    each_in_vec (ip, &sim->cuts) {
        if (ip_eq(ip, &a->t.local.ip) || ip_eq(ip, &b->t.local.ip))
            return true;
    }
    return false;
}

static void drop_all(struct list *segments)
{
    for (struct link *k; (k = list_take_first(segments)) != NULL;)
        mem_free(CONTAINER_OF(k, struct segment, link));
}

// --- What tests do to a stream -------------------------------------------------------------------

void sim_stream_segment(struct stream *s, size_t segment_bytes)
{
    end_of_stream(s)->segment_bytes = segment_bytes;
}

void sim_stream_abort(struct stream *s)
{
    struct end *e = end_of_stream(s);
    if (e->is_broken)
        return;
    drop_all(&end_peer(e)->coming); // a reset does not wait for what was sent before it
    end_peer(e)->last_at_ns = 0;
    conn_reset_peer(e);
    end_break(e, fail(ERR_RESET, "we broke the connection"), false);
}

bool sim_stream_was_reset(const struct stream *s)
{
    return end_of_stream(s)->was_reset;
}
