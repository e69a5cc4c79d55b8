// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_rotate.c: `posthaste dkim rotate`: the next step of changing a key, for each
// signature that is meant (authentication.md 7.3, 7.4). Of keys that the server changes itself the
// active one is made due (cli/dkim/dkim_force.c). The others stand in the configuration, a file of
// the administrator's, so this command makes keys, looks at the DNS and says what to write.
//
// A successor is made and published first (pending); it signs once the DNS has it (active), and the
// old one stays in the DNS until mail that it signed has arrived (retiring). At no moment does the
// domain lack a key that signs.
#include "cli/asking.h"
#include "cli/commands.h"
#include "cli/config/config_plan.h"
#include "cli/dkim/dkim_key.h"
#include "cli/dkim/dkim_stored.h"

#include "base/date.h"
#include "proof/dns_records.h"
#include "rt/blobfile.h"
#include "rt/rt.h"
#include "server/plan.h"

#define TEXT_BYTES_MAX (64 * KIB)
#define SAME_DAY_MAX 100 // selectors of one day

struct rotation {
    struct cli *c;
    struct plan *plan;
    struct asking dns;
    const struct signer_entry *old, *pending; // of the key that is looked at
    struct dns_txt_answer answer;
    struct str name; // of the pending record
    int64_t now_ms;
    struct buf text;
    bool waits; // something is to be published
};

static const struct cli_option options[] = {
        {.name = S_INIT("revoke"),
                .help = "the old key is in wrong hands: tell how to take it back at once"},
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
};

static int rotate(struct rotation *r);
static bool is_meant(const struct rotation *r, const struct signer_entry *e);
static int step(struct rotation *r);
static const struct signer_entry *successor_of(const struct rotation *r);
static int make_successor(struct rotation *r);
static struct str new_selector(struct rotation *r);
static bool is_selector_free(const struct rotation *r, struct str selector);
static struct err write_key(struct rotation *r, struct str path, struct str *out_record) MUST_USE;
static int look_at_pending(struct rotation *r);
static struct err ask(void *rotation) suspends;
static void add_old(struct rotation *r);

static int run(struct cli *c)
{
    struct rotation r = {.c = c};
    int status = CLI_OK;
    buf_init(&r.text, TEXT_BYTES_MAX);
    r.plan = config_plan(c, &status);
    bool is_done = r.plan != NULL && dkim_stored_rotate(c, r.plan, &status);
    if (r.plan != NULL && !is_done)
        status = asking_begin(&r.dns, c, ASKING_AS_SERVER);
    if (r.plan != NULL && !is_done && status == CLI_OK)
        status = rotate(&r);
    cli_print(c, buf_str(&r.text));
    buf_done(&r.text);
    asking_end(&r.dns);
    plan_free(r.plan);
    return status;
}

static int rotate(struct rotation *r)
{
    const struct signers *all = &r->plan->signers;
    size_t meant = 0;
    int status = CLI_OK;
    for (size_t i = 0; i < all->count && status == CLI_OK; i++) {
        r->old = &all->at[i];
        if (!is_meant(r, r->old))
            continue;
        meant++;
        status = step(r);
    }
    if (meant == 0)
        return cli_fail_text(
                r->c, CLI_NOT_FOUND, "no signature of '%.*s' is active", ARG(r->c->operands[0]));
    return status == CLI_OK && r->waits ? CLI_PARTLY : status;
}

// By id, or all of a domain; of one algorithm, if that was given.
static bool is_meant(const struct rotation *r, const struct signer_entry *e)
{
    const struct cli *c = r->c;
    bool named = str_eq(c->operands[0], e->id) || str_eq_nocase(c->operands[0], e->signer.domain);
    if (!named || !e->signs)
        return false;
    bool rsa = private_key_type(e->key) == DKIM_KEY_RSA;
    return c->operand_count < 2 || str_eq_nocase(c->operands[1], rsa ? S("rsa") : S("ed25519"));
}

