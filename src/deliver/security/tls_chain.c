// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls_chain.c: see tls_chain.h. The way to the anchor is OpenSSL's; names are
// compared here, for OpenSSL's own comparison asks for two labels behind a wildcard and takes the
// common name where the alternative names hold addresses only.
#include "deliver/security/tls_chain.h"

#include "listen/pem.h"
#include "listen/subject.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

static X509_STORE_CTX *context_for(const struct tls_chain *chain);
static bool name_wanted(const struct tls_reference *r, struct str have, struct str *out_name);
static bool name_matches(struct str have, struct str reference);
static bool address_wanted(const struct tls_reference *r, const ASN1_OCTET_STRING *have);
static bool common_name_wanted(X509 *leaf, const struct tls_reference *r, struct str *out_name);
static struct err read_block(struct arena *a, const struct pem_block *block, STACK_OF(X509) * into);

int tls_chain_verify(const struct tls_chain *chain, STACK_OF(X509) * *out_built)
{
    if (out_built != NULL)
        *out_built = NULL;
    if (sk_X509_num(chain->sent) > TLS_CHAIN_MAX)
        return X509_V_ERR_CERT_CHAIN_TOO_LONG;
    X509_STORE_CTX *ctx = context_for(chain);
    if (ctx == NULL)
        return X509_V_ERR_OUT_OF_MEM;
    bool good = X509_verify_cert(ctx) == 1;
    int error = X509_STORE_CTX_get_error(ctx);
    if (!good && error == X509_V_OK)
        error = X509_V_ERR_UNSPECIFIED;
    if (good && out_built != NULL) {
        *out_built = X509_STORE_CTX_get1_chain(ctx);
        if (*out_built == NULL)
            error = X509_V_ERR_OUT_OF_MEM;
    }
    X509_STORE_CTX_free(ctx);
    return error;
}

static X509_STORE_CTX *context_for(const struct tls_chain *chain)
{
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    X509 *leaf = sk_X509_value(chain->sent, 0);
    STACK_OF(X509) *known = chain->known != NULL ? chain->known : chain->sent;
    if (ctx == NULL || X509_STORE_CTX_init(ctx, chain->store, leaf, known) != 1 ||
            X509_STORE_CTX_set_default(ctx, "ssl_server") != 1) {
        X509_STORE_CTX_free(ctx);
        return NULL;
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(ctx);
    if (chain->ends_anywhere)
        X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
    X509_VERIFY_PARAM_set_time(param, (time_t)(chain->now_ms / SECOND_MS));
    X509_VERIFY_PARAM_set_depth(param, TLS_CHAIN_MAX);
    X509_VERIFY_PARAM_set_auth_level(param, chain->strength);
    return ctx;
}

const char *tls_chain_result_type(int error)
{
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return "certificate-expired";
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
    case X509_V_ERR_CERT_REJECTED:
        return "certificate-not-trusted";
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
        return "certificate-host-mismatch";
    default:
        return "validation-failure";
    }
}

struct str tls_chain_text(int error)
{
    return str_from_c(X509_verify_cert_error_string(error));
}

// --- Names ---------------------------------------------------------------------------------------

bool tls_chain_names(X509 *leaf, const struct tls_reference *reference, struct str *out_name)
{
    bool is_address = reference->ip != NULL && reference->ip->family != IP_NONE, found = false;
    GENERAL_NAMES *all = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);
    *out_name = STR_NULL;
    for (int i = 0; !found && i < sk_GENERAL_NAME_num(all); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);
        if (name->type == GEN_DNS && !is_address)
            found = name_wanted(reference, asn1_str(name->d.dNSName), out_name);
        else if (name->type == GEN_IPADD && is_address)
            found = address_wanted(reference, name->d.iPAddress);
    }
    GENERAL_NAMES_free(all);
    // An extension that is there and cannot be read is there all the same.
    bool has_san = X509_get_ext_by_NID(leaf, NID_subject_alt_name, -1) >= 0;
    if (!found && !has_san && !is_address && reference->subject == TLS_SUBJECT_WITHOUT_SAN)
        found = common_name_wanted(leaf, reference, out_name);
    return found;
}

static bool name_wanted(const struct tls_reference *r, struct str have, struct str *out_name)
{
    for (size_t i = 0; i < r->count; i++) {
        if (name_matches(have, r->names[i])) {
            *out_name = r->names[i];
            return true;
        }
    }
    return false;
}

// RFC 6125 6.4, and as strict as it allows: "*" is the whole left-most label and stands for one.
static bool name_matches(struct str have, struct str reference)
{
    struct str first, rest;
    if (have.len > 1 && str_ends(have, S(".")))
        have.len--;
    if (str_is_empty(have) || str_find_byte(reference, '*') != STR_NOT_FOUND)
        return false;
    if (!str_starts(have, S("*.")))
        return str_eq_nocase(have, reference);
    return str_cut(reference, '.', &first, &rest) && !str_is_empty(first) && !str_is_empty(rest) &&
           str_eq_nocase(str_from(have, 2), rest);
}

static bool address_wanted(const struct tls_reference *r, const ASN1_OCTET_STRING *have)
{
    struct str wanted = str_of((const char *)r->ip->bytes, r->ip->family == IP_V4 ? 4 : 16);
    return str_eq(asn1_str(have), wanted);
}

static bool common_name_wanted(X509 *leaf, const struct tls_reference *r, struct str *out_name)
{
    struct common_names all AUTO(common_names_done) = common_names_of(leaf);
    struct str name;
    bool found = false;
    while (!found && common_names_next(&all, &name))
        found = name_wanted(r, name, out_name);
    return found;
}

// --- Files ---------------------------------------------------------------------------------------

struct err tls_chain_read(struct arena *a, struct str pem, STACK_OF(X509) * *out)
{
    struct pem_reader r = pem_begin(pem);
    struct pem_block block;
    struct err e = OK;
    STACK_OF(X509) *all = sk_X509_new_null();
    if (all == NULL)
        return fail(ERR_LIMIT, "no memory for certificates");
    while (!failed(e) && pem_next(&r, &block))
        if (str_eq(block.label, S("CERTIFICATE")))
            e = read_block(a, &block, all);
    if (!failed(e) && sk_X509_num(all) == 0)
        e = fail(ERR_SYNTAX, "no certificate found");
    if (failed(e)) {
        tls_chain_free(all);
        return e;
    }
    *out = all;
    return OK;
}

static struct err read_block(struct arena *a, const struct pem_block *block, STACK_OF(X509) * into)
{
    struct str der = S("");
    bool decoded = pem_decode(a, block, &der);
    const unsigned char *at = (const unsigned char *)der.ptr;
    X509 *x = decoded ? d2i_X509(NULL, &at, (long)der.len) : NULL;
    ERR_clear_error();
    if (x == NULL)
        return fail_fmt(a, ERR_SYNTAX, "PEM block %zu, which begins in line %zu, is no certificate",
                block->number, block->line);
    if (sk_X509_push(into, x) > 0)
        return OK;
    X509_free(x);
    return fail(ERR_LIMIT, "no memory for certificates");
}

void tls_chain_free(STACK_OF(X509) * chain)
{
    sk_X509_pop_free(chain, X509_free);
}

X509_STORE *tls_chain_store(STACK_OF(X509) * trusted)
{
    X509_STORE *store = X509_STORE_new();
    for (int i = 0; store != NULL && i < sk_X509_num(trusted); i++) {
        if (X509_STORE_add_cert(store, sk_X509_value(trusted, i)) != 1) {
            X509_STORE_free(store);
            store = NULL;
        }
    }
    return store;
}
