/* SPDX-License-Identifier: Apache-2.0 */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
/* A node of two cores: one is spared for quick queries, for as long as they come. */
#include "pg/admission/core_reserve.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/admission/estimate.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LONG_US (200 * US_PER_MS)
#define SLOW_US (20 * US_PER_MS)
#define CONNS 6
#define LONGEST_US (1500 * US_PER_MS)

static struct stage_call longer[CONNS], quick[100];
static unsigned quick_count;

static void one_quick(void)
{
	struct stage_call *call = &quick[quick_count++];

	stage_call_init(call, CALL_QUERY, stage_statement(2), "7");
	call->call.ticket.priority.asked = true;
	assert_true(pool_submit(stage.pool, &call->call));
	stage_turn();
	stage_answer(0);
	assert_int_equal(call->told, 1);
}

static void begin_with(unsigned cores, unsigned conns)
{
	struct pool_settings settings = stage_settings;

	settings.conns_max = conns;
	settings.cores = cores;
	stage_open_with(NODE_REPLICA, &settings);
	stage_statement(1)->running_us = (uint32_t)LONG_US | 1;
	stage_statement(3)->running_us = (uint32_t)SLOW_US | 1;
	stage_statement(4)->running_us = (uint32_t)LONGEST_US | 1;
	quick_count = 0;
	one_quick();
}

static void begin(unsigned cores)
{
	begin_with(cores, CONNS);
}

/* So many at once. */
static void ask(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage_query(&longer[i], stage_statement(1), "1");
	stage_turn();
}

static unsigned running(void)
{
	return stage.node->core_reserve->running;
}

/* Time passes, with a quick query now and then. */
static void pass_beside_quick_ones(int64_t us)
{
	for (; us > 0; us -= 20 * US_PER_MS) {
		stage_pass(us < 20 * US_PER_MS ? us : 20 * US_PER_MS);
		one_quick();
	}
}

static void finish(unsigned count)
{
	for (unsigned again = 0; again < 2; again++)
		for (unsigned i = 0; i < stage.pool->conns_count; i++)
			if (stage.pool->conns[i].state != CONN_CLOSED)
				stage_answer(i);
	assert_int_equal(running(), 0);
	for (unsigned i = 0; i < count; i++) {
		assert_int_equal(longer[i].told, 1);
		stage_call_fini(&longer[i]);
	}
	for (unsigned i = 0; i < quick_count; i++) {
		assert_int_equal(quick[i].call.end, CALL_OK);
		stage_call_fini(&quick[i]);
	}
}

static unsigned conn_of(const struct stage_call *call)
{
	for (unsigned i = 0; i < stage.pool->conns_count; i++)
		if (call->call.conn && call->call.conn == &stage.pool->conns[i])
			return i;
	fail_msg("it is on no conn");
	return 0;
}

static void beside_quick_ones_one_core_is_left(void **state)
{
	begin(2);
	ask(2);

	assert_int_equal(running(), 1);
	assert_null(longer[1].call.conn);
	stage_answer(conn_of(&longer[0]));

	assert_int_equal(longer[0].call.end, CALL_OK);
	assert_non_null(longer[1].call.conn);
	assert_int_equal(running(), 1);
	finish(2);
}

static void who_is_held_back_is_not_refused_and_runs_in_the_end(void **state)
{
	begin(2);
	ask(2);
	assert_true(3 * LONG_US > stage_settings.queue_wait_us);

	pass_beside_quick_ones(3 * LONG_US - US_PER_MS);
	assert_int_equal(longer[1].told, 0);
	assert_null(longer[1].call.conn);
	stage_pass(US_PER_MS);

	assert_non_null(longer[1].call.conn);
	assert_int_equal(running(), 2);
	finish(2);
	assert_int_equal(longer[1].call.end, CALL_OK);
}

static void where_nobody_asks_anything_quick_no_core_is_spared(void **state)
{
	begin(2);
	stage_pass(CORE_RESERVE_LATELY_US);
	ask(2);

	assert_int_equal(running(), 2);
	finish(2);
}

/* Such as the monitor's looks: nobody waits for them who could be spared anything. */
static void what_nobody_asked_is_no_quick_query(void **state)
{
	struct stage_call own;

	begin(2);
	stage_pass(CORE_RESERVE_LATELY_US);
	stage_query(&own, stage_statement(2), "7");
	stage_turn();
	stage_answer(0);
	ask(2);

	assert_int_equal(running(), 2);
	finish(2);
	stage_call_fini(&own);
}

