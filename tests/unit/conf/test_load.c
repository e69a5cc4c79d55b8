// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_load.c: whole loads from files in memory. A case gives files and what must
// be found: the lines of `findings_lines`, all of them, and lines of `config dump` that must be
// among those in force. Most odd cases are rows of configuration.md 15.
#include "../base/check.h"

#include "conf/conf.h"
#include "memfs.h"

#define FILES_MAX 6
#define SMTP "[server.listener.smtp]\nbind = '[::]:25'\n" // a server must have a listener
#define MAIN(content) {{.path = "/c.toml", .text = content}}

struct load_case {
    const char *name;
    struct memfile files[FILES_MAX];
    const char *env;    // "NAME=VALUE;NAME=VALUE"
    const char *found;  // NULL: nothing
    const char *values; // each line is one of the dump
    enum conf_stage stage;
};

static size_t env_of(const char *text, struct conf_env_var *vars, size_t max)
{
    size_t count = 0;
    struct str rest = str_from_c(text), one;
    while (count < max && str_split(&rest, ';', &one))
        if (str_cut(one, '=', &vars[count].name, &vars[count].value))
            count++;
    return count;
}

static size_t run_case(const struct load_case *c)
{
    size_t bad = 0;
    struct arena a;
    arena_init(&a, 64 * MIB);
    struct findings findings = findings_make(&a);
    struct conf_env_var vars[8];
    struct conf_env env = {.vars = vars, .var_count = env_of(c->env, vars, 8),
            .os_hostname = S("mx.example.org"), .cpu_count = 2};
    struct memfs fs = {.files = c->files, .count = FILES_MAX};
    struct conf_files files = memfs_files(&fs);
    struct conf_options options = {
            .path = str_from_c(c->files[0].path), .env = &env, .files = &files, .stage = c->stage};
    struct conf *conf = conf_load(&options, &findings);
    struct buf text;
    buf_init(&text, 4 * MIB);
    findings_lines(&text, &findings);
    if (!str_eq(buf_str(&text), str_from_c(c->found))) {
        print_error("== %s: found\n%.*s-- instead of\n%s", c->name, ARG(buf_str(&text)),
                c->found != NULL ? c->found : "");
        bad++;
    }
    buf_clear(&text);
    assert_non_null(conf);
    buf_add_byte(&text, '\n');
    conf_dump(&text, conf, S(""));
    struct str rest = str_from_c(c->values), line;
    while (str_split(&rest, '\n', &line)) {
        struct str whole = arena_fmt(&a, "\n%.*s\n", ARG(line));
        if (line.len == 0 || str_contains(buf_str(&text), whole))
            continue;
        print_error("== %s: not in force: %.*s\n", c->name, ARG(line));
        bad++;
    }
    if (bad > 0)
        print_error("in force:%.*s\n", ARG(buf_str(&text)));
    buf_done(&text);
    conf_free(conf);
    arena_done(&a);
    return bad;
}

static void run_cases(const struct load_case *cases, size_t count)
{
    size_t bad = 0;
    for (size_t i = 0; i < count; i++)
        bad += run_case(&cases[i]);
    assert_int_equal(bad, 0);
}

#define RUN(cases) run_cases(cases, COUNT_OF(cases))

// -- Files and syntax ---------------------------------------------------------------------------

static const struct load_case file_cases[] = {
        {.name = "missing", .files = {{.path = NULL}, {.path = "/x"}},
                .found = "error: cannot read : No such file or directory\n"},
        {.name = "unreadable", .files = {{.path = "/c.toml", .error = "Permission denied"}},
                .found = "/c.toml: error: cannot read /c.toml: Permission denied\n"},
        {.name = "empty", .files = MAIN(""),
                .found = "/c.toml:1:1: error: no listener is defined; add "
                         "[server.listener.\"smtp\"] with bind = [\"[::]:25\"]\n"},
        {.name = "only comments", .files = MAIN("# nothing\n\n"),
                .found = "/c.toml:1:1: error: no listener is defined; add "
                         "[server.listener.\"smtp\"] with bind = [\"[::]:25\"]\n"},
        {.name = "the unbalanced quote", .files = MAIN("[server.tls]\n"
                                                        "protocols = [ \"TLSv1.2\", TLSv1.3\" ]\n"
                                                        "enable = true\n" SMTP),
                .found = "/c.toml:2:26: error: server.tls.protocols: expected a value, found bare "
                         "word 'TLSv1.3'; is the opening quote missing?\n"},
        {.name = "smallest", .files = MAIN(SMTP),
                .values = "server.listener.smtp.bind.0 = \"[::]:25\"  # /c.toml:2\n"
                          "server.listener.smtp.protocol = \"smtp\"  # default\n"
                          "server.listener.smtp.max-connections = 8192  # default\n"
                          "server.hostname = \"mx.example.org\"  # default\n"
                          "report.domain = \"example.org\"  # default\n"
                          "global.io-threads = 2  # default\n"},
        {.name = "all listeners switched off",
                .files = MAIN("[server.listener.smtp]\nenable = false\nbind = 3.5\n"),
                .found = "/c.toml:1:1: error: no listener is defined; add "
                         "[server.listener.\"smtp\"] with bind = [\"[::]:25\"]\n"},
};

