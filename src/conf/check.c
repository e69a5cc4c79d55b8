// SPDX-License-Identifier: Apache-2.0
// conf/check.c: everything that can be said about a configuration without building anything from
// it: values by type, unknown keys, members that must be there, ids that are not defined, secrets
// that others can read, a server without listener (configuration.md 13). What needs a room's own
// knowledge (addresses that clash, keys that do not fit their certificate) is that room's check.
#include "conf/snapshot.h"

#define NEAR_MAX 2

static void apply_env(struct loader *l);
static void find_disabled(struct loader *l);
static void convert_all(struct loader *l);
static bool skipped(const struct loader *l, const struct conf_value *v);
static void report_unknown(struct loader *l);
static void report_unknown_key(
        struct loader *l, const struct unknown_key *u, enum finding_severity severity);
static void report_later(struct loader *l, const struct unknown_key *u);
static void report_foreign(struct loader *l);
static enum finding_severity severity_of_unknown(
        struct loader *l, const struct unknown_key *u, bool *out_silent);
static struct str own_text(struct loader *l, struct str key);
static struct str nearest(struct loader *l, const struct unknown_key *u);
static void check_required(struct loader *l);
static void check_required_of(struct loader *l, struct conf_object *object, struct str member);
static void disable_lacking(struct loader *l);
static void check_references(struct loader *l);
static bool check_members(
        struct loader *l, const struct conf_value *v, int place, const struct conf_element *table);
static bool check_reference(
        struct loader *l, const struct conf_value *v, int element, struct str map, struct str id);
static void check_listeners(struct loader *l);
static void check_secrets(struct loader *l);
static void check_secret_file(struct loader *l, const struct conf_text *text);
static void check_idle(struct loader *l);
static void check_local_keys(struct loader *l);
static void check_pairs(struct loader *l);
static bool is_written(const struct loader *l, struct str key);
static void list_files(struct loader *l);

void conf_check(struct loader *l)
{
    bool full = l->conf->stage == CONF_FULL;
    conf_sort_objects(l);
    apply_env(l);
    find_disabled(l);
    convert_all(l);
    l->conf->lenient = str_eq(own_text(l, S("config.on-error")), S("default"));
    if (full) {
        report_unknown(l);
        check_required(l);
        check_references(l);
        check_secrets(l);
        check_idle(l);
    }
    check_listeners(l);
    conf_settle(l);
    if (l->no_memory)
        return;
    list_files(l);
    if (full) {
        check_local_keys(l);
        check_pairs(l);
    }
}

// configuration.md 1.2: RUN_AS_USER and RUN_AS_GROUP win over the files.
static void apply_env(struct loader *l)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        if (s->env == NULL)
            continue;
        struct str text = conf_env_get(&l->conf->env, str_from_c(s->env));
        if (text.len == 0)
            continue;
        struct conf_slot *slot = conf_slot_make(l, str_from_c(s->key), s);
        struct conf_value *v = arena_make(&l->conf->arena, struct conf_value);
        struct conf_element *e = arena_make(&l->conf->arena, struct conf_element);
        if (slot == NULL || v == NULL || e == NULL) {
            conf_no_memory(l);
            return;
        }
        *e = (struct conf_element){
                .text = text, .written = text, .form = TOML_STRING, .origin.kind = CONF_FROM_ENV};
        *v = (struct conf_value){
                .key = slot->key,
                .setting = s,
                .origin.kind = CONF_FROM_ENV,
                .elements = e,
                .count = 1,
                .macros = MACROS_DONE,
        };
        conf_convert(l, v);
        conf_fingerprint_add(l->conf, text);
        slot->own = v;
    }
}

// configuration.md 3.4: enable = false skips all checks of the object but those of syntax.
static void find_disabled(struct loader *l)
{
    each_in_vec (p, &l->conf->values) {
        struct conf_value *v = *p;
        bool enable = v->object != NULL && str_ends(str_from_c(v->setting->key), S("<id>.enable"));
        if (!enable || !conf_expand(l, v))
            continue;
        conf_convert(l, v);
        if (v->count == 1 && !v->bad && !v->elements[0].value.boolean)
            v->object->disabled = true;
    }
}

