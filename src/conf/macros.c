// SPDX-License-Identifier: Apache-2.0
// conf/macros.c: %{env:NAME}%, %{file:PATH}% and %{cfg:KEY}% in values, values that are files as a
// whole, and the sub-keys of secrets (configuration.md 5). A result is not looked at again, except
// that the value of a %{cfg:}% is an expanded one; its chain is bounded and told when it is a
// circle. Each value is expanded once, in place, whoever asks first.
#include "conf/snapshot.h"

struct expansion {
    struct loader *l;
    struct conf_value *v;
    struct conf_element *e;
    struct buf out;
    bool env_only; // include.*: nothing else is known yet
    bool pending;
};

static bool expand_element(
        struct loader *l, struct conf_value *v, struct conf_element *e, bool env_only);
static bool expand_text(struct expansion *x);
static bool expand_macro(struct expansion *x, struct str inner);
static bool expand_env(struct expansion *x, struct str arg);
static bool expand_file(struct expansion *x, struct str arg);
static bool expand_cfg(struct expansion *x, struct str key);
static bool add_text(struct expansion *x, struct str text);
static bool add_cfg(struct expansion *x, struct conf_value *from, struct conf_element *e);
static bool allowed_here(struct expansion *x, struct str class);
static struct conf_element *cfg_find(
        struct expansion *x, struct str key, struct conf_value **out_value);
static bool is_circle(struct expansion *x, struct conf_value *next);
static bool expand_whole_file(struct loader *l, struct conf_value *v, struct conf_element *e);
static bool expand_source_env(struct loader *l, struct conf_value *v, struct conf_element *e);
static bool complain(struct expansion *x, const char *fmt, ...) PRINTF_LIKE(2, 3);

bool conf_expand(struct loader *l, struct conf_value *v)
{
    if (v->macros == MACROS_DONE)
        return !v->bad && !v->pending;
    if (l->chain_count == CONF_MACRO_DEPTH_MAX) {
        conf_complain(l, v, -1, FINDING_MACRO, S("macro"), "%%{cfg:}%% goes deeper than 16 keys");
        return false;
    }
    v->macros = MACROS_RUNNING;
    l->chain[l->chain_count++] = v;
    for (size_t i = 0; i < v->count && !v->pending; i++) {
        struct conf_element *e = &v->elements[i];
        bool good = expand_element(l, v, e, false);
        for (size_t m = 0; good && m < e->member_count; m++)
            good = expand_element(l, v, &e->members[m], false);
        v->bad = v->bad || (!good && !v->pending);
    }
    l->chain_count--;
    v->macros = MACROS_DONE;
    return !v->bad && !v->pending;
}

bool conf_expand_env(struct loader *l, struct conf_value *v, struct conf_element *e)
{
    return expand_element(l, v, e, true);
}

static bool expand_element(
        struct loader *l, struct conf_value *v, struct conf_element *e, bool env_only)
{
    struct expansion x = {.l = l, .v = v, .e = e, .env_only = env_only};
    bool good = true;
    if (e->form == TOML_STRING && str_contains(e->text, S("%{"))) {
        buf_init(&x.out, 2 * CONF_VALUE_FILE_BYTES_MAX);
        good = expand_text(&x);
        if (good && x.out.overflow)
            good = complain(&x, "the expanded value is larger than 8 MiB");
        if (good)
            e->text = arena_str(&l->conf->arena, buf_str(&x.out));
        buf_done(&x.out);
        if (good && str_is_null(e->text)) {
            conf_no_memory(l);
            return false;
        }
    }
    if (x.pending)
        v->pending = true;
    if (!good || env_only)
        return good && !x.pending;
    if (v->source == VALUE_ENV)
        return expand_source_env(l, v, e);
    return expand_whole_file(l, v, e);
}

