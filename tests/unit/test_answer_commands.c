/* SPDX-License-Identifier: Apache-2.0 */
/* What comes back for commands: what is certain, what is not, and the position. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "base/clock.h"
#include "fake_libpq.h"
#include "pg/wire/answer.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Of a primary's two conns, the one for commands. */
#define CONN 1

/* Messages of a first command up to what is named: prepare, run, prepare, xid, Sync, … */
enum { UP_TO_RUN = 2, UP_TO_XID = 4, UP_TO_SYNC = 5, UP_TO_POSITION = 7 };

static struct stage_call call;

static void send_command(enum isolation isolation)
{
	stage_open(NODE_PRIMARY, 2);
	stage_call_init(&call, CALL_COMMAND, stage_statement(1), "7");
	call.call.isolation = isolation;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	(void)fake_sent(CONN);
}

static void test_a_command_has_its_rows_and_a_position_on_a_timeline(void **state)
{
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.end, CALL_OK);
	assert_string_equal(stage_out(&call), "{\"x\":1}");
	assert_true(call.call.effect == EFFECT_WROTE);
	assert_int_equal(call.call.position.timeline, 7);
	assert_int_equal(call.call.position.lsn, 0x1000);
	stage_call_fini(&call);
}

static void test_a_command_that_changed_nothing_says_so(void **state)
{
	fake_server.wrote = false;
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	assert_false(call.call.effect == EFFECT_WROTE);
	stage_call_fini(&call);
}

static void check_asynchronous(uint64_t insert, uint64_t position)
{
	fake_server.insert = insert;
	stage_send(&call, CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	stage_answer(CONN);
	assert_int_equal(call.call.position.lsn, position);
	stage_call_fini(&call);
}

static void test_without_synchronous_commit_the_insert_position_counts(void **state)
{
	fake_server.asynchronous = true;
	stage_open(NODE_PRIMARY, 2);
	check_asynchronous(0x5010, 0x5010);
	check_asynchronous(0x6018, 0x6000);       /* behind the header of a page */
	check_asynchronous(0x3000028, 0x3000000); /* behind the header of a segment */
	check_asynchronous(0x6028, 0x6028);
}

static void test_a_command_that_fails_is_an_error_and_the_next_one_runs(void **state)
{
	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .what = FAKE_ERROR, .times = 2, .sqlstate = "23505" });
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "23505");
	stage_call_fini(&call);
	stage_send(&call, CALL_COMMAND, stage_statement(1), "7");
	stage_turn();
	assert_string_equal(fake_sent(CONN), "s1(7) prepare:xid xid sync position sync");
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_a_command_refused_by_a_standby_knows_that_it_was_one(void **state)
{
	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .what = FAKE_ERROR, .sqlstate = "25006" });
	fake_server.in_recovery = true;
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_true(call.call.in_recovery);
	stage_call_fini(&call);
}

static void test_a_deferred_constraint_fails_the_command_at_its_sync(void **state)
{
	fake_server.sync_error = "23503";
	send_command(ISOLATION_READ_COMMITTED);
	fake_answer_some(CONN, UP_TO_XID);
	stage_turn();
	assert_int_equal(call.told, 0);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "23503");
	assert_string_equal(stage_out(&call), "");
	stage_call_fini(&call);
}

static void check_lost_after(unsigned messages, enum call_end end)
{
	send_command(ISOLATION_READ_COMMITTED);
	fake_answer_some(CONN, messages);
	fake_lose(CONN);
	stage_turn();
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.end, end);
	stage_call_fini(&call);
}

static void test_a_conn_lost_before_the_run_was_answered_leaves_the_outcome_unknown(void **state)
{
	check_lost_after(0, CALL_LOST);
}

static void test_a_conn_lost_before_the_commit_was_answered_leaves_it_unknown(void **state)
{
	check_lost_after(UP_TO_XID, CALL_LOST);
}

static void test_a_conn_lost_before_the_position_leaves_it_unknown(void **state)
{
	check_lost_after(UP_TO_SYNC, CALL_LOST);
}

static void test_a_conn_lost_before_the_last_sync_leaves_it_unknown(void **state)
{
	check_lost_after(UP_TO_POSITION, CALL_LOST);
}

static void test_a_conn_lost_behind_an_error_leaves_it_certain(void **state)
{
	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .what = FAKE_ERROR, .sqlstate = "40001" });
	check_lost_after(UP_TO_RUN, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "40001");
}

static void test_a_server_that_ends_the_conn_during_the_commit_leaves_it_unknown(void **state)
{
	fake_server.sync_error = "57P01";
	fake_server.sync_severity = "FATAL";
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_LOST);
	assert_false(fake_is_open(CONN));
	stage_call_fini(&call);
}

