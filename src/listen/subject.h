// SPDX-License-Identifier: Apache-2.0
// listen/subject.h: the names in a certificate as slices. Which of them count is for those to say
// who ask: what a certificate serves (9.3) is another question than whom it speaks for.
//
//     struct common_names all AUTO(common_names_done) = common_names_of(leaf);
//     while (!found && common_names_next(&all, &name))
//         found = ...
#pragma once

#include "base/base.h"

#include <openssl/x509.h>

struct common_names { // of the subject
    X509 *leaf;
    int at;
    unsigned char *text; // of the one that was given last
};
struct common_names common_names_of(X509 *leaf);
// In UTF-8, good until the next call; those that cannot be read are passed over.
bool common_names_next(struct common_names *all, struct str *out);
void common_names_done(struct common_names *all);

static inline struct str asn1_str(const ASN1_STRING *s)
{
    return str_of((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
}
