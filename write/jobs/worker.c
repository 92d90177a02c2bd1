/* SPDX-License-Identifier: Apache-2.0 */
/* A worker is its timer: when it is due, it claims. */
#include "write/jobs/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "router/consistency/sessions.h"
#include "router/node_health.h"
#include "write/committed.h"
#include "write/jobs/tenants.h"
#include "write/jobs/trial.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WORKER_TROUBLE_US US_PER_S

/* Paces of each kind of claims. */
#define WORKER_PACES (CLAIM_KINDS * JOB_PACES)

static void worker_on_due(struct loop_timer *timer);
static void worker_on_members(struct job_batch *batch, unsigned count, const struct job_row *last);
static int64_t worker_on_retry(struct job_batch *batch, const struct operation *operation);
static void worker_on_batch(struct job_batch *batch);
static void workers_on_floors(struct floors_ask *ask);

/* Of this loop: what it has begun it runs itself, as it knows what the server said of it. */
static void workers_name_instance(struct job_workers *workers)
{
	char host[64];

	if (gethostname(host, sizeof(host)) != 0)
		host[0] = '\0';
	host[sizeof(host) - 1] = '\0';
	snprintf(workers->instance, sizeof(workers->instance), "%s:%d/%s", host, (int)getpid(),
		 loop_name(workers->router->loop));
}

void job_workers_init(struct job_workers *workers, struct router *router,
		      struct job_occupancy *occupancy, unsigned count)
{
	*workers = (struct job_workers){ .router = router, .count = count };
	workers->workers = calloc(count + 1, sizeof(*workers->workers));
	assert(workers->workers);
	workers_name_instance(workers);
	job_pacing_init(&workers->pacing, occupancy, count);
	floors_ask_init(&workers->floors, router->loop, &workers->queues);
	workers->floors.on_done = workers_on_floors;
	for (unsigned i = 0; i < count; i++) {
		struct job_worker *worker = &workers->workers[i];

		worker->workers = workers;
		job_batch_init(&worker->batch);
		worker->batch.random = &router->random;
		worker->batch.loop = router->loop;
		worker->batch.doubts = &router->feed_doubts;
		worker->batch.instance = workers->instance;
		worker->batch.verdicts = &workers->verdicts;
		worker->batch.on_members = worker_on_members;
		worker->batch.on_retry = worker_on_retry;
		worker->batch.on_done = worker_on_batch;
		arena_init(&worker->describe_arena);
		worker->timer.on_due = worker_on_due;
		worker->pause_us = WORKER_PAUSE_US;
		loop_timer_set(router->loop, &worker->timer, loop_now(router->loop));
	}
}

/* What has run was counted. */
static void worker_end_retries(struct job_worker *worker)
{
	while (worker->retried_count)
		job_health_retried(worker->retried[--worker->retried_count]);
}

static void worker_let_go(struct job_worker *worker)
{
	worker_end_retries(worker);
	if (worker->catalog_ref)
		catalog_ref_drop(worker->catalog_ref);
	worker->catalog_ref = NULL;
	job_pace_end(&worker->workers->pacing, &worker->seats);
}

void job_workers_fini(struct job_workers *workers)
{
	floors_ask_fini(&workers->floors);
	for (unsigned i = 0; i < workers->count; i++) {
		struct job_worker *worker = &workers->workers[i];

		loop_timer_cancel(workers->router->loop, &worker->timer);
		if (worker->describing)
			describe_forget(&worker->describe);
		job_batch_fini(&worker->batch);
		arena_fini(&worker->describe_arena);
		worker_let_go(worker);
		job_seats_fini(&worker->seats);
	}
	free(workers->workers);
	job_pacing_fini(&workers->pacing);
	job_queues_fini(&workers->queues);
	if (workers->catalog_ref)
		catalog_ref_drop(workers->catalog_ref);
}

void job_workers_drain(struct job_workers *workers)
{
	workers->draining = true;
}

/* --- what is there to do --------------------------------------------------------------------- */

static void workers_renew_queues(struct job_workers *workers)
{
	struct catalog_ref *catalog_ref = workers->router->catalog_ref;

	if (workers->catalog_ref == catalog_ref)
		return;
	if (workers->catalog_ref)
		catalog_ref_drop(workers->catalog_ref);
	workers->catalog_ref = catalog_ref;
	catalog_ref->users++;
	job_queues_set(&workers->queues, catalog_ref->catalog, workers->pacing.occupancy);
}

