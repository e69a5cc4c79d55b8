// SPDX-License-Identifier: Apache-2.0
// cli/test/test_http.c: `posthaste test http`. The readers are those of the http listeners.
#include "cli/commands.h"

#include "http/http.h"
#include "http/trial.h"

#define CONNECTION_BYTES_MAX (64 * MIB)
#define HEAD_BYTES_MAX (16 * KIB) // http.max-header unless set

static const struct cli_option options[] = {
        {.name = S_INIT("any-host"), .help = "do not insist on a Host field in HTTP/1.1"},
};

struct reading {
    struct arena request_arena; // of one request
    struct http_trial trial;
    struct http_read_options options;
    size_t consumed; // by whole requests
};

static enum http_read read_request(struct reading *r, struct str octets);
static void print_requests(struct json_out *o, struct reading *r, struct str octets);
static void print_request(struct json_out *o, const struct http_trial *t);
static void print_error(struct json_out *o, const struct http_problem *problem);

static int run(struct cli *c)
{
    struct buf octets AUTO(buf_done);
    buf_init(&octets, CONNECTION_BYTES_MAX);
    struct err e = cli_read_input(c, &octets);
    if (failed(e))
        return cli_fail(c, CLI_INTERNAL, e);
    struct reading r = {.options = {.head_bytes_max = HEAD_BYTES_MAX}};
    r.options.host = cli_has(c, S("any-host")) ? HTTP_HOST_OPTIONAL : HTTP_HOST_REQUIRED;
    arena_init(&r.request_arena, 4 * HEAD_BYTES_MAX);
    struct json_out o = cli_json_begin(c);
    json_object_begin(&o);
    print_requests(&o, &r, buf_str(&octets));
    print_error(&o, &r.trial.problem);
    json_put_u64(&o, S("consumed"), r.consumed);
    json_object_end(&o);
    arena_done(&r.request_arena);
    return cli_json_end(c, CLI_OK);
}

static void print_requests(struct json_out *o, struct reading *r, struct str octets)
{
    bool more = true;
    json_key(o, S("requests"));
    json_array_begin(o);
    while (more && read_request(r, octets) == HTTP_DONE) {
        print_request(o, &r->trial);
        more = r->trial.reader.head.keep_alive; // behind a "close" nothing is read
    }
    json_array_end(o);
}

static enum http_read read_request(struct reading *r, struct str octets)
{
    size_t taken;
    arena_reset(&r->request_arena);
    http_trial_begin(&r->trial, &r->request_arena, &r->options);
    enum http_read got = http_trial_feed(&r->trial, str_from(octets, r->consumed), &taken);
    if (got == HTTP_DONE)
        r->consumed += taken;
    return got;
}

static void print_request(struct json_out *o, const struct http_trial *t)
{
    const struct http_head *h = &t->reader.head;
    json_object_begin(o);
    json_put_str(o, S("method"), h->method_name);
    json_put_str(o, S("target"), h->target);
    json_put_str(o, S("version"), h->minor == 1 ? S("1.1") : S("1.0"));
    json_key(o, S("headers"));
    json_array_begin(o);
    each_in_vec (field, &h->fields) {
        json_array_begin(o);
        json_str(o, field->name);
        json_str(o, field->value);
        json_array_end(o);
    }
    json_array_end(o);
    json_put_u64(o, S("body_size"), t->body_bytes);
    json_put_bool(o, S("keep_alive"), h->keep_alive);
    json_object_end(o);
}

static void print_error(struct json_out *o, const struct http_problem *problem)
{
    json_key(o, S("error"));
    if (http_is_fine(*problem)) {
        json_null(o);
        return;
    }
    json_object_begin(o);
    json_put_u64(o, S("status"), problem->status);
    json_put_str(o, S("message"), problem->text);
    json_object_end(o);
}

const struct command command_test_http = {
        .run = run,
        .operands = "< OCTETS",
        CLI_OPTIONS(options),
        .about = "Reads the octets that a client sent on one connection from standard input, as\n"
                 "strictly as an http listener, and prints the requests in them. Only whole ones\n"
                 "are listed; input that ends too early is no error. The first thing that is\n"
                 "refused ends the reading: error tells the status and why. consumed counts the\n"
                 "octets of the requests listed. Behind a request that closes the connection\n"
                 "nothing is read.",
        .examples = "  printf 'GET / HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' | posthaste test http",
};
