/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of jobs that end well: what is sent, trip by trip, and whose an error is. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c jobs_story.c */
#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "jobs_story.h"
#include "pg/admission/estimate.h"
#include "pg/admission/quarantine.h"
#include "pg/admission/raises.h"
#include "pg/pool_private.h"
#include "pg/wire/session_state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void assert_committed(void)
{
	assert_jobs_end(CALL_OK);
	assert_true(story.claim.call.frame_end == FRAME_NONE);
	assert_true(story.claim.call.effect == EFFECT_WROTE);
	assert_int_equal(story.claim.call.position.lsn, 0x1000);
}

/* --- all goes well --------------------------------------------------------------------------- */

static void test_what_is_claimed_runs_and_ends_in_one_transaction(void **state)
{
	open_jobs(1);
	send_jobs(3);
	assert_string_equal(fake_sent(JOBS), CLAIMS);
	assert_int_equal(story.claimed, 0);
	answer_jobs();
	assert_int_equal(story.claimed, 1);
	assert_string_equal(stage_out(&story.claim), "{\"x\":1}");
	assert_string_equal(fake_sent(JOBS), RUN(FIRST("1") NEXT("2") NEXT("3")));
	assert_int_equal(story.ran, 0);
	answer_jobs();
	assert_int_equal(story.ran, 1);
	assert_int_equal(story.jobs.count, 3);
	assert_int_equal(story.claim.told, 0);
	assert_string_equal(fake_sent(JOBS), FINISH);
	answer_jobs();
	assert_committed();
	for (unsigned i = 0; i < 3; i++)
		assert_job(i, CALL_OK, "{\"x\":1}");
	end_jobs();
}

static void test_a_second_batch_prepares_nothing(void **state)
{
	open_jobs(1);
	send_jobs(2);
	for (unsigned trip = 0; trip < 3; trip++)
		answer_jobs();
	end_jobs();
	(void)fake_sent(JOBS);
	send_jobs_again(2);
	assert_string_equal(fake_sent(JOBS), BEGIN "jobs s90(w) sync");
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), RUN_AGAIN(SAVED("1") AGAIN("2")));
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), "release s91(f) end [COMMIT] sync position sync");
	answer_jobs();
	assert_committed();
	end_jobs();
}

/* It may have locked rows in vain, which are not to look as if their transaction had been lost. */
static void test_a_claim_of_nothing_commits(void **state)
{
	open_jobs(1);
	send_jobs(0);
	story.unwanted = true;
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), "[COMMIT] [SELECT pg_advisory_unlock_all()] sync");
	assert_int_equal(story.claim.told, 0);
	answer_jobs();
	assert_jobs_end(CALL_OK);
	assert_true(story.claim.call.frame_end == FRAME_ROLLED_BACK);
	assert_int_equal(story.jobs.count, 0);
	assert_int_equal(story.ran, 1);
	end_jobs();
}

static void test_what_does_not_run_may_be_ended_all_the_same(void **state)
{
	open_jobs(1);
	send_jobs(0);
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), END);
	answer_jobs();
	assert_committed();
	assert_int_equal(story.jobs.count, 0);
	assert_int_equal(story.ran, 1);
	end_jobs();
}

static void test_what_its_maker_does_not_want_is_rolled_back(void **state)
{
	open_jobs(1);
	send_jobs(2);
	story.unwanted = true;
	answer_jobs();
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), UNDONE);
	answer_jobs();
	assert_jobs_end(CALL_OK);
	assert_true(story.claim.call.frame_end == FRAME_ROLLED_BACK);
	assert_int_equal(story.jobs.count, 2);
	end_jobs();
}

static void test_a_claim_may_have_an_isolation_of_its_own(void **state)
{
	open_jobs(1);
	init_jobs(1);
	story.claim.call.isolation = ISOLATION_SERIALIZABLE;
	assert_true(pool_submit(stage.pool, &story.claim.call));
	stage_turn();
	stage_connect();
	stage_turn();
	assert_string_equal(fake_sent(JOBS), "[BEGIN ISOLATION LEVEL SERIALIZABLE READ WRITE] "
					     "prepare:jobs jobs prepare:s90 s90(w) sync");
	for (unsigned trip = 0; trip < 3; trip++)
		answer_jobs();
	assert_committed();
	end_jobs();
}

