// SPDX-License-Identifier: Apache-2.0
// http/trial.c: a head, then its body. See http/trial.h.
#include "http/trial.h"

static enum http_read read_head(struct http_trial *t, struct str buffered, size_t *out_taken);
static enum http_read read_body(struct http_trial *t, struct str buffered, size_t *out_taken);

void http_trial_begin(
        struct http_trial *t, struct arena *a, const struct http_read_options *options)
{
    *t = (struct http_trial){0};
    http_reader_begin(&t->reader, a, options);
}

enum http_read http_trial_feed(struct http_trial *t, struct str buffered, size_t *out_taken)
{
    size_t body_taken = 0;
    *out_taken = 0;
    if (!t->in_body) {
        enum http_read got = read_head(t, buffered, out_taken);
        if (got != HTTP_DONE)
            return got;
    }
    enum http_read got = read_body(t, str_from(buffered, *out_taken), &body_taken);
    *out_taken += body_taken;
    return got;
}

static enum http_read read_head(struct http_trial *t, struct str buffered, size_t *out_taken)
{
    enum http_read got = http_reader_feed(&t->reader, buffered, out_taken);
    if (got == HTTP_BAD)
        t->problem = t->reader.problem;
    if (got == HTTP_DONE) {
        t->in_body = true;
        http_body_begin(&t->body, &t->reader.head, INT64_MAX);
    }
    return got;
}

static enum http_read read_body(struct http_trial *t, struct str buffered, size_t *out_taken)
{
    for (;;) {
        struct str data;
        size_t taken;
        enum http_read got =
                http_body_feed(&t->body, str_from(buffered, *out_taken), &taken, &data);
        *out_taken += taken;
        if (got == HTTP_BAD)
            t->problem = t->body.problem;
        if (got != HTTP_DATA)
            return got;
        t->body_bytes += data.len;
    }
}