static void worker_hold(struct job_worker *worker)
{
	assert(!worker->catalog_ref);
	worker->catalog_ref = worker->workers->catalog_ref;
	worker->catalog_ref->users++;
}

/* Those of a pace may be claimed in company at any time, those that run alone when they are due. */
static unsigned worker_open_paces(const struct job_workers *workers, int64_t now_us)
{
	unsigned paces = job_paces_open(&workers->pacing, &workers->queues, now_us), alone = 0;

	for (unsigned pace = 0; pace < JOB_PACES; pace++)
		if (now_us >= workers->alone_due_us[pace])
			alone |= 1u << pace;
	alone &= job_paces_alone(&workers->pacing, paces);
	return paces | alone << CLAIM_ALONE * JOB_PACES |
	       (paces & job_paces_ordered(&workers->pacing, &workers->queues, now_us))
		       << CLAIM_HEADS * JOB_PACES |
	       (paces & job_paces_fair(&workers->pacing, now_us)) << CLAIM_FAIR * JOB_PACES;
}

/* Of the paces in their turns the first of which something can be claimed now; WORKER_PACES: none.
 */
static unsigned worker_choose(struct job_worker *worker, int64_t now_us)
{
	struct job_workers *workers = worker->workers;
	unsigned paces = worker_open_paces(workers, now_us);

	for (unsigned i = 0; i < WORKER_PACES; i++) {
		unsigned pace = (worker->pace + i) % WORKER_PACES;

		if (!(paces & 1u << pace) || now_us < workers->empty[pace].until_us)
			continue;
		worker->batch.claim.kind = (enum claim_kind)(pace / JOB_PACES);
		job_pace_claim(&workers->pacing, &workers->queues, pace % JOB_PACES, now_us,
			       &worker->batch.claim, &worker->seats);
		if (worker->batch.claim.queues)
			return pace;
		job_pace_end(&workers->pacing, &worker->seats);
	}
	return WORKER_PACES;
}

/* The same of a job that a breaker tries. */
static unsigned worker_choose_trial(struct job_worker *worker, int64_t now_us)
{
	struct job_workers *workers = worker->workers;
	struct job_queue *queue = job_pace_try(&workers->pacing, &workers->queues, now_us,
					       &worker->batch.claim, &worker->seats);

	if (!queue)
		return WORKER_PACES;
	worker->trial = job_slots_health(queue->slots);
	return (unsigned)worker->batch.claim.kind * JOB_PACES + job_pace_of(queue);
}

/* Nothing was sent: another worker may. */
static void worker_leave(struct job_worker *worker)
{
	if (worker->trial)
		job_health_pass_trial(worker->trial, worker->batch.claim.kind, CLAIM_FAIR);
	worker->trial = NULL;
	job_seats_not_asked(&worker->seats, &worker->workers->queues);
	job_pace_end(&worker->workers->pacing, &worker->seats);
}

static unsigned worker_limit(const struct job_worker *worker, unsigned pace)
{
	if (worker->trial || pace % JOB_PACES != JOB_PACE_QUICK ||
	    worker->batch.claim.kind == CLAIM_ALONE)
		return 1;
	return GROUP_CALLS_MAX;
}

/* False: nothing can be claimed now. */
static bool worker_send(struct job_worker *worker, struct pool *pool)
{
	struct job_workers *workers = worker->workers;
	struct router *router = workers->router;
	unsigned pace = worker_choose_trial(worker, loop_now(router->loop));

	if (pace == WORKER_PACES)
		pace = worker_choose(worker, loop_now(router->loop));
	if (pace == WORKER_PACES)
		return false;
	worker->batch.isolation = job_pace_isolation(pace % JOB_PACES);
	worker->claimed = pace;
	worker->sent_us = loop_now(router->loop);
	worker->pace = (pace + 1) % WORKER_PACES;
	worker->node = (unsigned)router->topology.primary;
	worker->judged = router->topology.primary_position.timeline;
	worker->judged_life = topology_life(&router->topology);
	worker->batch.catalog = workers->catalog_ref->catalog;
	worker->batch.bytes_max = (size_t)router->shared.options->result_bytes_max;
	if (!job_batch_send(&worker->batch, pool, worker_limit(worker, pace))) {
		worker_leave(worker);
		return false;
	}
	job_pace_sent(&workers->pacing, pace % JOB_PACES, &worker->batch.claim, worker->sent_us);
	return true;
}

