// SPDX-License-Identifier: Apache-2.0
// proof/spf_macro.h: macros of SPF records, RFC 7208 7; private to proof/. Nothing here asks the
// DNS: what %{p} stands for is found beforehand by who expands a string that uses it.
#pragma once

#include "base/base.h"
#include "base/ip.h"

enum spf_macro_place {
    SPF_MACRO_IN_RECORD,      // %{c}, %{r}, %{t} are errors there, RFC 7208 7.2
    SPF_MACRO_IN_EXPLANATION, // and blanks are text here, RFC 7208 6.2
};

struct spf_macro_values {
    struct str sender, local, sender_domain; // s, l, o
    struct str domain;                       // d
    struct str pointer;                      // p
    struct str helo;                         // h
    struct str receiver;                     // r
    struct ip ip;                            // i, v, c
    int64_t now_s;                           // t
};

// macro-string to the end of the text; false: *out_offset is where it is wrong.
bool spf_macro_check(struct str text, enum spf_macro_place place, size_t *out_offset);
// domain-spec = macro-string ( "." toplabel [ "." ] / macro-expand )
bool spf_domain_spec_check(struct str text, size_t *out_offset);
// Does a string that was checked use this macro (given in lower case)?
bool spf_macro_uses(struct str text, char letter);
// Adds what a string that was checked stands for. Its limit is the buf's.
void spf_macro_expand(struct buf *out, const struct spf_macro_values *values, struct str text);
