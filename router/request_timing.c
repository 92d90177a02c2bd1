/* SPDX-License-Identifier: Apache-2.0 */
/* What the request has summed up, and the call that is out. */
#include "router/request_timing.h"

#include "router/task.h"

#include <assert.h>

static const struct call *request_timing_call(const struct task *task)
{
	if (task->request->kind == REQUEST_QUERY)
		return task->query.pool ? &task->query.call : NULL;
	return task->command.in_flight ? &task->command.call : NULL;
}

static void request_timing_count(const struct task *task, const char *stage)
{
	metric_add(task->router->metrics, METRIC_deadline_missed_total, METRIC_LABELS(stage), 1);
}

void request_timing_missed(struct task *task)
{
	const struct call *call = request_timing_call(task);
	int64_t now_us = loop_now(task->router->loop);

	if (call && call->sent_us) {
		task->request->db_us += now_us - call->sent_us;
		request_timing_count(task, "db");
	} else if (call) {
		task->request->queue_us += now_us - call->queued_us;
		request_timing_count(task, "queue");
	} else {
		request_timing_count(task, task->parked_us || task->wait_replicas ? "wait" : "own");
	}
	task->missed = true;
}

void request_timing_observe(const struct task *task)
{
	const struct request *request = task->request;
	int64_t own_us = loop_now(task->router->loop) - request->born_us - request->queue_us -
			 request->wait_us - request->db_us;
	const struct {
		const char *name;
		int64_t us;
	} stages[] = { { "queue", request->queue_us },
		       { "wait", request->wait_us },
		       { "db", request->db_us },
		       { "own", own_us } };

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (stages[i].us > 0)
			metric_observe(task->router->metrics, METRIC_request_stage_seconds,
				       METRIC_LABELS(stages[i].name), stages[i].us);
	/* The server has ended its statement just in time. */
	if (request->outcome == OUTCOME_TIMEOUT && !task->missed && request->status != 499)
		request_timing_count(task, "db");
}
