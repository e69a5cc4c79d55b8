// SPDX-License-Identifier: Apache-2.0
// manage/http_env.h: what the expressions of context HTTP see of a request (configuration.md 9.6).
#pragma once

#include "manage/gate.h"

// The result lives in the request's arena.
struct expr_result http_env_eval(const struct gate *gate, struct http_exchange *x,
        const struct expr_setting *setting) suspends;
