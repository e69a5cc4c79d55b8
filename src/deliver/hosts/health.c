// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/health.c: see deliver/hosts/health.h.
//
// One table holds all: addresses (with the source they were tried from), hosts by name, and logins
// by route. What there is nothing to say about is not in it, so a world without trouble costs
// nothing.
//
// An address goes from fine over failing (some failures in a row) to cooling: nobody tries until a
// moment; then the first who asks probes, and until he has told, the others wait. A probe that
// fails doubles the cool-down, one that succeeds makes all forgotten. Failures of attempts that
// began before the cool-down change nothing any more.
#include "deliver/hosts/health.h"

#include "base/list.h"
#include "base/map.h"
#include "deliver/answer.h"
#include "rt/clock.h"

#define KEY_BYTES_MAX 320             // a name of 255 octets, or the path of a socket
#define PROBE_MAX_MS (10 * MINUTE_MS) // a probe that has not come back until then is given up
#define JITTER_PERMILLE 200
#define LOGIN_COOLDOWN_MS MINUTE_MS // outbound.md 13
#define LOGIN_COOLDOWN_MAX_MS (15 * MINUTE_MS)

struct learned {
    uint32_t value;
    int64_t until_ms;
};

struct entry {
    struct link in_order;
    uint32_t failures;   // in a row
    bool is_probed;      // somebody is on his way
    int64_t cooldown_ms; // 0: it does not cool down
    int64_t until_ms;    // end of the cool-down, or of the probe
    struct client_answer why;
    void *why_bytes; // what its slices point to
    struct learned learned[LESSON_COUNT];
    size_t key_len;
    char key[];
};

struct health {
    const struct host_settings *settings;
    struct map entries;
    struct list order; // the one that was asked about last comes last
};

struct key {
    size_t len;
    char bytes[KEY_BYTES_MAX];
};

struct cooling {
    uint32_t failures_max;
    int64_t first_ms, most_ms;
};

static enum health_word ask(
        struct health *h, const struct key *key, int64_t now_ms, struct health_trouble *out);
static void good(struct health *h, const struct key *key);
static bool bad(struct health *h, const struct key *key, const struct cooling *cooling,
        const struct client_answer *why, int64_t now_ms);
static void unknown(struct health *h, const struct key *key);
static void key_of_address(
        const struct endpoint *address, const struct ip *source, struct key *out);
static void key_of_name(char kind, struct str name, struct key *out);
static void key_add(struct key *key, const void *bytes, size_t count);
static struct entry *find(struct health *h, const struct key *key);
static struct entry *make(struct health *h, const struct key *key);
static void drop(struct health *h, struct entry *e);
static void drop_if_empty(struct health *h, struct entry *e);
static void keep_why(struct entry *e, const struct client_answer *why);
static struct str copy_into(char **at, struct str text);
static int64_t doubled(const struct cooling *cooling, int64_t cooldown_ms);
static uint32_t known(const struct entry *e, enum lesson lesson, int64_t now_ms);

struct err health_new(const struct host_settings *settings, struct health **out)
{
    struct health *h = mem_new(struct health);
    if (h == NULL)
        return fail(ERR_LIMIT, "no memory for what is remembered of hosts");
    h->settings = settings;
    map_init(&h->entries, random_u64(), random_u64()); // peers choose names and addresses
    list_init(&h->order);
    *out = h;
    return OK;
}

void health_free(struct health *h)
{
    if (h == NULL)
        return;
    each_safe_in_list (e, &h->order, struct entry, in_order)
        drop(h, e);
    map_done(&h->entries);
    mem_free(h);
}

size_t health_count(const struct health *h)
{
    return map_count(&h->entries);
}

// --- Addresses -----------------------------------------------------------------------------------

enum health_word health_ask(struct health *h, const struct endpoint *address,
        const struct ip *source, int64_t now_ms, struct health_trouble *out)
{
    struct key key;
    key_of_address(address, source, &key);
    return ask(h, &key, now_ms, out);
}

int64_t health_delay_ms(const struct health_trouble *trouble, int64_t now_ms)
{
    int64_t least = trouble->until_ms - now_ms;
    if (least < HEALTH_DEFER_MIN_MS)
        least = HEALTH_DEFER_MIN_MS;
    return least + (int64_t)(random_u64() % (uint64_t)(least * JITTER_PERMILLE / 1000));
}

void health_good(struct health *h, const struct endpoint *address, const struct ip *source)
{
    struct key key;
    key_of_address(address, source, &key);
    good(h, &key);
}

