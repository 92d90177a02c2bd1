/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane of a pool: a queue of calls of one kind, who is admitted to it, and the conns that are
 * reserved for it. How lanes differ is one table, lane.c's lane_rules[].
 *
 *   lane      what waits, and on which conns it travels
 *
 *   QUICK     queries that share a batch: on its own, and on those of SLOW and RESERVE where all of
 *             its own are late (pg/reserve_conn.h)
 *   SLOW      queries that travel alone, descriptions: on its own, and on those of QUICK, but on
 *             the first of these only where no quick query came lately
 *   LONG      of those, the queries that may be held back for the sake of quick ones
 *             (pg/admission/core_reserve.h): as SLOW
 *   COMMAND   commands: on its own, the only conns that may write
 *   GROUP     commands that may share a transaction (pg/wire/plan_group.h): on those of COMMAND
 *   STREAM    queries whose rows leave as the client takes them: on its own, opened as they come
 *   RESERVE   nothing: one conn for the queries of QUICK, opened when needed
 *   JOBS      batches of jobs: on its own, opened as they come, which may write; behind commands
 *             (pg/job_share.h)
 *   NONE      nothing: conns that the node's role leaves unused
 *
 * A conn belongs to one lane at a time: those of the pool's array, in the order of the lanes. One
 * loop, no locks.
 */
#pragma once

#include "base/check.h"
#include "base/list.h"
#include "pg/admission/admission.h"
#include "pg/wire/conn_state.h"

#include <stdbool.h>
#include <stdint.h>

struct conn;

enum lane_kind {
	LANE_QUICK,
	LANE_SLOW,
	LANE_LONG,
	LANE_COMMAND,
	LANE_GROUP,
	LANE_STREAM,
	LANE_RESERVE,
	LANE_JOBS,
	LANE_NONE,
	LANES
};

/* When the conns of a lane are open. */
enum lane_conns {
	LANE_CONNS_KEPT,      /* always, where the role of the node is known */
	LANE_CONNS_ON_DEMAND, /* while they are needed, and CONN_IDLE_US_MAX longer */
	LANE_CONNS_UNUSED,    /* never */
};

/* Which conns of a lane leave though as many batches are out as may be: quick calls never wait for
 * slow ones, nor commands for queries. */
enum lane_exempt {
	LANE_EXEMPT_NONE,
	LANE_EXEMPT_FIRST, /* the first one, with calls of its own lane */
	LANE_EXEMPT_ALL,
};

struct lane_rule {
	enum lane_kind home;    /* whose conns its calls travel on */
	enum lane_kind sibling; /* the other lane with that home; LANE_NONE */
	enum admission_kind admission;
	enum lane_conns conns;
	enum lane_exempt exempt;
	bool writes;             /* its conns may write */
	bool one_per_conn;       /* as many calls as it has conns, without admission */
	bool unlimited;          /* its batches do not count as out (pg/admission/concurrency.h) */
	int64_t interval_us_min; /* of codel: it waits so long for other reasons than the load */
};

struct lane {
	enum lane_kind kind;
	const struct lane_rule *rule;
	struct lane *home;
	struct list queue; /* tickets of calls, oldest first */
	struct admission admission;

	struct conn *conns; /* of the pool's array, from here on; they point back */
	unsigned size;
	struct conn_counts counts;
	int64_t opened_us; /* when it last got a conn and had none */
};

/* lanes: all of the pool, without conns so far; shared is borrowed. */
void lanes_init(struct lane lanes[LANES], struct admission_shared *shared);
void lanes_fini(struct lane lanes[LANES]);
/* Conns by what they are for. */
struct lane_sizes {
	unsigned queries; /* and commands */
	unsigned streams, jobs;
};

/*
 * Sets the size of each lane of a pool of count conns, which fit: one more is the reserve, and the
 * rest is of LANE_NONE. Unless the node is a primary none is for commands or jobs.
 */
void lanes_share_out(struct lane lanes[LANES], unsigned count, struct lane_sizes sizes,
		     bool primary);

/* Of two queues, the one whose first has waited longer. */
struct lane *lane_older(struct lane *lane, struct lane *other);

/* Its conns that were made and still are. */
static inline unsigned lane_made(const struct lane *lane)
{
	return lane->counts.in[CONN_IDLE] + lane->counts.in[CONN_BUSY] +
	       lane->counts.in[CONN_CANCELING];
}

/* Its conns that are being made. */
static inline unsigned lane_opening(const struct lane *lane)
{
	return lane->counts.in[CONN_DIALING] + lane->counts.in[CONN_CONNECTING];
}

/* May a conn whose session was opened so serve the lane? */
static inline bool lane_fits(const struct lane *lane, bool read_only)
{
	return lane->rule->conns != LANE_CONNS_UNUSED && lane->rule->writes != read_only;
}
