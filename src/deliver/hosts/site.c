// SPDX-License-Identifier: Apache-2.0
// deliver/hosts/site.c: see deliver/hosts/site.h. The table has those whose customers are many and
// whose hosts have names of their own in each customer's MX records; a provider whose customers all
// publish the same hosts is one site by itself.
#include "deliver/hosts/site.h"

static struct str *sorted_copy(struct arena *a, const struct strs *hosts, size_t *out_count);

struct provider {
    struct str suffix, name;
};
static const struct provider providers[] = {
        {S_INIT("google.com"), S_INIT("gmail")},
        {S_INIT("googlemail.com"), S_INIT("gmail")},
        {S_INIT("protection.outlook.com"), S_INIT("outlook")},
        {S_INIT("mx.microsoft"), S_INIT("outlook")},
        {S_INIT("yahoodns.net"), S_INIT("yahoo")},
        {S_INIT("icloud.com"), S_INIT("icloud")},
        {S_INIT("qq.com"), S_INIT("qq")},
        {S_INIT("netease.com"), S_INIT("netease")},
        {S_INIT("mail.ru"), S_INIT("mailru")},
        {S_INIT("yandex.net"), S_INIT("yandex")},
        {S_INIT("yandex.ru"), S_INIT("yandex")},
        {S_INIT("gmx.net"), S_INIT("gmx")},
        {S_INIT("web.de"), S_INIT("gmx")},
        {S_INIT("comcast.net"), S_INIT("comcast")},
        {S_INIT("orange.fr"), S_INIT("orange")},
        {S_INIT("t-online.de"), S_INIT("t-online")},
        {S_INIT("pphosted.com"), S_INIT("proofpoint")},
        {S_INIT("mimecast.com"), S_INIT("mimecast")},
        {S_INIT("barracudanetworks.com"), S_INIT("barracuda")},
        {S_INIT("zoho.com"), S_INIT("zoho")},
        {S_INIT("zoho.eu"), S_INIT("zoho")},
        {S_INIT("messagingengine.com"), S_INIT("fastmail")},
        {S_INIT("protonmail.ch"), S_INIT("proton")},
};

struct str site_of(struct arena *a, const struct strs *hosts)
{
    size_t count = 0;
    struct str provider = site_provider(hosts);
    if (!str_is_null(provider))
        return provider;
    struct str *sorted = sorted_copy(a, hosts, &count);
    if (sorted == NULL)
        return STR_NULL;
    struct buf name AUTO(buf_done);
    buf_init(&name, 32 * KIB); // as many hosts as an MX may have, with names as long as can be
    for (size_t i = 0; i < count; i++) {
        buf_add(&name, i == 0 ? S("") : S("|"));
        buf_add(&name, sorted[i]);
    }
    return name.overflow ? STR_NULL : arena_str(a, buf_str(&name));
}

static struct str *sorted_copy(struct arena *a, const struct strs *hosts, size_t *out_count)
{
    struct str *sorted = arena_array(a, hosts->count + 1, struct str);
    size_t count = 0;
    for (size_t i = 0; sorted != NULL && i < hosts->count; i++) {
        size_t at = count;
        while (at > 0 && str_compare(sorted[at - 1], hosts->at[i]) > 0)
            at--;
        if (at > 0 && str_eq(sorted[at - 1], hosts->at[i]))
            continue;
        memmove(&sorted[at + 1], &sorted[at], (count - at) * sizeof(*sorted));
        sorted[at] = hosts->at[i];
        count++;
    }
    *out_count = count;
    return sorted;
}

struct str site_provider(const struct strs *hosts)
{
    struct str name = STR_NULL;
    for (size_t i = 0; i < hosts->count; i++) {
        size_t p = 0;
        while (p < COUNT_OF(providers) && !site_host_is_under(hosts->at[i], providers[p].suffix))
            p++;
        if (p == COUNT_OF(providers) || (i > 0 && !str_eq(name, providers[p].name)))
            return STR_NULL;
        name = providers[p].name;
    }
    return name;
}

bool site_host_is_under(struct str host, struct str suffix)
{
    if (!str_ends_nocase(host, suffix) || str_is_empty(suffix))
        return false;
    return host.len == suffix.len || host.ptr[host.len - suffix.len - 1] == '.';
}

bool site_is_under(const struct strs *hosts, const struct strs *suffixes)
{
    for (size_t i = 0; i < hosts->count; i++) {
        bool fits = false;
        for (size_t k = 0; k < suffixes->count; k++)
            fits |= site_host_is_under(hosts->at[i], suffixes->at[k]);
        if (!fits)
            return false;
    }
    return hosts->count > 0;
}
