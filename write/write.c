/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which state has which step. The session entry is made before the reply; that order is the
 * promise: what is acknowledged is read again.
 */
#include "write/write.h"

#include "base/clock.h"
#include "base/control.h"
#include "router/admit.h"
#include "router/bind.h"
#include "router/describing.h"
#include "router/node_health.h"
#include "router/request_timing.h"
#include "router/requirement.h"
#include "router/revalidate.h"
#include "router/task_life.h"
#include "write/await_job.h"
#include "write/committed.h"
#include "write/groups.h"
#include "write/jobs/accept.h"
#include "write/jobs/asked.h"
#include "write/operation_form.h"
#include "write/wait_replicas.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#define WRITE_OUTCOME_GRACE_US US_PER_S /* a command that has left may still tell how it ended */

static enum step write_admit(struct request *request);
static enum step write_admit_job(struct request *request);
static enum step write_bind_job(struct request *request);
static enum step write_pass(struct request *request);
static enum step write_place(struct request *request);
static enum step write_verify(struct request *request);
static enum step write_answer(struct request *request);

#define TO(state) (1u << WRITE_##state)

/* What follows by STEP_NEXT, the row below, need not be named. */
static const struct request_state write_states[] = {
	[WRITE_ADMIT] = { "admit", 0, write_admit },
	[WRITE_CONFIRM] = { "confirm", 0, requirement_confirm },
	[WRITE_DESCRIBE] = { "describe", 0, describing_step },
	[WRITE_BIND] = { "bind", 0, bind_step },
	[WRITE_PLACE] = { "place", TO(OUT) | TO(AWAIT), write_place },
	[WRITE_OUT] = { "out", 0, NULL },
	[WRITE_VERIFY] = { "verify", TO(DESCRIBE), write_verify },
	[WRITE_AWAIT] = { "await", TO(PLACE), await_job_step },
	[WRITE_REPLICAS] = { "replicas", 0, wait_replicas_await },
	[WRITE_ANSWER] = { "answer", 0, write_answer },
};
_Static_assert(sizeof(write_states) / sizeof(write_states[0]) == WRITE_STATES,
	       "each state has a row");

const struct request_path write_path = { write_states, WRITE_STATES };

/* Of a job: its statement is our own, and its id is all that it is given. */
static const struct request_state job_states[] = {
	[WRITE_ADMIT] = { "admit", 0, write_admit_job },
	[WRITE_CONFIRM] = { "confirm", 0, requirement_confirm },
	[WRITE_DESCRIBE] = { "describe", 0, write_pass },
	[WRITE_BIND] = { "bind", 0, write_bind_job },
	[WRITE_PLACE] = { "place", TO(OUT), write_place },
	[WRITE_OUT] = { "out", 0, NULL },
	[WRITE_VERIFY] = { "verify", 0, write_verify },
	[WRITE_AWAIT] = { "await", TO(PLACE), await_job_step },
	[WRITE_REPLICAS] = { "replicas", 0, write_pass },
	[WRITE_ANSWER] = { "answer", 0, write_answer },
};
_Static_assert(sizeof(job_states) / sizeof(job_states[0]) == WRITE_STATES, "each state has a row");

const struct request_path job_path = { job_states, WRITE_STATES };

static struct pool *write_on_sweep(struct sweep *sweep)
{
	return router_primary_pool(container_of(sweep, struct writes, sweep)->router);
}

/* Without jobs in the catalog there may be no tables of them. */
static struct pool *write_on_partitions(struct job_partitions *partitions)
{
	struct writes *writes = container_of(partitions, struct writes, partitions);
	const struct job_queues *queues = &writes->workers.queues;

	partitions->days = job_queues_days(queues) + JOB_PARTITIONS_AHEAD;
	return queues->count ? router_primary_pool(writes->router) : NULL;
}

static void write_on_scheduled(struct job_schedules *schedules)
{
	job_workers_wake(&container_of(schedules, struct writes, schedules)->workers, NULL);
}

static struct pool *write_on_watches(struct job_watches *watches)
{
	return router_primary_pool(container_of(watches, struct writes, watches)->router);
}

