// SPDX-License-Identifier: Apache-2.0
// cli/test/sender_answers.c: see cli/test/sender_answers.h.
#include "cli/test/sender_answers.h"

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
    json_put_str(o, S("result"), spf_result_name(answer->result));
    bool helo = answer->null_sender || answer->identity == SPF_OF_HELO;
    json_put_str(o, S("identity"), helo ? S("helo") : S("mailfrom"));
    json_put_str(o, S("domain"), answer->domain);
    json_put_str(o, S("mechanism"), answer->mechanism);
    json_put_str(o, S("explanation"), answer->explanation);
    json_put_u64(o, S("lookups"), answer->lookups);
    json_put_u64(o, S("void_lookups"), answer->voids);
    json_put_str(o, S("problem"), answer->problem);
    json_put_str(o, S("received_spf"), str_trim(received_spf));
}

void dmarc_answer_add(struct json_out *o, const struct dmarc_answer *answer)
{
    static const struct uris no_uris = {0};
    const struct dmarc_record *record = answer->record;
    const struct uris *rua = record != NULL ? &record->rua : &no_uris;
    const struct uris *ruf = record != NULL ? &record->ruf : &no_uris;
    json_put_str(o, S("result"), dmarc_result_name(answer->result));
    json_put_str(o, S("policy"), dmarc_policy_name(answer->policy));
    json_put_str(o, S("disposition"), dmarc_policy_name(answer->disposition));
    json_put_str(o, S("policy_domain"), answer->policy_domain);
    json_put_str(o, S("org_domain"), answer->org_domain);
    json_put_str(o, S("record"), record != NULL ? record->text : STR_NULL);
    json_put_str(o, S("dkim_aligned"), answer->dkim_aligned);
    json_put_str(o, S("spf_aligned"), answer->spf_aligned);
    json_put_str(o, S("comment"), answer->comment);
    json_put_bool(o, S("test_mode"), answer->test_mode);
    json_put_strs(o, S("rua"), rua->at, rua->count);
    json_put_strs(o, S("ruf"), ruf->at, ruf->count);
    json_put_strs(o, S("queries"), answer->queries, answer->query_count);
}
