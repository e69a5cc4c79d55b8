// SPDX-License-Identifier: Apache-2.0
// deliver/reply/classify_read.c: reads rules about bounces. Their form stands at the head of
// bounce_classes.rules, which are those built in.
#include "deliver/reply/classify_parts.h"

#include "rt/file.h"

#define PROVIDERS_MAX 100
#define SUFFIXES_MAX 64

struct rules_reading {
    struct arena *arena;
    struct bounce_rules *rules;
};

static struct err read_line(struct rules_reading *r, struct str line, size_t number) MUST_USE;
static struct err read_provider(struct rules_reading *r, struct str line) MUST_USE;
static struct err read_rule(struct rules_reading *r, struct str line, size_t number) MUST_USE;
static struct err read_code(struct arena *a, struct str word, struct bounce_rule *out) MUST_USE;
static struct err read_pattern(struct arena *a, struct str text, struct bounce_rule *out) MUST_USE;
static bool read_part(struct str text, uint16_t *out);
static bool take_word(struct scan *in, struct str *out);
static bool is_no_blank(uint8_t c);

struct err bounce_rules_load(struct arena *a, const struct conf *conf, struct findings *findings,
        struct bounce_rules **out)
{
    struct str key = S("queue.bounce-classes"), text;
    struct str path = conf_str(conf, key);
    if (!str_is_empty(path)) {
        struct err e = file_read(a, path, BOUNCE_RULES_BYTES_MAX, &text, NULL);
        if (!failed(e))
            e = bounce_rules_read(a, text, out);
        if (!failed(e))
            return OK;
        conf_error(conf, findings, key, -1, S("unreadable"), "%.*s%s%.*s",
                ARG(e.kind == ERR_SYNTAX ? path : S("")), e.kind == ERR_SYNTAX ? ": " : "",
                ARG(err_text(e)));
    }
    return bounce_rules_read(a, bounce_rules_built_in(), out);
}

struct err bounce_rules_read(struct arena *a, struct str text, struct bounce_rules **out)
{
    struct rules_reading r = {.arena = a, .rules = arena_make(a, struct bounce_rules)};
    struct str line;
    size_t number = 0;
    if (r.rules == NULL)
        return fail(ERR_LIMIT, "no memory for rules about bounces");
    for (struct scan in = scan_over(text); scan_line(&in, &line);) {
        struct err e = read_line(&r, str_trim(line), ++number);
        if (failed(e))
            return fail_fmt(a, e.kind, "line %zu: %.*s", number, ARG(err_text(e)));
    }
    *out = r.rules;
    return OK;
}

static struct err read_line(struct rules_reading *r, struct str line, size_t number)
{
    if (str_is_empty(line) || line.ptr[0] == '#')
        return OK;
    return line.ptr[0] == '[' ? read_provider(r, line) : read_rule(r, line, number);
}

// provider = "[" name "]" *( 1*SP suffix ) / "[*]"
static struct err read_provider(struct rules_reading *r, struct str line)
{
    struct scan in = scan_over(str_from(line, 1));
    struct bounce_provider p = {.first = r->rules->all.count, .end = r->rules->all.count};
    struct str *suffixes = arena_array(r->arena, SUFFIXES_MAX, struct str);
    size_t known = r->rules->providers.count;
    if (suffixes == NULL)
        return fail(ERR_LIMIT, "no memory for rules about bounces");
    if (!scan_until_past(&in, ']', &p.name) || str_is_empty(p.name))
        return fail(ERR_SYNTAX, "expected [NAME] and suffixes of hosts");
    if (known > 0 && r->rules->providers.at[known - 1].is_everybody)
        return fail(ERR_SYNTAX, "nobody's rules come behind those of [*]");
    p.is_everybody = str_eq(p.name, S("*"));
    for (struct str word; take_word(&in, &word);) {
        if (p.suffixes.count == SUFFIXES_MAX)
            return fail(ERR_SYNTAX, "too many suffixes");
        suffixes[p.suffixes.count++] = word;
    }
    p.suffixes.at = suffixes;
    if (p.is_everybody != (p.suffixes.count == 0))
        return fail(ERR_SYNTAX, "a provider has suffixes, and [*] has none");
    struct bounce_provider *kept =
            known < PROVIDERS_MAX ? vec_add(r->arena, &r->rules->providers) : NULL;
    if (kept == NULL)
        return fail(ERR_LIMIT, "too many providers");
    *kept = p;
    if (p.is_everybody)
        kept->name = STR_NULL;
    return OK;
}

