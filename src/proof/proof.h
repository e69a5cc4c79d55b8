// SPDX-License-Identifier: Apache-2.0
// proof/proof.h: may the one who speaks say what he says? SPF, DKIM, ARC, DMARC and iprev: each
// check asks the DNS (and so suspends) and gives a value; nothing here replies or remembers. What a
// result makes of a session or a message is decided by a strategy (proof/strategy.h), and told to
// those behind us in header fields (proof/authres.h).
//
//     struct spf_answer spf;
//     TRY(spf_check(resolver, &transaction->arena, &spf_settings,
//             &(struct spf_question){.ip = peer, .helo = helo, .sender = sender}, &spf));
//     struct proof_refusal no;
//     if (spf_refuses(&transaction->arena, &spf, strategy, &no))
//         ...no.code, no.status, no.text...
//
// Results live in the arena given. Domain names in results are A-labels in lower case.
#pragma once

#include "base/base.h"

#include "proof/strategy.h"

#include "proof/spf.h"

#include "proof/dmarc.h"

#include "proof/authres.h"
