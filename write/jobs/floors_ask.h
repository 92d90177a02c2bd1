/* SPDX-License-Identifier: Apache-2.0 */
/* One step towards floors (write/jobs/floors.h) at a time, as a statement on a conn of jobs. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "base/check.h"
#include "base/loop.h"
#include "pg/jobs.h"
#include "pg/pool.h"
#include "write/jobs/floors.h"
#include "write/jobs/queue.h"

#include <stdbool.h>

enum floors_value {
	FLOORS_HOLDERS,
	FLOORS_COMMANDS,
	FLOORS_FROM,
	FLOORS_ASKED,
	FLOORS_NOTED,        /* is it about a number that may not have been given? */
	FLOORS_OLD_COMMANDS, /* heads that are kept by name, as the next */
	FLOORS_OLD_KEYS,
	FLOORS_OLD_FROM, /* where its key is sought from; -1: it is not */
	FLOORS_VALUES
};

/* Of one loop. */
struct floors_ask {
	struct loop *loop;         /* borrowed, as the next */
	struct job_queues *queues; /* whose floors they are */
	void (*on_done)(struct floors_ask *ask);

	/* Its own. */
	struct job_floors floors;
	struct call call;
	struct call_jobs jobs;
	struct pool *pool; /* while it is on its way */
	struct arena arena;
	struct buf out;
	struct buf holders; /* an array, as it was noted */
	struct buf commands, from, old_commands, old_keys, old_from;
	char asked[24];
	const char *values[FLOORS_VALUES];
};

void floors_ask_init(struct floors_ask *ask, struct loop *loop, struct job_queues *queues);
void floors_ask_fini(struct floors_ask *ask);
/* False: nothing is due, or there is no conn for it; on_done is not called. */
bool floors_ask_send(struct floors_ask *ask, struct pool *pool) must_check;
