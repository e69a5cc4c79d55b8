// SPDX-License-Identifier: Apache-2.0
// smtp/data.h: from the octets of DATA and BDAT to the octets of a message (inbound.md 3.2): the
// end is found, dots are taken off, bare CR, bare LF and NUL are dealt with as the policy says.
//
// DATA ends with CR LF "." CR LF and with nothing else: no LF alone, no CR alone and no run of CRs
// is ever taken for a part of it, so that no two servers can be made to see different ends
// (CVE-2023-51764 and its relatives). Where reads split the octets makes no difference.
//
//     struct data_reader d = {.policy = NEWLINES_NORMALIZE};
//     data_begin(&d, DATA_DOTTED);
//     struct scan in = scan_over(bytes);                       // what has arrived
//     while (data_next(&d, &in, &piece) == DATA_PIECE)
//         TRY(body_add(body, a, piece));
#pragma once

#include "base/base.h"

enum newline_policy { NEWLINES_NORMALIZE, NEWLINES_REJECT, NEWLINES_ACCEPT };
enum data_framing {
    DATA_DOTTED,  // DATA
    DATA_COUNTED, // BDAT: whoever reads counts; no dots
    DATA_BINARY,  // BDAT with BODY=BINARYMIME: octets as they are
};

enum data_progress {
    DATA_PIECE, // *out has octets of the message; there may be more
    DATA_MORE,  // all of the input is taken; *out is empty
    DATA_END,   // the end was taken; what is left in the input is not of the message
};

enum data_state {
    DATA_AT_LINE, // behind CR LF, where a dot means something
    DATA_IN_LINE,
    DATA_CRS,    // CRs are held back until it is known whether LF follows
    DATA_DOT,    // CR LF "." held back
    DATA_DOT_CR, // CR LF "." CR held back
    DATA_ENDED,
};

struct data_reader {
    enum newline_policy policy;
    enum data_framing framing;
    enum data_state state;
    struct str owed;      // a replacement that goes out next
    size_t crs;           // held back
    bool line_end_is_odd; // more than one CR before the LF
    bool in_header;       // no empty line has come yet
    bool nul_in_header;
    uint64_t nul_count, bare_lf_count, bare_cr_count;
    uint64_t line_bytes, longest_line_bytes; // without CR LF
    bool has_8bit;
};

void data_begin(struct data_reader *d, enum data_framing framing); // keeps the policy
enum data_progress data_next(struct data_reader *d, struct scan *in, struct str *out);
// Behind the last chunk of BDAT: what was held back.
enum data_progress data_finish(struct data_reader *d, struct str *out);
// Did the octets break a rule that the policy does not forgive?
bool data_has_refused_newline(const struct data_reader *d);
bool data_has_refused_nul(const struct data_reader *d); // in the body; BINARYMIME has the right to
