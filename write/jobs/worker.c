/* SPDX-License-Identifier: Apache-2.0 */
/* A worker is its timer: when it is due, it claims. */
#include "write/jobs/worker.h"

#include "base/clock.h"
#include "base/log.h"
#include "router/node_health.h"
#include "write/operation_form.h"

#include <assert.h>
#include <stdlib.h>

#define WORKER_PAUSE_US (5 * US_PER_MS)
#define WORKER_PAUSE_US_MAX (50 * US_PER_MS)
#define WORKER_TROUBLE_US US_PER_S

/* Paces: how the jobs of a command are claimed. */
#define WORKER_PACE_QUICK 0u
#define WORKER_PACE_LONE 1u /* of the first isolation; the others follow */
#define WORKER_PACES (WORKER_PACE_LONE + ISOLATION_SERIALIZABLE + 1)

static void worker_on_due(struct loop_timer *timer);
static void worker_on_batch(struct job_batch *batch);

void job_workers_init(struct job_workers *workers, struct router *router, unsigned count)
{
	*workers = (struct job_workers){ .router = router, .count = count };
	workers->workers = calloc(count + 1, sizeof(*workers->workers));
	assert(workers->workers);
	for (unsigned i = 0; i < count; i++) {
		struct job_worker *worker = &workers->workers[i];

		worker->workers = workers;
		job_batch_init(&worker->batch);
		worker->batch.random = &router->random;
		worker->batch.loop = router->loop;
		worker->batch.instance = loop_name(router->loop);
		worker->batch.on_done = worker_on_batch;
		arena_init(&worker->describe_arena);
		worker->timer.on_due = worker_on_due;
		worker->pause_us = WORKER_PAUSE_US;
		loop_timer_set(router->loop, &worker->timer, loop_now(router->loop));
	}
}

static void worker_let_go(struct job_worker *worker)
{
	if (worker->catalog_ref)
		catalog_ref_drop(worker->catalog_ref);
	worker->catalog_ref = NULL;
}

void job_workers_fini(struct job_workers *workers)
{
	for (unsigned i = 0; i < workers->count; i++) {
		struct job_worker *worker = &workers->workers[i];

		loop_timer_cancel(workers->router->loop, &worker->timer);
		if (worker->describing)
			describe_forget(&worker->describe);
		job_batch_fini(&worker->batch);
		arena_fini(&worker->describe_arena);
		worker_let_go(worker);
	}
	free(workers->workers);
	job_queues_fini(&workers->queues);
	if (workers->catalog_ref)
		catalog_ref_drop(workers->catalog_ref);
}

void job_workers_drain(struct job_workers *workers)
{
	workers->draining = true;
}

static bool worker_is_busy(const struct job_worker *worker)
{
	return worker->catalog_ref != NULL;
}

static void worker_due_in(struct job_worker *worker, int64_t pause_us)
{
	struct loop *loop = worker->workers->router->loop;

	if (!worker->workers->draining)
		loop_timer_set(loop, &worker->timer, loop_now(loop) + pause_us);
}

/* Nothing was found: less and less often. */
static void worker_rest(struct job_worker *worker)
{
	worker_due_in(worker, worker->pause_us);
	worker->pause_us *= 2;
	if (worker->pause_us > WORKER_PAUSE_US_MAX)
		worker->pause_us = WORKER_PAUSE_US_MAX;
}

/* One that rests is enough: it wakes no other, but takes a batch. */
void job_workers_wake(struct job_workers *workers)
{
	for (unsigned i = 0; i < workers->count; i++) {
		struct job_worker *worker = &workers->workers[i];

		if (worker_is_busy(worker))
			continue;
		worker->pause_us = WORKER_PAUSE_US;
		worker_due_in(worker, 0);
		return;
	}
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
	job_queues_set(&workers->queues, catalog_ref->catalog);
}

static void worker_hold(struct job_worker *worker)
{
	assert(!worker->catalog_ref);
	worker->catalog_ref = worker->workers->catalog_ref;
	worker->catalog_ref->users++;
}

