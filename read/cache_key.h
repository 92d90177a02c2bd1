/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes two queries one for the cache: bytes that are equal where the statement, its shape,
 * how its rows become a document, the values, and, where the answer varies by who asks, the claims,
 * the user and the caller are. Parts have lengths, so that no two lists of parts have the same
 * bytes.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/text.h"
#include "catalog/catalog.h"

#include <stdbool.h>
#include <stdint.h>

struct request;

/* Of one query that has been bound. Lent for one call. */
struct cache_asked {
	const struct operation *operation;
	const struct shape *shape; /* by which the values were made */
	const char *const *values; /* [statement->params], NULL: of NULL */
	const char *const *claims; /* [CLAIMS_VALUES]; NULL: none are set */
	const struct request *who; /* NULL: the answer does not vary by who asks */
};

/* Of the arena. */
struct text cache_key(const struct cache_asked *asked, struct arena *arena) must_check;
/* Is one of the values, or a word of it, a time that is another one each time it is read by
 * PostgreSQL: now, today, tomorrow, yesterday? */
bool cache_asks_time(const struct cache_asked *asked) must_check;

/* The other way round, of a key that the cache holds. */
uint32_t cache_key_statement(struct text key) must_check; /* its id */
/* Its values, of count parameters, into the arena: NULL, there is more in it: who asks. */
const char *const *cache_key_values(struct text key, unsigned count,
				    struct arena *arena) must_check;
