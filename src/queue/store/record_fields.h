// SPDX-License-Identifier: Apache-2.0
// queue/store/record_fields.h: what the files of the records share. Private to them.
#pragma once

#include "base/fields.h"

#define TAG(tag) (UINT64_C(1) << (tag))

// The next field. One whose tag is known (up to `last`) must have the form that is written under
// it: a number for those in `numbers`, else bytes. Otherwise the record is broken.
static inline bool field_next_of(
        struct fields_in *in, uint64_t numbers, uint32_t last, struct field *out)
{
    if (!field_next(in, out))
        return false;
    bool number = out->tag < 64 && (numbers >> out->tag & 1) != 0;
    in->broken = out->tag <= last && number != out->is_number;
    return !in->broken;
}
