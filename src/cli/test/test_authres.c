// SPDX-License-Identifier: Apache-2.0
// cli/test/test_authres.c: `posthaste test authres`. The reader is that of sealing and of filters.
#include "cli/batch.h"
#include "cli/commands.h"

#include "proof/proof.h"

static const struct cli_option options[] = {CLI_OPTION_BATCH};

static void answer(struct batch *b, struct str value);
static void show(struct json_out *o, const struct authres *list);
static void show_result(struct json_out *o, const struct authres_result *r);
static void show_text(struct json_out *o, struct str key, struct str value);

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
    json_key(&o, S("ok"));
    json_bool(&o, !failed(e));
    if (failed(e))
        show_text(&o, S("error"), err_text(e));
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
    show_text(o, S("authserv_id"), list->authserv_id);
    show_text(o, S("version"), list->version);
    json_key(o, S("results"));
    json_array_begin(o);
    each_in_vec (r, &list->results)
        show_result(o, r);
    json_array_end(o);
}

static void show_result(struct json_out *o, const struct authres_result *r)
{
    json_object_begin(o);
    show_text(o, S("method"), r->method);
    show_text(o, S("version"), r->version);
    show_text(o, S("result"), r->result);
    show_text(o, S("reason"), r->reason);
    json_key(o, S("props"));
    json_array_begin(o);
    each_in_vec (prop, &r->props) {
        json_object_begin(o);
        show_text(o, S("ptype"), prop->ptype);
        show_text(o, S("property"), prop->property);
        show_text(o, S("value"), prop->value);
        json_object_end(o);
    }
    json_array_end(o);
    json_object_end(o);
}

static void show_text(struct json_out *o, struct str key, struct str value)
{
    json_key(o, key);
    json_str(o, value);
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
