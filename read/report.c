/* SPDX-License-Identifier: Apache-2.0 */
/* The position that goes into the token is the last probe's: what the client has seen. */
#include "read/report.h"

#include "read/confirm.h"
#include "read/pick.h"
#include "router/requirement.h"

static void report_count(const struct read *read)
{
	const struct request *request = read->task.request;
	struct metrics *metrics = read->task.router->metrics;

	metric_add(metrics, METRIC_routed_total,
		   METRIC_LABELS(read->task.operation->name,
				 read->query.on_primary ? "primary" : "replica",
				 reason_text(request->reason)),
		   1);
	if (read->once & READ_WAITED)
		metric_observe(metrics, METRIC_consistency_wait_seconds, NULL, request->wait_us);
}

void report_answer(struct read *read)
{
	struct request *request = read->task.request;
	struct router *router = read->task.router;
	unsigned node = read->choice.node;
	struct position seen = requirement_and(
		&read->task, (struct position){ read->timeline, read->query.upper });

	request->tag_key = router->tag_key;
	request->served_by = read->query.on_primary ? SERVED_BY_PRIMARY : SERVED_BY_REPLICA;
	request->reason = read->choice.reason;
	if (read->task.wants_index)
		request->confirmed = confirm_judge(read);
	if (read->once & READ_WAITED && !read->query.on_primary && request->reason != REASON_STALE)
		request->reason = REASON_WAITED;
	if (read->query.on_primary && pick_is_of_replicas(request, router->shared.options))
		request->reason = REASON_STRONG_PRIMARY;
	request->node = router->shared.nodes[node]->name;
	request->node_shown = router->shared.nodes[node]->shown;
	request->lag_us = read->query.on_primary ? 0 : router->topology.nodes[node].lag_us;
	/* A standby that never met a primary cannot name its timeline: no position to promise. */
	if (seen.timeline)
		requirement_token(&read->task, node, seen, request->token);
	if (read->timeline == read->task.judged)
		high_water_raise(router->shared.high_water,
				 (struct position){ read->timeline, read->query.upper });
	report_count(read);
}
