/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* The states of a job as events: when one is sent, when none is, and what ends the reply. */
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPTED "{\"n\":7,\"due_s\":0,\"mark\":1,\"created_at\":\"\",\"run_at\":\"\"}"
#define QUEUED "{\"verdict\":5,\"id\":\"x\",\"state\":\"queued\",\"result\":null}"
#define RUNNING "{\"verdict\":7,\"id\":\"x\",\"state\":\"running\",\"result\":null}"
#define DONE "{\"verdict\":1,\"id\":\"x\",\"state\":\"done\",\"result\":{\"data\":\n{\"id\":9}}}"

static unsigned pieces; /* how often there was more to send */

static void on_stream(struct request *request)
{
	(void)request;
	pieces++;
}

static struct call *out(enum call_kind kind)
{
	struct call *call = fake_last_call(0, kind);

	assert_non_null(call);
	return call;
}

static const char *sent(const struct asked *asked)
{
	buf_byte(&asked->request->out, '\0');
	asked->request->out.len--;
	return asked->request->out.ptr;
}

/* The client has taken what there was. */
static void take(struct asked *asked)
{
	buf_clear(&asked->request->out);
	if (!asked->done)
		asked->request->on_taken(asked->request);
}

/* Of a job of number 7 that is queued; last: the event that the client has. */
static void follow(struct scene *scene, struct asked *asked, const char *last, const char *row)
{
	static char id[27];
	struct asked accepted;

	scene_ask(scene, &accepted, REQUEST_COMMAND, "defer", "ann");
	accepted.request->respond = RESPOND_ASYNC;
	scene_take(scene, &accepted);
	fake_commit(out(CALL_COMMAND), 2000, true, ACCEPTED, 1);
	memcpy(id, accepted.request->job.ptr, 26);
	asked_free(&accepted);
	scene_ask(scene, asked, REQUEST_JOB, id, "ann");
	asked->request->respond = RESPOND_EVENTS;
	asked->request->last_event_id = text_of(last);
	asked->request->may_stream = true;
	asked->request->on_stream = on_stream;
	scene_take(scene, asked);
	pieces = 0;
	fake_commit(out(CALL_COMMAND), 2000, false, row, 1);
}

static void news(struct scene *scene)
{
	const int64_t n = 7;

	job_watches_tell(&scene->writes.watches, &n, 1);
}

static void each_state_is_an_event_and_the_last_one_ends_the_reply(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	follow(scene, &asked, NULL, QUEUED);
	assert_int_equal(asked.request->stream, STREAM_OPEN);
	assert_string_equal(sent(&asked), "event: state\nid: 1\ndata: {\"job\":{\"id\":\"x\","
					  "\"state\":\"queued\",\"result\":null}}\n\n");
	take(&asked);
	news(scene);
	fake_answer_primary(out(CALL_QUERY), 2500, DONE, 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->stream, STREAM_WHOLE);
	assert_memory_equal(sent(&asked), "event: state\nid: end\ndata: {", 28);
	assert_non_null(strstr(sent(&asked), "{\"data\":\ndata: {\"id\":9}}"));
	assert_non_null(strstr(sent(&asked), "\"token\":\""));
	assert_int_equal(scene->writes.events, 0);
}

static void what_the_client_has_is_not_sent_again(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	follow(scene, &asked, "1", QUEUED);
	assert_string_equal(sent(&asked), ":\n\n");
	take(&asked);
	news(scene);
	fake_answer_primary(out(CALL_QUERY), 2500, QUEUED, 1);
	assert_string_equal(sent(&asked), "");
	asked.request->on_client_gone(asked.request);
	asked_free(&asked);

	follow(scene, &asked, "end", DONE);
	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->status, 204);
	assert_int_equal(asked.request->out.len, 0);
}

static void nothing_is_asked_for_a_client_that_takes_nothing(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	unsigned waiting;

	follow(scene, &asked, NULL, QUEUED);
	waiting = fake_waiting(0);
	news(scene);
	assert_int_equal(fake_waiting(0), waiting);

	take(&asked);

	assert_non_null(strstr(out(CALL_QUERY)->statement->text, "attempt_log"));
	fake_answer_primary(out(CALL_QUERY), 2500, RUNNING, 1);
	assert_non_null(strstr(sent(&asked), "id: 3\n"));
}

static void a_comment_comes_when_nothing_else_does(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	follow(scene, &asked, NULL, QUEUED);
	take(&asked);
	scene_pass(scene, 15 * US_PER_S);

	assert_string_equal(sent(&asked), ":\n\n");
	assert_int_equal(asked.done, 0);
}

static void the_service_ends(struct scene *scene, struct asked *asked)
{
	(void)asked;
	writes_drain(&scene->writes);
}

static void an_hour_passes(struct scene *scene, struct asked *asked)
{
	for (unsigned i = 0; i < 3600 / 15; i++) {
		scene_pass(scene, 15 * US_PER_S);
		take(asked);
	}
}

static void the_primary_cannot_say(struct scene *scene, struct asked *asked)
{
	(void)asked;
	news(scene);
	fake_lost(out(CALL_QUERY), CALL_LOST, "it is gone");
}

static void the_client_goes(struct scene *scene, struct asked *asked)
{
	(void)scene;
	asked->request->on_client_gone(asked->request);
}

static void the_client_goes_amid_a_question(struct scene *scene, struct asked *asked)
{
	news(scene);
	asked->request->on_client_gone(asked->request);
}

static void nothing_is_left_behind_whatever_ends_the_reply(void **state)
{
	static const struct {
		void (*event)(struct scene *scene, struct asked *asked);
		enum stream stream;
	} rows[] = {
		{ the_service_ends, STREAM_WHOLE },
		{ an_hour_passes, STREAM_WHOLE },
		{ the_primary_cannot_say, STREAM_WHOLE },
		{ the_client_goes, STREAM_BROKEN },
		{ the_client_goes_amid_a_question, STREAM_BROKEN },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;

		follow(scene, &asked, NULL, QUEUED);
		take(&asked);
		rows[i].event(scene, &asked);

		assert_int_equal(asked.done, 1);
		assert_int_equal(asked.request->stream, rows[i].stream);
		assert_int_equal(scene->writes.events, 0);
		assert_int_equal(scene->writes.watches.count, 0);
		asked_free(&asked);
		scene_anew(scene);
	}
}

static void beyond_the_maximum_nobody_follows_a_job(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene->writes.events = JOB_EVENTS_MAX;
	follow(scene, &asked, NULL, QUEUED);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_QUEUE_FULL);
	scene->writes.events = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(each_state_is_an_event_and_the_last_one_ends_the_reply),
		SCENE_STORY(what_the_client_has_is_not_sent_again),
		SCENE_STORY(nothing_is_asked_for_a_client_that_takes_nothing),
		SCENE_STORY(a_comment_comes_when_nothing_else_does),
		SCENE_STORY(nothing_is_left_behind_whatever_ends_the_reply),
		SCENE_STORY(beyond_the_maximum_nobody_follows_a_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
