// SPDX-License-Identifier: Apache-2.0
// manage/basic_auth.h: one fixed name and secret, RFC 7617, as the metrics have them. Accounts are
// not looked up here.
#pragma once

#include "http/http.h"

#define BASIC_AUTH_BYTES_MAX 1024 // name and password at most 512 each, management.md 2.1

// The time it takes says nothing about how much of them was right.
bool basic_auth_matches(const struct http_head *head, struct str name, struct str secret);
