// SPDX-License-Identifier: Apache-2.0
// events/text.h: an event as one line, in three forms: text (operations.md 6.2), JSON (6.5) and
// logfmt. Each ends with a newline, holds no other (unless `multiline`), is printable whatever the
// peer sent, and is at most 16 KiB long; what did not fit is shown to be missing.
//
//     2025-03-01T10:00:00.123Z INFO TLS handshake (tls.handshake) spanId = 097cafc65e804183,
//     listenerId = "smtp", remoteIp = 192.0.2.7, version = "TLSv1.3", elapsed = 12ms
//     {"id":"…","createdAt":"…","level":"info","type":"tls.handshake","text":"…","data":{…}}
//     time=… level=info event=tls.handshake spanId=097cafc65e804183 listenerId="smtp" …
#pragma once

#include "base/date.h"
#include "events/record.h"

enum text_form { FORM_TEXT, FORM_JSON, FORM_LOGFMT };

struct text_style {
    enum text_form form;
    enum date_precision precision;
    bool colour;    // ANSI; text only
    bool multiline; // a field a line; text only
};

void text_add_line(struct buf *out, const struct record *r, const struct text_style *style);
// Without time and level, and without a newline: the journal's MESSAGE.
void text_add_message(struct buf *out, const struct record *r);
// One JSON object of the form of webhooks (operations.md 6.5), without a newline.
void json_add_event(struct buf *out, const struct record *r, enum date_precision precision);
// One value as it stands in the text form.
void text_add_value(struct buf *out, const struct field_value *v);
