// SPDX-License-Identifier: Apache-2.0
// smtp/sasl.h: one login by a SASL mechanism (RFC 4422; inbound.md 4.5), as a machine that is told
// lines and says what comes next. It never suspends, asks nobody and knows no directory: when it
// needs to know something it hands out a question, and whoever drives it brings the answer.
//
//     struct sasl_inputs inputs = {.mechanism = m, .offered = set, .host = host, ...};
//     random_bytes(inputs.random, sizeof(inputs.random));
//     struct sasl sasl AUTO(sasl_done);                // wiped, whatever happens
//     struct sasl_step step = sasl_begin(&sasl, &inputs, initial_response);
//     while (sasl_goes_on(&step))
//         switch (step.kind) {
//         case SASL_CHALLENGE:
//             ...write "334 " step.challenge CRLF, read a line...
//             step = sasl_respond(&sasl, line);
//         case SASL_ASK:
//             ...ask the directory about step.question...
//             step = sasl_answer(&sasl, &answer);
//         case SASL_COMPUTE:
//             TRY(offload(sasl_compute, &sasl));
//             step = sasl_computed(&sasl);
//     ...SASL_SUCCESS: step.question.login has logged in; SASL_FAILURE: step.failure says how...
//
// Lines go in and out as on the wire, in base64. All slices of a step live in the machine, until
// sasl_done. What an account may do, whether it is disabled, and which reply follows from what the
// directory said is the caller's; of a SCRAM or CRAM-MD5 login the caller only knows at the end
// that it was the right person.
//
// Time says nothing about who exists, as long as answers come in equal time: unknown users go the
// way of known ones, with a salt that is theirs for ever, and whoever fails has had keys derived.
#pragma once

#include "base/base.h"
#include "conf/expr.h"

// --- Mechanisms ----------------------------------------------------------------------------------

enum sasl_mechanism {
#define SASL_MECHANISM(id, word, name, reusable) SASL_##id,
#include "smtp/sasl.def"
    SASL_MECHANISM_COUNT,
};
struct str sasl_name(enum sasl_mechanism m);                  // "SCRAM-SHA-256-PLUS"
bool sasl_named(struct str name, enum sasl_mechanism *out);   // on the wire; in any case
bool sasl_of_word(struct str word, enum sasl_mechanism *out); // of session.auth.mechanisms
bool sasl_shows_secret(enum sasl_mechanism m);                // only under TLS: PLAIN, LOGIN

struct sasl_set {
    uint32_t bits; // 1 << enum sasl_mechanism
};
static inline bool sasl_set_has(struct sasl_set set, enum sasl_mechanism m)
{
    return (set.bits >> m & 1) != 0;
}
static inline void sasl_set_add(struct sasl_set *set, enum sasl_mechanism m)
{
    set->bits |= UINT32_C(1) << m;
}
static inline void sasl_set_remove(struct sasl_set *set, enum sasl_mechanism m)
{
    set->bits &= ~(UINT32_C(1) << m);
}
// What session.auth.mechanisms came to (strings that are its words): EXPR_NONE is the empty set.
struct sasl_set sasl_set_of(const struct expr_result *result);
// What a session can really do of that: without TLS nothing that shows its secret (unless allowed),
// -PLUS only with a channel binding, EXTERNAL only with a verified certificate.
struct sasl_conditions {
    bool secrets_may_show; // TLS, loopback, or session.auth.allow-plain-text
    bool binding;          // a channel binding is known
    bool certificate;      // the client has shown a certificate, and it is good
};
struct sasl_set sasl_set_usable(struct sasl_set set, struct sasl_conditions conditions);
void sasl_set_names(struct buf *out, struct sasl_set set); // "PLAIN LOGIN", in the order of EHLO

// --- The machine ---------------------------------------------------------------------------------

#define SASL_LINE_BYTES_MAX 16384 // of session.limits.auth-line, in base64; RFC 4954 4 has 12288
#define SASL_RANDOM_BYTES 26      // 18 make the nonce of SCRAM, 8 the number of CRAM-MD5
#define SASL_PEPPER_BYTES 32

enum sasl_binding { SASL_TLS_EXPORTER, SASL_TLS_SERVER_END_POINT, SASL_BINDING_COUNT };