// Lists first: expressions may name them.
static void convert_all(struct loader *l)
{
    each_in_vec (p, &l->conf->values)
        if (!skipped(l, *p))
            conf_expand(l, *p);
        else
            (*p)->pending = true;
    conf_make_lookups(l);
    each_in_vec (p, &l->conf->values) {
        struct conf_value *v = *p;
        bool enable = v->object != NULL && str_ends(str_from_c(v->setting->key), S("<id>.enable"));
        if (!enable && !v->pending && (!v->bad || v->list))
            conf_convert(l, v);
    }
}

static bool skipped(const struct loader *l, const struct conf_value *v)
{
    bool enable = v->object != NULL && str_ends(str_from_c(v->setting->key), S("<id>.enable"));
    if (enable)
        return false;
    if (l->conf->stage == CONF_BIND && !v->setting->bind)
        return true;
    return v->object != NULL && v->object->disabled;
}

// -- Unknown keys (configuration.md 13.2) ---------------------------------------------------------

static void report_unknown(struct loader *l)
{
    each_in_vec (u, &l->unknown) {
        bool silent = false;
        if (u->kind == UNKNOWN_LATER) {
            report_later(l, u);
        } else if (u->kind == UNKNOWN_KEY) {
            enum finding_severity severity = severity_of_unknown(l, u, &silent);
            if (!silent)
                report_unknown_key(l, u, severity);
        }
    }
    report_foreign(l);
}

static enum finding_severity severity_of_unknown(
        struct loader *l, const struct unknown_key *u, bool *out_silent)
{
    struct str mode = own_text(l, S("config.unknown-keys"));
    *out_silent = str_eq(mode, S("ignore"));
    if (str_eq(mode, S("warn")))
        return FINDING_WARNING;
    if (str_eq(mode, S("error")))
        return FINDING_ERROR;
    return u->where == l->conf->tree ? FINDING_WARNING : FINDING_ERROR;
}

static void report_unknown_key(
        struct loader *l, const struct unknown_key *u, enum finding_severity severity)
{
    struct str near = nearest(l, u);
    struct conf_origin at = conf_origin_of_key(u->origin);
    conf_say(l, &at,
            (struct finding){.severity = severity,
                    .class = FINDING_UNKNOWN,
                    .code = S("unknown-key"),
                    .key = u->key,
                    .message = str_is_null(near)
                                       ? S("unknown key")
                                       : arena_fmt(&l->scratch, "unknown key; did you mean %.*s?",
                                                 ARG(near))});
}

// What this build cannot do is never passed over in silence.
static void report_later(struct loader *l, const struct unknown_key *u)
{
    struct conf_origin at = conf_origin_of_key(u->origin);
    conf_say(l, &at,
            (struct finding){.severity = FINDING_ERROR,
                    .class = FINDING_BUILD,
                    .code = S("not-built"),
                    .key = u->key,
                    .message = arena_fmt(
                            &l->scratch, "this build does not have %s yet", u->setting->about)});
}

static void report_foreign(struct loader *l)
{
    struct buf names AUTO(buf_done);
    buf_init(&names, 4 * KIB);
    const struct unknown_key *first = NULL;
    each_in_vec (u, &l->unknown) {
        if (u->kind != UNKNOWN_FOREIGN || str_contains(buf_str(&names), u->key))
            continue;
        first = first != NULL ? first : u;
        if (names.len > 0)
            buf_add(&names, S(", "));
        buf_add(&names, u->key);
    }
    if (first != NULL)
        conf_say(l, &first->origin,
                (struct finding){.severity = FINDING_INFO,
                        .class = FINDING_UNKNOWN,
                        .code = S("foreign-keys"),
                        .message = arena_fmt(&l->scratch, "not of this server, not used: %.*s",
                                ARG(buf_str(&names)))});
}

// The name in the same table that is at most two letters away, as a whole key.
static struct str nearest(struct loader *l, const struct unknown_key *u)
{
    const struct setting_node *best = NULL;
    size_t best_distance = NEAR_MAX + 1;
    for (const struct setting_node *n = u->where != NULL ? u->where->first : NULL; n != NULL;
            n = n->next) {
        bool foreign = n->setting != NULL && n->setting->kind == SETTING_FOREIGN;
        size_t d = str_distance(n->name, u->part, NEAR_MAX);
        if (!foreign && !str_eq(n->name, S("<id>")) && !str_eq(n->name, S("#")) &&
                d < best_distance && d < n->name.len) {
            best = n;
            best_distance = d;
        }
    }
    if (best == NULL)
        return STR_NULL;
    struct str parent = str_upto(u->key, u->key.len - u->part.len); // bare or quoted: see below
    if (!str_ends(u->key, u->part))
        return best->name;
    return arena_fmt(&l->scratch, "%.*s%.*s", ARG(parent), ARG(best->name));
}