void health_bad(struct health *h, const struct endpoint *address, const struct ip *source,
        const struct client_answer *why, int64_t now_ms)
{
    struct key key;
    const struct cooling cooling = {.failures_max = h->settings->failures_max,
            .first_ms = h->settings->cooldown_ms,
            .most_ms = h->settings->cooldown_max_ms};
    key_of_address(address, source, &key);
    (void)bad(h, &key, &cooling, why, now_ms);
}

void health_unknown(struct health *h, const struct endpoint *address, const struct ip *source)
{
    struct key key;
    key_of_address(address, source, &key);
    unknown(h, &key);
}

// --- Logins --------------------------------------------------------------------------------------

enum health_word health_ask_login(
        struct health *h, struct str route, int64_t now_ms, struct health_trouble *out)
{
    struct key key;
    key_of_name('l', route, &key);
    return ask(h, &key, now_ms, out);
}

void health_good_login(struct health *h, struct str route)
{
    struct key key;
    key_of_name('l', route, &key);
    good(h, &key);
}

bool health_bad_login(
        struct health *h, struct str route, const struct client_answer *why, int64_t now_ms)
{
    struct key key;
    const struct cooling cooling = {
            .failures_max = 1, .first_ms = LOGIN_COOLDOWN_MS, .most_ms = LOGIN_COOLDOWN_MAX_MS};
    key_of_name('l', route, &key);
    return bad(h, &key, &cooling, why, now_ms);
}

void health_unknown_login(struct health *h, struct str route)
{
    struct key key;
    key_of_name('l', route, &key);
    unknown(h, &key);
}

// --- What cools down -----------------------------------------------------------------------------

static enum health_word ask(
        struct health *h, const struct key *key, int64_t now_ms, struct health_trouble *out)
{
    struct entry *e = find(h, key);
    if (e == NULL || e->cooldown_ms == 0)
        return HEALTH_GO;
    if (e->until_ms <= now_ms) {
        e->is_probed = true;
        e->until_ms = now_ms + PROBE_MAX_MS;
        return HEALTH_PROBE;
    }
    out->until_ms = e->is_probed ? now_ms + HEALTH_DEFER_MIN_MS : e->until_ms;
    out->why = e->why;
    return HEALTH_WAIT;
}

static void good(struct health *h, const struct key *key)
{
    struct entry *e = find(h, key);
    if (e != NULL)
        drop(h, e);
}

// True: nobody tries for some time from now on.
static bool bad(struct health *h, const struct key *key, const struct cooling *cooling,
        const struct client_answer *why, int64_t now_ms)
{
    if (cooling->failures_max == 0)
        return false;
    struct entry *e = make(h, key);
    if (e == NULL)
        return true; // without memory nobody cools down
    keep_why(e, why);
    e->failures += e->failures < UINT32_MAX;
    if (e->is_probed)
        e->cooldown_ms = doubled(cooling, e->cooldown_ms);
    else if (e->cooldown_ms == 0 && e->failures >= cooling->failures_max)
        e->cooldown_ms = cooling->first_ms;
    else
        return false;
    e->is_probed = false;
    e->until_ms = now_ms + e->cooldown_ms;
    return true;
}

// The next one who asks probes again.
static void unknown(struct health *h, const struct key *key)
{
    struct entry *e = find(h, key);
    if (e == NULL || !e->is_probed)
        return;
    e->is_probed = false;
    e->until_ms = INT64_MIN;
}

static int64_t doubled(const struct cooling *cooling, int64_t cooldown_ms)
{
    return cooldown_ms > cooling->most_ms / 2 ? cooling->most_ms : cooldown_ms * 2;
}

// --- Hosts ---------------------------------------------------------------------------------------

void health_learn(
        struct health *h, struct str host, enum lesson lesson, uint32_t value, int64_t now_ms)
{
    struct key key;
    bool always = lesson == LESSON_NO_TLS || lesson == LESSON_FAMILY;
    int64_t span_ms = lesson == LESSON_NO_TLS ? h->settings->remember_tls_ms : HEALTH_LEARNED_MS;
    if (span_ms == 0 || (!always && !h->settings->learn))
        return;
    key_of_name('h', host, &key);
    struct entry *e = make(h, &key);
    if (e == NULL)
        return; // it will be learned again
    if (lesson == LESSON_EXTENSIONS)
        value |= known(e, lesson, now_ms);
    e->learned[lesson] = (struct learned){.value = value, .until_ms = now_ms + span_ms};
}

