// SPDX-License-Identifier: Apache-2.0
// listen/subject.c: see listen/subject.h.
#include "listen/subject.h"

#include <openssl/crypto.h>

struct common_names common_names_of(X509 *leaf)
{
    return (struct common_names){.leaf = leaf, .at = -1};
}

bool common_names_next(struct common_names *all, struct str *out)
{
    X509_NAME *subject = X509_get_subject_name(all->leaf);
    int len = 0;
    while (len <= 0) {
        common_names_done(all);
        all->at = X509_NAME_get_index_by_NID(subject, NID_commonName, all->at);
        if (all->at < 0)
            return false;
        len = ASN1_STRING_to_UTF8(
                &all->text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, all->at)));
    }
    *out = str_of((const char *)all->text, (size_t)len);
    return true;
}

void common_names_done(struct common_names *all)
{
    OPENSSL_free(all->text);
    all->text = NULL;
}
