/* SPDX-License-Identifier: Apache-2.0 */
/* One waiter per replica in rotation; what they reach is judged by the topology of that moment. */
#include "router/visibility.h"

#include "base/clock.h"
#include "router/task.h"

#include <assert.h>

#define VISIBILITY_MARGIN_US (10 * US_PER_MS) /* before the deadline, for the way of the reply */

struct watch {
	struct waiter waiter;
	struct visibility *visibility;
	unsigned node;
};

struct visibility {
	struct list_link link; /* of the router's list of those who wait */
	struct task *task;
	unsigned wanted;
	uint32_t shown; /* nodes, a bit each: have replayed the position */
	int64_t since_us;
	struct loop_timer over;
	struct watch watches[NODES_MAX];
};

static bool visibility_over(struct visibility *visibility);
static bool visibility_look(struct visibility *visibility);
static bool visibility_park(struct visibility *visibility);
static void visibility_end(struct visibility *visibility);

/* --- waiting ---------------------------------------------------------------------------------- */

static void visibility_on_reached(struct waiter *waiter)
{
	struct watch *watch = container_of(waiter, struct watch, waiter);

	if (visibility_look(watch->visibility))
		visibility_end(watch->visibility);
}

static void visibility_on_time_over(struct loop_timer *timer)
{
	visibility_end(container_of(timer, struct visibility, over));
}

static void visibility_on_client_gone(struct request *request)
{
	struct task *task = request->task;

	visibility_end(task->visibility);
}

/* The command's own deadline does not hold any more: it would call a committed command late. */
static void visibility_wait(struct visibility *visibility, int64_t until_us)
{
	struct task *task = visibility->task;
	struct request *request = task->request;

	loop_timer_cancel(request->loop, &request->timer);
	request->on_client_gone = visibility_on_client_gone;
	visibility->over.on_due = visibility_on_time_over;
	loop_timer_set(request->loop, &visibility->over, until_us);
}

static struct visibility *visibility_new(struct task *task)
{
	struct visibility *visibility = arena_zero(&task->request->arena, 1, sizeof(*visibility));
	unsigned replicas = task->router->shared.nodes_count - 1;
	unsigned wanted = (unsigned)task->request->prefer_replicas;

	visibility->task = task;
	visibility->since_us = loop_now(task->router->loop);
	visibility->wanted = wanted < replicas ? wanted : replicas;
	for (unsigned i = 0; i < NODES_MAX; i++) {
		visibility->watches[i].visibility = visibility;
		visibility->watches[i].node = i;
		visibility->watches[i].waiter.lsn = task->command.position.lsn;
		visibility->watches[i].waiter.on_reached = visibility_on_reached;
	}
	list_append(&task->router->awaiting, &visibility->link);
	task->visibility = visibility;
	return visibility;
}

enum step visibility_await(struct request *request)
{
	struct task *task = request->task;
	int64_t until_us = request_wait_until_us(request);
	struct visibility *visibility;

	if (request->prefer_replicas < 0 || request->outcome != OUTCOME_OK)
		return STEP_NEXT;
	router_refresh(task->router);
	visibility = visibility_new(task);
	if (until_us > request->deadline_us - VISIBILITY_MARGIN_US)
		until_us = request->deadline_us - VISIBILITY_MARGIN_US;
	if (!visibility_look(visibility) && until_us > visibility->since_us &&
	    !task->router->draining && visibility_park(visibility)) {
		visibility_wait(visibility, until_us);
		return STEP_WAIT;
	}
	visibility_forget(task);
	return STEP_NEXT;
}

static void visibility_end(struct visibility *visibility)
{
	struct request *request = visibility->task->request;

	visibility_forget(visibility->task);
	request_run(request);
}

/* Also tells: whichever way the wait ended, this is the number of now. */
void visibility_forget(struct task *task)
{
	struct visibility *visibility = task->visibility;
	struct request *request = task->request;

	if (!visibility)
		return;
	for (unsigned i = 0; i < task->router->shared.nodes_count; i++)
		waiters_leave(&task->router->nodes[i].waiters, &visibility->watches[i].waiter);
	loop_timer_cancel(request->loop, &visibility->over);
	list_remove(&task->router->awaiting, &visibility->link);
	request->wait_us += loop_now(request->loop) - visibility->since_us;
	request->replicas_applied = __builtin_popcount(visibility->shown);
	request->wait_applied = true;
	task->visibility = NULL;
}

/* --- who shows it ----------------------------------------------------------------------------- */

static bool visibility_may_show(const struct visibility *visibility, unsigned node)
{
	const struct node_view *view = &visibility->task->router->topology.nodes[node];

	return view->role == NODE_REPLICA && view->in_rotation;
}

/* An lsn of another timeline is compared only where the position has survived the way there. */
static bool visibility_shows(const struct visibility *visibility, unsigned node)
{
	const struct router *router = visibility->task->router;
	struct position written = visibility->task->command.position;
	uint32_t timeline = router->topology.nodes[node].position.timeline;

	if (!visibility_may_show(visibility, node) || router->uses[node].replayed < written.lsn)
		return false;
	return timeline == written.timeline ||
	       (timeline == router->topology.primary_position.timeline &&
		topology_fate(&router->topology, written) == FATE_SURVIVED);
}

/* Counts who shows it now. True: nothing is left to wait for. */
static bool visibility_look(struct visibility *visibility)
{
	struct router *router = visibility->task->router;

	for (unsigned i = 0; i < router->topology.count; i++)
		if (visibility_shows(visibility, i))
			visibility->shown |= 1u << i;
	return visibility_over(visibility);
}

static bool visibility_over(struct visibility *visibility)
{
	const struct task *task = visibility->task;

	return (unsigned)__builtin_popcount(visibility->shown) >= visibility->wanted ||
	       topology_fate(&task->router->topology, task->command.position) == FATE_LOST;
}

/*
 * At each replica in rotation that is not there yet; leaves those that are out. A replica whose
 * lsn is past the position on a timeline that is not judged yet is looked at when the topology
 * tells more. False: there is no room.
 */
static bool visibility_park(struct visibility *visibility)
{
	struct router *router = visibility->task->router;

	for (unsigned i = 0; i < router->topology.count; i++) {
		struct waiter *waiter = &visibility->watches[i].waiter;
		bool waits = visibility_may_show(visibility, i) &&
			     router->uses[i].replayed < waiter->lsn;

		if (!waits)
			waiters_leave(&router->nodes[i].waiters, waiter);
		else if (!waiter->slot && !router_watch(router, i, waiter))
			return false;
	}
	return true;
}

/* --- what the router tells -------------------------------------------------------------------- */

static bool visibility_looks_again(struct visibility *visibility)
{
	return !visibility_look(visibility) && visibility_park(visibility);
}

/* Whoever is done leaves the list; the others go to its end, so that each is looked at once. */
void visibility_refresh(struct router *router)
{
	for (size_t left = router->awaiting.count; left > 0; left--) {
		struct list_link *link = list_take_first(&router->awaiting);
		struct visibility *visibility = container_of(link, struct visibility, link);

		list_append(&router->awaiting, link);
		if (!visibility_looks_again(visibility))
			visibility_end(visibility);
	}
}

void visibility_drain(struct router *router)
{
	struct list_link *link;

	router->draining = true;
	while ((link = list_first(&router->awaiting)))
		visibility_end(container_of(link, struct visibility, link));
}
