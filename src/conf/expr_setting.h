// SPDX-License-Identifier: Apache-2.0
// conf/expr_setting.h: a compiled setting, private to those who build (expr_forms.c) and evaluate
// (expr_setting.c) it.
#pragma once

#include "conf/expr_program.h"

struct expr_branch {  // one expression: a condition or a value
    struct str entry; // "condition 2, 'then'"; empty for a single expression
    struct expr_program program;
    bool is_ready; // constant and converted: `ready` is what it gives
    struct expr_result ready;
};

struct expr_rule {
    bool is_else; // no condition: always
    struct expr_branch condition, value;
};

struct expr_setting {
    struct expr_spec spec;
    VEC(struct expr_rule) rules; // the last one is_else
    struct expr_warnings warnings;
};

// While a setting is built.
struct expr_builder {
    struct arena *arena;
    struct expr_setting *setting;
    const struct expr_world *world;
    struct expr_problem problem; // of the call that returned false
};

struct expr_setting *expr_setting_make(struct arena *a, const struct expr_spec *spec);
// Compiles one expression; a constant value is converted to the target of the setting.
enum expr_role { EXPR_CONDITION, EXPR_RESULT };
bool expr_branch_text(struct expr_builder *b, struct str entry, struct str text,
        enum expr_role role, struct expr_branch *out) MUST_USE;
// A list of scalars that stands for itself.
bool expr_branch_value(struct expr_builder *b, struct str entry, struct expr_value value,
        struct expr_branch *out) MUST_USE;
