// SPDX-License-Identifier: Apache-2.0
// proof/authres_read.c: what other servers say that they have checked, RFC 8601 2.2.
#include "proof/authres.h"

#include "mail/token.h"

struct reading {
    struct arena *a;
    struct scan in;
    struct authres *out;
};

static struct err read_instance(struct reading *rd);
static struct err read_server(struct reading *rd);
static struct err read_result(struct reading *rd);
static struct err read_pairs(struct reading *rd, struct authres_result *r);
static struct err read_prop(
        struct reading *rd, struct authres_result *r, struct str ptype, struct str property);
static bool take_word(struct reading *rd, struct str *out);
static bool take_version(struct scan *in, struct str *out);
static struct err take_value(struct reading *rd, const char *what, struct str *out);
static bool is_word_byte(uint8_t c);
static bool is_value_byte(uint8_t c);
static struct err bad(struct reading *rd, const char *what);

// authres-payload = authserv-id [ version ] ( ";" "none" / 1*( ";" resinfo ) )
struct err authres_parse(
        struct arena *a, struct str body, enum authres_form form, struct authres *out)
{
    struct authres list = {.version = S("1")};
    struct reading rd = {.a = a, .in = scan_over(body), .out = &list};
    if (body.len > AUTHRES_FIELD_BYTES_MAX)
        return fail_fmt(a, ERR_SYNTAX, "column %d: the field is too long", AUTHRES_FIELD_BYTES_MAX);
    if (form == AUTHRES_ARC)
        TRY(read_instance(&rd));
    TRY(read_server(&rd));
    for (token_skip(&rd.in); scan_byte(&rd.in, ';'); token_skip(&rd.in))
        TRY(read_result(&rd));
    if (!scan_end(&rd.in))
        return bad(&rd, "expected ';'");
    *out = list;
    return OK;
}

// instance = "i" "=" 1*2DIGIT ";"         RFC 8617 4.2.1 and 4.1.1
static struct err read_instance(struct reading *rd)
{
    uint64_t instance;
    token_skip(&rd->in);
    bool named = scan_byte(&rd->in, 'i');
    token_skip(&rd->in);
    named = named && scan_byte(&rd->in, '=');
    token_skip(&rd->in);
    if (!named || !scan_u64(&rd->in, 99, &instance) || instance == 0)
        return bad(rd, "expected i= and a number");
    token_skip(&rd->in);
    if (!scan_byte(&rd->in, ';'))
        return bad(rd, "expected ';'");
    rd->out->instance = instance;
    return OK;
}

static struct err read_server(struct reading *rd)
{
    token_skip(&rd->in);
    TRY(take_value(rd, "expected the name of a server", &rd->out->authserv_id));
    if (str_is_empty(rd->out->authserv_id))
        return bad(rd, "the name of the server is empty");
    token_skip(&rd->in);
    if (scan_peek(&rd->in) == '=')
        return bad(rd, "a result stands where the name of a server belongs");
    (void)take_version(&rd->in, &rd->out->version);
    return OK;
}

bool authres_claims(struct str body, struct str authserv_id)
{
    struct arena a AUTO(arena_done);
    struct authres list = {0};
    struct reading rd = {.a = &a, .in = scan_over(body), .out = &list};
    struct str id;
    arena_init(&a, 2 * AUTHRES_FIELD_BYTES_MAX);
    token_skip(&rd.in);
    return !failed(take_value(&rd, "", &id)) && str_eq_nocase(id, authserv_id);
}

// resinfo = method [ "/" version ] "=" result [ reason ] *propspec; "none" alone says that nothing
// was checked.
static struct err read_result(struct reading *rd)
{
    struct str method, version = S("1"), result;
    size_t start = scan_offset(&rd->in);
    token_skip(&rd->in);
    if (scan_end(&rd->in))
        return OK; // a semicolon at the end
    if (!take_word(rd, &method))
        return bad(rd, "expected a method");
    token_skip(&rd->in);
    bool versioned = scan_byte(&rd->in, '/');
    token_skip(&rd->in);
    if (versioned && !take_version(&rd->in, &version))
        return bad(rd, "expected a version");
    token_skip(&rd->in);
    if (!versioned && str_eq_nocase(method, S("none")) && scan_peek(&rd->in) != '=')
        return OK;
    bool given = scan_byte(&rd->in, '=');
    token_skip(&rd->in);
    if (!given || !take_word(rd, &result))
        return bad(rd, "expected '=' and a result");
    if (rd->out->results.count == AUTHRES_RESULTS_MAX)
        return bad(rd, "too many results");
    struct authres_result *r = vec_add(rd->a, &rd->out->results);
    if (r == NULL)
        return fail(ERR_LIMIT, "no memory for authentication results");
    *r = (struct authres_result){.method = method, .version = version, .result = result};
    TRY(read_pairs(rd, r));
    r->text = str_trim(scan_since(&rd->in, start));
    return OK;
}

