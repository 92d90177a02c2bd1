/* SPDX-License-Identifier: Apache-2.0 */
/* Commands of a group with one statement that are one execution: what is sent, whose a row is. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c group_story.c */
#include "base/limits.h"
#include "fake_libpq.h"
#include "group_story.h"
#include "pg/admission/raises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TOGETHER "prepare:limits limits prepare:s5 s5({\"7\",\"8\",\"9\"}) prepare:reset reset "
#define UNDONE "[ROLLBACK] [SELECT pg_advisory_unlock_all()] " BEGIN

static struct statement_together together;

/* s1 by itself, s5 for several. */
static struct statement *one_of_several(void)
{
	struct statement *statement = calm(1);

	together = (struct statement_together){ stage_statement(5), .param = 1, .column = 1 };
	statement->leavings = LEAVINGS_NONE;
	statement->together = &together;
	return statement;
}

static void submit(struct stage_call *call, struct statement *statement, const char *value)
{
	stage_call_init(call, CALL_COMMAND, statement, value);
	call->call.transaction = TRANSACTION_SHARED;
	assert_true(pool_submit(stage.pool, &call->call));
}

static void submit_three(void)
{
	static const char *const values[] = { "7", "8", "9" };

	for (unsigned i = 0; i < 3; i++)
		submit(&calls[i], one_of_several(), values[i]);
	stage_turn();
}

static void rows_are(const char *cells)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 5.", .rows = 3, .cells = cells });
}

static void assert_each_has_its_row(void)
{
	static const char *const rows[] = { "{\"x\":7}", "{\"x\":8}", "{\"x\":9}" };

	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_OK);
		assert_string_equal(stage_out(&calls[i]), rows[i]);
		assert_int_equal(calls[i].call.rows, 1);
		assert_int_equal(calls[i].call.affected, 1);
		assert_true(calls[i].call.effect == EFFECT_WROTE);
	}
}

static void those_of_one_statement_are_one_execution(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	rows_are("7,8,9");
	submit_three();
	assert_string_equal(fake_sent(CONN), BEGIN TOGETHER FIRST_END);
	stage_answer(CONN);
	assert_each_has_its_row();
	end_calls();
}

static void each_has_the_row_that_shows_its_value(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	rows_are("9,7,8");
	submit_three();
	stage_answer(CONN);
	assert_each_has_its_row();
	end_calls();
}

static void of_one_value_each_has_a_row(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	rows_are("8,7,7");
	submit(&calls[0], one_of_several(), "7");
	submit(&calls[1], one_of_several(), "8");
	submit(&calls[2], one_of_several(), "7");
	stage_turn();
	stage_answer(CONN);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(stage_out(&calls[i]), i == 1 ? "{\"x\":8}" : "{\"x\":7}");
	end_calls_as(CALL_OK);
}

static void a_lone_one_is_sent_by_itself(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	submit(&calls[0], one_of_several(), "7");
	stage_turn();
	assert_null(strstr(fake_sent(CONN), "s5"));
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	stage_call_fini(&calls[0]);
}

/* Each of them is a run of its own: what one alone is sent as does not depend on the others. */
static void only_those_that_follow_one_another_are_together(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	submit(&calls[0], one_of_several(), "7");
	submit(&calls[1], calm(2), "8");
	submit(&calls[2], one_of_several(), "9");
	stage_turn();
	assert_string_equal(fake_sent(CONN), BEGIN
			    "prepare:limits limits prepare:s1 s1(7) prepare:s2 s2(8) prepare:look "
			    "look prepare:reset reset limits s1(9) reset " FIRST_END);
	stage_answer(CONN);
	end_calls_as(CALL_OK);
}

static void those_with_claims_or_another_limit_are_not_together(void **state)
{
	static const char *const claims[CLAIMS_VALUES] = { "{}", "ann", "[]" };

	for (unsigned why = 0; why < 2; why++) {
		open_groups(2, GROUP_CALLS_MAX);
		for (unsigned i = 0; i < 3; i++) {
			stage_call_init(&calls[i], CALL_COMMAND, one_of_several(), "7");
			calls[i].call.transaction = TRANSACTION_SHARED;
			calls[i].call.claims = why ? NULL : claims;
			calls[i].call.timeout_us = why ? (i + 1) * 1000 : 0;
			assert_true(pool_submit(stage.pool, &calls[i].call));
		}
		stage_turn();
		assert_null(strstr(fake_sent(CONN), "s5"));
		stage_answer(CONN);
		end_calls_as(CALL_OK);
		(void)stage_close(state);
		(void)stage_clear(state);
	}
	open_groups(2, GROUP_CALLS_MAX);
}

static void one_with_a_savepoint_is_sent_by_itself(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	raises_add(one_of_several());
	submit_three();
	assert_null(strstr(fake_sent(CONN), "s5"));
	stage_answer(CONN);
	end_calls_as(CALL_OK);
}

static void an_error_of_one_is_found_by_sending_each_by_itself(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	fail_with("SELECT 5.", "22P02", 0);
	submit_three();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN),
			    UNDONE "limits prepare:s1 prepare:savepoint savepoint s1(7) savepoint "
				   "s1(8) savepoint s1(9) prepare:reset reset " FIRST_END);
	stage_answer(CONN);
	for (unsigned i = 0; i < 3; i++)
		assert_string_equal(stage_out(&calls[i]), "{\"x\":1}");
	end_calls_as(CALL_OK);
}

static void what_is_not_its_own_sends_each_alone(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	fail_with("SELECT 5.", "55P03", 0);
	submit_three();
	for (unsigned i = 0; i < 5; i++)
		stage_answer(CONN);
	end_calls_as(CALL_OK);
}

