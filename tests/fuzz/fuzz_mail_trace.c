// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_trace.c: whatever peers call themselves, each field that is written is one
// field: no line too long, no octet that does not belong, no comment left open. The first byte
// holds flags, the values follow, divided by 0xFE (which is in no UTF-8).
#include "mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str next_value(struct str *rest);
static void check_field(struct arena *a, struct str text, enum head_name name, bool smtputf8);
static void check_comments(struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct buf out;
    if (size == 0)
        return 0;
    struct str rest = str_of((const char *)data + 1, size - 1);
    struct trace_received r = {.helo = next_value(&rest),
            .ptr = next_value(&rest),
            .as_name = next_value(&rest),
            .country = next_value(&rest),
            .tls_version = next_value(&rest),
            .tls_cipher = next_value(&rest),
            .by = next_value(&rest),
            .solicit = next_value(&rest),
            .asn = data[0] & 1,
            .peer = {.family = (data[0] & 2) != 0 ? IP_V6 : IP_NONE},
            .smtputf8 = (data[0] & 4) != 0,
            .hide_client = (data[0] & 8) != 0,
            .hello = TRACE_EHLO,
            .priority = data[0] >> 6};
    struct str address = next_value(&rest);
    arena_init(&a, MIB);
    buf_init(&out, MIB);
    trace_received_add(&out, &r);
    check_field(&a, buf_str(&out), HEAD_RECEIVED, r.smtputf8);
    check_comments(buf_str(&out));
    buf_clear(&out);
    trace_message_id_add(&out, data[0], data[0], r.by);
    check_field(&a, buf_str(&out), HEAD_MESSAGE_ID, false);
    buf_clear(&out);
    trace_return_path_add(&out, address, r.smtputf8);
    check_field(&a, buf_str(&out), HEAD_RETURN_PATH, r.smtputf8);
    buf_done(&out);
    arena_done(&a);
    return 0;
}

static struct str next_value(struct str *rest)
{
    struct str value = STR_NULL;
    (void)str_split(rest, (char)0xFE, &value);
    return value;
}

static void check_field(struct arena *a, struct str text, enum head_name name, bool smtputf8)
{
    struct mail_head head;
    struct scan in = scan_over(text);
    struct str line;
    struct err e = mail_head_read(a, text, &(struct mail_head_options){0}, &head);
    assert(!failed(e) && head.count == 1 && head.times[name] == 1 && head.block.len == text.len);
    assert(str_ends(text, S("\r\n")) && str_is_utf8(text) && (smtputf8 || str_is_ascii(text)));
    while (scan_line(&in, &line)) {
        assert(line.len <= FOLD_LINE_BYTES_MAX && !str_is_empty(str_trim(line)));
        for (size_t i = 0; i < line.len; i++) {
            uint8_t c = (uint8_t)line.ptr[i];
            assert((c >= ' ' && c != 0x7F) || (c == '\t' && i == 0));
        }
    }
}

// But where a word of nearly a thousand octets had to be cut, with its end.
static void check_comments(struct str text)
{
    int depth = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\\') {
            i++;
            continue;
        }
        depth += text.ptr[i] == '(';
        depth -= text.ptr[i] == ')';
        assert(depth >= 0 || text.len > FOLD_LINE_BYTES_MAX);
    }
    assert(depth == 0 || text.len > FOLD_LINE_BYTES_MAX);
}
