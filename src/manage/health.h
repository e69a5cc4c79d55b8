// SPDX-License-Identifier: Apache-2.0
// manage/health.h: what balancers and robots ask before anybody logs in (management.md 1.3):
// /healthz/live, /healthz/ready and /robots.txt. None of them waits for anything: the worker keeps
// its struct health up to date, and the probes read it.
//
//     struct http_route routes[] = {
//             {HTTP_GET, S_INIT("/healthz/live"), .handler = health_live},
//             {HTTP_GET, S_INIT("/healthz/ready"), .handler = health_ready, .arg = &health},
//             {HTTP_GET, S_INIT("/robots.txt"), .handler = robots_txt},
//     };
#pragma once

#include "http/http.h"

struct health {
    bool ready;        // configuration loaded, stores answer, all enabled listeners bound
    bool draining;     // a balancer should send nobody any more
    struct str detail; // while not ready: what is missing, "listener smtp 10.0.0.21:25"
};

// 200 while this worker serves requests at all.
struct err health_live(struct http_exchange *x) suspends MUST_USE;
struct err health_ready(struct http_exchange *x) suspends MUST_USE; // arg: const struct health *
struct err robots_txt(struct http_exchange *x) suspends MUST_USE;
