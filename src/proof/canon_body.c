// SPDX-License-Identifier: Apache-2.0
// proof/canon_body.c: the body's way through canonicalization into the hashes. Two filters stand in
// a row. The first, of relaxed alone, squeezes blanks: a run of them becomes one, and none at the
// end of a line. The second holds back line ends until something follows them, for those at the end
// of the body count for one. What could still become either is a few bits of state, so any cut of
// the input is right. Text that needs no change is not looked at byte by byte, and bytes go on in
// large pieces: hashing is what costs.
#include "proof/canon.h"

#include "base/find.h"

#include <openssl/evp.h>

#define STAGE_BYTES 4096 // squeezed text gathers here, so that hashes are not fed crumbs

#define CRUMB_BYTES 32

#define CRLFS_8 "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
#define CRLFS_32 CRLFS_8 CRLFS_8 CRLFS_8 CRLFS_8

struct canon_stream {
    bool wanted;
    bool blank;     // relaxed: blanks came last, and have not been passed on
    bool blank_cr;  // relaxed: and a CR behind them
    uint64_t crlfs; // line ends that came last, and have not been passed on
    bool cr;        // and a CR behind them
    uint64_t bytes; // passed on
};

struct body_hash {
    struct body_hash_kind kind;
    EVP_MD_CTX *ctx;
    uint64_t bytes; // hashed
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_bytes;
};

struct body_hashes {
    struct body_hash hashes[BODY_HASHES_MAX];
    size_t count;
    struct canon_stream streams[2]; // by enum canon
    bool begun, ended, broken;
    size_t staged;
    char *stage; // of STAGE_BYTES; NULL: nobody wants relaxed
};

static bool hash_begin(struct body_hash *h, const struct body_hash_kind *kind);
static void squeeze_add(struct body_hashes *b, struct str s);
static struct str squeeze_crumbs(struct body_hashes *b, struct str s);
static struct str squeeze_line_end(struct body_hashes *b, struct str s);
static void stage_put(struct body_hashes *b, struct str s);
static void stage_flush(struct body_hashes *b);
static void trail_add(struct body_hashes *b, enum canon canon, struct str s);
static void trail_flush(struct body_hashes *b, enum canon canon);
static void emit(struct body_hashes *b, enum canon canon, struct str s);
static void stream_end(struct body_hashes *b, enum canon canon);

struct body_hashes *body_hashes_new(void)
{
    return mem_new(struct body_hashes);
}

void body_hashes_free(struct body_hashes *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->count; i++)
        EVP_MD_CTX_free(b->hashes[i].ctx);
    mem_free(b->stage);
    mem_free(b);
}

void body_hashes_free_auto(struct body_hashes **b)
{
    body_hashes_free(*b);
}

struct err body_hashes_want(
        struct body_hashes *b, const struct body_hash_kind *kind, size_t *out_index)
{
    assert(!b->begun);
    for (size_t i = 0; i < b->count; i++) {
        const struct body_hash_kind *k = &b->hashes[i].kind;
        if (k->canon == kind->canon && k->hash == kind->hash && k->bytes_max == kind->bytes_max) {
            *out_index = i;
            return OK;
        }
    }
    if (kind->canon == CANON_RELAXED && b->stage == NULL)
        b->stage = mem_resize(NULL, STAGE_BYTES);
    bool has_stage = kind->canon != CANON_RELAXED || b->stage != NULL;
    if (!has_stage || b->count == BODY_HASHES_MAX || !hash_begin(&b->hashes[b->count], kind))
        return fail(ERR_LIMIT, "no further hash of this body can be computed");
    b->streams[kind->canon].wanted = true;
    *out_index = b->count++;
    return OK;
}

static bool hash_begin(struct body_hash *h, const struct body_hash_kind *kind)
{
    const EVP_MD *md = kind->hash == PROOF_SHA1 ? EVP_sha1() : EVP_sha256();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (ctx == NULL || EVP_DigestInit_ex(ctx, md, NULL) != 1) {
        EVP_MD_CTX_free(ctx);
        return false;
    }
    *h = (struct body_hash){.kind = *kind, .ctx = ctx};
    return true;
}

void body_hashes_add(struct body_hashes *b, struct str piece)
{
    assert(!b->ended);
    b->begun = true;
    if (b->streams[CANON_SIMPLE].wanted)
        trail_add(b, CANON_SIMPLE, piece);
    if (b->streams[CANON_RELAXED].wanted)
        squeeze_add(b, piece);
}

struct err body_hashes_end(struct body_hashes *b)
{
    assert(!b->ended);
    b->begun = b->ended = true;
    stream_end(b, CANON_SIMPLE);
    stream_end(b, CANON_RELAXED);
    for (size_t i = 0; i < b->count; i++) {
        struct body_hash *h = &b->hashes[i];
        if (EVP_DigestFinal_ex(h->ctx, h->digest, &h->digest_bytes) != 1)
            b->broken = true;
    }
    return b->broken ? fail(ERR_INTERNAL, "the library could not hash a body") : OK;
}

struct str body_hashes_digest(const struct body_hashes *b, size_t index)
{
    assert(b->ended && index < b->count);
    const struct body_hash *h = &b->hashes[index];
    return str_of((const char *)h->digest, h->digest_bytes);
}

uint64_t body_hashes_bytes(const struct body_hashes *b, size_t index)
{
    assert(b->ended && index < b->count);
    return b->streams[b->hashes[index].kind.canon].bytes;
}

bool body_hashes_short(const struct body_hashes *b, size_t index)
{
    const struct body_hash_kind *kind = &b->hashes[index].kind;
    return kind->bytes_max != CANON_WHOLE && body_hashes_bytes(b, index) < kind->bytes_max;
}

