/* SPDX-License-Identifier: Apache-2.0 */
/* links: coalesce_story.c pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* One of identical queries is not wanted any more: it takes no other along. */
#include "coalesce_story.h"
#include "fake_libpq.h"
#include "pg/coalesce.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Who of three is forgotten does not matter to the others. */
static void check_forgotten_while_it_waits(unsigned gone)
{
	begin_with_three();
	pool_forget(stage.pool, &calls[gone].call);
	assert_non_null(strstr(first_is_over(), " s1(7) bound sync"));
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++)
		if (i != gone)
			assert_told(&calls[i]);
	assert_int_equal(calls[gone].told, 0);
	assert_int_equal(pool_load(stage.pool), 0);
	end(3);
}

static void a_leader_may_go_while_it_waits(void **state)
{
	(void)state;
	check_forgotten_while_it_waits(0);
}

static void a_follower_may_go_while_it_waits(void **state)
{
	(void)state;
	check_forgotten_while_it_waits(1);
}

static void the_last_follower_may_go_while_it_waits(void **state)
{
	(void)state;
	check_forgotten_while_it_waits(2);
}

static void all_may_go_and_others_come(void **state)
{
	(void)state;
	begin_with_three();
	for (unsigned i = 0; i < 3; i++)
		pool_forget(stage.pool, &calls[i].call);
	assert_int_equal(pool_load(stage.pool), 1);
	ask(&calls[3], "7");
	assert_null(calls[3].call.leader);
	(void)first_is_over();
	stage_answer(0);
	assert_told(&calls[3]);
	end(4);
}

/* answered: messages of its batch, of which the fourth is its rows. */
static void check_forgotten_while_out(unsigned gone, unsigned answered)
{
	begin_with_three();
	(void)first_is_over();
	fake_answer_some(0, answered);
	stage_turn();
	pool_forget(stage.pool, &calls[gone].call);
	buf_clear(&calls[gone].out);
	assert_int_equal(pool_load(stage.pool), 1);
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++)
		if (i != gone)
			assert_told(&calls[i]);
	assert_int_equal(calls[gone].told, 0);
	assert_string_equal(fake_sent(0), "");
	assert_int_equal(pool_load(stage.pool), 0);
	end(3);
}

static void a_leader_may_go_while_it_is_out(void **state)
{
	(void)state;
	check_forgotten_while_out(0, 1);
}

static void a_leader_may_go_amid_its_answer(void **state)
{
	(void)state;
	check_forgotten_while_out(0, 3);
}

static void a_follower_may_go_while_it_is_out(void **state)
{
	(void)state;
	check_forgotten_while_out(1, 3);
}

static void rows_that_are_gone_are_asked_for_again(void **state)
{
	(void)state;
	begin_with_three();
	(void)first_is_over();
	fake_answer_some(0, 3);
	stage_turn();
	assert_int_equal(calls[0].call.rows, 1);
	buf_clear(&calls[0].out);
	pool_forget(stage.pool, &calls[0].call);
	stage_answer(0);
	assert_int_equal(calls[1].told, 0);
	assert_string_equal(fake_sent(0), "probe s1(7) bound sync");
	stage_answer(0);
	assert_told(&calls[1]);
	assert_told(&calls[2]);
	end(3);
}

static void nothing_is_cancelled_that_another_waits_for(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 2; i++) {
		init(&calls[i], "7");
		calls[i].call.cancels = true;
		submit(&calls[i]);
	}
	(void)first_is_over();
	pool_forget(stage.pool, &calls[0].call);
	stage_answer(0);
	assert_told(&calls[1]);
	end(2);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(a_leader_may_go_while_it_waits),
		STORY(a_follower_may_go_while_it_waits),
		STORY(the_last_follower_may_go_while_it_waits),
		STORY(all_may_go_and_others_come),
		STORY(a_leader_may_go_while_it_is_out),
		STORY(a_leader_may_go_amid_its_answer),
		STORY(a_follower_may_go_while_it_is_out),
		STORY(rows_that_are_gone_are_asked_for_again),
		STORY(nothing_is_cancelled_that_another_waits_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
