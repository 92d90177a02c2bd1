/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a round of router/feed_tables.h has found: of one operation, and of all that count together.
 */
#pragma once

#include "base/check.h"
#include "base/limits.h"
#include "base/statement.h"
#include "base/tag_set.h"
#include "router/feed_reads.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a round has found of one operation. */
struct feed_found {
	struct feed_relation *relations; /* ours; NULL: not known */
	size_t count;
	bool counts; /* the feed sees all that changes them */
	enum statement_cached cached;
};

/* Copies them. */
void feed_found_take(struct feed_found *found, const struct feed_relation *relations, size_t count);
/* version: 0: there are none. */
bool feed_found_is(const struct feed_found *found, const struct tag_set *set,
		   uint32_t *version) must_check;
void feed_found_ids(const struct feed_found *found, uint64_t ids[FEED_RELATIONS_OF_QUERY_MAX]);

/* How many of them count. */
unsigned feed_found_counting(const struct feed_found *found, unsigned count) must_check;

/* All relations of the queries that count, each once, in the order of their ids. */
struct feed_union {
	struct feed_relation relations[FEED_RELATIONS_MAX];
	size_t count;
	bool odds;         /* two queries saw different states of one */
	unsigned left_out; /* queries for which there was no room */
};

bool feed_union_has_room(const struct feed_union *all, const struct feed_found *found) must_check;
void feed_union_add(struct feed_union *all, const struct feed_relation *relation);
