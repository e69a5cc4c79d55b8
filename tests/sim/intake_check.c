// SPDX-License-Identifier: Apache-2.0
// tests/sim/intake_check.c: what is in the queue when all is over, compared with what the senders
// were told: acknowledged once and byte for byte, refused not at all, without an answer at most
// once; and the store holds together, with no file left over.
#define POSTHASTE_BASE_ROOM
#include "intake.h"

#include "queue/message_reader.h"
#include "queue/store/body.h"
#include "rt/blobfile.h"

#define PAGE 100
#define CHECK_BYTES_MAX (64 * MIB)
#define MAP_BYTES_MAX ((uint64_t)KIB * MIB)

static struct err check_store(struct intake *in, struct store *store, struct arena *a) suspends;
static struct err check_messages(struct intake *in, struct store *store, struct arena *a) suspends;
static struct err check_message(struct intake *in, struct store *store, uint64_t id) suspends;
static struct mail *mail_of(struct intake *in, const struct message *m);
static void check_envelope(struct intake *in, struct mail *mail, const struct message *m);
static bool note_rcpt(struct arena *a, struct mail *mail, struct str address);
static struct err check_body(struct intake *in, struct store *store, struct arena *a,
        const struct message *m, const struct mail *mail) suspends;
static void check_fates(struct intake *in);
static struct err check_files(struct intake *in, struct store *store, struct arena *a);
static void hear_finding(void *ctx, struct str text);

struct err intake_check(struct intake *in)
{
    struct arena a;
    struct store *store = NULL;
    arena_init(&a, CHECK_BYTES_MAX);
    struct str folder = sim_server_folder(in->server);
    struct store_options options = {.folder = arena_fmt(&a, "%.*s/data", ARG(folder)),
            .blob_folder = arena_fmt(&a, "%.*s/blobs", ARG(folder)),
            .map_bytes_max = MAP_BYTES_MAX};
    struct err e = store_open(&a, &options, &store);
    if (!failed(e))
        e = check_store(in, store, &a);
    store_close(store);
    if (failed(e))
        intake_finding(in, "the queue cannot be read: %.*s", ARG(err_text(e)));
    arena_done(&a);
    return OK;
}

static struct err check_store(struct intake *in, struct store *store, struct arena *a)
{
    TRY(check_messages(in, store, a));
    check_fates(in);
    return check_files(in, store, a);
}

static struct err check_messages(struct intake *in, struct store *store, struct arena *a)
{
    struct store_query query = {.limit = PAGE};
    for (bool end = false; !end;) {
        struct store_page page;
        TRY(store_list(store, a, &query, &page));
        if (page.damaged > 0)
            intake_finding(in, "%zu messages are damaged", page.damaged);
        for (size_t i = 0; i < page.count; i++)
            TRY(check_message(in, store, page.messages[i].id));
        query.after = page.next;
        end = page.end;
    }
    return OK;
}

static struct err check_message(struct intake *in, struct store *store, uint64_t id)
{
    struct arena a;
    struct message m;
    arena_init(&a, CHECK_BYTES_MAX);
    struct err e = store_read(store, &a, id, STORE_WITH_BODY, &m);
    struct mail *mail = failed(e) ? NULL : mail_of(in, &m);
    if (failed(e)) {
        intake_finding(in, "%016llx: %.*s", (unsigned long long)id, ARG(err_text(e)));
    } else if (mail == NULL) {
        intake_finding(in, "%016llx: nobody has sent it", (unsigned long long)id);
    } else {
        check_envelope(in, mail, &m);
        e = check_body(in, store, &a, &m, mail);
        if (failed(e))
            intake_finding(in, "message %u: %.*s", mail->number, ARG(err_text(e)));
    }
    arena_done(&a);
    return OK;
}