/* Who may be claimed together: the quick ones; or else, one at a time, those of one isolation. */
static unsigned worker_pace(const struct job_queue *queue)
{
	const struct operation *operation = queue->operation;
	enum isolation isolation = operation_isolation(operation);

	if (isolation == ISOLATION_READ_COMMITTED && !operation->lonely &&
	    jobs_share(operation->statement, operation->claims == CATALOG_CLAIMS_SET))
		return WORKER_PACE_QUICK;
	return WORKER_PACE_LONE + (unsigned)isolation;
}

static unsigned worker_open_paces(const struct job_workers *workers, int64_t now_us)
{
	unsigned paces = 0;

	for (unsigned i = 0; i < workers->queues.count; i++)
		if (job_queue_is_open(&workers->queues.queues[i], now_us))
			paces |= 1u << worker_pace(&workers->queues.queues[i]);
	return paces;
}

static void worker_claim(struct job_worker *worker, unsigned pace, int64_t now_us)
{
	struct job_workers *workers = worker->workers;

	job_claim_begin(&worker->batch.claim);
	for (unsigned i = 0; i < workers->queues.count; i++) {
		struct job_queue *queue = &workers->queues.queues[i];

		if (!job_queue_is_open(queue, now_us) || worker_pace(queue) != pace)
			continue;
		watermark_begin(&queue->watermark, now_us);
		job_claim_add(&worker->batch.claim, queue);
	}
	worker->batch.isolation = pace < WORKER_PACE_LONE
					  ? ISOLATION_READ_COMMITTED
					  : (enum isolation)(pace - WORKER_PACE_LONE);
}

