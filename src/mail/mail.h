// SPDX-License-Identifier: Apache-2.0
// mail/mail.h: what a message is made of, on values: addresses, names beyond ASCII, header fields.
// Nothing here asks the network or a file (but the list of public suffixes, once), suspends, or
// keeps a state. Results live in the arena given, or are slices of the input where it says so.
//
//     struct mail_address rcpt;
//     TRY(mail_address_parse(&session->scratch, text, &rcpt)); // ERR_SYNTAX says what is wrong
//     struct str same = mail_address_normal(&session->scratch, &rcpt); // for look-ups
#pragma once

#include "base/base.h"
#include "base/idna.h"

#include "mail/address.h"

#include "mail/downgrade.h"

#include "mail/field.h"

#include "mail/fold.h"

#include "mail/head.h"

#include "mail/header.h"

#include "mail/mime.h"

#include "mail/report.h"

#include "mail/status.h"

#include "mail/suffix.h"

#include "mail/trace.h"
