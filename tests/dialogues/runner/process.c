// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/process.c: running a subcommand of the real program. It gets the case's
// configuration in a folder of its own; files of the case's machine do not exist for it.
#define POSTHASTE_BASE_ROOM // the one place here that speaks with the system
#include "runner.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 32
#define OUTPUT_BYTES_MAX MIB
#define FOLDER_BYTES 64

struct place {
    char path[FOLDER_BYTES];
    struct str config;
};

static struct err place_make(struct runner *r, struct place *p);
static void place_remove(struct runner *r, const struct place *p);
static struct str place_of(struct runner *r, const struct place *p, struct str path);
static struct err split(struct runner *r, struct str text, const struct place *p, char **argv);
static struct err run(struct runner *r, char **argv, char *config, struct str *out, int *status);
static _Noreturn void child(struct runner *r, char **argv, char *config, int fd);

struct err process_output(struct runner *r, struct str arguments, struct str *out, int *out_status)
{
    struct place place = {.path = "/tmp/posthaste-dialogue.XXXXXX"};
    char *argv[ARGUMENTS_MAX + 2] = {NULL};
    if (str_is_null(r->options->posthaste))
        return fail(ERR_UNSUPPORTED, "no program to run: give --posthaste PATH");
    TRY(place_make(r, &place));
    struct err e = split(r, arguments, &place, argv);
    char *config = arena_bytes(&r->arena, place.config.len + sizeof("CONFIG_PATH="));
    if (!failed(e) && config == NULL)
        e = fail(ERR_LIMIT, "no memory for a path");
    if (!failed(e)) {
        memcpy(config, "CONFIG_PATH=", sizeof("CONFIG_PATH="));
        memcpy(config + strlen(config), place.config.ptr, place.config.len);
        e = run(r, argv, config, out, out_status);
    }
    place_remove(r, &place);
    return e;
}

// Only what lies below /etc/posthaste/ goes there.
static struct err place_make(struct runner *r, struct place *p)
{
    if (mkdtemp(p->path) == NULL)
        return fail_errno(&r->arena, errno, "no folder for the configuration");
    struct str folder = arena_fmt(&r->arena, "%s/config.toml.d", p->path);
    p->config = arena_fmt(&r->arena, "%s/config.toml", p->path);
    if (str_is_null(folder) || str_is_null(p->config) || mkdir(folder.ptr, 0700) != 0)
        return fail(ERR_IO, "no folder for the configuration");
    each_in_vec (f, &r->files.all) {
        struct str path = place_of(r, p, f->path);
        int fd = str_is_null(path) ? -1 : open(path.ptr, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
        if (fd < 0)
            continue;
        ssize_t put = write(fd, f->text.ptr, f->text.len);
        close(fd);
        if (put != (ssize_t)f->text.len)
            return fail(ERR_IO, "the configuration could not be written");
    }
    return OK;
}

static struct str place_of(struct runner *r, const struct place *p, struct str path)
{
    struct str folder = S("/etc/posthaste");
    if (!str_starts(path, folder))
        return STR_NULL;
    return arena_fmt(&r->arena, "%s%.*s", p->path, ARG(str_from(path, folder.len)));
}

static void place_remove(struct runner *r, const struct place *p)
{
    each_in_vec (f, &r->files.all) {
        struct str path = place_of(r, p, f->path);
        if (!str_is_null(path))
            unlink(path.ptr);
    }
    struct str folder = arena_fmt(&r->arena, "%s/config.toml.d", p->path);
    if (!str_is_null(folder))
        rmdir(folder.ptr);
    rmdir(p->path);
}

// Words are separated by blanks; 'one word' in quotes. {config} is the main file.
static struct err split(struct runner *r, struct str text, const struct place *p, char **argv)
{
    size_t count = 1;
    struct scan in = scan_over(text);
    struct str word;
    argv[0] = arena_bytes(&r->arena, r->options->posthaste.len + 1);
    if (argv[0] == NULL)
        return fail(ERR_LIMIT, "no memory for arguments");
    memcpy(argv[0], r->options->posthaste.ptr, r->options->posthaste.len);
    for (scan_blanks(&in); !scan_end(&in); scan_blanks(&in)) {
        if (scan_byte(&in, '\'')) {
            if (!scan_until_past(&in, '\'', &word))
                return fail(ERR_SYNTAX, "a quote without its end");
        } else if (!scan_until(&in, ' ', &word)) {
            word = scan_rest(&in);
            scan_skip(&in, word.len);
        }
        if (str_eq(word, S("{config}")))
            word = p->config;
        if (count > ARGUMENTS_MAX)
            return fail(ERR_SYNTAX, "too many arguments");
        argv[count] = arena_bytes(&r->arena, word.len + 1);
        if (argv[count] == NULL)
            return fail(ERR_LIMIT, "no memory for arguments");
        memcpy(argv[count++], word.ptr, word.len);
    }
    return OK;
}

static struct err run(struct runner *r, char **argv, char *config, struct str *out, int *status)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return fail_errno(&r->arena, errno, "no pipe for the output");
    pid_t pid = fork();
    if (pid == 0)
        child(r, argv, config, fds[1]);
    close(fds[1]);
    struct buf output;
    buf_init(&output, OUTPUT_BYTES_MAX);
    char block[512];
    for (ssize_t got; pid > 0 && (got = read(fds[0], block, sizeof(block))) > 0;)
        buf_add(&output, str_of(block, (size_t)got));
    close(fds[0]);
    *out = arena_str(&r->arena, buf_str(&output));
    buf_done(&output);
    int raw = 0;
    if (pid < 0 || waitpid(pid, &raw, 0) != pid)
        return fail_errno(&r->arena, errno, "the program could not be run");
    *status = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
    return OK;
}

static _Noreturn void child(struct runner *r, char **argv, char *config, int fd)
{
    char path[] = "PATH=/usr/bin:/bin", plain[] = "NO_COLOR=1";
    char *env[] = {config, path, plain, NULL};
    (void)r;
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    execve(argv[0], argv, env);
    _exit(127);
}
