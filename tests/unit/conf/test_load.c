// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/test_load.c: files, keys, includes and JSON objects (configuration.md 1 to 3, 6,
// 13.2, 14). Most odd cases are rows of configuration.md 15.
#include "load_fixture.h"

#include "conf/lookup.h"

// -- Files and syntax ---------------------------------------------------------------------------

static const struct load_case file_cases[] = {
        {.name = "missing",
                .files = {{.path = NULL}, {.path = "/x"}},
                .found = "error: cannot read : No such file or directory\n"},
        {.name = "unreadable",
                .files = {{.path = "/c.toml", .error = "Permission denied"}},
                .found = "/c.toml: error: cannot read /c.toml: Permission denied\n"},
        {.name = "empty",
                .files = MAIN(""),
                .found = "/c.toml:1:1: error: no listener is defined; add "
                         "[server.listener.\"smtp\"] with bind = [\"[::]:25\"]\n"},
        {.name = "only comments",
                .files = MAIN("# nothing\n\n"),
                .found = "/c.toml:1:1: error: no listener is defined; add "
                         "[server.listener.\"smtp\"] with bind = [\"[::]:25\"]\n"},
        {.name = "the unbalanced quote",
                .files = MAIN("[server.tls]\n"
                              "protocols = [ \"TLSv1.2\", TLSv1.3\" ]\n"
                              "enable = true\n" SMTP),
                .found = "/c.toml:2:26: error: server.tls.protocols: expected a value, found bare "
                         "word 'TLSv1.3'; is the opening quote missing?\n"},
        {.name = "smallest",
                .files = MAIN(SMTP),
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
                .files = MAIN(
                        SMTP "max_connections = 5\n[server.tls]\nignore_client_order = false\n"),
                .values = "server.listener.smtp.max-connections = 5  # /c.toml:3\n"
                          "server.tls.ignore-client-order = false  # /c.toml:5\n"},
        {.name = "both spellings",
                .files = MAIN(SMTP "max_connections = 5\nmax-connections = 6\n"),
                .found = "/c.toml:4:1: error: server.listener.smtp.max-connections: key "
                         "'server.listener.smtp.max-connections' is already set at /c.toml:3\n"},
        {.name = "capitals in a key",
                .files = MAIN(SMTP "Greeting = 'x'\n"),
                .found = "/c.toml:3:1: error: Greeting: the names of settings are lower case, "
                         "write 'greeting'\n"},
        {.name = "mistyped",
                .files = MAIN(SMTP "greting = 'x'\n"),
                .found = "/c.toml:3:1: error: server.listener.smtp.greting: unknown key; did you "
                         "mean server.listener.smtp.greeting?\n"},
        {.name = "nothing is near",
                .files = MAIN(SMTP "frobnicate = 1\n"),
                .found = "/c.toml:3:1: error: server.listener.smtp.frobnicate: unknown key\n"},
        {.name = "mistyped section",
                .files = MAIN("[sevrer]\nx = 1\n" SMTP),
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
                .files = MAIN(
                        "[sieve.user]\nvacation = 1\n[acme.x]\ncontact = 'a@b.example'\n" SMTP),
                .found = "/c.toml:1:2: error: sieve: this build does not have Sieve scripts yet\n"
                         "/c.toml:3:2: error: acme: this build does not have ACME certificates "
                         "yet\n"},
        {.name = "a table where a value belongs",
                .files = MAIN("[server.hostname]\nx = 1\n" SMTP),
                .found = "/c.toml:1:9: error: server.hostname: a value is expected here, not a "
                         "table\n"},
        {.name = "a value where a table belongs",
                .files = MAIN("[server]\ntls = true\n" SMTP),
                .found = "/c.toml:2:7: error: server.tls: this is a table, not a value\n"},
        {.name = "a list where a value belongs",
                .files = MAIN("[server]\nmax-connections = [1]\n" SMTP),
                .found = "/c.toml:2:19: error: server.max-connections: one value is expected "
                         "here, not a list\n"},
        {.name = "id with a blank",
                .files = MAIN("[server.listener.'a b']\nbind = '[::]:26'\n" SMTP),
                .found = "/c.toml:1:18: error: server.listener: invalid id \"a b\" (1 to 64 "
                         "letters, digits, '.', '_' and '-', the first one a letter or digit)\n"},
        {.name = "id with a slash",
                .files = MAIN("[lookup.'a/b']\nx = 1\n" SMTP),
                .found = "/c.toml:1:9: error: lookup: invalid id \"a/b\" (1 to 64 letters, digits, "
                         "'.', '_' and '-', the first one a letter or digit)\n"},
        {.name = "ids that differ in case",
                .files = MAIN("[lookup]\nA.x = 1\na.x = 1\n" SMTP),
                .found = "/c.toml:3:1: error: lookup: the ids 'a' and 'A' (/c.toml:2) differ in "
                         "letter case only\n"},
        {.name = "an id with dots",
                .files = MAIN("[server.listener.'a.b']\nbind = '[::]:25'\n"),
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
        {.name = "a list in a list of tables, and a secret that is not shown",
                .files = MAIN("[directory.m]\ntype = 'memory'\n[[directory.m.principals]]\n"
                              "name = 'a'\nemail = ['a@a.example', 'b@a.example']\n"
                              "secret = ['x', 'y']\n[[directory.m.principals]]\nname = 'b'\n"
                              "email = 'c@a.example'\nsecret = 'z'\n" SMTP),
                .values = "directory.m.principals.0.email.0 = \"a@a.example\"  # /c.toml:5\n"
                          "directory.m.principals.0.email.1 = \"b@a.example\"  # /c.toml:5\n"
                          "directory.m.principals.0.secret.1 = \"***\"  # /c.toml:6\n"
                          "directory.m.principals.1.email = \"c@a.example\"  # /c.toml:9\n"
                          "directory.m.principals.1.secret = \"***\"  # /c.toml:10\n"},
        {.name = "the same by position",
                .files = MAIN("directory.m.type = 'memory'\ndirectory.m.principals.0.name = 'a'\n"
                              "directory.m.principals.0.email.1 = 'b@a.example'\n"
                              "directory.m.principals.0.email.0 = 'a@a.example'\n" SMTP),
                .values = "directory.m.principals.0.email.0 = \"a@a.example\"  # /c.toml:4\n"
                          "directory.m.principals.0.email.1 = \"b@a.example\"  # /c.toml:3\n"},
        {.name = "a table where a member is a list",
                .files = MAIN("[directory.m]\ntype = 'memory'\n[[directory.m.principals]]\n"
                              "name = 'a'\nemail.x = 'a@a.example'\nquota = [1, 2]\n" SMTP),
                .found = "/c.toml:5:1: error: directory.m.principals: a value is expected here\n"
                         "/c.toml:6:9: error: directory.m.principals: a value is expected here\n"},
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
                .found = "/c.toml:2:14: warning: server.blocked-ip: a set in braces is no TOML; "
                         "use an array: [ ]\n",
                .values = "server.blocked-ip.1 = \"203.0.113.0/24\"  # /c.toml:2\n"},
        {.name = "what nothing uses yet",
                .files = MAIN(SMTP "[server]\nmemory-limit = '1 GB'\n"),
                .found = "/c.toml:4:16: warning: server.memory-limit: this has no effect yet in "
                         "this build\n",
                .values = "server.memory-limit = \"1 GB\"  # /c.toml:4\n"},
        {.name = "a name that administrators do write",
                .files = MAIN("[server.security]\nblocked-ip = ['192.0.2.1']\n" SMTP),
                .found = "/c.toml:2:1: error: server.security.blocked-ip: the name of this "
                         "setting is server.blocked-ip\n"},
        {.name = "old names",
                .files =
                        MAIN("[server.fail2ban]\nauthentication = '7/1h'\n"
                             "[jmap.http]\nhsts = true\n[global.shared-map]\nshard = 4\n"
                             "[lookup.default]\nhostname = 'old.example.net'\n" SMTP "url = 'x'\n"),
                .found = "/c.toml:1:9: warning: server.fail2ban: an old name, taken for "
                         "server.auto-ban.auth.rate\n"
                         "/c.toml:3:7: warning: jmap.http: an old name, taken for http\n"
                         "/c.toml:5:9: warning: global.shared-map: this key is not used: it has no "
                         "effect here\n"
                         "/c.toml:8:12: warning: lookup.default: 'hostname' is an old name, taken "
                         "for server.hostname\n"
                         "/c.toml:11:1: warning: server.listener.smtp.url: this key is not used: "
                         "it has no effect; the published address is http.url\n",
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

// -- Several files ------------------------------------------------------------------------------

static const struct load_case include_cases[] = {
        {.name = "includes, in order, with a glob",
                .files = {{.path = "/e/c.toml",
                                  .text = "include.files = ['%{env:L}%.toml', 'd/*.toml']\n"},
                        {.path = "/e/l.toml", .text = SMTP},
                        {.path = "/e/d/b.toml", .text = "lookup.l.b = 2\n"},
                        {.path = "/e/d/a.toml", .text = "include.files = '/x'\nlookup.l.a = 1\n"},
                        {.path = "/x", .text = "lookup.l.x = 3\n"}},
                .env = "L=l",
                .values = "server.listener.smtp.bind.0 = \"[::]:25\"  # /e/l.toml:2\n"
                          "lookup.l.a = \"1\"  # /e/d/a.toml:2\n"
                          "lookup.l.b = \"2\"  # /e/d/b.toml:1\n"
                          "lookup.l.x = \"3\"  # /x:1\n"},
        {.name = "no such files",
                .files = MAIN("[include]\nfiles = ['none.toml', 'n*.toml', "
                              "'%{file:x}%']\n" SMTP),
                .found = "/c.toml:2:10: error: include.files: cannot read /none.toml: No such file "
                         "or directory\n"
                         "/c.toml:2:23: warning: include.files: no file matches /n*.toml\n"
                         "/c.toml:2:34: error: include.files: only %{env:NAME}% works in "
                         "include.*, not 'file'\n"},
        {.name = "a file that includes itself",
                .files = {{.path = "/c.toml",
                                  .text = "include.files = ['b.toml', 'c.toml']\n" SMTP},
                        {.path = "/b.toml", .text = "include.files = '/c.toml'\n"}},
                .found = "/c.toml: warning: this file was read already (as /c.toml)\n"
                         "/c.toml: warning: this file was read already (as /c.toml)\n"},
        {.name = "two names of one file",
                .files = {{.path = "/c.toml", .text = "include.files = ['a', 'b']\n" SMTP},
                        {.path = "/a", .text = "lookup.l.x = 1\n", .twin = 7},
                        {.path = "/b", .text = "lookup.l.x = 1\n", .twin = 7}},
                .found = "/b: warning: this file was read already (as /a)\n"},
        {.name = "the same key in two files",
                .files = {{.path = "/c.toml", .text = "include.files = ['a', 'b']\n" SMTP},
                        {.path = "/a",
                                .text = "[lookup.l]\nx = 1\n[server]\nhostname = 'a.example'\n"},
                        {.path = "/b",
                                .text = "[lookup.l]\nx = 2\n[server]\nhostname = 'b.example'\n"
                                        "listener.smtp.bind = ['[::]:26']\n"}},
                .found = "/b:2:5: error: lookup.l: 'x' is already set at /a:2\n"
                         "/b:4:1: error: server.hostname: key 'server.hostname' is already set at "
                         "/a:4\n"
                         "/b:5:15: error: server.listener.smtp.bind: key "
                         "'server.listener.smtp.bind' is already set at /c.toml:3\n"},
        {.name = "the folder beside the main file wins",
                .files = {{.path = "/c.toml", .text = SMTP "[server]\nhostname = 'a.example'\n"},
                        {.path = "/c.toml.d/90-managed.toml",
                                .text = "server.hostname = 'z.example'\n"},
                        {.path = "/c.toml.d/10.toml",
                                .text = "server.hostname = 'b.example'\nserver.listener.smtp.bind "
                                        "= '[::]:26'\n"}},
                .values = "server.hostname = \"z.example\"  # /c.toml.d/90-managed.toml:1\n"
                          "server.listener.smtp.bind.0 = \"[::]:26\"  # /c.toml.d/10.toml:2\n"},
        {.name = "a list of tables in several files",
                .files = {{.path = "/c.toml",
                                  .text = "include.files = ['a', 'b']\n[directory.m]\n"
                                          "type = 'memory'\n[[directory.m.principals]]\n"
                                          "name = 'x'\n" SMTP},
                        {.path = "/a", .text = "[[directory.m.principals]]\nname = 'y'\n"},
                        {.path = "/b", .text = "[[directory.m.principals]]\nname = 'z'\n"}},
                .values = "directory.m.principals.0.name = \"x\"  # /c.toml:5\n"
                          "directory.m.principals.1.name = \"y\"  # /a:2\n"
                          "directory.m.principals.2.name = \"z\"  # /b:2\n"},
        {.name = "an error in an included file",
                .files = {{.path = "/c.toml", .text = "include.files = 'a'\n" SMTP},
                        {.path = "/a", .text = "x = \n"}},
                .found = "/a:1:5: error: x: expected a value\n"},
        {.name = "environment wins over files",
                .env = "RUN_AS_USER=plain;POSTHASTE_RUN_AS_USER=own",
                .files = SERVER("run-as.user = 'file'\nrun-as.group = 'file'\n"),
                .values = "server.run-as.user = \"own\"  # env\n"
                          "server.run-as.group = \"file\"  # /c.toml:5\n"},
        {.name = "the compatible prefix comes last",
                .env = "STALWART_HOSTNAME=s.example.com",
                .files = MAIN(SMTP),
                .values = "server.hostname = \"s.example.com\"  # default\n"},
        {.name = "plain HOSTNAME is not read",
                .env = "HOSTNAME=h.example.com",
                .files = MAIN(SMTP),
                .values = "server.hostname = \"mx.example.org\"  # default\n"},
        {.name = "a host name that is none",
                .env = "NODE_HOSTNAME=bad_-.name-",
                .files = MAIN(SMTP),
                .values = "server.hostname = \"mx.example.org\"  # default\n"},
};

static void includes(void **state)
{
    (void)state;
    RUN(include_cases);
}

// -- Objects ------------------------------------------------------------------------------------

static const struct load_case object_cases[] = {
        {.name = "listeners",
                .files = JSON("{\"NetworkListener\":[{\"name\":\"smtp\",\n"
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
        {.name = "limiters and greylisting",
                .files = {{.path = "/c.json",
                        .text = "{\"NetworkListener\":{\"name\":\"a\",\"bind\":[\"[::]:25\"]},\n"
                                "\"MtaInboundThrottle\":[{\"name\":\"all\",\"enable\":true,"
                                "\"key\":[\"remoteIp\",\"rcptDomain\"],\n"
                                "\"rate\":{\"count\":5,\"period\":1000},\"match\":{\"match\":"
                                "[{\"if\":\"is_tls\",\"then\":\"true\"}],\"else\":\"false\"}}],\n"
                                "\"SpamSettings\":{\"greylistFor\":86400000}}"}},
                .values = "queue.limiter.inbound.all.key.1 = \"rcpt_domain\"  # /c.json:2\n"
                          "queue.limiter.inbound.all.rate = \"5/1000ms\"  # /c.json:3\n"
                          "queue.limiter.inbound.all.match.0.if = \"is_tls\"  # /c.json:3\n"
                          "spam-filter.grey-list.duration = \"86400000\"  # /c.json:4\n"},
        {.name = "sets as objects",
                .files = JSON("{\"NetworkListener\":{\"name\":\"a\",\"bind\":"
                              "{\"[::]:25\":true,\"[::]:26\":false,\"[::]:27\":null},"
                              "\"overrideProxyTrustedNetworks\":{\"0\":\"10.0.0.0/8\"}}}"),
                .values = "server.listener.a.bind.0 = \"[::]:25\"  # /c.json:1\n"
                          "server.listener.a.proxy.trusted-networks.0 = \"10.0.0.0/8\"  # "
                          "/c.json:1\n"},
        {.name = "an included document",
                .files = {{.path = "/c.toml",
                                  .text = "[[include.objects]]\ntype = 'NetworkListener'\nfile = "
                                          "'l.json'\n"},
                        {.path = "/l.json",
                                .text = "[{\"name\":\"a\",\"bind\":[\"[::]:25\"]}, "
                                        "{\"bind\":[]}]"}},
                .found = "/l.json:1:35: error: an object of type NetworkListener needs a 'name'\n"},
        {.name = "wrong documents",
                .files = JSON("{\"Queue\":{},\"NetworkListener\":{\"name\":\"a\","
                              "\"bindd\":1,\"maxConnections\":{},\"bind\":[[\"x\"]]},"
                              "\"Http\":7}"),
                .found = "/c.json:1:10: error: this build does not have objects of type Queue\n"
                         "/c.json:1:51: error: an object of type NetworkListener has no member "
                         "'bindd'\n"
                         "/c.json:1:70: error: 'maxConnections' cannot hold this value\n"
                         "/c.json:1:80: error: 'bind' cannot hold this value\n"
                         "/c.json:1:96: error: expected an object of type Http\n"},
        {.name = "a start file of the object generation",
                .files = JSON("{\"@type\":\"Sqlite\",\"path\":\"/x\"}"),
                .found = "/c.json:1:10: error: this build does not have stores yet\n"},
        {.name = "no JSON",
                .files = JSON("{\"a\":\n [1, 2"),
                .found = "/c.json:2:7: error: expected ',' or ']', found the end\n"},
        {.name = "other objects",
                .files = {{.path = "/c.toml",
                                  .text = "include.objects = [{type='BlockedIp',file='b.json'}, "
                                          "{type='MemoryLookupKeyValue', file='m.json'}, "
                                          "{type='Certificate', file='k.json'}, {type='Http', "
                                          "file='h.json'}]\n" SMTP},
                        {.path = "/b.json",
                                .text = "{\"address\":\"192.0.2.7\",\"reason\":\"manual\","
                                        "\"expiresAt\":\"2026-12-01T00:00:00Z\"}"},
                        {.path = "/m.json",
                                .text = "[{\"namespace\":\"l\",\"key\":\"a*\",\"value\":\"v\"},{"
                                        "\"namespace\":\"l\",\"key\":\"b*\",\"isGlobPattern\":true}"
                                        "]"},
                        {.path = "/k.json",
                                .text = "{\"name\":\"c\",\"certificate\":{\"@type\":\"Text\","
                                        "\"value\":\"PEM\"},\"privateKey\":{\"@type\":\"File\","
                                        "\"filePath\":\"/key\"}}"},
                        {.path = "/h.json",
                                .text = "{\"allowedEndpoints\":{\"match\":[{\"if\":\"is_tls\","
                                        "\"then\":\"200\"}],\"else\":\"404\"},\"useXForwarded\":"
                                        "false}"},
                        {.path = "/key", .text = "KEY"}},
                .found = NULL,
                .values = "server.blocked-ip.0 = \"192.0.2.7/32\"  # /b.json:1\n"
                          "certificate.c.cert = \"PEM\"  # /k.json:1\n"
                          "http.allowed-endpoint.0.if = \"is_tls\"  # /h.json:1\n"
                          "http.allowed-endpoint.0.then = \"200\"  # /h.json:1\n"
                          "http.allowed-endpoint.1.else = \"404\"  # /h.json:1\n"},
};

static void objects(void **state)
{
    (void)state;
    RUN(object_cases);
}

// A server keeps large lists only once.
static void lists_can_be_dropped(void **state)
{
    static const struct memfile file[1] =
            MAIN(SMTP "[lookup.l]\na.b = 7\n'*.c' = ''\n[server]\nhostname = 'mx.example.org'\n");
    struct arena a;
    (void)state;
    arena_init(&a, 16 * MIB);
    struct findings findings = findings_make(&a);
    struct memfs fs = {.files = file, .count = 1};
    struct conf_files files = memfs_files(&fs);
    struct conf_options options = {.path = S("/c.toml"), .files = &files, .drop_lists = true};
    struct conf *conf = conf_load(&options, &findings);
    struct expr_value value;
    assert_non_null(conf);
    check_u64("nothing is wrong", findings.all.count, 0);
    const struct lookup *l = lookups_get(conf_lookups(conf), S("l"));
    assert_non_null(l);
    check_true("an entry", lookup_get(l, S("a.b"), &value) && value.integer == 7);
    check_true("a pattern", lookup_get(l, S("x.c"), &value));
    check_u64("no elements", conf_list(conf, S("lookup.l")).count, 0);
    check_str("all else stays", conf_str(conf, S("server.hostname")), S("mx.example.org"));
    conf_free(conf);
    arena_done(&a);
}

// -- Maps written as lists -----------------------------------------------------------------------

#define LIMITER "[[queue.limiter.inbound]]\n"
static const struct load_case list_cases[] = {
        {.name = "positions are ids, expressions and all",
                .files =
                        MAIN(SMTP LIMITER "rate = '5/1h'\n" LIMITER
                                          "match = [{if = 'is_tls', then = false}, {else = true}]\n"
                                          "concurrency = 2\nkey = ['rcpt', 'remoteIp']\n"),
                .values = "queue.limiter.inbound.0.rate = \"5/1h\"  # /c.toml:4\n"
                          "queue.limiter.inbound.1.concurrency = 2  # /c.toml:7\n"
                          "queue.limiter.inbound.1.match.0.if = \"is_tls\"  # /c.toml:6\n"
                          "queue.limiter.inbound.1.key.1 = \"remote_ip\"  # /c.toml:8\n"},
        {.name = "inline, and several files",
                .files = {{.path = "/c.toml",
                                  .text = "include.files = 'd.toml'\n"
                                          "queue.limiter.inbound = [{rate = '1/1s'}]\n" SMTP},
                        {.path = "/d.toml", .text = LIMITER "rate = '2/1s'\n"}},
                .values = "queue.limiter.inbound.0.rate = \"1/1s\"  # /c.toml:2\n"
                          "queue.limiter.inbound.1.rate = \"2/1s\"  # /d.toml:2\n"},
        {.name = "an old name of the whole list",
                .files = MAIN(SMTP "[[session.throttle]]\nrate = '5/1h'\n"),
                .found = "/c.toml:3:11: warning: session.throttle: an old name, taken for "
                         "queue.limiter.inbound\n",
                .values = "queue.limiter.inbound.0.rate = \"5/1h\"  # /c.toml:4\n"},
        {.name = "what is wrong has its place",
                .files = MAIN(SMTP LIMITER "rat = '5/1h'\nrate = '0/1h'\n" LIMITER
                                           "match = 'nosuch'\nkey = 'remote'\n"),
                .found = "/c.toml:4:1: error: queue.limiter.inbound.0.rat: unknown key; did you "
                         "mean queue.limiter.inbound.0.rate?\n"
                         "/c.toml:5:8: error: queue.limiter.inbound.0.rate: invalid rate \"0/1h\" "
                         "(expected COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                         "/c.toml:7:10: error: queue.limiter.inbound.1.match: column 1: unknown "
                         "variable or function 'nosuch'\n"
                         "/c.toml:8:7: error: queue.limiter.inbound.1.key: invalid word \"remote\" "
                         "(expected remote_ip, remote_net, local_ip, listener, helo_domain, "
                         "authenticated_as, sender, sender_domain, rcpt or rcpt_domain); did you "
                         "mean 'remote_ip'?\n"},
        {.name = "not a list of tables",
                .files = MAIN(SMTP "[queue]\nlimiter.inbound = [1]\n"),
                .found = "/c.toml:4:20: error: queue.limiter.inbound.0: this is a table, not a "
                         "value\n"},
        {.name = "other maps are no lists",
                .files = MAIN(SMTP "[[certificate]]\ncert = 'x'\n"),
                .found = "/c.toml:3:3: error: certificate: this is a table, not a value\n"},
};

static void maps_as_lists(void **state)
{
    (void)state;
    RUN(list_cases);
}

static void order_of_objects(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 64 * MIB);
    struct findings findings = findings_make(&a);
    struct conf_env env = {.os_hostname = S("mx.example.org")};
    struct memfile file = {.path = "/c.toml",
            .text = SMTP "[queue.limiter.inbound.b]\nrate = '1/1s'\n"
                         "[queue.limiter.inbound.a]\nrate = '1/1s'\n"
                         "[queue.limiter.inbound.10]\nrate = '1/1s'\n"
                         "[queue.limiter.inbound.9]\nrate = '1/1s'\n"};
    struct memfs fs = {.files = &file, .count = 1};
    struct conf_files files = memfs_files(&fs);
    struct conf_options options = {.path = S("/c.toml"), .env = &env, .files = &files};
    struct conf *conf = conf_load(&options, &findings);
    struct conf_ids sorted = conf_ids(conf, S("queue.limiter.inbound"));
    struct conf_ids written = conf_ids_as_written(&a, conf, S("queue.limiter.inbound"));
    static const char *const want[][2] = {{"10", "b"}, {"9", "a"}, {"a", "10"}, {"b", "9"}};
    assert_int_equal(findings.all.count, 0);
    assert_int_equal(sorted.count, 4);
    assert_int_equal(written.count, 4);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        check_str("sorted", sorted.at[i], str_from_c(want[i][0]));
        check_str("written", written.at[i], str_from_c(want[i][1]));
    }
    assert_int_equal(conf_ids_as_written(&a, conf, S("lookup")).count, 0);
    conf_free(conf);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(files_and_syntax),
            TEST(keys),
            TEST(includes),
            TEST(maps_as_lists),
            TEST(order_of_objects),
            TEST(objects),
            TEST(lists_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
