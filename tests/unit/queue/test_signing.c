// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/test_signing.c: who is chosen to sign, what is on top of a message then, that
// the signatures are good for the message as it will be read (with cuts, other lines on top,
// converted, in a file that is still arriving), and what becomes of signers that cannot.
#include "place.h"

#include "events/event.h"
#include "proof/key_ring.h"
#include "queue/signing/signing.h"
#include "rt/dns.h"

#define SEED "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
#define MESSAGE                                                                                    \
    "From: Ann <ann@a.example>\r\nBcc: secret@a.example\r\nSubject: hello \xc3\xa4\r\n\r\n"        \
    "One  line \r\n\xc3\xa4\xc3\xb6\r\n\r\n"

struct signing_world {
    struct place *p;
    struct private_key *key, *rsa;
    struct signer_entry entries[12];
    struct signers signers;
    struct signing_settings settings;
    struct signing_desk desk;
    struct span span;
};

static void add(struct signing_world *w, struct str id, struct str selector, bool signs)
{
    struct signer_entry *e = &w->entries[w->signers.count++];
    *e = (struct signer_entry){.id = id,
            .signer = dkim_signer_default(),
            .stage = SIGNER_ACTIVE,
            .signs = signs,
            .key = w->key};
    e->signer.domain = S("a.example");
    e->signer.selector = selector;
    e->signer.key = w->key;
}

static struct signing_world *begin(struct place *p)
{
    struct signing_world *w = arena_make(&p->a, struct signing_world);
    *w = (struct signing_world){.p = p};
    assert_false(failed(private_key_read(&p->a, S(SEED), 2048, &w->key)));
    assert_false(failed(private_key_generate(DKIM_KEY_RSA, 2048, &w->rsa)));
    w->signers.at = w->entries;
    add(w, S("ed"), S("ed"), true);
    add(w, S("rsa"), S("rsa"), true);
    w->entries[1].key = w->rsa;
    w->entries[1].signer.key = w->rsa;
    w->entries[1].signer.body_canon = CANON_SIMPLE;
    add(w, S("old"), S("old"), false);
    add(w, S("again"), S("ed"), true); // of the same selector
    w->settings = (struct signing_settings){.signers = &w->signers, .threads = 2};
    signing_desk_init(&w->desk, &w->settings);
    return w;
}

static void end(struct signing_world *w)
{
    private_key_free(w->key);
    private_key_free(w->rsa);
}

static void check_choice(const char *what, const struct signing_choice *by, const char *ids)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, KIB);
    for (size_t i = 0; i < by->count; i++)
        buf_fmt(&text, "%s%.*s", i > 0 ? " " : "", ARG(by->signers[i]->id));
    check_str(what, buf_str(&text), str_from_c(ids));
}

// --- Choosing ------------------------------------------------------------------------------------

static struct err choosing(void *place)
{
    struct signing_world *w = begin(place);
    static const struct str named[] = {S_INIT("nobody"), S_INIT("rsa"), S_INIT("again"),
            S_INIT("ed"), S_INIT("old"), S_INIT("rsa")};
    static const struct str unknown[] = {S_INIT("nobody")};
    struct signing_choice by = {0}, lost = {0}, by_default = {0}, idle = {0}, domain = {0};
    signing_choose(&w->desk, &w->span, named, COUNT_OF(named), SIGNING_NAMED, &by);
    check_choice("each selector once, in order", &by, "rsa again");
    assert_false(by.is_lost);
    signing_choose(&w->desk, &w->span, unknown, 1, SIGNING_NAMED, &lost);
    assert_true(lost.is_lost);
    signing_choose(&w->desk, &w->span, unknown, 1, SIGNING_BY_DEFAULT, &by_default);
    assert_false(by_default.is_lost);
    signing_choose(&w->desk, &w->span, &named[4], 1, SIGNING_NAMED, &idle);
    check_choice("one that is not active", &idle, "");
    assert_false(idle.is_lost);
    signing_choose_domain(&w->desk, &w->span, S("A.example"), &domain);
    check_choice("all of a domain", &domain, "ed rsa");
    signing_choose_domain(&w->desk, &w->span, S("b.example"), &domain);
    check_choice("none of another", &domain, "ed rsa");
    while (w->signers.count < COUNT_OF(w->entries))
        add(w, S("more"), arena_fmt(&w->p->a, "s%zu", w->signers.count), true);
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &domain);
    check_u64("eight at most", domain.count, SIGNATURES_MAX);
    end(w);
    return OK;
}

