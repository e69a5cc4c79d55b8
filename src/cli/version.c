// SPDX-License-Identifier: Apache-2.0
// cli/version.c: posthaste --version. The verbose form asks the libraries that were really loaded,
// which is what a report of a bug needs; they may be newer than those of the build.
#include "cli/help.h"

#include <libpsl.h>
#include <openssl/crypto.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <seccomp.h>
#include <unbound.h>

static void pcre2_add(struct buf *out);

void version_text(struct buf *out, enum version_detail detail)
{
    buf_add(out, S("posthaste " POSTHASTE_VERSION "\n"));
    if (detail == VERSION_SHORT)
        return;
    const struct scmp_version *seccomp = seccomp_version();
    buf_add(out, S("compiler    " __VERSION__ "\n"));
    buf_fmt(out, "OpenSSL     %s\n", OpenSSL_version(OPENSSL_VERSION_STRING));
    buf_fmt(out, "libunbound  %s\n", ub_version());
    pcre2_add(out);
    buf_fmt(out, "libpsl      %s\n", psl_get_version());
    if (seccomp != NULL)
        buf_fmt(out, "libseccomp  %u.%u.%u\n", seccomp->major, seccomp->minor, seccomp->micro);
}

static void pcre2_add(struct buf *out)
{
    char text[64];
    if (pcre2_config(PCRE2_CONFIG_VERSION, NULL) <= (int)sizeof(text) &&
            pcre2_config(PCRE2_CONFIG_VERSION, text) > 0)
        buf_fmt(out, "PCRE2       %s\n", text);
}
