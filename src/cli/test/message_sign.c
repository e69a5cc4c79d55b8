// SPDX-License-Identifier: Apache-2.0
// cli/test/message_sign.c: signers from the command line.
#include "cli/test/message_sign.h"

#define RSA_BITS_MIN 1024 // whoever tries an old key shall see what comes of it

static struct err read_names(struct cli *c, struct dkim_signer *signer);

int message_signer_read(struct cli *c, struct message_signer *out)
{
    struct buf pem AUTO(buf_done);
    struct str path = cli_text(c, S("key"), S(""));
    buf_init(&pem, PRIVATE_KEY_TEXT_BYTES_MAX);
    struct err e = cli_read_file(c, path, &pem);
    if (failed(e))
        return cli_fail(c, cli_status_of_file(e), e);
    e = private_key_read(&c->arena, buf_str(&pem), RSA_BITS_MIN, &out->key);
    mem_wipe(pem.ptr, pem.len);
    if (failed(e))
        return cli_fail_text(c, CLI_DATA, "%.*s: %.*s", ARG(path), ARG(err_text(e)));
    out->signer = dkim_signer_default();
    out->signer.domain = cli_text(c, S("domain"), S(""));
    out->signer.selector = cli_text(c, S("selector"), S(""));
    out->signer.key = out->key;
    if (cli_has(c, S("headers")))
        e = read_names(c, &out->signer);
    return failed(e) ? cli_fail(c, CLI_INTERNAL, e) : CLI_OK;
}

// Exactly what was asked for.
static struct err read_names(struct cli *c, struct dkim_signer *signer)
{
    VEC(struct str) names = {0};
    struct str name;
    for (struct str rest = cli_text(c, S("headers"), S("")); str_split(&rest, ':', &name);) {
        struct str *slot = vec_add(&c->arena, &names);
        if (slot == NULL)
            return fail(ERR_LIMIT, "no memory for names");
        *slot = str_trim(name);
    }
    signer->names = names.at;
    signer->name_count = names.count;
    signer->oversigned_count = 0;
    return OK;
}

void message_signer_end(struct message_signer *s)
{
    private_key_free(s->key);
}

void message_field_add(struct json_out *o, struct str field)
{
    json_str(o, str_ends(field, S("\r\n")) ? str_upto(field, field.len - 2) : field);
}
