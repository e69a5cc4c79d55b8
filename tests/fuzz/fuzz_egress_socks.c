// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_egress_socks.c: what a SOCKS proxy says, and what the configuration says of one.
// However the bytes are cut, the verdict is the same: proper parts of a reply ask for more, within
// bounds, and what stands behind one is never counted to it.
#include "deliver/egress/egress_socks.h"

typedef enum socks_state socks_reader(struct str bytes, struct socks_reply *out);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
static void check_reader(socks_reader *read, struct str bytes);
static void check_proxy(struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    check_reader(socks_method_read, bytes);
    check_reader(socks_login_read, bytes);
    check_reader(socks_request_read, bytes);
    check_proxy(bytes);
    return 0;
}

static void check_reader(socks_reader *read, struct str bytes)
{
    struct socks_reply whole = {0};
    enum socks_state of_all = read(bytes, &whole), before = SOCKS_NEED_MORE;
    size_t most = bytes.len < SOCKS_REPLY_BYTES_MAX ? bytes.len : SOCKS_REPLY_BYTES_MAX;
    assert(of_all != SOCKS_NEED_MORE || bytes.len < SOCKS_REPLY_BYTES_MAX);
    assert(of_all != SOCKS_GOOD || (whole.bytes > 0 && whole.bytes <= most));
    for (size_t len = 0; len <= most; len++) {
        struct socks_reply part = {0};
        enum socks_state state = read(str_upto(bytes, len), &part);
        assert(before == SOCKS_NEED_MORE || state == before); // a verdict is final
        assert(state == SOCKS_NEED_MORE || state == of_all);
        assert(state != SOCKS_GOOD || (part.bytes == whole.bytes && part.code == whole.code));
        before = state;
    }
    assert(before == of_all);
    if (of_all == SOCKS_GOOD)
        assert(!str_is_empty(socks_code_text(whole.code)));
}

static void check_proxy(struct str text)
{
    struct arena a AUTO(arena_done);
    struct socks_proxy proxy = {0};
    struct str why = STR_NULL;
    arena_init(&a, 64 * KIB);
    if (!socks_proxy_parse(&a, text, &proxy, &why)) {
        assert(!str_is_empty(why));
        return;
    }
    assert(proxy.at.port != 0);
    assert(str_is_null(proxy.name) == (proxy.at.ip.family != IP_NONE));
    assert(str_is_null(proxy.user) == str_is_null(proxy.secret));
    assert(proxy.user.len <= SOCKS_WORD_BYTES_MAX && proxy.secret.len <= SOCKS_WORD_BYTES_MAX);
}
