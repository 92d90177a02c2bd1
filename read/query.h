/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query on its way to one node: call, verify, encode. It knows one node at a time; which one, and
 * what to do when the rows came too early, is router/'s business. One loop, no locks.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "base/request.h"
#include "catalog/catalog.h"
#include "pg/call.h"
#include "pg/pool.h"

#include <stdbool.h>
#include <stdint.h>

enum query_end {
	QUERY_ANSWERED,  /* out holds the document */
	QUERY_EARLY,     /* the node had not replayed far enough: the rows were thrown away */
	QUERY_ELSEWHERE, /* the node could not answer; another may. The request holds why */
	QUERY_FAILED,    /* the request holds the outcome */
};

struct query {
	/* Set by the maker. */
	struct request *request;
	const struct operation *operation;
	const char *const *values; /* [operation->parameters_count] */
	struct buf *out;           /* where the document goes; NULL: request->out */
	size_t bytes_max;          /* of the document */
	int64_t timeout_us;        /* of the statement; 0: the pool's */
	void (*on_done)(struct query *query, enum query_end end);

	/* What came of it. */
	uint64_t lower, upper; /* lsn bounds; 0: never got that far */

	/* Its own. */
	struct call call;
	struct pool *pool; /* NULL: not on its way */
	uint64_t required; /* lsn; 0: nothing to prove */
	bool on_primary;
};

/*
 * Sends it to the pool's node: what is read must be at or after required. on_primary: the node must
 * be the primary (a user's own acknowledged writes are always visible there and need no proof),
 * otherwise a standby.
 * False: the pool's queue is full and on_done is not called.
 */
bool query_send(struct query *query, struct pool *pool, uint64_t required,
		bool on_primary) must_check;
/* Nobody wants the answer any more. Nothing to do when it is not on its way. */
void query_forget(struct query *query);
