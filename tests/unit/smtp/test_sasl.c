// SPDX-License-Identifier: Apache-2.0
// tests/unit/smtp/test_sasl.c: logins as little plays. The examples of the RFCs are played as
// printed there; the other SCRAM proofs were computed by another program (Python's hmac).
#include "../base/check.h"

#include "base/encode.h"
#include "smtp/sasl.h"

// Lines of a play, one after the other:
//   > TEXT     the client's message; the first is the initial response. '~' is NUL, '^' is 0x01
//   - LINE     the same as on the wire
//   < TEXT     our challenge
//   ? WHAT     our question: kind login authzid password token, separated by '|', empty ones too
//   = yes|no|trouble|clear TEXT|keys SALT ITERATIONS STORED SERVER      the answer
//   !          keys are to be derived
//   success, wrong, malformed, cancelled, unavailable                   the end
// A play named "offered: ..." takes place where EHLO names SCRAM-SHA-256-PLUS.
#define LINES_MAX 12
struct play {
    const char *name;
    enum sasl_mechanism mechanism;
    const char *nonce;
    const char *lines[LINES_MAX];
};

#define KEYS_1                                                                                     \
    "= keys QSXCR+Q6sek8bf92 4096 6dlGYMOdZcOPutkcNY8U2g7vK9Y= D+CSWLOshSulAsxiupA+qs2/fTE="
#define KEYS                                                                                       \
    "= keys W22ZaJ0SNY7soEsUEjb6gQ== 4096 WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY= "           \
    "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define USER "? scram|user||||"
