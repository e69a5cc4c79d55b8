// SPDX-License-Identifier: Apache-2.0
// conf/env.c: the environment as data (configuration.md 1.2). The process's own is taken once.
#include "conf/snapshot.h"

#include "rt/host.h"

#define VARS_MAX 4096

static struct str with_prefix(const struct conf_env *env, struct str prefix, struct str name);

struct conf_env conf_env_process(struct arena *a)
{
    struct conf_env env = {.os_hostname = host_name(a), .cpu_count = host_cpu_count()};
    struct conf_env_var *vars = arena_array(a, VARS_MAX, struct conf_env_var);
    struct str text;
    for (size_t i = 0; vars != NULL && i < VARS_MAX && host_variable(i, &text); i++)
        if (str_cut(text, '=', &vars[env.var_count].name, &vars[env.var_count].value))
            env.var_count++;
    env.vars = vars;
    return env;
}

struct str conf_env_exact(const struct conf_env *env, struct str name)
{
    for (size_t i = 0; env != NULL && i < env->var_count; i++)
        if (str_eq(env->vars[i].name, name))
            return env->vars[i].value;
    return STR_NULL;
}

struct str conf_env_get(const struct conf_env *env, struct str name)
{
    struct str value = with_prefix(env, S("POSTHASTE_"), name);
    if (str_is_null(value))
        value = conf_env_exact(env, name);
    if (!str_is_null(value))
        return value;
    // The compatible prefix has two names of its own.
    if (str_eq(name, S("NODE_HOSTNAME")))
        name = S("HOSTNAME");
    else if (str_eq(name, S("NODE_ROLE")))
        name = S("ROLE");
    return with_prefix(env, S("STALWART_"), name);
}

// The snapshot may outlive whoever gave the environment.
bool conf_env_copy(struct conf *conf, const struct conf_env *env)
{
    if (env == NULL)
        return true;
    struct conf_env_var *vars = arena_array(&conf->arena, env->var_count + 1, struct conf_env_var);
    if (vars == NULL)
        return false;
    for (size_t i = 0; i < env->var_count; i++) {
        vars[i].name = arena_str(&conf->arena, env->vars[i].name);
        vars[i].value = arena_str(&conf->arena, env->vars[i].value);
        if (str_is_null(vars[i].name) || str_is_null(vars[i].value))
            return false;
    }
    conf->env = (struct conf_env){
            .vars = vars,
            .var_count = env->var_count,
            .os_hostname = arena_str(&conf->arena, env->os_hostname),
            .cpu_count = env->cpu_count,
    };
    return true;
}

static struct str with_prefix(const struct conf_env *env, struct str prefix, struct str name)
{
    for (size_t i = 0; env != NULL && i < env->var_count; i++) {
        struct str full = env->vars[i].name;
        if (str_starts(full, prefix) && str_eq(str_from(full, prefix.len), name))
            return env->vars[i].value;
    }
    return STR_NULL;
}
