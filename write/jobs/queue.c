/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted once for each catalog; found by a walk, as there are few. */
#include "write/jobs/queue.h"

#include "base/clock.h"
#include "write/jobs/ending.h"

#include <assert.h>
#include <stdlib.h>

#define QUEUE_STRAYS_US (10 * US_PER_S)

void job_queues_fini(struct job_queues *queues)
{
	for (unsigned i = 0; i < queues->count; i++) {
		old_heads_fini(&queues->queues[i].floor.old);
		old_heads_fini(&queues->queues[i].floor.walked_old);
	}
	free(queues->queues);
	free(queues->urgencies);
	free(queues->of);
	*queues = (struct job_queues){ 0 };
}

static int queue_compare(const void *a, const void *b)
{
	const struct operation *one = ((const struct job_queue *)a)->operation;
	const struct operation *other = ((const struct job_queue *)b)->operation;

	if (one->urgency != other->urgency)
		return one->urgency < other->urgency ? -1 : 1;
	return one->index < other->index ? -1 : one->index > other->index;
}

/* Once they are sorted. */
static void queues_index(struct job_queues *queues, struct job_occupancy *occupancy)
{
	for (unsigned i = 0; i < queues->count; i++) {
		struct job_queue *queue = &queues->queues[i];

		queue->slots = job_slots_of(occupancy, queue->operation->name);
		queues->urgencies[i] = queue->operation->urgency;
		queues->of[queue->operation->index] = queue;
	}
}

void job_queues_set(struct job_queues *queues, const struct catalog *catalog,
		    struct job_occupancy *occupancy)
{
	if (queues->catalog == catalog)
		return;
	job_queues_fini(queues);
	queues->catalog = catalog;
	queues->queues = calloc(catalog->count + 1, sizeof(*queues->queues));
	assert(queues->queues);
	queues->urgencies = calloc(catalog->count + 1, sizeof(*queues->urgencies));
	assert(queues->urgencies);
	queues->of = calloc(catalog->count + 1, sizeof(*queues->of));
	assert(queues->of);
	for (unsigned i = 0; i < catalog->count; i++) {
		const struct operation *operation = &catalog->operations[i];

		if (operation_is_job(operation))
			queues->queues[queues->count++].operation = operation;
	}
	qsort(queues->queues, queues->count, sizeof(*queues->queues), queue_compare);
	queues_index(queues, occupancy);
}

struct job_queue *job_queues_find(struct job_queues *queues, struct text command)
{
	for (unsigned i = 0; i < queues->count; i++)
		if (text_is(command, queues->queues[i].operation->name))
			return &queues->queues[i];
	return NULL;
}

struct job_queue *job_queues_of(struct job_queues *queues, const struct operation *operation)
{
	const struct catalog *catalog = queues->catalog;

	if (!catalog || operation->index >= catalog->count ||
	    operation != &catalog->operations[operation->index])
		return NULL;
	return queues->of[operation->index];
}

unsigned job_queues_days(const struct job_queues *queues)
{
	int64_t keep_us = 0;

	for (unsigned i = 0; i < queues->count; i++)
		if (queues->queues[i].operation->keep_us > keep_us)
			keep_us = queues->queues[i].operation->keep_us;
	return (unsigned)(keep_us / US_PER_DAY) + 1;
}

void job_queues_rewind(struct job_queues *queues)
{
	for (unsigned i = 0; i < queues->count; i++)
		watermark_rewind(&queues->queues[i].watermark);
}

bool job_queue_is_open(const struct job_queue *queue, int64_t now_us)
{
	return job_queue_is_fit(queue, now_us) &&
	       job_health_breaker(job_slots_health(queue->slots)) == JOB_BREAKER_CLOSED;
}

bool job_queue_is_fit(const struct job_queue *queue, int64_t now_us)
{
	return now_us >= queue->paused_until_us && !queue->outdated &&
	       statement_shape(queue->operation->statement);
}

bool job_queue_is_ordered(const struct job_queue *queue, int64_t now_us)
{
	return queue->operation->ordered_by || now_us >= queue->strays_us;
}

void job_queue_seek(struct job_queue *queue, int64_t now_us)
{
	queue->strays_us = now_us + QUEUE_STRAYS_US;
}

void job_queue_reached(struct job_queue *queue, enum ordered_way way, struct text order_key,
		       int64_t now_us)
{
	ordered_reach(&queue->ordered_at[way], order_key);
	queue->strays_us = now_us;
}

void job_queue_pause(struct job_queue *queue, struct random *random, int64_t now_us)
{
	queue->failures++;
	queue->paused_until_us = now_us + job_pause_us(queue->failures, random);
	queue->outdated = true;
}

void job_queue_good(struct job_queue *queue)
{
	queue->failures = 0;
}