static void files_and_syntax(void **state)
{
    (void)state;
    RUN(file_cases);
}

// -- Keys ---------------------------------------------------------------------------------------

static const struct load_case key_cases[] = {
        {.name = "underscores",
                .files = MAIN(SMTP "max_connections = 5\n[server.tls]\nignore_client_order = false\n"),
                .values = "server.listener.smtp.max-connections = 5  # /c.toml:3\n"
                          "server.tls.ignore-client-order = false  # /c.toml:5\n"},
        {.name = "both spellings",
                .files = MAIN(SMTP "max_connections = 5\nmax-connections = 6\n"),
                .found = "/c.toml:4:1: error: server.listener.smtp.max-connections: key "
                         "'server.listener.smtp.max-connections' is already set at /c.toml:3\n"},
        {.name = "capitals in a key", .files = MAIN(SMTP "Greeting = 'x'\n"),
                .found = "/c.toml:3:1: error: Greeting: the names of settings are lower case, "
                         "write 'greeting'\n"},
        {.name = "mistyped", .files = MAIN(SMTP "greting = 'x'\n"),
                .found = "/c.toml:3:1: error: server.listener.smtp.greting: unknown key; did you "
                         "mean server.listener.smtp.greeting?\n"},
        {.name = "nothing is near", .files = MAIN(SMTP "frobnicate = 1\n"),
                .found = "/c.toml:3:1: error: server.listener.smtp.frobnicate: unknown key\n"},
        {.name = "mistyped section", .files = MAIN("[sevrer]\nx = 1\n" SMTP),
                .found = "/c.toml:1:2: warning: sevrer: unknown key; did you mean server?\n"},
        {.name = "unknown keys are errors",
                .files = MAIN("[config]\nunknown-keys = 'error'\n[blah]\nx = 1\n" SMTP),
                .found = "/c.toml:3:2: error: blah: unknown key\n"},
        {.name = "unknown keys are ignored",
                .files = MAIN("[config]\nunknown-keys = 'ignore'\n[server]\nblah = 1\n" SMTP)},
        {.name = "sections of other products",
                .files = MAIN("[imap.request]\nmax-size = 1\n[jmap]\nx = 2\n" SMTP),
                .found = "/c.toml:1:2: info: not of this server, not used: imap, jmap\n"},
        {.name = "later stages are never ignored",
                .files = MAIN("[session.rcpt]\nrelay = false\n[acme.x]\ncontact = 'a@b.example'\n" SMTP),
                .found = "/c.toml:1:10: error: session: this build does not have SMTP sessions "
                         "beyond the greeting yet\n"
                         "/c.toml:3:7: error: acme: this build does not have ACME certificates "
                         "yet\n"},
        {.name = "a table where a value belongs", .files = MAIN("[server.hostname]\nx = 1\n" SMTP),
                .found = "/c.toml:1:1: error: server.hostname: a value is expected here, not a "
                         "table\n"},
        {.name = "a value where a table belongs", .files = MAIN("[server]\ntls = true\n" SMTP),
                .found = "/c.toml:2:7: error: server.tls: this is a table, not a value\n"},
        {.name = "a list where a value belongs", .files = MAIN("[server]\nmax-connections = [1]\n" SMTP),
                .found = "/c.toml:2:19: error: server.max-connections: one value is expected "
                         "here, not a list\n"},
        {.name = "id with a blank", .files = MAIN("[server.listener.'a b']\nbind = '[::]:26'\n" SMTP),
                .found = "/c.toml:1:1: error: server.listener: invalid id \"a b\" (1 to 64 "
                         "letters, digits, '.', '_' and '-', the first one a letter or digit)\n"},
        {.name = "id with a slash", .files = MAIN("[lookup.'a/b']\nx = 1\n" SMTP),
                .found = "/c.toml:1:1: error: lookup: invalid id \"a/b\" (1 to 64 letters, "
                         "digits, '.', '_' and '-', the first one a letter or digit)\n"},
        {.name = "ids that differ in case",
                .files = MAIN("[lookup]\nA.x = 1\na.x = 1\n" SMTP),
                .found = "/c.toml:3:1: error: lookup: the ids 'a' and 'A' (/c.toml:2) differ in "
                         "letter case only\n"},
        {.name = "an id with dots", .files = MAIN("[server.listener.'a.b']\nbind = '[::]:25'\n"),
                .values = "server.listener.\"a.b\".bind.0 = \"[::]:25\"  # /c.toml:2\n"},
        {.name = "flat list positions",
                .files = MAIN("server.listener.smtp.bind.0001 = '[::1]:26'\n"
                              "server.listener.smtp.bind.0 = '[::1]:25'\n"),
                .values = "server.listener.smtp.bind.0 = \"[::1]:25\"  # /c.toml:2\n"
                          "server.listener.smtp.bind.1 = \"[::1]:26\"  # /c.toml:1\n"},
        {.name = "a list of tables by position",
                .files = MAIN("server.tls.sni.0.subject = 'a.example'\n"
                              "server.tls.sni.0.certificate = 'x'\n"
                              "[certificate.x]\ncert = 'PEM'\n" SMTP),
                .values = "server.tls.sni.0.subject = \"a.example\"  # /c.toml:1\n"},
        {.name = "an empty list overrides",
                .files = MAIN("[server]\nproxy.trusted-networks = ['10.0.0.0/8']\n" SMTP
                              "proxy.trusted-networks = []\n"),
                .values = "server.proxy.trusted-networks.0 = \"10.0.0.0/8\"  # /c.toml:2\n"
                          "server.listener.smtp.proxy.trusted-networks = []  # /c.toml:5\n"},
        {.name = "flat maps keep dots",
                .files = MAIN("[lookup.d]\nexample.com = 'gold'\n'*.example.org' = true\n" SMTP),
                .values = "lookup.d.\"example.com\" = \"gold\"  # /c.toml:2\n"
                          "lookup.d.\"*.example.org\" = \"true\"  # /c.toml:3\n"},
        {.name = "blocked addresses in three forms",
                .files = MAIN("[server]\nallowed-ip = ['192.0.2.30', '2001:db8:7::/48']\n"
                              "[server.blocked-ip]\n'198.51.100.0/24' = ''\n"
                              "'203.0.113.77' = 'reason=manual'\n" SMTP),
                .values = "server.allowed-ip.1 = \"2001:db8:7::/48\"  # /c.toml:2\n"
                          "server.blocked-ip.0 = \"198.51.100.0/24\"  # /c.toml:4\n"
                          "server.blocked-ip.1 = \"203.0.113.77/32\"  # /c.toml:5\n"},
        {.name = "brace form",
                .files = MAIN("[server]\nblocked-ip = { '192.0.2.20', '203.0.113.0/24' }\n" SMTP),
                .found = "/c.toml:2:14: warning: server.blocked-ip: a set in braces is not TOML; "
                         "use an array: [ ... ]\n",
                .values = "server.blocked-ip.1 = \"203.0.113.0/24\"  # /c.toml:2\n"},
        {.name = "a name that administrators do write",
                .files = MAIN("[server.security]\nblocked-ip = ['192.0.2.1']\n" SMTP),
                .found = "/c.toml:2:1: error: server.security.blocked-ip: the name of this "
                         "setting is server.blocked-ip\n"},
        {.name = "old names",
                .files = MAIN("[server.fail2ban]\nauthentication = '7/1h'\n"
                              "[jmap.http]\nhsts = true\n[global.shared-map]\nshard = 4\n"
                              "[lookup.default]\nhostname = 'old.example.net'\n" SMTP "url = 'x'\n"),
                .found = "/c.toml:1:1: warning: server.fail2ban: an old name, taken for "
                         "server.auto-ban.auth.rate\n"
                         "/c.toml:3:1: warning: jmap.http: an old name, taken for http\n"
                         "/c.toml:5:1: warning: global.shared-map: this key is not used: it has "
                         "no effect here\n"
                         "/c.toml:11:1: warning: server.listener.smtp.url: this key is not used: "
                         "it has no effect; the published address is http.url\n"
                         "/c.toml:8:12: warning: lookup.default: 'hostname' is an old name, taken "
                         "for server.hostname\n",
                .values = "server.auto-ban.auth.rate = \"7/1h\"  # /c.toml:2\n"
                          "http.hsts = true  # /c.toml:4\n"
                          "server.hostname = \"old.example.net\"  # default\n"
                          "report.domain = \"example.net\"  # default\n"},
};