static int step(struct rotation *r)
{
    r->pending = successor_of(r);
    r->name = STR_NULL;
    return r->pending == NULL ? make_successor(r) : look_at_pending(r);
}

static const struct signer_entry *successor_of(const struct rotation *r)
{
    const struct signers *all = &r->plan->signers;
    for (size_t i = 0; i < all->count; i++) {
        const struct signer_entry *e = &all->at[i];
        if (e->stage == SIGNER_PENDING && e->key != NULL &&
                str_eq(e->signer.domain, r->old->signer.domain) &&
                private_key_type(e->key) == private_key_type(r->old->key))
            return e;
    }
    return NULL;
}

// --- A successor ---------------------------------------------------------------------------------

static int make_successor(struct rotation *r)
{
    struct arena *a = &r->c->arena;
    bool rsa = private_key_type(r->old->key) == DKIM_KEY_RSA;
    struct str record = S(""), domain = r->old->signer.domain;
    struct dkim_place place;
    int status = asking_run(&r->dns, ask, r);
    if (status != CLI_OK)
        return status;
    struct str selector = new_selector(r);
    struct str id = arena_fmt(a, "%.*s-%.*s", ARG(domain), ARG(selector));
    struct str path = arena_fmt(a, "%.*s.pem", ARG(id));
    struct err e = dkim_place_read(r->c, domain, selector, &place);
    if (!failed(e))
        e = write_key(r, path, &record);
    if (failed(e))
        return cli_fail(r->c, e.kind == ERR_REFUSED ? CLI_RIGHTS : CLI_FAILED, e);
    buf_fmt(&r->text, "%.*s: a new key is in %.*s. Publish this record:\n\n", ARG(r->old->id),
            ARG(path));
    dkim_record_add(&r->text, &place, record);
    buf_fmt(&r->text,
            "\nconfigure it, and call this command again when the DNS has it:\n\n"
            "[signature.\"%.*s\"]\nalgorithm = \"%s\"\ndomain = \"%.*s\"\nselector = \"%.*s\"\n"
            "private-key = \"%%{file:%.*s}%%\"\nstage = \"pending\"\n\n",
            ARG(id), rsa ? "rsa-sha256" : "ed25519-sha256", ARG(domain), ARG(selector), ARG(path));
    r->waits = true;
    return CLI_OK;
}

// The default of selector-template; a second one of a day gets "-2" (7.4).
static struct str new_selector(struct rotation *r)
{
    struct arena *a = &r->c->arena;
    bool rsa = private_key_type(r->old->key) == DKIM_KEY_RSA;
    struct civil now;
    civil_from_ms(r->now_ms, &now);
    struct str first = arena_fmt(
            a, "v1-%s-%04d%02u%02u", rsa ? "rsa" : "ed25519", now.year, now.month, now.day);
    struct str selector = first;
    for (unsigned n = 2; !is_selector_free(r, selector) && n < SAME_DAY_MAX; n++)
        selector = arena_fmt(a, "%.*s-%u", ARG(first), n);
    return selector;
}

static bool is_selector_free(const struct rotation *r, struct str selector)
{
    const struct signers *all = &r->plan->signers;
    for (size_t i = 0; i < all->count; i++)
        if (str_eq(all->at[i].signer.selector, selector) &&
                str_eq(all->at[i].signer.domain, r->old->signer.domain))
            return false;
    return true;
}

static struct err write_key(struct rotation *r, struct str path, struct str *out_record)
{
    struct arena *a = &r->c->arena;
    struct private_key *key AUTO(private_key_free_auto) = NULL;
    TRY(private_key_generate(private_key_type(r->old->key), private_key_bits(r->old->key), &key));
    TRY(private_key_record(a, key, out_record));
    return dkim_key_write(a, path, key);
}

// --- One that waits ------------------------------------------------------------------------------