static void worker_on_described(struct describe *describe)
{
	struct job_worker *worker = container_of(describe, struct job_worker, describe);
	struct job_workers *workers = worker->workers;
	struct router *router = workers->router;
	struct job_queue *queue;

	worker->describing = false;
	queue = job_queues_find(&workers->queues, text_of(describe->statement->name));
	if (queue && queue->operation->statement == describe->statement) {
		if (describe->end == CALL_OK)
			queue->outdated = false;
		else
			job_queue_pause(queue, &router->random, loop_now(router->loop));
	}
	worker_let_go(worker);
	job_worker_due_in(worker, 0);
}

/* A command whose types are not known, or not any more. False: there is none, or no room. */
static bool worker_describe(struct job_worker *worker, struct pool *pool)
{
	struct job_workers *workers = worker->workers;
	int64_t now_us = loop_now(workers->router->loop);

	for (unsigned i = 0; i < workers->queues.count; i++) {
		struct job_queue *queue = &workers->queues.queues[i];
		struct statement *statement = queue->operation->statement;

		if (now_us < queue->paused_until_us ||
		    (!queue->outdated && statement_shape(statement)))
			continue;
		arena_reset(&worker->describe_arena);
		worker->describe = (struct describe){
			.statement = statement,
			.arena = &worker->describe_arena,
			.revalidates = queue->outdated,
			.on_done = worker_on_described,
		};
		worker->describing = describe_start(&worker->describe, pool);
		return worker->describing;
	}
	return false;
}

/* How far jobs with an order are over. False: that is not due, or no room. */
static bool worker_ask_floors(struct job_worker *worker, struct pool *pool)
{
	struct job_workers *workers = worker->workers;

	if (!floors_ask_send(&workers->floors, pool))
		return false;
	workers->floors_by = worker;
	return true;
}

static void workers_on_floors(struct floors_ask *ask)
{
	struct job_workers *workers = container_of(ask, struct job_workers, floors);
	struct job_worker *worker = workers->floors_by;

	workers->floors_by = NULL;
	worker_let_go(worker);
	job_worker_due_in(worker, 0);
}

static void worker_on_due(struct loop_timer *timer)
{
	struct job_worker *worker = container_of(timer, struct job_worker, timer);
	struct job_workers *workers = worker->workers;
	struct pool *pool;

	if (job_worker_is_busy(worker) || workers->draining)
		return;
	router_refresh(workers->router);
	workers_renew_queues(workers);
	pool = workers->queues.count ? router_primary_pool(workers->router) : NULL;
	if (pool && (worker_describe(worker, pool) || worker_ask_floors(worker, pool) ||
		     worker_send(worker, pool)))
		worker_hold(worker);
	else
		job_worker_rest(worker);
}

/* Several commands of one claim may have come further: each by its last row. */
static void worker_reach(struct job_worker *worker, const struct job_row *row)
{
	struct job_queue *queue;

	if (!row->order_key.ptr)
		return;
	queue = job_queues_find(&worker->workers->queues, row->command);
	if (queue)
		job_queue_reached(queue, worker->batch.claim.way, row->order_key,
				  loop_now(worker->workers->router->loop));
}

/* By our own clock, with the wait for a conn: it took so long at most. */
static void worker_measure(struct job_worker *worker)
{
	int64_t now_us = loop_now(worker->workers->router->loop);

	job_pace_took(&worker->workers->pacing, worker->claimed % JOB_PACES, &worker->batch.claim,
		      now_us - worker->sent_us, now_us);
}

/* last: the last row of the claim. */
static void worker_swept(struct job_worker *worker, const struct job_row *last)
{
	struct job_workers *workers = worker->workers;
	const struct job_batch *batch = &worker->batch;
	struct job_queue *queue;

	if (batch->claim.kind != CLAIM_COMPANY || batch->found < batch->claim.limit_jobs)
		return;
	queue = job_queues_find(&workers->queues, last->command);
	if (queue)
		job_seats_swept(&worker->seats, &workers->queues, queue, last->run_us, last->n);
}

