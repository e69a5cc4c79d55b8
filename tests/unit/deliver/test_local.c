// SPDX-License-Identifier: Apache-2.0
// tests/unit/deliver/test_local.c: who a recipient of the queue is now, and what becomes of the
// recipients of a unit in mailboxes of this machine.
#include "../directory/world.h"
#include "boxes.h"

#include "deliver/local/local.h"
#include "deliver/local/maildir.h"

#include <errno.h>

#define P "[[directory.local.principals]]\n"
#define PEOPLE                                                                                     \
    LISTENER "[domain.'a.example']\naliases = ['alias.example']\n"                                 \
             "[domain.'onward.example']\nallow-relaying = true\n"                                  \
             "[storage]\ndirectory = 'local'\n[directory.local]\ntype = 'memory'\n" P              \
             "name = 'Ann'\nemail = ['ann@a.example', 'sales@a.example', 'ann.b@a.example']\n" P   \
             "name = 'bob'\nemail = 'bob@a.example'\n" P                                           \
             "name = '../x'\nemail = ['\"../x\"@a.example', '\".y\"@a.example']\n" P               \
             "name = 'kim'\nemail = 'kim@a.example'\nquota = 40\n" P                               \
             "name = 'gone'\nemail = 'gone@a.example'\nenabled = false\n"                          \
             "disabled-receives = false\n" P                                                       \
             "name = 'news'\nclass = 'list'\nemail = 'news@a.example'\nmembers = ['bob']\n"        \
             "external-members = ['far@elsewhere.example']\nowner = 'ann@a.example'\n" P           \
             "name = 'void'\nclass = 'list'\nemail = 'void@a.example'\n"                           \
             "external-members = ['nobody@a.example']\n"

// -- Resolving ------------------------------------------------------------------------------------

static const struct {
    const char *name, *address, *orcpt; // its ORCPT, an address; NULL: none
    const char *type;                   // another type
    enum local_fate fate;
    const char *is;       // a mailbox: its address; an answer: its status; forward: the first one
    const char *detail;   // NULL: none
    const char *lmtp;     // NULL: as `is`
    const char *original; // NULL: none
} resolve_cases[] = {
        {"a mailbox", "ann@a.example", NULL, NULL, LOCAL_FATE_MAILBOX, "ann@a.example", NULL, NULL,
                NULL},
        {"an alias is its account", "sales@a.example", NULL, NULL, LOCAL_FATE_MAILBOX,
                "ann@a.example", NULL, NULL, NULL},
        {"an alias of the domain", "Ann@Alias.example", NULL, NULL, LOCAL_FATE_MAILBOX,
                "ann@a.example", NULL, NULL, NULL},
        {"a sub-address kept in ORCPT", "ann@a.example", "Ann+Lists@a.example", NULL,
                LOCAL_FATE_MAILBOX, "ann@a.example", "lists", "ann+lists@a.example",
                "Ann+Lists@a.example"},
        {"one that was never resolved", "ann+x@a.example", NULL, NULL, LOCAL_FATE_MAILBOX,
                "ann@a.example", "x", "ann+x@a.example", NULL},
        {"of an alias", "sales@a.example", "sales+eu@alias.example", NULL, LOCAL_FATE_MAILBOX,
                "ann@a.example", "eu", "ann+eu@a.example", "sales+eu@alias.example"},
        {"somebody else's sub-address", "ann@a.example", "bob+x@a.example", NULL,
                LOCAL_FATE_MAILBOX, "ann@a.example", NULL, NULL, "bob+x@a.example"},
        {"ORCPT of elsewhere", "ann@a.example", "a+b@elsewhere.example", NULL, LOCAL_FATE_MAILBOX,
                "ann@a.example", NULL, NULL, "a+b@elsewhere.example"},
        {"ORCPT that is no address", "ann@a.example", "what ever", NULL, LOCAL_FATE_MAILBOX,
                "ann@a.example", NULL, NULL, "what ever"},
        {"a line end in ORCPT", "ann@a.example", "x\r\nBcc: y", NULL, LOCAL_FATE_MAILBOX,
                "ann@a.example", NULL, NULL, NULL},
        {"another type", "ann@a.example", "ann+x@a.example", "x400", LOCAL_FATE_MAILBOX,
                "ann@a.example", NULL, NULL, NULL},
        {"no longer there", "carl@a.example", NULL, NULL, LOCAL_FATE_ANSWERED, "5.1.1", NULL, NULL,
                NULL},
        {"not our domain any more", "ann@elsewhere.example", NULL, NULL, LOCAL_FATE_ANSWERED,
                "5.1.1", NULL, NULL, NULL},
        {"of a domain that relays the rest", "x@onward.example", NULL, NULL, LOCAL_FATE_ANSWERED,
                "5.1.1", NULL, NULL, NULL},
        {"disabled", "gone@a.example", NULL, NULL, LOCAL_FATE_ANSWERED, "5.2.1", NULL, NULL, NULL},
        {"no address", "ann", NULL, NULL, LOCAL_FATE_ANSWERED, "5.1.3", NULL, NULL, NULL},
        {"a list by now", "news@a.example", NULL, NULL, LOCAL_FATE_FORWARD, "bob@a.example", NULL,
                NULL, NULL},
        {"a list of the dead", "void@a.example", NULL, NULL, LOCAL_FATE_ANSWERED, "5.1.1", NULL,
                NULL, NULL},
};

