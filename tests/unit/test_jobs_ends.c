/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of jobs that do not commit as they are: what is known then, in each of their trips. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c jobs_story.c */
#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "jobs_story.h"
#include "pg/admission/quarantine.h"
#include "pg/admission/raises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* Messages of the third trip of a lone job, up to the answer of its COMMIT. */
#define UP_TO_COMMIT 5

static void assert_error(const char *sqlstate, unsigned blamed)
{
	assert_jobs_end(CALL_ERROR);
	assert_string_equal(story.claim.call.error.sqlstate, sqlstate);
	assert_int_equal(story.jobs.blamed, blamed);
}

/* --- the claim ------------------------------------------------------------------------------- */

static void test_a_claim_that_is_refused_is_rolled_back(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT 90.", "40001", 2);
	send_jobs_trip(1);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), UNDONE);
	answer_jobs();
	assert_error("40001", JOBS_NONE);
	assert_int_equal(story.claimed, 0);
	assert_jobs_go_on();
}

static void test_a_standby_refuses_a_claim(void **state)
{
	fake_server.in_recovery = true;
	open_jobs(1);
	fail_jobs_with("SELECT 90.", "25006", 2);
	send_jobs_trip(1);
	answer_jobs();
	answer_jobs();
	assert_error("25006", JOBS_NONE);
	assert_true(story.claim.call.in_recovery);
	end_jobs();
}

static void test_a_transaction_that_does_not_begin_claims_nothing(void **state)
{
	open_jobs(1);
	fail_jobs_with("BEGIN", "0A000", 1);
	send_jobs_trip(1);
	answer_jobs();
	answer_jobs();
	assert_error("0A000", JOBS_NONE);
	assert_jobs_go_on();
}

static void test_a_claim_of_too_much_is_rolled_back(void **state)
{
	open_jobs(1);
	fake_answer_with(
		(struct fake_answer){ .text = "SELECT 90.", .times = 2, .rows = 3, .cell = "1" });
	init_jobs(2);
	story.claim.call.rows_max = 2;
	assert_true(pool_submit(stage.pool, &story.claim.call));
	stage_turn();
	stage_connect();
	stage_turn();
	answer_jobs();
	answer_jobs();
	assert_jobs_end(CALL_TOO_LARGE);
	assert_int_equal(story.claimed, 0);
	assert_string_equal(stage_out(&story.claim), "");
	assert_jobs_go_on();
}

/* --- the jobs -------------------------------------------------------------------------------- */

static void check_breaks(const char *sqlstate)
{
	open_jobs(1);
	fail_jobs_with("SELECT 2.", sqlstate, 2);
	send_jobs_trip(2);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), UNDONE);
	assert_int_equal(story.claim.told, 0);
	answer_jobs();
	assert_error(sqlstate, 1);
	assert_int_equal(story.ran, 0);
	assert_true(quarantine_is_on(stage_statement(2)));
	assert_false(quarantine_is_on(stage_statement(1)));
	end_jobs();
}

static void test_a_lock_that_is_not_free_soon_breaks_them(void **state)
{
	check_breaks("55P03");
}

static void test_a_deadlock_breaks_them(void **state)
{
	check_breaks("40P01");
}

static void test_a_table_that_is_not_there_breaks_them(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT 2.", "42P01", 1);
	send_jobs_trip(2);
	answer_jobs();
	answer_jobs();
	assert_error("42P01", 1);
	assert_jobs_go_on();
}

static void test_settings_left_behind_break_them(void **state)
{
	open_jobs(1);
	/* Prepared, and right behind the first one. */
	fake_answer_with(
		(struct fake_answer){ .text = "SELECT WHERE 1 / (", .times = 2, .rows = 1 });
	fail_jobs_with("SELECT WHERE 1 / (", "22012", 1);
	send_jobs_trip(2);
	answer_jobs();
	answer_jobs();
	assert_error("22012", 1);
	assert_jobs_go_on();
}

static void test_trouble_behind_an_error_takes_back_both(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT 1.", "23505", 2);
	fail_jobs_with("SELECT 2.", "40001", 2);
	send_jobs_trip(2);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), BACK NEXT_FIRST("2") "jobs sync");
	answer_jobs();
	answer_jobs();
	assert_error("40001", 1);
	assert_jobs_go_on();
}

