// SPDX-License-Identifier: Apache-2.0
// directory/account.h: what a directory knows of one name: a person or program, a group, a list
// (directory.md 1.1). Names and addresses are in the spelling in which equal ones are equal
// (inbound.md 6.3). Secrets are in it only where the directory keeps them; they never leave the
// room but by directories_secrets.
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "conf/types.h"

#define ACCOUNT_NAME_BYTES_MAX 255
#define ACCOUNT_RECORD_BYTES_MAX (100 * KIB) // the whole, management.md 11.1
#define ACCOUNT_VALUES_MAX 20000             // addresses, members, groups of one account

enum account_type {
    ACCOUNT_INDIVIDUAL,
    ACCOUNT_GROUP,
    ACCOUNT_LIST,
    ACCOUNT_RESOURCE,
    ACCOUNT_LOCATION,
    ACCOUNT_OTHER,
};
struct str account_type_name(enum account_type type); // "individual"
bool account_type_named(struct str name, enum account_type *out);

struct strs {
    const struct str *at;
    size_t count;
};

struct account {
    uint32_t id; // never 0, never used again; of a memory directory: its place in the file
    enum account_type type;
    struct str directory; // id of the directory that knows it
    struct str name;
    struct str description;  // null: none
    struct strs emails;      // the first is the primary one; "@domain" takes the rest of a domain
    struct strs email_lists; // list addresses whose mail it gets as well
    struct strs groups;      // names
    struct strs members;     // of a list: names or local addresses; of a group: filled on demand
    struct strs external_members; // of a list: any addresses
    struct str owner;             // of a list: envelope sender of what it sends on; null: none
    struct strs roles;
    struct strs secrets;
    struct strs login_networks; // "192.0.2.0/24": logins come from there only; none: from anywhere
    struct str locale;          // null: none
    uint64_t quota_bytes;       // 0: no limit
    uint64_t recipients_max;    // of one message; 0: no limit of its own
    struct rate send_rate;      // count 0: none of its own
    bool disabled;
    bool disabled_refuses; // while it is disabled it gets no mail either
    bool admin;
    int64_t created_at_ms, expires_at_ms; // 0: not known, never
    uint64_t revision;                    // grows with every change
};

struct str account_email(const struct account *account); // the primary one; null: none
bool account_expired(const struct account *account, int64_t wall_ms);