static void check_resolved(size_t i, const struct local_result *r)
{
    const char *name = resolve_cases[i].name;
    struct str is = str_from_c(resolve_cases[i].is);
    check_u64(name, r->fate, resolve_cases[i].fate);
    if (r->fate == LOCAL_FATE_ANSWERED) {
        check_str(name, r->answer.outcome.enhanced, is);
        check_u64(name, r->answer.verdict, CLIENT_PERMANENT);
        check_u64(name, r->answer.outcome.code, 550);
        return;
    }
    if (r->fate == LOCAL_FATE_FORWARD) {
        check_u64(name, r->target_count, 2);
        check_str(name, r->targets[0].address, is);
        check_str(name, r->targets[0].sender, S("ann@a.example"));
        check_u64(name, r->answer.verdict, CLIENT_GOOD);
        return;
    }
    check_str(name, r->address, is);
    check_str(name, r->detail, str_from_c(resolve_cases[i].detail));
    check_u64(name, str_is_null(r->detail), resolve_cases[i].detail == NULL);
    check_str(
            name, r->lmtp, resolve_cases[i].lmtp != NULL ? str_from_c(resolve_cases[i].lmtp) : is);
    check_str(name, r->original, str_from_c(resolve_cases[i].original));
}

static struct err resolving(void *arg)
{
    struct world *w = arg;
    struct local_inputs in = {.directories = w->d, .rules = &w->rules};
    for (size_t i = 0; i < COUNT_OF(resolve_cases); i++) {
        const char *type = resolve_cases[i].type != NULL ? resolve_cases[i].type : "rfc822";
        struct recipient rcpt = {.address = str_from_c(resolve_cases[i].address),
                .orcpt = str_from_c(resolve_cases[i].orcpt),
                .orcpt_type = resolve_cases[i].orcpt != NULL ? str_from_c(type) : STR_NULL};
        struct local_result r;
        TRY(local_resolve(&in, &w->a, &rcpt, &r));
        check_resolved(i, &r);
    }
    struct recipient rcpt = {.address = S("ann@a.example")};
    struct local_result r;
    in.directories = NULL;
    TRY(local_resolve(&in, &w->a, &rcpt, &r));
    check_str("no directory", r.answer.outcome.enhanced, S("4.3.0"));
    check_u64("tries again", r.answer.verdict, CLIENT_TEMPORARY);
    return OK;
}

// -- Delivering -----------------------------------------------------------------------------------

#define MESSAGE S("From: x@far.example\r\n\r\nhello\r\n")

struct delivery { // of one unit, with a Maildir route that a case may change
    struct world *world;
    struct route route;
    struct local_inputs in;
    struct message message;
    struct unit unit;
    struct recipient rcpts[4];
    struct local_result results[4];
    struct str root;
};

