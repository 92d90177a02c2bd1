/* SPDX-License-Identifier: Apache-2.0 */
/* When batches of jobs leave: behind commands, but not never; and on which conns. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c jobs_story.c */
#include "pg/job_share.h"

#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "jobs_story.h"
#include "pg/capacity.h"
#include "pg/pool_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define COMMANDS 1 /* the conn */
#define BATCH_US (3 * US_PER_MS)

static struct stage_call commands[3], other;
static struct call_jobs other_jobs;

/* --- the share ------------------------------------------------------------------------------- */

static void test_the_first_one_is_due_at_once(void **state)
{
	struct job_share share = { 0 };

	assert_true(job_share_is_due(&share, 1));
}

static void test_one_conn_gets_a_twentieth_of_its_time(void **state)
{
	struct job_share share = { 0 };
	int64_t now_us = STAGE_START_US, begun_us = now_us;
	unsigned batches;

	for (batches = 0; batches < 100; batches++) {
		assert_true(job_share_is_due(&share, now_us));
		now_us += BATCH_US;
		job_share_took(&share, BATCH_US, 1, now_us);
		now_us = job_share_due_us(&share);
	}
	assert_int_equal(now_us - begun_us, batches * 20 * BATCH_US);
}

static void test_of_more_conns_each_gets_a_twentieth(void **state)
{
	struct job_share share = { 0 };

	for (unsigned i = 0; i < 4; i++)
		job_share_took(&share, BATCH_US, 4, STAGE_START_US);
	assert_int_equal(job_share_due_us(&share), STAGE_START_US + 19 * BATCH_US);
	assert_false(job_share_is_due(&share, STAGE_START_US + 19 * BATCH_US - 1));
	assert_true(job_share_is_due(&share, STAGE_START_US + 19 * BATCH_US));
}

static void test_a_long_one_does_not_keep_the_next_for_minutes(void **state)
{
	struct job_share share = { 0 };

	job_share_took(&share, 600 * US_PER_S, 1, STAGE_START_US);
	assert_in_range(job_share_due_us(&share), STAGE_START_US, STAGE_START_US + 2 * US_PER_S);
}

static void test_a_quiet_time_is_not_made_up_for(void **state)
{
	struct job_share share = { 0 };

	job_share_took(&share, BATCH_US, 1, STAGE_START_US);
	job_share_took(&share, BATCH_US, 1, STAGE_START_US + US_PER_S);
	assert_int_equal(job_share_due_us(&share), STAGE_START_US + US_PER_S + 19 * BATCH_US);
}

static void test_what_was_taken_while_nothing_waited_is_no_debt(void **state)
{
	struct job_share share = { 0 };
	int64_t now_us = STAGE_START_US;

	for (unsigned i = 0; i < 1000; i++)
		job_share_took(&share, BATCH_US, 4, now_us += BATCH_US);
	assert_int_equal(job_share_due_us(&share), now_us + 19 * BATCH_US);
}

/* --- behind commands ------------------------------------------------------------------------- */

/* A batch that took so long is over; the next one is not due before 19 times as long. */
static void run_a_batch(void)
{
	send_jobs(1);
	stage_pass(BATCH_US);
	for (unsigned trip = 0; trip < 3; trip++)
		answer_jobs();
	assert_jobs_end(CALL_OK);
	end_jobs();
	(void)fake_sent(JOBS);
}

static void send_commands(unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage_send(&commands[i], CALL_COMMAND, stage_statement(10 + i), "7");
	stage_turn();
}

static void end_commands(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		stage_answer(COMMANDS);
		assert_int_equal(commands[i].told, 1);
		stage_call_fini(&commands[i]);
	}
}

static void assert_jobs_left(bool left)
{
	assert_int_equal(strlen(fake_sent(JOBS)) > 0, left);
}

static void end_batch(void)
{
	for (unsigned trip = 0; trip < 3; trip++)
		answer_jobs();
	assert_int_equal(story.claim.told, 1);
	assert_int_equal(story.claim.call.end, CALL_OK);
	end_jobs();
}

static void test_jobs_leave_at_once_where_no_command_waits(void **state)
{
	open_jobs(1);
	run_a_batch();
	send_commands(1);
	send_jobs_again(1);
	assert_jobs_left(true);
	end_batch();
	end_commands(1);
}

