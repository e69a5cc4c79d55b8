// SPDX-License-Identifier: Apache-2.0
// server/plan.h: what one generation of workers needs to know: the configuration, digested. It is
// made by the supervisor, inherited by its workers through fork, and never changes. `config check`
// makes one too, and throws it away: so both say the same.
#pragma once

#include "base/base.h"
#include "conf/conf.h"
#include "conf/findings.h"
#include "deliver/security/tls.h"
#include "deliver/settings/settings.h"
#include "deliver/tlsrpt/tlsrpt.h"
#include "directory/directory.h"
#include "events/settings.h"
#include "limits/dnsbl.h"
#include "limits/settings.h"
#include "listen/listen.h"
#include "listen/renewal.h"
#include "manage/http_settings.h"
#include "proof/iprev.h"
#include "proof/signers.h"
#include "queue/control/suppress.h"
#include "queue/dsn/dsn.h"
#include "queue/schedule/schedule.h"
#include "queue/settings.h"
#include "queue/signing/signing.h"
#include "rt/dns.h"
#include "rt/net.h"
#include "smtp/proof.h"
#include "smtp/server/settings.h"

#define WORKERS_MAX 64 // two generations must fit into COLUMNS_MAX

struct plan_address {
    struct bind bind;   // as configured; its form says whether `at` is to be bound at all
    struct endpoint at; // with the zone resolved; of a socket from the service manager: nothing
    struct listen_options options;
};

struct plan_listener {
    struct str id;
    const struct listener *settings;
    const struct plan_address *addresses;
    size_t address_count;
};

struct plan {
    struct arena arena;
    struct conf *conf;
    struct listen_settings listen;
    struct renewal *renewal;               // of its certificates; NULL at the first stage
    const struct plan_listener *listeners; // [i] is that of listen.listeners[i]
    size_t listener_count;
    size_t worker_count;
    int64_t grace_ms;
    struct http_settings http;
    struct dns_settings dns;
    struct smtp_settings smtp;
    struct limits_settings limits;
    struct dnsbl_settings dnsbl;
    struct iprev_settings iprev;
    struct signers signers;
    struct rotation_settings rotation;
    struct signing_settings signing;
    struct smtp_proof_settings proof;
    struct queue_settings queue;
    struct suppress_settings suppress;
    struct schedule_settings schedules;
    struct dsn_settings dsn;
    struct deliver_settings deliver;
    struct tlsrpt_settings tlsrpt;
    bool clock_is_wrong;             // so that DNSSEC is off
    struct tls_clients *tls_clients; // for deliveries; NULL at the first stage
    const struct directory_settings *directory;
    const struct telemetry *telemetry; // tracers, levels, metrics
    uint64_t number;                   // of the generation
};

struct plan_inputs {
    struct listen_kept *kept;  // of all generations; a zeroed one will do for a check
    const struct plan *before; // in service now: certificates that fail to load stay; or NULL
    int64_t wall_now_ms;
};

// NULL when there are errors among the findings. With options->stage CONF_BIND only the addresses
// are read, not what stands in files (certificates) nor what the later stages need. Reads files and
// makes keys: milliseconds, on the large stack if called in a task.
struct plan *plan_make(const struct conf_options *options, const struct plan_inputs *in,
        struct findings *findings);
// The same for a command, outside of a loop: of no other generation.
struct plan *plan_make_alone(const struct conf_options *options, struct findings *findings);
void plan_free(struct plan *plan); // NULL is fine
// Have certificates changed in their files? True: the plan has others from now on.
bool plan_renew(struct plan *plan);
