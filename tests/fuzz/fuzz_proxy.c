// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_proxy.c: PROXY headers. However the bytes are cut, the verdict is the same: all
// proper parts of a header ask for more, and what stands behind one is never counted to it. What a
// header says, and we write anew, is read as the same.
#include "listen/proxy.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parts(struct str bytes, enum proxy_state of_all, size_t consumed);
static void check_header(struct str bytes, const struct proxy_header *h);
static void check_writing(const struct proxy_header *h, uint8_t version);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct proxy_header header = {0};
    struct str reason = STR_NULL, bytes = str_of((const char *)data, size);
    enum proxy_state state = proxy_parse(bytes, &header, &reason);
    assert((state == PROXY_ABSENT || state == PROXY_MALFORMED) == (reason.len > 0));
    if (state == PROXY_OK)
        check_header(bytes, &header);
    if (state == PROXY_NEED_MORE)
        assert(size < PROXY_BYTES_MAX);
    check_parts(bytes, state, header.consumed);
    return 0;
}

static void check_parts(struct str bytes, enum proxy_state of_all, size_t consumed)
{
    size_t most = bytes.len < PROXY_BYTES_MAX ? bytes.len : PROXY_BYTES_MAX;
    enum proxy_state before = PROXY_NEED_MORE;
    for (size_t len = 0; len <= most; len++) {
        struct proxy_header header = {0};
        struct str reason = STR_NULL;
        enum proxy_state state = proxy_parse(str_upto(bytes, len), &header, &reason);
        assert(before == PROXY_NEED_MORE || state == before); // a verdict is final
        assert(state == PROXY_NEED_MORE || state == of_all);
        if (of_all == PROXY_OK)
            assert((state == PROXY_NEED_MORE) == (len < consumed));
        if (state == PROXY_OK)
            assert(header.consumed == consumed);
        before = state;
    }
}

static void check_header(struct str bytes, const struct proxy_header *h)
{
    assert(h->consumed > 0 && h->consumed <= bytes.len);
    assert(h->version == 1 ? h->consumed <= PROXY_V1_BYTES_MAX : h->consumed <= PROXY_BYTES_MAX);
    assert(!h->has_addresses || (h->source.ip.family != IP_NONE && h->command == PROXY_PROXY));
    size_t tlv_bytes = 0;
    struct scan in = scan_over(h->tlvs);
    for (struct proxy_tlv tlv; proxy_tlv_next(&in, &tlv);)
        tlv_bytes += 3 + tlv.value.len;
    assert(tlv_bytes == h->tlvs.len);
    check_writing(h, 1);
    check_writing(h, 2);
}

static void check_writing(const struct proxy_header *h, uint8_t version)
{
    struct buf text AUTO(buf_done);
    struct proxy_header again = {0};
    struct str reason;
    buf_init(&text, PROXY_BYTES_MAX);
    proxy_write(&text, version, &h->source, &h->destination);
    assert(proxy_parse(buf_str(&text), &again, &reason) == PROXY_OK);
    assert(again.consumed == text.len && again.version == version);
    assert(again.has_addresses == h->has_addresses);
    assert(endpoint_eq(&again.source, &h->source));
    assert(endpoint_eq(&again.destination, &h->destination));
}
