// SPDX-License-Identifier: Apache-2.0
// listen/settings_tls.c: TLS of each listener, the certificates of all, and the contexts made of
// both (listeners.md 8, 9).
#include "listen/settings_read.h"

static struct str_list words_of(struct reading *r, struct listener *l, struct str member);
static struct err read_offer(struct reading *r, struct listener *l);
static struct str offer_key(enum tls_key key);
static void read_client_auth(struct reading *r, struct listener *l);
static struct err read_rules(struct reading *r, struct listener *l);
static void check_combination(struct reading *r, struct listener *l);
static void read_source(struct reading *r, struct str id, struct certificate_source *out);
static void report_certificates(struct reading *r, const struct certificate_reports *reports);
static struct err make_self_signed(struct reading *r);
static bool wants_self_signed(const struct reading *r);
static bool self_signed_covers_all(const struct reading *r, const struct certificate *c);
static struct err make_context(struct reading *r, struct listener *l);
static void check_key_types(struct reading *r, const struct listener *l);
static void check_sni(struct reading *r, const struct listener *l);

struct err settings_read_tls(struct reading *r, struct listener *l)
{
    l->tls = (struct tls_settings){
            .enable = listener_bool(r, l, S("tls.enable")),
            .implicit = listener_bool(r, l, S("tls.implicit")),
            .require = listener_bool(r, l, S("tls.require")),
            .ignore_client_order = listener_bool(r, l, S("tls.ignore-client-order")),
            .session_tickets = listener_bool(r, l, S("tls.session-tickets")),
            .timeout_ms = listener_ms(r, l, S("tls.timeout")),
    };
    check_combination(r, l);
    read_client_auth(r, l);
    TRY(read_rules(r, l));
    return read_offer(r, l);
}

static void check_combination(struct reading *r, struct listener *l)
{
    if (l->tls.implicit && !l->tls.enable)
        listener_error(r, l, S("tls.implicit"), -1, S("tls-conflict"),
                "TLS from the first byte needs tls.enable = true");
    if (l->tls.require && !l->tls.enable)
        listener_error(r, l, S("tls.require"), -1, S("tls-conflict"),
                "TLS cannot be required with tls.enable = false");
    else if (l->tls.require && l->protocol == LISTEN_HTTP && !l->tls.implicit)
        listener_error(r, l, S("tls.require"), -1, S("tls-conflict"),
                "plain HTTP cannot require TLS; set tls.implicit = true");
}

static void read_client_auth(struct reading *r, struct listener *l)
{
    static const struct {
        struct str word;
        enum client_auth auth;
    } words[] = {
            {S_INIT("request"), CLIENT_AUTH_REQUEST}, {S_INIT("require"), CLIENT_AUTH_REQUIRE}};
    struct str word = listener_str(r, l, S("tls.client-auth"));
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(words[i].word, word))
            l->tls.client_auth = words[i].auth;
    l->tls.client_ca = listener_str(r, l, S("tls.client-ca"));
    if (l->tls.client_auth == CLIENT_AUTH_OFF || l->tls.client_ca.len > 0)
        return;
    listener_error(r, l, S("tls.client-auth"), -1, S("client-ca"),
            "\"%.*s\" needs tls.client-ca, the authorities that clients' certificates come from",
            ARG(word));
    l->tls.client_auth = CLIENT_AUTH_OFF; // so that the rest can still be checked
}

static struct err read_rules(struct reading *r, struct listener *l)
{
    struct conf_list list = listener_list(r, l, S("tls.sni"));
    struct sni_rule *rules = arena_array(r->arena, list.count + 1, struct sni_rule);
    size_t count = 0;
    if (rules == NULL)
        return fail(ERR_LIMIT, "no memory for the listeners");
    for (size_t i = 0; i < list.count; i++) {
        const struct conf_element *subject = conf_member(&list.at[i], S("subject"));
        const struct conf_element *certificate = conf_member(&list.at[i], S("certificate"));
        if (subject != NULL && certificate != NULL) // else it was told where it was read
            rules[count++] = (struct sni_rule){subject->text, certificate->text};
    }
    l->tls.rules = (struct certificate_rules){
            .sni = rules,
            .sni_count = count,
            .certificate = listener_str(r, l, S("tls.certificate")),
            .host = l->host,
            .server_host = r->out->host,
            .sni_strict = listener_bool(r, l, S("tls.sni-strict")),
    };
    return OK;
}

