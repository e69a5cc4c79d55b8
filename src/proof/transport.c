// SPDX-License-Identifier: Apache-2.0
// proof/transport.c: reading the records and policies of MTA-STS and TLS reporting.
#include "proof/transport.h"

#include "mail/address.h"

#define NAME_BYTES_MAX 32 // of a tag, RFC 8461 3.1 and RFC 8460 3
#define ID_BYTES_MAX 32   // RFC 8461 3.1

struct policy_reading {
    struct arena *a;
    struct sts_policy policy;
    VEC(struct str) exchanges;
    bool has_version, has_mode, has_age;
};

static bool begins(struct str text, struct str version);
static struct err find_field(struct arena *a, struct str text, struct str version, struct str own,
        struct str *out_value);
static bool read_field(struct scan *in, struct str *out_name, struct str *out_value);
static bool is_name_byte(uint8_t c);
static bool is_extension_value(struct str value);
static bool is_alnum_text(struct str text);
static struct err read_line(struct policy_reading *rd, struct str line);
static struct err read_version(struct policy_reading *rd, struct str value);
static struct err read_mode(struct policy_reading *rd, struct str value);
static struct err read_age(struct policy_reading *rd, struct str value);
static struct err read_exchange(struct policy_reading *rd, struct str value);

bool sts_record_begins(struct str text)
{
    return begins(text, S("v=STSv1"));
}

bool tlsrpt_record_begins(struct str text)
{
    return begins(text, S("v=TLSRPTv1"));
}

static bool begins(struct str text, struct str version)
{
    struct str rest = str_from(text, version.len);
    return str_starts(text, version) &&
           (str_is_empty(rest) || rest.ptr[0] == ';' || byte_is_blank((uint8_t)rest.ptr[0]));
}

// sts-text-record = version 1*( field-delim field ), with a field id = 1*32( ALPHA / DIGIT )
struct err sts_record_parse(struct arena *a, struct str text, struct sts_record *out)
{
    struct str id;
    TRY(find_field(a, text, S("v=STSv1"), S("id"), &id));
    if (str_is_null(id))
        return fail(ERR_SYNTAX, "id= is missing");
    if (id.len > ID_BYTES_MAX || !is_alnum_text(id))
        return fail(ERR_SYNTAX, "id= is not 1 to 32 letters and digits");
    out->id = id;
    return OK;
}

static bool is_alnum_text(struct str text)
{
    struct scan in = scan_over(text);
    struct str all;
    return scan_while(&in, byte_is_alnum, &all) && scan_end(&in);
}

// tlsrpt-record = version 1*( field-delim field ), with a field rua
struct err tlsrpt_record_parse(struct arena *a, struct str text, struct tlsrpt_record *out)
{
    struct str rua;
    struct uris all;
    bool fine;
    TRY(find_field(a, text, S("v=TLSRPTv1"), S("rua"), &rua));
    if (str_is_null(rua))
        return fail(ERR_SYNTAX, "rua= is missing");
    TRY(uris_read(a, rua, &all, &fine));
    struct str *usable = arena_array(a, all.count, struct str);
    if (usable == NULL)
        return fail(ERR_LIMIT, "no memory for a record");
    size_t count = 0;
    for (size_t i = 0; i < all.count; i++) {
        if (str_starts_nocase(all.at[i], S("mailto:")) || str_starts_nocase(all.at[i], S("https:")))
            usable[count++] = all.at[i];
    }
    if (count == 0)
        return fail(ERR_SYNTAX, "rua= names no place for reports");
    out->rua = (struct uris){.at = usable, .count = count};
    return OK;
}

// record = version 1*( *WSP ";" *WSP field ) [ *WSP ";" *WSP ], field = name "=" value; white space
// around "=" is let pass. Finds the field that is not an extension; null: it is not there.
static struct err find_field(
        struct arena *a, struct str text, struct str version, struct str own, struct str *out_value)
{
    if (!begins(text, version))
        return fail_fmt(a, ERR_SYNTAX, "it does not begin with %.*s", ARG(version));
    struct scan in = scan_over(str_from(text, version.len));
    struct str ignored, name, value;
    *out_value = STR_NULL;
    scan_while0(&in, byte_is_blank, &ignored);
    while (scan_byte(&in, ';')) {
        scan_while0(&in, byte_is_blank, &ignored);
        if (scan_end(&in))
            break;
        if (!read_field(&in, &name, &value))
            return fail(ERR_SYNTAX, "malformed tags");
        if (name.len > NAME_BYTES_MAX)
            return fail_fmt(
                    a, ERR_SYNTAX, "the name of a tag is longer than %d octets", NAME_BYTES_MAX);
        bool is_own = str_eq(name, own);
        if (!is_own && !is_extension_value(value))
            return fail_fmt(a, ERR_SYNTAX, "%.*s= has no value, or a strange one", ARG(name));
        if (is_own && str_is_null(*out_value))
            *out_value = value;
    }
    return scan_end(&in) ? OK : fail(ERR_SYNTAX, "malformed tags");
}