static struct delivery *delivery_make(struct world *w, const char *folder)
{
    struct delivery *d = arena_make(&w->a, struct delivery); // too large for a task's stack
    assert_non_null(d);
    *d = (struct delivery){.world = w, .root = arena_fmt(&w->a, "%s/%s", w->folder, folder)};
    d->route = (struct route){.id = S("local"),
            .type = ROUTE_LOCAL,
            .store = LOCAL_MAILDIR,
            .path = arena_fmt(&w->a, "%.*s/{domain}/{local}/Maildir", ARG(d->root)),
            .create = true,
            .mode = 0600,
            .uid = -1,
            .gid = -1,
            .adds_return_path = true,
            .adds_delivered_to = true};
    d->in = (struct local_inputs){
            .directories = w->d, .rules = &w->rules, .route = &d->route, .host = S("mx.a.example")};
    d->message = (struct message){.id = 7,
            .created_ms = 1700000000000,
            .sender = S("x@far.example"),
            .top = S("Received: from far.example\r\n"),
            .body = {.bytes = MESSAGE.len, .inline_bytes = MESSAGE}};
    d->unit = (struct unit){.message_id = 7, .rcpts = d->rcpts};
    return d;
}

static void delivery_body(struct delivery *d, struct str body)
{
    d->message.body = (struct body_ref){.bytes = body.len, .inline_bytes = body};
}

static void delivery_to(struct delivery *d, const char *address, const char *orcpt)
{
    d->rcpts[d->unit.rcpt_count++] = (struct recipient){.address = str_from_c(address),
            .orcpt_type = orcpt != NULL ? S("rfc822") : STR_NULL,
            .orcpt = str_from_c(orcpt)};
}

static struct err delivery_go(struct delivery *d) suspends
{
    static const size_t places[] = {0, 1, 2, 3};
    return local_deliver(
            &d->in, &d->world->a, &d->message, &d->unit, places, d->unit.rcpt_count, d->results);
}

static void check_answer(const char *name, const struct local_result *r, const char *enhanced)
{
    check_u64(name, r->fate, LOCAL_FATE_ANSWERED);
    check_str(name, r->answer.outcome.enhanced, str_from_c(enhanced));
    check_str(name, r->answer.outcome.host, S("localhost"));
}

static struct str delivery_box(struct delivery *d, const char *box)
{
    return arena_fmt(&d->world->a, "%.*s/%s/Maildir", ARG(d->root), box);
}

static struct err one_arrives(void *arg)
{
    struct delivery *d = delivery_make(arg, "one");
    struct arena *a = &d->world->a;
    delivery_to(d, "sales@a.example", "sales@alias.example");
    d->unit.prefix_headers = S("X-Unit: yes\r\n");
    d->route.adds_original_to = true;
    TRY(delivery_go(d));
    check_answer("good", &d->results[0], "2.1.5");
    check_u64("code", d->results[0].answer.outcome.code, 250);
    struct str box = delivery_box(d, "a.example/ann"), name = box_only(a, box, "new");
    check_str("octet for octet", box_text(a, box, "new", name),
            S("Return-Path: <x@far.example>\nDelivered-To: ann@a.example\n"
              "X-Original-To: sales@alias.example\nX-Unit: yes\n"
              "Received: from far.example\nFrom: x@far.example\n\nhello\n"));
    check_true("its name", str_starts(name, S("1700000000.Q0000000000000007R")));
    return OK;
}

static struct err bare_headers(void *arg)
{
    struct delivery *d = delivery_make(arg, "bare");
    struct arena *a = &d->world->a;
    delivery_to(d, "ann@a.example", NULL);
    d->route.adds_return_path = d->route.adds_delivered_to = false;
    TRY(delivery_go(d));
    struct str box = delivery_box(d, "a.example/ann");
    check_str("nothing added", box_text(a, box, "new", box_only(a, box, "new")),
            S("Received: from far.example\nFrom: x@far.example\n\nhello\n"));
    return OK;
}

