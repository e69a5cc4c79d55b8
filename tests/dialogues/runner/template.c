// SPDX-License-Identifier: Apache-2.0
// tests/dialogues/runner/template.c: reading, filling and matching texts with holes.
#include "template.h"

#define MATCH_STEPS_MAX 1000000 // holes side by side try every split of the line

struct parsing {
    struct arena *arena;
    struct scan in;
    enum template_form form;
    struct template *out;
    struct buf literal;
};

struct matching {
    const struct template *t;
    struct arena *arena;
    struct str subject;
    struct holes *holes;
    size_t furthest;
    uint32_t steps;
};

static struct err parse_all(struct parsing *p);
static struct err parse_escape(struct parsing *p);
static struct err parse_brace(struct parsing *p);
static struct err parse_repeat(struct parsing *p, struct str inside);
static struct err unescape(struct parsing *p, struct str text, struct buf *out);
static struct err parse_hole(struct parsing *p, struct str inside);
static bool find_end(struct parsing *p, struct str *out_inside);
static struct err end_literal(struct parsing *p);
static struct err wrong(struct parsing *p, const char *what);
static bool match_from(struct matching *m, size_t part, size_t at);
static bool match_text(struct matching *m, struct str text, size_t part, size_t at);
static bool match_hole(struct matching *m, const struct part *hole, size_t part, size_t at);
static bool bind_and_go(
        struct matching *m, struct str name, struct str value, size_t part, size_t at);

struct err template_parse(
        struct arena *a, struct str text, enum template_form form, struct template *out)
{
    struct parsing p = {.arena = a, .in = scan_over(text), .form = form, .out = out};
    *out = (struct template){0};
    buf_init(&p.literal, TEMPLATE_BYTES_MAX);
    struct err e = parse_all(&p);
    if (!failed(e))
        e = end_literal(&p);
    buf_done(&p.literal);
    return e;
}

static struct err parse_all(struct parsing *p)
{
    while (!scan_end(&p->in)) {
        uint8_t c;
        if (p->form == TEMPLATE_BYTES && scan_peek(&p->in) == '\\') {
            TRY(parse_escape(p));
        } else if (scan_lit(&p->in, S("{{"))) {
            buf_add_byte(&p->literal, '{');
        } else if (scan_peek(&p->in) == '{') {
            TRY(parse_brace(p));
        } else if (scan_any(&p->in, &c)) {
            buf_add_byte(&p->literal, (char)c);
        }
    }
    return OK;
}

static struct err parse_escape(struct parsing *p)
{
    static const struct {
        char letter, byte;
    } escapes[] = {{'r', '\r'}, {'n', '\n'}, {'t', '\t'}, {'0', '\0'}, {'\\', '\\'}};
    struct scan before = p->in;
    scan_skip(&p->in, 1);
    for (size_t i = 0; i < COUNT_OF(escapes); i++)
        if (scan_byte(&p->in, escapes[i].letter)) {
            buf_add_byte(&p->literal, escapes[i].byte);
            return OK;
        }
    int high = scan_peek_at(&p->in, 1), low = scan_peek_at(&p->in, 2);
    if (scan_peek(&p->in) != 'x' || high < 0 || low < 0 || byte_hex_value((uint8_t)high) < 0 ||
            byte_hex_value((uint8_t)low) < 0) {
        p->in = before;
        return wrong(p, "an unknown escape; there are \\r \\n \\t \\0 \\\\ and \\x00");
    }
    scan_skip(&p->in, 3);
    buf_add_byte(
            &p->literal, (char)(byte_hex_value((uint8_t)high) * 16 + byte_hex_value((uint8_t)low)));
    return OK;
}

