// SPDX-License-Identifier: Apache-2.0
// mail/idna.h: names beyond ASCII are base/idna.h's; this is where the rooms of mail look for them.
#pragma once

#include "base/idna.h"
