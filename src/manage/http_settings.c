// SPDX-License-Identifier: Apache-2.0
// manage/http_settings.c: see manage/http_settings.h.
#include "manage/http_settings.h"

#include "conf/conf.h"
#include "conf/glob.h"
#include "rt/clock.h"

static void read_limits(const struct conf *conf, struct http_settings *out);
static struct err read_fields(struct arena *a, const struct conf *conf, struct findings *findings,
        struct http_settings *out);
static struct err read_forwarded(
        const struct conf *conf, struct findings *findings, struct http_settings *out);
static struct err read_scan_paths(struct arena *a, const struct conf *conf,
        struct findings *findings, struct http_settings *out);

struct err http_settings_make(struct arena *a, const struct conf *conf, struct findings *findings,
        struct http_settings *out)
{
    *out = (struct http_settings){.conf = conf};
    read_limits(conf, out);
    out->hsts = conf_bool(conf, S("http.hsts"));
    out->cors = conf_bool(conf, S("http.permissive-cors"));
    out->requests_anonymous = conf_rate(conf, S("http.rate-limit.anonymous"));
    out->allowed = conf_expr(conf, S("http.allowed-endpoint"));
    out->url = conf_is_set(conf, S("http.url")) ? conf_expr(conf, S("http.url")) : NULL;
    out->redirect_root = conf_str(conf, S("http.redirect-root"));
    if (out->redirect_root.len > 0 && out->redirect_root.ptr[0] != '/')
        conf_error(conf, findings, S("http.redirect-root"), -1, S("bad-path"),
                "expected a path, which begins with '/'");
    TRY(read_fields(a, conf, findings, out));
    TRY(read_forwarded(conf, findings, out));
    return read_scan_paths(a, conf, findings, out);
}

void http_settings_done(struct http_settings *s)
{
    nets_free(s->trusted);
    s->trusted = NULL;
}

static void read_limits(const struct conf *conf, struct http_settings *out)
{
    out->limits = (struct http_limits){
            .head_bytes_max = conf_u64(conf, S("http.max-header")),
            .body_bytes_max = conf_u64(conf, S("http.max-body")),
            .header_ms = conf_duration_ms(conf, S("http.timeout.header")),
            .body_ms = conf_duration_ms(conf, S("http.timeout.body")),
            .idle_ms = conf_duration_ms(conf, S("http.timeout.idle")),
            .write_ms = conf_duration_ms(conf, S("http.timeout.write")),
    };
}

static struct err read_fields(struct arena *a, const struct conf *conf, struct findings *findings,
        struct http_settings *out)
{
    struct conf_list list = conf_list(conf, S("http.headers"));
    struct http_field *fields = arena_array(a, list.count + 1, struct http_field);
    if (fields == NULL)
        return fail(ERR_LIMIT, "no memory for http.headers");
    for (size_t i = 0; i < list.count; i++) {
        struct err e = http_setting_field(list.at[i].text, &fields[out->field_count]);
        if (failed(e))
            conf_error(conf, findings, S("http.headers"), (int)i, S("bad-header"), "%.*s",
                    ARG(err_text(e)));
        else
            out->field_count++;
    }
    out->fields = fields;
    return OK;
}

// listeners.md 13.3.
static struct err read_forwarded(
        const struct conf *conf, struct findings *findings, struct http_settings *out)
{
    struct str key = S("http.use-x-forwarded");
    struct conf_list list = conf_list(conf, key);
    out->forwarded.from = FORWARDED_FROM_NOBODY;
    for (size_t i = 0; i < list.count; i++) {
        const struct value *v = &list.at[i].value;
        if (v->net.ip.family == IP_NONE) { // a truth, which stands alone
            out->forwarded.from = v->boolean ? FORWARDED_FROM_ANYBODY : FORWARDED_FROM_NOBODY;
            if (v->boolean)
                conf_warning(conf, findings, key, -1, S("trusts-anybody"),
                        "any client can claim any address; name the networks of your proxies");
            continue;
        }
        out->forwarded.from = FORWARDED_FROM_LISTED;
        if (out->trusted == NULL)
            out->trusted = nets_new(random_u64());
        if (out->trusted == NULL || !nets_add(out->trusted, &v->net, NETS_FOREVER))
            return fail(ERR_LIMIT, "no memory for http.use-x-forwarded");
    }
    out->forwarded.trusted = out->trusted;
    return OK;
}

static struct err read_scan_paths(struct arena *a, const struct conf *conf,
        struct findings *findings, struct http_settings *out)
{
    struct str key = S("server.auto-ban.scan.paths");
    struct conf_list list = conf_list(conf, key);
    struct glob *globs = arena_array(a, list.count + 1, struct glob);
    if (globs == NULL)
        return fail(ERR_LIMIT, "no memory for server.auto-ban.scan.paths");
    for (size_t i = 0; i < list.count; i++) {
        struct err e = glob_compile(a, list.at[i].text, GLOB_NOCASE, &globs[out->scan_path_count]);
        if (failed(e))
            conf_error(conf, findings, key, (int)i, S("bad-glob"), "%.*s", ARG(err_text(e)));
        else
            out->scan_path_count++;
    }
    out->scan_paths = globs;
    return OK;
}
