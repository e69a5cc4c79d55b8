// SPDX-License-Identifier: Apache-2.0
// smtp/proof.h: what the server's side of a conversation finds out about its peer and the message,
// and what it makes of that (authentication.md): the settings auth.spf, auth.dkim, auth.arc,
// auth.dmarc and auth.results as far as they are about verification, and a message's results.
//
// SPF is asked when a name is there, at EHLO and MAIL, by tasks of the session's, and waited for
// where somebody needs the answer: at once where a strategy may refuse by it, else at the end of
// data. Keys are sent for when a message's header has come; its body passes once, while it arrives,
// through the hashes that the signatures name and those that our own will need.
//
// Whoever seals or signs gets a struct message_proof at the end of data, when the message is
// accepted and our own fields are made:
//
//     struct str hash = message_proof_body_hash(proof, dkim_sign_body_kind(signer).canon);
//     if (proof->has_chain && arc_may_seal(&proof->chain))
//         ...arc_seal_make(a, &head, &(struct arc_seal){.chain = &proof->chain, .signer = signer,
//                 .results = proof->results, .body_hash = hash, ...}, &fields)...
#pragma once

#include "base/base.h"

#include "proof/arc.h"
#include "proof/iprev.h"
#include "proof/proof.h"

struct conf;
struct findings;
struct lookup;
struct nets;
struct signers;

// --- Settings ------------------------------------------------------------------------------------

// Names that settings list: as they are, patterns, and names of lookups that hold them.
struct proof_names {
    struct lookup *listed; // NULL: none
    const struct lookup **others;
    size_t other_count;
};
bool proof_names_have(const struct proof_names *names, struct str name);

enum proof_quarantine { QUARANTINE_MARK, QUARANTINE_HOLD, QUARANTINE_REJECT };

struct smtp_proof_settings {
    struct spf_settings spf;
    struct dkim_rules dkim;     // now_s is that of each message
    struct arc_rules arc;       // the same
    struct proof_names sealers; // auth.arc.trusted-sealers
    struct dmarc_settings dmarc;
    struct suffix_list *suffixes; // NULL: the tree is walked
    struct nets *forwarders;      // auth.dmarc.trusted-forwarders: addresses; NULL: none
    struct proof_names forwarder_names;
    enum proof_quarantine quarantine;
    bool dmarc_reply_detail;
    bool dkim_reply_text;   // a refusal carries the signer's own words
    bool combine;           // checks that refuse a message do so in one reply
    bool tell_login;        // Authentication-Results has who was logged in
    struct str authserv_id; // null: the session's own name
    struct strs forged;     // auth.results.remove: names besides ours
    struct nets *trusted;   // auth.results.trusted: border hosts of our own; NULL: none
    bool own_hash[2];       // by enum canon: hashes of the body that our signers need
};

struct smtp_proof_inputs {
    const struct conf *conf;
    const struct signers *signers; // made before; NULL: none
    uint64_t seed;                 // of sets of networks
};
// What is wrong is among the findings; the error is a lack of memory.
struct err smtp_proof_settings_make(struct arena *a, const struct smtp_proof_inputs *in,
        struct findings *f, struct smtp_proof_settings *out) MUST_USE;
void smtp_proof_settings_done(struct smtp_proof_settings *s);

// --- A message's results -------------------------------------------------------------------------

// At the end of data, after all checks. Lives until the transaction ends. Pointers are NULL, and
// has_… is false, where the check was not made.
struct message_proof {
    bool authenticated; // the client has logged in
    bool has_head;      // the header was read for signatures; body hashes are there, too
    bool has_dkim, has_chain, has_dmarc;
    const struct spf_answer *spf_helo, *spf;
    enum iprev_result iprev;
    struct dkim_answer dkim;
    struct arc_answer chain;
    struct dmarc_answer dmarc;
    bool quarantined; // DMARC failed with a policy, and nothing spared the message
    bool overridden;  // it did, and something spared it: a sealer, a forwarder, auth.dmarc.exempt
    struct str author_domain; // of the From field; null: there is no such thing
    struct str authserv_id;
    struct str results;         // value of Authentication-Results; null: nobody wants it
    struct body_hashes *bodies; // ended; see below
    size_t own_hash[2];         // by enum canon, where settings.own_hash has it
    const bool *own_hash_wanted;
};

// SHA-256 of the whole body in that form; null: it was not asked for (no signer needs it).
struct str message_proof_body_hash(const struct message_proof *p, enum canon canon);
