// SPDX-License-Identifier: Apache-2.0
// deliver/sign.h: signatures made in the course of a delivery (authentication.md 6.3, queue.md
// 12.3). A signer that fails is told, and the message goes on.
#pragma once

#include "deliver/job.h"

// report.dsn.sign, asked about the message that the report is about; the signatures become the
// lines on top of the report.
struct err job_sign_notice(struct job *j, struct message *notice) suspends MUST_USE;
// Of `m`, the job's message or one made of it, that will be read `how`, converted: sets how->top to
// its lines with new signatures, where it had some of ours, and changes its number of bytes
// accordingly. Conversions that change fields, and not only octets of the body, need it as well.
struct err job_sign_converted(struct job *j, const struct message *m, struct message_reading *how,
        uint64_t *bytes) suspends MUST_USE;
