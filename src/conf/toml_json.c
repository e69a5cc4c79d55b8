// SPDX-License-Identifier: Apache-2.0
// conf/toml_json.c: a document as tagged JSON, the form of the public test data: each scalar is
// {"type": T, "value": TEXT}. Walks without recursion: trees may be hundreds of tables deep.
#include "conf/toml.h"

static void node_begin(struct json_out *o, const struct toml *node);
static void node_end(struct json_out *o, const struct toml *node);
static void scalar(struct json_out *o, const struct toml *node);
static void float_add(struct buf *out, double value);
static void date_add(struct buf *out, const struct toml *node);
static bool has_members(const struct toml *node);

static const struct str tags[] = {
        [TOML_STRING] = S_INIT("string"),
        [TOML_INTEGER] = S_INIT("integer"),
        [TOML_FLOAT] = S_INIT("float"),
        [TOML_BOOL] = S_INIT("bool"),
        [TOML_DATETIME] = S_INIT("datetime"),
        [TOML_DATETIME_LOCAL] = S_INIT("datetime-local"),
        [TOML_DATE_LOCAL] = S_INIT("date-local"),
        [TOML_TIME_LOCAL] = S_INIT("time-local"),
};

void toml_tagged_json(struct json_out *o, const struct toml *doc)
{
    const struct toml *node = doc;
    node_begin(o, node);
    while (true) {
        if (has_members(node) && node->first != NULL) {
            node = node->first;
        } else {
            node_end(o, node);
            while (node != doc && node->next == NULL) {
                node = node->parent;
                node_end(o, node);
            }
            if (node == doc)
                return;
            node = node->next;
        }
        node_begin(o, node);
    }
}

static void node_begin(struct json_out *o, const struct toml *node)
{
    if (!str_is_null(node->key) && node->parent != NULL)
        json_key(o, node->key);
    if (node->type == TOML_TABLE)
        json_object_begin(o);
    else if (node->type == TOML_ARRAY)
        json_array_begin(o);
    else
        scalar(o, node);
}

static void node_end(struct json_out *o, const struct toml *node)
{
    if (node->type == TOML_TABLE)
        json_object_end(o);
    else if (node->type == TOML_ARRAY)
        json_array_end(o);
}

static bool has_members(const struct toml *node)
{
    return node->type == TOML_TABLE || node->type == TOML_ARRAY;
}

static void scalar(struct json_out *o, const struct toml *node)
{
    struct buf value AUTO(buf_done);
    buf_init(&value, KIB);
    struct str text = node->text;
    if (node->type == TOML_INTEGER)
        buf_add_i64(&value, node->integer);
    else if (node->type == TOML_FLOAT)
        float_add(&value, node->real);
    else if (node->type == TOML_BOOL)
        buf_add(&value, node->boolean ? S("true") : S("false"));
    else if (node->type != TOML_STRING)
        date_add(&value, node);
    json_object_begin(o);
    json_put_str(o, S("type"), tags[node->type]);
    json_put_str(o, S("value"), node->type == TOML_STRING ? text : buf_str(&value));
    json_object_end(o);
}

static void float_add(struct buf *out, double value)
{
    if (__builtin_isnan(value))
        buf_add(out, S("nan"));
    else if (__builtin_isinf(value))
        buf_add(out, value < 0 ? S("-inf") : S("inf"));
    else
        buf_add_double(out, value);
}

// RFC 3339 as most write it: T and Z in upper case, no blank, and seconds, which TOML 1.1.0 lets be
// left out.
static void date_add(struct buf *out, const struct toml *node)
{
    struct str text = node->text;
    size_t minutes_end = node->type == TOML_TIME_LOCAL ? 5 : 16; // 07:32, 1979-05-27T07:32
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)byte_to_upper((uint8_t)text.ptr[i]);
        if (i == minutes_end && c != ':')
            buf_add(out, S(":00"));
        buf_add_byte(out, c == ' ' ? 'T' : c);
    }
    if (text.len == minutes_end)
        buf_add(out, S(":00"));
}
