// SPDX-License-Identifier: Apache-2.0
// base/arena.h: memory that goes as a whole. One per session, transaction, attempt or scratch;
// each has a limit, and reaching it is an ordinary NULL, which the caller turns into ERR_LIMIT.
// A longer-lived arena never points into a shorter-lived one. Not shared between threads.
#pragma once

#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunk; // newest first
    char *at, *end;            // free room in the newest chunk
    size_t used_bytes;         // given out in all, chunks' own heads included
    size_t limit_bytes;
    bool is_zero; // so is the room in the newest chunk
};

void arena_init(struct arena *a, size_t limit_bytes);
void arena_reset(struct arena *a); // gives everything back; the arena stays usable
void arena_done(struct arena *a);
void arena_wipe(struct arena *a); // arena_done for secrets: all of it is overwritten first

// Zeroed and aligned for any type; NULL when the limit or the machine's memory is reached.
void *arena_bytes(struct arena *a, size_t bytes) MUST_USE;
#define arena_make(a, type) ((type *)arena_bytes((a), sizeof(type)))
void *arena_array_bytes(struct arena *a, size_t count, size_t size) MUST_USE;
#define arena_array(a, count, type) ((type *)arena_array_bytes((a), (count), sizeof(type)))

// Copies; a NUL is put behind the bytes (not counted) so that system calls can take them. A null
// slice comes back when there is no room.
struct str arena_str(struct arena *a, struct str s) MUST_USE;
struct str arena_str_lower(struct arena *a, struct str s) MUST_USE; // ASCII letters only
struct str arena_join(struct arena *a, struct str first, struct str second) MUST_USE;
struct str arena_join_all(struct arena *a, const struct str *parts, size_t count) MUST_USE;
struct str arena_fmt(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;
struct str arena_vfmt(struct arena *a, const char *fmt, va_list args) PRINTF_LIKE(2, 0) MUST_USE;
const char *arena_c_str(struct arena *a, struct str s) MUST_USE; // NUL-terminated copy or NULL

// What lives as long as the worker, and has no arena: zeroed; mem_free takes NULL.
void *mem_bytes(size_t bytes) MUST_USE;
#define mem_new(type) ((type *)mem_bytes(sizeof(type)))
void *mem_resize(void *old, size_t bytes) MUST_USE; // new room is not zeroed
void mem_free(void *ptr);
void mem_wipe(void *ptr, size_t bytes); // zeroes what held a secret, even if nobody looks again
void mem_trim(void);                    // gives free memory back to the system; takes its time

// A growing array in an arena. Growth copies: old room is left to the arena, so an arena holds at
// most twice what the array needs.
//
//     VEC(struct rcpt) rcpts = {0};
//     struct rcpt *r = vec_add(a, &rcpts);   // zeroed, or NULL
#define VEC(type)                                                                                  \
    struct {                                                                                       \
        type *at;                                                                                  \
        size_t count, cap;                                                                         \
    }
#define vec_add(a, vec)                                                                            \
    ((__typeof__((vec)->at))vec_add_bytes(                                                         \
            (a), (void **)(void *)&(vec)->at, &(vec)->count, &(vec)->cap, sizeof(*(vec)->at)))
void *vec_add_bytes(struct arena *a, void **at, size_t *count, size_t *cap, size_t size) MUST_USE;
#define each_in_vec(item, vec)                                                                     \
    for (__typeof__(&*(vec)->at) item = (vec)->at;                                                 \
            item != NULL && item < (vec)->at + (vec)->count; item++)
