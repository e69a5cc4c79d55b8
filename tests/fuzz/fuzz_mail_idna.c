// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_idna.c: a name that is converted is made of labels of letters, digits and
// inner hyphens within their lengths, converts to itself, and comes back from its U-labels.
#include "mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ascii(struct str name);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct idna_result ascii, unicode, again;
    arena_init(&a, MIB);
    struct err e = idna_to_ascii(&a, str_of((const char *)data, size), &ascii);
    assert(!failed(e));
    if (ascii.fault == IDNA_FINE) {
        check_ascii(ascii.text);
        assert(!failed(idna_to_ascii(&a, ascii.text, &again)));
        assert(again.fault == IDNA_FINE && str_eq(again.text, ascii.text));
        assert(!failed(idna_to_unicode(&a, ascii.text, &unicode)));
        assert(unicode.fault == IDNA_FINE && str_is_utf8(unicode.text));
        assert(!failed(idna_to_ascii(&a, unicode.text, &again)));
        assert(again.fault == IDNA_FINE && str_eq(again.text, ascii.text));
    } else {
        assert(!str_is_empty(idna_fault_name(ascii.fault)));
    }
    arena_done(&a);
    return 0;
}

static void check_ascii(struct str name)
{
    struct str rest = name, label;
    assert(name.len >= 1 && name.len <= 253);
    while (str_split(&rest, '.', &label)) {
        assert(label.len >= 1 && label.len <= 63);
        assert(label.ptr[0] != '-' && label.ptr[label.len - 1] != '-');
        for (size_t i = 0; i < label.len; i++) {
            uint8_t c = (uint8_t)label.ptr[i];
            assert(byte_is_lower(c) || byte_is_digit(c) || c == '-');
        }
    }
}
