/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent is appended to request->out; rows come to a buffer of its own. */
#include "write/job_events.h"

#include "base/clock.h"
#include "router/requirement.h"
#include "router/task.h"
#include "write/jobs/asked.h"
#include "write/state.h"

#include <assert.h>
#include <string.h>

#define JOB_EVENTS_BEAT_US (15 * US_PER_S)
#define JOB_EVENTS_END "end" /* the id of a final state */

struct job_events {
	struct write *write;
	struct job_watch watch;
	struct loop_timer beat; /* when a comment is due */
	struct call call;
	struct pool *pool; /* while a call is on its way */
	struct buf rows;
	int64_t until_us;
	bool changed; /* there were news while the client had not taken the last event */
};

static void job_events_on_news(struct job_watch *watch, enum job_news news);
static void job_events_on_taken(struct request *request);
static void job_events_on_beat(struct loop_timer *timer);

/* --- events ----------------------------------------------------------------------------------- */

/* Each line of the data begins anew: JSON may have line ends between its values. */
static void job_events_write_data(struct buf *out, struct text data)
{
	buf_literal(out, "data: ");
	for (size_t i = 0; i < data.len; i++)
		if (data.ptr[i] == '\n' || data.ptr[i] == '\r')
			buf_literal(out, "\ndata: ");
		else
			buf_byte(out, data.ptr[i]);
	buf_literal(out, "\n\n");
}

static const char *job_events_id(struct arena *arena, const void *subject)
{
	struct job_number number;
	int stage;

	if (!asked_stage(subject, &number, &stage))
		return JOB_EVENTS_END;
	return arena_printf(arena, "%d", stage);
}

static void job_events_write(struct request *request, const void *subject, struct text data)
{
	buf_literal(&request->out, "event: state\nid: ");
	buf_string(&request->out, job_events_id(&request->arena, subject));
	buf_byte(&request->out, '\n');
	job_events_write_data(&request->out, data);
}

/* --- the end ---------------------------------------------------------------------------------- */

static void job_events_cancel(struct request *request)
{
	struct write *write = write_of(request);
	struct job_events *events = write->events;

	job_watch_end(&write->writes->watches, &events->watch);
	loop_timer_cancel(request->loop, &events->beat);
	if (events->pool)
		pool_forget(events->pool, &events->call);
	events->pool = NULL;
	buf_fini(&events->rows);
	write->writes->events--;
}

static void job_events_end(struct job_events *events)
{
	struct request *request = events->write->task.request;

	request->stream = STREAM_WHOLE;
	request_finish(request);
}

/* --- what is next ----------------------------------------------------------------------------- */

/* For what comes after the state that was sent last. False: nothing comes, or there is no room. */
static bool job_events_watch(struct job_events *events)
{
	struct write *write = events->write;

	return asked_stage(write->command.subject, &events->watch.job, &events->watch.stage) &&
	       job_watch_begin(&write->writes->watches, &events->watch);
}

static void job_events_go_on(struct job_events *events)
{
	struct loop *loop = events->write->task.request->loop;

	if (!job_events_watch(events)) {
		job_events_end(events);
		return;
	}
	loop_timer_set(loop, &events->beat, loop_now(loop) + JOB_EVENTS_BEAT_US);
}

/* Is it another state than that which was sent last? */
static bool job_events_is_other(const struct job_events *events)
{
	struct job_number number;
	int stage;

	return !asked_stage(events->write->command.subject, &number, &stage) ||
	       stage != events->watch.stage;
}

/* The state of now, from the primary. */
static bool job_events_show(struct job_events *events)
{
	struct write *write = events->write;
	struct request *request = write->task.request;
	char token[TOKEN_TEXT_MAX + 1] = "";
	struct position seen = { write->task.judged, events->call.upper };
	struct text row = { events->rows.ptr, events->rows.len };
	struct buf document;
	bool shown;

	if (events->call.end != CALL_OK || events->call.in_recovery || !events->call.rows ||
	    !requirement_holds(&write->task))
		return false;
	router_token(write->task.router, seen, token);
	buf_init(&document);
	shown = asked_show_row(write->command.subject, row, token, &document);
	/* It may have run for a moment, and been put back. */
	if (shown && job_events_is_other(events))
		job_events_write(request, write->command.subject,
				 (struct text){ document.ptr, document.len });
	buf_fini(&document);
	return shown;
}

