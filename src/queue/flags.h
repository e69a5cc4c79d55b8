// SPDX-License-Identifier: Apache-2.0
// queue/flags.h: the words for the flags of messages and recipients (queue.md 2.6), for whoever
// writes them for programs and people, and reads them again.
#pragma once

#include "queue/message.h"

struct flag_word {
    uint32_t flag; // 0: the end of a table
    struct str word;
    bool is_ours; // of no use to others: it stands in envelopes that are exported, not in listings
};

const struct flag_word *message_flag_words(void);
const struct flag_word *rcpt_flag_words(void);
// The flags of both are bits that have one word each.
bool flag_find(const struct flag_word *words, struct str word, uint32_t *out);
