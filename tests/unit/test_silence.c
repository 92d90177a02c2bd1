/* SPDX-License-Identifier: Apache-2.0 */
/* A node is not held to have been silent while the monitor itself did not run. */
#include "router/cluster/silence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { ASKED = 1000000, LIMIT = 200000 };

static struct silence asked(void)
{
	struct silence silence = { .excused_us = 1 };

	silence_begin(&silence, ASKED);
	return silence;
}

static void test_the_limit_follows_the_polls_unless_it_is_set(void **state)
{
	struct options options = { .lag_poll_us = 300000 };

	assert_int_equal(silence_limit_us(&options), 600000);
	options.lag_poll_us = 1000;
	assert_int_equal(silence_limit_us(&options), 100000);
	options.status_timeout_us = 5000;
	assert_int_equal(silence_limit_us(&options), 5000);
}

static void test_it_ends_at_the_limit(void **state)
{
	struct silence silence = asked();

	assert_int_equal(silence_ends_us(&silence, LIMIT), ASKED + LIMIT);
}

static void test_a_timer_that_fires_in_time_changes_nothing(void **state)
{
	struct silence silence = asked();

	silence_excuse(&silence, SILENCE_LATE_US, LIMIT);
	assert_int_equal(silence_ends_us(&silence, LIMIT), ASKED + LIMIT);
}

static void test_what_was_not_run_is_left_out(void **state)
{
	struct silence silence = asked();

	silence_excuse(&silence, 300000, LIMIT);
	silence_excuse(&silence, 100000, LIMIT);
	assert_int_equal(silence_ends_us(&silence, LIMIT), ASKED + LIMIT + 400000);
}

static void test_a_monitor_that_is_always_late_still_finds_silence(void **state)
{
	struct silence silence = asked();

	for (int i = 0; i < 100; i++)
		silence_excuse(&silence, 30000, LIMIT);
	assert_int_equal(silence_ends_us(&silence, LIMIT),
			 ASKED + LIMIT + SILENCE_EXCUSED_LIMITS * LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_limit_follows_the_polls_unless_it_is_set),
		cmocka_unit_test(test_it_ends_at_the_limit),
		cmocka_unit_test(test_a_timer_that_fires_in_time_changes_nothing),
		cmocka_unit_test(test_what_was_not_run_is_left_out),
		cmocka_unit_test(test_a_monitor_that_is_always_late_still_finds_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
