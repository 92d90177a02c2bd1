/* SPDX-License-Identifier: Apache-2.0 */
/* links: lookup_story.c pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* Calls of a @lookup that wait together are one execution, and each has what it had alone. */
#include "pg/wire/lookup.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "lookup_story.h"
#include "pg/pool_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The three are sent one by one now, in the order in which they came, and answered. */
static void check_that_each_goes_alone(void)
{
	assert_untold(3);
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.", .rows = 1, .cell = "9" });
	assert_string_equal(fake_sent(0), "probe " FIVE " " THREE " " SEVEN " bound sync");
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++)
		assert_rows(&calls[i], "{\"x\":9}");
	assert_int_equal(pool_load(stage.pool), 0);
	end(3);
}

static void keys_that_wait_together_are_one_execution(void **state)
{
	(void)state;
	fake_server.in_recovery = true;
	fake_server.lsn = 0x2000;
	begin_out(3, "7,3,5");

	stage_answer(0);

	assert_rows(&calls[0], "{\"x\":5}");
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":7}");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(calls[i].call.lower, 0x2000);
		assert_int_equal(calls[i].call.upper, calls[0].call.upper);
		assert_true(calls[i].call.in_recovery);
		assert_int_equal(calls[i].call.sent_us, stage.now_us);
	}
	assert_int_equal(pool_load(stage.pool), 0);
	end(3);
}

static void rows_of_a_key_keep_their_order(void **state)
{
	(void)state;
	begin_out(5, "7,3,7,5,7");

	stage_answer(0);

	assert_rows(&calls[0], "{\"x\":5}");
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":7},{\"x\":7},{\"x\":7}");
	assert_int_equal(calls[2].call.rows, 3);
	end(3);
}

static void a_key_is_asked_once_for_all_that_want_it(void **state)
{
	(void)state;
	answer_with(ONCE, 3, "3,5,5");
	begin();
	ask(&calls[0], "5");
	ask(&calls[1], "3");
	ask(&calls[2], "5");
	assert_non_null(strstr(first_is_over(), "s1({\"3\",\"5\"})"));

	stage_answer(0);

	assert_rows(&calls[0], "{\"x\":5},{\"x\":5}");
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":5},{\"x\":5}");
	assert_int_equal(calls[2].call.rows, 2);
	end(3);
}

static void callers_of_one_key_are_answered_as_identical_ones(void **state)
{
	(void)state;
	answer_with(0, 2, "9,~");
	begin();
	ask(&calls[0], "5");
	ask(&calls[1], "5");
	assert_non_null(strstr(first_is_over(), FIVE));
	assert_int_equal(calls[0].call.company, COMPANY_WELCOME);
	stage_answer(0);
	assert_rows(&calls[0], "{\"x\":9},{\"x\":null}");
	assert_rows(&calls[1], "{\"x\":9},{\"x\":null}");
	end(2);
}

static void a_key_without_rows_has_none(void **state)
{
	(void)state;
	begin_out(1, "3");

	stage_answer(0);

	assert_rows(&calls[0], "");
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "");
	assert_int_equal(calls[0].call.rows, 0);
	end(3);
}

/* --- alone ------------------------------------------------------------------------------------ */

static void check_alone(const char *key, const char *sent)
{
	answer_with(0, 1, "9");
	begin();
	ask(&calls[0], key);
	ask(&calls[1], "3");
	assert_non_null(strstr(first_is_over(), sent));
	stage_answer(0);
	assert_rows(&calls[0], "{\"x\":9}");
	assert_rows(&calls[1], "{\"x\":9}");
	end(2);
}

static void one_sends_an_array_of_its_key_and_takes_what_comes(void **state)
{
	(void)state;
	answer_with(0, 1, "9");
	begin();
	ask(&calls[0], "5");
	assert_non_null(strstr(first_is_over(), FIVE));
	stage_answer(0);
	assert_rows(&calls[0], "{\"x\":9}");
	end(1);
}

static void null_goes_alone(void **state)
{
	(void)state;
	check_alone(NULL, "s1({NULL}) " THREE);
}

static void a_text_that_is_not_the_one_of_its_number_goes_alone(void **state)
{
	(void)state;
	check_alone("007", "s1({\"007\"}) " THREE);
}

static void what_would_end_an_element_is_quoted(void **state)
{
	(void)state;
	check_alone("a\"b\\c,}", "s1({\"a\\\"b\\\\c,}\"}) " THREE);
}

static void others_with_the_same_odd_text_are_answered_with_it(void **state)
{
	(void)state;
	answer_with(0, 1, "7");
	begin();
	ask(&calls[0], "007");
	ask(&calls[1], "007");
	assert_ptr_equal(calls[1].call.leader, &calls[0].call);
	assert_non_null(strstr(first_is_over(), "prepare:s1 s1({\"007\"}) bound"));
	stage_answer(0);
	assert_rows(&calls[0], "{\"x\":7}");
	assert_rows(&calls[1], "{\"x\":7}");
	end(2);
}

