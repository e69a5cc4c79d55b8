// SPDX-License-Identifier: Apache-2.0
// rt/dns_message.c: a whole message of the DNS (RFC 1035 4) as an answer. libunbound has asked,
// checked and validated; but what it hands over still came from a stranger, and is read here as
// such: nothing is believed about lengths, counts or pointers.
#include "rt/dns_wire.h"

#define CLASS_IN 1
#define RCODE_MASK 0xf
#define RCODE_NXDOMAIN 3
#define RECORD_HEAD_BYTES 10 // type, class, ttl, length
#define SECTION_RECORDS_MAX 4096

struct record {
    struct str owner;
    struct str rdata; // names in it whole
    uint32_t ttl_s;
    uint16_t type;
};

struct message {
    struct arena *a;
    struct str bytes;
    size_t at;
    uint16_t flags;
    VEC(struct record) answers;
    bool has_soa;
    uint32_t negative_ttl_s;
};

static struct err read_sections(struct message *m);
static struct err read_record(struct message *m, struct record *out, bool *out_ours);
static bool rdata_whole(struct message *m, uint16_t type, size_t len, struct buf *out);
static bool names_before(uint16_t type, size_t *out_octets, size_t *out_names);
static void note_soa(struct message *m, const struct record *r);
static struct err follow(struct message *m, struct dns_answer *io, struct str *out_owner);
static const struct record *alias_of(const struct message *m, struct str name);
static struct err pick(struct message *m, struct str owner, struct dns_answer *io);
static void lower_ttl(struct dns_answer *io, uint32_t ttl_s);

struct err dns_message_read(struct arena *a, struct str message, struct dns_answer *io)
{
    struct message m = {.a = a, .bytes = message};
    struct str owner = STR_NULL;
    TRY(read_sections(&m));
    struct dns_answer answer = {
            .name = io->name, .type = io->type, .dnssec = io->dnssec, .ttl_s = UINT32_MAX};
    TRY(follow(&m, &answer, &owner));
    TRY(pick(&m, owner, &answer));
    uint16_t rcode = m.flags & RCODE_MASK;
    if (answer.count > 0) {
        answer.outcome = DNS_ANSWER;
    } else if (rcode == 0 || rcode == RCODE_NXDOMAIN) {
        answer.outcome = rcode == 0 ? DNS_NODATA : DNS_NXDOMAIN;
        // Without an SOA nobody said how long it holds: RFC 2308 5.
        lower_ttl(&answer, m.has_soa ? m.negative_ttl_s : 0);
    } else {
        answer.outcome = DNS_SERVFAIL;
        answer.ttl_s = 0;
        answer.why = arena_fmt(a, "the server answered with code %u", rcode);
    }
    *io = answer;
    return OK;
}

static struct err read_sections(struct message *m)
{
    struct scan head = scan_over(m->bytes);
    uint16_t id, counts[4];
    struct dns_wire_name name;
    bool whole = scan_be16(&head, &id) && scan_be16(&head, &m->flags);
    for (size_t i = 0; i < COUNT_OF(counts); i++)
        whole = whole && scan_be16(&head, &counts[i]);
    if (!whole)
        return fail(ERR_SYNTAX, "the message ends in its header");
    m->at = scan_offset(&head);
    for (size_t i = 0; i < counts[0]; i++) {
        if (!dns_wire_read(m->bytes, &m->at, &name) || m->bytes.len - m->at < 4)
            return fail(ERR_SYNTAX, "a malformed question");
        m->at += 4;
    }
    size_t total = (size_t)counts[1] + counts[2];
    if (total > SECTION_RECORDS_MAX)
        total = SECTION_RECORDS_MAX;
    for (size_t i = 0; i < total; i++) {
        struct record r = {0};
        bool ours;
        TRY(read_record(m, &r, &ours));
        if (ours && i >= counts[1]) {
            note_soa(m, &r);
        } else if (ours) {
            struct record *kept = vec_add(m->a, &m->answers);
            if (kept == NULL)
                return fail(ERR_LIMIT, "no memory for an answer");
            *kept = r;
        }
    }
    return OK;
}

