// SPDX-License-Identifier: Apache-2.0
// queue/store/record.h: messages and units as bytes of the store. A message's value is its head,
// framed and checked, and behind it an inline body with a checksum of its own, so that listing a
// queue touches no bodies.
#pragma once

#include "queue/message.h"

// The head; an inline body of message_tail_bytes with its checksum comes behind it.
void message_encode_head(const struct message *m, struct buf *out);
size_t message_tail_bytes(const struct message *m);
void message_put_tail(const struct message *m, char *out);
void unit_encode(const struct unit *u, struct buf *out);

// What is read points into the bytes given. Units are not filled. ERR_SYNTAX: damaged;
// ERR_UNSUPPORTED: of a newer version; ERR_LIMIT: the arena is full.
struct err message_decode(
        struct arena *a, uint64_t id, struct str value, struct message *out) MUST_USE;
// The same of a value whose body was left out: it has no inline bytes then.
struct err message_decode_head(
        struct arena *a, uint64_t id, struct str head, struct message *out) MUST_USE;
struct err unit_decode(
        struct arena *a, uint64_t id, uint16_t number, struct str value, struct unit *out) MUST_USE;
// Length of the head within a value, the bytes that say so included; 0 when it is cut short.
size_t message_head_bytes(struct str value);
// The inline body of a decoded message against its checksum.
struct err message_check_body(struct str value, const struct message *m) MUST_USE;
