/* SPDX-License-Identifier: Apache-2.0 */
/* What comes back for queries: rows, bounds, errors that are one call's own, and lost conns. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/wire/answer.h"

#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "pg/pool_private.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void end_calls(struct stage_call *calls, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		stage_call_fini(&calls[i]);
}

/* Statements 1, 2 and 3 as one batch. */
static void send_three(struct stage_call *calls)
{
	for (unsigned i = 0; i < 3; i++)
		stage_query(&calls[i], stage_statement(i + 1), "0");
	stage_turn();
	(void)fake_sent(0);
}

static void test_rows_are_objects_with_commas_between(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 3, .cell = "5" });
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_int_equal(call.call.rows, 3);
	assert_int_equal(call.call.affected, 3);
	assert_string_equal(stage_out(&call), "{\"x\":5},{\"x\":5},{\"x\":5}");
	stage_call_fini(&call);
}

static void test_a_cell_that_is_null_is_null(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 1 });
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	stage_answer(0);
	assert_string_equal(stage_out(&call), "{\"x\":null}");
	stage_call_fini(&call);
}

static void test_on_done_waits_for_the_sync(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	fake_answer_some(0, 5); /* all but the Sync */
	stage_turn();
	assert_int_equal(call.told, 0);
	stage_answer(0);
	assert_int_equal(call.told, 1);
	stage_call_fini(&call);
}

static void check_bounds(bool in_recovery, uint64_t received, uint64_t upper)
{
	struct stage_call call;

	fake_server.in_recovery = in_recovery;
	fake_server.lsn = 0x2000;
	fake_server.received = received;
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	fake_answer_some(0, 2);
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	assert_int_equal(call.call.in_recovery, in_recovery);
	assert_int_equal(call.call.lower, 0x2000);
	assert_int_equal(call.call.upper, upper);
	stage_call_fini(&call);
}

static void test_what_a_query_saw_lies_between_the_probes(void **state)
{
	stage_open(NODE_REPLICA, 1);
	check_bounds(false, 0, 0x2000);      /* a primary: its flush position */
	check_bounds(false, 0x3000, 0x2000); /* it was a standby once */
	check_bounds(true, 0x2000, 0x2000);  /* all that was received is replayed */
	check_bounds(true, 0x2001, 0x2001);  /* the next record may be visible early */
	check_bounds(true, 0, 0x2001);       /* from an archive: nothing is known of what is next */
}

/* Answers the batch and, where it is asked for, what proves that the standby stands. */
static uint64_t upper_where_nobody_sends(uint64_t received, bool stands, const char *sent)
{
	struct stage_call call;
	uint64_t upper;

	fake_server.in_recovery = fake_server.unsent = true;
	fake_server.lsn = 0x2000;
	fake_server.received = received;
	fake_server.stands = stands;
	stage_query(&call, stage_statement(1), "7");
	stage_turn();
	fake_sent(0);
	stage_answer(0);
	assert_string_equal(fake_sent(0), sent);
	if (*sent) {
		assert_int_equal(call.told, 0);
		stage_answer(0);
	}
	assert_int_equal(call.told, 1);
	assert_int_equal(call.call.end, CALL_OK);
	upper = call.call.upper;
	stage_call_fini(&call);
	return upper;
}

/* After a restart without a primary what was received is NULL, or where the segment begins; or half
 * a record has come before the primary went. */
static void test_a_standby_that_nobody_sends_wal_is_bounded_by_what_it_has(void **state)
{
	stage_open(NODE_REPLICA, 1);
	assert_int_equal(upper_where_nobody_sends(0, true, "prepare:stands stands sync"), 0x2000);
	assert_int_equal(upper_where_nobody_sends(0x1000, true, "stands sync"), 0x2000);
	assert_int_equal(upper_where_nobody_sends(0x2010, true, "stands sync"), 0x2000);
	assert_int_equal(upper_where_nobody_sends(0x2000, true, ""), 0x2000);
}

/* Where redo is not seen to wait, or may not be seen, one more record may be visible. */
static void test_a_standby_that_may_be_amid_a_record_is_bounded_by_a_byte_more(void **state)
{
	stage_open(NODE_REPLICA, 1);
	assert_int_equal(upper_where_nobody_sends(0, false, "prepare:stands stands sync"), 0x2001);
	assert_int_equal(upper_where_nobody_sends(0x1000, false, "stands sync"), 0x2001);
}

