/* SPDX-License-Identifier: Apache-2.0 */
/* Queues, lanes, and who is told when. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/pool.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/admission/estimate.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_a_full_queue_refuses_and_keeps_nothing(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call calls[3];

	settings.queue_max = 2;
	stage_open_with(NODE_REPLICA, &settings);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_query(&calls[1], stage_statement(1), "7");
	stage_call_init(&calls[2], CALL_QUERY, stage_statement(1), "7");
	assert_false(pool_submit(stage.pool, &calls[2].call));
	assert_int_equal(pool_load(stage.pool), 2);
	stage_turn();
	stage_answer(0);
	assert_int_equal(calls[2].told, 0);
	assert_int_equal(pool_load(stage.pool), 0);
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&calls[i]);
}

static void test_a_queue_full_of_queries_still_takes_commands(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call calls[3];

	settings.queue_max = 1;
	stage_open_with(NODE_PRIMARY, &settings);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_call_init(&calls[1], CALL_QUERY, stage_statement(1), "7");
	assert_false(pool_submit(stage.pool, &calls[1].call));
	stage_send(&calls[2], CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	stage_answer(1);
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&calls[i]);
}

static void test_a_call_that_waits_too_long_never_leaves(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_turn();
	stage_query(&calls[1], stage_statement(1), "7");
	stage_pass(stage_settings.queue_wait_us - 1);
	assert_int_equal(calls[1].told, 0);
	stage_pass(1);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[1].call.end, CALL_UNSENT);
	assert_non_null(calls[1].call.lost_reason);
	stage_answer(0);
	stage_call_fini(&calls[0]);
	stage_call_fini(&calls[1]);
}

static void test_calls_wait_longer_while_their_first_conn_is_being_made(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call call;

	settings.conns_max = 1;
	settings.connect_timeout_us = 10 * CONN_OPENING_US_MAX;
	fake_server.hangs = true;
	stage_open_with(NODE_REPLICA, &settings);
	stage_query(&call, stage_statement(1), "7");
	stage_pass(settings.queue_wait_us);
	assert_int_equal(call.told, 0);
	stage_pass(CONN_OPENING_US_MAX - 1);
	assert_int_equal(call.told, 0);
	stage_pass(1);
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.end, CALL_UNSENT);
	stage_call_fini(&call);
}

static void test_the_wait_for_a_conn_counts_from_when_there_is_one(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call calls[2];

	settings.conns_max = settings.batch_calls_max = 1;
	settings.connect_timeout_us = 10 * CONN_OPENING_US_MAX;
	fake_server.hangs = true;
	stage_open_with(NODE_REPLICA, &settings);
	assert_false(pool_opened(stage.pool));
	stage_query(&calls[0], stage_statement(1), "7");
	stage_query(&calls[1], stage_statement(2), "7");
	stage_pass(CONN_OPENING_US_MAX / 2);
	fake_server.hangs = false;
	fake_welcome(0);
	stage_connect();
	assert_true(pool_opened(stage.pool));
	stage_pass(settings.queue_wait_us - 1);
	assert_int_equal(calls[1].told, 0);
	stage_pass(1);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[1].call.end, CALL_UNSENT);
	stage_answer(0);
	stage_call_fini(&calls[0]);
	stage_call_fini(&calls[1]);
}

static void test_a_node_that_was_not_reached_keeps_nobody_waiting(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call call;

	settings.conns_max = 1;
	settings.connect_timeout_us = 2 * settings.queue_wait_us;
	fake_server.hangs = true;
	stage_open_with(NODE_REPLICA, &settings);
	stage_pass(settings.connect_timeout_us);
	while (!pool_conns(stage.pool, CONN_DIALING) && !pool_conns(stage.pool, CONN_CONNECTING))
		stage_pass(US_PER_MS);
	/* The dialer's thread knows nothing of our clock, which stands until it is done. */
	stage_connect();
	stage_query(&call, stage_statement(1), "7");
	stage_pass(settings.queue_wait_us);
	assert_int_equal(pool_conns(stage.pool, CONN_CONNECTING), 1);
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.end, CALL_UNSENT);
	stage_call_fini(&call);
}

