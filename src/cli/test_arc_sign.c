// SPDX-License-Identifier: Apache-2.0
// cli/test_arc_sign.c: `posthaste test arc-sign`. The set that the server would put on a message
// which it passes on.
#include "cli/commands.h"
#include "cli/message_read.h"

#include "mail/fold.h"
#include "proof/authres.h"

#define RSA_BITS_MIN 1024 // of the key given: whoever tries an old one shall see what comes of it

struct test_arc_sign {
    struct message_test message;
    struct dkim_signer signer;
    struct private_key *key;
    struct arc_fields fields;
    bool sealed;
};

static const struct cli_option options[] = {
        {.name = S_INIT("domain"),
                .takes = OPTION_TEXT,
                .value = S_INIT("D"),
                .required = true,
                .help = "who seals (d=)"},
        {.name = S_INIT("selector"),
                .takes = OPTION_TEXT,
                .value = S_INIT("S"),
                .required = true,
                .help = "with which of its keys (s=)"},
        {.name = S_INIT("key"),
                .takes = OPTION_TEXT,
                .value = S_INIT("PEM"),
                .required = true,
                .help = "the file with the private key"},
        {.name = S_INIT("headers"),
                .takes = OPTION_TEXT,
                .value = S_INIT("NAME:NAME:..."),
                .required = true,
                .help = "the fields that are signed"},
        {.name = S_INIT("authserv-id"),
                .takes = OPTION_TEXT,
                .value = S_INIT("ID"),
                .required = true,
                .help = "whose Authentication-Results go into the set"},
        CLI_OPTION_RSA_BITS,
        CLI_OPTION_NOW,
        CLI_OPTION_ZONE,
        CLI_OPTION_CONFIG,
};

static int read_signer(struct cli *c, struct test_arc_sign *t);
static struct err seal(void *test) suspends;
static struct err results_of(struct test_arc_sign *t, struct str *out);
static int show(struct cli *c, const struct test_arc_sign *t);
static void put_field(struct json_out *o, struct str field);

static int run(struct cli *c)
{
    struct test_arc_sign t = {0};
    int status = read_signer(c, &t);
    if (status == CLI_OK) {
        status = message_test(&t.message, c, seal, &t);
        if (status == CLI_OK)
            status = show(c, &t);
        message_test_end(&t.message);
    }
    private_key_free(t.key);
    return status;
}

static int read_signer(struct cli *c, struct test_arc_sign *t)
{
    struct buf pem AUTO(buf_done);
    struct str path = cli_text(c, S("key"), S("")), name;
    VEC(struct str) names = {0};
    buf_init(&pem, PRIVATE_KEY_TEXT_BYTES_MAX);
    struct err e = cli_read_file(c, path, &pem);
    if (failed(e))
        return cli_fail(c, cli_status_of_file(e), e);
    e = private_key_read(&c->arena, buf_str(&pem), RSA_BITS_MIN, &t->key);
    mem_wipe(pem.ptr, pem.len);
    if (failed(e))
        return cli_fail_text(c, CLI_DATA, "%.*s: %.*s", ARG(path), ARG(err_text(e)));
    for (struct str rest = cli_text(c, S("headers"), S("")); str_split(&rest, ':', &name);) {
        struct str *slot = vec_add(&c->arena, &names);
        if (slot == NULL)
            return cli_fail(c, CLI_INTERNAL, fail(ERR_LIMIT, "no memory for names"));
        *slot = str_trim(name);
    }
    t->signer = dkim_signer_default();
    t->signer.domain = cli_text(c, S("domain"), S(""));
    t->signer.selector = cli_text(c, S("selector"), S(""));
    t->signer.key = t->key;
    t->signer.names = names.at;
    t->signer.name_count = names.count;
    t->signer.oversigned_count = 0; // exactly what was asked for
    return CLI_OK;
}

static struct err seal(void *test)
{
    struct test_arc_sign *t = test;
    struct message_test *m = &t->message;
    struct arc_rules rules = arc_rules_default(0);
    rules.dkim = message_rules(m->dns.c);
    struct body_hash_kind kind = dkim_sign_body_kind(&t->signer);
    struct arc_seal what = {.chain = &m->chain, .signer = &t->signer, .now_s = rules.dkim.now_s};
    TRY(message_verify(
            m, &(struct message_wanted){
                       .chain = &rules, .body = &kind, .out_body_hash = &what.body_hash}));
    TRY(results_of(t, &what.results));
    t->sealed = arc_may_seal(&m->chain);
    return t->sealed ? arc_seal_make(&m->arena, &m->head, &what, &t->fields) : OK;
}

// The results of all fields of that id, one behind the other, as they stand.
static struct err results_of(struct test_arc_sign *t, struct str *out)
{
    struct message_test *m = &t->message;
    struct str id = cli_text(m->dns.c, S("authserv-id"), S(""));
    struct buf text AUTO(buf_done);
    bool any = false;
    buf_init(&text, MIB);
    buf_add(&text, id);
    for (size_t i = 0; i < m->head.count; i++) {
        const struct mail_field *field = &m->head.fields[i];
        struct authres read;
        bool ours = str_eq_nocase(field->name, S("Authentication-Results")) &&
                    authres_claims(field->body, id) &&
                    !failed(authres_parse(&m->arena, field->body, AUTHRES_PLAIN, &read));
        for (size_t k = 0; ours && k < read.results.count; k++) {
            buf_fmt(&text, "; %.*s", ARG(read.results.at[k].text));
            any = true;
        }
    }
    if (!any)
        buf_add(&text, S("; none"));
    *out = text.overflow ? STR_NULL : arena_str(&m->arena, buf_str(&text));
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for results") : OK;
}

static int show(struct cli *c, const struct test_arc_sign *t)
{
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_key(&o, S("cv"));
    json_str(&o, arc_result_name(t->message.chain.result));
    json_key(&o, S("i"));
    json_u64(&o, t->message.chain.count + 1);
    json_key(&o, S("headers"));
    json_array_begin(&o);
    if (t->sealed) {
        put_field(&o, t->fields.seal);
        put_field(&o, t->fields.message);
        put_field(&o, t->fields.results);
    }
    json_array_end(&o);
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

static void put_field(struct json_out *o, struct str field)
{
    json_str(o, str_ends(field, S("\r\n")) ? str_upto(field, field.len - 2) : field);
}

const struct command command_test_arc_sign = {
        .run = run,
        .operands = "< MESSAGE",
        .about =
                "Validates the chain of ARC sets in a message and prints the set that this server\n"
                "would put on top, field by field; none where the chain may not be extended.\n"
                "What goes into ARC-Authentication-Results is taken from the\n"
                "Authentication-Results fields of the message that bear the given id.",
        .examples = "  posthaste test arc-sign --domain example.org --selector s1 --key s1.pem \\\n"
                    "      --headers From:To:Subject --authserv-id mx.example.org < message.eml",
        .options = options,
        .option_count = COUNT_OF(options),
};
