// SPDX-License-Identifier: Apache-2.0
// tests/e2e/opendkim_peer.c: what OpenDKIM's library makes of a message. The test of interoperation
// builds it where that library is installed.
//
//     opendkim_peer verify KEYS < MESSAGE          # prints "pass" or "fail" for each signature
//     opendkim_peer sign PEM DOMAIN SELECTOR simple|relaxed simple|relaxed < MESSAGE
//
// KEYS has lines of a name and its record; what is signed is printed with the signature on top.
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <opendkim/dkim.h>

#define BYTES_MAX (8 << 20)

static unsigned char message[BYTES_MAX], pem[16384];

static int die(const char *what, DKIM *dkim)
{
    const char *why = dkim != NULL ? dkim_geterror(dkim) : NULL;
    fprintf(stderr, "%s: %s\n", what, why != NULL ? why : "?");
    return 2;
}

static int feed(DKIM *dkim, size_t bytes)
{
    if (dkim_chunk(dkim, message, bytes) != DKIM_STAT_OK ||
            dkim_chunk(dkim, NULL, 0) != DKIM_STAT_OK)
        return die("chunk", dkim);
    return 0;
}

static int verify(DKIM_LIB *lib, size_t bytes, char *keys)
{
    DKIM_STAT status;
    DKIM_SIGINFO **signatures = NULL;
    int count = 0;
    dkim_query_t method = DKIM_QUERY_FILE;
    dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYMETHOD, &method, sizeof(method));
    dkim_options(lib, DKIM_OP_SETOPT, DKIM_OPTS_QUERYINFO, keys, strlen(keys));
    DKIM *dkim = dkim_verify(lib, (const unsigned char *)"x", NULL, &status);
    if (dkim == NULL || feed(dkim, bytes) != 0)
        return die("verify", dkim);
    (void)dkim_eom(dkim, NULL);
    if (dkim_getsiglist(dkim, &signatures, &count) != DKIM_STAT_OK)
        return die("signatures", dkim);
    for (int i = 0; i < count; i++) {
        (void)dkim_sig_process(dkim, signatures[i]);
        bool good = DKIM_SIG_CHECK(signatures[i]);
        printf("%s %s\n", good ? "pass" : "fail",
                dkim_sig_geterrorstr(dkim_sig_geterror(signatures[i])));
    }
    return 0;
}

static int sign(DKIM_LIB *lib, size_t bytes, char **args)
{
    DKIM_STAT status;
    unsigned char *field = NULL;
    size_t field_bytes = 0;
    FILE *f = fopen(args[0], "rb");
    if (f == NULL)
        return die(args[0], NULL);
    pem[fread(pem, 1, sizeof(pem) - 1, f)] = '\0';
    fclose(f);
    dkim_canon_t canon[2];
    for (int i = 0; i < 2; i++)
        canon[i] = strcmp(args[3 + i], "relaxed") == 0 ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE;
    DKIM *dkim = dkim_sign(lib, (const unsigned char *)"x", NULL, pem,
            (const unsigned char *)args[2], (const unsigned char *)args[1], canon[0], canon[1],
            DKIM_SIGN_RSASHA256, -1, &status);
    if (dkim == NULL || feed(dkim, bytes) != 0 || dkim_eom(dkim, NULL) != DKIM_STAT_OK ||
            dkim_getsighdr_d(dkim, 16, &field, &field_bytes) != DKIM_STAT_OK)
        return die("sign", dkim);
    printf("DKIM-Signature: ");
    for (size_t i = 0; i < field_bytes; i++) { // the library folds with LF
        if (field[i] == '\n' && (i == 0 || field[i - 1] != '\r'))
            putchar('\r');
        putchar(field[i]);
    }
    printf("\r\n");
    fwrite(message, 1, bytes, stdout);
    return 0;
}

int main(int argc, char **argv)
{
    size_t bytes = fread(message, 1, sizeof(message), stdin);
    DKIM_LIB *lib = dkim_init(NULL, NULL);
    if (lib == NULL || argc < 3)
        return die("init", NULL);
    if (strcmp(argv[1], "verify") == 0)
        return verify(lib, bytes, argv[2]);
    return argc == 7 ? sign(lib, bytes, argv + 2) : die("usage", NULL);
}
