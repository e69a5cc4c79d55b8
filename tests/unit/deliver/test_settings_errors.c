// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_settings_errors.c: every mistake of outbound.md 27.1 that is one of the
// settings of delivery, and those of the sections that it names: its place, its key, its words.
#include "settings_fixture.h"

static const struct {
    const char *name, *config;
    const char *found; // "LINE:COLUMN: severity: key: message\n"; what stands here begins at line 3
} cases[] = {
        // routes
        {"route without a type", "[queue.route.x]\nport=25\n",
                "3:14: error: queue.route.x.type: Invalid route type: \"\". Expected 'relay', "
                "'local', or 'mx'.\n"},
        {"unknown type", "[queue.route.x]\ntype='realy'\naddress='a.example'\n",
                "4:6: error: queue.route.x.type: Invalid route type: \"realy\". Expected 'relay', "
                "'local', or 'mx'. Did you mean 'relay'?\n"},
        {"another unknown type", "[queue.route.x]\ntype='http'\n",
                "4:6: error: queue.route.x.type: Invalid route type: \"http\". Expected 'relay', "
                "'local', or 'mx'.\n"},
        {"relay without an address", RELAY,
                "3:14: error: queue.route.r.address: required: the host that mail goes to, a name "
                "or an address\n"},
        {"port 0", RELAY "address='a.example'\nport=0\n",
                "6:6: error: queue.route.r.port: \"0\" is out of range: 1 to 65535\n"},
        {"port 70000", RELAY "address='a.example'\nport=70000\n",
                "6:6: error: queue.route.r.port: \"70000\" is out of range: 1 to 65535\n"},
        {"port by name", RELAY "address='a.example'\nport='smtp'\n",
                "6:6: error: queue.route.r.port: invalid integer \"smtp\" (expected a whole "
                "number)\n"},
        {"protocol http", RELAY "address='a.example'\nprotocol='http'\n",
                "6:10: error: queue.route.r.protocol: Invalid protocol \"http\", expected 'smtp' "
                "or 'lmtp'. Did you mean 'smtp'?\n"},
        {"LMTP on port 25", RELAY "address='a.example'\nprotocol='lmtp'\nport=25\n",
                "7:6: error: queue.route.r.port: LMTP must not use port 25 (RFC 2033); its port is "
                "24, or one of your own\n"},
        {"local LMTP on port 25", LOCAL "store='lmtp'\naddress='a.example'\nport=25\n",
                "7:6: error: queue.route.l.port: LMTP must not use port 25 (RFC 2033); its port is "
                "24, or one of your own\n"},
        {"no hosts", "[queue.route.x]\ntype='mx'\nlimits.mx=0\nlimits.multihomed=-1\n",
                "5:11: error: queue.route.x.limits.mx: \"0\" is out of range: 1 to 64\n"
                "6:19: error: queue.route.x.limits.multihomed: \"-1\" is out of range: 1 to 64\n"},
        {"IP lookup", "[queue.route.x]\ntype='mx'\nip-lookup='ipv4'\n",
                "5:11: error: queue.route.x.ip-lookup: Invalid IP lookup strategy \"ipv4\". "
                "Expected ipv4_then_ipv6, ipv6_then_ipv4, ipv4_only, ipv6_only or alternate.\n"},
        {"no network", "[queue.route.x]\ntype='mx'\nprohibited-ips=['10.0.0.0/33','x']\n",
                "5:17: error: queue.route.x.prohibited-ips: element 1: invalid IP mask "
                "\"10.0.0.0/33\" (expected ADDRESS or ADDRESS/PREFIX)\n"
                "5:31: error: queue.route.x.prohibited-ips: element 2: invalid IP mask \"x\" "
                "(expected ADDRESS or ADDRESS/PREFIX)\n"},
        {"addresses that are none",
                RELAY
                "address=['a.example:25','[a]','unix:x','mx:','0.0.0.0','a b','1.2.3.4:25']\n",
                "5:10: error: queue.route.r.address: \"a.example:25\": the port stands in the key "
                "port; expected a host name, an address, unix:/PATH or mx:DOMAIN\n"
                "5:25: error: queue.route.r.address: \"[a]\": no address in brackets; expected a "
                "host name, an address, unix:/PATH or mx:DOMAIN\n"
                "5:31: error: queue.route.r.address: \"unix:x\": a path begins with '/' and has at "
                "most 107 bytes; expected a host name, an address, unix:/PATH or mx:DOMAIN\n"
                "5:40: error: queue.route.r.address: \"mx:\": it is empty; expected a host name, "
                "an address, unix:/PATH or mx:DOMAIN\n"
                "5:46: error: queue.route.r.address: \"0.0.0.0\": nobody is there; expected a host "
                "name, an address, unix:/PATH or mx:DOMAIN\n"
                "5:56: error: queue.route.r.address: \"a b\": labels are letters, digits and inner "
                "hyphens; expected a host name, an address, unix:/PATH or mx:DOMAIN\n"
                "5:62: error: queue.route.r.address: \"1.2.3.4:25\": the port stands in the key "
                "port; expected a host name, an address, unix:/PATH or mx:DOMAIN\n"},
        {"user without a secret", RELAY "address='a.example'\nauth.username='u'\n",
                "6:15: error: queue.route.r.auth.username: both auth.username and auth.secret (or "
                "auth.token) are needed\n"},
        {"secret without a user", RELAY "address='a.example'\nauth.secret='s'\n",
                "6:13: error: queue.route.r.auth.secret: both auth.username and auth.secret (or "
                "auth.token) are needed\n"},
        {"token without a user", RELAY "address='a.example'\nauth.token='s'\n",
                "6:12: error: queue.route.r.auth.token: both auth.username and auth.secret (or "
                "auth.token) are needed\n"},
        {"a proxy without a port, whose password is not repeated",
                RELAY "address='a.example'\nsocks5='p.example,u,topsecret'\n",
                "6:8: error: queue.route.r.socks5: expected HOST:PORT or "
                "HOST:PORT,USER,PASSWORD\n"},
        {"a proxy's user without a password", RELAY "address='a.example'\nsocks5='p.example:9,u'\n",
                "6:8: error: queue.route.r.socks5: a user needs a password: "
                "HOST:PORT,USER,PASSWORD\n"},
        {"a Unix socket behind proxies",
                RELAY "address='unix:/x'\nproxy-protocol='v1'\nsocks5='1.2.3.4:9'\n",
                "6:16: error: queue.route.r.proxy-protocol: a PROXY header has no words for a Unix "
                "socket\n"
                "7:8: error: queue.route.r.socks5: no proxy leads to a Unix socket\n"},
        {"XCLIENT without EHLO", RELAY "address='a.example'\nhelo-only=true\nxclient=true\n",
                "7:9: error: queue.route.r.xclient: with helo-only no host can say that it takes "
                "XCLIENT\n"},
        {"a PROXY header to everybody",
                "[queue.route.x]\ntype='mx'\nproxy-protocol='v3'\nxclient=true\n",
                "5:16: error: queue.route.x.proxy-protocol: invalid word \"v3\" (expected off, v1 "
                "or v2); did you mean 'v1'?\n"
                "6:9: error: queue.route.x.xclient: only a route of type 'relay', or 'local' with "
                "store = \"lmtp\", has this\n"},
        {"a secret that the environment lacks",
                RELAY "address='a.example'\nauth.username='u'\nauth.secret='%{env:PW}%'\n",
                "7:13: error: queue.route.r.auth.secret: environment variable 'PW' is not set\n"},
        {"the same by a key",
                RELAY "address='a.example'\nauth.username='u'\nauth.secret.env='PW'\n",
                "7:6: error: queue.route.r.auth.secret: environment variable 'PW' is not set\n"},
        {"a secret's file that is not there",
                RELAY "address='a.example'\nauth.username='u'\nauth.secret.file='/pw'\n",
                "7:18: error: queue.route.r.auth.secret: cannot read /pw: No such file or "
                "directory\n"},
        {"keys of other types",
                "[queue.route.x]\ntype='mx'\naddress='a.example'\npath='/x/{rcpt}'\nstore='hold'\n"
                "[queue.route.y]\ntype='local'\nport=24\nlimits.mx=2\n"
                "[queue.route.z]\ntype='local'\nstore='hold'\ncreate=false\n",
                "5:9: error: queue.route.x.address: only a route of type 'relay', or 'local' with "
                "store = \"lmtp\", has this\n"
                "6:6: error: queue.route.x.path: only a route of type 'local' with store = "
                "\"maildir\" has this\n"
                "7:7: error: queue.route.x.store: only a route of type 'local' has this\n"
                "10:6: error: queue.route.y.port: only a route of type 'mx' or 'relay', or 'local' "
                "with store = \"lmtp\", has this\n"
                "11:11: error: queue.route.y.limits.mx: only a route of type 'mx' has this\n"
                "15:8: error: queue.route.z.create: only a route of type 'local' with store = "
                "\"maildir\" has this\n"},
        {"STARTTLS of a route", RELAY "address='a.example'\ntls.starttls='yes'\n",
                "6:14: error: queue.route.r.tls.starttls: Invalid TLS option value \"yes\". "
                "Expected optional, require or disable.\n"},
        {"TLS on a Unix socket", RELAY "address='unix:/x'\ntls.implicit=true\n",
                "6:14: error: queue.route.r.tls.implicit: a Unix socket has no TLS\n"},
        {"a port of a Unix socket", RELAY "address='unix:/x'\nport=24\n",
                "6:6: error: queue.route.r.port: a Unix socket has no port\n"},
        {"HELO and LMTP", RELAY "address='a.example'\nprotocol='lmtp'\nhelo-only=true\n",
                "7:11: error: queue.route.r.helo-only: LMTP has no HELO\n"},
        {"no such certificate", RELAY "address='a.example'\ntls.certificate='c'\n",
                "6:17: error: queue.route.r.tls.certificate: certificate 'c' is not defined; add "
                "[certificate.\"c\"]\n"},
        {"recipients", RELAY "address='a.example'\nmax-rcpt=1001\n",
                "6:10: error: queue.route.r.max-rcpt: \"1001\" is out of range: 1 to 1000\n"},
        {"stage of a failover", RELAY "address='a.example'\nfailover=['conect']\n",
                "6:11: error: queue.route.r.failover: element 1: invalid word \"conect\" (expected "
                "connect, greeting, ehlo, tls, auth, mail, data or rcpt); did you mean "
                "'connect'?\n"},
        {"extension", RELAY "address='a.example'\ndisable-extensions=['pipelining','X']\n",
                "6:34: error: queue.route.r.disable-extensions: element 2: invalid word \"X\" "
                "(expected PIPELINING, SIZE, 8BITMIME, SMTPUTF8, CHUNKING, BINARYMIME, DSN, "
                "STARTTLS, AUTH, REQUIRETLS, DELIVERBY, MT-PRIORITY, ENHANCEDSTATUSCODES or "
                "LIMITS)\n"},
        {"placeholder", LOCAL "path='/var/{locl}'\n",
                "5:6: error: queue.route.l.path: {locl} stands for nothing\n"},
        {"one Maildir for all", LOCAL "path='/var/mail/all'\n",
                "5:6: warning: queue.route.l.path: there is no {local}, {rcpt} or {user} in it: "
                "everybody's mail goes into one Maildir\n"},
        {"mode", LOCAL "mode='999'\n",
                "5:6: error: queue.route.l.mode: invalid permissions \"999\" (expected octal "
                "digits such as 0600)\n"},
        {"mode that locks us out", LOCAL "mode='0066'\n",
                "5:6: error: queue.route.l.mode: \"0066\" keeps the owner from reading or "
                "writing\n"},
        {"quota", LOCAL "quota='lots'\n",
                "5:7: error: queue.route.l.quota: invalid quota \"lots\" (expected BYTES, "
                "BYTES/MESSAGES or /MESSAGES, such as \"1 GiB/100000\")\n"},
        {"stores that are not built", LOCAL "store='mbox'\n",
                "5:7: error: queue.route.l.store: this build does not have \"mbox\" yet\n"},
        {"keys that are not built", LOCAL "lock='dotlock'\n",
                "5:1: error: queue.route.l.lock: this build does not have mbox files yet\n"},
        {"a race that takes longer than a connection may", "[queue]\nhappy-eyeballs='301s'\n",
                "4:16: error: queue.happy-eyeballs: \"301s\" is out of range: 0 to 300000 ms\n"},
        // connections
        {"source that is a name", "[queue.connection.c]\nsource-ips=['mx.example']\n",
                "4:13: error: queue.connection.c.source-ips: element 1: invalid IP address "
                "\"mx.example\" (expected an IPv4 or IPv6 address)\n"},
        {"source twice", "[queue.connection.c]\nsource-ips=['192.0.2.1','192.0.2.1']\n",
                "4:25: error: queue.connection.c.source-ips: duplicate: 192.0.2.1\n"},
        {"any source", "[queue.connection.c]\nsource-ips=['0.0.0.0','::']\n",
                "4:13: error: queue.connection.c.source-ips: 0.0.0.0 is not usable as a source\n"
                "4:23: error: queue.connection.c.source-ips: :: is not usable as a source\n"},
        {"source of another machine", "[queue.connection.c]\nsource-ips=['192.0.2.9']\n",
                "4:13: warning: queue.connection.c.source-ips: no interface of this machine has "
                "192.0.2.9\n"},
        {"which may come later", "[queue.connection.c]\nsource-ips='192.0.2.9'\nfreebind=true\n",
                ""},
        {"name that is none", "[queue.connection.c]\nehlo-hostname='bad host'\n",
                "4:15: error: queue.connection.c.ehlo-hostname: invalid host name \"bad host\" "
                "(labels are letters, digits and inner hyphens)\n"},
        {"short name", "[queue.connection.c]\nehlo-hostname='mail'\n",
                "4:15: warning: queue.connection.c.ehlo-hostname: 'mail' is not a fully qualified "
                "name; other servers will not accept it\n"},
        {"times",
                "[queue.connection.c]\ntimeout.connect=0\ntimeout.ehlo='-1s'\n"
                "timeout.rcpt-to='1h30m'\ntimeout.auth='500ms'\ntimeout.session='2h'\n"
                "timeout.data='5m'\n",
                "4:17: error: queue.connection.c.timeout.connect: invalid duration \"0\" (expected "
                "a number and one of ms, s, m, h, d, w)\n"
                "5:14: error: queue.connection.c.timeout.ehlo: invalid duration \"-1s\" (expected "
                "a number and one of ms, s, m, h, d, w)\n"
                "6:17: error: queue.connection.c.timeout.rcpt-to: invalid duration \"1h30m\" "
                "(expected a number and one of ms, s, m, h, d, w)\n"
                "7:14: error: queue.connection.c.timeout.auth: \"500ms\" is out of range: 1000 to "
                "3600000 ms\n"
                "8:17: error: queue.connection.c.timeout.session: \"2h\" is out of range: 1000 to "
                "3600000 ms\n"
                "9:14: warning: queue.connection.c.timeout.data: shorter than the 10m of RFC 5321 "
                "4.5.3.2.6: a slow host that has taken the message gets it again\n"},
        {"name of an address that nobody uses",
                "[queue.source-ip.'192.0.2.1']\nehlo-hostname='a.example.org'\n",
                "4:15: warning: queue.source-ip.\"192.0.2.1\".ehlo-hostname: no connection "
                "strategy and no pool has 192.0.2.1 among its addresses\n"},
        {"name of something else", "[queue.source-ip.x]\nehlo-hostname='a.example.org'\n",
                "4:15: error: queue.source-ip.x.ehlo-hostname: \"x\" is not an IP address\n"},
        // TLS
        {"words", "[queue.tls.t]\ndane='yes'\nmta-sts='must'\nstarttls='requird'\n",
                "4:6: error: queue.tls.t.dane: Invalid TLS option value \"yes\". Expected "
                "optional, require or disable.\n"
                "5:9: error: queue.tls.t.mta-sts: Invalid TLS option value \"must\". Expected "
                "optional, require or disable.\n"
                "6:10: error: queue.tls.t.starttls: Invalid TLS option value \"requird\". Expected "
                "optional, require or disable. Did you mean 'require'?\n"},
        {"no TLS, and a demand for it", "[queue.tls.t]\ndane='require'\nstarttls='disable'\n",
                "5:10: error: queue.tls.t.starttls: contradictory: dane = \"require\" cannot do "
                "without TLS\n"},
        {"no TLS, and the other demand", "[queue.tls.t]\nmta-sts='require'\nstarttls='none'\n",
                "5:10: error: queue.tls.t.starttls: contradictory: mta-sts = \"require\" cannot do "
                "without TLS\n"},
        {"any certificate, and a demand for good ones",
                "[queue.tls.t]\nmta-sts='require'\nallow-invalid-certs=true\n",
                "5:21: warning: queue.tls.t.allow-invalid-certs: ignored under the policy of "
                "mta-sts = \"require\"\n"},
        {"lists that OpenSSL does not take", "[queue.tls.t]\nciphers='NOTHING'\ngroups='P-257'\n",
                "4:9: error: queue.tls.t.ciphers: OpenSSL knows none of these cipher suites\n"
                "5:8: error: queue.tls.t.groups: OpenSSL does not know all of these groups\n"},
        {"version", "[queue.tls.t]\nmin-version='0.9'\n",
                "4:13: error: queue.tls.t.min-version: invalid word \"0.9\" (expected 1.0, 1.1, "
                "1.2 or 1.3); did you mean '1.0'?\n"},
        // limits and replies
        {"limiter of nothing", LIMIT "key='mx'\n",
                "3:17: error: queue.limiter.outbound.0.rate: a limiter needs a rate such as "
                "\"5/1h\", or a concurrency\n"},
        {"rates",
                LIMIT "rate='0/1m'\n" LIMIT "rate='5'\n" LIMIT "rate='5/0s'\n" LIMIT
                      "rate='abc/1h'\n",
                "4:6: error: queue.limiter.outbound.0.rate: invalid rate \"0/1m\" (expected "
                "COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                "6:6: error: queue.limiter.outbound.1.rate: invalid rate \"5\" (expected "
                "COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                "8:6: error: queue.limiter.outbound.2.rate: invalid rate \"5/0s\" (expected "
                "COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"
                "10:6: error: queue.limiter.outbound.3.rate: invalid rate \"abc/1h\" (expected "
                "COUNT/DURATION such as 5/1h, the count from 1 to 1000000)\n"},
        {"key of another time", LIMIT "rate='1/1s'\nkey=['listener','helo_domain','mx']\n",
                "5:6: error: queue.limiter.outbound.0.key: Rate limiter key \"listener\" is not "
                "available in this context; there are mx, remote_ip, local_ip, sender, "
                "sender_domain, rcpt, rcpt_domain, mx_site, route, queue_name, "
                "authenticated_as, pool and tag.NAME\n"
                "5:17: error: queue.limiter.outbound.0.key: Rate limiter key \"helo_domain\" is "
                "not available in this context; there are mx, remote_ip, local_ip, sender, "
                "sender_domain, rcpt, rcpt_domain, mx_site, route, queue_name, "
                "authenticated_as, pool and tag.NAME\n"},
        {"a tag without a name", LIMIT "rate='1/1s'\nkey=['tag.x', 'tag.']\n",
                "5:15: error: queue.limiter.outbound.0.key: Rate limiter key \"tag.\" is not "
                "available in this context; there are mx, remote_ip, local_ip, sender, "
                "sender_domain, rcpt, rcpt_domain, mx_site, route, queue_name, "
                "authenticated_as, pool and tag.NAME\n"},
        {"variable of another time", LIMIT "rate='1/1s'\nmatch=\"helo_domain == 'x'\"\n",
                "5:8: error: queue.limiter.outbound.0.match: column 1: variable 'helo_domain' is "
                "not available here (context: QHOST)\n"},
        {"burst of nothing", LIMIT "concurrency=1\nburst=3\nunit='bytes'\n",
                "5:7: error: queue.limiter.outbound.0.burst: this belongs to a rate\n"
                "6:6: error: queue.limiter.outbound.0.unit: this belongs to a rate\n"},
        {"scope", LIMIT "rate='1/1s'\nscope='cluster'\n",
                "5:7: error: queue.limiter.outbound.0.scope: this build does not have \"cluster\" "
                "yet\n"},
        {"rule without an action", "[[queue.response]]\nmatch='code == 550'\n",
                "3:9: error: queue.response.0.action: this must be set\n"},
        {"rule with a bad pattern",
                "[[queue.response]]\nmatch=\"matches('(', message)\"\naction='bounce'\n",
                "4:16: error: queue.response.0.match: column 9: invalid regular expression: "
                "missing closing parenthesis at offset 1\n"},
        {"unknown action", "[[queue.response]]\naction='bonce'\n",
                "4:8: error: queue.response.0.action: invalid word \"bonce\" (expected log, defer, "
                "bounce, next-host, drop-connection, suspend, throttle, backoff, route or "
                "disable-tls); did you "
                "mean 'bounce'?\n"},
        {"time of a bounce", "[[queue.response]]\naction='bounce'\nretry-after='1h'\n",
                "5:13: error: queue.response.0.retry-after: only action = \"defer\", "
                "\"route\" or \"disable-tls\" has a time to try again\n"},
        // strategies and the rest
        {"route that nobody defined",
                "[queue.strategy]\nroute=[{if=\"rcpt_domain == 'a.example'\", then=\"'relai'\"}, "
                "{else=\"'mx'\"}]\n" RELAY "address='a.example'\n[queue.route.relay]\ntype='mx'\n",
                "4:47: error: queue.strategy.route: condition 1, 'then': route 'relai' is not "
                "defined; did you mean 'relay'?\n"},
        {"nothing is near", "[queue.strategy]\nroute=\"'gateway'\"\n",
                "4:7: error: queue.strategy.route: route 'gateway' is not defined; add "
                "[queue.route.\"gateway\"]\n"},
        {"connection and TLS that nobody defined",
                "[queue.strategy]\nconnection=\"'x'\"\ntls=\"'invalid_tls'\"\n",
                "4:12: error: queue.strategy.connection: connection strategy 'x' is not defined; "
                "add [queue.connection.\"x\"]\n"
                "5:5: error: queue.strategy.tls: TLS strategy 'invalid_tls' is not defined; did "
                "you mean 'invalid-tls'?\n"},
        {"computed names are not known", "[queue.strategy]\nroute=\"'a' + rcpt_domain\"\n", ""},
        {"variables of another time",
                "[queue.strategy]\nroute=\"if_then(mx == 'x', 'mx', 'local')\"\n"
                "connection=\"if_then(code == 1, 'default', 'default')\"\n",
                "4:16: error: queue.strategy.route: column 9: variable 'mx' is not available here "
                "(context: QRCPT)\n"
                "5:21: error: queue.strategy.connection: column 9: variable 'code' is not "
                "available here (context: QHOST)\n"},
        {"longest cool-down", "[queue.host]\nmax-cooldown='10s'\n",
                "4:14: error: queue.host.max-cooldown: queue.host.cooldown is longer than "
                "queue.host.max-cooldown\n"},
        {"cool-down", "[queue.host]\ncooldown='1h'\n",
                "4:10: error: queue.host.cooldown: queue.host.cooldown is longer than "
                "queue.host.max-cooldown\n"},
        {"self", "[queue]\nself=['a.example','a b']\n",
                "4:19: error: queue.self: \"a b\" is neither a host name nor an address (labels "
                "are letters, digits and inner hyphens)\n"},
        {"words of the server", "[queue]\ndowngrade-8bit='drop'\ndowngrade-utf8='convert'\n",
                "4:16: error: queue.downgrade-8bit: invalid word \"drop\" (expected "
                "convert, send or bounce)\n"
                "5:16: error: queue.downgrade-utf8: invalid word \"convert\" (expected bounce or "
                "encode)\n"},
        {"lines that are folded",
                "[queue.connection.c]\nline-length-limit=998\n[queue.connection.d]\n"
                "line-length-limit=77\n[queue.connection.e]\nline-length-limit=78\n",
                "4:19: warning: queue.connection.c.line-length-limit: where a line is folded, "
                "signatures that others have made before do not verify\n"
                "6:19: error: queue.connection.d.line-length-limit: lines are folded at 78 octets "
                "at least; 0: they are not\n"
                "8:19: warning: queue.connection.e.line-length-limit: where a line is folded, "
                "signatures that others have made before do not verify\n"},
        {"prohibited-ips of policies", "[queue]\nmta-sts.prohibited-ips='10.0.0.0'\nbdat-chunk=1\n",
                "5:12: error: queue.bdat-chunk: \"1\" is out of range: 4096 to 1073741824 bytes\n"},
};

static void mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        check_findings(cases[i].name, cases[i].config, cases[i].found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(mistakes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