static struct str own_text(struct loader *l, struct str key)
{
    const struct conf_slot *slot = conf_slot_find(l->conf, key);
    if (slot == NULL || slot->own == NULL || slot->own->bad || slot->own->count != 1)
        return STR_NULL;
    return slot->own->elements[0].text;
}

// -- Objects --------------------------------------------------------------------------------------

static void check_required(struct loader *l)
{
    for (size_t i = 0; i < settings_count; i++) {
        const struct setting *s = &settings_table[i];
        struct str key = str_from_c(s->key);
        size_t at = str_find(key, S(".<id>."));
        if (!s->required || at == STR_NOT_FOUND || str_contains(key, S(".#.")))
            continue;
        const struct conf_map *m = conf_map_find(l->conf, str_upto(key, at));
        for (size_t o = 0; m != NULL && o < m->objects.count; o++)
            if (!m->objects.at[o]->disabled)
                check_required_of(l, m->objects.at[o], str_from(key, at + 5));
    }
    disable_lacking(l);
}

// Every key that lacks is told: whoever writes an object anew wants to know them all.
static void check_required_of(struct loader *l, struct conf_object *object, struct str member)
{
    struct buf full AUTO(buf_done);
    buf_init(&full, 2 * KEY_BYTES_MAX);
    buf_add(&full, object->map);
    key_add(&full, object->id);
    buf_add(&full, member);
    const struct conf_slot *slot = conf_slot_find(l->conf, buf_str(&full));
    if (slot != NULL && slot->own != NULL)
        return;
    conf_say(l, &object->origin,
            (struct finding){.severity = FINDING_ERROR,
                    .class = FINDING_BUILD,
                    .code = S("missing"),
                    .key = buf_str(&full),
                    .message = S("this must be set")});
    object->lacks = true;
}

static void disable_lacking(struct loader *l)
{
    struct str name;
    void *value;
    for (size_t i = 0; map_next(&l->conf->objects, &i, &name, &value);) {
        const struct conf_map *m = value;
        for (size_t o = 0; o < m->objects.count; o++)
            m->objects.at[o]->disabled |= m->objects.at[o]->lacks;
    }
}

static void check_references(struct loader *l)
{
    each_in_vec (p, &l->conf->values) {
        struct conf_value *v = *p;
        const struct setting *s = v->setting;
        for (size_t i = 0; i < v->count && !v->bad && !v->pending && !v->none; i++) {
            const struct conf_element *e = &v->elements[i];
            int place = v->list ? (int)i : -1;
            if (s->type == TYPE_ID && s->refers != NULL)
                v->dangles |= !check_reference(l, v, place, str_from_c(s->refers), e->text);
            if (s->type == TYPE_TABLES)
                v->dangles |= !check_members(l, v, place, e);
        }
    }
}

static bool check_members(
        struct loader *l, const struct conf_value *v, int place, const struct conf_element *table)
{
    bool good = true;
    const struct setting_node *rows = setting_members(l->conf->tree, v->setting);
    for (size_t i = 0; i < table->member_count; i++) {
        const struct setting *s = setting_child(rows, table->members[i].name)->setting;
        if (s->type == TYPE_ID && s->refers != NULL)
            good &= check_reference(l, v, place, str_from_c(s->refers), table->members[i].text);
    }
    return good;
}

static bool check_reference(
        struct loader *l, const struct conf_value *v, int element, struct str map, struct str id)
{
    if (id.len == 0 || conf_has_id(l->conf, map, id))
        return true;
    struct buf defined AUTO(buf_done);
    buf_init(&defined, 4 * KIB);
    const struct conf_map *m = conf_map_find(l->conf, map);
    for (size_t i = 0; m != NULL && i < m->objects.count; i++)
        buf_fmt(&defined, "%s%.*s", i == 0 ? "; defined: " : ", ", ARG(m->objects.at[i]->id));
    conf_complain(l, v, element, FINDING_BUILD, S("undefined"),
            "%.*s '%.*s' is not defined; add [%.*s.\"%.*s\"]%.*s", ARG(map), ARG(id), ARG(map),
            ARG(id), ARG(buf_str(&defined)));
    return false;
}

