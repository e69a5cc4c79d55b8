// SPDX-License-Identifier: Apache-2.0
// proof/signers.c: from settings to signers. Single values are judged by conf/ already; here they
// meet: the key and its algorithm, the names that must be signed, two signatures of one selector.
#include "proof/signers.h"

#include "conf/conf.h"
#include "proof/tags.h"
#include "rt/file.h"

#define RSA_BITS_MIN 1024 // RFC 8301 3.2; below 2048 there is a warning
#define EXPIRE_MIN_MS HOUR_MS
#define EXPIRE_SHORT_MS (7 * DAY_MS) // the queue's lifetime and its reserve
#define NAME_BYTES_MAX 253
#define MODE_OF_GROUP 0070
#define MODE_OF_OTHERS 0007
#define MAP S("signature")

struct reading {
    struct arena *arena;
    const struct conf *conf;
    struct findings *findings;
    struct signer_entry *entry;
    bool wrong; // it cannot sign
};

static struct err read_entry(struct reading *r);
static void read_place(struct reading *r);
static void read_key(struct reading *r);
static void check_file(struct reading *r, struct str key);
static void check_key(struct reading *r, struct str at, bool wants_rsa);
static struct err read_names(struct reading *r);
static struct err list_of(struct reading *r, struct str member, const struct str *recommended,
        size_t recommended_count, const struct str **out, size_t *out_count);
static void check_names(struct reading *r);
static void read_rest(struct reading *r);
static void check_identity(struct reading *r);
static void read_rotation(struct reading *r);
static void check_twins(struct reading *r, struct signers *all);
static struct str key_of(struct reading *r, struct str member);
static void wrong(struct reading *r, struct str member, struct str code, struct str what);

struct err signers_make(
        struct arena *a, const struct conf *conf, struct findings *f, struct signers *out)
{
    struct conf_ids ids = conf_ids(conf, MAP);
    struct reading r = {.arena = a, .conf = conf, .findings = f};
    *out = (struct signers){.at = arena_array(a, ids.count + 1, struct signer_entry)};
    if (out->at == NULL)
        return fail(ERR_LIMIT, "no memory for the signatures");
    for (size_t i = 0; i < ids.count; i++) {
        r.entry = &out->at[out->count++];
        *r.entry = (struct signer_entry){.id = ids.at[i], .signer = dkim_signer_default()};
        r.wrong = false;
        TRY(read_entry(&r));
        check_twins(&r, out);
        r.entry->signs = !r.wrong && r.entry->stage == SIGNER_ACTIVE && r.entry->key != NULL &&
                         conf_bool(conf, key_of(&r, S("enable")));
    }
    return OK;
}

static struct err read_entry(struct reading *r)
{
    read_place(r);
    read_key(r);
    TRY(read_names(r));
    read_rest(r);
    return OK;
}

static struct str key_of(struct reading *r, struct str member)
{
    return conf_item(r->conf, MAP, r->entry->id, member);
}

static void wrong(struct reading *r, struct str member, struct str code, struct str what)
{
    conf_error(r->conf, r->findings, key_of(r, member), -1, code, "%.*s", ARG(what));
    r->wrong = true;
}

static void read_place(struct reading *r)
{
    struct dkim_signer *s = &r->entry->signer;
    struct str domain = conf_str(r->conf, key_of(r, S("domain")));
    struct str selector = conf_str(r->conf, key_of(r, S("selector")));
    if (str_is_null(domain) || str_is_null(selector)) {
        r->wrong = true; // which is told already
        return;
    }
    if (!tag_domain(r->arena, domain, 2, &s->domain))
        wrong(r, S("domain"), S("bad-name"), S("a domain that signs has two labels at least"));
    else if (!tag_domain(r->arena, selector, 1, &s->selector))
        wrong(r, S("selector"), S("bad-name"),
                S("a selector is made of labels: letters, digits, - and _"));
    else if (s->domain.len + s->selector.len + sizeof("._domainkey.") - 1 > NAME_BYTES_MAX)
        wrong(r, S("selector"), S("bad-name"), S("its record would have too long a name"));
}

