// SPDX-License-Identifier: Apache-2.0
// conf/expr_resolve.h: what names and literal arguments refer to, private to the compiler.
#pragma once

#include "conf/expr_emit.h"

// A variable or a constant: writes it, or says what was meant.
bool resolve_name(
        struct expr_emitter *e, const struct expr_source *source, const struct expr_token *name);
// A function that this build has.
bool resolve_function(struct expr_emitter *e, const struct expr_source *source,
        const struct expr_token *name, size_t *out);
bool resolve_arity(
        struct expr_emitter *e, const struct expr_function_row *row, size_t count, size_t column);
// Literal arguments that name something: lists, types of records.
bool resolve_arguments(struct expr_emitter *e, const struct expr_source *source,
        const struct expr_function_row *row, size_t count, size_t column);
// config_get, system, metric: writes the step; *out_doubt is a warning or stays null.
bool resolve_special(struct expr_emitter *e, const struct expr_source *source, struct str function,
        struct str literal, size_t column, struct str *out_doubt);
