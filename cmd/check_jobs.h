/* SPDX-License-Identifier: Apache-2.0 */
/* Can the primary keep jobs for the role that asks? Commands that are @async need that. */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

void check_jobs(struct check_node *primary, const struct catalog *catalog,
		struct findings *findings);
/* Does replay on a standby stop for queries there, where jobs make rows come and go? A warning. */
void check_jobs_standby(struct check_node *standby, const struct catalog *catalog,
			struct findings *findings);
