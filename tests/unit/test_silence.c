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
	struct silence silence = { .excuses = SILENCE_EXCUSES };

	silence_begin(&silence, ASKED);
	return silence;
}

static void test_the_limit_follows_the_polls_unless_it_is_set(void **state)
{
	struct options options = { .lag_poll_us = 300000 };

	assert_int_equal(silence_limit_us(&options), 600000);
	options.lag_poll_us = 1000;
	assert_int_equal(silence_limit_us(&options), 100000);
	options.lag_poll_us = 60000000;
	assert_int_equal(silence_limit_us(&options), 3000000);
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

	silence_excuse(&silence, SILENCE_LATE_US, ASKED + LIMIT + SILENCE_LATE_US);
	assert_int_equal(silence_ends_us(&silence, LIMIT), ASKED + LIMIT);
}

static void test_behind_a_time_that_was_not_run_the_limit_begins_again(void **state)
{
	struct silence silence = asked();
	int64_t woken = ASKED + LIMIT + 100 * LIMIT;

	silence_excuse(&silence, 100 * LIMIT, woken);
	assert_int_equal(silence_ends_us(&silence, LIMIT), woken + LIMIT);
}

static void test_a_monitor_that_is_always_late_still_finds_silence(void **state)
{
	struct silence silence = asked();
	int64_t ends = 0;

	for (int i = 0; i < 100; i++) {
		ends = silence_ends_us(&silence, LIMIT);
		silence_excuse(&silence, 30000, ends + 30000);
	}
	assert_int_equal(ends, ASKED + LIMIT + SILENCE_EXCUSES * (30000 + LIMIT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_limit_follows_the_polls_unless_it_is_set),
		cmocka_unit_test(test_it_ends_at_the_limit),
		cmocka_unit_test(test_a_timer_that_fires_in_time_changes_nothing),
		cmocka_unit_test(test_behind_a_time_that_was_not_run_the_limit_begins_again),
		cmocka_unit_test(test_a_monitor_that_is_always_late_still_finds_silence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