/* --- what commands have to themselves --------------------------------------------------------- */

static void test_beside_few_commands_the_next_batch_is_not_held_back(void **state)
{
	struct job_share share = { 0 };

	job_share_begin(&share);
	job_share_commands(&share, JOBS_REST_COMMANDS - 1, STAGE_START_US);
	job_share_took(&share, BATCH_US, 1, STAGE_START_US);
	assert_true(job_share_is_rested(&share, STAGE_START_US));
}

static void test_beside_many_commands_the_next_batch_is_held_back_for_a_time(void **state)
{
	int64_t until_us = STAGE_START_US + JOBS_REST * BATCH_US;
	struct job_share share = { 0 };

	job_share_begin(&share);
	job_share_commands(&share, JOBS_REST_COMMANDS, STAGE_START_US);
	job_share_took(&share, BATCH_US, 1, STAGE_START_US);
	assert_false(job_share_is_rested(&share, until_us - 1));
	assert_true(job_share_is_rested(&share, until_us));
	assert_int_equal(job_share_next_us(&share, STAGE_START_US), until_us);
}

static void test_a_long_batch_holds_the_next_one_back_for_a_moment(void **state)
{
	struct job_share share = { 0 };

	job_share_commands(&share, JOBS_REST_COMMANDS, STAGE_START_US);
	job_share_took(&share, US_PER_S, 1, STAGE_START_US);
	assert_true(job_share_is_rested(&share, STAGE_START_US + JOBS_BESIDE_US));
}

static void test_the_commands_that_leave_while_a_batch_runs_are_counted(void **state)
{
	open_jobs(1);
	run_a_batch();
	send_commands(1);
	end_commands(1);
	assert_int_equal(stage.pool->job_share.commands, 1);
	send_jobs_again(1);
	assert_jobs_left(true);
	assert_int_equal(stage.pool->job_share.commands, 0);
	end_batch();
}

static void test_while_commands_come_a_batch_is_held_back_as_long_as_that(void **state)
{
	open_jobs(1);
	run_a_batch();
	stage.pool->job_share.rested_us = stage.now_us + BATCH_US;
	send_commands(1);
	end_commands(1);
	send_jobs_again(1);
	stage_pass(BATCH_US - 1);
	assert_jobs_left(false);
	stage_pass(1);
	assert_jobs_left(true);
	end_batch();
}

static void submit_another(void)
{
	stage_call_init(&other, CALL_JOBS, stage_statement(90), "w");
	other.call.jobs = &other_jobs;
	assert_true(pool_submit(stage.pool, &other.call));
	stage_turn();
	assert_int_equal(lane_opening(&stage.pool->lanes[LANE_JOBS]), 1);
	stage_connect();
	stage_turn();
}

static void test_beside_commands_one_batch_leaves_after_the_other(void **state)
{
	open_jobs(2);
	run_a_batch();
	send_commands(1);
	send_jobs_again(1);
	assert_jobs_left(true);
	submit_another();
	end_commands(1);
	assert_int_equal(other.call.state, CALL_QUEUED);
	stage_pass(JOBS_BESIDE_US);
	stage_turn();
	assert_int_equal(other.call.state, CALL_OUT);
	pool_forget(stage.pool, &other.call);
	stage_call_fini(&other);
	end_batch();
}

static void test_a_batch_that_is_out_for_long_keeps_no_other(void **state)
{
	open_jobs(2);
	run_a_batch();
	stage.pool->job_share =
		(struct job_share){ .due_us = CLOCK_NEVER / 2, .alone_us = CLOCK_NEVER };
	send_jobs_again(1);
	submit_another();
	stage_pass(JOBS_TURN_US_MAX - 1);
	send_commands(1);
	end_commands(1);
	assert_int_equal(other.call.state, CALL_QUEUED);
	stage.pool->job_share.alone_us = CLOCK_NEVER;
	stage_pass(1);
	send_commands(1);
	end_commands(1);
	assert_int_equal(other.call.state, CALL_OUT);
	pool_forget(stage.pool, &other.call);
	stage_call_fini(&other);
	end_batch();
}

/* --- beside lone ones ------------------------------------------------------------------------ */

