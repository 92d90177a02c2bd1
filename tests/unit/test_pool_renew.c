/* SPDX-License-Identifier: Apache-2.0 */
/* links: pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* Once roles have changed no conn of before serves on, and none is taken from under a call. */
#include "pg/pool.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/admission/estimate.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_all_went_well(struct stage_call *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_OK);
		stage_call_fini(&calls[i]);
	}
}

static void test_an_idle_conn_is_closed_at_once_and_another_made(void **state)
{
	stage_open(NODE_REPLICA, 1);
	pool_renew(stage.pool);
	assert_false(fake_is_open(0));

	stage_connect();
	assert_int_equal(fake_dialed(), 2);
	assert_true(pool_connected(stage.pool));
}

static void test_a_conn_is_closed_at_the_end_of_the_queries_on_it(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_turn();
	pool_renew(stage.pool);
	assert_true(fake_is_open(0));
	assert_int_equal(calls[0].told, 0);
	stage_query(&calls[1], stage_statement(1), "8");
	stage_turn();
	(void)fake_sent(0);

	stage_answer(0);
	assert_int_equal(calls[0].told, 1);
	assert_string_equal(fake_sent(0), "");
	assert_false(fake_is_open(0));
	stage_connect();
	stage_turn();
	assert_non_null(strstr(fake_sent(1), "prepare:s1 s1(8)"));
	stage_answer(1);
	assert_all_went_well(calls, 2);
}

static void test_a_conn_is_closed_behind_the_commit_of_its_command(void **state)
{
	struct stage_call call;

	stage_open(NODE_PRIMARY, 2);
	stage_send(&call, CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	pool_renew(stage.pool);
	assert_false(fake_is_open(0));
	assert_true(fake_is_open(1));

	stage_answer(1);
	assert_true(position_known(call.call.position));
	assert_false(fake_is_open(1));
	assert_all_went_well(&call, 1);
}

/* Its session may have begun before the change. */
static void test_a_conn_that_is_being_made_is_made_anew(void **state)
{
	fake_server.hangs = true;
	stage_open(NODE_REPLICA, 1);
	assert_int_equal(pool_conns(stage.pool, CONN_CONNECTING), 1);
	pool_renew(stage.pool);
	assert_false(fake_is_open(0));

	fake_server.hangs = false;
	stage_connect();
	assert_int_equal(fake_dialed(), 2);
	assert_true(pool_connected(stage.pool));
}

/* Its query is over, and the cancel that was sent for it may still come. */
static void test_a_conn_that_waits_for_a_cancel_is_closed_behind_it(void **state)
{
	enum { QUICK, SLOW };
	struct stage_call quick, slow;

	stage_open(NODE_REPLICA, 2);
	stage_query(&quick, stage_statement(2), "1");
	stage_turn();
	stage_answer(QUICK);
	stage_statement(1)->running_us = (2 * ESTIMATE_SLOW_US) | 1;
	stage_call_init(&slow, CALL_QUERY, stage_statement(1), "7");
	slow.call.cancels = true;
	assert_true(pool_submit(stage.pool, &slow.call));
	stage_turn();
	pool_forget(stage.pool, &slow.call);
	stage_turn();
	stage_answer(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_CANCELING), 1);

	pool_renew(stage.pool);
	assert_true(fake_is_open(SLOW));
	stage_answer(QUICK);
	assert_false(fake_is_open(SLOW));
	assert_false(fake_is_open(QUICK));
	assert_all_went_well(&quick, 1);
	stage_call_fini(&slow);
}

static void test_a_conn_made_since_serves_on(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_turn();
	pool_renew(stage.pool);
	stage_answer(0);
	stage_connect();
	stage_query(&calls[1], stage_statement(1), "8");
	stage_turn();
	stage_answer(1);
	assert_true(fake_is_open(1));
	assert_int_equal(fake_dialed(), 2);
	assert_all_went_well(calls, 2);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_an_idle_conn_is_closed_at_once_and_another_made),
		STORY(test_a_conn_is_closed_at_the_end_of_the_queries_on_it),
		STORY(test_a_conn_is_closed_behind_the_commit_of_its_command),
		STORY(test_a_conn_that_is_being_made_is_made_anew),
		STORY(test_a_conn_that_waits_for_a_cancel_is_closed_behind_it),
		STORY(test_a_conn_made_since_serves_on),
	};

	return cmocka_run_group_tests_name("a pool's conns behind a change of roles", tests, NULL,
					   NULL);
}
