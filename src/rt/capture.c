// SPDX-License-Identifier: Apache-2.0
// rt/capture.c: see rt/capture.h.
#include "rt/capture.h"

#include <sys/prctl.h>
#include <unistd.h>

void capture_errors(int fd)
{
    if (fd < 0)
        return;
    // Should this fail, the text goes where the parent's goes: seen, if not logged.
    (void)dup2(fd, STDERR_FILENO);
    close(fd);
}

void process_show_as(const char *name)
{
    (void)prctl(PR_SET_NAME, name); // a name is for people: going without one harms nobody
}

void capture_pass_on(struct str text)
{
    ssize_t ignored UNUSED = write(STDERR_FILENO, text.ptr, text.len);
}
