/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
/* What a statement may leave in its session: alone on its conn, which is retired then. */
#include "pg/leaves.h"

#include "fake_libpq.h"
#include "pg/inside.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct statement *leaving(uint32_t id, unsigned leaves)
{
	struct statement *statement = stage_statement(id);

	statement->leaves = (uint8_t)leaves;
	return statement;
}

static void test_a_description_tells_what_may_stay(void **state)
{
	struct stage_call call;

	fake_server.leaves = LEAVES_LOCKS | LEAVES_SESSION;
	stage_open(NODE_REPLICA, 1);
	stage_call_init(&call, CALL_DESCRIBE, stage_statement(1), NULL);
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_int_equal(call.call.shape->leaves, LEAVES_LOCKS | LEAVES_SESSION);
	assert_true(fake_is_open(0));
	stage_call_fini(&call);
}

static void test_a_conn_with_another_session_is_retired(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, leaving(1, LEAVES_SESSION), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_false(fake_is_open(0));
	stage_call_fini(&call);
}

static void test_other_queries_do_not_travel_with_it(void **state)
{
	struct stage_call calls[3];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(2), "7");
	stage_query(&calls[1], leaving(1, LEAVES_SESSION), "7");
	stage_query(&calls[2], stage_statement(2), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[1].told, 0);
	stage_answer(0);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[2].told, 0);
	assert_false(fake_is_open(0));
	stage_turn();
	stage_connect();
	stage_turn();
	stage_answer(1);
	assert_int_equal(calls[2].told, 1);
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&calls[i]);
}

static void test_locks_end_with_the_last_look_unless_an_error_left_it_out(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, leaving(1, LEAVES_LOCKS), "7");
	stage_turn();
	stage_answer(0);
	assert_true(fake_is_open(0));
	stage_call_fini(&call);

	fake_answer_with((struct fake_answer){
		.text = stage_statement(1)->text, .what = FAKE_ERROR, .sqlstate = "P0001" });
	stage_query(&call, leaving(1, LEAVES_LOCKS), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_false(fake_is_open(0));
	stage_call_fini(&call);
}

static void test_a_query_that_leaves_nothing_may_fail(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	fake_answer_with((struct fake_answer){
		.text = stage_statement(1)->text, .what = FAKE_ERROR, .sqlstate = "P0001" });
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_true(fake_is_open(0));
	stage_call_fini(&call);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_description_tells_what_may_stay),
		STORY(test_a_conn_with_another_session_is_retired),
		STORY(test_other_queries_do_not_travel_with_it),
		STORY(test_locks_end_with_the_last_look_unless_an_error_left_it_out),
		STORY(test_a_query_that_leaves_nothing_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