static struct err read_record(struct message *m, struct record *out, bool *out_ours)
{
    struct dns_wire_name owner;
    uint16_t class, len;
    if (!dns_wire_read(m->bytes, &m->at, &owner))
        return fail(ERR_SYNTAX, "a malformed name of a record");
    struct scan in = scan_over(str_from(m->bytes, m->at));
    if (!scan_be16(&in, &out->type) || !scan_be16(&in, &class) || !scan_be32(&in, &out->ttl_s) ||
            !scan_be16(&in, &len) || scan_rest(&in).len < len)
        return fail(ERR_SYNTAX, "a record is cut off");
    m->at += RECORD_HEAD_BYTES;
    *out_ours = class == CLASS_IN;
    if (out->ttl_s > INT32_MAX)
        out->ttl_s = 0; // RFC 2181 8
    if (!*out_ours) {
        m->at += len;
        return OK;
    }
    struct buf rdata AUTO(buf_done);
    buf_init(&rdata, DNS_MESSAGE_BYTES_MAX + 2 * (size_t)DNS_NAME_BYTES_MAX);
    if (!rdata_whole(m, out->type, len, &rdata))
        return fail(ERR_SYNTAX, "a malformed name inside a record");
    out->owner = dns_wire_text(m->a, &owner);
    out->rdata = arena_str(m->a, buf_str(&rdata));
    if (str_is_null(out->owner) || str_is_null(out->rdata) || rdata.overflow)
        return fail(ERR_LIMIT, "no memory for an answer");
    return OK;
}

// The rdata with its compressed names made whole; of types that have none (RFC 3597 4), as it is.
static bool rdata_whole(struct message *m, uint16_t type, size_t len, struct buf *out)
{
    size_t end = m->at + len, octets, names;
    struct dns_wire_name name;
    if (names_before(type, &octets, &names)) {
        if (len < octets)
            return false;
        buf_add(out, str_part(m->bytes, m->at, octets));
        m->at += octets;
        struct str upto = str_upto(m->bytes, end);
        for (; names > 0; names--) {
            if (!dns_wire_read(upto, &m->at, &name))
                return false;
            buf_add(out, dns_wire_str(&name));
        }
    }
    buf_add(out, str_part(m->bytes, m->at, end - m->at));
    m->at = end;
    return true;
}

static bool names_before(uint16_t type, size_t *out_octets, size_t *out_names)
{
    *out_octets = 0;
    *out_names = 1;
    switch (type) {
    case DNS_CNAME:
    case DNS_NS:
    case DNS_PTR:
        return true;
    case DNS_MX:
        *out_octets = 2;
        return true;
    case DNS_SRV:
        *out_octets = 6;
        return true;
    case DNS_SOA:
        *out_names = 2;
        return true;
    default: // the type comes from the wire: it can be any number
        return false;
    }
}

// RFC 2308 5: the smaller of the SOA's own TTL and its last field.
static void note_soa(struct message *m, const struct record *r)
{
    uint32_t minimum;
    if (r->type != DNS_SOA || m->has_soa || r->rdata.len < 4)
        return;
    struct scan in = scan_over(str_from(r->rdata, r->rdata.len - 4));
    m->has_soa = scan_be32(&in, &minimum);
    m->negative_ttl_s = r->ttl_s < minimum ? r->ttl_s : minimum;
}

static struct err follow(struct message *m, struct dns_answer *io, struct str *out_owner)
{
    VEC(struct str) chain = {0};
    struct str name = io->name;
    const struct record *alias = io->type == DNS_CNAME ? NULL : alias_of(m, name);
    for (; alias != NULL; alias = alias_of(m, name)) {
        if (!dns_rdata_name(m->a, alias->rdata, &name))
            return fail(ERR_SYNTAX, "a malformed CNAME");
        if (chain.count == DNS_CHAIN_MAX)
            return fail(ERR_SYNTAX, "a loop of CNAMEs, or more than 16 in a row");
        struct str *link = vec_add(m->a, &chain);
        if (link == NULL || str_is_null(name))
            return fail(ERR_LIMIT, "no memory for an answer");
        *link = name;
        lower_ttl(io, alias->ttl_s);
    }
    io->chain = chain.at;
    io->chain_count = chain.count;
    *out_owner = name;
    return OK;
}

static const struct record *alias_of(const struct message *m, struct str name)
{
    each_in_vec (r, &m->answers) {
        if (r->type == DNS_CNAME && str_eq(r->owner, name))
            return r;
    }
    return NULL;
}

static struct err pick(struct message *m, struct str owner, struct dns_answer *io)
{
    VEC(struct dns_record) records = {0};
    each_in_vec (r, &m->answers) {
        if (r->type != io->type || !str_eq(r->owner, owner))
            continue;
        if (records.count == DNS_RECORDS_MAX)
            break;
        struct dns_record *kept = vec_add(m->a, &records);
        if (kept == NULL)
            return fail(ERR_LIMIT, "no memory for an answer");
        *kept = (struct dns_record){.rdata = r->rdata, .ttl_s = r->ttl_s};
        lower_ttl(io, r->ttl_s);
    }
    io->records = records.at;
    io->count = records.count;
    return OK;
}

static void lower_ttl(struct dns_answer *io, uint32_t ttl_s)
{
    if (ttl_s < io->ttl_s)
        io->ttl_s = ttl_s;
}
