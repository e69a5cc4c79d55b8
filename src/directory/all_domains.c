// SPDX-License-Identifier: Apache-2.0
// directory/all_domains.c: every domain that is ours. For what is done for all of them at times,
// such as changing their keys; whether one is ours is asked of directories_domain.
#include "directory/backend.h"

#include "base/map.h"
#include "directory/memory.h"
#include "rt/rt.h"

static struct err add_all(struct directories *d, struct arena *a, struct map *all) MUST_USE;
static struct err add_internal(const struct internal_domain *domain, struct map *all) MUST_USE;
static struct err add(struct map *all, struct str name) MUST_USE;
static bool is_disabled(const struct directories *d, struct str name);

struct err directories_all_domains(struct directories *d, struct arena *a, struct strs *out)
{
    struct map all AUTO(map_done);
    map_init(&all, random_u64(), random_u64());
    TRY(add_all(d, a, &all));
    struct str *names = arena_array(a, map_count(&all) + 1, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for so many domains");
    *out = (struct strs){.at = names};
    struct str name;
    void *ignored;
    for (size_t i = 0; map_next(&all, &i, &name, &ignored);)
        if (!is_disabled(d, name))
            names[out->count++] = name;
    return OK;
}

static struct err add_all(struct directories *d, struct arena *a, struct map *all)
{
    const struct directory_settings *s = d->settings;
    const struct internal_domain **internal = NULL;
    size_t count = 0;
    struct str name;
    void *ignored;
    for (size_t i = 0; s->preset != NULL && map_next(s->domains, &i, &name, &ignored);)
        TRY(add(all, name));
    for (size_t k = 0; k < s->count; k++)
        if (s->all[k].type == DIRECTORY_MEMORY)
            for (size_t i = 0; map_next(&s->all[k].memory->domains, &i, &name, &ignored);)
                TRY(add(all, name));
    if (directory_internal(s) == NULL)
        return OK;
    struct internal *in = NULL;
    TRY(directories_internal(d, a, &in));
    TRY(internal_domains(in, a, &internal, &count));
    for (size_t i = 0; i < count; i++)
        TRY(add_internal(internal[i], all));
    return OK;
}

static struct err add_internal(const struct internal_domain *domain, struct map *all)
{
    if (domain->disabled)
        return OK;
    TRY(add(all, domain->name));
    for (size_t i = 0; i < domain->aliases.count; i++)
        TRY(add(all, domain->aliases.at[i]));
    return OK;
}

static struct err add(struct map *all, struct str name)
{
    if (!map_has(all, name) && !map_put(all, name, NULL))
        return fail(ERR_LIMIT, "no memory for so many domains");
    return OK;
}

// The file wins.
static bool is_disabled(const struct directories *d, struct str name)
{
    const struct domain_setting *of_file = map_get(d->settings->domains, name);
    return of_file != NULL && of_file->disabled;
}
