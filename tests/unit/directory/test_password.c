// SPDX-License-Identifier: Apache-2.0
// tests/unit/directory/test_password.c: every stored form with hashes made by other programs, and
// what is malformed, unknown or too dear.
#include "../base/check.h"

#include "directory/password.h"

#define SECRET "s3cret"

static const struct {
    const char *name, *stored, *form;
} right[] = {
        {"argon2id",
                "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$IwJ9AT3ihap1EAxe0cGnO9ghAY9VMoAv7QYFEl"
                "dFUWg",
                "argon2id"},
        {"argon2i",
                "$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$MrAU5eWnKVIudmwpDsTV0zgTy6RnddKIVGmgiitI"
                "b78",
                "argon2i"},
        {"argon2d",
                "$argon2d$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$F9qMYubxX5qOaO4P2DkQ1mILBjjWo5rd9p4zi/b+"
                "MTQ",
                "argon2d"},
        {"argon2 with a word before it",
                "{Argon2ID}$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$"
                "IwJ9AT3ihap1EAxe0cGnO9ghAY9VMoAv7"
                "QYFEldFUWg",
                "argon2id"},
        {"bcrypt", "$2b$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK", "bcrypt"},
        {"bcrypt with a word",
                "{BLF-CRYPT}$2b$05$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK",
                "bcrypt"},
        {"scrypt",
                "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$RD8XTYCJQRSnQzf+ChFATkgL3IAjN/Tg/"
                "Rrp+ZY"
                "MULI",
                "scrypt"},
        {"scrypt of crypt(3)", "$7$26..../....saltsalt$NpxcexvmoZV.J/y9xARHvzt4.lRohACzlq86grPWMY1",
                "scrypt"},
        {"yescrypt", "$y$j75$saltsaltsalt$sZh0hS2rDgguGjgNksWd4J9dqYBUxfVxRW8yh2l.AM2", "yescrypt"},
        {"pbkdf2, sha1 by default",
                "$pbkdf2$1000$c2FsdHNhbHRzYWx0c2FsdA$1UPI/DDkq0kGiPrtkZ6RmZsxQbI", "pbkdf2"},
        {"pbkdf2-sha256",
                "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$8W5yLmqTx7pmJ5+3qp/"
                "ZOQP9vTuo+lMNf"
                "P/lMdTb9u8",
                "pbkdf2"},
        {"pbkdf2-sha256 with dots",
                "$pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$8W5yLmqTx7pmJ5.3qp/ZOQP9vTuo.lMNfP/"
                "lMdTb"
                "9u8",
                "pbkdf2"},
        {"pbkdf2-sha512 in braces",
                "{PBKDF2-SHA512}1000$c2FsdHNhbHRzYWx0c2FsdA$BF0Z.Mlb3HBqxOQbXgnmAzq7uv79TtpCQGjW2l/"
                "c"
                "ObjwAK3Dlnaa0V18xkzEbua5j64nZNrvvWeMlBiZjhtoFg",
                "pbkdf2"},
        {"sha512-crypt",
                "$6$saltsalt$As4wrv0kZlfch1du9WeH7qhskyLriQWySXrZzynnvi46nFnNxjdpl6ksRegrrKexvhIa/"
                "In"
                "y8S8uF3fVWTMuC1",
                "sha512-crypt"},
        {"sha512-crypt with rounds",
                "$6$rounds=1000$saltsalt$zcCvYcDM8j0aB28drG.Vwe4L4mnOkoRyg3Q."
                "Bu7J9v6yK9aKDDPiDDlrOhF"
                "03cpnd3KFfSzTDNEBa0iVYm2H90",
                "sha512-crypt"},
        {"sha256-crypt", "{CRYPT}$5$saltsalt$i1q2ZQzc.tl/BQ6CHiENAcVDvEY6nJ1OWlWXKh94b1.",
                "sha256-crypt"},
        {"md5-crypt", "$1$saltsalt$RwMqRjSWhXMKbW72DwzGd1", "md5-crypt"},
        {"sha1-crypt", "$sha1$1000$saltsalt$WQ4FL1bLVKnGeJtXi/7HhkTO27YC", "sha1-crypt"},
        {"bsdi-crypt", "_J9..rasmWtTpzwGonOA", "bsdi-crypt"},
        {"the oldest crypt", "abhWCwoTZY2c6", "clear text"},
        {"SHA", "{SHA}/vNB+F2HQ559kaLUZbmHHvZrXpg=", "digest without salt"},
        {"SSHA in small letters", "{ssha}JVrhyTqab1YvH3vR2b1RYUumqqZzYWx0", "salted digest"},
        {"SSHA256", "{SSHA256}sAzsU8Qoxm5ho6tVXeaXOHmm9FGI3gmOAbwalAdL5BlzYWx0c2FsdA==",
                "salted digest"},
        {"SSHA512, one byte of salt",
                "{SSHA512}IMB6sI+MQl91/zm65vP2JnMJkEyDSCjulIuIKAo46IMv70w3xvBQDYZyTafMEXM4ZlYSpB73C"
                "kv+1aibSVzUUnM=",
                "salted digest"},
        {"MD5", "{MD5}M+GyMqTm+gAopmcHU3SaFw==", "digest without salt"},
        {"SMD5", "{SMD5}dD8A8A18eMKz1WCSelsIeHNhbHQ=", "salted digest"},
        {"clear in braces", "{CLEARTEXT}" SECRET, "clear text"},
        {"clear", SECRET, "clear text"},
};

