// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_directory.c: what a directory reads that others have written: records of the
// store, stored secrets, names and addresses as typed. The first byte says which.
#include "directory/internal_lmdb.h"
#include "directory/totp.h"

#include "base/hash.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_records(struct arena *a, struct str text);
static void read_secret(struct arena *a, struct str text);
static void read_name(struct arena *a, struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct str text = str_of((const char *)data, size);
    arena_init(&a, 16 * MIB);
    switch (size > 0 ? data[0] % 3 : 0) {
    case 0:
        read_records(&a, str_from(text, 1));
        break;
    case 1:
        read_secret(&a, str_from(text, 1));
        break;
    default:
        read_name(&a, str_from(text, 1));
    }
    arena_done(&a);
    return 0;
}

// With the right checksum, which chance would not find; what was read is written and read again.
static void read_records(struct arena *a, struct str text)
{
    struct buf record AUTO(buf_done), again AUTO(buf_done);
    struct account account = {0}, second = {0};
    struct internal_domain domain = {0};
    buf_init(&record, MIB);
    buf_init(&again, 2 * MIB);
    buf_add(&record, text);
    uint32_t crc = hash_crc32c(0, text);
    for (int shift = 0; shift < 32; shift += 8)
        buf_add_byte(&record, (char)(crc >> shift & 0xff));
    if (!failed(domain_decode(a, buf_str(&record), &domain)))
        assert(domain.name.len > 0);
    if (failed(account_decode(a, buf_str(&record), &account)))
        return;
    account_encode(&again, &account);
    struct err e = account_decode(a, buf_str(&again), &second);
    assert(again.overflow || (!failed(e) && str_eq(account.name, second.name) &&
                                     account.emails.count == second.emails.count));
}

static void read_secret(struct arena *a, struct str text)
{
    struct password_scram keys;
    (void)password_scram_parse(a, text, &keys);
    (void)totp_check(text, S("123456"), 59000);
    (void)password_form(text);
    (void)password_clear_text(text);
}

static void read_name(struct arena *a, struct str text)
{
    struct str out, again, why;
    if (account_name_normal(a, text, &out, &why))
        assert(account_name_normal(a, out, &again, &why) && str_eq(out, again));
    if (account_address_normal(a, text, ADDRESS_OR_CATCH_ALL, &out, &why))
        assert(account_address_normal(a, out, ADDRESS_OR_CATCH_ALL, &again, &why) &&
                str_eq(out, again));
}
