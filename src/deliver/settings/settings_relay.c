// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_relay.c: hosts that a route names (outbound.md 3.3): those of relays,
// and the LMTP servers of local routes. Where they are, what is spoken there, TLS, and the login.
#include "deliver/settings/settings_read.h"

#define SMTP_PORT 25
#define LMTP_PORT 24
#define SUBMISSIONS_PORT 465 // RFC 8314 3.3

static struct err read_targets(struct reading *r, const struct object *o, struct route *out);
static bool target_parse(
        struct arena *a, struct str text, struct relay_target *out, struct str *out_why);
static bool is_address(struct relay_target *target, struct str *out_why);
static void read_port(struct reading *r, const struct object *o, struct route *out);
static void read_tls(struct reading *r, const struct object *o, struct route *out);
static struct err read_login(struct reading *r, const struct object *o, struct route *out);

struct err settings_read_hosts_of(struct reading *r, const struct object *o, struct route *out)
{
    static const enum relay_balance balances[] = {BALANCE_FAILOVER, BALANCE_ROUND_ROBIN,
            BALANCE_RANDOM, BALANCE_HASH_SENDER, BALANCE_HASH_RCPT_DOMAIN}; // as in the row
    bool says_lmtp = object_word(r, o, S("protocol")) == 1;
    out->protocol = says_lmtp || out->type == ROUTE_LOCAL ? CLIENT_LMTP : CLIENT_SMTP;
    if (out->type == ROUTE_LOCAL && object_is_set(r, o, S("protocol")) && !says_lmtp)
        object_error(r, o, S("protocol"), -1, S("conflict"), "store = \"lmtp\" speaks LMTP");
    if (out->helo_only && out->protocol == CLIENT_LMTP)
        object_error(r, o, S("helo-only"), -1, S("conflict"), "LMTP has no HELO");
    out->balance = balances[object_word(r, o, S("balance"))];
    TRY(read_targets(r, o, out));
    read_tls(r, o, out);
    return read_login(r, o, out);
}

// --- Where they are ------------------------------------------------------------------------------

static struct err read_targets(struct reading *r, const struct object *o, struct route *out)
{
    struct conf_list list = conf_list(r->conf, object_key(r, o, S("address")));
    struct relay_target *targets = arena_array(r->arena, list.count + 1, struct relay_target);
    struct str why = STR_NULL;
    if (targets == NULL)
        return fail(ERR_LIMIT, "no memory for the hosts of a route");
    if (list.count == 0)
        object_error(r, o, S("address"), -1, S("missing"),
                "required: the host that mail goes to, a name or an address");
    for (size_t i = 0; i < list.count; i++)
        if (target_parse(r->arena, str_trim(list.at[i].text), &targets[out->target_count], &why))
            out->target_count++;
        else
            object_error(r, o, S("address"), (int)i, S("bad-address"),
                    "\"%.*s\": %.*s; expected a host name, an address, unix:/PATH or mx:DOMAIN",
                    ARG(list.at[i].text), ARG(why));
    out->targets = targets;
    read_port(r, o, out);
    for (size_t i = 0; i < out->target_count; i++)
        if (str_is_null(targets[i].at.unix_path))
            targets[i].at.port = out->port;
    return OK;
}

static bool target_parse(
        struct arena *a, struct str text, struct relay_target *out, struct str *out_why)
{
    struct str inner = text;
    *out = (struct relay_target){0};
    if (str_starts(text, S("unix:"))) {
        *out_why = S("a path begins with '/' and has at most 107 bytes");
        return endpoint_parse(text, &out->at);
    }
    if (str_starts(text, S("mx:"))) {
        out->is_mx = true;
        return value_host(a, str_from(text, 3), &out->name, out_why);
    }
    bool brackets = str_starts(text, S("[")) && str_ends(text, S("]"));
    if (brackets)
        inner = str_part(text, 1, text.len - 2);
    if (ip_parse(inner, &out->at.ip))
        return is_address(out, out_why);
    if (brackets || str_find_byte(text, ':') != STR_NOT_FOUND) {
        *out_why = brackets ? S("no address in brackets") : S("the port stands in the key port");
        return false;
    }
    return value_host(a, text, &out->name, out_why);
}

static bool is_address(struct relay_target *target, struct str *out_why)
{
    target->at.ip = ip_unmap(target->at.ip);
    *out_why = S("nobody is there");
    return !ip_is_unspecified(&target->at.ip);
}

static void read_port(struct reading *r, const struct object *o, struct route *out)
{
    bool lmtp = out->protocol == CLIENT_LMTP, by_ip = out->target_count == 0;
    for (size_t i = 0; i < out->target_count; i++)
        by_ip |= str_is_null(out->targets[i].at.unix_path);
    if (lmtp && by_ip && out->port == SMTP_PORT)
        object_error(r, o, S("port"), -1, S("lmtp-port"),
                "LMTP must not use port 25 (RFC 2033); its port is 24, or one of your own");
    if (!by_ip && out->port != 0)
        object_error(r, o, S("port"), -1, S("conflict"), "a Unix socket has no port");
    if (out->port == 0)
        out->port = lmtp ? LMTP_PORT : SMTP_PORT;
    bool has_tls = object_is_set(r, o, S("tls.implicit")) ? object_bool(r, o, S("tls.implicit"))
                                                          : out->port == SUBMISSIONS_PORT;
    if (!by_ip && (has_tls || object_word(r, o, S("tls.starttls")) == 1))
        object_error(r, o, has_tls ? S("tls.implicit") : S("tls.starttls"), -1, S("conflict"),
                "a Unix socket has no TLS");
    out->tls_implicit = has_tls;
}

// --- TLS and the login ---------------------------------------------------------------------------

static void read_tls(struct reading *r, const struct object *o, struct route *out)
{
    static const enum tls_wish wishes[] = {TLS_OPTIONAL, TLS_REQUIRE, TLS_DISABLE}; // as in the row
    if (object_is_set(r, o, S("tls.starttls")))
        out->starttls = wishes[object_word(r, o, S("tls.starttls"))];
    out->tls_allow_invalid = object_bool(r, o, S("tls.allow-invalid-certs"));
    out->tls_name = object_str(r, o, S("tls.name"));
    out->tls_ca_file = object_str(r, o, S("tls.ca-file"));
    out->tls_certificate = object_str(r, o, S("tls.certificate"));
}

static struct err read_login(struct reading *r, const struct object *o, struct route *out)
{
    struct str secret = S("auth.secret"), token = S("auth.token"), user = S("auth.username");
    out->username = object_str(r, o, user);
    out->secret = object_str(r, o, secret);
    out->token = object_str(r, o, token);
    bool has_user = !str_is_empty(out->username);
    bool has_proof = !str_is_empty(out->secret) || !str_is_empty(out->token);
    if (has_user && !has_proof && object_lacks(r, o, secret) && object_lacks(r, o, token))
        object_error(r, o, user, -1, S("half-pair"),
                "both auth.username and auth.secret (or auth.token) are needed");
    if (has_proof && !has_user && object_lacks(r, o, user))
        object_error(r, o, str_is_empty(out->secret) ? token : secret, -1, S("half-pair"),
                "both auth.username and auth.secret (or auth.token) are needed");
    out->allow_plaintext = object_bool(r, o, S("auth.allow-plaintext"));
    return conf_strs(r->arena, r->conf, object_key(r, o, S("auth.mechanisms")), &out->mechanisms);
}
