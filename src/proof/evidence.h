// SPDX-License-Identifier: Apache-2.0
// proof/evidence.h: what SPF and DKIM proved, as DMARC wants it.
#pragma once

#include "proof/dkim.h"
#include "proof/dmarc.h"
#include "proof/spf.h"

// Fills in the identifiers of the question. `spf` is the result of MAIL FROM (with a null sender
// that of the HELO name: RFC 9989 4.4.2), never the separate one of HELO. NULL: was not checked.
struct err dmarc_evidence(struct arena *a, const struct spf_answer *spf,
        const struct dkim_answer *dkim, struct dmarc_question *io) MUST_USE;
