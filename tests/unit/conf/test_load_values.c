// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_load_values.c: values by type, and where they may come from: macros, files,
// the environment (configuration.md 4, 5, 13.3). Most odd cases are rows of configuration.md 15.
#include "load_fixture.h"

// -- Values -------------------------------------------------------------------------------------

static const struct load_case value_cases[] = {
        {.name = "durations",
                .files = SERVER("shutdown.grace = '0s'\n"
                                "proxy.timeout = '1h30m'\n"
                                "tls.timeout = '-5s'\n"
                                "shutdown.delay = '99999999999d'\n"
                                "socket.linger = '6m'\n"
                                "socket.user-timeout = 1.5\n"),
                .found = "/c.toml:4:18: error: server.shutdown.grace: invalid duration \"0s\" "
                         "(expected a number and one of ms, s, m, h, d, w)\n"
                         "/c.toml:5:17: error: server.proxy.timeout: invalid duration \"1h30m\" "
                         "(expected a number and one of ms, s, m, h, d, w)\n"
                         "/c.toml:6:15: error: server.tls.timeout: invalid duration \"-5s\" "
                         "(expected a number and one of ms, s, m, h, d, w)\n"
                         "/c.toml:7:18: error: server.shutdown.delay: invalid duration "
                         "\"99999999999d\" (expected a number and one of ms, s, m, h, d, w)\n"
                         "/c.toml:8:17: error: server.socket.linger: \"6m\" is out of range: 0 to "
                         "300000 ms\n"
                         "/c.toml:9:23: error: server.socket.user-timeout: invalid duration "
                         "\"1.5\" (expected a number and one of ms, s, m, h, d, w)\n"},
        {.name = "durations that are right",
                .files = SERVER("shutdown.grace = 2500\nshutdown.delay = 'never'\n"
                                "socket.keepalive = false\nsocket.linger = ' 5m '\n"),
                .values = "server.shutdown.grace = \"2500\"  # /c.toml:4\n"
                          "server.shutdown.delay = false  # /c.toml:5\n"
                          "server.listener.smtp.socket.keepalive = false  # /c.toml:6\n"},
        {.name = "rates",
                .files = SERVER("auto-ban.auth.rate = '0/1h'\n"
                                "auto-ban.abuse.rate = '5/0s'\n"
                                "auto-ban.loiter.rate = '5'\n"
                                "auto-ban.scan.rate = '5/1h/2'\n"),
                .found = "/c.toml:4:22: error: server.auto-ban.auth.rate: invalid rate \"0/1h\" "
                         "(expected COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                         "/c.toml:5:23: error: server.auto-ban.abuse.rate: invalid rate \"5/0s\" "
                         "(expected COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                         "/c.toml:6:24: error: server.auto-ban.loiter.rate: invalid rate \"5\" "
                         "(expected COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                         "/c.toml:7:22: error: server.auto-ban.scan.rate: invalid rate \"5/1h/2\" "
                         "(expected COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"},
        {.name = "no rate",
                .files = SERVER("auto-ban.loiter.rate = 'unlimited'\n"
                                "auto-ban.scan.rate = false\n"),
                .values = "server.auto-ban.loiter.rate = false  # /c.toml:4\n"
                          "server.auto-ban.scan.rate = false  # /c.toml:5\n"},
        {.name = "masks",
                .files = SERVER("allowed-ip = ['10.0.0.0/33', '::/129', "
                                "'10.0.0.0/255.0.0.0', '10.0.0/8', '010.0.0.1']\n"),
                .found = "/c.toml:4:15: error: server.allowed-ip: element 1: invalid IP mask "
                         "\"10.0.0.0/33\" (expected ADDRESS or ADDRESS/PREFIX)\n"
                         "/c.toml:4:30: error: server.allowed-ip: element 2: invalid IP mask "
                         "\"::/129\" (expected ADDRESS or ADDRESS/PREFIX)\n"
                         "/c.toml:4:40: error: server.allowed-ip: element 3: invalid IP mask "
                         "\"10.0.0.0/255.0.0.0\" (expected ADDRESS or ADDRESS/PREFIX)\n"
                         "/c.toml:4:62: error: server.allowed-ip: element 4: invalid IP mask "
                         "\"10.0.0/8\" (expected ADDRESS or ADDRESS/PREFIX)\n"
                         "/c.toml:4:74: error: server.allowed-ip: element 5: invalid IP mask "
                         "\"010.0.0.1\" (expected ADDRESS or ADDRESS/PREFIX)\n"},
        {.name = "mask with host bits, twice",
                .files = SERVER("allowed-ip = ['10.1.2.3/8', "
                                "'10.0.0.0/8', 'fe80::1%eth0']\n"),
                .found = "/c.toml:4:15: warning: server.allowed-ip: \"10.1.2.3/8\" has bits beyond "
                         "its prefix, read as 10.0.0.0/8\n"
                         "/c.toml:4:29: warning: server.allowed-ip: \"10.0.0.0/8\" is there twice\n"
                         "/c.toml:4:43: error: server.allowed-ip: element 3: invalid IP mask "
                         "\"fe80::1%eth0\" (expected ADDRESS or ADDRESS/PREFIX)\n"},
        {.name = "numbers",
                .files = SERVER("max-connections = 0\nsocket.ttl = 3600\n"
                                "socket.backlog = 0.5\nsocket.tos = 300\n"
                                "reserved-connections = -1\n"
                                "socket.send-buffer-size = '3 GiB'\n"
                                "socket.tos-v6 = '0x10'\n"),
                .found = "/c.toml:4:19: error: server.max-connections: \"0\" is out of range: 1 to "
                         "4294967295\n"
                         "/c.toml:5:14: error: server.socket.ttl: \"3600\" is out of range: 1 to "
                         "255; this is a hop count, not seconds\n"
                         "/c.toml:6:18: error: server.socket.backlog: invalid integer \"0.5\" "
                         "(expected a whole number)\n"
                         "/c.toml:7:14: error: server.socket.tos: \"300\" is out of range: 1 to "
                         "255\n"
                         "/c.toml:8:24: error: server.reserved-connections: \"-1\" is out of "
                         "range: 0 to 65535\n"
                         "/c.toml:9:27: error: server.socket.send-buffer-size: \"3 GiB\" is out of "
                         "range: 1 to 2147483647 bytes\n"
                         "/c.toml:10:17: error: server.socket.tos-v6: invalid integer \"0x10\" "
                         "(expected a whole number)\n"},
        {.name = "booleans",
                .files = SERVER("core-dumps = 'yes'\ntls.enable = 1\n"
                                "tls.implicit = 'false'\nsocket.v6only = 'none'\n"
                                "tls.require = 2026-01-01\n"),
                .found = "/c.toml:4:14: error: server.core-dumps: invalid boolean \"yes\" "
                         "(expected true or false)\n"
                         "/c.toml:5:14: error: server.tls.enable: invalid boolean \"1\" (expected "
                         "true or false)\n"
                         "/c.toml:8:15: error: server.tls.require: invalid boolean \"2026-01-01\" "
                         "(a date is not expected here)\n",
                .values = "server.tls.implicit = false  # /c.toml:6\n"},
        {.name = "an optional boolean may say no",
                .files = SERVER("socket.v6only = false\n"),
                .values = "server.socket.v6only = false  # /c.toml:4\n"},
        {.name = "no time at all, where a duration is optional and where it is not",
                .files = SERVER("auto-ban.loiter.period = '0s'\nsocket.user-timeout = '0 ms'\n"
                                "shutdown.grace = '0s'\n"),
                .found = "/c.toml:6:18: error: server.shutdown.grace: invalid duration \"0s\" "
                         "(expected a number and one of ms, s, m, h, d, w)\n",
                .values = "server.auto-ban.loiter.period = false  # /c.toml:4\n"},
        {.name = "words",
                .files = SERVER("limit-action = 'Reply'\nblock-action = 'drp'\n"
                                "bind-failure = 'whatever'\n"
                                "tls.protocols = ['TLSv1.2', 'TLSv1.1', 'TLSv1.4']\n"
                                "tls.ciphers = ['AES128-SHA']\n"
                                "tls.groups = ['x25519', 'p-256']\n"),
                .found = "/c.toml:4:16: error: server.limit-action: invalid word \"Reply\" "
                         "(expected reply or drop); did you mean 'reply'?\n"
                         "/c.toml:5:16: error: server.block-action: invalid word \"drp\" (expected "
                         "drop or reply); did you mean 'drop'?\n"
                         "/c.toml:6:16: error: server.bind-failure: invalid word \"whatever\" "
                         "(expected auto, fatal or retry)\n"
                         "/c.toml:7:29: error: server.tls.protocols: element 2: TLSv1.1 must not "
                         "be used any more (RFC 8996); TLSv1.2 and TLSv1.3 are here\n"
                         "/c.toml:7:40: error: server.tls.protocols: element 3: invalid word "
                         "\"TLSv1.4\" (expected TLSv1.2 or TLSv1.3); did you mean 'TLSv1.2'?\n"
                         "/c.toml:8:16: error: server.tls.ciphers: element 1: unsupported TLS "
                         "cipher suite \"AES128-SHA\" (expected TLS13_AES_256_GCM_SHA384, "
                         "TLS13_AES_128_GCM_SHA256, TLS13_CHACHA20_POLY1305_SHA256, "
                         "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "
                         "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "
                         "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "
                         "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "
                         "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 or "
                         "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256)\n",
                .values = "server.tls.groups.0 = \"X25519\"  # /c.toml:9\n"
                          "server.tls.groups.1 = \"SECP256R1\"  # /c.toml:9\n"},
        {.name = "protocols",
                .files = MAIN("[server.listener]\n"
                              "a = {bind = 'x:1', protocol = 'smtps'}\n"
                              "b = {bind = 'x:1', protocol = 'imap'}\n"
                              "c = {bind = 'x:1', protocol = 'SMTP'}\n"
                              "d = {bind = 'x:1', protocol = 'ftp'}\n"
                              "e = {bind = 'x:1', protocol = 'manageSieve'}\n"
                              "f = {bind = 'x:1', protocol = 'submission'}\n"),
                .found = "/c.toml:2:31: error: server.listener.a.protocol: \"smtps\" is not a "
                         "protocol here; write protocol = \"smtp\" and tls.implicit = true\n"
                         "/c.toml:3:31: error: server.listener.b.protocol: this server has no "
                         "mailboxes, so it cannot speak imap itself; to pass imap on to other "
                         "servers use [listener.b] with protocol = \"imap\" (proxy)\n"
                         "/c.toml:5:31: error: server.listener.d.protocol: invalid word \"ftp\" "
                         "(expected smtp, lmtp or http); did you mean 'smtp'?\n"
                         "/c.toml:6:31: error: server.listener.e.protocol: this server has no "
                         "mailboxes, so it cannot speak managesieve itself; to pass managesieve on "
                         "to other servers use [listener.e] with protocol = \"managesieve\" "
                         "(proxy)\n"
                         "/c.toml:7:31: error: server.listener.f.protocol: \"submission\" is not a "
                         "protocol here; write protocol = \"smtp\", port 587\n",
                .values = "server.listener.c.protocol = \"smtp\"  # /c.toml:4\n"},
        {.name = "what is not built yet",
                .files = MAIN(SMTP "[tracer.t]\ntype = 'otel'\n"
                                   "compress = 'gzip'\n"),
                .found = "/c.toml:4:8: error: tracer.t.type: this build does not have \"otel\" "
                         "yet\n"},
        {.name = "host names",
                .files = SERVER("hostname = 'B\xc3\xbc"
                                "cher.example'\n"
                                "listener.a.bind = 'x'\n"
                                "listener.a.hostname = '192.0.2.1'\n"),
                .found = "/c.toml:6:23: error: server.listener.a.hostname: invalid host name "
                         "\"192.0.2.1\" (it is an IP address)\n",
                .values = "server.hostname = \"xn--bcher-kva.example\"  # /c.toml:4\n"},
        {.name = "a short host name",
                .files = SERVER("hostname = 'mail'\n"),
                .found = "/c.toml:4:12: warning: server.hostname: 'mail' is not a fully qualified "
                         "name; other servers will not accept it\n",
                .values = "server.hostname = \"mail\"  # /c.toml:4\n"
                          "report.domain = \"mail\"  # default\n"},
        {.name = "a machine with a short name, and a name of its own",
                .machine = "mail",
                .files = SERVER("hostname = 'mx.example.net'\n"),
                .values = "server.hostname = \"mx.example.net\"  # /c.toml:4\n"},
        {.name = "a machine with a short name",
                .machine = "mail",
                .files = MAIN(SMTP),
                .found = "warning: server.hostname: not set, and this machine's own name 'mail' "
                         "is not fully qualified; other servers will not accept it\n",
                .values = "server.hostname = \"mail\"  # default\n"},
        {.name = "a machine with a short name, and a variable",
                .machine = "mail",
                .env = "NODE_HOSTNAME=n1.example.org",
                .files = MAIN(SMTP),
                .values = "server.hostname = \"n1.example.org\"  # default\n"},
        {.name = "a machine with a short name, and a wrong name of its own",
                .machine = "mail",
                .files = SERVER("hostname = '192.0.2.1'\n"),
                .found = "/c.toml:4:12: error: server.hostname: invalid host name \"192.0.2.1\" "
                         "(it is an IP address)\n"},
        {.name = "networks or a boolean",
                .files = MAIN(SMTP "[http]\nuse-x-forwarded = true\n"),
                .values = "http.use-x-forwarded.0 = \"true\"  # /c.toml:4\n"},
        {.name = "networks and a boolean",
                .files = MAIN(SMTP "[http]\nuse-x-forwarded = [true, '10.0.0.0/8', 'x']\n"),
                .found = "/c.toml:4:20: error: http.use-x-forwarded: element 1: invalid networks "
                         "\"true\" (true and false stand alone)\n"
                         "/c.toml:4:40: error: http.use-x-forwarded: element 3: invalid networks "
                         "\"x\" (expected true, false or a list of ADDRESS/PREFIX)\n"},
        {.name = "paths are beside their file",
                .files = MAIN(SMTP "[global]\nstate-dir = 'state'\n"),
                .values = "global.state-dir = \"/state\"  # /c.toml:4\n"},
        {.name = "strings take numbers",
                .files = SERVER("run-as.user = 100\ngreeting = true\n"),
                .values = "server.run-as.user = \"100\"  # /c.toml:4\n"
                          "server.greeting = \"true\"  # /c.toml:5\n"},
        {.name = "a member of a list of tables is missing",
                .files = SERVER("tls.sni = [{subject = 'a.example'}, {certificate = 'x', "
                                "subjct = 'y'}, 'z']\n"),
                .found = "/c.toml:4:12: error: server.tls.sni: element 1 has no 'certificate'\n"
                         "/c.toml:4:37: error: server.tls.sni: element 2 has no 'subject'\n"
                         "/c.toml:4:66: error: server.tls.sni: unknown member 'subjct'\n"
                         "/c.toml:4:72: error: server.tls.sni: a list of tables is expected here: "
                         "[ { ... }, { ... } ]\n"},
        {.name = "undefined certificates",
                .files = SERVER("tls.certificate = 'nope'\n"
                                "tls.sni = [{subject = '*.a.example', certificate = 'none'}]\n"
                                "[certificate.b]\ncert = 'x'\n[certificate.a]\ncert = 'x'\n"),
                .found = "/c.toml:4:19: error: server.tls.certificate: certificate 'nope' is not "
                         "defined; add [certificate.\"nope\"]; defined: a, b\n"
                         "/c.toml:5:12: error: server.tls.sni: certificate 'none' is not defined; "
                         "add [certificate.\"none\"]; defined: a, b\n"},
        {.name = "an undefined directory",
                .files = MAIN(SMTP "[management]\ndirectory = ['ldap']\n"),
                .found = "/c.toml:4:14: error: management.directory: directory 'ldap' is not "
                         "defined; add [directory.\"ldap\"]\n"},
        {.name = "what must be set",
                .files = MAIN(SMTP "[certificate.x]\ndefault = true\n"
                                   "[tracer.t]\nlevel = 'info'\n"),
                .found = "/c.toml:3:14: error: certificate.x.cert: this must be set\n"
                         "/c.toml:5:9: error: tracer.t.type: this must be set\n"},
        {.name = "a switched off object is not looked at",
                .files = MAIN(SMTP "[certificate.x]\nenable = false\n"
                                   "subjects = '-bad-'\n[tracer.t]\nenable = false\n"
                                   "type = 'nothing'\n"),
                .values = "certificate.x.enable = false  # /c.toml:4\n"},
        {.name = "half a pair",
                .files = MAIN(SMTP "[metrics.prometheus]\nauth.username = 'x'\n"),
                .found = "/c.toml:4:17: error: metrics.prometheus.auth.username: "
                         "metrics.prometheus.auth.secret must be set too\n"},
        {.name = "local keys",
                .files = MAIN(SMTP "[config]\nlocal-keys = ['*', '!cluster.*']\n"),
                .found = "/c.toml:4:15: warning: config.local-keys: this has no effect yet in "
                         "this build\n"
                         "/c.toml:4:15: error: config.local-keys: these patterns put "
                         "'cluster.node-id' into the settings store, where the server could not "
                         "find it\n"},
        {.name = "the default instead of an error",
                .files = SERVER("config.x = 1\nmax-connections = 'x'\n[config]\non-error = "
                                "'default'\n"),
                .found = "/c.toml:4:1: error: server.config: unknown key\n"
                         "/c.toml:5:19: error: server.max-connections: invalid integer \"x\" "
                         "(expected a whole number)\n",
                .values = "server.max-connections = 8192  # default\n"},
        {.name = "expressions",
                .files = MAIN(SMTP "[http]\nallowed-endpoint = [{if = \"recpt == "
                                   "'x'\", then = 200}, {else = 404}]\n"
                                   "url = '(a'\n"),
                .found = "/c.toml:4:28: error: http.allowed-endpoint: condition 1, 'if', column 1: "
                         "unknown variable or function 'recpt'\n"
                         "/c.toml:5:9: error: http.url: column 2: unknown variable or function "
                         "'a'\n"},
        {.name = "conditions by position",
                .files = MAIN(SMTP "[http]\nallowed-endpoint.1.else = '404'\n"
                                   "allowed-endpoint.0.if = 'is_tls'\n"
                                   "allowed-endpoint.0.then = 200\n"),
                .values = "http.allowed-endpoint.0.if = \"is_tls\"  # /c.toml:5\n"
                          "http.allowed-endpoint.0.then = \"200\"  # /c.toml:6\n"
                          "http.allowed-endpoint.1.else = \"404\"  # /c.toml:4\n"},
        {.name = "expressions that are right",
                .files = MAIN(SMTP "[http]\nallowed-endpoint = [{if = \"remote_ip == "
                                   "'10.0.0.1'\", then = 200}, {else = 404}]\nurl = \"'https://' + "
                                   "config_get('server.hostname')\"\n"),
                .values = "http.allowed-endpoint.0.if = \"remote_ip == '10.0.0.1'\"  # /c.toml:4\n"
                          "http.allowed-endpoint.0.then = \"200\"  # /c.toml:4\n"
                          "http.allowed-endpoint.1.else = \"404\"  # /c.toml:4\n"},
};