// What it points to must outlive the machine.
struct sasl_inputs {
    enum sasl_mechanism mechanism;
    struct sasl_set offered; // in this session: with -PLUS among them the flag `y` is an attack
    struct str host;         // ours: challenge of CRAM-MD5
    int64_t now_s;           // since 1970: challenge of CRAM-MD5
    uint8_t random[SASL_RANDOM_BYTES];
    // Instead of what is made of `random`, for tests: null and 0 otherwise.
    struct str nonce; // printable, without ','
    uint64_t number;
    // A secret of this server that does not change, from which the salts of unknown users are made.
    // All zero is possible, but lets whoever knows that tell them from real ones.
    uint8_t pepper[SASL_PEPPER_BYTES];
    struct str default_domain; // of logins without '@': they have the salt of those with it
    struct str bindings[SASL_BINDING_COUNT]; // null: there is none (RFC 9266, RFC 5929 4)
    // EXTERNAL: who the verified certificate says that the client is, by preference: its addresses,
    // else its common name. 0: there is none, and EXTERNAL fails.
    const struct str *identities;
    size_t identity_count;
};

enum sasl_step_kind {
    SASL_CHALLENGE, // send it, and read a line
    SASL_ASK,       // bring an answer to the question
    SASL_COMPUTE,   // call sasl_compute on a helper thread: it is slow on purpose
    SASL_SUCCESS,   // the question says who it is: login, authzid
    SASL_FAILURE,
};

enum sasl_question_kind {
    SASL_ASK_PASSWORD,    // do login and password fit?
    SASL_ASK_TOKEN,       // is this bearer token valid, and login's (if there is a login)?
    SASL_ASK_SCRAM,       // what is stored for login: SCRAM keys of this hash, or the clear secret?
    SASL_ASK_CLEAR,       // what is login's secret, in the clear?
    SASL_ASK_CERTIFICATE, // is there an account for the identity `login` of a certificate?
};
enum sasl_hash { SASL_SHA_1, SASL_SHA_256 };

struct sasl_question {
    enum sasl_question_kind kind;
    struct str login;   // never empty but with OAUTHBEARER, which may leave it to the token: null
    struct str authzid; // whom to act for, where that is somebody else: needs a permission. Or null
    struct str password; // of ASK_PASSWORD, as typed; UTF-8 without NUL, never empty
    struct str token;    // of ASK_TOKEN
    enum sasl_hash hash; // of ASK_SCRAM
};

enum sasl_verdict {
    SASL_YES,
    SASL_NO,      // wrong, unknown, not in that form, expired, ...
    SASL_TROUBLE, // could not be found out: the login fails for the moment
};
// Slices only need to live for the call.
struct sasl_answer {
    enum sasl_verdict verdict;
    // With YES to ASK_SCRAM: keys (RFC 5802 3), as long as the hash, or, without them, `clear`.
    struct str salt, stored_key, server_key;
    uint32_t iterations;
    struct str clear; // with YES to ASK_CLEAR, and to ASK_SCRAM without keys
};

enum sasl_failure {
    SASL_WRONG,       // 535 5.7.8; counts. The caller may know better why (expired token, ...)
    SASL_MALFORMED,   // 501 5.5.2
    SASL_CANCELLED,   // 501 5.7.0
    SASL_UNAVAILABLE, // 454 4.7.0: the answer was TROUBLE, or no memory
};

struct sasl_step {
    enum sasl_step_kind kind;
    enum sasl_failure failure;
    struct str challenge; // base64; may be empty
    struct sasl_question question;
    struct str why; // of a failure, for events: never with anything of the client's in it
};

struct sasl {
    const struct sasl_inputs *inputs;
    struct arena arena; // all that was said; wiped
    struct sasl_question question;
    struct sasl_state *state; // of the mechanism
    enum sasl_step_kind last;
};

static inline bool sasl_goes_on(const struct sasl_step *step)
{
    return step->kind != SASL_SUCCESS && step->kind != SASL_FAILURE;
}

// `initial` as behind the mechanism's name: null when there is none, "=" for an empty one.
struct sasl_step sasl_begin(
        struct sasl *s, const struct sasl_inputs *inputs, struct str initial) MUST_USE;
// A line of the client's, without its end; only after a challenge.
struct sasl_step sasl_respond(struct sasl *s, struct str line) MUST_USE;
// Only after a question.
struct sasl_step sasl_answer(struct sasl *s, const struct sasl_answer *answer) MUST_USE;
// Only after SASL_COMPUTE. The first takes a struct sasl, and touches nothing else.
void sasl_compute(void *sasl);
struct sasl_step sasl_computed(struct sasl *s) MUST_USE;
void sasl_done(struct sasl *s);
