// SPDX-License-Identifier: Apache-2.0
// server/confine_supervisor.c: from root to the user of the server (listeners.md 15.1, 15.2).
// The configuration is read twice. First only what sockets need, as whoever started us; once they
// are bound, as the user that will read it again at every reload: what that user cannot read is
// refused at the start, and not one night at three.
#include "server/confine.h"

#include "rt/identity.h"
#include "rt/sandbox.h"
#include "server/supervisor.h"

#define FIRST_STAGE_BYTES_MAX (16 * MIB)
#define ROOT_WARNING                                                                               \
    "posthaste: warning: the server runs as root; name a user in server.run-as.user or "           \
    "RUN_AS_USER, or start it as that user with the right to bind its ports\n"

struct first_stage {
    struct supervisor *sup;
    struct arena *arena;
    struct findings findings;
    struct plan *plan;
    struct identity who;
    struct identity_wish wish;
};

static struct err confine(struct first_stage *f) suspends;
static struct err change(struct first_stage *f) suspends;
static void tell(struct first_stage *f, struct err e);

struct err confine_supervisor(struct supervisor *sup)
{
    struct arena a AUTO(arena_done);
    arena_init(&a, FIRST_STAGE_BYTES_MAX);
    struct first_stage f = {.sup = sup, .arena = &a, .findings = findings_make(&a)};
    struct conf_options options = sup->options->conf;
    options.stage = CONF_BIND;
    struct plan_inputs in = {.kept = &sup->kept, .wall_now_ms = wall_ms()};
    f.plan = plan_make(&options, &in, &f.findings);
    // Whoever has no rights to give up hears of the errors, and of all others, in the next stage.
    if (f.plan == NULL && !identity_is_root())
        return OK;
    struct err e = f.plan == NULL ? fail(ERR_CONFIG, "the configuration has errors") : confine(&f);
    tell(&f, e);
    plan_free(f.plan);
    return failed(e) ? fail(e.kind, "the server could not become what it should run as") : OK;
}

static struct err confine(struct first_stage *f)
{
    const struct conf *conf = f->plan->conf;
    f->wish = (struct identity_wish){
            .user = conf_str(conf, S("server.run-as.user")),
            .group = conf_str(conf, S("server.run-as.group")),
            .keep_bind_capability = conf_bool(conf, S("server.run-as.keep-bind-capability")),
            .core_dumps = conf_bool(conf, S("server.core-dumps")),
    };
    TRY(identity_find(f->arena, &f->wish, &f->who));
    if (f->who.change == IDENTITY_CHANGES)
        TRY(change(f));
    TRY(identity_harden(f->arena, &f->wish, &f->who));
    return sandbox_enter_lightly(
            f->arena, (enum sandbox_mode)conf_enum(conf, S("server.sandbox.mode")));
}

static struct err change(struct first_stage *f)
{
    struct str state = conf_str(f->plan->conf, S("global.state-dir"));
    struct sockets_wish sockets = {.plan = f->plan, .findings = &f->findings, .at_start = true};
    TRY(sockets_want(f->sup->sockets, &sockets, f->arena));
    TRY(identity_make_folder(f->arena, &f->who, state, 0700));
    TRY(identity_take(f->arena, &f->who));
    return identity_check_folder(f->arena, state);
}

// Findings of this stage are found again in the next one, unless there is none.
static void tell(struct first_stage *f, struct err e)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, FIRST_STAGE_BYTES_MAX);
    if (failed(e)) {
        findings_print(&text, &f->findings, FINDINGS_PLAIN);
        buf_fmt(&text, "posthaste: %.*s\n", ARG(err_text(e)));
    } else if (f->who.change == IDENTITY_STAYS_ROOT) {
        buf_add(&text, S(ROOT_WARNING));
    }
    if (text.len > 0 && f->sup->options->trouble != NULL)
        f->sup->options->trouble(buf_str(&text));
}
