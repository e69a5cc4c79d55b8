// SPDX-License-Identifier: Apache-2.0
// deliver/tlsrpt/tlsrpt_settings.c: which results of TLS are counted (reports.md 2, 4), and in
// which windows of time.
#include "base/date.h"
#include "conf/conf.h"
#include "deliver/tlsrpt/tlsrpt.h"
#include "deliver/tlsrpt/tlsrpt_store.h"

struct err tlsrpt_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct tlsrpt_settings *out)
{
    const struct expr_result *send = expr_constant(conf_expr(conf, S("report.tls.aggregate.send")));
    struct tlsrpt_settings s = {.send = conf_expr(conf, S("report.tls.aggregate.send")),
            .domain = conf_str(conf, S("report.domain")),
            .domains_max = (size_t)conf_u64(conf, S("report.max-domains")),
            .folder = report_folder(a, conf_str(conf, S("global.state-dir")))};
    TRY(conf_strs(a, conf, S("report.exclude.domains"), &s.excluded));
    if (str_is_null(s.folder))
        return fail(ERR_LIMIT, "no memory for settings");
    // reports.md 8.3: the RFC speaks of days, and receivers expect them.
    bool is_odd = send != NULL && send->outcome == EXPR_VALUE &&
                  (send->number == TLSRPT_HOURLY || send->number == TLSRPT_WEEKLY);
    if (is_odd)
        conf_warning(conf, findings, S("report.tls.aggregate.send"), -1, S("unusual-interval"),
                "receivers of TLS reports expect one a day");
    *out = s;
    return OK;
}

void tlsrpt_window(
        enum tlsrpt_interval interval, int64_t wall_ms, int64_t *out_begin_ms, int64_t *out_end_ms)
{
    struct civil now;
    int64_t length_ms = interval == TLSRPT_HOURLY ? HOUR_MS : DAY_MS, begin_ms = wall_ms;
    civil_from_ms(wall_ms, &now);
    begin_ms -= ((wall_ms % length_ms) + length_ms) % length_ms;
    if (interval == TLSRPT_WEEKLY) { // from Sunday on
        begin_ms -= (int64_t)now.weekday * DAY_MS;
        length_ms = 7 * (int64_t)DAY_MS;
    }
    *out_begin_ms = begin_ms;
    *out_end_ms = begin_ms + length_ms;
}
