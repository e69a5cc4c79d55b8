// SPDX-License-Identifier: Apache-2.0
// cli/account/account_print.h: accounts and domains for programs, in the form of the API
// (management.md 11.1), and for people. Private to the commands that show them.
#pragma once

#include "cli/account/account_store.h"

// `members` of a group or list; secrets are told as their forms only.
void account_json(struct json_out *o, const struct account *account, const struct strs *members);
void account_text(struct buf *out, const struct account *account, const struct strs *members);
void domain_json(struct json_out *o, const struct internal_domain *domain, struct str origin);
void domain_text(struct buf *out, const struct internal_domain *domain, struct str origin);

// On a terminal, or asked for: a table; else one JSON object a line.
enum show_form { SHOW_TABLE, SHOW_LINES, SHOW_JSON };
enum show_form show_form_of(const struct cli *c);

// Columns as wide as what stands in them, at most 60 characters each; the last may be longer.
#define TABLE_COLUMNS_MAX 6
struct table {
    struct arena *arena;
    size_t columns;
    VEC(struct str) cells; // row by row, the heading first
};
struct err table_add(struct table *t, struct str cell) MUST_USE;
void table_print(struct cli *c, const struct table *t);
