// SPDX-License-Identifier: Apache-2.0
// mail/host.c: what a host calls itself.
#include "mail/address.h"

#define HOST_BYTES_MAX 253 // RFC 1035 2.3.4, without the root's dot

static bool label_is_fit(struct str label);

bool mail_host_is_qualified(struct str name)
{
    struct ip ip;
    struct str rest = name, label;
    uint64_t number;
    size_t labels = 0;
    bool last_is_number = false;
    if (str_starts(name, S("[")))
        return mail_literal_parse(name, &ip);
    if (str_ends(name, S("."))) // the root's
        name = rest = str_upto(name, name.len - 1);
    while (str_split(&rest, '.', &label)) {
        if (!label_is_fit(label))
            return false;
        last_is_number = str_to_u64(label, UINT64_MAX, &number);
        labels++;
    }
    return labels >= 2 && !last_is_number && name.len <= HOST_BYTES_MAX;
}

static bool label_is_fit(struct str label)
{
    if (str_is_empty(label) || label.len > MAIL_LABEL_BYTES_MAX || str_starts(label, S("-")) ||
            str_ends(label, S("-")))
        return false;
    for (size_t i = 0; i < label.len; i++) {
        uint8_t c = (uint8_t)label.ptr[i];
        if (!byte_is_alnum(c) && c != '-' && c != '_' && c < 0x80)
            return false;
    }
    return str_is_ascii(label) || str_is_utf8(label);
}
