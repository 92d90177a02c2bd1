/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that a conn does not have as the loop thinks: prepared again, and of which types. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/wire/answer.h"

#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void end_calls(struct stage_call *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage_call_fini(&calls[i]);
}

/* The statement is prepared on the conn. */
static void open_with_one_prepared(struct stage_call *call)
{
	stage_open(NODE_REPLICA, 1);
	stage_query(call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	stage_call_fini(call);
	(void)fake_sent(0);
}

static void test_a_statement_that_vanished_is_prepared_again_once(void **state)
{
	struct stage_call call;

	open_with_one_prepared(&call);

	fake_unprepare(0, "s1");
	stage_query(&call, stage_statement(1), "8");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.told, 0);
	assert_string_equal(fake_sent(0), "probe s1(8) bound sync "
					  "probe prepare:s1 s1(8) bound sync");
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_a_statement_that_keeps_vanishing_is_an_error(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .what = FAKE_ERROR, .sqlstate = "26000" });
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.told, 0);
	fake_unprepare(0, "s1");
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "26000");
	stage_call_fini(&call);
}

static void test_a_statement_that_raises_that_code_itself_is_not_run_again(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.",
					       .what = FAKE_ERROR,
					       .sqlstate = "26000",
					       .function = "exec_stmt_raise" });
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "26000");
	stage_call_fini(&call);
}

static void test_our_own_statements_are_prepared_again_too(void **state)
{
	struct stage_call call;

	open_with_one_prepared(&call);
	fake_unprepare(0, "probe");
	stage_query(&call, stage_statement(1), "8");
	stage_turn();
	stage_answer(0);
	assert_string_equal(fake_sent(0), "probe s1(8) bound sync "
					  "prepare:probe probe s1(8) bound sync");
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_a_stale_plan_is_thrown_away_before_preparing_again(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.",
					       .what = FAKE_ERROR,
					       .times = 2, /* asked at PREPARE, raised at the run */
					       .sqlstate = "0A000",
					       .function = "RevalidateCachedQuery" });
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	(void)fake_sent(0);
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_int_equal(call.call.ticket.placements, 2);
	stage_call_fini(&call);
}

static void test_what_another_plan_would_return_is_for_its_maker_to_describe(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.",
					       .what = FAKE_ERROR,
					       .times = 2,
					       .sqlstate = "0A000",
					       .function = "RevalidateCachedQuery" });
	stage_open(NODE_REPLICA, 1);
	stage_call_init(&call, CALL_QUERY, stage_statement(1), "7");
	call.call.revalidates = true;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_true(call.call.error.of_catalog);
	assert_int_equal(call.call.generation, statement_generation(stage_statement(1)));
	stage_call_fini(&call);
}

static void describe_anew(struct statement *statement, uint32_t param_oid)
{
	struct shape *shape = shape_new(1, 1);

	shape->param_types[0].oid = param_oid;
	shape->column_types[0].oid = 23;
	shape->generation = statement_next_generation();
	statement_renew_shape(statement, shape);
}

static void test_what_was_described_anew_is_prepared_anew_on_each_conn(void **state)
{
	struct stage_call calls[3];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	describe_anew(stage_statement(1), 25);
	(void)fake_sent(0);

	stage_query(&calls[1], stage_statement(1), "7");
	stage_turn();
	assert_string_equal(fake_sent(0), "probe [DEALLOCATE s1] prepare:s1 s1(7) bound sync");
	assert_string_equal(fake_oids(0), "25");
	stage_answer(0);
	assert_int_equal(calls[1].call.end, CALL_OK);

	stage_query(&calls[2], stage_statement(1), "7");
	stage_turn();
	assert_string_equal(fake_sent(0), "probe s1(7) bound sync");
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&calls[i]);
}

/* It waited while its statement was described anew: its values are of the types before. */
static void test_a_call_is_run_by_the_types_that_its_values_were_made_for(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 1);
	stage_call_init(&calls[0], CALL_QUERY, stage_statement(1), "7");
	stage_call_init(&calls[1], CALL_QUERY, stage_statement(1), "8");
	calls[0].call.bound = statement_shape(stage_statement(1));
	describe_anew(stage_statement(1), 25);
	assert_true(pool_submit(stage.pool, &calls[0].call));
	assert_true(pool_submit(stage.pool, &calls[1].call));
	stage_turn();
	assert_string_equal(fake_sent(0), "prepare:probe probe prepare:s1 s1(7) [DEALLOCATE s1] "
					  "prepare:s1 s1(8) prepare:bound bound sync");
	stage_answer(0);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(
		conn_mark(&stage.pool->conns[0], 1, statement_generation(stage_statement(1))),
		MARK_PREPARED);
	for (unsigned i = 0; i < 2; i++)
		stage_call_fini(&calls[i]);
}

static void test_a_transaction_left_open_is_rolled_back_before_the_next_batch(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement_of(1, "BEGIN"), "7");
	stage_query(&calls[1], stage_statement(2), "7");
	stage_turn();
	(void)fake_sent(0);
	stage_answer(0);
	assert_string_equal(fake_sent(0), "[ROLLBACK] [SELECT pg_advisory_unlock_all()] sync");
	assert_int_equal(calls[0].told + calls[1].told, 0);
	stage_answer(0);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), 1);
	end_calls(calls, 2);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_statement_that_vanished_is_prepared_again_once),
		STORY(test_a_statement_that_keeps_vanishing_is_an_error),
		STORY(test_a_statement_that_raises_that_code_itself_is_not_run_again),
		STORY(test_our_own_statements_are_prepared_again_too),
		STORY(test_a_stale_plan_is_thrown_away_before_preparing_again),
		STORY(test_what_another_plan_would_return_is_for_its_maker_to_describe),
		STORY(test_what_was_described_anew_is_prepared_anew_on_each_conn),
		STORY(test_a_call_is_run_by_the_types_that_its_values_were_made_for),
		STORY(test_a_transaction_left_open_is_rolled_back_before_the_next_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
