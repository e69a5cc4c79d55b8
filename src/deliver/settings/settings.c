// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings.c: queue.* of delivery, read and cross-checked (outbound.md 2, 27.1):
// the tables in files of their own, here what stands alone, what chooses among the tables, and the
// ways in which all of them are read.
#include "deliver/settings/settings.h"

#include "deliver/reply/classify.h"
#include "deliver/settings/settings_read.h"

#define NEAR_MAX 2

static void read_server_wide(struct reading *r);
static struct err read_self(struct reading *r);
static void check_names(struct reading *r);
static void check_names_of(struct reading *r, struct str key, const struct strs *names,
        struct str what, struct str map);
static void name_error(struct reading *r, struct str key, struct str entry, struct str name,
        const struct strs *names, struct str what, struct str map);
static int element_with(const struct conf *conf, struct str key, struct str text);
static struct str nearest(const struct strs *names, struct str name);

struct err deliver_settings_make(struct arena *a, const struct conf *conf, uint64_t seed,
        struct findings *findings, struct deliver_settings *out)
{
    *out = (struct deliver_settings){.conf = conf};
    struct reading r = {.arena = a, .conf = conf, .seed = seed, .findings = findings, .out = out};
    read_server_wide(&r);
    TRY(read_self(&r));
    TRY(read_nets(&r, S("queue.mta-sts.prohibited-ips"), &out->sts_prohibited));
    struct bounce_rules *bounces;
    TRY(bounce_rules_load(a, conf, findings, &bounces));
    out->bounces = bounces;
    TRY(verp_settings_make(a, conf, findings, &out->verp));
    TRY(settings_read_routes(&r));
    TRY(settings_read_pools(&r));
    TRY(settings_read_connections(&r));
    TRY(settings_check_pools(&r));
    TRY(settings_read_tls_strategies(&r));
    TRY(settings_read_limiters(&r));
    TRY(settings_read_responses(&r));
    TRY(settings_read_shapings(&r));
    check_names(&r);
    return OK;
}

void deliver_settings_done(struct deliver_settings *s)
{
    nets_free(s->sts_prohibited);
    s->sts_prohibited = NULL;
    for (size_t i = 0; i < s->route_count; i++)
        nets_free(s->routes[i].prohibited);
    s->route_count = 0;
}

const struct route *route_named(const struct deliver_settings *s, struct str id)
{
    for (size_t i = 0; i < s->route_count; i++)
        if (str_eq(s->routes[i].id, id))
            return &s->routes[i];
    return NULL;
}

const struct connection_strategy *connection_named(const struct deliver_settings *s, struct str id)
{
    for (size_t i = 0; i < s->connection_count; i++)
        if (str_eq(s->connections[i].id, id))
            return &s->connections[i];
    return NULL;
}

const struct tls_strategy *tls_named(const struct deliver_settings *s, struct str id)
{
    for (size_t i = 0; i < s->tls_count; i++)
        if (str_eq(s->tls[i].id, id))
            return &s->tls[i];
    return NULL;
}

static void read_server_wide(struct reading *r)
{
    const struct conf *conf = r->conf;
    struct deliver_settings *s = r->out;
    s->host = conf_str(conf, S("server.hostname"));
    s->route_of = conf_expr(conf, S("queue.strategy.route"));
    s->connection_of = conf_expr(conf, S("queue.strategy.connection"));
    s->tls_of = conf_expr(conf, S("queue.strategy.tls"));
    s->hosts = (struct host_settings){
            .failures_max = (uint32_t)conf_u64(conf, S("queue.host.failures")),
            .cooldown_ms = conf_duration_ms(conf, S("queue.host.cooldown")),
            .cooldown_max_ms = conf_duration_ms(conf, S("queue.host.max-cooldown")),
            .remember_tls_ms = conf_duration_ms(conf, S("queue.host.remember-tls")),
            .learn = conf_bool(conf, S("queue.host.learn")),
    };
    if (s->hosts.cooldown_max_ms < s->hosts.cooldown_ms) {
        bool most = conf_is_set(conf, S("queue.host.max-cooldown"));
        conf_error(conf, r->findings,
                most ? S("queue.host.max-cooldown") : S("queue.host.cooldown"), -1, S("conflict"),
                "queue.host.cooldown is longer than queue.host.max-cooldown");
    }
    s->detect_self = conf_bool(conf, S("queue.detect-self"));
    s->downgrade_8bit = (enum downgrade_8bit)conf_enum(conf, S("queue.downgrade-8bit"));
    s->downgrade_utf8 = (enum downgrade_utf8)conf_enum(conf, S("queue.downgrade-utf8"));
    s->race_delay_ms = conf_duration_ms(conf, S("queue.happy-eyeballs"));
    s->priority_header = conf_bool(conf, S("queue.priority-header"));
    s->bdat_chunk_bytes = conf_u64(conf, S("queue.bdat-chunk"));
    s->never_is_null_sender = conf_bool(conf, S("queue.dsn-never-null-sender"));
    s->expression_wait_ms = conf_duration_ms(conf, S("config.expression-timeout"));
}

