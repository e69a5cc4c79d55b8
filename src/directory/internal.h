// SPDX-License-Identifier: Apache-2.0
// directory/internal.h: the internal directory, an LMDB environment of its own in the state folder
// (operations.md 2.2, space d). Workers and commands have it open at the same time; what one has
// committed the next question of all others sees. All changes of one account are one transaction.
//
// Databases: `name` name -> id; `address` address -> id; `account` id -> record; `owner` member id,
// owner id -> nothing: the groups and lists that an account is on; `member` the same the other way
// round; `admin` id -> nothing; `domain` name -> record; `alias` alias domain -> name; `meta` word
// -> text or number. Numbers are big-endian: byte order is the order of numbers.
//
// Blocking calls, which reach for nothing of a loop: reading takes microseconds, and a commit waits
// for the disk, so a worker writes on a helper thread.
#pragma once

#include "directory/settings.h"

struct internal;
enum internal_use { INTERNAL_SERVE, INTERNAL_LOOK }; // LOOK: ERR_NOT_FOUND when there is none yet
struct err internal_open(struct arena *a, struct str folder, enum internal_use use, struct str id,
        struct internal **out) MUST_USE;
void internal_close(struct internal *in); // NULL is fine

// -- Asking: *out is NULL when there is none; an error is a record that cannot be read ------------

struct err internal_by_name(
        struct internal *in, struct arena *a, struct str name, const struct account **out) MUST_USE;
struct err internal_by_address(struct internal *in, struct arena *a, struct str address,
        const struct account **out) MUST_USE;
struct err internal_members(struct internal *in, struct arena *a, struct str owner,
        struct strs *out) MUST_USE; // names
struct err internal_first_admin(
        struct internal *in, struct arena *a, const struct account **out) MUST_USE;

struct internal_domain {
    struct str name, description, catch_all; // null: none
    struct strs aliases;
    bool disabled, allow_relaying, no_sub_addressing;
    int64_t created_at_ms;
};
struct err internal_domain(struct internal *in, struct arena *a, struct str name_or_alias,
        const struct internal_domain **out) MUST_USE;

// In the order of names; those of which `filter` is no part of name, description or address are
// left out. One whose record is damaged has no name but its number.
struct account_page {
    struct str after;  // name; null: from the start
    struct str filter; // lower case; null: all
    bool by_type;
    enum account_type type;
    size_t count_max;
};
struct err internal_accounts(struct internal *in, struct arena *a, const struct account_page *page,
        const struct account ***out, size_t *out_count) MUST_USE;
struct err internal_domains(struct internal *in, struct arena *a,
        const struct internal_domain ***out, size_t *out_count) MUST_USE;

// -- Changing -------------------------------------------------------------------------------------

// What is changed is said as a list, as in the API (management.md 11.1); all of it or nothing.
enum edit_action { EDIT_SET, EDIT_ADD, EDIT_REMOVE };
enum edit_field {
    EDIT_DESCRIPTION,
    EDIT_QUOTA,    // "1gb"; "0": none
    EDIT_ENABLED,  // "true"
    EDIT_RECEIVES, // while disabled
    EDIT_EXPIRES,  // RFC 3339; "": never
    EDIT_SECRET,   // a stored form, never what somebody typed
    EDIT_EMAIL,
    EDIT_GROUP,
    EDIT_LIST,
    EDIT_MEMBER, // of a group or list: name
    EDIT_EXTERNAL_MEMBER,
    EDIT_OWNER,
    EDIT_ROLE,
    EDIT_LOGIN_NETWORK,
    EDIT_ALIAS, // of a domain, as those below
    EDIT_CATCH_ALL,
    EDIT_RELAYING,
    EDIT_SUB_ADDRESSING,
};
struct edit {
    enum edit_action action; // SET of a list: this value and no other
    enum edit_field field;
    struct str value;
};
enum apply { APPLY_CREATE, APPLY_UPDATE };
struct change {
    enum apply apply;
    struct str name;        // as written
    enum account_type type; // of a new account
    const struct edit *edits;
    size_t count;
    int64_t wall_ms;
    const struct directory_settings *settings; // whose domains exist, too
};
// ERR_EXISTS: name or address are taken. ERR_NOT_FOUND: there is no such account, group, domain.
// ERR_SYNTAX: a value makes no sense. ERR_REFUSED: it would contain itself.
struct err internal_account_change(struct internal *in, struct arena *a,
        const struct change *change, const struct account **out) MUST_USE;
struct err internal_account_remove(struct internal *in, struct arena *a, struct str name) MUST_USE;
struct err internal_domain_change(
        struct internal *in, struct arena *a, const struct change *change) MUST_USE;
// ERR_REFUSED while addresses are in it.
struct err internal_domain_remove(struct internal *in, struct arena *a, struct str name) MUST_USE;
