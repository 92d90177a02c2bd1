/* SPDX-License-Identifier: Apache-2.0 */
/* What the request has summed up, and what it waits for. */
#include "router/request_timing.h"

#include "router/task.h"

#include <assert.h>

static void request_timing_count(const struct task *task, const char *stage)
{
	metric_add(task->router->metrics, METRIC_deadline_missed_total, METRIC_LABELS(stage), 1);
}

void request_timing_missed(struct task *task)
{
	struct request *request = task->request;
	int64_t now_us = loop_now(task->router->loop);

	switch (request_wait_kind(request)) {
	case WAIT_DB:
		request->db_us += now_us - *request->wait.sent_us;
		request_timing_count(task, "db");
		break;
	case WAIT_QUEUE:
		request->queue_us += now_us - request->wait.since_us;
		request_timing_count(task, "queue");
		break;
	case WAIT_REPLICA:
	case WAIT_JOB:
	case WAIT_CACHE:
		request_timing_count(task, "wait");
		break;
	case WAIT_NONE:
	case WAIT_BACKOFF:
	case WAIT_DESCRIBE:
	case WAIT_CONFIRM:
	case WAIT_KINDS:
		request_timing_count(task, "own");
		break;
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
	} parts[] = { { "queue", request->queue_us },
		      { "wait", request->wait_us },
		      { "db", request->db_us },
		      { "own", own_us } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (parts[i].us > 0)
			metric_observe(task->router->metrics, METRIC_request_stage_seconds,
				       METRIC_LABELS(parts[i].name), parts[i].us);
	/* The server has ended its statement just in time. */
	if (request->outcome == OUTCOME_TIMEOUT && !task->missed && request->status != 499)
		request_timing_count(task, "db");
}
