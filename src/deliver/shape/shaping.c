// SPDX-License-Identifier: Apache-2.0
// deliver/shape/shaping.c: see deliver/shape/shaping.h.
#include "deliver/shape/shaping.h"

#include "deliver/hosts/site.h"

#define BACKOFF_MS HOUR_MS // of an entry that does not say

static const struct shaping *by_domain(const struct deliver_settings *s, struct str domain);
static const struct shaping *by_hosts(
        const struct deliver_settings *s, const struct strs *hosts, struct str site);
static const struct shaping *by_default(const struct deliver_settings *s);
static void merge(struct shaped *shaped, const struct shaping *entry);
static enum shaping_key in_force(const struct shaped *shaped, enum shaping_key key);

static const struct {
    struct str name;
    enum shaping_key in_backoff; // what stands for it then; SHAPING_KEYS: nothing does
} keys[SHAPING_KEYS] = {
        [SHAPING_CONNECTIONS] = {S_INIT("connections"), SHAPING_BACKOFF_CONNECTIONS},
        [SHAPING_CONNECTIONS_PER_IP] = {S_INIT("connections-per-ip"), SHAPING_KEYS},
        [SHAPING_CONNECTION_RATE] = {S_INIT("connection-rate"), SHAPING_BACKOFF_CONNECTION_RATE},
        [SHAPING_MESSAGE_RATE] = {S_INIT("message-rate"), SHAPING_BACKOFF_MESSAGE_RATE},
        [SHAPING_BYTES_RATE] = {S_INIT("bytes-rate"), SHAPING_KEYS},
        [SHAPING_BACKOFF_CONNECTIONS] = {S_INIT("backoff.connections"), SHAPING_KEYS},
        [SHAPING_BACKOFF_CONNECTION_RATE] = {S_INIT("backoff.connection-rate"), SHAPING_KEYS},
        [SHAPING_BACKOFF_MESSAGE_RATE] = {S_INIT("backoff.message-rate"), SHAPING_KEYS},
        [SHAPING_MESSAGES_PER_CONNECTION] = {S_INIT("messages-per-connection"), SHAPING_KEYS},
        [SHAPING_RECIPIENTS_PER_MESSAGE] = {S_INIT("recipients-per-message"), SHAPING_KEYS},
        [SHAPING_TLS] = {S_INIT("tls"), SHAPING_KEYS},
        [SHAPING_CONNECTION] = {S_INIT("connection"), SHAPING_KEYS},
        [SHAPING_RETRY] = {S_INIT("retry"), SHAPING_BACKOFF_RETRY},
        [SHAPING_AUTOMATION] = {S_INIT("automation"), SHAPING_KEYS},
        [SHAPING_BACKOFF_RETRY] = {S_INIT("backoff.retry"), SHAPING_KEYS},
        [SHAPING_BACKOFF_MS] = {S_INIT("backoff-to-normal-after"), SHAPING_KEYS},
        [SHAPING_BACKOFF_PERCENT] = {S_INIT("backoff-to-normal-percent"), SHAPING_KEYS},
        [SHAPING_MAX_READY] = {S_INIT("max-ready"), SHAPING_KEYS},
};

struct err shaping_find(const struct deliver_settings *s, struct arena *a, struct str domain,
        const struct strs *hosts, struct shaped *out)
{
    struct shaped shaped = {.site = site_of(a, hosts)};
    if (str_is_null(shaped.site))
        return fail(ERR_LIMIT, "no memory for an attempt");
    const struct shaping *found[] = {
            by_domain(s, domain), by_hosts(s, hosts, shaped.site), by_default(s)};
    for (size_t i = 0; i < COUNT_OF(found); i++)
        merge(&shaped, found[i]);
    if (found[0] != NULL)
        shaped.site = found[0]->id;
    else if (found[1] != NULL)
        shaped.site = found[1]->id;
    *out = shaped;
    return OK;
}

static const struct shaping *by_domain(const struct deliver_settings *s, struct str domain)
{
    for (size_t i = 0; i < s->shaping_count; i++)
        for (size_t k = 0; k < s->shapings[i].domains.count; k++)
            if (str_eq_nocase(s->shapings[i].domains.at[k], domain))
                return &s->shapings[i];
    return NULL;
}