struct host_facts health_facts(struct health *h, struct str host, int64_t now_ms)
{
    struct key key;
    key_of_name('h', host, &key);
    struct entry *e = find(h, &key);
    if (e == NULL)
        return (struct host_facts){0};
    struct host_facts facts = {.rcpts_max = known(e, LESSON_RCPTS_MAX, now_ms),
            .messages_max = known(e, LESSON_MESSAGES_MAX, now_ms),
            .extensions_off = known(e, LESSON_EXTENSIONS, now_ms),
            .no_ehlo = known(e, LESSON_NO_EHLO, now_ms) != 0,
            .no_tls = known(e, LESSON_NO_TLS, now_ms) != 0,
            .worked_last = (enum ip_family)known(e, LESSON_FAMILY, now_ms)};
    for (size_t i = 0; i < LESSON_COUNT; i++)
        if (e->learned[i].until_ms <= now_ms)
            e->learned[i] = (struct learned){0};
    drop_if_empty(h, e);
    return facts;
}

static uint32_t known(const struct entry *e, enum lesson lesson, int64_t now_ms)
{
    return e->learned[lesson].until_ms > now_ms ? e->learned[lesson].value : 0;
}

// --- Entries -------------------------------------------------------------------------------------

// Byte by byte, so that nothing of what lies between the members of a struct gets in.
static void key_of_address(const struct endpoint *address, const struct ip *source, struct key *out)
{
    out->len = 0;
    key_add(out, "a", 1);
    key_add(out, &source->family, sizeof(source->family));
    key_add(out, source->bytes, sizeof(source->bytes));
    key_add(out, &address->port, sizeof(address->port));
    key_add(out, &address->scope, sizeof(address->scope));
    key_add(out, &address->ip.family, sizeof(address->ip.family));
    key_add(out, address->ip.bytes, sizeof(address->ip.bytes));
    key_add(out, address->unix_path.ptr, address->unix_path.len);
}

static void key_of_name(char kind, struct str name, struct key *out)
{
    out->len = 0;
    key_add(out, &kind, 1);
    key_add(out, name.ptr, name.len);
}

static void key_add(struct key *key, const void *bytes, size_t count)
{
    size_t room = sizeof(key->bytes) - key->len;
    count = count < room ? count : room;
    if (count > 0)
        memcpy(key->bytes + key->len, bytes, count);
    key->len += count;
}

static struct entry *find(struct health *h, const struct key *key)
{
    struct entry *e = map_get(&h->entries, str_of(key->bytes, key->len));
    if (e == NULL)
        return NULL;
    link_remove(&e->in_order);
    list_append(&h->order, &e->in_order);
    return e;
}

// NULL: no memory.
static struct entry *make(struct health *h, const struct key *key)
{
    struct entry *e = find(h, key);
    if (e != NULL)
        return e;
    if (map_count(&h->entries) >= HEALTH_ENTRIES_MAX)
        drop(h, CONTAINER_OF(list_first(&h->order), struct entry, in_order));
    e = mem_bytes(sizeof(*e) + key->len);
    if (e == NULL)
        return NULL;
    memcpy(e->key, key->bytes, key->len);
    e->key_len = key->len;
    if (!map_put(&h->entries, str_of(e->key, e->key_len), e)) {
        mem_free(e);
        return NULL;
    }
    list_append(&h->order, &e->in_order);
    return e;
}

static void drop(struct health *h, struct entry *e)
{
    map_remove(&h->entries, str_of(e->key, e->key_len));
    link_remove(&e->in_order);
    mem_free(e->why_bytes);
    mem_free(e);
}

static void drop_if_empty(struct health *h, struct entry *e)
{
    for (size_t i = 0; i < LESSON_COUNT; i++)
        if (e->learned[i].until_ms != 0)
            return;
    if (e->failures == 0)
        drop(h, e);
}

// Always as what it is to those who wait: trouble with a connection, which may pass.
static void keep_why(struct entry *e, const struct client_answer *why)
{
    const struct outcome *o = &why->outcome;
    struct str text = str_upto(o->text, HEALTH_TEXT_BYTES_MAX);
    struct str entity = str_upto(o->entity, HEALTH_TEXT_BYTES_MAX);
    struct str status = str_upto(o->enhanced, HEALTH_TEXT_BYTES_MAX);
    char *bytes = mem_bytes(text.len + entity.len + status.len + 1), *at = bytes;
    mem_free(e->why_bytes);
    e->why_bytes = bytes;
    e->why = answer_temporary(why->stage, FAILURE_CONNECTION, S(""), S("4.4.1"),
            S("the host did not answer a moment ago"));
    if (bytes == NULL)
        return;
    e->why.outcome.text = copy_into(&at, text);
    e->why.outcome.entity = copy_into(&at, entity);
    if (str_starts(status, S("4.")))
        e->why.outcome.enhanced = copy_into(&at, status);
}

static struct str copy_into(char **at, struct str text)
{
    struct str copy = str_of(*at, text.len);
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return copy;
}
