// SPDX-License-Identifier: Apache-2.0
// rt/host.c: host name, CPUs, environment.
#include "rt/host.h"

#include <sched.h>
#include <unistd.h>

#define NAME_BYTES_MAX 256

struct str host_name(struct arena *a)
{
    char name[NAME_BYTES_MAX + 1] = {0};
    if (gethostname(name, NAME_BYTES_MAX) != 0)
        return STR_NULL;
    return arena_str(a, str_from_c(name));
}

uint32_t host_cpu_count(void)
{
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    if (sched_getaffinity(0, sizeof(cpus), &cpus) != 0 || CPU_COUNT(&cpus) < 1)
        return 1;
    return (uint32_t)CPU_COUNT(&cpus);
}

bool host_variable(size_t place, struct str *out)
{
    if (environ == NULL || environ[place] == NULL)
        return false;
    *out = str_from_c(environ[place]);
    return true;
}