static void a_form_that_is_not_prepared_any_more_sends_each_alone(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	rows_are("7,8,9");
	submit_three();
	stage_answer(CONN);
	end_calls_as(CALL_OK);
	fake_unprepare(CONN, "s5");
	submit_three();
	for (unsigned i = 0; i < 5; i++)
		stage_answer(CONN);
	end_calls_as(CALL_OK);
	(void)fake_sent(CONN);
	submit_three();
	assert_non_null(strstr(fake_sent(CONN), "prepare:s5 s5("));
	stage_answer(CONN);
	assert_each_has_its_row();
	end_calls();
}

static void the_row_of_one_that_was_forgotten_is_thrown_away(void **state)
{
	for (unsigned gone = 0; gone < 3; gone++) {
		open_groups(2, GROUP_CALLS_MAX);
		rows_are("7,8,9");
		submit_three();
		pool_forget(stage.pool, &calls[gone].call);
		stage_answer(CONN);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(calls[i].told, i != gone);
			if (i != gone)
				assert_int_equal(calls[i].call.rows, 1);
		}
		end_calls();
		(void)stage_close(state);
		(void)stage_clear(state);
	}
	open_groups(2, GROUP_CALLS_MAX);
}

static void one_without_a_row_has_committed_all_the_same(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	fake_answer_with((struct fake_answer){ .text = "SELECT 5.", .rows = 2, .cells = "7,9" });
	submit_three();
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_TOO_LARGE);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

static void when_the_conn_is_lost_each_may_have_committed(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	rows_are("7,8,9");
	submit_three();
	fake_answer_some(CONN, 4);
	stage_turn();
	assert_nobody_was_told();
	fake_lose(CONN);
	stage_turn();
	end_calls_as(CALL_LOST);
}

/* What is sent for a first parameter of these values; the second one tells them apart. */
static void assert_sent_as(const char *const values[3], bool shared, const char *sent)
{
	static const char *const marks[] = { "7", "8", "9" };
	struct statement *statement;

	open_groups(2, GROUP_CALLS_MAX);
	statement = one_of_several();
	statement->params = together.statement->params = 2;
	together.param = 2;
	together.shared = shared;
	rows_are("7,8,9");
	for (unsigned i = 0; i < 3; i++) {
		stage_call_init(&calls[i], CALL_COMMAND, statement, values[i]);
		calls[i].values[1] = marks[i];
		calls[i].call.transaction = TRANSACTION_SHARED;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	assert_non_null(strstr(fake_sent(CONN), sent));
	stage_answer(CONN);
	assert_each_has_its_row();
	end_calls();
	(void)stage_close(NULL);
	(void)stage_clear(NULL);
}

static void nulls_at_the_end_of_an_array_are_left_out(void **state)
{
	static const struct {
		const char *values[3];
		const char *sent;
	} rows[] = {
		{ { NULL, NULL, NULL }, "s5({}" },
		{ { "a", NULL, NULL }, "s5({\"a\"}" },
		{ { NULL, "a", NULL }, "s5({NULL,\"a\"}" },
		{ { "a", NULL, "a" }, "s5({\"a\",NULL,\"a\"}" },
		{ { "a", "a", "a" }, "s5({\"a\",\"a\",\"a\"}" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_sent_as(rows[i].values, false, rows[i].sent);
	open_groups(2, GROUP_CALLS_MAX);
}

static void what_all_share_is_sent_once(void **state)
{
	static const char *const same[] = { "a", "a", "a" };
	static const char *const other[] = { "a", "a", "b" };

	assert_sent_as(same, true, "s5({\"a\"}");
	assert_sent_as(other, true, "s5({\"a\",\"a\",\"b\"}");
	open_groups(2, GROUP_CALLS_MAX);
}

/* Of a statement with a second parameter, which is NULL for one. */
static void values_are_quoted(void **state)
{
	static const char *const values[3][2] = { { "a\"b\\", NULL },
						  { "", "{}" },
						  { "NULL", "," } };
	struct statement *statement;

	open_groups(2, GROUP_CALLS_MAX);
	statement = one_of_several();
	statement->params = together.statement->params = 2;
	for (unsigned i = 0; i < 3; i++) {
		stage_call_init(&calls[i], CALL_COMMAND, statement, values[i][0]);
		calls[i].values[1] = values[i][1];
		calls[i].call.transaction = TRANSACTION_SHARED;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	assert_non_null(strstr(fake_sent(CONN), "s5({\"a\\\"b\\\\\",\"\",\"NULL\"}"));
	stage_answer(CONN);
	end_calls();
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(those_of_one_statement_are_one_execution),
		STORY(each_has_the_row_that_shows_its_value),
		STORY(of_one_value_each_has_a_row),
		STORY(a_lone_one_is_sent_by_itself),
		STORY(only_those_that_follow_one_another_are_together),
		STORY(those_with_claims_or_another_limit_are_not_together),
		STORY(one_with_a_savepoint_is_sent_by_itself),
		STORY(an_error_of_one_is_found_by_sending_each_by_itself),
		STORY(what_is_not_its_own_sends_each_alone),
		STORY(a_form_that_is_not_prepared_any_more_sends_each_alone),
		STORY(the_row_of_one_that_was_forgotten_is_thrown_away),
		STORY(one_without_a_row_has_committed_all_the_same),
		STORY(when_the_conn_is_lost_each_may_have_committed),
		STORY(nulls_at_the_end_of_an_array_are_left_out),
		STORY(what_all_share_is_sent_once),
		STORY(values_are_quoted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
