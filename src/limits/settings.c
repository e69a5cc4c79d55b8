// SPDX-License-Identifier: Apache-2.0
// limits/settings.c: the room's settings as a whole, and those of greylisting (inbound.md 10.5).
// Conversion of single values is told by conf/ already.
#include "limits/settings.h"

#include "limits/settings_read.h"

static void read_greylist(
        const struct conf *conf, struct findings *f, struct greylist_settings *out);
static void check_greylist(
        const struct conf *conf, struct findings *f, const struct greylist_settings *s);

struct err limits_settings_make(
        struct arena *a, const struct conf *conf, struct findings *f, struct limits_settings *out)
{
    *out = (struct limits_settings){0};
    read_greylist(conf, f, &out->greylist);
    return throttle_settings_read(a, conf, f, &out->throttles);
}

static void read_greylist(
        const struct conf *conf, struct findings *f, struct greylist_settings *out)
{
    // In the order of the row's words.
    static const enum greylist_key keys[] = {GREYLIST_SENDER, GREYLIST_RCPT, GREYLIST_REMOTE_IP,
            GREYLIST_REMOTE_NET, GREYLIST_HELO_DOMAIN};
    struct conf_list list = conf_list(conf, S("spam-filter.grey-list.key"));
    out->duration_ms = conf_duration_ms(conf, S("spam-filter.grey-list.duration"));
    out->delay_ms = conf_duration_ms(conf, S("spam-filter.grey-list.delay"));
    out->window_ms = conf_duration_ms(conf, S("spam-filter.grey-list.retry-window"));
    out->auto_allow = conf_u64(conf, S("spam-filter.grey-list.auto-allow"));
    out->skip = conf_expr(conf, S("spam-filter.grey-list.skip"));
    for (size_t i = 0; i < list.count; i++)
        out->keys |= 1U << keys[list.at[i].value.integer];
    check_greylist(conf, f, out);
}

static void check_greylist(
        const struct conf *conf, struct findings *f, const struct greylist_settings *s)
{
    if (s->keys == 0)
        conf_error(conf, f, S("spam-filter.grey-list.key"), -1, S("missing"),
                "name at least one, such as \"sender\"");
    if (s->delay_ms >= s->window_ms)
        conf_error(conf, f, S("spam-filter.grey-list.delay"), -1, S("never-passes"),
                "must be shorter than retry-window, or no mail would ever pass");
}