// outbound.md 6.1: names and addresses, in one list.
static struct err read_self(struct reading *r)
{
    struct str key = S("queue.self"), why;
    struct conf_list list = conf_list(r->conf, key);
    struct str *names = arena_array(r->arena, list.count + 1, struct str);
    struct ip *ips = arena_array(r->arena, list.count + 1, struct ip);
    struct deliver_settings *s = r->out;
    if (names == NULL || ips == NULL)
        return fail(ERR_LIMIT, "no memory for the settings of delivery");
    for (size_t i = 0; i < list.count; i++) {
        struct str text = str_trim(list.at[i].text);
        if (ip_parse(text, &ips[s->self_ip_count]))
            s->self_ip_count++;
        else if (value_host(r->arena, text, &names[s->self_names.count], &why))
            s->self_names.count++;
        else
            conf_error(r->conf, r->findings, key, (int)i, S("bad-name"),
                    "\"%.*s\" is neither a host name nor an address (%.*s)", ARG(text), ARG(why));
    }
    s->self_names.at = names;
    s->self_ips = ips;
    return OK;
}

// --- Names in expressions ------------------------------------------------------------------------

// A literal that names nothing is a slip; what an expression computes is seen when it is asked.
static void check_names(struct reading *r)
{
    const struct deliver_settings *s = r->out;
    size_t most = s->route_count + s->connection_count + s->tls_count;
    struct str *at = arena_array(r->arena, most + 1, struct str);
    struct strs names = {.at = at};
    for (size_t i = 0; at != NULL && i < s->route_count; i++)
        at[names.count++] = s->routes[i].id;
    check_names_of(r, S("queue.strategy.route"), &names, S("route"), S("queue.route"));
    names.count = 0;
    for (size_t i = 0; at != NULL && i < s->connection_count; i++)
        at[names.count++] = s->connections[i].id;
    check_names_of(r, S("queue.strategy.connection"), &names, S("connection strategy"),
            S("queue.connection"));
    names.count = 0;
    for (size_t i = 0; at != NULL && i < s->tls_count; i++)
        at[names.count++] = s->tls[i].id;
    check_names_of(r, S("queue.strategy.tls"), &names, S("TLS strategy"), S("queue.tls"));
}

static void check_names_of(struct reading *r, struct str key, const struct strs *names,
        struct str what, struct str map)
{
    const struct expr_setting *setting = conf_expr(r->conf, key);
    struct str entry;
    for (size_t i = 0; i < expr_value_count(setting); i++) {
        const struct expr_result *value = expr_literal(setting, i, &entry);
        if (value != NULL && !strs_have(names, value->text))
            name_error(r, key, entry, value->text, names, what, map);
    }
}

static void name_error(struct reading *r, struct str key, struct str entry, struct str name,
        const struct strs *names, struct str what, struct str map)
{
    struct str near = nearest(names, name);
    struct str advice = str_is_null(near)
                                ? arena_fmt(r->arena, "add [%.*s.\"%.*s\"]", ARG(map), ARG(name))
                                : arena_fmt(r->arena, "did you mean '%.*s'?", ARG(near));
    conf_error(r->conf, r->findings, key, element_with(r->conf, key, name), S("undefined"),
            "%.*s%s%.*s '%.*s' is not defined; %.*s", ARG(entry), entry.len > 0 ? ": " : "",
            ARG(what), ARG(name), ARG(advice));
}