// name = ( ALPHA / DIGIT ) *31( ALPHA / DIGIT / "_" / "-" / "." )
static bool read_field(struct scan *in, struct str *out_name, struct str *out_value)
{
    struct str ignored;
    if (!scan_while(in, is_name_byte, out_name) || !byte_is_alnum((uint8_t)out_name->ptr[0]))
        return false;
    scan_while0(in, byte_is_blank, &ignored);
    if (!scan_byte(in, '='))
        return false;
    if (!scan_until(in, ';', out_value))
        (void)scan_take(in, scan_rest(in).len, out_value);
    *out_value = str_trim_blanks(*out_value);
    return true;
}

static bool is_name_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '_' || c == '-' || c == '.';
}

// value = 1*( %x21-3A / %x3C / %x3E-7E )
static bool is_extension_value(struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = (uint8_t)value.ptr[i];
        if (c <= ' ' || c >= 0x7f || c == '=')
            return false;
    }
    return value.len > 0;
}

// --- The policy of MTA-STS -----------------------------------------------------------------------

struct str sts_mode_name(enum sts_mode mode)
{
    switch (mode) {
    case STS_NONE:
        return S("none");
    case STS_TESTING:
        return S("testing");
    case STS_ENFORCE:
        return S("enforce");
    }
    return S("");
}

// outbound.md 16.3; RFC 8461 3.2
struct err sts_policy_parse(struct arena *a, struct str text, struct sts_policy *out)
{
    struct policy_reading rd = {.a = a};
    struct scan in = scan_over(text);
    for (struct str line; scan_line(&in, &line);)
        TRY(read_line(&rd, line));
    if (!rd.has_version || !rd.has_mode || !rd.has_age)
        return fail(ERR_SYNTAX, "version, mode or max_age is missing");
    if (rd.exchanges.count == 0 && rd.policy.mode != STS_NONE)
        return fail(ERR_SYNTAX, "mx is missing");
    rd.policy.exchanges = rd.exchanges.at;
    rd.policy.exchange_count = rd.exchanges.count;
    *out = rd.policy;
    return OK;
}

// Of a key that is there twice the first counts, but for mx; others are not looked at.
static struct err read_line(struct policy_reading *rd, struct str line)
{
    struct str key, value;
    if (!str_cut(line, ':', &key, &value))
        return OK;
    key = str_trim(key);
    value = str_trim(value);
    if (str_eq(key, S("version")) && !rd->has_version)
        return read_version(rd, value);
    if (str_eq(key, S("mode")) && !rd->has_mode)
        return read_mode(rd, value);
    if (str_eq(key, S("max_age")) && !rd->has_age)
        return read_age(rd, value);
    if (str_eq(key, S("mx")))
        return read_exchange(rd, value);
    return OK;
}

static struct err read_version(struct policy_reading *rd, struct str value)
{
    rd->has_version = str_eq(value, S("STSv1"));
    return rd->has_version ? OK : fail(ERR_SYNTAX, "version is not STSv1");
}

static struct err read_mode(struct policy_reading *rd, struct str value)
{
    static const enum sts_mode all[] = {STS_NONE, STS_TESTING, STS_ENFORCE};
    for (size_t i = 0; i < COUNT_OF(all) && !rd->has_mode; i++) {
        rd->has_mode = str_eq(value, sts_mode_name(all[i]));
        rd->policy.mode = all[i];
    }
    return rd->has_mode ? OK : fail(ERR_SYNTAX, "mode is not enforce, testing or none");
}

static struct err read_age(struct policy_reading *rd, struct str value)
{
    uint64_t age_s;
    rd->has_age = str_to_u64(value, STS_AGE_MAX_S, &age_s);
    if (!rd->has_age)
        return fail_fmt(rd->a, ERR_SYNTAX, "max_age is no number from 0 to %d", STS_AGE_MAX_S);
    rd->policy.age_max_s = (uint32_t)age_s;
    return OK;
}

static struct err read_exchange(struct policy_reading *rd, struct str value)
{
    bool wild = str_starts(value, S("*."));
    struct str name = wild ? str_from(value, 2) : value, ascii;
    if (str_ends(name, S(".")))
        name = str_upto(name, name.len - 1);
    TRY(mail_domain_read(rd->a, name, &ascii));
    if (rd->exchanges.count == STS_EXCHANGES_MAX)
        return fail(ERR_SYNTAX, "too many lines of mx");
    struct str *added = vec_add(rd->a, &rd->exchanges);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory for a policy");
    *added = wild ? arena_join(rd->a, S("*."), ascii) : ascii;
    return str_is_null(*added) ? fail(ERR_LIMIT, "no memory for a policy") : OK;
}

bool sts_policy_lists(const struct sts_policy *policy, struct str host)
{
    struct str label, above;
    bool has_above = str_cut(host, '.', &label, &above);
    for (size_t i = 0; i < policy->exchange_count; i++) {
        struct str pattern = policy->exchanges[i];
        bool wild = str_starts(pattern, S("*."));
        if (wild ? has_above && str_eq(str_from(pattern, 2), above) : str_eq(pattern, host))
            return true;
    }
    return false;
}