static void keys(void **state)
{
    (void)state;
    RUN(key_cases);
}

// -- Values -------------------------------------------------------------------------------------

#define SERVER(lines) MAIN(SMTP "[server]\n" lines)

static const struct load_case value_cases[] = {
        {.name = "durations", .files = SERVER("shutdown.grace = '0s'\n"
                                              "proxy.timeout = '1h30m'\n"
                                              "tls.timeout = '-5s'\n"
                                              "shutdown.delay = '99999999999d'\n"
                                              "socket.linger = '6m'\n"
                                              "socket.user-timeout = 1.5\n"),
                .found = "?"},
        {.name = "durations that are right",
                .files = SERVER("shutdown.grace = 2500\nshutdown.delay = 'never'\n"
                                "socket.keepalive = false\nsocket.linger = ' 5m '\n"),
                .values = "server.shutdown.grace = \"2500\"  # /c.toml:4\n"
                          "server.shutdown.delay = false  # /c.toml:5\n"
                          "server.listener.smtp.socket.keepalive = false  # /c.toml:6\n"},
        {.name = "rates", .files = SERVER("auto-ban.auth.rate = '0/1h'\n"
                                          "auto-ban.abuse.rate = '5/0s'\n"
                                          "auto-ban.loiter.rate = '5'\n"
                                          "auto-ban.scan.rate = '5/1h/2'\n"),
                .found = "?"},
        {.name = "no rate", .files = SERVER("auto-ban.auth.rate = 'unlimited'\n"
                                            "auto-ban.scan.rate = false\n"),
                .values = "server.auto-ban.auth.rate = false  # /c.toml:4\n"
                          "server.auto-ban.scan.rate = false  # /c.toml:5\n"},
        {.name = "masks", .files = SERVER("allowed-ip = ['10.0.0.0/33', '::/129', "
                                          "'10.0.0.0/255.0.0.0', '10.0.0/8', '010.0.0.1']\n"),
                .found = "?"},
        {.name = "mask with host bits, twice", .files = SERVER("allowed-ip = ['10.1.2.3/8', "
                                                               "'10.0.0.0/8', 'fe80::1%eth0']\n"),
                .found = "?"},
        {.name = "numbers", .files = SERVER("max-connections = 0\nsocket.ttl = 3600\n"
                                            "socket.backlog = 0.5\nsocket.tos = 300\n"
                                            "reserved-connections = -1\n"
                                            "socket.send-buffer-size = '3 GiB'\n"
                                            "socket.tos-v6 = '0x10'\n"),
                .found = "?"},
        {.name = "booleans", .files = SERVER("core-dumps = 'yes'\ntls.enable = 1\n"
                                             "tls.implicit = 'false'\nsocket.v6only = 'none'\n"
                                             "tls.require = 2026-01-01\n"),
                .found = "?",
                .values = "server.tls.implicit = false  # /c.toml:6\n"},
        {.name = "an optional boolean may say no",
                .files = SERVER("socket.v6only = false\n"),
                .values = "server.socket.v6only = false  # /c.toml:4\n"},
        {.name = "words", .files = SERVER("limit-action = 'Reply'\nblock-action = 'drp'\n"
                                          "bind-failure = 'whatever'\n"
                                          "tls.protocols = ['TLSv1.2', 'TLSv1.1', 'TLSv1.4']\n"
                                          "tls.ciphers = ['AES128-SHA']\n"
                                          "tls.groups = ['x25519', 'p-256']\n"),
                .found = "?",
                .values = "server.tls.groups.0 = \"X25519\"  # /c.toml:9\n"
                          "server.tls.groups.1 = \"SECP256R1\"  # /c.toml:9\n"},
        {.name = "protocols", .files = MAIN("[server.listener]\n"
                                            "a = {bind = 'x:1', protocol = 'smtps'}\n"
                                            "b = {bind = 'x:1', protocol = 'imap'}\n"
                                            "c = {bind = 'x:1', protocol = 'SMTP'}\n"
                                            "d = {bind = 'x:1', protocol = 'ftp'}\n"
                                            "e = {bind = 'x:1', protocol = 'manageSieve'}\n"
                                            "f = {bind = 'x:1', protocol = 'submission'}\n"),
                .found = "?",
                .values = "server.listener.c.protocol = \"smtp\"  # /c.toml:4\n"},
        {.name = "what is not built yet", .files = MAIN(SMTP "[tracer.t]\ntype = 'otel'\n"
                                                             "compress = 'gzip'\n"),
                .found = "?"},
        {.name = "host names", .files = SERVER("hostname = 'B\xc3\xbc" "cher.example'\n"
                                               "listener.a.bind = 'x'\n"
                                               "listener.a.hostname = '192.0.2.1'\n"),
                .found = "?",
                .values = "server.hostname = \"xn--bcher-kva.example\"  # /c.toml:4\n"},
        {.name = "a short host name", .files = SERVER("hostname = 'mail'\n"), .found = "?",
                .values = "server.hostname = \"mail\"  # /c.toml:4\n"
                          "report.domain = \"mail\"  # default\n"},
        {.name = "networks or a boolean", .files = MAIN(SMTP "[http]\nuse-x-forwarded = true\n"),
                .values = "http.use-x-forwarded.0 = \"true\"  # /c.toml:4\n"},
        {.name = "networks and a boolean",
                .files = MAIN(SMTP "[http]\nuse-x-forwarded = [true, '10.0.0.0/8', 'x']\n"),
                .found = "?"},
        {.name = "paths are beside their file",
                .files = MAIN(SMTP "[global]\nstate-dir = 'state'\n"),
                .values = "global.state-dir = \"/state\"  # /c.toml:4\n"},
        {.name = "strings take numbers", .files = SERVER("run-as.user = 100\ngreeting = true\n"),
                .values = "server.run-as.user = \"100\"  # /c.toml:4\n"
                          "server.greeting = \"true\"  # /c.toml:5\n"},
        {.name = "a member of a list of tables is missing",
                .files = SERVER("tls.sni = [{subject = 'a.example'}, {certificate = 'x', "
                                "subjct = 'y'}, 'z']\n"),
                .found = "?"},
        {.name = "undefined certificates",
                .files = SERVER("tls.certificate = 'nope'\n"
                                "tls.sni = [{subject = '*.a.example', certificate = 'none'}]\n"
                                "[certificate.b]\ncert = 'x'\n[certificate.a]\ncert = 'x'\n"),
                .found = "?"},
        {.name = "an undefined directory",
                .files = MAIN(SMTP "[management]\ndirectory = ['ldap']\n"), .found = "?"},
        {.name = "what must be set", .files = MAIN(SMTP "[certificate.x]\ndefault = true\n"
                                                        "[tracer.t]\nlevel = 'info'\n"),
                .found = "?"},
        {.name = "a switched off object is not looked at",
                .files = MAIN(SMTP "[certificate.x]\nenable = false\n"
                                   "subjects = '-bad-'\n[tracer.t]\nenable = false\n"
                                   "type = 'nothing'\n"),
                .values = "certificate.x.enable = false  # /c.toml:4\n"},
        {.name = "half a pair",
                .files = MAIN(SMTP "[metrics.prometheus]\nauth.username = 'x'\n"), .found = "?"},
        {.name = "local keys", .files = MAIN(SMTP "[config]\nlocal-keys = ['*', '!cluster.*']\n"),
                .found = "?"},
        {.name = "the default instead of an error",
                .files = SERVER("config.x = 1\nmax-connections = 'x'\n[config]\non-error = "
                                "'default'\n"),
                .found = "?", .values = "server.max-connections = 8192  # default\n"},
        {.name = "expressions", .files = MAIN(SMTP "[http]\nallowed-endpoint = [{if = \"recpt == "
                                                   "'x'\", then = 200}, {else = 404}]\n"
                                                   "url = '(a'\n"),
                .found = "?"},
        {.name = "expressions that are right",
                .files = MAIN(SMTP "[http]\nallowed-endpoint = [{if = \"remote_ip == "
                                   "'10.0.0.1'\", then = 200}, {else = 404}]\nurl = \"'https://' + "
                                   "config_get('server.hostname')\"\n"),
                .values = "http.allowed-endpoint = \"(conditions)\"  # /c.toml:4\n"},
};

