// SPDX-License-Identifier: Apache-2.0
// conf/objects.c: JSON documents of objects (configuration.md 14.1 to 14.4 and 14.6) as a tree with
// TOML keys, so that everything behind this file knows one form only. The JSON names of members
// stand in the table of settings; each node keeps the line and column of its JSON value.
//
// A document is one object, an array of objects, both of the declared type, or an object of types:
// {"NetworkListener": [...], "SystemSettings": {...}}.
#include "conf/snapshot.h"

#include "base/json.h"

struct objects {
    struct loader *l;
    struct str file;
    struct toml *root;
};

// Types that are a map: their id is a member of the object.
struct object_type {
    struct str name;
    struct str map;     // "server.listener"; null: a singleton
    struct str natural; // the member that is the id
};
static const struct object_type types[] = {
        {S_INIT("NetworkListener"), S_INIT("server.listener"), S_INIT("name")},
        {S_INIT("Certificate"), S_INIT("certificate"), S_INIT("name")},
        {S_INIT("Tracer"), S_INIT("tracer"), S_INIT("name")},
        {S_INIT("MtaInboundThrottle"), S_INIT("queue.limiter.inbound"), S_INIT("name")},
        {S_INIT("SystemSettings"), {0}, {0}},
        {S_INIT("SpamSettings"), {0}, {0}},
        {S_INIT("Security"), {0}, {0}},
        {S_INIT("Http"), {0}, {0}},
};

static void document(struct objects *o, const struct json *doc, struct str declared);
static void objects_of(struct objects *o, const struct json *value, struct str type);
static void object(struct objects *o, const struct json *value, struct str type_name);
static void member(
        struct objects *o, const struct json *value, const struct object_type *type, struct str id);
static const struct setting *row_of(struct str type, struct str member);
static bool set_at(
        struct objects *o, const struct json *value, const struct setting *row, struct str id);
static struct toml *child(struct objects *o, struct toml *parent, struct str key,
        const struct json *at, enum toml_type type);
static bool convert(struct objects *o, struct toml *parent, struct str key,
        const struct json *value, const struct setting *row);
static bool convert_object(struct objects *o, struct toml *parent, struct str key,
        const struct json *value, const struct setting *row);
static bool convert_rate(
        struct objects *o, struct toml *parent, struct str key, const struct json *value);
static bool convert_expression(
        struct objects *o, struct toml *parent, struct str key, const struct json *value);
static bool convert_secret(
        struct objects *o, struct toml *parent, struct str key, const struct json *value);
static void address_entry(struct objects *o, const struct json *value, struct str map);
static void lookup_entry(struct objects *o, const struct json *value);
static bool complain(struct objects *o, const struct json *at, struct str code, const char *fmt,
        ...) PRINTF_LIKE(4, 5);

struct toml *conf_objects_tree(
        struct loader *l, struct str file, struct str text, struct str declared_type)
{
    struct json_error bad;
    struct objects o = {.l = l, .file = file, .root = arena_make(&l->scratch, struct toml)};
    const struct json *doc = json_parse(&l->scratch, text, &bad);
    if (doc == NULL) {
        struct conf_origin at = {
                .kind = CONF_FROM_FILE, .file = file, .line = bad.line, .column = bad.column};
        conf_say(l, &at,
                (struct finding){.severity = FINDING_ERROR,
                        .class = FINDING_SYNTAX,
                        .code = S("syntax"),
                        .message = bad.message});
        return NULL;
    }
    if (o.root == NULL) {
        conf_no_memory(l);
        return NULL;
    }
    *o.root = (struct toml){.type = TOML_TABLE, .file = file, .line = 1, .column = 1};
    document(&o, doc, declared_type);
    return o.root;
}

static void document(struct objects *o, const struct json *doc, struct str declared)
{
    const struct json *type = json_member(doc, S("@type"));
    if (declared.len > 0) {
        objects_of(o, doc, declared);
    } else if (doc->type == JSON_OBJECT && type != NULL) {
        complain(o, type, S("not-built"), "this build does not have stores yet");
    } else if (doc->type == JSON_OBJECT) {
        for (const struct json *m = doc->first; m != NULL; m = m->next)
            objects_of(o, m, m->key);
    } else {
        complain(o, doc, S("bad-object"),
                "expected {\"TYPE\": [ ... ]}, for example {\"NetworkListener\": [ ... ]}");
    }
}

