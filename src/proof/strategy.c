// SPDX-License-Identifier: Apache-2.0
// proof/strategy.c: the words of strategies, authentication.md 1.2, and of refusals.
#include "proof/strategy.h"

#include "conf/expr.h"

#define OWN_WORDS_BYTES_MAX KIB

bool proof_strategy_read(struct str word, enum proof_strategy *out)
{
    static const struct {
        struct str word;
        enum proof_strategy strategy;
    } words[] = {
            {S_INIT("relaxed"), PROOF_RELAXED},
            {S_INIT("strict"), PROOF_STRICT},
            {S_INIT("enforce"), PROOF_ENFORCE},
            {S_INIT("disable"), PROOF_DISABLE},
            {S_INIT("disabled"), PROOF_DISABLE},
            {S_INIT("never"), PROOF_DISABLE},
            {S_INIT("none"), PROOF_DISABLE},
    };
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (str_eq(words[i].word, word)) {
            *out = words[i].strategy;
            return true;
        }
    }
    return false;
}

enum proof_strategy proof_strategy_of(const struct expr_result *verify)
{
    enum proof_strategy strategy = PROOF_RELAXED;
    if (verify->outcome == EXPR_VALUE && !proof_strategy_read(verify->text, &strategy))
        strategy = PROOF_RELAXED;
    return strategy;
}

struct str proof_own_words(struct arena *a, struct str domain, struct str words)
{
    struct buf text AUTO(buf_done);
    struct scan in = scan_over(words);
    buf_init(&text, OWN_WORDS_BYTES_MAX);
    if (str_is_empty(words))
        return STR_NULL;
    buf_fmt(&text, "%.*s explains: ", ARG(domain));
    for (uint8_t c; scan_any(&in, &c);) {
        if (c >= ' ' && c <= '~')
            buf_add_byte(&text, (char)c);
    }
    return text.overflow ? STR_NULL : arena_str(a, buf_str(&text));
}