static void values(void **state)
{
    (void)state;
    RUN(value_cases);
}

// -- Macros, files as values, secrets -----------------------------------------------------------

static const struct load_case macro_cases[] = {
        {.name = "environment", .env = "H=mx;EMPTY=;TLS=true",
                .files = SERVER("hostname = '%{env:H}%.example.net'\ngreeting = '[%{env:EMPTY}%]'\n"
                                "tls.implicit = '%{env:TLS}%'\n"
                                "listener.'b'.greeting = '%{env:NONE:-a:-b}%%{env:EMPTY:-x}%'\n"),
                .values = "server.hostname = \"mx.example.net\"  # /c.toml:4\n"
                          "server.greeting = \"[]\"  # /c.toml:5\n"
                          "server.tls.implicit = true  # /c.toml:6\n"
                          "server.listener.b.greeting = \"a:-b\"  # /c.toml:7\n"},
        {.name = "literal %{", .files = SERVER("greeting = '100 %%{x}% 5%'\n"),
                .values = "server.greeting = \"100 %{x}% 5%\"  # /c.toml:4\n"},
        {.name = "wrong macros", .files = SERVER("greeting = '%{env:X}%'\n"
                                                 "hostname = '}% %{env:X'\n"
                                                 "limit-action = '%{foo:bar}%'\n"
                                                 "run-as.user = '%{NAME}%'\n"
                                                 "block-action = '%{}%'\n"),
                .found = "?"},
        {.name = "a result is not looked at again", .env = "A=%{env:B}%;B=no",
                .files = SERVER("greeting = '%{env:A}%'\n"),
                .values = "server.greeting = '%{env:B}%'  # /c.toml:4\n"},
        {.name = "other keys",
                .files = SERVER("hostname = 'mx.example.net'\n"
                                "greeting = 'I am %{cfg:server.hostname}%, %{cfg:lookup.l.a.b}%'\n"
                                "[lookup.l]\n'a.b' = '%{cfg:server.max-connections}%'\n"
                                "[server]\nmax-connections = 7\n"),
                .found = "?",
                .values = "server.greeting = \"I am mx.example.net, 7\"  # /c.toml:5\n"},
        {.name = "keys in a circle",
                .files = SERVER("hostname = '%{cfg:server.greeting}%'\n"
                                "greeting = '%{cfg:lookup.l.x}%'\n"
                                "[lookup.l]\nx = '%{cfg:server.hostname}%'\n"),
                .found = "?"},
        {.name = "a key of itself", .files = SERVER("hostname = '%{cfg:server.hostname}%'\n"),
                .found = "?"},
        {.name = "unknown keys and lists",
                .files = SERVER("hostname = '%{cfg:server.nope}%'\n"
                                "greeting = '%{cfg:server.allowed-ip}%'\nallowed-ip = []\n"),
                .found = "?"},
        {.name = "files", .files = {{.path = "/d/c.toml",
                                            .text = SMTP "[server]\ngreeting = '<%{file:a}%%{file:/b}%%{file:///b}%>'\n"
                                                         "hostname = '%{file:none}%'\n"
                                                         "[http]\nredirect-root = 'file:///b'\n"
                                                         "[server.tls]\nclient-ca = '%{file:a}%'\n"},
                                   {.path = "/d/a", .text = "one\r\n\n"}, {.path = "/b", .text = "two"}},
                .found = "?",
                .values = "server.greeting = \"<onetwotwo>\"  # /d/c.toml:4\n"
                          "http.redirect-root = \"file:///b\"  # /d/c.toml:7\n"
                          "server.tls.client-ca = \"one\"  # /d/c.toml:9\n"},
        {.name = "files are for later than sockets",
                .files = {{.path = "/c.toml", .text = SMTP "greeting = '%{env:G:-hi}%'\n"
                                                           "max-connections = '%{file:n}%'\n"
                                                           "socket.ttl = '%{cfg:server.max-connections}%'\n"},
                        {.path = "/n", .text = "5"}},
                .found = "?"},
        {.name = "values that are files",
                .files = {{.path = "/c.toml", .text = SMTP "[certificate.x]\ncert = 'file:x.pem'\n"
                                                           "private-key = 'file:///x.key'\n"},
                        {.path = "/x.pem", .text = "CERT\n"}, {.path = "/x.key", .text = "KEY\n", .mode = 0644}},
                .found = "?",
                .values = "certificate.x.cert = \"CERT\"  # /c.toml:4\n"
                          "certificate.x.private-key = \"***\"  # /c.toml:5\n"},
        {.name = "secrets by sub-key", .env = "P=pass",
                .files = {{.path = "/c.toml",
                                  .text = SMTP "[certificate.x]\ncert.file = 'x.pem'\n"
                                               "private-key.env = 'P'\nprivate-key-password.env = 'Q'\n"
                                               "[certificate.y]\ncert = {env = 'P', file = 'x.pem'}\n"
                                               "[certificate.z]\ncert = {text = 'x'}\n"},
                        {.path = "/x.pem", .text = "CERT"}},
                .found = "?",
                .values = "certificate.x.cert = \"CERT\"  # /c.toml:4\n"
                          "certificate.x.private-key = \"***\"  # /c.toml:5\n"},
        {.name = "an empty secret",
                .files = {{.path = "/c.toml", .text = SMTP "[certificate.x]\ncert = 'x'\n"
                                                           "private-key = 'file:/empty'\n"
                                                           "private-key-password = ''\n"},
                        {.path = "/empty", .text = "\n"}},
                .found = "?"},
        {.name = "a secret that everybody can read",
                .files = {{.path = "/c.toml", .mode = 0644,
                        .text = SMTP "[certificate.x]\ncert = 'x'\nprivate-key = 'KEY'\n"}},
                .found = "?"},
        {.name = "a secret does not leak through cfg",
                .files = MAIN(SMTP "greeting = 'x%{cfg:certificate.x.private-key}%'\n"
                                   "[server]\nhostname = '%{cfg:certificate.x.private-key}%'\n"
                                   "[certificate.x]\ncert = 'x'\nprivate-key = 'KEY'\n"),
                .found = "?"},
        {.name = "a wrong secret is not shown",
                .files = MAIN(SMTP "[certificate.x]\ncert = 'x'\nprivate-key = 2026-01-01\n"),
                .found = "?"},
        {.name = "before privileges are dropped files are not read", .stage = CONF_BIND,
                .files = MAIN(SMTP "[server]\nhostname = '%{file:/none}%'\nmax-connections = 'x'\n"
                                   "tls.enable = 'x'\n[certificate.x]\ncert = 'file:/none'\n"
                                   "[session]\nx = 1\n"),
                .found = "?"},
};