// Where in a list of tables it stands; -1: it is not a list, or somewhere in it.
static int element_with(const struct conf *conf, struct str key, struct str text)
{
    struct conf_list list = conf_list(conf, key);
    for (size_t i = 0; list.count > 1 && i < list.count; i++)
        if (str_contains(list.at[i].text, text))
            return (int)i;
    return -1;
}

static struct str nearest(const struct strs *names, struct str name)
{
    struct str best = STR_NULL;
    size_t best_distance = NEAR_MAX + 1;
    for (size_t i = 0; i < names->count; i++) {
        size_t d = str_distance(names->at[i], name, NEAR_MAX);
        if (d < best_distance && d < names->at[i].len) {
            best = names->at[i];
            best_distance = d;
        }
    }
    return best;
}

// --- How the tables are read ---------------------------------------------------------------------

struct err read_objects(struct reading *r, struct str map, const struct str *built_in,
        size_t built_in_count, struct objects *out)
{
    struct conf_ids ids = conf_ids(r->conf, map);
    struct object *all = arena_array(r->arena, ids.count + built_in_count + 1, struct object);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the settings of delivery");
    *out = (struct objects){.at = all};
    for (size_t i = 0; i < ids.count; i++)
        all[out->count++] = (struct object){.map = map, .id = ids.at[i], .is_written = true};
    for (size_t i = 0; i < built_in_count; i++)
        if (!conf_has_id(r->conf, map, built_in[i]))
            all[out->count++] = (struct object){.map = map, .id = built_in[i]};
    return OK;
}

struct str object_key(const struct reading *r, const struct object *o, struct str member)
{
    return o->is_written ? conf_item(r->conf, o->map, o->id, member)
                         : conf_item_preset(r->conf, o->map, member);
}

bool object_bool(const struct reading *r, const struct object *o, struct str member)
{
    return conf_bool(r->conf, object_key(r, o, member));
}

int64_t object_ms(const struct reading *r, const struct object *o, struct str member)
{
    return conf_duration_ms(r->conf, object_key(r, o, member));
}

struct str object_str(const struct reading *r, const struct object *o, struct str member)
{
    return conf_str(r->conf, object_key(r, o, member));
}

uint32_t object_u32(const struct reading *r, const struct object *o, struct str member)
{
    return (uint32_t)conf_u64(r->conf, object_key(r, o, member));
}

size_t object_word(const struct reading *r, const struct object *o, struct str member)
{
    int place = conf_enum(r->conf, object_key(r, o, member));
    return place >= 0 ? (size_t)place : 0;
}

bool object_is_set(const struct reading *r, const struct object *o, struct str member)
{
    return o->is_written && conf_is_own(r->conf, object_key(r, o, member));
}

bool object_lacks(const struct reading *r, const struct object *o, struct str member)
{
    struct str key = object_key(r, o, member);
    return conf_list(r->conf, key).count == 0 && !findings_tell(r->findings, key);
}

void object_error(const struct reading *r, const struct object *o, struct str member, int element,
        struct str code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(r->arena, fmt, args);
    va_end(args);
    conf_error(r->conf, r->findings, object_key(r, o, member), element, code, "%.*s", ARG(message));
}

void object_warning(const struct reading *r, const struct object *o, struct str member, int element,
        struct str code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(r->arena, fmt, args);
    va_end(args);
    conf_warning(
            r->conf, r->findings, object_key(r, o, member), element, code, "%.*s", ARG(message));
}

struct err read_nets(struct reading *r, struct str key, struct nets **out)
{
    struct conf_list list = conf_list(r->conf, key);
    if (list.count == 0)
        return OK;
    *out = nets_new(r->seed);
    if (*out == NULL)
        return fail(ERR_LIMIT, "no memory for a list of networks");
    for (size_t i = 0; i < list.count; i++)
        if (!nets_add(*out, &list.at[i].value.net, NETS_FOREVER))
            return fail(ERR_LIMIT, "no memory for a list of networks");
    return OK;
}
