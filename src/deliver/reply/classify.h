// SPDX-License-Identifier: Apache-2.0
// deliver/reply/classify.h: why was it refused? Replies of remotes are prose; a bounce class is the
// one word that people, expressions and lists can do something with (outbound.md 28.5).
//
// Rules say it, one a line, the first that fits decides: those of the provider whose host spoke,
// then those for everybody by text, by enhanced code, by basic code. They are a file that an
// administrator may replace (queue.bounce-classes); what is built in is bounce_classes.rules, whose
// head tells the form. What went wrong without a reply is classified by its kind.
//
//     struct bounce_rules *rules;
//     TRY(bounce_rules_read(a, text, &rules));         // at load: compiling needs the large stack
//     enum bounce_class class = bounce_class_of(rules, scratch, &outcome);
//     event(..., F_STR(class, bounce_class_word(class)));
//
// Rules never change; any number may ask at once. An answer's time is bounded (conf/regex.h), and a
// pattern that reaches its bound counts as one that does not fit. Nothing here suspends.
#pragma once

#include "conf/conf.h"
#include "events/metrics.h"
#include "queue/message.h"

#define BOUNCE_RULES_BYTES_MAX (256 * KIB)
#define BOUNCE_RULES_MAX 1000

struct bounce_rules;

// ERR_SYNTAX: "line 12: there is no class 'spm'".
struct err bounce_rules_read(struct arena *a, struct str text, struct bounce_rules **out) MUST_USE;
struct str bounce_rules_built_in(void); // their text
// Those of queue.bounce-classes. What is wrong with the file is a finding, and the built-in ones
// are taken; the error is for lack of memory only.
struct err bounce_rules_load(struct arena *a, const struct conf *conf, struct findings *findings,
        struct bounce_rules **out) MUST_USE;

// Of a temporary or permanent failure: the class that it has been given by queue.response, or what
// the rules say, which takes some 10 to 200 us. `scratch` takes next to nothing.
enum bounce_class bounce_class_of(
        const struct bounce_rules *rules, struct arena *scratch, const struct outcome *outcome);

// The same, with where it comes from.
struct bounce_answer {
    enum bounce_class class;
    size_t line;         // of the rule, from 1; 0: by what failed, or no rule fits
    struct str provider; // whose rule it is; null: everybody's
};
struct bounce_answer bounce_classify(
        const struct bounce_rules *rules, struct arena *scratch, const struct outcome *outcome);

struct str bounce_class_word(enum bounce_class class);
bool bounce_class_named(struct str word, enum bounce_class *out);
// Is an address whose mail came back for this reason not worth another try?
bool bounce_class_is_hard(enum bounce_class class);