/* While WAL comes the byte more is there in a moment, and nothing more is asked. */
static void test_a_standby_that_is_sent_wal_is_asked_nothing_more(void **state)
{
	struct stage_call call;

	stage_open(NODE_REPLICA, 1);
	fake_server.in_recovery = fake_server.stands = true;
	fake_server.lsn = 0x2000;
	fake_server.received = 0x2010;
	for (fake_server.timeline = 0; fake_server.timeline < 2; fake_server.timeline++) {
		stage_query(&call, stage_statement(1), "7");
		stage_turn();
		stage_answer(0);
		assert_int_equal(call.told, 1);
		assert_int_equal(call.call.upper, 0x2001);
		stage_call_fini(&call);
	}
}

/* What a standby follows when the queries have run, not when they began. */
static void test_a_standby_tells_its_timeline_behind_the_queries(void **state)
{
	struct stage_call call;

	fake_server.in_recovery = true;
	stage_open(NODE_REPLICA, 1);
	for (uint32_t timeline = 0; timeline < 3; timeline++) {
		fake_server.timeline = timeline;
		stage_query(&call, stage_statement(1), "7");
		stage_turn();
		stage_answer(0);
		assert_int_equal(call.call.end, CALL_OK);
		assert_int_equal(call.call.timeline, timeline);
		stage_call_fini(&call);
	}
}

/* At the end of a timeline it waits, and which server it asks next is not known. */
static void test_a_standby_tells_whether_it_streams(void **state)
{
	struct stage_call call;

	fake_server.in_recovery = true;
	fake_server.timeline = 3;
	stage_open(NODE_REPLICA, 1);
	for (unsigned waits = 0; waits < 2; waits++) {
		fake_server.waits = waits;
		stage_query(&call, stage_statement(1), "7");
		stage_turn();
		stage_answer(0);
		assert_int_equal(call.call.timeline, 3);
		assert_int_equal(call.call.streamed, waits ? 0 : 3);
		stage_call_fini(&call);
	}
}

static void test_a_failing_call_ends_the_batch_for_itself_only(void **state)
{
	struct stage_call calls[3];

	fake_answer_with((struct fake_answer){ .text = "SELECT 2.",
					       .what = FAKE_ERROR,
					       .sqlstate = "22012",
					       .message = "division by zero" });
	stage_open(NODE_REPLICA, 1);
	send_three(calls);
	stage_answer(0);
	/* Nobody is told before the one that was complete has its upper bound. */
	assert_int_equal(calls[0].told + calls[1].told + calls[2].told, 0);
	assert_string_equal(fake_sent(0), "prepare:stands stands sync");
	fake_server.lsn = 0x1800;
	stage_answer(0);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[0].call.lower, 0x1000);
	assert_int_equal(calls[0].call.upper, 0x1800);
	assert_int_equal(calls[1].told, 1);
	assert_int_equal(calls[1].call.end, CALL_ERROR);
	assert_string_equal(calls[1].call.error.sqlstate, "22012");
	assert_string_equal(calls[1].call.error.message, "division by zero");
	assert_int_equal(calls[2].told, 0);
	/* Aborted with it: s3 was not prepared either. */
	assert_string_equal(fake_sent(0), "probe prepare:s3 s3(0) prepare:bound bound sync");
	stage_answer(0);
	assert_int_equal(calls[2].call.end, CALL_OK);
	assert_int_equal(calls[2].told, 1);
	end_calls(calls, 3);
}

static void test_those_placed_again_keep_their_order_before_later_ones(void **state)
{
	struct stage_call calls[3], later;

	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .what = FAKE_ERROR, .sqlstate = "22012" });
	stage_open(NODE_REPLICA, 1);
	send_three(calls);
	stage_query(&later, stage_statement(4), "0");
	stage_answer(0);
	assert_string_equal(fake_sent(0), "probe prepare:s2 s2(0) prepare:s3 s3(0) "
					  "prepare:s4 s4(0) prepare:bound bound sync");
	stage_answer(0);
	assert_int_equal(later.told, 1);
	end_calls(calls, 3);
	stage_call_fini(&later);
}

