// SPDX-License-Identifier: Apache-2.0
// base/arena.c: arenas, long-lived memory and growing arrays. An arena is a list of chunks that
// grow from CHUNK_FIRST_BYTES by doubling, so that a small arena costs little and a large one few
// calls. Under AddressSanitizer freed arenas are really freed, so stale pointers are found.
#define POSTHASTE_BASE_ROOM
#include "base/base.h"

#ifdef __GLIBC__
#include <malloc.h>
#else
#define malloc_trim(pad) ((void)(pad))
#endif

#define CHUNK_FIRST_BYTES 1024
#define CHUNK_MOST_BYTES (64 * KIB)
#define ALIGN_BYTES 16

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; // with this head
};

static bool chunk_add(struct arena *a, size_t need);

void arena_init(struct arena *a, size_t limit_bytes)
{
    *a = (struct arena){.limit_bytes = limit_bytes};
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *next;
    for (struct arena_chunk *c = a->chunk; c != NULL; c = next) {
        next = c->next;
        free(c);
    }
    *a = (struct arena){.limit_bytes = a->limit_bytes};
}

void arena_done(struct arena *a)
{
    arena_reset(a);
}

void arena_wipe(struct arena *a)
{
    size_t head = (sizeof(struct arena_chunk) + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    for (struct arena_chunk *c = a->chunk; c != NULL; c = c->next)
        mem_wipe((char *)c + head, c->bytes - head);
    arena_done(a);
}

void *arena_bytes(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes == 0 && a->at == NULL)
        bytes = 1; // nothing is somewhere, too: NULL would say that the arena is full
    size_t padded = (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    if ((size_t)(a->end - a->at) < padded && !chunk_add(a, padded))
        return NULL;
    void *made = a->at;
    a->at += padded;
    return made; // zero already: chunks come from calloc and are never reused
}

static bool chunk_add(struct arena *a, size_t need)
{
    size_t head = (sizeof(struct arena_chunk) + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    size_t room = a->limit_bytes > a->used_bytes ? a->limit_bytes - a->used_bytes : 0;
    size_t bytes = a->chunk == NULL ? CHUNK_FIRST_BYTES : a->chunk->bytes * 2;
    if (bytes > CHUNK_MOST_BYTES)
        bytes = CHUNK_MOST_BYTES;
    if (bytes < head + need)
        bytes = head + need;
    if (bytes > room) // the last chunk may be smaller than the growth would have it
        bytes = head + need;
    if (bytes > room)
        return false;
    struct arena_chunk *c = calloc(1, bytes);
    if (c == NULL)
        return false;
    c->next = a->chunk;
    c->bytes = bytes;
    a->chunk = c;
    a->used_bytes += bytes;
    a->at = (char *)c + head;
    a->end = (char *)c + bytes;
    return true;
}

void *arena_array_bytes(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return arena_bytes(a, bytes);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *copy = arena_bytes(a, s.len + 1);
    if (copy == NULL)
        return STR_NULL;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return str_of(copy, s.len);
}

struct str arena_str_lower(struct arena *a, struct str s)
{
    char *copy = arena_bytes(a, s.len + 1);
    if (copy == NULL)
        return STR_NULL;
    for (size_t i = 0; i < s.len; i++)
        copy[i] = (char)byte_to_lower((uint8_t)s.ptr[i]);
    return str_of(copy, s.len);
}

struct str arena_join(struct arena *a, struct str first, struct str second)
{
    char *copy = arena_bytes(a, first.len + second.len + 1);
    if (copy == NULL)
        return STR_NULL;
    if (first.len > 0)
        memcpy(copy, first.ptr, first.len);
    if (second.len > 0)
        memcpy(copy + first.len, second.ptr, second.len);
    return str_of(copy, first.len + second.len);
}

const char *arena_c_str(struct arena *a, struct str s)
{
    return arena_str(a, s).ptr;
}

struct str arena_vfmt(struct arena *a, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    char *text = len < 0 ? NULL : arena_bytes(a, (size_t)len + 1);
    if (text != NULL)
        vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text == NULL ? STR_NULL : str_of(text, (size_t)len);
}

struct str arena_fmt(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str text = arena_vfmt(a, fmt, args);
    va_end(args);
    return text;
}

void *mem_bytes(size_t bytes)
{
    return calloc(1, bytes == 0 ? 1 : bytes);
}

void *mem_resize(void *old, size_t bytes)
{
    return realloc(old, bytes == 0 ? 1 : bytes);
}

void mem_wipe(void *ptr, size_t bytes)
{
    if (bytes > 0)
        explicit_bzero(ptr, bytes); // memset before free is what compilers leave out
}

void mem_free(void *ptr)
{
    free(ptr);
}

void mem_trim(void)
{
    malloc_trim(0);
}

void *vec_add_bytes(struct arena *a, void **at, size_t *count, size_t *cap, size_t size)
{
    if (*count == *cap) {
        size_t cap_new = *cap == 0 ? 8 : *cap * 2;
        void *grown = arena_array_bytes(a, cap_new, size);
        if (grown == NULL)
            return NULL;
        if (*count > 0)
            memcpy(grown, *at, *count * size);
        *at = grown;
        *cap = cap_new;
    }
    return (char *)*at + (*count)++ * size;
}