static void objects_of(struct objects *o, const struct json *value, struct str type)
{
    if (value->type != JSON_ARRAY) {
        object(o, value, type);
        return;
    }
    for (const struct json *one = value->first; one != NULL; one = one->next)
        object(o, one, type);
}

static void object(struct objects *o, const struct json *value, struct str type_name)
{
    const struct object_type *type = NULL;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(types[i].name, type_name))
            type = &types[i];
    if (value->type != JSON_OBJECT) {
        complain(o, value, S("bad-object"), "expected an object of type %.*s", ARG(type_name));
    } else if (str_eq(type_name, S("BlockedIp")) || str_eq(type_name, S("AllowedIp"))) {
        bool blocked = str_eq(type_name, S("BlockedIp"));
        address_entry(o, value, blocked ? S("blocked-ip") : S("allowed-ip"));
    } else if (str_starts(type_name, S("MemoryLookupKey"))) {
        lookup_entry(o, value);
    } else if (type == NULL) {
        complain(o, value, S("not-built"), "this build does not have objects of type %.*s",
                ARG(type_name));
    } else {
        struct str id = json_string(json_member(value, type->natural), STR_NULL);
        if (type->map.len > 0 && id.len == 0) {
            complain(o, value, S("missing"), "an object of type %.*s needs a '%.*s'",
                    ARG(type_name), ARG(type->natural));
            return;
        }
        for (const struct json *m = value->first; m != NULL; m = m->next)
            if (!str_starts(m->key, S("@")) && !str_eq(m->key, type->natural))
                member(o, m, type, id);
    }
}

static void member(
        struct objects *o, const struct json *value, const struct object_type *type, struct str id)
{
    const struct setting *row = row_of(type->name, value->key);
    if (row == NULL)
        complain(o, value, S("unknown-key"), "an object of type %.*s has no member '%.*s'",
                ARG(type->name), ARG(value->key));
    else if (!set_at(o, value, row, id))
        complain(o, value, value_type_code(row->type), "'%.*s' cannot hold this value",
                ARG(value->key));
}

static const struct setting *row_of(struct str type, struct str member_name)
{
    for (size_t i = 0; i < settings_count; i++) {
        struct str object_name, name;
        if (str_cut(str_from_c(settings_table[i].json), '.', &object_name, &name) &&
                str_eq(object_name, type) && str_eq(name, member_name))
            return &settings_table[i];
    }
    return NULL;
}

// Tables down to the row's place, then the value.
static bool set_at(
        struct objects *o, const struct json *value, const struct setting *row, struct str id)
{
    struct str rest = str_from_c(row->key), part, last = STR_NULL;
    struct toml *table = o->root;
    while (str_split(&rest, '.', &part)) {
        struct str key = str_eq(part, S("<id>")) ? id : part;
        last = key;
        if (str_is_null(rest))
            break;
        struct toml *next = toml_member(table, key);
        table = next != NULL ? next : child(o, table, key, value, TOML_TABLE);
        if (table == NULL)
            return true; // without memory, which was said
    }
    // null is "no value": of an optional key the off switch, of all others "not given".
    if (value->type == JSON_NULL && !row->optional)
        return true;
    return convert(o, table, last, value, row);
}

static struct toml *child(struct objects *o, struct toml *parent, struct str key,
        const struct json *at, enum toml_type type)
{
    struct toml *n = arena_make(&o->l->scratch, struct toml);
    if (n == NULL) {
        conf_no_memory(o->l);
        return NULL;
    }
    *n = (struct toml){
            .type = type,
            .file = o->file,
            .line = at->line,
            .column = at->column,
            .key = key,
            .key_line = at->key_line > 0 ? at->key_line : at->line,
            .key_column = at->key_line > 0 ? at->key_column : at->column,
            .parent = parent,
    };
    if (parent->last != NULL)
        parent->last->next = n;
    else
        parent->first = n;
    parent->last = n;
    parent->count++;
    return n;
}

