// SPDX-License-Identifier: Apache-2.0
// conf/expr_parse.c: the grammar of expressions (configuration.md 9.2), read by operator
// precedence with a stack of what is still open: brackets, calls and operators that wait for their
// right operand. An operator takes its operands as soon as one comes that binds less, so steps are
// written in postfix order and nothing recurses.
//
// At each place either an operand or an operator is due: that is the whole state, and what most
// messages are about. Names are resolved in expr_resolve.c.
#include "conf/expr_emit.h"
#include "conf/expr_resolve.h"

enum frame_kind {
    FRAME_PAREN,
    FRAME_CALL,
    FRAME_ARRAY,
    FRAME_INDEX,
    FRAME_UNARY,
    FRAME_BINARY,
};

struct frame {
    enum frame_kind kind;
    enum expr_op op;
    size_t column;
    size_t jump;               // of && and ||
    size_t count;              // of a call or an array: arguments that are complete
    size_t function;           // of a call
    const struct regex *regex; // of matches
};

struct parser {
    const struct expr_source *source;
    struct expr_warnings *warnings;
    struct expr_lexer lexer;
    struct expr_emitter emit;
    struct expr_token token, before; // `before` is the token that was read last
    struct frame *frames;
    size_t frame_count;
    size_t open; // brackets among the frames
    bool want_operand, ready;
    bool just_opened; // a bracket, by the token before: an empty list may end here
};

static bool run(struct parser *p);
static bool next(struct parser *p);
static bool operand(struct parser *p);
static bool operand_string(struct parser *p);
static bool operand_name(struct parser *p);
static bool call_begin(struct parser *p, size_t function);
static bool call_special(struct parser *p, size_t function);
static bool special_matches(struct parser *p, struct frame frame, struct str pattern);
static bool operand_missing(struct parser *p);
static bool close_empty(struct parser *p);
static bool operator_due(struct parser *p);
static bool binary(struct parser *p);
static bool reduce_above(struct parser *p, int precedence);
static bool reduce_top(struct parser *p);
static bool close(struct parser *p);
static bool close_call(struct parser *p, const struct frame *frame);
static bool comma(struct parser *p);
static bool finish(struct parser *p);
static bool push(struct parser *p, struct frame frame);
static bool is_bracket(enum frame_kind kind);
static const char *bracket_text(enum frame_kind kind);
static int precedence_of(enum expr_op op);
static struct expr_warnings *warn(struct parser *p, size_t column, struct str message);

bool expr_compile(struct arena *a, const struct expr_source *source, struct expr_program *out,
        struct expr_warnings *warnings, struct expr_problem *problem)
{
    struct parser p = {.source = source, .warnings = warnings, .want_operand = true};
    *problem = (struct expr_problem){0};
    if (source->text.len > EXPR_TEXT_BYTES_MAX) {
        problem->message = S("longer than 8 KiB");
        return false;
    }
    p.lexer = expr_lexer_over(a, source->text);
    emit_init(&p.emit, a, problem);
    p.frames = arena_array(&p.emit.scratch, EXPR_TOKENS_MAX + 1, struct frame);
    bool good = p.frames != NULL && run(&p) && emit_finish(&p.emit, out);
    emit_done(&p.emit);
    if (!good && str_is_null(problem->message))
        problem->message = S("out of memory");
    return good;
}

static bool run(struct parser *p)
{
    while (!p->ready) {
        if (!next(p))
            return false;
        size_t open = p->open;
        if (!(p->want_operand ? operand(p) : operator_due(p)))
            return false;
        p->just_opened = p->open > open;
    }
    return true;
}

static bool next(struct parser *p)
{
    p->before = p->token;
    return expr_lex(&p->lexer, &p->token, p->emit.problem);
}

