// SPDX-License-Identifier: Apache-2.0
// listen/settings_socket.c: socket options of a listener (listeners.md 6).
#include "listen/settings_read.h"

#define BACKLOG_DEFAULT 1024

static void read_tos(struct reading *r, struct listener *l);
static void read_mode(struct reading *r, struct listener *l);
static void check_defer_accept(struct reading *r, struct listener *l);

void settings_read_socket(struct reading *r, struct listener *l)
{
    l->socket = (struct socket_settings){
            .reuse_addr = listener_bool(r, l, S("socket.reuse-addr")),
            .reuse_port = listener_bool(r, l, S("socket.reuse-port")),
            .nodelay = listener_bool(r, l, S("socket.nodelay")),
            .freebind = listener_bool(r, l, S("socket.freebind")),
            .backlog = (int)listener_u64(r, l, S("socket.backlog")),
            .ttl = (int)listener_u64(r, l, S("socket.ttl")),
            .send_buffer_bytes = (int)listener_u64(r, l, S("socket.send-buffer-size")),
            .recv_buffer_bytes = (int)listener_u64(r, l, S("socket.recv-buffer-size")),
            .linger_ms = listener_ms(r, l, S("socket.linger")),
            .keepalive_ms = listener_ms(r, l, S("socket.keepalive")),
            .user_timeout_ms = listener_ms(r, l, S("socket.user-timeout")),
            .defer_accept_ms = listener_ms(r, l, S("socket.defer-accept")),
            .v6only = -1,
            .bind_device = listener_str(r, l, S("socket.bind-device")),
            .mode = -1,
            .user = listener_str(r, l, S("socket.user")),
            .group = listener_str(r, l, S("socket.group")),
    };
    if (l->socket.backlog == 0)
        l->socket.backlog = BACKLOG_DEFAULT;
    enum conf_tristate v6only = conf_tristate(r->conf, listener_key(r, l, S("socket.v6only")));
    if (v6only != CONF_UNSET)
        l->socket.v6only = v6only == CONF_YES;
    read_tos(r, l);
    read_mode(r, l);
    check_defer_accept(r, l);
}

// tos is for both families, tos-v4 and tos-v6 for theirs.
static void read_tos(struct reading *r, struct listener *l)
{
    int both = (int)listener_u64(r, l, S("socket.tos"));
    int four = (int)listener_u64(r, l, S("socket.tos-v4"));
    int six = (int)listener_u64(r, l, S("socket.tos-v6"));
    l->socket.tos4 = four != 0 ? four : both;
    l->socket.tos6 = six != 0 ? six : both;
}

static void read_mode(struct reading *r, struct listener *l)
{
    struct str text = listener_str(r, l, S("socket.mode"));
    uint32_t mode;
    if (str_is_empty(text))
        return;
    if (value_mode(text, &mode))
        l->socket.mode = (int)mode;
    else
        listener_error(r, l, S("socket.mode"), -1, S("bad-mode"),
                "invalid permissions \"%.*s\" (expected octal digits such as 0660)", ARG(text));
}

// Where the server speaks first the client would wait for us, and the kernel for the client.
static void check_defer_accept(struct reading *r, struct listener *l)
{
    if (l->socket.defer_accept_ms > 0 && l->protocol != LISTEN_HTTP && !l->tls.implicit)
        listener_error(r, l, S("socket.defer-accept"), -1, S("defer-accept"),
                "only for http and tls.implicit: here the server speaks first");
}
