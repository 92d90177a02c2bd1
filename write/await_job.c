/* SPDX-License-Identifier: Apache-2.0 */
/* Of an accepted command the acceptance is kept aside while its job is asked for. */
#include "write/await_job.h"

#include "base/clock.h"
#include "router/task.h"
#include "write/job_events.h"
#include "write/jobs/asked.h"

#include <assert.h>

#define AWAIT_JOB_MARGIN_US (10 * US_PER_MS) /* before the deadline, for the way of the reply */

struct await_job {
	struct write *write;
	struct job_watch watch;
	struct loop_timer over;
	/* Of an accepted command. */
	struct text document; /* its acceptance, without its last brace */
	struct position position;
	int64_t retry_after_us;
	bool asked;    /* its job is asked for, or was */
	bool gives_up; /* nothing more is waited for */
};

static void await_job_on_news(struct job_watch *watch, enum job_news news);

/* --- what is to be waited for ----------------------------------------------------------------- */

static bool await_job_is_accepted(const struct request *request)
{
	return request->kind == REQUEST_COMMAND && request->job.ptr && !request->replayed;
}

static int64_t await_job_until_us(const struct request *request)
{
	int64_t until_us = request_wait_until_us(request);
	int64_t latest_us = request->deadline_us - AWAIT_JOB_MARGIN_US;

	return until_us < latest_us ? until_us : latest_us;
}

/* Which job, and what of it? False: there is nothing to wait for. */
static bool await_job_find(struct write *write, struct job_number *number, int *stage)
{
	struct request *request = write->task.request;

	if (request->kind == REQUEST_JOB)
		return asked_stage(write->command.subject, number, stage);
	*stage = JOB_STAGE_ANY;
	return await_job_is_accepted(request) &&
	       job_id_read(write->writes->ids, request->job, number);
}

static struct await_job *await_job_new(struct write *write)
{
	struct request *request = write->task.request;
	struct await_job *await = arena_zero(&request->arena, 1, sizeof(*await));

	await->write = write;
	await->watch.on_news = await_job_on_news;
	if (request->kind != REQUEST_COMMAND)
		return await;
	await->document =
		arena_text(&request->arena, (struct text){ request->out.ptr, request->out.len });
	await->position = write->command.position;
	await->retry_after_us = request->retry_after_us;
	return await;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static void await_job_cancel(struct request *request)
{
	struct write *write = write_of(request);

	job_watch_end(&write->writes->watches, &write->await_job->watch);
	loop_timer_cancel(request->loop, &write->await_job->over);
	request->wait_us += loop_now(request->loop) - request->wait.since_us;
}

static void await_job_end(struct await_job *await)
{
	struct request *request = await->write->task.request;

	await->gives_up = true;
	request_let_go(request);
	request_resume(request, STEP_NEXT);
}

static void await_job_on_over(struct loop_timer *timer)
{
	await_job_end(container_of(timer, struct await_job, over));
}

enum step await_job_step(struct request *request)
{
	struct write *write = write_of(request);
	int64_t until_us = await_job_until_us(request), now_us = loop_now(request->loop);
	struct await_job *await;
	struct job_number number;
	int stage;

	if (request->respond == RESPOND_EVENTS)
		return job_events_step(request);
	if (request->prefer_wait_us < 0 || request->outcome != OUTCOME_OK ||
	    request->kind == REQUEST_JOB_CANCEL)
		return STEP_NEXT;
	request->wait_applied |= request->kind == REQUEST_JOB || await_job_is_accepted(request);
	if (!await_job_find(write, &number, &stage) || now_us + request->retry_after_us >= until_us)
		return STEP_NEXT;
	if (!write->await_job)
		write->await_job = await_job_new(write);
	await = write->await_job;
	await->watch.job = number;
	await->watch.stage = stage;
	if (await->gives_up || !job_watch_begin(&write->writes->watches, &await->watch))
		return STEP_NEXT;
	await->over.on_due = await_job_on_over;
	loop_timer_set(request->loop, &await->over, until_us);
	return request_wait(request, WAIT_JOB, await_job_cancel);
}

/* --- asking again ----------------------------------------------------------------------------- */

static void await_job_ask_as_done(struct await_job *await)
{
	struct write *write = await->write;
	struct request *request = write->task.request;

	write->command = (struct command){ .request = request, .form = &asked_done_form };
	write->command.subject = asked_new(request, request->job, write->writes->ids);
	assert(write->command.subject);
	await->asked = true;
}

static void await_job_on_news(struct job_watch *watch, enum job_news news)
{
	struct await_job *await = container_of(watch, struct await_job, watch);
	struct request *request = await->write->task.request;

	if (news == JOB_NEWS_DRAIN) {
		await_job_end(await);
		return;
	}
	request_let_go(request);
	if (request->kind == REQUEST_COMMAND)
		await_job_ask_as_done(await);
	(void)write_move(await->write, WRITE_PLACE);
	request_run(request);
}

bool await_job_asked(const struct write *write)
{
	return write->await_job && write->await_job->asked && write->task.request->job.ptr;
}

bool await_job_give_up(struct write *write)
{
	struct request *request = write->task.request;
	struct await_job *await = write->await_job;

	if (!await || !await_job_is_accepted(request))
		return false;
	request_let_go(request);
	await->gives_up = true;
	if (!await->asked)
		return true;
	task_forget_failure(request);
	buf_clear(&request->out);
	request->status = 202;
	request->retry_after_us = await->retry_after_us;
	buf_text(&request->out, await->document);
	write->command.position = await->position;
	return true;
}

enum step await_job_take(struct write *write)
{
	struct request *request = write->task.request;
	bool untellable = write->end == COMMAND_COMMITTED_UNTELLABLE;
	struct job_number number;
	bool good;
	int stage;

	if ((write->end == COMMAND_COMMITTED || untellable) &&
	    asked_has_ended(write->command.subject)) {
		request->job = (struct text){ NULL, 0 };
		request->retry_after_us = 0;
		if (!untellable)
			request->status = 0;
		return untellable ? STEP_DONE : STEP_NEXT;
	}
	good = await_job_give_up(write);
	assert(good);
	/* News of an attempt that is tried again: there may be more. */
	write->await_job->gives_up = write->end != COMMAND_COMMITTED ||
				     !asked_stage(write->command.subject, &number, &stage);
	return STEP_NEXT;
}
