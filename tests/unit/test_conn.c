/* SPDX-License-Identifier: Apache-2.0 */
/* How a session is opened. Its life under time-outs is in test_janitor.c. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/wire/conn.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check_option(const char *option)
{
	assert_non_null(strstr(fake_keyword(0, "options"), option));
}

static void test_a_session_is_opened_so_that_cells_read_the_same_everywhere(void **state)
{
	stage_open(NODE_REPLICA, 1);
	check_option("-c TimeZone=UTC ");
	check_option("-c DateStyle=ISO ");
	check_option("-c IntervalStyle=iso_8601 ");
	check_option("-c bytea_output=hex ");
	check_option("-c extra_float_digits=1 ");
	check_option("-c statement_timeout=5000 ");
	assert_string_equal(fake_keyword(0, "client_encoding"), "UTF8");
	assert_string_equal(fake_keyword(0, "host"), "db");
}

static void test_the_operators_options_come_first_so_that_ours_win(void **state)
{
	setenv("PGOPTIONS", "-c x.y=1\\ 2 -c TimeZone=Asia/Tokyo", 1);
	stage_open(NODE_REPLICA, 1);
	unsetenv("PGOPTIONS");
	assert_ptr_equal(strstr(fake_keyword(0, "options"),
				"-c x.y=1\\ 2 -c TimeZone=Asia/Tokyo -c TimeZone=UTC"),
			 fake_keyword(0, "options"));
}

static void test_marks_know_any_statement_and_count_the_prepared(void **state)
{
	struct conn *conn;

	stage_open(NODE_REPLICA, 1);
	conn = &stage.pool->conns[0];
	assert_int_equal(conn_mark(conn, 70000, 1), MARK_NONE);
	conn_set_mark(conn, 70000, 1, MARK_PREPARED);
	conn_set_mark(conn, 70000, 1, MARK_PREPARED);
	conn_set_mark(conn, 3, 1, MARK_PREPARED);
	assert_int_equal(conn->prepared, 2);
	conn_set_mark(conn, 3, 1, MARK_STALE);
	assert_int_equal(conn->prepared, 1);
	assert_int_equal(conn_mark(conn, 70000, 1), MARK_PREPARED);
	assert_int_equal(conn_mark(conn, 69999, 1), MARK_NONE);
}

static void test_a_conn_that_holds_too_much_is_replaced(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < STATEMENTS_PER_CONN_MAX; i++)
		conn_set_mark(&stage.pool->conns[0], 100 + i, 1, MARK_PREPARED);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_false(fake_is_open(0));
	stage_turn();
	stage_connect();
	stage_call_fini(&call);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	assert_string_equal(fake_sent(1),
			    "prepare:probe probe prepare:s1 s1(7) prepare:bound bound sync");
	stage_answer(1);
	stage_call_fini(&call);
}

static void test_an_idle_conn_that_breaks_is_noticed(void **state)
{
	stage_open(NODE_REPLICA, 1);
	stage_pass(US_PER_S);
	fake_lose(0);
	stage_turn();
	assert_false(fake_is_open(0));
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_session_is_opened_so_that_cells_read_the_same_everywhere),
		STORY(test_the_operators_options_come_first_so_that_ours_win),
		STORY(test_marks_know_any_statement_and_count_the_prepared),
		STORY(test_a_conn_that_holds_too_much_is_replaced),
		STORY(test_an_idle_conn_that_breaks_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
