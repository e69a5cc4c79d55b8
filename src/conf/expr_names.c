// SPDX-License-Identifier: Apache-2.0
// conf/expr_names.c: the tables of contexts, variables and constants (configuration.md 9.6, 9.7)
// and how a name is found in them.
#include "conf/expr_program.h"

#define BIT(id) (1u << EXPR_##id)
// Each context has the variables of those that it builds on: IN_X is X and all who build on it.
#define IN_DATA BIT(DATA)
#define IN_RCPT (BIT(RCPT) | IN_DATA)
#define IN_MAIL (BIT(MAIL) | IN_RCPT)
#define IN_EHLO (BIT(EHLO) | IN_MAIL)
#define IN_CONN (BIT(CONN) | IN_EHLO)
#define IN_QRESP BIT(QRESP)
#define IN_QHOST (BIT(QHOST) | IN_QRESP)
#define IN_QRCPT (BIT(QRCPT) | IN_QHOST)
#define IN_QSENDER (BIT(QSENDER) | IN_QRCPT)
#define IN_RDOM BIT(RDOM)
#define IN_ADDR BIT(ADDR)
#define IN_HTTP BIT(HTTP)
#define IN_FILTER_URL BIT(FILTER_URL)
#define IN_FILTER_EMAIL BIT(FILTER_EMAIL)
#define IN_FILTER_IP BIT(FILTER_IP)
#define IN_FILTER_HEADER BIT(FILTER_HEADER)
#define IN_FILTER (BIT(FILTER) | IN_FILTER_URL | IN_FILTER_EMAIL | IN_FILTER_IP | IN_FILTER_HEADER)
#define IN_EVENT BIT(EVENT)
#define IN_METRIC BIT(METRIC)

struct variable_row {
    struct str name;
    enum expr_variable id;
    enum expr_type type;
    uint32_t contexts;
    struct str about;
};

static const struct str context_names[] = {
#define CONTEXT(id, name, about) S_INIT(name),
#include "conf/expr_contexts.def"
};

static const struct str context_abouts[] = {
#define CONTEXT(id, name, about) S_INIT(about),
#include "conf/expr_contexts.def"
};

static const struct variable_row variables[] = {
#define VARIABLE(id, name, type, contexts, about)                                                  \
    {S_INIT(name), EXPR_VAR_##id, EXPR_##type, contexts, S_INIT(about)},
#define ALIAS(name, id, contexts)
#include "conf/expr_variables.def"
};

static const struct variable_row aliases[] = {
#define VARIABLE(id, name, type, contexts, about)
#define ALIAS(name, id, contexts) {S_INIT(name), EXPR_VAR_##id, EXPR_STRING, contexts, S_INIT("")},
#include "conf/expr_variables.def"
};

#define LIST_BEGIN(list) static const struct expr_word words_##list[] = {
#define WORD(text, number, is_off) {S_INIT(text), number, is_off},
#define LIST_END(list)                                                                             \
    }                                                                                              \
    ;
#include "conf/expr_constants.def"

static const struct {
    struct str name;
    struct expr_words words;
} word_lists[] = {
#define LIST_BEGIN(list) {S_INIT(#list), {words_##list, COUNT_OF(words_##list)}},
#define WORD(text, number, is_off)
#define LIST_END(list)
#include "conf/expr_constants.def"
};

static const struct str dns_types[] = {
        [EXPR_DNS_IPV4] = S_INIT("ipv4"),
        [EXPR_DNS_IPV6] = S_INIT("ipv6"),
        [EXPR_DNS_IP] = S_INIT("ip"),
        [EXPR_DNS_MX] = S_INIT("mx"),
        [EXPR_DNS_PTR] = S_INIT("ptr"),
        [EXPR_DNS_TXT] = S_INIT("txt"),
};

static const struct str system_names[] = {
        [EXPR_HOSTNAME] = S_INIT("hostname"),
        [EXPR_DOMAIN] = S_INIT("domain"),
        [EXPR_NODE_ID] = S_INIT("node_id"),
        [EXPR_NODE_HOSTNAME] = S_INIT("node_hostname"),
        [EXPR_NODE_ROLE] = S_INIT("node_role"),
};

static bool row_fits(const struct variable_row *row, struct str name, struct str *out_rest);

struct str expr_context_name(enum expr_context context)
{
    return context_names[context];
}

struct str expr_context_about(enum expr_context context)
{
    return context_abouts[context];
}

bool expr_context_find(struct str name, enum expr_context *out)
{
    for (size_t i = 0; i < COUNT_OF(context_names); i++) {
        if (str_eq_nocase(name, context_names[i])) {
            *out = (enum expr_context)i;
            return true;
        }
    }
    return false;
}

struct str expr_variable_name(enum expr_variable id)
{
    return variables[id].name;
}

enum expr_type expr_variable_type(enum expr_variable id)
{
    return variables[id].type;
}

bool expr_variable_find(
        struct str name, enum expr_context context, enum expr_variable *out, struct str *out_rest)
{
    uint32_t bit = 1u << context;
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        if ((variables[i].contexts & bit) != 0 && row_fits(&variables[i], name, out_rest)) {
            *out = variables[i].id;
            return true;
        }
    }
    for (size_t i = 0; i < COUNT_OF(aliases); i++) {
        if ((aliases[i].contexts & bit) != 0 && row_fits(&aliases[i], name, out_rest)) {
            *out = aliases[i].id;
            return true;
        }
    }
    return false;
}

bool expr_variable_at(size_t place, struct expr_variable_info *out)
{
    if (place >= COUNT_OF(variables))
        return false;
    const struct variable_row *r = &variables[place];
    *out = (struct expr_variable_info){r->name, r->type, r->contexts, r->about};
    return true;
}

size_t expr_variable_list(enum expr_context context, size_t at, enum expr_variable *out)
{
    for (; at < COUNT_OF(variables); at++) {
        if ((variables[at].contexts & 1u << context) != 0 && variables[at].name.len > 0) {
            *out = variables[at].id;
            return at + 1;
        }
    }
    return 0;
}

const struct expr_words *expr_words_named(struct str list)
{
    for (size_t i = 0; i < COUNT_OF(word_lists); i++)
        if (str_eq(list, word_lists[i].name))
            return &word_lists[i].words;
    return NULL;
}

bool expr_dns_find(struct str type, enum expr_dns *out)
{
    for (size_t i = 0; i < COUNT_OF(dns_types); i++) {
        if (str_eq_nocase(type, dns_types[i])) {
            *out = (enum expr_dns)i;
            return true;
        }
    }
    return false;
}

bool expr_system_find(struct str name, enum expr_system *out)
{
    for (size_t i = 0; i < COUNT_OF(system_names); i++) {
        if (str_eq(name, system_names[i])) {
            *out = (enum expr_system)i;
            return true;
        }
    }
    return false;
}

// "tag." and "$" want a name behind them, in out_rest; the nameless row is no one's name.
static bool row_fits(const struct variable_row *row, struct str name, struct str *out_rest)
{
    bool open = str_ends(row->name, S(".")) || str_eq(row->name, S("$"));
    *out_rest = S("");
    if (!open)
        return row->name.len > 0 && str_eq(name, row->name);
    if (!str_starts(name, row->name) || name.len == row->name.len)
        return false;
    *out_rest = str_from(name, row->name.len);
    return true;
}
