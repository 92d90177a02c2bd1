/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query on its path, in the request's arena: where it stands, where it was, and what came of it.
 *
 *                                                     ┌── it is kept ──────────────────┐
 *                                                     │                                ▼
 *   ADMIT ─► CONFIRM ─► TABLES ─► DESCRIBE ─► BIND ─► CACHE ─► PLACE ─► OUT ─► VERIFY ─► ANSWER
 *                                    ▲                         ▲ ▲ │     │        │
 *                                    │                         │ │ └► PARKED      │
 *                                    │                         │ └─────┘ │        │
 *                                    │                         ├◄────────┴────────┤  early
 *                                    │                         └── BACKOFF ◄──────┤  a retry
 *                                    └────────────────────────────────────────────┤  the schema
 *                                                     OUT ─► TELL                 └► done: refused
 *
 * Every state may end as done: the deadline, the client going away, a refusal. Where it waits, and
 * who wakes it:
 *
 *   CONFIRM    the primary, which says how far it is
 *   TABLES     the feed, which is read up to the read index
 *   DESCRIBE   the node that describes, the request that it follows, or a moment
 *   CACHE      another query, which will bring the answer; a command that touches it
 *   PARKED     the replica's heap of waiters, or the wait limit, whichever is first
 *   BACKOFF    its moment is over
 *   OUT        the answer; its node is silent, or a second node answers first (read/hedge.h)
 *   TELL       more rows, and the reader who has taken some: a reply told before it is whole
 */
#pragma once

#include "base/request.h"
#include "read/cache/cache.h"
#include "read/cache/facts.h"
#include "read/query.h"
#include "router/choose.h"
#include "router/feed_tags.h"
#include "router/health/health.h"
#include "router/task.h"
#include "router/waiters.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order of STEP_NEXT: each has a row in read/read.c. */
enum read_state {
	READ_ADMIT,
	READ_CONFIRM,
	READ_TABLES,
	READ_DESCRIBE,
	READ_BIND,
	READ_CACHE,
	READ_PLACE,
	READ_PARKED,
	READ_BACKOFF,
	READ_OUT,
	READ_VERIFY,
	READ_ANSWER,
	READ_TELL,
	READ_STATES
};
_Static_assert(READ_STATES <= REQUEST_STATES_MAX, "request_path is a set of bits");

/* What a query does once at most. */
enum read_once {
	READ_LOOKED_AGAIN = 1,    /* at the primary, for what may not have been visible */
	READ_MADE_ROOM = 2,       /* a stream was ended for this one */
	READ_HEDGED = 4,          /* it had a second query */
	READ_WAITED = 8,          /* for a replica; no limit to how often */
	READ_CONFIRMED_SOON = 16, /* its witnesses were waited for a moment, */
	READ_CONFIRMED_LATE = 32, /* and as long as it may wait */
};

/* Is its placement a retry, which the budget of the node pays for (read/budgets.h)? */
enum read_fee { READ_FREE, READ_FEE_DUE, READ_FEE_PAID };

/* What one query knows of its kept answer; all zeros: nothing is kept for it. */
struct cached {
	struct text key;           /* ptr NULL: its answer is not kept */
	uint64_t hash;             /* of the key */
	const struct shape *shape; /* by which the key was made */
	struct feed_tag_list tags; /* of all that it reads, and of its @tags */
	struct cache_facts facts;  /* of a hit; else what was known when it was sent */
	uint64_t touched;          /* of its tags, then; 0: some were in doubt */
	uint32_t renewal;          /* of the conns that it was sent on (router_renewal) */
	struct flight_seat seat;
	unsigned followed;  /* flights that it waited for */
	unsigned hesitated; /* moments that it waited for a command that was in doubt */
};

struct hedge;
struct reads;

struct read {
	struct task task; /* first: request->task points to it */
	struct reads *reads;

	struct choice choice; /* the one under way */
	unsigned placements;
	unsigned life;      /* of the chosen node, when the query was placed there */
	uint32_t timeline;  /* of that node, then */
	uint32_t failed_at; /* nodes, a bit each: could not answer */
	uint32_t early_at;  /* nodes, a bit each: had not replayed far enough */
	uint32_t full_at;   /* nodes, a bit each: had no room for it */
	unsigned full_last; /* the last of them */
	unsigned retries;   /* on another node, after one has had it and failed: at most one */
	enum read_fee fee;
	unsigned once; /* enum read_once, what has happened */
	bool spilled;  /* counted in reads->spilled */
	struct waiter waiter;
	unsigned parked_at;   /* the node whose heap it is in */
	struct flight flight; /* while its query is out */
	struct hedge *hedge;  /* its second query, while it is out; or NULL */
	struct cached cached;
	const char *const *again; /* its values: one of our own (read/warm.h); NULL: a client's */
	enum query_end end;       /* what became of the query; set on the way from OUT to VERIFY */

	struct query query; /* set as a whole; what stands above is cleared */
};

/* What one loop's queries share. */
struct reads {
	struct router *router;
	struct list in_state[READ_STATES]; /* who waits in a state */
	unsigned spilled;                  /* queries at the primary because no replica could */
	struct cache_reader *cache_reader; /* NULL: no answers are kept; else with the next */
	struct flight_desk *flight_desk;
	struct cache_misses *misses;
	struct reuse_notes *reuse_notes;
};

static inline struct read *read_of(struct request *request)
{
	return container_of((struct task *)request->task, struct read, task);
}

/* No client waits for it, nor is counted. */
static inline bool read_is_refill(const struct request *request)
{
	return request->cache_asks & CACHE_ASKS_REFILL;
}

/* The one way to a state other than the next; always STEP_MOVED. */
static inline enum step read_move(struct read *read, enum read_state state)
{
	request_move(read->task.request, state);
	return STEP_MOVED;
}

/* What was out has ended, or what stood in for it: VERIFY is next. */
static inline void read_back(struct read *read, enum query_end end)
{
	read->end = end;
	request_let_go(read->task.request);
	request_resume(read->task.request, STEP_NEXT);
}
