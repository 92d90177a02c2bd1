/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statements that broke a group of commands travel alone for a while: statement->quarantine.
 * Counted in runs, not in time: longer each time it happens again, shorter after each group that
 * went well. Any thread; a count lost between two loops does no harm.
 */
#pragma once

#include "base/check.h"
#include "base/statement.h"

#include <stdbool.h>

bool quarantine_is_on(const struct statement *statement) must_check;
/* A group broke because of it. */
void quarantine_begin(struct statement *statement);
/* It ran alone. */
void quarantine_serve(struct statement *statement);
/* A group with it has committed. */
void quarantine_pardon(struct statement *statement);
