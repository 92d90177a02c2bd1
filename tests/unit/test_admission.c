/* SPDX-License-Identifier: Apache-2.0 */
/* links: admission_story.c pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* A queue to which more come than leave: who is let in, who is let go. */
#include "admission_story.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/admission/estimate.h"
#include "pg/pool_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void a_queue_that_stands_lets_in_only_whom_it_serves_in_time(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	overload();
	assert_false(came(3));
	stage_call_fini(&calls[calls_count]);
	finish();
}

/* Two less urgent ones wait, and a more urgent one comes. Returns the second of the two. */
static unsigned take_a_place(void)
{
	struct pool_settings settings = alone();

	stage_open_with(NODE_REPLICA, &settings);
	overload();
	served(2);
	assert_true(came(5));
	assert_true(came(5));
	assert_true(came(1));
	return calls_count - 2;
}

static void the_more_urgent_takes_the_place_of_the_less_urgent(void **state)
{
	unsigned last = take_a_place();

	(void)state;
	stage_turn();
	assert_int_equal(calls[last].told, 1);
	assert_int_equal(calls[last].call.end, CALL_UNSENT);
	assert_true(calls[last].call.refusal == REFUSAL_SHED);
	/* And it leaves before the other. */
	served(1);
	assert_int_equal(calls[last + 1].told, 0);
	served(1);
	assert_int_equal(calls[last + 1].told, 1);
	assert_int_equal(calls[last - 1].told, 0);
	finish();
}

static void who_lost_its_place_is_told_even_if_nobody_waits_any_more(void **state)
{
	unsigned last = take_a_place();

	(void)state;
	pool_forget(stage.pool, &calls[last + 1].call);
	pool_forget(stage.pool, &calls[last - 1].call);
	assert_int_equal(calls[last].told, 0);
	stage_turn();
	assert_int_equal(calls[last].told, 1);
	finish();
}

static void of_too_many_the_late_are_let_go(void **state)
{
	struct pool_settings settings = alone();
	struct stage_call more[3];
	unsigned first;

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	overload();
	first = calls_count - 2;
	for (unsigned i = 0; i < 3; i++)
		stage_query(&more[i], stage_statement(1), "7");
	stage_pass(2 * codel_slack_us(&stage.pool->lanes[LANE_QUICK].admission.codel));
	assert_int_equal(calls[first].told, 1);
	assert_true(calls[first].call.refusal == REFUSAL_SHED);
	/* As many as there is room for are served. */
	assert_int_equal(calls[first + 1].told, 0);
	finish();
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&more[i]);
}

/* Three come for each that is served: the cut-off lies among their ranks. */
static void overload_much(void)
{
	struct pool_settings settings = alone();

	stage_open_with(NODE_REPLICA, &settings);
	overload();
	for (int i = 0; i < 60; i++) {
		served(1);
		for (unsigned cohort = 0; cohort < 3; cohort++)
			if (!came_of_cohort(3, (unsigned)i * 3 + cohort))
				stage_call_fini(&calls[calls_count]);
		stage_turn();
	}
	assert_true(stage.pool->lanes[LANE_QUICK].admission.threshold->set);
	assert_int_equal(threshold_class(stage.pool->lanes[LANE_QUICK].admission.threshold->rank),
			 threshold_class(threshold_rank(3, false, 0)));
}

static void an_idle_conn_waits_for_those_who_are_refused_not_for_worse_ones(void **state)
{
	(void)state;
	overload_much();
	served(4);
	assert_int_equal(pool_load(stage.pool), 0);
	assert_false(came(7));
	assert_true(calls[calls_count].call.refusal == REFUSAL_SHED);
	stage_call_fini(&calls[calls_count]);
	assert_true(came(3));
	finish();
}