// What a session wanted stands before what the route says, if somebody wrote it.
static struct err wished_headers(void *arg)
{
    struct delivery *d = delivery_make(arg, "wished");
    struct arena *a = &d->world->a;
    delivery_to(d, "ann@a.example", "sales@alias.example");
    d->message.sender = S("");
    d->message.flags = MESSAGE_RETURN_PATH_SAID | MESSAGE_ORIGINAL_TO | MESSAGE_ORIGINAL_TO_SAID;
    TRY(delivery_go(d));
    struct str box = delivery_box(d, "a.example/ann");
    check_str("said", box_text(a, box, "new", box_only(a, box, "new")),
            S("Delivered-To: ann@a.example\nX-Original-To: sales@alias.example\n"
              "Received: from far.example\nFrom: x@far.example\n\nhello\n"));
    d = delivery_make(arg, "unsaid");
    delivery_to(d, "ann@a.example", NULL);
    d->message.sender = S("");
    d->message.flags = MESSAGE_ORIGINAL_TO;
    TRY(delivery_go(d));
    box = delivery_box(d, "a.example/ann");
    check_str("by the route", box_text(a, box, "new", box_only(a, box, "new")),
            S("Return-Path: <>\nDelivered-To: ann@a.example\n"
              "Received: from far.example\nFrom: x@far.example\n\nhello\n"));
    return OK;
}

static struct err aliases_once(void *arg)
{
    struct delivery *d = delivery_make(arg, "aliases");
    struct arena *a = &d->world->a;
    struct str ann = delivery_box(d, "a.example/ann"), bob = delivery_box(d, "a.example/bob");
    TRY(folder_make(a, arena_fmt(a, "%.*s/.eu/cur", ARG(ann))));
    delivery_to(d, "ann@a.example", NULL);
    delivery_to(d, "carl@a.example", NULL);
    delivery_to(d, "sales@a.example", "sales+eu@a.example");
    delivery_to(d, "ann.b@a.example", NULL);
    TRY(delivery_go(d));
    check_answer("the first", &d->results[0], "2.1.5");
    check_answer("who is not there", &d->results[1], "5.1.1");
    check_answer("another folder", &d->results[2], "2.1.5");
    check_answer("an alias", &d->results[3], "2.1.5");
    check_u64("once", box_count(a, ann, "new"), 1);
    check_u64("and once there", box_count(a, ann, ".eu/new"), 1);
    check_u64("not for others", box_count(a, bob, "new"), 0);
    // The alias alone, later: it was temporarily refused, say, and is at another place by now.
    d->unit.rcpt_count = 0;
    delivery_to(d, "bob@a.example", NULL);
    delivery_to(d, "ann.b@a.example", NULL);
    TRY(delivery_go(d));
    check_answer("known already", &d->results[1], "2.1.5");
    check_u64("still once", box_count(a, ann, "new"), 1);
    check_u64("and bob", box_count(a, bob, "new"), 1);
    return OK;
}

static struct err one_maildir_for_all(void *arg)
{
    struct delivery *d = delivery_make(arg, "all");
    d->route.path = arena_join(&d->world->a, d->root, S("/Maildir"));
    delivery_to(d, "ann@a.example", NULL);
    delivery_to(d, "bob@a.example", NULL);
    TRY(delivery_go(d));
    check_u64("each has a copy", box_count(&d->world->a, d->route.path, "new"), 2);
    return OK;
}

static const struct {
    const char *name, *body;
    bool loops;
} loop_cases[] = {
        {"first", "Delivered-To: ann@a.example\r\nA: b\r\n\r\nx\r\n", true},
        {"in any case, later", "A: b\r\nDELIVERED-TO:\r\n <Ann@A.example>\r\n\r\nx\r\n", true},
        {"somebody else", "Delivered-To: bob@a.example\r\n\r\nx\r\n", false},
        {"an alias", "Delivered-To: sales@a.example\r\n\r\nx\r\n", false},
        {"in the body", "A: b\r\n\r\nDelivered-To: ann@a.example\r\n", false},
        {"LF alone", "Delivered-To: ann@a.example\n\nx\n", true},
        {"nothing but a header", "Delivered-To: ann@a.example\r\n", true},
        {"the name only", "X-Delivered-To: ann@a.example\r\n\r\n", false},
};

static struct err loops(void *arg)
{
    struct world *w = arg;
    for (size_t i = 0; i < COUNT_OF(loop_cases); i++) {
        const char *name = loop_cases[i].name;
        struct delivery *d = delivery_make(w, arena_c_str(&w->a, arena_fmt(&w->a, "loop%zu", i)));
        delivery_to(d, "ann@a.example", NULL);
        delivery_body(d, str_from_c(loop_cases[i].body));
        if (str_find_byte(d->message.body.inline_bytes, '\r') == STR_NOT_FOUND)
            d->message.top = STR_NULL; // or the header has both line ends
        TRY(delivery_go(d));
        check_answer(name, &d->results[0], loop_cases[i].loops ? "5.4.6" : "2.1.5");
        check_u64(name, box_count(&w->a, delivery_box(d, "a.example/ann"), "new"),
                loop_cases[i].loops ? 0 : 1);
    }
    return OK;
}