static void write_on_topology(struct router_watcher *watcher)
{
	struct writes *writes = container_of(watcher, struct writes, watcher);

	wait_replicas_refresh(writes);
	job_watches_renew(&writes->watches);
	job_schedules_wake(&writes->schedules);
}

void writes_init(struct writes *writes, struct router *router, struct writes_shared *shared)
{
	request_path_check(&write_path);
	request_path_check(&job_path);
	*writes = (struct writes){ .router = router, .watcher.on_change = write_on_topology };
	for (unsigned i = 0; i < WRITE_STATES; i++)
		list_init(&writes->in_state[i]);
	list_init(&writes->awaiting);
	job_counting_init(&writes->counting, router->loop, &shared->depth);
	writes->watches = (struct job_watches){
		.loop = router->loop,
		.board = &shared->board,
		.on_pool = write_on_watches,
	};
	job_watches_init(&writes->watches);
	router_add_watcher(router, &writes->watcher);
}

void writes_fini(struct writes *writes)
{
	for (unsigned i = 0; i < WRITE_STATES; i++)
		assert(list_empty(&writes->in_state[i]));
	sweep_stop(&writes->sweep);
	job_partitions_stop(&writes->partitions);
	job_breakers_stop(&writes->breakers);
	job_gauges_stop(&writes->gauges);
	job_schedules_stop(&writes->schedules);
	job_workers_fini(&writes->workers);
	job_watches_fini(&writes->watches);
	job_counting_fini(&writes->counting);
	if (writes->ids)
		job_ids_free(writes->ids);
	router_remove_watcher(writes->router, &writes->watcher);
}

void writes_work(struct writes *writes, struct job_occupancy *occupancy)
{
	writes->sweep = (struct sweep){
		.loop = writes->router->loop,
		.metrics = writes->router->metrics,
		.random = &writes->router->random,
		.on_pool = write_on_sweep,
	};
	sweep_start(&writes->sweep);
	writes->partitions = (struct job_partitions){
		.loop = writes->router->loop,
		.random = &writes->router->random,
		.on_pool = write_on_partitions,
	};
	job_partitions_start(&writes->partitions);
	job_gauges_start(&writes->gauges, writes->router);
	job_breakers_start(&writes->breakers, writes->router, occupancy);
	job_schedules_start(&writes->schedules, writes->router, write_on_scheduled);
}

void writes_reload(struct writes *writes)
{
	job_schedules_wake(&writes->schedules);
}

void writes_run_jobs(struct writes *writes, struct job_occupancy *occupancy, unsigned workers)
{
	job_workers_init(&writes->workers, writes->router, occupancy, workers);
	writes->workers.watches = &writes->watches;
}

void writes_drain(struct writes *writes)
{
	job_schedules_drain(&writes->schedules);
	job_workers_drain(&writes->workers);
	job_breakers_drain(&writes->breakers);
	job_watches_drain(&writes->watches);
	wait_replicas_drain(writes);
}

void write_take(struct writes *writes, struct request *request)
{
	struct write *write = arena_alloc(&request->arena, sizeof(*write));
	const size_t begin = offsetof(struct write, writes);

	assert(request->kind != REQUEST_QUERY);
	memset((char *)write + begin, 0, offsetof(struct write, command) - begin);
	write->writes = writes;
	write->command = (struct command){ .request = request };
	task_begin(&write->task, writes->router, request,
		   request->kind == REQUEST_COMMAND ? &write_path : &job_path, writes->in_state,
		   groups_note);
	request_run(request);
}

/* --- ADMIT ------------------------------------------------------------------------------------ */

/* A command that was accepted, and waits for its job, is answered now. False: it is none. */
static bool write_answer_accepted(struct write *write)
{
	if (!await_job_give_up(write))
		return false;
	(void)write_answer(write->task.request);
	request_finish(write->task.request);
	return true;
}