static void test_conns_for_queries_may_not_write_and_those_for_commands_may(void **state)
{
	stage_open(NODE_PRIMARY, 2);
	assert_non_null(strstr(fake_keyword(0, "options"), "default_transaction_read_only=on"));
	assert_non_null(strstr(fake_keyword(1, "options"), "default_transaction_read_only=off"));
}

static void test_conns_are_shared_out_by_role(void **state)
{
	static const struct {
		enum node_role role;
		unsigned conns, quick, slow, commands;
	} rows[] = {
		{ NODE_REPLICA, 1, 1, 0, 0 }, { NODE_REPLICA, 2, 1, 1, 0 },
		{ NODE_REPLICA, 5, 4, 1, 0 }, { NODE_PRIMARY, 2, 1, 0, 1 },
		{ NODE_PRIMARY, 3, 1, 1, 1 }, { NODE_PRIMARY, 8, 2, 1, 5 },
		{ NODE_PRIMARY, 1, 1, 0, 1 }, { NODE_UNKNOWN, 3, 2, 1, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		stage_clear(NULL);
		stage_open(rows[i].role, rows[i].conns);
		assert_int_equal(stage.pool->lanes[LANE_QUICK].size, rows[i].quick);
		assert_int_equal(stage.pool->lanes[LANE_SLOW].size, rows[i].slow);
		assert_int_equal(stage.pool->lanes[LANE_COMMAND].size, rows[i].commands);
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			stage_close(NULL);
	}
}

static void test_a_statement_found_slow_travels_alone_on_a_conn_of_its_own(void **state)
{
	struct stage_call slow[2], quick;

	stage_open(NODE_REPLICA, 2);
	stage_statement(1)->running_us = (2 * ESTIMATE_SLOW_US) | 1;
	stage_query(&slow[0], stage_statement(1), "1");
	stage_query(&slow[1], stage_statement(1), "2");
	stage_query(&quick, stage_statement(2), "3");
	stage_turn();
	stage_connect();
	assert_string_equal(fake_sent(0),
			    "prepare:probe probe prepare:s2 s2(3) prepare:bound bound sync");
	assert_string_equal(fake_sent(1),
			    "prepare:probe probe prepare:s1 s1(1) prepare:bound bound sync");
	stage_answer(0);
	stage_answer(1);
	assert_int_equal(quick.told, 1);
	assert_string_equal(fake_sent(0), "");
	stage_answer(1);
	assert_int_equal(slow[1].told, 1);
	stage_call_fini(&slow[0]);
	stage_call_fini(&slow[1]);
	stage_call_fini(&quick);
}

/* Nothing was known of the first statement; the second's conn is the only other one for queries. */
static void test_quick_calls_take_an_idle_conn_for_slow_ones_when_theirs_are_late(void **state)
{
	struct stage_call slow, quick;

	stage_open(NODE_PRIMARY, 3);
	stage_query(&slow, stage_statement(1), "1");
	stage_turn();
	stage_query(&quick, stage_statement(2), "2");
	stage_pass(ESTIMATE_SLOW_US - 1);
	assert_null(quick.call.conn);

	stage_pass(1);

	assert_non_null(quick.call.conn);
	stage_answer(1);
	assert_int_equal(quick.told, 1);
	assert_int_equal(slow.told, 0);
	stage_answer(0);
	stage_call_fini(&slow);
	stage_call_fini(&quick);
}

static void test_a_pool_without_a_conn_for_slow_calls_opens_one_more_for_quick_ones(void **state)
{
	struct stage_call slow, quick;
	unsigned open;

	stage_open(NODE_PRIMARY, 2);
	open = pool_conns(stage.pool, CONN_IDLE);
	stage_query(&slow, stage_statement(1), "1");
	stage_turn();
	stage_query(&quick, stage_statement(2), "2");
	stage_pass(ESTIMATE_SLOW_US);
	stage_connect();

	assert_non_null(quick.call.conn);
	stage_answer(2);
	assert_int_equal(quick.told, 1);
	stage_answer(0);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), open + 1);
	stage_pass(CONN_IDLE_US_MAX);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), open);
	stage_call_fini(&slow);
	stage_call_fini(&quick);
}