// --- Keys ----------------------------------------------------------------------------------------

static void read_key(struct reading *r)
{
    struct str at = key_of(r, S("private-key"));
    struct str algorithm = conf_str(r->conf, key_of(r, S("algorithm")));
    struct str text = conf_str(r->conf, at);
    if (str_is_null(text) || str_is_null(algorithm)) {
        r->wrong = true;
        return;
    }
    check_file(r, at);
    struct err e = private_key_read(r->arena, text, RSA_BITS_MIN, &r->entry->key);
    if (failed(e)) {
        wrong(r, S("private-key"), S("bad-key"), err_text(e));
        return;
    }
    r->entry->signer.key = r->entry->key;
    check_key(r, at, str_eq(algorithm, S("rsa-sha256")));
}

// That everybody can read it is told by conf/ of all secrets.
static void check_file(struct reading *r, struct str key)
{
    struct str path = conf_value_file(r->conf, key);
    struct file_info info;
    if (!str_is_null(path) && !failed(file_stat(r->arena, path, &info)) &&
            (info.mode & MODE_OF_GROUP) != 0 && (info.mode & MODE_OF_OTHERS) == 0)
        conf_warning(r->conf, r->findings, key, -1, S("readable-key"),
                "%.*s can be read by a group, not by its owner alone", ARG(path));
}

static void check_key(struct reading *r, struct str at, bool wants_rsa)
{
    const struct private_key *key = r->entry->key;
    bool rsa = private_key_type(key) == DKIM_KEY_RSA;
    if (rsa != wants_rsa)
        wrong(r, S("private-key"), S("bad-key"),
                rsa ? S("this is a key of RSA, and the algorithm is ed25519-sha256")
                    : S("this is a key of Ed25519, and the algorithm is rsa-sha256"));
    else if ((conf_bool(r->conf, S("auth.dkim.self-test")) && !private_key_works(r->arena, key)) ||
             failed(private_key_record(r->arena, key, &r->entry->record)))
        wrong(r, S("private-key"), S("bad-key"), S("what it signs does not verify"));
    else if (rsa && private_key_bits(key) < PRIVATE_KEY_RSA_BITS_MIN)
        conf_warning(r->conf, r->findings, at, -1, S("short-key"),
                "%u bits are few, and some receivers do not accept them; 2048 are usual",
                private_key_bits(key));
}

// --- What is signed ------------------------------------------------------------------------------

static struct err read_names(struct reading *r)
{
    struct dkim_signer *s = &r->entry->signer;
    TRY(list_of(r, S("headers"), dkim_names_recommended, dkim_names_recommended_count, &s->names,
            &s->name_count));
    TRY(list_of(r, S("oversign"), dkim_oversigned_recommended, dkim_oversigned_recommended_count,
            &s->oversigned, &s->oversigned_count));
    s->names_absent = s->names != dkim_names_recommended;
    if (s->name_count == 0) {
        conf_warning(r->conf, r->findings, key_of(r, S("headers")), -1, S("empty"),
                "no fields would be signed; the recommended ones are");
        s->names = dkim_names_recommended;
        s->name_count = dkim_names_recommended_count;
        s->names_absent = false;
    }
    check_names(r);
    return OK;
}

