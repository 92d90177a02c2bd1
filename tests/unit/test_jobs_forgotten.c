/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of jobs whose maker or whose pool goes while they are out, in each of their trips. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c jobs_story.c */
#include "fake_libpq.h"
#include "jobs_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* --- the maker ------------------------------------------------------------------------------- */

static void check_forgotten(unsigned trip, bool open)
{
	open_jobs(1);
	send_jobs_trip(trip);
	pool_forget(stage.pool, &story.claim.call);
	end_jobs();
	assert_int_equal(fake_is_open(JOBS), open);
	if (open)
		answer_jobs();
	stage_turn();
	assert_int_equal(story.claim.told, 0);
	assert_int_equal(pool_load(stage.pool), 0);
	assert_string_equal(fake_sent(JOBS), "");
	init_jobs(0);
	assert_jobs_go_on();
}

static void test_a_claim_that_is_forgotten_is_rolled_back(void **state)
{
	check_forgotten(1, false);
}

static void test_jobs_that_are_forgotten_while_they_run_are_rolled_back(void **state)
{
	check_forgotten(2, false);
}

static void test_jobs_that_are_forgotten_while_they_commit_do_so(void **state)
{
	check_forgotten(3, true);
}

static void test_jobs_that_are_forgotten_and_lost_are_nobodys(void **state)
{
	open_jobs(1);
	send_jobs_trip(3);
	pool_forget(stage.pool, &story.claim.call);
	end_jobs();
	fake_lose(JOBS);
	stage_turn();
	init_jobs(0);
	assert_jobs_go_on();
}

static void test_a_forgotten_finish_that_fails_is_rolled_back(void **state)
{
	fail_jobs_with("SELECT 91.", "23505", 2);
	open_jobs(1);
	send_jobs_trip(3);
	pool_forget(stage.pool, &story.claim.call);
	end_jobs();
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), UNDONE);
	answer_jobs();
	init_jobs(0);
	assert_jobs_go_on();
}

static void test_a_claim_that_waits_is_forgotten(void **state)
{
	open_jobs(1);
	init_jobs(2);
	assert_true(pool_submit(stage.pool, &story.claim.call));
	pool_forget(stage.pool, &story.claim.call);
	stage_turn();
	assert_jobs_go_on();
}

/* --- the pool -------------------------------------------------------------------------------- */

static void check_abandoned(unsigned trip, enum call_end end)
{
	open_jobs(1);
	send_jobs_trip(trip);
	pool_abandon(stage.pool, "the node does not answer");
	assert_jobs_end(end);
	assert_string_equal(story.claim.call.lost_reason, "the node does not answer");
	end_jobs();
}

static void test_a_node_that_is_given_up_takes_them_back(void **state)
{
	check_abandoned(1, CALL_UNSENT);
}

static void test_a_node_that_is_given_up_while_they_run_takes_them_back(void **state)
{
	check_abandoned(2, CALL_UNSENT);
}

static void test_a_node_that_is_given_up_while_they_commit_leaves_all_unknown(void **state)
{
	check_abandoned(3, CALL_LOST);
}

static void test_the_end_of_the_pool_is_the_end_of_a_batch(void **state)
{
	open_jobs(1);
	send_jobs_trip(2);
	pool_free(stage.pool);
	stage.pool = NULL;
	assert_int_equal(story.claim.told, 1);
	assert_int_equal(story.claim.call.end, CALL_UNSENT);
	end_jobs();
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_claim_that_is_forgotten_is_rolled_back),
		STORY(test_jobs_that_are_forgotten_while_they_run_are_rolled_back),
		STORY(test_jobs_that_are_forgotten_while_they_commit_do_so),
		STORY(test_jobs_that_are_forgotten_and_lost_are_nobodys),
		STORY(test_a_forgotten_finish_that_fails_is_rolled_back),
		STORY(test_a_claim_that_waits_is_forgotten),
		STORY(test_a_node_that_is_given_up_takes_them_back),
		STORY(test_a_node_that_is_given_up_while_they_run_takes_them_back),
		STORY(test_a_node_that_is_given_up_while_they_commit_leaves_all_unknown),
		STORY(test_the_end_of_the_pool_is_the_end_of_a_batch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