static void where_keys_cannot_be_told_apart_each_goes_alone(void **state)
{
	(void)state;
	answer_with(0, 1, "9");
	begin();
	atomic_load(&lookup_statement()->shape)->key_column = 0;
	for (unsigned i = 0; i < 2; i++) {
		init(&calls[i], i ? "5" : "3");
		atomic_load(&calls[i].call.statement->shape)->key_column = 0;
		submit(&calls[i]);
	}
	assert_non_null(strstr(first_is_over(), THREE " " FIVE));
	stage_answer(0);
	assert_rows(&calls[0], "{\"x\":9}");
	assert_rows(&calls[1], "{\"x\":9}");
	end(2);
}

static void two_users_never_share(void **state)
{
	static const char *const ann[] = { "{}", "ann", "[]" }, *const bob[] = { "{}", "bob",
										 "[]" };
	const char *const *claims[] = { ann, bob, ann };
	static const char *const keys[] = { "3", "5", "7" };
	const char *sent;

	(void)state;
	answer_with(ONCE, 2, "3,7");
	answer_with(1, 1, "5");
	begin();
	for (unsigned i = 0; i < 3; i++) {
		init(&calls[i], keys[i]);
		calls[i].call.claims = claims[i];
		submit(&calls[i]);
	}
	sent = first_is_over();
	assert_non_null(strstr(sent, "claims({},ann,[]) s1({\"3\",\"7\"})"));
	assert_non_null(strstr(sent, "claims({},bob,[]) " FIVE));
	stage_answer(0);
	assert_rows(&calls[0], "{\"x\":3}");
	assert_rows(&calls[1], "{\"x\":5}");
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

/* --- out of the ordinary ---------------------------------------------------------------------- */

static void after_an_error_each_goes_alone(void **state)
{
	(void)state;
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.",
					       .what = FAKE_ERROR,
					       .times = ONCE,
					       .sqlstate = "22012",
					       .message = "division by zero" });
	begin_with_three();
	assert_non_null(strstr(first_is_over(), TOGETHER));
	stage_answer(0);
	check_that_each_goes_alone();
}

static void one_whose_error_it_was_is_told_it_and_no_other(void **state)
{
	const struct fake_answer error = { .text = "SELECT 1.",
					   .what = FAKE_ERROR,
					   .times = ONCE + 1,
					   .sqlstate = "22012",
					   .message = "division by zero" };

	(void)state;
	fake_answer_with(error);
	answer_with(0, 1, "9");
	begin_with_three();
	(void)first_is_over();
	for (unsigned i = 0; i < 3; i++)
		stage_answer(0);
	assert_end(&calls[0], CALL_ERROR);
	assert_string_equal(calls[0].call.error.sqlstate, "22012");
	assert_rows(&calls[1], "{\"x\":9}");
	assert_rows(&calls[2], "{\"x\":9}");
	end(3);
}

static void a_row_of_a_key_that_was_not_asked_for_sends_each_alone(void **state)
{
	(void)state;
	begin_out(3, "3,4,5");
	stage_answer(0);
	check_that_each_goes_alone();
}

static void a_row_without_a_key_sends_each_alone(void **state)
{
	(void)state;
	begin_out(3, "3,~,5");
	stage_answer(0);
	check_that_each_goes_alone();
}

static void a_key_of_another_spelling_sends_each_alone(void **state)
{
	(void)state;
	begin_out(2, "3,05");
	stage_answer(0);
	check_that_each_goes_alone();
}

static void a_key_column_of_another_type_sends_each_alone(void **state)
{
	(void)state;
	fake_server.column_oid = 20;
	begin_out(3, "3,5,7");
	stage_answer(0);
	check_that_each_goes_alone();
}

static void more_bytes_than_a_conn_is_worth_send_each_alone(void **state)
{
	(void)state;
	begin_out(3, "3,5,7");
	/* As if so many had come before. */
	calls[0].call.conn->batch.slots[0].discarded = BATCH_DISCARD_BYTES_MAX / 2;
	stage_answer(0);
	check_that_each_goes_alone();
}

static void a_statement_that_broke_goes_for_single_keys_for_a_while(void **state)
{
	(void)state;
	begin_out(1, "4");
	stage_answer(0);
	answer_with(0, 1, "9");
	stage_answer(0);
	end(3);

	stage_query(&first, stage_statement(2), "0");
	stage_turn();
	(void)fake_sent(0);
	ask(&calls[0], "3");
	ask(&calls[1], "5");
	ask(&calls[2], "5");
	assert_null(calls[1].call.leader);
	assert_ptr_equal(calls[2].call.leader, &calls[1].call);
	assert_string_equal(first_is_over(), "probe " THREE " " FIVE " bound sync");
	stage_answer(0);
	end(3);
}

