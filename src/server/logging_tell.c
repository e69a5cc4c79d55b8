// SPDX-License-Identifier: Apache-2.0
// server/logging_tell.c: what the supervisor has to tell of a plan: what was wrong with the
// configuration (configuration.md 13.1), and which sockets listen.
#include "conf/findings.h"
#include "server/logging.h"
#include "server/plan.h"

#define DETAILS_BYTES_MAX 512

static enum event_id event_of(const struct finding *f);
static void tell_missing(
        struct event_log *log, const struct plan *from, const struct plan *in, enum event_id id);
static bool listens_on(const struct plan *plan, const struct endpoint *at);

void logs_tell_findings(struct event_log *log, const struct findings *findings)
{
    for (size_t i = 0; i < findings->all.count; i++) {
        const struct finding *f = &findings->all.at[i];
        struct buf where AUTO(buf_done);
        buf_init(&where, DETAILS_BYTES_MAX);
        if (!str_is_null(f->file))
            buf_fmt(&where, "%.*s:%u:%u", ARG(f->file), f->line, f->column);
        event(log, event_of(f), F_STR(key, f->key), F_STR(value, f->value),
                F_STR(reason, f->message), F_STR(details, buf_str(&where)));
    }
}

static enum event_id event_of(const struct finding *f)
{
    bool error = f->severity == FINDING_ERROR;
    switch (f->class) {
    case FINDING_MACRO:
        return EV_CONFIG_MACRO_ERROR;
    case FINDING_BUILD:
        return error ? EV_CONFIG_BUILD_ERROR : EV_CONFIG_BUILD_WARNING;
    case FINDING_UNKNOWN:
        return error ? EV_CONFIG_BUILD_ERROR : EV_CONFIG_UNUSED_SETTING;
    case FINDING_PARSE:
    case FINDING_SYNTAX:
        break;
    }
    return error ? EV_CONFIG_PARSE_ERROR : EV_CONFIG_PARSE_WARNING;
}

void logs_tell_listeners(struct event_log *log, const struct plan *before, const struct plan *now)
{
    tell_missing(log, before, now, EV_NETWORK_LISTEN_STOP);
    tell_missing(log, now, before, EV_NETWORK_LISTEN_START);
}

// What is in the one and not in the other; both may be NULL.
static void tell_missing(
        struct event_log *log, const struct plan *from, const struct plan *in, enum event_id id)
{
    for (size_t i = 0; from != NULL && i < from->listener_count; i++) {
        const struct plan_listener *l = &from->listeners[i];
        bool tls = l->settings->tls.implicit;
        for (size_t j = 0; j < l->address_count; j++) {
            const struct endpoint *at = &l->addresses[j].at;
            if (in != NULL && listens_on(in, at))
                continue;
            if (!str_is_null(at->unix_path))
                event(log, id, F_STR(listenerId, l->id), F_STR(path, at->unix_path),
                        F_BOOL(tls, tls));
            else
                event(log, id, F_STR(listenerId, l->id), F_IP(localIp, &at->ip),
                        F_U64(localPort, at->port), F_BOOL(tls, tls));
        }
    }
}

static bool listens_on(const struct plan *plan, const struct endpoint *at)
{
    for (size_t i = 0; i < plan->listener_count; i++)
        for (size_t j = 0; j < plan->listeners[i].address_count; j++)
            if (endpoint_eq(&plan->listeners[i].addresses[j].at, at))
                return true;
    return false;
}
