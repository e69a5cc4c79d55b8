// SPDX-License-Identifier: Apache-2.0
// deliver/settings/settings_tls.c: queue.tls.<id>.* (outbound.md 14.1): what is demanded, and
// whether these demands can be met together. OpenSSL is asked at load whether it takes the lists.
#include "deliver/settings/settings_read.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

// What a host of twenty years ago may still need. OpenSSL 3 lets TLS before 1.2, and the digests
// and keys of that time, pass at level 0 only.
#define LEGACY_CIPHERS "ALL:!aNULL:!eNULL:@SECLEVEL=0"

static void read_strategy(struct reading *r, const struct object *o, struct tls_strategy *out);
static void read_lists(struct reading *r, const struct object *o, struct tls_strategy *out);
static void check_demands(
        struct reading *r, const struct object *o, const struct tls_strategy *strategy);

static const struct str preset = S_INIT("default"), lenient = S_INIT("invalid-tls");

struct err settings_read_tls_strategies(struct reading *r)
{
    const struct str built_in[] = {preset, lenient};
    struct objects all;
    TRY(read_objects(r, S("queue.tls"), built_in, COUNT_OF(built_in), &all));
    struct tls_strategy *at = arena_array(r->arena, all.count + 1, struct tls_strategy);
    if (at == NULL)
        return fail(ERR_LIMIT, "no memory for the TLS strategies");
    for (size_t i = 0; i < all.count; i++)
        read_strategy(r, &all.at[i], &at[i]);
    r->out->tls = at;
    r->out->tls_count = all.count;
    // "= default + allow-invalid-certs": what the default one demands is not given up.
    for (size_t i = 0; i < all.count; i++)
        if (!all.at[i].is_written && str_eq(all.at[i].id, lenient)) {
            at[i] = *tls_named(r->out, preset);
            at[i].id = lenient;
            at[i].allow_invalid = true;
        }
    return OK;
}

static void read_strategy(struct reading *r, const struct object *o, struct tls_strategy *out)
{
    // As in the rows.
    static const enum tls_wish wishes[] = {TLS_OPTIONAL, TLS_REQUIRE, TLS_DISABLE};
    static const int versions[] = {TLS1_VERSION, TLS1_1_VERSION, TLS1_2_VERSION, TLS1_3_VERSION};
    *out = (struct tls_strategy){
            .id = o->id,
            .dane = wishes[object_word(r, o, S("dane"))],
            .mta_sts = wishes[object_word(r, o, S("mta-sts"))],
            .starttls = wishes[object_word(r, o, S("starttls"))],
            .allow_invalid = object_is_set(r, o, S("allow-invalid-certs"))
                                     ? object_bool(r, o, S("allow-invalid-certs"))
                                     : str_eq(o->id, lenient),
            .tls_ms = object_ms(r, o, S("timeout.tls")),
            .mta_sts_ms = object_ms(r, o, S("timeout.mta-sts")),
            .version_min = versions[object_word(r, o, S("min-version"))],
            .plaintext_on_failure = object_word(r, o, S("on-handshake-failure")) == 1,
            .accept_on_invalid = object_word(r, o, S("on-invalid-cert")) == 1,
            .ca_file = object_str(r, o, S("ca-file")),
            .certificate = object_str(r, o, S("certificate")),
            .session_cache = object_bool(r, o, S("session-cache")),
            .honor_tls_required_no = object_bool(r, o, S("honor-tls-required-no")),
    };
    read_lists(r, o, out);
    check_demands(r, o, out);
}

static void read_lists(struct reading *r, const struct object *o, struct tls_strategy *out)
{
    SSL_CTX *probe = SSL_CTX_new(TLS_client_method());
    out->ciphers = object_str(r, o, S("ciphers"));
    out->groups = object_str(r, o, S("groups"));
    bool legacy = str_eq_nocase(out->ciphers, S("legacy"));
    if (legacy || (str_is_null(out->ciphers) && out->version_min < TLS1_2_VERSION))
        out->ciphers = S(LEGACY_CIPHERS);
    const char *ciphers = str_is_null(out->ciphers) ? NULL : arena_c_str(r->arena, out->ciphers);
    const char *groups = str_is_null(out->groups) ? NULL : arena_c_str(r->arena, out->groups);
    if (probe != NULL && ciphers != NULL && SSL_CTX_set_cipher_list(probe, ciphers) != 1)
        object_error(r, o, S("ciphers"), -1, S("bad-ciphers"),
                "OpenSSL knows none of these cipher suites");
    if (probe != NULL && groups != NULL &&
            SSL_CTX_ctrl(probe, SSL_CTRL_SET_GROUPS_LIST, 0, (void *)(uintptr_t)groups) != 1)
        object_error(r, o, S("groups"), -1, S("bad-groups"),
                "OpenSSL does not know all of these groups");
    ERR_clear_error();
    SSL_CTX_free(probe);
}

static void check_demands(
        struct reading *r, const struct object *o, const struct tls_strategy *strategy)
{
    bool dane = strategy->dane == TLS_REQUIRE, sts = strategy->mta_sts == TLS_REQUIRE;
    const char *by = dane ? "dane" : "mta-sts";
    if (!dane && !sts)
        return;
    if (strategy->starttls == TLS_DISABLE)
        object_error(r, o, S("starttls"), -1, S("conflict"),
                "contradictory: %s = \"require\" cannot do without TLS", by);
    if (strategy->allow_invalid)
        object_warning(r, o, S("allow-invalid-certs"), -1, S("no-effect"),
                "ignored under the policy of %s = \"require\"", by);
}
