// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_sandbox.c: each forbidden thing is refused. What must work in spite of that:
// test_sandbox_work.c. Every trial runs in a child that has entered the sandbox. As root they show
// more, for then nothing but the sandbox stands between the trial and the file.
#include "sandbox_world.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

// --- Files ---------------------------------------------------------------------------------------

static bool opens(struct str path, int flags)
{
    int fd = open(path.ptr, flags | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static const char *shadow(const void *arg UNUSED)
{
    SHOULD(!opens(S("/etc/shadow"), O_RDONLY) && errno == EACCES);
    SHOULD(!opens(S("/etc/passwd"), O_RDONLY) && errno == EACCES);
    SHOULD(!opens(S("/"), O_RDONLY | O_DIRECTORY) && errno == EACCES);
    SHOULD(!opens(S("/proc/1/environ"), O_RDONLY) && errno == EACCES);
    return NULL;
}

static const char *outside(const void *arg UNUSED)
{
    SHOULD(!opens(under_top("other/file"), O_RDONLY) && errno == EACCES);
    SHOULD(!opens(under_top("other/new"), O_WRONLY | O_CREAT) && errno == EACCES);
    SHOULD(mkdir(under_top("other/folder").ptr, 0700) != 0 && errno == EACCES);
    SHOULD(unlink(under_top("other/file").ptr) != 0 && errno == EACCES);
    SHOULD(rename(under_top("data/old").ptr, under_top("other/old").ptr) != 0);
    SHOULD(truncate(under_top("other/file").ptr, 0) != 0);
    return NULL;
}

static const char *only_to_read(const void *arg UNUSED)
{
    SHOULD(opens(under_top("read/file"), O_RDONLY));
    SHOULD(opens(under_top("read"), O_RDONLY | O_DIRECTORY));
    SHOULD(!opens(under_top("read/file"), O_WRONLY) && errno == EACCES);
    SHOULD(!opens(under_top("read/new"), O_WRONLY | O_CREAT) && errno == EACCES);
    SHOULD(!opens(S("/usr/lib/posthaste-test"), O_WRONLY | O_CREAT) && errno != ENOENT);
    return NULL;
}

static const char *no_links_out(const void *arg UNUSED)
{
    SHOULD(symlink("/etc/shadow", under_top("data/link").ptr) != 0);
    SHOULD(link(under_top("other/file").ptr, under_top("data/hard").ptr) != 0);
    SHOULD(mknod(under_top("data/device").ptr, S_IFCHR | 0600, 0x101) != 0);
    return NULL;
}

static const char *own_data(const void *arg UNUSED)
{
    int fd = open(under_top("data/new").ptr, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    SHOULD(fd >= 0);
    SHOULD(pwrite(fd, "text", 4, 0) == 4);
    SHOULD(fallocate(fd, 0, 0, 8192) == 0 || errno == EOPNOTSUPP);
    SHOULD(ftruncate(fd, 4096) == 0);
    SHOULD(flock(fd, LOCK_EX) == 0);
    char *mapped = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOULD(mapped != MAP_FAILED && mapped[0] == 't');
    mapped[1] = 'E';
    SHOULD(msync(mapped, 4096, MS_SYNC) == 0);
    SHOULD(fsync(fd) == 0 && fdatasync(fd) == 0);
    SHOULD(mkdir(under_top("data/sub").ptr, 0700) == 0);
    SHOULD(rename(under_top("data/new").ptr, under_top("data/sub/moved").ptr) == 0);
    SHOULD(truncate(under_top("data/sub/moved").ptr, 1) == 0);
    SHOULD(unlink(under_top("data/sub/moved").ptr) == 0);
    SHOULD(rmdir(under_top("data/sub").ptr) == 0);
    return NULL;
}

static const char *system_files(const void *arg UNUSED)
{
    SHOULD(opens(S("/dev/null"), O_RDWR));
    SHOULD(opens(S("/dev/urandom"), O_RDONLY));
    SHOULD(opens(S("/proc/self/status"), O_RDONLY));
    SHOULD(opens(S("/proc/self/maps"), O_RDONLY));
    SHOULD(access("/etc/nsswitch.conf", F_OK) != 0 || opens(S("/etc/nsswitch.conf"), O_RDONLY));
    SHOULD(access("/etc/hosts", F_OK) != 0 || opens(S("/etc/hosts"), O_RDONLY));
    SHOULD(access("/etc/resolv.conf", F_OK) != 0 || opens(S("/etc/resolv.conf"), O_RDONLY));
    SHOULD(access("/etc/ssl/certs", F_OK) != 0 ||
            opens(S("/etc/ssl/certs"), O_RDONLY | O_DIRECTORY));
    return NULL;
}

static void files(void **state UNUSED)
{
    static const struct trial_case cases[] = {
            {"secrets of the system", shadow},
            {"a folder that is not ours", outside},
            {"a folder to read", only_to_read},
            {"links and devices", no_links_out},
            {"our data", own_data},
            {"files of the system", system_files},
    };
    needs(FILES);
    run_all(cases, COUNT_OF(cases));
}

static const char *certificate_renewed(const void *arg UNUSED)
{
    struct str paths[2];
    size_t count = sandbox_paths_of(&memory, under_top("live/cert.pem"), paths);
    struct sandbox_wish wish = {.read = paths, .read_count = count};
    SHOULD(count == 2);
    SHOULD(!failed(sandbox_enter(&memory, &wish)));
    SHOULD(opens(under_top("live/cert.pem"), O_RDONLY));
    SHOULD(opens(under_top("archive/cert1.pem"), O_RDONLY));
    SHOULD(!opens(under_top("other/file"), O_RDONLY));
    return NULL;
}

static void certificates_behind_links(void **state UNUSED)
{
    needs(FILES);
    passes_in_child(certificate_renewed, NULL);
}

static void a_folder_with_much_else_is_not_given(void **state UNUSED)
{
    struct str got[2];
    assert_int_equal(sandbox_paths_of(&memory, S("/etc/passwd"), got), 1);
    assert_true(str_eq(got[0], S("/etc/passwd")));
    assert_int_equal(sandbox_paths_of(&memory, S("/no-such-file"), got), 1);
    assert_true(str_eq(got[0], S("/no-such-file")));
    assert_int_equal(sandbox_paths_of(&memory, S("relative"), got), 0);
    assert_int_equal(sandbox_paths_of(&memory, STR_NULL, got), 0);
    assert_int_equal(sandbox_paths_of(&memory, under_top("read/file"), got), 1);
    assert_true(str_eq(got[0], under_top("read")));
}

// --- Calls that are refused ----------------------------------------------------------------------

static const char *other_families(const void *arg UNUSED)
{
    SHOULD(socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT);
    SHOULD(socket(AF_ALG, SOCK_SEQPACKET, 0) < 0 && errno == EAFNOSUPPORT);
    SHOULD(socket(AF_VSOCK, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT);
    SHOULD(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) < 0 && errno == ENOSYS);
    SHOULD(socket(AF_NETLINK, SOCK_RAW, 4) < 0 && errno == ENOSYS);
    return NULL;
}

static const char *other_processes(const void *arg UNUSED)
{
    SHOULD(fork() < 0 && errno == ENOSYS);
    SHOULD(kill(getppid(), 0) < 0 && errno == ENOSYS);
    SHOULD(syscall(SYS_tgkill, getppid(), getppid(), 0) < 0 && errno == ENOSYS);
    SHOULD(syscall(SYS_clone3, NULL, 0) < 0 && errno == ENOSYS);
    return NULL;
}

static const char *code_at_run_time(const void *arg UNUSED)
{
    void *both = mmap(
            NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOULD(both == MAP_FAILED);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    SHOULD(page != MAP_FAILED);
    SHOULD(mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0);
    SHOULD(syscall(SYS_memfd_create, "x", 0) < 0);
    return NULL;
}

static const char *rights(const void *arg UNUSED)
{
    char room[200];
    SHOULD(setuid(1) != 0 && setgid(1) != 0);
    SHOULD(chmod(under_top("data/old").ptr, 04755) != 0);
    SHOULD(chown(under_top("data/old").ptr, 1, 1) != 0);
    SHOULD(prctl(PR_SET_DUMPABLE, 1) != 0);
    struct rlimit limit = {1, 1};
    SHOULD(setrlimit(RLIMIT_NOFILE, &limit) != 0);
    SHOULD(str_eq(own_status("CapPrm", room, sizeof(room)), S("0000000000000000")));
    SHOULD(str_eq(own_status("CapEff", room, sizeof(room)), S("0000000000000000")));
    SHOULD(str_eq(own_status("NoNewPrivs", room, sizeof(room)), S("1")));
    SHOULD(str_eq(own_status("Seccomp", room, sizeof(room)), S("2")));
    return NULL;
}

static const char *holes_in_kernels(const void *arg UNUSED)
{
    SHOULD(syscall(SYS_bpf, 0, NULL, 0) < 0 && errno == ENOSYS);
    SHOULD(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
    SHOULD(syscall(SYS_userfaultfd, 0) < 0 && errno == ENOSYS);
    SHOULD(syscall(SYS_keyctl, 0, 0) < 0 && errno == ENOSYS);
    SHOULD(syscall(SYS_perf_event_open, NULL, 0, 0, 0, 0) < 0 && errno == ENOSYS);
    SHOULD(syscall(1000) < 0 && errno == ENOSYS); // one that no kernel has yet
    return NULL;
}

static void refused(void **state UNUSED)
{
    static const struct trial_case cases[] = {
            {"other families of sockets", other_families},
            {"other processes", other_processes},
            {"code made at run time", code_at_run_time},
            {"rights", rights},
            {"what holes in kernels were found in", holes_in_kernels},
    };
    needs(CALLS);
    run_all(cases, COUNT_OF(cases));
}

// --- Calls that end the worker -------------------------------------------------------------------

static const char *do_exec(const void *arg UNUSED)
{
    char name[] = "/bin/true";
    char *argv[] = {name, NULL}, *env[] = {NULL};
    execve(name, argv, env);
    return "execve came back";
}

static const char *do_ptrace(const void *arg UNUSED)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    return "ptrace came back";
}

static const char *do_mount(const void *arg UNUSED)
{
    mount("none", top, "tmpfs", 0, NULL);
    return "mount came back";
}

static const char *do_module(const void *arg UNUSED)
{
    syscall(SYS_finit_module, -1, "", 0);
    return "finit_module came back";
}

static const char *do_unshare(const void *arg UNUSED)
{
    unshare(CLONE_NEWUSER);
    return "unshare came back";
}

static const char *do_read_other(const void *arg UNUSED)
{
    struct iovec none = {0};
    process_vm_readv(getppid(), &none, 1, &none, 1, 0);
    return "process_vm_readv came back";
}

static void deadly(void **state UNUSED)
{
    static const struct trial_case cases[] = {
            {"execve", do_exec},
            {"ptrace", do_ptrace},
            {"mount", do_mount},
            {"a kernel module", do_module},
            {"another namespace", do_unshare},
            {"another process's memory", do_read_other},
    };
    needs(CALLS);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        print_message("  %s\n", cases[i].name);
        dies_in_child(in_sandbox, &cases[i].trial, SIGSYS);
    }
}

static const char *do_abort(const void *arg UNUSED)
{
    fclose(stderr);
    abort();
}

// A failed assertion must look like one, not like a forbidden call.
static void abort_is_abort(void **state UNUSED)
{
    trial *t = do_abort;
    needs(CALLS);
    dies_in_child(in_sandbox, &t, SIGABRT);
}

// --- The supervisor, and no sandbox --------------------------------------------------------------

static const char *enter_lightly(const void *arg UNUSED)
{
    struct err e = sandbox_enter_lightly(&memory, SANDBOX_BEST_EFFORT);
    SHOULD(!failed(e));
    SHOULD(opens(S("/etc/passwd"), O_RDONLY));
    SHOULD(syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno == ENOSYS);
    pid_t pid = fork();
    SHOULD(pid >= 0);
    if (pid == 0)
        _exit(do_exec(NULL) == NULL ? 0 : 1);
    int status;
    SHOULD(waitpid(pid, &status, 0) == pid && status == 0);
    const char *bad = enter(); // a worker's sandbox within it
    return bad;
}

static const char *lightly_then_ptrace(const void *arg)
{
    SHOULD(!failed(sandbox_enter_lightly(&memory, SANDBOX_BEST_EFFORT)));
    return do_ptrace(arg);
}

static void the_supervisor_starts_programs(void **state UNUSED)
{
    needs(CALLS);
    passes_in_child(enter_lightly, NULL);
    dies_in_child(lightly_then_ptrace, NULL, SIGSYS);
}

static const char *enter_not(const void *arg UNUSED)
{
    char before[200], after[200];
    int filters = prctl(PR_GET_SECCOMP); // a container brings some
    own_status("CapPrm", before, sizeof(before));
    SHOULD(!failed(sandbox_enter(&memory, &(struct sandbox_wish){.mode = SANDBOX_OFF})));
    SHOULD(!failed(sandbox_enter_lightly(&memory, SANDBOX_OFF)));
    own_status("CapPrm", after, sizeof(after));
    SHOULD(strcmp(before, after) == 0);
    SHOULD(opens(under_top("other/file"), O_RDONLY));
    SHOULD(prctl(PR_GET_SECCOMP) == filters);
    return NULL;
}

static void off_is_off(void **state UNUSED)
{
    passes_in_child(enter_not, NULL);
}

static const char *enter_wholly(const void *arg UNUSED)
{
    struct sandbox_support there = sandbox_probe();
    struct err e = sandbox_enter(&memory, &(struct sandbox_wish){.mode = SANDBOX_ON});
    SHOULD(failed(e) == !str_is_null(there.missing));
    SHOULD(!failed(e) || str_contains(err_text(e), there.missing));
    return NULL;
}

static void on_means_all_of_it(void **state UNUSED)
{
    passes_in_child(enter_wholly, NULL);
}

static void the_signal_is_explained(void **state UNUSED)
{
    assert_true(str_contains(sandbox_explain_signal(SIGSYS), S("journalctl")));
    assert_true(str_is_null(sandbox_explain_signal(SIGSEGV)));
    assert_true(str_is_null(sandbox_explain_signal(0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            cmocka_unit_test(files),
            cmocka_unit_test(certificates_behind_links),
            cmocka_unit_test(a_folder_with_much_else_is_not_given),
            cmocka_unit_test(refused),
            cmocka_unit_test(deadly),
            cmocka_unit_test(abort_is_abort),
            cmocka_unit_test(the_supervisor_starts_programs),
            cmocka_unit_test(off_is_off),
            cmocka_unit_test(on_means_all_of_it),
            cmocka_unit_test(the_signal_is_explained),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
