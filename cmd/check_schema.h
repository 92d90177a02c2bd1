/* SPDX-License-Identifier: Apache-2.0 */
/* A check of the primary: who owns the schema cqrsd? */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* Fails the check where the schema cqrsd is not all of one role's; a note where that is another. */
void check_schema(struct check_node *primary, const struct catalog *catalog,
		  struct findings *findings);
