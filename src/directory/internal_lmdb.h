// SPDX-License-Identifier: Apache-2.0
// directory/internal_lmdb.h: what the files of the internal directory share.
#pragma once

#include "directory/internal.h"
#include "rt/lmdb_store.h"

enum internal_db {
    DB_NAME,
    DB_ADDRESS,
    DB_ACCOUNT,
    DB_OWNER,
    DB_MEMBER,
    DB_ADMIN,
    DB_DOMAIN,
    DB_ALIAS,
    DB_META,
    DB_COUNT,
};

struct internal {
    struct lmdb_store store;
    struct str id; // of the directory, for the accounts
};
static inline const struct internal *internal_of(const struct lmdb_txn *t)
{
    return CONTAINER_OF(t->store, struct internal, store);
}

// Numbers as keys and values.
struct number_key {
    uint8_t bytes[8];
};
struct number_key key_number(uint32_t id);
struct number_key key_pair(uint32_t first, uint32_t second);
struct str key_one(const struct number_key *key); // four bytes
struct str key_two(const struct number_key *key); // eight
uint32_t number_of(struct str bytes);             // of the first four; 0: there are none

// The ids that stand second behind `first` in DB_OWNER or DB_MEMBER; at most IDS_MAX of them.
#define IDS_MAX 100000
struct ids {
    uint32_t *at;
    size_t count, cap;
};
struct err txn_seconds(
        struct lmdb_txn *t, enum internal_db db, uint32_t first, struct ids *out) MUST_USE;

// 0: none.
struct err txn_id_of(
        struct lmdb_txn *t, enum internal_db db, struct str key, uint32_t *out) MUST_USE;
// With or without the groups and lists that it is on. NULL when there is none.
struct err txn_account(struct lmdb_txn *t, uint32_t id, struct account **out) MUST_USE;
struct err txn_owners(struct lmdb_txn *t, struct account *account) MUST_USE;
struct err txn_domain(struct lmdb_txn *t, struct str name, struct internal_domain **out) MUST_USE;

// Records.
void account_encode(struct buf *out, const struct account *account);
struct err account_decode(struct arena *a, struct str record, struct account *out) MUST_USE;
void domain_encode(struct buf *out, const struct internal_domain *domain);
struct err domain_decode(struct arena *a, struct str record, struct internal_domain *out) MUST_USE;
