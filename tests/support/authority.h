// SPDX-License-Identifier: Apache-2.0
// tests/support/authority.h: a certificate authority for tests, made anew in every run. Its
// certificates are valid for the whole life of a simulation; names are made into keys and
// certificates when they are first asked for, and stay the same from then on.
#pragma once

#include "base/base.h"

#include <openssl/ssl.h>

struct authority;

struct authority *authority_new(void);            // needs a large stack; NULL on failure
void authority_free(struct authority *authority); // NULL is fine
// What stands at /test-ca/ca.pem, /test-ca/NAME.pem or /test-ca/NAME.key; null for other paths.
struct str authority_file(struct authority *authority, struct str path);

// A context that trusts the authority alone and takes its time from `wall_ms`; the caller frees it.
SSL_CTX *authority_client(struct authority *authority, int64_t wall_ms);
// A context that shows the certificate of this name.
SSL_CTX *authority_server(struct authority *authority, struct str name);
