// SPDX-License-Identifier: Apache-2.0
// proof/signature_write.h: writing the tags of a signature field, of DKIM or of ARC, and the
// signature itself. Private to this room.
#pragma once

#include "base/base.h"

#include "mail/fold.h"
#include "proof/dkim_sign.h"

struct str private_key_algorithm(const struct private_key *key); // "rsa-sha256"

// Each writes "TAG=VALUE;".
void signature_write_tag(struct fold *f, struct str tag, struct str value);
void signature_write_number(struct fold *f, struct str tag, uint64_t value);
void signature_write_base64(struct fold *f, struct str tag, struct str bytes);
void signature_write_canon(struct fold *f, enum canon head, enum canon body);
void signature_write_names(struct fold *f, const struct str *names, size_t count);

struct signature_write {
    struct fold *fold; // of a field that has all but b=, and stands alone in its buf
    const struct private_key *key;
    enum key_place place;
    enum canon canon;
    struct str before; // what is signed as well, in front of the fields; canonical
    struct proof_head *head;
    const struct str *names; // of the fields signed
    size_t name_count;
};
// Ends the field with b= and its CRLF.
struct err signature_write(struct signature_write *w) suspends MUST_USE;