static bool operand(struct parser *p)
{
    const struct expr_token *t = &p->token;
    p->want_operand = false; // those that open something want one still
    switch (t->kind) {
    case TOKEN_NUMBER:
        return emit_constant(&p->emit, t->value, t->column);
    case TOKEN_STRING:
        return operand_string(p);
    case TOKEN_CAPTURE:
        return emit_capture(&p->emit, (uint32_t)t->value.integer, t->column);
    case TOKEN_NAME:
    case TOKEN_GLOBAL:
        return operand_name(p);
    case TOKEN_OPEN_PAREN:
        p->want_operand = true;
        return push(p, (struct frame){.kind = FRAME_PAREN, .column = t->column});
    case TOKEN_OPEN_BRACKET:
        p->want_operand = true;
        return push(p, (struct frame){.kind = FRAME_ARRAY, .column = t->column});
    case TOKEN_OPERATOR:
        p->want_operand = true;
        if (t->op == OP_NOT || t->op == OP_SUBTRACT)
            return push(p, (struct frame){.kind = FRAME_UNARY,
                                   .op = t->op == OP_NOT ? OP_NOT : OP_NEGATE,
                                   .column = t->column});
        return operand_missing(p);
    case TOKEN_END:
    case TOKEN_COMMA:
    case TOKEN_CLOSE_PAREN:
    case TOKEN_CLOSE_BRACKET:
        break;
    }
    return operand_missing(p);
}

static bool operand_string(struct parser *p)
{
    struct str text = expr_unescape(p->emit.arena, p->token.text, p->token.delimiter);
    if (str_is_null(text))
        return emit_fail(&p->emit, 0, "out of memory");
    return emit_constant(&p->emit, expr_text(text), p->token.column);
}

// A name with a '(' behind it is a call, any other a variable or a constant.
static bool operand_name(struct parser *p)
{
    struct expr_token name = p->token;
    struct expr_lexer ahead = p->lexer;
    struct expr_problem unheard = {0};
    bool called = expr_lex(&ahead, &p->token, &unheard) && p->token.kind == TOKEN_OPEN_PAREN;
    p->token = name;
    if (!called)
        return resolve_name(&p->emit, p->source, &name);
    size_t function;
    if (!resolve_function(&p->emit, p->source, &name, &function))
        return false;
    p->lexer = ahead;
    if (expr_function_row(function)->kind == FUNCTION_SPECIAL)
        return call_special(p, function);
    return call_begin(p, function);
}

// An empty list of arguments is seen here, where an operand would otherwise be due.
static bool call_begin(struct parser *p, size_t function)
{
    struct frame frame = {.kind = FRAME_CALL, .function = function, .column = p->token.column};
    p->want_operand = true;
    return push(p, frame);
}

// matches, config_get, system and metric: the first argument is a literal that is looked at now.
static bool call_special(struct parser *p, size_t function)
{
    struct frame frame = {
            .kind = FRAME_CALL, .function = function, .column = p->token.column, .count = 1};
    struct str called = expr_function_row(function)->name;
    if (!next(p))
        return false;
    if (p->token.kind != TOKEN_STRING)
        return emit_fail(&p->emit, p->token.column,
                "the first argument of '%.*s' must be a text in quotes", ARG(called));
    struct str literal = p->token.text;
    if (str_eq(called, S("matches"))) {
        literal = expr_unescape_delimiter(p->emit.arena, literal, p->token.delimiter);
        return special_matches(p, frame, literal);
    }
    literal = expr_unescape(p->emit.arena, literal, p->token.delimiter);
    struct str doubt = STR_NULL;
    if (!resolve_special(&p->emit, p->source, called, literal, p->token.column, &doubt))
        return false;
    if (!str_is_null(doubt) && warn(p, p->token.column, doubt) == NULL)
        return emit_fail(&p->emit, 0, "out of memory");
    if (!next(p))
        return false;
    if (p->token.kind == TOKEN_CLOSE_PAREN)
        return true;
    return emit_fail(&p->emit, p->token.column, "'%.*s' takes one text in quotes and nothing else",
            ARG(called));
}

static bool special_matches(struct parser *p, struct frame frame, struct str pattern)
{
    struct regex *regex = NULL;
    size_t column = p->token.column;
    struct err bad = regex_compile(p->emit.arena, pattern, &regex);
    if (failed(bad))
        return emit_fail(&p->emit, column, "%.*s", ARG(err_text(bad)));
    if (regex_is_risky(regex) &&
            warn(p, column,
                    S("an unbounded repetition inside another one: on long texts it will reach the "
                      "match limit")) == NULL)
        return emit_fail(&p->emit, 0, "out of memory");
    frame.regex = regex;
    if (!next(p))
        return false;
    if (p->token.kind == TOKEN_CLOSE_PAREN)
        return emit_fail(&p->emit, frame.column, "function 'matches' takes 2 arguments, got 1");
    if (p->token.kind != TOKEN_COMMA)
        return emit_fail(&p->emit, p->token.column,
                "the first argument of 'matches' must be a text in quotes and nothing else");
    p->want_operand = true;
    return push(p, frame);
}