/* A command that has not left did nothing; one that has may have: it gets a moment more to tell. */
static void write_on_deadline(struct loop_timer *timer)
{
	struct request *request = container_of(timer, struct request, timer);
	struct write *write = write_of(request);
	int64_t now_us = loop_now(request->loop);

	if (write_answer_accepted(write))
		return;
	if (!command_is_out(&write->command)) {
		request_timing_missed(&write->task);
		request_fail(request, OUTCOME_TIMEOUT, "%s",
			     request->kind == REQUEST_JOB ? "the primary did not answer in time"
							  : "the command did not start in time");
	} else if (now_us < request->deadline_us + WRITE_OUTCOME_GRACE_US) {
		loop_timer_set(request->loop, timer, request->deadline_us + WRITE_OUTCOME_GRACE_US);
		return;
	} else {
		request_timing_missed(&write->task);
		request_fail(request, OUTCOME_OUTCOME_UNKNOWN,
			     "the primary has not told how the command ended");
	}
	request_finish(request);
}

static void write_on_client_gone(struct request *request)
{
	if (!write_answer_accepted(write_of(request)) &&
	    !command_is_out(&write_of(request)->command))
		admit_client_gone(request);
}

/* A key that would be ignored is refused: the client relies on it. */
static enum step write_admit_key(const struct task *task)
{
	struct request *request = task->request;
	bool given = request->idempotency_key.ptr;

	switch (task->operation->idempotency) {
	case IDEMPOTENCY_OPTIONAL:
		return STEP_NEXT;
	case IDEMPOTENCY_REQUIRED:
		if (given)
			return STEP_NEXT;
		return request_fail(request, OUTCOME_IDEMPOTENCY_KEY_REQUIRED,
				    "%s must come with an Idempotency-Key", task->operation->name);
	case IDEMPOTENCY_NONE:
		if (!given)
			return STEP_NEXT;
		return request_fail(request, OUTCOME_BAD_REQUEST, "%s takes no Idempotency-Key",
				    task->operation->name);
	}
	assert(!"what is declared of keys");
	return STEP_DONE;
}

static enum step write_admit(struct request *request)
{
	struct write *write = write_of(request);
	struct task *task = &write->task;

	if (admit_begin(task) == STEP_DONE || write_admit_key(task) == STEP_DONE ||
	    accept_check_array(request, task->operation) == STEP_DONE)
		return STEP_DONE;
	if (task->router->topology.primary < 0)
		return request_fail(request, OUTCOME_NO_PRIMARY, "no node is the primary now");
	admit_deadline(task, write_on_deadline, write_on_client_gone);
	return requirement_judge(task);
}

static enum step write_admit_job(struct request *request)
{
	struct task *task = request->task;

	if (admit_begin_job(task) == STEP_DONE)
		return STEP_DONE;
	if (task->router->topology.primary < 0)
		return request_fail(request, OUTCOME_NO_PRIMARY, "no node is the primary now");
	admit_deadline(task, write_on_deadline, write_on_client_gone);
	return requirement_judge(task);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static enum step write_pass(struct request *request)
{
	(void)request;
	return STEP_NEXT;
}

/* The key is known: without it nothing is admitted. Another cluster's may have been met first. */
static struct job_ids *writes_ids(struct writes *writes)
{
	return job_ids_renew(&writes->ids, writes->ids_key, writes->router->tokens_key);
}

static enum step write_bind_job(struct request *request)
{
	struct write *write = write_of(request);
	struct command *command = &write->command;

	command->form = asked_form(request->kind);
	command->subject = asked_new(request, request->operation, writes_ids(write->writes));
	if (command->subject)
		return STEP_NEXT;
	return request_fail(request, OUTCOME_NOT_FOUND, "There is no such job");
}

/* False: there are too many, and the request is refused. */
static bool write_accept(struct write *write, struct pool *pool)
{
	struct router *router = write->task.router;
	struct command *command = &write->command;
	unsigned array = write->task.elements_count;

	if (job_counting_is_full(&write->writes->counting, pool,
				 router->shared.options->jobs_max)) {
		request_fail(command->request, OUTCOME_JOBS_FULL, "too many jobs are waiting");
		return false;
	}
	(void)writes_ids(write->writes);
	command->form = array ? &accept_array_form : &accept_form;
	command->subject = array ? accept_array_new(command, &write->writes->ids,
						    write->task.elements, array, &router->random)
				 : accept_new(command, &write->writes->ids, &router->random);
	return true;
}

/* What a command of the catalog sends. */
static bool write_choose_form(struct write *write, struct pool *pool)
{
	struct command *command = &write->command;
	struct task *task = &write->task;

	command->operation = task->operation;
	command->values = task->values;
	command->shape = task->shape;
	command->claims = task->claims;
	command->doubts = &task->router->feed_doubts;
	command->form = &operation_form;
	command->timeout_us = task_statement_timeout_us(task);
	if (!task->elements_count && !accept_is_wanted(task->request, task->operation))
		return true;
	command->timeout_us = 0;
	return write_accept(write, pool);
}

/* --- PLACE ------------------------------------------------------------------------------------ */

/* The primary may be another one by now, or none. */
static struct pool *write_on_rerun(struct command *command)
{
	struct write *write = container_of(command, struct write, command);
	struct router *router = write->task.router;
	struct pool *pool = router_primary_pool(router);

