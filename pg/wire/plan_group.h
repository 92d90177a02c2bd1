/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands that commit together: one transaction, one question whether it wrote, one flush and one
 * position for all. A savepoint stands only before those whose statement raised an error lately
 * (pg/admission/raises.h): it is a fifth of what a small command of a group costs PostgreSQL.
 *
 *   [BEGIN] ([limits] [SAVEPOINT]? [claims] [call] [leftovers] [RESET ALL])…
 *   [RESET ALL]? [feed]? [end] [COMMIT] Sync  [position] Sync
 *
 *   all went well ──────────────────────────────────────────► committed: all are answered
 *   one raised an error of its own
 *    ├─ without a savepoint ─► [ROLLBACK] [unlock] [BEGIN] … all once more, each with a savepoint
 *    └─ with a savepoint ──► [ROLLBACK TO] ([limits] …)… of those behind it, or [RESET ALL],
 *                            [feed]? [end] [COMMIT] Sync  [position] Sync
 *   anything else ──► [ROLLBACK] Sync ──► each is placed again, alone
 *
 * No client is answered before the commit is known, an error neither: it may come from what
 * another one wrote that was then rolled back. An error of its own is one of values, constraints or
 * the application (classes 22, 23, P0, PT); all others may be the group's fault, as is a commit
 * that fails. Locks are waited for shortly, so that two groups that wait for each other break soon;
 * one pool has one group on its way at most. Settings that a command left behind are reset; its
 * role, which RESET does not touch, and another durability that it asked for are looked for. The
 * savepoints are within each other: a RELEASE would be one more message each. [feed] is one row for
 * all of them (pg/wire/feed_row.h).
 */
#pragma once

#include "base/check.h"
#include "pg/call.h"
#include "pg/wire/plan.h"

#include <stdbool.h>

extern const struct plan plan_group;

/* May this command share a transaction now? group_max: the commands of one group; up to 1: none. */
bool plan_group_welcomes(unsigned group_max, const struct call *call) must_check;