/* Slow ones have a queue of their own, which nobody stands in. */
static void whoever_is_behind_those_of_another_queue_is_refused_in_his(void **state)
{
	struct stage_call slow[2];

	(void)state;
	overload_much();
	stage_statement(2)->running_us = (uint32_t)(2 * ESTIMATE_SLOW_US) | 1;
	for (unsigned i = 0; i < 2; i++) {
		stage_call_init(&slow[i], CALL_QUERY, stage_statement(2), "7");
		slow[i].call.ticket.priority =
			(struct priority){ .asked = true, .urgency = i ? 3 : 7 };
	}
	assert_false(pool_submit(stage.pool, &slow[0].call));
	assert_true(slow[0].call.refusal == REFUSAL_SHED);
	assert_true(pool_submit(stage.pool, &slow[1].call));
	finish();
	for (unsigned i = 0; i < 2; i++)
		stage_call_fini(&slow[i]);
}

static void the_first_in_the_queue_waits_for_a_conn_that_is_idle_in_time(void **state)
{
	(void)state;
	overload_much();
	served(4);
	assert_int_equal(pool_load(stage.pool), 0);
	stage_statement(1)->running_us = 60 * US_PER_MS;
	assert_true(came(3));
	stage_turn();
	assert_false(came(3));
	stage_call_fini(&calls[calls_count]);
	stage_pass(52 * US_PER_MS);
	assert_true(came(3));
	finish();
}

/* Nobody of better rank waits for long, and that is why. */
static void a_queue_stands_for_those_who_are_passed_by_others(void **state)
{
	(void)state;
	overload_much();
	served(4);
	try(1);
	stage_turn();
	for (unsigned i = 0; i < 60; i++) {
		try(3);
		stage_pass(SERVED_US);
		try(1);
		stage_answer(0);
	}
	assert_int_equal(codel_load(&stage.pool->lanes[LANE_QUICK].admission.codel), CODEL_HEAVY);
	finish();
}

static void the_better_ranks_find_room_behind_each_other(void **state)
{
	(void)state;
	overload_much();
	for (int i = 0; i < 8; i++)
		assert_true(came(1));
	finish();
}

static void whoever_takes_more_than_a_fair_share_gives_way(void **state)
{
	struct pool_settings settings = alone();
	int64_t now_us;

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	overload();
	served(2);
	now_us = loop_now(stage.loop);
	for (uint64_t user = 1; user <= 4; user++)
		fair_charge(&stage.pool->admission.users, user, user == 4 ? US_PER_S : US_PER_MS,
			    now_us);
	stage.pool->admission.users.fade_us = 0;
	fair_charge(&stage.pool->admission.users, 1, 1, now_us);
	user_of_next = 4;
	assert_true(came(3));
	assert_true(came(3));
	user_of_next = 1;
	assert_true(came(3));
	user_of_next = 0;
	stage_turn();
	assert_int_equal(calls[calls_count - 2].told, 1);
	assert_true(calls[calls_count - 2].call.refusal == REFUSAL_SHED);
	finish();
}

static void who_cannot_be_answered_in_time_is_let_go(void **state)
{
	struct pool_settings settings = alone();
	struct stage_call more[3];
	unsigned last;

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	overload();
	last = calls_count - 1;
	for (unsigned i = 0; i < 3; i++)
		stage_query(&more[i], stage_statement(1), "7");
	calls[last].call.ticket.deadline_us = loop_now(stage.loop) + 2;
	stage_pass(1);
	assert_int_equal(calls[last - 1].told, 0);
	assert_int_equal(calls[last].told, 1);
	finish();
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&more[i]);
}

static void what_goes_on_with_something_is_let_in(void **state)
{
	struct pool_settings settings = alone();
	struct stage_call *call = &calls[CALLS - 1];

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	overload();
	stage_query(call, stage_statement(1), "7");
	stage_pass(2 * codel_slack_us(&stage.pool->lanes[LANE_QUICK].admission.codel));
	assert_int_equal(call->told, 0);
	finish();
	stage_call_fini(call);
}

static void who_finds_an_idle_conn_is_never_refused(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	overload();
	served(3);
	assert_int_equal(pool_load(stage.pool), 0);
	assert_true(came(7));
	finish();
}

static void without_limits_everybody_waits(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	settings.concurrency = CONCURRENCY_OFF;
	settings.queue_max = 1;
	stage_open_with(NODE_REPLICA, &settings);
	for (int i = 0; i < 40; i++)
		assert_true(came(3));
	stage_pass(10 * settings.queue_wait_us);
	assert_int_equal(pool_load(stage.pool), 40);
	finish();
}

