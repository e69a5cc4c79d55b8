// SPDX-License-Identifier: Apache-2.0
// conf/expr_functions.h: the functions themselves, private to the table in expr_functions.c. Each
// gets arguments of the kinds that its row asks for.
#pragma once

#include "conf/expr_program.h"

#define FUNCTION(name, args, least, kind, about) expr_function function_##name;
#define WAITING(name, args, least, about)
#define SPECIAL(name, args, least, about)
#define LATER(name, args, least, needs, about)
#include "conf/expr_functions.def"

// By themselves, so that one sees that they suspend.
expr_waiting_function function_dns_query;
expr_waiting_function function_is_local_domain;
expr_waiting_function function_is_local_address;

// Text made in a buf, as a value in the call's arena.
struct err function_text(
        struct expr_call *call, const struct buf *text, struct expr_value *out) MUST_USE;
struct err function_no_memory(void) MUST_USE;
