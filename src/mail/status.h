// SPDX-License-Identifier: Apache-2.0
// mail/status.h: the numbers at the front of a reply: its code (RFC 5321 4.2), and the enhanced one
// behind it (RFC 3463 2), which reports of delivery have too. Replies of hosts, words of settings
// and reports of others are all read by these two.
#pragma once

#include "base/base.h"

#define MAIL_STATUS_BYTES_MAX 9 // "5.999.999"

// 3DIGIT from 200 to 599. What follows is the caller's to judge.
bool mail_code_scan(struct scan *in, uint16_t *out);

struct mail_status {
    uint8_t class; // 2, 4 or 5
    uint16_t subject, detail;
};
// class "." subject "." detail; a number or a dot right behind it makes it none.
bool mail_status_scan(struct scan *in, struct mail_status *out);