static void check_listeners(struct loader *l)
{
    const struct conf_map *m = conf_map_find(l->conf, S("server.listener"));
    for (size_t i = 0; m != NULL && i < m->objects.count; i++)
        if (!m->objects.at[i]->disabled)
            return;
    if (l->conf->refused)
        return; // what could not be read may well have held one
    struct str main = l->conf->texts.count > 0 ? l->conf->texts.at[0].used.path : STR_NULL;
    finding_add(l->findings,
            (struct finding){.severity = FINDING_ERROR,
                    .class = FINDING_BUILD,
                    .code = S("no-listener"),
                    .file = main,
                    .line = main.len > 0 ? 1 : 0,
                    .column = main.len > 0 ? 1 : 0,
                    .message = S("no listener is defined"),
                    .hint = S("add [server.listener.\"smtp\"] with bind = [\"[::]:25\"]")});
    l->conf->refused = true;
}

// configuration.md 5.3: a secret in a file that everybody can read is none.
static void check_secrets(struct loader *l)
{
    for (size_t i = 0; i < l->conf->texts.count; i++) {
        struct conf_text text = l->conf->texts.at[i];
        if (text.used.role != CONF_FILE_VALUE && (text.used.mode & 04) != 0)
            check_secret_file(l, &text);
    }
}

static void check_secret_file(struct loader *l, const struct conf_text *text)
{
    each_in_vec (p, &l->conf->values) {
        const struct conf_value *v = *p;
        bool plain = v->setting->type == TYPE_SECRET && v->source == VALUE_PLAIN && !v->bad &&
                     str_is_null(v->file) && v->count == 1 && !v->pending;
        if (!plain || !str_eq(v->origin.file, text->used.path) ||
                !str_eq(v->elements[0].text, v->elements[0].written))
            continue;
        conf_warn(l, v, -1, S("readable-secret"),
                "every user can read this file (mode %04o), which holds a secret", text->used.mode);
        return;
    }
}

// A right value that does nothing would be a promise.
static void check_idle(struct loader *l)
{
    each_in_vec (p, &l->conf->values)
        if ((*p)->setting->idle && !(*p)->pending && !(*p)->bad && !(*p)->dangles)
            conf_warn(l, *p, -1, S("no-effect"), "this has no effect yet in this build");
}

// configuration.md 7.1: what the server needs before it can open the store cannot be in it.
static void check_local_keys(struct loader *l)
{
    static const struct str musts[] = {
            S_INIT("config.local-keys"),
            S_INIT("server.run-as.user"),
            S_INIT("server.run-as.group"),
            S_INIT("cluster.node-id"),
    };
    if (!conf_is_set(l->conf, S("config.local-keys")))
        return;
    for (size_t i = 0; i < COUNT_OF(musts); i++)
        if (!conf_key_is_local(l->conf, musts[i]))
            conf_error(l->conf, l->findings, S("config.local-keys"), -1, S("local-keys"),
                    "these patterns put '%.*s' into the settings store, where the server could "
                    "not find it",
                    ARG(musts[i]));
}

static void check_pairs(struct loader *l)
{
    struct str user = S("metrics.prometheus.auth.username");
    struct str secret = S("metrics.prometheus.auth.secret");
    bool has_user = is_written(l, user), has_secret = is_written(l, secret);
    if (has_user != has_secret)
        conf_error(l->conf, l->findings, has_user ? user : secret, -1, S("half-pair"),
                "%.*s must be set too", ARG(has_user ? secret : user));
}

// What is written but wrong has its error already.
static bool is_written(const struct loader *l, struct str key)
{
    const struct conf_slot *slot = conf_slot_find(l->conf, key);
    return slot != NULL && slot->own != NULL && !slot->own->none;
}

static void list_files(struct loader *l)
{
    struct conf *conf = l->conf;
    conf->used = arena_array(&conf->arena, conf->texts.count + 1, struct conf_file_used);
    if (conf->used == NULL) {
        conf_no_memory(l);
        return;
    }
    for (size_t i = 0; i < conf->texts.count; i++)
        conf->used[i] = conf->texts.at[i].used;
}
