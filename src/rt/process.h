// SPDX-License-Identifier: Apache-2.0
// rt/process.h: processes, signals and the wire between a supervisor and its workers. On the real
// machine only.
#pragma once

#include "base/base.h"
#include "rt/stream.h"

#include <signal.h>
#include <sys/types.h>

// Runs main(arg) in a child, on its large stack, without the parent's loop and tasks; the child
// exits with what main returns. The child keeps standard input, output and error and the
// descriptors listed, and closes all others.
typedef int process_main(void *arg);
struct err process_fork(
        process_main *main, void *arg, const int *keep, size_t keep_count, pid_t *out_pid) MUST_USE;
// A process that has ended, without waiting; pid 0 when none has.
pid_t process_reap(int *out_status);
bool process_signal(pid_t pid, int signo);
pid_t process_id(void);
// Replaces this program by another; returns only on failure. The path is looked up anew. The
// descriptors become 3, 4, 5, ... in it, in this order (what LISTEN_FDS is about). Only in a child.
struct err process_exec(struct arena *a, const char *const *argv, const char *const *env,
        const int *fds, size_t count) MUST_USE;
// What this process was started with, NULL at the end; NULL when the system does not tell.
const char *const *process_arguments(struct arena *a);

// Signals of the set are blocked and read in order instead. One reader a process.
struct signals;
struct err signals_begin(const int *signos, size_t count, struct signals **out) MUST_USE;
struct err signals_wait(struct signals *s, int *out_signo) suspends MUST_USE;
void signals_end(struct signals *s); // NULL is fine; the signals stay blocked

// Two ends of a wire for lines of text; each is adopted by a loop as a stream.
struct err wire_make(int out_fds[2]) MUST_USE;
struct err wire_adopt(int fd, struct stream **out) MUST_USE;
void descriptor_close(int fd);        // a negative one is none
int descriptor_duplicate(int fd);     // close-on-exec; negative when there is no room
void descriptor_keep_private(int fd); // close-on-exec from now on
void descriptor_never_block(int fd);  // for one that somebody else has made

// One datagram to the service manager (sd_notify's protocol); nothing without NOTIFY_SOCKET.
void service_notify(struct str socket_path, struct str text);

// A variable that other programs started from here must not see.
void environment_forget(const char *name);

// Raises the limit of open descriptors to what the system allows; tells the result.
uint64_t descriptors_raise(void);
size_t processors_online(void);
// The child dies with its parent: a worker must not outlive the supervisor unseen.
void process_die_with_parent(void);