// "recommended" stands for a list of ours.
static struct err list_of(struct reading *r, struct str member, const struct str *recommended,
        size_t recommended_count, const struct str **out, size_t *out_count)
{
    struct conf_list list = conf_list(r->conf, key_of(r, member));
    if (list.count == 1 && str_eq(list.at[0].text, S("recommended"))) {
        *out = recommended;
        *out_count = recommended_count;
        return OK;
    }
    struct str *names = arena_array(r->arena, list.count + 1, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for the signatures");
    for (size_t i = 0; i < list.count; i++)
        names[i] = list.at[i].text;
    *out = names;
    *out_count = list.count;
    return OK;
}

static void check_names(struct reading *r)
{
    static const struct str unfit[] = {S_INIT("Return-Path"), S_INIT("Received"),
            S_INIT("DKIM-Signature"), S_INIT("Comments"), S_INIT("Keywords"),
            S_INIT("Authentication-Results")};
    const struct dkim_signer *s = &r->entry->signer;
    bool from = false;
    for (size_t i = 0; i < s->name_count; i++) {
        from = from || str_eq_nocase(s->names[i], S("From"));
        for (size_t k = 0; k < COUNT_OF(unfit); k++) {
            if (str_eq_nocase(s->names[i], unfit[k]))
                conf_warning(r->conf, r->findings, key_of(r, S("headers")), (int)i, S("unfit"),
                        "%.*s changes on the way, or says nothing: RFC 6376 5.4 advises against it",
                        ARG(unfit[k]));
        }
    }
    if (!from)
        wrong(r, S("headers"), S("no-from"), S("From must be signed (RFC 6376 5.4)"));
}

static void read_rest(struct reading *r)
{
    static const enum canon heads[] = {CANON_RELAXED, CANON_SIMPLE, CANON_RELAXED, CANON_SIMPLE};
    static const enum canon bodies[] = {CANON_RELAXED, CANON_SIMPLE, CANON_SIMPLE, CANON_RELAXED};
    static const enum signer_stage stages[] = {
            SIGNER_PENDING, SIGNER_ACTIVE, SIGNER_RETIRING, SIGNER_RETIRED};
    struct dkim_signer *s = &r->entry->signer;
    int canon = conf_enum(r->conf, key_of(r, S("canonicalization")));
    int stage = conf_enum(r->conf, key_of(r, S("stage")));
    int64_t expire_ms = conf_duration_ms(r->conf, key_of(r, S("expire")));
    struct str expire = key_of(r, S("expire"));
    s->head_canon = heads[canon < 0 ? 0 : canon];
    s->body_canon = bodies[canon < 0 ? 0 : canon];
    r->entry->stage = stages[stage < 0 ? 1 : stage];
    s->wants_reports = conf_bool(r->conf, key_of(r, S("report")));
    s->third_party = conf_str(r->conf, key_of(r, S("third-party")));
    s->third_party_hash = conf_str(r->conf, key_of(r, S("third-party-algo")));
    s->expire_s = (uint64_t)expire_ms / SECOND_MS;
    if (expire_ms > 0 && expire_ms < EXPIRE_MIN_MS)
        wrong(r, S("expire"), S("too-short"), S("must be an hour at least"));
    else if (expire_ms > 0 && expire_ms < EXPIRE_SHORT_MS)
        conf_warning(r->conf, r->findings, expire, -1, S("short"),
                "shorter than the queue lifetime: delayed mail arrives with an expired signature");
    if (!str_is_null(s->third_party_hash) && str_is_null(s->third_party))
        wrong(r, S("third-party-algo"), S("alone"), S("says nothing without third-party"));
    if (conf_bool(r->conf, key_of(r, S("set-body-length"))))
        conf_warning(r->conf, r->findings, key_of(r, S("set-body-length")), -1, S("ignored"),
                "no body length is ever written: what follows it could be replaced by anybody");
    check_identity(r);
    read_rotation(r);
}

// authentication.md 7.4: what the server is to replace must not be an administrator's file.
static void read_rotation(struct reading *r)
{
    static const struct str members[] = {S_INIT("rotate-after"), S_INIT("retire-after"),
            S_INIT("delete-after"), S_INIT("selector-template")};
    struct conf_list at = conf_list(r->conf, key_of(r, S("next-transition-at")));
    r->entry->rotation = (struct signer_rotation){
            .rotate_after_ms = conf_duration_ms(r->conf, key_of(r, members[0])),
            .retire_after_ms = conf_duration_ms(r->conf, key_of(r, members[1])),
            .delete_after_ms = conf_duration_ms(r->conf, key_of(r, members[2])),
            .template = conf_str(r->conf, key_of(r, members[3])),
            .next_transition_at_ms = at.count > 0 ? at.at[0].value.integer : 0};
    if (str_is_null(conf_value_file(r->conf, key_of(r, S("private-key")))))
        return;
    for (size_t i = 0; i < COUNT_OF(members); i++)
        if (conf_is_set(r->conf, key_of(r, members[i])))
            wrong(r, members[i], S("key-in-file"),
                    S("the key is in a file, which the server does not write; see "
                      "auth.dkim.rotation for keys that it makes itself"));
}

static void check_identity(struct reading *r)
{
    struct dkim_signer *s = &r->entry->signer;
    struct str local, domain, ascii;
    s->identity = conf_str(r->conf, key_of(r, S("auid")));
    if (str_is_null(s->identity) || str_is_null(s->domain))
        return;
    if (!str_rcut(s->identity, '@', &local, &domain) || !tag_domain(r->arena, domain, 1, &ascii))
        wrong(r, S("auid"), S("bad-name"), S("expected LOCAL@DOMAIN or @DOMAIN"));
    else if (!domain_is_within(ascii, s->domain))
        wrong(r, S("auid"), S("elsewhere"),
                S("its domain is neither the one that signs nor below"));
}

// Receivers know a key by domain and selector: it cannot be two.
static void check_twins(struct reading *r, struct signers *all)
{
    const struct dkim_signer *s = &r->entry->signer;
    for (size_t i = 0; i + 1 < all->count; i++) {
        const struct signer_entry *other = &all->at[i];
        if (str_is_null(s->domain) || str_is_null(r->entry->record) || str_is_null(other->record) ||
                !str_eq(other->signer.domain, s->domain) ||
                !str_eq(other->signer.selector, s->selector) ||
                str_eq(other->record, r->entry->record))
            continue;
        struct str place = conf_item(r->conf, MAP, other->id, S("private-key"));
        conf_error(r->conf, r->findings, key_of(r, S("private-key")), -1, S("two-keys"),
                "signature.%.*s (line %u) has another key for the same domain and selector",
                ARG(other->id), conf_origin(r->conf, place).line);
        r->wrong = true;
    }
}

void signers_done(struct signers *s)
{
    for (size_t i = 0; i < s->count; i++)
        private_key_free(s->at[i].key);
    *s = (struct signers){0};
}

const struct signer_entry *signers_find(const struct signers *s, struct str id)
{
    for (size_t i = 0; i < s->count; i++) {
        if (str_eq(s->at[i].id, id))
            return &s->at[i];
    }
    return NULL;
}

bool signer_has_rotation(const struct signer_entry *e)
{
    const struct signer_rotation *r = &e->rotation;
    return r->rotate_after_ms > 0 || r->retire_after_ms > 0 || r->delete_after_ms > 0 ||
           !str_is_null(r->template);
}

const struct signer_entry *signers_find_maker(
        const struct signers *s, struct arena *a, struct str field_body)
{
    const struct signer_entry *other = NULL;
    struct tags tags = {0};
    enum tags_fault fault;
    if (failed(tags_parse(a, field_body, &tags, &fault)) || fault != TAGS_FINE)
        return NULL;
    const struct tag *domain = tags_find(&tags, S("d")), *selector = tags_find(&tags, S("s"));
    const struct tag *algorithm = tags_find(&tags, S("a"));
    if (domain == NULL || selector == NULL || algorithm == NULL)
        return NULL;
    bool rsa = str_starts(algorithm->value, S("rsa-"));
    for (size_t i = 0; i < s->count; i++) {
        const struct signer_entry *entry = &s->at[i];
        if (!entry->signs || !str_eq_nocase(entry->signer.domain, domain->value))
            continue;
        if (str_eq_nocase(entry->signer.selector, selector->value))
            return entry;
        if (other == NULL && (private_key_type(entry->key) == DKIM_KEY_RSA) == rsa)
            other = entry;
    }
    return other;
}
