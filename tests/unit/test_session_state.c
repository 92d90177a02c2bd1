/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
/* What a statement may leave in its session: alone on its conn, which is retired then. */
#include "pg/wire/session_state.h"

#include "base/limits.h"
#include "fake_libpq.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct statement *leaving(uint32_t id, unsigned session_state)
{
	struct statement *statement = stage_statement(id);

	statement->session_state = (uint8_t)session_state;
	return statement;
}

static void test_a_description_tells_what_may_stay(void **state)
{
	struct stage_call call;

	fake_server.session_state = SESSION_STATE_LOCKS | SESSION_STATE_SESSION;
	stage_open(NODE_REPLICA, 1);
	stage_call_init(&call, CALL_DESCRIBE, stage_statement(1), NULL);
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_int_equal(call.call.shape->session_state,
			 SESSION_STATE_LOCKS | SESSION_STATE_SESSION);
	assert_true(fake_is_open(0));
	stage_call_fini(&call);
}

static void test_what_is_not_known_of_a_statement_may_be_volatile(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = session_state_prelude,
					       .what = FAKE_ERROR,
					       .sqlstate = "57014",
					       .message = "it took too long" });
	stage_open(NODE_REPLICA, 1);
	stage_call_init(&call, CALL_DESCRIBE, stage_statement(1), NULL);
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_true(call.call.shape->session_state & SESSION_STATE_VOLATILE);
	stage_call_fini(&call);
}

static void test_a_conn_with_another_session_is_retired(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, leaving(1, SESSION_STATE_SESSION), "7");
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
	stage_query(&calls[1], leaving(1, SESSION_STATE_SESSION), "7");
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

/* --- commands -------------------------------------------------------------------------------- */

/* Of a primary's two conns, the one for commands. */
enum { CONN = 1 };

static void send_command(struct stage_call *call, unsigned number, unsigned session_state)
{
	struct statement *statement = leaving(number, session_state);

	statement->running_us = 100; /* something is known of it: it may join a group */
	stage_call_init(call, CALL_COMMAND, statement, "7");
	call->call.transaction = TRANSACTION_SHARED;
	assert_true(pool_submit(stage.pool, &call->call));
}

static void open_groups(void)
{
	struct pool_settings settings = stage_settings;

	settings.group_max = GROUP_CALLS_MAX;
	stage_open_with(NODE_PRIMARY, &settings);
}

/* Has taken what waits; the last one dialed, where one was retired. */
static unsigned conn_for_commands(void)
{
	stage_turn();
	stage_connect();
	stage_turn();
	return fake_dialed() - 1;
}

/* Each leaves by itself, and the conn on which it ran is retired. */
static void assert_each_leaves_alone(struct stage_call *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		unsigned conn = conn_for_commands();

		assert_null(strstr(fake_sent(conn), "[BEGIN"));
		stage_answer(conn);
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_OK);
		assert_false(fake_is_open(conn));
		stage_call_fini(&calls[i]);
	}
}

static void test_a_command_that_leaves_something_joins_no_group(void **state)
{
	static struct stage_call calls[3];

	open_groups();
	for (unsigned i = 0; i < 3; i++)
		send_command(&calls[i], 1, SESSION_STATE_SESSION);
	assert_each_leaves_alone(calls, 3);
}

/* Its tables would stand before those of the same names, until the commit of all. */
static void test_nor_does_one_that_makes_temporary_tables(void **state)
{
	static struct stage_call calls[3];

	open_groups();
	for (unsigned i = 0; i < 3; i++)
		send_command(&calls[i], 1, SESSION_STATE_TEMPORARY);
	for (unsigned i = 0; i < 3; i++) {
		stage_turn();
		assert_null(strstr(fake_sent(CONN), "[BEGIN"));
		stage_answer(CONN);
		assert_int_equal(calls[i].told, 1);
		stage_call_fini(&calls[i]);
	}
	assert_true(fake_is_open(CONN));
}

static void make_temporary_tables(void)
{
	static struct stage_call call;

	fake_server.temporary = true;
	send_command(&call, 1, 0);
	stage_turn();
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN), "prepare:s1 s1(7) prepare:xid xid sync"
					     " prepare:position position sync [DISCARD TEMP] sync");
	assert_int_equal(call.told, 0);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

