// SPDX-License-Identifier: Apache-2.0
// queue/settings.h: where the queue lies and what may wait in it, as configured: store.<id>.*,
// storage.data and storage.blob (operations.md 1), queue.quota.<id>.* (queue.md 11). Without any
// of it the queue lies in the folders `data` and `blobs` of global.state-dir.
//
// Made by whoever loads the configuration, inherited by the workers, never changed. It slices into
// the conf, which must outlive it.
#pragma once

#include "base/base.h"
#include "conf/conf.h"
#include "queue/store/store.h"

// Below any of these no mail is accepted (operations.md 1.2). 0: never mind.
struct space_limits {
    uint64_t free_bytes_min;
    uint32_t free_percent_min;
    uint64_t free_inodes_min;
};

struct queue_folder {
    struct str path;
    struct str store_id; // null: the default, which has no section
    struct space_limits space;
};

enum quota_key {
    QUOTA_KEY_SENDER,
    QUOTA_KEY_SENDER_DOMAIN,
    QUOTA_KEY_RCPT,
    QUOTA_KEY_RCPT_DOMAIN,
    QUOTA_KEY_ACCOUNT,
    QUOTA_KEY_QUEUE,
    QUOTA_KEY_SOURCE,
    QUOTA_KEY_TAG,
};

struct quota_part {
    enum quota_key key;
    struct str tag; // of QUOTA_KEY_TAG
};

#define QUOTA_PARTS_MAX 8

struct quota {
    struct str id;
    const struct expr_setting *match;
    struct quota_part parts[QUOTA_PARTS_MAX];
    size_t part_count;
    enum quota_scope scope; // from the most specific variable of key and match
    uint64_t messages_max;  // 0: no limit
    uint64_t bytes_max;
    uint16_t reply_code;
    struct str reply; // behind the code: enhanced code and text
};

struct queue_settings {
    struct queue_folder records, bodies;
    uint64_t map_bytes_max;
    size_t batch_max;
    const struct quota *quotas; // enabled ones
    size_t quota_count;
};

// Errors are findings, with their places; an error value only when memory runs out.
struct err queue_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct queue_settings *out) MUST_USE;
// What to open the store with. Whoever only looks sets read_only.
struct store_options queue_store_options(const struct queue_settings *settings);
