// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress_socks.c: see deliver/egress/egress_socks.h.
#include "deliver/egress/egress_socks.h"

#include "conf/types.h"
#include "rt/stream.h"

#define SOCKS_VERSION 5
#define LOGIN_VERSION 1
#define COMMAND_CONNECT 1

enum address_type { TYPE_IP4 = 1, TYPE_NAME = 3, TYPE_IP6 = 4 };

typedef enum socks_state socks_reader(struct str bytes, struct socks_reply *out);

static bool where_read(
        struct arena *a, struct str text, struct socks_proxy *out, struct str *out_why);
static struct err agree(
        struct stream *s, const struct socks_proxy *proxy, struct arena *a) suspends MUST_USE;
static struct err log_in(
        struct stream *s, const struct socks_proxy *proxy, struct arena *a) suspends MUST_USE;
static struct err ask(
        struct stream *s, const struct endpoint *to, struct arena *a) suspends MUST_USE;
static void add_word(struct buf *out, struct str word);
static struct err say(struct stream *s, const struct buf *words) suspends MUST_USE;
static struct err hear(struct stream *s, socks_reader *reads, uint8_t *out_code) suspends MUST_USE;

bool socks_proxy_parse(
        struct arena *a, struct str text, struct socks_proxy *out, struct str *out_why)
{
    struct str where = text, login = STR_NULL;
    *out = (struct socks_proxy){0};
    if (str_cut(text, ',', &where, &login) && !str_cut(login, ',', &out->user, &out->secret)) {
        *out_why = S("a user needs a password: HOST:PORT,USER,PASSWORD");
        return false;
    }
    if (!str_is_null(login) && (str_is_empty(out->user) || str_is_empty(out->secret) ||
                                       out->user.len > SOCKS_WORD_BYTES_MAX ||
                                       out->secret.len > SOCKS_WORD_BYTES_MAX)) {
        *out_why = S("user and password have 1 to 255 bytes each");
        return false;
    }
    return where_read(a, str_trim(where), out, out_why);
}

static bool where_read(
        struct arena *a, struct str text, struct socks_proxy *out, struct str *out_why)
{
    struct str host, port;
    uint64_t number = 0;
    *out_why = S("expected HOST:PORT or HOST:PORT,USER,PASSWORD");
    if (str_starts(text, S("unix:")))
        return false;
    if (endpoint_parse(text, &out->at))
        return out->at.port != 0 && !ip_is_unspecified(&out->at.ip);
    if (!str_rcut(text, ':', &host, &port) || !str_to_u64(port, UINT16_MAX, &number) || number == 0)
        return false;
    out->at = (struct endpoint){.port = (uint16_t)number};
    return value_host(a, host, &out->name, out_why);
}

// --- The proxy's words ---------------------------------------------------------------------------

// VER METHOD      RFC 1928 3
enum socks_state socks_method_read(struct str bytes, struct socks_reply *out)
{
    struct scan in = scan_over(bytes);
    uint8_t version, method;
    if (!scan_any(&in, &version))
        return SOCKS_NEED_MORE;
    if (version != SOCKS_VERSION)
        return SOCKS_MALFORMED;
    if (!scan_any(&in, &method))
        return SOCKS_NEED_MORE;
    *out = (struct socks_reply){.code = method, .bytes = scan_offset(&in)};
    return SOCKS_GOOD;
}

// VER STATUS      RFC 1929 2; there are proxies that write 5 for its version
enum socks_state socks_login_read(struct str bytes, struct socks_reply *out)
{
    struct scan in = scan_over(bytes);
    uint8_t version, status;
    if (!scan_any(&in, &version))
        return SOCKS_NEED_MORE;
    if (version != LOGIN_VERSION && version != SOCKS_VERSION)
        return SOCKS_MALFORMED;
    if (!scan_any(&in, &status))
        return SOCKS_NEED_MORE;
    *out = (struct socks_reply){.code = status, .bytes = scan_offset(&in)};
    return SOCKS_GOOD;
}

// VER REP RSV ATYP BND.ADDR BND.PORT      RFC 1928 6. The address is the proxy's own affair, and
// some that refuse leave it out, with the connection's end behind it: a refusal is told by REP.
enum socks_state socks_request_read(struct str bytes, struct socks_reply *out)
{
    struct scan in = scan_over(bytes);
    uint8_t version, code, reserved, type, name_bytes = 0;
    if (!scan_any(&in, &version))
        return SOCKS_NEED_MORE;
    if (version != SOCKS_VERSION)
        return SOCKS_MALFORMED;
    if (!scan_any(&in, &code))
        return SOCKS_NEED_MORE;
    if (code != 0) {
        *out = (struct socks_reply){.code = code, .bytes = scan_offset(&in)};
        return SOCKS_GOOD;
    }
    if (!scan_any(&in, &reserved) || !scan_any(&in, &type))
        return SOCKS_NEED_MORE;
    if (type != TYPE_IP4 && type != TYPE_IP6 && type != TYPE_NAME)
        return SOCKS_MALFORMED;
    size_t address_bytes = type == TYPE_IP4 ? 4 : 16;
    if (type == TYPE_NAME && !scan_any(&in, &name_bytes))
        return SOCKS_NEED_MORE;
    if (type == TYPE_NAME)
        address_bytes = name_bytes;
    if (!scan_skip(&in, address_bytes + sizeof(uint16_t)))
        return SOCKS_NEED_MORE;
    *out = (struct socks_reply){.code = code, .bytes = scan_offset(&in)};
    return SOCKS_GOOD;
}