static void job_events_on_call(struct call *call)
{
	struct job_events *events = container_of(call, struct job_events, call);
	struct request *request = events->write->task.request;

	events->pool = NULL;
	router_refresh(events->write->task.router);
	if (!job_events_show(events)) {
		job_events_end(events);
		return;
	}
	request->on_stream(request);
	job_events_go_on(events);
}

static void job_events_ask(struct job_events *events)
{
	struct write *write = events->write;
	struct pool *pool = router_primary_pool(write->task.router);

	buf_clear(&events->rows);
	events->changed = false;
	events->call = (struct call){
		.kind = CALL_QUERY,
		.arena = &write->task.request->arena,
		.out = &events->rows,
		.on_done = job_events_on_call,
	};
	asked_fill_call(write->command.subject, &events->call);
	if (pool && pool_submit(pool, &events->call))
		events->pool = pool;
	else
		job_events_end(events);
}

static void job_events_on_news(struct job_watch *watch, enum job_news news)
{
	struct job_events *events = container_of(watch, struct job_events, watch);

	if (news == JOB_NEWS_DRAIN)
		job_events_end(events);
	else if (events->write->task.request->out.len)
		events->changed = true;
	else
		job_events_ask(events);
}

static void job_events_on_taken(struct request *request)
{
	struct job_events *events = write_of(request)->events;

	if (events->changed && !events->pool)
		job_events_ask(events);
}

static void job_events_on_beat(struct loop_timer *timer)
{
	struct job_events *events = container_of(timer, struct job_events, beat);
	struct request *request = events->write->task.request;
	int64_t now_us = loop_now(request->loop);

	if (now_us >= events->until_us || events->write->writes->draining) {
		job_events_end(events);
		return;
	}
	loop_timer_set(request->loop, timer, now_us + JOB_EVENTS_BEAT_US);
	if (request->out.len)
		return;
	buf_literal(&request->out, ":\n\n");
	request->on_stream(request);
}

/* --- the beginning ---------------------------------------------------------------------------- */

static struct job_events *job_events_new(struct write *write)
{
	struct request *request = write->task.request;
	struct job_events *events = arena_zero(&request->arena, 1, sizeof(*events));

	events->write = write;
	events->watch.on_news = job_events_on_news;
	events->beat.on_due = job_events_on_beat;
	events->until_us = loop_now(request->loop) + JOB_EVENTS_US_MAX;
	buf_init(&events->rows);
	return events;
}

/* The first event, unless the client has it. False: that was the last one. */
static bool job_events_begin(struct write *write)
{
	struct request *request = write->task.request;
	const void *subject = write->command.subject;
	bool has_it = text_is(request->last_event_id, job_events_id(&request->arena, subject));
	struct text document;

	asked_answer(request, subject);
	document = arena_text(&request->arena, (struct text){ request->out.ptr, request->out.len });
	buf_clear(&request->out);
	if (has_it)
		buf_literal(&request->out, ":\n\n");
	else
		job_events_write(request, subject, document);
	if (!asked_has_ended(subject))
		return true;
	if (has_it) {
		buf_clear(&request->out);
		request->status = 204;
	}
	return false;
}

enum step job_events_step(struct request *request)
{
	struct write *write = write_of(request);
	struct job_events *events;

	if (request->outcome != OUTCOME_OK)
		return STEP_DONE;
	if (!job_events_begin(write) || !request->may_stream || write->writes->draining)
		return STEP_DONE;
	if (write->writes->events == JOB_EVENTS_MAX)
		return request_fail(request, OUTCOME_QUEUE_FULL, "too many clients follow jobs");
	write->writes->events++;
	write->events = events = job_events_new(write);
	if (!job_events_watch(events)) {
		job_events_cancel(request);
		return request_fail(request, OUTCOME_QUEUE_FULL, "too many clients wait for jobs");
	}
	loop_timer_set(request->loop, &events->beat, loop_now(request->loop) + JOB_EVENTS_BEAT_US);
	loop_timer_cancel(request->loop, &request->timer);
	request->stream = STREAM_OPEN;
	request->on_taken = job_events_on_taken;
	(void)request_wait(request, WAIT_JOB, job_events_cancel);
	request->on_stream(request);
	return STEP_WAIT;
}
