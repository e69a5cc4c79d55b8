// SPDX-License-Identifier: Apache-2.0
// conf/expr_functions_text.c: functions about one text (configuration.md 9.9).
#include "conf/expr_functions.h"

#include "base/encode.h"
#include "base/unicode.h"

#include <openssl/evp.h>

typedef bool code_class(uint32_t code);

static struct err text(struct str s, struct expr_value *out);
static struct err truth(bool b, struct expr_value *out);
static struct err count_codes(const struct expr_call *call, code_class *is, struct expr_value *out);
static bool all_letters(struct str s, code_class *wanted);
static bool array_has(const struct expr_array *array, const struct expr_value *v);
static size_t code_offset(struct str s, int64_t count);

struct err function_trim(struct expr_call *call, struct expr_value *out)
{
    return text(unicode_trim_start(unicode_trim_end(call->args[0].text)), out);
}

struct err function_trim_start(struct expr_call *call, struct expr_value *out)
{
    return text(unicode_trim_start(call->args[0].text), out);
}

struct err function_trim_end(struct expr_call *call, struct expr_value *out)
{
    return text(unicode_trim_end(call->args[0].text), out);
}

struct err function_to_lowercase(struct expr_call *call, struct expr_value *out)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, EXPR_STRING_BYTES_MAX);
    unicode_add_lower(&b, call->args[0].text);
    return function_text(call, &b, out);
}

struct err function_to_uppercase(struct expr_call *call, struct expr_value *out)
{
    struct buf b AUTO(buf_done);
    buf_init(&b, EXPR_STRING_BYTES_MAX);
    unicode_add_upper(&b, call->args[0].text);
    return function_text(call, &b, out);
}

struct err function_is_lowercase(struct expr_call *call, struct expr_value *out)
{
    return truth(all_letters(call->args[0].text, unicode_is_lower), out);
}

struct err function_is_uppercase(struct expr_call *call, struct expr_value *out)
{
    return truth(all_letters(call->args[0].text, unicode_is_upper), out);
}

struct err function_has_digits(struct expr_call *call, struct expr_value *out)
{
    struct str s = call->args[0].text;
    bool found = false;
    for (size_t i = 0; i < s.len; i++)
        found = found || byte_is_digit((uint8_t)s.ptr[i]);
    return truth(found, out);
}

struct err function_len(struct expr_call *call, struct expr_value *out)
{
    const struct expr_value *v = &call->args[0];
    struct str s;
    if (v->type == EXPR_ARRAY) {
        *out = expr_integer((int64_t)v->array.count);
        return OK;
    }
    TRY(expr_to_text(call->arena, v, &s));
    *out = expr_integer((int64_t)s.len);
    return OK;
}

struct err function_count_chars(struct expr_call *call, struct expr_value *out)
{
    *out = expr_integer((int64_t)str_utf8_count(call->args[0].text));
    return OK;
}

struct err function_count_spaces(struct expr_call *call, struct expr_value *out)
{
    return count_codes(call, unicode_is_space, out);
}

struct err function_count_uppercase(struct expr_call *call, struct expr_value *out)
{
    return count_codes(call, unicode_is_upper, out);
}

struct err function_count_lowercase(struct expr_call *call, struct expr_value *out)
{
    return count_codes(call, unicode_is_lower, out);
}

struct err function_contains(struct expr_call *call, struct expr_value *out)
{
    struct str hay, needle;
    if (call->args[0].type == EXPR_ARRAY)
        return truth(array_has(&call->args[0].array, &call->args[1]), out);
    TRY(expr_to_text(call->arena, &call->args[0], &hay));
    TRY(expr_to_text(call->arena, &call->args[1], &needle));
    return truth(str_contains(hay, needle), out);
}