/* Its conns have become busy meanwhile: then it waits like others, from now on. */
static void who_is_found_not_to_be_long_any_more_is_not_refused_at_once(void **state)
{
	begin_with(2, 2);
	stage_pass(CORE_RESERVE_LATELY_US);
	ask(1);
	core_reserve_quick(stage.node->core_reserve, stage.now_us);
	stage_query(&longer[1], stage_statement(1), "1");
	for (int64_t us = 0; us < 2 * stage_settings.queue_wait_us; us += 20 * US_PER_MS) {
		stage_pass(20 * US_PER_MS);
		core_reserve_quick(stage.node->core_reserve, stage.now_us);
	}
	assert_true(longer[1].call.ticket.waits_for_core);
	stage_query(&longer[2], stage_statement(3), "3");
	stage_turn();
	assert_non_null(longer[2].call.conn);

	stage_statement(1)->running_us = (uint32_t)SLOW_US | 1;
	stage_turn();
	stage_pass(20 * US_PER_MS);

	assert_int_equal(longer[1].told, 0);
	finish(3);
	assert_int_equal(longer[1].call.end, CALL_OK);
}

static void when_the_quick_ones_are_over_the_core_is_used(void **state)
{
	begin(2);
	ask(2);
	assert_int_equal(running(), 1);

	stage_pass(CORE_RESERVE_LATELY_US);

	assert_int_equal(running(), 2);
	finish(2);
}

static void of_four_cores_three_are_used(void **state)
{
	begin(4);
	ask(4);
	assert_int_equal(running(), 3);
	assert_null(longer[3].call.conn);
	finish(4);
}

static void the_only_core_is_for_all(void **state)
{
	begin(1);
	ask(2);
	assert_int_equal(running(), 1);
	finish(2);
}

/* The counter is of the node, not of the loop. */
static void what_another_loop_runs_counts(void **state)
{
	begin(2);
	assert_true(core_reserve_take(stage.node->core_reserve, 2, false, stage.now_us));
	ask(1);
	assert_int_equal(running(), 1);
	assert_null(longer[0].call.conn);

	pass_beside_quick_ones(2 * stage_settings.queue_wait_us);
	assert_int_equal(longer[0].told, 0);
	core_reserve_give_back(stage.node->core_reserve);
	stage_pass(5 * US_PER_MS);

	assert_non_null(longer[0].call.conn);
	finish(1);
}

static void a_slow_one_that_is_not_long_does_not_wait_behind_it(void **state)
{
	struct stage_call slow;

	begin(2);
	ask(2);
	stage_query(&slow, stage_statement(3), "3");
	stage_turn();

	assert_non_null(slow.call.conn);
	assert_null(longer[1].call.conn);
	finish(2);
	assert_int_equal(slow.call.end, CALL_OK);
	stage_call_fini(&slow);
}

/* That is no favour to anybody: they wait as long as others. */
static void where_no_conn_is_idle_nobody_is_held_back(void **state)
{
	begin(2);
	stage_pass(CORE_RESERVE_LATELY_US);
	ask(CONNS);
	assert_int_equal(running(), CONNS);
	for (unsigned i = 0; i < CONNS; i++)
		(void)conn_of(&longer[i]);
	/* They are expected back any moment, and do not come. */
	stage_pass(LONG_US);

	stage_query(&quick[quick_count], stage_statement(1), "7");
	stage_pass(stage_settings.queue_wait_us);

	assert_int_equal(quick[quick_count].call.end, CALL_UNSENT);
	assert_true(quick[quick_count].call.refusal == REFUSAL_EXPIRED);
	stage_call_fini(&quick[quick_count]);
	finish(CONNS);
}

/* One conn is kept for quick ones, the other one runs a long one. */
static void
where_there_are_two_conns_the_one_for_quick_ones_is_used_when_they_are_over(void **state)
{
	begin_with(3, 2);
	ask(2);
	assert_int_equal(running(), 1);

	stage_pass(CORE_RESERVE_LATELY_US);

	assert_int_equal(running(), 2);
	finish(2);
}

/* Quick ones come in another loop only: what would run here is held back, not refused. */
static void what_another_loop_is_asked_holds_back_and_refuses_nobody(void **state)
{
	begin_with(2, 2);
	stage_pass(CORE_RESERVE_LATELY_US);
	ask(1);
	core_reserve_quick(stage.node->core_reserve, stage.now_us);
	stage_query(&longer[1], stage_statement(1), "1");
	stage_turn();
	assert_null(longer[1].call.conn);

	for (int64_t us = 0; us < 2 * stage_settings.queue_wait_us; us += 20 * US_PER_MS) {
		stage_pass(20 * US_PER_MS);
		core_reserve_quick(stage.node->core_reserve, stage.now_us);
	}
	assert_int_equal(longer[1].told, 0);
	stage_answer(conn_of(&longer[0]));

	assert_non_null(longer[1].call.conn);
	finish(2);
}

