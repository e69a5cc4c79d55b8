// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_settings.c: how mail leaves, as it is written (outbound.md 2, 3, 7, 14,
// 19, 20, 24), and what comes of it.
#include "settings_fixture.h"

typedef void describe(struct buf *out, const struct deliver_settings *s);

static void describe_targets(struct buf *out, const struct route *route)
{
    for (size_t i = 0; i < route->target_count; i++) {
        const struct relay_target *t = &route->targets[i];
        buf_fmt(out, " %s%.*s", t->is_mx ? "mx:" : "", ARG(t->name));
        if (str_is_null(t->name))
            endpoint_add(out, &t->at);
        else
            buf_fmt(out, ":%u", t->at.port);
    }
}

static void routes(struct buf *out, const struct deliver_settings *s)
{
    static const char *const types[] = {
            [ROUTE_MX] = "mx", [ROUTE_RELAY] = "relay", [ROUTE_LOCAL] = "local"};
    for (size_t i = 0; i < s->route_count; i++) {
        const struct route *r = &s->routes[i];
        assert_ptr_equal(route_named(s, r->id), r);
        buf_fmt(out, "%.*s %s rcpts=%u failover=%x", ARG(r->id), types[r->type], r->rcpts_max,
                r->failover);
        if (r->type == ROUTE_MX)
            buf_fmt(out, " hosts=%u addresses=%u order=%d port=%u nets=%zu implicit=%d\n",
                    r->hosts_max, r->addresses_max, (int)r->ip_order, r->port,
                    r->prohibited != NULL ? nets_count(r->prohibited) : 0, r->implicit_mx);
        else if (r->type == ROUTE_LOCAL && r->store != LOCAL_LMTP)
            buf_fmt(out, " store=%d path=%.*s create=%d mode=%o quota=%llu/%llu headers=%d%d%d\n",
                    (int)r->store, ARG(r->path), r->create, r->mode,
                    (unsigned long long)r->quota_bytes, (unsigned long long)r->quota_messages,
                    r->adds_return_path, r->adds_delivered_to, r->adds_original_to);
        else {
            buf_fmt(out, " %s", r->protocol == CLIENT_LMTP ? "lmtp" : "smtp");
            describe_targets(out, r);
            buf_fmt(out, " addresses=%u tls=%s%d login=%.*s:%.*s:%.*s/%zu\n", r->addresses_max,
                    r->tls_implicit ? "implicit" : "", (int)r->starttls, ARG(r->username),
                    ARG(r->secret), ARG(r->token), r->mechanisms.count);
        }
    }
}

static void connections(struct buf *out, const struct deliver_settings *s)
{
    for (size_t i = 0; i < s->connection_count; i++) {
        const struct connection_strategy *c = &s->connections[i];
        assert_ptr_equal(connection_named(s, c->id), c);
        buf_fmt(out, "%.*s name=%.*s select=%d connect=%lld data=%lld mail=%lld idle=%lld from",
                ARG(c->id), ARG(c->ehlo_name), (int)c->select, (long long)c->connect_ms,
                (long long)c->timeouts.data_ms, (long long)c->timeouts.mail_ms,
                (long long)c->idle_ms);
        for (size_t k = 0; k < c->source_count; k++) {
            buf_add_byte(out, ' ');
            ip_add(out, &c->sources[k].ip);
            buf_fmt(out, "=%.*s", ARG(c->sources[k].ehlo_name));
        }
        buf_add_byte(out, '\n');
    }
}

// Of the first: each time-out has a key of its own.
static void times(struct buf *out, const struct deliver_settings *s)
{
    const struct connection_strategy *c = &s->connections[0];
    const struct client_timeouts *t = &c->timeouts;
    const int64_t all[] = {c->connect_ms, t->greeting_ms, t->ehlo_ms, t->mail_ms, t->rcpt_ms,
            t->data_ms, t->data_init_ms, t->data_block_ms, t->auth_ms, t->rset_ms, t->quit_ms,
            c->session_ms};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        buf_fmt(out, "%s%lld", i > 0 ? " " : "", (long long)all[i] / SECOND_MS);
}

static void strategies(struct buf *out, const struct deliver_settings *s)
{
    for (size_t i = 0; i < s->tls_count; i++) {
        const struct tls_strategy *t = &s->tls[i];
        assert_ptr_equal(tls_named(s, t->id), t);
        buf_fmt(out, "%.*s dane=%d sts=%d starttls=%d invalid=%d tls=%lld min=%x ciphers=%.*s\n",
                ARG(t->id), (int)t->dane, (int)t->mta_sts, (int)t->starttls, t->allow_invalid,
                (long long)t->tls_ms, (unsigned)t->version_min, ARG(t->ciphers));
    }
}

