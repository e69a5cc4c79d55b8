// SPDX-License-Identifier: Apache-2.0
// cli/server/server_control.c: asking the running server. The configuration says where its socket
// is, but may be the very file with the mistakes that the server is to tell about: state-dir is
// read from it all the same, and reads as its default when it is no longer readable at all.
#include "cli/server/server_control.h"

#include "conf/conf.h"
#include "server/control.h"

#define ANSWER_BYTES_MAX (16 * MIB)
#define WAIT_SECONDS 60

static struct str socket_path(struct cli *c);

int server_ask(struct cli *c, struct str request)
{
    struct buf text AUTO(buf_done);
    int status = CLI_CONNECT;
    buf_init(&text, ANSWER_BYTES_MAX);
    struct str path = socket_path(c);
    if (str_is_null(path))
        return cli_usage_error(c, fail(ERR_NOT_FOUND, "no configuration; name one, or the socket"));
    int64_t wait_ms = (int64_t)cli_number(c, S("timeout"), WAIT_SECONDS) * SECOND_MS;
    struct err e = control_ask(&c->arena, path, request, wait_ms, &text, &status);
    if (e.kind == ERR_NOT_FOUND || e.kind == ERR_UNREACHABLE)
        return cli_fail_text(
                c, CLI_CONNECT, "no server answers at %.*s; is it running?", ARG(path));
    if (e.kind == ERR_REFUSED)
        return cli_fail_text(
                c, CLI_RIGHTS, "%.*s is only for root and the server's own user", ARG(path));
    if (failed(e))
        return cli_fail(c, CLI_CONNECT, e);
    FILE *to = status == CLI_OK ? c->out : c->err;
    fwrite(buf_str(&text).ptr, 1, text.len, to);
    return status;
}

static struct str socket_path(struct cli *c)
{
    struct str given = cli_text(c, S("socket"), STR_NULL);
    if (!str_is_null(given))
        return given;
    struct findings findings = findings_make(&c->arena);
    struct conf_env env = conf_env_process(&c->arena);
    struct conf_options options = {.path = conf_locate(&env, cli_text(c, S("config"), STR_NULL)),
            .env = &env,
            .stage = CONF_BIND};
    if (str_is_null(options.path))
        return STR_NULL;
    struct conf *conf = conf_load(&options, &findings);
    if (conf == NULL)
        return STR_NULL;
    struct str path = control_path(&c->arena, conf);
    conf_free(conf);
    return path;
}
