/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One query of a statement while it is judged: the query around it, and what its joins and
 * conditions say of its range table. An entry is "padded" where an outer join may have put NULLs
 * into the place of its columns, unless a condition that all rows have passed excludes that.
 */
#pragma once

#include "base/check.h"
#include "catalog/openapi/facts.h"
#include "catalog/openapi/node_tree.h"

#include <stdbool.h>
#include <stdint.h>

#define SCOPE_ENTRIES_MAX 256 /* of a range table; what is beyond them proves nothing */
#define SCOPE_STRICT_MAX 64   /* columns that conditions have found not to be NULL */

struct scope {
	const struct node_tree *query;
	const struct scope *outer;              /* the query around it; NULL: none */
	const struct scope *all;                /* of all rows, where it is of some; NULL: it is */
	unsigned padded[SCOPE_ENTRIES_MAX + 1]; /* by how many joins; 0: none */
	struct {
		int64_t entry, column;
	} strict[SCOPE_STRICT_MAX]; /* [strict_count] */
	unsigned strict_count;
};

/* query and outer are borrowed, as long as it is used. */
void scope_init(struct scope *scope, const struct facts *facts, const struct node_tree *query,
		const struct scope *outer);
/* some: of those rows of the scope that scope_assume leaves, at first all. Borrows the scope. */
void scope_of_some(struct scope *some, const struct scope *scope);
/* From now on of those rows only for which the condition holds, or (truth is false) is false. */
void scope_assume(struct scope *scope, const struct facts *facts, const struct node_tree *condition,
		  bool truth);
/* An entry of its range table, from 1; NULL: there is none. */
const struct node_tree *scope_entry(const struct scope *scope, int64_t entry);
/* Does the query return a row, whatever there is? */
bool scope_has_a_row(const struct node_tree *query) must_check;
/* Is each row in its own frame of a window function? */
bool scope_frame_has_row(const struct scope *scope, const struct node_tree *window) must_check;
/* Has a condition found that the column is not NULL, in all rows of the query? */
bool scope_is_strict(const struct scope *scope, int64_t entry, int64_t column) must_check;