/* --- errors of one's own --------------------------------------------------------------------- */

static void test_one_with_a_savepoint_that_raises_leaves_the_others(void **state)
{
	open_jobs(1);
	raises_add(stage_statement(2));
	fail_jobs_with("SELECT 2.", "23505", 0);
	send_jobs(3);
	answer_jobs();
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), BACK NEXT("3") "jobs sync");
	assert_int_equal(story.ran, 0);
	answer_jobs();
	answer_jobs();
	assert_committed();
	assert_job(0, CALL_OK, "{\"x\":1}");
	assert_job(1, CALL_ERROR, "");
	assert_job(2, CALL_OK, "{\"x\":1}");
	assert_string_equal(story.calls[1].call.error.sqlstate, "23505");
	end_jobs();
}

static void test_one_without_a_savepoint_has_those_behind_the_last_one_run_again(void **state)
{
	open_jobs(1);
	raises_add(stage_statement(2));
	fail_jobs_with("SELECT 3.", "P0001", 0);
	send_jobs(4);
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), RUN(FIRST("1") SAVED_NEXT("2") NEXT("3") NEXT("4")));
	answer_jobs();
	assert_string_equal(fake_sent(JOBS),
			    BACK SAVED("2") SAVED("3") SAVED_NEXT("4") "jobs sync");
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), "back " SAVED_NEXT("4") "jobs sync");
	assert_int_equal(story.ran, 0);
	answer_jobs();
	answer_jobs();
	assert_committed();
	for (unsigned i = 0; i < 4; i++)
		assert_job(i, i == 2 ? CALL_ERROR : CALL_OK, i == 2 ? "" : "{\"x\":1}");
	assert_true(raises_lately(stage_statement(3)));
	assert_false(raises_lately(stage_statement(4)));
	assert_int_equal(story.claimed, 1);
	end_jobs();
}

static void test_one_that_does_not_raise_again_has_run(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT 2.", "P0001", 2);
	send_jobs(2);
	for (unsigned trip = 0; trip < 4; trip++)
		answer_jobs();
	assert_committed();
	assert_job(1, CALL_OK, "{\"x\":1}");
	assert_string_equal(story.calls[1].call.error.sqlstate, "");
	end_jobs();
}

static void test_the_last_one_that_raises_is_ended_in_the_trip_back(void **state)
{
	open_jobs(1);
	raises_add(stage_statement(2));
	fail_jobs_with("SELECT 2.", "22003", 0);
	send_jobs(2);
	answer_jobs();
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_int_equal(story.ran, 1);
	assert_string_equal(fake_sent(JOBS), BACK "reset jobs " FINISH);
	answer_jobs();
	assert_committed();
	assert_job(1, CALL_ERROR, "");
	end_jobs();
}

static void test_all_raise_one_after_the_other(void **state)
{
	open_jobs(1);
	for (unsigned i = 1; i <= 3; i++)
		raises_add(stage_statement(i));
	fail_jobs_with("SELECT 1.", "22003", 0);
	fail_jobs_with("SELECT 2.", "P0001", 0);
	fail_jobs_with("SELECT 3.", "PT409", 0);
	send_jobs(3);
	for (unsigned trip = 0; trip < 5; trip++)
		answer_jobs();
	assert_committed();
	for (unsigned i = 0; i < 3; i++)
		assert_job(i, CALL_ERROR, "");
	end_jobs();
}

static void test_one_with_too_many_rows_has_run(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 2, .cell = "1" });
	open_jobs(1);
	init_jobs(2);
	story.calls[0].call.rows_max = 1;
	assert_true(pool_submit(stage.pool, &story.claim.call));
	stage_turn();
	stage_connect();
	stage_turn();
	for (unsigned trip = 0; trip < 3; trip++)
		answer_jobs();
	assert_committed();
	assert_job(0, CALL_TOO_LARGE, "");
	assert_job(1, CALL_OK, "{\"x\":1}");
	end_jobs();
}

