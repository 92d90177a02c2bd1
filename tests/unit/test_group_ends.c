/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that do not commit as they are; when who is told, and what is unknown. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c group_story.c */
#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "group_story.h"
#include "pg/admission/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The group was rolled back: each of its members runs once more, by itself, in its order. */
static void answer_alone(const char *first, const char *second, const char *third)
{
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN), first);
	stage_answer(CONN);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[1].told, 0);
	assert_string_equal(fake_sent(CONN), second);
	stage_answer(CONN);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[2].told, 0);
	assert_string_equal(fake_sent(CONN), third);
	stage_answer(CONN);
	assert_int_equal(calls[2].told, 1);
}

/* --- trouble --------------------------------------------------------------------------------- */

#define LONE(name) name "(7) xid sync position sync"

static void check_trouble(const char *sqlstate)
{
	fail_with("SELECT 2.", sqlstate, 2);
	send_three();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN), "[ROLLBACK] [SELECT pg_advisory_unlock_all()] sync");
	answer_alone("s1(7) prepare:xid xid sync prepare:position position sync", LONE("s2"),
		     "prepare:s3 " LONE("s3"));
	assert_all_went_well();
	assert_true(quarantine_is_on(stage_statement(2)));
	assert_false(quarantine_is_on(stage_statement(1)));
	end_calls();
}

static void test_a_lock_that_is_not_free_soon_sends_all_one_by_one(void **state)
{
	check_trouble("55P03");
}

static void test_a_deadlock_sends_all_one_by_one(void **state)
{
	check_trouble("40P01");
}

static void test_a_timeout_sends_all_one_by_one(void **state)
{
	check_trouble("57014");
}

static void test_an_error_of_the_operation_sends_all_one_by_one(void **state)
{
	check_trouble("25001");
}

static void test_trouble_takes_back_the_errors_that_came_before(void **state)
{
	fail_with("SELECT 1.", "23505", 2);
	fail_with("SELECT 3.", "40001", 2);
	send_three();
	stage_answer(CONN); /* the first one failed */
	stage_answer(CONN); /* behind it the third one */
	assert_nobody_was_told();
	(void)fake_sent(CONN);
	answer_alone("s1(7) prepare:xid xid sync prepare:position position sync", LONE("s2"),
		     LONE("s3"));
	assert_all_went_well();
	end_calls();
}

static void test_a_commit_that_fails_sends_all_one_by_one_and_finds_whose_fault_it_was(void **state)
{
	fail_with("COMMIT", "23503", 1);
	send_three();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN), "s1(7) prepare:xid xid sync position sync");
	fake_server.sync_error = "23503"; /* of the first one */
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_ERROR);
	assert_string_equal(calls[0].call.error.sqlstate, "23503");
	stage_answer(CONN);
	stage_answer(CONN);
	assert_int_equal(calls[1].call.end, CALL_OK);
	assert_int_equal(calls[2].call.end, CALL_OK);
	assert_true(quarantine_is_on(stage_statement(1)));
	assert_false(quarantine_is_on(stage_statement(2)));
	end_calls();
}

static void test_a_commit_that_was_none_sends_all_one_by_one(void **state)
{
	fake_server.undoes = true;
	send_three();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN), "s1(7) prepare:xid xid sync position sync");
	for (unsigned i = 0; i < 3; i++)
		stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_settings_left_behind_send_all_one_by_one(void **state)
{
	/* Prepared, and right behind the first command. */
	fake_answer_with(
		(struct fake_answer){ .text = "SELECT WHERE 1 / (", .times = 2, .rows = 1 });
	fail_with("SELECT WHERE 1 / (", "22012", 1);
	send_three();
	stage_answer(CONN);
	assert_nobody_was_told();
	(void)fake_sent(CONN);
	answer_alone("s1(7) prepare:xid xid sync prepare:position position sync", LONE("s2"),
		     "prepare:s3 " LONE("s3"));
	assert_all_went_well();
	assert_false(quarantine_is_on(stage_statement(1)));
	assert_true(quarantine_is_on(stage_statement(2)));
	end_calls();
}

static void test_settings_that_reset_does_not_bring_back_are_nobodys_fault(void **state)
{
	fail_with("SELECT pg_current_xact_id_if_assigned() IS NOT NULL", "22012", 2);
	send_three();
	stage_answer(CONN);
	assert_nobody_was_told();
	(void)fake_sent(CONN);
	answer_alone("s1(7) prepare:xid xid sync prepare:position position sync", LONE("s2"),
		     LONE("s3"));
	assert_all_went_well();
	assert_false(quarantine_is_on(stage_statement(1)));
	end_calls();
}

static void test_a_stale_plan_is_prepared_again_by_the_lone_one(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 2.",
					       .what = FAKE_ERROR,
					       .times = 2,
					       .sqlstate = "0A000",
					       .function = "RevalidateCachedQuery" });
	send_three();
	stage_answer(CONN);
	(void)fake_sent(CONN);
	answer_alone("s1(7) prepare:xid xid sync prepare:position position sync",
		     "[DEALLOCATE s2] prepare:" LONE("s2 s2"), "prepare:s3 " LONE("s3"));
	assert_all_went_well();
	assert_false(quarantine_is_on(stage_statement(2)));
	end_calls();
}

