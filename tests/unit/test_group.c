/* SPDX-License-Identifier: Apache-2.0 */
/* Commands that commit together: who travels in a group, what is sent, whose an error is. */
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

static unsigned occurs(const char *word, const char *text)
{
	unsigned times = 0;

	while ((text = strstr(text, word))) {
		text += strlen(word);
		times++;
	}
	return times;
}

/* --- who travels together -------------------------------------------------------------------- */

static void test_commands_that_are_queued_leave_as_one_transaction(void **state)
{
	send_three();
	assert_string_equal(fake_sent(CONN), BEGIN FIRST("1") NEXT("2") NEXT("3") FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], known(1));
	stage_turn();
	assert_string_equal(fake_sent(CONN), BEGIN AGAIN("1") AGAIN("1") AGAIN("1") END);
	stage_answer(CONN);
	end_calls();
}

static void test_a_lone_command_keeps_the_shape_of_a_lone_one(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	send_to_group(&calls[0], known(1));
	stage_turn();
	assert_string_equal(fake_sent(CONN), "prepare:s1 s1(7) prepare:xid xid sync "
					     "prepare:position position sync");
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	stage_call_fini(&calls[0]);
}

static void test_commands_gather_while_a_group_is_out_and_idle_conns_wait_with_them(void **state)
{
	struct stage_call late[2];

	open_groups(4, GROUP_CALLS_MAX); /* conns 2 and 3 are for commands */
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], known(1));
	stage_turn();
	assert_int_equal(pool_conns(stage.pool, CONN_BUSY), 1);
	for (unsigned i = 0; i < 2; i++)
		send_to_group(&late[i], known(1));
	stage_turn();
	assert_int_equal(pool_conns(stage.pool, CONN_BUSY), 1);
	stage_answer(2);
	assert_all_went_well();
	assert_int_equal(pool_conns(stage.pool, CONN_BUSY), 1);
	stage_answer(2);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(late[i].told, 1);
		stage_call_fini(&late[i]);
	}
	end_calls();
}

static void test_who_may_not_join_a_group_does_not_wait_for_it(void **state)
{
	struct stage_call alone;

	open_groups(4, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], known(1));
	stage_turn();
	stage_send(&alone, CALL_COMMAND, known(1), "8");
	stage_turn();
	assert_string_equal(fake_sent(3), "prepare:s1 s1(8) prepare:xid xid sync "
					  "prepare:position position sync");
	stage_answer(3);
	assert_int_equal(alone.told, 1);
	assert_nobody_was_told();
	stage_answer(2);
	stage_call_fini(&alone);
	end_calls();
}

enum why { NOT_WANTED, NOTHING_KNOWN, SLOW, QUARANTINED, STRICT, BEGINS, WHY_COUNT };

static void test_some_commands_never_join_a_group(void **state)
{
	for (int why = 0; why < WHY_COUNT; why++) {
		struct statement *statement;

		open_groups(2, GROUP_CALLS_MAX);
		statement = known(1);
		if (why == NOTHING_KNOWN || why == SLOW)
			statement->running_us = why == SLOW ? 20001 : 0;
		if (why == QUARANTINED)
			quarantine_begin(statement);
		for (unsigned i = 0; i < 3; i++) {
			init_for_group(&calls[i], statement);
			if (why == NOT_WANTED || why == BEGINS)
				calls[i].call.transaction =
					why == BEGINS ? TRANSACTION_EXPLICIT : TRANSACTION_OWN;
			if (why == STRICT)
				calls[i].call.isolation = ISOLATION_SERIALIZABLE;
			assert_true(pool_submit(stage.pool, &calls[i].call));
		}
		stage_turn();
		assert_null(strstr(fake_sent(CONN), "savepoint"));
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(calls[i].told, 0);
			stage_answer(CONN);
			assert_int_equal(calls[i].told, 1);
		}
		end_calls();
		stage_close(NULL);
	}
	open_groups(2, GROUP_CALLS_MAX);
}

