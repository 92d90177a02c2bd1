/* SPDX-License-Identifier: Apache-2.0 */
/* Which state has which step; the first step and the last one. */
#include "read/read.h"

#include "base/control.h"
#include "base/hash.h"
#include "read/cache/cache.h"
#include "read/cached.h"
#include "read/hedge.h"
#include "read/pick.h"
#include "read/place.h"
#include "read/report.h"
#include "read/retry.h"
#include "read/tell.h"
#include "read/verify.h"
#include "router/admit.h"
#include "router/bind.h"
#include "router/by_table.h"
#include "router/cache_groups.h"
#include "router/describing.h"
#include "router/node_health.h"
#include "router/request_timing.h"
#include "router/requirement.h"
#include "router/task_life.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static enum step read_admit(struct request *request);
static enum step read_bind(struct request *request);
static enum step read_answer(struct request *request);

#define TO(state) (1u << READ_##state)
#define GOES_ON (TO(PLACE) | TO(BACKOFF) | TO(DESCRIBE))

/* What follows by STEP_NEXT, the row below, need not be named. */
static const struct request_state read_states[] = {
	[READ_ADMIT] = { "admit", 0, read_admit },
	[READ_CONFIRM] = { "confirm", 0, requirement_confirm },
	[READ_TABLES] = { "tables", 0, by_table_step },
	[READ_DESCRIBE] = { "describe", 0, describing_step },
	[READ_BIND] = { "bind", 0, read_bind },
	[READ_CACHE] = { "cache", TO(ANSWER), cached_step },
	[READ_PLACE] = { "place", TO(PARKED) | TO(OUT) | TO(CONFIRM), place_step },
	[READ_PARKED] = { "parked", TO(PLACE), place_again },
	[READ_BACKOFF] = { "backoff", TO(PLACE), place_again },
	[READ_OUT] = { "out", TO(PLACE) | TO(VERIFY) | TO(TELL), NULL },
	[READ_VERIFY] = { "verify", GOES_ON, verify_step },
	[READ_ANSWER] = { "answer", 0, read_answer },
	[READ_TELL] = { "tell", 0, NULL },
};
_Static_assert(sizeof(read_states) / sizeof(read_states[0]) == READ_STATES, "each state has a row");

const struct request_path read_path = { read_states, READ_STATES };

void reads_init(struct reads *reads, struct router *router, struct cache *cache)
{
	request_path_check(&read_path);
	*reads = (struct reads){ .router = router };
	for (unsigned i = 0; i < READ_STATES; i++)
		list_init(&reads->in_state[i]);
	if (!cache)
		return;
	reads->cache_reader = cache_reader_new(cache->store);
	reads->flight_desk = flight_desk_new(cache->flights, router->loop);
	reads->misses = &cache->misses;
	reads->reuse_notes = reuse_notes_new(cache->reuse);
}

void reads_fini(struct reads *reads)
{
	for (unsigned i = 0; i < READ_STATES; i++)
		assert(list_empty(&reads->in_state[i]));
	assert(reads->spilled == 0);
	if (!reads->cache_reader)
		return;
	flight_desk_free(reads->flight_desk);
	cache_reader_free(reads->cache_reader);
}

static void read_name_groups(struct read *read)
{
	read->task.request->cache_groups =
		cache_groups(read->task.operation, read->task.shape, read->task.values,
			     &read->task.request->arena);
}

static void read_on_end(struct task *task)
{
	struct read *read = container_of(task, struct read, task);

	if (read->spilled)
		read->reads->spilled--;
	if (task->request->outcome != OUTCOME_OK && cached_instead(read))
		read_name_groups(read);
	cached_end(read);
}

static void read_on_call(struct query *query, enum query_end end)
{
	struct read *read = container_of(query, struct read, query);

	hedge_forget(read);
	node_health_judge(read->task.router, read->choice.node, &query->call);
	if (read->task.request->state == READ_TELL)
		tell_end(read, end);
	else
		read_back(read, end);
}

static struct read *read_begin(struct reads *reads, struct request *request)
{
	struct read *read = arena_alloc(&request->arena, sizeof(*read));
	const size_t begin = offsetof(struct read, reads);

	assert(request->kind == REQUEST_QUERY);
	memset((char *)read + begin, 0, offsetof(struct read, query) - begin);
	read->reads = reads;
	read->flight.on_silent = retry_on_silent;
	read->flight.on_late = hedge_on_late;
	read->query = (struct query){
		.request = request,
		.on_done = read_on_call,
		.on_rows = tell_on_rows,
	};
	task_begin(&read->task, reads->router, request, &read_path, reads->in_state, read_on_end);
	return read;
}

