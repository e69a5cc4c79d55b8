// SPDX-License-Identifier: Apache-2.0
// rt/identity.c: from root to an ordinary user (listeners.md 15.2). The order of the steps in
// identity_take is the point: groups while we may still choose them, then the user, and the
// capabilities last, because a change of user changes them. libcap would bring a library for two
// system calls, so those are made here.
#include "rt/identity.h"

#include "rt/sanitize.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ENTRY_BYTES_MAX (256 * KIB) // a group's entry lists its members
#define LOOKUP_BYTES_MAX (2 * ENTRY_BYTES_MAX)
#define NAME_BYTES_MAX 256
#define ID_MAX (UINT32_MAX - 1) // the last number means "none"

enum capability_set { CAPABILITIES_NONE, CAPABILITIES_BIND };

static struct err find_user(struct arena *a, struct str name, struct identity *out, bool *has_gid);
static struct err find_group(struct arena *a, struct str name, uint32_t *out_gid);
static bool is_trouble(int rc);
static struct err compare(struct arena *a, const struct identity_wish *wish, struct identity *who);
static bool is_our_group(uint32_t gid);
static struct err take_groups(struct arena *a, const struct identity *who);
static struct err make_sure(struct arena *a, const struct identity *who);
static struct err capabilities_set(struct arena *a, enum capability_set what);
static bool may_bind_low_ports(void);
static uint32_t low_ports_end(void);
static struct err make_parents(struct arena *a, struct str path);

// --- Finding -------------------------------------------------------------------------------------

bool identity_is_root(void)
{
    return geteuid() == 0;
}

struct err identity_find(struct arena *a, const struct identity_wish *wish, struct identity *out)
{
    struct identity who = {.keep_bind_capability = wish->keep_bind_capability};
    bool has_gid = false;
    if (str_is_empty(wish->user) && !str_is_empty(wish->group))
        return fail(ERR_CONFIG, "server.run-as.group says nothing without server.run-as.user");
    if (str_is_empty(wish->user)) {
        who.change = identity_is_root() ? IDENTITY_STAYS_ROOT : IDENTITY_STAYS;
        who.uid = geteuid();
        who.gid = getegid();
        *out = who;
        return OK;
    }
    TRY(find_user(a, wish->user, &who, &has_gid));
    if (!str_is_empty(wish->group)) {
        TRY(find_group(a, wish->group, &who.gid));
        who.other_groups = false;
    } else if (!has_gid) {
        return fail_fmt(a, ERR_CONFIG,
                "user %.*s has no entry in the user database, so its group is not known: add "
                "server.run-as.group",
                ARG(wish->user));
    }
    TRY(compare(a, wish, &who));
    *out = who;
    return OK;
}

// A name first, for there are users whose name is made of digits.
static struct err find_user(struct arena *a, struct str name, struct identity *out, bool *has_gid)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, LOOKUP_BYTES_MAX);
    struct passwd entry, *found = NULL;
    char *room = arena_bytes(&scratch, ENTRY_BYTES_MAX);
    const char *text = name.len <= NAME_BYTES_MAX ? arena_c_str(&scratch, name) : NULL;
    uint64_t number = 0;
    if (room == NULL || text == NULL)
        return fail(ERR_LIMIT, "the name of the user is too long");
    int rc = getpwnam_r(text, &entry, room, ENTRY_BYTES_MAX, &found);
    bool is_number = str_to_u64(name, ID_MAX, &number);
    if (found == NULL && is_number)
        rc = getpwuid_r((uid_t)number, &entry, room, ENTRY_BYTES_MAX, &found);
    if (found == NULL && !is_number && is_trouble(rc))
        return fail_errno(a, rc, "looking up user %s", text);
    if (found == NULL && !is_number)
        return fail_fmt(a, ERR_CONFIG,
                "there is no user %s: create it (useradd --system %s) or correct "
                "server.run-as.user or RUN_AS_USER",
                text, text);
    *has_gid = out->other_groups = found != NULL;
    out->uid = found != NULL ? found->pw_uid : (uint32_t)number;
    out->gid = found != NULL ? found->pw_gid : 0;
    out->user = found != NULL ? arena_str(a, str_from_c(found->pw_name)) : arena_str(a, name);
    return str_is_null(out->user) ? fail(ERR_LIMIT, "no memory to look up a user") : OK;
}

static struct err find_group(struct arena *a, struct str name, uint32_t *out_gid)
{
    struct arena scratch AUTO(arena_done);
    arena_init(&scratch, LOOKUP_BYTES_MAX);
    struct group entry, *found = NULL;
    char *room = arena_bytes(&scratch, ENTRY_BYTES_MAX);
    const char *text = name.len <= NAME_BYTES_MAX ? arena_c_str(&scratch, name) : NULL;
    if (room == NULL || text == NULL)
        return fail(ERR_LIMIT, "the name of the group is too long");
    int rc = getgrnam_r(text, &entry, room, ENTRY_BYTES_MAX, &found);
    uint64_t number;
    if (found != NULL)
        *out_gid = found->gr_gid;
    else if (str_to_u64(name, ID_MAX, &number))
        *out_gid = (uint32_t)number;
    else if (is_trouble(rc))
        return fail_errno(a, rc, "looking up group %s", text);
    else
        return fail_fmt(a, ERR_CONFIG,
                "there is no group %s: create it (groupadd --system %s) or correct "
                "server.run-as.group or RUN_AS_GROUP",
                text, text);
    return OK;
}

