// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_report.c: of any bytes the reader of reports says something, within its
// limits; what it gives is what is promised.
#include "mail/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_rcpt(const struct mail_report_rcpt *rcpt);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum mail_report_extent extents[] = {MAIL_REPORT_WHOLE, MAIL_REPORT_CUT};
    struct arena a;
    arena_init(&a, 64 * MIB);
    for (size_t i = 0; i < COUNT_OF(extents); i++) {
        struct mail_report report;
        struct err e = mail_report_read(&a, str_of((const char *)data, size), extents[i], &report);
        if (failed(e)) {
            assert(e.kind == ERR_NOT_FOUND || e.kind == ERR_SYNTAX || e.kind == ERR_LIMIT);
            continue;
        }
        assert(report.rcpt_count > 0 && report.rcpt_count <= MAIL_REPORT_RCPTS_MAX);
        for (size_t k = 0; k < report.rcpt_count; k++)
            check_rcpt(&report.rcpts[k]);
    }
    arena_done(&a);
    return 0;
}

static void check_rcpt(const struct mail_report_rcpt *rcpt)
{
    assert(rcpt->final.len > 0 && rcpt->status.len >= 5);
    assert(mail_report_action_word(rcpt->action).len > 0);
    assert(rcpt->code == 0 || (rcpt->code >= 200 && rcpt->code <= 599));
    assert(rcpt->diagnostic.len <= MAIL_REPORT_DIAGNOSTIC_BYTES);
    assert(str_find_byte(rcpt->diagnostic, '\n') == STR_NOT_FOUND);
}
