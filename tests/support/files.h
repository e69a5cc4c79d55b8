// SPDX-License-Identifier: Apache-2.0
// tests/support/files.h: the files of a machine that exists in memory only, as the loader of the
// configuration asks for them. Below /test-ca/ there are certificates for every name, made when
// somebody reads them: /test-ca/ca.pem, /test-ca/NAME.pem, /test-ca/NAME.key.
#pragma once

#include "conf/conf.h"

struct authority;

struct memory_file {
    struct str path, text;
};

struct memory_files {
    struct arena arena;
    VEC(struct memory_file) all;
    struct authority *authority; // NULL: nothing below /test-ca/
};

void memory_files_init(struct memory_files *files, struct authority *authority);
void memory_files_done(struct memory_files *files);
// Copies both; replaces what stood at that path.
struct err memory_files_put(struct memory_files *files, struct str path, struct str text) MUST_USE;
struct conf_files memory_files_conf(struct memory_files *files);
