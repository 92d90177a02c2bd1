/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of commands without savepoints, and how they are redone with them. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c group_story.c */
#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "group_story.h"
#include "pg/admission/quarantine.h"
#include "pg/admission/raises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define UNDONE "[ROLLBACK] [SELECT pg_advisory_unlock_all()] " BEGIN
#define LONE(name) name "(7) xid sync position sync"

/* --- what is sent ---------------------------------------------------------------------------- */

static struct statement *ours(unsigned number)
{
	struct statement *statement = calm(number);

	statement->leavings = LEAVINGS_NONE;
	return statement;
}

static void test_what_leaves_nothing_shares_its_limits_with_the_next(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], i == 2 ? calm(3) : ours(i + 1));
	stage_turn();
	assert_string_equal(fake_sent(CONN), BEGIN
			    "prepare:limits limits prepare:s1 s1(7) prepare:s2 s2(7) "
			    "prepare:s3 s3(7) prepare:look look prepare:reset reset " FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_no_limits_of_members_are_in_force_at_the_commit(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], i == 0 ? calm(1) : ours(i + 1));
	stage_turn();
	assert_string_equal(fake_sent(CONN),
			    BEGIN BARE_FIRST("1") "limits prepare:s2 s2(7) "
						  "prepare:s3 s3(7) reset " FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_what_leaves_nothing_has_limits_again_behind_an_error(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], ours(i + 1));
	fail_with("SELECT 2.", "23505", 0);
	stage_turn();
	stage_answer(CONN);
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN), "prepare:back back limits prepare:s3 savepoint s3(7) "
					     "prepare:reset reset " FIRST_END);
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_ERROR);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

static void test_statements_that_raised_nothing_have_no_savepoints(void **state)
{
	send_three_calm();
	assert_string_equal(fake_sent(CONN),
			    BEGIN BARE_FIRST("1") BARE_NEXT("2") BARE_NEXT("3") FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_only_one_that_raised_lately_has_a_savepoint(void **state)
{
	send_three_calm();
	stage_answer(CONN);
	end_calls();
	(void)fake_sent(CONN);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], i == 1 ? known(2) : calm(i + 1));
	stage_turn();
	assert_string_equal(fake_sent(CONN),
			    BEGIN BARE_AGAIN("1") "limits prepare:savepoint savepoint s2(7) look "
						  "reset " BARE_AGAIN("3") END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_none_is_told_before_the_commit_is_known(void **state)
{
	send_three_calm();
	fake_answer_some(CONN, UP_TO_COMMIT - 5 - 1); /* five messages fewer than with savepoints */
	stage_turn();
	assert_nobody_was_told();
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

/* --- errors of one's own --------------------------------------------------------------------- */

static void assert_others_committed(unsigned number, const char *sqlstate)
{
	for (unsigned i = 0; i < 3; i++) {
		bool failed = i + 1 == number;

		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, failed ? CALL_ERROR : CALL_OK);
		assert_string_equal(stage_out(&calls[i]), failed ? "" : "{\"x\":1}");
		assert_int_equal(calls[i].call.rows, failed ? 0 : 1);
	}
	assert_string_equal(calls[number - 1].call.error.sqlstate, sqlstate);
}

static void test_one_that_raises_has_all_sent_again_with_savepoints(void **state)
{
	send_three_calm();
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
	(void)fake_sent(CONN);
	fail_with("SELECT 2.", "23505", 0);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], calm(i + 1));
	stage_turn();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN),
			    UNDONE "limits prepare:savepoint savepoint s1(7) look reset " AGAIN("2")
				    AGAIN("3") END);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN), "prepare:back back " AGAIN("3") END);
	stage_answer(CONN);
	assert_others_committed(2, "23505");
	assert_false(quarantine_is_on(stage_statement(2)));
	end_calls();
}

static void test_one_that_raises_does_so_once_without_a_savepoint(void **state)
{
	send_three_calm();
	stage_answer(CONN);
	end_calls();
	fail_with("SELECT 3.", "23505", 0);
	for (unsigned group = 0; group < 3; group++) {
		for (unsigned i = 0; i < 3; i++)
			send_to_group(&calls[i], calm(i + 1));
		stage_turn();
		(void)fake_sent(CONN);
		stage_answer(CONN);
		assert_int_equal(strstr(fake_sent(CONN), "[ROLLBACK]") != NULL, group == 0);
		stage_answer(CONN);
		if (group == 0)
			stage_answer(CONN);
		assert_others_committed(3, "23505");
		assert_true(raises_lately(stage_statement(3)));
		assert_false(raises_lately(stage_statement(1)));
		end_calls();
	}
}

static void test_an_error_that_does_not_come_again_is_none(void **state)
{
	double redone_before = metrics_sum(METRIC_command_groups_redone_total);

	send_three_calm();
	stage_answer(CONN);
	end_calls();
	fail_with("SELECT 1.", "P0001", 1);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], calm(i + 1));
	stage_turn();
	stage_answer(CONN);
	assert_nobody_was_told();
	stage_answer(CONN);
	assert_all_went_well();
	assert_true(raises_lately(stage_statement(1)));
	assert_int_equal(metrics_sum(METRIC_command_groups_redone_total), redone_before + 1);
	end_calls();
}

static void test_all_fail_one_after_the_other(void **state)
{
	check_all_fail(send_three_calm, 4);
}