static struct err refusals(void *arg)
{
    struct world *w = arg;
    struct delivery *d = delivery_make(w, "refusals");
    delivery_to(d, "\"../x\"@a.example", NULL);
    delivery_to(d, "\".y\"@a.example", NULL);
    delivery_to(d, "news@a.example", NULL);
    TRY(delivery_go(d));
    check_answer("a way out", &d->results[0], "5.1.3");
    check_answer("its other name", &d->results[1], "5.1.3");
    check_u64("a list", d->results[2].fate, LOCAL_FATE_FORWARD);
    check_true("nothing was made", !blob_exists(&w->a, d->root));

    d = delivery_make(w, "quota"); // 40 octets for kim, whatever the route gives
    delivery_to(d, "kim@a.example", NULL);
    d->route.quota_bytes = MIB;
    TRY(delivery_go(d));
    check_answer("too large for him", &d->results[0], "4.2.2");
    check_u64("later", d->results[0].answer.verdict, CLIENT_TEMPORARY);
    d->route.over_quota_bounces = true;
    TRY(delivery_go(d));
    check_answer("for good", &d->results[0], "5.2.2");
    check_u64("for good", d->results[0].answer.verdict, CLIENT_PERMANENT);

    d = delivery_make(w, "missing");
    delivery_to(d, "ann@a.example", NULL);
    d->route.create = false;
    TRY(delivery_go(d));
    check_answer("none is made", &d->results[0], "4.3.0");
    check_true("worth an error", d->results[0].is_our_fault);
    return OK;
}

static struct err disk(void *arg)
{
    struct world *w = arg;
    static const int errnos[] = {ENOSPC, EDQUOT, EIO, EACCES};
    for (size_t i = 0; i < COUNT_OF(errnos); i++) {
        struct maildir_faults faults = {.fails_at = 1, .errno_value = errnos[i]};
        struct delivery *d = delivery_make(w, "disk");
        d->in.fail = &faults;
        delivery_to(d, "ann@a.example", NULL);
        TRY(delivery_go(d));
        check_answer("disk", &d->results[0], "4.3.0");
        check_u64("later", d->results[0].answer.verdict, CLIENT_TEMPORARY);
        check_u64("a code", d->results[0].answer.outcome.code, 451);
        check_u64("our fault", d->results[0].is_our_fault, errnos[i] == EACCES);
    }
    return OK;
}

static struct err other_stores(void *arg)
{
    struct delivery *d = delivery_make(arg, "others");
    delivery_to(d, "nobody@nowhere.example", NULL);
    d->in.directories = NULL;
    d->route.store = LOCAL_DISCARD;
    TRY(delivery_go(d));
    check_answer("dropped", &d->results[0], "2.1.5");
    d->route.store = LOCAL_HOLD;
    TRY(delivery_go(d));
    check_u64("held", d->results[0].fate, LOCAL_FATE_HOLD);
    check_true("no root", str_is_null(local_root(&d->route)));
    d->route.store = LOCAL_MAILDIR;
    check_str("root", local_root(&d->route), d->root);
    return OK;
}

#define STORY(name)                                                                                \
    static void test_##name(void **state)                                                          \
    {                                                                                              \
        (void)state;                                                                               \
        struct world w;                                                                            \
        world_load(&w, PEOPLE);                                                                    \
        world_run(&w, name);                                                                       \
        world_end(&w);                                                                             \
    }
STORY(resolving)
STORY(one_arrives)
STORY(bare_headers)
STORY(wished_headers)
STORY(aliases_once)
STORY(one_maildir_for_all)
STORY(loops)
STORY(refusals)
STORY(disk)
STORY(other_stores)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_resolving), TEST(test_one_arrives),
            TEST(test_bare_headers), TEST(test_wished_headers), TEST(test_aliases_once),
            TEST(test_one_maildir_for_all), TEST(test_loops), TEST(test_refusals), TEST(test_disk),
            TEST(test_other_stores)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
