// SPDX-License-Identifier: Apache-2.0
// manage/metrics_page.h: /metrics and /metrics/prometheus (operations.md 6.4), the numbers of all
// workers in Prometheus' text form, or OpenMetrics where the client asks for it. The worker adds
// the routes when metrics.prometheus.enable is on; otherwise these paths do not exist.
//
//     struct metrics_page page = {.metrics = m, .form = form, .name = name, .secret = secret};
//     {HTTP_GET, S_INIT("/metrics/prometheus"), .handler = metrics_page, .arg = &page}
#pragma once

#include "http/http.h"

struct metrics_page {
    const struct metrics *metrics;
    struct metrics_form form; // its format is chosen by each request
    struct str name, secret;  // metrics.prometheus.auth.*; a null name: nobody is asked
};

struct err metrics_page(
        struct http_exchange *x) suspends MUST_USE; // arg: const struct metrics_page *