/* --- alone ----------------------------------------------------------------------------------- */

static void test_a_lone_one_has_limits_and_settings_of_its_own(void **state)
{
	open_jobs(1);
	send_jobs(1);
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), ALONE("1"));
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), FINISH_ALONE);
	answer_jobs();
	assert_committed();
	assert_job(0, CALL_OK, "{\"x\":1}");
	end_jobs();
}

static void check_lone_error(const char *text, const char *sqlstate, unsigned times)
{
	fail_jobs_with(text, sqlstate, times);
	open_jobs(1);
	send_jobs(1);
	answer_jobs();
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), BACK "jobs " FINISH_ALONE);
	answer_jobs();
	assert_committed();
	assert_job(0, CALL_ERROR, "");
	assert_string_equal(story.calls[0].call.error.sqlstate, sqlstate);
	end_jobs();
}

static void test_a_deadlock_of_a_lone_one_is_its_own(void **state)
{
	check_lone_error("SELECT 1.", "40P01", 0);
	assert_false(quarantine_is_on(stage_statement(1)));
}

static void test_a_timeout_of_a_lone_one_is_its_own(void **state)
{
	check_lone_error("SELECT 1.", "57014", 0);
}

static void test_a_lone_one_that_cannot_be_prepared_is_its_own_error(void **state)
{
	check_lone_error("SELECT 1.", "42P01", 0);
}

static void test_a_deferred_constraint_of_a_lone_one_is_its_own(void **state)
{
	check_lone_error("SET CONSTRAINTS", "23503", 2);
	assert_true(quarantine_is_on(stage_statement(1)));
}

static void test_a_lone_one_serves_its_quarantine(void **state)
{
	open_jobs(1);
	quarantine_begin(stage_statement(1));
	for (unsigned i = 0; i < GROUP_QUARANTINE_RUNS_MIN; i++) {
		assert_false(jobs_share(stage_statement(1), false));
		send_jobs(1);
		for (unsigned trip = 0; trip < 3; trip++)
			answer_jobs();
		assert_committed();
		end_jobs();
	}
	assert_true(jobs_share(stage_statement(1), false));
}

/* --- who travels with whom ------------------------------------------------------------------- */

static void check_runs(unsigned claimed, unsigned count)
{
	send_jobs(claimed);
	answer_jobs();
	assert_int_equal(story.jobs.count, count);
	answer_jobs();
	answer_jobs();
	assert_committed();
	end_jobs();
}

static void test_one_that_does_not_share_leaves_those_behind_it(void **state)
{
	open_jobs(1);
	stage_statement(1)->session_state = SESSION_STATE_SESSION;
	check_runs(3, 1);
}

static void test_one_that_does_not_share_stays_behind(void **state)
{
	open_jobs(1);
	stage_statement(3)->running_us = 50000 | 1;
	check_runs(4, 2);
}

static void test_one_of_which_nothing_is_known_does_not_share(void **state)
{
	assert_false(jobs_share(stage_statement(1), false));
	stage_statement(1)->running_us = 100;
	assert_true(jobs_share(stage_statement(1), false));
	stage_statement(1)->session_state = SESSION_STATE_DEFERRED;
	assert_true(jobs_share(stage_statement(1), false));
	assert_false(jobs_share(stage_statement(1), true));
	open_jobs(1);
}

static void test_values_that_are_long_travel_in_another_batch(void **state)
{
	static char value[(200 << 10) + 1];

	memset(value, '7', sizeof(value) - 1);
	open_jobs(1);
	init_jobs(3);
	story.calls[0].values[0] = story.calls[2].values[0] = value;
	assert_true(pool_submit(stage.pool, &story.claim.call));
	stage_turn();
	stage_connect();
	stage_turn();
	answer_jobs();
	assert_int_equal(story.jobs.count, 2);
	answer_jobs();
	answer_jobs();
	assert_committed();
	end_jobs();
}

