// SPDX-License-Identifier: Apache-2.0
// cli/batch.h: adapters that answer small questions: one JSON object from stdin, or with --batch
// one a line, each answered by one line that is flushed at once. A request that makes no sense gets
// {"error": "..."}; in a batch the next one is read, else the exit status says so.
//
//     struct batch b;
//     batch_begin(&b, c);
//     while (batch_next(&b)) {
//         struct str text;
//         if (!batch_text(&b, S("address"), &text))
//             continue;
//         struct json_out o = batch_answer(&b);
//         ...members of the object...
//         batch_answer_end(&b, &o);
//     }
//     return batch_end(&b);
#pragma once

#include "cli/cli.h"

// Row for option tables.
#define CLI_OPTION_BATCH                                                                           \
    {                                                                                              \
        .name = S_INIT("batch"), .help = "read one request a line, answer each with a line"        \
    }

struct batch {
    struct cli *c;
    struct arena arena; // of one request and its answer
    struct buf line;
    const struct json *request;
    bool many, over;
    int status;
};

void batch_begin(struct batch *b, struct cli *c);
bool batch_next(struct batch *b); // false: there are no more
// A string member that must be there; false: it was not, and the answer says so.
bool batch_text(struct batch *b, struct str key, struct str *out);
void batch_refuse(struct batch *b, struct str why);
struct json_out batch_answer(struct batch *b);
void batch_answer_end(struct batch *b, struct json_out *o);
int batch_end(struct batch *b); // the exit status