// text = *( "%%{" / "%{" macro "}%" / byte )
static bool expand_text(struct expansion *x)
{
    struct scan in = scan_over(x->e->text);
    for (uint8_t c; scan_any(&in, &c);) {
        if (c == '%' && scan_lit(&in, S("%{"))) { // "%%{"
            buf_add(&x->out, S("%{"));
        } else if (c == '%' && scan_byte(&in, '{')) {
            struct str rest = scan_rest(&in);
            size_t len = str_find(rest, S("}%"));
            if (len == STR_NOT_FOUND)
                return complain(x, "'%%{' without a closing '}%%' at byte %zu of the value",
                        scan_offset(&in) - 1);
            if (!expand_macro(x, str_upto(rest, len)))
                return false;
            scan_skip(&in, len + 2);
        } else {
            buf_add_byte(&x->out, (char)c);
        }
    }
    return true;
}

static bool expand_macro(struct expansion *x, struct str inner)
{
    struct str class, arg;
    if (str_cut(inner, ':', &class, &arg)) {
        if (str_eq(class, S("env")))
            return expand_env(x, arg);
        if (str_eq(class, S("file")))
            return allowed_here(x, class) && expand_file(x, arg);
        if (str_eq(class, S("cfg")))
            return allowed_here(x, class) && expand_cfg(x, arg);
    }
    return complain(x, "unknown macro '%%{%.*s}%%' (known: env:NAME, file:PATH, cfg:KEY)",
            ARG(str_upto(inner, 100)));
}

// configuration.md 5.1, last paragraph but one: what is needed before privileges are dropped.
static bool allowed_here(struct expansion *x, struct str class)
{
    if (x->env_only)
        return complain(x, "only %%{env:NAME}%% works in include.*, not '%.*s'", ARG(class));
    if (x->v->setting->bind)
        return complain(x,
                "'%.*s' macros do not work here: this is needed before files are read as the "
                "user of the server; %%{env:NAME}%% works",
                ARG(class));
    return true;
}

// %{env:NAME}% / %{env:NAME:-default}%
static bool expand_env(struct expansion *x, struct str arg)
{
    struct str name = arg, otherwise = STR_NULL;
    size_t at = str_find(arg, S(":-"));
    if (at != STR_NOT_FOUND) {
        name = str_upto(arg, at);
        otherwise = str_from(arg, at + 2);
    }
    struct str value = conf_env_exact(&x->l->conf->env, name);
    if (str_is_null(value) && at != STR_NOT_FOUND)
        value = otherwise;
    else if (str_is_null(value))
        return complain(x, "environment variable '%.*s' is not set", ARG(name));
    if (!str_is_utf8(value))
        return complain(x, "environment variable '%.*s' is not UTF-8", ARG(name));
    conf_fingerprint_add(x->l->conf, value);
    return add_text(x, value);
}

static bool expand_file(struct expansion *x, struct str arg)
{
    struct str path = arg, text, full;
    if (x->l->conf->stage == CONF_BIND) {
        x->pending = true;
        return true;
    }
    if (str_starts(path, S("//")))
        path = str_from(path, 2);
    if (!conf_read_value_file(x->l, x->v, x->e, path, &text, &full))
        return false;
    bool alone = arg.len + sizeof("%{file:}%") - 1 == x->e->text.len;
    if (alone)
        x->v->file = full; // nothing but the file: as good as file://
    return add_text(x, text);
}

static bool expand_cfg(struct expansion *x, struct str key)
{
    struct conf_value *from;
    struct conf_element *e = cfg_find(x, key, &from);
    if (e == NULL)
        return false;
    if (is_circle(x, from))
        return false;
    return add_cfg(x, from, e);
}

static bool add_cfg(struct expansion *x, struct conf_value *from, struct conf_element *e)
{
    if (!conf_expand(x->l, from)) {
        x->pending = from->pending;
        return from->pending; // what is wrong with it was said where it stands
    }
    if (from->setting->type == TYPE_SECRET && x->v->setting->type != TYPE_SECRET)
        return complain(x, "%%{cfg:%.*s}%% is a secret, this key is not", ARG(from->key));
    return add_text(x, e->text);
}

static bool add_text(struct expansion *x, struct str text)
{
    buf_add(&x->out, text);
    return true;
}