static void test_where_settings_were_set_one_travels_without_a_reset(void **state)
{
	open_jobs(1);
	send_jobs(3);
	stage.pool->lanes[LANE_JOBS].conns->settings = SETTINGS_BY_SQL;
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_int_equal(story.jobs.count, 1);
	assert_string_equal(fake_sent(JOBS), ALONE("1"));
	answer_jobs();
	answer_jobs();
	assert_committed();
	end_jobs();
}

/* --- claims of callers, session state -------------------------------------------------------- */

static const char *const ann[] = { "{a}", "ann", "[]" };

static void test_one_without_claims_does_not_meet_those_before_it(void **state)
{
	open_jobs(1);
	send_jobs(2);
	story.calls[0].call.claims = ann;
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(
		fake_sent(JOBS),
		RUN("prepare:job job prepare:s1 prepare:savepoint savepoint prepare:claims "
		    "claims({a},ann,[]) s1(7) prepare:look look prepare:reset reset "
		    "job prepare:s2 claims(,,) s2(7) look reset "));
	answer_jobs();
	answer_jobs();
	assert_committed();
	end_jobs();
}

static void test_a_conn_on_which_something_may_stay_is_retired(void **state)
{
	open_jobs(1);
	stage_statement(1)->session_state = SESSION_STATE_SESSION;
	check_runs(1, 1);
	assert_false(fake_is_open(JOBS));
}

static void test_temporary_tables_are_discarded(void **state)
{
	fake_server.temporary = true;
	open_jobs(1);
	send_jobs(1);
	answer_jobs();
	answer_jobs();
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), "[DISCARD TEMP] sync");
	assert_int_equal(story.claim.told, 0);
	answer_jobs();
	assert_committed();
	end_jobs();
}

/* --- what is learnt -------------------------------------------------------------------------- */

static void test_what_jobs_take_is_learnt_without_the_trips(void **state)
{
	fake_server.takes_us = 2000;
	open_jobs(1);
	for (unsigned i = 0; i < 50; i++) {
		send_jobs(1);
		for (unsigned trip = 0; trip < 3; trip++) {
			stage_pass(US_PER_S);
			answer_jobs();
		}
		assert_committed();
		end_jobs();
	}
	assert_in_range(estimate_us(stage_statement(1)), 1500, 2500);
	assert_false(estimate_is_known(stage_statement(90)));
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_what_is_claimed_runs_and_ends_in_one_transaction),
		STORY(test_a_second_batch_prepares_nothing),
		STORY(test_a_claim_of_nothing_commits),
		STORY(test_what_does_not_run_may_be_ended_all_the_same),
		STORY(test_what_its_maker_does_not_want_is_rolled_back),
		STORY(test_a_claim_may_have_an_isolation_of_its_own),
		STORY(test_one_with_a_savepoint_that_raises_leaves_the_others),
		STORY(test_one_without_a_savepoint_has_those_behind_the_last_one_run_again),
		STORY(test_one_that_does_not_raise_again_has_run),
		STORY(test_the_last_one_that_raises_is_ended_in_the_trip_back),
		STORY(test_all_raise_one_after_the_other),
		STORY(test_one_with_too_many_rows_has_run),
		STORY(test_a_lone_one_has_limits_and_settings_of_its_own),
		STORY(test_a_deadlock_of_a_lone_one_is_its_own),
		STORY(test_a_timeout_of_a_lone_one_is_its_own),
		STORY(test_a_lone_one_that_cannot_be_prepared_is_its_own_error),
		STORY(test_a_deferred_constraint_of_a_lone_one_is_its_own),
		STORY(test_a_lone_one_serves_its_quarantine),
		STORY(test_one_that_does_not_share_leaves_those_behind_it),
		STORY(test_one_that_does_not_share_stays_behind),
		STORY(test_one_of_which_nothing_is_known_does_not_share),
		STORY(test_values_that_are_long_travel_in_another_batch),
		STORY(test_where_settings_were_set_one_travels_without_a_reset),
		STORY(test_one_without_claims_does_not_meet_those_before_it),
		STORY(test_a_conn_on_which_something_may_stay_is_retired),
		STORY(test_temporary_tables_are_discarded),
		STORY(test_what_jobs_take_is_learnt_without_the_trips),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
