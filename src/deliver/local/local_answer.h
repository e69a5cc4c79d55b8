// SPDX-License-Identifier: Apache-2.0
// deliver/local/local_answer.h: what mailboxes of this machine answer (outbound.md 24): in the form
// of replies, from `localhost`.
#pragma once

#include "smtp/client/client.h"

struct client_answer local_answer_good(void); // 250 2.1.5 OK
struct client_answer local_answer_temporary(
        enum client_stage stage, struct str enhanced, struct str text); // 451
struct client_answer local_answer_permanent(
        enum client_stage stage, struct str enhanced, struct str text); // 550
