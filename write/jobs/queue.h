/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queues that a loop's workers claim from: one for each command of the catalog that may be
 * accepted as a job. A queue is a range of an index; what is known of it here is lost with the
 * process, and begins anew with each catalog.
 */
#pragma once

#include "base/arena.h"
#include "base/check.h"
#include "base/random.h"
#include "base/text.h"
#include "catalog/catalog.h"
#include "write/jobs/fair.h"
#include "write/jobs/occupancy.h"
#include "write/jobs/ordered.h"
#include "write/jobs/watermark.h"

#include <stdbool.h>
#include <stdint.h>

struct job_queue {
	const struct operation *operation;
	struct watermark watermark;
	struct ordered_at ordered_at[ORDERED_WAYS];
	struct ordered_floor floor;
	struct job_tenants tenants;
	int64_t strays_us;       /* when jobs with an order are looked for, where it has none */
	struct job_slots *slots; /* borrowed of the occupancy */
	int64_t paused_until_us; /* of the loop's clock */
	unsigned failures;       /* by a deployment, in a row */
	bool outdated;           /* its statement is to be described anew */
};

struct job_queues {
	const struct catalog *catalog; /* whose they are; borrowed. NULL: none yet */
	struct job_queue *queues;      /* [count], the most urgent first */
	unsigned *urgencies;           /* [count], of them */
	struct job_queue **of;         /* by the index of their operation; NULL: none */
	unsigned count;
	char life[ORDERED_LIFE_BYTES]; /* of which their floors are; "": there are none */
};

void job_queues_fini(struct job_queues *queues);
/* Nothing to do where they are of that catalog already. */
void job_queues_set(struct job_queues *queues, const struct catalog *catalog,
		    struct job_occupancy *occupancy);
/* NULL: the catalog has no such command, or it is no job any more. */
struct job_queue *job_queues_find(struct job_queues *queues, struct text command) must_check;
/* The same of an operation; NULL also where it is of another catalog. */
struct job_queue *job_queues_of(struct job_queues *queues,
				const struct operation *operation) must_check;
/* For how many days from now, at most, finished jobs of these commands are kept. */
unsigned job_queues_days(const struct job_queues *queues) must_check;
/* All of them are looked through from the beginning. */
void job_queues_rewind(struct job_queues *queues);

/* May jobs of it be claimed now? */
bool job_queue_is_open(const struct job_queue *queue, int64_t now_us) must_check;
/* Could one be tried, whatever its breaker says? */
bool job_queue_is_fit(const struct job_queue *queue, int64_t now_us) must_check;
/* May there be jobs with an order? Those of a command that has none, but had, are looked for now
 * and then. */
bool job_queue_is_ordered(const struct job_queue *queue, int64_t now_us) must_check;
/* They are looked for; a claim of them has come as far as that key. */
void job_queue_seek(struct job_queue *queue, int64_t now_us);
void job_queue_reached(struct job_queue *queue, enum ordered_way way, struct text order_key,
		       int64_t now_us);

/* A job of it failed by a deployment: it is left alone for a while. */
void job_queue_pause(struct job_queue *queue, struct random *random, int64_t now_us);
/* A job of it has ended otherwise. */
void job_queue_good(struct job_queue *queue);
