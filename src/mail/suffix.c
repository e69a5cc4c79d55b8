// SPDX-License-Identifier: Apache-2.0
// mail/suffix.c: asks libpsl, which knows the rules; spelling and nonsense are dealt with here.
#include "mail/suffix.h"

#include "base/unicode.h"

#include <libpsl.h>

#define DOMAIN_BYTES_MAX 1024 // U-labels are longer than the 255 octets of A-labels

struct suffix_list {
    psl_ctx_t *psl;
    struct str path; // null: the system's
};

static psl_ctx_t *load(struct arena *a, struct str path);
static bool is_domain(struct str domain);

struct err suffix_list_open(struct arena *a, struct str path, struct suffix_list **out)
{
    struct suffix_list *list = mem_new(struct suffix_list);
    if (list == NULL)
        return fail(ERR_LIMIT, "no memory for the list of public suffixes");
    *list = (struct suffix_list){.path = path};
    list->psl = load(a, path);
    if (list->psl == NULL) {
        mem_free(list);
        return fail_fmt(a, ERR_NOT_FOUND, "the list of public suffixes %.*s cannot be read",
                ARG(str_is_null(path) ? S("of the system") : path));
    }
    *out = list;
    return OK;
}

struct err suffix_list_reload(struct suffix_list *list, struct arena *a)
{
    psl_ctx_t *psl = load(a, list->path);
    if (psl == NULL)
        return fail_fmt(a, ERR_NOT_FOUND,
                "the list of public suffixes %.*s cannot be read; the one before stays in use",
                ARG(list->path));
    psl_free(list->psl);
    list->psl = psl;
    return OK;
}

// NULL: nothing can be read there. The library takes any text for a list.
static psl_ctx_t *load(struct arena *a, struct str path)
{
    const char *name = str_is_null(path) ? NULL : arena_c_str(a, path);
    if (name == NULL)
        return str_is_null(path) ? psl_latest(NULL) : NULL;
    psl_ctx_t *psl = psl_load_file(name);
    if (psl != NULL && psl_suffix_count(psl) <= 0) {
        psl_free(psl);
        return NULL;
    }
    return psl;
}

void suffix_list_close(struct suffix_list *list)
{
    if (list == NULL)
        return;
    psl_free(list->psl);
    mem_free(list);
}

struct err suffix_ask(const struct suffix_list *list, struct arena *a, struct str domain,
        struct suffix_answer *out)
{
    struct suffix_answer answer = {0};
    struct buf lower AUTO(buf_done);
    buf_init(&lower, 2 * DOMAIN_BYTES_MAX);
    if (!is_domain(domain)) {
        *out = answer;
        return OK;
    }
    for (uint32_t code; unicode_next(&domain, &code);)
        buf_add_utf8(&lower, unicode_lower(code));
    const char *name = arena_c_str(a, buf_str(&lower));
    if (name == NULL || lower.overflow)
        return fail(ERR_LIMIT, "no memory for a domain");
    // Both point into the name.
    answer.suffix = str_from_c(psl_unregistrable_domain(list->psl, name));
    answer.registrable = str_from_c(psl_registrable_domain(list->psl, name));
    answer.listed =
            !str_is_null(answer.suffix) && psl_is_public_suffix2(list->psl, answer.suffix.ptr,
                                                   PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE) != 0;
    *out = answer;
    return OK;
}

static bool is_domain(struct str domain)
{
    struct str rest = domain, label;
    if (domain.len > DOMAIN_BYTES_MAX || !str_is_utf8(domain) ||
            str_find_byte(domain, '\0') != STR_NOT_FOUND)
        return false;
    while (str_split(&rest, '.', &label)) {
        if (str_is_empty(label))
            return false;
    }
    return true;
}
