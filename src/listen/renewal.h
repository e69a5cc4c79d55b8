// SPDX-License-Identifier: Apache-2.0
// listen/renewal.h: certificates that change while the server runs (listeners.md 9.6). Each process
// looks after the files that certificates came from; when one has changed (another time, another
// file behind the name, as certbot swaps them) and has been left alone for two seconds, the
// certificate is loaded again, aside, and put into the listeners' TLS contexts. A certificate and a
// key that do not fit together are given time to; meanwhile, and when nothing helps, the one before
// stays in service. Sessions and handshakes in progress keep what they began with.
//
// Looking and loading happen on a helper thread.
#pragma once

#include "events/event.h"
#include "listen/settings.h"

#define RENEWAL_LOOK_MS (5 * SECOND_MS)
#define RENEWAL_SETTLE_MS (2 * SECOND_MS)

struct renewal;

struct renewal_options {
    const struct conf *conf;
    const struct listen_settings *settings; // of the same configuration
    struct event_log *log;                  // NULL in all processes but one: it is told once
};
// NULL without memory. All slices of the conf must live as long.
struct renewal *renewal_new(const struct renewal_options *options);
void renewal_free(struct renewal *r);            // NULL is fine
size_t renewal_watched(const struct renewal *r); // certificates; with none there is nothing to do
struct certificates *renewal_certificates(const struct renewal *r); // in service now

// Looks once. True: other certificates are in service from now on.
bool renewal_look(struct renewal *r, int64_t now_ms, int64_t wall_now_ms) suspends;
// The same without a helper thread: for the supervisor, which serves nobody meanwhile, and whose
// plan may go when it suspends. New workers are born with what it has.
bool renewal_look_here(struct renewal *r, int64_t now_ms, int64_t wall_now_ms);
// Daily: tells which certificates have ended or will within two weeks.
void renewal_tell_ends(const struct renewal *r, int64_t wall_now_ms);