static void what_ends_the_conn_is_told_to_each(void **state)
{
	(void)state;
	fake_answer_with((struct fake_answer){ .text = "SELECT 1.",
					       .what = FAKE_ERROR,
					       .severity = "FATAL",
					       .sqlstate = "57P01",
					       .message = "terminating connection" });
	begin_with_three();
	(void)first_is_over();
	stage_answer(0);
	for (unsigned i = 0; i < 3; i++) {
		assert_end(&calls[i], CALL_ERROR);
		assert_string_equal(calls[i].call.error.sqlstate, "57P01");
	}
	end(3);
}

static void a_conn_that_is_lost_amid_rows_loses_each(void **state)
{
	(void)state;
	begin_out(3, "3,5,7");
	fake_answer_some(0, 3);
	stage_turn();
	assert_untold(3);

	fake_lose(0);
	stage_turn();

	for (unsigned i = 0; i < 3; i++)
		assert_end(&calls[i], CALL_LOST);
	end(3);
}

static void what_another_call_has_aborted_goes_again_together(void **state)
{
	struct stage_call failing;

	(void)state;
	fake_answer_with((struct fake_answer){
		.text = "SELECT 3.", .what = FAKE_ERROR, .sqlstate = "22012" });
	answer_with(0, 3, "3,5,7");
	begin();
	stage_query(&failing, stage_statement(3), "0");
	ask(&calls[0], "5");
	ask(&calls[1], "3");
	ask(&calls[2], "7");
	assert_non_null(strstr(first_is_over(), "s3(0) prepare:s1 " TOGETHER));
	stage_answer(0);
	assert_untold(3);
	assert_int_equal(failing.told, 1);

	assert_non_null(strstr(fake_sent(0), TOGETHER));
	stage_answer(0);

	assert_rows(&calls[0], "{\"x\":5}");
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":7}");
	stage_call_fini(&failing);
	end(3);
}

/* --- limits ----------------------------------------------------------------------------------- */

static void begin_limited(uint64_t rows_max, size_t bytes_max)
{
	static const char *const keys[] = { "5", "3", "7" };

	begin();
	for (unsigned i = 0; i < 3; i++) {
		init(&calls[i], keys[i]);
		calls[i].call.rows_max = rows_max;
		calls[i].call.bytes_max = bytes_max;
		submit(&calls[i]);
	}
	assert_non_null(strstr(first_is_over(), TOGETHER));
	stage_answer(0);
}

static void one_with_too_many_rows_is_told_so_and_no_other(void **state)
{
	(void)state;
	answer_with(ONCE, 5, "3,3,3,5,7");
	begin_limited(1, 0);
	assert_rows(&calls[0], "{\"x\":5}");
	assert_end(&calls[1], CALL_TOO_LARGE);
	assert_int_equal(calls[1].call.rows, 2);
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

static void one_with_too_many_bytes_is_told_so_and_no_other(void **state)
{
	(void)state;
	answer_with(ONCE, 5, "3,3,3,5,7");
	begin_limited(0, 10);
	assert_rows(&calls[0], "{\"x\":5}");
	assert_end(&calls[1], CALL_TOO_LARGE);
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(keys_that_wait_together_are_one_execution),
		STORY(rows_of_a_key_keep_their_order),
		STORY(a_key_is_asked_once_for_all_that_want_it),
		STORY(callers_of_one_key_are_answered_as_identical_ones),
		STORY(a_key_without_rows_has_none),
		STORY(one_sends_an_array_of_its_key_and_takes_what_comes),
		STORY(null_goes_alone),
		STORY(a_text_that_is_not_the_one_of_its_number_goes_alone),
		STORY(what_would_end_an_element_is_quoted),
		STORY(others_with_the_same_odd_text_are_answered_with_it),
		STORY(where_keys_cannot_be_told_apart_each_goes_alone),
		STORY(two_users_never_share),
		STORY(after_an_error_each_goes_alone),
		STORY(one_whose_error_it_was_is_told_it_and_no_other),
		STORY(a_row_of_a_key_that_was_not_asked_for_sends_each_alone),
		STORY(a_row_without_a_key_sends_each_alone),
		STORY(a_key_of_another_spelling_sends_each_alone),
		STORY(a_key_column_of_another_type_sends_each_alone),
		STORY(more_bytes_than_a_conn_is_worth_send_each_alone),
		STORY(a_statement_that_broke_goes_for_single_keys_for_a_while),
		STORY(what_ends_the_conn_is_told_to_each),
		STORY(a_conn_that_is_lost_amid_rows_loses_each),
		STORY(what_another_call_has_aborted_goes_again_together),
		STORY(one_with_too_many_rows_is_told_so_and_no_other),
		STORY(one_with_too_many_bytes_is_told_so_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
