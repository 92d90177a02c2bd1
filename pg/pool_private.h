/* SPDX-License-Identifier: Apache-2.0 */
/* A pool as the files of pg/ that are parts of it see it; pg/pool.h is for all others. */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/random.h"
#include "pg/admission/admission.h"
#include "pg/admission/concurrency.h"
#include "pg/call.h"
#include "pg/coalesce.h"
#include "pg/job_share.h"
#include "pg/lane.h"
#include "pg/node.h"
#include "pg/pool_settings.h"
#include "pg/reconnect.h"
#include "pg/wire/conn.h"

#include <stdbool.h>
#include <stdint.h>

/* pg/janitor.c's. */
struct janitor {
	struct loop_timer timer;
	struct random random;
	unsigned failures;     /* connects that failed in a row */
	int64_t dial_after_us; /* the pause after the last of them ends */
	int64_t gauged_us;     /* when the gauges were set last */
};

struct pool {
	struct loop *loop;
	const struct node *node;
	struct metrics *metrics;
	struct pool_settings settings;
	enum node_role role;

	struct conn_home home; /* what its conns have in common */
	struct conn *conns;
	unsigned conns_count;
	struct conn_counts counts;
	struct lane lanes[LANES];
	struct admission_shared admission; /* of their queues */
	struct concurrency concurrency;
	struct coalesce coalesce; /* of the queries that wait */
	struct job_share job_share;

	struct list done; /* tickets of calls that have ended and are about to be told */
	unsigned in_flight;
	bool resuming; /* a conn of a stream may read again */

	struct loop_hook hook;
	struct janitor janitor;
	struct reconnect *reconnect; /* the node's, or its own */
	struct reconnect own_reconnect;
	int64_t quick_us; /* when a quick call last came */
	char last_error[256];

	unsigned holds; /* frames on the stack that will touch the pool again */
	bool ended;     /* freed when the last of them lets go */
};

#define POOL_LANE_CHANGED "connection reassigned to another lane"

/* What a pool hears from its conns: pg/pool_owner.c. */
extern const struct conn_owner pool_owner;

/* Streams that were taken read on. With the pool held. */
void pool_resume_streams(struct pool *pool);

/* The call is over with that end; on_done comes with pool_deliver. What it wrote is taken back
 * unless the end is CALL_OK. */
void pool_end(struct pool *pool, struct call *call, enum call_end end, const char *lost_reason);
/* Back to the head of its queue; CALL_LOST when it was placed too often. */
void pool_again(struct pool *pool, struct call *call);
/* Around whatever may end calls: deliver calls on_done for them and frees a pool that has ended. */
void pool_hold(struct pool *pool);
void pool_deliver(struct pool *pool);
/* Of the calls in that lane, those that are of another one by now go there: a statement that was
 * found quick again does not go on waiting among the slow ones. */
void pool_sort_again(struct pool *pool, struct lane *lane);
/* Ends all that wait in the lane: CALL_UNSENT. */
void pool_end_queue(struct pool *pool, struct lane *lane, const char *reason);
/* And those whose tickets were taken off a queue, because they waited --queue-wait-ms (expired) or
 * give way to others. The list is empty afterwards. */
void pool_end_tickets(struct pool *pool, struct list *tickets, bool expired, const char *reason);
/* Ends those who wait and are too late to be served, where more come than are. */
void pool_drop_late(struct pool *pool);
/* Why a conn could not be had, for logs: its first line. */
void pool_set_error(struct pool *pool, const char *message);
