/* SPDX-License-Identifier: Apache-2.0 */
/* Streams: how they travel, that they wait for their reader, and whose conns they take. */
/* links: fake_libpq.c fake_libpq_result.c fake_libpq_server.c pg_stage.c */
#include "pg/wire/plan_stream.h"

#include "base/clock.h"
#include "base/limits.h"
#include "fake_libpq.h"
#include "pg_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 1000
#define ROW_BYTES (1000 + sizeof("{\"x\":\"\"}"))
#define STREAM_CONN 1 /* the second that is dialed */

/* A stream as its maker sees it. */
static struct {
	struct stage_call maker;
	unsigned told;
	uint64_t bytes; /* taken in all */
	size_t most;    /* that lay in out */
	bool forgets;   /* when it is told first */
	uint64_t lower, upper;
} story;

static void on_rows(struct call *call)
{
	story.told++;
	story.lower = call->lower;
	story.upper = call->upper;
	if (call->out->len > story.most)
		story.most = call->out->len;
	if (story.forgets)
		pool_forget(stage.pool, call);
}

/* A pool of one conn and one for streams; statement 1 has many rows. */
static void open_stage(void)
{
	struct pool_settings settings = stage_settings;

	memset(&story, 0, sizeof(story));
	settings.conns_max = 1;
	settings.streams_max = 1;
	fake_server.in_recovery = true;
	fake_server.lsn = 1000;
	fake_server.received = 1000;
	stage_open_with(NODE_REPLICA, &settings);
}

static void send_stream(void)
{
	stage_call_init(&story.maker, CALL_QUERY, stage_statement(1), "7");
	story.maker.call.on_rows = on_rows;
	story.maker.call.timeout_us = 600 * US_PER_S;
	assert_true(pool_submit(stage.pool, &story.maker.call));
	stage_turn();
	stage_connect();
	stage_turn();
}

static void answer_with_rows(unsigned rows)
{
	fake_answer_with(
		(struct fake_answer){ .text = "SELECT 1.", .rows = rows, .cell_bytes = 1000 });
}

static void take(void)
{
	struct call *call = &story.maker.call;

	story.bytes += call->out->len;
	buf_clear(call->out);
	pool_go_on(stage.pool, call);
	stage_turn();
}

static void test_a_stream_is_bounded_before_its_first_row(void **state)
{
	open_stage();
	send_stream();
	assert_string_equal(fake_sent(STREAM_CONN),
			    "prepare:probe probe sync "
			    "[BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY] "
			    "prepare:stands stands prepare:notice notice(250) "
			    "prepare:s1 prepare:timeout timeout(600000) s1(7) [COMMIT] sync");
	stage_answer(STREAM_CONN);
	assert_int_equal(story.maker.call.end, CALL_OK);
	stage_call_fini(&story.maker);
}

static void test_an_old_server_is_not_asked_to_notice_a_lost_conn(void **state)
{
	open_stage();
	fake_server.version = 130000;
	send_stream();
	assert_null(strstr(fake_sent(STREAM_CONN), "notice"));
	stage_answer(STREAM_CONN);
	stage_call_fini(&story.maker);
}

static void test_a_small_result_is_told_only_when_it_is_whole(void **state)
{
	answer_with_rows(3);
	open_stage();
	send_stream();
	stage_answer(STREAM_CONN);
	assert_int_equal(story.told, 0);
	assert_int_equal(story.maker.told, 1);
	assert_int_equal(story.maker.call.rows, 3);
	stage_call_fini(&story.maker);
}

static void test_a_stream_is_read_no_further_than_its_reader_takes(void **state)
{
	unsigned rounds = 0;

	answer_with_rows(ROWS);
	open_stage();
	send_stream();
	fake_answer_all(STREAM_CONN);
	for (unsigned i = 0; i < 20; i++)
		stage_turn();
	assert_int_equal(story.told, 1);
	assert_int_equal(story.lower, 1000);
	assert_int_equal(story.upper, 1000);
	assert_int_equal(story.maker.told, 0);
	/* However long it takes: it is its reader's time. */
	stage_pass(3600 * US_PER_S);
	while (!story.maker.told && rounds++ < ROWS)
		take();
	assert_int_equal(story.maker.call.end, CALL_OK);
	story.bytes += story.maker.out.len;
	assert_int_equal(story.bytes, ROWS * ROW_BYTES - 1);
	assert_true(story.most < STREAM_BUFFER_BYTES + ROW_BYTES);
	assert_true(rounds > 10);
	stage_call_fini(&story.maker);
}

