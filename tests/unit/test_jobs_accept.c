/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_pool.c scene.c */
/* Commands that are accepted as jobs: what is sent, what the client gets, what it asks later. */
#include "scene.h"

#include "base/clock.h"
#include "base/json.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW                                                                                        \
	"{\"n\":7,\"due_s\":0,\"mark\":1,\"created_at\":\"2026-12-01T00:00:00Z\","                 \
	"\"run_at\":null}"
#define DOCUMENT_BEGINS "{\"job\":{\"id\":\""

static struct call *out(enum call_kind kind)
{
	struct call *call = fake_call(0, kind);

	assert_non_null(call);
	return call;
}

static const char *document(const struct asked *asked)
{
	buf_byte(&asked->request->out, '\0');
	return asked->request->out.ptr;
}

/* Of a client that would rather not wait. */
static struct call *defer(struct scene *scene, struct asked *asked)
{
	scene_ask(scene, asked, REQUEST_COMMAND, "defer", "ann");
	asked->request->respond = RESPOND_ASYNC;
	scene_take(scene, asked);
	return out(CALL_COMMAND);
}

static bool is_acceptance(const struct call *call)
{
	return strstr(call->statement->text, "INSERT INTO cqrsd.job ") != NULL;
}

static void an_acceptance_is_an_insert_with_all_that_a_worker_needs(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	struct call *call = defer(scene, &asked);

	assert_true(is_acceptance(call));
	assert_int_equal(call->transaction, TRANSACTION_SHARED);
	assert_null(call->frame);
	assert_string_equal(call->values[1], "defer");
	assert_int_equal(strlen(call->values[2]), 16);
	assert_string_equal(call->values[3], "{\"id\":\"7\",\"note\":null}");
	assert_string_equal(call->values[4], "3");
	assert_null(call->values[5]);
	assert_string_equal(call->values[6], "3600");
	assert_string_equal(call->values[7], "f");
	assert_null(call->values[8]);
	assert_null(call->values[9]);
	assert_string_equal(call->values[10], "ann");
	assert_null(call->values[11]);
}

static void an_acceptance_is_answered_with_the_job_and_remembered_as_a_write(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_commit(defer(scene, &asked), 2000, true, ROW, 1);

	assert_int_equal(asked.done, 1);
	assert_int_equal(asked.request->outcome, OUTCOME_OK);
	assert_int_equal(asked.request->status, 202);
	assert_int_equal(asked.request->job.len, 26);
	assert_memory_equal(asked.request->out.ptr, DOCUMENT_BEGINS, strlen(DOCUMENT_BEGINS));
	assert_memory_equal(asked.request->out.ptr + strlen(DOCUMENT_BEGINS),
			    asked.request->job.ptr, 26);
	assert_string_equal(document(&asked) + strlen(DOCUMENT_BEGINS) + 26,
			    "\",\"command\":\"defer\",\"state\":\"queued\",\"attempts\":0,"
			    "\"attempts_max\":3,\"created_at\":\"2026-12-01T00:00:00Z\","
			    "\"run_at\":\"2026-12-01T00:00:00Z\"}}");
	assert_int_equal(sessions_find(scene->sessions, TEXT("ann")).position.lsn, 2000);
	assert_true(asked.request->token[0]);
}

static void a_job_that_is_due_later_is_asked_for_later(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_COMMAND, "defer", "ann");
	asked.request->not_before = TEXT("2026-12-01T00:00:00Z");
	scene_take(scene, &asked);
	assert_true(is_acceptance(out(CALL_COMMAND)));
	assert_string_equal(out(CALL_COMMAND)->values[5], "2026-12-01T00:00:00Z");

	fake_commit(out(CALL_COMMAND), 2000, true,
		    "{\"n\":7,\"due_s\":90,\"mark\":1,\"run_at\":\"x\"}", 1);

	assert_non_null(strstr(document(&asked), "\"state\":\"scheduled\""));
	assert_int_equal(asked.request->retry_after_us, 90 * US_PER_S);
}