static void test_a_call_aborted_too_often_travels_alone(void **state)
{
	static struct stage_call bad[CALL_PLACEMENTS_MAX + 1];
	struct stage_call good;

	fake_answer_with((struct fake_answer){
		.text = "SELECT 1.", .what = FAKE_ERROR, .sqlstate = "22012" });
	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < CALL_PLACEMENTS_MAX + 1; i++)
		stage_query(&bad[i], stage_statement(1), "0");
	stage_query(&good, stage_statement(2), "0");
	stage_turn();
	for (unsigned i = 0; i < CALL_PLACEMENTS_MAX; i++)
		stage_answer(0);
	(void)fake_sent(0);
	assert_int_equal(bad[CALL_PLACEMENTS_MAX - 1].told, 1);
	assert_int_equal(bad[CALL_PLACEMENTS_MAX].told, 0);
	stage_answer(0);
	assert_int_equal(bad[CALL_PLACEMENTS_MAX].told, 1);
	assert_string_equal(fake_sent(0), "probe prepare:s2 s2(0) prepare:bound bound sync");
	stage_answer(0);
	assert_int_equal(good.call.end, CALL_OK);
	end_calls(bad, CALL_PLACEMENTS_MAX + 1);
	stage_call_fini(&good);
}

static void test_an_error_names_parameter_and_place(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.",
					       .what = FAKE_ERROR,
					       .sqlstate = "22P02",
					       .context = "JSON data, line 1: $9\n"
							  "paramètre de portail non nommé $1",
					       .position = "8",
					       .constraint = "c" });
	stage_open(NODE_REPLICA, 1);
	stage_query(&call, stage_statement(1), "x");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.error.param, 1);
	assert_int_equal(call.call.error.char_position, 8);
	assert_string_equal(call.call.error.constraint, "c");
	assert_int_equal(call.out.len, 0);
	stage_call_fini(&call);
}

static void check_too_large(uint64_t rows_max, size_t bytes_max)
{
	struct stage_call call, mate;

	stage_call_init(&call, CALL_QUERY, stage_statement(1), "7");
	buf_string(&call.out, "before");
	call.call.rows_max = rows_max;
	call.call.bytes_max = bytes_max;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_query(&mate, stage_statement(2), "7");
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_TOO_LARGE);
	assert_string_equal(stage_out(&call), "before");
	assert_int_equal(mate.call.end, CALL_OK);
	stage_call_fini(&call);
	stage_call_fini(&mate);
}

static void test_more_rows_or_bytes_than_allowed_are_not_kept(void **state)
{
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 5, .cell = "5" });
	stage_open(NODE_REPLICA, 1);
	check_too_large(4, 0);
	check_too_large(0, 30);
}

static void test_as_many_rows_as_allowed_are_fine(void **state)
{
	struct stage_call call;

	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 5, .cell = "5" });
	stage_open(NODE_REPLICA, 1);
	stage_call_init(&call, CALL_QUERY, stage_statement(1), "7");
	call.call.rows_max = 5;
	assert_true(pool_submit(stage.pool, &call.call));
	stage_turn();
	stage_answer(0);
	assert_int_equal(call.call.end, CALL_OK);
	stage_call_fini(&call);
}

static void test_a_huge_result_costs_the_conn_but_not_its_mates(void **state)
{
	struct stage_call calls[3];

	fake_answer_with(
		(struct fake_answer){ .text = "SELECT 2.", .rows = 12, .cell_bytes = 1 << 20 });
	stage_open(NODE_REPLICA, 1);
	for (unsigned i = 0; i < 3; i++) {
		stage_call_init(&calls[i], CALL_QUERY, stage_statement(i + 1), "0");
		calls[i].call.rows_max = 2;
		assert_true(pool_submit(stage.pool, &calls[i].call));
	}
	stage_turn();
	stage_answer(0);
	assert_false(fake_is_open(0));
	assert_int_equal(calls[1].call.end, CALL_TOO_LARGE);
	assert_int_equal(calls[0].told + calls[2].told, 0);
	stage_pass(US_PER_MS * 75);
	stage_connect();
	stage_answer(1);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[0].call.rows, 1);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls(calls, 3);
}

