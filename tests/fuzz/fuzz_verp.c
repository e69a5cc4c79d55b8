// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_verp.c: of any bytes as an address nothing is proved; of any bytes as a recipient
// the sender that is made is an address, and is read as what it was made of.
#include "base/id.h"
#include "mail/address.h"
#include "queue/control/suppress.h"
#include "queue/dsn/verp.h"

#define ID (UINT64_C(1) << 40)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void there_and_back(struct arena *a, const struct verp_settings *s, struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct str secret[] = {S_INIT("0123456789abcdef0123456789abcdef")};
    const struct verp_settings settings = {.is_on = true, .secrets = {secret, 1}};
    struct str text = str_of((const char *)data, size);
    struct verp_mail mail;
    struct arena a;
    arena_init(&a, 16 * MIB);
    // It would have to guess 80 bits.
    assert(!verp_read(&a, &settings, text, id_made_at_ms(ID), &mail));
    there_and_back(&a, &settings, text);
    arena_done(&a);
    return 0;
}

static void there_and_back(struct arena *a, const struct verp_settings *s, struct str text)
{
    struct verp_mail mail = {.id = ID, .is_watched = text.len % 2 == 0}, read;
    struct mail_address parsed;
    struct str made;
    if (failed(suppress_address(a, text, &mail.rcpt)))
        return;
    struct err e = verp_make(a, s, S("b+{id}-{rcpt-encoded}@d.example"), &mail, &made);
    if (failed(e)) {
        assert(e.kind == ERR_SYNTAX); // too long
        return;
    }
    e = mail_address_parse(a, made, &parsed);
    assert(!failed(e) && !parsed.quoted);
    bool proves = verp_read(a, s, made, id_made_at_ms(ID), &read);
    assert(proves && read.id == ID && read.is_watched == mail.is_watched);
    assert(str_eq_nocase(read.rcpt, mail.rcpt));
}