static void who_may_not_or_does_not_ask_for_it_has_the_command_done(void **state)
{
	struct scene *scene = *state;
	static const struct {
		const char *operation;
		enum respond respond;
		bool accepted;
	} rows[] = {
		{ "defer", RESPOND_DONE, false },  { "defer", RESPOND_ASYNC, true },
		{ "place", RESPOND_ASYNC, false }, { "queue", RESPOND_DONE, true },
		{ "queue", RESPOND_ASYNC, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;

		scene_ask(scene, &asked, REQUEST_COMMAND, rows[i].operation, "ann");
		asked.request->respond = rows[i].respond;
		scene_take(scene, &asked);

		assert_int_equal(is_acceptance(out(CALL_COMMAND)), rows[i].accepted);
		fake_error(out(CALL_COMMAND), "P0001", "no");
		asked_free(&asked);
		scene_anew(scene);
	}
}

static void what_would_be_refused_before_it_runs_is_refused_before_it_is_accepted(void **state)
{
	struct scene *scene = *state;
	struct json_error error;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_COMMAND, "defer", "ann");
	json_free(asked.request->body);
	asked.request->body = json_read(TEXT("{\"note\":\"x\"}"), &error);
	asked.request->respond = RESPOND_ASYNC;
	scene_take(scene, &asked);

	assert_int_equal(asked.request->outcome, OUTCOME_MISSING_PARAMETER);
	assert_int_equal(asked.request->errors_count, 2);
	assert_int_equal(fake_waiting(0), 0);
}

static void without_the_tables_it_says_what_is_missing(void **state)
{
	static const char *const sqlstates[] = { "42P01", "42501", "42703", "3F000" };
	struct scene *scene = *state;

	for (size_t i = 0; i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++) {
		struct asked asked;

		fake_error(defer(scene, &asked), sqlstates[i], "no");

		assert_int_equal(asked.request->outcome, OUTCOME_QUERY_FAILED);
		assert_non_null(strstr(asked.request->detail, "run cqrsd migrate"));
		assert_null(asked.request->job.ptr);
		asked_free(&asked);
		scene_anew(scene);
	}
}

/* --- how many there are ----------------------------------------------------------------------- */

static void beyond_the_maximum_nothing_is_accepted(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_commit(defer(scene, &asked), 2000, true, ROW, 1);
	asked_free(&asked);
	fake_answer_primary(out(CALL_QUERY), 2000, "{\"jobs\":1000}", 1);
	scene_ask(scene, &asked, REQUEST_COMMAND, "queue", "ann");

	scene_take(scene, &asked);

	assert_int_equal(asked.request->outcome, OUTCOME_JOBS_FULL);
	assert_int_equal(fake_waiting(0), 0);
}

static void jobs_are_counted_again_after_a_second_and_then_there_is_room(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	atomic_store(&scene->writes_shared.depth.jobs, 1000);
	scene_ask(scene, &asked, REQUEST_COMMAND, "queue", "ann");
	scene_take(scene, &asked);
	assert_int_equal(asked.request->outcome, OUTCOME_JOBS_FULL);
	asked_free(&asked);
	fake_answer_primary(out(CALL_QUERY), 2000, "{\"jobs\":999}", 1);
	scene_pass(scene, US_PER_S / 2);

	fake_commit(defer(scene, &asked), 2000, true, ROW, 1);

	assert_int_equal(asked.request->status, 202);
	assert_null(fake_call(0, CALL_QUERY));
	asked_free(&asked);
	scene_pass(scene, US_PER_S / 2);
	(void)defer(scene, &asked);
	assert_non_null(fake_call(0, CALL_QUERY));
}

static void a_count_that_fails_refuses_nothing(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	fake_commit(defer(scene, &asked), 2000, true, ROW, 1);
	asked_free(&asked);

	fake_error(out(CALL_QUERY), "42P01", "no");

	(void)defer(scene, &asked);
}

/* --- keys ------------------------------------------------------------------------------------- */

static struct call *with_key(struct scene *scene, struct asked *asked, enum respond respond)
{
	scene_ask(scene, asked, REQUEST_COMMAND, "defer", "ann");
	asked->request->respond = respond;
	asked->request->idempotency_key = TEXT("k");
	scene_take(scene, asked);
	return out(CALL_COMMAND);
}

