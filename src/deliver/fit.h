// SPDX-License-Identifier: Apache-2.0
// deliver/fit.h: what a message needs, what a host offers, and what is done where these differ
// (outbound.md 9, queue.md 9.2): the message is converted, or addresses are written otherwise, or
// those who cannot be helped have their answer. Asked for each transaction; what was found out by
// reading the message is kept for the other hosts of the attempt.
#pragma once

#include "deliver/remote.h"

// Before recipients are chosen for a transaction: who cannot be written to this host is answered
// and left out, maybe everybody.
struct err fit_addresses(struct remote *r, const struct connection *c) MUST_USE;

// Of a transaction with its recipients: sets what it says, of which message, and how that is read.
// When it does not go on, everybody has an answer.
struct err fit_message(struct remote *r, const struct approach *p, struct connection *c,
        struct client_transaction *t, struct message_reading *how,
        bool *out_goes_on) suspends MUST_USE;