static void check_sync_error(unsigned trip)
{
	open_jobs(1);
	send_jobs_trip(trip);
	fake_server.sync_error = "57014";
	answer_jobs();
	answer_jobs();
	assert_error("57014", JOBS_NONE);
	assert_int_equal(story.ran, 0);
	assert_jobs_go_on();
}

static void test_a_trip_that_ends_in_an_error_claims_nothing(void **state)
{
	check_sync_error(1);
}

static void test_a_trip_that_ends_in_an_error_takes_them_back(void **state)
{
	check_sync_error(2);
}

/* --- what was prepared is gone --------------------------------------------------------------- */

static void assert_again(void)
{
	assert_int_equal(story.claim.told, 0);
	for (unsigned trip = 0; trip < 3; trip++)
		answer_jobs();
	assert_jobs_end(CALL_OK);
	assert_int_equal(story.ran, 1);
	assert_int_equal(story.jobs.count, 2);
	assert_string_equal(stage_out(&story.claim), "{\"x\":1}");
	for (unsigned i = 0; i < 2; i++)
		assert_job(i, CALL_OK, "{\"x\":1}");
	end_jobs();
}

static void check_unprepared(const char *name, unsigned trip)
{
	open_jobs(1);
	send_jobs(2);
	for (unsigned i = 0; i < 3; i++)
		answer_jobs();
	end_jobs();
	fake_unprepare(JOBS, name);
	send_jobs_again(2);
	while (trip--)
		answer_jobs();
	answer_jobs(); /* rolled back */
	assert_false(quarantine_is_on(stage_statement(1)));
	story.ran = 0;
	assert_again();
}

static void test_a_statement_of_ours_that_vanished_is_prepared_again(void **state)
{
	check_unprepared("savepoint", 2);
}

static void test_a_claim_that_vanished_is_prepared_again(void **state)
{
	check_unprepared("s90", 1);
}

static void test_a_command_that_vanished_is_prepared_again(void **state)
{
	check_unprepared("s2", 2);
}

static void test_a_finish_that_vanished_is_prepared_again(void **state)
{
	check_unprepared("s91", 3);
}

static void stale(unsigned times)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 2.",
					       .what = FAKE_ERROR,
					       .times = times,
					       .sqlstate = "0A000",
					       .function = "RevalidateCachedQuery" });
}

static void test_a_stale_plan_is_prepared_again(void **state)
{
	open_jobs(1);
	stale(2);
	send_jobs_trip(2);
	answer_jobs();
	answer_jobs();
	assert_int_equal(story.claimed, 1);
	assert_again();
	assert_int_equal(story.claimed, 2);
}

static void test_a_plan_that_stays_stale_is_an_error(void **state)
{
	open_jobs(1);
	stale(0);
	send_jobs_trip(2);
	for (unsigned trip = 0; trip < 5; trip++)
		answer_jobs();
	assert_error("0A000", 1);
	assert_true(story.claim.call.error.of_catalog);
	end_jobs();
}

static void test_a_lone_one_that_raises_as_if_it_had_vanished_raises(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT 1.", "26000", 0);
	send_jobs(1);
	for (unsigned batch = 0; batch < 3; batch++)
		for (unsigned trip = 0; trip < 3; trip++)
			answer_jobs();
	assert_jobs_end(CALL_OK);
	assert_job(0, CALL_ERROR, "");
	assert_string_equal(story.calls[0].call.error.sqlstate, "26000");
	end_jobs();
}

/* --- the finish and the commit --------------------------------------------------------------- */

static void test_a_finish_that_fails_takes_all_back(void **state)
{
	fail_jobs_with("SELECT 91.", "23505", 2);
	open_jobs(1);
	send_jobs_trip(3);
	assert_int_equal(story.ran, 1);
	answer_jobs();
	assert_string_equal(fake_sent(JOBS), UNDONE);
	answer_jobs();
	assert_error("23505", JOBS_NONE);
	assert_true(story.claim.call.frame_end == FRAME_RAISED);
	assert_jobs_go_on();
}

