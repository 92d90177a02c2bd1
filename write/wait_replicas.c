/* SPDX-License-Identifier: Apache-2.0 */
/* One waiter per replica in rotation; what they reach is judged by the topology of that moment. */
#include "write/wait_replicas.h"

#include "base/clock.h"
#include "write/state.h"

#include <assert.h>

#define WAIT_REPLICAS_MARGIN_US (10 * US_PER_MS) /* before the deadline, for the way of the reply */

struct watch {
	struct waiter waiter;
	struct wait_replicas *waiting;
	unsigned node;
};

struct wait_replicas {
	struct list_link link; /* of the list of those who wait */
	struct write *write;
	unsigned wanted;
	uint32_t shown; /* nodes, a bit each: have replayed the position */
	int64_t since_us;
	struct loop_timer over;
	struct watch watches[NODES_MAX];
};

static bool wait_replicas_over(struct wait_replicas *waiting);
static bool wait_replicas_check(struct wait_replicas *waiting);
static bool wait_replicas_park(struct wait_replicas *waiting);
static void wait_replicas_end(struct wait_replicas *waiting);

/* --- waiting ---------------------------------------------------------------------------------- */

static void wait_replicas_on_reached(struct waiter *waiter)
{
	struct watch *watch = container_of(waiter, struct watch, waiter);

	if (wait_replicas_check(watch->waiting))
		wait_replicas_end(watch->waiting);
}

static void wait_replicas_on_time_over(struct loop_timer *timer)
{
	wait_replicas_end(container_of(timer, struct wait_replicas, over));
}

static void wait_replicas_on_client_gone(struct request *request)
{
	wait_replicas_end(write_of(request)->wait_replicas);
}

static void wait_replicas_cancel(struct request *request)
{
	wait_replicas_forget(write_of(request));
}

/* The command's own deadline does not hold any more: it would call a committed command late. */
static void wait_replicas_wait(struct wait_replicas *waiting, int64_t until_us)
{
	struct write *write = waiting->write;
	struct request *request = write->task.request;

	loop_timer_cancel(request->loop, &request->timer);
	request->on_client_gone = wait_replicas_on_client_gone;
	waiting->over.on_due = wait_replicas_on_time_over;
	loop_timer_set(request->loop, &waiting->over, until_us);
}

static struct wait_replicas *wait_replicas_new(struct write *write)
{
	struct wait_replicas *waiting =
		arena_zero(&write->task.request->arena, 1, sizeof(*waiting));
	unsigned replicas = write->task.router->shared.nodes_count - 1;
	unsigned wanted = (unsigned)write->task.request->prefer_replicas;

	waiting->write = write;
	waiting->since_us = loop_now(write->task.router->loop);
	waiting->wanted = wanted < replicas ? wanted : replicas;
	for (unsigned i = 0; i < NODES_MAX; i++) {
		waiting->watches[i].waiting = waiting;
		waiting->watches[i].node = i;
		waiting->watches[i].waiter.lsn = write->command.position.lsn;
		waiting->watches[i].waiter.on_reached = wait_replicas_on_reached;
	}
	list_append(&write->writes->awaiting, &waiting->link);
	write->wait_replicas = waiting;
	return waiting;
}

enum step wait_replicas_await(struct request *request)
{
	struct write *write = write_of(request);
	int64_t until_us = request_wait_until_us(request);
	struct wait_replicas *waiting;

	if (request->prefer_replicas < 0 || request->outcome != OUTCOME_OK)
		return STEP_NEXT;
	router_refresh(write->task.router);
	waiting = wait_replicas_new(write);
	if (until_us > request->deadline_us - WAIT_REPLICAS_MARGIN_US)
		until_us = request->deadline_us - WAIT_REPLICAS_MARGIN_US;
	if (!wait_replicas_check(waiting) && until_us > waiting->since_us &&
	    !write->writes->draining && wait_replicas_park(waiting)) {
		wait_replicas_wait(waiting, until_us);
		return request_wait(request, WAIT_REPLICA, wait_replicas_cancel);
	}
	wait_replicas_forget(write);
	return STEP_NEXT;
}

