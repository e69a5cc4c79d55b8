// SPDX-License-Identifier: Apache-2.0
// proof/bimi.h: the records by which a domain says which picture stands for it (BIMI, an Internet
// draft of the name draft-brand-indicators-for-message-identification). Reading only: nothing is
// fetched, and no message is marked yet.
#pragma once

#include "base/base.h"

struct bimi_record {
    bool declined;       // l= and a= are empty: no picture, and that is meant
    struct str location; // l=, an https URI; null: none
    struct str evidence; // a=, an https URI; null: none
    bool personal;       // avp=personal
};
// ERR_SYNTAX: what is wrong with it. Slices of the text.
struct err bimi_record_parse(struct arena *a, struct str text, struct bimi_record *out) MUST_USE;
