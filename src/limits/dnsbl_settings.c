// SPDX-License-Identifier: Apache-2.0
// limits/dnsbl_settings.c: auth.dnsbl.* (inbound.md 10.7): zones with a weight of their own, and
// the short form, in which each one alone is reason enough.
#include "limits/dnsbl.h"

#define MAP S("auth.dnsbl.zone")

struct reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    struct dnsbl_zone *zones;
    size_t zone_count;
};

static struct err read_zone(struct reading *r, struct str id) MUST_USE;
static struct err read_ranges(struct reading *r, struct str key, struct dnsbl_zone *zone) MUST_USE;
static bool range_read(struct str text, struct dnsbl_range *out);
static uint32_t number_of(const struct ip *ip);
static void read_short(struct reading *r, struct str key, bool of_names, int64_t weight);
static struct dnsbl_zone *zone_add(
        struct reading *r, struct str key, int element, struct str name, bool of_names);

struct err dnsbl_settings_make(
        struct arena *a, const struct conf *conf, struct findings *f, struct dnsbl_settings *out)
{
    struct reading r = {.arena = a, .conf = conf, .findings = f};
    struct conf_ids ids = conf_ids(conf, MAP);
    struct dnsbl_settings made = {.verify = conf_expr(conf, S("auth.dnsbl.verify")),
            .threshold = conf_i64(conf, S("auth.dnsbl.threshold")),
            .wait_ms = conf_duration_ms(conf, S("auth.dnsbl.timeout")),
            .stage = str_eq(conf_str(conf, S("auth.dnsbl.stage")), S("connect")) ? DNSBL_AT_CONNECT
                                                                                 : DNSBL_AT_RCPT};
    r.zones = arena_array(a, DNSBL_ZONES_MAX, struct dnsbl_zone);
    if (r.zones == NULL)
        return fail(ERR_LIMIT, "no memory for block lists");
    for (size_t i = 0; i < ids.count; i++)
        TRY(read_zone(&r, ids.at[i]));
    read_short(&r, S("auth.dnsbl.lookup.ip"), false, made.threshold);
    read_short(&r, S("auth.dnsbl.lookup.domain"), true, made.threshold);
    made.zones = r.zones;
    made.zone_count = r.zone_count;
    *out = made;
    return OK;
}

static struct err read_zone(struct reading *r, struct str id)
{
    const struct conf *conf = r->conf;
    struct str key = conf_item(conf, MAP, id, S("zone"));
    bool of_names = str_eq(conf_str(conf, conf_item(conf, MAP, id, S("scope"))), S("domain"));
    struct dnsbl_zone *zone = zone_add(r, key, -1, conf_str(conf, key), of_names);
    if (zone == NULL)
        return OK;
    zone->id = id;
    zone->weight = conf_i64(conf, conf_item(conf, MAP, id, S("weight")));
    zone->reply = conf_str(conf, conf_item(conf, MAP, id, S("reply")));
    return read_ranges(r, conf_item(conf, MAP, id, S("match")), zone);
}

static struct err read_ranges(struct reading *r, struct str key, struct dnsbl_zone *zone)
{
    struct conf_list list = conf_list(r->conf, key);
    struct dnsbl_range *ranges = arena_array(r->arena, DNSBL_RANGES_MAX, struct dnsbl_range);
    if (ranges == NULL)
        return fail(ERR_LIMIT, "no memory for block lists");
    if (list.count > DNSBL_RANGES_MAX)
        conf_error(r->conf, r->findings, key, DNSBL_RANGES_MAX, S("too-many"),
                "more than %d answers; write them as ranges", DNSBL_RANGES_MAX);
    zone->ranges = ranges;
    for (size_t i = 0; i < list.count && i < DNSBL_RANGES_MAX; i++)
        if (range_read(list.at[i].text, &ranges[zone->range_count]))
            zone->range_count++;
        else
            conf_error(r->conf, r->findings, key, (int)i, S("bad-address"),
                    "expected ADDRESS, ADDRESS-ADDRESS or ADDRESS/PREFIX of IPv4");
    return OK;
}

static bool range_read(struct str text, struct dnsbl_range *out)
{
    struct str first, last;
    struct ip low, high;
    struct ip_net net;
    bool cleared;
    if (str_cut(text, '-', &first, &last)) {
        if (!ip4_parse(str_trim(first), &low) || !ip4_parse(str_trim(last), &high))
            return false;
        *out = (struct dnsbl_range){number_of(&low), number_of(&high)};
        return out->first <= out->last;
    }
    if (!ip_net_parse(text, &net, &cleared) || net.ip.family != IP_V4)
        return false;
    uint32_t below =
            net.prefix == 0 ? UINT32_MAX : (uint32_t)((UINT64_C(1) << (32 - net.prefix)) - 1);
    *out = (struct dnsbl_range){number_of(&net.ip), number_of(&net.ip) | below};
    return true;
}

static uint32_t number_of(const struct ip *ip)
{
    struct scan in = scan_over(str_of((const char *)ip->bytes, 4));
    uint32_t number = 0;
    (void)scan_be32(&in, &number);
    return number;
}

static void read_short(struct reading *r, struct str key, bool of_names, int64_t weight)
{
    struct conf_list list = conf_list(r->conf, key);
    for (size_t i = 0; i < list.count; i++) {
        struct dnsbl_zone *zone = zone_add(r, key, (int)i, list.at[i].text, of_names);
        if (zone != NULL) {
            zone->id = zone->name;
            zone->weight = weight;
        }
    }
}

// NULL: there is a finding.
static struct dnsbl_zone *zone_add(
        struct reading *r, struct str key, int element, struct str name, bool of_names)
{
    if (str_is_empty(name))
        return NULL; // told by conf/: it is required
    if (r->zone_count == DNSBL_ZONES_MAX) {
        conf_error(r->conf, r->findings, key, element, S("too-many"),
                "more than %d zones would be asked at once", DNSBL_ZONES_MAX);
        return NULL;
    }
    for (size_t i = 0; i < r->zone_count; i++)
        if (str_eq_nocase(r->zones[i].name, name) && r->zones[i].of_names == of_names)
            conf_warning(r->conf, r->findings, key, element, S("twice"),
                    "%.*s is asked twice, and counts twice", ARG(name));
    struct dnsbl_zone *zone = &r->zones[r->zone_count++];
    *zone = (struct dnsbl_zone){.name = arena_str_lower(r->arena, name), .of_names = of_names};
    return zone;
}
