// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_sandbox.c: each forbidden thing is refused, and all that a worker does works.
// Every trial runs in a child that has entered the sandbox. As root they show more, for then
// nothing but the sandbox stands between the trial and the file.
#include "in_child.h"

#include "rt/sandbox.h"
#include "rt/stack.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

// What the trials find: top/data is theirs, top/read may be read, top/other is out of bounds.
static char top[] = "/tmp/posthaste-sandbox-XXXXXX";
static struct arena memory;

static struct str under_top(const char *name)
{
    return arena_fmt(&memory, "%s/%s", top, name);
}

static void write_file(const char *name)
{
    FILE *f = fopen(under_top(name).ptr, "we");
    assert_non_null(f);
    fputs("text\n", f);
    fclose(f);
}

static int make_world(void **state UNUSED)
{
    arena_init(&memory, 4 * MIB);
    assert_non_null(mkdtemp(top));
    static const char *const folders[] = {"data", "read", "other", "live", "archive"};
    for (size_t i = 0; i < COUNT_OF(folders); i++)
        assert_int_equal(mkdir(under_top(folders[i]).ptr, 0700), 0);
    write_file("data/old");
    write_file("read/file");
    write_file("other/file");
    write_file("archive/cert1.pem");
    assert_int_equal(symlink("../archive/cert1.pem", under_top("live/cert.pem").ptr), 0);
    return 0;
}

static int drop_world(void **state UNUSED)
{
    int rc = system(arena_fmt(&memory, "rm -r %s", top).ptr);
    arena_done(&memory);
    return rc;
}

static const char *enter(void)
{
    struct str read[] = {under_top("read"), under_top("not-there")}, write[] = {under_top("data")};
    struct sandbox_wish wish = {.read = read,
            .read_count = COUNT_OF(read),
            .write = write,
            .write_count = COUNT_OF(write)};
    struct err e = sandbox_enter(&memory, &wish);
    return failed(e) ? arena_c_str(&memory, err_text(e)) : NULL;
}

static const char *in_sandbox(const void *arg)
{
    trial *const *t = arg;
    const char *bad = enter();
    return bad != NULL ? bad : (*t)(NULL);
}

enum fence { FILES, CALLS };

// Skips where this machine or this build lacks the fence that the test is about.
static void needs(enum fence fence)
{
    struct sandbox_support there = sandbox_probe();
    if (fence == FILES ? there.landlock > 0 : there.seccomp)
        return;
    print_message("skipped: %.*s\n", ARG(there.missing));
    skip();
}

struct trial_case {
    const char *name;
    trial *trial;
};

static void run_all(const struct trial_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        print_message("  %s\n", cases[i].name);
        passes_in_child(in_sandbox, &cases[i].trial);
    }
}

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

// --- What a worker does --------------------------------------------------------------------------

static void *in_thread(void *arg)
{
    int *value = arg;
    void *room = malloc(100000);
    memset(room, 1, 100000);
    free(room);
    *value = 42;
    return NULL;
}

static const char *threads(const void *arg UNUSED)
{
    pthread_t t[4];
    int values[4] = {0};
    for (size_t i = 0; i < COUNT_OF(t); i++)
        SHOULD(pthread_create(&t[i], NULL, in_thread, &values[i]) == 0);
    for (size_t i = 0; i < COUNT_OF(t); i++)
        SHOULD(pthread_join(t[i], NULL) == 0 && values[i] == 42);
    pthread_setname_np(pthread_self(), "named");
    return NULL;
}

static const char *memory_of_all_sizes(const void *arg UNUSED)
{
    char *p = NULL;
    for (size_t bytes = 16; bytes <= 64 * MIB; bytes *= 4) {
        p = realloc(p, bytes);
        SHOULD(p != NULL);
        p[bytes - 1] = 1;
    }
    free(p);
    struct stack_pool stacks;
    stack_pool_init(&stacks);
    char *top_of_stack = stack_take(&stacks);
    SHOULD(top_of_stack != NULL);
    stack_give(&stacks, top_of_stack);
    stack_pool_done(&stacks);
    return NULL;
}

static const char *waiting(const void *arg UNUSED)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int poll_fd = epoll_create1(EPOLL_CLOEXEC), event_fd = eventfd(0, EFD_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
    int signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    struct epoll_event e = {.events = EPOLLOUT};
    SHOULD(poll_fd >= 0 && event_fd >= 0 && timer >= 0 && signals >= 0);
    SHOULD(epoll_ctl(poll_fd, EPOLL_CTL_ADD, event_fd, &e) == 0);
    SHOULD(epoll_wait(poll_fd, &e, 1, 0) == 1);
    SHOULD(raise(SIGUSR1) == 0); // to itself it may
    struct signalfd_siginfo info;
    SHOULD(read(signals, &info, sizeof(info)) == sizeof(info));
    struct timespec short_while = {0, 1000};
    SHOULD(nanosleep(&short_while, NULL) == 0);
    return NULL;
}

