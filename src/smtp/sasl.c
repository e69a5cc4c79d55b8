// SPDX-License-Identifier: Apache-2.0
// smtp/sasl.c: what all mechanisms share: their names, base64 around their messages, the client
// that gives up, and who is told what. The mechanisms are in sasl_password.c, sasl_bearer.c and
// sasl_scram.c.
//
// Everything that is heard lives in one arena, which is overwritten in the end: decoded messages,
// names, secrets and proofs. Only its lines are the caller's to wipe.
#include "smtp/sasl_parts.h"

#include "base/encode.h"

#define MEMORY_BYTES_MAX (192 * KIB) // three messages of SASL_LINE_BYTES_MAX, and copies of parts

static struct sasl_step start(struct sasl *s);
static struct sasl_step take_line(struct sasl *s, struct str line);
static struct sasl_step heard(struct sasl *s, struct str message);
static bool decode(struct arena *a, struct str line, struct str *out_message, bool *out_room);
static bool client_cancels(const struct sasl *s, struct str line);

static const struct mechanism {
    struct str word, name;
    bool reusable;
} mechanisms[] = {
#define SASL_MECHANISM(id, word, name, reusable)                                                   \
    [SASL_##id] = {S_INIT(word), S_INIT(name), reusable},
#include "smtp/sasl.def"
};

// --- Names ---------------------------------------------------------------------------------------

struct str sasl_name(enum sasl_mechanism m)
{
    assert(m < SASL_MECHANISM_COUNT);
    return mechanisms[m].name;
}

bool sasl_shows_secret(enum sasl_mechanism m)
{
    assert(m < SASL_MECHANISM_COUNT);
    return mechanisms[m].reusable;
}

bool sasl_named(struct str name, enum sasl_mechanism *out)
{
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
        if (str_eq_nocase(mechanisms[i].name, name)) {
            *out = (enum sasl_mechanism)i;
            return true;
        }
    return false;
}

bool sasl_of_word(struct str word, enum sasl_mechanism *out)
{
    for (size_t i = 0; i < COUNT_OF(mechanisms); i++)
        if (str_eq(mechanisms[i].word, word)) {
            *out = (enum sasl_mechanism)i;
            return true;
        }
    return false;
}

struct sasl_set sasl_set_of(const struct expr_result *result)
{
    struct sasl_set set = {0};
    enum sasl_mechanism m;
    if (result->outcome != EXPR_VALUE)
        return set;
    for (size_t i = 0; i < result->list_count; i++)
        if (sasl_of_word(result->list[i], &m))
            sasl_set_add(&set, m);
    return set;
}

struct sasl_set sasl_set_usable(struct sasl_set set, struct sasl_conditions conditions)
{
    for (size_t i = 0; i < SASL_MECHANISM_COUNT; i++)
        if (mechanisms[i].reusable && !conditions.secrets_may_show)
            sasl_set_remove(&set, (enum sasl_mechanism)i);
    if (!conditions.binding)
        sasl_set_remove(&set, SASL_SCRAM_SHA_256_PLUS);
    if (!conditions.certificate)
        sasl_set_remove(&set, SASL_EXTERNAL);
    return set;
}

void sasl_set_names(struct buf *out, struct sasl_set set)
{
    bool first = true;
    for (size_t i = 0; i < SASL_MECHANISM_COUNT; i++) {
        if (!sasl_set_has(set, (enum sasl_mechanism)i))
            continue;
        if (!first)
            buf_add_byte(out, ' ');
        buf_add(out, mechanisms[i].name);
        first = false;
    }
}

// --- Conversation --------------------------------------------------------------------------------

struct sasl_step sasl_begin(struct sasl *s, const struct sasl_inputs *inputs, struct str initial)
{
    *s = (struct sasl){.inputs = inputs};
    arena_init(&s->arena, MEMORY_BYTES_MAX);
    s->state = arena_make(&s->arena, struct sasl_state);
    if (s->state == NULL)
        return sasl_no_room(s);
    if (str_is_null(initial))
        return start(s);
    // RFC 4954 4: where the server speaks first there is nothing to begin with. LOGIN, which no RFC
    // describes, is known to bring the name along.
    if (inputs->mechanism == SASL_CRAM_MD5)
        return sasl_fail(s, SASL_MALFORMED, S("an initial response where none belongs"));
    return str_eq(initial, S("=")) ? heard(s, S("")) : take_line(s, initial);
}

struct sasl_step sasl_respond(struct sasl *s, struct str line)
{
    assert(s->last == SASL_CHALLENGE);
    return take_line(s, line);
}

struct sasl_step sasl_answer(struct sasl *s, const struct sasl_answer *answer)
{
    assert(s->last == SASL_ASK);
    if (answer->verdict == SASL_TROUBLE)
        return sasl_fail(s, SASL_UNAVAILABLE, S("the directory has no answer"));
    switch (s->inputs->mechanism) {
    case SASL_SCRAM_SHA_256_PLUS:
    case SASL_SCRAM_SHA_256:
    case SASL_SCRAM_SHA_1:
        return scram_answered(s, answer);
    case SASL_OAUTHBEARER:
    case SASL_XOAUTH2:
        return bearer_answered(s, answer);
    case SASL_CRAM_MD5:
        return cram_answered(s, answer);
    case SASL_PLAIN:
    case SASL_LOGIN:
    case SASL_EXTERNAL:
    case SASL_MECHANISM_COUNT:
        break;
    }
    return sasl_end(s, answer);
}

// On a helper thread: nothing here may ask rt/ for anything.
void sasl_compute(void *sasl)
{
    struct sasl *s = sasl;
    struct sasl_state *st = s->state;
    assert(s->last == SASL_COMPUTE);
    st->computed =
            scram_derive(scram_hash_of(s), st->clear, st->salt, SCRAM_ITERATIONS, &st->derived);
}

struct sasl_step sasl_computed(struct sasl *s)
{
    assert(s->last == SASL_COMPUTE);
    if (!s->state->computed)
        return sasl_fail(s, SASL_UNAVAILABLE, S("keys could not be derived"));
    return scram_computed(s);
}

void sasl_done(struct sasl *s)
{
    arena_wipe(&s->arena); // its state, too
    mem_wipe(s, sizeof(*s));
}

static struct sasl_step start(struct sasl *s)
{
    switch (s->inputs->mechanism) {
    case SASL_LOGIN:
        return login_start(s);
    case SASL_CRAM_MD5:
        return cram_start(s);
    case SASL_SCRAM_SHA_256_PLUS:
    case SASL_SCRAM_SHA_256:
    case SASL_SCRAM_SHA_1:
    case SASL_OAUTHBEARER:
    case SASL_XOAUTH2:
    case SASL_PLAIN:
    case SASL_EXTERNAL:
    case SASL_MECHANISM_COUNT:
        break;
    }
    return sasl_challenge(s, S(""));
}

static struct sasl_step take_line(struct sasl *s, struct str line)
{
    struct str message = S("");
    bool room = true;
    if (client_cancels(s, line))
        return sasl_fail(s, SASL_CANCELLED, S("the client has cancelled"));
    bool good = decode(&s->arena, line, &message, &room);
    if (!room)
        return sasl_no_room(s);
    // The line behind a refusal only has to come (RFC 7628 3.2.3).
    if (!good && s->state->stage != SASL_STAGE_REFUSED)
        return sasl_fail(s, SASL_MALFORMED, S("a response that is not base64"));
    return heard(s, message);
}

// RFC 4954 4. Who was refused may not make a cancellation of it, which counts for nothing.
static bool client_cancels(const struct sasl *s, struct str line)
{
    return str_eq(line, S("*")) && s->state->stage != SASL_STAGE_REFUSED;
}

static bool decode(struct arena *a, struct str line, struct str *out_message, bool *out_room)
{
    struct buf bytes;
    if (line.len > SASL_LINE_BYTES_MAX)
        return false;
    buf_init(&bytes, SASL_LINE_BYTES_MAX);
    *out_room = buf_reserve(&bytes, line.len); // at once: growing leaves copies about
    bool good = *out_room && decode_base64(&bytes, line);
    if (good) {
        *out_message = arena_str(a, buf_str(&bytes));
        *out_room = !str_is_null(*out_message);
    }
    if (bytes.ptr != NULL)
        mem_wipe(bytes.ptr, bytes.cap);
    buf_done(&bytes);
    return good;
}

static struct sasl_step heard(struct sasl *s, struct str message)
{
    switch (s->inputs->mechanism) {
    case SASL_SCRAM_SHA_256_PLUS:
    case SASL_SCRAM_SHA_256:
    case SASL_SCRAM_SHA_1:
        return scram_heard(s, message);
    case SASL_OAUTHBEARER:
        return oauthbearer_heard(s, message);
    case SASL_XOAUTH2:
        return xoauth2_heard(s, message);
    case SASL_PLAIN:
        return plain_heard(s, message);
    case SASL_LOGIN:
        return login_heard(s, message);
    case SASL_CRAM_MD5:
        return cram_heard(s, message);
    case SASL_EXTERNAL:
        return external_heard(s, message);
    case SASL_MECHANISM_COUNT:
        break;
    }
    assert(false);
    return sasl_no_room(s);
}

// --- Steps ---------------------------------------------------------------------------------------

struct sasl_step sasl_challenge(struct sasl *s, struct str message)
{
    struct buf text AUTO(buf_done);
    buf_init(&text, SASL_LINE_BYTES_MAX);
    encode_base64(&text, message);
    struct str challenge = text.overflow ? STR_NULL : arena_str(&s->arena, buf_str(&text));
    if (str_is_null(challenge))
        return sasl_no_room(s);
    s->last = SASL_CHALLENGE;
    return (struct sasl_step){.kind = SASL_CHALLENGE, .challenge = challenge};
}

struct sasl_step sasl_ask(struct sasl *s, enum sasl_question_kind kind)
{
    s->question.kind = kind;
    s->last = SASL_ASK;
    return (struct sasl_step){.kind = SASL_ASK, .question = s->question};
}

struct sasl_step sasl_succeed(struct sasl *s)
{
    s->last = SASL_SUCCESS;
    return (struct sasl_step){.kind = SASL_SUCCESS, .question = s->question};
}

struct sasl_step sasl_fail(struct sasl *s, enum sasl_failure failure, struct str why)
{
    s->last = SASL_FAILURE;
    return (struct sasl_step){
            .kind = SASL_FAILURE, .failure = failure, .question = s->question, .why = why};
}

struct sasl_step sasl_no_room(struct sasl *s)
{
    return sasl_fail(s, SASL_UNAVAILABLE, S("no memory for a login"));
}

struct sasl_step sasl_end(struct sasl *s, const struct sasl_answer *answer)
{
    if (answer->verdict == SASL_YES)
        return sasl_succeed(s);
    return sasl_fail(s, SASL_WRONG, S("name and secret do not fit"));
}
