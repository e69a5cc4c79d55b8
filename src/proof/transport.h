// SPDX-License-Identifier: Apache-2.0
// proof/transport.h: the texts by which a domain says how mail is to be brought to it: MTA-STS (RFC
// 8461) and TLS reporting (RFC 8460). Who asks for them and what follows is for those who deliver.
#pragma once

#include "base/base.h"

#include "proof/uris.h"

#define STS_EXCHANGES_MAX 1000 // of one policy; more make it malformed
#define STS_AGE_MAX_S 31557600 // RFC 8461 3.2

struct sts_record {
    struct str id; // changes whenever the policy does
};
// Does this text of _mta-sts.DOMAIN count as one? "v=STSv1", then ";", a blank or nothing.
bool sts_record_begins(struct str text);
// ERR_SYNTAX: what is wrong with it. Slices of the text.
struct err sts_record_parse(struct arena *a, struct str text, struct sts_record *out) MUST_USE;

enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };
struct str sts_mode_name(enum sts_mode mode);
struct sts_policy {
    enum sts_mode mode;
    uint32_t age_max_s;
    const struct str
            *exchanges; // A-labels in lower case; "*.example.com" stands for one label more
    size_t exchange_count;
};
// What https://mta-sts.DOMAIN/.well-known/mta-sts.txt says. ERR_SYNTAX: what is wrong with it.
struct err sts_policy_parse(struct arena *a, struct str text, struct sts_policy *out) MUST_USE;
// Is a host, in lower case, one of its exchanges? RFC 8461 4.1.
bool sts_policy_lists(const struct sts_policy *policy, struct str host);

struct tlsrpt_record {
    struct uris rua; // mailto: and https: only
};
bool tlsrpt_record_begins(struct str text);
struct err tlsrpt_record_parse(
        struct arena *a, struct str text, struct tlsrpt_record *out) MUST_USE;
