// SPDX-License-Identifier: Apache-2.0
// directory/directory.h: who exists, who may log in, and which domains are ours (directory.md).
//
// `struct directory_settings` is made at load and never changes: domains, the directories and what
// the memory ones hold. `struct directories` is a worker's: open files and caches. Answers live in
// the arena given, or, of a memory directory, as long as the settings.
//
// An error is always "not now" (451, 454): a directory that cannot be asked makes nobody unknown
// and no password wrong. Every question keeps the deadline of the scope it is asked in, and has at
// most the directory's own `timeout`. A directory is named by its id; "*" or nothing is the one
// bound to the domain, else the default. Addresses must be normal (mail_address_normal).
//
//     struct resolve_rules rules = {.directory = S("*"), .delimiters = S("+"), .env = &env};
//     struct resolved rcpt;
//     struct err e = directories_resolve(d, a, &rules, address, &rcpt);
//     if (failed(e))
//         return reply(s, REPLY_RCPT_UNVERIFIED); // 451 4.4.3
//     switch (rcpt.kind) {
//     case RESOLVED_NOT_LOCAL: ...the relay decision...
//
//     struct login login = {.name = user, .secret = password, .from = peer->ip};
//     struct login_answer answer;
//     if (failed(directories_login(d, a, &login, &answer)))
//         ...454...
//     if (answer.outcome == LOGIN_OK)
//         ...answer.account->name is authenticated_as...
#pragma once

#include "base/base.h"
#include "base/ip.h"
#include "conf/expr.h"
#include "directory/account.h"
#include "rt/task.h"

struct conf;
struct findings;

// -- At load --------------------------------------------------------------------------------------

struct directory_settings;
// What is wrong is added to the findings; an error is a lack of memory.
struct err directory_settings_make(struct arena *a, const struct conf *conf,
        struct findings *findings, const struct directory_settings **out) MUST_USE;
void directory_settings_free(const struct directory_settings *s); // NULL is fine

// Is there a directory of that id? For references such as session.auth.directory (decision 14).
bool directory_settings_have(const struct directory_settings *s, struct str id);
// A local domain for `postmaster` without one, when the host's own is none: the first by name.
struct str directory_settings_first_domain(const struct directory_settings *s); // null: none
bool directory_settings_have_internal(const struct directory_settings *s); // the folder is needed

// -- In a worker ----------------------------------------------------------------------------------

struct directories;
struct directories_options {
    const struct directory_settings *settings;
    struct str folder; // of the internal directory; made when it is missing. Null: none is opened
};
// `folder` by the state folder: "<state>/directory".
struct str directory_folder(struct arena *a, struct str state_folder);
struct err directories_open(struct arena *a, const struct directories_options *options,
        struct directories **out) MUST_USE;
void directories_close(struct directories *d); // NULL is fine
// Why the internal directory could not be opened: a worker starts all the same, whoever asks that
// directory hears "not now", and health and logs say this. OK: there is nothing to say.
struct err directories_trouble(const struct directories *d) MUST_USE;

// -- Domains --------------------------------------------------------------------------------------

enum domain_sub_addressing { DOMAIN_SUB_UNSET, DOMAIN_SUB_ON, DOMAIN_SUB_OFF, DOMAIN_SUB_CUSTOM };
struct local_domain {
    struct str name;      // that accounts have; another than the one asked for if that is an alias
    struct str directory; // id; of the domain's binding, else the one asked
    struct str catch_all; // normal address; null: the session's setting decides
    enum domain_sub_addressing sub_addressing;
    const struct expr_setting *sub_addressing_expr; // of DOMAIN_SUB_CUSTOM: local part in and out
    bool allow_relaying;
    bool role_addresses; // abuse@ arrives as postmaster@ does
};
struct str directories_first_domain(const struct directories *d); // as of the settings
// Is it one of ours? `domain` is in A-labels and lower case.
struct err directories_domain(struct directories *d, struct arena *a, struct str directory,
        struct str domain, bool *out_local, struct local_domain *out) suspends MUST_USE;

// Every domain that is ours and has a name here: those of the settings and of directories, aliases
// as well; each once.
struct err directories_all_domains(
        struct directories *d, struct arena *a, struct strs *out) suspends MUST_USE;

// -- Recipients -----------------------------------------------------------------------------------

// One address as it stands: no sub-address, no catch-all. For is_local_address of expressions, too.
enum rcpt_kind { RCPT_UNKNOWN, RCPT_MAILBOX, RCPT_GROUP, RCPT_LIST, RCPT_DISABLED };
struct rcpt_answer {
    enum rcpt_kind kind;
    const struct account *account; // NULL when unknown
};
struct err directories_rcpt(struct directories *d, struct arena *a, struct str directory,
        struct str address, struct rcpt_answer *out) suspends MUST_USE;

// The session's two expressions, where they could not be evaluated: sub-addresses are then known,
// and nobody catches all (inbound.md 14, class D).
struct resolve_faults {
    struct resolve_fault {
        struct str key;
        struct expr_fault fault;
    } at[2];
    size_t count;
};

// What the session says about recipients: inbound.md 8. The expressions are evaluated here, in the
// context ADDR: `rcpt` is the address in question, all else is asked of `env`.
struct resolve_rules {
    struct str directory;                      // "*" or an id; null: nothing is local (pure relay)
    const struct expr_setting *sub_addressing; // session.rcpt.sub-addressing; NULL: true
    const struct expr_setting *catch_all;      // session.rcpt.catch-all; NULL: true
    struct str delimiters;                     // session.rcpt.sub-addressing-delimiter; empty: "+"
    const struct expr_env *env;                // surroundings of the expressions; NULL: none
    struct resolve_faults *faults;             // NULL: an expression that fails is an error
};

