/* SPDX-License-Identifier: Apache-2.0 */
/* links: admission_story.c pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* Slow queries in a queue that is not overloaded: who is expected to leave in time. */
#include "admission_story.h"

#include "base/clock.h"
#include "pg/capacity.h"
#include "pg/pool_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Of slow ones, as many as may wait when one leaves each 20 ms; not long enough to stand. */
static unsigned fill_with_slow_ones(void)
{
	struct pool_settings settings = alone();

	settings.concurrency_fixed = 2;
	stage_open_with(NODE_REPLICA, &settings);
	stage_statement(2)->running_us = (uint32_t)SLOW_US | 1;
	for (int i = 0; i < 4; i++)
		assert_true(slow_came(3));
	stage_turn();
	for (int i = 0; i < 3; i++) {
		stage_pass(SLOW_US);
		stage_answer(0);
	}
	assert_false(codel_overloaded(&stage.pool->lanes[LANE_SLOW].admission.codel,
				      loop_now(stage.loop)));
	while (slow_came(3))
		assert_true(calls_count < CALLS);
	return (unsigned)stage.pool->lanes[LANE_SLOW].queue.count;
}

static void no_more_slow_ones_wait_than_leave_in_time(void **state)
{
	(void)state;
	assert_int_equal(fill_with_slow_ones(), stage_settings.queue_wait_us / SLOW_US);
	finish();
}

/* Even if nobody waits: the only conn is expected to be busy for longer than anybody may. */
static void who_cannot_leave_in_time_does_not_wait_for_his_refusal(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	stage_statement(2)->running_us = (uint32_t)(3 * settings.queue_wait_us) | 1;
	assert_true(slow_came(3));
	stage_turn();
	assert_false(slow_came(3));
	stage_pass(2 * settings.queue_wait_us + US_PER_MS);
	assert_true(slow_came(3));
	finish();
}

/* One had to wait for a lock: that says nothing of the next. */
static void a_command_waits_whatever_others_took(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call commands[3];

	(void)state;
	calls_count = 0;
	stage_open_with(NODE_PRIMARY, &settings);
	stage_statement(2)->running_us = (uint32_t)(9 * settings.queue_wait_us) | 1;
	for (unsigned i = 0; i < 3; i++) {
		stage_call_init(&commands[i], CALL_COMMAND, stage_statement(2), "7");
		commands[i].call.ticket.priority = (struct priority){ .asked = true, .urgency = 3 };
		assert_true(pool_submit(stage.pool, &commands[i].call));
		stage_turn();
	}
	stage_pass(settings.queue_wait_us);
	assert_int_equal(commands[1].call.end, CALL_UNSENT);
	assert_true(commands[1].call.refusal == REFUSAL_EXPIRED);
	stage_answer(1);
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&commands[i]);
}

/* Where they are overloaded, what is in time is told in multiples of what they take. */
static void nor_does_a_long_one_where_many_of_these_come(void **state)
{
	struct pool_settings settings = alone();
	struct codel *codel;

	(void)state;
	settings.cores = 2;
	stage_open_with(NODE_REPLICA, &settings);
	codel = &stage.pool->lanes[LANE_LONG].admission.codel;
	stage_statement(2)->running_us = (uint32_t)(3 * settings.queue_wait_us) | 1;
	assert_true(slow_came(3));
	stage_turn();
	*codel = (struct codel){ .interval_us = codel->interval_us,
				 .overloaded = true,
				 .gap_us = (double)(3 * settings.queue_wait_us),
				 .until_us = loop_now(stage.loop) + codel->interval_us };
	assert_true(capacity_of(stage.pool, &stage.pool->lanes[LANE_LONG]).next_in_us <
		    codel_slack_us(codel));
	assert_false(slow_came(3));
	finish();
}

/* What was learnt while there was one for all of them. */
static void where_conns_are_idle_nobody_asks_for_the_pace(void **state)
{
	struct pool_settings settings = stage_settings;

	(void)state;
	calls_count = 0;
	settings.conns_max = 8;
	stage_open_with(NODE_REPLICA, &settings);
	stage_statement(2)->running_us = (uint32_t)(2 * SLOW_US) | 1;
	stage.pool->lanes[LANE_SLOW].admission.codel.gap_us = (double)(2 * SLOW_US);
	assert_true(slow_came(3));
	stage_turn();
	stage_statement(2)->running_us = (uint32_t)(3 * settings.queue_wait_us) | 1;
	for (unsigned i = 1; i < settings.conns_max; i++)
		assert_true(slow_came(3));
	assert_false(slow_came(3));
	stage_turn();
	assert_int_equal(pool_conns(stage.pool, CONN_BUSY), settings.conns_max);
	for (unsigned i = 0; i < settings.conns_max; i++)
		stage_answer(i);
	finish();
}

static void nobody_is_let_go_for_one_that_could_not_leave_in_time(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	stage_statement(2)->running_us = (uint32_t)(3 * settings.queue_wait_us) | 1;
	assert_true(slow_came(5));
	stage_turn();
	stage_pass(2 * settings.queue_wait_us);
	assert_true(slow_came(5));
	/* It takes longer than it was expected to. */
	stage_statement(2)->running_us = (uint32_t)(9 * settings.queue_wait_us) | 1;
	assert_false(slow_came(1));
	stage_turn();
	assert_int_equal(calls[1].told, 0);
	finish();
}

static void whoever_is_more_urgent_takes_a_place_among_those_who_stand_in_order(void **state)
{
	(void)state;
	fill_with_slow_ones();
	assert_true(slow_came(1));
	stage_turn();
	assert_int_equal(calls[calls_count - 2].told, 1);
	assert_true(calls[calls_count - 2].call.refusal == REFUSAL_SHED);
	assert_false(slow_came(3));
	finish();
}

/* Of a burst too short to be an overload, the one who takes all gives way. */
static void whoever_takes_little_takes_a_place_from_who_takes_much(void **state)
{
	(void)state;
	fill_with_slow_ones();
	for (unsigned i = 1; i < calls_count; i++)
		calls[i].call.ticket.priority.user = 4;
	for (uint64_t user = 1; user <= 4; user++)
		fair_charge(&stage.pool->admission.users, user, user == 4 ? US_PER_S : US_PER_MS,
			    loop_now(stage.loop));
	stage.pool->admission.users.fade_us = 0;
	fair_charge(&stage.pool->admission.users, 1, 1, loop_now(stage.loop));
	assert_true(slow_came_from(3, 1));
	stage_turn();
	assert_int_equal(calls[calls_count - 2].told, 1);
	assert_true(calls[calls_count - 2].call.refusal == REFUSAL_SHED);
	assert_false(slow_came_from(3, 4));
	finish();
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(no_more_slow_ones_wait_than_leave_in_time),
		STORY(who_cannot_leave_in_time_does_not_wait_for_his_refusal),
		STORY(a_command_waits_whatever_others_took),
		STORY(nor_does_a_long_one_where_many_of_these_come),
		STORY(where_conns_are_idle_nobody_asks_for_the_pace),
		STORY(nobody_is_let_go_for_one_that_could_not_leave_in_time),
		STORY(whoever_is_more_urgent_takes_a_place_among_those_who_stand_in_order),
		STORY(whoever_takes_little_takes_a_place_from_who_takes_much),
	};

	return cmocka_run_group_tests_name("slow queries", tests, NULL, NULL);
}
