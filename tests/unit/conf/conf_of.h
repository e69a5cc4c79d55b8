// SPDX-License-Identifier: Apache-2.0
// tests/unit/conf/conf_of.h: a configuration from nothing but its text, on a host of two processors
// that is called mx.example.org.
#pragma once

#include "../base/check.h"

#include "conf/conf.h"
#include "memfs.h"

#define SMTP "[server.listener.smtp]\nbind = '[::]:25'\n" // a server must have a listener

// It lives until conf_free; what was found is added to the findings.
static inline struct conf *conf_of(struct str text, struct findings *findings)
{
    const struct conf_env env = {.os_hostname = S("mx.example.org"), .cpu_count = 2};
    struct memfile file = {.path = "/c.toml", .text = text.ptr, .text_len = text.len};
    struct memfs fs = {.files = &file, .count = 1};
    struct conf_files files = memfs_files(&fs);
    struct conf_options options = {.path = S("/c.toml"), .env = &env, .files = &files};
    struct conf *conf = conf_load(&options, findings);
    assert_non_null(conf);
    return conf;
}
