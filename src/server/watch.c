// SPDX-License-Identifier: Apache-2.0
// server/watch.c: config.watch. When a file of the configuration changes and then stays as it is
// for two seconds, it is loaded again, as by SIGHUP. Each content is tried once: what was refused
// waits for the next change.
//
// Files are looked at once a second instead of being watched by inotify: a dozen calls of stat cost
// nothing, work on every file system, and see what a rename, a link or a mount puts in a file's
// place. A new file for an include pattern is not seen, since nothing that was read has changed.
#include "server/supervisor.h"

#include "base/hash.h"
#include "rt/file.h"

#define LOOK_MS SECOND_MS
#define SETTLED_LOOKS 2

struct stamp {
    uint64_t hash;
    bool is_as_read;
};

static struct stamp look(const struct conf *conf);

struct err watch_configuration(void *arg)
{
    struct supervisor *sup = arg;
    uint64_t seen = 0, tried = 0;
    size_t same_looks = 0;
    task_describe("watching the configuration", sup);
    for (;;) {
        TRY(task_sleep_ms(LOOK_MS));
        const struct plan *plan = sup->current == NULL ? NULL : sup->current->plan;
        if (plan == NULL || sup->reload_wanted || !conf_bool(plan->conf, S("config.watch")))
            continue;
        struct stamp now = look(plan->conf);
        same_looks = now.hash == seen ? same_looks + 1 : 0;
        seen = now.hash;
        if (now.is_as_read || now.hash == tried || same_looks < SETTLED_LOOKS)
            continue;
        tried = now.hash;
        sup->reload_wanted = true;
        waitq_wake_all(&sup->changed);
    }
}

// A file that is missing, as in the middle of being replaced, is a state like any other.
static struct stamp look(const struct conf *conf)
{
    size_t count = 0;
    const struct conf_file_used *files = conf_files_used(conf, &count);
    struct stamp stamp = {.is_as_read = true};
    struct arena a AUTO(arena_done);
    arena_init(&a, 64 * KIB);
    for (size_t i = 0; i < count; i++) {
        struct file_info info = {0};
        arena_reset(&a);
        if (failed(file_stat(&a, files[i].path, &info)))
            info = (struct file_info){0};
        uint64_t words[] = {info.device, info.inode, (uint64_t)info.modified_ms, info.bytes};
        stamp.hash = hash_sip24(stamp.hash, i, str_of((const char *)words, sizeof(words)));
        stamp.is_as_read &= info.device == files[i].device && info.inode == files[i].inode &&
                            info.modified_ms == files[i].modified_ms;
    }
    return stamp;
}
