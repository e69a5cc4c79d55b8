// SPDX-License-Identifier: Apache-2.0
// deliver/egress/egress_socks.h: asking a SOCKS5 proxy for a connection (RFC 1928), with a name and
// a password where it wants them (RFC 1929). Only CONNECT, and only to addresses: names are looked
// up by us, or DANE and everything else that the DNS says would be about somebody else's DNS.
//
//     TRY(socks_connect(stream, &proxy, &host_at, a)); // the stream leads to the host now
//
// What a proxy says is read within bounds, and what stands behind its last reply stays in the
// stream: it is the host's greeting.
#pragma once

#include "base/base.h"
#include "base/ip.h"

struct stream;

#define SOCKS_WORD_BYTES_MAX 255                           // RFC 1929 2: its length is an octet
#define SOCKS_REPLY_BYTES_MAX (4 + 1 + 255 + 2)            // RFC 1928 6, with the longest name
#define SOCKS_PORT 1080                                    // RFC 1928 3
#define SOCKS_ASK_BYTES_MAX (3 + 2 * SOCKS_WORD_BYTES_MAX) // the longest thing that we say

struct socks_proxy {
    struct str name;         // to be looked up; null: `at` is where it is
    struct endpoint at;      // with a name only the port counts
    struct str user, secret; // null: no login
};
// HOST:PORT[,USER,PASSWORD], with [ADDRESS]:PORT for IPv6. False: it is something else, and
// *out_why says what is wrong without repeating any of it.
bool socks_proxy_parse(
        struct arena *a, struct str text, struct socks_proxy *out, struct str *out_why);

// --- The proxy's words ---------------------------------------------------------------------------
// However they are cut the verdict is the same; bytes behind them change nothing.

enum socks_state { SOCKS_GOOD, SOCKS_NEED_MORE, SOCKS_MALFORMED };

#define SOCKS_METHOD_NONE 0x00  // no login
#define SOCKS_METHOD_LOGIN 0x02 // RFC 1929
#define SOCKS_METHOD_REFUSED 0xff

struct socks_reply {
    uint8_t code; // of the method, the login or the request
    size_t bytes; // that were read
};
enum socks_state socks_method_read(struct str bytes, struct socks_reply *out);
enum socks_state socks_login_read(struct str bytes, struct socks_reply *out);
enum socks_state socks_request_read(struct str bytes, struct socks_reply *out);
struct str socks_code_text(uint8_t code); // of a request, RFC 1928 6

// --- The dialogue --------------------------------------------------------------------------------

// Within the deadline of the caller's scope. Errors: what became of the connection; ERR_SYNTAX: the
// proxy speaks something else; ERR_REFUSED: it will not, and says why. In each case only closing
// the stream makes sense.
struct err socks_connect(struct stream *s, const struct socks_proxy *proxy,
        const struct endpoint *to, struct arena *a) suspends MUST_USE;