// reason "=" value, ptype "." property "=" pvalue; name "=" value is nobody's and left out.
static struct err read_pairs(struct reading *rd, struct authres_result *r)
{
    struct str name, property = STR_NULL, ignored;
    for (token_skip(&rd->in); !scan_end(&rd->in) && scan_peek(&rd->in) != ';';
            token_skip(&rd->in)) {
        if (!take_word(rd, &name))
            return bad(rd, "expected a property");
        token_skip(&rd->in);
        bool dotted = scan_byte(&rd->in, '.');
        token_skip(&rd->in);
        if (dotted && !take_word(rd, &property))
            return bad(rd, "expected the name of a property");
        token_skip(&rd->in);
        if (!scan_byte(&rd->in, '='))
            return bad(rd, "expected '='");
        token_skip(&rd->in);
        bool reason = !dotted && str_eq_nocase(name, S("reason"));
        if (dotted)
            TRY(read_prop(rd, r, name, property));
        else
            TRY(take_value(rd, "expected a value", reason ? &r->reason : &ignored));
    }
    return OK;
}

static struct err read_prop(
        struct reading *rd, struct authres_result *r, struct str ptype, struct str property)
{
    struct authres_prop prop = {.ptype = ptype, .property = property, .value = S("")};
    bool none = scan_end(&rd->in) || scan_peek(&rd->in) == ';'; // "header.from=;" is written
    if (!none)
        TRY(take_value(rd, "expected a value", &prop.value));
    if (r->props.count == AUTHRES_PROPS_MAX)
        return bad(rd, "too many properties");
    struct authres_prop *added = vec_add(rd->a, &r->props);
    if (added == NULL)
        return fail(ERR_LIMIT, "no memory for authentication results");
    *added = prop;
    return OK;
}

// Keyword, with the underscore that some put into results.
static bool take_word(struct reading *rd, struct str *out)
{
    return scan_while(&rd->in, is_word_byte, out);
}

static bool is_word_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '_';
}

static bool take_version(struct scan *in, struct str *out)
{
    return scan_while(in, byte_is_digit, out);
}

// value / [ [ local-part ] "@" ] domain-name: quoted-strings and what stands outside of quotes,
// without a blank in between.
static struct err take_value(struct reading *rd, const char *what, struct str *out)
{
    struct buf text AUTO(buf_done);
    struct str part;
    bool quoted = false;
    buf_init(&text, AUTHRES_FIELD_BYTES_MAX);
    if (scan_peek(&rd->in) != '"') {
        bool taken = scan_while(&rd->in, is_value_byte, &part);
        if (taken && scan_peek(&rd->in) != '"') {
            *out = part;
            return OK;
        }
        buf_add(&text, taken ? part : S(""));
    }
    for (; !scan_end(&rd->in); quoted = true) {
        if (scan_peek(&rd->in) == '"')
            token_quoted(&rd->in, &text);
        else if (scan_while(&rd->in, is_value_byte, &part))
            buf_add(&text, part);
        else
            break;
    }
    if (!quoted)
        return bad(rd, what);
    *out = arena_str(rd->a, buf_str(&text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for authentication results") : OK;
}

static bool is_value_byte(uint8_t c)
{
    return c > ' ' && c != 0x7f && c != ';' && c != '(' && c != ')' && c != '"';
}

static struct err bad(struct reading *rd, const char *what)
{
    return fail_fmt(rd->a, ERR_SYNTAX, "column %zu: %s", scan_column(&rd->in), what);
}