struct err function_contains_ignore_case(struct expr_call *call, struct expr_value *out)
{
    struct str needle = call->args[1].text, hay, item;
    if (call->args[0].type != EXPR_ARRAY) {
        TRY(expr_to_text(call->arena, &call->args[0], &hay));
        struct buf low AUTO(buf_done), low_needle AUTO(buf_done);
        buf_init(&low, 3 * hay.len + 16); // no letter's lower case takes three times its bytes
        buf_init(&low_needle, 3 * needle.len + 16);
        unicode_add_lower(&low, hay);
        unicode_add_lower(&low_needle, needle);
        if (low.overflow || low_needle.overflow)
            return function_no_memory();
        return truth(str_contains(buf_str(&low), buf_str(&low_needle)), out);
    }
    const struct expr_array *array = &call->args[0].array;
    bool found = false;
    for (size_t i = 0; i < array->count && !found; i++) {
        if (array->at[i].type == EXPR_ARRAY)
            continue;
        TRY(expr_to_text(call->arena, &array->at[i], &item));
        found = str_eq_nocase(item, needle);
    }
    return truth(found, out);
}

struct err function_eq_ignore_case(struct expr_call *call, struct expr_value *out)
{
    return truth(str_eq_nocase(call->args[0].text, call->args[1].text), out);
}

struct err function_starts_with(struct expr_call *call, struct expr_value *out)
{
    return truth(str_starts(call->args[0].text, call->args[1].text), out);
}

struct err function_ends_with(struct expr_call *call, struct expr_value *out)
{
    return truth(str_ends(call->args[0].text, call->args[1].text), out);
}

struct err function_strip_prefix(struct expr_call *call, struct expr_value *out)
{
    struct str s = call->args[0].text, prefix = call->args[1].text;
    return text(str_starts(s, prefix) ? str_from(s, prefix.len) : S(""), out);
}

struct err function_strip_suffix(struct expr_call *call, struct expr_value *out)
{
    struct str s = call->args[0].text, suffix = call->args[1].text;
    return text(str_ends(s, suffix) ? str_upto(s, s.len - suffix.len) : S(""), out);
}

struct err function_substring(struct expr_call *call, struct expr_value *out)
{
    struct str s = call->args[0].text;
    s = str_from(s, code_offset(s, expr_to_i64(&call->args[1])));
    return text(str_upto(s, code_offset(s, expr_to_i64(&call->args[2]))), out);
}

struct err function_hash(struct expr_call *call, struct expr_value *out)
{
    static const struct {
        struct str name;
        const char *openssl;
    } known[] = {
            {S_INIT("md5"), "MD5"},
            {S_INIT("sha1"), "SHA1"},
            {S_INIT("sha256"), "SHA256"},
            {S_INIT("sha512"), "SHA512"},
    };
    struct str s = call->args[0].text;
    unsigned char digest[EVP_MAX_MD_SIZE];
    size_t len = 0;
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (str_eq(call->args[1].text, known[i].name) &&
                EVP_Q_digest(NULL, known[i].openssl, NULL, s.ptr != NULL ? s.ptr : "", s.len,
                        digest, &len) != 1)
            return fail(ERR_UNSUPPORTED, "this OpenSSL refuses the hash");
    struct buf hex AUTO(buf_done);
    buf_init(&hex, 2 * sizeof(digest));
    encode_hex(&hex, str_of((const char *)digest, len));
    return function_text(call, &hex, out);
}

static struct err text(struct str s, struct expr_value *out)
{
    *out = expr_text(s);
    return OK;
}

static struct err truth(bool b, struct expr_value *out)
{
    *out = expr_bool(b);
    return OK;
}

static struct err count_codes(const struct expr_call *call, code_class *is, struct expr_value *out)
{
    struct str rest = call->args[0].text;
    int64_t count = 0;
    for (uint32_t code; unicode_next(&rest, &code);)
        count += is(code) ? 1 : 0;
    *out = expr_integer(count);
    return OK;
}

static bool all_letters(struct str s, code_class *wanted)
{
    for (uint32_t code; unicode_next(&s, &code);)
        if (unicode_is_alphabetic(code) && !wanted(code))
            return false;
    return true;
}

static bool array_has(const struct expr_array *array, const struct expr_value *v)
{
    for (size_t i = 0; i < array->count; i++)
        if (expr_equal(&array->at[i], v))
            return true;
    return false;
}

// Bytes that the first `count` code points take; all when there are fewer.
static size_t code_offset(struct str s, int64_t count)
{
    struct str rest = s;
    uint32_t code;
    for (int64_t i = 0; i < count && unicode_next(&rest, &code); i++)
        continue;
    return s.len - rest.len;
}