struct str socks_code_text(uint8_t code)
{
    static const struct str texts[] = {S_INIT("succeeded"), S_INIT("general failure"),
            S_INIT("not allowed by its rules"), S_INIT("network unreachable"),
            S_INIT("host unreachable"), S_INIT("connection refused"), S_INIT("TTL expired"),
            S_INIT("it does not know CONNECT"), S_INIT("it does not know this kind of address")};
    return code < COUNT_OF(texts) ? texts[code] : S("for a reason that RFC 1928 does not have");
}

// --- The dialogue --------------------------------------------------------------------------------

struct err socks_connect(struct stream *s, const struct socks_proxy *proxy,
        const struct endpoint *to, struct arena *a)
{
    TRY(agree(s, proxy, a));
    return ask(s, to, a);
}

// VER NMETHODS METHODS      RFC 1928 3. Who has a login offers to go without it, too: the proxy may
// know us by our address.
static struct err agree(struct stream *s, const struct socks_proxy *proxy, struct arena *a)
{
    struct buf words AUTO(buf_done);
    bool has_login = !str_is_null(proxy->user);
    uint8_t method;
    buf_init(&words, SOCKS_ASK_BYTES_MAX);
    buf_add(&words, has_login ? S("\x05\x02\x00\x02") : S("\x05\x01\x00"));
    TRY(say(s, &words));
    TRY(hear(s, socks_method_read, &method));
    if (method == SOCKS_METHOD_LOGIN && has_login)
        return log_in(s, proxy, a);
    if (method == SOCKS_METHOD_NONE)
        return OK;
    return has_login ? fail(ERR_REFUSED, "it takes no login by name and password")
                     : fail(ERR_REFUSED, "it wants a login, or does not want us");
}

// VER ULEN UNAME PLEN PASSWD      RFC 1929 2
static struct err log_in(struct stream *s, const struct socks_proxy *proxy, struct arena *a)
{
    struct buf words AUTO(buf_done);
    uint8_t status;
    buf_init(&words, SOCKS_ASK_BYTES_MAX);
    buf_add_byte(&words, LOGIN_VERSION);
    add_word(&words, proxy->user);
    add_word(&words, proxy->secret);
    TRY(say(s, &words));
    TRY(hear(s, socks_login_read, &status));
    return status == 0 ? OK : fail_fmt(a, ERR_REFUSED, "it refuses our login (%u)", status);
}

// VER CMD RSV ATYP DST.ADDR DST.PORT      RFC 1928 4
static struct err ask(struct stream *s, const struct endpoint *to, struct arena *a)
{
    struct buf words AUTO(buf_done);
    bool is_ip4 = to->ip.family == IP_V4;
    uint8_t code;
    assert(str_is_null(to->unix_path));
    buf_init(&words, SOCKS_ASK_BYTES_MAX);
    buf_add_byte(&words, SOCKS_VERSION);
    buf_add_byte(&words, COMMAND_CONNECT);
    buf_add_byte(&words, 0);
    buf_add_byte(&words, is_ip4 ? TYPE_IP4 : TYPE_IP6);
    buf_add(&words, str_of((const char *)to->ip.bytes, is_ip4 ? 4 : 16));
    buf_add_byte(&words, (char)(to->port >> 8));
    buf_add_byte(&words, (char)(to->port & 0xff));
    TRY(say(s, &words));
    TRY(hear(s, socks_request_read, &code));
    return code == 0 ? OK : fail_fmt(a, ERR_REFUSED, "%.*s (%u)", ARG(socks_code_text(code)), code);
}

static void add_word(struct buf *out, struct str word)
{
    assert(word.len <= SOCKS_WORD_BYTES_MAX);
    buf_add_byte(out, (char)word.len);
    buf_add(out, word);
}

static struct err say(struct stream *s, const struct buf *words)
{
    if (words->overflow)
        return fail(ERR_LIMIT, "no memory for the dialogue with a proxy");
    TRY(stream_write(s, buf_str(words)));
    return stream_flush(s);
}

// A byte more each time, until it is a reply: no byte behind it is taken.
static struct err hear(struct stream *s, socks_reader *reads, uint8_t *out_code)
{
    struct socks_reply reply = {0};
    struct str bytes = STR_NULL;
    enum socks_state state = SOCKS_NEED_MORE;
    while (state == SOCKS_NEED_MORE && bytes.len < SOCKS_REPLY_BYTES_MAX) {
        TRY(stream_peek(s, bytes.len + 1, &bytes));
        state = reads(bytes, &reply);
    }
    if (state != SOCKS_GOOD)
        return fail(ERR_SYNTAX, "what it says is not SOCKS 5");
    stream_consume(s, reply.bytes);
    *out_code = reply.code;
    return OK;
}
