// SPDX-License-Identifier: Apache-2.0
// listen/certificate_select.c: which certificate a client gets (listeners.md 9.4): the listener's
// map, the table of names, the defaults, in this order. For one name there may be one certificate
// for each type of key: the TLS library then picks by what the client can verify.
#include "listen/certificate.h"
#include "listen/certificates_table.h"

#include "base/ip.h"

#define LABEL_BYTES_MAX 63

static bool is_label(struct str label);
static bool by_map(const struct certificates *all, const struct certificate_rules *rules,
        struct str name, struct certificate_choice *out);
static bool by_name(const struct certificates *all, struct str name, int64_t now_ms,
        struct certificate_choice *out);
static const struct name_entry *wildcard_entries(const struct certificates *all, struct str name);
static bool add_those(const struct name_entry *entries, bool valid, int64_t now_ms,
        struct certificate_choice *out);
static void add_one(struct certificate_choice *out, const struct certificate *c);
static void by_default(const struct certificates *all, const struct certificate_rules *rules,
        int64_t now_ms, struct certificate_choice *out);
static const struct certificate *the_default(
        const struct certificates *all, const struct certificate_rules *rules);
static const struct certificate *first_by_id(const struct certificates *all);
static bool wildcard_covers(struct str wildcard, struct str name);

// RFC 6066 3 and RFC 5890: what cannot be a name is as if none had been sent.
bool sni_normalise(struct str sni, char out[HOST_NAME_BYTES_MAX], struct str *out_name)
{
    struct ip ip;
    struct str rest, label, last = STR_NULL;
    if (sni.len > 0 && sni.ptr[sni.len - 1] == '.')
        sni.len--;
    if (sni.len == 0 || sni.len > HOST_NAME_BYTES_MAX || ip_parse(sni, &ip))
        return false;
    for (size_t i = 0; i < sni.len; i++)
        out[i] = (char)byte_to_lower((uint8_t)sni.ptr[i]);
    rest = str_of(out, sni.len);
    while (str_split(&rest, '.', &label)) {
        if (!is_label(label))
            return false;
        last = label;
    }
    uint64_t number;
    if (str_to_u64(last, UINT64_MAX, &number)) // 1.2.3.4.5 is no name either
        return false;
    *out_name = str_of(out, sni.len);
    return true;
}

void certificates_select(const struct certificates *all, const struct certificate_rules *rules,
        struct str sni, int64_t wall_now_ms, struct certificate_choice *out)
{
    char room[HOST_NAME_BYTES_MAX];
    struct str name;
    *out = (struct certificate_choice){.found = FOUND_NONE};
    if (sni_normalise(sni, room, &name)) {
        if (by_map(all, rules, name, out) || by_name(all, name, wall_now_ms, out))
            return;
        bool ours = rules->self_signed != NULL && certificate_covers(rules->self_signed, name);
        out->name_unknown = !ours || all->count > 0;
        if (rules->sni_strict && out->name_unknown) {
            out->found = FOUND_UNKNOWN_NAME;
            return;
        }
    }
    by_default(all, rules, wall_now_ms, out);
}

bool certificate_covers(const struct certificate *c, struct str name)
{
    for (size_t i = 0; i < c->names.count; i++)
        if (str_eq(c->names.at[i], name) || wildcard_covers(c->names.at[i], name))
            return true;
    return false;
}

// RFC 9525 6.3: the whole leftmost label and nothing else.
static bool wildcard_covers(struct str wildcard, struct str name)
{
    size_t dot = str_find_byte(name, '.');
    return str_starts(wildcard, S("*.")) && dot != STR_NOT_FOUND && dot > 0 &&
           str_eq(str_from(wildcard, 1), str_from(name, dot));
}

static bool is_label(struct str label)
{
    if (label.len == 0 || label.len > LABEL_BYTES_MAX)
        return false;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = (uint8_t)label.ptr[i];
        bool edge = i == 0 || i == label.len - 1;
        // The underscore is no host name's, but some send it and name servers have it.
        if (!byte_is_alnum(c) && c != '_' && (c != '-' || edge))
            return false;
    }
    return true;
}

