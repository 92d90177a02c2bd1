/* SPDX-License-Identifier: Apache-2.0 */
/* links: lookup_story.c pg_stage.c fake_libpq.c fake_libpq_result.c fake_libpq_server.c */
/* Who goes away takes no other of the calls of a @lookup along, that wait or are out with it. */
#include "pg/wire/lookup.h"

#include "base/clock.h"
#include "fake_libpq.h"
#include "lookup_story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void rows_of_one_that_went_away_are_not_foreign(void **state)
{
	(void)state;
	begin_out(3, "3,5,7");

	pool_forget(stage.pool, &calls[1].call);
	stage_answer(0);

	assert_rows(&calls[0], "{\"x\":5}");
	assert_int_equal(calls[1].told, 0);
	assert_int_equal(calls[1].out.len, 0);
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

static void one_may_go_away_amid_its_rows(void **state)
{
	(void)state;
	begin_out(4, "3,5,7,3");
	fake_answer_some(0, 3);
	stage_turn();

	pool_forget(stage.pool, &calls[1].call);
	stage_answer(0);

	assert_rows(&calls[0], "{\"x\":5}");
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

static void the_first_one_may_go_away_once_it_is_out(void **state)
{
	(void)state;
	begin_out(3, "3,5,7");

	pool_forget(stage.pool, &calls[0].call);
	assert_ptr_equal(calls[2].call.leader, &calls[1].call);
	stage_answer(0);

	assert_int_equal(calls[0].told, 0);
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":7}");
	assert_int_equal(pool_load(stage.pool), 0);
	end(3);
}

static void the_first_one_may_go_away_amid_rows_that_were_cleared(void **state)
{
	(void)state;
	begin_out(3, "5,3,7");
	fake_answer_some(0, 3);
	stage_turn();

	buf_clear(&calls[0].out);
	pool_forget(stage.pool, &calls[0].call);
	stage_answer(0);

	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

static void the_first_one_may_go_away_and_what_is_out_may_break(void **state)
{
	(void)state;
	begin_out(3, "3,5,4");
	answer_with(0, 1, "9");
	pool_forget(stage.pool, &calls[0].call);
	stage_answer(0);
	assert_string_equal(fake_sent(0), "probe " THREE " " SEVEN " bound sync");
	stage_answer(0);
	assert_rows(&calls[1], "{\"x\":9}");
	assert_rows(&calls[2], "{\"x\":9}");
	end(3);
}

static void all_may_go_away(void **state)
{
	(void)state;
	begin_out(3, "3,5,4");
	for (unsigned i = 0; i < 3; i++)
		pool_forget(stage.pool, &calls[i].call);
	stage_answer(0);
	assert_untold(3);
	assert_int_equal(pool_load(stage.pool), 0);
	end(3);
}

static void the_first_one_may_go_away_while_it_waits(void **state)
{
	(void)state;
	answer_with(ONCE, 2, "3,7");
	begin_with_three();

	pool_forget(stage.pool, &calls[0].call);

	assert_non_null(strstr(first_is_over(), "s1({\"3\",\"7\"})"));
	stage_answer(0);
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

static void one_that_waits_too_long_leaves_the_others(void **state)
{
	(void)state;
	answer_with(ONCE, 2, "3,7");
	begin();
	ask(&calls[0], "5");
	stage_pass(60 * US_PER_MS);
	ask(&calls[1], "3");
	ask(&calls[2], "7");

	stage_pass(60 * US_PER_MS);
	assert_end(&calls[0], CALL_UNSENT);
	assert_int_equal(calls[0].call.refusal, REFUSAL_EXPIRED);

	assert_non_null(strstr(first_is_over(), "s1({\"3\",\"7\"})"));
	stage_answer(0);
	assert_rows(&calls[1], "{\"x\":3}");
	assert_rows(&calls[2], "{\"x\":7}");
	end(3);
}

#define STORY(story) cmocka_unit_test_setup_teardown(story, stage_clear, stage_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORY(rows_of_one_that_went_away_are_not_foreign),
		STORY(one_may_go_away_amid_its_rows),
		STORY(the_first_one_may_go_away_once_it_is_out),
		STORY(the_first_one_may_go_away_amid_rows_that_were_cleared),
		STORY(the_first_one_may_go_away_and_what_is_out_may_break),
		STORY(all_may_go_away),
		STORY(the_first_one_may_go_away_while_it_waits),
		STORY(one_that_waits_too_long_leaves_the_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
