// SPDX-License-Identifier: Apache-2.0
// base/arena.c: arenas, long-lived memory and growing arrays. An arena is a list of chunks that
// grow from CHUNK_FIRST_BYTES by doubling, so that a small arena costs little and a large one few
// calls. What is handed out is zeroed then and there, and texts, which fill it at once, are not:
// most of a chunk is text, or never asked for. Under AddressSanitizer freed arenas are really
// freed, so stale pointers are found.
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
#define VEC_FIRST_BYTES 512 // large things often stay alone

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; // with this head
};

static char *take(struct arena *a, size_t bytes);
static bool chunk_add(struct arena *a, size_t need);
static size_t vec_first(size_t size);

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
    char *made = take(a, bytes);
    if (made != NULL && !a->is_zero)
        memset(made, 0, bytes);
    return made;
}

// Whatever was there before stands in it.
static char *take(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2)
        return NULL;
    if (bytes == 0 && a->at == NULL)
        bytes = 1; // nothing is somewhere, too: NULL would say that the arena is full
    size_t padded = (bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1);
    if ((size_t)(a->end - a->at) < padded && !chunk_add(a, padded))
        return NULL;
    char *made = a->at;
    a->at += padded;
    return made;
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
    // Pages of a large one may be zero as the system gives them, and cost nothing until then.
    bool is_zero = bytes > CHUNK_MOST_BYTES;
    struct arena_chunk *c = is_zero ? calloc(1, bytes) : malloc(bytes);
    if (c == NULL)
        return false;
    a->is_zero = is_zero;
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
    char *copy = take(a, s.len + 1);
    if (copy == NULL)
        return STR_NULL;
    if (s.len > 0)
        memcpy(copy, s.ptr, s.len);
    copy[s.len] = '\0';
    return str_of(copy, s.len);
}

struct str arena_str_lower(struct arena *a, struct str s)
{
    char *copy = take(a, s.len + 1);
    if (copy == NULL)
        return STR_NULL;
    for (size_t i = 0; i < s.len; i++)
        copy[i] = (char)byte_to_lower((uint8_t)s.ptr[i]);
    copy[s.len] = '\0';
    return str_of(copy, s.len);
}

struct str arena_join(struct arena *a, struct str first, struct str second)
{
    return arena_join_all(a, (const struct str[]){first, second}, 2);
}

struct str arena_join_all(struct arena *a, const struct str *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(len, parts[i].len, &len))
            return STR_NULL;
    char *copy = take(a, len + 1), *at = copy;
    if (copy == NULL)
        return STR_NULL;
    for (size_t i = 0; i < count; i++) {
        if (parts[i].len > 0)
            memcpy(at, parts[i].ptr, parts[i].len);
        at += parts[i].len;
    }
    *at = '\0';
    return str_of(copy, len);
}

const char *arena_c_str(struct arena *a, struct str s)
{
    return arena_str(a, s).ptr;
}

// Most texts are short, and written once.
struct str arena_vfmt(struct arena *a, const char *fmt, va_list args)
{
    char small[256];
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(small, sizeof(small), fmt, args);
    struct str text = STR_NULL;
    if (len >= 0 && (size_t)len < sizeof(small)) {
        text = arena_str(a, str_of(small, (size_t)len));
    } else if (len >= 0) {
        char *large = take(a, (size_t)len + 1);
        if (large != NULL)
            vsnprintf(large, (size_t)len + 1, fmt, again);
        text = large == NULL ? STR_NULL : str_of(large, (size_t)len);
    }
    va_end(again);
    return text;
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
        size_t cap_new = *cap == 0 ? vec_first(size) : *cap * 2;
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

static size_t vec_first(size_t size)
{
    size_t count = VEC_FIRST_BYTES / (size == 0 ? 1 : size);
    count = count < 2 ? 2 : count;
    return count > 8 ? 8 : count;
}
