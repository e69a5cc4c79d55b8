// SPDX-License-Identifier: Apache-2.0
// smtp/server/transaction.c: what a transaction holds, and its end.
#include "smtp/server/transaction.h"

#include "smtp/limits.h"
#include "smtp/server/verify.h"

struct transaction *transaction_new(struct smtp_session *s)
{
    struct transaction *t = mem_new(struct transaction);
    if (t == NULL)
        return NULL;
    arena_init(&t->arena, TRANSACTION_BYTES_MAX);
    t->held.arena = &t->arena;
    (void)s;
    return t;
}

void transaction_free(struct smtp_session *s, struct transaction *t)
{
    if (t == NULL)
        return;
    if (s->service->limits != NULL)
        throttle_release(s->service->limits, &t->held);
    message_check_free(t->check);
    body_free(t->body);
    buf_done(&t->head);
    arena_done(&t->arena);
    mem_free(t);
}

bool envelope_address_make(
        struct arena *a, const struct mail_address *address, struct envelope_address *out)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, MAIL_ADDRESS_BYTES_MAX * 4);
    mail_local_add(&text, address->local);
    buf_add_byte(&text, '@');
    buf_add(&text, address->ascii);
    out->text = arena_str(a, buf_str(&text));
    out->normal = mail_address_normal(a, address);
    out->domain = arena_str(a, address->ascii);
    return !text.overflow && !str_is_null(out->text) && !str_is_null(out->normal) &&
           !str_is_null(out->domain);
}

struct err envelope_address_read(struct arena *a, struct str text, struct envelope_address *out)
{
    struct mail_address address;
    TRY(mail_address_parse(a, text, &address));
    if (!envelope_address_make(a, &address, out))
        return fail(ERR_LIMIT, "this message has used up its memory allowance");
    return OK;
}

// Messages with many recipients are rare and bounded; a search through the list costs less than
// keeping a table for those with one.
bool transaction_has(const struct transaction *t, struct str normal, size_t *out_place)
{
    for (size_t i = 0; i < t->rcpts.count; i++) {
        if (str_eq(t->rcpts.at[i].address.normal, normal)) {
            *out_place = i;
            return true;
        }
    }
    return false;
}