static void worker_on_members(struct job_batch *batch, unsigned count, const struct job_row *last)
{
	struct job_worker *worker = container_of(batch, struct job_worker, batch);
	struct job_slots *slots[GROUP_CALLS_MAX];
	unsigned found = 0;

	worker_measure(worker);
	worker_swept(worker, last);
	for (unsigned i = 0; i < count; i++) {
		struct job_queue *queue =
			job_queues_of(&worker->workers->queues, batch->members[i].operation);

		if (queue)
			slots[found++] = queue->slots;
		if (batch->members[i].row.order_key.ptr)
			floors_claimed(&worker->workers->floors.floors, batch->members[i].row.n);
		worker_reach(worker, &batch->members[i].row);
	}
	if (last)
		worker_reach(worker, last);
	job_tenants_note(batch, count, last, &worker->workers->queues,
			 &worker->workers->pacing.fair[worker->claimed % JOB_PACES]);
	job_seats_keep(&worker->seats, slots, found);
	if (count && worker->batch.claim.kind == CLAIM_HEADS)
		job_workers_wake_next(worker->workers, worker->claimed);
}

/* --- what came of it ------------------------------------------------------------------------- */

static void worker_count(struct job_worker *worker, const struct operation *operation,
			 enum job_end ended)
{
	struct metrics *metrics = worker->workers->router->metrics;
	const char *end = job_end_name(ended);

	metric_add(metrics, METRIC_job_attempts_total, METRIC_LABELS(operation->name, end), 1);
	if (ended == JOB_DONE || ended == JOB_DEAD)
		metric_add(metrics, METRIC_jobs_finished_total, METRIC_LABELS(operation->name, end),
			   1);
}

static void worker_pass(struct job_worker *worker, const struct job_member *member)
{
	struct router *router = worker->workers->router;
	struct job_queue *queue = job_queues_of(&worker->workers->queues, member->operation);

	if (!queue)
		return;
	if (member->ending.end != JOB_LEFT) {
		job_queue_good(queue);
		/* Before a fair one there are those of others. */
		if (worker->batch.claim.kind != CLAIM_FAIR)
			watermark_pass(&queue->watermark, member->row.run_us, member->row.n,
				       member->row.wall_us);
	} else if (!queue->outdated) {
		job_queue_pause(queue, &router->random, loop_now(router->loop));
		log_warn("jobs", "%s is paused: %s (%s)", queue->operation->name,
			 member->call.error.message ? member->call.error.message : "",
			 member->call.error.sqlstate);
	}
}

static void workers_claim_alone(struct job_workers *workers)
{
	memset(workers->alone_due_us, 0, sizeof(workers->alone_due_us));
}

static struct job_health *worker_health(struct job_worker *worker,
					const struct operation *operation)
{
	struct job_queue *queue = job_queues_of(&worker->workers->queues, operation);

	return queue ? job_slots_health(queue->slots) : NULL;
}

static void worker_note(struct job_worker *worker, const struct operation *operation,
			const struct job_row *row, enum job_fault fault)
{
	struct job_health *health = worker_health(worker, operation);
	enum job_attempt attempt = !row->attempts_ended ? JOB_ATTEMPT_FIRST
				   : row->begun_by      ? JOB_ATTEMPT_BEGUN_RETRY
							: JOB_ATTEMPT_RETRY;

	if (health)
		job_health_note(health, fault, attempt, loop_now(worker->workers->router->loop));
}

/* It runs next, and is no attempt yet. */
static void worker_begun(struct job_worker *worker, const struct job_settled *settled)
{
	struct job_health *health = worker_health(worker, settled->operation);

	workers_claim_alone(worker->workers);
	if (health && settled->row.attempts_ended)
		job_health_begin_retry(health, loop_now(worker->workers->router->loop));
}

static int64_t worker_on_retry(struct job_batch *batch, const struct operation *operation)
{
	struct job_worker *worker = container_of(batch, struct job_worker, batch);
	struct router *router = worker->workers->router;
	struct job_health *health = worker_health(worker, operation);
	int64_t wait_us;

	/* The rows have come again. */
	if (!batch->retries)
		worker_end_retries(worker);
	wait_us = health ? job_health_retry_us(health, &router->random, loop_now(router->loop)) : 0;
	if (health && !wait_us)
		worker->retried[worker->retried_count++] = health;
	return wait_us;
}

