// SPDX-License-Identifier: Apache-2.0
// mail/field.h: one field of a header after the other, as they stand: where each begins and ends,
// its name and its body. What the bodies say is mail/header.h's; the header of a message that is
// just arriving is better read by mail/head.h.
#pragma once

#include "base/base.h"

struct mail_field {
    struct str name; // null: the line is no field; the body is the line
    struct str body; // behind the colon, with its folding, without its last line end
    struct str all;  // from the name to the line end
};
// The lines of a message end in CRLF; where it has none at all, in LF. With MAIL_LF each LF ends a
// line, and a CR before it belongs to the end.
enum mail_line_end { MAIL_CRLF, MAIL_LF };
enum mail_line_end mail_line_end_of(struct str message);
// Takes the next field, or a line that is none: the header goes on to the first empty line,
// whatever stands in it. A line that begins with a blank belongs to the field before it; as the
// first one it is no field. False: the empty line was taken, or the text ends.
bool mail_field_next(struct scan *in, enum mail_line_end end, struct mail_field *out);
// The line "From ..." of a mailbox file, if it stands here.
void mail_mailbox_line_skip(struct scan *in, enum mail_line_end end);
// Takes the next line, without its end; false at the end of the text.
bool mail_line_next(struct scan *in, enum mail_line_end end, struct str *out);
// Without the line end that stands last, if one does.
struct str mail_line_trim(struct str bytes, enum mail_line_end end);
