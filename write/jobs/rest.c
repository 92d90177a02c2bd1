/* SPDX-License-Identifier: Apache-2.0 */
/* Moments of the loop's clock, compared. */
#include "write/jobs/rest.h"

#define WORKER_ALONE_US (500 * US_PER_MS)

bool job_worker_is_busy(const struct job_worker *worker)
{
	return worker->catalog_ref != NULL;
}

void job_worker_due_in(struct job_worker *worker, int64_t pause_us)
{
	struct loop *loop = worker->workers->router->loop;

	if (!worker->workers->draining)
		loop_timer_set(loop, &worker->timer, loop_now(loop) + pause_us);
}

void job_worker_rest(struct job_worker *worker)
{
	job_worker_due_in(worker, worker->pause_us);
	worker->pause_us *= 2;
	if (worker->pause_us > WORKER_PAUSE_US_MAX)
		worker->pause_us = WORKER_PAUSE_US_MAX;
}

/* Those that run alone have a time of their own. */
void job_workers_may_find(struct job_workers *workers, unsigned pace)
{
	for (unsigned kind = 0; kind < CLAIM_KINDS; kind++)
		if (kind != CLAIM_ALONE)
			workers->empty[kind * JOB_PACES + pace] = (struct worker_empty){ 0 };
}

static void workers_note(struct job_workers *workers, unsigned pace)
{
	workers->woken_us[pace] = loop_now(workers->router->loop);
	job_workers_may_find(workers, pace);
}

/* The first pace that may have some. */
static unsigned workers_expect(struct job_workers *workers, const struct operation *operation)
{
	struct job_queue *queue = operation ? job_queues_of(&workers->queues, operation) : NULL;

	if (queue) {
		workers_note(workers, job_pace_of(queue));
		return job_pace_of(queue);
	}
	for (unsigned pace = 0; pace < JOB_PACES; pace++)
		workers_note(workers, pace);
	return 0;
}

/* One that rests is enough: it wakes no other, but takes a batch. It begins with what has come, as
 * another pace could hold it for long. */
void job_workers_wake(struct job_workers *workers, const struct operation *operation)
{
	if (workers->count)
		job_workers_wake_next(workers, workers_expect(workers, operation));
}

void job_workers_wake_next(struct job_workers *workers, unsigned claimed)
{
	for (unsigned i = 0; i < workers->count; i++) {
		struct job_worker *worker = &workers->workers[i];

		if (job_worker_is_busy(worker))
			continue;
		worker->pause_us = WORKER_PAUSE_US;
		worker->pace = claimed;
		job_worker_due_in(worker, 0);
		return;
	}
}

/* Each time it is asked in vain it is left for longer: beside others that are full, a claim that
 * finds nothing would cost as often as theirs. */
static void workers_leave(struct job_workers *workers, unsigned claimed)
{
	struct worker_empty *empty = &workers->empty[claimed];

	empty->pause_us = empty->pause_us ? 2 * empty->pause_us : WORKER_PAUSE_US;
	if (empty->pause_us > WORKER_PAUSE_US_MAX)
		empty->pause_us = WORKER_PAUSE_US_MAX;
	empty->until_us = loop_now(workers->router->loop) + empty->pause_us;
}

static bool worker_claimed_before(const struct job_worker *worker)
{
	return worker->sent_us <= worker->workers->woken_us[worker->claimed % JOB_PACES];
}

void job_worker_found_nothing(struct job_worker *worker)
{
	struct job_workers *workers = worker->workers;
	int64_t now_us = loop_now(workers->router->loop);

	if (worker->claimed / JOB_PACES == CLAIM_ALONE)
		workers->alone_due_us[worker->claimed - JOB_PACES] = now_us + WORKER_ALONE_US;
	/* A trial asks for one command. */
	if (!worker->trial && !worker_claimed_before(worker))
		workers_leave(workers, worker->claimed);
	job_worker_due_in(worker, 0);
}