// --- Blanks --------------------------------------------------------------------------------------

static void squeeze_add(struct body_hashes *b, struct str s)
{
    struct canon_stream *st = &b->streams[CANON_RELAXED];
    while (!str_is_empty(s)) {
        if (st->blank_cr || (st->blank && s.ptr[0] == '\r')) {
            s = squeeze_line_end(b, s);
            continue;
        }
        size_t tight = st->blank ? 0 : find_loose_blank(s);
        if (tight < CRUMB_BYTES && tight < s.len) {
            s = squeeze_crumbs(b, s);
            continue;
        }
        stage_put(b, str_upto(s, tight));
        s = str_from(s, tight);
    }
}

// A few bytes, one by one: where blanks are many, looking for them costs more than taking them.
static struct str squeeze_crumbs(struct body_hashes *b, struct str s)
{
    struct canon_stream *st = &b->streams[CANON_RELAXED];
    struct str crumbs = str_upto(s, CRUMB_BYTES);
    if (b->staged + 2 * CRUMB_BYTES > STAGE_BYTES)
        stage_flush(b);
    size_t i = 0, staged = b->staged;
    bool blank = st->blank;
    for (; i < crumbs.len && !(blank && crumbs.ptr[i] == '\r'); i++) {
        bool is_blank = byte_is_blank((uint8_t)crumbs.ptr[i]);
        if (blank && !is_blank)
            b->stage[staged++] = ' ';
        if (!is_blank)
            b->stage[staged++] = crumbs.ptr[i];
        blank = is_blank;
    }
    b->staged = staged;
    st->blank = blank;
    return str_from(s, i);
}

// Blanks have come, and a CR, here or already: a LF behind it tells that they are none, all else
// that they are one. Returns what of s is left to look at.
static struct str squeeze_line_end(struct body_hashes *b, struct str s)
{
    struct canon_stream *st = &b->streams[CANON_RELAXED];
    if (st->blank_cr) {
        bool line_ends = s.ptr[0] == '\n';
        st->blank = st->blank_cr = false;
        stage_put(b, line_ends ? S("\r\n") : S(" \r"));
        return str_from(s, line_ends ? 1 : 0);
    }
    if (s.len == 1) {
        st->blank_cr = true;
        return str_from(s, 1);
    }
    st->blank = false;
    bool line_ends = s.ptr[1] == '\n';
    stage_put(b, line_ends ? S("\r\n") : S(" \r"));
    return str_from(s, line_ends ? 2 : 1);
}

static void stage_put(struct body_hashes *b, struct str s)
{
    if (b->staged + s.len > STAGE_BYTES)
        stage_flush(b);
    if (s.len > STAGE_BYTES) {
        trail_add(b, CANON_RELAXED, s);
        return;
    }
    if (s.len > 0)
        memcpy(b->stage + b->staged, s.ptr, s.len);
    b->staged += s.len;
}

static void stage_flush(struct body_hashes *b)
{
    trail_add(b, CANON_RELAXED, str_of(b->stage, b->staged));
    b->staged = 0;
}

// --- Line ends -----------------------------------------------------------------------------------

static void trail_add(struct body_hashes *b, enum canon canon, struct str s)
{
    struct canon_stream *st = &b->streams[canon];
    if (st->cr && !str_is_empty(s)) {
        st->cr = false;
        if (s.ptr[0] == '\n') {
            st->crlfs++;
            s = str_from(s, 1);
        } else {
            trail_flush(b, canon);
            emit(b, canon, S("\r"));
        }
    }
    if (str_is_empty(s))
        return;
    bool cr = s.ptr[s.len - 1] == '\r';
    size_t ends = s.len - (cr ? 1 : 0), text = ends;
    while (text >= 2 && s.ptr[text - 2] == '\r' && s.ptr[text - 1] == '\n')
        text -= 2;
    if (text > 0) {
        trail_flush(b, canon);
        emit(b, canon, str_upto(s, text));
    }
    st->crlfs += (ends - text) / 2;
    st->cr = cr;
}

// They were not the last ones.
static void trail_flush(struct body_hashes *b, enum canon canon)
{
    struct canon_stream *st = &b->streams[canon];
    const struct str many = S(CRLFS_32 CRLFS_32);
    while (st->crlfs > 0) {
        uint64_t count = st->crlfs < many.len / 2 ? st->crlfs : many.len / 2;
        emit(b, canon, str_upto(many, 2 * (size_t)count));
        st->crlfs -= count;
    }
}

static void emit(struct body_hashes *b, enum canon canon, struct str s)
{
    b->streams[canon].bytes += s.len;
    for (size_t i = 0; i < b->count; i++) {
        struct body_hash *h = &b->hashes[i];
        uint64_t room = h->kind.bytes_max - h->bytes;
        size_t take = s.len < room ? s.len : (size_t)room;
        if (h->kind.canon != canon || take == 0)
            continue;
        if (EVP_DigestUpdate(h->ctx, s.ptr, take) != 1)
            b->broken = true;
        h->bytes += take;
    }
}

// RFC 6376 3.4.3: an empty body is one line end; 3.4.4: it is nothing.
static void stream_end(struct body_hashes *b, enum canon canon)
{
    struct canon_stream *st = &b->streams[canon];
    if (!st->wanted)
        return;
    if (canon == CANON_RELAXED) {
        if (st->blank_cr)
            stage_put(b, S(" \r")); // a CR alone is text
        stage_flush(b);
    }
    if (st->cr) {
        trail_flush(b, canon);
        emit(b, canon, S("\r"));
    }
    if (canon == CANON_SIMPLE || st->bytes > 0)
        emit(b, canon, S("\r\n"));
}