static void test_a_limit_of_one_means_no_groups(void **state)
{
	open_groups(2, 1);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], known(1));
	for (unsigned i = 0; i < 3; i++) {
		stage_turn();
		assert_null(strstr(fake_sent(CONN), "savepoint"));
		stage_answer(CONN);
	}
	assert_all_went_well();
	end_calls();
}

static void test_a_group_is_no_larger_than_its_limit(void **state)
{
	open_groups(2, 2);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], known(1));
	stage_turn();
	stage_answer(CONN);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[2].told, 0);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_the_time_of_a_lone_command_makes_it_known(void **state)
{
	fake_server.takes_us = 800;
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++)
		send_to_group(&calls[i], stage_statement(1));
	stage_turn();
	stage_answer(CONN);
	assert_int_not_equal(stage_statement(1)->running_us, 0);
	stage_answer(CONN);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

static void test_a_shorter_timeout_of_its_own_stands_before_its_savepoint(void **state)
{
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], known(1));
		calls[i].call.timeout_us = i == 1 ? 20 * US_PER_MS : US_PER_S;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	assert_string_equal(fake_sent(CONN),
			    BEGIN FIRST("1") "limits prepare:timeout timeout(20) "
					     "savepoint s1(7) look reset " AGAIN("1") FIRST_END);
	stage_answer(CONN);
	assert_all_went_well();
	end_calls();
}

/* --- without limits -------------------------------------------------------------------------- */

enum { MANY = 24, TOGETHER = 4 };

static struct stage_call many[MANY];

static void open_without_limits(void)
{
	struct pool_settings settings = stage_settings;

	settings.concurrency = CONCURRENCY_OFF;
	settings.queue_max = 1;
	settings.group_max = TOGETHER;
	stage_open_with(NODE_PRIMARY, &settings);
}

/* Somebody asked for it, who may be refused. */
static void ask_of_group(struct stage_call *call)
{
	init_for_group(call, known(1));
	call->call.ticket.priority.asked = true;
	assert_true(pool_submit(stage.pool, &call->call));
}

static void test_without_limits_groups_form_and_nobody_is_refused_or_expires(void **state)
{
	unsigned come = 0, told = 0;

	open_without_limits();
	while (come < MANY - TOGETHER)
		ask_of_group(&many[come++]);
	stage_turn();
	while (told < MANY) {
		assert_int_equal(occurs("savepoint", fake_sent(CONN)), TOGETHER + !told);
		stage_pass(2 * stage_settings.queue_wait_us);
		assert_int_equal(pool_load(stage.pool), come - told);
		/* The queue stands by now. */
		while (told == 2 * TOGETHER && come < MANY)
			ask_of_group(&many[come++]);
		stage_answer(CONN);
		told += TOGETHER;
		assert_int_equal(pool_load(stage.pool), come - told);
	}
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(many[i].told, 1);
		assert_int_equal(many[i].call.end, CALL_OK);
		stage_call_fini(&many[i]);
	}
}

static void test_without_limits_and_without_a_conn_commands_expire_as_ever(void **state)
{
	fake_server.hangs = true;
	open_without_limits();
	ask_of_group(&calls[0]);
	stage_pass(CONN_OPENING_US_MAX + stage_settings.queue_wait_us - 1);
	assert_int_equal(calls[0].told, 0);
	stage_pass(1);
	assert_int_equal(calls[0].told, 1);
	assert_int_equal(calls[0].call.end, CALL_UNSENT);
	assert_true(calls[0].call.refusal == REFUSAL_EXPIRED);
	stage_call_fini(&calls[0]);
}

/* --- errors of one's own ---------------------------------------------------------------------- */

