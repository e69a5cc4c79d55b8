// SPDX-License-Identifier: Apache-2.0
// cli/sender_answers.h: what checks of a sender found, in the forms of the conformance data's
// README. Each adds the members of an object.
#pragma once

#include "base/json.h"
#include "proof/proof.h"

void spf_answer_add(struct json_out *o, const struct spf_answer *answer, struct str received_spf);
void dmarc_answer_add(struct json_out *o, const struct dmarc_answer *answer);