/* One batch is out, in a node with room for it alone; commands come all the time. */
static void open_with_one_out(bool lone)
{
	struct pool_settings settings = stage_settings;

	settings.jobs_max = 3;
	settings.concurrency_fixed = 1;
	answer_finishes();
	stage_open_with(NODE_PRIMARY, &settings);
	run_a_batch();
	stage.pool->job_share =
		(struct job_share){ .due_us = CLOCK_NEVER / 2, .alone_us = CLOCK_NEVER };
	send_jobs_again(1);
	assert_jobs_left(true);
	story.jobs.lone = lone;
}

static void submit_and_leave(struct stage_call *call, struct call_jobs *jobs, bool lone,
			     enum call_state state)
{
	*jobs = (struct call_jobs){ .lone = lone };
	stage_call_init(call, CALL_JOBS, stage_statement(90), "w");
	call->call.jobs = jobs;
	assert_true(pool_submit(stage.pool, &call->call));
	stage_turn();
	stage_connect();
	stage_turn();
	assert_int_equal(call->call.state, state);
}

static void forget(struct stage_call *call)
{
	pool_forget(stage.pool, &call->call);
	stage_call_fini(call);
}

static void test_quick_jobs_do_not_wait_for_a_lone_one(void **state)
{
	open_with_one_out(true);
	submit_and_leave(&other, &other_jobs, false, CALL_OUT);
	forget(&other);
	end_batch();
}

static void test_a_lone_job_waits_for_quick_ones(void **state)
{
	open_with_one_out(false);
	submit_and_leave(&other, &other_jobs, true, CALL_QUEUED);
	forget(&other);
	end_batch();
}

static void test_quick_jobs_pass_a_lone_one_that_waits(void **state)
{
	struct stage_call third;
	struct call_jobs third_jobs;

	open_with_one_out(true);
	submit_and_leave(&other, &other_jobs, true, CALL_QUEUED);
	submit_and_leave(&third, &third_jobs, false, CALL_OUT);
	assert_int_equal(other.call.state, CALL_QUEUED);
	forget(&third);
	forget(&other);
	end_batch();
}

/* --- for commands and for room --------------------------------------------------------------- */

static void test_jobs_wait_for_the_commands_that_wait(void **state)
{
	open_jobs(1);
	run_a_batch();
	send_commands(2);
	send_jobs_again(1);
	assert_jobs_left(false);
	stage_answer(COMMANDS);
	assert_jobs_left(true);
	end_batch();
	stage_answer(COMMANDS);
	for (unsigned i = 0; i < 2; i++)
		stage_call_fini(&commands[i]);
}

static void test_jobs_that_are_due_pass_the_commands_that_wait(void **state)
{
	open_jobs(1);
	run_a_batch();
	send_commands(2);
	send_jobs_again(1);
	stage_pass(19 * BATCH_US - 1);
	assert_jobs_left(false);
	stage_pass(1);
	assert_jobs_left(true);
	end_batch();
	end_commands(2);
}

static void test_jobs_wait_for_room_at_the_node(void **state)
{
	struct pool_settings settings = stage_settings;
	struct stage_call query;

	settings.jobs_max = 1;
	settings.concurrency_fixed = 1;
	answer_finishes();
	stage_open_with(NODE_PRIMARY, &settings);
	run_a_batch();
	stage_query(&query, stage_statement(20), "7");
	stage_turn();
	send_jobs_again(1);
	assert_jobs_left(false);
	stage_answer(0);
	assert_int_equal(query.told, 1);
	assert_jobs_left(true);
	/* They take no room from others. */
	assert_int_equal(capacity_out(stage.pool), 0);
	end_batch();
	stage_call_fini(&query);
}

static void test_a_claim_waits_for_longer_than_clients_do(void **state)
{
	open_jobs(1);
	run_a_batch();
	stage.pool->job_share.due_us = stage.now_us + 10 * stage_settings.queue_wait_us;
	send_commands(1);
	for (unsigned i = 1; i < 3; i++)
		stage_send(&commands[i], CALL_COMMAND, stage_statement(10 + i), "7");
	send_jobs_again(1);
	for (unsigned i = 0; i < 9; i++)
		stage_pass(stage_settings.queue_wait_us);
	assert_int_equal(story.claim.told, 0);
	stage_pass(stage_settings.queue_wait_us);
	assert_jobs_left(true);
	end_batch();
	stage_answer(COMMANDS);
	for (unsigned i = 0; i < 3; i++)
		stage_call_fini(&commands[i]);
}

