/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings of what makes the rows of a @lookup depend on which keys are asked for together. */
#pragma once

#include "base/statement.h"
#include "cmd/check_findings.h"

/* By the statement's text: LIMIT and its like behind all keys, a placeholder that is not taken
 * apart by ANY or unnest. By what was described: whether keys are ever sent together. */
void check_lookup(const struct operation *operation, const struct shape *shape,
		  struct findings *findings);
