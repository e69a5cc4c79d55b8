// SPDX-License-Identifier: Apache-2.0
// http/meaning.c: the fields that say where the body ends, who is asked, and whether the
// connection stays. Here requests are smuggled when two servers read the same bytes differently,
// so every doubt is a refusal, also where RFC 9112 would allow a repair.
#include "http/meaning.h"

#include "http/limits.h"

static struct http_problem host_field(struct http_head *head, struct str value);
static struct http_problem length_field(struct http_head *head, struct str value);
static struct http_problem coding_field(struct http_head *head, struct str value);
static struct http_problem coding_one(struct http_head *head, struct str coding);
static struct http_problem connection_field(struct http_head *head, struct str value);
static struct http_problem expect_field(struct http_head *head, struct str value);
static bool is_known_coding(struct str coding);

struct http_problem http_head_add(
        struct http_head *head, struct arena *a, struct str line, const struct http_field **out)
{
    struct http_field parsed;
    if (head->fields.count >= HTTP_FIELDS_MAX)
        return http_problem(431, "too many header fields");
    TRY_HTTP(http_field_parse(line, &parsed));
    struct http_field *field = vec_add(a, &head->fields);
    if (field == NULL)
        return http_problem(431, "the header fields need too much memory");
    *field = parsed;
    *out = field;
    return HTTP_FINE;
}

struct http_problem http_field_understand(struct http_head *head, const struct http_field *field)
{
    if (str_eq_nocase(field->name, S("Host")))
        return host_field(head, field->value);
    if (str_eq_nocase(field->name, S("Content-Length")))
        return length_field(head, field->value);
    if (str_eq_nocase(field->name, S("Transfer-Encoding")))
        return coding_field(head, field->value);
    if (str_eq_nocase(field->name, S("Connection")))
        return connection_field(head, field->value);
    if (str_eq_nocase(field->name, S("Expect")))
        return expect_field(head, field->value);
    return HTTP_FINE;
}

// Host = uri-host [ ":" port ]                          RFC 9110 7.2, RFC 9112 3.2: exactly once
static struct http_problem host_field(struct http_head *head, struct str value)
{
    struct str host, port;
    if (!str_is_null(head->host))
        return http_problem(400, "a second Host field");
    if (!http_authority_split(value, HTTP_PORT_OPTIONAL, &host, &port))
        return http_problem(400, "the Host field is malformed");
    head->host = value;
    return HTTP_FINE;
}

// Content-Length = 1*DIGIT                              RFC 9110 8.6
// A repetition is refused even when the values agree, as RFC 9112 6.3 leaves to us.
static struct http_problem length_field(struct http_head *head, struct str value)
{
    struct scan in = scan_over(value);
    struct str digits;
    if (head->framing == HTTP_BODY_CHUNKED)
        return http_problem(400, "Content-Length together with Transfer-Encoding");
    if (head->framing == HTTP_BODY_LENGTH)
        return http_problem(400, "a second Content-Length field");
    if (!scan_while(&in, byte_is_digit, &digits) || !scan_end(&in))
        return http_problem(400, "the Content-Length is not a number");
    if (!str_to_u64(digits, INT64_MAX, &head->body_bytes))
        return http_problem(413, "the Content-Length is beyond all bounds");
    head->framing = HTTP_BODY_LENGTH;
    return HTTP_FINE;
}

// Transfer-Encoding = #transfer-coding                  RFC 9112 6.1, 6.3
// Only "chunked", once and last: everything else leaves the end of the body in doubt or asks for a
// coding that is not done here.
static struct http_problem coding_field(struct http_head *head, struct str value)
{
    struct str coding;
    if (head->framing == HTTP_BODY_LENGTH)
        return http_problem(400, "Transfer-Encoding together with Content-Length");
    if (!http_list_next(&value, &coding))
        return http_problem(400, "an empty Transfer-Encoding field");
    do
        TRY_HTTP(coding_one(head, coding));
    while (http_list_next(&value, &coding));
    return HTTP_FINE;
}

static struct http_problem coding_one(struct http_head *head, struct str coding)
{
    if (head->framing == HTTP_BODY_CHUNKED)
        return http_problem(400, "chunked is not the last transfer coding");
    if (is_known_coding(coding))
        return http_problem(501, "no transfer coding but chunked is done here");
    if (!str_eq_nocase(coding, S("chunked")))
        return http_problem(400, "an unknown transfer coding");
    head->framing = HTTP_BODY_CHUNKED;
    return HTTP_FINE;
}

static bool is_known_coding(struct str coding) // RFC 9112 7.2
{
    return str_eq_nocase(coding, S("gzip")) || str_eq_nocase(coding, S("x-gzip")) ||
           str_eq_nocase(coding, S("deflate")) || str_eq_nocase(coding, S("compress")) ||
           str_eq_nocase(coding, S("x-compress"));
}

// Connection = #connection-option                       RFC 9110 7.6.1
static struct http_problem connection_field(struct http_head *head, struct str value)
{
    struct str option;
    while (http_list_next(&value, &option)) {
        if (!http_is_token(option))
            return http_problem(400, "the Connection field is malformed");
        head->says_close |= str_eq_nocase(option, S("close"));
        head->says_keep_alive |= str_eq_nocase(option, S("keep-alive"));
    }
    return HTTP_FINE;
}

// Expect = #expectation                                 RFC 9110 10.1.1
// An HTTP/1.0 client cannot expect anything.
static struct http_problem expect_field(struct http_head *head, struct str value)
{
    if (head->minor == 0)
        return HTTP_FINE;
    if (!str_eq_nocase(value, S("100-continue")))
        return http_problem(417, "no expectation but 100-continue is known here");
    head->expect_continue = true;
    return HTTP_FINE;
}

struct http_problem http_head_understand(struct http_head *head, enum http_host_rule rule)
{
    if (head->minor == 1 && str_is_null(head->host) && rule == HTTP_HOST_REQUIRED)
        return http_problem(400, "the Host field is missing");
    // RFC 9112 6.1: somebody on the way did not know what a transfer coding is.
    if (head->minor == 0 && head->framing == HTTP_BODY_CHUNKED)
        return http_problem(400, "Transfer-Encoding in an HTTP/1.0 request");
    if (!str_is_null(head->parts.authority))
        head->host = head->parts.authority; // RFC 9112 3.2.2: Host is ignored then
    // RFC 9112 9.3: 1.1 stays unless told otherwise, 1.0 leaves unless told otherwise.
    head->keep_alive = !head->says_close && (head->minor == 1 || head->says_keep_alive);
    if (head->framing != HTTP_BODY_CHUNKED && head->body_bytes == 0)
        head->expect_continue = false; // there is nothing to wait for
    return HTTP_FINE;
}
