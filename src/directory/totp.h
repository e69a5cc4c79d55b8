// SPDX-License-Identifier: Apache-2.0
// directory/totp.h: codes of a second factor by the clock (RFC 6238), kept among an account's
// secrets as otpauth://totp/LABEL?secret=BASE32&algorithm=SHA1&digits=6&period=30.
#pragma once

#include "directory/account.h"

bool secret_is_totp(struct str secret);
struct str account_totp(const struct account *account); // the first; null: there is none
bool totp_looks_like_code(struct str text);             // 6 to 8 digits
// Right now, or one step before or after.
bool totp_check(struct str url, struct str code, int64_t wall_ms);