static void test_a_member_that_is_forgotten_is_not_sent_again(void **state)
{
	fail_with("SELECT 1.", "23505", 0);
	send_three_calm();
	(void)fake_sent(CONN);
	pool_forget(stage.pool, &calls[1].call);
	stage_answer(CONN);
	assert_null(strstr(fake_sent(CONN), "s2"));
	stage_answer(CONN);
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_ERROR);
	assert_int_equal(calls[1].told, 0);
	assert_int_equal(calls[2].call.end, CALL_OK);
	assert_int_equal(pool_load(stage.pool), 0);
	end_calls();
}

/* --- claims ---------------------------------------------------------------------------------- */

static const char *const ann[] = { "{a}", "ann", "[]" };

static void test_one_without_claims_does_not_meet_those_before_it(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], calm(i + 1));
		calls[i].call.claims = i == 1 ? ann : NULL;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	assert_string_equal(fake_sent(CONN),
			    BEGIN "prepare:limits limits prepare:s1 prepare:claims claims(,,) "
				  "s1(7) prepare:look look prepare:reset reset "
				  "limits prepare:s2 claims({a},ann,[]) s2(7) look reset "
				  "limits prepare:s3 claims(,,) s3(7) look reset " FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_the_largest_group_has_room_to_be_sent_again(void **state)
{
	static struct stage_call many[GROUP_CALLS_MAX];

	fail_with("SELECT 1.", "23505", 2);
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < GROUP_CALLS_MAX; i++) {
		init_for_group(&many[i], calm(i + 1));
		many[i].call.claims = ann;
		many[i].call.timeout_us = 20 * US_PER_MS;
		assert_true(pool_submit(stage.pool, &many[i].call));
	}
	stage_turn();
	for (unsigned trip = 0; trip < 3; trip++)
		stage_answer(CONN);
	for (unsigned i = 0; i < GROUP_CALLS_MAX; i++) {
		assert_int_equal(many[i].told, 1);
		stage_call_fini(&many[i]);
	}
}

/* --- what savepoints do not mend ------------------------------------------------------------- */

static void assert_one_by_one(void)
{
	for (unsigned i = 0; i < 3; i++) {
		assert_null(strstr(fake_sent(CONN), "savepoint"));
		stage_answer(CONN);
		assert_int_equal(calls[i].told, 1);
	}
	assert_all_went_well();
	end_calls();
}

static void test_trouble_sends_all_one_by_one_as_ever(void **state)
{
	fail_with("SELECT 2.", "40P01", 2);
	send_three_calm();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN), "[ROLLBACK] [SELECT pg_advisory_unlock_all()] sync");
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_one_by_one();
}

static void test_a_commit_that_fails_sends_all_one_by_one_as_ever(void **state)
{
	fail_with("COMMIT", "23503", 1);
	send_three_calm();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_one_by_one();
}

/* --- a conn that is lost --------------------------------------------------------------------- */

static void test_a_conn_lost_before_all_are_sent_again_leaves_all_certain(void **state)
{
	fail_with("SELECT 1.", "23505", 2);
	send_three_calm();
	fake_answer_all(CONN);
	fake_lose(CONN);
	stage_turn();
	end_calls_as(CALL_UNSENT);
}

static void test_a_conn_lost_after_all_were_sent_again_leaves_all_unknown(void **state)
{
	fail_with("SELECT 1.", "23505", 2);
	send_three_calm();
	stage_answer(CONN);
	assert_nobody_was_told();
	fake_lose(CONN);
	stage_turn();
	end_calls_as(CALL_LOST);
}

/* One of three raises; the n-th use of libpq fails. False: it was never used so often. */
static bool redone_with_a_failure_at(unsigned n)
{
	bool failed;

	fail_with("SELECT 2.", "23505", 2);
	open_groups(2, GROUP_CALLS_MAX);
	fake_server.uses = 0;
	fake_server.fails_at = n;
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], calm(i + 1));
	for (unsigned round = 0; round < 12; round++) {
		for (unsigned conn = 0; conn < fake_dialed(); conn++)
			if (fake_is_open(conn))
				fake_answer_all(conn);
		stage_pass(US_PER_S);
		stage_connect();
	}
	failed = fake_server.uses >= n;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(calls[i].told, 1);
	assert_int_equal(pool_load(stage.pool), 0);
	end_calls();
	return failed;
}

static void test_each_is_told_once_whichever_use_of_libpq_fails(void **state)
{
	unsigned n = 0;

	while (redone_with_a_failure_at(++n)) {
		stage_close(NULL);
		stage_clear(NULL);
	}
	assert_true(n > 30);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_what_leaves_nothing_shares_its_limits_with_the_next),
		STORY(test_no_limits_of_members_are_in_force_at_the_commit),
		STORY(test_what_leaves_nothing_has_limits_again_behind_an_error),
		STORY(test_statements_that_raised_nothing_have_no_savepoints),
		STORY(test_only_one_that_raised_lately_has_a_savepoint),
		STORY(test_none_is_told_before_the_commit_is_known),
		STORY(test_one_that_raises_has_all_sent_again_with_savepoints),
		STORY(test_one_that_raises_does_so_once_without_a_savepoint),
		STORY(test_an_error_that_does_not_come_again_is_none),
		STORY(test_all_fail_one_after_the_other),
		STORY(test_a_member_that_is_forgotten_is_not_sent_again),
		STORY(test_one_without_claims_does_not_meet_those_before_it),
		STORY(test_the_largest_group_has_room_to_be_sent_again),
		STORY(test_trouble_sends_all_one_by_one_as_ever),
		STORY(test_a_commit_that_fails_sends_all_one_by_one_as_ever),
		STORY(test_a_conn_lost_before_all_are_sent_again_leaves_all_certain),
		STORY(test_a_conn_lost_after_all_were_sent_again_leaves_all_unknown),
		STORY(test_each_is_told_once_whichever_use_of_libpq_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