static bool by_map(const struct certificates *all, const struct certificate_rules *rules,
        struct str name, struct certificate_choice *out)
{
    const struct sni_rule *wildcard = NULL;
    const struct certificate *c = NULL;
    for (size_t i = 0; i < rules->sni_count && c == NULL; i++) {
        if (str_eq(rules->sni[i].subject, name))
            c = certificates_by_id(all, rules->sni[i].certificate);
        if (wildcard == NULL && wildcard_covers(rules->sni[i].subject, name))
            wildcard = &rules->sni[i];
    }
    if (c == NULL && wildcard != NULL)
        c = certificates_by_id(all, wildcard->certificate);
    if (c == NULL)
        return false;
    add_one(out, c);
    out->found = FOUND_BY_MAP;
    return true;
}

// Exact before wildcard; but whatever is valid now before what is not.
static bool by_name(const struct certificates *all, struct str name, int64_t now_ms,
        struct certificate_choice *out)
{
    const struct name_entry *exact = map_get(&all->by_name, name);
    const struct name_entry *wildcard = wildcard_entries(all, name);
    if (!add_those(exact, true, now_ms, out) && !add_those(wildcard, true, now_ms, out) &&
            !add_those(exact, false, now_ms, out) && !add_those(wildcard, false, now_ms, out))
        return false;
    out->found = FOUND_BY_NAME;
    return true;
}

static const struct name_entry *wildcard_entries(const struct certificates *all, struct str name)
{
    char room[HOST_NAME_BYTES_MAX + 1];
    size_t dot = str_find_byte(name, '.');
    if (dot == STR_NOT_FOUND || dot == 0 || name.len > HOST_NAME_BYTES_MAX)
        return NULL;
    room[0] = '*';
    memcpy(room + 1, name.ptr + dot, name.len - dot);
    return map_get(&all->by_name, str_of(room, name.len - dot + 1));
}

static bool add_those(const struct name_entry *entries, bool valid, int64_t now_ms,
        struct certificate_choice *out)
{
    bool any = false;
    for (const struct name_entry *e = entries; e != NULL; e = e->next) {
        if (certificate_is_valid_at(e->certificate, now_ms) != valid)
            continue;
        add_one(out, e->certificate);
        any = true;
    }
    return any;
}

// Of two with the same type of key the one that lasts longer.
static void add_one(struct certificate_choice *out, const struct certificate *c)
{
    const struct certificate **slot = &out->slots[c->type];
    if (*slot == NULL || c->not_after_ms > (*slot)->not_after_ms)
        *slot = c;
}

// Steps 5 to 7 of 9.4.
static void by_default(const struct certificates *all, const struct certificate_rules *rules,
        int64_t now_ms, struct certificate_choice *out)
{
    const struct certificate *c = the_default(all, rules);
    if (c != NULL) {
        add_one(out, c);
        out->found = FOUND_DEFAULT;
    } else if (all->count > 0) {
        if (!by_name(all, rules->host, now_ms, out) &&
                !by_name(all, rules->server_host, now_ms, out))
            add_one(out, first_by_id(all));
        out->found = FOUND_BY_ORDER;
    } else if (rules->self_signed != NULL) {
        add_one(out, rules->self_signed);
        out->found = FOUND_SELF_SIGNED;
    }
}

static const struct certificate *the_default(
        const struct certificates *all, const struct certificate_rules *rules)
{
    const struct certificate *named = certificates_by_id(all, rules->certificate);
    if (!str_is_empty(rules->certificate) && named != NULL)
        return named;
    for (size_t i = 0; i < all->count; i++)
        if (all->at[i].is_default)
            return &all->at[i];
    return all->count == 1 ? &all->at[0] : NULL;
}

static const struct certificate *first_by_id(const struct certificates *all)
{
    const struct certificate *first = &all->at[0];
    for (size_t i = 1; i < all->count; i++)
        if (str_compare(all->at[i].id, first->id) < 0)
            first = &all->at[i];
    return first;
}