static struct mail *mail_of(struct intake *in, const struct message *m)
{
    struct str number, domain;
    uint64_t value;
    if (!str_cut(m->sender, '@', &number, &domain) || !str_eq(domain, S("client.example")) ||
            !str_to_u64(str_from(number, 1), MAILS - 1, &value))
        return NULL;
    return &in->mails[value];
}

static void check_envelope(struct intake *in, struct mail *mail, const struct message *m)
{
    struct arena a;
    arena_init(&a, 16 * KIB);
    if (mail->id != 0 && mail->id != m->id)
        intake_finding(in, "message %u has another name than was told", mail->number);
    for (size_t i = 0; i < m->unit_count; i++)
        for (size_t j = 0; j < m->units[i].rcpt_count; j++)
            if (!note_rcpt(&a, mail, m->units[i].rcpts[j].address))
                intake_finding(in, "message %u: a recipient it never had", mail->number);
    arena_done(&a);
}

static bool note_rcpt(struct arena *a, struct mail *mail, struct str address)
{
    for (size_t i = 0; i < mail->rcpt_count; i++)
        if (str_eq(mail_rcpt(a, mail, i), address)) {
            mail->found[i]++;
            return true;
        }
    return false;
}

static struct err check_body(struct intake *in, struct store *store, struct arena *a,
        const struct message *m, const struct mail *mail)
{
    struct message_reader *reader AUTO(message_auto_close) = NULL;
    const struct message_reading how = {.as_received = true};
    struct buf sent AUTO(buf_done);
    buf_init(&sent, MIB);
    mail_write(in, mail, &sent);
    struct str left = buf_str(&sent);
    TRY(message_open(store, a, m, &how, &reader));
    for (;;) {
        struct str piece;
        TRY(message_next(reader, a, &piece));
        if (str_is_null(piece))
            break;
        if (!str_starts(left, piece))
            return fail(ERR_IO, "it is another one than was sent");
        left = str_from(left, piece.len);
    }
    return left.len == 0 ? OK : fail(ERR_IO, "it is shorter than what was sent");
}

static void check_fates(struct intake *in)
{
    static const char *const words[] = {"never sent", "unanswered", "refused", "acknowledged"};
    static const enum figure figures[] = {
            FIGURE_NOT_SENT, FIGURE_OPEN, FIGURE_REFUSED, FIGURE_ACKNOWLEDGED};
    for (size_t i = 0; i < MAILS; i++) {
        const struct mail *m = &in->mails[i];
        for (size_t j = 0; j < m->rcpt_count; j++) {
            size_t least = m->fates[j] == FATE_ACKNOWLEDGED,
                   most = m->fates[j] == FATE_ACKNOWLEDGED || m->fates[j] == FATE_OPEN;
            if (m->found[j] < least || m->found[j] > most)
                intake_finding(in, "message %u, recipient %zu: %s, and is there %zu times",
                        m->number, j, words[m->fates[j]], m->found[j]);
            in->figures.of[figures[m->fates[j]]]++;
        }
    }
}

static struct err check_files(struct intake *in, struct store *store, struct arena *a)
{
    struct store_check check;
    struct blob_entry *entries;
    size_t count = 0, swept = 0;
    TRY(bodies_sweep(store, a, INT64_MAX, &swept));
    struct store_check_options options = {
            .wall_now_ms = INT64_MAX / 2, .say = hear_finding, .ctx = in};
    TRY(store_check(store, a, &options, &check));
    struct str journal = arena_fmt(a, "%.*s/data/journal", ARG(sim_server_folder(in->server)));
    TRY(folder_list(a, journal, &entries, &count));
    for (size_t i = 0; i < count; i++)
        if (!entries[i].is_folder && !str_ends(entries[i].name, S(".lock")))
            intake_finding(in, "%.*s is left in the journal", ARG(entries[i].name));
    return OK;
}

static void hear_finding(void *ctx, struct str text)
{
    intake_finding(ctx, "the check says: %.*s", ARG(text));
}
