/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the columns that @notnull names are there. */
#pragma once

#include "catalog/catalog.h"
#include "catalog/openapi/facts.h"
#include "cmd/check_findings.h"

/* Of one operation, by its facts; without its tree nothing is known, and nothing said. */
void check_not_null_of(const struct operation *operation, const struct facts *facts,
		       struct findings *findings);
/* Of all that have it, by asking the primary. */
void check_not_null(const char *conninfo, const struct operation *const *operations, unsigned count,
		    struct findings *findings);
