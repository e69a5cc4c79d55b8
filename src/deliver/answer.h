// SPDX-License-Identifier: Apache-2.0
// deliver/answer.h: what an attempt comes to when it is not a peer's reply that says so: the same
// struct client_answer, made of a kind, a status and a text (queue.md 2.4).
#pragma once

#include "smtp/client/client.h"

// `entity`: the host, address or domain whose trouble it is; all slices must outlive the answer.
struct client_answer answer_temporary(enum client_stage stage, enum failure_kind kind,
        struct str entity, struct str enhanced, struct str text);
struct client_answer answer_permanent(enum client_stage stage, enum failure_kind kind,
        struct str entity, struct str enhanced, struct str text);
struct client_answer answer_no_body(void); // of a message that cannot be read now (queue.md 3.5)
struct client_answer answer_good(
        struct str host, uint16_t code, struct str enhanced, struct str text);

// A copy that stays; NULL without memory.
const struct client_answer *arena_answer(struct arena *a, const struct client_answer *answer);

// Of two answers, the one that tells a person more (outbound.md 1.6): a reply of a remote counts
// more than TLS, DANE and MTA-STS, these more than connections, these more than DNS; among equals
// the later.
const struct client_answer *answer_better(
        const struct client_answer *earlier, const struct client_answer *later);