/* False: nothing can be claimed now. */
static bool worker_send(struct job_worker *worker, struct pool *pool)
{
	struct router *router = worker->workers->router;
	int64_t now_us = loop_now(router->loop);
	unsigned paces = worker_open_paces(worker->workers, now_us), pace = worker->pace;

	if (!paces)
		return false;
	while (!(paces & 1u << pace))
		pace = (pace + 1) % WORKER_PACES;
	worker_claim(worker, pace, now_us);
	worker->pace = (pace + 1) % WORKER_PACES;
	worker->paces = (unsigned)__builtin_popcount(paces);
	worker->node = (unsigned)router->topology.primary;
	worker->batch.catalog = worker->workers->catalog_ref->catalog;
	worker->batch.bytes_max = (size_t)router->shared.options->result_bytes_max;
	return job_batch_send(&worker->batch, pool,
			      pace != WORKER_PACE_QUICK || worker->lone ? 1 : GROUP_CALLS_MAX);
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
	worker_due_in(worker, 0);
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

static void worker_on_due(struct loop_timer *timer)
{
	struct job_worker *worker = container_of(timer, struct job_worker, timer);
	struct job_workers *workers = worker->workers;
	struct pool *pool;

	if (worker_is_busy(worker) || workers->draining)
		return;
	router_refresh(workers->router);
	workers_renew_queues(workers);
	pool = workers->queues.count ? router_primary_pool(workers->router) : NULL;
	if (pool && (worker_describe(worker, pool) || worker_send(worker, pool)))
		worker_hold(worker);
	else
		worker_rest(worker);
}

/* --- what came of it ------------------------------------------------------------------------- */

static const char *worker_end_name(enum job_end end)
{
	switch (end) {
	case JOB_DONE:
		return "done";
	case JOB_RETRIED:
		return "retried";
	case JOB_DEAD:
		return "dead";
	case JOB_LEFT:
		return "left";
	}
	assert(!"an end of a job");
	return "";
}

static void worker_count(struct job_worker *worker, const struct job_member *member)
{
	struct metrics *metrics = worker->workers->router->metrics;
	const char *name = member->operation->name, *end = worker_end_name(member->ending.end);

	metric_add(metrics, METRIC_job_attempts_total, METRIC_LABELS(name, end), 1);
	if (member->ending.end == JOB_DONE || member->ending.end == JOB_DEAD)
		metric_add(metrics, METRIC_jobs_finished_total, METRIC_LABELS(name, end), 1);
}

/* The queue of a member, if it is still of the catalog of now. */
static struct job_queue *worker_queue_of(struct job_worker *worker, const struct job_member *member)
{
	struct job_queue *queue =
		job_queues_find(&worker->workers->queues, text_of(member->operation->name));

	return queue && queue->operation == member->operation ? queue : NULL;
}

static void worker_pass(struct job_worker *worker, const struct job_member *member)
{
	struct router *router = worker->workers->router;
	struct job_queue *queue = worker_queue_of(worker, member);

	if (!queue)
		return;
	if (member->ending.end != JOB_LEFT) {
		job_queue_good(queue);
		watermark_pass(&queue->watermark, member->row.run_us, member->row.n,
			       member->row.wall_us);
	} else if (!queue->outdated) {
		job_queue_pause(queue, &router->random, loop_now(router->loop));
		log_warn("jobs", "%s is paused: %s (%s)", queue->operation->name,
			 member->call.error.message ? member->call.error.message : "",
			 member->call.error.sqlstate);
	}
}

/* Also where on_ran wanted no commit: then all of them were left. */
static void worker_take_ends(struct job_worker *worker)
{
	struct job_batch *batch = &worker->batch;
	bool committed = job_batch_ran(batch);

	for (unsigned i = 0; i < batch->jobs.count; i++) {
		const struct job_member *member = &batch->members[i];

		worker_pass(worker, member);
		worker_count(worker, member);
	}
	if (committed)
		high_water_raise(worker->workers->router->shared.high_water, batch->call.position);
}

/* Nothing took effect, or it is not known: those that were in it are claimed one by one. */
static void worker_trouble(struct job_worker *worker)
{
	struct job_workers *workers = worker->workers;
	const struct call *call = &worker->batch.call;

	job_queues_rewind(&workers->queues);
	worker->lone = worker->batch.jobs.count ? worker->batch.jobs.count : GROUP_CALLS_MAX;
	if (call->end == CALL_ERROR && !workers->complained) {
		workers->complained = true;
		log_warn("jobs", "a batch of jobs was rolled back: %s (%s)",
			 call->error.message ? call->error.message : "", call->error.sqlstate);
	}
	worker_due_in(worker, worker->batch.jobs.count > 1 ? 0 : WORKER_TROUBLE_US);
}

/* Of this pace; rests when there is nothing of all others either. */
static void worker_found_nothing(struct job_worker *worker)
{
	if (++worker->empty < worker->paces) {
		worker_due_in(worker, 0);
		return;
	}
	worker->empty = 0;
	worker_rest(worker);
}

static void worker_ended_well(struct job_worker *worker)
{
	struct job_workers *workers = worker->workers;

	workers->complained = false;
	worker_take_ends(worker);
	if (worker->lone)
		worker->lone--;
	if (!job_batch_ran(&worker->batch)) {
		worker_found_nothing(worker);
		return;
	}
	worker->empty = 0;
	worker->pause_us = WORKER_PAUSE_US;
	/* More may wait: another worker of the loop helps. */
	if (worker->batch.jobs.count == GROUP_CALLS_MAX)
		job_workers_wake(workers);
	worker_due_in(worker, 0);
}

/* News for who waits for what has ended, on all loops. */
static void worker_tell(struct job_worker *worker)
{
	const struct job_batch *batch = &worker->batch;
	int64_t n[GROUP_CALLS_MAX];
	unsigned count = 0;

	if (!worker->workers->watches || !job_batch_ran(batch))
		return;
	for (unsigned i = 0; i < batch->jobs.count; i++)
		if (batch->members[i].ending.end == JOB_DONE ||
		    batch->members[i].ending.end == JOB_DEAD)
			n[count++] = batch->members[i].row.n;
	job_watches_tell(worker->workers->watches, n, count);
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
	worker_let_go(worker);
	worker_tell(worker);
}