#define FIRST "< r=cs,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
#define PROOF "p=9qWJ+yJm/Q/OxZYp8HxBcuBizxKQLVjPJSYEP04gGkw=" // of the exporter
#define ANY "p=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct play plays[] = {
        // What everybody hears
        {"not base64", SASL_PLAIN, NULL, {"- AGFs!", "malformed"}},
        {"no padding", SASL_PLAIN, NULL, {"- AGEAYg", "malformed"}},
        {"padding that hides bits", SASL_PLAIN, NULL, {"- AGEAYh==", "malformed"}},
        {"a blank behind", SASL_PLAIN, NULL, {"- AGEAYg== ", "malformed"}},
        {"cancelled", SASL_PLAIN, NULL, {"", "< ", "- *", "cancelled"}},
        {"cancelled at once", SASL_PLAIN, NULL, {"- *", "cancelled"}},
        {"a star in base64", SASL_PLAIN, NULL, {"", "< ", "- Kg==", "malformed"}},
        {"an equals sign later", SASL_PLAIN, NULL, {"", "< ", "- =", "malformed"}},
        {"nobody to ask", SASL_PLAIN, NULL,
                {"> ~a~b", "? password|a||b||", "= trouble", "unavailable"}},

        // PLAIN, RFC 4616 4
        {"RFC 4616, first", SASL_PLAIN, NULL,
                {"> ~tim~tanstaaftanstaaf", "? password|tim||tanstaaftanstaaf||", "= yes",
                        "success"}},
        {"RFC 4616, second", SASL_PLAIN, NULL,
                {"", "< ", "> Ursel~Kurt~xipj3plmq", "? password|Kurt|Ursel|xipj3plmq||", "= no",
                        "wrong"}},
        {"on the wire", SASL_PLAIN, NULL,
                {"- AGFsaWNlQGV4YW1wbGUub3JnAHMzY3JldA==", "? password|alice@example.org||s3cret||",
                        "= yes", "success"}},
        {"plain: for himself", SASL_PLAIN, NULL,
                {"> a~a~b", "? password|a|a|b||", "= no", "wrong"}},
        {"plain: nothing", SASL_PLAIN, NULL, {"- =", "malformed"}},
        {"plain: two parts", SASL_PLAIN, NULL, {"> a~b", "malformed"}},
        {"plain: four parts", SASL_PLAIN, NULL, {"> a~b~c~d", "malformed"}},
        {"plain: no name", SASL_PLAIN, NULL, {"> a~~c", "malformed"}},
        {"plain: no password", SASL_PLAIN, NULL, {"> ~b~", "malformed"}},
        {"plain: a name of nothing", SASL_PLAIN, NULL, {"> ~\xc2\xad~c", "malformed"}},
        {"plain: a name on two lines", SASL_PLAIN, NULL, {"> ~a\nb~c", "malformed"}},
        {"plain: a name in Latin-1", SASL_PLAIN, NULL, {"> ~\xe4~c", "malformed"}},
        {"plain: a password in Latin-1", SASL_PLAIN, NULL, {"> ~a~\xe4", "malformed"}},
        {"plain: a name prepared, a password as typed", SASL_PLAIN, NULL,
                {"> ~\xc2\xadx\xc2\xa0m~b\xc2\xa0", "? password|x m||b\xc2\xa0||", "= yes",
                        "success"}},

        {"plain: a name in two spellings is one name", SASL_PLAIN, NULL,
                {"> ~A\xcc\x88~A\xcc\x88", "? password|\xc3\x84||A\xcc\x88||", "= yes", "success"}},
        // LOGIN
        {"login", SASL_LOGIN, NULL,
                {"", "< Username:", "> tim", "< Password:", "> secret", "? password|tim||secret||",
                        "= yes", "success"}},
        {"login: with the name", SASL_LOGIN, NULL,
                {"> tim", "< Password:", "> secret", "? password|tim||secret||", "= no", "wrong"}},
        {"login: no name", SASL_LOGIN, NULL, {"- =", "malformed"}},
        {"login: no password", SASL_LOGIN, NULL, {"> tim", "< Password:", "> ", "malformed"}},
        {"login: NUL in the password", SASL_LOGIN, NULL,
                {"> tim", "< Password:", "> a~b", "malformed"}},
        {"login: cancelled", SASL_LOGIN, NULL, {"> tim", "< Password:", "- *", "cancelled"}},

        // CRAM-MD5, RFC 2195 2
        {"RFC 2195", SASL_CRAM_MD5, NULL,
                {"", "< <1896.697170952@postoffice.reston.mci.net>",
                        "> tim b913a602c7eda7a495b4e6e7334d3890", "? clear|tim||||",
                        "= clear tanstaaftanstaaf", "success"}},
        {"cram: a name with a blank, large digits", SASL_CRAM_MD5, NULL,
                {"", "< <1896.697170952@postoffice.reston.mci.net>",
                        "> tim t B913A602C7EDA7A495B4E6E7334D3890", "? clear|tim t||||",
                        "= clear tanstaaftanstaaf", "success"}},
        {"cram: wrong", SASL_CRAM_MD5, NULL,
                {"", "< <1896.697170952@postoffice.reston.mci.net>",
                        "> tim b913a602c7eda7a495b4e6e7334d3890", "? clear|tim||||",
                        "= clear tanstaaf", "wrong"}},
        {"cram: nobody, with the secret of nobody", SASL_CRAM_MD5, NULL,
                {"", "< <1896.697170952@postoffice.reston.mci.net>",
                        "> tim 0594e3cdcfcd090492519b58c3d40ac4", "? clear|tim||||", "= no",
                        "wrong"}},
        {"cram: initial response", SASL_CRAM_MD5, NULL, {"> tim", "malformed"}},
        {"cram: empty initial response", SASL_CRAM_MD5, NULL, {"- =", "malformed"}},
        {"cram: no digest", SASL_CRAM_MD5, NULL,
                {"", "< <1896.697170952@postoffice.reston.mci.net>", "> tim", "malformed"}},
        {"cram: short digest", SASL_CRAM_MD5, NULL,
                {"", "< <1896.697170952@postoffice.reston.mci.net>",
                        "> tim b913a602c7eda7a495b4e6e7334d38", "malformed"}},
        {"cram: no name", SASL_CRAM_MD5, NULL,
                {"", "< <1896.697170952@postoffice.reston.mci.net>",
                        ">  b913a602c7eda7a495b4e6e7334d3890", "malformed"}},

        // EXTERNAL; the certificate is of tim@example.org and tom@example.org
        {"external", SASL_EXTERNAL, NULL,
                {"- =", "? certificate|tim@example.org||||", "= yes", "success"}},
        {"external: asked", SASL_EXTERNAL, NULL,
                {"", "< ", "> ", "? certificate|tim@example.org||||", "= no", "wrong"}},
        {"external: the second", SASL_EXTERNAL, NULL,
                {"> TOM@example.org", "? certificate|tom@example.org||||", "= yes", "success"}},
        {"external: somebody else", SASL_EXTERNAL, NULL, {"> root", "wrong"}},
        {"external: nonsense", SASL_EXTERNAL, NULL, {"> tim@example.org~", "malformed"}},

        // OAUTHBEARER, RFC 7628 4
        {"RFC 7628 4.1", SASL_OAUTHBEARER, NULL,
                {"> n,a=user@example.com,^host=server.example.com^port=143^"
                 "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==^^",
                        "? token|user@example.com|||vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==|",
                        "= yes", "success"}},
        {"RFC 7628 4.3", SASL_OAUTHBEARER, NULL,
                {"", "< ", "> n,a=user@example.com,^auth=Bearer x^^",
                        "? token|user@example.com|||x|", "= no",
                        "< "
                        "{\"status\":\"invalid_token\",\"schemes\":\"bearer\",\"scope\":\"mail\"}",
                        "- AQ==", "wrong"}},
        {"bearer: cancelled after a refusal", SASL_OAUTHBEARER, NULL,
                {"> n,a=a,^auth=bearer  x^^", "? token|a|||x|", "= no",
                        "< "
                        "{\"status\":\"invalid_token\",\"schemes\":\"bearer\",\"scope\":\"mail\"}",
                        "- *", "wrong"}},
        {"bearer: no sense after a refusal", SASL_OAUTHBEARER, NULL,
                {"> n,a=a,^auth=Bearer x^^", "? token|a|||x|", "= no",
                        "< "
                        "{\"status\":\"invalid_token\",\"schemes\":\"bearer\",\"scope\":\"mail\"}",
                        "- !!", "wrong"}},
        {"bearer: whose, says the token", SASL_OAUTHBEARER, NULL,
                {"> n,,^auth=Bearer x^^", "? token||||x|", "= yes", "success"}},
        {"bearer: escaped name", SASL_OAUTHBEARER, NULL,
                {"> n,a=a=2Cb=3Dc,^auth=Bearer x^^", "? token|a,b=c|||x|", "= yes", "success"}},
        {"bearer: bad escape", SASL_OAUTHBEARER, NULL,
                {"> n,a=a=2c,^auth=Bearer x^^", "malformed"}},
        {"bearer: empty name", SASL_OAUTHBEARER, NULL, {"> n,a=,^auth=Bearer x^^", "malformed"}},
        {"bearer: y", SASL_OAUTHBEARER, NULL, {"> y,,^auth=Bearer x^^", "wrong"}},
        {"bearer: p", SASL_OAUTHBEARER, NULL, {"> p=tls-exporter,,^auth=Bearer x^^", "wrong"}},
        {"bearer: no header", SASL_OAUTHBEARER, NULL, {"> ^auth=Bearer x^^", "malformed"}},
        {"bearer: only the dummy", SASL_OAUTHBEARER, NULL, {"> ^", "malformed"}},
        {"bearer: one end only", SASL_OAUTHBEARER, NULL, {"> n,,^auth=Bearer x^", "malformed"}},
        {"bearer: more behind the end", SASL_OAUTHBEARER, NULL,
                {"> n,,^auth=Bearer x^^^", "malformed"}},
        {"bearer: no token", SASL_OAUTHBEARER, NULL, {"> n,,^auth=Bearer ^^", "malformed"}},
        {"bearer: two tokens", SASL_OAUTHBEARER, NULL,
                {"> n,,^auth=Bearer x^auth=Bearer y^^", "malformed"}},
        {"bearer: a token of two words", SASL_OAUTHBEARER, NULL,
                {"> n,,^auth=Bearer x y^^", "malformed"}},
        {"bearer: another scheme", SASL_OAUTHBEARER, NULL, {"> n,,^auth=Basic x^^", "malformed"}},
        {"bearer: no auth", SASL_OAUTHBEARER, NULL, {"> n,,^host=x^^", "malformed"}},

        // XOAUTH2
        {"xoauth2", SASL_XOAUTH2, NULL,
                {"> user=a@b.example^auth=Bearer x.y^^", "? token|a@b.example|||x.y|", "= yes",
                        "success"}},
        {"xoauth2: refused", SASL_XOAUTH2, NULL,
                {"> user=a@b.example^auth=Bearer x^^", "? token|a@b.example|||x|", "= no",
                        "< {\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}", "> ",
                        "wrong"}},
        {"xoauth2: no user", SASL_XOAUTH2, NULL, {"> user=^auth=Bearer x^^", "malformed"}},
        {"xoauth2: with a header", SASL_XOAUTH2, NULL, {"> n,a=a,^auth=Bearer x^^", "malformed"}},

        // SCRAM
        {"RFC 5802 5", SASL_SCRAM_SHA_1, "3rfcNHYJY1ZVvWVs7j",
                {"> n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", USER, KEYS_1,
                        "< r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
                        "> c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
                        "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
                        "< v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "> ", "success"}},
        {"RFC 7677 3", SASL_SCRAM_SHA_256, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
                {"> n,,n=user,r=rOprNGfwEbeRWgbNEkqO", USER, KEYS,
                        "< r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                        "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                        "> c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                        "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
                        "< v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "> ", "success"}},
        {"scram: a clear secret, prepared", SASL_SCRAM_SHA_256, "s",
                {"", "< ", "> n,,n=user,r=c", USER,
                        "= clear pen\xc2\xad"
                        "cil",
                        "< r=cs,s=1Yl9j7laUs09Fv4sB7/TYg==,i=100000",
                        "> c=biws,r=cs,p=o7BI72Q3pKi3bwNqksNYrlNolxBFHdruypp0WVTnk8E=", "!",
                        "< v=84zD+4bdwHu0L+ZZwcU6fmenaAzQ5LkLTrpqRm0Abq4=", "> ", "success"}},
        {"scram: the same salt for nobody", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, "= no", "< r=cs,s=1Yl9j7laUs09Fv4sB7/TYg==,i=100000",
                        "> c=biws,r=cs," ANY, "!", "wrong"}},
        {"scram: nobody, with the secret of nobody", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=nobody,r=c", "? scram|nobody||||", "= no",
                        "< r=cs,s=tK2HCD0a8FMpppfUR9FdWg==,i=100000",
                        "> c=biws,r=cs,p=hvm1uPmwK7BomBsuf2RvOWKh8w95eRj9bs/Vlz/uPPM=", "!",
                        "wrong"}},
        {"scram: a secret that nobody can say", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, "= clear a\nb",
                        "< r=cs,s=1Yl9j7laUs09Fv4sB7/TYg==,i=100000", "> c=biws,r=cs," ANY, "!",
                        "wrong"}},
        {"scram: names with escapes, y without -PLUS", SASL_SCRAM_SHA_256, "s",
                {"> y,,n=a=2Cb=3Dc,r=c", "? scram|a,b=c||||", KEYS, FIRST,
                        "> c=eSws,r=cs,p=hJwLF44UgHFBnWolYoGWT2Ljp7QtIpXlANtbitVPugA=",
                        "< v=xOHKH6IDvuTQDy8181F70D+rNegIl8VzYfcW/roeTIM=", "> ", "success"}},
        {"scram: extensions are ignored", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST,
                        "> c=biws,r=cs,x=1,p=iKMRLxd2bR9LdUFBljK+BvurNyAE1sPSaH0rY8CWCzQ=",
                        "< v=KUasOYtFV84zZQk3ihLS9DRZsPGGieQACAIPqqQNN5s=", "> ", "success"}},
        {"offered: y, although -PLUS is offered", SASL_SCRAM_SHA_256, "s",
                {"> y,,n=user,r=c", "wrong"}},
        {"offered: n, although -PLUS is offered", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, "= trouble", "unavailable"}},
        {"offered: p without -PLUS", SASL_SCRAM_SHA_256, "s",
                {"> p=tls-exporter,,n=user,r=c", "malformed"}},
        {"scram: for somebody else", SASL_SCRAM_SHA_256, "s",
                {"> n,a=boss,n=user,r=c", "? scram|user|boss|||", "= trouble", "unavailable"}},
        {"scram: empty authzid", SASL_SCRAM_SHA_256, "s", {"> n,a=,n=user,r=c", "malformed"}},
        {"scram: m first", SASL_SCRAM_SHA_256, "s", {"> n,,m=1,n=user,r=c", "malformed"}},
        {"scram: m behind", SASL_SCRAM_SHA_256, "s", {"> n,,n=user,r=c,m=1", "malformed"}},
        {"scram: extension behind", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c,x=\xc3\xa4=,y=2", USER, "= trouble", "unavailable"}},
        {"scram: extension of nothing", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c,x=", "malformed"}},
        {"scram: comma at the end", SASL_SCRAM_SHA_256, "s", {"> n,,n=user,r=c,", "malformed"}},
        {"scram: wrong order", SASL_SCRAM_SHA_256, "s", {"> n,,r=c,n=user", "malformed"}},
        {"scram: no nonce", SASL_SCRAM_SHA_256, "s", {"> n,,n=user", "malformed"}},
        {"scram: empty nonce", SASL_SCRAM_SHA_256, "s", {"> n,,n=user,r=", "malformed"}},
        {"scram: blank in the nonce", SASL_SCRAM_SHA_256, "s", {"> n,,n=user,r=a b", "malformed"}},
        {"scram: no name", SASL_SCRAM_SHA_256, "s", {"> n,,n=,r=c", "malformed"}},
        {"scram: bad escape", SASL_SCRAM_SHA_256, "s", {"> n,,n=a=2Db,r=c", "malformed"}},
        {"scram: bad UTF-8", SASL_SCRAM_SHA_256, "s", {"> n,,n=\xff,r=c", "malformed"}},
        {"scram: NUL", SASL_SCRAM_SHA_256, "s", {"> n,,n=us~er,r=c", "malformed"}},
        {"scram: no header", SASL_SCRAM_SHA_256, "s", {"> n=user,r=c", "malformed"}},
        {"scram: unknown flag", SASL_SCRAM_SHA_256, "s", {"> z,,n=user,r=c", "malformed"}},
        {"scram: nothing", SASL_SCRAM_SHA_256, "s", {"- =", "malformed"}},
        {"scram: another nonce", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=cx," ANY, "wrong"}},
        {"scram: only the client's nonce", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=c," ANY, "wrong"}},
        {"scram: a longer nonce", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=css," ANY, "wrong"}},
        {"scram: another header", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=eSws,r=cs," ANY, "wrong"}},
        {"scram: more than the header", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biwsAA==,r=cs," ANY, "wrong"}},
        {"scram: wrong proof", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=cs," ANY, "!", "wrong"}},
        {"scram: short proof", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=cs,p=AAAA", "malformed"}},
        {"scram: no proof", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=cs", "malformed"}},
        {"scram: words behind the proof", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=cs," ANY ",x=1", "malformed"}},
        {"scram: m in the last message", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "> c=biws,r=cs,m=1," ANY, "malformed"}},
        {"scram: cancelled", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST, "- *", "cancelled"}},
        {"scram: keys of another hash", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS_1, "unavailable"}},
        {"scram: more words at the end", SASL_SCRAM_SHA_256, "s",
                {"> n,,n=user,r=c", USER, KEYS, FIRST,
                        "> c=biws,r=cs,x=1,p=iKMRLxd2bR9LdUFBljK+BvurNyAE1sPSaH0rY8CWCzQ=",
                        "< v=KUasOYtFV84zZQk3ihLS9DRZsPGGieQACAIPqqQNN5s=", "> x", "malformed"}},

        // -PLUS: the exporter gives 01 02 03 04, the end point is "end"
        {"plus: tls-exporter", SASL_SCRAM_SHA_256_PLUS, "s",
                {"> p=tls-exporter,,n=user,r=c", USER, KEYS, FIRST,
                        "> c=cD10bHMtZXhwb3J0ZXIsLAECAwQ=,r=cs," PROOF,
                        "< v=kWKBnW+5WIA+pQbsF/HolmrvIJ61DbxdjfjbMDCjpq8=", "> ", "success"}},
        {"plus: tls-server-end-point, for somebody else", SASL_SCRAM_SHA_256_PLUS, "s",
                {"> p=tls-server-end-point,a=boss,n=user,r=c", "? scram|user|boss|||", KEYS, FIRST,
                        "> c=cD10bHMtc2VydmVyLWVuZC1wb2ludCxhPWJvc3MsZW5k,r=cs,"
                        "p=A3kgs2HO1aJADat/Xe/JIeXQQxF4ehGuJA/UcqeKLcs=",
                        "< v=of5AbtN+GmyHkzGDhQ6ITBPK7cQvZxEp5eYBjWjKjqE=", "> ", "success"}},
        {"plus: another channel", SASL_SCRAM_SHA_256_PLUS, "s",
                {"> p=tls-exporter,,n=user,r=c", USER, KEYS, FIRST,
                        "> c=cD10bHMtZXhwb3J0ZXIsLAECAwU=,r=cs," PROOF, "wrong"}},
        {"plus: no channel", SASL_SCRAM_SHA_256_PLUS, "s",
                {"> p=tls-exporter,,n=user,r=c", USER, KEYS, FIRST,
                        "> c=cD10bHMtZXhwb3J0ZXIsLA==,r=cs," PROOF, "wrong"}},
        {"plus: tls-unique", SASL_SCRAM_SHA_256_PLUS, "s",
                {"> p=tls-unique,,n=user,r=c", "malformed"}},
        {"plus: without a binding", SASL_SCRAM_SHA_256_PLUS, "s", {"> n,,n=user,r=c", "malformed"}},
        {"plus: y", SASL_SCRAM_SHA_256_PLUS, "s", {"> y,,n=user,r=c", "malformed"}},
        {"plus: binding of no name", SASL_SCRAM_SHA_256_PLUS, "s",
                {"> p=,,n=user,r=c", "malformed"}},
};

struct world {
    struct arena arena;
    const struct play *play;
    struct sasl sasl;
    struct sasl_step step;
};

static struct str wire(struct world *w, const char *line)
{
    struct str text = str_from(str_from_c(line), 2);
    if (line[0] == '-')
        return text;
    struct buf raw AUTO(buf_done), out AUTO(buf_done);
    buf_init(&raw, KIB);
    buf_init(&out, 2 * KIB);
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] == '~')
            buf_add_byte(&raw, '\0');
        else
            buf_add_byte(&raw, text.ptr[i] == '^' ? '\x01' : text.ptr[i]);
    encode_base64(&out, buf_str(&raw));
    return arena_str(&w->arena, buf_str(&out));
}

static struct str decoded(struct world *w, struct str text)
{
    struct buf out AUTO(buf_done);
    buf_init(&out, 2 * KIB);
    check_true("base64", decode_base64(&out, text));
    return arena_str(&w->arena, buf_str(&out));
}

static void check_question(struct world *w, struct str want)
{
    static const char *const kinds[] = {"password", "token", "scram", "clear", "certificate"};
    const struct sasl_question *q = &w->step.question;
    check_u64(w->play->name, w->step.kind, SASL_ASK);
    struct str got = arena_fmt(&w->arena, "%s|%.*s|%.*s|%.*s|%.*s|", kinds[q->kind], ARG(q->login),
            ARG(q->authzid), ARG(q->password), ARG(q->token));
    check_str(w->play->name, got, want);
    if (q->kind == SASL_ASK_SCRAM)
        check_u64(w->play->name, q->hash,
                w->play->mechanism == SASL_SCRAM_SHA_1 ? SASL_SHA_1 : SASL_SHA_256);
}

static void answer(struct world *w, struct str what)
{
    struct sasl_answer a = {.verdict = SASL_YES};
    struct str word, rest = what, salt, iterations, stored = STR_NULL, server = STR_NULL;
    uint64_t count = 0;
    assert_true(str_split(&rest, ' ', &word));
    if (str_eq(word, S("no")))
        a.verdict = SASL_NO;
    if (str_eq(word, S("trouble")))
        a.verdict = SASL_TROUBLE;
    if (str_eq(word, S("clear")))
        a.clear = rest;
    if (str_eq(word, S("keys"))) {
        assert_true(str_split(&rest, ' ', &salt) && str_split(&rest, ' ', &iterations) &&
                    str_split(&rest, ' ', &stored) && str_split(&rest, ' ', &server) &&
                    str_to_u64(iterations, UINT32_MAX, &count));
        a.salt = decoded(w, salt);
        a.stored_key = decoded(w, stored);
        a.server_key = decoded(w, server);
        a.iterations = (uint32_t)count;
    }
    w->step = sasl_answer(&w->sasl, &a);
}

static void check_end(struct world *w, struct str word)
{
    static const char *const failures[] = {"wrong", "malformed", "cancelled", "unavailable"};
    struct str got = STR_NULL;
    if (w->step.kind == SASL_SUCCESS)
        got = S("success");
    if (w->step.kind == SASL_FAILURE) {
        got = str_from_c(failures[w->step.failure]);
        check_true(w->play->name, !str_is_empty(w->step.why));
    }
    check_str(w->play->name, got, word);
}

static void run(const struct play *play)
{
    static const struct str names[] = {S_INIT("tim@example.org"), S_INIT("tom@example.org")};
    struct sasl_inputs inputs = {.mechanism = play->mechanism,
            .host = S("postoffice.reston.mci.net"),
            .now_s = 697170952,
            .number = 1896,
            .nonce = str_from_c(play->nonce),
            .bindings =
                    {[SASL_TLS_EXPORTER] = S("\1\2\3\4"), [SASL_TLS_SERVER_END_POINT] = S("end")},
            .identities = names,
            .identity_count = COUNT_OF(names)};
    struct world w = {.play = play};
    const char *const *line = play->lines;
    if (str_starts(str_from_c(play->name), S("offered: ")))
        sasl_set_add(&inputs.offered, SASL_SCRAM_SHA_256_PLUS);
    arena_init(&w.arena, 64 * KIB);
    w.step = sasl_begin(&w.sasl, &inputs, line[0][0] == '\0' ? STR_NULL : wire(&w, line[0]));
    for (line++; *line != NULL; line++) {
        struct str text = str_from(str_from_c(*line), 2);
        switch ((*line)[0]) {
        case '<':
            check_u64(play->name, w.step.kind, SASL_CHALLENGE);
            check_str(play->name, decoded(&w, w.step.challenge), text);
            break;
        case '>':
        case '-':
            w.step = sasl_respond(&w.sasl, wire(&w, *line));
            break;
        case '?':
            check_question(&w, text);
            break;
        case '=':
            answer(&w, text);
            break;
        case '!':
            check_u64(play->name, w.step.kind, SASL_COMPUTE);
            sasl_compute(&w.sasl);
            w.step = sasl_computed(&w.sasl);
            break;
        default:
            check_end(&w, str_from_c(*line));
            check_true(play->name, line[1] == NULL);
        }
    }
    check_true(play->name, !sasl_goes_on(&w.step));
    sasl_done(&w.sasl);
    arena_done(&w.arena);
}

static void all_plays(void **unused UNUSED)
{
    for (size_t i = 0; i < COUNT_OF(plays); i++)
        run(&plays[i]);
}

static void own_nonce(void **unused UNUSED)
{
    struct world w = {0};
    struct sasl_inputs inputs = {.mechanism = SASL_SCRAM_SHA_256};
    memset(inputs.random, 0xff, sizeof(inputs.random));
    arena_init(&w.arena, 4 * KIB);
    w.step = sasl_begin(&w.sasl, &inputs, wire(&w, "> n,,n=u,r=c"));
    w.step = sasl_answer(&w.sasl, &(struct sasl_answer){.verdict = SASL_NO});
    struct str challenge = decoded(&w, w.step.challenge);
    check_true("24 characters", str_starts(challenge, S("r=c////////////////////////,s=")));
    sasl_done(&w.sasl);
    inputs.mechanism = SASL_CRAM_MD5;
    inputs.host = S("mx");
    inputs.now_s = 7;
    w.step = sasl_begin(&w.sasl, &inputs, STR_NULL);
    check_str("number", decoded(&w, w.step.challenge), S("<18446744073709551615.7@mx>"));
    sasl_done(&w.sasl);
    arena_done(&w.arena);
}

// The salts of nobody, by how the name is written.
static void salts_of_nobody(void **unused UNUSED)
{
    static const struct {
        const char *message, *domain;
        bool same; // as that of the first
    } cases[] = {{"> n,,n=ann@a.example,r=c", NULL, true}, {"> n,,n=Ann@A.example,r=c", NULL, true},
            {"> n,,n=ann,r=c", "a.example", true}, {"> n,,n=ann,r=c", NULL, false},
            {"> n,,n=bob@a.example,r=c", NULL, false}};
    struct world w = {0};
    struct str first = STR_NULL;
    arena_init(&w.arena, 64 * KIB);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct sasl_inputs inputs = {.mechanism = SASL_SCRAM_SHA_256,
                .nonce = S("s"),
                .default_domain = str_from_c(cases[i].domain)};
        w.step = sasl_begin(&w.sasl, &inputs, wire(&w, cases[i].message));
        w.step = sasl_answer(&w.sasl, &(struct sasl_answer){.verdict = SASL_NO});
        struct str challenge = decoded(&w, w.step.challenge);
        if (i == 0)
            first = challenge;
        check_u64(cases[i].message, str_eq(challenge, first), cases[i].same);
        sasl_done(&w.sasl);
    }
    arena_done(&w.arena);
}

static void longest_line(void **unused UNUSED)
{
    struct buf line AUTO(buf_done);
    buf_init(&line, 2 * SASL_LINE_BYTES_MAX);
    for (size_t len = SASL_LINE_BYTES_MAX; len <= SASL_LINE_BYTES_MAX + 4; len += 4) {
        struct sasl sasl;
        struct sasl_inputs inputs = {.mechanism = SASL_PLAIN};
        buf_clear(&line);
        buf_add(&line, S("AGEA")); // NUL a NUL
        while (line.len < len)
            buf_add(&line, S("YWFh")); // a a a
        struct sasl_step step = sasl_begin(&sasl, &inputs, buf_str(&line));
        check_u64("kind", step.kind, len > SASL_LINE_BYTES_MAX ? SASL_FAILURE : SASL_ASK);
        if (step.kind == SASL_ASK)
            check_u64("password", step.question.password.len, len / 4 * 3 - 3);
        sasl_done(&sasl);
    }
}

// The longest name, and one that is too long.
static void longest_name(void **unused UNUSED)
{
    for (size_t len = 1024; len <= 1025; len++) {
        struct sasl sasl;
        struct sasl_inputs inputs = {.mechanism = SASL_PLAIN};
        struct buf message AUTO(buf_done), line AUTO(buf_done);
        buf_init(&message, 2 * KIB);
        buf_init(&line, 4 * KIB);
        buf_add_byte(&message, '\0');
        buf_add_repeat(&message, 'n', len);
        buf_add(&message, str_of("\0p", 2));
        encode_base64(&line, buf_str(&message));
        struct sasl_step step = sasl_begin(&sasl, &inputs, buf_str(&line));
        check_u64("kind", step.kind, len == 1024 ? SASL_ASK : SASL_FAILURE);
        sasl_done(&sasl);
    }
}

static void names_and_sets(void **unused UNUSED)
{
    const struct expr_words *words = expr_words_named(S("mechanism"));
    enum sasl_mechanism m = SASL_PLAIN, again = SASL_LOGIN;
    struct sasl_set set = {0};
    struct buf out AUTO(buf_done);
    buf_init(&out, KIB);
    check_u64("as many as settings have words", words->count, SASL_MECHANISM_COUNT);
    for (size_t i = 0; i < words->count; i++) {
        assert_true(sasl_of_word(words->at[i].text, &m));
        assert_true(sasl_named(sasl_name(m), &again));
        check_u64("wire name", again, m);
        sasl_set_add(&set, m);
    }
    assert_false(sasl_of_word(S("PLAIN"), &m));
    assert_true(sasl_named(S("scram-sha-1"), &m));
    assert_false(sasl_named(S("SCRAM-SHA"), &m));
    sasl_set_names(&out, set);
    check_str("inbound.md 4.3", buf_str(&out),
            S("SCRAM-SHA-256-PLUS SCRAM-SHA-256 SCRAM-SHA-1 OAUTHBEARER XOAUTH2 PLAIN LOGIN "
              "CRAM-MD5 EXTERNAL"));
    buf_clear(&out);
    sasl_set_names(&out, sasl_set_usable(set, (struct sasl_conditions){0}));
    check_str("in the clear", buf_str(&out),
            S("SCRAM-SHA-256 SCRAM-SHA-1 OAUTHBEARER XOAUTH2 CRAM-MD5"));
    struct str chosen[] = {S("plain"), S("external")};
    struct expr_result result = {.outcome = EXPR_VALUE, .list = chosen, .list_count = 2};
    buf_clear(&out);
    sasl_set_names(&out, sasl_set_of(&result));
    check_str("of a setting", buf_str(&out), S("PLAIN EXTERNAL"));
    check_u64("off", sasl_set_of(&(struct expr_result){.outcome = EXPR_NONE}).bits, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(all_plays),
            TEST(own_nonce),
            TEST(salts_of_nobody),
            TEST(longest_line),
            TEST(longest_name),
            TEST(names_and_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