static void wait_replicas_end(struct wait_replicas *waiting)
{
	struct request *request = waiting->write->task.request;

	request_let_go(request);
	request_resume(request, STEP_NEXT);
}

/* Also tells: whichever way the wait ended, this is the number of now. */
void wait_replicas_forget(struct write *write)
{
	struct wait_replicas *waiting = write->wait_replicas;
	struct request *request = write->task.request;

	if (!waiting)
		return;
	for (unsigned i = 0; i < write->task.router->shared.nodes_count; i++)
		waiters_leave(&write->task.router->nodes[i].waiters, &waiting->watches[i].waiter);
	loop_timer_cancel(request->loop, &waiting->over);
	list_remove(&write->writes->awaiting, &waiting->link);
	request->wait_us += loop_now(request->loop) - waiting->since_us;
	request->replicas_applied = __builtin_popcount(waiting->shown);
	request->wait_applied = true;
	write->wait_replicas = NULL;
}

/* --- who shows it ----------------------------------------------------------------------------- */

static bool wait_replicas_may_show(const struct wait_replicas *waiting, unsigned node)
{
	const struct node_view *view = &waiting->write->task.router->topology.nodes[node];

	return view->role == NODE_REPLICA && view->in_rotation;
}

/* An lsn of another timeline is compared only where the position has survived the way there. */
static bool wait_replicas_shows(const struct wait_replicas *waiting, unsigned node)
{
	const struct router *router = waiting->write->task.router;
	struct position written = waiting->write->command.position;
	uint32_t timeline = router->topology.nodes[node].position.timeline;

	if (!wait_replicas_may_show(waiting, node) || router->uses[node].replayed < written.lsn)
		return false;
	return timeline == written.timeline ||
	       (timeline == router->topology.primary_position.timeline &&
		topology_fate(&router->topology, written) == FATE_SURVIVED);
}

/* Counts who shows it now. True: nothing is left to wait for. */
static bool wait_replicas_check(struct wait_replicas *waiting)
{
	struct router *router = waiting->write->task.router;

	for (unsigned i = 0; i < router->topology.count; i++)
		if (wait_replicas_shows(waiting, i))
			waiting->shown |= 1u << i;
	return wait_replicas_over(waiting);
}

static bool wait_replicas_over(struct wait_replicas *waiting)
{
	const struct write *write = waiting->write;

	return (unsigned)__builtin_popcount(waiting->shown) >= waiting->wanted ||
	       topology_fate(&write->task.router->topology, write->command.position) == FATE_LOST;
}

/*
 * At each replica in rotation that is not there yet; leaves those that are out. A replica whose
 * lsn is past the position on a timeline that is not judged yet is looked at when the topology
 * tells more. False: there is no room.
 */
static bool wait_replicas_park(struct wait_replicas *waiting)
{
	struct router *router = waiting->write->task.router;

	for (unsigned i = 0; i < router->topology.count; i++) {
		struct waiter *waiter = &waiting->watches[i].waiter;
		bool waits = wait_replicas_may_show(waiting, i) &&
			     router->uses[i].replayed < waiter->lsn;

		if (!waits)
			waiters_leave(&router->nodes[i].waiters, waiter);
		else if (!waiter->slot && !router_watch(router, i, waiter))
			return false;
	}
	return true;
}

/* --- what the router tells -------------------------------------------------------------------- */

static bool wait_replicas_recheck(struct wait_replicas *waiting)
{
	return !wait_replicas_check(waiting) && wait_replicas_park(waiting);
}

/* Those that are done leave the list; the others go to its end: each is looked at once. */
void wait_replicas_refresh(struct writes *writes)
{
	for (size_t rest = writes->awaiting.count; rest > 0; rest--) {
		struct list_link *link = list_take_first(&writes->awaiting);
		struct wait_replicas *waiting = container_of(link, struct wait_replicas, link);

		list_append(&writes->awaiting, link);
		if (!wait_replicas_recheck(waiting))
			wait_replicas_end(waiting);
	}
}

void wait_replicas_drain(struct writes *writes)
{
	struct list_link *link;

	writes->draining = true;
	while ((link = list_first(&writes->awaiting)))
		wait_replicas_end(container_of(link, struct wait_replicas, link));
}