// The token cannot begin an operand. An empty list is right in a call and in an array.
static bool operand_missing(struct parser *p)
{
    const struct expr_token *t = &p->token;
    const struct frame *top = p->frame_count > 0 ? &p->frames[p->frame_count - 1] : NULL;
    if (top != NULL && p->just_opened && top->kind == FRAME_CALL && t->kind == TOKEN_CLOSE_PAREN)
        return close_empty(p);
    if (top != NULL && p->just_opened && top->kind == FRAME_ARRAY && t->kind == TOKEN_CLOSE_BRACKET)
        return close_empty(p);
    if (p->before.kind == TOKEN_END && t->kind == TOKEN_END)
        return emit_fail(&p->emit, t->column, "the expression is empty");
    if (p->before.kind == TOKEN_OPERATOR)
        return emit_fail(&p->emit, t->column, "missing operand after '%.*s'", ARG(p->before.text));
    if (t->kind == TOKEN_END && top != NULL)
        return emit_fail(&p->emit, top->column, "unbalanced '%s'", bracket_text(top->kind));
    if (t->kind == TOKEN_OPERATOR)
        return emit_fail(&p->emit, t->column, "missing operand before '%.*s'", ARG(t->text));
    if (p->open == 0 && t->kind != TOKEN_COMMA)
        return emit_fail(&p->emit, t->column, "unbalanced '%.*s'", ARG(t->text));
    return emit_fail(&p->emit, t->column, "missing operand before '%.*s'", ARG(t->text));
}

static bool close_empty(struct parser *p)
{
    struct frame top = p->frames[--p->frame_count];
    p->open--;
    if (top.kind == FRAME_CALL)
        return close_call(p, &top);
    return emit_array(&p->emit, 0, top.column);
}

static bool operator_due(struct parser *p)
{
    const struct expr_token *t = &p->token;
    switch (t->kind) {
    case TOKEN_OPERATOR:
        if (t->op == OP_NOT)
            break;
        return binary(p);
    case TOKEN_CLOSE_PAREN:
    case TOKEN_CLOSE_BRACKET:
        return close(p);
    case TOKEN_COMMA:
        return comma(p);
    case TOKEN_OPEN_BRACKET:
        p->want_operand = true;
        return push(p, (struct frame){.kind = FRAME_INDEX, .column = t->column});
    case TOKEN_END:
        return finish(p);
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_NAME:
    case TOKEN_CAPTURE:
    case TOKEN_GLOBAL:
    case TOKEN_OPEN_PAREN:
        break;
    }
    return emit_fail(&p->emit, t->column, "missing operator before '%.*s'", ARG(t->text));
}

static bool binary(struct parser *p)
{
    struct frame frame = {.kind = FRAME_BINARY, .op = p->token.op, .column = p->token.column};
    if (!reduce_above(p, precedence_of(frame.op)))
        return false;
    bool jumps = frame.op == OP_AND || frame.op == OP_OR;
    if (jumps && !emit_jump(&p->emit, frame.op, frame.column, &frame.jump))
        return false;
    p->want_operand = true;
    return push(p, frame);
}

// All binary operators associate to the left, so those of the same precedence go first.
static bool reduce_above(struct parser *p, int precedence)
{
    while (p->frame_count > 0) {
        const struct frame *top = &p->frames[p->frame_count - 1];
        if (is_bracket(top->kind))
            return true;
        if (top->kind == FRAME_BINARY && precedence_of(top->op) < precedence)
            return true;
        if (!reduce_top(p))
            return false;
    }
    return true;
}

static bool reduce_top(struct parser *p)
{
    struct frame top = p->frames[--p->frame_count];
    if (top.kind == FRAME_UNARY)
        return emit_unary(&p->emit, top.op, top.column);
    if (top.op == OP_AND || top.op == OP_OR)
        return emit_logic(&p->emit, top.jump, top.column);
    return emit_binary(&p->emit, top.op, top.column);
}

