// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_event_text.c: whatever bytes a client sends, its event is one printable line of
// at most 16 KiB in each form, JSON stays JSON, and no quote of the client's ends a text.
#include "base/json.h"
#include "events/line.h"
#include "events/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t take_fields(struct str input, struct field *fields, struct str *items);
static void check_printable(struct str line);
static void check_json(struct str line);

#define FIELDS_MAX 12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str input = str_of((const char *)data, size), items[4 * FIELDS_MAX];
    struct field fields[FIELDS_MAX];
    struct record_head head = {
            .id = EV_SMTP_EHLO, .level = LEVEL_INFO, .at_ms = 1740823200123, .span_id = size % 2};
    char *bytes = mem_bytes(EVENT_RECORD_BYTES_MAX);
    struct buf line;
    struct record r;
    assert(bytes != NULL);
    buf_init(&line, 64 * KIB);
    size_t count = take_fields(input, fields, items);
    size_t len = record_write(bytes, EVENT_RECORD_BYTES_MAX, &head, NULL, fields, count);
    struct str rest = str_of(bytes, len);
    bool good = record_take(&rest, &r);
    assert(good);
    for (int form = FORM_TEXT; form <= FORM_LOGFMT; form++) {
        buf_clear(&line);
        text_add_line(&line, &r,
                &(struct text_style){.form = (enum text_form)form, .precision = DATE_MS});
        check_printable(buf_str(&line));
        if (form == FORM_JSON)
            check_json(buf_str(&line));
    }
    buf_done(&line);
    mem_free(bytes);
    return 0;
}

// A byte chooses the kind, the next the length; what follows is the peer's.
static size_t take_fields(struct str input, struct field *fields, struct str *items)
{
    size_t count = 0;
    struct scan in = scan_over(input);
    uint8_t kind = 0, len = 0;
    while (count < FIELDS_MAX && scan_any(&in, &kind) && scan_any(&in, &len)) {
        struct str text = str_upto(scan_rest(&in), (size_t)len * (kind & 0x40 ? 16 : 1));
        struct str *list = items + 4 * count;
        (void)scan_skip(&in, text.len);
        for (size_t i = 0; i < 4; i++)
            list[i] = str_part(text, i * (text.len / 4), text.len / 4);
        switch (kind % 4) {
        case 0:
            fields[count++] = (struct field)F_STR(domain, text);
            break;
        case 1:
            fields[count++] = (struct field)F_BYTES(contents, text);
            break;
        case 2:
            fields[count++] = (struct field)F_LIST(to, list, 4);
            break;
        default:
            fields[count++] = (struct field)F_U64(size, (uint64_t)len << (kind % 57));
            break;
        }
    }
    return count;
}

static void check_printable(struct str line)
{
    assert(line.len <= LINE_BYTES_MAX);
    assert(line.len > 0 && line.ptr[line.len - 1] == '\n');
    struct str rest = str_upto(line, line.len - 1);
    assert(str_is_utf8(rest));
    while (rest.len > 0) {
        uint32_t code = 0;
        rest = str_from(rest, str_utf8_next(rest, &code));
        assert(code >= 0x20 && !(code >= 0x7f && code <= 0x9f));
        assert(!(code >= 0x2028 && code <= 0x202e) && !(code >= 0x2066 && code <= 0x2069));
    }
}

static void check_json(struct str line)
{
    struct arena a;
    struct json_error bad;
    arena_init(&a, 4 * MIB);
    struct json *doc = json_parse(&a, line, &bad);
    assert(doc != NULL);
    struct str type = json_string(json_member(doc, S("type")), S(""));
    assert(str_eq(type, S("smtp.ehlo")));
    assert(json_member(doc, S("data")) != NULL);
    arena_done(&a);
}
