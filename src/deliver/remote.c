// SPDX-License-Identifier: Apache-2.0
// deliver/remote.c: recipients that go to another host (outbound.md 1): whose hosts, in which
// order, and what is told to those for whom none was good. One address is tried in approach.c, over
// a connection that connect.c makes; send.c carries the message.
#include "deliver/remote.h"

#include "deliver/told.h"

static struct err find_hosts(struct remote *r) suspends MUST_USE;
static struct err find_policy(struct remote *r, bool *out_goes_on) suspends MUST_USE;
static struct err try_host(struct remote *r, const struct host *host) suspends MUST_USE;
static struct err no_address(struct remote *r, const struct client_answer *trouble) MUST_USE;
static void close_up(struct remote *r);
static void rest_all(struct remote *r);
static void shape_retries(struct remote *r, const struct carried *rcpts, size_t count);
static struct err put_off_all(struct remote *r, struct err why) MUST_USE;

struct err remote_carry(
        struct job *j, const struct route *route, const struct carried *rcpts, size_t count)
{
    struct remote *r = arena_make(&j->arena, struct remote);
    if (r != NULL)
        r->rcpts = arena_array(&j->arena, count, struct carried);
    if (r == NULL || r->rcpts == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    memcpy(r->rcpts, rcpts, count * sizeof(*rcpts));
    r->j = j;
    r->route = route;
    r->count = count;
    r->protocol = route->type == ROUTE_MX ? CLIENT_SMTP : route->protocol;
    event_in(&j->span, EV_DELIVERY_DOMAIN_DELIVERY_START, F_STR(domain, j->u->domain),
            F_STR(id, route->id));
    bool goes_on = false;
    struct err e = limit_rcpts(r, &goes_on);
    if (!failed(e) && goes_on)
        e = find_policy(r, &goes_on);
    if (!failed(e) && goes_on)
        e = find_hosts(r);
    for (size_t i = 0; i < r->list.count && r->count > 0 && !failed(e) && !r->ends_here; i++)
        e = try_host(r, &r->list.at[i]);
    limit_rcpts_end(r);
    if (e.kind == ERR_CONFIG) // an expression that cannot be evaluated now
        return put_off_all(r, e);
    close_up(r);
    shape_retries(r, rcpts, count);
    if (!failed(e))
        e = recovered(r, rcpts, count);
    return e;
}

// MTA-STS is a matter of the recipients' domain; the strategy is asked without a host for it.
static struct err find_policy(struct remote *r, bool *out_goes_on)
{
    struct job *j = r->j;
    const struct deliver_settings *s = j->d->in.settings;
    struct str name;
    *out_goes_on = true;
    if (r->route->type != ROUTE_MX || j->d->in.sts == NULL || str_starts(j->u->domain, S("[")))
        return OK;
    struct queue_host host = {.route = r->route->id};
    TRY(job_strategy(j, S("queue.strategy.tls"), s->tls_of, r->rcpts[0].place, &host, &name));
    const struct tls_strategy *tls = tls_named(s, name);
    if (tls == NULL) {
        remote_settle_unnamed(r, name);
        *out_goes_on = false;
        return OK;
    }
    if (tls->mta_sts == TLS_DISABLE)
        return OK;
    struct sts_inputs in = {.resolver = j->d->in.resolver,
            .cache = j->d->in.sts,
            .prohibited = s->sts_prohibited,
            .timeout_ms = tls->mta_sts_ms,
            .wish = tls->mta_sts,
            .span = &j->span};
    TRY(sts_find(&in, &j->arena, j->u->domain, &r->sts));
    r->asks_sts = true;
    if (r->sts.is_refused) {
        tlsrpt_see_no_policy(r);
        job_settle_all(j, r->rcpts, r->count, &r->sts.answer);
        r->count = 0;
        *out_goes_on = false;
    }
    return OK;
}

static struct err find_hosts(struct remote *r)
{
    struct job *j = r->j;
    int64_t began = now_ms();
    r->hosts = (struct hosts_inputs){.resolver = j->d->in.resolver,
            .settings = j->d->in.settings,
            .self = &j->d->self,
            .route = r->route,
            .domain = j->u->domain,
            .sender = j->m.sender,
            .turn = j->d->turn++};
    TRY(hosts_find(&r->hosts, &j->arena, &r->list));
    TRY(shaping_find(j->d->in.settings, &j->arena, j->u->domain, &r->list.names, &r->shaped));
    r->site = r->shaped.site;
    r->shaped.backs_off = suspended_backs_off(r);
    if (j->courier->destination != NULL) // a probe has none
        j->courier->destination->ready_max = shaped_ready(&r->shaped);
    doubted_domain(r);
    if (r->list.count == 0)
        TRY(doubted_answer(r, &r->list.trouble));
    tell_hosts(r, now_ms() - began);
    if (r->list.count > 0) {
        suspended_site(r);
        return OK;
    }
    job_settle_all(j, r->rcpts, r->count, &r->list.trouble);
    r->count = 0;
    return OK;
}

static struct err try_host(struct remote *r, const struct host *host)
{
    struct job *j = r->j;
    int64_t began = now_ms();
    struct host_addresses found;
    struct host as_known = *host;
    enum reach reach = REACH_NEXT_ADDRESS;
    r->ends_here = false;
    r->passed_on = 0;
    if (suspended_host(r, host))
        return OK;
    as_known.worked_last = health_facts(j->d->health, host->name, now_ms()).worked_last;
    TRY(host_addresses_find(&r->hosts, &as_known, &j->arena, &found));
    if (found.count == 0)
        TRY(doubted_answer(r, &found.trouble));
    tell_addresses(r, host, &found, now_ms() - began);
    if (found.count == 0)
        return no_address(r, &found.trouble);
    struct dane dane = {.state = DANE_OFF};
    for (size_t i = 0; i < found.count && r->count > 0 && reach == REACH_NEXT_ADDRESS; i++) {
        struct approach p = {.host = host, .found = &found, .address = &found.at[i], .dane = &dane};
        p.name = remote_name_of(&j->arena, host, &found.at[i].at);
        TRY(approach_try(r, &p, &reach));
        i += p.raced;
    }
    return OK;
}

// What is told of a host without a name: its address, which a report can carry (outbound.md 12).
struct str remote_name_of(struct arena *a, const struct host *host, const struct endpoint *at)
{
    if (!str_is_empty(host->name))
        return host->name;
    return str_is_null(at->unix_path) ? ip_text(a, &at->ip) : S("localhost");
}

static struct err no_address(struct remote *r, const struct client_answer *trouble)
{
    struct client_answer *all = arena_make(&r->j->arena, struct client_answer);
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for an attempt");
    if (r->best != NULL && r->best->outcome.kind == FAILURE_DNS)
        *all = *r->best;
    hosts_note_unusable(all, trouble);
    remote_note(r, all);
    return OK;
}

// --- The worst and the best ----------------------------------------------------------------------

// Trouble with a host as a whole: who has no other host gets the most telling one.
void remote_note(struct remote *r, const struct client_answer *why)
{
    if (why == NULL)
        return;
    r->best = r->best == NULL ? why : answer_better(r->best, why);
    r->somebody_deferred |= why->verdict != CLIENT_PERMANENT;
    r->j->met_trouble = true;
}

void remote_note_rcpt(struct remote *r)
{
    r->somebody_deferred = true;
    r->j->met_trouble = true;
}

size_t remote_left_here(const struct remote *r)
{
    return r->count > r->passed_on ? r->count - r->passed_on : 0;
}

// Another TLS strategy could be a weaker one: nobody chooses in the name of the administrator.
void remote_settle_unnamed(struct remote *r, struct str name)
{
    struct job *j = r->j;
    const struct client_answer why =
            answer_temporary(CLIENT_CONNECT, FAILURE_IO, j->d->in.settings->host, S("4.3.5"),
                    arena_fmt(&j->arena, "TLS strategy '%.*s' is not configured", ARG(name)));
    event_in(&j->span, EV_SMTP_ID_NOT_FOUND, F_STR(id, name), F_STR(details, S("queue.tls")));
    job_settle_all(j, r->rcpts, r->count, &why);
    r->count = 0;
}

int64_t remote_left_ms(const struct remote *r, const struct approach *p)
{
    int64_t left_ms = r->j->began_ms + p->how->session_ms - now_ms();
    return left_ms > 0 ? left_ms : 0;
}

struct client_answer remote_took_too_long(struct str entity)
{
    return answer_temporary(CLIENT_DATA, FAILURE_CONNECTION, entity, S("4.4.2"),
            S("Timeout while delivering: timeout.session is over"));
}

// A host's refusal is final only if all of them refuse (outbound.md 19.1). What was said of a
// recipient is told for that one.
static void close_up(struct remote *r)
{
    if (r->tries == 0 && r->rests_ms > 0) {
        rest_all(r);
        return;
    }
    struct client_answer none = answer_temporary(CLIENT_CONNECT, FAILURE_CONNECTION,
            r->j->u->domain, S("4.4.1"), S("no host could be tried"));
    for (size_t i = 0; i < r->count; i++) {
        const struct client_answer *said = r->rcpts[i].said, *best = r->best;
        if (said != NULL)
            best = best != NULL ? answer_better(best, said) : said;
        struct client_answer why = best != NULL ? *best : none;
        if (r->somebody_deferred && why.verdict == CLIENT_PERMANENT)
            why.verdict = CLIENT_TEMPORARY;
        job_settle(r->j, r->rcpts[i].place, &why);
    }
}

// All that could be tried are cooling down: no attempt was made, and none is counted.
static void rest_all(struct remote *r)
{
    tell_rest(r);
    for (size_t i = 0; i < r->count; i++)
        job_put_off(r->j, r->rcpts[i].place, r->best, r->j->wall_now_ms + r->rests_ms);
}

// Who has failed for now is tried again when the provider likes it, not when the schedule says.
static void shape_retries(struct remote *r, const struct carried *rcpts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tried *t = &r->j->tried[rcpts[i].place];
        int64_t wait_ms = shaped_retry_ms(&r->shaped, r->j->u->rcpts[rcpts[i].place].retry_count);
        if (t->is_settled && t->verdict.verdict == VERDICT_TEMPORARY && wait_ms > 0 &&
                t->verdict.until_ms == 0)
            t->verdict.until_ms = wall_ms() + wait_ms;
    }
}

static struct err put_off_all(struct remote *r, struct err why)
{
    struct job *j = r->j;
    struct client_answer told = answer_temporary(CLIENT_CONNECT, FAILURE_IO,
            j->d->in.settings->host, S("4.3.5"), arena_str(&j->arena, err_text(why)));
    for (size_t i = 0; i < r->count; i++)
        job_put_off(j, r->rcpts[i].place, &told, j->wall_now_ms + JOB_LATER_MS);
    return OK;
}
