// SPDX-License-Identifier: Apache-2.0
// manage/metrics_page.c: see manage/metrics_page.h.
#include "manage/metrics_page.h"

#include "manage/basic_auth.h"

#define PAGE_BYTES_MAX (4 * MIB)

struct err metrics_page(struct http_exchange *x)
{
    const struct metrics_page *page = x->arg;
    struct buf text AUTO(buf_done) = {0};
    if (!str_is_null(page->name) && !basic_auth_matches(x->head, page->name, page->secret)) {
        http_put(x, S("WWW-Authenticate"), S("Basic realm=\"metrics\""));
        return http_answer_problem(x, 401, S("You have to authenticate first."));
    }
    struct metrics_form form = page->form;
    form.format = metrics_format_for(http_head_field(x->head, S("Accept")));
    buf_init(&text, PAGE_BYTES_MAX);
    metrics_expose(page->metrics, &form, &text);
    if (text.overflow)
        return fail(ERR_LIMIT, "the metrics need too much memory");
    http_put(x, S("Cache-Control"), S("no-store"));
    http_put(x, S("Vary"), S("Accept"));
    return http_answer(x, 200, metrics_content_type(form.format), buf_str(&text));
}
