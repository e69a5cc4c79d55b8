// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_address.c: an address is read or refused; its normal spelling is an address
// again, with the same parts and the same normal spelling.
#include "mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_normal(struct arena *a, const struct mail_address *address);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct mail_address address;
    struct str text = str_of((const char *)data, size);
    arena_init(&a, MIB);
    struct err e = mail_address_parse(&a, text, &address);
    if (failed(e)) {
        assert(e.kind == ERR_SYNTAX);
    } else {
        assert(str_eq(address.text, text));
        assert(address.ascii.len <= MAIL_DOMAIN_BYTES_MAX && str_is_ascii(address.ascii));
        check_normal(&a, &address);
    }
    arena_done(&a);
    return 0;
}

static void check_normal(struct arena *a, const struct mail_address *address)
{
    struct mail_address again;
    struct str normal = mail_address_normal(a, address);
    assert(!str_is_null(normal));
    struct err e = mail_address_parse(a, normal, &again);
    if (failed(e)) { // a small letter may need more bytes than its capital
        assert(str_eq(err_text(e), S("the address is longer than 254 octets")));
        return;
    }
    assert(str_eq(again.ascii, address->ascii));
    assert(str_eq(mail_address_normal(a, &again), normal));
}
