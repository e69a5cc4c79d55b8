// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_key.h: what the commands of `posthaste dkim` share: names of keys, their files, and
// the records that publish them. Private to those commands.
#pragma once

#include "cli/cli.h"

#include "proof/private_key.h"

struct dkim_place {
    struct str domain, selector; // A-labels, lower case
    struct str name;             // "s1._domainkey.example.org"
};
struct err dkim_place_read(
        struct cli *c, struct str domain, struct str selector, struct dkim_place *out) MUST_USE;

// "rsa" or "ed25519" and --bits as they were given.
struct dkim_kind {
    enum dkim_key_type type;
    uint32_t bits;
};
struct err dkim_kind_read(struct cli *c, struct str word, struct dkim_kind *out) MUST_USE;
#define CLI_OPTION_DKIM_BITS                                                                       \
    {                                                                                              \
        .name = S_INIT("bits"), .takes = OPTION_NUMBER, .value = S_INIT("N"),                      \
        .min = PRIVATE_KEY_RSA_BITS_MIN, .max = PRIVATE_KEY_RSA_BITS_MAX,                          \
        .help = "length of an RSA key: 2048 (default), 3072 or 4096"                               \
    }

// The private key in a file; anything but CLI_OK: an exit status, and the reason was said. That
// others may read the file is said as well.
int dkim_key_load(struct cli *c, struct str path, struct private_key **out);

// Into a new file that only its owner can read. One that is there is never touched: it may be the
// only copy of a key.
struct err dkim_key_write(struct arena *a, struct str path, const struct private_key *key) MUST_USE;

// `NAME IN TXT "..." "..."`, as in a zone file: strings have 255 bytes at most (RFC 1035 3.3.14).
void dkim_record_add(struct buf *out, const struct dkim_place *place, struct str record);
