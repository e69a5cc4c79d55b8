// SPDX-License-Identifier: Apache-2.0
// conf/toml_number.c: integers and floats. A word is looked at as a whole: what does not fit the
// grammar to its last byte is no number.
#include "conf/toml_read.h"

#define FLOAT_BYTES_MAX 384 // the largest double in full has 309 digits

static enum toml_verdict radix_read(struct str word, struct toml *out);
static enum toml_verdict decimal_read(struct str word, struct toml *out);
static enum toml_verdict float_read(struct str word, struct toml *out);
static bool float_special(struct str word, struct toml *out);
static bool scan_digits(struct scan *in, byte_class *is);
static bool digits_value(struct str digits, unsigned radix, uint64_t most, uint64_t *out);
static bool is_octal(uint8_t c);
static bool is_binary(uint8_t c);
static bool is_number_byte(uint8_t c);

static const struct {
    char letter;
    unsigned radix;
    byte_class *is;
} radixes[] = {
        {'x', 16, byte_is_hex},
        {'o', 8, is_octal},
        {'b', 2, is_binary},
};

// Words such as 5m or 10kb are forgotten quotes, 0x1g, 1e and 007 are bad numbers.
bool toml_word_is_number(struct str word)
{
    struct toml ignored;
    struct scan in = scan_over(word);
    struct str taken;
    if (float_special(word, &ignored))
        return true;
    if (!scan_byte(&in, '+'))
        scan_byte(&in, '-');
    if (byte_is_alpha((uint8_t)scan_peek(&in)))
        return false;
    bool prefixed = scan_peek(&in) == '0' && scan_peek_at(&in, 1) > 0 &&
                    str_find_byte(S("xobXOB"), (char)scan_peek_at(&in, 1)) != STR_NOT_FOUND;
    scan_while0(&in, is_number_byte, &taken);
    return prefixed || scan_end(&in);
}

enum toml_verdict toml_number(struct str word, struct toml *out)
{
    struct str digits = word;
    if (str_starts(digits, S("+")) || str_starts(digits, S("-")))
        digits = str_from(digits, 1);
    if (float_special(word, out))
        return VERDICT_OK;
    if (str_starts(digits, S("0")) && digits.len > 1 && byte_is_alpha((uint8_t)digits.ptr[1]) &&
            byte_to_lower((uint8_t)digits.ptr[1]) != 'e')
        return radix_read(word, out);
    for (size_t i = 0; i < digits.len; i++)
        if (digits.ptr[i] == '.' || byte_to_lower((uint8_t)digits.ptr[i]) == 'e')
            return float_read(word, out);
    return decimal_read(word, out);
}

// hex-int = "0x" HEXDIG *( HEXDIG / "_" HEXDIG ), and so on; no sign
static enum toml_verdict radix_read(struct str word, struct toml *out)
{
    struct scan in = scan_over(word);
    scan_byte(&in, '0');
    for (size_t i = 0; i < COUNT_OF(radixes); i++) {
        uint64_t value;
        if (!scan_byte(&in, radixes[i].letter))
            continue;
        struct str digits = scan_rest(&in);
        if (!scan_digits(&in, radixes[i].is) || !scan_end(&in))
            return VERDICT_BAD;
        if (!digits_value(digits, radixes[i].radix, INT64_MAX, &value))
            return VERDICT_RANGE;
        out->type = TOML_INTEGER;
        out->integer = (int64_t)value;
        return VERDICT_OK;
    }
    return VERDICT_BAD;
}

// dec-int = [ "-" / "+" ] ( DIGIT / digit1-9 1*( DIGIT / "_" DIGIT ) )
static enum toml_verdict decimal_read(struct str word, struct toml *out)
{
    struct scan in = scan_over(word);
    bool negative = scan_byte(&in, '-');
    if (!negative)
        scan_byte(&in, '+');
    struct str digits = scan_rest(&in);
    bool leading_zero = digits.len > 1 && digits.ptr[0] == '0';
    if (leading_zero || !scan_digits(&in, byte_is_digit) || !scan_end(&in))
        return VERDICT_BAD;
    uint64_t value, most = (uint64_t)INT64_MAX + (negative ? 1 : 0);
    if (!digits_value(digits, 10, most, &value))
        return VERDICT_RANGE;
    out->type = TOML_INTEGER;
    out->integer = negative ? (int64_t)(0 - value) : (int64_t)value;
    return VERDICT_OK;
}

// float = dec-int ( exp / "." 1*digits [ exp ] ), exp = "e" [ "-" / "+" ] 1*digits
static enum toml_verdict float_read(struct str word, struct toml *out)
{
    struct scan in = scan_over(word);
    if (!scan_byte(&in, '-'))
        scan_byte(&in, '+');
    bool leading_zero = scan_peek(&in) == '0' && scan_peek_at(&in, 1) != '.' &&
                        byte_to_lower((uint8_t)scan_peek_at(&in, 1)) != 'e';
    if (leading_zero || !scan_digits(&in, byte_is_digit))
        return VERDICT_BAD;
    if (scan_byte(&in, '.') && !scan_digits(&in, byte_is_digit))
        return VERDICT_BAD;
    if (scan_lit_nocase(&in, S("e"))) {
        if (!scan_byte(&in, '-'))
            scan_byte(&in, '+');
        if (!scan_digits(&in, byte_is_digit))
            return VERDICT_BAD;
    }
    if (!scan_end(&in))
        return VERDICT_BAD;
    char plain[FLOAT_BYTES_MAX];
    size_t len = 0;
    out->type = TOML_FLOAT;
    if (word.len > sizeof(plain))
        return VERDICT_RANGE;
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] != '_')
            plain[len++] = word.ptr[i];
    return str_to_double(str_of(plain, len), &out->real) ? VERDICT_OK : VERDICT_RANGE;
}

// special-float = [ "-" / "+" ] ( "inf" / "nan" )
static bool float_special(struct str word, struct toml *out)
{
    bool negative = str_starts(word, S("-"));
    struct str name = negative || str_starts(word, S("+")) ? str_from(word, 1) : word;
    double value = __builtin_inf();
    if (str_eq(name, S("nan")))
        value = __builtin_nan("");
    else if (!str_eq(name, S("inf")))
        return false;
    out->type = TOML_FLOAT;
    out->real = negative ? -value : value;
    return true;
}

// 1*digit, with single underscores between digits.
static bool scan_digits(struct scan *in, byte_class *is)
{
    struct str taken;
    do {
        if (!scan_while(in, is, &taken))
            return false;
    } while (scan_byte(in, '_'));
    return true;
}

static bool digits_value(struct str digits, unsigned radix, uint64_t most, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] == '_')
            continue;
        uint64_t digit = (uint64_t)byte_hex_value((uint8_t)digits.ptr[i]);
        if (value > (most - digit) / radix)
            return false;
        value = value * radix + digit;
    }
    *out = value;
    return true;
}

static bool is_octal(uint8_t c)
{
    return c >= '0' && c <= '7';
}

static bool is_binary(uint8_t c)
{
    return c == '0' || c == '1';
}

static bool is_number_byte(uint8_t c)
{
    return byte_is_digit(c) || c == '+' || c == '-' || c == '_' || c == '.' || c == 'e' || c == 'E';
}
