// SPDX-License-Identifier: Apache-2.0
// proof/strategy.h: what a check's result does to a session or message: the words of the settings
// auth.*.verify, and refusals as values. Which result is refused under which strategy is told by
// each check (spf_refuses and its like).
#pragma once

#include "base/base.h"

enum proof_strategy {
    PROOF_DISABLE, // the check is not made
    PROOF_RELAXED, // made and recorded, never a reason to refuse
    PROOF_STRICT,  // whatever is no pass is refused, as each check says
    PROOF_ENFORCE, // refused is what the sending domain itself says is forged
};

// "relaxed", "strict", "enforce", "disable" and its aliases "disabled", "never", "none".
bool proof_strategy_read(struct str word, enum proof_strategy *out);
// What evaluating one of those settings came to; PROOF_RELAXED when it failed.
struct expr_result;
enum proof_strategy proof_strategy_of(const struct expr_result *verify);

struct proof_refusal {
    uint16_t code;     // 451, 550
    struct str status; // "5.7.23"
    struct str text;   // one line, without code and status
    struct str detail; // a second line for the peer; null: none
};
// A line for the peer in somebody else's words, said to be theirs (RFC 7208 6.2 and 11.5.3): what
// is not printable is left out. Null: there are no words, or no memory.
struct str proof_own_words(struct arena *a, struct str domain, struct str words);