static void test_a_position_that_cannot_be_read_leaves_it_unknown(void **state)
{
	fake_answer_with((struct fake_answer){
		.text = "SELECT pg_current_wal_flush", .what = FAKE_ERROR, .sqlstate = "55000" });
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_LOST);
	assert_false(fake_is_open(CONN)); /* nor is it known whether temporary tables are left */
	stage_call_fini(&call);
}

static void test_a_position_that_cannot_be_read_is_an_error_where_nothing_was_written(void **state)
{
	fake_answer_with((struct fake_answer){
		.text = "SELECT pg_current_wal_flush", .what = FAKE_ERROR, .sqlstate = "55000" });
	fake_server.wrote = false;
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_ERROR);
	stage_call_fini(&call);
}

static void test_after_an_error_its_own_transaction_is_rolled_back_first(void **state)
{
	struct stage_call next;

	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .what = FAKE_ERROR, .sqlstate = "40001" });
	send_command(ISOLATION_SERIALIZABLE);
	stage_send(&next, CALL_COMMAND, stage_statement(2), "7");
	stage_answer(CONN);
	assert_string_equal(fake_sent(CONN), "[ROLLBACK] [SELECT pg_advisory_unlock_all()] sync");
	assert_int_equal(call.told, 0);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_string_equal(fake_sent(CONN), "prepare:s2 s2(7) prepare:xid xid sync "
					     "prepare:position position sync");
	stage_answer(CONN);
	assert_int_equal(next.call.end, CALL_OK);
	stage_call_fini(&call);
	stage_call_fini(&next);
}

static void test_a_commit_that_fails_is_an_error(void **state)
{
	fake_answer_with(
		(struct fake_answer){ .text = "COMMIT", .what = FAKE_ERROR, .sqlstate = "40001" });
	send_command(ISOLATION_SERIALIZABLE);
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "40001");
	stage_call_fini(&call);
}

static void test_a_command_whose_rows_are_too_many_has_committed_nevertheless(void **state)
{
	fake_answer_with(
		(struct fake_answer){ .text = "SELECT 1.", .rows = 12, .cell_bytes = 1 << 20 });
	stage_open(NODE_PRIMARY, 2);
	stage_call_init(&call, CALL_COMMAND, stage_statement(1), "7");
	call.call.rows_max = 1;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_TOO_LARGE);
	assert_int_equal(call.call.position.lsn, 0x1000);
	assert_true(fake_is_open(CONN));
	stage_call_fini(&call);
}

static void test_a_statement_that_vanished_is_prepared_again_for_a_command(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 0 });
	send_command(ISOLATION_READ_COMMITTED);
	stage_answer(CONN);
	stage_call_fini(&call);
	fake_unprepare(CONN, "s1");
	stage_send(&call, CALL_COMMAND, stage_statement(1), "8");
	stage_turn();
	stage_answer(CONN);
	assert_int_equal(call.told, 0);
	assert_string_equal(fake_sent(CONN), "s1(8) xid sync position sync "
					     "prepare:s1 s1(8) xid sync position sync");
	stage_answer(CONN);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_data_asked_from_the_client_never_commits(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .what = FAKE_COPY_IN });
	check_lost_after(UP_TO_RUN, CALL_ERROR);
	assert_string_equal(call.call.error.sqlstate, "0A000");
}

static void test_data_copied_to_the_client_may_have_committed(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .what = FAKE_COPY_OUT });
	check_lost_after(UP_TO_RUN, CALL_LOST);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_a_command_has_its_rows_and_a_position_on_a_timeline),
		STORY(test_a_command_that_changed_nothing_says_so),
		STORY(test_without_synchronous_commit_the_insert_position_counts),
		STORY(test_a_command_that_fails_is_an_error_and_the_next_one_runs),
		STORY(test_a_command_refused_by_a_standby_knows_that_it_was_one),
		STORY(test_a_deferred_constraint_fails_the_command_at_its_sync),
		STORY(test_a_conn_lost_before_the_run_was_answered_leaves_the_outcome_unknown),
		STORY(test_a_conn_lost_before_the_commit_was_answered_leaves_it_unknown),
		STORY(test_a_conn_lost_before_the_position_leaves_it_unknown),
		STORY(test_a_conn_lost_before_the_last_sync_leaves_it_unknown),
		STORY(test_a_conn_lost_behind_an_error_leaves_it_certain),
		STORY(test_a_server_that_ends_the_conn_during_the_commit_leaves_it_unknown),
		STORY(test_a_position_that_cannot_be_read_leaves_it_unknown),
		STORY(test_a_position_that_cannot_be_read_is_an_error_where_nothing_was_written),
		STORY(test_after_an_error_its_own_transaction_is_rolled_back_first),
		STORY(test_a_commit_that_fails_is_an_error),
		STORY(test_a_command_whose_rows_are_too_many_has_committed_nevertheless),
		STORY(test_a_statement_that_vanished_is_prepared_again_for_a_command),
		STORY(test_data_asked_from_the_client_never_commits),
		STORY(test_data_copied_to_the_client_may_have_committed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
