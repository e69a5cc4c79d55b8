// SPDX-License-Identifier: Apache-2.0
// deliver/security/tls_clients.h: the inside of struct tls_clients. Private to the room.
#pragma once

#include "deliver/security/tls.h"

// The authorities that this plan trusts. NULL: they could not be read.
X509_STORE *tls_clients_store(const struct tls_clients *clients, const struct tls_plan *plan);
