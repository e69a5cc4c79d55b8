// SPDX-License-Identifier: Apache-2.0
// conf/expr_env.c: what an evaluation asks goes to the innermost environment that has a way to tell
// it, variables to one after the other until one knows.
#include "conf/expr_program.h"

// The innermost one with that member of struct expr_env_ops, or NULL.
#define KNOWING(env, member)                                                                       \
    ({                                                                                             \
        const struct expr_env *at = (env);                                                         \
        while (at != NULL && (at->ops == NULL || at->ops->member == NULL))                         \
            at = at->outer;                                                                        \
        at;                                                                                        \
    })

struct expr_env expr_env_inside(
        const struct expr_env *outer, const struct expr_env_ops *ops, void *self)
{
    struct expr_env env = {.self = self, .ops = ops, .outer = outer};
    if (outer != NULL) {
        env.lookups = outer->lookups;
        env.timeout_ms = outer->timeout_ms;
    }
    return env;
}

bool expr_env_variable(const struct expr_env *env, struct arena *scratch, enum expr_variable id,
        struct str rest, struct expr_value *out)
{
    for (; env != NULL; env = env->outer)
        if (env->ops != NULL && env->ops->variable != NULL &&
                env->ops->variable(env->self, scratch, id, rest, out))
            return true;
    return false;
}

bool expr_env_system(const struct expr_env *env, enum expr_system what, struct expr_value *out)
{
    const struct expr_env *one = KNOWING(env, system);
    if (one != NULL)
        *out = one->ops->system(one->self, what);
    return one != NULL;
}

struct str expr_env_config(const struct expr_env *env, struct arena *scratch, struct str key)
{
    const struct expr_env *one = KNOWING(env, config_get);
    return one != NULL ? one->ops->config_get(one->self, scratch, key) : STR_NULL;
}

bool expr_env_metric(const struct expr_env *env, size_t place, double *out)
{
    const struct expr_env *one = KNOWING(env, metric);
    if (one != NULL)
        *out = one->ops->metric(one->self, place);
    return one != NULL;
}

struct err expr_env_dns(const struct expr_env *env, struct arena *scratch, struct str name,
        enum expr_dns type, int64_t timeout_ms, struct expr_value *out)
{
    const struct expr_env *one = KNOWING(env, dns_query);
    if (one == NULL)
        return fail(ERR_UNSUPPORTED, "dns_query: no resolver is available here");
    return one->ops->dns_query(one->self, scratch, name, type, timeout_ms, out);
}

struct err expr_env_local(const struct expr_env *env, struct arena *scratch, enum expr_local what,
        struct str directory, struct str name, int64_t timeout_ms, bool *out)
{
    const struct expr_env *one = KNOWING(env, is_local);
    if (one == NULL)
        return fail(ERR_UNSUPPORTED, "no directory is available here");
    return one->ops->is_local(one->self, scratch, what, directory, name, timeout_ms, out);
}

int64_t expr_env_now_ms(const struct expr_env *env, int64_t otherwise_ms)
{
    const struct expr_env *one = KNOWING(env, now_ms);
    return one != NULL ? one->ops->now_ms(one->self) : otherwise_ms;
}