// One level of arrays and objects more than the table of settings has is refused, so this does not
// go deep.
static bool convert(struct objects *o, struct toml *parent, struct str key,
        const struct json *value, const struct setting *row)
{
    struct toml *n = NULL;
    bool good = true;
    switch (value->type) {
    case JSON_OBJECT:
        return convert_object(o, parent, key, value, row);
    case JSON_NULL:
    case JSON_FALSE:
    case JSON_TRUE:
        n = child(o, parent, key, value, TOML_BOOL);
        if (n != NULL)
            n->boolean = value->type == JSON_TRUE;
        return true;
    case JSON_NUMBER:
        n = child(o, parent, key, value, TOML_INTEGER);
        if (n != NULL && !json_to_i64(value, &n->integer)) {
            n->type = TOML_FLOAT;
            good = json_to_double(value, &n->real);
        }
        return good;
    case JSON_STRING:
        n = child(o, parent, key, value, TOML_STRING);
        if (n != NULL)
            n->text = value->text;
        return true;
    case JSON_ARRAY:
        if (str_is_null(key)) // a list in a list
            return false;
        n = child(o, parent, key, value, TOML_ARRAY);
        for (const struct json *e = value->first; n != NULL && e != NULL; e = e->next)
            good = convert(o, n, STR_NULL, e, row) && good;
        return good;
    }
    return false;
}

static bool convert_object(struct objects *o, struct toml *parent, struct str key,
        const struct json *value, const struct setting *row)
{
    bool good = true;
    if (row->type == TYPE_RATE)
        return convert_rate(o, parent, key, value);
    if (row->type == TYPE_EXPRESSION)
        return convert_expression(o, parent, key, value);
    if (row->type == TYPE_SECRET || row->type == TYPE_TEXT)
        return convert_secret(o, parent, key, value);
    if (row->many == MANY_NOT || (str_is_null(key) && row->type != TYPE_TABLES))
        return false;
    // A set or list as an object, or one table of a list of tables.
    struct toml *n = child(o, parent, key, value, TOML_TABLE);
    for (const struct json *m = value->first; n != NULL && m != NULL; m = m->next) {
        if (m->type == JSON_OBJECT || m->type == JSON_ARRAY)
            good = false;
        else if (m->type != JSON_NULL)
            good = convert(o, n, m->key, m, row) && good;
    }
    return good;
}

static bool convert_rate(
        struct objects *o, struct toml *parent, struct str key, const struct json *value)
{
    int64_t count, period_ms;
    if (!json_to_i64(json_member(value, S("count")), &count) ||
            !json_to_i64(json_member(value, S("period")), &period_ms))
        return false;
    struct toml *n = child(o, parent, key, value, TOML_STRING);
    if (n != NULL)
        n->text = arena_fmt(&o->l->scratch, "%lld/%lldms", (long long)count, (long long)period_ms);
    return true;
}

// {"match": [{"if": "...", "then": "..."}], "else": "..."} (configuration.md 14.3)
static bool convert_expression(
        struct objects *o, struct toml *parent, struct str key, const struct json *value)
{
    const struct json *match = json_member(value, S("match"));
    const struct json *otherwise = json_member(value, S("else"));
    struct setting text = {.type = TYPE_STRING};
    bool has_match = match != NULL && match->count > 0;
    if (!has_match && (otherwise == NULL || otherwise->type != JSON_STRING))
        return otherwise == NULL;
    if (!has_match)
        return convert(o, parent, key, otherwise, &text);
    struct toml *list = child(o, parent, key, value, TOML_ARRAY);
    for (const struct json *m = match->first; list != NULL && m != NULL; m = m->next) {
        struct toml *entry = child(o, list, STR_NULL, m, TOML_TABLE);
        for (const struct json *part = m->first; entry != NULL && part != NULL; part = part->next)
            if (part->type == JSON_OBJECT || !convert(o, entry, part->key, part, &text))
                return false;
    }
    struct toml *last = list != NULL && otherwise != NULL
                                ? child(o, list, STR_NULL, otherwise, TOML_TABLE)
                                : NULL;
    return last == NULL || convert(o, last, S("else"), otherwise, &text);
}

