// SPDX-License-Identifier: Apache-2.0
// proof/dmarc.h: DMARC, RFC 9989: does what SPF or DKIM proved belong to the author domain, and
// what does that domain want done when nothing does? dmarc_check finds the policy by walking up the
// names (or by the list of public suffixes, as RFC 7489 did), and compares identifiers. SPF and
// DKIM come in as values, so that this needs neither of them.
#pragma once

#include "base/base.h"

#include "proof/strategy.h"
#include "proof/uris.h"

struct resolver;
struct suffix_list;

#define DMARC_QUERIES_MAX 8      // of one walk, RFC 9989 4.10
#define DMARC_IDENTIFIERS_MAX 64 // DKIM results looked at

// --- Records -------------------------------------------------------------------------------------

enum dmarc_policy { DMARC_UNSPECIFIED, DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT };
struct str dmarc_policy_name(enum dmarc_policy policy); // "quarantine"; unspecified: null

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };

struct dmarc_record {
    struct str text; // as published
    enum dmarc_policy p, sp, np;
    bool strict_dkim, strict_spf; // adkim=s, aspf=s
    bool test_mode, test_given;   // t=y; there is a valid t=
    enum dmarc_psd psd;
    bool fo_any, fo_dkim, fo_spf; // 1, d, s; none of them: 0
    uint8_t percent;              // pct=, 100 unless given
    struct uris rua, ruf;
    bool no_policy;    // p is missing or one of the policies is not valid, and there is no rua
    struct str oddity; // the first thing that was repeated or not valid; null: none
};

// v FWS = FWS DMARC1, then ";" or nothing.
bool dmarc_record_begins(struct str text);
// ERR_SYNTAX: it is no DMARC record. Slices of the text; what is malformed in it has defaults.
struct err dmarc_record_parse(struct arena *a, struct str text, struct dmarc_record *out) MUST_USE;

// --- The check -----------------------------------------------------------------------------------

enum dmarc_result { DMARC_RESULT_NONE, DMARC_PASS, DMARC_FAIL, DMARC_TEMPERROR, DMARC_PERMERROR };
struct str dmarc_result_name(enum dmarc_result result);

enum dmarc_proof { DMARC_PROOF_PASS, DMARC_PROOF_TEMPERROR, DMARC_PROOF_OTHER };
struct dmarc_identifier {
    struct str domain;
    enum dmarc_proof result;
};

// auth.dmarc.multiple-from: one From field, and addresses of several domains in it.
enum dmarc_several { DMARC_SEVERAL_EXEMPT, DMARC_SEVERAL_STRICTEST, DMARC_SEVERAL_REJECT };

struct dmarc_settings {
    const struct suffix_list *suffixes; // NULL: tree walk
    int64_t wait_ms;                    // auth.dmarc.timeout
    enum dmarc_several several;
};
struct dmarc_settings dmarc_settings_default(void);

struct dmarc_question {
    struct str author;                  // the author domain, U-labels or A-labels
    const struct dmarc_identifier *spf; // of MAIL FROM; NULL: was not checked
    const struct dmarc_identifier *dkim;
    size_t dkim_count;
    uint8_t sample; // 1 to 100, drawn by the caller, for pct= in the suffix list mode; 0: applies
};

struct dmarc_answer {
    enum dmarc_result result;
    enum dmarc_policy policy;          // what the record asks for this name (p, sp or np)
    enum dmarc_policy disposition;     // what a failing message gets, after test mode and sampling
    struct str author;                 // A-labels
    struct str policy_domain;          // where the record was found; null: none was
    struct str org_domain;             // of the author domain
    const struct dmarc_record *record; // NULL: none
    struct str dkim_aligned, spf_aligned; // the identifier that aligned; null: none did
    struct str comment;        // for Authentication-Results and people; null: nothing to say
    bool test_mode;            // the policy is softened, since its owner tests it
    bool sampled_out;          // pct= spared this message
    bool many_authors;         // several From fields, or what the settings count as such
    bool discovery_failed;     // temperror: the policy itself is not known
    bool not_aligned;          // fail: something was proved, for others
    const struct str *queries; // _dmarc names asked for the author domain, in order
    size_t query_count;
};

struct err dmarc_check(struct resolver *r, struct arena *a, const struct dmarc_settings *settings,
        const struct dmarc_question *question, struct dmarc_answer *out) suspends MUST_USE;

// --- The author ----------------------------------------------------------------------------------

#define DMARC_AUTHORS_MAX 5      // domains of one message that are evaluated; more: permerror
#define DMARC_MAILBOXES_MAX 1000 // of one From field; more are a permerror

struct dmarc_authors {
    const struct str *domains; // different ones, in their order; none: there is nothing to check
    size_t count;
    bool many_fields;    // more than one From field: a permerror
    bool many_mailboxes; // more addresses than anybody needs: a permerror
};
// Of the bodies of all From fields, with their folding. authentication.md 9.1.
struct err dmarc_authors_read(
        struct arena *a, const struct str *froms, size_t count, struct dmarc_authors *out) MUST_USE;
// As dmarc_check, for whoever the author is; question->author is not looked at. Of several, with
// DMARC_SEVERAL_STRICTEST, the worst answer: it is a pass only if all are.
struct err dmarc_check_authors(struct resolver *r, struct arena *a,
        const struct dmarc_settings *settings, const struct dmarc_authors *authors,
        const struct dmarc_question *question, struct dmarc_answer *out) suspends MUST_USE;

// authentication.md 9.6.
bool dmarc_refuses(
        const struct dmarc_answer *answer, enum proof_strategy strategy, struct proof_refusal *out);
// A failing message that is accepted, though its author domain wanted it quarantined or rejected.
bool dmarc_marks(const struct dmarc_answer *answer);
