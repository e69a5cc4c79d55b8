// SPDX-License-Identifier: Apache-2.0
// manage/health.c: see manage/health.h.
#include "manage/health.h"

static struct err answer(struct http_exchange *x, uint16_t status, struct str detail) suspends;

struct err health_live(struct http_exchange *x)
{
    return answer(x, 200, S("OK"));
}

struct err health_ready(struct http_exchange *x)
{
    const struct health *h = x->arg;
    if (h->draining)
        return answer(x, 503, S("draining"));
    if (!h->ready)
        return answer(x, 503, h->detail.len > 0 ? h->detail : S("not ready"));
    return answer(x, 200, S("OK"));
}

// A cache in between would answer for a server that is long gone.
static struct err answer(struct http_exchange *x, uint16_t status, struct str detail)
{
    http_put(x, S("Cache-Control"), S("no-store"));
    return http_answer_problem(x, status, detail);
}

struct err robots_txt(struct http_exchange *x)
{
    return http_answer(x, 200, S("text/plain"), S("User-agent: *\nDisallow: /\n"));
}