static void limiters(struct buf *out, const struct deliver_settings *s)
{
    for (size_t i = 0; i < s->limiter_count; i++) {
        const struct outbound_limiter *l = &s->limiters[i];
        buf_fmt(out, "%.*s %s keys=%x stage=%d rate=%u/%lld burst=%u concurrency=%u unit=%d\n",
                ARG(l->id), l->match == NULL ? "always" : "sometimes", l->keys, (int)l->stage,
                l->rate.count, (long long)l->rate.period_ms, l->burst, l->concurrency,
                (int)l->unit);
    }
}

static void responses(struct buf *out, const struct deliver_settings *s)
{
    for (size_t i = 0; i < s->response_count; i++)
        buf_fmt(out, "%.*s action=%d after=%lld\n", ARG(s->responses[i].id),
                (int)s->responses[i].action, (long long)s->responses[i].retry_after_ms);
}

static void server_wide(struct buf *out, const struct deliver_settings *s)
{
    buf_fmt(out, "%.*s failures=%u cooldown=%lld-%lld self=", ARG(s->host), s->hosts.failures_max,
            (long long)s->hosts.cooldown_ms, (long long)s->hosts.cooldown_max_ms);
    for (size_t i = 0; i < s->self_names.count; i++)
        buf_fmt(out, "%.*s,", ARG(s->self_names.at[i]));
    for (size_t i = 0; i < s->self_ip_count; i++) {
        ip_add(out, &s->self_ips[i]);
        buf_add_byte(out, ',');
    }
    buf_fmt(out, " detect=%d 8bit=%d utf8=%d chunk=%llu nets=%zu\n", s->detect_self,
            (int)s->downgrade_8bit, (int)s->downgrade_utf8, (unsigned long long)s->bdat_chunk_bytes,
            s->sts_prohibited != NULL ? nets_count(s->sts_prohibited) : 0);
}

#define MX_ROUTE                                                                                   \
    "mx mx rcpts=100 failover=1bf hosts=5 addresses=2 order=0 port=25 nets=9 implicit=1\n"
#define LOCAL_ROUTE                                                                                \
    "local local rcpts=100 failover=1bf store=0 path=/var/mail/{domain}/{local}/Maildir create=1 " \
    "mode=600 quota=0/0 headers=110\n"
#define PRESET "default name= select=0 connect=300000 data=600000 mail=300000 idle=0 from\n"
#define STRICT "default dane=1 sts=1 starttls=1 invalid=0 tls=180000 min=303 ciphers=\n"
#define LENIENT "invalid-tls dane=1 sts=1 starttls=1 invalid=1 tls=180000 min=303 ciphers=\n"

