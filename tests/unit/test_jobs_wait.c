/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Requests that wait for a job: who wakes them, what they are answered, and when they give up. */
#include "scene.h"

#include "base/clock.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define ACCEPTED "{\"n\":7,\"due_s\":0,\"mark\":1,\"created_at\":\"\",\"run_at\":\"\"}"
#define QUEUED "{\"verdict\":5,\"id\":\"x\",\"state\":\"queued\",\"problem\":null,\"result\":null}"
#define RUNNING                                                                                    \
	"{\"verdict\":7,\"id\":\"x\",\"state\":\"running\",\"problem\":null,\"result\":null}"
#define DONE                                                                                       \
	"{\"verdict\":1,\"id\":\"x\",\"state\":\"done\",\"problem\":null,"                         \
	"\"result\":{\"data\":{\"id\":9}}}"
#define CANCELLED                                                                                  \
	"{\"verdict\":1,\"id\":\"x\",\"state\":\"cancelled\",\"problem\":null,\"result\":null}"
#define DEAD                                                                                       \
	"{\"verdict\":1,\"id\":\"x\",\"state\":\"dead\",\"problem\":{\"code\":\"conflict\","       \
	"\"status\":409,\"detail\":\"it is there\",\"sqlstate\":\"23505\"},\"result\":null}"

static struct call *out(enum call_kind kind)
{
	struct call *call = fake_last_call(0, kind);

	assert_non_null(call);
	return call;
}

static const char *document(const struct asked *asked)
{
	buf_byte(&asked->request->out, '\0');
	return asked->request->out.ptr;
}

/* An accepted command that waits for its job. */
static void defer(struct scene *scene, struct asked *asked, int64_t wait_us)
{
	scene_ask(scene, asked, REQUEST_COMMAND, "defer", "ann");
	asked->request->respond = RESPOND_ASYNC;
	asked->request->prefer_wait_us = wait_us;
	scene_take(scene, asked);
	fake_commit(out(CALL_COMMAND), 2000, true, ACCEPTED, 1);
	assert_int_equal(asked->done, wait_us == 0);
}

/* The primary is asked for all that is watched. */
static struct call *question(struct scene *scene)
{
	scene_pass(scene, 50 * US_PER_MS);
	assert_non_null(strstr(out(CALL_QUERY)->statement->text, "unnest"));
	return out(CALL_QUERY);
}

static void told_by_primary(struct scene *scene)
{
	fake_answer_primary(question(scene), 2500, "{\"n\":7}", 1);
}

static void told_by_worker(struct scene *scene)
{
	const int64_t n[] = { 3, 7 };

	job_watches_tell(&scene->writes.watches, n, 2);
}

/* A job of number 7, asked for with a wait. */
static void poll_job(struct scene *scene, struct asked *asked, const char *row)
{
	static char id[27];
	struct asked accepted;

	defer(scene, &accepted, 0);
	memcpy(id, accepted.request->job.ptr, 26);
	asked_free(&accepted);
	scene_ask(scene, asked, REQUEST_JOB, id, "ann");
	asked->request->prefer_wait_us = US_PER_S;
	scene_take(scene, asked);
	fake_commit(out(CALL_COMMAND), 2000, false, row, 1);
}

/* --- an accepted command ---------------------------------------------------------------------- */

static void a_command_is_answered_as_done_when_its_job_is(void **state)
{
	void (*const told[])(struct scene * scene) = { told_by_worker, told_by_primary };
	struct scene *scene = *state;

	for (size_t i = 0; i < 2; i++) {
		struct asked asked;

		defer(scene, &asked, US_PER_S);
		told[i](scene);
		fake_commit(out(CALL_COMMAND), 3000, false, DONE, 1);

		assert_int_equal(asked.done, 1);
		assert_int_equal(asked.request->outcome, OUTCOME_OK);
		assert_int_equal(asked.request->status, 0);
		assert_null(asked.request->job.ptr);
		assert_true(asked.request->wait_applied);
		assert_memory_equal(document(&asked), "{\"data\":{\"id\":9},\"token\":\"", 26);
		assert_int_equal(sessions_find(scene->sessions, TEXT("ann")).position.lsn, 3000);
		asked_free(&asked);
		scene_anew(scene);
	}
}

static void a_command_is_answered_with_the_problem_its_job_died_of(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	defer(scene, &asked, US_PER_S);
	told_by_worker(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, DEAD, 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_CONFLICT);
	assert_int_equal(asked.request->status, 409);
	assert_string_equal(asked.request->detail, "it is there");
	assert_string_equal(asked.request->sqlstate, "23505");
	assert_null(asked.request->job.ptr);
	assert_true(asked.request->token[0]);
}