/* Its schema stays, whether there are tables in it or not. */
static void test_a_session_that_made_temporary_tables_is_looked_into_behind_members(void **state)
{
	static struct stage_call calls[2];

	open_groups();
	make_temporary_tables();
	for (unsigned i = 0; i < 2; i++)
		send_command(&calls[i], 2, 0);
	stage_turn();
	assert_non_null(strstr(fake_sent(CONN), "s2(7) look2 reset"));
	stage_answer(CONN);
	stage_answer(CONN);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(calls[i].call.end, CALL_OK);
		stage_call_fini(&calls[i]);
	}
}

static void test_a_conn_whose_temporary_tables_do_not_go_is_retired(void **state)
{
	fake_answer_with((struct fake_answer){
		.text = "DISCARD TEMP", .what = FAKE_ERROR, .sqlstate = "57014" });
	open_groups();
	make_temporary_tables();
	assert_false(fake_is_open(CONN));
}

static void test_nor_does_one_of_which_it_was_learnt_while_it_waited(void **state)
{
	static struct stage_call calls[3];

	open_groups();
	for (unsigned i = 0; i < 3; i++)
		send_command(&calls[i], 1, 0);
	leaving(1, SESSION_STATE_SESSION);
	assert_each_leaves_alone(calls, 3);
}

static void test_the_group_of_the_others_goes_without_it(void **state)
{
	static struct stage_call calls[3];
	const char *sent;

	open_groups();
	send_command(&calls[0], 2, 0);
	send_command(&calls[1], 1, SESSION_STATE_SESSION);
	send_command(&calls[2], 3, 0);
	for (unsigned told = 0; told < 3; told = calls[0].told + calls[1].told + calls[2].told) {
		unsigned conn = conn_for_commands();

		sent = fake_sent(conn);
		assert_true(!strstr(sent, " s1(7)") || !strstr(sent, "[BEGIN"));
		stage_answer(conn);
	}
	assert_false(fake_is_open(CONN));
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&calls[i]);
}

/* Each member's locks end before the next one runs. */
static void test_one_that_leaves_only_locks_may_join(void **state)
{
	static struct stage_call calls[2];

	open_groups();
	for (unsigned i = 0; i < 2; i++)
		send_command(&calls[i], 1, SESSION_STATE_LOCKS);
	stage_turn();
	assert_non_null(strstr(fake_sent(CONN), "look prepare:reset reset limits s1(7) look"));
	stage_answer(CONN);
	assert_true(fake_is_open(CONN));
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(calls[i].told, 1);
		stage_call_fini(&calls[i]);
	}
}

/* --- queries --------------------------------------------------------------------------------- */

static void test_locks_end_with_the_last_look_unless_an_error_left_it_out(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, leaving(1, SESSION_STATE_LOCKS), "7");
	stage_turn();
	stage_answer(0);
	assert_true(fake_is_open(0));
	stage_call_fini(&call);

	fake_answer_with((struct fake_answer){
		.text = stage_statement(1)->text, .what = FAKE_ERROR, .sqlstate = "P0001" });
	stage_query(&call, leaving(1, SESSION_STATE_LOCKS), "7");
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
		STORY(test_what_is_not_known_of_a_statement_may_be_volatile),
		STORY(test_a_conn_with_another_session_is_retired),
		STORY(test_other_queries_do_not_travel_with_it),
		STORY(test_a_command_that_leaves_something_joins_no_group),
		STORY(test_nor_does_one_that_makes_temporary_tables),
		STORY(test_a_session_that_made_temporary_tables_is_looked_into_behind_members),
		STORY(test_a_conn_whose_temporary_tables_do_not_go_is_retired),
		STORY(test_nor_does_one_of_which_it_was_learnt_while_it_waited),
		STORY(test_the_group_of_the_others_goes_without_it),
		STORY(test_one_that_leaves_only_locks_may_join),
		STORY(test_locks_end_with_the_last_look_unless_an_error_left_it_out),
		STORY(test_a_query_that_leaves_nothing_may_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
