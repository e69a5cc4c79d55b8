// SPDX-License-Identifier: Apache-2.0
// rt/interfaces.c: which addresses this machine has, as its interfaces say now.
#include "rt/real.h"
#include "rt/sockaddr.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#define OWN_IPS_MAX 4096 // of all interfaces together; who has more names his in the configuration

struct ips {
    VEC(struct ip) all;
};

static struct err add_all(struct arena *a, const struct ifaddrs *first, struct ips *out);
static bool have(const struct ips *known, const struct ip *ip);

struct err real_own_ips(struct arena *a, const struct ip **out, size_t *out_count)
{
    struct ifaddrs *first = NULL;
    struct ips found = {0};
    if (getifaddrs(&first) != 0)
        return fail_errno(a, errno, "asking for the addresses of the interfaces");
    struct err e = add_all(a, first, &found);
    freeifaddrs(first);
    TRY(e);
    *out = found.all.at;
    *out_count = found.all.count;
    return OK;
}

static struct err add_all(struct arena *a, const struct ifaddrs *first, struct ips *out)
{
    for (const struct ifaddrs *i = first; i != NULL && out->all.count < OWN_IPS_MAX;
            i = i->ifa_next) {
        struct sockaddr_storage address = {0};
        struct endpoint e = {0};
        if (i->ifa_addr == NULL)
            continue;
        if (i->ifa_addr->sa_family == AF_INET)
            memcpy(&address, i->ifa_addr, sizeof(struct sockaddr_in));
        else if (i->ifa_addr->sa_family == AF_INET6)
            memcpy(&address, i->ifa_addr, sizeof(struct sockaddr_in6));
        else
            continue;
        sockaddr_to(&address, sizeof(address), &e);
        if (have(out, &e.ip))
            continue;
        struct ip *ip = vec_add(a, &out->all);
        if (ip == NULL)
            return fail(ERR_LIMIT, "no memory for addresses");
        *ip = e.ip;
    }
    return OK;
}

static bool have(const struct ips *known, const struct ip *ip)
{
    for (size_t i = 0; i < known->all.count; i++)
        if (ip_eq(&known->all.at[i], ip))
            return true;
    return false;
}