static void assert_accepted(struct asked *asked)
{
	assert_int_equal(asked->done, 1);
	assert_int_equal(asked->request->outcome, OUTCOME_OK);
	assert_int_equal(asked->request->status, 202);
	assert_int_equal(asked->request->job.len, 26);
	assert_memory_equal(document(asked), "{\"job\":{\"id\":\"", 14);
	assert_true(asked->request->token[0]);
	asked_free(asked);
}

static void time_passes(struct scene *scene)
{
	scene_pass(scene, 2 * US_PER_S);
}

static void the_service_ends(struct scene *scene)
{
	writes_drain(&scene->writes);
}

static void it_was_cancelled(struct scene *scene)
{
	told_by_worker(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, CANCELLED, 1);
}

static void it_is_gone(struct scene *scene)
{
	told_by_worker(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, "", 0);
}

static void the_answer_is_lost(struct scene *scene)
{
	told_by_worker(scene);
	fake_lost(out(CALL_COMMAND), CALL_LOST, "it is gone");
}

static void there_is_no_room(struct scene *scene)
{
	fake_full(0, true);
	told_by_worker(scene);
	fake_full(0, false);
}

static void the_answer_is_late(struct scene *scene)
{
	told_by_worker(scene);
	scene_pass(scene, 6 * US_PER_S);
}

static void the_primary_is_lost(struct scene *scene)
{
	scene->topology.primary = -1;
	scene_publish(scene);
	told_by_worker(scene);
}

static void the_client_goes(struct scene *scene)
{
	struct list_link *first = list_first(&scene->writes.in_state[WRITE_AWAIT]);
	struct request *request = container_of(first, struct request, link);

	request->on_client_gone(request);
}

static void a_command_stays_accepted_whatever_becomes_of_the_wait(void **state)
{
	void (*const events[])(struct scene * scene) = {
		time_passes,        the_service_ends,    it_was_cancelled,
		it_is_gone,         the_answer_is_lost,  there_is_no_room,
		the_answer_is_late, the_primary_is_lost, the_client_goes,
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct asked asked;

		defer(scene, &asked, US_PER_S);
		events[i](scene);

		assert_accepted(&asked);
		scene_anew(scene);
	}
}

static void a_job_that_is_tried_again_is_waited_for_once_more(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	defer(scene, &asked, US_PER_S);
	told_by_worker(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, QUEUED, 1);
	assert_int_equal(asked.done, 0);

	told_by_worker(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, DONE, 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->status, 0);
}

/* --- a job that is asked for ------------------------------------------------------------------ */

static void a_poll_is_answered_when_the_job_has_ended(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	poll_job(scene, &asked, QUEUED);
	assert_int_equal(asked.done, 0);
	told_by_primary(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, RUNNING, 1);
	assert_int_equal(asked.done, 0);
	told_by_worker(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, DONE, 1);

	assert_int_equal(asked.done, 1);
	assert_true(asked.request->wait_applied);
	assert_non_null(strstr(document(&asked), "\"state\":\"done\""));
	assert_true(asked.request->token[0]);
}

static void a_poll_whose_time_is_over_is_answered_with_what_is_known(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	poll_job(scene, &asked, QUEUED);
	told_by_primary(scene);
	fake_commit(out(CALL_COMMAND), 3000, false, RUNNING, 1);

	scene_pass(scene, US_PER_S);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_non_null(strstr(document(&asked), "\"state\":\"running\""));
	assert_true(asked.request->wait_applied);
}

static void a_client_that_goes_away_leaves_nothing_behind(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	poll_job(scene, &asked, QUEUED);
	asked.request->on_client_gone(asked.request);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->status, 499);
	assert_int_equal(scene->writes.watches.count, 0);
}

static void all_that_is_watched_is_one_question(void **state)
{
	struct scene *scene = *state;
	struct asked asked[3];

	for (size_t i = 0; i < 3; i++)
		defer(scene, &asked[i], US_PER_S);
	assert_string_equal(question(scene)->values[0], "{7,7,7}");
	fake_answer_primary(out(CALL_QUERY), 2500, "", 0);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(asked[i].done, 0);
	assert_int_equal(scene->writes.watches.count, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(a_command_is_answered_as_done_when_its_job_is),
		SCENE_STORY(a_command_is_answered_with_the_problem_its_job_died_of),
		SCENE_STORY(a_command_stays_accepted_whatever_becomes_of_the_wait),
		SCENE_STORY(a_job_that_is_tried_again_is_waited_for_once_more),
		SCENE_STORY(a_poll_is_answered_when_the_job_has_ended),
		SCENE_STORY(a_poll_whose_time_is_over_is_answered_with_what_is_known),
		SCENE_STORY(a_client_that_goes_away_leaves_nothing_behind),
		SCENE_STORY(all_that_is_watched_is_one_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
