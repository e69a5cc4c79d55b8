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

struct account {
    uint32_t id; // never 0, never used again; of a memory directory: its place in the file
    enum account_type type;
    struct str directory; // id of the directory that knows it
    struct str name;
    struct str description; // null: none
    struct strs emails;     // the first is the primary one; "@domain" takes the rest of a domain,
                            // "info-*@domain" what begins so
    struct strs groups;     // names
    struct strs lists;      // names of the lists that it is on
    struct strs external_members; // of a list: addresses anywhere. Its other members: see members.h
    struct str owner;             // of a list: envelope sender of what it sends on; null: none
    struct strs roles;
    struct strs secrets;
    struct strs login_networks; // "192.0.2.0/24": logins come from there only; none: from anywhere
    uint64_t quota_bytes;       // 0: no limit
    bool disabled;
    bool disabled_refuses;                // while it is disabled it gets no mail either
    int64_t created_at_ms, expires_at_ms; // 0: not known, never
    uint64_t revision;                    // another one after every change
};

struct str account_email(const struct account *account); // the primary one; null: none
bool account_is_admin(const struct account *account);    // has the role "admin"
bool account_expired(const struct account *account, int64_t wall_ms);
bool account_comes_from(const struct account *account, const struct ip *ip);

// Names and addresses in the spelling in which they are compared. False: it is none.
bool account_name_normal(struct arena *a, struct str written, struct str *out, struct str *out_why);
// With `catch_all`, "@domain" is one as well.
enum address_form { ADDRESS_PLAIN, ADDRESS_OR_CATCH_ALL };
bool account_address_normal(struct arena *a, struct str written, enum address_form form,
        struct str *out, struct str *out_why);
struct str address_domain(struct str address); // behind the last '@'; null: there is none
struct str address_local(struct str address);  // before it, quoted as it stands
// Local part and domain as an address again. Null: the arena is full.
struct str address_join(struct arena *a, struct str local, struct str domain);