enum resolution {
    RESOLVED_NOT_LOCAL, // the relay decision
    RESOLVED_MAILBOX,   // of an account or group: `account`
    RESOLVED_LIST,      // expand it at commit
    RESOLVED_ONWARD,   // accepted without an account: domain.<name>.allow-relaying, or postmaster's
                       // mail goes to report.postmaster
    RESOLVED_DISABLED, // 550 5.2.1
    RESOLVED_UNKNOWN,  // 550 5.1.1
};
struct resolved {
    enum resolution kind;
    struct str address;            // the recipient from here on: the base address of a sub-address,
                                   // the target of a catch-all; else the one that was asked for
    struct str detail;             // what stood behind the delimiter; null: nothing
    bool moved;                    // `address` is another: ORCPT keeps the one asked for
    const struct account *account; // NULL where nobody's
};
// Steps 1 to 5 of inbound.md 8, and the rule for postmaster@ and abuse@ of directory.md 4.
struct err directories_resolve(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str address,
        struct resolved *out) suspends MUST_USE;

#define EXPAND_DEPTH_MAX 8       // lists within lists
#define EXPAND_MEMBERS_MAX 10000 // beyond: 452 4.5.3
struct expanded_member {
    struct str address;
    struct str detail;             // as in struct resolved
    struct str sender;             // owner of the list that named it; null: the sender stays
    const struct account *account; // NULL: not ours, or nobody's
    bool local;
};
struct expansion {
    const struct expanded_member *at; // each address once
    size_t count;
    size_t dead_count; // members of ours that are unknown or disabled: left out
    struct str a_dead; // one of them, for the event
    bool too_many;     // more than EXPAND_MEMBERS_MAX: nothing is to be accepted
};
// Step 6: members of a list, of the lists among them to EXPAND_DEPTH_MAX, each list once.
struct err directories_expand(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, const struct account *list,
        struct expansion *out) suspends MUST_USE;

// RFC 5321 3.5: `what` is an address or a local part (of the default domain). Exact only; found:
// the address that mail would go to. Lists are not verified, and only lists are expanded.
struct err directories_vrfy(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str what, bool *out_found,
        struct str *out_address) suspends MUST_USE;
struct err directories_expn(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, struct str what, bool *out_found,
        struct strs *out_members) suspends MUST_USE;

// -- Logins ---------------------------------------------------------------------------------------

enum login_outcome {
    LOGIN_OK,
    LOGIN_UNKNOWN,        // nobody of that name: to the client the same as wrong, as slow as wrong
    LOGIN_WRONG,          // 535 5.7.8
    LOGIN_DISABLED,       // 535 5.7.8
    LOGIN_EXPIRED,        // 535 5.7.8
    LOGIN_FROM_ELSEWHERE, // not from one of its networks: 535 5.7.8
    LOGIN_SECOND_FACTOR,  // the password is right, the code is missing: 534 5.7.9
    LOGIN_FORBIDDEN,      // right, but no right to use this service: 550 5.7.1
};
struct str login_outcome_reason(enum login_outcome outcome); // of auth.failed: "unknown-user"

struct login {
    struct str directory; // "*" or an id
    struct str name;      // as typed; without '@' the default domain is tried, too
    struct str secret;    // a password; not used by directories_secrets and directories_admit
    struct ip from;
};
struct login_answer {
    enum login_outcome outcome;
    const struct account *account; // of LOGIN_OK, and of whom a refusal was about; or NULL
    bool repeated; // the same wrong secret as a moment ago: not counted for bans (directory.md 8)
};
// Checks a password, on a helper thread. Names and secrets too long or with controls are wrong.
struct err directories_login(struct directories *d, struct arena *a, const struct login *login,
        struct login_answer *out) suspends MUST_USE;

// For mechanisms that prove the secret without sending it (SCRAM, CRAM-MD5). Of unknown users
// there is no account and nothing else.
struct scram_keys {
    struct str salt, stored_key, server_key; // null salt: none are kept
    uint32_t iterations;
};
struct login_secrets {
    const struct account *account; // NULL: nobody of that name
    struct str clear;              // null: none is kept
    struct scram_keys sha256, sha1;
};
struct err directories_secrets(struct directories *d, struct arena *a, const struct login *login,
        struct login_secrets *out) suspends MUST_USE;
// Who has proved by other means to be `login->name`: may they come in?
struct err directories_admit(struct directories *d, struct arena *a, const struct login *login,
        struct login_answer *out) suspends MUST_USE;

// is_local_domain and is_local_address of expressions. What is no domain or address is not local.
struct err directories_is_local(struct directories *d, struct arena *a, enum expr_local what,
        struct str directory, struct str name, bool *out) suspends MUST_USE;

// By name, then by address; NULL when there is none.
struct err directories_account(struct directories *d, struct arena *a, struct str directory,
        struct str name, const struct account **out) suspends MUST_USE;

// May the account send as this address (normal; inbound.md 4.6.1)? Its own, their sub-addresses,
// "@domain" entries, addresses of its groups, lists that it is on or owns, each also in the alias
// domains. The null sender is the session's business.
struct err directories_may_send_as(struct directories *d, struct arena *a,
        const struct resolve_rules *rules, const struct account *account, struct str sender,
        bool *out_may) suspends MUST_USE;
