// SPDX-License-Identifier: Apache-2.0
// tests/unit/rt/test_logging.c: what the log writer asks of the machine: packets between processes,
// files that grow, the journal's socket. In a folder of its own under /tmp.
#include "../base/check.h"

#include "rt/appendfile.h"
#include "rt/figures.h"
#include "rt/packet.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct place {
    struct arena a;
    char folder[64];
};

static struct str in_place(struct place *p, const char *name)
{
    return arena_fmt(&p->a, "%s/%s", p->folder, name);
}

static void place_begin(struct place *p)
{
    static const char template[] = "/tmp/posthaste-test-XXXXXX";
    arena_init(&p->a, 4 * MIB);
    memcpy(p->folder, template, sizeof(template));
    assert_non_null(mkdtemp(p->folder));
}

static void place_end(struct place *p)
{
    struct log_entry *entries = NULL;
    size_t count = 0;
    const char *folders[] = {"/log", ""};
    for (size_t f = 0; f < COUNT_OF(folders); f++) {
        struct str folder = arena_fmt(&p->a, "%s%s", p->folder, folders[f]);
        if (!failed(log_list(&p->a, folder, S(""), &entries, &count)))
            for (size_t i = 0; i < count; i++)
                (void)unlink(arena_c_str(
                        &p->a, arena_fmt(&p->a, "%.*s/%.*s", ARG(folder), ARG(entries[i].name))));
        (void)unlink(arena_c_str(&p->a, arena_fmt(&p->a, "%.*s/link", ARG(folder))));
        (void)unlink(arena_c_str(&p->a, arena_fmt(&p->a, "%.*s/socket", ARG(folder))));
        (void)rmdir(arena_c_str(&p->a, folder));
    }
    arena_done(&p->a);
}

static void packets_keep_their_limits(void **unused UNUSED)
{
    int fds[2];
    char room[64];
    size_t len = 0;
    assert_false(failed(packet_pair(fds)));
    assert_int_equal(packet_receive(fds[1], room, sizeof(room), &len), PACKET_FULL);
    assert_int_equal(packet_send(fds[0], S("one")), PACKET_DONE);
    assert_int_equal(packet_send(fds[0], S("two!")), PACKET_DONE);
    assert_true(packet_wait_bytes(fds[1], 0));
    assert_int_equal(packet_receive(fds[1], room, sizeof(room), &len), PACKET_DONE);
    check_str("first", str_of(room, len), S("one"));
    assert_int_equal(packet_receive(fds[1], room, sizeof(room), &len), PACKET_DONE);
    check_str("second", str_of(room, len), S("two!"));
    close(fds[1]);
    assert_int_equal(packet_send(fds[0], S("x")), PACKET_GONE);
    close(fds[0]);
}

static void a_packet_brings_a_descriptor(void **unused UNUSED)
{
    int fds[2], inner[2], got = -2;
    char room[64];
    size_t len = 0;
    assert_false(failed(packet_pair(fds)));
    assert_false(failed(packet_pair(inner)));
    assert_int_equal(packet_send_with(fds[0], S("channel"), inner[1]), PACKET_DONE);
    assert_int_equal(packet_send(fds[0], S("alone")), PACKET_DONE);
    close(inner[1]);
    packet_wait_any((const int[]){inner[0], fds[1]}, 2, 10000);
    assert_int_equal(packet_receive_with(fds[1], room, sizeof(room), &len, &got), PACKET_DONE);
    check_str("its text", str_of(room, len), S("channel"));
    assert_true(got >= 0 && (fcntl(got, F_GETFD) & FD_CLOEXEC) != 0);
    assert_int_equal(packet_send(inner[0], S("through")), PACKET_DONE);
    int handed = got;
    assert_int_equal(packet_receive_with(fds[1], room, sizeof(room), &len, &got), PACKET_DONE);
    assert_int_equal(got, -1);
    assert_int_equal(packet_receive_with(fds[1], room, sizeof(room), &len, &got), PACKET_FULL);
    assert_int_equal(packet_receive(handed, room, sizeof(room), &len), PACKET_DONE);
    check_str("by the copy", str_of(room, len), S("through"));
    close(fds[0]);
    assert_int_equal(packet_receive_with(fds[1], room, sizeof(room), &len, &got), PACKET_GONE);
    assert_int_equal(packet_send_with(fds[1], S("channel"), handed), PACKET_GONE);
    close(fds[1]);
    close(inner[0]);
    close(handed);
}

static void a_process_has_figures(void **unused UNUSED)
{
    struct process_figures f;
    if (!process_figures_read(getpid(), &f))
        skip(); // a machine without /proc
    assert_true(f.cpu_ms >= 0 && f.memory_bytes > 100000 && f.descriptors >= 3);
    int64_t before = f.descriptors;
    int more = dup(1);
    assert_true(process_figures_read(getpid(), &f));
    assert_int_equal(f.descriptors, before + 1);
    close(more);
    assert_false(process_figures_read(INT32_MAX, &f));
}

