/* SPDX-License-Identifier: Apache-2.0 */
/* A check of the primary: which rights does the role that asks lack? */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* A note for each right that the role lacks, with what it costs. */
void check_rights(struct check_node *primary, const struct catalog *catalog,
		  struct findings *findings);