static void test_a_stream_that_nobody_wants_ends_with_its_conn(void **state)
{
	answer_with_rows(ROWS);
	open_stage();
	send_stream();
	story.forgets = true;
	stage_answer(STREAM_CONN);
	assert_int_equal(story.told, 1);
	assert_int_equal(story.maker.told, 0);
	assert_false(fake_is_open(STREAM_CONN));
	assert_true(fake_is_open(0));
	stage_call_fini(&story.maker);
}

static void test_a_stream_whose_conn_is_lost_is_not_begun_again(void **state)
{
	answer_with_rows(ROWS);
	open_stage();
	send_stream();
	stage_answer(STREAM_CONN);
	assert_int_equal(story.told, 1);
	pool_abandon(stage.pool, "the node does not answer");
	assert_int_equal(story.maker.told, 1);
	assert_int_equal(story.maker.call.end, CALL_LOST);
	stage_call_fini(&story.maker);
}

static void test_a_stream_over_its_limit_of_bytes_is_too_large(void **state)
{
	unsigned rounds = 0;

	answer_with_rows(ROWS);
	open_stage();
	stage_call_init(&story.maker, CALL_QUERY, stage_statement(1), "7");
	story.maker.call.on_rows = on_rows;
	story.maker.call.bytes_max = 500000;
	assert_true(pool_submit(stage.pool, &story.maker.call));
	stage_turn();
	stage_connect();
	stage_answer(STREAM_CONN);
	while (!story.maker.told && rounds++ < ROWS)
		take();
	assert_int_equal(story.maker.call.end, CALL_TOO_LARGE);
	stage_call_fini(&story.maker);
}

static void test_streams_take_none_of_the_other_conns(void **state)
{
	struct stage_call second, quick;

	answer_with_rows(ROWS);
	open_stage();
	send_stream();
	stage_answer(STREAM_CONN);
	stage_call_init(&second, CALL_QUERY, stage_statement(1), "7");
	second.call.on_rows = on_rows;
	assert_false(pool_submit(stage.pool, &second.call));
	stage_query(&quick, stage_statement(2), "1");
	stage_turn();
	stage_answer(0);
	assert_int_equal(quick.call.end, CALL_OK);
	assert_int_equal(quick.told, 1);
	pool_forget(stage.pool, &story.maker.call);
	assert_true(pool_submit(stage.pool, &second.call));
	pool_forget(stage.pool, &second.call);
	stage_call_fini(&story.maker);
	stage_call_fini(&second);
	stage_call_fini(&quick);
}

static void test_conns_for_streams_are_opened_for_them_and_closed_when_none_comes(void **state)
{
	open_stage();
	assert_int_equal(fake_dialed(), 1);
	send_stream();
	assert_int_equal(fake_dialed(), 2);
	stage_answer(STREAM_CONN);
	stage_pass(CONN_IDLE_US_MAX - 1);
	assert_true(fake_is_open(STREAM_CONN));
	stage_pass(1);
	stage_turn();
	assert_false(fake_is_open(STREAM_CONN));
	assert_int_equal(fake_dialed(), 2);
	stage_call_fini(&story.maker);
}

static void test_what_could_not_be_bounded_is_asked_again(void **state)
{
	open_stage();
	send_stream();
	stage_answer(STREAM_CONN);
	stage_call_fini(&story.maker);
	memset(&story, 0, sizeof(story));
	answer_with_rows(ROWS);
	fake_unprepare(STREAM_CONN, "probe");
	send_stream();
	(void)fake_sent(STREAM_CONN);
	stage_answer(STREAM_CONN);
	/* The first look failed alone; the rows that came then were not told. */
	assert_int_equal(story.told, 0);
	assert_int_equal(story.maker.told, 0);
	assert_int_equal(story.maker.call.rows, 0);
	pool_forget(stage.pool, &story.maker.call);
	stage_call_fini(&story.maker);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_clear, stage_close)
		TEST(test_a_stream_is_bounded_before_its_first_row),
		TEST(test_an_old_server_is_not_asked_to_notice_a_lost_conn),
		TEST(test_a_small_result_is_told_only_when_it_is_whole),
		TEST(test_a_stream_is_read_no_further_than_its_reader_takes),
		TEST(test_a_stream_that_nobody_wants_ends_with_its_conn),
		TEST(test_a_stream_whose_conn_is_lost_is_not_begun_again),
		TEST(test_a_stream_over_its_limit_of_bytes_is_too_large),
		TEST(test_streams_take_none_of_the_other_conns),
		TEST(test_conns_for_streams_are_opened_for_them_and_closed_when_none_comes),
		TEST(test_what_could_not_be_bounded_is_asked_again),
#undef TEST
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
