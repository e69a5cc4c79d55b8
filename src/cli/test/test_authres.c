// SPDX-License-Identifier: Apache-2.0
// cli/test/test_authres.c: `posthaste test authres`. The reader is that of sealing and of filters.
#include "cli/batch.h"
#include "cli/commands.h"

#include "proof/proof.h"

static const struct cli_option options[] = {CLI_OPTION_BATCH};

static void answer(struct batch *b, struct str value);
static void show(struct json_out *o, const struct authres *list);
static void show_result(struct json_out *o, const struct authres_result *r);

static int run(struct cli *c)
{
    struct batch b;
    struct str value;
    batch_begin(&b, c);
    while (batch_next(&b)) {
        if (batch_text(&b, S("value"), &value))
            answer(&b, value);
    }
    return batch_end(&b);
}

static void answer(struct batch *b, struct str value)
{
    const struct json *arc = json_member(b->request, S("arc"));
    struct authres list;
    bool of_arc = arc != NULL && arc->type == JSON_TRUE;
    struct err e = authres_parse(&b->arena, value, of_arc ? AUTHRES_ARC : AUTHRES_PLAIN, &list);
    struct json_out o = batch_answer(b);
    json_put_bool(&o, S("ok"), !failed(e));
    if (failed(e))
        json_put_str(&o, S("error"), err_text(e));
    else
        show(&o, &list);
    batch_answer_end(b, &o);
}

static void show(struct json_out *o, const struct authres *list)
{
    json_key(o, S("instance"));
    if (list->instance > 0)
        json_u64(o, list->instance);
    else
        json_null(o);
    json_put_str(o, S("authserv_id"), list->authserv_id);
    json_put_str(o, S("version"), list->version);
    json_key(o, S("results"));
    json_array_begin(o);
    each_in_vec (r, &list->results)
        show_result(o, r);
    json_array_end(o);
}

static void show_result(struct json_out *o, const struct authres_result *r)
{
    json_object_begin(o);
    json_put_str(o, S("method"), r->method);
    json_put_str(o, S("version"), r->version);
    json_put_str(o, S("result"), r->result);
    json_put_str(o, S("reason"), r->reason);
    json_key(o, S("props"));
    json_array_begin(o);
    each_in_vec (prop, &r->props) {
        json_object_begin(o);
        json_put_str(o, S("ptype"), prop->ptype);
        json_put_str(o, S("property"), prop->property);
        json_put_str(o, S("value"), prop->value);
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

const struct command command_test_authres = {
        .run = run,
        .operands = "< REQUEST",
        .about = "What does this Authentication-Results field say (RFC 8601)? The request is\n"
                 "{\"value\": \"mx.example.org; spf=pass smtp.mailfrom=example.net\"}; with\n"
                 "\"arc\": true the value is that of ARC-Authentication-Results.",
        .examples = "  echo '{\"value\": \"mx.example; dkim=pass header.d=a.example\"}' |\n"
                    "      posthaste test authres",
        CLI_OPTIONS(options),
};
