/* SPDX-License-Identifier: Apache-2.0 */
/* Lines that say the same again and again. */
#include "base/repeats.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#define NOW_US (1000 * US_PER_S)

static char text[REPEATS_TEXT_BYTES];

static int begin(void **state)
{
	(void)state;
	repeats_forget();
	return 0;
}

static void the_first_is_written_and_the_rest_is_summed_up(void **state)
{
	(void)state;
	assert_true(repeats_allow(REPEATS_CONNS, 1, NOW_US, text));
	assert_string_equal(text, "");
	for (int64_t i = 1; i <= 36; i++)
		assert_false(repeats_allow(REPEATS_CONNS, 1, NOW_US + i * US_PER_S, text));
	assert_true(repeats_allow(REPEATS_CONNS, 1, NOW_US + (60 * US_PER_S), text));
	assert_string_equal(text, " (again, 37 times in the last 60 s)");
	assert_false(repeats_allow(REPEATS_CONNS, 1, NOW_US + (60 * US_PER_S) + 1, text));
}

static void another_line_is_another_line(void **state)
{
	(void)state;
	assert_true(repeats_allow(REPEATS_CONNS, 1, NOW_US, text));
	assert_true(repeats_allow(REPEATS_CONNS, 2, NOW_US, text));
	assert_false(repeats_allow(REPEATS_CONNS, 1, NOW_US, text));
}

static void what_did_not_come_again_has_nothing_to_sum_up(void **state)
{
	(void)state;
	assert_true(repeats_allow(REPEATS_CONNS, 1, NOW_US, text));
	assert_true(repeats_allow(REPEATS_CONNS, 1, NOW_US + (60 * US_PER_S), text));
	assert_string_equal(text, "");
}

static void the_oldest_makes_room(void **state)
{
	(void)state;
	for (uint64_t key = 1; key <= 100; key++)
		assert_true(repeats_allow(REPEATS_CONNS, key, NOW_US + (int64_t)key, text));
	assert_false(repeats_allow(REPEATS_CONNS, 100, NOW_US + 200, text));
	assert_true(repeats_allow(REPEATS_CONNS, 1, NOW_US + 200, text));
}

static void some_kinds_are_written_more_often(void **state)
{
	unsigned lines = 0;

	(void)state;
	for (int64_t i = 0; i < 100; i++)
		lines += repeats_allow(REPEATS_FAILURES, 1, NOW_US + i, text);
	assert_int_equal(lines, 10);
	assert_true(repeats_allow(REPEATS_FAILURES, 1, NOW_US + US_PER_S, text));
	assert_string_equal(text, " (again, 91 times in the last 1 s)");
}

enum { THREADS = 4, LINES_EACH = 20000 };

static void *writes_lines(void *arg)
{
	unsigned *written = arg;
	char again[REPEATS_TEXT_BYTES];

	for (unsigned i = 0; i < LINES_EACH; i++)
		*written += repeats_allow(REPEATS_ANSWERS, 1, NOW_US, again);
	return NULL;
}

static void none_is_lost_whichever_thread_has_it(void **state)
{
	pthread_t threads[THREADS];
	unsigned written[THREADS] = { 0 }, all = 0;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, writes_lines, &written[i]), 0);
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		all += written[i];
	}
	assert_int_equal(all, 10);
	assert_true(repeats_allow(REPEATS_ANSWERS, 1, NOW_US + US_PER_S, text));
	assert_string_equal(text, " (again, 79991 times in the last 1 s)");
}

static void a_key_of_another_kind_is_another_line(void **state)
{
	(void)state;
	assert_true(repeats_allow(REPEATS_CONNS, 1, NOW_US, text));
	assert_true(repeats_allow(REPEATS_LIMITED, 1, NOW_US, text));
	assert_false(repeats_allow(REPEATS_LIMITED, 1, NOW_US, text));
}

static void the_clock_may_begin_at_nothing(void **state)
{
	(void)state;
	assert_true(repeats_allow(REPEATS_CONNS, 1, 0, text));
	assert_false(repeats_allow(REPEATS_CONNS, 1, 0, text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_is_written_and_the_rest_is_summed_up, begin),
		cmocka_unit_test_setup(another_line_is_another_line, begin),
		cmocka_unit_test_setup(what_did_not_come_again_has_nothing_to_sum_up, begin),
		cmocka_unit_test_setup(the_oldest_makes_room, begin),
		cmocka_unit_test_setup(some_kinds_are_written_more_often, begin),
		cmocka_unit_test_setup(none_is_lost_whichever_thread_has_it, begin),
		cmocka_unit_test_setup(a_key_of_another_kind_is_another_line, begin),
		cmocka_unit_test_setup(the_clock_may_begin_at_nothing, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