static struct err parse_brace(struct parsing *p)
{
    struct scan before = p->in;
    struct str inside;
    if (!find_end(p, &inside))
        return wrong(p, "a { without its }; a brace itself is written {{");
    size_t star = str_rfind_byte(inside, '*');
    uint64_t count;
    bool repeats = star != STR_NOT_FOUND && star > 0 &&
                   str_to_u64(str_from(inside, star + 1), TEMPLATE_BYTES_MAX, &count);
    struct err e = repeats ? parse_repeat(p, inside) : parse_hole(p, inside);
    if (e.kind == ERR_SYNTAX) {
        p->in = before;
        return wrong(p, arena_c_str(p->arena, err_text(e)));
    }
    return e;
}

// A regex in a hole may hold braces of its own, as in {id:[a-z]{3}}.
static bool find_end(struct parsing *p, struct str *out_inside)
{
    struct str rest = scan_rest(&p->in);
    size_t depth = 0;
    for (size_t i = 0; i < rest.len; i++) {
        depth += rest.ptr[i] == '{';
        if (rest.ptr[i] != '}' || --depth > 0)
            continue;
        *out_inside = str_part(rest, 1, i - 1);
        return scan_skip(&p->in, i + 1);
    }
    return false;
}

static struct err parse_repeat(struct parsing *p, struct str inside)
{
    struct str what, number;
    uint64_t count = 0;
    if (!str_rcut(inside, '*', &what, &number) || !str_to_u64(number, TEMPLATE_BYTES_MAX, &count))
        return fail(ERR_SYNTAX, "a repetition is {x*COUNT}");
    if (count * what.len > TEMPLATE_BYTES_MAX - p->literal.len)
        return fail(ERR_SYNTAX, "a repetition that is too long");
    struct buf once AUTO(buf_done);
    buf_init(&once, TEMPLATE_BYTES_MAX);
    TRY(unescape(p, what, &once));
    for (uint64_t i = 0; i < count; i++)
        buf_add(&p->literal, buf_str(&once));
    return p->literal.overflow ? fail(ERR_LIMIT, "no memory for a text") : OK;
}

static struct err unescape(struct parsing *p, struct str text, struct buf *out)
{
    struct parsing inner = {
            .arena = p->arena, .in = scan_over(text), .form = p->form, .literal = *out};
    struct err e = OK;
    uint8_t c;
    while (!failed(e) && !scan_end(&inner.in))
        if (p->form == TEMPLATE_BYTES && scan_peek(&inner.in) == '\\')
            e = parse_escape(&inner);
        else if (scan_any(&inner.in, &c))
            buf_add_byte(&inner.literal, (char)c);
    *out = inner.literal;
    return e;
}

static bool is_name_byte(uint8_t c)
{
    return byte_is_alnum(c) || c == '-' || c == '_';
}

static struct err parse_hole(struct parsing *p, struct str inside)
{
    struct str name = inside, pattern = STR_NULL, taken;
    str_cut(inside, ':', &name, &pattern);
    struct scan in = scan_over(name);
    scan_while0(&in, is_name_byte, &taken);
    if (!scan_end(&in))
        return fail(ERR_SYNTAX, "the name of a hole is letters, digits, '-' and '_'");
    TRY(end_literal(p));
    struct part *part = vec_add(p->arena, &p->out->parts);
    if (part == NULL || p->out->parts.count > TEMPLATE_PARTS_MAX)
        return fail(ERR_LIMIT, "too many holes in one line");
    *part = (struct part){.kind = PART_HOLE, .name = arena_str(p->arena, name)};
    if (str_is_null(pattern))
        return OK;
    struct str anchored = arena_fmt(p->arena, "\\A(?:%.*s)", ARG(pattern));
    return regex_compile(p->arena, anchored, &part->regex);
}

static struct err end_literal(struct parsing *p)
{
    if (p->literal.overflow)
        return fail(ERR_LIMIT, "a text that is too long");
    if (p->literal.len == 0)
        return OK;
    struct part *part = vec_add(p->arena, &p->out->parts);
    if (part == NULL)
        return fail(ERR_LIMIT, "no memory for a text");
    *part = (struct part){.kind = PART_TEXT, .text = arena_str(p->arena, buf_str(&p->literal))};
    buf_clear(&p->literal);
    return str_is_null(part->text) ? fail(ERR_LIMIT, "no memory for a text") : OK;
}

