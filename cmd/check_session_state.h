/* SPDX-License-Identifier: Apache-2.0 */
/* A check of each operation: does its statement leave something in its session? */
#pragma once

#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* A warning about what no transaction ends: locks and settings of the session and the like. */
void check_session_state(struct check_node *node, const struct operation *operation,
			 struct findings *findings);