static int look_at_pending(struct rotation *r)
{
    const struct dkim_signer *s = &r->pending->signer;
    struct arena *a = &r->c->arena;
    bool published = false;
    r->name = arena_fmt(a, "%.*s._domainkey.%.*s", ARG(s->selector), ARG(s->domain));
    int status = asking_run(&r->dns, ask, r);
    if (status != CLI_OK)
        return status;
    if (dns_is_temporary(r->answer.answer.outcome))
        return cli_fail(r->c, CLI_CONNECT, dns_trouble(a, &r->answer.answer));
    for (size_t i = 0; i < r->answer.count; i++)
        published = published || dns_key_is_same(a, r->pending->record, r->answer.at[i].joined);
    if (!published) {
        const struct dns_wanted w = {.type = DNS_TXT,
                .name = arena_fmt(a, "%.*s.", ARG(r->name)),
                .content = r->pending->record};
        buf_fmt(&r->text, "%.*s waits: the DNS does not have it. Publish this record:\n\n",
                ARG(r->pending->id));
        dns_wanted_add(&r->text, &w);
        buf_add(&r->text, S("\n\n"));
        r->waits = true;
        return CLI_OK;
    }
    buf_fmt(&r->text, "%.*s is published, and may sign. Write, and reload:\n\n",
            ARG(r->pending->id));
    buf_fmt(&r->text, "[signature.\"%.*s\"]\nstage = \"active\"\n\n", ARG(r->pending->id));
    add_old(r);
    return CLI_OK;
}

static struct err ask(void *rotation)
{
    struct rotation *r = rotation;
    r->now_ms = wall_ms();
    if (str_is_null(r->name))
        return OK;
    return dns_txt(r->dns.resolver, &r->c->arena, r->name, &r->answer);
}

static void add_old(struct rotation *r)
{
    const struct dkim_signer *s = &r->old->signer;
    bool rsa = private_key_type(r->old->key) == DKIM_KEY_RSA;
    buf_fmt(&r->text, "[signature.\"%.*s\"]\n", ARG(r->old->id));
    if (!cli_has(r->c, S("revoke"))) {
        buf_add(&r->text, S("stage = \"retiring\"\n\nKeep its record for a week: mail that it "
                            "signed is on its way. Then take both away.\n"));
        return;
    }
    buf_add(&r->text, S("stage = \"retired\"\n\nand publish in the place of its record, so that "
                        "nothing it has signed is believed:\n\n"));
    buf_fmt(&r->text, "%.*s._domainkey.%.*s. IN TXT \"v=DKIM1; k=%s; p=\"\n", ARG(s->selector),
            ARG(s->domain), rsa ? "rsa" : "ed25519");
}

const struct command command_dkim_rotate = {
        .run = run,
        .operands = "DOMAIN|SIGNATURE [ALGORITHM]",
        .operand_min = 1,
        .operand_max = 2,
        .about = "Where the server changes keys itself (auth.dkim.rotation): has it make a "
                 "successor\n"
                 "now, and look for one that waits; it signs once the DNS has its record. With\n"
                 "--revoke the old key is taken back then, and its record is to say so.\n"
                 "\n"
                 "Elsewhere says the next step of changing the key of a signature, or of all that "
                 "sign for\n"
                 "a domain (of one algorithm: rsa, ed25519), and does what of it can be done\n"
                 "here. The first time it makes a new key, in a file of the current folder, and\n"
                 "prints its record and its settings, with stage = \"pending\". Later it asks the\n"
                 "DNS for that record: once it is there, the new key may sign, and the old one\n"
                 "retires. No settings are written.\n"
                 "\n"
                 "Exit status: 0 the new key may sign, 6 something is to be published first, 5\n"
                 "nothing signs by that name, 3 the DNS did not answer.",
        .examples = "  posthaste dkim rotate example.org\n"
                    "  posthaste dkim rotate rsa-example.org --revoke",
        CLI_OPTIONS(options),
};
