// SPDX-License-Identifier: Apache-2.0
// rt/listening_holder.c: who listens on an address, from /proc: the kernel's table of sockets gives
// the inode, the processes' descriptors say whose it is. Only a help for the administrator: what
// cannot be read is passed over.
#include "rt/listening.h"

#include "rt/sockaddr.h"

#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#define TABLE_BYTES_MAX (8 * MIB)
#define LINK_BYTES_MAX 64
#define LISTEN_STATE "0A" // TCP_LISTEN in /proc/net/tcp

static bool table_find(const char *table, const struct endpoint *at, uint64_t *out_inode);
static bool line_matches(struct str line, const struct endpoint *at, uint64_t *out_inode);
static struct str word_nth(struct str line, size_t nth);
static bool process_has(pid_t pid, struct str wanted);

pid_t listening_holder(const struct endpoint *at)
{
    uint64_t inode = 0;
    if (!str_is_null(at->unix_path) || at->port == 0)
        return 0;
    if (!table_find("/proc/net/tcp", at, &inode) && !table_find("/proc/net/tcp6", at, &inode))
        return 0;
    struct buf wanted AUTO(buf_done);
    buf_init(&wanted, LINK_BYTES_MAX);
    buf_fmt(&wanted, "socket:[%llu]", (unsigned long long)inode);
    DIR *processes = opendir("/proc");
    pid_t found = 0;
    for (struct dirent *d = NULL; processes != NULL && found == 0;) {
        d = readdir(processes);
        uint64_t pid;
        if (d == NULL)
            break;
        if (str_to_u64(str_from_c(d->d_name), INT32_MAX, &pid) &&
                process_has((pid_t)pid, buf_str(&wanted)))
            found = (pid_t)pid;
    }
    if (processes != NULL)
        closedir(processes);
    return found;
}

static bool table_find(const char *table, const struct endpoint *at, uint64_t *out_inode)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TABLE_BYTES_MAX);
    int fd = open(table, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? 0 : 1;
    while (got > 0 && buf_reserve(&text, 64 * KIB)) {
        got = read(fd, text.ptr + text.len, 64 * KIB);
        text.len += got > 0 ? (size_t)got : 0;
    }
    if (fd >= 0)
        close(fd);
    struct scan in = scan_over(buf_str(&text));
    struct str line;
    while (scan_line(&in, &line))
        if (line_matches(line, at, out_inode))
            return true;
    return false;
}

// "  0: 0100007F:1F90 00000000:0000 0A ... inode ...": the address in the machine's order of bytes,
// the port in hexadecimal. A wildcard holds the port for all addresses.
static bool line_matches(struct str line, const struct endpoint *at, uint64_t *out_inode)
{
    struct str local = word_nth(line, 1), address, port_text;
    uint64_t port;
    if (!str_eq(word_nth(line, 3), S(LISTEN_STATE)) || !str_cut(local, ':', &address, &port_text))
        return false;
    struct scan in = scan_over(port_text);
    if (!scan_hex_u64(&in, 4, &port) || port != at->port)
        return false;
    bool wildcard = true;
    for (size_t i = 0; i < address.len; i++)
        wildcard = wildcard && address.ptr[i] == '0';
    if (!wildcard && at->ip.family == IP_V4 && address.len == 8 && !ip_is_unspecified(&at->ip)) {
        uint64_t number;
        uint32_t ours;
        struct scan digits = scan_over(address);
        memcpy(&ours, at->ip.bytes, sizeof(ours));
        if (!scan_hex_u64(&digits, 8, &number) || number != ours)
            return false;
    }
    return str_to_u64(word_nth(line, 9), UINT64_MAX, out_inode) && *out_inode != 0;
}

static struct str word_nth(struct str line, size_t nth)
{
    struct str rest = str_trim_blanks(line), word = S("");
    for (size_t i = 0; i <= nth; i++) {
        do
            if (!str_split(&rest, ' ', &word))
                return S("");
        while (str_is_empty(word));
    }
    return word;
}

static bool process_has(pid_t pid, struct str wanted)
{
    struct buf path AUTO(buf_done);
    buf_init(&path, LINK_BYTES_MAX);
    buf_fmt(&path, "/proc/%d/fd", (int)pid);
    buf_add_byte(&path, '\0');
    DIR *descriptors = opendir(path.ptr);
    bool found = false;
    while (descriptors != NULL && !found) {
        struct dirent *d = readdir(descriptors);
        char target[LINK_BYTES_MAX];
        if (d == NULL)
            break;
        ssize_t len = readlinkat(dirfd(descriptors), d->d_name, target, sizeof(target));
        found = len > 0 && str_eq(str_of(target, (size_t)len), wanted);
    }
    if (descriptors != NULL)
        closedir(descriptors);
    return found;
}
