/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query on its way to one node: call, verify, encode. It knows one node at a time; which one, and
 * what to do when the rows came too early, is router/'s business. One loop, no locks.
 *
 * A result is a document of its own in request->out, unless it grows beyond STREAM_BUFFER_BYTES and
 * may be told in pieces. What statements have such results is remembered: those are sent as a
 * stream (pg/wire/plan_stream.h), which begins when its first buffer is full; a small result is the
 * same either way.
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
	QUERY_LARGE,     /* the result is a stream's: to be sent again, as one */
};

struct query {
	/* Set by the maker. */
	struct request *request;
	const struct operation *operation;
	const char *const *values; /* [operation->parameters_count] */
	const struct shape *shape; /* by which they were made; NULL: the statement's */
	const char *const *claims; /* as struct call's */
	struct buf *out;           /* where the document goes; NULL: request->out */
	size_t bytes_max;          /* of the document */
	size_t stream_bytes_max;   /* of a stream; 0: it may not be one */
	int64_t timeout_us;        /* of the statement; 0: the pool's */
	int64_t stream_timeout_us;
	struct priority priority; /* who goes first where not all can */
	void (*on_done)(struct query *query, enum query_end end);
	/* A stream: request->out holds more. The first time nothing was sent yet, the bounds are
	 * there; if the rows do not count, the maker forgets the query. */
	void (*on_rows)(struct query *query);

	/* What came of it. */
	uint64_t lower, upper; /* lsn bounds; 0: never got that far */

	/* Its own. */
	struct call call;
	struct pool *pool; /* NULL: not on its way */
	uint64_t required; /* lsn; 0: nothing to prove */
	bool on_primary;
	bool streams; /* sent as one */
	bool begun;   /* and its rows are being told */
};

/*
 * Sends it to the pool's node: what is read must be at or after required. on_primary: the node must
 * be the primary (a user's own acknowledged writes are always visible there and need no proof),
 * otherwise a standby.
 * False: the pool has no room for it; on_done is not called.
 */
bool query_send(struct query *query, struct pool *pool, uint64_t required,
		bool on_primary) must_check;
/* The answer is not wanted any more. Nothing to do when it is not on its way. */
void query_forget(struct query *query);
