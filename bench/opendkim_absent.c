// SPDX-License-Identifier: Apache-2.0
// bench/opendkim_absent.c: there is no OpenDKIM here to compare with.
#include "opendkim.h"

bool opendkim_sign(const struct opendkim_work *work UNUSED, struct buf *out_signed UNUSED)
{
    return false;
}

bool opendkim_verify(const struct opendkim_work *work UNUSED, struct str message UNUSED)
{
    return false;
}
