// SPDX-License-Identifier: Apache-2.0
// mail/downgrade_field.h: a field of a header without octets beyond ASCII, for hosts that do not
// take internationalized mail (outbound.md 9); private to mail/downgrade.c and its tests.
//
// Addresses get A-labels for their domains and encoded words (RFC 2047) for their names. A mailbox
// whose local part is beyond ASCII cannot be written: it becomes an empty group whose name tells it
// (RFC 6857 3.1.1), and inside a group it is left out. Parameters of MIME are written as in RFC
// 2231, addresses of the web with percent signs. In fields of other structure words that could be
// names of hosts become A-labels, other words and comments encoded words; all other fields are
// text. What is ill-formed UTF-8 becomes "?".
#pragma once

#include "base/base.h"

// Longer ones, and lines that are no field, cannot be rewritten.
#define DOWNGRADE_FIELD_BYTES_MAX (64 * KIB)

// `all` is the field, from its name to its line end, and has an octet beyond ASCII. False: nothing
// can be made of it, and what was added to `out` is of no use.
bool downgrade_field_add(struct buf *out, struct str all) MUST_USE;