void read_take(struct reads *reads, struct request *request)
{
	(void)read_begin(reads, request);
	request_run(request);
}

void read_take_again(struct reads *reads, struct request *request, const char *const *values)
{
	struct read *read = read_begin(reads, request);

	read->again = values;
	read->retries = 1; /* it is tried at one node, once */
	request_run(request);
}

/* --- ADMIT ------------------------------------------------------------------------------------ */

static void read_on_deadline(struct loop_timer *timer)
{
	struct request *request = container_of(timer, struct request, timer);

	request_timing_missed(request->task);
	/* What it has may be of use to others who wait for the same answer. */
	request_let_go(request);
	request_fail(request, OUTCOME_TIMEOUT, "no answer within the time allowed");
	request_finish(request);
}

static int64_t read_least(int64_t a, int64_t b)
{
	if (a < 0 || b < 0)
		return a < 0 ? b : a;
	return a < b ? a : b;
}

/* A single node needs none: all writes are there. */
static bool read_wants_index(const struct read *read)
{
	const struct task *task = &read->task;
	const struct options *options = task->router->shared.options;

	if (task->router->topology.count < 2 || !CONTROL_INDEXED)
		return false;
	if (pick_is_of_replicas(task->request, options))
		return true;
	if (task->needs.level == LEVEL_STRONG)
		return false;
	return (task->request->cache_asks & CACHE_ASKS_NOW && CONTROL_CACHE_ASKED) ||
	       (task->needs.level == LEVEL_SESSION && task->request->user.ptr &&
		options->sessions == SESSIONS_CLUSTER);
}

static void read_set_needs(struct read *read)
{
	struct task *task = &read->task;
	struct request *request = task->request;
	const struct operation *operation = task->operation;
	struct query_needs *needs = &task->needs;
	int64_t wait_us = request->wait_us_max >= 0 ? request->wait_us_max
						    : task->router->shared.options->wait_us_max;

	needs->level = request->level == LEVEL_DEFAULT ? operation->consistency : request->level;
	needs->staleness_us_max =
		read_least(request->staleness_us_max, operation->staleness_us_max);
	needs->stale_allowed = operation->on_lag == ON_LAG_STALE;
	needs->primary_allowed = operation->on_lag == ON_LAG_SPILL;
	/* Beside replicas what the primary answers is not kept, and stale answers are of no use. */
	if (read_is_refill(request)) {
		needs->stale_allowed = false;
		needs->primary_allowed = task->router->topology.count == 1;
	}
	if (request->user_key.ptr)
		needs->user_hash = hash_bytes(request->user_key.ptr, request->user_key.len, 0);
	task->wait_until_us = loop_now(request->loop) + wait_us;
	if (task->wait_until_us > request->deadline_us)
		task->wait_until_us = request->deadline_us;
	request->level_used = needs->level;
	if (needs->level == LEVEL_STRONG && operation->from > request->from)
		request->from = operation->from;
	task->wants_index = read_wants_index(read);
}

static enum step read_admit(struct request *request)
{
	struct read *read = read_of(request);

	if ((read_is_refill(request) ? admit_begin_own(&read->task) : admit_begin(&read->task)) ==
	    STEP_DONE)
		return STEP_DONE;
	admit_deadline(&read->task, read_on_deadline, admit_client_gone);
	read_set_needs(read);
	return requirement_judge(&read->task);
}

/* --- BIND ------------------------------------------------------------------------------------- */

static enum step read_bind(struct request *request)
{
	struct read *read = read_of(request);

	if (!read->again)
		return bind_step(request);
	read->task.shape = statement_shape(read->task.operation->statement);
	read->task.values = read->again;
	return STEP_NEXT;
}

/* --- ANSWER ----------------------------------------------------------------------------------- */

static enum step read_answer(struct request *request)
{
	struct read *read = read_of(request);

	if (request->cache_use != CACHE_USE_NONE || request->served_by == SERVED_BY_CACHE)
		read_name_groups(read);
	if (request->served_by == SERVED_BY_CACHE) {
		cached_report(read);
		return STEP_DONE;
	}
	report_answer(read);
	cached_keep(read);
	return STEP_DONE;
}

const struct node *read_node(struct request *request)
{
	const struct read *read = read_of(request);
	const struct router *router = read->reads->router;

	if (request->state == READ_PARKED)
		return router->shared.nodes[read->parked_at];
	if (request->state == READ_OUT || request->state == READ_TELL)
		return router->shared.nodes[read->choice.node];
	return NULL;
}