static void test_a_statement_of_ours_that_vanished_is_nobodys_fault(void **state)
{
	send_three();
	stage_answer(CONN);
	end_calls();
	fake_unprepare(CONN, "savepoint");
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], known(i + 1));
	stage_turn();
	stage_answer(CONN);
	stage_answer(CONN);
	for (unsigned i = 0; i < 3; i++)
		stage_answer(CONN);
	assert_all_went_well();
	assert_false(quarantine_is_on(stage_statement(1)));
	end_calls();
}

static void test_a_member_that_is_forgotten_before_the_second_trip_does_not_run(void **state)
{
	fail_with("SELECT 1.", "23505", 2);
	send_three();
	(void)fake_sent(CONN);
	pool_forget(stage.pool, &calls[1].call);
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN),
			    "prepare:back back limits prepare:s3 savepoint s3(7) prepare:look look "
			    "prepare:reset reset " FIRST_END);
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_ERROR);
	assert_int_equal(calls[1].told, 0);
	assert_int_equal(calls[2].call.end, CALL_OK);
	assert_int_equal(pool_load(stage.pool), 0);
	end_calls();
}

static void test_a_forgotten_member_that_fails_leaves_the_others_as_they_are(void **state)
{
	fail_with("SELECT 2.", "23505", 2);
	send_three();
	pool_forget(stage.pool, &calls[1].call);
	stage_answer(CONN);
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].told, 0);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

/* --- before and behind the commit ------------------------------------------------------------ */

static void test_nobody_is_told_before_the_commit_is_known(void **state)
{
	send_three();
	fake_answer_some(CONN, UP_TO_LAST_RUN);
	stage_turn();
	assert_nobody_was_told();
	fake_answer_some(CONN, UP_TO_COMMIT - UP_TO_LAST_RUN - 1);
	stage_turn();
	assert_nobody_was_told();
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void check_lost_after(unsigned messages)
{
	send_three();
	fake_answer_some(CONN, messages);
	stage_turn();
	fake_lose(CONN);
	stage_turn();
	end_calls_as(CALL_LOST);
}

static void test_a_conn_lost_before_the_commit_was_answered_leaves_all_unknown(void **state)
{
	check_lost_after(UP_TO_LAST_RUN);
}

static void test_a_conn_lost_behind_the_commit_leaves_all_unknown(void **state)
{
	check_lost_after(UP_TO_COMMIT);
}

static void test_an_error_is_not_told_when_the_commit_was_lost(void **state)
{
	fail_with("SELECT 1.", "23505", 2);
	send_three();
	stage_answer(CONN);
	fake_lose(CONN);
	stage_turn();
	end_calls_as(CALL_LOST);
}

static void test_a_second_trip_that_cannot_leave_leaves_all_certain(void **state)
{
	fail_with("SELECT 1.", "23505", 2);
	send_three();
	fake_answer_all(CONN);
	fake_lose(CONN);
	stage_turn();
	end_calls_as(CALL_UNSENT);
}

static void test_a_conn_lost_while_a_group_is_rolled_back_leaves_all_certain(void **state)
{
	fail_with("SELECT 2.", "40001", 2);
	send_three();
	stage_answer(CONN);
	fake_lose(CONN);
	stage_turn();
	end_calls_as(CALL_UNSENT);
}

static void test_last_words_of_the_server_leave_all_unknown(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 2.",
					       .what = FAKE_ERROR,
					       .times = 2,
					       .sqlstate = "57P01",
					       .severity = "FATAL" });
	send_three();
	stage_answer(CONN);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(calls[i].call.end, CALL_LOST);
	assert_false(fake_is_open(CONN));
	end_calls();
}

static void test_a_member_with_too_many_rows_has_committed_nevertheless(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 2.", .rows = 2, .cell = "1" });
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], known(i + 1));
		calls[i].call.rows_max = 1;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_TOO_LARGE);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_lock_that_is_not_free_soon_sends_all_one_by_one),
		STORY(test_a_deadlock_sends_all_one_by_one),
		STORY(test_a_timeout_sends_all_one_by_one),
		STORY(test_an_error_of_the_operation_sends_all_one_by_one),
		STORY(test_trouble_takes_back_the_errors_that_came_before),
		STORY(test_a_commit_that_fails_sends_all_one_by_one_and_finds_whose_fault_it_was),
		STORY(test_a_commit_that_was_none_sends_all_one_by_one),
		STORY(test_settings_left_behind_send_all_one_by_one),
		STORY(test_settings_that_reset_does_not_bring_back_are_nobodys_fault),
		STORY(test_a_stale_plan_is_prepared_again_by_the_lone_one),
		STORY(test_a_statement_of_ours_that_vanished_is_nobodys_fault),
		STORY(test_a_member_that_is_forgotten_before_the_second_trip_does_not_run),
		STORY(test_a_forgotten_member_that_fails_leaves_the_others_as_they_are),
		STORY(test_nobody_is_told_before_the_commit_is_known),
		STORY(test_a_conn_lost_before_the_commit_was_answered_leaves_all_unknown),
		STORY(test_a_conn_lost_behind_the_commit_leaves_all_unknown),
		STORY(test_an_error_is_not_told_when_the_commit_was_lost),
		STORY(test_a_second_trip_that_cannot_leave_leaves_all_certain),
		STORY(test_a_conn_lost_while_a_group_is_rolled_back_leaves_all_certain),
		STORY(test_last_words_of_the_server_leave_all_unknown),
		STORY(test_a_member_with_too_many_rows_has_committed_nevertheless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
