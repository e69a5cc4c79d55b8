// SPDX-License-Identifier: Apache-2.0
// cli/dkim/dkim_key.c: keys for DKIM in files and zones.
#include "cli/dkim/dkim_key.h"

#include "proof/tags.h"
#include "rt/blobfile.h"
#include "rt/dns.h"
#include "rt/file.h"

#define STRING_BYTES_MAX 255
#define RECORD_BYTES_MAX (8 * KIB)
#define NAME_BYTES_MAX 253
#define BITS_STEP 1024 // 2048, 3072, 4096
#define MODE_OF_OTHERS 0077

struct err dkim_place_read(
        struct cli *c, struct str domain, struct str selector, struct dkim_place *out)
{
    struct dkim_place p;
    if (!tag_domain(&c->arena, domain, 2, &p.domain))
        return fail_fmt(&c->arena, ERR_SYNTAX, "'%.*s' is no domain", ARG(domain));
    if (!tag_domain(&c->arena, selector, 1, &p.selector))
        return fail_fmt(&c->arena, ERR_SYNTAX, "'%.*s' is no selector", ARG(selector));
    p.name = arena_fmt(&c->arena, "%.*s._domainkey.%.*s", ARG(p.selector), ARG(p.domain));
    if (p.name.len > NAME_BYTES_MAX)
        return fail_fmt(&c->arena, ERR_SYNTAX, "'%.*s' is too long for a name", ARG(p.name));
    *out = p;
    return OK;
}

struct err dkim_kind_read(struct cli *c, struct str word, struct dkim_kind *out)
{
    bool rsa = str_eq_nocase(word, S("rsa"));
    uint64_t bits = cli_number(c, S("bits"), PRIVATE_KEY_RSA_BITS_MIN);
    if (!rsa && !str_eq_nocase(word, S("ed25519")))
        return fail_fmt(&c->arena, ERR_SYNTAX, "'%.*s' is no algorithm: rsa or ed25519", ARG(word));
    if (!rsa && cli_has(c, S("bits")))
        return fail(ERR_SYNTAX, "--bits is for RSA; all keys of Ed25519 are as long");
    if (bits % BITS_STEP != 0)
        return fail(ERR_SYNTAX, "--bits is 2048, 3072 or 4096");
    *out = (struct dkim_kind){
            .type = rsa ? DKIM_KEY_RSA : DKIM_KEY_ED25519, .bits = (uint32_t)bits};
    return OK;
}

int dkim_key_load(struct cli *c, struct str path, struct private_key **out)
{
    struct buf text AUTO(buf_done);
    struct file_info info;
    buf_init(&text, PRIVATE_KEY_TEXT_BYTES_MAX);
    struct err e = cli_read_file(c, path, &text);
    if (failed(e))
        return cli_fail(c, cli_status_of_file(e), e);
    if (!str_eq(path, S("-")) && !failed(file_stat(&c->arena, path, &info)) &&
            (info.mode & MODE_OF_OTHERS) != 0)
        fprintf(c->err, "warning: %.*s can be read by others than its owner\n", ARG(path));
    e = private_key_read(&c->arena, buf_str(&text), PRIVATE_KEY_RSA_BITS_MIN / 2, out);
    mem_wipe(text.ptr, text.len);
    if (failed(e))
        return cli_fail_text(c, CLI_FAILED, "%.*s: %.*s", ARG(path), ARG(err_text(e)));
    return CLI_OK;
}

struct err dkim_key_write(struct arena *a, struct str path, const struct private_key *key)
{
    struct buf pem AUTO(buf_done);
    int fd;
    buf_init(&pem, PRIVATE_KEY_TEXT_BYTES_MAX);
    TRY(private_key_pem(key, &pem));
    TRY(blob_create(a, path, &fd));
    struct err e = blob_write_at(a, fd, buf_str(&pem), 0);
    if (!failed(e))
        e = blob_sync(a, fd);
    blob_close(fd);
    mem_wipe(pem.ptr, pem.len);
    return e;
}

void dkim_record_add(struct buf *out, const struct dkim_place *place, struct str record)
{
    struct buf rdata AUTO(buf_done);
    buf_init(&rdata, RECORD_BYTES_MAX);
    while (!str_is_empty(record)) {
        struct str piece = str_upto(record, STRING_BYTES_MAX);
        buf_add_byte(&rdata, (char)piece.len);
        buf_add(&rdata, piece);
        record = str_from(record, piece.len);
    }
    buf_fmt(out, "%.*s. IN TXT ", ARG(place->name));
    dns_record_add(out, DNS_TXT, buf_str(&rdata));
    buf_add_byte(out, '\n');
}
