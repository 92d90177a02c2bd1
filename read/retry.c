/* SPDX-License-Identifier: Apache-2.0 */
/* Once elsewhere, never in a loop: a query that makes trouble everywhere is the trouble. */
#include "read/retry.h"

#include "base/clock.h"
#include "read/budgets.h"
#include "read/pick.h"
#include "read/place.h"
#include "router/node_health.h"

#include <assert.h>

#define RETRY_JITTER_US (5 * US_PER_MS)

enum step retry_after(struct read *read, int64_t us)
{
	(void)read_move(read, READ_BACKOFF);
	return task_wait_until(&read->task, WAIT_BACKOFF, task_cancel_timer,
			       loop_now(read->task.router->loop) + us);
}

static void retry_count(const struct read *read, unsigned node, const char *reason)
{
	const struct router *router = read->task.router;

	metric_add(router->metrics, METRIC_retries_total,
		   METRIC_LABELS(router->shared.nodes[node]->name, reason), 1);
}

/* Did a node have it, and fail? What never left, or met a node of another role or timeline by now,
 * is only placed where it belongs. */
static bool retry_was_tried(const struct read *read)
{
	const struct query *query = &read->query;
	bool moved =
		query->on_primary && read->task.router->topology.primary != (int)read->choice.node;

	return !moved && (query->call.end == CALL_ERROR || query->call.end == CALL_LOST);
}

enum step retry_elsewhere(struct read *read)
{
	struct request *request = read->task.request;
	unsigned node = read->choice.node;
	bool tried = retry_was_tried(read);

	if (tried && read->retries++)
		return request_fail(request, OUTCOME_NO_REPLICA, "%s could not run on two nodes",
				    read->task.operation->name);
	read->task.trouble = request->detail;
	read->failed_at |= 1u << node;
	retry_count(read, node, outcome_row(request->outcome)->code);
	task_forget_failure(request);
	if (!tried)
		return read_move(read, READ_PLACE);
	/* Not at once: what was lost with a node was lost by many. */
	read->fee = READ_FEE_DUE;
	return retry_after(read,
			   (int64_t)random_below(&read->task.router->random, RETRY_JITTER_US));
}

bool retry_moves(struct read *read, const char *reason, const char *trouble)
{
	struct choice before = read->choice;
	unsigned node = before.node;

	read->failed_at |= 1u << node;
	pick_node(read);
	read->fee = READ_FEE_DUE;
	if (read->choice.kind != CHOICE_PLACE || !budgets_pay(read)) {
		read->fee = READ_FREE;
		read->failed_at &= ~(1u << node);
		read->choice = before;
		return false;
	}
	read->retries++;
	read->task.trouble = trouble;
	retry_count(read, node, reason);
	request_let_go(read->task.request);
	task_forget_failure(read->task.request);
	(void)read_move(read, READ_PLACE);
	return true;
}

void retry_on_silent(struct flight *flight, int64_t silent_us)
{
	struct read *read = container_of(flight, struct read, flight);

	if (!read->retries && silent_us >= node_health_patience_us(&read->task) &&
	    retry_moves(read, "silent", "the node does not answer"))
		request_resume(read->task.request, place_chosen(read));
}
