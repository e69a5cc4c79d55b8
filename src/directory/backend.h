// SPDX-License-Identifier: Apache-2.0
// directory/backend.h: what the files of a worker's directories share: the object, and the four
// things that any kind of directory is asked. A chain asks its directories in turn: the first that
// knows the answer gives it, and one that cannot be asked ends the search (directory.md 1.3).
#pragma once

#include "directory/internal.h"
#include "directory/settings.h"

struct login_cache;

struct directories {
    const struct directory_settings *settings;
    struct internal *internal; // NULL: not opened
    struct err internal_error; // why not; its text lives in `trouble`
    int64_t internal_again_ms; // not tried before
    struct arena trouble;
    struct str folder; // of the internal directory; null: none
    struct arena arena;
    struct login_cache *cache;
    struct str decoy; // a hash as those that we make, of nobody's password
    size_t hashing_count, hashing_waiting;
    struct waitq hashing_moved;
};

// The internal directory; while it is not open it is tried again every five seconds.
#define INTERNAL_AGAIN_MS (5 * SECOND_MS)
struct err directories_internal(
        struct directories *d, struct arena *a, struct internal **out) MUST_USE;

// "*" and null: the default. ERR_CONFIG when there is none of that id, which settings refuse.
struct err directory_of(
        struct directories *d, struct str id, const struct directory **out) MUST_USE;

// The same for a login: "*" is the directory of the domain that the name is in, where it has one.
struct err directory_of_login(struct directories *d, struct arena *a, struct str id,
        struct str typed, const struct directory **out) MUST_USE;

struct err backend_by_name(struct directories *d, struct arena *a, const struct directory *dir,
        struct str name, const struct account **out) suspends MUST_USE;
struct err backend_by_address(struct directories *d, struct arena *a, const struct directory *dir,
        struct str address, const struct account **out) suspends MUST_USE;
struct err backend_members(struct directories *d, struct arena *a, const struct account *list,
        struct strs *out) suspends MUST_USE;
struct err backend_first_admin(struct directories *d, struct arena *a, const struct directory *dir,
        const struct account **out) suspends MUST_USE;
// What the directory itself says of a domain: known with or without settings of its own.
struct backend_domain {
    bool known;
    const struct internal_domain *settings; // NULL: none
};
struct err backend_domain(struct directories *d, struct arena *a, const struct directory *dir,
        struct str domain, struct backend_domain *out) suspends MUST_USE;

// directory/login.c: by name, then by address, of a name as typed.
struct err account_of_login(struct directories *d, struct arena *a, const struct directory *dir,
        struct str typed, const struct account **out) suspends MUST_USE;
