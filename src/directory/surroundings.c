// SPDX-License-Identifier: Apache-2.0
// directory/surroundings.c: see surroundings.h.
#include "directory/surroundings.h"

#include "conf/expr_dns.h"
#include "rt/rt.h"

static struct expr_value system_value(void *self, enum expr_system what);
static struct str config_get(void *self, struct arena *scratch, struct str key);
static struct err dns_query(void *self, struct arena *scratch, struct str name, enum expr_dns type,
        int64_t timeout_ms, struct expr_value *out) suspends;
static struct err is_local(void *self, struct arena *scratch, enum expr_local what,
        struct str directory, struct str name, int64_t timeout_ms, bool *out) suspends;
static int64_t clock_ms(void *self);

struct expr_env surroundings_env(struct surroundings *self, int64_t timeout_ms)
{
    static const struct expr_env_ops ops = {.system = system_value,
            .config_get = config_get,
            .dns_query = dns_query,
            .is_local = is_local,
            .now_ms = clock_ms};
    return (struct expr_env){.self = self,
            .ops = &ops,
            .lookups = self->conf == NULL ? NULL : conf_lookups(self->conf),
            .timeout_ms = timeout_ms};
}

static struct expr_value system_value(void *self, enum expr_system what)
{
    const struct surroundings *s = self;
    switch (what) {
    case EXPR_HOSTNAME:
    case EXPR_NODE_HOSTNAME:
        return expr_text(s->host);
    case EXPR_NODE_ID:
        return expr_integer(s->node);
    case EXPR_DOMAIN:
    case EXPR_NODE_ROLE:
        break;
    }
    return expr_text(S(""));
}

static struct str config_get(void *self, struct arena *scratch, struct str key)
{
    const struct surroundings *s = self;
    return s->conf == NULL ? S("") : conf_key_text(s->conf, scratch, key);
}

static struct err dns_query(void *self, struct arena *scratch, struct str name, enum expr_dns type,
        int64_t timeout_ms, struct expr_value *out)
{
    const struct surroundings *s = self;
    if (s->resolver == NULL)
        return fail(ERR_UNSUPPORTED, "dns_query: there is no resolver");
    return expr_dns_ask(s->resolver, scratch, name, type, timeout_ms, out);
}

static struct err is_local(void *self, struct arena *scratch, enum expr_local what,
        struct str directory, struct str name, int64_t timeout_ms, bool *out)
{
    const struct surroundings *s = self;
    within_ms(timeout_ms > 0 ? timeout_ms : NO_DEADLINE);
    return s->directories != NULL
                   ? directories_is_local(s->directories, scratch, what, directory, name, out)
                   : fail(ERR_IO, "the directories are not open");
}

static int64_t clock_ms(void *self UNUSED)
{
    return now_ms();
}