static void queries_share_a_batch_for_5_ms(void **state)
{
	struct pool_settings settings = alone();
	struct statement *statement;

	(void)state;
	settings.batch_calls_max = 0;
	stage_open_with(NODE_REPLICA, &settings);
	statement = stage_statement(1);
	estimate_learn(&statement, 1, 2 * US_PER_MS);
	while (estimate_us(statement) < 19 * US_PER_MS / 10)
		estimate_learn(&statement, 1, 2 * US_PER_MS);
	for (int i = 0; i < 4; i++)
		assert_true(came(3));
	stage_turn();
	stage_answer(0);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[2].told, 0);
	finish();
}

static void beyond_the_limit_conns_stay_idle_but_the_first(void **state)
{
	struct pool_settings settings = stage_settings;

	(void)state;
	calls_count = 0;
	settings.conns_max = 4;
	settings.batch_calls_max = 1;
	settings.concurrency_fixed = 2;
	stage_open_with(NODE_REPLICA, &settings);
	for (int i = 0; i < 4; i++)
		assert_true(came(3));
	stage_turn();
	assert_int_equal(pool_conns(stage.pool, CONN_BUSY), 2);
	stage_answer(0);
	assert_int_equal(pool_conns(stage.pool, CONN_BUSY), 2);
	stage_answer(1);
	stage_answer(0);
	stage_answer(1);
	finish();
}

/* A probe is no statement. */
static void of_many_quick_ones_it_is_reckoned_when_they_leave(void **state)
{
	struct pool_settings settings = alone();
	struct stage_call probe;
	unsigned count = 0;

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	stage_statement(1)->running_us = 4000;
	stage.pool->lanes[LANE_QUICK].admission.codel.gap_us = 4000;
	assert_true(came(3));
	stage_turn();
	stage_send(&probe, CALL_PROBE, NULL, NULL);
	for (; came(3); count++)
		assert_true(count < 90);
	stage_call_fini(&calls[calls_count]);
	assert_in_range(count, 20, 30);
	finish();
	stage_call_fini(&probe);
}

/* Three of them, one a batch, and each batch takes more than half of what a call may wait. */
static void few_quick_calls_wait_as_long_as_batches_leave(void **state)
{
	struct pool_settings settings = alone();

	(void)state;
	stage_open_with(NODE_REPLICA, &settings);
	for (unsigned i = 0; i < 3; i++)
		assert_true(came(3));
	stage_turn();
	for (unsigned i = 0; i < 3; i++) {
		stage_pass(settings.queue_wait_us * 2 / 3);
		stage_answer(0);
		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, CALL_OK);
	}
	finish();
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_queue_that_stands_lets_in_only_whom_it_serves_in_time),
		STORY(the_more_urgent_takes_the_place_of_the_less_urgent),
		STORY(who_lost_its_place_is_told_even_if_nobody_waits_any_more),
		STORY(of_too_many_the_late_are_let_go),
		STORY(an_idle_conn_waits_for_those_who_are_refused_not_for_worse_ones),
		STORY(whoever_is_behind_those_of_another_queue_is_refused_in_his),
		STORY(the_first_in_the_queue_waits_for_a_conn_that_is_idle_in_time),
		STORY(a_queue_stands_for_those_who_are_passed_by_others),
		STORY(the_better_ranks_find_room_behind_each_other),
		STORY(whoever_takes_more_than_a_fair_share_gives_way),
		STORY(who_cannot_be_answered_in_time_is_let_go),
		STORY(what_goes_on_with_something_is_let_in),
		STORY(who_finds_an_idle_conn_is_never_refused),
		STORY(of_many_quick_ones_it_is_reckoned_when_they_leave),
		STORY(few_quick_calls_wait_as_long_as_batches_leave),
		STORY(without_limits_everybody_waits),
		STORY(queries_share_a_batch_for_5_ms),
		STORY(beyond_the_limit_conns_stay_idle_but_the_first),
	};

	return cmocka_run_group_tests_name("overload", tests, NULL, NULL);
}