// {"@type": "Value", "secret": "..."} and its siblings (configuration.md 14.2)
static bool convert_secret(
        struct objects *o, struct toml *parent, struct str key, const struct json *value)
{
    static const struct {
        struct str variant, member, toml;
    } forms[] = {
            {S_INIT("Value"), S_INIT("secret"), {0}},
            {S_INIT("Text"), S_INIT("secret"), {0}},
            {S_INIT("Text"), S_INIT("value"), {0}},
            {S_INIT("EnvironmentVariable"), S_INIT("variableName"), S_INIT("env")},
            {S_INIT("File"), S_INIT("filePath"), S_INIT("file")},
    };
    struct str variant = json_string(json_member(value, S("@type")), STR_NULL);
    struct setting text = {.type = TYPE_STRING};
    if (str_eq(variant, S("None")))
        return true;
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        const struct json *content = json_member(value, forms[i].member);
        if (!str_eq(variant, forms[i].variant) || content == NULL || content->type != JSON_STRING)
            continue;
        if (str_is_null(forms[i].toml))
            return convert(o, parent, key, content, &text);
        struct toml *table = child(o, parent, key, value, TOML_TABLE);
        return table == NULL || convert(o, table, forms[i].toml, content, &text);
    }
    return false;
}

// BlockedIp and AllowedIp: server.blocked-ip."ADDRESS" = "reason=... created=... expires=..."
static void address_entry(struct objects *o, const struct json *value, struct str map)
{
    static const struct {
        struct str json, word;
    } notes[] = {
            {S_INIT("reason"), S_INIT("reason")},
            {S_INIT("createdAt"), S_INIT("created")},
            {S_INIT("expiresAt"), S_INIT("expires")},
    };
    struct str address = json_string(json_member(value, S("address")), STR_NULL);
    struct toml *server = toml_member(o->root, S("server"));
    struct str note = S("");
    if (address.len == 0) {
        complain(o, value, S("missing"), "an address entry needs an 'address'");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(notes); i++) {
        struct str text = json_string(json_member(value, notes[i].json), S(""));
        if (text.len > 0)
            note = arena_fmt(&o->l->scratch, "%.*s%s%.*s=%.*s", ARG(note), note.len > 0 ? " " : "",
                    ARG(notes[i].word), ARG(text));
    }
    if (server == NULL)
        server = child(o, o->root, S("server"), value, TOML_TABLE);
    struct toml *table = server != NULL ? toml_member(server, map) : NULL;
    if (table == NULL && server != NULL)
        table = child(o, server, map, value, TOML_TABLE);
    struct toml *entry = table != NULL ? child(o, table, address, value, TOML_STRING) : NULL;
    if (entry != NULL)
        entry->text = note;
}

// MemoryLookupKey and MemoryLookupKeyValue: lookup.<namespace>.<key>
static void lookup_entry(struct objects *o, const struct json *value)
{
    struct str space = json_string(json_member(value, S("namespace")), STR_NULL);
    struct str key = json_string(json_member(value, S("key")), STR_NULL);
    const struct json *pattern = json_member(value, S("isGlobPattern"));
    if (space.len == 0 || key.len == 0) {
        complain(o, value, S("missing"), "a lookup entry needs 'namespace' and 'key'");
        return;
    }
    struct buf escaped AUTO(buf_done);
    buf_init(&escaped, 2 * KEY_BYTES_MAX);
    for (size_t i = 0; i < key.len; i++) {
        bool special = key.ptr[i] == '*' || key.ptr[i] == '?' || key.ptr[i] == '\\';
        if (special && (pattern == NULL || pattern->type != JSON_TRUE))
            buf_add_byte(&escaped, '\\');
        buf_add_byte(&escaped, key.ptr[i]);
    }
    struct toml *lookup = toml_member(o->root, S("lookup"));
    if (lookup == NULL)
        lookup = child(o, o->root, S("lookup"), value, TOML_TABLE);
    struct toml *list = lookup != NULL ? toml_member(lookup, space) : NULL;
    if (list == NULL && lookup != NULL)
        list = child(o, lookup, space, value, TOML_TABLE);
    struct str name = arena_str(&o->l->scratch, buf_str(&escaped));
    struct toml *entry = list != NULL ? child(o, list, name, value, TOML_STRING) : NULL;
    if (entry != NULL)
        entry->text = json_string(json_member(value, S("value")), S(""));
}

static bool complain(
        struct objects *o, const struct json *at, struct str code, const char *fmt, ...)
{
    struct conf_origin origin = {
            .kind = CONF_FROM_FILE, .file = o->file, .line = at->line, .column = at->column};
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(&o->l->scratch, fmt, args);
    va_end(args);
    conf_say(o->l, &origin,
            (struct finding){.severity = FINDING_ERROR, .code = code, .message = message});
    return false;
}