static void who_is_due_behind_a_longer_one_makes_it_leave(void **state)
{
	begin(2);
	ask(1);
	stage_query(&longer[1], stage_statement(4), "4");
	stage_query(&longer[2], stage_statement(1), "1");
	stage_turn();
	assert_int_equal(running(), 1);

	pass_beside_quick_ones(3 * LONG_US + stage_settings.queue_wait_us);

	assert_int_equal(longer[2].told, 0);
	assert_int_equal(running(), 3);
	finish(3);
}

/* Beside quick ones a core serves five a second; six come, in pairs: some leave when due. */
static void that_they_are_held_back_is_no_overload(void **state)
{
	static struct stage_call many[126];
	unsigned refused = 0, count = 0;

	begin(2);
	for (unsigned step = 0; step < 1000; step++) {
		/* The server's clock stands, by which it would be quick. */
		stage_statement(1)->running_us = (uint32_t)LONG_US | 1;
		for (unsigned i = 0; i < 2 && step % 16 == 0; i++) {
			stage_call_init(&many[count], CALL_QUERY, stage_statement(1), "1");
			many[count].call.ticket.priority.asked = true;
			if (pool_submit(stage.pool, &many[count].call))
				count++;
			else
				stage_call_fini(&many[count]);
		}
		stage_pass(20 * US_PER_MS);
		one_quick();
		stage_call_fini(&quick[--quick_count]);
		for (unsigned conn = 1; conn < CONNS && step % 10 == 9; conn++)
			stage_answer(conn);
	}
	while (running())
		for (unsigned conn = 1; conn < CONNS; conn++)
			stage_answer(conn);
	assert_int_equal(count, 126);
	for (unsigned i = 0; i < count; i++) {
		refused += many[i].call.end != CALL_OK;
		stage_call_fini(&many[i]);
	}
	assert_int_equal(refused, 0);
	assert_false(codel_overloaded(&stage.pool->lanes[LANE_LONG].admission.codel,
				      loop_now(stage.loop)));
	stage_call_fini(&quick[0]);
}

static void a_lost_conn_gives_its_core_back(void **state)
{
	begin(2);
	ask(1);
	assert_int_equal(running(), 1);
	pool_abandon(stage.pool, "the node is gone");
	assert_int_equal(running(), 0);
	stage_call_fini(&longer[0]);
	stage_call_fini(&quick[0]);
}

static void without_limits_no_core_is_spared(void **state)
{
	struct pool_settings settings = stage_settings;

	settings.conns_max = CONNS;
	settings.cores = 2;
	settings.concurrency = CONCURRENCY_OFF;
	stage_open_with(NODE_REPLICA, &settings);
	stage_statement(1)->running_us = (uint32_t)LONG_US | 1;
	quick_count = 0;
	one_quick();
	ask(2);
	assert_non_null(longer[0].call.conn);
	assert_non_null(longer[1].call.conn);
	finish(2);
}

#define STORY(f) cmocka_unit_test_setup_teardown(f, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(beside_quick_ones_one_core_is_left),
		STORY(who_is_held_back_is_not_refused_and_runs_in_the_end),
		STORY(where_nobody_asks_anything_quick_no_core_is_spared),
		STORY(what_nobody_asked_is_no_quick_query),
		STORY(who_is_found_not_to_be_long_any_more_is_not_refused_at_once),
		STORY(when_the_quick_ones_are_over_the_core_is_used),
		STORY(of_four_cores_three_are_used),
		STORY(the_only_core_is_for_all),
		STORY(what_another_loop_runs_counts),
		STORY(a_slow_one_that_is_not_long_does_not_wait_behind_it),
		STORY(where_no_conn_is_idle_nobody_is_held_back),
		STORY(where_there_are_two_conns_the_one_for_quick_ones_is_used_when_they_are_over),
		STORY(what_another_loop_is_asked_holds_back_and_refuses_nobody),
		STORY(who_is_due_behind_a_longer_one_makes_it_leave),
		STORY(that_they_are_held_back_is_no_overload),
		STORY(a_lost_conn_gives_its_core_back),
		STORY(without_limits_no_core_is_spared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