// getpwnam(3): some systems answer with these when there is just no such name.
static bool is_trouble(int rc)
{
    return rc != 0 && rc != ENOENT && rc != ESRCH && rc != EBADF && rc != EPERM;
}

static struct err compare(struct arena *a, const struct identity_wish *wish, struct identity *who)
{
    bool by_group = !str_is_empty(wish->group);
    if (identity_is_root()) {
        who->change = who->uid == 0 ? IDENTITY_STAYS_ROOT : IDENTITY_CHANGES;
        return OK;
    }
    who->change = IDENTITY_STAYS;
    if (who->uid == geteuid() && (!by_group || is_our_group(who->gid)))
        return OK;
    return fail_fmt(a, ERR_CONFIG,
            "only root can become user %.*s%s%.*s, and this is user number %u: start the server as "
            "root or as that user, or leave server.run-as and RUN_AS_USER out",
            ARG(wish->user), by_group ? " with group " : "", ARG(wish->group), geteuid());
}

static bool is_our_group(uint32_t gid)
{
    gid_t groups[64];
    if (gid == getegid())
        return true;
    int count = getgroups(COUNT_OF(groups), groups);
    for (int i = 0; i < count; i++)
        if (groups[i] == gid)
            return true;
    return false;
}

struct err identity_user_number(struct arena *a, struct str name, uint32_t *out, bool *out_may)
{
    struct identity found;
    bool has_gid = false;
    struct err e = find_user(a, name, &found, &has_gid);
    if (e.kind == ERR_CONFIG)
        return fail_fmt(a, ERR_CONFIG, "there is no user %.*s", ARG(name));
    TRY(e);
    *out = found.uid;
    *out_may = identity_is_root() || found.uid == geteuid();
    return OK;
}

struct err identity_group_number(struct arena *a, struct str name, uint32_t *out, bool *out_may)
{
    uint32_t gid = 0;
    struct err e = find_group(a, name, &gid);
    if (e.kind == ERR_CONFIG)
        return fail_fmt(a, ERR_CONFIG, "there is no group %.*s", ARG(name));
    TRY(e);
    *out = gid;
    *out_may = identity_is_root() || is_our_group(gid);
    return OK;
}

// --- Becoming ------------------------------------------------------------------------------------

struct err identity_take(struct arena *a, const struct identity *who)
{
    assert(who->change == IDENTITY_CHANGES && who->uid != 0);
    if (who->keep_bind_capability && prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0)
        return fail_errno(a, errno, "keeping the right to bind low ports");
    TRY(take_groups(a, who));
    if (setresgid(who->gid, who->gid, who->gid) != 0)
        return fail_errno(a, errno, "becoming group number %u", who->gid);
    if (setresuid(who->uid, who->uid, who->uid) != 0)
        return fail_errno(a, errno, "becoming user %.*s", ARG(who->user));
    TRY(capabilities_set(a, who->keep_bind_capability ? CAPABILITIES_BIND : CAPABILITIES_NONE));
    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
    return make_sure(a, who);
}

static struct err take_groups(struct arena *a, const struct identity *who)
{
    gid_t only[] = {who->gid};
    const char *name = arena_c_str(a, who->user);
    if (name == NULL)
        return fail(ERR_LIMIT, "no memory for the name of a user");
    int rc = who->other_groups ? initgroups(name, who->gid) : setgroups(1, only);
    return rc == 0 ? OK : fail_errno(a, errno, "taking the groups of user %s", name);
}

// There is no way back: not to root, and not to what root could do.
static struct err make_sure(struct arena *a, const struct identity *who)
{
    uid_t real, effective, saved;
    gid_t real_gid, effective_gid, saved_gid;
    if (getresuid(&real, &effective, &saved) != 0 ||
            getresgid(&real_gid, &effective_gid, &saved_gid) != 0)
        return fail_errno(a, errno, "asking who this process is");
    bool is_user = real == who->uid && effective == who->uid && saved == who->uid;
    bool is_group = real_gid == who->gid && effective_gid == who->gid && saved_gid == who->gid;
    if (!is_user || !is_group || setuid(0) == 0 || setresuid((uid_t)-1, 0, (uid_t)-1) == 0)
        return fail_fmt(a, ERR_INTERNAL,
                "this process could become root again after it became user %.*s", ARG(who->user));
    return OK;
}

