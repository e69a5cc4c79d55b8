// SPDX-License-Identifier: Apache-2.0
// directory/settings.h: what the keys of directories and domains come to. Private to the room, and
// to the commands that keep accounts.
#pragma once

#include "directory/directory.h"
#include "directory/password.h"

struct memory;

enum directory_type { DIRECTORY_INTERNAL, DIRECTORY_MEMORY, DIRECTORY_CHAIN };

struct directory {
    struct str id;
    enum directory_type type;
    struct memory *memory;          // of its kind
    const struct directory **chain; // of a chain: never chains, so that nothing goes round
    size_t chain_count;
    struct strs login_domains; // none: all
    struct str default_domain;
};

struct domain_setting {
    struct str name;
    bool disabled;
    const struct directory *directory; // NULL: the default
    struct str catch_all;              // null: none
    enum domain_sub_addressing sub_addressing;
    const struct expr_setting *sub_addressing_expr;
    bool allow_relaying, role_addresses;
};

struct fallback_admin {
    struct str user, secret; // null: there is none
    bool local_only;
};

struct directory_settings {
    const struct directory *all; // by id
    size_t count;
    const struct directory *preset; // NULL: none, so nobody is local
    struct map *domains;            // names and aliases -> struct domain_setting
    struct strs domain_names;       // of the file, without aliases, enabled ones
    struct str postmaster;          // report.postmaster; null: not set
    struct fallback_admin fallback;
    enum password_hash hash;
    size_t password_characters_min, password_characters_max;
    int64_t cache_ms, cache_wrong_ms; // 0: not kept
    size_t cache_count_max;
};

const struct directory *directory_named(const struct directory_settings *s, struct str id);
// The internal one, wherever it stands; NULL: there is none.
const struct directory *directory_internal(const struct directory_settings *s);

// What the files that read the settings share.
struct directory_reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    struct directory_settings *out;
};
struct err settings_read_memory(struct directory_reading *r, struct directory *directory) MUST_USE;
struct err settings_read_domains(struct directory_reading *r) MUST_USE;
