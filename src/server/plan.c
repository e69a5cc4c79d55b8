// SPDX-License-Identifier: Apache-2.0
// server/plan.c: from the configuration to what workers need. What is wrong is added to the
// findings with its place in the file, so that `config check` and the server say the same.
#include "server/plan.h"

#include "deliver/doubt.h"
#include "rt/process.h"
#include "rt/rt.h"
#include "server/plan_dns.h"

#define PLAN_BYTES_MAX (256 * MIB)

struct making { // deep_call takes one argument
    const struct conf_options *options;
    const struct plan_inputs *in;
    struct findings *findings;
    struct plan *plan;
};

static void make(void *arg);
static struct err make_in_loop(void *arg);
static struct err fill(struct making *m);
static void doubt_clock(struct making *m);
static struct err mail_make(struct making *m);
static struct err delivery_make(struct making *m);
static struct err listeners_make(struct plan *plan, struct findings *f);
static struct err addresses_make(
        struct plan *plan, struct findings *f, const struct listener *l, struct plan_listener *out);
static struct listen_options options_of(
        const struct listener *l, const struct listen_address *address);
static void resolve_zone(
        struct plan *plan, struct findings *f, const struct listener *l, struct plan_address *at);

struct plan *plan_make(
        const struct conf_options *options, const struct plan_inputs *in, struct findings *findings)
{
    struct making m = {.options = options, .in = in, .findings = findings};
    deep_call(make, &m);
    return m.plan;
}

struct plan *plan_make_alone(const struct conf_options *options, struct findings *findings)
{
    struct listen_kept kept = {0}; // nobody will ever resume a session of this plan
    struct plan_inputs in = {.kept = &kept};
    struct making m = {.options = options, .in = &in, .findings = findings};
    struct loop *loop = loop_new_real();
    struct err e = loop == NULL ? fail(ERR_LIMIT, "no memory for a loop")
                                : loop_run(loop, make_in_loop, &m);
    if (failed(e))
        finding_add(findings, (struct finding){.severity = FINDING_ERROR,
                                      .class = FINDING_BUILD,
                                      .code = S("no-memory"),
                                      .message = err_text(e)});
    loop_free(loop);
    listen_kept_done(&kept);
    return m.plan;
}

void plan_free(struct plan *plan)
{
    if (plan == NULL)
        return;
    renewal_free(plan->renewal);
    listen_settings_done(&plan->listen);
    http_settings_done(&plan->http);
    smtp_settings_done(&plan->smtp);
    tls_clients_free(plan->tls_clients);
    deliver_settings_done(&plan->deliver);
    directory_settings_free(plan->directory);
    smtp_proof_settings_done(&plan->proof);
    signers_done(&plan->signers);
    conf_free(plan->conf);
    arena_done(&plan->arena);
    mem_free(plan);
}

bool plan_renew(struct plan *plan)
{
    if (plan->renewal == NULL || renewal_watched(plan->renewal) == 0 ||
            !renewal_look_here(plan->renewal, now_ms(), wall_ms()))
        return false;
    certificates_unref(plan->listen.certificates);
    plan->listen.certificates = certificates_ref(renewal_certificates(plan->renewal));
    return true;
}

static struct err make_in_loop(void *arg)
{
    struct making *m = arg;
    struct plan_inputs in = *m->in;
    in.wall_now_ms = wall_ms();
    m->in = &in;
    deep_call(make, m);
    return OK;
}

static void make(void *arg)
{
    struct making *m = arg;
    m->plan = mem_new(struct plan);
    if (m->plan == NULL)
        return;
    arena_init(&m->plan->arena, PLAN_BYTES_MAX);
    size_t first = m->findings->all.count;
    struct err e = fill(m);
    if (m->plan->conf != NULL)
        conf_sort_findings(m->plan->conf, m->findings, first);
    if (failed(e))
        finding_add(m->findings, (struct finding){.severity = FINDING_ERROR,
                                         .class = FINDING_BUILD,
                                         .code = S("no-memory"),
                                         .message = err_text(e)});
    if (!failed(e) && m->plan->conf != NULL && conf_may_start(m->plan->conf, m->findings))
        return;
    plan_free(m->plan);
    m->plan = NULL;
}

static struct err fill(struct making *m)
{
    struct plan *plan = m->plan;
    plan->conf = conf_load(m->options, m->findings);
    if (plan->conf == NULL)
        return OK; // a finding says why
    struct listen_inputs listen = {
            .conf = plan->conf,
            .kept = m->in->kept,
            .certificates_before =
                    m->in->before != NULL ? m->in->before->listen.certificates : NULL,
            .wall_now_ms = m->in->wall_now_ms,
            .addresses_only = m->options->stage == CONF_BIND,
    };
    TRY(listen_settings_make(&plan->arena, &listen, m->findings, &plan->listen));
    TRY(listeners_make(plan, m->findings));
    plan->grace_ms = conf_duration_ms(plan->conf, S("server.shutdown.grace"));
    plan->worker_count = conf_u64(plan->conf, S("global.io-threads"));
    if (plan->worker_count == 0)
        plan->worker_count = processors_online();
    if (plan->worker_count > WORKERS_MAX)
        plan->worker_count = WORKERS_MAX;
    if (m->options->stage == CONF_BIND)
        return OK;
    plan->renewal =
            renewal_new(&(struct renewal_options){.conf = plan->conf, .settings = &plan->listen});
    if (plan->renewal == NULL)
        return fail(ERR_LIMIT, "no memory for the certificates");
    plan->dns = dns_settings_default();
    (void)plan_dns_make(plan->conf, m->findings, &plan->arena, &plan->dns); // findings say why not
    doubt_clock(m);
    TRY(mail_make(m));
    TRY(delivery_make(m));
    plan->telemetry = telemetry_load(&plan->arena, plan->conf, m->findings);
    return plan->telemetry == NULL
                   ? fail(ERR_LIMIT, "no memory for the tracers")
                   : http_settings_make(&plan->arena, plan->conf, m->findings, &plan->http);
}