static struct err wrong(struct parsing *p, const char *what)
{
    return fail_fmt(p->arena, ERR_SYNTAX, "column %zu: %s", scan_column(&p->in),
            what == NULL ? "no memory" : what);
}

// --- Filling and matching ------------------------------------------------------------------------

struct str holes_get(const struct holes *holes, struct str name)
{
    each_in_vec (h, &holes->all) {
        if (str_eq(h->name, name))
            return h->value;
    }
    return STR_NULL;
}

struct err template_fill(
        struct arena *a, const struct template *t, const struct holes *holes, struct str *out)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, TEMPLATE_BYTES_MAX);
    each_in_vec (part, &t->parts) {
        struct str value = part->kind == PART_TEXT ? part->text : STR_NULL;
        if (part->kind == PART_HOLE && part->name.len > 0)
            value = holes_get(holes, part->name);
        if (str_is_null(value))
            return fail_fmt(a, ERR_NOT_FOUND, "{%.*s} has no value yet", ARG(part->name));
        buf_add(&text, value);
    }
    *out = arena_str(a, buf_str(&text));
    return text.overflow || str_is_null(*out) ? fail(ERR_LIMIT, "a text that is too long") : OK;
}

bool template_match(const struct template *t, struct arena *a, struct str subject,
        struct holes *holes, size_t *out_furthest)
{
    struct matching m = {.t = t, .arena = a, .subject = subject, .holes = holes};
    size_t bound = holes->all.count;
    if (match_from(&m, 0, 0))
        return true;
    holes->all.count = bound;
    *out_furthest = m.furthest;
    return false;
}

static bool match_from(struct matching *m, size_t part, size_t at)
{
    if (m->steps++ > MATCH_STEPS_MAX)
        return false;
    if (part == m->t->parts.count) {
        if (at > m->furthest)
            m->furthest = at;
        return at == m->subject.len;
    }
    const struct part *p = &m->t->parts.at[part];
    if (p->kind == PART_TEXT)
        return match_text(m, p->text, part, at);
    struct str value = p->name.len > 0 ? holes_get(m->holes, p->name) : STR_NULL;
    return str_is_null(value) ? match_hole(m, p, part, at) : match_text(m, value, part, at);
}

static bool match_text(struct matching *m, struct str text, size_t part, size_t at)
{
    struct str rest = str_from(m->subject, at);
    size_t same = 0;
    while (same < text.len && same < rest.len && text.ptr[same] == rest.ptr[same])
        same++;
    // How far a hole was tried out says nothing: only text that fits does.
    if (same > 0 && at + same > m->furthest)
        m->furthest = at + same;
    return same == text.len && match_from(m, part + 1, at + same);
}

static bool match_hole(struct matching *m, const struct part *hole, size_t part, size_t at)
{
    struct str rest = str_from(m->subject, at);
    struct regex_groups groups;
    if (hole->regex != NULL)
        return regex_match(hole->regex, m->arena, rest, &groups) == REGEX_MATCH &&
               bind_and_go(m, hole->name, str_upto(rest, groups.at[0].len), part, at);
    for (size_t len = 0; len <= rest.len; len++)
        if (bind_and_go(m, hole->name, str_upto(rest, len), part, at))
            return true;
    return false;
}

static bool bind_and_go(
        struct matching *m, struct str name, struct str value, size_t part, size_t at)
{
    size_t bound = m->holes->all.count;
    struct hole *hole = name.len > 0 ? vec_add(m->arena, &m->holes->all) : NULL;
    if (name.len > 0 && hole == NULL)
        return false;
    if (hole != NULL)
        *hole = (struct hole){name, value};
    if (match_from(m, part + 1, at + value.len)) {
        // The subject may go before the holes do; it is copied once, when all has matched.
        struct str kept = hole == NULL ? value : arena_str(m->arena, value);
        if (hole != NULL)
            m->holes->all.at[bound].value = kept;
        return true;
    }
    m->holes->all.count = bound;
    return false;
}