static const struct {
    const char *name, *stored;
    enum err_kind kind;
} broken[] = {
        {"unknown dollar scheme", "$99$abc$def", ERR_UNSUPPORTED},
        {"a lone dollar", "$", ERR_UNSUPPORTED},
        {"unknown word", "{ROT13}frperg", ERR_UNSUPPORTED},
        {"argon2 without its end", "$argon2id$v=19$m=64,t=2,p=1$c2FsdHNhbHQ", ERR_SYNTAX},
        {"argon2 without memory", "$argon2id$v=19$t=2,p=1$c2FsdHNhbHQ$AAAA", ERR_SYNTAX},
        {"argon2 of two GiB", "$argon2id$v=19$m=2097152,t=2,p=1$c2FsdHNhbHQ$AAAAAAAA", ERR_LIMIT},
        {"argon2 of eleven rounds", "$argon2id$v=19$m=64,t=11,p=1$c2FsdHNhbHQ$AAAAAAAA", ERR_LIMIT},
        {"bcrypt of cost 16", "$2b$16$abcdefghijklmnopqrstuuLK7U1u6pVRmL7L1BBM2aS35PSZnDXlK",
                ERR_LIMIT},
        {"bcrypt without cost", "$2b$x5$abc", ERR_SYNTAX},
        {"scrypt of two GiB", "$scrypt$ln=21,r=8,p=1$c2FsdA$RD8X", ERR_LIMIT},
        {"scrypt of many lanes", "$scrypt$ln=10,r=1,p=99999999$c2FsdA$RD8X", ERR_LIMIT},
        {"scrypt without hash", "$scrypt$ln=4,r=8,p=1$c2FsdA$", ERR_SYNTAX},
        {"scrypt of crypt(3), too dear", "$7$X6..../....saltsalt$NpxcexvmoZV", ERR_LIMIT},
        {"scrypt of crypt(3), cut", "$7$26", ERR_SYNTAX},
        {"yescrypt too dear", "$y$jGT$saltsaltsalt$sZh0hS2rDgguGjgNksWd4J9dqYBUxfVxRW8yh2l.AM2",
                ERR_LIMIT},
        {"pbkdf2 of too many rounds", "$pbkdf2-sha256$10000001$c2FsdA$RD8X", ERR_LIMIT},
        {"pbkdf2 of an unknown digest", "$pbkdf2-md4$1000$c2FsdA$RD8X", ERR_SYNTAX},
        {"sha512-crypt of too many rounds", "$6$rounds=10000001$saltsalt$zcCv", ERR_LIMIT},
        {"crypt of nothing known", "{CRYPT}$99$abc", ERR_SYNTAX},
        {"SSHA that is no base64", "{SSHA}!!!!", ERR_SYNTAX},
        {"SHA that is too short", "{SHA}AAAA", ERR_SYNTAX},
        {"SHA with a tail", "{SHA}JVrhyTqab1YvH3vR2b1RYUumqqZzYWx0", ERR_SYNTAX},
};

