// SPDX-License-Identifier: Apache-2.0
// mail/field_address.c: From, To and their like: mailboxes and groups, RFC 5322 3.4 and 4.4. A name
// without an address, and an address without a domain, are kept as what they are.
#include "mail/header.h"
#include "mail/token.h"

#define FIELD_BYTES_MAX ((size_t)1 * MIB)

struct entry { // one mailbox, while it is read
    struct buf name;
    struct buf spec; // the address
    struct buf word;
    struct encoded_words encoded;
    bool has_at, has_angle;
    bool spaced; // the name's last word is complete
};

struct reading {
    struct arena *a;
    struct scan in;
    VEC(struct mail_mailbox) boxes;
    VEC(struct str) groups;
    size_t group; // that is open, + 1; 0: none
    struct entry e;
    bool full;
};

static void entry_begin(struct reading *r);
static void entry_done(struct entry *e);
static void read_step(struct reading *r, int c);
static void read_word(struct reading *r);
static void read_angle(struct reading *r);
static void read_at(struct reading *r);
static void entry_close(struct reading *r);
static void group_open(struct reading *r);
static void name_space(struct entry *e);
static struct str keep(struct reading *r, const struct buf *text);

bool mail_mailboxes_read(struct arena *a, struct str body, struct mail_mailboxes *out)
{
    struct reading r = {.a = a, .in = scan_over(str_upto(body, FIELD_BYTES_MAX))};
    entry_begin(&r);
    for (;;) {
        token_skip(&r.in);
        if (scan_end(&r.in))
            break;
        read_step(&r, scan_peek(&r.in));
    }
    entry_close(&r);
    entry_done(&r.e);
    *out = (struct mail_mailboxes){.at = r.boxes.at,
            .count = r.boxes.count,
            .groups = r.groups.at,
            .group_count = r.groups.count};
    return !r.full;
}

static void read_step(struct reading *r, int c)
{
    switch (c) {
    case ',':
        scan_skip(&r->in, 1);
        entry_close(r);
        break;
    case ';':
        scan_skip(&r->in, 1);
        entry_close(r);
        r->group = 0;
        break;
    case ':':
        scan_skip(&r->in, 1);
        group_open(r);
        break;
    case '<':
        read_angle(r);
        break;
    case '@':
        read_at(r);
        break;
    default:
        read_word(r);
        break;
    }
}

// A word of the name; it may turn out to be the local part of a bare address, so both are kept.
static void read_word(struct reading *r)
{
    struct entry *e = &r->e;
    struct str atom = STR_NULL;
    if (scan_peek(&r->in) == '"') {
        size_t start = scan_offset(&r->in);
        buf_clear(&e->word);
        token_quoted(&r->in, &e->word);
        encoded_flush(&e->encoded);
        name_space(e);
        encoded_text(&e->name, buf_str(&e->word));
        buf_add(&e->spec, scan_since(&r->in, start));
        return;
    }
    size_t start = scan_offset(&r->in);
    bool first = str_is_null(e->encoded.charset);
    struct scan before = r->in;
    if (first && e->name.len > 0 && str_starts(scan_rest(&before), S("=?")))
        name_space(e);
    if (encoded_take(&e->encoded, &r->in)) {
        buf_add(&e->spec, scan_since(&r->in, start));
        return;
    }
    if (!token_atom(&r->in, &atom)) {
        scan_skip(&r->in, 1); // a stray special
        return;
    }
    encoded_flush(&e->encoded);
    name_space(e);
    (void)mail_charset_add(&e->name, S("utf-8"), atom);
    buf_add(&e->spec, atom);
}

static void name_space(struct entry *e)
{
    char last = e->name.len > 0 ? e->name.ptr[e->name.len - 1] : ' ';
    if (last != ' ' && last != '@')
        buf_add_byte(&e->name, ' ');
}

// angle-addr = "<" [ obs-route ] addr-spec ">"; what stood before is the name.
static void read_angle(struct reading *r)
{
    struct entry *e = &r->e;
    struct str atom;
    scan_skip(&r->in, 1);
    encoded_flush(&e->encoded);
    buf_clear(&e->spec);
    e->has_angle = true;
    for (;;) {
        token_skip(&r->in);
        int c = scan_peek(&r->in);
        size_t start = scan_offset(&r->in);
        if (c < 0 || scan_byte(&r->in, '>'))
            return;
        if (c == '"') {
            buf_clear(&e->word);
            token_quoted(&r->in, &e->word);
            buf_add(&e->spec, scan_since(&r->in, start));
        } else if (token_atom(&r->in, &atom)) {
            buf_add(&e->spec, atom);
        } else {
            scan_skip(&r->in, 1);
            if (c == ':' && e->spec.len > 0 && e->spec.ptr[0] == '@')
                buf_clear(&e->spec); // the end of an obsolete route
            else
                buf_add_byte(&e->spec, (char)c); // @, brackets of a literal, and worse
        }
    }
}

// A bare addr-spec: the words so far were its local part.
static void read_at(struct reading *r)
{
    struct entry *e = &r->e;
    scan_skip(&r->in, 1);
    e->has_at = true;
    buf_add_byte(&e->spec, '@');
    buf_add_byte(&e->name, '@'); // should an angle follow, it was a name
    token_skip(&r->in);
    struct str inside;
    size_t start = scan_offset(&r->in);
    if (scan_byte(&r->in, '[') && scan_until_past(&r->in, ']', &inside))
        buf_add(&e->spec, scan_since(&r->in, start));
}

static void group_open(struct reading *r)
{
    struct str *name = NULL;
    if (r->e.has_angle || r->e.has_at)
        return; // a colon out of place
    encoded_flush(&r->e.encoded);
    struct str text = keep(r, &r->e.name);
    name = vec_add(r->a, &r->groups);
    r->full = r->full || name == NULL;
    if (name != NULL)
        *name = text;
    r->group = r->groups.count;
    entry_done(&r->e);
    entry_begin(r);
}

static void entry_close(struct reading *r)
{
    struct entry *e = &r->e;
    encoded_flush(&e->encoded);
    bool has_name = e->has_angle && e->name.len > 0;
    bool is_spec = e->has_angle || e->has_at || e->spec.len > 0;
    if (is_spec && r->boxes.count < MAIL_MAILBOXES_MAX) {
        struct mail_mailbox *box = vec_add(r->a, &r->boxes);
        r->full = r->full || box == NULL;
        if (box != NULL)
            *box = (struct mail_mailbox){
                    .name = has_name ? keep(r, &e->name) : STR_NULL,
                    .address = e->spec.len > 0 ? keep(r, &e->spec) : STR_NULL,
                    .group = r->group,
            };
    }
    entry_done(e);
    entry_begin(r);
}

static struct str keep(struct reading *r, const struct buf *text)
{
    struct str kept = arena_str(r->a, str_trim(buf_str(text)));
    r->full = r->full || str_is_null(kept) || text->overflow;
    return kept;
}

static void entry_begin(struct reading *r)
{
    struct entry *e = &r->e;
    *e = (struct entry){0};
    buf_init(&e->name, 2 * FIELD_BYTES_MAX);
    buf_init(&e->spec, FIELD_BYTES_MAX);
    buf_init(&e->word, FIELD_BYTES_MAX);
    encoded_begin(&e->encoded, &e->name);
}

static void entry_done(struct entry *e)
{
    encoded_end(&e->encoded);
    buf_done(&e->name);
    buf_done(&e->spec);
    buf_done(&e->word);
}
