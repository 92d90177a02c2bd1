/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker (write/jobs/worker.h) knows, and what those of one loop know together. */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/loop.h"
#include "pg/describe.h"
#include "router/router.h"
#include "write/jobs/batch.h"
#include "write/jobs/floors_ask.h"
#include "write/jobs/occupancy.h"
#include "write/jobs/pace.h"
#include "write/jobs/queue.h"
#include "write/jobs/verdicts.h"
#include "write/jobs/watch.h"

#include <stdbool.h>

struct job_workers;

struct job_worker {
	struct job_workers *workers;
	struct job_batch batch;
	struct describe describe;
	struct arena describe_arena;
	struct catalog_ref *catalog_ref; /* while busy */
	struct loop_timer timer;
	int64_t pause_us;         /* before the next poll */
	unsigned node;            /* the primary that was asked last */
	uint32_t judged;          /* the era of that primary */
	uint32_t judged_life;     /* the mark of the log's last life then; 0: not told */
	unsigned pace;            /* of the next claim; above JOB_PACES: alone, as the next */
	unsigned claimed;         /* of the last one */
	struct job_seats seats;   /* while a batch is on its way, as the next */
	struct job_health *trial; /* of the command whose breaker tries a job; NULL: none */
	struct job_health *retried[GROUP_CALLS_MAX]; /* of the retries that its batch may begin */
	unsigned retried_count;
	int64_t sent_us; /* its batch */
	bool describing;
};

/* Nothing was found by claims of one kind and pace. Zeroed: there may be something. */
struct worker_empty {
	int64_t until_us; /* it is not claimed before */
	int64_t pause_us; /* the last one; the next is twice as long, to WORKER_PAUSE_US_MAX */
};

struct job_workers {
	struct router *router;
	struct job_worker *workers; /* [count] */
	unsigned count;
	struct job_queues queues;
	struct job_pacing pacing;
	struct catalog_ref *catalog_ref; /* of the queues, or NULL */
	struct floors_ask floors;
	struct job_worker *floors_by; /* whose conn they are asked on; NULL: none */
	struct job_watches *watches;  /* to be told of what has ended; NULL: none */
	struct job_verdicts verdicts;
	int64_t alone_due_us[JOB_PACES]; /* when those that run alone are claimed next */
	struct worker_empty empty[CLAIM_KINDS * JOB_PACES];
	int64_t woken_us[JOB_PACES]; /* when jobs of that pace came last */
	char instance[96];           /* host, process and loop */
	bool draining;
	bool complained; /* that jobs cannot be claimed */
};
