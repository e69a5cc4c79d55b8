// SPDX-License-Identifier: Apache-2.0
// tests/unit/cli/test_batch.c: requests a line each, and one alone: what makes no sense is answered
// by an error, and the next one is read.
#define POSTHASTE_BASE_ROOM
#include "cli/commands.h"

#include "../base/check.h"

static const struct command_row ROWS[] = {
        {GROUP_TEST, S_INIT("test address"), "addresses", &command_test_address},
        {GROUP_TEST, S_INIT("test header"), "fields", &command_test_header},
        {GROUP_TEST, S_INIT("test idna"), "names", &command_test_idna},
};

#define GOOD                                                                                       \
    "{\"valid\":true,\"local\":\"a\",\"domain\":\"b\",\"literal\":false,\"smtputf8\":false,"       \
    "\"normal\":\"a@b\",\"error\":null}\n"
#define BAD                                                                                        \
    "{\"valid\":false,\"local\":null,\"domain\":null,\"literal\":false,\"smtputf8\":false,"        \
    "\"normal\":null,\"error\":\"expected @ at column 2\"}\n"

struct conversation {
    const char *name, *command, *batch; // batch: "--batch" or NULL
    const char *in, *out;
    int status;
};

static const struct conversation conversations[] = {
        {"nothing to read", "address", "--batch", "", "", CLI_OK},
        {"an empty line", "address", "--batch", "\n{\"address\":\"a@b\"}\n",
                "{\"error\":\"expected a value, found the end\"}\n" GOOD, CLI_OK},
        {"no JSON", "address", "--batch", "{\n{\"address\":\"a@b\"}\n",
                "{\"error\":\"expected a member name in quotes, found the end\"}\n" GOOD, CLI_OK},
        {"no object", "address", "--batch", "[1]\n{\"address\":\"a@b\"}\n",
                "{\"error\":\"a request is an object\"}\n" GOOD, CLI_OK},
        {"a member is missing", "address", "--batch", "{}\n{\"address\":\"a@b\"}\n",
                "{\"error\":\"\\\"address\\\" must be a string\"}\n" GOOD, CLI_OK},
        {"a member is a number", "address", "--batch", "{\"address\":1}\n",
                "{\"error\":\"\\\"address\\\" must be a string\"}\n", CLI_OK},
        {"no last line end", "address", "--batch", "{\"address\":\"a@b\"}\n{\"address\":\"a\"}",
                GOOD BAD, CLI_OK},
        {"an unknown type", "header", "--batch",
                "{\"type\":\"x\",\"value\":\"\"}\n{\"type\":\"text\",\"value\":\"a\"}\n",
                "{\"error\":\"no such type of field\"}\n{\"value\":\"a\"}\n", CLI_OK},
        {"an unknown operation", "idna", "--batch", "{\"op\":\"x\",\"domain\":\"a\"}\n",
                "{\"error\":\"\\\"op\\\" is to-ascii or to-unicode\"}\n", CLI_OK},
        {"one alone, over several lines", "address", NULL, "{\n\"address\": \"a@b\"\n}\n", GOOD,
                CLI_OK},
        {"a wrong answer is an answer", "address", NULL, "{\"address\":\"a\"}", BAD, CLI_OK},
        {"one alone that makes no sense", "address", NULL, "[]",
                "{\"error\":\"a request is an object\"}\n", CLI_TEST_USAGE},
};

static void check_conversation(const struct conversation *c)
{
    char *words[] = {(char[]){"posthaste"}, (char[]){"test"}, NULL, NULL, NULL};
    char command[16] = {0}, batch[16] = {0};
    memcpy(command, c->command, strlen(c->command));
    words[2] = command;
    if (c->batch != NULL) {
        memcpy(batch, c->batch, strlen(c->batch));
        words[3] = batch;
    }
    FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
    assert_true(in != NULL && out != NULL && err != NULL);
    fwrite(c->in, 1, strlen(c->in), in);
    rewind(in);
    struct cli_call call = {.argc = c->batch != NULL ? 4 : 3,
            .argv = words,
            .in = in,
            .out = out,
            .err = err,
            .rows = ROWS,
            .row_count = COUNT_OF(ROWS)};
    int status = cli_main(&call);
    char text[1024];
    rewind(out);
    size_t len = fread(text, 1, sizeof(text), out);
    check_str(c->name, str_of(text, len), str_from_c(c->out));
    check_u64(c->name, (uint64_t)status, (uint64_t)c->status);
    fclose(in);
    fclose(out);
    fclose(err);
}

static void requests(void **state UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(conversations); i++)
        check_conversation(&conversations[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests)};
    return cmocka_run_group_tests_name("cli/batch", tests, NULL, NULL);
}
