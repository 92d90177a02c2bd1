/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command on its path, in the request's arena: where it stands and what came of it.
 *
 *   ADMIT ─► CONFIRM ─► DESCRIBE ─► BIND ─► PLACE ─► OUT ─► VERIFY ─► AWAIT ─► REPLICAS ─► ANSWER
 *                          ▲                 ▲                │         │
 *                          │                 └────────────────┼─────────┘  news of the job
 *                          └──────────────────────────────────┤  the schema has changed
 *                                                             └► done: refused, not known
 *
 * What is sent at PLACE is a matter of its form (write/command.h): the statement of the operation,
 * or the acceptance of a job in its place. To show or to cancel a job is the same path with another
 * table: nothing is described, and its id is all there is to bind.
 *
 * VERIFY makes the session entry of what has committed: before the reply, that order is the
 * promise. Every state may end as done: the deadline, the client going away, a refusal. Where it
 * waits, and who wakes it:
 *
 *   CONFIRM    the primary, which says how far it is
 *   DESCRIBE   the node that describes, the request that it follows, or a moment
 *   OUT        the answer; in between it may be run again, by itself (write/command.h)
 *   AWAIT      news of a job, or its time is over (write/await_job.h, write/job_events.h)
 *   REPLICAS   the heaps of all replicas in rotation, or its time is over (write/wait_replicas.h)
 */
#pragma once

#include "base/list.h"
#include "base/request.h"
#include "router/router.h"
#include "router/task.h"
#include "write/command.h"
#include "write/jobs/depth.h"
#include "write/jobs/job_breakers.h"
#include "write/jobs/job_gauges.h"
#include "write/jobs/job_id.h"
#include "write/jobs/partitions.h"
#include "write/jobs/schedules.h"
#include "write/jobs/watch.h"
#include "write/jobs/worker.h"
#include "write/sweep.h"

#include <stdbool.h>

/* In the order of STEP_NEXT: each has a row in write/write.c. */
enum write_state {
	WRITE_ADMIT,
	WRITE_CONFIRM,
	WRITE_DESCRIBE,
	WRITE_BIND,
	WRITE_PLACE,
	WRITE_OUT,
	WRITE_VERIFY,
	WRITE_AWAIT,
	WRITE_REPLICAS,
	WRITE_ANSWER,
	WRITE_STATES
};
_Static_assert(WRITE_STATES <= REQUEST_STATES_MAX, "request_path is a set of bits");

struct await_job;
struct job_events;
struct wait_replicas;
struct writes;

struct write {
	struct task task; /* first: request->task points to it */
	struct writes *writes;
	unsigned node;                       /* the primary it was placed at last */
	enum command_end end;                /* what became of it; set on the way to VERIFY */
	struct wait_replicas *wait_replicas; /* in REPLICAS, or NULL */
	struct await_job *await_job;         /* once it has waited for a job, or NULL */
	struct job_events *events;           /* of a job, while they are sent */
	struct command command;              /* set as a whole; what stands above is cleared */
};

/* What the loops of a process share; all zeros at the beginning. */
struct writes_shared {
	struct job_depth depth;
	struct job_board board;
};

/* What one loop's commands share. */
struct writes {
	struct router *router;
	struct list in_state[WRITE_STATES]; /* who waits in a state */
	struct router_watcher watcher;
	struct list awaiting; /* commands that wait for replicas (write/wait_replicas.c) */
	bool draining;        /* none may wait for replicas any more */
	struct sweep sweep;   /* of the process's first loop */
	struct job_ids *ids;  /* of jobs; NULL: none was asked for yet */
	uint8_t ids_key[SIGN_KEY_BYTES]; /* by which they are made */
	struct job_counting counting;
	struct job_workers workers;
	struct job_watches watches;
	unsigned events;                  /* requests that events of jobs are sent to */
	struct job_partitions partitions; /* of the process's first loop, as the next */
	struct job_gauges gauges;
	struct job_breakers breakers;
	struct job_schedules schedules;
};

static inline struct write *write_of(struct request *request)
{
	return container_of((struct task *)request->task, struct write, task);
}

/* The one way to a state other than the next; always STEP_MOVED. */
static inline enum step write_move(struct write *write, enum write_state state)
{
	request_move(write->task.request, state);
	return STEP_MOVED;
}
