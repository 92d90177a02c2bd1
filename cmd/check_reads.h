/* SPDX-License-Identifier: Apache-2.0 */
/* check --explain: which relations each query reads, and what keeps them from counting by table. */
#pragma once

#include "cmd/check_findings.h"
#include "cmd/check_node.h"

/* A note for a query, none for a command. */
void check_reads(struct check_node *primary, const struct operation *operation,
		 struct findings *findings);
