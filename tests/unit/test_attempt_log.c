/* SPDX-License-Identifier: Apache-2.0 */
/* What the caller of a job reads of its attempts and of its end. */
#include "write/jobs/attempt_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define BEGAN "{\"n\":2,\"started_at\":\"2026-11-29T12:00:00.000005Z\",\"instance\":\"here:1\""

static struct arena arena;
static struct buf scratch;

static int start(void **state)
{
	arena_init(&arena);
	buf_init(&scratch);
	return 0;
}

static int stop(void **state)
{
	buf_fini(&scratch);
	arena_fini(&arena);
	return 0;
}

static const char *entry(const struct pg_error *error, const char *message)
{
	struct attempt attempt = { 2, 1795953600000005, -1, "here:1", error, message };

	return attempt_log_entry(&arena, &scratch, &attempt).ptr;
}

static void an_entry_tells_when_where_and_why(void **state)
{
	struct pg_error error = { .sqlstate = "23505", .constraint = "c", .message = "twice" };

	assert_string_equal(entry(&error, NULL),
			    BEGAN ",\"sqlstate\":\"23505\",\"constraint\":\"c\","
				  "\"message\":\"twice\"}");
}

static void how_long_it_took_is_there_where_it_is_known(void **state)
{
	struct attempt attempt = { 2, 1795953600000005, 7, "here:1", NULL, NULL };

	assert_string_equal(attempt_log_entry(&arena, &scratch, &attempt).ptr,
			    "{\"n\":2,\"started_at\":\"2026-11-29T12:00:00.000005Z\",\"ms\":7,"
			    "\"instance\":\"here:1\"}");
}

static void words_that_may_hold_rows_of_others_stay_inside(void **state)
{
	struct pg_error error = { .sqlstate = "40001", .message = "row of ann" };

	assert_string_equal(entry(&error, NULL), BEGAN ",\"sqlstate\":\"40001\"}");
}

static void of_one_that_was_lost_our_own_words_are_told(void **state)
{
	struct pg_error error = { .sqlstate = "57P01", .message = "row of ann" };

	assert_string_equal(entry(&error, "lost"),
			    BEGAN ",\"sqlstate\":\"57P01\",\"message\":\"lost\"}");
	assert_string_equal(entry(NULL, "lost"), BEGAN ",\"message\":\"lost\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_entry_tells_when_where_and_why, start, stop),
		cmocka_unit_test_setup_teardown(how_long_it_took_is_there_where_it_is_known, start,
						stop),
		cmocka_unit_test_setup_teardown(words_that_may_hold_rows_of_others_stay_inside,
						start, stop),
		cmocka_unit_test_setup_teardown(of_one_that_was_lost_our_own_words_are_told, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
