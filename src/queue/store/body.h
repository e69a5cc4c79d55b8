// SPDX-License-Identifier: Apache-2.0
// queue/store/body.h: the bytes of a message while they arrive, and when they are read again. Up to
// BODY_INLINE_BYTES_MAX they stay in memory and become part of the record; what is larger goes to
// a file, piece by piece, by a helper thread, so that memory is bounded whatever the size.
//
//     struct body *body AUTO(body_auto_free) = body_new(store, id);
//     ... TRY(body_add(body, bytes)) ...            // as they come
//     TRY(body_finish(body, a, &message.body));     // on disk, if it is a file
//     TRY(store_commit(store, a, &accept, 1));      // and only now acknowledged
//
// A file arrives in the folder `tmp`, under the number of its body. A body that is freed takes it
// away, unless its message was committed: then the file belongs to the store, which gives it its
// final name, that of its digest, when the message is moved into LMDB. What a crash leaves is swept
// up (bodies_sweep). A body is for one message.
#pragma once

#include "queue/store/store.h"

struct body;

struct body *body_new(struct store *store, uint64_t id); // id: any that is unique; NULL: no memory
void body_free(struct body *body);
static inline void body_auto_free(struct body **body)
{
    body_free(*body);
}
// ERR_NO_SPACE, ERR_IO: the disk; whoever sends goes on or not, the body takes no more.
struct err body_add(struct body *body, struct arena *a, struct str bytes) suspends MUST_USE;
uint64_t body_bytes(const struct body *body);
// The reference is good as long as the body is. On disk is the file then, with its name.
struct err body_finish(struct body *body, struct arena *a, struct body_ref *out) suspends MUST_USE;

// Reading. Pieces of a file come into a buffer of the reader, by a helper thread.
struct body_reader;
enum body_state {
    BODY_STORED,
    BODY_ARRIVING, // finished, its message is not committed yet, and its writer is still there
};
struct err body_open(struct store *store, struct arena *a, const struct body_ref *ref,
        enum body_state state, struct body_reader **out) suspends MUST_USE;
// The next piece, null at the end; good until the next call. A file's checksum is compared when
// its last piece was read: ERR_IO then, and nothing of it may be trusted.
struct err body_next(
        struct body_reader *reader, struct arena *a, struct str *out) suspends MUST_USE;
void body_close(struct body_reader *reader); // NULL is fine

// For the store: the number under which the file of a body arrived, and that it is the store's now.
uint64_t body_claim(const struct body *body);
void body_keep(struct body *body);

// Unfinished bodies that nobody can be writing any more. Nothing goes while the store is stuck:
// they may be needed.
struct err bodies_sweep(
        struct store *store, struct arena *a, int64_t older_than_ms, size_t *out_removed) MUST_USE;
