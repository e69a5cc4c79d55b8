// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_http_forwarded.c: fields that proxies and liars write. Whatever they say, an
// untrusted peer stays who it is, and what comes out is an address.
#define POSTHASTE_BASE_ROOM
#include "http/forwarded.h"
#include "http/gzip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_reader r;
    struct arena a;
    size_t taken;
    struct ip peer = {.family = IP_V4, .bytes = {10, 0, 0, 1}};
    struct ip stranger = {.family = IP_V4, .bytes = {203, 0, 113, 5}};
    struct ip_net net = {.ip = {.family = IP_V4, .bytes = {10}}, .prefix = 8};
    struct nets *trusted AUTO(nets_free_auto) = nets_new(1);
    arena_init(&a, MIB);
    assert(trusted != NULL && nets_add(trusted, &net, NETS_FOREVER));
    http_reader_begin(&r, &a, &(struct http_read_options){.head_bytes_max = 16 * KIB});
    struct str text =
            arena_fmt(&a, "GET / HTTP/1.0\r\n%.*s\r\n\r\n", ARG(str_of((const char *)data, size)));
    if (!str_is_null(text) && http_reader_feed(&r, text, &taken) == HTTP_DONE) {
        struct forwarded_rules listed = {.from = FORWARDED_FROM_LISTED, .trusted = trusted};
        struct forwarded_rules anybody = {.from = FORWARDED_FROM_ANYBODY};
        struct forwarded who = http_forwarded(&r.head, &stranger, &listed, &a);
        assert(ip_eq(&who.client, &stranger) && !who.tls && !who.missing);
        who = http_forwarded(&r.head, &peer, &listed, &a);
        assert(who.client.family != IP_NONE);
        who = http_forwarded(&r.head, &stranger, &anybody, &a);
        assert(who.client.family != IP_NONE);
        (void)http_accepts_gzip(&r.head);
    }
    arena_done(&a);
    return 0;
}
