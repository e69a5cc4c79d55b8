// SPDX-License-Identifier: Apache-2.0
// rt/identity.h: who this process is. Started as root, the server binds its ports and then becomes
// an ordinary user for good (listeners.md 15.2); of all that root may do it keeps at most the right
// to bind low ports, which a reload needs.
//
//     struct identity who;
//     TRY(identity_find(a, &wish, &who)); // before anything is bound: a wrong name costs nothing
//     ...bind the sockets...
//     if (who.change == IDENTITY_CHANGES)
//         TRY(identity_take(a, &who));
//     TRY(identity_harden(a, &wish, &who));
//
// Error texts say what to change, and live in the arena.
#pragma once

#include "base/base.h"

struct identity_wish {
    struct str user, group; // names or numbers; null or empty: not wished
    bool keep_bind_capability;
    bool core_dumps; // the system may write the memory of a crashed process to a file
};

enum identity_change {
    IDENTITY_STAYS,      // an ordinary user already, the wished one if one is wished
    IDENTITY_STAYS_ROOT, // root, and nobody else is wished: worth a warning
    IDENTITY_CHANGES,    // root, to become another user
};

struct identity {
    enum identity_change change;
    uint32_t uid, gid;
    struct str user;   // its name, or the number when it has none
    bool other_groups; // the user's further groups are taken too
    bool keep_bind_capability;
};

bool identity_is_root(void);
// Compares the wish with who we are. ERR_CONFIG: nobody of that name, or it is not ours to become.
struct err identity_find(
        struct arena *a, const struct identity_wish *wish, struct identity *out) MUST_USE;
// Becomes it, and makes sure that there is no way back.
struct err identity_take(struct arena *a, const struct identity *who) MUST_USE;
// What every start ends with: no program started from here can gain rights, no core files unless
// they are wished, and new files are not for everyone. Who was root lets nobody look into its
// memory; who was not leaves that as it is, for a supervisor that may not look at its workers'
// figures under hidepid (systemd's ProtectProc=) has none.
struct err identity_harden(
        struct arena *a, const struct identity_wish *wish, const struct identity *who) MUST_USE;
// Gives up all capabilities, for workers: they bind nothing. Does nothing where there are none.
struct err identity_drop_capabilities(struct arena *a) MUST_USE;
// False where somebody's filter of system calls is in the way.
bool identity_can_drop_capabilities(void);

// Owners of files, by name or number; ERR_CONFIG: there is nobody of that name. *out_may: as it is
// now, this process may give its files to them. Root may, but what becomes an ordinary user later
// may do no more than that one.
struct err identity_user_number(
        struct arena *a, struct str name, uint32_t *out, bool *out_may) MUST_USE;
struct err identity_group_number(
        struct arena *a, struct str name, uint32_t *out, bool *out_may) MUST_USE;

// A folder that the server creates itself: made when it is missing, with what leads to it, and
// given to the identity. One that exists is left as it is.
struct err identity_make_folder(
        struct arena *a, const struct identity *who, struct str path, uint32_t mode) MUST_USE;
// May this process, as it is now, write there? The error names owner and mode.
struct err identity_check_folder(struct arena *a, struct str path) MUST_USE;

// Why a port could not be bound for lack of rights, and the three ways out; null when rights are
// not the reason.
struct str identity_port_hint(struct arena *a, uint16_t port);
