// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_event_record.c: bytes from a worker that was taken over. Whatever they are, the
// log writer refuses them or shows them as lines, in each form, the journal's included.
#include "events/line.h"
#include "events/outlet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = str_of((const char *)data, size);
    struct record r;
    struct buf out;
    buf_init(&out, OUTLET_LINE_BYTES_MAX);
    while (record_take(&bytes, &r)) {
        for (int form = FORM_TEXT; form <= FORM_LOGFMT; form++) {
            buf_clear(&out);
            text_add_line(&out, &r, &(struct text_style){.form = (enum text_form)form});
            struct str line = buf_str(&out);
            assert(!out.overflow && line.len <= LINE_BYTES_MAX);
            assert(str_find_byte(line, '\n') == line.len - 1);
        }
        buf_clear(&out);
        journal_add_entry(&out, &r);
        assert(!out.overflow);
    }
    buf_done(&out);
    return 0;
}