// --- Signatures that verify ----------------------------------------------------------------------

// The message as it leaves.
static struct str sent(struct signing_world *w, const struct message *m, struct message_reading how)
{
    struct buf text AUTO(buf_done);
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    struct str piece = S("");
    buf_init(&text, 4 * MIB);
    if (m->body.arriving != NULL)
        how.body = BODY_ARRIVING;
    assert_false(failed(message_open(w->p->store, &w->p->a, m, &how, &reader)));
    while (!str_is_null(piece)) {
        buf_add(&text, piece);
        assert_false(failed(message_next(reader, &w->p->a, &piece)));
    }
    return arena_str(&w->p->a, buf_str(&text));
}

// "pass pass": the results of all signatures, from the top.
static struct str verified(struct signing_world *w, struct str message)
{
    struct arena *a = &w->p->a;
    struct dns_zone *zone = NULL;
    struct resolver *resolver = NULL;
    struct str ed, rsa, text = S("");
    assert_false(failed(private_key_record(a, w->key, &ed)));
    assert_false(failed(private_key_record(a, w->rsa, &rsa)));
    struct str json = arena_fmt(a,
            "{\"zone\": 1, \"names\": {\"ed._domainkey.a.example\": {\"TXT\": [\"%.*s\"]},"
            "\"rsa._domainkey.a.example\": {\"TXT\": [\"%.*s\"]}}}",
            ARG(ed), ARG(rsa));
    assert_false(failed(dns_zone_read(a, json, &zone)));
    assert_false(failed(resolver_new_zone(zone, &(struct dns_zone_options){0}, &resolver)));
    {
        struct dkim_answer answer;
        struct proof_head head;
        struct dkim_verifier *v;
        struct body_hashes *b AUTO(body_hashes_free_auto) = body_hashes_new();
        struct key_ring keys AUTO(key_ring_end);
        struct dkim_rules rules = dkim_rules_default(wall_ms() / SECOND_MS);
        key_ring_begin(&keys, resolver, a);
        size_t at = proof_head_bytes(message);
        assert_false(failed(proof_head_read(a, str_upto(message, at), &head)));
        assert_false(failed(dkim_verify_begin(a, &rules, &head, b, &keys, &v)));
        body_hashes_add(b, str_from(message, at));
        assert_false(failed(body_hashes_end(b)));
        assert_false(failed(dkim_verify_end(v, &answer)));
        for (size_t i = 0; i < answer.count; i++)
            text = arena_fmt(a, "%.*s%s%.*s", ARG(text), i > 0 ? " " : "",
                    ARG(dkim_result_name(answer.at[i].result)));
    }
    resolver_free(resolver);
    dns_zone_free(zone);
    return text;
}

static struct message message_with_cut(struct signing_world *w, struct str body)
{
    static struct cut bcc;
    struct message m = made_message(w->p, 7, body, 1);
    size_t at = str_find(body, S("Bcc:"));
    bcc = (struct cut){
            .at = (uint32_t)at, .bytes = (uint32_t)str_find(str_from(body, at), S("\r\n")) + 2};
    m.cuts = &bcc;
    m.cut_count = 1;
    return m;
}

static void check_signed(const char *what, struct signing_world *w, struct message *m,
        struct signing_work *work, const char *results)
{
    struct str fields, top = str_is_null(work->how.top) ? m->top : work->how.top;
    struct err e = message_sign(&w->desk, w->p->store, &w->p->a, m, work, &fields);
    check_str(what, err_text(e), S(""));
    struct message_reading how = work->how;
    how.top = arena_join(&w->p->a, fields, top);
    check_str(what, verified(w, sent(w, m, how)), str_from_c(results));
    check_u64("places are given back", w->desk.busy, 0);
}

