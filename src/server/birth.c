// SPDX-License-Identifier: Apache-2.0
// server/birth.c: reading LISTEN_FDS, and hearing the predecessor.
#include "server/birth.h"

#include "base/encode.h"
#include "rt/process.h"

#define FIRST_PASSED 3 // SD_LISTEN_FDS_START
#define PASSED_MAX 4096
#define LINE_BYTES_MAX 256
#define HEAR_MS (10 * SECOND_MS)

static struct err read_passed(struct arena *a, const struct conf_env *env, struct birth *b);
static bool are_ours(const struct conf_env *env);
static void note(struct birth *b, struct str line);
static bool take_descriptor(struct scan *in, int *out);

struct err birth_read(struct arena *a, const struct conf_env *env, struct birth *out)
{
    uint64_t wire;
    *out = (struct birth){.wire_fd = -1, .lock_fd = -1, .control_fd = -1, .follow_fd = -1};
    struct err e = OK;
    if (are_ours(env)) {
        e = read_passed(a, env, out);
        if (str_to_u64(conf_env_exact(env, S(HANDOVER_VARIABLE)), INT32_MAX, &wire)) {
            out->wire_fd = (int)wire;
            out->from = FROM_PREDECESSOR;
            descriptor_keep_private(out->wire_fd);
        }
    }
    static const char *const variables[] = {
            "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", HANDOVER_VARIABLE};
    for (size_t i = 0; i < COUNT_OF(variables); i++)
        environment_forget(variables[i]);
    return e;
}

// They stay in the environment of a shell that was activated, say: then they are not meant for us.
static bool are_ours(const struct conf_env *env)
{
    uint64_t pid;
    return str_to_u64(conf_env_exact(env, S("LISTEN_PID")), INT32_MAX, &pid) &&
           pid == (uint64_t)process_id();
}

static struct err read_passed(struct arena *a, const struct conf_env *env, struct birth *b)
{
    uint64_t count;
    struct str names = conf_env_exact(env, S("LISTEN_FDNAMES")), name;
    if (!str_to_u64(conf_env_exact(env, S("LISTEN_FDS")), PASSED_MAX, &count))
        return fail(ERR_CONFIG, "LISTEN_FDS is not a number of sockets");
    struct inherited_socket *sockets = arena_array(a, count + 1, struct inherited_socket);
    if (sockets == NULL)
        return fail(ERR_LIMIT, "no memory for the sockets that were passed");
    for (size_t i = 0; i < count; i++)
        sockets[i] = (struct inherited_socket){
                .fd = FIRST_PASSED + (int)i, .name = str_split(&names, ':', &name) ? name : S("")};
    b->sockets = sockets;
    b->socket_count = count;
    return OK;
}

struct err birth_hear(struct birth *b)
{
    if (b->wire_fd < 0)
        return OK;
    TRY(wire_adopt(b->wire_fd, &b->wire));
    within_ms(HEAR_MS);
    for (;;) {
        struct str line;
        struct err e = stream_until(b->wire, S("\n"), LINE_BYTES_MAX, &line);
        if (e.kind == ERR_CLOSED || e.kind == ERR_RESET)
            return OK; // it died, and we have its sockets
        TRY(e);
        if (str_eq(line, S("begin\n")))
            return OK;
        note(b, line);
    }
}

static void note(struct birth *b, struct str line)
{
    struct scan in = scan_over(str_trim(line));
    struct buf secret AUTO(buf_done);
    buf_init(&secret, TICKET_SECRET_BYTES);
    if (scan_lit(&in, S("secret "))) {
        b->has_secret = decode_hex(&secret, scan_rest(&in)) && secret.len == TICKET_SECRET_BYTES;
        if (b->has_secret)
            memcpy(b->secret, secret.ptr, secret.len);
    } else if (scan_lit(&in, S("generation "))) {
        if (!scan_u64(&in, UINT32_MAX, &b->generation_number))
            b->generation_number = 0;
    } else if (!(scan_lit(&in, S("lock ")) && take_descriptor(&in, &b->lock_fd)) &&
               !(scan_lit(&in, S("control ")) && take_descriptor(&in, &b->control_fd)) &&
               scan_lit(&in, S("follow "))) {
        (void)take_descriptor(&in, &b->follow_fd);
    }
}

static bool take_descriptor(struct scan *in, int *out)
{
    uint64_t number;
    if (!scan_u64(in, INT32_MAX, &number))
        return false;
    *out = (int)number;
    descriptor_keep_private(*out);
    return true;
}

struct err birth_announce(struct birth *b)
{
    struct str line = STR_NULL;
    if (b->wire == NULL)
        return OK;
    within_ms(HEAR_MS);
    struct err e = stream_write(b->wire, S("ready\n"));
    if (!failed(e))
        e = stream_flush(b->wire);
    if (!failed(e))
        e = stream_until(b->wire, S("\n"), LINE_BYTES_MAX, &line);
    bool refused = !failed(e) && !str_eq(line, S("main\n"));
    stream_close(b->wire);
    b->wire = NULL;
    // One that does not answer any more is gone, and somebody must serve.
    return refused ? fail(ERR_REFUSED, "the former server goes on") : OK;
}