struct err identity_harden(
        struct arena *a, const struct identity_wish *wish, const struct identity *who)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return fail_errno(a, errno, "giving up the gain of rights (no_new_privs)");
    struct rlimit core;
    bool known = getrlimit(RLIMIT_CORE, &core) == 0;
    core.rlim_cur = wish->core_dumps ? core.rlim_max : 0;
    if (!known || setrlimit(RLIMIT_CORE, &core) != 0)
        return fail_errno(a, errno, "limiting core files");
    // The leak checker of a sanitizer build looks into its own process with ptrace(2), which an
    // undumpable one does not allow.
    bool closed = who->change != IDENTITY_STAYS && !wish->core_dumps && !RT_ASAN;
    if ((closed || wish->core_dumps || RT_ASAN) && prctl(PR_SET_DUMPABLE, !closed, 0, 0, 0) != 0)
        return fail_errno(a, errno, "closing this process to others");
    umask(umask(0777) | 0027); // a stricter one stays
    return OK;
}

// --- Capabilities --------------------------------------------------------------------------------

struct err identity_drop_capabilities(struct arena *a)
{
    return capabilities_set(a, CAPABILITIES_NONE);
}

bool identity_can_drop_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    return syscall(SYS_capget, &header, data) == 0 && syscall(SYS_capset, &header, data) == 0;
}

// The ambient set makes the right survive execve(2): the program that takes over at SIGUSR2 may
// have another port to bind.
static struct err capabilities_set(struct arena *a, enum capability_set what)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    if (what == CAPABILITIES_BIND)
        data[0].permitted = data[0].effective = data[0].inheritable = 1U << CAP_NET_BIND_SERVICE;
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    if (syscall(SYS_capset, &header, data) != 0)
        return fail_errno(a, errno, "giving up capabilities");
    if (what == CAPABILITIES_BIND)
        prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
    return OK;
}

static bool may_bind_low_ports(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capget, &header, data) != 0)
        return false;
    return (data[0].effective & 1U << CAP_NET_BIND_SERVICE) != 0;
}

struct str identity_port_hint(struct arena *a, uint16_t port)
{
    uint32_t end = low_ports_end();
    if (port == 0 || port >= end || may_bind_low_ports())
        return STR_NULL;
    return arena_fmt(a,
            "ports below %u need a right that this process lacks: let systemd give it "
            "(AmbientCapabilities=CAP_NET_BIND_SERVICE), or start as root with server.run-as.user, "
            "or set the sysctl net.ipv4.ip_unprivileged_port_start to %u",
            end, port);
}

// The first port that anybody may bind.
static uint32_t low_ports_end(void)
{
    uint64_t end;
    int fd = open("/proc/sys/net/ipv4/ip_unprivileged_port_start", O_RDONLY | O_CLOEXEC);
    char digits[16];
    ssize_t got = fd < 0 ? -1 : read(fd, digits, sizeof(digits));
    if (fd >= 0)
        close(fd);
    struct str text = str_trim(str_of(digits, got < 0 ? 0 : (size_t)got));
    return str_to_u64(text, 65536, &end) ? (uint32_t)end : 1024;
}

// --- Folders -------------------------------------------------------------------------------------

struct err identity_make_folder(
        struct arena *a, const struct identity *who, struct str path, uint32_t mode)
{
    struct stat st;
    const char *text = arena_c_str(a, path);
    if (text == NULL || path.len == 0 || path.ptr[0] != '/')
        return fail(ERR_CONFIG, "the path of a folder must begin with a slash");
    if (stat(text, &st) == 0)
        return OK;
    TRY(make_parents(a, path));
    if (mkdir(text, mode) != 0)
        return errno == EEXIST ? OK : fail_errno(a, errno, "making the folder %s", text);
    if (who->change == IDENTITY_CHANGES && lchown(text, who->uid, who->gid) != 0)
        return fail_errno(a, errno, "giving the folder %s to user %.*s", text, ARG(who->user));
    return OK;
}

// What leads to it stays root's and may be passed through by all.
static struct err make_parents(struct arena *a, struct str path)
{
    for (size_t at = 1; at < path.len; at++) {
        if (path.ptr[at] != '/')
            continue;
        const char *parent = arena_c_str(a, str_upto(path, at));
        if (parent == NULL)
            return fail(ERR_LIMIT, "no memory for the path of a folder");
        if (mkdir(parent, 0755) != 0 && errno != EEXIST)
            return fail_errno(a, errno, "making the folder %s", parent);
    }
    return OK;
}

struct err identity_check_folder(struct arena *a, struct str path)
{
    struct stat st;
    const char *text = arena_c_str(a, path);
    if (text == NULL)
        return fail(ERR_LIMIT, "no memory for the path of a folder");
    if (stat(text, &st) != 0)
        return fail_errno(a, errno, "cannot use the folder %s", text);
    if (!S_ISDIR(st.st_mode))
        return fail_fmt(a, ERR_CONFIG, "%s is not a folder", text);
    if (faccessat(AT_FDCWD, text, R_OK | W_OK | X_OK, AT_EACCESS) == 0)
        return OK;
    return fail_fmt(a, ERR_CONFIG,
            "user number %u cannot write in %s, which belongs to user number %u with mode %04o: "
            "chown it (chown -R %u %s), or choose another folder",
            geteuid(), text, st.st_uid, (unsigned)st.st_mode & 07777, geteuid(), text);
}