// A scalar, or a member of a flat map. configuration.md 5.1
static struct conf_element *cfg_find(
        struct expansion *x, struct str key, struct conf_value **out_value)
{
    struct conf_slot *slot = conf_slot_find(x->l->conf, key);
    if (slot != NULL && slot->own != NULL && !slot->own->list && slot->own->count == 1) {
        *out_value = slot->own;
        return slot->own->elements;
    }
    if (slot != NULL && slot->own != NULL) {
        complain(x, "%%{cfg:%.*s}%%: that key is a list or table", ARG(key));
        return NULL;
    }
    for (size_t dot = key.len; dot > 0; dot--) {
        if (key.ptr[dot - 1] != '.')
            continue;
        slot = conf_slot_find(x->l->conf, str_upto(key, dot - 1));
        if (slot == NULL || slot->own == NULL || slot->setting->many != MANY_FLAT)
            continue;
        for (size_t i = 0; i < slot->own->count; i++) {
            if (str_eq(slot->own->elements[i].name, str_from(key, dot))) {
                *out_value = slot->own;
                return &slot->own->elements[i];
            }
        }
    }
    complain(x, "%%{cfg:%.*s}%%: no such key in these files", ARG(key));
    return NULL;
}

static bool is_circle(struct expansion *x, struct conf_value *next)
{
    struct loader *l = x->l;
    size_t at = 0;
    if (next->macros != MACROS_RUNNING)
        return false;
    while (at < l->chain_count && l->chain[at] != next)
        at++;
    struct buf chain AUTO(buf_done);
    buf_init(&chain, 32 * KIB);
    for (; at < l->chain_count; at++)
        buf_fmt(&chain, "%.*s -> ", ARG(l->chain[at]->key));
    complain(x, "%%{cfg:}%% in a circle: %.*s%.*s", ARG(buf_str(&chain)), ARG(next->key));
    return true;
}

// file:///abs, file:rel (configuration.md 5.2) and k.file; a secret must not come out empty.
static bool expand_whole_file(struct loader *l, struct conf_value *v, struct conf_element *e)
{
    bool has_files = v->setting->type == TYPE_TEXT || v->setting->type == TYPE_SECRET;
    struct str path = e->text, text = e->text;
    if (!has_files)
        return true;
    bool named = v->source == VALUE_FILE;
    if (!named && str_starts(path, S("file:"))) {
        path = str_from(path, 5);
        path = str_starts(path, S("//")) ? str_from(path, 2) : path;
        named = true;
    }
    if (named && l->conf->stage == CONF_BIND) {
        v->pending = true;
        return false;
    }
    if (named && !conf_read_value_file(l, v, e, path, &text, &v->file))
        return false;
    e->text = text;
    if (v->setting->type == TYPE_SECRET && text.len == 0 && !v->pending) {
        conf_complain(l, v, -1, FINDING_PARSE, S("empty-secret"), "secret is empty");
        return false;
    }
    return true;
}

static bool expand_source_env(struct loader *l, struct conf_value *v, struct conf_element *e)
{
    struct str value = conf_env_exact(&l->conf->env, e->text);
    if (str_is_null(value)) {
        conf_complain(l, v, -1, FINDING_MACRO, S("macro"), "environment variable '%.*s' is not set",
                ARG(e->text));
        return false;
    }
    conf_fingerprint_add(l->conf, value);
    e->text = value;
    if (value.len > 0 || v->setting->type != TYPE_SECRET)
        return true;
    conf_complain(l, v, -1, FINDING_PARSE, S("empty-secret"), "secret is empty");
    return false;
}

static bool complain(struct expansion *x, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    struct str message = arena_vfmt(&x->l->scratch, fmt, args);
    va_end(args);
    // A member of a table in a list is no element of its own: the whole key is pointed at.
    bool direct = x->e >= x->v->elements && x->e < x->v->elements + x->v->count;
    conf_complain(x->l, x->v, direct ? (int)(x->e - x->v->elements) : -1, FINDING_MACRO, S("macro"),
            "%.*s", ARG(message));
    return false;
}
