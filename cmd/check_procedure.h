/* SPDX-License-Identifier: Apache-2.0 */
/* A warning for each CALL of a procedure that ends its transaction, which it cannot do here. */
#pragma once

#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* By the text of the procedures of that name; what they call in turn is not read. */
void check_procedure(struct check_node *node, const struct operation *operation,
		     struct findings *findings);