// outbound.md 22.4, 27.3: to a clock of long ago all signatures in the DNS are of the future.
static void doubt_clock(struct making *m)
{
    struct plan *plan = m->plan;
    if (m->in->wall_now_ms == 0 || m->in->wall_now_ms >= DOUBT_CLOCK_BEFORE_MS)
        return;
    plan->clock_is_wrong = true;
    plan->dns.validation = DNS_VALIDATE_OFF;
    conf_warning(plan->conf, m->findings, S("resolver.dnssec"), -1, S("wrong-clock"),
            "DNSSEC is off: the clock shows a moment before this program was written");
}

// What takes mail: sessions, limits, who exists, where it is kept.
static struct err mail_make(struct making *m)
{
    struct plan *plan = m->plan;
    TRY(directory_settings_make(&plan->arena, plan->conf, m->findings, &plan->directory));
    struct smtp_settings_inputs smtp = {.conf = plan->conf,
            .listen = &plan->listen,
            .directory = plan->directory,
            .seed = m->in->kept->seed};
    TRY(smtp_settings_make(&plan->arena, &smtp, m->findings, &plan->smtp));
    TRY(limits_settings_make(&plan->arena, plan->conf, m->findings, &plan->limits));
    TRY(dnsbl_settings_make(&plan->arena, plan->conf, m->findings, &plan->dnsbl));
    iprev_settings_make(plan->conf, &plan->iprev);
    TRY(signers_make(&plan->arena, plan->conf, m->findings, &plan->signers));
    TRY(rotation_settings_make(
            &plan->arena, plan->conf, &plan->signers, m->findings, &plan->rotation));
    TRY(signing_settings_make(&plan->arena, plan->conf, &plan->rotation, plan->worker_count,
            m->findings, &plan->signing));
    struct smtp_proof_inputs proof = {
            .conf = plan->conf, .signers = &plan->signers, .seed = m->in->kept->seed};
    TRY(smtp_proof_settings_make(&plan->arena, &proof, m->findings, &plan->proof));
    return queue_settings_make(&plan->arena, plan->conf, m->findings, &plan->queue);
}

// What mail needs that leaves.
static struct err delivery_make(struct making *m)
{
    struct plan *plan = m->plan;
    struct arena *a = &plan->arena;
    TRY(schedule_settings_make(a, plan->conf, m->findings, &plan->schedules));
    TRY(suppress_settings_make(a, plan->conf, m->findings, &plan->suppress));
    TRY(dsn_settings_make(a, plan->conf, m->findings, &plan->dsn));
    TRY(deliver_settings_make(a, plan->conf, m->in->kept->seed, m->findings, &plan->deliver));
    TRY(tlsrpt_settings_make(a, plan->conf, m->findings, &plan->tlsrpt));
    const struct tls_clients_options tls = {.settings = &plan->deliver,
            .certificates = plan->listen.certificates,
            .files = m->options->files,
            .findings = m->findings};
    return tls_clients_make(a, &tls, &plan->tls_clients);
}

static struct err listeners_make(struct plan *plan, struct findings *f)
{
    size_t count = plan->listen.listener_count;
    struct plan_listener *all = arena_array(&plan->arena, count + 1, struct plan_listener);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for the listeners");
    for (size_t i = 0; i < count; i++)
        TRY(addresses_make(plan, f, &plan->listen.listeners[i], &all[i]));
    plan->listeners = all;
    plan->listener_count = count;
    return OK;
}

static struct err addresses_make(
        struct plan *plan, struct findings *f, const struct listener *l, struct plan_listener *out)
{
    struct plan_address *at = arena_array(&plan->arena, l->address_count + 1, struct plan_address);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for the listeners' addresses");
    for (size_t i = 0; i < l->address_count; i++) {
        at[i] = (struct plan_address){
                .bind = l->addresses[i].bind,
                .at = l->addresses[i].bind.at,
                .options = options_of(l, &l->addresses[i]),
        };
        resolve_zone(plan, f, l, &at[i]);
    }
    *out = (struct plan_listener){
            .id = l->id, .settings = l, .addresses = at, .address_count = l->address_count};
    return OK;
}

static struct listen_options options_of(
        const struct listener *l, const struct listen_address *address)
{
    const struct socket_settings *s = &l->socket;
    return (struct listen_options){
            .backlog = s->backlog,
            .no_reuse_addr = !s->reuse_addr,
            .reuse_port = s->reuse_port && address->bind.form == BIND_IP,
            .v6only = address->v6only,
            .freebind = s->freebind,
            .ttl = s->ttl,
            .tos4 = s->tos4,
            .tos6 = s->tos6,
            .send_buffer_bytes = s->send_buffer_bytes,
            .recv_buffer_bytes = s->recv_buffer_bytes,
            .defer_accept_ms = s->defer_accept_ms,
            .bind_device = s->bind_device,
            .mode = s->mode > 0 ? s->mode : 0,
            .user = s->user,
            .group = s->group,
    };
}

// An interface may come later than we do: binding tells, and may be tried again.
static void resolve_zone(
        struct plan *plan, struct findings *f, const struct listener *l, struct plan_address *at)
{
    if (str_is_null(at->bind.zone))
        return;
    at->at.scope = net_zone_index(at->bind.zone);
    if (at->at.scope == 0)
        conf_warning(plan->conf, f, conf_item(plan->conf, S("server.listener"), l->id, S("bind")),
                -1, S("no-interface"), "there is no network interface \"%.*s\" now",
                ARG(at->bind.zone));
}
