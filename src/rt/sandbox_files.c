// SPDX-License-Identifier: Apache-2.0
// rt/sandbox_files.c: landlock, by its three system calls. Every right that this kernel's version
// knows is taken away everywhere, and then given back below certain folders. A rule holds on to
// what the path leads to now: a link is followed once, here.
#include "rt/sandbox_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Rights that the header of an older system lacks; the kernel that runs may know them.
#define RIGHT_REFER (1ULL << 13)     // version 2: moving between folders
#define RIGHT_TRUNCATE (1ULL << 14)  // version 3
#define RIGHT_IOCTL_DEV (1ULL << 15) // version 5

#define RIGHTS_VERSION_1 ((1ULL << 13) - 1)
#define RIGHTS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_DEVICE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE)
#define RIGHTS_WRITE                                                                               \
    (RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                 \
            LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |                         \
            LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | RIGHT_REFER |             \
            RIGHT_TRUNCATE)
#define RIGHTS_OF_FILES                                                                            \
    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)

static const struct {
    const char *path;
    uint64_t rights;
} files[] = {
#define FILES(path, rights, why) {path, RIGHTS_##rights},
#include "rt/sandbox_files.def"
};

static uint64_t rights_known(int version);
static struct err allow_all(
        struct arena *a, int rules, uint64_t known, const struct sandbox_wish *wish);
static struct err allow(struct arena *a, int rules, const char *path, uint64_t rights);
static struct err allow_paths(
        struct arena *a, int rules, const struct str *paths, size_t count, uint64_t rights);

int landlock_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

struct err landlock_enter(struct arena *a, int version, const struct sandbox_wish *wish)
{
    uint64_t known = rights_known(version);
    struct landlock_ruleset_attr handled = {.handled_access_fs = known};
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(uint64_t), 0);
    if (rules < 0)
        return fail_errno(a, errno, "making the rules of landlock");
    struct err e = allow_all(a, rules, known, wish);
    if (!failed(e) && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        e = fail_errno(a, errno, "restricting this process to its files (landlock)");
    close(rules);
    return e;
}

static uint64_t rights_known(int version)
{
    uint64_t known = RIGHTS_VERSION_1;
    if (version >= 2)
        known |= RIGHT_REFER;
    if (version >= 3)
        known |= RIGHT_TRUNCATE;
    if (version >= 5)
        known |= RIGHT_IOCTL_DEV; // given back to nobody: descriptors open already are not asked
    return known;
}

static struct err allow_all(
        struct arena *a, int rules, uint64_t known, const struct sandbox_wish *wish)
{
    for (size_t i = 0; i < COUNT_OF(files); i++)
        TRY(allow(a, rules, files[i].path, files[i].rights & known));
    TRY(allow_paths(a, rules, wish->read, wish->read_count, RIGHTS_READ & known));
    return allow_paths(a, rules, wish->write, wish->write_count, RIGHTS_WRITE & known);
}

static struct err allow_paths(
        struct arena *a, int rules, const struct str *paths, size_t count, uint64_t rights)
{
    for (size_t i = 0; i < count; i++) {
        const char *path = arena_c_str(a, paths[i]);
        if (path == NULL)
            return fail(ERR_LIMIT, "no memory for the rules of the sandbox");
        TRY(allow(a, rules, path, rights));
    }
    return OK;
}

// A path that cannot be opened now is none that the worker could use later.
static struct err allow(struct arena *a, int rules, const char *path, uint64_t rights)
{
    struct stat st;
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
        return fail_errno(a, errno, "opening %s for the rules of landlock", path);
    if (fd < 0)
        return OK;
    bool known = fstat(fd, &st) == 0;
    struct landlock_path_beneath_attr rule = {
            .parent_fd = fd,
            .allowed_access = known && S_ISDIR(st.st_mode) ? rights : rights & RIGHTS_OF_FILES,
    };
    long rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
    int why = errno;
    close(fd);
    return rc == 0 ? OK : fail_errno(a, why, "allowing %s by landlock", path);
}
