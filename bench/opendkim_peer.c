// SPDX-License-Identifier: Apache-2.0
// bench/opendkim_peer.c: OpenDKIM's library signs and verifies; relaxed/relaxed, rsa-sha256.
#define POSTHASTE_BASE_ROOM
#include "opendkim.h"

#include <opendkim/dkim.h>

static bool feed(DKIM *dkim, struct str message)
{
    // The library takes what it does not change without const.
    unsigned char *bytes = (unsigned char *)(uintptr_t)message.ptr;
    return dkim_chunk(dkim, bytes, message.len) == DKIM_STAT_OK &&
           dkim_chunk(dkim, NULL, 0) == DKIM_STAT_OK;
}

bool opendkim_sign(const struct opendkim_work *work, struct buf *out_signed)
{
    DKIM_LIB *lib = dkim_init(NULL, NULL);
    bool good = lib != NULL;
    for (int i = 0; good && i < work->times; i++) {
        DKIM_STAT status;
        unsigned char *field = NULL;
        size_t bytes = 0;
        DKIM *dkim = dkim_sign(lib, (const unsigned char *)"x", NULL,
                (unsigned char *)(uintptr_t)work->pem.ptr,
                (const unsigned char *)work->selector.ptr, (const unsigned char *)work->domain.ptr,
                DKIM_CANON_RELAXED, DKIM_CANON_RELAXED, DKIM_SIGN_RSASHA256, -1, &status);
        good = dkim != NULL && feed(dkim, work->message) && dkim_eom(dkim, NULL) == DKIM_STAT_OK &&
               dkim_getsighdr_d(dkim, 16, &field, &bytes) == DKIM_STAT_OK;
        if (good && i == 0) {
            buf_add(out_signed, S("DKIM-Signature: "));
            buf_add(out_signed, str_of((const char *)field, bytes));
            buf_add(out_signed, S("\r\n"));
            buf_add(out_signed, work->message);
        }
        if (dkim != NULL)
            dkim_free(dkim);
    }
    if (lib != NULL)
        dkim_close(lib);
    return good;
}

bool opendkim_verify(const struct opendkim_work *work, struct str message)
{
    DKIM_LIB *lib = dkim_init(NULL, NULL);
    dkim_query_t method = DKIM_QUERY_FILE;
    char *keys = (char *)(uintptr_t)work->keys;
    bool good = lib != NULL;
    if (good) {
        dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &method, sizeof(method));
        dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, keys, strlen(keys));
    }
    for (int i = 0; good && i < work->times; i++) {
        DKIM_STAT status;
        DKIM *dkim = dkim_verify(lib, (const unsigned char *)"x", NULL, &status);
        good = dkim != NULL && feed(dkim, message) && dkim_eom(dkim, NULL) == DKIM_STAT_OK;
        if (dkim != NULL)
            dkim_free(dkim);
    }
    if (lib != NULL)
        dkim_close(lib);
    return good;
}
