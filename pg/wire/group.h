/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that commit together: one transaction, a savepoint before each, one flush and one
 * position for all.
 *
 *   [BEGIN] ([limits] [SAVEPOINT] [call] [look] [RESET ALL])… [end] [COMMIT] Sync  [position] Sync
 *
 *   all went well ──────────────────────────────────────────► committed: all are told
 *   one raised an error of its own ──► [ROLLBACK TO] ([limits] …)… of those behind it,
 *       ▲                     │        [end] [COMMIT] Sync  [position] Sync
 *       └─────────────────────┘
 *   anything else ──► [ROLLBACK] Sync ──► each is placed again, alone
 *
 * Nobody is told anything before the commit is known, an error neither: it may come from what
 * another one wrote that was then rolled back. An error of its own is one of values, constraints or
 * the application (classes 22, 23, P0, PT); all others may be the group's fault, as is a commit
 * that fails. Locks are waited for shortly, so that two groups that wait for each other break soon;
 * one pool has one group on its way at most. Settings that a command left behind are reset; its
 * role, which RESET does not touch, and its wish for another durability are looked for. The
 * savepoints are within each other: a RELEASE would be one more message each.
 */
#pragma once

#include "base/check.h"
#include "pg/wire/batch.h"

#include <libpq-fe.h>
#include <stdbool.h>

/* May this command share a transaction now? group_max: the commands of one group; up to 1: none. */
bool group_welcomes(unsigned group_max, const struct call *call) must_check;

/* For batch.c: a batch of commands that is more than one, but for its sending. */
bool group_send(struct conn *conn) must_check;

/* For answer.c, of a group. */
void group_on_commit(struct conn *conn, const PGresult *result);
void group_on_error(struct conn *conn, const struct entry *entry, const PGresult *result);
/* Everything that was sent has been answered: true when all is said and its calls can end. */
bool group_is_over(struct conn *conn) must_check;
