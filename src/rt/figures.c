// SPDX-License-Identifier: Apache-2.0
// rt/figures.c: reading /proc/PID/stat. Its second field is the program's name in parentheses, in
// which anything may stand; the fields behind the last parenthesis are numbers.
#include "rt/figures.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define STAT_BYTES_MAX 900
#define PATH_BYTES_MAX 48
#define FIELD_CPU_USER 14 // proc(5): fields count from 1
#define FIELD_CPU_SYSTEM 15
#define FIELD_PAGES 24

static struct str proc_path(char *room, pid_t pid, struct str name);
static bool read_whole(struct str path, char *room, struct str *out);
static int64_t field(struct str behind_name, size_t number);
static int64_t count_descriptors(struct str folder);

bool process_figures_read(pid_t pid, struct process_figures *out)
{
    char path[PATH_BYTES_MAX], room[STAT_BYTES_MAX];
    struct str text;
    if (!read_whole(proc_path(path, pid, S("stat")), room, &text))
        return false;
    size_t end = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == ')')
            end = i + 1;
    struct str rest = str_from(text, end);
    int64_t ticks = field(rest, FIELD_CPU_USER) + field(rest, FIELD_CPU_SYSTEM);
    *out = (struct process_figures){.cpu_ms = ticks * 1000 / sysconf(_SC_CLK_TCK),
            .memory_bytes = field(rest, FIELD_PAGES) * sysconf(_SC_PAGESIZE),
            .descriptors = count_descriptors(proc_path(path, pid, S("fd")))};
    return true;
}

static struct str proc_path(char *room, pid_t pid, struct str name)
{
    struct buf path AUTO(buf_done);
    buf_init(&path, PATH_BYTES_MAX);
    buf_fmt(&path, "/proc/%d/%.*s", (int)pid, ARG(name));
    memcpy(room, path.ptr, path.len);
    room[path.len] = '\0';
    return str_of(room, path.len);
}

static bool read_whole(struct str path, char *room, struct str *out)
{
    int fd = open(path.ptr, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, room, STAT_BYTES_MAX);
    if (fd >= 0)
        close(fd);
    if (got <= 0)
        return false;
    *out = str_of(room, (size_t)got);
    return true;
}

static int64_t field(struct str behind_name, size_t number)
{
    struct scan in = scan_over(behind_name);
    struct str word;
    uint64_t value = 0;
    scan_blanks(&in);
    for (size_t at = 3; at < number; at++) {
        (void)scan_until(&in, ' ', &word);
        scan_blanks(&in);
    }
    return scan_u64(&in, INT64_MAX, &value) ? (int64_t)value : 0;
}

// Linux 6.2 tells the number as the size of the folder; before, they have to be listed.
static int64_t count_descriptors(struct str folder)
{
    struct stat st;
    if (stat(folder.ptr, &st) != 0)
        return -1;
    if (st.st_size > 0)
        return st.st_size;
    DIR *dir = opendir(folder.ptr);
    int64_t count = dir == NULL ? -1 : 0;
    while (dir != NULL && readdir(dir) != NULL)
        count++;
    if (dir != NULL)
        closedir(dir);
    return count > 2 ? count - 2 : count; // without "." and ".."
}