static bool close(struct parser *p)
{
    bool bracket = p->token.kind == TOKEN_CLOSE_BRACKET;
    if (!reduce_above(p, 0))
        return false;
    struct frame top = {0};
    if (p->frame_count > 0)
        top = p->frames[p->frame_count - 1];
    bool fits = bracket ? top.kind == FRAME_ARRAY || top.kind == FRAME_INDEX
                        : top.kind == FRAME_PAREN || top.kind == FRAME_CALL;
    if (p->frame_count == 0 || !fits)
        return emit_fail(&p->emit, p->token.column, "unbalanced '%.*s'", ARG(p->token.text));
    p->frame_count--;
    p->open--;
    top.count++;
    switch (top.kind) {
    case FRAME_CALL:
        return close_call(p, &top);
    case FRAME_ARRAY:
        return emit_array(&p->emit, top.count, top.column);
    case FRAME_INDEX:
        return emit_index(&p->emit, top.column);
    case FRAME_PAREN:
    case FRAME_UNARY:
    case FRAME_BINARY:
        break;
    }
    return true;
}

static bool close_call(struct parser *p, const struct frame *frame)
{
    const struct expr_function_row *row = expr_function_row(frame->function);
    if (!resolve_arity(&p->emit, row, frame->count, frame->column))
        return false;
    if (frame->regex != NULL)
        return emit_matches(&p->emit, frame->regex, frame->column);
    return resolve_arguments(&p->emit, p->source, row, frame->count, frame->column) &&
           emit_call(&p->emit, frame->function, frame->count, frame->column);
}

static bool comma(struct parser *p)
{
    if (!reduce_above(p, 0))
        return false;
    struct frame *top = p->frame_count > 0 ? &p->frames[p->frame_count - 1] : NULL;
    if (top == NULL || (top->kind != FRAME_CALL && top->kind != FRAME_ARRAY))
        return emit_fail(&p->emit, p->token.column, "unexpected ','");
    top->count++;
    p->want_operand = true;
    return true;
}

static bool finish(struct parser *p)
{
    if (!reduce_above(p, 0))
        return false;
    if (p->frame_count > 0) {
        const struct frame *top = &p->frames[p->frame_count - 1];
        return emit_fail(&p->emit, top->column, "unbalanced '%s'", bracket_text(top->kind));
    }
    p->ready = true;
    return true;
}

static bool push(struct parser *p, struct frame frame)
{
    if (is_bracket(frame.kind) && ++p->open > EXPR_NESTING_MAX)
        return emit_fail(&p->emit, p->token.column, "nested deeper than %d", EXPR_NESTING_MAX);
    assert(p->frame_count <= EXPR_TOKENS_MAX);
    p->frames[p->frame_count++] = frame;
    return true;
}

static bool is_bracket(enum frame_kind kind)
{
    return kind != FRAME_UNARY && kind != FRAME_BINARY;
}

static const char *bracket_text(enum frame_kind kind)
{
    return kind == FRAME_ARRAY || kind == FRAME_INDEX ? "[" : "(";
}

static int precedence_of(enum expr_op op)
{
    static const uint8_t precedences[] = {
            [OP_OR] = 1,
            [OP_AND] = 2,
            [OP_XOR] = 3,
            [OP_EQUAL] = 4,
            [OP_UNEQUAL] = 4,
            [OP_LESS] = 5,
            [OP_GREATER] = 5,
            [OP_LESS_EQUAL] = 5,
            [OP_GREATER_EQUAL] = 5,
            [OP_ADD] = 6,
            [OP_SUBTRACT] = 6,
            [OP_MULTIPLY] = 7,
            [OP_DIVIDE] = 7,
    };
    assert(op < COUNT_OF(precedences) && precedences[op] > 0);
    return precedences[op];
}

static struct expr_warnings *warn(struct parser *p, size_t column, struct str message)
{
    struct expr_problem *w = vec_add(p->emit.arena, &p->warnings->all);
    if (w == NULL)
        return NULL;
    *w = (struct expr_problem){column, message};
    return p->warnings;
}