static struct err signing(void *place)
{
    struct signing_world *w = begin(place);
    struct signing_choice by = {0};
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &by);
    struct signing_work work = {.by = &by, .span = &w->span};
    struct message m = message_with_cut(w, S(MESSAGE));
    check_signed("with a cut", w, &m, &work, "pass pass");
    work.how.top = S("X-Other: top\r\n");
    check_signed("with other lines", w, &m, &work, "pass pass");
    work.how.top = STR_NULL;
    m.top = S("");
    check_signed("without lines on top", w, &m, &work, "pass pass");
    struct message empty = made_message(w->p, 8, S("From: a@a.example\r\n"), 1);
    check_signed("without a body", w, &empty, &work, "pass pass");
    struct mime_downgrade_plan plan;
    assert_false(failed(
            message_downgrade_plan(w->p->store, &w->p->a, &m, &work.how, MIME_WISH_7BIT, &plan)));
    assert_true(plan.is_needed);
    work.how.downgrade = &plan;
    check_signed("converted", w, &m, &work, "pass pass");
    end(w);
    return OK;
}

// Hashes that are known are taken as they are: these are wrong.
static struct err known_hashes(void *place)
{
    struct signing_world *w = begin(place);
    struct signing_choice by = {0};
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &by);
    struct message m = made_message(w->p, 7, S(MESSAGE), 1);
    struct signing_work work = {.by = &by, .span = &w->span};
    work.body_hash[CANON_RELAXED] = S("a hash of thirty-two octets here");
    check_signed("a wrong hash", w, &m, &work, "fail pass");
    end(w);
    return OK;
}

static struct err look(void *was_here)
{
    *(bool *)was_here = true;
    return OK;
}

// Does another task run while this one signs what is in memory?
static bool others_run(struct signing_world *w, size_t threads)
{
    struct signing_choice by = {0};
    bool was_here = false; // longer than the group
    struct group group AUTO(group_end);
    group_begin(&group);
    w->settings.threads = threads;
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &by);
    struct message m = made_message(w->p, 7, S(MESSAGE), 1);
    struct signing_work work = {.by = &by, .span = &w->span};
    struct str fields;
    assert_false(failed(group_spawn(&group, look, &was_here)));
    assert_false(failed(message_sign(&w->desk, w->p->store, &w->p->a, &m, &work, &fields)));
    return was_here;
}

// A worker that has no processors but its own uses a short key itself.
static struct err places(void *place)
{
    struct signing_world *w = begin(place);
    assert_false(others_run(w, 1));
    assert_true(others_run(w, 2));
    end(w);
    return OK;
}

static struct err arriving(void *place)
{
    struct signing_world *w = begin(place);
    struct signing_choice by = {0};
    struct message m;
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &by);
    struct body *body AUTO(body_auto_free) = body_new(w->p->store, 99);
    assert_false(failed(body_add(body, &w->p->a, S(MESSAGE))));
    for (size_t i = 0; i < 30000; i++)
        assert_false(failed(body_add(body, &w->p->a, S("0123456789abcdef\r\n"))));
    m = made_message(w->p, 7, S(""), 1);
    assert_false(failed(body_finish(body, &w->p->a, &m.body)));
    assert_int_equal(m.body.place, BODY_FILE);
    struct signing_work work = {.by = &by, .span = &w->span};
    check_signed("a file that is not committed", w, &m, &work, "pass pass");
    end(w);
    return OK;
}

// --- Again, and not at all -----------------------------------------------------------------------