static void test_a_commit_that_fails_takes_all_back(void **state)
{
	open_jobs(1);
	fail_jobs_with("COMMIT", "23503", 1);
	send_jobs_trip(3);
	answer_jobs();
	answer_jobs();
	assert_error("23503", JOBS_NONE);
	assert_true(story.claim.call.frame_end == FRAME_NONE);
	assert_false(quarantine_is_on(stage_statement(1)));
	assert_jobs_go_on();
}

static void test_a_commit_that_was_none_is_made_once_more(void **state)
{
	open_jobs(1);
	fake_server.undoes = true;
	send_jobs_trip(3);
	answer_jobs();
	fake_server.undoes = false;
	assert_int_equal(story.claim.told, 0);
	story.ran = 0;
	assert_again();
}

static void test_one_without_a_position_is_not_known_to_have_ended(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT pg_current_wal_flush_lsn()", "53200", 2);
	send_jobs_trip(3);
	answer_jobs();
	assert_jobs_end(CALL_LOST);
	assert_jobs_go_on();
}

/* --- the conn is lost ------------------------------------------------------------------------ */

static void check_lost(unsigned trip, enum call_end end, unsigned count)
{
	open_jobs(1);
	send_jobs_trip(trip);
	fake_lose(JOBS);
	stage_turn();
	assert_jobs_end(end);
	assert_int_equal(story.jobs.count, count);
	assert_string_equal(story.claim.call.error.sqlstate, "");
	assert_jobs_go_on();
}

static void test_a_conn_lost_while_they_are_claimed_has_none(void **state)
{
	check_lost(1, CALL_UNSENT, 0);
}

static void test_a_conn_lost_while_they_run_takes_them_back(void **state)
{
	check_lost(2, CALL_UNSENT, 2);
}

static void test_a_conn_lost_while_they_commit_leaves_all_unknown(void **state)
{
	check_lost(3, CALL_LOST, 2);
}

static void test_a_conn_lost_behind_the_commit_leaves_all_unknown(void **state)
{
	open_jobs(1);
	send_jobs_trip(3);
	fake_answer_some(JOBS, UP_TO_COMMIT);
	stage_turn();
	fake_lose(JOBS);
	stage_turn();
	assert_jobs_end(CALL_LOST);
	assert_jobs_go_on();
}

static void test_a_trip_that_cannot_leave_takes_them_back(void **state)
{
	open_jobs(1);
	send_jobs_trip(1);
	fake_answer_all(JOBS);
	fake_lose(JOBS);
	stage_turn();
	assert_jobs_end(CALL_UNSENT);
	assert_jobs_go_on();
}

static void test_a_conn_lost_on_the_way_back_to_a_savepoint_takes_them_back(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT 1.", "23505", 2);
	send_jobs_trip(3);
	assert_int_equal(story.ran, 0);
	fake_lose(JOBS);
	stage_turn();
	assert_jobs_end(CALL_UNSENT);
	assert_jobs_go_on();
}

static void test_a_conn_lost_while_they_are_rolled_back_changes_nothing(void **state)
{
	open_jobs(1);
	fail_jobs_with("SELECT 2.", "40001", 2);
	send_jobs_trip(3);
	fake_lose(JOBS);
	stage_turn();
	assert_error("40001", 1);
	assert_jobs_go_on();
}

static void test_a_finish_that_failed_is_known_without_its_conn(void **state)
{
	fail_jobs_with("SELECT 91.", "23505", 2);
	open_jobs(1);
	send_jobs_trip(4);
	fake_lose(JOBS);
	stage_turn();
	assert_error("23505", JOBS_NONE);
	end_jobs();
}

static void check_last_words(const char *text, unsigned times, unsigned trip, enum call_end end)
{
	end_conn_with(text, "57P01", times);
	open_jobs(1);
	send_jobs_trip(trip);
	answer_jobs();
	assert_jobs_end(end);
	assert_string_equal(story.claim.call.error.sqlstate, "57P01");
	assert_false(fake_is_open(JOBS));
	assert_jobs_go_on();
}

