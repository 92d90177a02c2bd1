/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds out the types of a statement's parameters and columns, in at most three trips: names of
 * declared types, PREPARE and Describe, what types that are not built in are made of.
 */
#pragma once

#include "base/arena.h"
#include "pg/call.h"
#include "pg/pool.h"

struct describe {
	/* Set by the maker. */
	struct statement *statement;
	struct arena *arena;
	bool revalidates; /* whether there is a shape or not: it takes its place */
	bool verifies;    /* the same, but only if the forms of its types are not what they were */
	void (*on_done)(struct describe *describe); /* once, on the loop's thread */

	/* What came of it: CALL_OK: statement_shape() is there now. */
	enum call_end end;
	struct pg_error error;
	const char *lost_reason;
	char *unknown_type; /* CALL_ERROR: a declared type that PostgreSQL does not know; or NULL */
	bool unchanged;     /* CALL_OK: it verified, and the shape that was there is still right */

	/* Its own. */
	struct call call;
	struct pool *pool;
	unsigned trip;
	uint32_t generation, key_oid; /* key_oid: of a @lookup's column, as PostgreSQL told it */
	uint32_t *param_oids;
	struct shape *shape;
	struct buf rows;
};

/* False: the pool has no room for it; on_done is not called. */
bool describe_start(struct describe *describe, struct pool *pool) must_check;
void describe_forget(struct describe *describe);
