// SPDX-License-Identifier: Apache-2.0
// cli/asking.c: a resolver for one command, over a zone file or the DNS itself.
#include "cli/asking.h"

#include "cli/config/config_read.h"
#include "cli/one_task.h"
#include "rt/rt.h"
#include "server/plan_dns.h"

#define ZONE_BYTES_MAX ((size_t)64 * MIB)

static int read_zone(struct asking *q, struct str path);
static int read_settings(struct asking *q, enum asking_config config);
static struct err with_resolver(void *asking) suspends;

int asking_begin(struct asking *q, struct cli *c, enum asking_config config)
{
    *q = (struct asking){.c = c};
    struct str zone = cli_text(c, S("zone"), STR_NULL);
    return str_is_null(zone) ? read_settings(q, config) : read_zone(q, zone);
}

static int read_zone(struct asking *q, struct str path)
{
    struct cli *c = q->c;
    struct buf text AUTO(buf_done);
    buf_init(&text, ZONE_BYTES_MAX);
    struct err e = cli_read_file(c, path, &text);
    if (failed(e))
        return cli_fail(c, cli_status_of_file(e), e);
    e = dns_zone_read(&c->arena, buf_str(&text), &q->zone);
    if (failed(e))
        return cli_fail_text(c, CLI_DATA, "%.*s:%.*s", ARG(path), ARG(err_text(e)));
    return CLI_OK;
}

// The server's own settings, when there is a configuration to take them from.
static int read_settings(struct asking *q, enum asking_config config)
{
    static const struct str ours[] = {S_INIT("resolver."), S_INIT("cache.")};
    struct cli *c = q->c;
    struct conf_env env = conf_env_process(&c->arena);
    struct conf_options from = {.env = &env};
    struct findings findings = {.arena = &c->arena};
    if (config == ASKING_AS_SERVER || cli_has(c, S("config")))
        from.path = config_path(c, &env);
    if (str_is_null(from.path)) {
        struct err e = plan_dns_default(&c->arena, &q->settings);
        return failed(e) ? cli_fail(c, CLI_FAILED, e) : CLI_OK;
    }
    q->conf = conf_load(&from, &findings);
    if (q->conf != NULL && plan_dns_make(q->conf, &findings, &c->arena, &q->settings))
        return config_judge(c, OK, &findings, ours, COUNT_OF(ours));
    config_show_findings(c, c->err, &findings);
    return CLI_FAILED;
}

int asking_run(struct asking *q, task_main *main, void *arg)
{
    q->main = main;
    q->arg = arg;
    struct err e = one_task_run(with_resolver, q);
    if (failed(e))
        return cli_fail(q->c, e.kind == ERR_CONFIG ? CLI_FAILED : CLI_INTERNAL, e);
    return CLI_OK;
}

static struct err with_resolver(void *asking)
{
    struct asking *q = asking;
    if (q->zone != NULL)
        TRY(resolver_new_zone(q->zone, NULL, &q->resolver));
    else
        TRY(resolver_new_unbound(&q->c->arena, &q->settings, &q->resolver));
    struct err e = q->main(q->arg);
    resolver_free(q->resolver);
    q->resolver = NULL;
    return e;
}

void asking_end(struct asking *q)
{
    dns_zone_free(q->zone);
    conf_free(q->conf);
}