static void test_last_words_of_the_server_are_told_to_the_maker(void **state)
{
	check_last_words("SELECT 2.", 2, 2, CALL_UNSENT);
}

static void test_last_words_before_the_commit_take_them_back(void **state)
{
	check_last_words("SELECT 91.", 2, 3, CALL_UNSENT);
}

static void test_last_words_to_a_commit_leave_all_unknown(void **state)
{
	check_last_words("COMMIT", 1, 3, CALL_LOST);
}

static void test_one_that_begins_a_copy_ends_the_conn(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 2.", .times = 2 });
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .what = FAKE_COPY_OUT });
	open_jobs(1);
	send_jobs_trip(2);
	answer_jobs();
	assert_jobs_end(CALL_UNSENT);
	assert_false(fake_is_open(JOBS));
	end_jobs();
}

static void test_an_answer_that_does_not_come_takes_them_back(void **state)
{
	open_jobs(1);
	send_jobs_trip(2);
	stage_pass(stage_settings.answer_timeout_us + 1);
	assert_jobs_end(CALL_UNSENT);
	assert_jobs_go_on();
}

static void test_a_lone_one_may_take_as_long_as_it_may_run(void **state)
{
	open_jobs(1);
	send_jobs(1);
	story.calls[0].call.timeout_us = 60 * US_PER_S;
	(void)fake_sent(JOBS);
	answer_jobs();
	assert_non_null(strstr(fake_sent(JOBS), "timeout(60000) "));
	stage_pass(60 * US_PER_S);
	answer_jobs();
	answer_jobs();
	assert_jobs_end(CALL_OK);
	end_jobs();
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_claim_that_is_refused_is_rolled_back),
		STORY(test_a_standby_refuses_a_claim),
		STORY(test_a_transaction_that_does_not_begin_claims_nothing),
		STORY(test_a_claim_of_too_much_is_rolled_back),
		STORY(test_a_lock_that_is_not_free_soon_breaks_them),
		STORY(test_a_deadlock_breaks_them),
		STORY(test_a_table_that_is_not_there_breaks_them),
		STORY(test_settings_left_behind_break_them),
		STORY(test_trouble_behind_an_error_takes_back_both),
		STORY(test_a_trip_that_ends_in_an_error_claims_nothing),
		STORY(test_a_trip_that_ends_in_an_error_takes_them_back),
		STORY(test_a_statement_of_ours_that_vanished_is_prepared_again),
		STORY(test_a_claim_that_vanished_is_prepared_again),
		STORY(test_a_command_that_vanished_is_prepared_again),
		STORY(test_a_finish_that_vanished_is_prepared_again),
		STORY(test_a_stale_plan_is_prepared_again),
		STORY(test_a_plan_that_stays_stale_is_an_error),
		STORY(test_a_lone_one_that_raises_as_if_it_had_vanished_raises),
		STORY(test_a_finish_that_fails_takes_all_back),
		STORY(test_a_commit_that_fails_takes_all_back),
		STORY(test_a_commit_that_was_none_is_made_once_more),
		STORY(test_one_without_a_position_is_not_known_to_have_ended),
		STORY(test_a_conn_lost_while_they_are_claimed_has_none),
		STORY(test_a_conn_lost_while_they_run_takes_them_back),
		STORY(test_a_conn_lost_while_they_commit_leaves_all_unknown),
		STORY(test_a_conn_lost_behind_the_commit_leaves_all_unknown),
		STORY(test_a_trip_that_cannot_leave_takes_them_back),
		STORY(test_a_conn_lost_on_the_way_back_to_a_savepoint_takes_them_back),
		STORY(test_a_conn_lost_while_they_are_rolled_back_changes_nothing),
		STORY(test_a_finish_that_failed_is_known_without_its_conn),
		STORY(test_last_words_of_the_server_are_told_to_the_maker),
		STORY(test_last_words_before_the_commit_take_them_back),
		STORY(test_last_words_to_a_commit_leave_all_unknown),
		STORY(test_one_that_begins_a_copy_ends_the_conn),
		STORY(test_an_answer_that_does_not_come_takes_them_back),
		STORY(test_a_lone_one_may_take_as_long_as_it_may_run),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