static void with_a_key_the_acceptance_is_what_is_stored(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	struct call *call = with_key(scene, &asked, RESPOND_ASYNC);

	assert_true(is_acceptance(call));
	assert_string_equal(call->values[7], "t");
	assert_non_null(call->frame);
	buf_string(call->out, ROW);
	call->rows = 1;

	assert_true(call->frame->on_ran(call));

	assert_memory_equal(call->frame->behind_values[3], DOCUMENT_BEGINS,
			    strlen(DOCUMENT_BEGINS));
	assert_string_equal(
		call->frame->behind_values[3] + strlen(call->frame->behind_values[3]) - 3, "\"}}");
	fake_commit(call, 2000, true, "", 1);
	assert_int_equal(asked.request->status, 202);
}

/* What the first request with the key was answered; the key says that it has ended. */
static void replay(struct asked *asked, struct call *call, const char *reply)
{
	char row[512];

	call->frame_end = FRAME_RAISED;
	fake_error(call, "CQ002", "a command with this key has committed");
	snprintf(row, sizeof(row), "{\"fingerprint\":\"%s\",\"reply\":%s}",
		 write_of(asked->request)->command.key->fingerprint, reply);
	fake_answer_primary(out(CALL_QUERY), 2000, row, 1);
}

#define STORED_JOB "{\"job\":{\"id\":\"0123456789ABCDEFGHJKMNPQRS\",\"state\":\"queued\"}}"

static void a_key_is_replayed_by_what_it_stored_and_not_by_what_is_preferred(void **state)
{
	static const enum respond responds[] = { RESPOND_DONE, RESPOND_ASYNC };
	struct scene *scene = *state;

	atomic_store(&scene->writes_shared.depth.due_us, INT64_MAX);
	for (size_t i = 0; i < sizeof(responds) / sizeof(responds[0]); i++) {
		struct asked asked;
		struct call *call = with_key(scene, &asked, responds[i]);

		replay(&asked, call, STORED_JOB);
		assert_int_equal(asked.request->status, 202);
		assert_true(text_is(asked.request->job, "0123456789ABCDEFGHJKMNPQRS"));
		assert_true(asked.request->replayed);
		assert_string_equal(document(&asked), STORED_JOB);
		asked_free(&asked);

		replay(&asked, with_key(scene, &asked, responds[i]), "{\"data\":{\"id\":7}}");
		assert_int_equal(asked.request->status, 0);
		assert_null(asked.request->job.ptr);
		assert_true(asked.request->replayed);
		assert_non_null(strstr(document(&asked), "{\"data\":{\"id\":7},\"token\":"));
		asked_free(&asked);
	}
}

/* --- asked for -------------------------------------------------------------------------------- */

static void accept_one(struct scene *scene, char id[27])
{
	struct asked asked;

	atomic_store(&scene->writes_shared.depth.due_us, INT64_MAX);
	fake_commit(defer(scene, &asked), 2000, true, ROW, 1);
	memcpy(id, asked.request->job.ptr, 26);
	id[26] = '\0';
	asked_free(&asked);
}

static struct call *ask_for(struct scene *scene, struct asked *asked, enum request_kind kind,
			    const char *id)
{
	scene_ask(scene, asked, kind, id, "ann");
	scene_take(scene, asked);
	return out(CALL_COMMAND);
}

static void a_job_is_asked_for_by_number_caller_and_user(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	struct call *call;
	char id[27];

	accept_one(scene, id);

	call = ask_for(scene, &asked, REQUEST_JOB, id);

	assert_string_equal(call->values[0], "7");
	assert_null(call->values[2]);
	assert_string_equal(call->values[3], "ann");
	assert_string_equal(call->values[4], id);
	assert_null(strstr(call->statement->text, "DELETE"));
}

static void a_job_that_has_ended_comes_with_the_token_that_shows_its_effect(void **state)
{
	static const struct {
		const char *row;
		bool token;
	} rows[] = { { "{\"verdict\":5,\"id\":\"x\"}", false },
		     { "{\"verdict\":1,\"id\":\"x\"}", true } };
	struct scene *scene = *state;
	char id[27];

	accept_one(scene, id);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;

		fake_commit(ask_for(scene, &asked, REQUEST_JOB, id), 2000, false, rows[i].row, 1);

		assert_int_equal(asked.request->outcome, OUTCOME_OK);
		assert_int_equal(asked.request->token[0] != '\0', rows[i].token);
		assert_int_equal(strstr(document(&asked), "\"token\"") != NULL, rows[i].token);
		assert_memory_equal(asked.request->out.ptr, "{\"job\":{\"id\":\"x\"", 16);
		assert_null(asked.request->job.ptr);
		asked_free(&asked);
	}
}

