// SPDX-License-Identifier: Apache-2.0
// cli/server/serve.c: `posthaste serve`, the server in the foreground.
#include "cli/commands.h"

#include "conf/conf.h"
#include "server/server.h"

static int run(struct cli *c);
static void started(const char *text);
static void trouble(struct str findings);

#define START_BYTES_MAX (16 * MIB)

static int run(struct cli *c)
{
    struct arena a;
    arena_init(&a, START_BYTES_MAX);
    struct conf_env env = conf_env_process(&a);
    struct str path = conf_locate(&env, cli_text(c, S("config"), STR_NULL));
    int status = 2;
    if (str_is_null(path)) {
        cli_fail_text(c, CLI_USAGE,
                "no configuration; name one with --config FILE, or make "
                "/etc/posthaste/config.toml");
    } else {
        struct server_options options = {
                .conf = {.path = path, .env = &env, .drop_lists = true},
                .started = started,
                .trouble = trouble,
        };
        status = server_run(&options);
    }
    arena_done(&a);
    return status;
}

// NULL: all is well.
static void started(const char *text)
{
    if (text == NULL)
        fprintf(stderr, "posthaste " POSTHASTE_VERSION ": serving\n");
    else
        fprintf(stderr, "posthaste: %s\n", text);
}

static void trouble(struct str findings)
{
    fwrite(findings.ptr, 1, findings.len, stderr);
}

static const struct cli_option options[] = {
        {.name = S_INIT("config"),
                .letter = 'c',
                .takes = OPTION_TEXT,
                .value = S_INIT("PATH"),
                .help = "the main configuration file (default: CONFIG_PATH, else "
                        "/etc/posthaste/config.toml)"},
};

const struct command command_serve = {
        .run = run,
        .about = "Runs the server in the foreground until it is told to stop.\n"
                 "\n"
                 "SIGTERM or SIGINT end it in order, a second one or SIGQUIT at once. SIGHUP\n"
                 "loads the configuration again without closing a connection, SIGUSR1 opens the\n"
                 "log files anew, SIGUSR2 hands over to the program as it is on disk now. A\n"
                 "configuration with errors is refused with all of them listed, and the exit\n"
                 "status is 1. So is a second server with the same global.state-dir.",
        .examples = "  posthaste serve --config /etc/posthaste/config.toml\n"
                    "  posthaste config check && posthaste server reload",
        CLI_OPTIONS(options),
};
