// SPDX-License-Identifier: Apache-2.0
// cli/test/test_proxy.c: `posthaste test proxy`. The reader is the one of the listeners.
#include "cli/commands.h"

#include "base/encode.h"
#include "listen/proxy.h"

static void print_header(struct cli *c, struct json_out *o, const struct proxy_header *h);
static void print_endpoint(
        struct cli *c, struct json_out *o, const struct proxy_header *h, const struct endpoint *e);
static void print_tlvs(struct json_out *o, struct str tlvs);

static int run(struct cli *c)
{
    struct buf input AUTO(buf_done);
    buf_init(&input, 64 * KIB + PROXY_BYTES_MAX); // what follows the header does not matter
    struct err e = cli_read_input(c, &input);
    if (failed(e) && e.kind != ERR_LIMIT)
        return cli_fail(c, CLI_INTERNAL, e);
    struct proxy_header header = {0};
    struct str reason = S("the header is not complete");
    enum proxy_state state = proxy_parse(buf_str(&input), &header, &reason);
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    json_put_bool(&o, S("ok"), state == PROXY_OK);
    if (state == PROXY_OK) {
        print_header(c, &o, &header);
    } else {
        json_put_bool(&o, S("need_more"), state == PROXY_NEED_MORE);
        json_put_str(&o, S("error"), reason);
    }
    json_object_end(&o);
    return cli_json_end(c, CLI_OK);
}

static void print_header(struct cli *c, struct json_out *o, const struct proxy_header *h)
{
    json_put_u64(o, S("version"), h->version);
    json_put_str(o, S("command"), proxy_command_name(h->command));
    json_put_str(o, S("family"), proxy_family_name(h->family));
    json_key(o, S("source"));
    print_endpoint(c, o, h, &h->source);
    json_key(o, S("destination"));
    print_endpoint(c, o, h, &h->destination);
    json_key(o, S("tlvs"));
    print_tlvs(o, h->tlvs);
    json_put_u64(o, S("consumed"), h->consumed);
}

static void print_endpoint(
        struct cli *c, struct json_out *o, const struct proxy_header *h, const struct endpoint *e)
{
    json_str(o, h->has_addresses ? endpoint_text(&c->arena, e) : STR_NULL);
}

static void print_tlvs(struct json_out *o, struct str tlvs)
{
    struct scan in = scan_over(tlvs);
    struct buf hex AUTO(buf_done);
    buf_init(&hex, 2 * PROXY_V2_REST_MAX);
    json_array_begin(o);
    for (struct proxy_tlv tlv; proxy_tlv_next(&in, &tlv);) {
        buf_clear(&hex);
        encode_hex(&hex, tlv.value);
        json_object_begin(o);
        json_put_u64(o, S("type"), tlv.type);
        json_put_str(o, S("value"), buf_str(&hex));
        json_object_end(o);
    }
    json_array_end(o);
}

const struct command command_test_proxy = {
        .run = run,
        .operands = "< OCTETS",
        .about =
                "Reads a PROXY protocol header, version 1 or 2, from standard input as a listener\n"
                "would, and prints what it says and how many octets it takes. What stands behind\n"
                "the header does not matter. source and destination are null when the header\n"
                "gives no addresses that a listener uses (LOCAL, UNKNOWN, datagrams, UNIX).",
        .examples =
                "  printf 'PROXY TCP4 192.0.2.1 192.0.2.2 4321 25\\r\\n' | posthaste test proxy",
};
