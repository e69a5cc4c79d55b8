// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_http_request.c: the octets of one connection, read at once and in pieces: both
// must give the same requests and the same refusal. The first octet says how they are cut.
#include "../unit/http/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct http_read_options options = {.head_bytes_max = data[0] & 1 ? 16 * KIB : 300,
            .host = data[0] & 2 ? HTTP_HOST_OPTIONAL : HTTP_HOST_REQUIRED};
    struct str octets = str_of((const char *)data + 1, size - 1);
    struct buf whole AUTO(buf_done), pieces AUTO(buf_done);
    buf_init(&whole, 16 * MIB);
    buf_init(&pieces, 16 * MIB);
    reading_all(octets, 0, 0, &options, &whole);
    reading_all(octets, 1 + (data[0] >> 2), size, &options, &pieces);
    assert(str_eq(buf_str(&whole), buf_str(&pieces)));
    return 0;
}
