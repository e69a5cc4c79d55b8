// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/in_child.h: what changes a process for good is tried in a child. A trial returns
// NULL when all was as it should be, else a text for the person who reads the test's output.
#pragma once

#include "../base/check.h"
#include "base/base.h"

#include <sys/wait.h>
#include <unistd.h>

typedef const char *trial(const void *arg);

#define SHOULD(what)                                                                               \
    do {                                                                                           \
        if (!(what))                                                                               \
            return #what;                                                                          \
    } while (0)

// What a child says into this end of a pipe, and its exit status of wait(2).
static inline int hear_child(pid_t pid, int end, char *said, size_t bytes)
{
    size_t len = 0;
    int status;
    for (ssize_t got; len + 1 < bytes && (got = read(end, said + len, bytes - 1 - len)) > 0;)
        len += (size_t)got;
    said[len] = '\0';
    close(end);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

// The exit status of wait(2); what the trial said goes to `said`.
static inline int run_in_child(trial *t, const void *arg, char *said, size_t bytes)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        const char *text = t(arg);
        ssize_t ignored UNUSED = text == NULL ? 0 : write(ends[1], text, strlen(text));
        _exit(text == NULL ? 0 : 1);
    }
    close(ends[1]);
    return hear_child(pid, ends[0], said, bytes);
}

static inline void passes_in_child(trial *t, const void *arg)
{
    char said[1000];
    int status = run_in_child(t, arg, said, sizeof(said));
    if (said[0] != '\0')
        print_error("%s\n", said);
    if (WIFSIGNALED(status))
        print_error("the child ended by signal %d\n", WTERMSIG(status));
    assert_int_equal(status, 0);
}

static inline void dies_in_child(trial *t, const void *arg, int signo)
{
    char said[1000];
    int status = run_in_child(t, arg, said, sizeof(said));
    if (said[0] != '\0')
        print_error("%s\n", said);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), signo);
}

// The value of a line of /proc/self/status, such as "CapEff".
static inline struct str own_status(const char *name, char *room, size_t bytes)
{
    FILE *f = fopen("/proc/self/status", "re");
    struct str value = STR_NULL;
    size_t name_len = strlen(name);
    while (f != NULL && str_is_null(value) && fgets(room, (int)bytes, f) != NULL)
        if (strncmp(room, name, name_len) == 0 && room[name_len] == ':')
            value = str_trim(str_from_c(room + name_len + 1));
    if (f != NULL)
        fclose(f);
    return value;
}