static struct err read_rule(struct rules_reading *r, struct str line, size_t number)
{
    struct scan in = scan_over(line);
    struct bounce_rule rule = {.line = number};
    struct str class, code, status;
    size_t providers = r->rules->providers.count;
    if (providers == 0)
        return fail(ERR_SYNTAX, "a rule stands below [NAME] or [*]");
    if (!take_word(&in, &class) || !take_word(&in, &code) || !take_word(&in, &status))
        return fail(ERR_SYNTAX, "expected CLASS CODE ENHANCED [PATTERN]");
    if (!bounce_class_named(class, &rule.class))
        return fail_fmt(r->arena, ERR_SYNTAX, "there is no class '%.*s'", ARG(class));
    TRY(read_code(r->arena, code, &rule));
    if (!str_eq(status, S("*")) && !bounce_status_read(status, &rule.status))
        return fail_fmt(
                r->arena, ERR_SYNTAX, "'%.*s' is no enhanced code like 5.7.x or *", ARG(status));
    TRY(read_pattern(r->arena, str_trim(scan_rest(&in)), &rule));
    struct bounce_rule *kept =
            r->rules->all.count < BOUNCE_RULES_MAX ? vec_add(r->arena, &r->rules->all) : NULL;
    if (kept == NULL)
        return fail(ERR_LIMIT, "too many rules");
    *kept = rule;
    r->rules->providers.at[providers - 1].end = r->rules->all.count;
    return OK;
}

// code = ( "*" / 3( DIGIT / "x" ) ) [ "@" command ]
static struct err read_code(struct arena *a, struct str word, struct bounce_rule *out)
{
    static const struct str commands[] = {S_INIT("connect"), S_INIT("ehlo"), S_INIT("starttls"),
            S_INIT("auth"), S_INIT("mail"), S_INIT("rcpt"), S_INIT("data")};
    const struct strs known = {commands, COUNT_OF(commands)};
    struct str code = word;
    if (str_cut(word, '@', &code, &out->command) && !strs_have(&known, out->command))
        return fail_fmt(a, ERR_SYNTAX, "there is no command '%.*s'", ARG(out->command));
    if (str_eq(code, S("*")))
        code = S("xxx");
    bool good = code.len == COUNT_OF(out->code);
    for (size_t i = 0; good && i < code.len; i++) {
        uint8_t c = (uint8_t)code.ptr[i];
        good = c == 'x' || byte_is_digit(c);
        out->code[i] = c == 'x' ? BOUNCE_ANY : (uint16_t)(c - '0');
    }
    if (!good)
        return fail_fmt(a, ERR_SYNTAX, "'%.*s' is no code like 550, 5xx or *", ARG(code));
    return OK;
}

static struct err read_pattern(struct arena *a, struct str text, struct bounce_rule *out)
{
    struct regex *regex;
    if (str_is_empty(text))
        return OK;
    struct str pattern = arena_join(a, S("(?i)"), text);
    if (str_is_null(pattern))
        return fail(ERR_LIMIT, "no memory for rules about bounces");
    TRY(regex_compile(a, pattern, &regex));
    out->pattern = regex;
    out->needed = needed_read(a, text);
    return OK;
}

bool bounce_status_read(struct str text, struct bounce_status *out)
{
    struct bounce_status status = {.is_given = true};
    struct str part, rest = text;
    size_t count = 0;
    if (str_is_empty(text))
        return false;
    while (str_split(&rest, '.', &part))
        if (count == COUNT_OF(status.at) || !read_part(part, &status.at[count++]))
            return false;
    if (count != COUNT_OF(status.at))
        return false;
    *out = status;
    return true;
}

static bool read_part(struct str text, uint16_t *out)
{
    uint64_t number;
    *out = BOUNCE_ANY;
    if (str_eq(text, S("x")))
        return true;
    if (!str_to_u64(text, 999, &number))
        return false;
    *out = (uint16_t)number;
    return true;
}

static bool take_word(struct scan *in, struct str *out)
{
    scan_blanks(in);
    return scan_while(in, is_no_blank, out);
}

static bool is_no_blank(uint8_t c)
{
    return !byte_is_blank(c);
}
