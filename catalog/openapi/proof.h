/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which columns of a statement are never NULL, proved from the tree that PostgreSQL has made of
 * it: a NOT NULL column that no outer join may have filled up, count(*), a literal, coalesce()
 * with an argument that is never NULL, and what is made of such; through views, subqueries, CTEs,
 * unions and RETURNING. What is not proved may be NULL: a node that is not known here proves
 * nothing.
 */
#pragma once

#include "base/check.h"
#include "base/text.h"
#include "catalog/openapi/facts.h"

#include <stdbool.h>

/* How many columns the statement returns; 0 without a tree. */
unsigned proof_columns(const struct facts *facts) must_check;
/* The name of one, from 0. */
struct text proof_column_name(const struct facts *facts, unsigned column);
/* params: of each, can it not be NULL? [params_count] */
bool proof_is_not_null(const struct facts *facts, const bool *params, unsigned params_count,
		       unsigned column) must_check;
