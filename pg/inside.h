/* SPDX-License-Identifier: Apache-2.0 */
/* A pool as the files of pg/ see it; pg/pool.h is for everybody else. */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "pg/admission/admission.h"
#include "pg/admission/fair.h"
#include "pg/janitor.h"
#include "pg/pool.h"
#include "pg/reconnect.h"
#include "pg/wire/conn.h"

#include <stdbool.h>
#include <stdint.h>

/* What a conn is kept for, by its place in the pool; what is queued for it. */
enum lane {
	LANE_QUICK, /* queries that batch */
	LANE_SLOW,  /* queries that travel alone, and descriptions */
	/* no conns: of those, the ones that may be held back (pg/admission/core_reserve.h) */
	LANE_LONG,
	LANE_COMMAND, /* the only conns that may write */
	LANE_GROUP,   /* no conns: commands that may share one of LANE_COMMAND */
	LANE_STREAM,  /* opened when needed: queries whose rows leave as the client takes them */
	/* no queue, opened when needed: for quick calls (pg/reserve_conn.h) */
	LANE_RESERVE,
	LANES
};

#define POOL_LANE_CHANGED "its lane is another one now"

/* What a pool is told by its conns. */
extern const struct conn_owner pool_owner;

struct pool {
	struct loop *loop;
	const struct node *node;
	struct metrics *metrics;
	struct pool_settings settings;
	enum node_role role;

	struct conn_home home; /* what they have in common */
	struct conn *conns;
	unsigned conns_count;
	struct list conns_in[CONN_STATES];
	unsigned lane_size[LANES]; /* the conns of LANE_QUICK come first, and so on */

	struct list queue[LANES]; /* calls that wait, oldest first */
	struct list done;         /* calls that have ended and are about to be told */
	unsigned in_flight;
	bool resuming; /* a conn of a stream may read again */

	struct admission admission[LANES]; /* of the queues */
	struct fair users, callers;        /* who used the node lately */
	struct concurrency concurrency;

	struct loop_hook hook;
	struct janitor janitor;
	struct reconnect *reconnect; /* the node's, or its own */
	struct reconnect own_reconnect;
	int64_t quick_us;         /* when a quick call last came */
	int64_t opened_us[LANES]; /* when a lane that had no conn last got one */
	char last_error[256];

	unsigned holds; /* frames on the stack that will touch the pool again */
	bool ended;     /* freed when the last of them lets go */
};

/* The lane of that conn now; LANES: it has none. */
enum lane pool_lane(const struct pool *pool, unsigned index);
/* Came no quick call lately, so that none is expected? */
bool pool_quick_is_past(const struct pool *pool) must_check;
/* Would that conn take what waits in that lane's queue, beside quick calls? */
bool pool_travels_on(const struct pool *pool, int queue, unsigned index) must_check;
/* How many calls of that lane could leave at once, each on a conn that is idle. */
unsigned pool_ready(const struct pool *pool, int lane) must_check;
/* And when one more, on a conn that is not; 0: any moment. CLOCK_NEVER: no conn is open or about to
 * be. */
int64_t pool_next_in_us(const struct pool *pool, int lane) must_check;
/* Batches that are out, without streams: what the limit counts. */
unsigned pool_out(const struct pool *pool) must_check;
/* Two queues have no conns of their own: whose they travel on. */
enum lane pool_lane_with_conns(enum lane lane) must_check;
/* Has that conn a lane, and may its session do what those of the lane do? */
bool pool_fits_lane(const struct pool *pool, const struct conn *conn) must_check;
unsigned pool_count(const struct pool *pool, enum lane lane, enum conn_state state) must_check;
/* Those of the lane that were made and still are. */
unsigned pool_made(const struct pool *pool, enum lane lane) must_check;
/* Streams that were taken read on. With the pool held. */
void pool_resume_streams(struct pool *pool);
/* Opens the conns that are needed and may be opened. */
void pool_open_conns(struct pool *pool);

/* The call is over with that end; on_done comes with pool_deliver. What it wrote is taken back
 * unless the end is CALL_OK. */
void pool_end(struct pool *pool, struct call *call, enum call_end end, const char *lost_reason);
/* Back to the head of its queue; CALL_LOST when it was placed too often. */
void pool_again(struct pool *pool, struct call *call);
/* Around whatever may end calls: deliver calls on_done for them and frees a pool that has ended. */
void pool_hold(struct pool *pool);
void pool_deliver(struct pool *pool);
/* What the end of a turn does: idle conns take what waits. */
void pool_send_now(struct pool *pool);
void pool_set_error(struct pool *pool, const char *message);