static void values(void **state)
{
    (void)state;
    RUN(value_cases);
}

// -- Macros, files as values, secrets -----------------------------------------------------------

static const struct load_case macro_cases[] = {
        {.name = "environment",
                .env = "H=mx;EMPTY=;TLS=true",
                .files = SERVER("hostname = '%{env:H}%.example.net'\ngreeting = '[%{env:EMPTY}%]'\n"
                                "tls.implicit = '%{env:TLS}%'\n"
                                "listener.'b'.greeting = '%{env:NONE:-a:-b}%%{env:EMPTY:-x}%'\n"),
                .values = "server.hostname = \"mx.example.net\"  # /c.toml:4\n"
                          "server.greeting = \"[]\"  # /c.toml:5\n"
                          "server.tls.implicit = true  # /c.toml:6\n"
                          "server.listener.b.greeting = \"a:-b\"  # /c.toml:7\n"},
        {.name = "literal %{",
                .files = SERVER("greeting = '100 %%{x}% 5%'\n"),
                .values = "server.greeting = \"100 %{x}% 5%\"  # /c.toml:4\n"},
        {.name = "wrong macros",
                .files = SERVER("greeting = '%{env:X}%'\n"
                                "hostname = '}% %{env:X'\n"
                                "limit-action = '%{foo:bar}%'\n"
                                "run-as.user = '%{NAME}%'\n"
                                "block-action = '%{}%'\n"),
                .found = "/c.toml:4:12: error: server.greeting: environment variable 'X' is not "
                         "set\n"
                         "/c.toml:5:12: error: server.hostname: '%{' without a closing '}%' at "
                         "byte 4 of the value\n"
                         "/c.toml:6:16: error: server.limit-action: unknown macro '%{foo:bar}%' "
                         "(known: env:NAME, file:PATH, cfg:KEY)\n"
                         "/c.toml:7:15: error: server.run-as.user: unknown macro '%{NAME}%' "
                         "(known: env:NAME, file:PATH, cfg:KEY)\n"
                         "/c.toml:8:16: error: server.block-action: unknown macro '%{}%' (known: "
                         "env:NAME, file:PATH, cfg:KEY)\n"},
        {.name = "a result is not looked at again",
                .env = "A=%{env:B}%;B=no",
                .files = SERVER("greeting = '%{env:A}%'\n"),
                .values = "server.greeting = \"%{env:B}%\"  # /c.toml:4\n"},
        {.name = "other keys",
                .files = SERVER("hostname = 'mx.example.net'\n"
                                "greeting = 'I am %{cfg:server.hostname}%, %{cfg:lookup.l.a.b}%'\n"
                                "[lookup.l]\n'a.b' = '%{cfg:server.max-connections}%'\n"
                                "[server]\nmax-connections = 7\n"),
                .found = NULL,
                .values = "server.greeting = \"I am mx.example.net, 7\"  # /c.toml:5\n"},
        {.name = "keys in a circle",
                .files = SERVER("hostname = '%{cfg:server.greeting}%'\n"
                                "greeting = '%{cfg:lookup.l.x}%'\n"
                                "[lookup.l]\nx = '%{cfg:server.hostname}%'\n"),
                .found = "/c.toml:7:5: error: lookup.l: %{cfg:}% in a circle: server.hostname -> "
                         "server.greeting -> lookup.l -> server.hostname\n"},
        {.name = "a key of itself",
                .files = SERVER("hostname = '%{cfg:server.hostname}%'\n"),
                .found = "/c.toml:4:12: error: server.hostname: %{cfg:}% in a circle: "
                         "server.hostname -> server.hostname\n"},
        {.name = "unknown keys and lists",
                .files = SERVER("hostname = '%{cfg:server.nope}%'\n"
                                "greeting = '%{cfg:server.allowed-ip}%'\nallowed-ip = []\n"),
                .found = "/c.toml:4:12: error: server.hostname: %{cfg:server.nope}%: no such key "
                         "in these files\n"
                         "/c.toml:5:12: error: server.greeting: %{cfg:server.allowed-ip}%: that "
                         "key is a list or table\n"},
        {.name = "files",
                .files = {{.path = "/d/c.toml",
                                  .text = SMTP
                                  "[server]\ngreeting = '<%{file:a}%%{file:/b}%%{file:///b}%>'\n"
                                  "hostname = '%{file:none}%'\n"
                                  "[http]\nredirect-root = 'file:///b'\n"
                                  "[server.tls]\nclient-ca = '%{file:a}%'\n"},
                        {.path = "/d/a", .text = "one\r\n\n"}, {.path = "/b", .text = "two"}},
                .found = "/d/c.toml:5:12: error: server.hostname: cannot read /d/none: No such "
                         "file or directory\n",
                .values = "server.greeting = \"<onetwotwo>\"  # /d/c.toml:4\n"
                          "http.redirect-root = \"file:///b\"  # /d/c.toml:7\n"
                          "server.tls.client-ca = \"one\"  # /d/c.toml:9\n"},
        {.name = "files are for later than sockets",
                .files = {{.path = "/c.toml",
                                  .text = SMTP "greeting = '%{env:G:-hi}%'\n"
                                               "max-connections = '%{file:n}%'\n"
                                               "socket.ttl = '%{cfg:server.max-connections}%'\n"},
                        {.path = "/n", .text = "5"}},
                .found = "/c.toml:4:19: error: server.listener.smtp.max-connections: 'file' macros "
                         "do not work here: this is needed before files are read as the user of "
                         "the server; %{env:NAME}% works\n"
                         "/c.toml:5:14: error: server.listener.smtp.socket.ttl: 'cfg' macros do "
                         "not work here: this is needed before files are read as the user of the "
                         "server; %{env:NAME}% works\n"},
        {.name = "values that are files",
                .files = {{.path = "/c.toml",
                                  .text = SMTP "[certificate.x]\ncert = 'file:x.pem'\n"
                                               "private-key = 'file:///x.key'\n"},
                        {.path = "/x.pem", .text = "CERT\n"},
                        {.path = "/x.key", .text = "KEY\n", .mode = 0644}},
                .found = "/c.toml:5:15: warning: certificate.x.private-key: every user can read "
                         "/x.key (mode 0644), which holds a secret\n",
                .values = "certificate.x.cert = \"CERT\"  # /c.toml:4\n"
                          "certificate.x.private-key = \"***\"  # /c.toml:5\n"},
        {.name = "secrets by sub-key",
                .env = "P=pass",
                .files = {{.path = "/c.toml",
                                  .text = SMTP
                                  "[certificate.x]\ncert.file = 'x.pem'\n"
                                  "private-key.env = 'P'\nprivate-key-password.env = 'Q'\n"
                                  "[certificate.y]\ncert = {env = 'P', file = 'x.pem'}\n"
                                  "[certificate.z]\ncert = {text = 'x'}\n"},
                        {.path = "/x.pem", .text = "CERT"}},
                .found = "/c.toml:6:1: error: certificate.x.private-key-password: environment "
                         "variable 'Q' is not set\n"
                         "/c.toml:8:27: error: certificate.y.cert: give one of a value, .env and "
                         ".file\n"
                         "/c.toml:10:8: error: certificate.z.cert: a value is expected here, not a "
                         "table\n",
                .values = "certificate.x.cert = \"CERT\"  # /c.toml:4\n"
                          "certificate.x.private-key = \"***\"  # /c.toml:5\n"},
        {.name = "an empty secret",
                .files = {{.path = "/c.toml",
                                  .text = SMTP "[certificate.x]\ncert = 'x'\n"
                                               "private-key = 'file:/empty'\n"
                                               "private-key-password = ''\n"},
                        {.path = "/empty", .text = "\n"}},
                .found = "/c.toml:5:15: error: certificate.x.private-key: secret is empty\n"
                         "/c.toml:6:24: error: certificate.x.private-key-password: secret is "
                         "empty\n"},
        {.name = "a secret that everybody can read",
                .files = {{.path = "/c.toml",
                        .mode = 0644,
                        .text = SMTP "[certificate.x]\ncert = 'x'\nprivate-key = 'KEY'\n"}},
                .found = "/c.toml:5:15: warning: certificate.x.private-key: every user can read "
                         "this file (mode 0644), which holds a secret\n"},
        {.name = "a secret does not leak through cfg",
                .files = MAIN(SMTP "greeting = 'x%{cfg:certificate.x.private-key}%'\n"
                                   "[server]\nhostname = '%{cfg:certificate.x.private-key}%'\n"
                                   "[certificate.x]\ncert = 'x'\nprivate-key = 'KEY'\n"),
                .found = "/c.toml:3:12: error: server.listener.smtp.greeting: "
                         "%{cfg:certificate.x.private-key}% is a secret, this key is not\n"
                         "/c.toml:5:12: error: server.hostname: %{cfg:certificate.x.private-key}% "
                         "is a secret, this key is not\n"},
        {.name = "a wrong secret is not shown",
                .files = MAIN(SMTP "[certificate.x]\ncert = 'x'\nprivate-key = 2026-01-01\n"),
                .found = "/c.toml:5:15: error: certificate.x.private-key: invalid secret (a date "
                         "is not expected here)\n"},
        {.name = "before privileges are dropped files are not read",
                .stage = CONF_BIND,
                .files = MAIN(SMTP "[server]\nhostname = '%{file:/none}%'\nmax-connections = 'x'\n"
                                   "tls.enable = 'x'\n[certificate.x]\ncert = 'file:/none'\n"
                                   "[session]\nx = 1\n"),
                .found = "/c.toml:5:19: error: server.max-connections: invalid integer \"x\" "
                         "(expected a whole number)\n"
                         "/c.toml:6:14: error: server.tls.enable: invalid boolean \"x\" (expected "
                         "true or false)\n"},
};

static void macros(void **state)
{
    (void)state;
    RUN(macro_cases);
}

// The line under a finding is cut off where the secret begins.
static void the_line_hides_a_secret(void **state)
{
    (void)state;
    const struct memfile file = {.path = "/c.toml",
            .mode = 0644,
            .text = SMTP "[certificate.x]\ncert = 'x'\nprivate-key = 'sesame'\n"};
    struct memfs fs = {.files = &file, .count = 1};
    struct conf_files files = memfs_files(&fs);
    struct conf_env env = {0};
    const struct conf_options options = {
            .path = S("/c.toml"), .env = &env, .files = &files, .stage = CONF_FULL};
    struct arena a;
    arena_init(&a, MIB);
    struct findings findings = findings_make(&a);
    struct conf *conf = conf_load(&options, &findings);
    bool seen = false;
    each_in_vec (f, &findings.all)
        if (str_eq(f->code, S("readable-secret"))) {
            seen = true;
            check_str("the line", f->source, S("private-key ="));
        }
    assert_true(seen);
    conf_free(conf);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(values),
            TEST(macros),
            TEST(the_line_hides_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
