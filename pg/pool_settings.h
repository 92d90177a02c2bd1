/* SPDX-License-Identifier: Apache-2.0 */
/* What a pool is given when it is made, and keeps. Times are in microseconds. */
#pragma once

#include "pg/admission/concurrency.h"

#include <stdbool.h>
#include <stdint.h>

struct pool_settings {
	unsigned conns_max;   /* of this loop */
	unsigned streams_max; /* conns more, opened only while there are streams */
	unsigned jobs_max;    /* likewise, for batches of jobs; 0: the pool takes none */
	/* calls that may wait, of a kind; see pg/admission/admission.h */
	unsigned queue_max;
	/* of batches that are out, of this loop; off: calls wait on */
	enum concurrency_kind concurrency;
	unsigned concurrency_fixed; /* where it stays, or begins */
	unsigned concurrency_floor;
	/* of the node, one of them spared (pg/admission/core_reserve.h); 0: none is */
	unsigned cores;
	unsigned group_max;           /* commands of one group; 0 or 1: no groups */
	unsigned batch_calls_max;     /* under one Sync, at most BATCH_CALLS_MAX; 0: that many */
	int64_t queue_wait_us;        /* longest a call waits for a conn; then CALL_UNSENT */
	int64_t statement_timeout_us; /* the server's own limit for calls that name none */
	int64_t connect_timeout_us;
	int64_t answer_timeout_us; /* no answer to a batch for that long: the conn is given up */
	/* looks at the node for others: paces its logins by itself (pg/reconnect.h) */
	bool watches;
};
