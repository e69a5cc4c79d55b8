// SPDX-License-Identifier: Apache-2.0
// http/forwarded.c: see http/forwarded.h.
#include "http/forwarded.h"

struct hop {
    struct ip ip; // IP_NONE: obfuscated, unknown or malformed
    bool https;
};
struct hops {
    VEC(struct hop) all;
};

static bool is_trusted(const struct forwarded_rules *rules, const struct ip *ip);
static void read_forwarded(const struct http_head *head, struct arena *a, struct hops *out);
static bool read_element(struct scan *in, struct arena *a, struct hop *out);
static bool read_pair(struct scan *in, struct arena *a, struct hop *out);
static bool read_value(struct scan *in, struct arena *a, struct str *out);
static void read_x_forwarded_for(const struct http_head *head, struct arena *a, struct hops *out);
static void add_hop(struct arena *a, struct hops *hops, struct hop hop);
static struct ip node_ip(struct str node);
static bool says_https(const struct http_head *head);

struct forwarded http_forwarded(const struct http_head *head, const struct ip *peer,
        const struct forwarded_rules *rules, struct arena *a)
{
    struct forwarded out = {.client = *peer};
    struct hops hops = {0};
    bool listed = rules->from == FORWARDED_FROM_LISTED;
    if (rules->from == FORWARDED_FROM_NOBODY || (listed && !is_trusted(rules, peer)))
        return out;
    if (http_head_count(head, S("Forwarded")) > 0)
        read_forwarded(head, a, &hops);
    else
        read_x_forwarded_for(head, a, &hops);
    out.missing = hops.all.count == 0;
    out.tls = says_https(head);
    for (size_t i = hops.all.count; i-- > 0;) {
        const struct hop *hop = &hops.all.at[i];
        if (hop->ip.family == IP_NONE)
            break;
        out.client = hop->ip;
        out.tls |= hop->https;
        if (!is_trusted(rules, &hop->ip))
            break;
    }
    return out;
}

static bool is_trusted(const struct forwarded_rules *rules, const struct ip *ip)
{
    if (rules->trusted != NULL && nets_contains(rules->trusted, ip, 0))
        return true;
    return rules->from == FORWARDED_FROM_ANYBODY && (ip_is_loopback(ip) || ip_is_private(ip));
}

// Forwarded = 1#forwarded-element                       RFC 7239 4
// All lines count as one list. Behind an element that breaks the grammar nothing can be told apart
// any more, so it stands for all that follows; being the last, it ends the walk at the peer.
static void read_forwarded(const struct http_head *head, struct arena *a, struct hops *out)
{
    each_in_vec (field, &head->fields) {
        if (!str_eq_nocase(field->name, S("Forwarded")))
            continue;
        struct scan in = scan_over(field->value);
        bool more = true;
        while (more) {
            struct hop hop = {0};
            bool good = read_element(&in, a, &hop);
            scan_blanks(&in);
            more = good && scan_byte(&in, ',');
            add_hop(a, out, good && (more || scan_end(&in)) ? hop : (struct hop){0});
        }
    }
}

// forwarded-element = [ forwarded-pair ] *( ";" [ forwarded-pair ] )
static bool read_element(struct scan *in, struct arena *a, struct hop *out)
{
    do {
        scan_blanks(in);
        if (scan_end(in) || scan_peek(in) == ',' || scan_peek(in) == ';')
            continue;
        if (!read_pair(in, a, out))
            return false;
        scan_blanks(in);
    } while (scan_byte(in, ';'));
    return true;
}

// forwarded-pair = token "=" value
static bool read_pair(struct scan *in, struct arena *a, struct hop *out)
{
    struct str name, value;
    if (!scan_while(in, http_is_token_byte, &name) || !scan_byte(in, '=') ||
            !read_value(in, a, &value))
        return false;
    if (str_eq_nocase(name, S("for")))
        out->ip = node_ip(value);
    if (str_eq_nocase(name, S("proto")))
        out->https = str_eq_nocase(value, S("https"));
    return true;
}

// value = token / quoted-string                         RFC 9110 5.6.4
static bool read_value(struct scan *in, struct arena *a, struct str *out)
{
    struct buf text AUTO(buf_done) = {0};
    uint8_t c;
    if (scan_while(in, http_is_token_byte, out))
        return true;
    if (!scan_byte(in, '"'))
        return false;
    buf_init(&text, KIB);
    while (scan_any(in, &c) && c != '"') {
        if (c == '\\' && !scan_any(in, &c))
            return false;
        buf_add_byte(&text, (char)c);
    }
    *out = arena_str(a, buf_str(&text));
    return !str_is_null(*out) && !text.overflow && c == '"';
}

static void read_x_forwarded_for(const struct http_head *head, struct arena *a, struct hops *out)
{
    each_in_vec (field, &head->fields) {
        struct str rest = field->value, element;
        if (!str_eq_nocase(field->name, S("X-Forwarded-For")))
            continue;
        while (http_list_next(&rest, &element))
            add_hop(a, out, (struct hop){.ip = node_ip(element)});
    }
}

static void add_hop(struct arena *a, struct hops *hops, struct hop hop)
{
    if (hops->all.count == FORWARDED_ELEMENTS_MAX) {
        memmove(hops->all.at, hops->all.at + 1, (hops->all.count - 1) * sizeof(struct hop));
        hops->all.at[hops->all.count - 1] = hop;
        return;
    }
    struct hop *added = vec_add(a, &hops->all);
    if (added != NULL)
        *added = hop;
    else
        hops->all.count = 0; // without memory nobody is believed
}

// node = nodename [ ":" node-port ]                     RFC 7239 6
// The port is nobody's business; X-Forwarded-For has IPv6 addresses without brackets as well.
static struct ip node_ip(struct str node)
{
    struct ip ip = {0};
    struct str name = node, before, port;
    if (str_starts(node, S("["))) {
        if (!str_cut(str_from(node, 1), ']', &name, &port))
            return (struct ip){0};
    } else if (str_cut(node, ':', &before, &port) && str_find_byte(port, ':') == STR_NOT_FOUND) {
        name = before;
    }
    return ip_parse(name, &ip) ? ip_unmap(ip) : (struct ip){0};
}

static bool says_https(const struct http_head *head)
{
    if (http_head_count(head, S("Forwarded")) > 0)
        return false; // each element says it for itself
    struct str rest = http_head_field(head, S("X-Forwarded-Proto")), element, last = S("");
    while (http_list_next(&rest, &element))
        last = element;
    return str_eq_nocase(last, S("https"));
}
