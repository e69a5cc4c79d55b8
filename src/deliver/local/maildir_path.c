// SPDX-License-Identifier: Apache-2.0
// deliver/local/maildir_path.c: see maildir_path.h. Values come from addresses, that is, from
// anybody: what could leave the place that the administrator gave is refused, never mended, because
// two addresses must not meet in one mailbox.
#include "deliver/local/maildir_path.h"

#include "base/hash.h"
#include "base/id.h"
#include "rt/file.h"
#include "rt/mailfile.h"

#define PATH_BYTES_MAX 4096     // of Linux
#define COMPONENT_BYTES_MAX 255 // of all file systems that matter
#define HOST_BYTES_MAX 100      // of the name of a file, which has 255
#define FOLDER_BYTES_MAX 128    // of a detail: longer ones name no folder

static struct err value_of(
        struct arena *a, const struct maildir_names *names, struct str name, struct str *out);
static struct err value_check(struct arena *a, struct str name, struct str value);
static bool is_folder(struct arena *a, struct str path);
static bool host_byte(uint8_t c);

struct err maildir_path(
        struct arena *a, struct str pattern, const struct maildir_names *names, struct str *out)
{
    struct scan in = scan_over(pattern);
    struct buf path AUTO(buf_done);
    struct str text, name, value;
    buf_init(&path, PATH_BYTES_MAX);
    while (scan_until_past(&in, '{', &text)) {
        buf_add(&path, text);
        if (!scan_until_past(&in, '}', &name))
            return fail_fmt(a, ERR_CONFIG, "a brace is open in %.*s", ARG(pattern));
        TRY(value_of(a, names, name, &value));
        buf_add(&path, value);
    }
    buf_add(&path, scan_rest(&in));
    *out = arena_str(a, buf_str(&path));
    if (path.overflow)
        return fail(ERR_SYNTAX, "the path of the mailbox would be too long");
    return str_is_null(*out) ? fail(ERR_LIMIT, "no memory for the path of a mailbox") : OK;
}

static struct err value_of(
        struct arena *a, const struct maildir_names *names, struct str name, struct str *out)
{
    const struct {
        struct str name, value;
    } all[] = {{S("local"), names->local}, {S("domain"), names->domain}, {S("rcpt"), names->rcpt},
            {S("user"), names->user}};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!str_eq(all[i].name, name))
            continue;
        *out = all[i].value;
        return value_check(a, name, *out);
    }
    return fail_fmt(a, ERR_CONFIG, "{%.*s} stands for nothing", ARG(name));
}

static struct err value_check(struct arena *a, struct str name, struct str value)
{
    const char *what = NULL;
    if (value.len == 0)
        what = "is empty";
    else if (value.len > COMPONENT_BYTES_MAX)
        what = "is too long";
    else if (str_starts(value, S(".")) || str_contains(value, S("..")))
        what = "has dots where a path must not have them";
    for (size_t i = 0; what == NULL && i < value.len; i++)
        if (value.ptr[i] == '/' || (uint8_t)value.ptr[i] < ' ' || value.ptr[i] == 0x7f)
            what = "has a slash or a control character";
    if (what == NULL)
        return OK;
    return fail_fmt(a, ERR_SYNTAX, "no mailbox can be called so: {%.*s} %s", ARG(name), what);
}

struct str maildir_root(struct str pattern)
{
    struct str fixed = str_upto(pattern, str_find_byte(pattern, '{')), above, last;
    if (fixed.len == pattern.len)
        return pattern;
    if (!str_rcut(fixed, '/', &above, &last))
        return S(".");
    return above.len > 0 ? above : S("/");
}

// A folder of Maildir++ is a dot and names with dots between them. Clients write what is beyond
// ASCII, and '&', in a way of their own (RFC 3501 5.1.3), which we do not know: these name none.
bool maildir_folder_name(struct arena *a, struct str detail, struct str *out)
{
    if (detail.len == 0 || detail.len > FOLDER_BYTES_MAX || str_starts(detail, S(".")) ||
            str_ends(detail, S(".")) || str_contains(detail, S("..")))
        return false;
    for (size_t i = 0; i < detail.len; i++) {
        uint8_t c = (uint8_t)detail.ptr[i];
        if (c < ' ' || c > '~' || c == '/' || c == '&')
            return false;
    }
    *out = arena_join(a, S("."), detail);
    return !str_is_null(*out);
}

struct str maildir_folder(struct arena *a, struct str path, struct str detail)
{
    struct folder_reader *reader AUTO(folder_reader_auto_close) = NULL;
    struct str wished, name;
    if (!maildir_folder_name(a, detail, &wished))
        return path;
    struct str folder = arena_fmt(a, "%.*s/%.*s", ARG(path), ARG(wished));
    if (is_folder(a, folder))
        return folder;
    if (failed(folder_reader_open(a, path, &reader)))
        return path;
    while (folder_reader_next(reader, &name)) {
        if (!str_eq_nocase(name, wished))
            continue;
        folder = arena_fmt(a, "%.*s/%.*s", ARG(path), ARG(name));
        return is_folder(a, folder) ? folder : path;
    }
    return path;
}

static bool is_folder(struct arena *a, struct str path)
{
    struct file_info info;
    return !failed(file_stat(a, arena_join(a, path, S("/cur")), &info));
}

struct str maildir_unique(
        struct arena *a, int64_t created_ms, uint64_t id, struct str mailbox, struct str host)
{
    struct buf name AUTO(buf_done);
    buf_init(&name, COMPONENT_BYTES_MAX);
    buf_fmt(&name, "%lld.Q", (long long)(created_ms / SECOND_MS));
    id_add(&name, id);
    buf_fmt(&name, "R%08x.", hash_crc32c(0, mailbox));
    for (size_t i = 0; i < host.len && i < HOST_BYTES_MAX; i++)
        buf_add_byte(&name, host_byte((uint8_t)host.ptr[i]) ? host.ptr[i] : '_');
    return arena_str(a, buf_str(&name));
}

static bool host_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '.' || c == '-';
}

bool maildir_name_is(struct str name, struct str unique)
{
    struct str rest = str_from(name, unique.len);
    return str_starts(name, unique) && (rest.len == 0 || rest.ptr[0] == ',' || rest.ptr[0] == ':');
}
