// SPDX-License-Identifier: Apache-2.0
// cli/config/config_read.c: which configuration is meant, and loading it.
#include "cli/config/config_read.h"

#define TEXT_BYTES_MAX (64 * MIB)

static bool concerns(const struct finding *f, const struct str *ours, size_t our_count);

struct str config_path(struct cli *c, const struct conf_env *env)
{
    return conf_locate(env, cli_text(c, S("config"), STR_NULL));
}

int config_none(struct cli *c)
{
    return cli_usage_error(c, fail(ERR_NOT_FOUND, "no configuration; name one with --config PATH"));
}

struct conf *config_read(struct cli *c, struct findings *findings, int *out_status)
{
    struct conf_env env = conf_env_process(&c->arena);
    struct conf_options options = {.path = config_path(c, &env), .env = &env};
    if (str_is_null(options.path)) {
        *out_status = config_none(c);
        return NULL;
    }
    struct conf *conf = conf_load(&options, findings);
    *out_status = CLI_FAILED;
    if (conf == NULL)
        config_show_findings(c, c->err, findings);
    return conf;
}

int config_judge(struct cli *c, struct err made, const struct findings *findings,
        const struct str *ours, size_t our_count)
{
    if (failed(made))
        return cli_fail(c, CLI_FAILED, made);
    each_in_vec (f, &findings->all)
        if (concerns(f, ours, our_count)) {
            config_show_findings(c, c->err, findings);
            return CLI_FAILED;
        }
    return CLI_OK;
}

struct conf *config_read_state(struct cli *c, int *out_status)
{
    static const struct str ours[] = {S_INIT("global.state-dir"), S_INIT("server.run-as")};
    struct findings findings = findings_make(&c->arena);
    struct conf *conf = config_read(c, &findings, out_status);
    if (conf != NULL)
        *out_status = config_judge(c, OK, &findings, ours, COUNT_OF(ours));
    return conf;
}

static bool concerns(const struct finding *f, const struct str *ours, size_t our_count)
{
    if (f->severity != FINDING_ERROR)
        return false;
    for (size_t i = 0; i < our_count; i++)
        if (str_starts(f->key, ours[i]))
            return true;
    return f->class == FINDING_SYNTAX;
}

void config_show_findings(struct cli *c, FILE *to, const struct findings *findings)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEXT_BYTES_MAX);
    bool colour = to == c->out ? c->colour : c->colour_err;
    findings_print(&text, findings, colour ? FINDINGS_COLOUR : FINDINGS_PLAIN);
    fwrite(buf_str(&text).ptr, 1, text.len, to);
}
