/* SPDX-License-Identifier: Apache-2.0 */
/* One node while it is checked: its conn, and what it says of itself and of statements. */
#pragma once

#include "base/check.h"
#include "base/statement.h"
#include "catalog/catalog.h"
#include "cmd/ask.h"
#include "cmd/check_findings.h"

#include <stdbool.h>
#include <stdint.h>

struct check_node {
	struct asker asker;
	bool in_recovery;
	char cluster[64];  /* as it tells it, to be compared; "": it does not */
	uint64_t position; /* its own when it was opened */
};

enum check_answer {
	CHECK_FINE,
	CHECK_WRONG, /* it is among the findings */
	CHECK_MUTE,  /* the node gave no answer; it is among the findings */
};

/* False: it is among the findings. */
bool check_node_open(struct check_node *node, const char *conninfo,
		     struct findings *findings) must_check;
void check_node_close(struct check_node *node);
/* Waits a few seconds until the standby has replayed the position; false: it has not. */
bool check_node_reach(struct check_node *node, uint64_t position) must_check;

/* A statement of its own for this node, with the text and the types of the operation. */
void check_statement_init(struct statement *statement, const struct operation *operation);

/* Prepares and describes. */
enum check_answer check_describe(struct check_node *node, const struct operation *operation,
				 struct statement *statement, struct findings *findings) must_check;
/*
 * Plans the described statement, with its defaults: a default must be of its type, and a query may
 * hold neither ModifyTable nor LockRows.
 */
enum check_answer check_plan(struct check_node *node, const struct operation *operation,
			     struct statement *statement, struct findings *findings) must_check;