static void test_a_pool_whose_quick_calls_come_back_in_time_opens_no_conn_more(void **state)
{
	struct stage_call calls[4];

	stage_open(NODE_PRIMARY, 2);
	for (unsigned i = 0; i < 4; i++) {
		stage_query(&calls[i], stage_statement(2), "2");
		stage_turn();
	}
	for (unsigned batch = 0; batch < 2; batch++) {
		stage_pass(ESTIMATE_SLOW_US - 1);
		stage_answer(0);
	}
	assert_int_equal(calls[3].told, 1);

	assert_int_equal(fake_dialed(), 2);
	for (unsigned i = 0; i < 4; i++)
		stage_call_fini(&calls[i]);
}

static void test_slow_calls_take_idle_conns_but_the_one_kept_for_quick_calls(void **state)
{
	struct stage_call slow[3], quick;

	stage_open(NODE_REPLICA, 3);
	stage_statement(1)->running_us = (2 * ESTIMATE_SLOW_US) | 1;
	stage_query(&quick, stage_statement(2), "7");
	stage_turn();
	stage_answer(0);
	(void)fake_sent(0);
	for (unsigned i = 0; i < 3; i++)
		stage_query(&slow[i], stage_statement(1), "1");
	stage_turn();
	assert_int_equal(pool_conns(stage.pool, CONN_BUSY), 2);
	stage_pass(49 * US_PER_MS);
	assert_string_equal(fake_sent(0), "");
	/* Nobody asked anything quick for a while: it is not kept any more. */
	stage_pass(US_PER_MS);
	assert_string_equal(fake_sent(0), "probe prepare:s1 s1(1) bound sync");
	for (unsigned i = 0; i < 3; i++)
		stage_answer(i);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(slow[i].call.end, CALL_OK);
		stage_call_fini(&slow[i]);
	}
	stage_call_fini(&quick);
}

/* The batch that prepares is no measure. */
static void run_prepared(unsigned statement, int64_t our_clock_us)
{
	struct stage_call call;

	stage_query(&call, stage_statement(statement), "7");
	stage_turn();
	stage_pass(our_clock_us);
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_how_long_a_statement_runs_is_read_off_the_servers_clock(void **state)
{
	stage_open(NODE_REPLICA, 1);
	fake_server.takes_us = 20 * ESTIMATE_SLOW_US;
	for (unsigned i = 0; i < 3; i++)
		run_prepared(1, 0);
	assert_true(estimate_is_slow(stage_statement(1)));

	/* Ours stood still for a while: that is nobody's fault. */
	fake_server.takes_us = 100;
	for (unsigned i = 0; i < 3; i++)
		run_prepared(2, US_PER_S);
	assert_false(estimate_is_slow(stage_statement(2)));
}

static void test_a_statement_forgotten_for_its_slowness_is_known_to_be_slow(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_pass(2 * US_PER_S);
	pool_forget(stage.pool, &call.call);
	assert_true(estimate_is_slow(stage_statement(1)));
	stage_call_fini(&call);
	stage_answer(0);
}

static void test_where_there_is_one_conn_slow_calls_still_travel_alone(void **state)
{
	struct stage_call slow, quick[2];

	stage_open(NODE_REPLICA, 1);
	stage_statement(1)->running_us = (2 * ESTIMATE_SLOW_US) | 1;
	stage_query(&quick[0], stage_statement(2), "1");
	stage_query(&slow, stage_statement(1), "2");
	stage_pass(1);
	stage_query(&quick[1], stage_statement(2), "3");
	stage_answer(0);
	(void)fake_sent(0);
	assert_int_equal(quick[0].told, 1);
	stage_answer(0);
	assert_int_equal(slow.told, 1);
	assert_string_equal(fake_sent(0), "probe s2(3) bound sync");
	stage_answer(0);
	stage_call_fini(&slow);
	stage_call_fini(&quick[0]);
	stage_call_fini(&quick[1]);
}

static void test_a_node_whose_role_is_known_keeps_all_its_conns_open(void **state)
{
	stage_open(NODE_REPLICA, 4);
	stage_turn();

	assert_int_equal(fake_dialed(), 4);
}

static void test_a_command_for_a_node_that_is_no_primary_never_leaves(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 2);
	stage_send(&call, CALL_COMMAND, stage_statement(1), "7");
	assert_int_equal(call.told, 0);
	stage_turn();
	assert_int_equal(call.call.end, CALL_UNSENT);
	stage_call_fini(&call);
}

