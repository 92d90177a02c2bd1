/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one loop knows of how a node does: its breaker, with the probe that closes it; the reads
 * that are on their way there (flights), and since when nothing has been heard. It is fed outcomes
 * and calls only what it was given.
 *
 * The monitor and the breakers. The monitor takes a node out of rotation for all loops, by status
 * queries on conns of its own: silence, role, timeline, lag. A breaker sees what a status query
 * does not: calls that fail on a node that answers those. Out of rotation, nothing is sent and a
 * breaker has nothing to say; when the monitor sees the node return, the breaker is closed and the
 * ramp begins. While the monitor sees it up, only the loop's own probe closes an open breaker.
 *
 * A failure is: a conn that was lost with a call on it, no conn within the queue's wait, a refusal
 * that is the node's fault, and silence: a flight is out, and neither this loop nor the monitor has
 * heard of the node for longer than a status query takes. Connects that fail while other conns work
 * are none: a node without room for more conns serves those it has.
 *
 * One per node and loop. No locks.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/options.h"
#include "pg/call.h"
#include "pg/pool.h"
#include "router/cluster/topology.h"
#include "router/health/breaker.h"

#include <stdbool.h>
#include <stdint.h>

#define HEALTH_SILENCE_US (100 * US_PER_MS) /* the least that is called silence */

/* What the healths of one loop share; lent to them until health_fini. */
struct health_env {
	struct loop *loop;
	struct metrics *metrics;
	const struct topology *topology;      /* the loop's copy */
	const struct options *const *options; /* the newest */
	/* Brings that copy up to date; may call back health_renew and end flights. */
	void (*refresh)(void *arg);
	void *arg;
};

struct health {
	const struct health_env *env;
	unsigned node;
	const char *name; /* of the node */
	struct pool *pool;
	struct breaker breaker;
	struct loop_timer pause; /* open: until it half opens; half open: until its probe is late */
	struct call probe;
	struct arena arena;
	bool probing;
	int64_t trouble_us;     /* when there was some last; see below */
	struct list out;        /* flights, the oldest first */
	bool any_late;          /* one of them may be called late */
	int64_t heard_us;       /* when a call was last answered */
	int64_t asked_us;       /* of the first flight that was sent since */
	struct loop_timer tick; /* while one is out: is the node silent? */
};

/* Borrows all of it. pool: the loop's, to that node. */
void health_init(struct health *health, const struct health_env *env, unsigned node,
		 const char *name, struct pool *pool);
/* No flight may be out there. */
void health_fini(struct health *health);

/* What became of a call at the node. */
enum health_class {
	HEALTH_ANSWERED,
	HEALTH_TIMED_OUT, /* with the end of a time-out: it is there, and nothing is proven */
	HEALTH_ELSEWHERE, /* with an error that another node may spare the caller */
	HEALTH_REFUSED,   /* with an error that is the node's fault */
	HEALTH_LOST,      /* the conn went, and the call with it */
	HEALTH_UNREACHED, /* no conn was made within the queue's wait */
	HEALTH_NOTHING,   /* it never left, for reasons of ours */
};
/* reason: why a call was lost, a constant. */
void health_outcome(struct health *health, enum health_class class, const char *reason,
		    int64_t now_us);
/* The monitor sees the node again (slowly), or as another one than before. */
void health_renew(struct health *health, bool slowly);

/* Was there an outcome from HEALTH_ELSEWHERE to HEALTH_LOST within the last second? Then retries
 * are paid evenly (router/health/budget.h). */
bool health_is_in_trouble(const struct health *health, int64_t now_us) must_check;
/* Has nothing been heard of the node since then, by this loop or the monitor? */
bool health_silent_since(const struct health *health, int64_t us) must_check;

/* --- flights --------------------------------------------------------------------------------- */

/* A read that is out at a node; embedded in its owner. Cleared memory is out nowhere. */
struct flight {
	struct list_link link;
	struct health *health; /* where it is out, or NULL */
	int64_t sent_us;       /* since when it is out, or was out last */
	int64_t late_us;       /* owner's: after how long it is late; 0: never */
	/*
	 * While it is out. The node has been silent for that long, HEALTH_SILENCE_US or more, since
	 * the flight began: again at each tick. May end this flight, and any other.
	 */
	void (*on_silent)(struct flight *flight, int64_t silent_us);
	/* It is late: again at each tick, of 1 ms, as long as late_us says so. May change late_us
	 * and begin other flights, not end one. */
	void (*on_late)(struct flight *flight, int64_t out_us);
};

/* It was submitted there; late_us and both callbacks are set. */
void health_sent(struct health *health, struct flight *flight);
/* It is out there no more, whatever became of it. Nothing to do where it is not out. */
void health_back(struct flight *flight);