static void macros(void **state)
{
    (void)state;
    RUN(macro_cases);
}

// -- Several files ------------------------------------------------------------------------------

static const struct load_case include_cases[] = {
        {.name = "includes, in order, with a glob",
                .files = {{.path = "/e/c.toml", .text = "include.files = ['%{env:L}%.toml', 'd/*.toml']\n"},
                        {.path = "/e/l.toml", .text = SMTP}, {.path = "/e/d/b.toml", .text = "lookup.l.b = 2\n"},
                        {.path = "/e/d/a.toml", .text = "include.files = '/x'\nlookup.l.a = 1\n"},
                        {.path = "/x", .text = "lookup.l.x = 3\n"}},
                .env = "L=l",
                .values = "server.listener.smtp.bind.0 = \"[::]:25\"  # /e/l.toml:2\n"
                          "lookup.l.a = \"1\"  # /e/d/a.toml:2\n"
                          "lookup.l.b = \"2\"  # /e/d/b.toml:1\n"
                          "lookup.l.x = \"3\"  # /x:1\n"},
        {.name = "no such files", .files = MAIN("[include]\nfiles = ['none.toml', 'n*.toml', "
                                                "'%{file:x}%']\n" SMTP),
                .found = "?"},
        {.name = "a file that includes itself",
                .files = {{.path = "/c.toml", .text = "include.files = ['b.toml', 'c.toml']\n" SMTP},
                        {.path = "/b.toml", .text = "include.files = '/c.toml'\n"}},
                .found = "?"},
        {.name = "two names of one file",
                .files = {{.path = "/c.toml", .text = "include.files = ['a', 'b']\n" SMTP},
                        {.path = "/a", .text = "lookup.l.x = 1\n", .twin = 7},
                        {.path = "/b", .text = "lookup.l.x = 1\n", .twin = 7}},
                .found = "?"},
        {.name = "the same key in two files",
                .files = {{.path = "/c.toml", .text = "include.files = ['a', 'b']\n" SMTP},
                        {.path = "/a", .text = "[lookup.l]\nx = 1\n[server]\nhostname = 'a.example'\n"},
                        {.path = "/b", .text = "[lookup.l]\nx = 2\n[server]\nhostname = 'b.example'\n"
                                               "listener.smtp.bind = ['[::]:26']\n"}},
                .found = "?"},
        {.name = "the folder beside the main file wins",
                .files = {{.path = "/c.toml", .text = SMTP "[server]\nhostname = 'a.example'\n"},
                        {.path = "/c.toml.d/90-managed.toml",
                                .text = "server.hostname = 'z.example'\n"},
                        {.path = "/c.toml.d/10.toml",
                                .text = "server.hostname = 'b.example'\nserver.listener.smtp.bind = '[::]:26'\n"}},
                .values = "server.hostname = \"z.example\"  # /c.toml.d/90-managed.toml:1\n"
                          "server.listener.smtp.bind.0 = \"[::]:26\"  # /c.toml.d/10.toml:2\n"},
        {.name = "an error in an included file",
                .files = {{.path = "/c.toml", .text = "include.files = 'a'\n" SMTP},
                        {.path = "/a", .text = "x = \n"}},
                .found = "?"},
        {.name = "environment wins over files", .env = "RUN_AS_USER=plain;POSTHASTE_RUN_AS_USER=own",
                .files = SERVER("run-as.user = 'file'\nrun-as.group = 'file'\n"),
                .values = "server.run-as.user = \"own\"  # env\n"
                          "server.run-as.group = \"file\"  # /c.toml:5\n"},
        {.name = "the compatible prefix comes last", .env = "STALWART_HOSTNAME=s.example.com",
                .files = MAIN(SMTP), .values = "server.hostname = \"s.example.com\"  # default\n"},
        {.name = "plain HOSTNAME is not read", .env = "HOSTNAME=h.example.com",
                .files = MAIN(SMTP), .values = "server.hostname = \"mx.example.org\"  # default\n"},
        {.name = "a host name that is none", .env = "NODE_HOSTNAME=bad_-.name-",
                .files = MAIN(SMTP), .values = "server.hostname = \"mx.example.org\"  # default\n"},
};

