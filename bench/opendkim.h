// SPDX-License-Identifier: Apache-2.0
// bench/opendkim.h: the same work done by OpenDKIM's library, where it is installed.
#pragma once

#include "base/base.h"

// Signs or verifies a message so often; false: there is no such library here, or it refused.
struct opendkim_work {
    struct str message; // without a signature
    struct str pem, selector, domain;
    const char *keys; // a file with a line "NAME RECORD"
    int times;
};
bool opendkim_sign(const struct opendkim_work *work, struct buf *out_signed);
bool opendkim_verify(const struct opendkim_work *work, struct str message);
