/* SPDX-License-Identifier: Apache-2.0 */
/* Is it proven that the primary, which the read index is from, was the only one? */
#pragma once

#include "base/check.h"
#include "read/state.h"

#include <stdbool.h>

/* *pending: it is not yet, and a witness that was asked may answer. */
bool confirm_is_proven(const struct read *read, bool *pending) must_check;
/* The query was answered, or refused by what the node has: says which of the two it is, where the
 * read index was asked for. */
enum confirmed confirm_judge(const struct read *read) must_check;
/* Must the answer be confirmed, or be none? */
static inline bool confirm_is_due(const struct read *read)
{
	const struct request *request = read->task.request;

	return request->level_used == LEVEL_STRONG && request->from == FROM_REPLICA_CONFIRMED;
}
/* Refuses it for what the cluster lacks, or the replicas. */
enum step confirm_fail(struct read *read) must_check;
