/* SPDX-License-Identifier: Apache-2.0 */
/* What is sent: how calls gather into batches, and what stands around them. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/wire/batch.h"

#include "aborts.h"
#include "base/clock.h"
#include "fake_libpq.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PREPARED_1 "prepare:probe probe prepare:s1 s1(7) prepare:bound bound sync"

struct move {
	enum batch_state from, to;
};

static void make_move(void *arg)
{
	const struct move *move = arg;
	struct batch batch = { .state = move->from };

	batch_move(&batch, move->to);
}

static bool may_move(enum batch_state from, enum batch_state to)
{
	return !aborts(make_move, &(struct move){ from, to });
}

static void test_a_batch_moves_only_as_drawn(void **state)
{
	(void)state;
	assert_true(may_move(BATCH_NONE, BATCH_FORMING));
	assert_true(may_move(BATCH_OUT, BATCH_COMMITTING));
	assert_true(may_move(BATCH_COMMITTING, BATCH_OUT));
	/* What was committed cannot be rolled back, nor can it go out again. */
	assert_false(may_move(BATCH_COMMITTED, BATCH_ROLLING_BACK));
	assert_false(may_move(BATCH_COMMITTED, BATCH_ROLLING_BACK_LATE));
	assert_false(may_move(BATCH_COMMITTED, BATCH_OUT));
	/* Only behind what commits it can it be committed. */
	assert_false(may_move(BATCH_FORMING, BATCH_COMMITTED));
	assert_false(may_move(BATCH_OUT, BATCH_COMMITTED));
	assert_false(may_move(BATCH_NONE, BATCH_OUT));
	for (enum batch_state each = BATCH_FORMING; each < BATCH_STATES; each++) {
		assert_true(may_move(each, BATCH_NONE));
		assert_false(may_move(each, BATCH_FORMING));
	}
}

static void test_a_batch_may_have_committed_once_its_commit_was_sent(void **state)
{
	static const bool may[BATCH_STATES] = {
		[BATCH_COMMITTING] = true,
		[BATCH_COMMITTED] = true,
		[BATCH_ROLLING_BACK_LATE] = true,
		[BATCH_CLEANING] = true,
	};

	(void)state;
	for (enum batch_state each = BATCH_NONE; each < BATCH_STATES; each++)
		assert_int_equal(batch_may_have_committed(&(struct batch){ .state = each }),
				 may[each]);
}

static void end_calls(struct stage_call *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage_call_fini(&calls[i]);
}

static void test_a_lone_query_leaves_at_the_end_of_the_turn_between_two_probes(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	assert_string_equal(fake_sent(0), "");
	stage_turn();
	assert_string_equal(fake_sent(0), PREPARED_1);
	stage_answer(0);
	assert_int_equal(call.told, 1);
	stage_call_fini(&call);
}

static void test_calls_gather_while_a_batch_is_out(void **state)
{
	struct stage_call calls[4];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "7");
	stage_turn();
	(void)fake_sent(0);
	for (unsigned i = 1; i < 4; i++) {
		stage_query(&calls[i], stage_statement(1), "8");
		stage_turn();
	}
	assert_string_equal(fake_sent(0), "");
	stage_answer(0);
	assert_string_equal(fake_sent(0), "probe s1(8) s1(8) s1(8) bound sync");
	stage_answer(0);
	end_calls(calls, 4);
}

static void test_a_statement_is_prepared_once_per_conn_and_once_per_batch(void **state)
{
	struct stage_call calls[3];

	stage_open(NODE_REPLICA, 1);
	stage_query(&calls[0], stage_statement(1), "1");
	stage_query(&calls[1], stage_statement(1), "2");
	stage_turn();
	assert_string_equal(fake_sent(0),
			    "prepare:probe probe prepare:s1 s1(1) s1(2) prepare:bound bound sync");
	assert_string_equal(fake_oids(0), "23");
	stage_answer(0);
	stage_query(&calls[2], stage_statement(1), NULL);
	stage_turn();
	assert_string_equal(fake_sent(0), "probe s1(null) bound sync");
	stage_answer(0);
	end_calls(calls, 3);
}

static void test_a_timeout_of_its_own_holds_for_the_calls_that_want_it(void **state)
{
	struct stage_call calls[4];

	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < 4; i++) {
		stage_call_init(&calls[i], CALL_QUERY, stage_statement(1), "1");
		calls[i].call.timeout_us = i == 1 || i == 2 ? 1500 * US_PER_MS : 0;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	assert_string_equal(fake_sent(0),
			    "prepare:probe probe prepare:s1 s1(1) prepare:timeout timeout(1500) "
			    "s1(1) s1(1) timeout(5000) s1(1) prepare:bound bound sync");
	stage_answer(0);
	end_calls(calls, 4);
}

