/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that raise errors keep their savepoint in a group of commands: statement->raises.
 * Counted in runs: an error counts GROUP_RAISE_RUNS, each run of a group that committed takes one
 * away. So one that fails more than once in so many runs always keeps it, and a group is rolled
 * back for want of it once in so many runs at most. Any thread; nothing is written while a
 * statement raises nothing, and a count lost between two loops does no harm.
 */
#pragma once

#include "base/check.h"
#include "base/statement.h"

#include <stdbool.h>

bool raises_lately(const struct statement *statement) must_check;
/* It raised an error of its own in a group. */
void raises_add(struct statement *statement);
/* A group in which it raised none has committed. */
void raises_pass(struct statement *statement);
