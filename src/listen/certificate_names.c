// SPDX-License-Identifier: Apache-2.0
// listen/certificate_names.c: the names that a certificate serves (listeners.md 9.3): from its
// subject and alternative names, and those that the administrator adds. What is no host name, no
// "*.domain" and no address is passed over: certificates carry people's names, too.
#include "listen/certificate.h"

#include "base/ip.h"
#include "conf/types.h"
#include "listen/subject.h"

#include <openssl/x509v3.h>

#define CERTIFICATE_NAMES_MAX 1000 // more than any authority signs

struct name_vec {
    VEC(struct str) all;
};

static bool add_alternative_names(struct arena *a, X509 *leaf, struct name_vec *names);
static bool add_common_names(struct arena *a, X509 *leaf, struct name_vec *names);
static bool add_address(struct arena *a, const ASN1_OCTET_STRING *bytes, struct name_vec *names);
static bool add_name(struct arena *a, struct str text, struct name_vec *names);

struct err certificate_names(struct arena *a, const struct certificate_source *source,
        struct certificate_notes *notes, struct certificate *c)
{
    struct name_vec names = {0};
    bool kept = add_common_names(a, c->leaf, &names) && add_alternative_names(a, c->leaf, &names);
    for (size_t i = 0; kept && i < source->subjects.count; i++)
        kept = add_name(a, source->subjects.at[i], &names);
    if (!kept)
        return fail(ERR_LIMIT, "no memory for the names of a certificate");
    if (names.all.count == 0)
        certificate_warn(notes, S("cert"), S("no-names"),
                "names no host: it can only serve as default; add names in subjects");
    c->names = (struct str_list){names.all.at, names.all.count};
    return OK;
}

static bool add_common_names(struct arena *a, X509 *leaf, struct name_vec *names)
{
    struct common_names all AUTO(common_names_done) = common_names_of(leaf);
    struct str name;
    bool kept = true;
    while (kept && common_names_next(&all, &name))
        kept = add_name(a, name, names);
    return kept;
}

static bool add_alternative_names(struct arena *a, X509 *leaf, struct name_vec *names)
{
    GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    bool kept = true;
    for (int i = 0; kept && i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_DNS)
            kept = add_name(a, asn1_str(name->d.dNSName), names);
        if (name->type == GEN_IPADD)
            kept = add_address(a, name->d.iPAddress, names);
    }
    GENERAL_NAMES_free(all);
    return kept;
}

static bool add_address(struct arena *a, const ASN1_OCTET_STRING *bytes, struct name_vec *names)
{
    struct ip ip = {.family = IP_NONE};
    int len = ASN1_STRING_length(bytes);
    if (len != 4 && len != 16)
        return true;
    ip.family = len == 4 ? IP_V4 : IP_V6;
    memcpy(ip.bytes, ASN1_STRING_get0_data(bytes), (size_t)len);
    return add_name(a, ip_text(a, &ip), names);
}

// False only without memory.
static bool add_name(struct arena *a, struct str text, struct name_vec *names)
{
    struct str name, why;
    if (names->all.count == CERTIFICATE_NAMES_MAX || !value_host_pattern(a, text, &name, &why))
        return true;
    for (size_t i = 0; i < names->all.count; i++)
        if (str_eq(names->all.at[i], name))
            return true;
    struct str *added = vec_add(a, &names->all);
    struct str copy = arena_str(a, name); // the scratch of OpenSSL goes
    if (added == NULL || str_is_null(copy))
        return false;
    *added = copy;
    return true;
}