	metric_add(router->metrics, METRIC_retries_total,
		   METRIC_LABELS(router->shared.nodes[write->node]->name,
				 command->tries ? "key" : "serialization-failure"),
		   1);
	if (!pool)
		return NULL;
	/* What its user wrote before may be lost by now: told before anything runs. */
	if (requirement_renew(&write->task) == STEP_DONE)
		return NULL;
	write->node = (unsigned)router->topology.primary;
	return pool;
}

static void write_on_done(struct command *command, enum command_end end)
{
	struct write *write = container_of(command, struct write, command);

	if (command->call.pool)
		node_health_judge(write->task.router, write->node, &command->call);
	write->end = end;
	request_resume(write->task.request, STEP_NEXT);
}

static void write_cancel(struct request *request)
{
	command_forget(&write_of(request)->command);
}

static enum step write_send(struct write *write, struct pool *pool)
{
	struct command *command = &write->command;
	struct task *task = &write->task;

	if (task->operation && !await_job_asked(write) && !write_choose_form(write, pool))
		return STEP_DONE;
	command->bytes_max = (size_t)task->router->shared.options->result_bytes_max;
	command->random = &task->router->random;
	command->priority = task_priority(task, false);
	command->on_rerun = write_on_rerun;
	command->on_done = write_on_done;
	if (!command_send(command, pool))
		return request_fail(task->request,
				    command->call.refusal == REFUSAL_SHED ? OUTCOME_SHED
									  : OUTCOME_QUEUE_FULL,
				    "too many commands are waiting");
	(void)write_move(write, WRITE_OUT);
	return request_wait_for_call(task->request, &command->call.sent_us, write_cancel);
}

static enum step write_place_now(struct request *request)
{
	struct write *write = write_of(request);
	struct router *router = write->task.router;
	struct pool *pool = router_primary_pool(router);

	if (!pool)
		return request_fail(request, OUTCOME_NO_PRIMARY, "no node is the primary now");
	if (requirement_renew(&write->task) == STEP_DONE)
		return STEP_DONE;
	write->node = (unsigned)router->topology.primary;
	request->retry_after_us =
		breaker_wait_us(&router->nodes[write->node].health.breaker, loop_now(router->loop));
	if (request->retry_after_us)
		return request_fail(request, OUTCOME_BREAKER_OPEN,
				    "the primary is being left alone for a moment");
	return write_send(write, pool);
}

/* A command that is accepted stays so, whether or not its job can be asked for. */
static enum step write_place(struct request *request)
{
	struct write *write = write_of(request);
	enum step step = write_place_now(request);

	if (step != STEP_DONE || !await_job_asked(write) || !await_job_give_up(write))
		return step;
	return write_move(write, WRITE_AWAIT);
}

/* --- VERIFY ----------------------------------------------------------------------------------- */

/* Committed: the user's next read must see it, even when the reply cannot tell its rows. */
static bool write_remember(struct write *write)
{
	struct request *request = write->task.request;
	struct command *command = &write->command;
	struct position position = committed_at(write->task.router, write->task.judged,
						write->task.judged_life, command->position);

	if (!position_known(position) ||
	    (command->wrote && request->user.ptr &&
	     !sessions_wrote(write->task.router->shared.sessions, request->user_key, position))) {
		request_fail(request, OUTCOME_OUTCOME_UNKNOWN,
			     "the primary was replaced while the command committed");
		return false;
	}
	command->position = position;
	committed_acknowledge(write->task.router, position);
	router_token(write->task.router, position_max(position, write->task.needs.required),
		     request->token);
	request->served_by = SERVED_BY_PRIMARY;
	request->level_used = LEVEL_STRONG;
	request->reason = REASON_STRONG;
	request->node = write->task.router->shared.nodes[write->node]->name;
	request->node_shown = write->task.router->shared.nodes[write->node]->shown;
	request->lag_us = 0;
	return true;
}

static void write_count_key(struct write *write, const char *result)
{
	metric_add(write->task.router->metrics, METRIC_idempotency_total, METRIC_LABELS(result), 1);
}

static enum step write_good(struct request *request)
{
	request->outcome = OUTCOME_OK;
	if (request->kind == REQUEST_COMMAND)
		accept_note(request);
	return STEP_NEXT;
}

static enum step write_committed(struct write *write)
{
	struct request *request = write->task.request;