static bool check(struct arena *a, const char *name, struct str stored, struct str typed)
{
    bool is_right = false;
    check_str(name, err_text(password_check_now(a, stored, typed, &is_right)), S(""));
    return is_right;
}

static void forms_of_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        struct arena a;
        struct str stored = str_from_c(right[i].stored);
        arena_init(&a, MIB);
        check_true(right[i].name, check(&a, right[i].name, stored, S(SECRET)));
        check_true(right[i].name, !check(&a, right[i].name, stored, S("s3cres")));
        check_true(right[i].name, !check(&a, right[i].name, stored, S("s3cret ")));
        check_str(right[i].name, password_form(stored), str_from_c(right[i].form));
        arena_done(&a);
    }
}

static void what_is_wrong_with_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(broken); i++) {
        struct arena a;
        bool is_right = true;
        arena_init(&a, MIB);
        struct err e = password_check_now(&a, str_from_c(broken[i].stored), S(SECRET), &is_right);
        check_u64(broken[i].name, e.kind, broken[i].kind);
        check_true(broken[i].name, !is_right);
        arena_done(&a);
    }
}

static void nothing_matches_nothing(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, MIB);
    check_true("empty, empty", !check(&a, "empty", S(""), S("")));
    check_true("empty in braces", !check(&a, "braces", S("{PLAIN}"), S("")));
    check_true("empty stored", !check(&a, "stored", S(""), S("x")));
    check_true("a NUL", !check(&a, "NUL", S("x\0y"), S("x\0y")));
    char long_text[PASSWORD_BYTES_MAX + 1];
    memset(long_text, 'x', sizeof(long_text));
    struct str longest = str_of(long_text, PASSWORD_BYTES_MAX);
    check_true("the longest", check(&a, "longest", longest, longest));
    struct str longer = str_of(long_text, sizeof(long_text));
    check_true("a byte more", !check(&a, "longer", longer, longer));
    arena_done(&a);
}

static void made_forms_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name, *begin;
    } cases[] = {
            {"argon2id", "$argon2id$v=19$m=19456,t=2,p=1$"},
            {"bcrypt", "$2b$12$"},
            {"scrypt", "$scrypt$ln=15,r=8,p=1$"},
            {"pbkdf2", "$pbkdf2-sha256$i=600000,l=32$"},
    };
    static const uint8_t salt[PASSWORD_SALT_BYTES] = {1, 2, 3, 250};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct arena a;
        enum password_hash how;
        struct str made;
        arena_init(&a, MIB);
        assert_true(password_hash_named(str_from_c(cases[i].name), &how));
        check_str(
                cases[i].name, err_text(password_make_now(&a, how, S(SECRET), salt, &made)), S(""));
        check_true(cases[i].name, str_starts(made, str_from_c(cases[i].begin)));
        check_true(cases[i].name, check(&a, cases[i].name, made, S(SECRET)));
        check_true(cases[i].name, !check(&a, cases[i].name, made, S("S3cret")));
        arena_done(&a);
    }
}

static void clear_text_is_known(void **state)
{
    (void)state;
    check_true("clear", password_is_clear(S("hunter2")));
    check_true("in braces", password_is_clear(S("{plain}x")));
    check_true("a hash", !password_is_clear(S("{SSHA}JVrhyTqab1YvH3vR2b1RYUumqqZzYWx0")));
    check_true("perhaps a hash", !password_is_clear(S("abhWCwoTZY2c6")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
            TEST(forms_of_others),
            TEST(what_is_wrong_with_others),
            TEST(nothing_matches_nothing),
            TEST(made_forms_are_checked),
            TEST(clear_text_is_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