static void a_full_wire_says_so(void **unused UNUSED)
{
    int fds[2];
    size_t sent = 0, len = 0;
    struct buf big;
    buf_init(&big, PACKET_BYTES_MAX);
    buf_add_repeat(&big, 'x', PACKET_BYTES_MAX);
    char *room = mem_bytes(PACKET_BYTES_MAX);
    assert_non_null(room);
    assert_false(failed(packet_pair(fds)));
    while (sent < 1000 && packet_send(fds[0], buf_str(&big)) == PACKET_DONE)
        sent++;
    assert_true(sent > 0 && sent < 1000);
    assert_false(packet_wait_room(fds[0], 0));
    for (size_t i = 0; i < sent; i++)
        assert_int_equal(packet_receive(fds[1], room, PACKET_BYTES_MAX, &len), PACKET_DONE);
    assert_int_equal(len, PACKET_BYTES_MAX);
    assert_true(packet_wait_room(fds[0], 0));
    close(fds[0]);
    close(fds[1]);
    mem_free(room);
    buf_done(&big);
}

static void a_log_grows_and_moves(void **unused UNUSED)
{
    struct place p;
    struct append_file file, again;
    struct stat st;
    size_t written = 0;
    place_begin(&p);
    struct str path = in_place(&p, "log/posthaste");
    assert_false(failed(append_open(&p.a, path, &file)));
    assert_int_equal(file.size, 0);
    assert_false(failed(append_write(&p.a, file.fd, S("line\n"), &written)));
    assert_int_equal(written, 5);
    assert_int_equal(fstat(file.fd, &st), 0);
    assert_int_equal(st.st_mode & 0777 & ~0640, 0);
    assert_true(append_is_at(&file, path));
    assert_false(failed(append_link(&p.a, in_place(&p, "log/link"), S("posthaste"))));
    assert_false(failed(append_link(&p.a, in_place(&p, "log/link"), S("posthaste")))); // again
    assert_false(failed(log_rename(&p.a, path, in_place(&p, "log/posthaste.1"))));
    assert_false(append_is_at(&file, path));
    append_close(file.fd);
    assert_false(failed(append_open(&p.a, in_place(&p, "log/posthaste.1"), &again)));
    assert_int_equal(again.size, 5);
    append_close(again.fd);
    struct log_entry *entries = NULL;
    size_t count = 0;
    assert_false(failed(log_list(&p.a, in_place(&p, "log"), S("post"), &entries, &count)));
    assert_int_equal(count, 1); // the link is none of them
    check_str("name", entries[0].name, S("posthaste.1"));
    place_end(&p);
}

static void no_log_through_a_link(void **unused UNUSED)
{
    struct place p;
    struct append_file file = {.fd = -1};
    place_begin(&p);
    assert_int_equal(symlink("/dev/null", arena_c_str(&p.a, in_place(&p, "link"))), 0);
    struct err e = append_open(&p.a, in_place(&p, "link"), &file);
    assert_true(failed(e));
    check_true("names the file", str_contains(err_text(e), in_place(&p, "link")));
    assert_true(failed(append_open(&p.a, S("/dev/null"), &file)));
    assert_true(failed(append_open(&p.a, in_place(&p, "a/b/c"), &file))); // no folder for folder
    place_end(&p);
}

static int journal_socket(struct place *p)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct str path = in_place(p, "socket");
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path, path.ptr, path.len);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    return fd;
}

static void small_entries_are_datagrams(void **unused UNUSED)
{
    struct place p;
    char got[64];
    int fd = -1;
    place_begin(&p);
    assert_true(failed(journal_connect(&p.a, in_place(&p, "socket"), &fd)));
    int journal = journal_socket(&p);
    assert_false(failed(journal_connect(&p.a, in_place(&p, "socket"), &fd)));
    assert_false(failed(journal_send(&p.a, fd, S("MESSAGE=x\n"))));
    ssize_t len = recv(journal, got, sizeof(got), 0);
    check_str("entry", str_of(got, (size_t)len), S("MESSAGE=x\n"));
    close(journal);
    struct err e = journal_send(&p.a, fd, S("x"));
    assert_true(failed(e) && e.kind != ERR_LIMIT); // gone, not busy
    append_close(fd);
    place_end(&p);
}

static void large_entries_are_sealed_files(void **unused UNUSED)
{
    struct place p;
    struct buf entry;
    int fd = -1, file = -1;
    place_begin(&p);
    buf_init(&entry, MIB);
    buf_add_repeat(&entry, 'x', 300 * KIB);
    int journal = journal_socket(&p);
    assert_false(failed(journal_connect(&p.a, in_place(&p, "socket"), &fd)));
    assert_false(failed(journal_send(&p.a, fd, buf_str(&entry))));
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct msghdr message = {.msg_control = control.room, .msg_controllen = sizeof(control.room)};
    assert_int_equal(recvmsg(journal, &message, 0), 0);
    assert_non_null(CMSG_FIRSTHDR(&message));
    memcpy(&file, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(file));
    struct stat st;
    assert_int_equal(fstat(file, &st), 0);
    assert_int_equal(st.st_size, 300 * KIB);
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    assert_int_equal(fcntl(file, F_GET_SEALS) & seals, seals);
    close(file);
    close(journal);
    append_close(fd);
    buf_done(&entry);
    place_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(packets_keep_their_limits),
            TEST(a_packet_brings_a_descriptor),
            TEST(a_process_has_figures),
            TEST(a_full_wire_says_so),
            TEST(a_log_grows_and_moves),
            TEST(no_log_through_a_link),
            TEST(small_entries_are_datagrams),
            TEST(large_entries_are_sealed_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
