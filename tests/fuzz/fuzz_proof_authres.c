// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_proof_authres.c: Authentication-Results over any bytes; and what was read,
// written again: a field of short lines in which every value is read as it was, but for what has no
// place there. The first byte chooses how much memory there is, and the form.
#include "proof/authres.h"

#define LINE_BYTES_MAX 998

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(struct arena *a, const struct authres *list);
static void check_lines(struct str field);
static bool is_plain(struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct authres list;
    if (size == 0)
        return 0;
    struct str body = str_of((const char *)data + 1, size - 1);
    arena_init(&a, (size_t)data[0] << 12);
    enum authres_form form = (data[0] & 1) != 0 ? AUTHRES_ARC : AUTHRES_PLAIN;
    struct err e = authres_parse(&a, body, form, &list);
    assert(!failed(e) || e.kind == ERR_SYNTAX || e.kind == ERR_LIMIT);
    if (!failed(e))
        check_again(&a, &list);
    (void)authres_claims(body, S("mx.example"));
    arena_done(&a);
    return 0;
}

static void check_again(struct arena *a, const struct authres *list)
{
    struct authres ours = {.authserv_id = S("a; b"), .smtputf8 = true}, again;
    each_in_vec (r, &list->results) {
        struct authres_result *added = authres_add(a, &ours, S("x"), r->result);
        each_in_vec (prop, &r->props)
            added = authres_prop(a, added, prop->ptype, prop->property, prop->value);
        if (added == NULL)
            return; // the arena is full
    }
    struct str field = authres_field(a, &ours);
    if (str_is_null(field))
        return;
    check_lines(field);
    struct err e = authres_parse(
            a, str_from(field, sizeof("Authentication-Results:") - 1), AUTHRES_PLAIN, &again);
    assert(!failed(e) || e.kind == ERR_LIMIT);
    if (failed(e))
        return;
    assert(again.results.count == list->results.count);
    for (size_t i = 0; i < again.results.count; i++) {
        const struct authres_result *was = &list->results.at[i], *is = &again.results.at[i];
        for (size_t j = 0; is->props.count == was->props.count && j < is->props.count; j++) {
            struct str value = was->props.at[j].value;
            assert(!is_plain(value) || str_eq(is->props.at[j].value, value));
        }
    }
}

static void check_lines(struct str field)
{
    struct scan in = scan_over(field);
    bool first = true;
    for (struct str line; scan_line(&in, &line); first = false) {
        assert(line.len <= LINE_BYTES_MAX);
        assert(first || str_starts(line, S("\t")));
        assert(str_find_byte(line, '\r') == STR_NOT_FOUND);
    }
}

// Printable ASCII comes through as it is.
static bool is_plain(struct str text)
{
    struct scan in = scan_over(text);
    for (uint8_t c; scan_any(&in, &c);) {
        if (c < ' ' || c > '~')
            return false;
    }
    return true;
}
