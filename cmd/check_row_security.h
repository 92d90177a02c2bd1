/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Does row level security hold for the operations with claims? For the relations that the plan of
 * each names, and the views that its words may name: whose rights they are read by, and how their
 * policies are written. What functions read is not seen.
 */
#pragma once

#include "base/buf.h"
#include "catalog/catalog.h"
#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* What was found of roles, relations and policies: each is reported once, for the first operation
 * that it concerns. */
struct row_security {
	struct buf reported;
};

void row_security_init(struct row_security *security);
void row_security_fini(struct row_security *security);
/* plan: the answer to check_explain, as JSON; len 0: there is none. The node's role is the one
 * that is to serve. */
void check_row_security(struct row_security *security, struct check_node *node,
			const struct operation *operation, struct text plan,
			struct findings *findings);
