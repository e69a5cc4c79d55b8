// SPDX-License-Identifier: Apache-2.0
// directory/settings.c: the keys of directories (directory.md 1.3), in two rounds: chains name the
// others. Domains and the accounts of memory directories have files of their own.
#include "directory/settings.h"

#include "conf/conf.h"
#include "directory/memory.h"

static struct err read_directories(struct directory_reading *r);
static struct err read_directory(struct directory_reading *r, struct str id, struct directory *d);
static struct err read_chain(struct directory_reading *r, struct directory *d);
static void check_chain_link(
        struct directory_reading *r, struct str key, int element, const struct directory *link);
static void pick_default(struct directory_reading *r);
static void check_internals(struct directory_reading *r);
static void read_authentication(struct directory_reading *r);
static struct str item(struct directory_reading *r, struct str id, struct str member);

struct err directory_settings_make(struct arena *a, const struct conf *conf,
        struct findings *findings, const struct directory_settings **out)
{
    struct directory_settings *s = arena_make(a, struct directory_settings);
    struct map *domains = mem_new(struct map);
    if (s == NULL || domains == NULL) {
        mem_free(domains);
        return fail(ERR_LIMIT, "no memory for the directories");
    }
    map_init(domains, 0, 0);
    s->domains = domains;
    *out = s; // also when it fails: what was made so far is to be freed
    struct directory_reading r = {.arena = a, .conf = conf, .findings = findings, .out = s};
    TRY(read_directories(&r));
    pick_default(&r);
    check_internals(&r);
    read_authentication(&r);
    return settings_read_domains(&r);
}

void directory_settings_free(const struct directory_settings *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->count; i++)
        if (s->all[i].memory != NULL)
            memory_done(s->all[i].memory);
    map_done(s->domains);
    mem_free(s->domains);
}

static struct err read_directories(struct directory_reading *r)
{
    struct conf_ids ids = conf_ids(r->conf, S("directory"));
    struct directory *all = arena_array(r->arena, ids.count + 1, struct directory);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the directories");
    r->out->all = all;
    for (size_t i = 0; i < ids.count; i++) {
        struct err e = read_directory(r, ids.at[i], &all[r->out->count]);
        r->out->count++; // from here on it is freed with the others
        TRY(e);
    }
    for (size_t i = 0; i < r->out->count; i++)
        TRY(read_chain(r, &all[i]));
    return OK;
}

static struct err read_directory(struct directory_reading *r, struct str id, struct directory *d)
{
    static const struct {
        struct str word;
        enum directory_type type;
    } types[] = {{S_INIT("internal"), DIRECTORY_INTERNAL}, {S_INIT("memory"), DIRECTORY_MEMORY},
            {S_INIT("chain"), DIRECTORY_CHAIN}};
    struct str word = conf_str(r->conf, item(r, id, S("type")));
    d->id = id;
    for (size_t i = 0; i < COUNT_OF(types); i++)
        if (str_eq(types[i].word, word))
            d->type = types[i].type;
    TRY(conf_strs(r->arena, r->conf, item(r, id, S("login.domains")), &d->login_domains));
    d->default_domain = conf_str(r->conf, item(r, id, S("default-domain")));
    if (str_is_empty(d->default_domain))
        d->default_domain = conf_str(r->conf, S("report.domain"));
    static const struct str of_memory[] = {S_INIT("principals"), S_INIT("lookup.domains")};
    for (size_t i = 0; d->type != DIRECTORY_MEMORY && i < COUNT_OF(of_memory); i++)
        if (conf_is_set(r->conf, item(r, id, of_memory[i])))
            conf_error(r->conf, r->findings, item(r, id, of_memory[i]), -1, S("wrong-type"),
                    "only a directory of type \"memory\" has this");
    return d->type == DIRECTORY_MEMORY ? settings_read_memory(r, d) : OK;
}

static struct err read_chain(struct directory_reading *r, struct directory *d)
{
    struct str key = item(r, d->id, S("directories"));
    struct conf_list list = conf_list(r->conf, key);
    if (d->type != DIRECTORY_CHAIN && list.count > 0)
        conf_error(r->conf, r->findings, key, -1, S("wrong-type"),
                "only a directory of type \"chain\" has this");
    if (d->type != DIRECTORY_CHAIN)
        return OK;
    if (list.count == 0)
        conf_error(r->conf, r->findings, key, -1, S("missing"),
                "a chain names the directories that it asks");
    d->chain = arena_array(r->arena, list.count + 1, const struct directory *);
    if (d->chain == NULL)
        return fail(ERR_LIMIT, "no memory for the directories");
    for (size_t i = 0; i < list.count; i++) {
        const struct directory *link = directory_named(r->out, list.at[i].text);
        check_chain_link(r, key, (int)i, link);
        if (link != NULL && link->type != DIRECTORY_CHAIN)
            d->chain[d->chain_count++] = link;
    }
    return OK;
}