static struct err read_offer(struct reading *r, struct listener *l)
{
    struct tls_words words = {
            .protocols = words_of(r, l, S("tls.protocols")),
            .disable_protocols = words_of(r, l, S("tls.disable-protocols")),
            .ciphers = words_of(r, l, S("tls.ciphers")),
            .disable_ciphers = words_of(r, l, S("tls.disable-ciphers")),
            .groups = words_of(r, l, S("tls.groups")),
    };
    struct tls_trouble trouble;
    struct err e = tls_offer_make(r->arena, &words, &l->tls.offer, &trouble);
    if (failed(e)) {
        listener_error(
                r, l, offer_key(trouble.key), trouble.element, S("tls"), "%.*s", ARG(err_text(e)));
        // All of them stand in for the wrong ones, for the checks that follow.
        return tls_offer_make(r->arena, &(struct tls_words){0}, &l->tls.offer, &trouble);
    }
    if (l->tls.enable && !str_is_null(l->tls.offer.warning))
        listener_warning(r, l, S("tls.ciphers"), -1, S("tls"), "%.*s", ARG(l->tls.offer.warning));
    return OK;
}

static struct str_list words_of(struct reading *r, struct listener *l, struct str member)
{
    struct conf_list list = listener_list(r, l, member);
    struct str *words = arena_array(r->arena, list.count + 1, struct str);
    for (size_t i = 0; words != NULL && i < list.count; i++)
        words[i] = list.at[i].text;
    return (struct str_list){words, words != NULL ? list.count : 0};
}

static struct str offer_key(enum tls_key key)
{
    switch (key) {
    case TLS_KEY_PROTOCOLS:
        return S("tls.protocols");
    case TLS_KEY_DISABLE_PROTOCOLS:
        return S("tls.disable-protocols");
    case TLS_KEY_CIPHERS:
        return S("tls.ciphers");
    case TLS_KEY_DISABLE_CIPHERS:
        return S("tls.disable-ciphers");
    case TLS_KEY_GROUPS:
        return S("tls.groups");
    }
    return S("tls.protocols");
}

// --- Certificates --------------------------------------------------------------------------------

struct err settings_read_certificates(struct reading *r)
{
    struct conf_ids ids = conf_ids(r->conf, S("certificate"));
    struct certificate_source *sources =
            arena_array(r->arena, ids.count + 1, struct certificate_source);
    struct certificate_reports reports = {.arena = r->arena};
    size_t count = 0;
    if (sources == NULL)
        return fail(ERR_LIMIT, "no memory for the certificates");
    for (size_t i = 0; i < ids.count; i++) {
        if (conf_bool(r->conf, conf_item(r->conf, S("certificate"), ids.at[i], S("enable"))))
            read_source(r, ids.at[i], &sources[count++]);
    }
    r->out->certificates = certificates_make(
            sources, count, r->in->certificates_before, r->in->wall_now_ms, &reports);
    if (r->out->certificates == NULL)
        return fail(ERR_LIMIT, "no memory for the certificates");
    report_certificates(r, &reports);
    return make_self_signed(r);
}

static void read_source(struct reading *r, struct str id, struct certificate_source *out)
{
    struct str map = S("certificate");
    struct conf_list subjects = conf_list(r->conf, conf_item(r->conf, map, id, S("subjects")));
    struct str *names = arena_array(r->arena, subjects.count + 1, struct str);
    for (size_t i = 0; names != NULL && i < subjects.count; i++)
        names[i] = subjects.at[i].text;
    *out = (struct certificate_source){
            .id = id,
            .cert = conf_str(r->conf, conf_item(r->conf, map, id, S("cert"))),
            .key = conf_str(r->conf, conf_item(r->conf, map, id, S("private-key"))),
            .password = conf_str(r->conf, conf_item(r->conf, map, id, S("private-key-password"))),
            .subjects = {names, names != NULL ? subjects.count : 0},
            .is_default = conf_bool(r->conf, conf_item(r->conf, map, id, S("default"))),
    };
}

// A certificate that is kept from before is no reason to refuse the rest (listeners.md 9.6).
static void report_certificates(struct reading *r, const struct certificate_reports *reports)
{
    each_in_vec (report, &reports->all) {
        struct str key = conf_item(r->conf, S("certificate"), report->id, report->member);
        const struct certificate *c = certificates_by_id(r->out->certificates, report->id);
        bool is_kept = report->kind == REPORT_ERROR && c != NULL && c->is_kept;
        bool is_error = report->kind == REPORT_ERROR && !is_kept;
        conf_finding(r->conf, r->findings, key, -1,
                (struct finding){.severity = is_error ? FINDING_ERROR : FINDING_WARNING,
                        .class = FINDING_BUILD,
                        .code = report->code,
                        .message = is_kept ? arena_fmt(r->arena,
                                                     "%.*s; the one before it stays in service",
                                                     ARG(report->message))
                                           : report->message});
    }
}