static void test_a_copy_costs_the_conn_but_not_its_mates(void **state)
{
	struct stage_call calls[3];

	fake_answer_with((struct fake_answer){ .text = "SELECT 2.", .what = FAKE_COPY_OUT });
	stage_open(NODE_REPLICA, 1);
	send_three(calls);
	stage_answer(0);
	assert_false(fake_is_open(0));
	assert_int_equal(calls[1].call.end, CALL_ERROR);
	assert_string_equal(calls[1].call.error.sqlstate, "0A000");
	stage_pass(US_PER_MS * 75);
	stage_connect();
	stage_answer(1);
	assert_int_equal(calls[0].call.end, CALL_OK);
	assert_int_equal(calls[2].call.end, CALL_OK);
	end_calls(calls, 3);
}

static void test_a_lost_conn_loses_what_had_left_but_not_what_waits(void **state)
{
	struct stage_call out, waiting;

	stage_open(NODE_REPLICA, 1);
	stage_query(&out, stage_statement(1), "7");
	stage_turn();
	stage_query(&waiting, stage_statement(1), "8");
	fake_answer_some(0, 4); /* its rows, but no upper bound */
	fake_lose(0);
	stage_turn();
	assert_int_equal(out.call.end, CALL_LOST);
	assert_non_null(out.call.lost_reason);
	assert_string_equal(stage_out(&out), "");
	assert_int_equal(waiting.told, 0);
	assert_string_equal(pool_last_error(stage.pool),
			    "server closed the connection unexpectedly");
	stage_pass(75 * US_PER_MS);
	stage_connect();
	stage_turn();
	stage_answer(1);
	assert_int_equal(waiting.call.end, CALL_OK);
	stage_call_fini(&out);
	stage_call_fini(&waiting);
}

static void test_an_error_stays_an_error_when_the_conn_is_lost_behind_it(void **state)
{
	struct stage_call calls[3];

	fake_answer_with((struct fake_answer){ .text = "SELECT 2.",
					       .what = FAKE_ERROR,
					       .sqlstate = "57P01",
					       .severity = "FATAL" });
	stage_open(NODE_REPLICA, 1);
	send_three(calls);
	fake_answer_some(0, 6);
	fake_lose(0);
	stage_turn();
	assert_int_equal(calls[0].call.end, CALL_LOST);
	assert_int_equal(calls[1].call.end, CALL_ERROR);
	assert_string_equal(calls[1].call.error.sqlstate, "57P01");
	assert_int_equal(calls[2].call.end, CALL_LOST);
	end_calls(calls, 3);
}

#define STORY(test) cmocka_unit_test_setup_teardown(test, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(test_rows_are_objects_with_commas_between),
		STORY(test_a_cell_that_is_null_is_null),
		STORY(test_on_done_waits_for_the_sync),
		STORY(test_what_a_query_saw_lies_between_the_probes),
		STORY(test_a_standby_that_nobody_sends_wal_is_bounded_by_what_it_has),
		STORY(test_a_standby_that_may_be_amid_a_record_is_bounded_by_a_byte_more),
		STORY(test_a_standby_that_is_sent_wal_is_asked_nothing_more),
		STORY(test_a_standby_tells_its_timeline_behind_the_queries),
		STORY(test_a_standby_tells_whether_it_streams),
		STORY(test_a_failing_call_ends_the_batch_for_itself_only),
		STORY(test_those_placed_again_keep_their_order_before_later_ones),
		STORY(test_a_call_aborted_too_often_travels_alone),
		STORY(test_an_error_names_parameter_and_place),
		STORY(test_more_rows_or_bytes_than_allowed_are_not_kept),
		STORY(test_as_many_rows_as_allowed_are_fine),
		STORY(test_a_huge_result_costs_the_conn_but_not_its_mates),
		STORY(test_a_copy_costs_the_conn_but_not_its_mates),
		STORY(test_a_lost_conn_loses_what_had_left_but_not_what_waits),
		STORY(test_an_error_stays_an_error_when_the_conn_is_lost_behind_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
