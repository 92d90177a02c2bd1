/* SPDX-License-Identifier: Apache-2.0 */
/* links: pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* Which conns the calls of a lane can leave on, and how many conns of each state a lane has. */
#include "pg/capacity.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/admission/core_reserve.h"
#include "pg/admission/estimate.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SLOW_US (20 * US_PER_MS)
#define QUICK 1 /* statements */
#define SLOW 2

static struct stage_call calls[8];
static unsigned calls_count;

static struct capacity capacity(enum lane_kind kind)
{
	return capacity_of(stage.pool, &stage.pool->lanes[kind]);
}

static void open_with(enum node_role role, unsigned conns, unsigned permits)
{
	struct pool_settings settings = stage_settings;

	calls_count = 0;
	settings.conns_max = conns;
	settings.streams_max = 1;
	settings.concurrency_fixed = permits;
	stage_open_with(role, &settings);
}

/* A client's query comes, and leaves when it can. */
static void come(unsigned statement)
{
	struct stage_call *call = &calls[calls_count++];

	stage_call_init(call, CALL_QUERY, stage_statement(statement), "7");
	call->call.ticket.priority = (struct priority){ .asked = true, .urgency = 3 };
	assert_true(pool_submit(stage.pool, &call->call));
	stage_turn();
}

static void slow_takes(int64_t us)
{
	stage_statement(SLOW)->running_us = (uint32_t)us | 1;
}

static void finish(void)
{
	for (unsigned i = 0; i < stage.pool->conns_count; i++)
		if (stage.pool->conns[i].state == CONN_BUSY)
			stage_answer(i);
	assert_int_equal(pool_load(stage.pool), 0);
	for (unsigned i = 0; i < calls_count; i++)
		stage_call_fini(&calls[i]);
}

/* Conns that must stay idle are no conns to wait for; the first that comes back is. */
static void where_the_limit_is_reached_an_idle_conn_is_not_in_time(void **state)
{
	(void)state;
	open_with(NODE_REPLICA, 4, 2);
	come(QUICK);
	stage_answer(0);
	slow_takes(SLOW_US);
	come(SLOW);
	assert_int_equal(capacity(LANE_SLOW).ready, 1);
	come(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), 2);
	assert_int_equal(capacity(LANE_SLOW).ready, 0);
	assert_int_equal(capacity(LANE_QUICK).ready, 1);
	assert_int_equal(capacity(LANE_SLOW).next_in_us, SLOW_US);
	stage_pass(SLOW_US);
	for (unsigned i = 0; i < 4; i++)
		stage_answer(i);
	assert_int_equal(capacity(LANE_SLOW).ready, 2);
	finish();
}

/* It is not out: the limit does not wait for it. */
static void a_conn_of_another_kind_that_is_being_made_is_none_to_wait_for(void **state)
{
	unsigned commands = 3;

	(void)state;
	open_with(NODE_PRIMARY, 4, 1);
	assert_int_equal(stage.pool->conns[commands].lane->kind, LANE_COMMAND);
	slow_takes(9 * stage_settings.queue_wait_us);
	come(SLOW);
	fake_server.hangs = true;
	fake_lose(commands);
	stage_turn();
	for (unsigned ms = 0; stage.pool->conns[commands].state == CONN_CLOSED; ms++) {
		assert_true(ms < 500);
		stage_pass(US_PER_MS);
	}
	/* The dialer's thread knows nothing of our clock, which stands until it is done. */
	stage_connect();
	assert_int_equal(stage.pool->conns[commands].state, CONN_CONNECTING);
	assert_int_equal(capacity(LANE_SLOW).ready, 0);
	assert_true(pool_conns(stage.pool, CONN_IDLE) > 0);
	assert_true(capacity(LANE_SLOW).next_in_us > 0);
	finish();
}

/* It may always leave with quick calls; with slow ones it needs a permit as others do. */
static void the_first_conn_is_exempt_from_the_limit_for_quick_calls_only(void **state)
{
	(void)state;
	open_with(NODE_REPLICA, 4, 1);
	come(QUICK);
	slow_takes(SLOW_US);
	stage_answer(0);
	come(SLOW);
	stage_pass(CORE_RESERVE_LATELY_US);
	assert_int_equal(stage.pool->conns[0].state, CONN_IDLE);
	assert_int_equal(capacity_out(stage.pool), 1);
	assert_int_equal(capacity(LANE_SLOW).ready, 0);
	assert_int_equal(capacity(LANE_QUICK).ready, 1);
	finish();
}

/* Any batch that ends gives its permit back, to whatever it belonged. */
static void where_the_limit_is_reached_a_command_that_ends_makes_room_for_a_query(void **state)
{
	struct stage_call *command = &calls[0];

	(void)state;
	open_with(NODE_PRIMARY, 4, 1);
	slow_takes(SLOW_US);
	stage_call_init(command, CALL_COMMAND, stage_statement(SLOW), "7");
	assert_true(pool_submit(stage.pool, &command->call));
	calls_count++;
	stage_turn();
	assert_int_equal(stage.pool->lanes[LANE_COMMAND].counts.in[CONN_BUSY], 1);
	assert_int_equal(capacity(LANE_SLOW).ready, 0);
	assert_int_equal(capacity(LANE_SLOW).next_in_us, SLOW_US);
	finish();
}