static const char *network(const void *arg UNUSED)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int on = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    SHOULD(server >= 0);
    SHOULD(setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0);
    SHOULD(bind(server, (struct sockaddr *)&at, len) == 0 && listen(server, 5) == 0);
    SHOULD(getsockname(server, (struct sockaddr *)&at, &len) == 0);
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    SHOULD(connect(client, (struct sockaddr *)&at, len) == 0);
    int accepted = accept4(server, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    SHOULD(accepted >= 0);
    SHOULD(send(client, "x", 1, MSG_NOSIGNAL) == 1);
    char byte;
    SHOULD(recv(accepted, &byte, 1, 0) == 1);
    int datagrams = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, IPPROTO_UDP);
    SHOULD(datagrams >= 0 || errno == EAFNOSUPPORT);
    SHOULD(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0);
    return NULL;
}

static const char *names(const void *arg UNUSED)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    SHOULD(getaddrinfo("localhost", "25", &hints, &found) == 0);
    freeaddrinfo(found);
    SHOULD(if_nametoindex("lo") != 0);
    struct ifaddrs *interfaces = NULL;
    SHOULD(getifaddrs(&interfaces) == 0);
    freeifaddrs(interfaces);
    return NULL;
}

static const char *time_and_chance(const void *arg UNUSED)
{
    char byte;
    struct tm local;
    time_t now = time(NULL);
    SHOULD(localtime_r(&now, &local) != NULL);
    SHOULD(getentropy(&byte, 1) == 0);
    SHOULD(sysconf(_SC_NPROCESSORS_ONLN) > 0);
    SHOULD(strlen(strerror(ENOENT)) > 0);
    struct rlimit limit;
    SHOULD(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    return NULL;
}

static bool shake_hands(SSL *server, SSL *client)
{
    BIO *left, *right;
    if (BIO_new_bio_pair(&left, 0, &right, 0) != 1)
        return false;
    SSL_set_bio(server, left, left);
    SSL_set_bio(client, right, right);
    SSL_set_accept_state(server);
    SSL_set_connect_state(client);
    for (int i = 0; i < 10 && !(SSL_is_init_finished(server) && SSL_is_init_finished(client));
            i++) {
        SSL_do_handshake(client);
        SSL_do_handshake(server);
    }
    return SSL_is_init_finished(server) && SSL_is_init_finished(client);
}

static const char *tls(const void *arg UNUSED)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = X509_new();
    SHOULD(key != NULL && x != NULL);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    SHOULD(X509_sign(x, key, EVP_sha256()) > 0);
    SSL_CTX *of_server = SSL_CTX_new(TLS_server_method());
    SSL_CTX *of_client = SSL_CTX_new(TLS_client_method());
    SHOULD(SSL_CTX_use_certificate(of_server, x) == 1);
    SHOULD(SSL_CTX_use_PrivateKey(of_server, key) == 1);
    SHOULD(SSL_CTX_set_default_verify_paths(of_client) == 1);
    SSL *server = SSL_new(of_server), *client = SSL_new(of_client);
    SHOULD(shake_hands(server, client));
    SSL_free(server);
    SSL_free(client);
    SSL_CTX_free(of_server);
    SSL_CTX_free(of_client);
    X509_free(x);
    EVP_PKEY_free(key);
    return NULL;
}

static const char *late_libraries(const void *arg UNUSED)
{
    SHOULD(dlopen("libanl.so.1", RTLD_NOLOAD | RTLD_NOW) == NULL);
    SHOULD(dlopen("libanl.so.1", RTLD_NOW) != NULL);
    return NULL;
}

static const char *standard_output(const void *arg UNUSED)
{
    isatty(STDERR_FILENO);
    SHOULD(fprintf(stderr, "%s", "") == 0);
    return NULL;
}

static void works(void **state UNUSED)
{
    static const struct trial_case cases[] = {
            {"threads", threads},
            {"memory of all sizes", memory_of_all_sizes},
            {"waiting", waiting},
            {"the network", network},
            {"names", names},
            {"time, chance, the machine", time_and_chance},
            {"TLS", tls},
            {"libraries loaded late", late_libraries},
            {"standard output", standard_output},
    };
    run_all(cases, COUNT_OF(cases));
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
    return bad != NULL ? bad : threads(NULL);
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
    own_status("CapPrm", before, sizeof(before));
    SHOULD(!failed(sandbox_enter(&memory, &(struct sandbox_wish){.mode = SANDBOX_OFF})));
    SHOULD(!failed(sandbox_enter_lightly(&memory, SANDBOX_OFF)));
    own_status("CapPrm", after, sizeof(after));
    SHOULD(strcmp(before, after) == 0);
    SHOULD(opens(under_top("other/file"), O_RDONLY));
    SHOULD(prctl(PR_GET_SECCOMP) == 0);
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
            cmocka_unit_test(works),
            cmocka_unit_test(abort_is_abort),
            cmocka_unit_test(the_supervisor_starts_programs),
            cmocka_unit_test(off_is_off),
            cmocka_unit_test(on_means_all_of_it),
            cmocka_unit_test(the_signal_is_explained),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
