// SPDX-License-Identifier: Apache-2.0
// smtp/server/params.h: parameters of MAIL and RCPT: which are offered, and what their values may
// be here (inbound.md 5).
#pragma once

#include "smtp/envelope.h"
#include "smtp/server/session.h"

// A fault of the grammar that is about a parameter.
struct err params_tell_fault(
        struct smtp_session *s, const struct envelope_fault *fault) suspends MUST_USE;
// What MAIL asked for, against what is allowed; fills the transaction. False: the reply was given.
struct err params_decide(struct smtp_session *s, bool *out_good) suspends MUST_USE;
