/* SPDX-License-Identifier: Apache-2.0 */
/* links: pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* A query that nobody waits for any more is ended on the server, and nothing else is. */
#include "pg_stage.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/admission/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The conns, as they are dialed; of three, the second is for quick calls as well. */
enum { QUICK, SLOW, OTHER = SLOW };

static struct stage_call slow;

/* The first conn is kept for quick calls as long as some come. */
static void ask_quickly(void)
{
	struct stage_call quick;

	stage_query(&quick, stage_statement(2), "1");
	stage_turn();
	stage_answer(QUICK);
	stage_call_fini(&quick);
}

/* A slow query has just left on its own conn. */
static void begin(unsigned conns)
{
	static bool numbered;

	/* Statements of these tests have numbers of their own. */
	for (unsigned i = 0; !numbered && i < 16; i++)
		(void)!statement_next_id();
	numbered = true;
	stage_open(NODE_REPLICA, conns);
	stage_connect();
	ask_quickly();
	stage_statement(1)->running_us = (2 * ESTIMATE_SLOW_US) | 1;
	stage_call_init(&slow, CALL_QUERY, stage_statement(1), "7");
	slow.call.cancels = true;
	assert_true(pool_submit(stage.pool, &slow.call));
	stage_turn();
	(void)fake_sent(QUICK);
	(void)fake_sent(SLOW);
}

static void forget(void)
{
	pool_forget(stage.pool, &slow.call);
	stage_turn();
	stage_call_fini(&slow);
}

static bool cancel_was_sent(const char *pid)
{
	char expected[32];

	snprintf(expected, sizeof(expected), "(%s)", pid);
	return strstr(fake_sent(QUICK), expected) != NULL;
}

static void a_forgotten_query_is_cancelled_on_another_conn(void **state)
{
	begin(2);

	forget();

	assert_true(cancel_was_sent("101"));
	assert_string_equal(fake_sent(SLOW), "");
	stage_answer(QUICK);
	stage_answer(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), 2);
}

/* The number that a pooler gives its client names no backend of the server, or somebody else's. */
static void behind_a_pooler_it_is_cancelled_by_the_number_of_the_server(void **state)
{
	char number[16];

	fake_server.pooled = true;
	begin(2);

	forget();

	snprintf(number, sizeof(number), "%d", fake_backend(SLOW));
	assert_true(cancel_was_sent(number));
	stage_answer(QUICK);
	stage_answer(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), 2);
}

static void one_that_is_waited_for_is_not(void **state)
{
	begin(2);

	stage_pass(US_PER_S / 2);

	assert_string_equal(fake_sent(QUICK), "");
	stage_answer(SLOW);
	assert_int_equal(slow.told, 1);
	stage_call_fini(&slow);
}

/* The statement ended just now: the next batch must not meet the cancel. */
static void the_conn_takes_nothing_before_the_cancel_is_answered(void **state)
{
	struct stage_call next;

	begin(2);
	forget();
	assert_true(cancel_was_sent("101"));
	stage_answer(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_CANCELING), 1);
	stage_query(&next, stage_statement(1), "8");
	stage_turn();
	assert_string_equal(fake_sent(SLOW), "");

	stage_answer(QUICK);
	stage_turn();

	assert_int_equal(pool_conns(stage.pool, CONN_CANCELING), 0);
	assert_non_null(strstr(fake_sent(SLOW), "s1(8)"));
	stage_answer(SLOW);
	assert_int_equal(next.call.end, CALL_OK);
	stage_call_fini(&next);
}

static void a_conn_whose_cancel_was_not_answered_is_given_up(void **state)
{
	begin(2);
	forget();
	assert_true(cancel_was_sent("101"));
	stage_answer(SLOW);
	assert_true(fake_is_open(SLOW));

	fake_lose(QUICK);
	stage_turn();

	assert_false(fake_is_open(SLOW));
}

static void also_when_its_query_is_still_running_by_then(void **state)
{
	begin(2);
	forget();
	assert_true(cancel_was_sent("101"));
	fake_lose(QUICK);
	stage_turn();
	assert_true(fake_is_open(SLOW));

	stage_answer(SLOW);

	assert_false(fake_is_open(SLOW));
}

static void a_cancel_that_has_not_left_is_dropped(void **state)
{
	struct stage_call busy;

	begin(2);
	stage_query(&busy, stage_statement(2), "1");
	stage_turn();
	(void)fake_sent(QUICK);
	forget();
	assert_string_equal(fake_sent(QUICK), "");

	stage_answer(SLOW);

	assert_int_equal(pool_conns(stage.pool, CONN_CANCELING), 0);
	stage_answer(QUICK);
	assert_false(cancel_was_sent("101"));
	stage_call_fini(&busy);
}

static void one_that_no_conn_took_in_time_is_queued_again(void **state)
{
	struct stage_call busy;

	begin(2);
	stage_query(&busy, stage_statement(2), "1");
	stage_turn();
	(void)fake_sent(QUICK);
	forget();
	stage_pass(stage_settings.queue_wait_us + US_PER_MS);
	assert_string_equal(fake_sent(QUICK), "");

	stage_answer(QUICK);

	assert_true(cancel_was_sent("101"));
	stage_answer(QUICK);
	stage_answer(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_IDLE), 2);
	stage_call_fini(&busy);
}

static void calls_of_a_shared_batch_are_never_cancelled(void **state)
{
	struct stage_call calls[2];

	stage_open(NODE_REPLICA, 3);
	stage_connect();
	for (unsigned i = 0; i < 2; i++) {
		stage_call_init(&calls[i], CALL_QUERY, stage_statement(2), "1");
		calls[i].call.cancels = true;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	stage_pass(US_PER_S);
	(void)fake_sent(OTHER);

	pool_forget(stage.pool, &calls[0].call);
	pool_forget(stage.pool, &calls[1].call);
	stage_turn();

	assert_string_equal(fake_sent(OTHER), "");
	stage_answer(QUICK);
	stage_call_fini(&calls[0]);
	stage_call_fini(&calls[1]);
}

static void a_pool_that_is_freed_leaves_no_cancel_behind(void **state)
{
	begin(2);
	forget();
	assert_true(cancel_was_sent("101"));
	stage_answer(SLOW);
	assert_int_equal(pool_conns(stage.pool, CONN_CANCELING), 1);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_forgotten_query_is_cancelled_on_another_conn),
		STORY(behind_a_pooler_it_is_cancelled_by_the_number_of_the_server),
		STORY(one_that_is_waited_for_is_not),
		STORY(the_conn_takes_nothing_before_the_cancel_is_answered),
		STORY(a_conn_whose_cancel_was_not_answered_is_given_up),
		STORY(also_when_its_query_is_still_running_by_then),
		STORY(a_cancel_that_has_not_left_is_dropped),
		STORY(one_that_no_conn_took_in_time_is_queued_again),
		STORY(calls_of_a_shared_batch_are_never_cancelled),
		STORY(a_pool_that_is_freed_leaves_no_cancel_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
