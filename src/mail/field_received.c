// SPDX-License-Identifier: Apache-2.0
// mail/field_received.c: trace fields, RFC 5321 4.4, as a hundred programs write them: clauses of a
// keyword and a word, comments anywhere, the date behind the last semicolon.
#include "mail/header.h"
#include "mail/token.h"

#define CLAUSE_FROM 0

struct clause {
    struct str keyword;
    struct str *value;
};

static size_t date_starts(struct str body);
static bool take_word(struct scan *in, struct str *out);
static void look_into_comment(struct arena *a, struct str comment, struct mail_received *out);
static bool find_ip(struct str text, struct ip *out);
static bool byte_is_word(uint8_t c);
static bool byte_is_address(uint8_t c);

bool mail_received_read(struct arena *a, struct str body, struct mail_received *out)
{
    struct mail_received r = {0};
    struct clause clauses[] = {{S("from"), &r.from}, {S("by"), &r.by}, {S("with"), &r.with},
            {S("id"), &r.id}, {S("for"), &r.for_}};
    size_t date_at = date_starts(body);
    struct scan in = scan_over(str_upto(body, date_at));
    struct clause *open = NULL;
    struct str word, comment;
    bool after_from = false, any = false;
    while (!scan_end(&in)) {
        if (token_comment(&in, &comment)) {
            if (after_from)
                look_into_comment(a, comment, &r);
            continue;
        }
        if (!take_word(&in, &word))
            continue;
        struct clause *named = NULL;
        for (size_t i = 0; i < COUNT_OF(clauses); i++) {
            if (str_eq_nocase(clauses[i].keyword, word) && str_is_null(*clauses[i].value))
                named = &clauses[i];
        }
        if (named != NULL) {
            open = named;
            after_from = named == &clauses[CLAUSE_FROM];
        } else if (open != NULL) {
            *open->value = arena_str(a, word);
            if (open == &clauses[CLAUSE_FROM])
                (void)find_ip(word, &r.from_ip);
            open = NULL;
        }
        any = any || named != NULL;
    }
    r.has_date = date_at < body.len && mail_date_read(str_from(body, date_at + 1), &r.date);
    *out = r;
    return any || r.has_date;
}

// The last semicolon outside of comments, else the last one; the body's length: there is none.
static size_t date_starts(struct str body)
{
    struct scan in = scan_over(body);
    size_t depth = 0, found = body.len, last = str_rfind_byte(body, ';');
    for (uint8_t c; scan_any(&in, &c);) {
        if (c == '(')
            depth++;
        if (c == ')' && depth > 0)
            depth--;
        if (c == ';' && depth == 0)
            found = scan_offset(&in) - 1;
    }
    if (found == body.len && last != STR_NOT_FOUND)
        found = last;
    return found;
}

// False: a parenthesis that closes nothing, or the like, was skipped instead.
static bool take_word(struct scan *in, struct str *out)
{
    if (scan_while(in, byte_is_word, out))
        return true;
    if (!scan_end(in))
        scan_skip(in, 1);
    return false;
}

// What servers write behind the name: "(HELO name)", "(name [ip])", "(ip)".
static void look_into_comment(struct arena *a, struct str comment, struct mail_received *out)
{
    struct scan in = scan_over(comment);
    struct str word;
    bool helo_next = false;
    while (!scan_end(&in)) {
        if (!take_word(&in, &word))
            continue;
        if (helo_next && str_is_null(out->helo))
            out->helo = arena_str(a, word);
        helo_next = str_eq_nocase(word, S("HELO")) || str_eq_nocase(word, S("EHLO"));
        if (str_starts_nocase(word, S("helo=")) && str_is_null(out->helo))
            out->helo = arena_str(a, str_from(word, S("helo=").len));
        if (out->from_ip.family == IP_NONE)
            (void)find_ip(word, &out->from_ip);
    }
}

// The address in "[192.0.2.1]", "[IPv6:::1]", "user@192.0.2.1:port" and their like.
static bool find_ip(struct str text, struct ip *out)
{
    struct scan in = scan_over(text);
    struct str run, before, after;
    while (!scan_end(&in)) {
        if (scan_lit_nocase(&in, S("IPv6:")))
            continue; // its "6:" would look like the address's
        if (!scan_while(&in, byte_is_address, &run)) {
            scan_skip(&in, 1);
            continue;
        }
        if (ip_parse(run, out) || (str_cut(run, ':', &before, &after) && ip4_parse(before, out)))
            return true;
        // "IPv6:" leaves its digit and colon before the address.
        if (str_starts(run, S("6:")) && ip6_parse(str_from(run, 2), out))
            return true;
    }
    return false;
}

static bool byte_is_word(uint8_t c)
{
    return c > ' ' && c != 0x7f && c != '(' && c != ')' && c != ';' && c != ',';
}

static bool byte_is_address(uint8_t c)
{
    return byte_is_hex(c) || c == '.' || c == ':';
}