static struct err make_self_signed(struct reading *r)
{
    struct listen_kept *kept = r->in->kept;
    size_t count = 0;
    if (!wants_self_signed(r))
        return OK;
    struct str *names = arena_array(r->arena, r->out->listener_count + 1, struct str);
    if (names == NULL)
        return fail(ERR_LIMIT, "no memory for the certificates");
    names[count++] = r->out->host;
    for (size_t i = 0; i < r->out->listener_count; i++) {
        bool there = false;
        for (size_t j = 0; j < count; j++)
            there = there || str_eq(names[j], r->listeners[i].host);
        if (!there)
            names[count++] = r->listeners[i].host;
    }
    if (kept->self_signed == NULL || !self_signed_covers_all(r, kept->self_signed)) {
        self_signed_free(kept->self_signed);
        kept->self_signed = self_signed_make(names, count, r->in->wall_now_ms);
    }
    if (kept->self_signed == NULL)
        return fail(ERR_INTERNAL, "a self-signed certificate could not be made");
    r->out->self_signed = self_signed_ref(kept->self_signed);
    for (size_t i = 0; i < r->out->listener_count; i++) {
        struct listener *l = &r->listeners[i];
        if (listener_bool(r, l, S("tls.self-signed")))
            l->tls.rules.self_signed = r->out->self_signed;
    }
    return OK;
}

static bool wants_self_signed(const struct reading *r)
{
    bool wanted = false;
    for (size_t i = 0; i < r->out->listener_count; i++) {
        const struct listener *l = &r->listeners[i];
        bool has_tls = l->tls.enable && (l->tls.implicit || l->protocol != LISTEN_HTTP);
        wanted = wanted || (has_tls && listener_bool(r, l, S("tls.self-signed")));
    }
    return wanted && certificates_count(r->out->certificates) == 0;
}

static bool self_signed_covers_all(const struct reading *r, const struct certificate *c)
{
    for (size_t i = 0; i < r->out->listener_count; i++)
        if (!certificate_covers(c, r->listeners[i].host))
            return false;
    return true;
}

// --- Contexts ------------------------------------------------------------------------------------

struct err settings_make_tls_contexts(struct reading *r)
{
    if (findings_failed(r->findings))
        return OK; // what is wrong is told; OpenSSL would only tell it again in other words
    for (size_t i = 0; i < r->out->listener_count; i++) {
        struct listener *l = &r->listeners[i];
        if (!l->tls.enable || (l->protocol == LISTEN_HTTP && !l->tls.implicit))
            continue; // HTTP has no STARTTLS
        check_key_types(r, l);
        check_sni(r, l);
        TRY(make_context(r, l));
    }
    return OK;
}

static struct err make_context(struct reading *r, struct listener *l)
{
    struct tls_context_options options = {
            .listener = l->id,
            .protocol = l->protocol,
            .settings = &l->tls,
            .certificates = r->out->certificates,
            .ticket_secret = r->in->kept->ticket_secret,
            .wall_now_ms = r->in->wall_now_ms,
            .clock_ms = r->in->clock_ms,
    };
    struct err e = tls_context_make(r->arena, &options, &l->tls_context);
    if (e.kind == ERR_LIMIT || !failed(e))
        return e;
    bool about_ca = str_starts(err_text(e), S("client-ca"));
    listener_error(r, l, about_ca ? S("tls.client-ca") : S("tls.certificate"), -1, S("tls"), "%.*s",
            ARG(err_text(e)));
    return OK;
}

// 8.5: suites of TLS 1.2 that fit no key. One finding for the listener is enough.
static void check_key_types(struct reading *r, const struct listener *l)
{
    const struct certificates *all = r->out->certificates;
    const struct certificate *odd = NULL;
    for (size_t i = 0; i < certificates_count(all); i++) {
        const struct certificate *c = certificates_at(all, i);
        if (tls_offer_fits(&l->tls.offer, c->type))
            return;
        if (odd == NULL || str_eq(c->id, l->tls.rules.certificate))
            odd = c;
    }
    if (odd != NULL)
        listener_warning(r, l, S("tls.ciphers"), -1, S("tls"),
                "TLS 1.2 is unusable with the %.*s certificate '%.*s'",
                ARG(key_type_name(odd->type)), ARG(odd->id));
}

// 9.3: a map may give a client a certificate that it will not accept.
static void check_sni(struct reading *r, const struct listener *l)
{
    for (size_t i = 0; i < l->tls.rules.sni_count; i++) {
        const struct sni_rule *rule = &l->tls.rules.sni[i];
        const struct certificate *c = certificates_by_id(r->out->certificates, rule->certificate);
        if (c != NULL && !certificate_covers(c, rule->subject))
            listener_warning(r, l, S("tls.sni"), (int)i, S("sni-mismatch"),
                    "certificate '%.*s' does not name %.*s", ARG(c->id), ARG(rule->subject));
    }
}