static void worker_take_settled(struct job_worker *worker)
{
	struct job_workers *workers = worker->workers;

	for (unsigned i = 0; i < worker->batch.settled_count; i++) {
		const struct job_settled *settled = &worker->batch.settled[i];

		job_verdicts_drop(&workers->verdicts, settled->row.n);
		if (settled->job.ending.end == JOB_BEGUN) {
			worker_begun(worker, settled);
			continue;
		}
		worker_count(worker, settled->operation, settled->job.ending.end);
		if (settled->ran)
			worker_note(worker, settled->operation, &settled->row, settled->fault);
	}
}

/*
 * As of a command that its client waited for: the next read of each user sees it, before
 * its client hears of its end. False: of an older timeline, which the sessions are past.
 */
static void worker_remember(struct job_worker *worker)
{
	struct router *router = worker->workers->router;
	const struct job_batch *batch = &worker->batch;
	struct position position =
		committed_at(router, worker->judged, worker->judged_life, batch->call.position);

	if (!position_known(position))
		return;
	for (unsigned i = 0; i < batch->jobs.count; i++) {
		const struct job_member *member = &batch->members[i];

		if (member->ending.end == JOB_DONE && member->row.session &&
		    !sessions_wrote(router->shared.sessions, text_of(member->row.session),
				    position))
			return;
	}
	committed_acknowledge(router, position);
}

static void worker_take_ends(struct job_worker *worker)
{
	struct job_batch *batch = &worker->batch;

	if (!job_batch_ran(batch))
		return;
	for (unsigned i = 0; i < batch->jobs.count; i++) {
		const struct job_member *member = &batch->members[i];

		worker_pass(worker, member);
		worker_count(worker, member->operation, member->ending.end);
		if (member->ending.end != JOB_LEFT)
			worker_note(worker, member->operation, &member->row, member->fault);
	}
	worker_take_settled(worker);
	worker_remember(worker);
}

/* Nothing took effect, or it is not known: those that were in it are claimed once more. */
static void worker_trouble(struct job_worker *worker)
{
	struct job_workers *workers = worker->workers;
	struct job_batch *batch = &worker->batch;
	const struct call *call = &batch->call;
	bool of_jobs = batch->jobs.count && call->frame_end != FRAME_RAISED;

	job_queues_rewind(&workers->queues);
	job_workers_may_find(workers, worker->claimed % JOB_PACES);
	workers_claim_alone(workers);
	for (unsigned i = 0; i < batch->jobs.count; i++)
		job_verdicts_add(&workers->verdicts, &batch->members[i].row,
				 job_batch_verdict(batch), &call->error);
	if (call->end == CALL_ERROR && !workers->complained) {
		workers->complained = true;
		log_warn("jobs", "a batch of jobs was rolled back: %s (%s)",
			 call->error.message ? call->error.message : "", call->error.sqlstate);
	}
	job_worker_due_in(worker, of_jobs ? 0 : WORKER_TROUBLE_US);
}

static void worker_ended_well(struct job_worker *worker)
{
	struct job_workers *workers = worker->workers;

	workers->complained = false;
	worker_take_ends(worker);
	if (!job_batch_ran(&worker->batch)) {
		job_worker_found_nothing(worker);
		return;
	}
	worker->pause_us = WORKER_PAUSE_US;
	job_workers_may_find(workers, worker->claimed % JOB_PACES);
	/* More may wait: another worker of the loop helps. */
	if (worker->batch.jobs.count == GROUP_CALLS_MAX)
		job_workers_wake(workers, worker->batch.members[0].operation);
	job_worker_due_in(worker, 0);
}

/* News for who waits for what has ended, on all loops. */
static void worker_tell(struct job_worker *worker)
{
	int64_t n[2 * GROUP_CALLS_MAX];

	if (worker->workers->watches && job_batch_ran(&worker->batch))
		job_watches_tell(worker->workers->watches, n, job_batch_ended(&worker->batch, n));
}

static void worker_on_batch(struct job_batch *batch)
{
	struct job_worker *worker = container_of(batch, struct job_worker, batch);

	node_health_judge(worker->workers->router, worker->node, &batch->call);
	switch (batch->call.end) {
	case CALL_OK:
		worker_ended_well(worker);
		break;
	case CALL_ERROR:
	case CALL_TOO_LARGE:
	case CALL_UNSENT:
	case CALL_LOST:
		worker_trouble(worker);
		break;
	}
	if (worker->trial)
		job_trial_end(worker->trial, batch);
	worker->trial = NULL;
	worker_let_go(worker);
	worker_tell(worker);
}
