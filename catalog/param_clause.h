/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other languages write behind a parameter, where a description may stand here: "default 5",
 * "null", "not null", ":= 5", "name: type". Taken for a description it would say one thing and mean
 * another, so it is refused with the right spelling.
 */
#pragma once

#include "base/check.h"
#include "catalog/draft.h"
#include "catalog/words.h"

#include <stdbool.h>

/* True: rest, what stands behind the name or the type, begins with one; it was complained about. */
bool param_clause_refused(struct draft *draft, const struct parameter *parameter,
			  struct cut rest) must_check;
/*
 * True: the name is "name:" or "name:type"; it was complained about, and is without them now. rest:
 * what stands behind it.
 */
bool param_clause_colon(struct draft *draft, struct cut *name, struct cut rest) must_check;
