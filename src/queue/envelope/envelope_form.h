// SPDX-License-Identifier: Apache-2.0
// queue/envelope/envelope_form.h: what both directions of an envelope share. Private to them.
#pragma once

#define ENVELOPE_MARK "posthaste_envelope" // the member that makes a document an envelope
#define ENVELOPE_VERSION 1
// Moments that RFC 3339 can write. There are no others: sums of some of them fit their type.
#define CALENDAR_FIRST_MS (-INT64_C(62167219200000)) // year 0
#define CALENDAR_LAST_MS INT64_C(253402300799999)    // year 9999
#define NEVER_WORD "never"