static const struct {
    const char *name;
    describe *what;
    const char *config, *want;
} good[] = {
        {"nothing written: two routes", routes, "", MX_ROUTE LOCAL_ROUTE},
        {"one route more", routes,
                "[queue.route.direct]\ntype='mx'\nip-lookup='IPV6_then_ipv4'\nlimits.mx=4\n"
                "limits.multihomed=1\nfailover=['rcpt','connect']\nport=2525\nmax-rcpt=7\n"
                "prohibited-ips=[]\nimplicit-mx=false\n",
                "direct mx rcpts=7 failover=41 hosts=4 addresses=1 order=1 port=2525 nets=0 "
                "implicit=0\n" MX_ROUTE LOCAL_ROUTE},
        {"a built-in one with another number, its type as it was", routes,
                "[queue.route.mx]\nlimits.mx=3\n",
                "mx mx rcpts=100 failover=1bf hosts=3 addresses=2 order=0 port=25 nets=9 "
                "implicit=1\n" LOCAL_ROUTE},
        {"a built-in name of another type", routes,
                "[queue.route.local]\ntype='relay'\naddress='store.example.org'\nprotocol='lmtp'\n",
                "local relay rcpts=100 failover=1bf lmtp store.example.org:24 addresses=10 tls=0 "
                "login=::/0\n" MX_ROUTE},
        {"a relay in all forms of an address", routes,
                RELAY "address=['Gw.Example.org', '192.0.2.5', '[2001:db8::5]', '2001:db8::6', "
                      "'unix:/run/x', 'mx:bücher.example']\nport=2525\n",
                "r relay rcpts=100 failover=1bf smtp gw.example.org:2525 192.0.2.5:2525 "
                "[2001:db8::5]:2525 [2001:db8::6]:2525 unix:/run/x "
                "mx:xn--bcher-kva.example:2525 addresses=10 tls=0 login=::/0\n" MX_ROUTE
                        LOCAL_ROUTE},
        {"port 465 means TLS at once; a login", routes,
                RELAY "address='gw.example.org'\nport=465\nauth.username='u'\nauth.secret='s p'\n"
                      "auth.mechanisms=['plain','scram_sha_256']\ntls.starttls='required'\n",
                "r relay rcpts=100 failover=1bf smtp gw.example.org:465 addresses=10 "
                "tls=implicit2 login=u:s p:/2\n" MX_ROUTE LOCAL_ROUTE},
        {"unless it is written otherwise; a token", routes,
                RELAY "address='gw.example.org'\nport=465\nauth.username='u'\nauth.token='t'\n"
                      "tls.implicit=false\ntls.starttls=false\n",
                "r relay rcpts=100 failover=1bf smtp gw.example.org:465 addresses=10 tls=3 "
                "login=u::t/0\n" MX_ROUTE LOCAL_ROUTE},
        {"LMTP by a socket has no port", routes, RELAY "address='unix:/run/l'\nprotocol='lmtp'\n",
                "r relay rcpts=100 failover=1bf lmtp unix:/run/l addresses=10 tls=0 "
                "login=::/0\n" MX_ROUTE LOCAL_ROUTE},
        {"local by LMTP", routes, LOCAL "store='lmtp'\naddress='127.0.0.1'\n",
                "l local rcpts=100 failover=1bf lmtp 127.0.0.1:24 addresses=10 tls=0 "
                "login=::/0\n" MX_ROUTE LOCAL_ROUTE},
        {"Maildirs of another kind", routes,
                LOCAL "path='/srv/{user}'\ncreate=false\nmode='0640'\nquota='1 GiB/5'\n"
                      "headers='x-original-to'\n",
                "l local rcpts=100 failover=1bf store=0 path=/srv/{user} create=0 mode=640 "
                "quota=1073741824/5 headers=001\n" MX_ROUTE LOCAL_ROUTE},
        {"quota of messages only, no headers", routes, LOCAL "quota='/9'\nheaders=[]\n",
                "l local rcpts=100 failover=1bf store=0 "
                "path=/var/mail/{domain}/{local}/Maildir create=1 mode=600 quota=0/9 "
                "headers=000\n" MX_ROUTE LOCAL_ROUTE},
        {"the drain", routes, LOCAL "store='discard'\n",
                "l local rcpts=100 failover=1bf store=2 "
                "path=/var/mail/{domain}/{local}/Maildir create=1 mode=600 quota=0/0 "
                "headers=110\n" MX_ROUTE LOCAL_ROUTE},

        {"nothing written: one strategy", connections, "", PRESET},
        {"addresses with names of their own", connections,
                "[queue.connection.a]\nehlo-hostname='Out.Example.org'\nselect='round-robin'\n"
                "source-ips=['192.0.2.1', '2001:DB8::1']\ntimeout.mail-from='1s'\n"
                "reuse.idle-timeout='9s'\n"
                "[queue.source-ip.'2001:db8:0::1']\nehlo-hostname='six.example.org'\n",
                "a name=out.example.org select=1 connect=300000 data=600000 mail=1000 idle=9000 "
                "from 192.0.2.1= 2001:db8::1=six.example.org\n" PRESET},
        {"one that has only addresses exists", connections,
                "[queue.connection.b]\nsource-ips='192.0.2.1'\n",
                "b name= select=0 connect=300000 data=600000 mail=300000 idle=0 from "
                "192.0.2.1=\n" PRESET},

        {"time-outs as RFC 5321 4.5.3.2 has them", times, "",
                "300 300 300 300 300 600 120 180 120 20 10 3600"},
        {"a time-out each", times,
                "[queue.connection.default.timeout]\nconnect='1s'\ngreeting='2s'\nehlo='3s'\n"
                "mail-from='4s'\nrcpt-to='5s'\ndata='11m'\ndata-init='7s'\ndata-block='8s'\n"
                "auth='9s'\nrset='10s'\nquit='12s'\nsession='13s'\n",
                "1 2 3 4 5 660 7 8 9 10 12 13"},

        {"nothing written: two strategies", strategies, "", STRICT LENIENT},
        {"what default demands, the lenient one demands", strategies,
                "[queue.tls.default]\ndane='require'\nmin-version=1.3\n",
                "default dane=2 sts=1 starttls=1 invalid=0 tls=180000 min=304 ciphers=\n"
                "invalid-tls dane=2 sts=1 starttls=1 invalid=1 tls=180000 min=304 ciphers=\n"},
        {"the lenient one with another time is as lenient", strategies,
                "[queue.tls.invalid-tls]\ntimeout.tls='1m'\nmta-sts='none'\n",
                "invalid-tls dane=1 sts=3 starttls=1 invalid=1 tls=60000 min=303 ciphers=\n"
                "default dane=1 sts=1 starttls=1 invalid=0 tls=180000 min=303 ciphers=\n"},
        {"old hosts", strategies,
                "[queue.tls.a]\nmin-version='1.0'\n[queue.tls.b]\nciphers='legacy'\n"
                "[queue.tls.c]\nciphers='ECDHE+AESGCM'\ngroups='X25519:P-256'\n",
                "a dane=1 sts=1 starttls=1 invalid=0 tls=180000 min=301 "
                "ciphers=ALL:!aNULL:!eNULL:@SECLEVEL=0\n"
                "b dane=1 sts=1 starttls=1 invalid=0 tls=180000 min=303 "
                "ciphers=ALL:!aNULL:!eNULL:@SECLEVEL=0\n"
                "c dane=1 sts=1 starttls=1 invalid=0 tls=180000 min=303 "
                "ciphers=ECDHE+AESGCM\n" STRICT LENIENT},

        {"no limiters", limiters, "", ""},
        {"stage by key", limiters,
                LIMIT "rate='5/1s'\nkey='sender'\n" LIMIT
                      "rate='5/1s'\nkey=['rcpt','route']\n" LIMIT
                      "concurrency=3\nkey=['localIp','rcptDomain']\n" LIMIT "enable=false\n",
                "0 always keys=8 stage=0 rate=5/1000 burst=5 concurrency=0 unit=0\n"
                "1 always keys=120 stage=1 rate=5/1000 burst=5 concurrency=0 unit=0\n"
                "2 always keys=44 stage=2 rate=0/0 burst=0 concurrency=3 unit=0\n"},
        {"stage by match", limiters,
                "[queue.limiter.outbound.z]\nrate='200/1m'\nburst=9\nunit='bytes'\n"
                "match=\"mx_site == 'gmail'\"\n"
                "[queue.limiter.outbound.a]\nrate='1/1s'\nmatch='count(recipients) > 1'\n",
                "z sometimes keys=0 stage=2 rate=200/60000 burst=9 concurrency=0 unit=3\n"
                "a sometimes keys=0 stage=1 rate=1/1000 burst=1 concurrency=0 unit=0\n"},
        {"the example of the manual", limiters,
                LIMIT "match = \"mx_site == 'gmail'\"\nkey = ['local_ip']\nrate = '200/1m'\n"
                      "concurrency = 20\n",
                "0 sometimes keys=4 stage=2 rate=200/60000 burst=200 concurrency=20 unit=0\n"},

        {"rules about replies, in the order of the file", responses,
                "[[queue.response]]\nmatch=\"stage == 'rcpt' && code == 550 && "
                "contains(message, 'too many messages')\"\naction='defer'\nretry-after='1h'\n"
                "[[queue.response]]\naction='next-host'\n",
                "0 action=1 after=3600000\n1 action=3 after=0\n"},

        {"nothing written", server_wide, "",
                "mx.example.org failures=5 cooldown=30000-900000 self= detect=1 8bit=0 utf8=0 "
                "chunk=1048576 nets=13\n"},
        {"who we are, too", server_wide,
                "[queue]\nself=['Old.Example.org','198.51.100.1','2001:db8::9']\n"
                "downgrade-8bit='bounce'\ndowngrade-utf8='bounce'\nmta-sts.prohibited-ips=[]\n"
                "detect-self=false\nbdat-chunk='64 KiB'\nhost.failures=0\n",
                "mx.example.org failures=0 cooldown=30000-900000 "
                "self=old.example.org,198.51.100.1,2001:db8::9, detect=0 8bit=2 utf8=0 "
                "chunk=65536 nets=0\n"},
};

static void values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        struct fixture f;
        struct buf text AUTO(buf_done);
        buf_init(&text, 64 * KIB);
        fixture_init(&f, good[i].config);
        findings_lines(&text, &f.findings);
        check_str(good[i].name, buf_str(&text), S(""));
        good[i].what(&text, &f.settings);
        check_str(good[i].name, buf_str(&text), str_from_c(good[i].want));
        fixture_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(values)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