static void includes(void **state)
{
    (void)state;
    RUN(include_cases);
}

// -- Objects ------------------------------------------------------------------------------------

#define JSON(content) {{.path = "/c.json", .text = content}}

static const struct load_case object_cases[] = {
        {.name = "listeners", .files = JSON("{\"NetworkListener\":[{\"name\":\"smtp\",\n"
                                            "\"bind\":[\"192.0.2.1:25\",\"[::1]:25\"],"
                                            "\"tlsImplicit\":true,\"maxConnections\":1024,"
                                            "\"connectionRate\":{\"count\":5,\"period\":1000},"
                                            "\"socketTtl\":null,\"role\":null,"
                                            "\"tlsTimeout\":60000}],\n"
                                            "\"SystemSettings\":{\"defaultHostname\":\"MX.example.com\"}}"),
                .values = "server.listener.smtp.bind.1 = \"[::1]:25\"  # /c.json:2\n"
                          "server.listener.smtp.tls.implicit = true  # /c.json:2\n"
                          "server.listener.smtp.connection-rate = \"5/1000ms\"  # /c.json:2\n"
                          "server.listener.smtp.socket.ttl = false  # /c.json:2\n"
                          "server.listener.smtp.tls.timeout = \"60000\"  # /c.json:2\n"
                          "server.hostname = \"mx.example.com\"  # /c.json:3\n"},
        {.name = "sets as objects", .files = JSON("{\"NetworkListener\":{\"name\":\"a\",\"bind\":"
                                                  "{\"[::]:25\":true,\"[::]:26\":false,\"[::]:27\":null},"
                                                  "\"overrideProxyTrustedNetworks\":{\"0\":\"10.0.0.0/8\"}}}"),
                .values = "server.listener.a.bind.0 = \"[::]:25\"  # /c.json:1\n"
                          "server.listener.a.proxy.trusted-networks.0 = \"10.0.0.0/8\"  # /c.json:1\n"},
        {.name = "an included document",
                .files = {{.path = "/c.toml", .text = "[[include.objects]]\ntype = 'NetworkListener'\nfile = 'l.json'\n"},
                        {.path = "/l.json", .text = "[{\"name\":\"a\",\"bind\":[\"[::]:25\"]}, {\"bind\":[]}]"}},
                .found = "?"},
        {.name = "wrong documents", .files = JSON("{\"Queue\":{},\"NetworkListener\":{\"name\":\"a\","
                                                  "\"bindd\":1,\"maxConnections\":{},\"bind\":[[\"x\"]]},"
                                                  "\"Http\":7}"),
                .found = "?"},
        {.name = "a start file of the object generation",
                .files = JSON("{\"@type\":\"Sqlite\",\"path\":\"/x\"}"), .found = "?"},
        {.name = "no JSON", .files = JSON("{\"a\":\n [1, 2"), .found = "?"},
        {.name = "other objects",
                .files = {{.path = "/c.toml", .text = SMTP "include.objects = [{type='BlockedIp',file='b.json'}, "
                                                           "{type='MemoryLookupKeyValue', file='m.json'}, "
                                                           "{type='Certificate', file='k.json'}, {type='Http', file='h.json'}]\n"},
                        {.path = "/b.json", .text = "{\"address\":\"192.0.2.7\",\"reason\":\"manual\",\"expiresAt\":\"2026-12-01T00:00:00Z\"}"},
                        {.path = "/m.json", .text = "[{\"namespace\":\"l\",\"key\":\"a*\",\"value\":\"v\"},{\"namespace\":\"l\",\"key\":\"b*\",\"isGlobPattern\":true}]"},
                        {.path = "/k.json", .text = "{\"name\":\"c\",\"certificate\":{\"@type\":\"Text\",\"value\":\"PEM\"},\"privateKey\":{\"@type\":\"File\",\"filePath\":\"/key\"}}"},
                        {.path = "/h.json", .text = "{\"allowedEndpoints\":{\"match\":[{\"if\":\"is_tls\",\"then\":\"200\"}],\"else\":\"404\"},\"useXForwarded\":false}"},
                        {.path = "/key", .text = "KEY"}},
                .found = "?",
                .values = "server.blocked-ip.0 = \"192.0.2.7/32\"  # /b.json:1\n"
                          "certificate.c.cert = \"PEM\"  # /k.json:1\n"
                          "http.allowed-endpoint = \"(conditions)\"  # /h.json:1\n"},
};

static void objects(void **state)
{
    (void)state;
    RUN(object_cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(files_and_syntax),
            TEST(keys),
            TEST(values),
            TEST(macros),
            TEST(includes),
            TEST(objects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
