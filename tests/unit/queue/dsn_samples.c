// SPDX-License-Identifier: Apache-2.0
// tests/unit/queue/dsn_samples.c: writes the samples of reports, a JSON object a line: what went
// in, and the message that came of it in base64. test_dsn_parse.py reads them with a parser that is
// none of ours.
#include "dsn_samples.h"

#include "base/encode.h"
#include "base/json.h"

#include <stdio.h>

static void add_base64(struct json_out *o, struct str key, struct str bytes)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, MIB);
    encode_base64(&text, bytes);
    json_key(o, key);
    json_str(o, buf_str(&text));
}

static void add_rcpt(struct json_out *o, const struct dsn_sample *sample, size_t place)
{
    const struct recipient *r = &sample->rcpts[place];
    const struct outcome *said = &r->last;
    json_object_begin(o);
    json_key(o, S("address"));
    json_str(o, r->address);
    json_key(o, S("orcpt"));
    json_str(o, r->orcpt);
    json_key(o, S("action"));
    json_str(o, dsn_action_word(sample->actions[place]));
    json_key(o, S("code"));
    json_u64(o, said->code);
    json_key(o, S("enhanced"));
    json_str(o, said->enhanced);
    json_key(o, S("host"));
    json_str(o, said->host);
    json_key(o, S("text"));
    json_str(o, said->text);
    json_object_end(o);
}

static void print_sample(struct arena *a, const struct dsn_sample *sample)
{
    struct buf line AUTO(buf_done);
    buf_init(&line, MIB);
    struct json_out o = json_begin(&line, JSON_COMPACT);
    struct message m = sample_compose(a, sample);
    json_object_begin(&o);
    json_key(&o, S("name"));
    json_str(&o, str_from_c(sample->name));
    json_key(&o, S("to"));
    json_str(&o, m.units[0].rcpts[0].address);
    json_key(&o, S("env_id"));
    json_str(&o, sample->about.env_id);
    json_key(&o, S("utf8"));
    json_bool(&o, (m.flags & MESSAGE_SMTPUTF8) != 0);
    json_key(&o, S("part3"));
    json_str(&o, str_from_c(sample->part3));
    json_key(&o, S("from_name"));
    json_str(&o, str_from_c(sample->from_name));
    add_base64(&o, S("original"), str_from_c(sample->original));
    add_base64(&o, S("message"), m.body.inline_bytes);
    json_key(&o, S("rcpts"));
    json_array_begin(&o);
    for (size_t i = 0; i < sample->rcpt_count; i++)
        add_rcpt(&o, sample, i);
    json_array_end(&o);
    json_object_end(&o);
    printf("%.*s\n", ARG(buf_str(&line)));
}

int main(void)
{
    for (size_t i = 0; i < COUNT_OF(dsn_samples); i++) {
        struct arena a;
        arena_init(&a, 64 * MIB);
        print_sample(&a, &dsn_samples[i]);
        arena_done(&a);
    }
    return 0;
}
