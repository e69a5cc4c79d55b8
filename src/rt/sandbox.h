// SPDX-License-Identifier: Apache-2.0
// rt/sandbox.h: what a worker gives up before it talks to anybody, so that whoever finds a hole in
// it has won little. Three fences, each of use without the others:
//
//   capabilities   all of them
//   landlock       files: only those of sandbox_files.def, and what the wish names
//   seccomp        system calls: only those of sandbox_calls.def, some with certain arguments only
//
// A call that no honest program of ours makes (execve, ptrace, mount) ends the worker by SIGSYS;
// any other one that is not in the table fails with ENOSYS, as if the kernel were older: libraries
// of the distribution change under us, know that answer, and must not cost a worker's sessions.
// The kernel's log names both kinds of calls.
//
// Builds with a sanitizer and runs under valgrind go without: both work with calls and files that
// are not ours.
#pragma once

#include "base/base.h"

// In the order of the words of server.sandbox.mode.
enum sandbox_mode { SANDBOX_BEST_EFFORT, SANDBOX_ON, SANDBOX_OFF };

struct sandbox_wish {
    enum sandbox_mode mode; // ON: fails where a fence cannot be built
    // Files and folders; of a folder, all below it. One that is not there is left out.
    const struct str *read;
    size_t read_count;
    const struct str *write; // to read them, too
    size_t write_count;
};

struct sandbox_support {
    int landlock; // version of its interface; 0: not there
    bool seccomp;
    struct str missing; // what is not there, and why; null: nothing
};
struct sandbox_support sandbox_probe(void); // the text is static

// For a worker, once, before it has threads; open descriptors stay usable. There is no way back.
struct err sandbox_enter(struct arena *a, const struct sandbox_wish *wish) MUST_USE;
// For the supervisor, which must go on to read configurations and start programs: only the calls
// that nothing here ever needs are closed to it and its children.
struct err sandbox_enter_lightly(struct arena *a, enum sandbox_mode mode) MUST_USE;

// The folder of a file whose successors must be readable as well (certificates are renewed by
// renaming), and the one that links lead to, so that both can go into the wish. Folders that hold
// much else (/, /etc, /home) are not given: then it is the file alone. Adds up to two paths.
size_t sandbox_paths_of(struct arena *a, struct str file, struct str out[2]);

// For the report of a worker that ended by this signal; null when the sandbox is not the reason.
struct str sandbox_explain_signal(int signo);