static struct err again(void *place)
{
    struct signing_world *w = begin(place);
    struct signing_choice by = {0}, now = {0}, other = {0};
    struct str fields, bare;
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &by);
    struct message m = made_message(w->p, 7, S(MESSAGE), 1);
    struct str lines = m.top;
    struct signing_work work = {.by = &by, .span = &w->span};
    TRY(message_sign(&w->desk, w->p->store, &w->p->a, &m, &work, &fields));
    m.top = arena_join(&w->p->a, fields, lines);
    TRY(signing_top_without(&w->p->a, &m, &bare));
    check_str("our fields came off", bare, lines);
    signing_choose_again(&w->desk, &w->p->a, &m, &now);
    check_choice("the same signers", &now, "ed rsa");
    w->entries[1].signs = false; // its key was changed meanwhile
    add(w, S("rsa2"), S("rsa2"), true);
    w->entries[w->signers.count - 1].key = w->rsa;
    signing_choose_again(&w->desk, &w->p->a, &m, &other);
    check_choice("its successor", &other, "ed rsa2");
    end(w);
    return OK;
}

static struct err failing(void *place)
{
    struct signing_world *w = begin(place);
    struct signing_choice by = {0}, lost = {.is_lost = true};
    struct str fields;
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &by);
    struct signing_work work = {.by = &by, .span = &w->span};
    struct message nobody = made_message(w->p, 7, S("Subject: x\r\n\r\nx\r\n"), 1);
    w->settings.must_sign = true;
    check_str("no author",
            err_text(message_sign(&w->desk, w->p->store, &w->p->a, &nobody, &work, &fields)),
            S(""));
    check_str("nothing", fields, S(""));
    struct message gone = made_message(w->p, 7, S(MESSAGE), 1);
    gone.body = (struct body_ref){.place = BODY_FILE, .bytes = 10};
    assert_int_equal(
            message_sign(&w->desk, w->p->store, &w->p->a, &gone, &work, &fields).kind, ERR_REFUSED);
    w->settings.must_sign = false;
    check_str("unreadable",
            err_text(message_sign(&w->desk, w->p->store, &w->p->a, &gone, &work, &fields)), S(""));
    check_str("unsigned", fields, S(""));
    work.by = &lost;
    check_str("names of nobody",
            err_text(message_sign(&w->desk, w->p->store, &w->p->a, &gone, &work, &fields)), S(""));
    w->settings.must_sign = true;
    assert_int_equal(
            message_sign(&w->desk, w->p->store, &w->p->a, &gone, &work, &fields).kind, ERR_REFUSED);
    end(w);
    return OK;
}

// All places are taken, and nobody gives one back in time.
static struct err full(void *place)
{
    struct signing_world *w = begin(place);
    struct signing_choice by = {0};
    struct str fields;
    signing_choose_domain(&w->desk, &w->span, S("a.example"), &by);
    struct signing_work work = {.by = &by, .span = &w->span};
    struct message m = made_message(w->p, 7, S(MESSAGE), 1);
    w->desk.busy = 2;
    {
        within_ms(1);
        check_str("unsigned",
                err_text(message_sign(&w->desk, w->p->store, &w->p->a, &m, &work, &fields)), S(""));
    }
    check_str("nothing", fields, S(""));
    check_u64("no place was taken", w->desk.busy, 2);
    end(w);
    return OK;
}

#define IN_A_PLACE(name)                                                                           \
    static void test_##name(void **state UNUSED)                                                   \
    {                                                                                              \
        struct place p;                                                                            \
        place_begin(&p);                                                                           \
        in_loop(name, &p);                                                                         \
        place_end(&p);                                                                             \
    }
IN_A_PLACE(choosing)
IN_A_PLACE(signing)
IN_A_PLACE(known_hashes)
IN_A_PLACE(places)
IN_A_PLACE(arriving)
IN_A_PLACE(again)
IN_A_PLACE(failing)
IN_A_PLACE(full)

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(test_choosing),
            cmocka_unit_test(test_signing),
            cmocka_unit_test(test_known_hashes),
            cmocka_unit_test(test_places),
            cmocka_unit_test(test_arriving),
            cmocka_unit_test(test_again),
            cmocka_unit_test(test_failing),
            cmocka_unit_test(test_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
