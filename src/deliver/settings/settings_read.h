// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_read.h: what the files that read the settings share. Private to the
// room.
#pragma once

#include "deliver/settings/settings.h"

struct reading {
    struct arena *arena;
    const struct conf *conf;
    uint64_t seed;
    struct findings *findings;
    struct deliver_settings *out;
    const struct warmup_plan *plans; // queue.warmup
    size_t plan_count;
    bool pools_go_round;  // which is told
    const struct ip *own; // addresses of this machine; NULL: not asked for yet
    size_t own_count;
    struct response_rule *responses; // of `out`, while they may still change
};

// A route or a strategy. Those that are there without being written read as the defaults.
struct object {
    struct str map, id;
    bool is_written;
};
struct objects {
    const struct object *at;
    size_t count;
};
// Those that are written, by their ids, and behind them the built-in ones that are not.
struct err read_objects(struct reading *r, struct str map, const struct str *built_in,
        size_t built_in_count, struct objects *out) MUST_USE;
struct str object_key(const struct reading *r, const struct object *o, struct str member);
bool object_bool(const struct reading *r, const struct object *o, struct str member);
int64_t object_ms(const struct reading *r, const struct object *o, struct str member);
struct str object_str(const struct reading *r, const struct object *o, struct str member);
uint32_t object_u32(const struct reading *r, const struct object *o, struct str member);
// Place of the word among those of its row; of a wrong one, which has its finding, 0.
size_t object_word(const struct reading *r, const struct object *o, struct str member);
bool object_is_set(const struct reading *r, const struct object *o, struct str member);
// Does the member have a value, and was none written that is wrong? For "needs that, too".
bool object_lacks(const struct reading *r, const struct object *o, struct str member);

void object_error(const struct reading *r, const struct object *o, struct str member, int element,
        struct str code, const char *fmt, ...) PRINTF_LIKE(6, 7);
void object_warning(const struct reading *r, const struct object *o, struct str member, int element,
        struct str code, const char *fmt, ...) PRINTF_LIKE(6, 7);

// Networks of a list; an empty one: NULL. To be freed by nets_free.
struct err read_nets(struct reading *r, struct str key, struct nets **out) MUST_USE;
// Warns when no interface of this machine has the address: it may come later than we do, and each
// use says it as an error as long as it does not.
struct err settings_check_interface(struct reading *r, const struct object *o, struct str member,
        int element, const struct ip *ip) MUST_USE;
struct str settings_source_name(struct reading *r, const struct ip *ip); // queue.source-ip; or null
const struct source_pool *settings_pool_named(const struct reading *r, struct str id); // or NULL

// The steps. All add findings and go on; an error is for lack of memory.
struct err settings_read_routes(struct reading *r) MUST_USE;
struct err settings_read_hosts_of(
        struct reading *r, const struct object *o, struct route *out) MUST_USE;
// What lies between us and the hosts, which have been read.
struct err settings_read_egress(
        struct reading *r, const struct object *o, struct route *out) MUST_USE;
struct err settings_read_local(
        struct reading *r, const struct object *o, struct route *out) MUST_USE;
struct err settings_read_pools(struct reading *r) MUST_USE;
struct err settings_check_pools(struct reading *r) MUST_USE; // when the strategies are known
struct err settings_read_connections(struct reading *r) MUST_USE;
struct err settings_read_tls_strategies(struct reading *r) MUST_USE;
struct err settings_read_limiters(struct reading *r) MUST_USE;
struct err settings_read_responses(struct reading *r) MUST_USE; // behind the routes
struct err settings_read_shapings(struct reading *r) MUST_USE;  // behind the rules about replies