/* Without s<number>, the others commit; then all are told. */
static void check_one_raises(unsigned number, const char *sqlstate, const char *second_trip)
{
	char text[16] = "SELECT 1.";

	text[7] = (char)('0' + number);
	fail_with(text, sqlstate, 0);
	send_three();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_nobody_was_told();
	assert_string_equal(fake_sent(CONN), second_trip);
	stage_answer(CONN);
	for (unsigned i = 0; i < 3; i++) {
		bool failed = i + 1 == number;

		assert_int_equal(calls[i].told, 1);
		assert_int_equal(calls[i].call.end, failed ? CALL_ERROR : CALL_OK);
		assert_string_equal(stage_out(&calls[i]), failed ? "" : "{\"x\":1}");
	}
	assert_string_equal(calls[number - 1].call.error.sqlstate, sqlstate);
	assert_false(quarantine_is_on(stage_statement(number)));
	end_calls();
}

static void test_the_first_one_fails_and_the_others_commit(void **state)
{
	/* The first of a text with an error is prepared: what failed is not there. */
	check_one_raises(1, "23505",
			 "prepare:back back limits prepare:s2 savepoint s2(7) prepare:look look "
			 "prepare:reset reset " NEXT("3") FIRST_END);
}

static void test_the_middle_one_fails_and_the_others_commit(void **state)
{
	check_one_raises(2, "P0001", "prepare:back back " NEXT("3") FIRST_END);
}

/* Its limits stood before its savepoint: they would hold for the commit. */
static void test_the_last_one_fails_and_the_others_commit_without_its_limits(void **state)
{
	check_one_raises(3, "PT409", "prepare:back back reset " FIRST_END);
}

static void test_behind_an_error_those_that_are_forgotten_leave_no_limits_either(void **state)
{
	fail_with("SELECT 2.", "P0001", 0);
	send_three();
	(void)fake_sent(CONN);
	pool_forget(stage.pool, &calls[2].call);
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN), "prepare:back back reset " FIRST_END);
	stage_answer(CONN);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[1].call.end, CALL_ERROR);
	end_calls();
}

static void test_all_fail_one_after_the_other(void **state)
{
	check_all_fail(send_three, 3);
}

static void test_a_timeout_of_its_own_is_in_force_behind_an_error(void **state)
{
	fail_with("SELECT 1.", "23505", 2);
	open_groups(2, GROUP_CALLS_MAX);
	for (unsigned i = 0; i < 3; i++) {
		init_for_group(&calls[i], known(i + 1));
		calls[i].call.timeout_us = i ? 20 * US_PER_MS : US_PER_S;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	(void)fake_sent(CONN);
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN),
			    "prepare:back back limits prepare:s2 prepare:timeout timeout(20) "
			    "savepoint s2(7) prepare:look look prepare:reset reset "
			    "limits prepare:s3 timeout(20) savepoint s3(7) look reset " FIRST_END);
	stage_answer(CONN);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls();
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_commands_that_are_queued_leave_as_one_transaction),
		STORY(test_a_lone_command_keeps_the_shape_of_a_lone_one),
		STORY(test_commands_gather_while_a_group_is_out_and_idle_conns_wait_with_them),
		STORY(test_who_may_not_join_a_group_does_not_wait_for_it),
		STORY(test_some_commands_never_join_a_group),
		STORY(test_a_limit_of_one_means_no_groups),
		STORY(test_a_group_is_no_larger_than_its_limit),
		STORY(test_the_time_of_a_lone_command_makes_it_known),
		STORY(test_a_shorter_timeout_of_its_own_stands_before_its_savepoint),
		STORY(test_without_limits_groups_form_and_nobody_is_refused_or_expires),
		STORY(test_without_limits_and_without_a_conn_commands_expire_as_ever),
		STORY(test_the_first_one_fails_and_the_others_commit),
		STORY(test_the_middle_one_fails_and_the_others_commit),
		STORY(test_the_last_one_fails_and_the_others_commit_without_its_limits),
		STORY(test_behind_an_error_those_that_are_forgotten_leave_no_limits_either),
		STORY(test_all_fail_one_after_the_other),
		STORY(test_a_timeout_of_its_own_is_in_force_behind_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