/* It takes none of these calls. */
static void without_an_idle_conn_the_batch_of_another_lane_makes_no_room(void **state)
{
	(void)state;
	open_with(NODE_REPLICA, 2, 2);
	come(QUICK);
	slow_takes(SLOW_US);
	come(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), 0);
	assert_int_equal(capacity(LANE_SLOW).next_in_us, SLOW_US);
	finish();
}

static void on_rows(struct call *call)
{
	(void)call;
}

/* It takes no permit, so that its end gives none back. */
static void a_stream_that_is_out_makes_no_room(void **state)
{
	struct stage_call *stream = &calls[1];

	(void)state;
	open_with(NODE_REPLICA, 4, 1);
	slow_takes(9 * stage_settings.queue_wait_us);
	come(SLOW);
	stage_call_init(stream, CALL_QUERY, stage_statement(QUICK), "7");
	stream->call.on_rows = on_rows;
	assert_true(pool_submit(stage.pool, &stream->call));
	calls_count++;
	stage_turn();
	stage_connect();
	stage_turn();
	assert_int_equal(stage.pool->lanes[LANE_STREAM].counts.in[CONN_BUSY], 1);
	assert_int_equal(capacity_out(stage.pool), 1);
	assert_int_equal(capacity(LANE_SLOW).ready, 0);
	assert_true(capacity(LANE_SLOW).next_in_us > stage_settings.queue_wait_us);
	pool_forget(stage.pool, &stream->call);
	finish();
}

static void quick_calls_count_on_a_conn_for_slow_ones_where_all_of_theirs_are_late(void **state)
{
	(void)state;
	open_with(NODE_REPLICA, 2, 2);
	assert_int_equal(capacity(LANE_QUICK).ready, 1);
	come(QUICK);
	assert_int_equal(capacity(LANE_QUICK).ready, 0);
	stage_pass(ESTIMATE_SLOW_US + US_PER_MS);
	assert_int_equal(capacity(LANE_QUICK).ready, 1);
	finish();
}

/* The first is kept for quick ones as long as these come. */
static void slow_calls_count_on_the_conns_for_quick_ones_but_the_first(void **state)
{
	(void)state;
	open_with(NODE_REPLICA, 4, 4);
	come(QUICK);
	stage_answer(0);
	assert_int_equal(capacity(LANE_SLOW).ready, 3);
	stage_pass(US_PER_S);
	assert_int_equal(capacity(LANE_SLOW).ready, 4);
	assert_int_equal(capacity(LANE_LONG).ready, 4);
	finish();
}

static void a_lane_without_conns_has_none_to_wait_for(void **state)
{
	(void)state;
	open_with(NODE_REPLICA, 2, 2);
	assert_false(capacity(LANE_COMMAND).open);
	assert_int_equal(capacity(LANE_GROUP).ready, 0);
	assert_int_equal(capacity(LANE_GROUP).next_in_us, CLOCK_NEVER);
	finish();
}

static void counts_are_right(void)
{
	struct conn_counts all = { 0 };

	for (enum lane_kind kind = 0; kind < LANES; kind++) {
		const struct lane *lane = &stage.pool->lanes[kind];
		struct conn_counts counts = { 0 };

		for (unsigned i = 0; i < lane->size; i++) {
			assert_ptr_equal(lane->conns[i].lane, lane);
			counts.in[lane->conns[i].state]++;
			all.in[lane->conns[i].state]++;
		}
		assert_memory_equal(&counts, &lane->counts, sizeof(counts));
	}
	assert_memory_equal(&all, &stage.pool->counts, sizeof(all));
}

static void the_conns_of_each_lane_are_counted_whatever_becomes_of_the_role(void **state)
{
	static const enum node_role roles[] = { NODE_PRIMARY, NODE_REPLICA, NODE_UNKNOWN,
						NODE_PRIMARY };

	(void)state;
	open_with(NODE_REPLICA, 4, 4);
	come(QUICK);
	counts_are_right();
	for (unsigned i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		pool_set_role(stage.pool, roles[i]);
		counts_are_right();
		stage_connect();
		counts_are_right();
	}
	finish();
	counts_are_right();
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(where_the_limit_is_reached_an_idle_conn_is_not_in_time),
		STORY(a_conn_of_another_kind_that_is_being_made_is_none_to_wait_for),
		STORY(the_first_conn_is_exempt_from_the_limit_for_quick_calls_only),
		STORY(where_the_limit_is_reached_a_command_that_ends_makes_room_for_a_query),
		STORY(without_an_idle_conn_the_batch_of_another_lane_makes_no_room),
		STORY(a_stream_that_is_out_makes_no_room),
		STORY(quick_calls_count_on_a_conn_for_slow_ones_where_all_of_theirs_are_late),
		STORY(slow_calls_count_on_the_conns_for_quick_ones_but_the_first),
		STORY(a_lane_without_conns_has_none_to_wait_for),
		STORY(the_conns_of_each_lane_are_counted_whatever_becomes_of_the_role),
	};

	return cmocka_run_group_tests_name("capacity", tests, NULL, NULL);
}