	if (!write_remember(write))
		return STEP_DONE;
	committed_carry(write->task.router, write->node, &write->command);
	(void)write_good(request);
	if (request_is_accepted(request)) {
		unsigned jobs = write->task.elements_count ? write->task.elements_count : 1;

		metric_add(write->task.router->metrics, METRIC_jobs_accepted_total,
			   METRIC_LABELS(request->operation_name), jobs);
		job_workers_wake(&write->writes->workers, write->task.operation);
	}
	return STEP_NEXT;
}

/* An earlier request with its key has committed. */
static enum step write_replayed(struct write *write)
{
	struct request *request = write->task.request;

	write->command.position.timeline = write->task.judged;
	request->replayed = requirement_holds(&write->task) && write_remember(write);
	write_count_key(write, "replayed");
	if (!request->replayed)
		return request_fail(request, OUTCOME_NO_PRIMARY,
				    "another primary was promoted meanwhile");
	return write_good(request);
}

static enum step write_failed(struct write *write)
{
	enum outcome outcome = write->task.request->outcome;

	if (write->command.call.revalidates && revalidate_try(&write->task, &write->command.call))
		return write_move(write, WRITE_DESCRIBE);
	if (outcome == OUTCOME_IDEMPOTENCY_MISMATCH)
		write_count_key(write, "mismatch");
	else if (outcome == OUTCOME_IDEMPOTENCY_IN_PROGRESS)
		write_count_key(write, "in-progress");
	return STEP_DONE;
}

/* The job of a command that was accepted has been asked for. */
static enum step write_asked(struct write *write)
{
	bool there = write->end == COMMAND_COMMITTED || write->end == COMMAND_COMMITTED_UNTELLABLE;

	if (there && !write_remember(write))
		return STEP_DONE;
	return await_job_take(write);
}

static enum step write_verify(struct request *request)
{
	struct write *write = write_of(request);

	if (await_job_asked(write))
		return write_asked(write);
	switch (write->end) {
	case COMMAND_COMMITTED:
		return write_committed(write);
	case COMMAND_COMMITTED_UNTELLABLE:
		(void)write_remember(write);
		return STEP_DONE;
	case COMMAND_REPLAYED:
		return write_replayed(write);
	case COMMAND_WRONG_NODE:
		monitor_poll_now(write->task.router->shared.monitor);
		return STEP_DONE;
	case COMMAND_FAILED:
		return write_failed(write);
	}
	assert(!"an end of a command");
	return STEP_DONE;
}

/* --- ANSWER ----------------------------------------------------------------------------------- */

/* The end of the document of what an operation answered. */
static void write_end_document(struct request *request)
{
	if (request->minimal) {
		buf_clear(&request->out);
		buf_literal(&request->out, "{\"data\":null");
	}
	buf_literal(&request->out, ",\"token\":\"");
	buf_string(&request->out, request->token);
	buf_literal(&request->out, "\"}");
}

static enum step write_answer(struct request *request)
{
	if (request->kind != REQUEST_COMMAND)
		asked_answer(request, write_of(request)->command.subject);
	else if (request_is_accepted(request))
		buf_byte(&request->out, '}');
	else
		write_end_document(request);
	return STEP_DONE;
}

const struct node *write_node(struct request *request)
{
	const struct write *write = write_of(request);

	return request->state < WRITE_OUT ? NULL : write->task.router->shared.nodes[write->node];
}