static void check_chain_link(
        struct directory_reading *r, struct str key, int element, const struct directory *link)
{
    if (link != NULL && link->type == DIRECTORY_CHAIN)
        conf_error(r->conf, r->findings, key, element, S("chain"),
                "'%.*s' is a chain itself; name the directories in it", ARG(link->id));
}

static void pick_default(struct directory_reading *r)
{
    struct directory_settings *s = r->out;
    struct str named = conf_str(r->conf, S("storage.directory"));
    if (!str_is_empty(named))
        s->preset = directory_named(s, named); // conf has complained if there is none
    else if (s->count == 1)
        s->preset = &s->all[0];
    else if (s->count > 1)
        conf_error(r->conf, r->findings, S("storage.directory"), -1, S("missing"),
                "there are %zu directories; say which one is the default", s->count);
}

// One folder, one set of accounts: a second one would be the first under another name.
static void check_internals(struct directory_reading *r)
{
    const struct directory *first = directory_internal(r->out);
    for (size_t i = 0; i < r->out->count; i++) {
        const struct directory *d = &r->out->all[i];
        if (d->type == DIRECTORY_INTERNAL && d != first)
            conf_error(r->conf, r->findings, item(r, d->id, S("type")), -1, S("internal"),
                    "'%.*s' is the internal directory already, and there is one only",
                    ARG(first->id));
    }
}

static void read_authentication(struct directory_reading *r)
{
    struct directory_settings *s = r->out;
    s->fallback = (struct fallback_admin){
            .user = conf_str(r->conf, S("authentication.fallback-admin.user")),
            .secret = conf_str(r->conf, S("authentication.fallback-admin.secret")),
            .local_only = conf_bool(r->conf, S("authentication.fallback-admin.local-only")),
    };
    bool user = !str_is_empty(s->fallback.user), secret = !str_is_empty(s->fallback.secret);
    if (user != secret)
        conf_error(r->conf, r->findings,
                user ? S("authentication.fallback-admin.user")
                     : S("authentication.fallback-admin.secret"),
                -1, S("missing"), "a fallback administrator needs both user and secret");
    if (secret && password_is_clear(s->fallback.secret))
        conf_warning(r->conf, r->findings, S("authentication.fallback-admin.secret"), -1,
                S("clear-secret"),
                "this is clear text; 'posthaste account password --hash' makes a hash of it");
    if (!password_hash_named(conf_str(r->conf, S("authentication.password.hash")), &s->hash))
        s->hash = PASSWORD_ARGON2ID; // conf has complained
    s->password_characters_min = conf_u64(r->conf, S("authentication.password.min-length"));
    s->password_characters_max = conf_u64(r->conf, S("authentication.password.max-length"));
    s->cache_ms = conf_duration_ms(r->conf, S("authentication.cache.ttl"));
    s->cache_wrong_ms = conf_duration_ms(r->conf, S("authentication.cache.negative-ttl"));
    s->cache_count_max = conf_u64(r->conf, S("authentication.cache.size"));
    s->postmaster = conf_str(r->conf, S("report.postmaster"));
}

static struct str item(struct directory_reading *r, struct str id, struct str member)
{
    return conf_item(r->conf, S("directory"), id, member);
}

// -- Asking ---------------------------------------------------------------------------------------

const struct directory *directory_named(const struct directory_settings *s, struct str id)
{
    for (size_t i = 0; i < s->count; i++)
        if (str_eq(s->all[i].id, id))
            return &s->all[i];
    return NULL;
}

const struct directory *directory_internal(const struct directory_settings *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->all[i].type == DIRECTORY_INTERNAL)
            return &s->all[i];
    return NULL;
}

bool directory_settings_have(const struct directory_settings *s, struct str id)
{
    return str_eq(id, S("*")) ? s->preset != NULL : directory_named(s, id) != NULL;
}

bool directory_settings_have_internal(const struct directory_settings *s)
{
    return directory_internal(s) != NULL;
}

struct str directory_settings_first_domain(const struct directory_settings *s)
{
    return s->domain_names.count > 0 ? s->domain_names.at[0] : STR_NULL;
}
