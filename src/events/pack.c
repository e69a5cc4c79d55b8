// SPDX-License-Identifier: Apache-2.0
// events/pack.c: gzip through zlib. The compressed file grows as <path>.gz.part; when it is whole
// it is renamed and the log removed, in this order: a crash leaves the log, and perhaps a part that
// is written over next time. A disk that is full leaves the log as it is.
#include "events/pack.h"

#include <zlib.h>

#define PIECE_BYTES (16 * KIB)
#define GZIP_WINDOW (15 + 16) // zlib's way to ask for gzip's frame
#define LEVEL 6
#define MEMORY_LEVEL 8

struct pack {
    const struct outside *outside;
    struct arena names;
    struct str path, part, packed;
    int in_fd;
    struct append_file out;
    z_stream z;
    bool deflating;
    unsigned char in[PIECE_BYTES], piece[PIECE_BYTES];
};

static struct err pack_open(struct pack *p, struct arena *a, struct str path);
static struct err pack_piece(struct pack *p, struct arena *a, bool *out_end);
static struct err deflate_and_write(struct pack *p, struct arena *a, int flush);
static struct err write_whole(struct pack *p, struct arena *a, struct str bytes);
static struct err pack_finish(struct pack *p, struct arena *a);

struct pack *pack_begin(const struct outside *outside, struct arena *a, struct str path)
{
    struct pack *p = mem_new(struct pack);
    if (p == NULL)
        return NULL;
    p->outside = outside;
    p->in_fd = p->out.fd = -1;
    arena_init(&p->names, 64 * KIB);
    if (failed(pack_open(p, a, path))) {
        pack_free(p);
        return NULL;
    }
    return p;
}

static struct err pack_open(struct pack *p, struct arena *a, struct str path)
{
    const struct outside *out = p->outside;
    p->path = arena_str(&p->names, path);
    p->part = arena_join(&p->names, path, S(".gz.part"));
    p->packed = arena_join(&p->names, path, S(".gz"));
    if (str_is_null(p->packed))
        return fail(ERR_LIMIT, "no memory to compress a log");
    (void)out->remove(out->self, a, p->part); // of a try before; mostly there is none
    TRY(out->read_open(out->self, a, p->path, &p->in_fd));
    TRY(out->open(out->self, a, p->part, &p->out));
    p->deflating = deflateInit2(&p->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY_LEVEL,
                           Z_DEFAULT_STRATEGY) == Z_OK;
    return p->deflating ? OK : fail(ERR_LIMIT, "no memory to compress a log");
}

bool pack_step(struct pack *p, struct arena *a)
{
    bool end = false;
    struct err e = OK;
    for (size_t done = 0; done < PACK_STEP_BYTES && !end && !failed(e); done += PIECE_BYTES)
        e = pack_piece(p, a, &end);
    if (end && !failed(e))
        e = pack_finish(p, a);
    return !end && !failed(e);
}

static struct err pack_piece(struct pack *p, struct arena *a, bool *out_end)
{
    size_t got = 0;
    TRY(p->outside->read(p->outside->self, a, p->in_fd, (char *)p->in, sizeof(p->in), &got));
    p->z.next_in = p->in;
    p->z.avail_in = (uInt)got;
    TRY(deflate_and_write(p, a, got == 0 ? Z_FINISH : Z_NO_FLUSH));
    *out_end = got == 0;
    return OK;
}

static struct err deflate_and_write(struct pack *p, struct arena *a, int flush)
{
    do {
        p->z.next_out = p->piece;
        p->z.avail_out = sizeof(p->piece);
        if (deflate(&p->z, flush) == Z_STREAM_ERROR)
            return fail(ERR_INTERNAL, "zlib refused its own state");
        size_t made = sizeof(p->piece) - p->z.avail_out;
        TRY(write_whole(p, a, str_of((const char *)p->piece, made)));
    } while (p->z.avail_out == 0);
    return OK;
}

static struct err write_whole(struct pack *p, struct arena *a, struct str bytes)
{
    while (bytes.len > 0) {
        size_t written = 0;
        TRY(p->outside->write(p->outside->self, a, p->out.fd, bytes, &written));
        if (written == 0)
            return fail(ERR_NO_SPACE, "compressing a log: nothing was taken");
        bytes = str_from(bytes, written);
    }
    return OK;
}

static struct err pack_finish(struct pack *p, struct arena *a)
{
    TRY(p->outside->rename(p->outside->self, a, p->part, p->packed));
    return p->outside->remove(p->outside->self, a, p->path);
}

void pack_free(struct pack *p)
{
    if (p == NULL)
        return;
    if (p->deflating)
        deflateEnd(&p->z);
    if (p->in_fd >= 0)
        p->outside->close(p->outside->self, p->in_fd);
    if (p->out.fd >= 0)
        p->outside->close(p->outside->self, p->out.fd);
    arena_done(&p->names);
    mem_free(p);
}
