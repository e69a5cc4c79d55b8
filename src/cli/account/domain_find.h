// SPDX-License-Identifier: Apache-2.0
// cli/account/domain_find.h: a domain of the configuration in the form of one of the internal
// directory, so that both are shown alike. Private to the commands of `posthaste domain`.
#pragma once

#include "cli/account/account_store.h"

struct err domain_of_configuration(
        struct account_work *w, struct str name, const struct internal_domain **out) MUST_USE;
