// SPDX-License-Identifier: Apache-2.0
// tests/fuzz/fuzz_mail_header.c: every reader of fields over any bytes; texts come out as UTF-8.
// The first byte chooses how much memory there is.
#include "mail/mail.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_mailboxes(struct arena *a, struct str body);
static void check_type(bool read, const struct mail_type *type);
static void check_text(struct str text);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct mail_type type;
    struct mail_ids ids;
    struct mail_received received;
    struct civil date;
    if (size == 0)
        return 0;
    struct str body = str_of((const char *)data + 1, size - 1);
    arena_init(&a, (size_t)data[0] << 12);
    check_mailboxes(&a, body);
    check_type(mail_content_type_read(&a, body, &type), &type);
    check_type(mail_disposition_read(&a, body, &type), &type);
    check_text(mail_text_read(&a, body));
    if (mail_ids_read(&a, body, &ids))
        assert(ids.count > 0);
    if (mail_received_read(&a, body, &received) && received.has_date)
        assert(civil_is_valid(&received.date));
    if (mail_date_read(body, &date))
        assert(civil_is_valid(&date));
    arena_done(&a);
    return 0;
}

static void check_mailboxes(struct arena *a, struct str body)
{
    struct mail_mailboxes all;
    if (!mail_mailboxes_read(a, body, &all))
        return;
    for (size_t i = 0; i < all.count; i++) {
        assert(all.at[i].group <= all.group_count);
        check_text(all.at[i].name);
    }
}

static void check_type(bool read, const struct mail_type *type)
{
    for (size_t i = 0; read && i < type->param_count; i++)
        check_text(type->params[i].value);
}

static void check_text(struct str text)
{
    assert(str_is_utf8(text));
}
