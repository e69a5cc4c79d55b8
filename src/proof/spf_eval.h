// SPDX-License-Identifier: Apache-2.0
// proof/spf_eval.h: one evaluation of SPF while it goes on; private to proof/.
#pragma once

#include "proof/spf.h"

#include "proof/spf_macro.h"
#include "rt/dns.h"

// A record under evaluation: the one asked for, and those that it includes. Redirects take the
// place of the record that they stand in.
struct spf_frame {
    struct str domain;
    struct spf_record record;
    size_t next;                 // term to look at
    const struct spf_term *term; // that was looked at last
    bool redirected;
};

struct spf_eval {
    struct resolver *r;
    struct arena *a; // its own: gone with the evaluation
    const struct spf_settings *settings;
    struct spf_macro_values values; // but the domain and the pointer, which change
    bool local_beyond_ascii;
    uint32_t lookups, voids;
    struct spf_frame frames[SPF_DEPTH_MAX + 1];
    size_t depth;
    bool has_pointers;
    enum dns_outcome pointers_outcome;
    const struct str *pointers; // the validated names of the address
    size_t pointer_count;
    struct str problem;
};

enum spf_step { SPF_STEP_NO_MATCH, SPF_STEP_MATCH, SPF_STEP_TEMPERROR, SPF_STEP_PERMERROR };

// What decides is said in ev->problem by who makes it an error.
enum spf_step spf_eval_problem(struct spf_eval *ev, enum spf_step step, const char *fmt, ...)
        PRINTF_LIKE(3, 4);
// One more look-up, one more void one; a step when there may be none. RFC 7208 4.6.4.
enum spf_step spf_eval_count_lookup(struct spf_eval *ev);
enum spf_step spf_eval_count_void(struct spf_eval *ev);

// The name that a domain-spec stands for, in a frame's domain; the domain itself for a null one. A
// null name is one that cannot be asked for: it does not match, nor does a macro of a local part
// beyond ASCII (RFC 8616 4).
struct err spf_eval_name(struct spf_eval *ev, struct str domain, struct str spec,
        enum spf_step *out_step, struct str *out) suspends MUST_USE;
bool spf_eval_never_matches(const struct spf_eval *ev, struct str spec);
// A macro string that was checked, to a text. Overflow of the buf is the caller's to see.
struct err spf_eval_expand(
        struct spf_eval *ev, struct str domain, struct str text, struct buf *out) suspends MUST_USE;

// Whether a mechanism other than all and include matches.
struct err spf_eval_mechanism(struct spf_eval *ev, struct str domain, const struct spf_term *term,
        enum spf_step *out) suspends MUST_USE;
// The validated names of the address, found once an evaluation.
struct err spf_eval_pointers(struct spf_eval *ev) suspends MUST_USE;
// That of %{p}, RFC 7208 7.3; null: none.
struct str spf_eval_pointer(const struct spf_eval *ev, struct str domain);
