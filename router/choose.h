/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which node a query goes to: a pure function of what is known. Its whole behaviour is a table in
 * tests/unit/test_choose.c.
 */
#pragma once

#include "base/check.h"
#include "base/position.h"
#include "base/request.h"
#include "router/cluster/topology.h"

#include <stdbool.h>
#include <stdint.h>

/* What a loop knows of its own about a node. */
struct node_use {
	uint64_t replayed; /* newest proven lsn in this life of the node, at least the topology's */
	unsigned load;     /* calls waiting and on their way */
	bool connected;    /* a conn is open */
	bool avoid;        /* this query failed there already */
	bool full;         /* there was no room for it there */
	bool early;        /* it came there too early: only for stale answers */
	int64_t broken_us; /* its breaker is open for that long at least; 0: it is closed */
	unsigned held_back; /* percent of the picks it does not get yet: it has just returned */
};

struct query_needs {
	enum level level;         /* never LEVEL_DEFAULT */
	struct position required; /* POSITION_NONE: nothing */
	bool required_unknown;    /* and more, which no replica is known to have */
	int64_t staleness_us_max; /* -1: no limit; holds for stale answers too */
	int64_t wait_us_left;     /* how long it may still wait for a replica; 0: not at all */
	uint64_t user_hash;       /* rendezvous: one user tends to stay on one node; 0: no user */
	uint64_t random;          /* random bits: which two are compared when there is no user */
	bool spill_allowed;       /* the spill budget has room */
	bool stale_allowed;       /* @on-lag stale */
	bool primary_allowed;     /* @on-lag spill */
};

enum choice_kind {
	CHOICE_PLACE,  /* on choice.node */
	CHOICE_REFUSE, /* answer with choice.outcome and choice.retry_after_us */
};

struct choice {
	enum choice_kind kind;
	unsigned node;
	enum reason reason; /* FRESH, VERIFIED_LATE (on forecast), ANY, STRONG, SPILL_*, STALE */
	bool must_prove;    /* lower bound >= required, or the rows are thrown away */
	enum outcome outcome;
	int64_t retry_after_us; /* 0: not to be told */
};

/*
 * uses: one per node of the topology. now_us: the loop's clock. The order: a replica that is known
 * to be fresh, one that is forecast to be within the wait limit, the primary while the spill budget
 * has room, a replica whose breaker is open, a stale replica, refusal. The budget protects the
 * commands where replicas are configured: without any, the primary serves all and the budget is not
 * asked.
 *
 * Breakers. A replica whose breaker is open gets nothing while another one can answer, or the spill
 * budget has room: the primary's answer is sure, the replica's is not. Beyond the budget it is
 * asked rather than the query refused. Panic: where fewer than half of the replicas in rotation are
 * closed, the few are not given the load of all: breakers are ignored. Replicas out of rotation do
 * not count: the monitor's word is no opinion of one loop. A budget is never widened by a breaker.
 * The primary's breaker, open, refuses what only the primary could answer.
 *
 * Room. Where a replica had none, another one that is fresh is asked, and the primary on the budget
 * while a replica is missing: out of rotation, left alone, or back only a moment ago. What is more
 * than the nodes can do is neither a reason for stale answers nor to ask one that is left alone.
 */
struct choice choose_node(const struct topology *topology, const struct node_use *uses,
			  const struct query_needs *needs, int64_t now_us);
/* Is a replica that may be asked known to have reached what is required? */
bool choose_is_reached(const struct topology *topology, const struct node_use *uses,
		       const struct query_needs *needs) must_check;
/*
 * How long until the replica has replayed lsn, by its rate; CLOCK_NEVER: paused, down, or not to be
 * told. A replica that was at rest when last seen is taken to get there at once (it takes a
 * fraction of a millisecond on an idle pair): the probe is the proof.
 */
int64_t forecast_us(const struct node_view *node, uint64_t replayed, uint64_t lsn, int64_t now_us);