// A site that is named says more than a suffix.
static const struct shaping *by_hosts(
        const struct deliver_settings *s, const struct strs *hosts, struct str site)
{
    for (size_t i = 0; i < s->shaping_count; i++)
        if (strs_have(&s->shapings[i].sites, site))
            return &s->shapings[i];
    for (size_t i = 0; i < s->shaping_count; i++)
        if (site_is_under(hosts, &s->shapings[i].suffixes))
            return &s->shapings[i];
    return NULL;
}

static const struct shaping *by_default(const struct deliver_settings *s)
{
    for (size_t i = 0; i < s->shaping_count; i++)
        if (str_eq(s->shapings[i].id, S("default")))
            return &s->shapings[i];
    return NULL;
}

static void merge(struct shaped *shaped, const struct shaping *entry)
{
    for (size_t key = 0; entry != NULL && key < SHAPING_KEYS; key++)
        if (shaped->by[key] == NULL && (entry->set >> key & 1) != 0)
            shaped->by[key] = entry;
}

// --- What holds ----------------------------------------------------------------------------------

static enum shaping_key in_force(const struct shaped *shaped, enum shaping_key key)
{
    enum shaping_key instead = keys[key].in_backoff;
    bool stands_for_it =
            shaped->backs_off && instead != SHAPING_KEYS && shaped->by[instead] != NULL;
    return stands_for_it ? instead : key;
}

size_t shaped_limiters(
        const struct shaped *shaped, const struct outbound_limiter *out[SHAPING_LIMITS])
{
    size_t count = 0;
    for (enum shaping_key key = 0; key < SHAPING_BACKOFF_CONNECTIONS; key++) {
        enum shaping_key now = in_force(shaped, key);
        if (shaped->by[now] != NULL)
            out[count++] = &shaped->by[now]->limits[now];
    }
    return count;
}

uint32_t shaped_recipients(const struct shaped *shaped)
{
    const struct shaping *by = shaped->by[SHAPING_RECIPIENTS_PER_MESSAGE];
    return by == NULL ? 0 : by->recipients_per_message;
}

uint32_t shaped_messages(const struct shaped *shaped)
{
    const struct shaping *by = shaped->by[SHAPING_MESSAGES_PER_CONNECTION];
    return by == NULL ? 0 : by->messages_per_connection;
}

struct str shaped_tls(const struct shaped *shaped)
{
    return shaped->by[SHAPING_TLS] == NULL ? STR_NULL : shaped->by[SHAPING_TLS]->tls;
}

struct str shaped_connection(const struct shaped *shaped)
{
    const struct shaping *by = shaped->by[SHAPING_CONNECTION];
    return by == NULL ? STR_NULL : by->connection;
}

int64_t shaped_retry_ms(const struct shaped *shaped, uint32_t turn)
{
    enum shaping_key key = in_force(shaped, SHAPING_RETRY);
    const struct shaping *by = shaped->by[key];
    if (by == NULL)
        return 0;
    bool in_backoff = key == SHAPING_BACKOFF_RETRY;
    const int64_t *waits = in_backoff ? by->backoff_retry_ms : by->retry_ms;
    size_t count = in_backoff ? by->backoff_retry_count : by->retry_count;
    return waits[turn < count ? turn : count - 1];
}

int64_t shaped_backoff_ms(const struct shaped *shaped)
{
    const struct shaping *by = shaped->by[SHAPING_BACKOFF_MS];
    return by == NULL ? BACKOFF_MS : by->backoff_ms;
}

uint32_t shaped_backoff_percent(const struct shaped *shaped)
{
    const struct shaping *by = shaped->by[SHAPING_BACKOFF_PERCENT];
    return by == NULL ? 0 : by->backoff_percent;
}

uint32_t shaped_ready(const struct shaped *shaped)
{
    const struct shaping *by = shaped->by[SHAPING_MAX_READY];
    return by == NULL ? 0 : by->ready_max;
}

// --- For people ----------------------------------------------------------------------------------

struct str shaping_key_name(enum shaping_key key)
{
    return keys[key].name;
}

struct str shaped_origin(
        const struct deliver_settings *s, const struct shaped *shaped, enum shaping_key key)
{
    const struct shaping *by = shaped->by[key];
    return by == NULL ? STR_NULL : conf_item(s->conf, S("queue.shaping"), by->id, keys[key].name);
}