static void test_a_batch_is_no_longer_than_its_limit(void **state)
{
	static struct stage_call calls[BATCH_CALLS_MAX + 1];

	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < BATCH_CALLS_MAX + 1; i++)
		stage_query(&calls[i], stage_statement(1), "1");
	stage_turn();
	stage_answer(0);
	assert_int_equal(calls[BATCH_CALLS_MAX - 1].told, 1);
	assert_int_equal(calls[BATCH_CALLS_MAX].told, 0);
	stage_answer(0);
	assert_int_equal(calls[BATCH_CALLS_MAX].told, 1);
	end_calls(calls, BATCH_CALLS_MAX + 1);
}

static void test_a_limit_of_one_sends_each_call_by_itself(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call calls[3];

	settings.conns_max = 1;
	settings.batch_calls_max = 1;
	stage_open_with(NODE_REPLICA, &settings);
	for (unsigned i = 0; i < 3; i++)
		stage_query(&calls[i], stage_statement(1), "1");
	stage_turn();
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].told, 0);
		stage_answer(0);
		assert_int_equal(calls[i].told, 1);
	}
	end_calls(calls, 3);
}

static void test_large_parameters_travel_in_several_batches(void **state)
{
	struct stage_call calls[3];
	char *large = malloc(BATCH_PARAM_BYTES_MAX / 2);

	memset(large, '1', BATCH_PARAM_BYTES_MAX / 2 - 1);
	large[BATCH_PARAM_BYTES_MAX / 2 - 1] = '\0';
	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < 3; i++)
		stage_query(&calls[i], stage_statement(1), large);
	stage_turn();
	stage_answer(0);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[2].told, 0);
	stage_answer(0);
	assert_int_equal(calls[2].told, 1);
	end_calls(calls, 3);
	free(large);
}

static void test_a_probe_needs_no_statement(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_send(&call, CALL_PROBE, NULL, NULL);
	stage_turn();
	assert_string_equal(fake_sent(0), "prepare:probe probe prepare:bound bound sync");
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_int_equal(call.call.lower, 0x1000);
	stage_call_fini(&call);
}

/* On a primary of two conns the first serves queries, the second commands. */
static void test_a_command_is_followed_by_its_position_in_a_segment_of_its_own(void **state)
{
	struct stage_call call;

	stage_open(NODE_PRIMARY, 2);
	stage_send(&call, CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	assert_string_equal(fake_sent(0), "");
	assert_string_equal(fake_sent(1), "prepare:s1 s1(7) prepare:xid xid sync "
					  "prepare:position position sync");
	stage_answer(1);
	stage_call_fini(&call);
}

static void test_a_command_with_an_isolation_level_opens_its_transaction_itself(void **state)
{
	struct stage_call call;

	stage_open(NODE_PRIMARY, 2);
	stage_call_init(&call, CALL_COMMAND, stage_statement(1), "7");
	call.call.isolation = ISOLATION_SERIALIZABLE;
	call.call.timeout_us = US_PER_S;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	assert_string_equal(fake_sent(1),
			    "[BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE] prepare:s1 "
			    "prepare:timeout timeout(1000) s1(7) prepare:xid xid [COMMIT] sync "
			    "prepare:position position sync");
	stage_answer(1);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_commands_never_share_a_batch(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_PRIMARY, 2);
	for (unsigned i = 0; i < 2; i++)
		stage_send(&calls[i], CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	stage_answer(1);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[1].told, 0);
	stage_answer(1);
	assert_int_equal(calls[1].told, 1);
	end_calls(calls, 2);
}

static void test_a_description_runs_nothing(void **state)
{
	struct stage_call call;
	const uint32_t oids[] = { 20 };

	stage_open(NODE_REPLICA, 1);
	stage_call_init(&call, CALL_DESCRIBE, stage_statement(1), NULL);
	call.call.param_oids = oids;
	fake_server.param_oid = 20;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	assert_string_equal(fake_sent(0),
			    "prepare:s1 describe:s1 [SELECT set_config('jit', 'off', true)]"
			    " prepare:leaves leaves(SELECT 1.) sync");
	assert_string_equal(fake_oids(0), "20");
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_int_equal(call.call.shape->params, 1);
	assert_int_equal(call.call.shape->param_types[0].oid, 20);
	assert_int_equal(call.call.shape->columns, 1);
	stage_call_fini(&call);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_batch_moves_only_as_drawn),
		cmocka_unit_test(test_a_batch_may_have_committed_once_its_commit_was_sent),
		STORY(test_a_lone_query_leaves_at_the_end_of_the_turn_between_two_probes),
		STORY(test_calls_gather_while_a_batch_is_out),
		STORY(test_a_statement_is_prepared_once_per_conn_and_once_per_batch),
		STORY(test_a_timeout_of_its_own_holds_for_the_calls_that_want_it),
		STORY(test_a_batch_is_no_longer_than_its_limit),
		STORY(test_a_limit_of_one_sends_each_call_by_itself),
		STORY(test_large_parameters_travel_in_several_batches),
		STORY(test_a_probe_needs_no_statement),
		STORY(test_a_command_is_followed_by_its_position_in_a_segment_of_its_own),
		STORY(test_a_command_with_an_isolation_level_opens_its_transaction_itself),
		STORY(test_commands_never_share_a_batch),
		STORY(test_a_description_runs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
