/* SPDX-License-Identifier: Apache-2.0 */
/* The two clocks. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>

static void the_monotonic_clock_never_goes_back(void **state)
{
	int64_t before_us = clock_monotonic_us();

	for (int i = 0; i < 1000; i++) {
		int64_t now_us = clock_monotonic_us();

		assert_true(now_us >= before_us);
		before_us = now_us;
	}
	assert_true(before_us > 0);
}

static void the_wall_clock_counts_microseconds_since_1970(void **state)
{
	time_t now = time(NULL);
	int64_t wall_us = clock_wall_us();

	assert_true(wall_us / US_PER_S >= now - 1);
	assert_true(wall_us / US_PER_S <= now + 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_monotonic_clock_never_goes_back),
		cmocka_unit_test(the_wall_clock_counts_microseconds_since_1970),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
