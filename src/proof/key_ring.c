// SPDX-License-Identifier: Apache-2.0
// proof/key_ring.c: a task for each key that is asked for; what has come is kept as text, for what
// of it will do is a matter of the signature.
#include "proof/key_ring.h"

#include "rt/dns.h"

static struct key_entry *entry_of(struct key_ring *k, struct str name);
static struct err look_up(void *arg) suspends;

void key_ring_begin(struct key_ring *k, struct resolver *r, struct arena *a)
{
    *k = (struct key_ring){.resolver = r, .arena = a};
    list_init(&k->entries);
    group_begin(&k->group);
}

void key_ring_end(struct key_ring *k)
{
    group_end(&k->group);
}

struct err key_ring_want(
        struct key_ring *k, struct str selector, struct str domain, struct key_entry **out)
{
    struct str name = arena_fmt(k->arena, "%.*s._domainkey.%.*s", ARG(selector), ARG(domain));
    if (str_is_null(name))
        return fail(ERR_LIMIT, "no memory for the name of a key");
    struct key_entry *e = entry_of(k, name);
    if (e == NULL) {
        e = arena_make(k->arena, struct key_entry);
        if (e == NULL || k->count == KEY_RING_ENTRIES_MAX)
            return fail(ERR_LIMIT, "a message names too many keys");
        *e = (struct key_entry){.ring = k, .name = name};
        waitq_init(&e->done);
        TRY(group_spawn(&k->group, look_up, e));
        list_append(&k->entries, &e->link);
        k->count++;
    }
    *out = e;
    return OK;
}

static struct key_entry *entry_of(struct key_ring *k, struct str name)
{
    each_in_list (e, &k->entries, struct key_entry, link) {
        if (str_eq(e->name, name))
            return e;
    }
    return NULL;
}

// Never fails: what went wrong is told by the entry.
static struct err look_up(void *arg)
{
    struct key_entry *e = arg;
    struct dns_txt_answer txt;
    struct str *records = NULL;
    task_describe("asking for a key", NULL);
    struct err bad = dns_txt(e->ring->resolver, e->ring->arena, e->name, &txt);
    if (!failed(bad) && txt.count > 0)
        records = arena_array(e->ring->arena, txt.count, struct str);
    if (failed(bad)) {
        e->trouble = err_text(bad);
        e->state = bad.kind == ERR_SYNTAX ? KEY_NOT_FOUND : KEY_TROUBLE; // too long for a name
    } else if (dns_is_temporary(txt.answer.outcome)) {
        e->trouble = dns_outcome_name(txt.answer.outcome);
        e->state = KEY_TROUBLE;
    } else if (txt.count == 0) {
        e->state = KEY_NOT_FOUND;
    } else if (records == NULL) {
        e->trouble = S("no memory for the records of a key");
        e->state = KEY_TROUBLE;
    } else {
        for (size_t i = 0; i < txt.count; i++)
            records[i] = txt.at[i].joined;
        e->records = records;
        e->count = txt.count;
        e->state = KEY_FOUND;
    }
    waitq_wake_all(&e->done);
    return OK;
}

struct err key_ring_wait(struct key_entry *e)
{
    while (e->state == KEY_ASKING) {
        struct err bad = waitq_wait(&e->done, "the key of a signature");
        if (failed(bad) && bad.kind != ERR_TIMEOUT)
            return bad;
        if (failed(bad) && e->state == KEY_ASKING) {
            e->trouble = S("no answer in time");
            return OK; // it stays KEY_ASKING: an answer may still come for another signature
        }
    }
    return OK;
}