static void what_cannot_be_cancelled_is_said_and_nothing_else_is(void **state)
{
	static const struct {
		const char *row;
		uint64_t rows;
		enum outcome outcome;
	} rows[] = { { "{\"verdict\":1,\"id\":\"x\"}", 1, OUTCOME_OK },
		     { "{\"verdict\":2,\"id\":\"x\"}", 1, OUTCOME_JOB_RUNNING },
		     { "{\"verdict\":3,\"id\":\"x\"}", 1, OUTCOME_JOB_FINISHED },
		     { "", 0, OUTCOME_NOT_FOUND } };
	struct scene *scene = *state;
	char id[27];

	accept_one(scene, id);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;

		fake_commit(ask_for(scene, &asked, REQUEST_JOB_CANCEL, id), 2000, true, rows[i].row,
			    rows[i].rows);

		assert_int_equal(asked.request->outcome, rows[i].outcome);
		asked_free(&asked);
	}
}

/* Of what only reads nothing is of unknown outcome; a cancel may have happened. */
static void an_answer_that_is_lost_is_asked_for_again_unless_it_was_a_cancel(void **state)
{
	static const struct {
		enum request_kind kind;
		enum outcome outcome;
	} rows[] = { { REQUEST_JOB, OUTCOME_NO_PRIMARY },
		     { REQUEST_JOB_CANCEL, OUTCOME_OUTCOME_UNKNOWN } };
	struct scene *scene = *state;
	char id[27];

	accept_one(scene, id);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct asked asked;

		fake_lost(ask_for(scene, &asked, rows[i].kind, id), CALL_LOST, "it is gone");

		assert_int_equal(asked.request->outcome, rows[i].outcome);
		asked_free(&asked);
	}
}

static void an_id_that_is_none_costs_no_question(void **state)
{
	struct scene *scene = *state;
	struct asked asked;

	scene_ask(scene, &asked, REQUEST_JOB, "0123456789ABCDEFGHJKMNPQRS", "ann");
	scene_take(scene, &asked);

	assert_int_equal(asked.request->outcome, OUTCOME_NOT_FOUND);
	assert_int_equal(fake_waiting(0), 0);
}

/* Where another cluster was met first, its ids are none of this one. */
static void ids_follow_the_key_that_signs_tokens(void **state)
{
	struct scene *scene = *state;
	struct asked asked;
	char id[27];

	accept_one(scene, id);
	memset(scene->topology.key, 8, sizeof(scene->topology.key));
	scene_publish(scene);

	scene_ask(scene, &asked, REQUEST_JOB, id, "ann");
	scene_take(scene, &asked);

	assert_int_equal(asked.request->outcome, OUTCOME_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_STORY(an_acceptance_is_an_insert_with_all_that_a_worker_needs),
		SCENE_STORY(an_acceptance_is_answered_with_the_job_and_remembered_as_a_write),
		SCENE_STORY(a_job_that_is_due_later_is_asked_for_later),
		SCENE_STORY(who_may_not_or_does_not_ask_for_it_has_the_command_done),
		SCENE_STORY(what_would_be_refused_before_it_runs_is_refused_before_it_is_accepted),
		SCENE_STORY(without_the_tables_it_says_what_is_missing),
		SCENE_STORY(beyond_the_maximum_nothing_is_accepted),
		SCENE_STORY(jobs_are_counted_again_after_a_second_and_then_there_is_room),
		SCENE_STORY(a_count_that_fails_refuses_nothing),
		SCENE_STORY(with_a_key_the_acceptance_is_what_is_stored),
		SCENE_STORY(a_key_is_replayed_by_what_it_stored_and_not_by_what_is_preferred),
		SCENE_STORY(a_job_is_asked_for_by_number_caller_and_user),
		SCENE_STORY(a_job_that_has_ended_comes_with_the_token_that_shows_its_effect),
		SCENE_STORY(what_cannot_be_cancelled_is_said_and_nothing_else_is),
		SCENE_STORY(an_answer_that_is_lost_is_asked_for_again_unless_it_was_a_cancel),
		SCENE_STORY(an_id_that_is_none_costs_no_question),
		SCENE_STORY(ids_follow_the_key_that_signs_tokens),
	};

	return cmocka_run_group_tests_name("jobs", tests, NULL, NULL);
}