static void test_a_promoted_node_gets_conns_for_commands_and_keeps_busy_ones(void **state)
{
	struct stage_call query, command;

	stage_open(NODE_REPLICA, 2);
	stage_query(&query, stage_statement(1), "7");
	stage_turn();
	pool_set_role(stage.pool, NODE_PRIMARY);
	stage_connect();
	stage_send(&command, CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	assert_false(fake_is_open(1));
	assert_non_null(strstr(fake_keyword(2, "options"), "read_only=off"));
	stage_answer(0);
	stage_answer(2);
	assert_int_equal(query.call.end, CALL_OK);
	assert_int_equal(command.call.end, CALL_OK);
	assert_true(fake_is_open(0));
	stage_call_fini(&query);
	stage_call_fini(&command);
}

static void test_a_demoted_node_closes_its_conns_for_commands(void **state)
{
	struct stage_call command;

	stage_open(NODE_PRIMARY, 2);
	stage_send(&command, CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	pool_set_role(stage.pool, NODE_REPLICA);
	assert_true(fake_is_open(1));
	stage_answer(1);
	assert_int_equal(command.call.end, CALL_OK);
	assert_false(fake_is_open(1));
	stage_call_fini(&command);
}

static void test_forgetting_a_call_that_waits_takes_it_out_of_the_queue(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	pool_forget(stage.pool, &call.call);
	assert_int_equal(pool_load(stage.pool), 0);
	stage_call_fini(&call);
	stage_turn();
	assert_string_equal(fake_sent(0), "");
}

static void test_a_forgotten_call_on_its_way_runs_to_its_end_unseen(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_query(&calls[1], stage_statement(1), "8");
	stage_turn();
	pool_forget(stage.pool, &calls[0].call);
	assert_int_equal(pool_load(stage.pool), 1);
	stage_call_fini(&calls[0]); /* nothing may touch it any more */
	memset(&calls[0], 0xa5, sizeof(calls[0]));
	stage_answer(0);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(pool_load(stage.pool), 0);
	stage_call_fini(&calls[1]);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_full_queue_refuses_and_keeps_nothing),
		STORY(test_a_queue_full_of_queries_still_takes_commands),
		STORY(test_a_call_that_waits_too_long_never_leaves),
		STORY(test_calls_wait_longer_while_their_first_conn_is_being_made),
		STORY(test_the_wait_for_a_conn_counts_from_when_there_is_one),
		STORY(test_a_node_that_was_not_reached_keeps_nobody_waiting),
		STORY(test_conns_for_queries_may_not_write_and_those_for_commands_may),
		STORY(test_conns_are_shared_out_by_role),
		STORY(test_a_statement_found_slow_travels_alone_on_a_conn_of_its_own),
		STORY(test_quick_calls_take_an_idle_conn_for_slow_ones_when_theirs_are_late),
		STORY(test_a_pool_without_a_conn_for_slow_calls_opens_one_more_for_quick_ones),
		STORY(test_a_pool_whose_quick_calls_come_back_in_time_opens_no_conn_more),
		STORY(test_slow_calls_take_idle_conns_but_the_one_kept_for_quick_calls),
		STORY(test_how_long_a_statement_runs_is_read_off_the_servers_clock),
		STORY(test_a_statement_forgotten_for_its_slowness_is_known_to_be_slow),
		STORY(test_where_there_is_one_conn_slow_calls_still_travel_alone),
		STORY(test_a_node_whose_role_is_known_keeps_all_its_conns_open),
		STORY(test_a_command_for_a_node_that_is_no_primary_never_leaves),
		STORY(test_a_promoted_node_gets_conns_for_commands_and_keeps_busy_ones),
		STORY(test_a_demoted_node_closes_its_conns_for_commands),
		STORY(test_forgetting_a_call_that_waits_takes_it_out_of_the_queue),
		STORY(test_a_forgotten_call_on_its_way_runs_to_its_end_unseen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
