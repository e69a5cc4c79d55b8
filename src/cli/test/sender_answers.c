// SPDX-License-Identifier: Apache-2.0
// cli/test/sender_answers.c: see cli/test/sender_answers.h.
#include "cli/test/sender_answers.h"

static void put_text(struct json_out *o, struct str key, struct str value);
static void put_list(struct json_out *o, struct str key, const struct str *at, size_t count);

struct err sender_question(struct cli *c, struct spf_question *out)
{
    struct str ip = cli_text(c, S("ip"), STR_NULL);
    out->helo = cli_text(c, S("helo"), STR_NULL);
    out->sender = cli_text(c, S("mail-from"), STR_NULL);
    if (!ip_parse(ip, &out->ip))
        return fail_fmt(&c->arena, ERR_SYNTAX, "'%.*s' is no address", ARG(ip));
    return OK;
}

int sender_suffixes_open(struct cli *c, struct suffix_list **out)
{
    struct err e = suffix_list_open(&c->arena, cli_text(c, S("psl"), STR_NULL), out);
    return failed(e) ? cli_fail(c, cli_status_of_file(e), e) : CLI_OK;
}

void spf_answer_add(struct json_out *o, const struct spf_answer *answer, struct str received_spf)
{
    put_text(o, S("result"), spf_result_name(answer->result));
    bool helo = answer->null_sender || answer->identity == SPF_OF_HELO;
    put_text(o, S("identity"), helo ? S("helo") : S("mailfrom"));
    put_text(o, S("domain"), answer->domain);
    put_text(o, S("mechanism"), answer->mechanism);
    put_text(o, S("explanation"), answer->explanation);
    json_key(o, S("lookups"));
    json_u64(o, answer->lookups);
    json_key(o, S("void_lookups"));
    json_u64(o, answer->voids);
    put_text(o, S("problem"), answer->problem);
    put_text(o, S("received_spf"), str_trim(received_spf));
}

void dmarc_answer_add(struct json_out *o, const struct dmarc_answer *answer)
{
    static const struct uris no_uris = {0};
    const struct dmarc_record *record = answer->record;
    const struct uris *rua = record != NULL ? &record->rua : &no_uris;
    const struct uris *ruf = record != NULL ? &record->ruf : &no_uris;
    put_text(o, S("result"), dmarc_result_name(answer->result));
    put_text(o, S("policy"), dmarc_policy_name(answer->policy));
    put_text(o, S("disposition"), dmarc_policy_name(answer->disposition));
    put_text(o, S("policy_domain"), answer->policy_domain);
    put_text(o, S("org_domain"), answer->org_domain);
    put_text(o, S("record"), record != NULL ? record->text : STR_NULL);
    put_text(o, S("dkim_aligned"), answer->dkim_aligned);
    put_text(o, S("spf_aligned"), answer->spf_aligned);
    put_text(o, S("comment"), answer->comment);
    json_key(o, S("test_mode"));
    json_bool(o, answer->test_mode);
    put_list(o, S("rua"), rua->at, rua->count);
    put_list(o, S("ruf"), ruf->at, ruf->count);
    put_list(o, S("queries"), answer->queries, answer->query_count);
}

static void put_text(struct json_out *o, struct str key, struct str value)
{
    json_key(o, key);
    json_str(o, value);
}

static void put_list(struct json_out *o, struct str key, const struct str *at, size_t count)
{
    json_key(o, key);
    json_array_begin(o);
    for (size_t i = 0; i < count; i++)
        json_str(o, at[i]);
    json_array_end(o);
}
