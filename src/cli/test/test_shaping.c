// SPDX-License-Identifier: Apache-2.0
// cli/test/test_shaping.c: `posthaste test shaping DOMAIN`: what queue.shaping says about mail to a
// domain, key by key, and where each value was written (outbound.md 28.1).
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_plan.h"

#include "deliver/hosts/hosts.h"
#include "deliver/shape/shaping.h"
#include "server/plan.h"

static const struct cli_option options[] = {CLI_OPTION_CONFIG, CLI_OPTION_ZONE};

struct test {
    struct cli *c;
    struct asking dns;
    struct plan *plan;
    struct self self;
    struct json_out o;
};

static struct err find(void *test) suspends;
static void show(struct test *t, const struct host_list *list, const struct shaped *shaped);
static void show_key(struct test *t, const struct shaped *shaped, enum shaping_key key);

static int run(struct cli *c)
{
    struct test t = {.c = c};
    int status = asking_begin(&t.dns, c, ASKING_AS_SERVER);
    if (status == CLI_OK)
        t.plan = config_plan(c, &status);
    if (status == CLI_OK) {
        t.o = cli_json_begin(c);
        status = asking_run(&t.dns, find, &t);
        if (status == CLI_OK)
            status = cli_json_end(c, CLI_OK);
    }
    plan_free(t.plan);
    asking_end(&t.dns);
    return status;
}

// The hosts are those of the route `mx`; that they cannot be found is told, and the rest goes by
// the domain.
static struct err find(void *test)
{
    struct test *t = test;
    struct arena *a = &t->c->arena;
    const struct deliver_settings *s = &t->plan->deliver;
    struct str domain = arena_str_lower(a, t->c->operands[0]);
    struct host_list list;
    struct shaped shaped;
    TRY(self_make(a, &t->plan->listen, s, &t->self));
    const struct hosts_inputs in = {.resolver = t->dns.resolver,
            .settings = s,
            .self = &t->self,
            .route = route_named(s, S("mx")),
            .domain = domain,
            .sender = S("")};
    TRY(hosts_find(&in, a, &list));
    TRY(shaping_find(s, a, domain, &list.names, &shaped));
    show(t, &list, &shaped);
    return OK;
}

static void show(struct test *t, const struct host_list *list, const struct shaped *shaped)
{
    json_object_begin(&t->o);
    json_put_str(&t->o, S("domain"), t->c->operands[0]);
    json_put_str(&t->o, S("site"), shaped->site);
    json_put_str(
            &t->o, S("trouble"), list->names.count > 0 ? STR_NULL : list->trouble.outcome.text);
    json_key(&t->o, S("hosts"));
    json_array_begin(&t->o);
    for (size_t i = 0; i < list->names.count; i++)
        json_str(&t->o, list->names.at[i]);
    json_array_end(&t->o);
    json_key(&t->o, S("values"));
    json_object_begin(&t->o);
    for (enum shaping_key key = 0; key < SHAPING_KEYS; key++)
        if (shaped->by[key] != NULL)
            show_key(t, shaped, key);
    json_object_end(&t->o);
    json_object_end(&t->o);
}

static void show_key(struct test *t, const struct shaped *shaped, enum shaping_key key)
{
    const struct conf *conf = t->plan->conf;
    struct str name = shaped_origin(&t->plan->deliver, shaped, key);
    struct conf_list list = conf_list(conf, name);
    bool is_list =
            key == SHAPING_RETRY || key == SHAPING_BACKOFF_RETRY || key == SHAPING_AUTOMATION;
    json_key(&t->o, shaping_key_name(key));
    json_object_begin(&t->o);
    json_key(&t->o, S("value"));
    if (is_list)
        json_array_begin(&t->o);
    for (size_t i = 0; i < list.count; i++)
        json_str(&t->o, list.at[i].text);
    if (is_list)
        json_array_end(&t->o);
    json_put_str(&t->o, S("entry"), shaped->by[key]->id);
    json_put_str(&t->o, S("origin"), conf_origin_text(&t->c->arena, conf, name));
    json_object_end(&t->o);
}

const struct command command_test_shaping = {
        .run = run,
        CLI_ONE_OPERAND("DOMAIN"),
        .about = "What queue.shaping says about mail to a domain: the values that hold, the entry\n"
                 "that each is from, and the file and line where it stands. The hosts are asked\n"
                 "of the DNS, or of the file of --zone.",
        .examples = "  posthaste test shaping example.net",
        CLI_OPTIONS(options),
};