/* --- on their conns -------------------------------------------------------------------------- */

static void assert_refused(void)
{
	init_jobs(1);
	assert_false(pool_submit(stage.pool, &story.claim.call));
	end_jobs();
}

static void test_a_pool_without_conns_for_jobs_takes_none(void **state)
{
	open_jobs(0);
	assert_refused();
}

static void test_a_replica_takes_none(void **state)
{
	struct pool_settings settings = stage_settings;

	settings.jobs_max = 2;
	stage_open_with(NODE_REPLICA, &settings);
	assert_refused();
}

static void test_a_pool_takes_as_many_as_it_has_conns(void **state)
{
	struct jobs_story first;

	open_jobs(1);
	send_jobs(1);
	first = story;
	assert_refused();
	story = first;
	end_jobs();
	pool_abandon(stage.pool, "the story is over");
}

static void test_conns_for_jobs_are_opened_when_they_come_and_closed_when_they_rest(void **state)
{
	open_jobs(1);
	assert_int_equal(fake_dialed(), 2);
	assert_true(pool_opened(stage.pool));
	run_a_batch();
	assert_int_equal(fake_dialed(), 3);
	assert_true(fake_is_open(JOBS));
	stage_pass(CONN_IDLE_US_MAX + 1);
	assert_false(fake_is_open(JOBS));
	assert_true(fake_is_open(COMMANDS));
}

static void test_a_claim_that_waits_at_a_node_that_is_a_replica_now_is_refused(void **state)
{
	open_jobs(1);
	run_a_batch();
	send_commands(2);
	send_jobs_again(1);
	assert_jobs_left(false);
	pool_set_role(stage.pool, NODE_REPLICA);
	stage_turn();
	assert_int_equal(story.claim.told, 1);
	assert_int_equal(story.claim.call.end, CALL_UNSENT);
	assert_int_equal(story.jobs.count, 0);
	end_jobs();
	pool_abandon(stage.pool, "the story is over");
	for (unsigned i = 0; i < 2; i++)
		stage_call_fini(&commands[i]);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_batch_that_is_out_for_long_keeps_no_other),
		STORY(test_quick_jobs_do_not_wait_for_a_lone_one),
		STORY(test_a_lone_job_waits_for_quick_ones),
		STORY(test_quick_jobs_pass_a_lone_one_that_waits),
		STORY(test_beside_commands_one_batch_leaves_after_the_other),
		cmocka_unit_test(test_beside_few_commands_the_next_batch_is_not_held_back),
		cmocka_unit_test(test_beside_many_commands_the_next_batch_is_held_back_for_a_time),
		cmocka_unit_test(test_a_long_batch_holds_the_next_one_back_for_a_moment),
		STORY(test_the_commands_that_leave_while_a_batch_runs_are_counted),
		STORY(test_while_commands_come_a_batch_is_held_back_as_long_as_that),
		cmocka_unit_test(test_what_was_taken_while_nothing_waited_is_no_debt),
		cmocka_unit_test(test_the_first_one_is_due_at_once),
		cmocka_unit_test(test_one_conn_gets_a_twentieth_of_its_time),
		cmocka_unit_test(test_of_more_conns_each_gets_a_twentieth),
		cmocka_unit_test(test_a_long_one_does_not_keep_the_next_for_minutes),
		cmocka_unit_test(test_a_quiet_time_is_not_made_up_for),
		STORY(test_jobs_leave_at_once_where_no_command_waits),
		STORY(test_jobs_wait_for_the_commands_that_wait),
		STORY(test_jobs_that_are_due_pass_the_commands_that_wait),
		STORY(test_jobs_wait_for_room_at_the_node),
		STORY(test_a_claim_waits_for_longer_than_clients_do),
		STORY(test_a_pool_without_conns_for_jobs_takes_none),
		STORY(test_a_replica_takes_none),
		STORY(test_a_pool_takes_as_many_as_it_has_conns),
		STORY(test_conns_for_jobs_are_opened_when_they_come_and_closed_when_they_rest),
		STORY(test_a_claim_that_waits_at_a_node_that_is_a_replica_now_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
