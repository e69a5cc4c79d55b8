// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_ip.c: an address, network or end of a socket that can be read is printed in one
// form, which reads as the same and prints as itself.
#include "base/ip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_address(struct arena *a, struct str text);
static void check_network(struct arena *a, struct str text);
static void check_endpoint(struct arena *a, struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str text = str_of((const char *)data, size);
    arena_init(&a, 64 * KIB);
    check_address(&a, text);
    check_network(&a, text);
    check_endpoint(&a, text);
    arena_done(&a);
    return 0;
}

static void check_address(struct arena *a, struct str text)
{
    struct ip ip, again;
    if (!ip_parse(text, &ip))
        return;
    struct str printed = ip_text(a, &ip);
    assert(printed.len <= IP_TEXT_BYTES_MAX);
    assert(printed.len <= text.len || ip.family == IP_V6); // 0:0:0... may be written out of "::"
    assert(ip_parse(printed, &again));
    assert(ip_eq(&ip, &again));
    assert(str_eq(ip_text(a, &again), printed));
    struct ip plain = ip_unmap(ip);
    assert(ip_is_private(&ip) == ip_is_private(&plain));
    assert(ip_is_loopback(&ip) <= ip_is_private(&ip));
    struct ip twice = ip_unmap(plain);
    assert(ip_eq(&plain, &twice));
}

static void check_network(struct arena *a, struct str text)
{
    struct ip_net net, again;
    struct buf printed;
    bool cleared;
    if (!ip_net_parse(text, &net, &cleared))
        return;
    assert(net.prefix <= (net.ip.family == IP_V4 ? 32 : 128));
    assert(ip_net_contains(&net, &net.ip));
    buf_init(&printed, 64);
    ip_net_add(&printed, &net);
    struct str copy = arena_str(a, buf_str(&printed));
    buf_done(&printed);
    assert(ip_net_parse(copy, &again, &cleared));
    assert(!cleared);
    assert(ip_eq(&net.ip, &again.ip));
    assert(net.prefix == again.prefix);
}

static void check_endpoint(struct arena *a, struct str text)
{
    struct endpoint e, again;
    if (!endpoint_parse(text, &e))
        return;
    struct str printed = endpoint_text(a, &e);
    assert(endpoint_parse(printed, &again));
    assert(endpoint_eq(&e, &again));
    assert(str_eq(endpoint_text(a, &again), printed));
    assert(str_is_null(e.unix_path) || str_eq(printed, text));
}
