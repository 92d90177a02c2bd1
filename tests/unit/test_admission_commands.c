/* SPDX-License-Identifier: Apache-2.0 */
/* links: pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* Few commands, whose clients wait for their answers: none is refused because the queue stands. */
#include "pg_stage.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/pool_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define CALLS 320
#define SERVED_US (6 * US_PER_MS)

static struct stage_call calls[CALLS];
static unsigned calls_count;

/* One conn for commands, each by itself. */
static struct pool_settings alone(void)
{
	struct pool_settings settings = stage_settings;

	settings.conns_max = settings.batch_calls_max = 1;
	settings.concurrency_fixed = 4;
	calls_count = 0;
	return settings;
}

static bool command_came(void)
{
	struct stage_call *call = &calls[calls_count];

	stage_call_init(call, CALL_COMMAND, stage_statement(2), "7");
	call->call.ticket.priority = (struct priority){ .asked = true, .urgency = 3 };
	if (!pool_submit(stage.pool, &call->call))
		return false;
	calls_count++;
	return true;
}

/* As where the processor is taken from a closed loop: two always wait, and each for long. */
static void commands_stand(void)
{
	struct pool_settings settings = alone();

	stage_open_with(NODE_PRIMARY, &settings);
	for (int i = 0; i < 3; i++)
		assert_true(command_came());
	stage_turn();
	for (int i = 0; i < 40; i++) {
		stage_pass(SERVED_US);
		stage_answer(1);
		assert_true(command_came());
		stage_turn();
	}
	assert_true(codel_overloaded(&stage.pool->lanes[LANE_COMMAND].admission.codel,
				     loop_now(stage.loop)));
}

static void finish_commands(void)
{
	while (pool_load(stage.pool)) {
		stage_pass(1);
		stage_answer(1);
	}
	for (unsigned i = 0; i < calls_count; i++) {
		assert_int_equal(calls[i].call.end, CALL_OK);
		stage_call_fini(&calls[i]);
	}
}

static void of_few_commands_none_is_refused_though_they_stand(void **state)
{
	(void)state;
	commands_stand();
	while (stage.pool->lanes[LANE_COMMAND].queue.count < GROUP_CALLS_MAX)
		assert_true(command_came());
	stage_pass(SERVED_US);
	assert_int_equal(stage.pool->lanes[LANE_COMMAND].queue.count, GROUP_CALLS_MAX);
	assert_false(command_came());
	stage_call_fini(&calls[calls_count]);
	finish_commands();
}

/* The answer of the one before it was there, but the turn in which both are seen came late. */
static void in_a_late_turn_who_can_leave_leaves(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_PRIMARY, &settings);
	assert_true(command_came());
	assert_true(command_came());
	stage_turn();
	stage.now_us += 3 * settings.queue_wait_us;
	loop_fake_clock(stage.loop, stage.now_us);
	stage_answer(1);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[1].told, 0);
	finish_commands();
}

/* The one before them takes a moment as a rule: its commit waits for a processor, or for a lock. */
static void few_commands_wait_longer_behind_one_that_is_overdue(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_PRIMARY, &settings);
	stage_statement(2)->running_us = (uint32_t)US_PER_MS;
	assert_true(command_came());
	stage_turn();
	assert_true(command_came());
	stage_pass(4 * settings.queue_wait_us);
	assert_int_equal(calls[1].told, 0);
	finish_commands();
}

static void but_not_for_ever(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_PRIMARY, &settings);
	stage_statement(2)->running_us = (uint32_t)US_PER_MS;
	assert_true(command_came());
	stage_turn();
	assert_true(command_came());
	stage_pass(5 * settings.queue_wait_us);
	assert_int_equal(calls[1].told, 1);
	assert_true(calls[1].call.refusal == REFUSAL_EXPIRED);
	stage_answer(1);
	stage_call_fini(&calls[0]);
	stage_call_fini(&calls[1]);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(of_few_commands_none_is_refused_though_they_stand),
		STORY(in_a_late_turn_who_can_leave_leaves),
		STORY(few_commands_wait_longer_behind_one_that_is_overdue),
		STORY(but_not_for_ever),
	};

	return cmocka_run_group_tests_name("overload_commands", tests, NULL, NULL);
}
