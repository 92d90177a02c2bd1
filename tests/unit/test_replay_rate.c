/* SPDX-License-Identifier: Apache-2.0 */
/* How fast a replica replays, told only when it could not keep up. */
#include "router/cluster/replay_rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { LOOK_US = 100000, START_US = 1000 };

static void a_replica_that_keeps_up_has_no_rate(void **state)
{
	struct replay_rate rate = { 0 };

	/* Each look finds it where the primary was at the look before. */
	for (unsigned n = 0; n < 10; n++)
		assert_true(replay_rate_update(&rate, START_US + n * LOOK_US, 1000 * n,
					       1000 * (n + 1)) == 0);
}

static void a_replica_that_falls_behind_shows_its_own_pace(void **state)
{
	struct replay_rate rate = { 0 };

	/* 2 bytes per microsecond, while the primary writes 5. */
	for (unsigned n = 0; n < 10; n++) {
		double seen = replay_rate_update(&rate, START_US + (int64_t)n * LOOK_US,
						 UINT64_C(200000) * n, 1000 + UINT64_C(500000) * n);

		if (n >= 2)
			assert_true(seen > 1.99 && seen < 2.01);
	}
	/* It has caught up: the rate is not known any more. */
	assert_true(replay_rate_update(&rate, START_US + 10 * LOOK_US, 9000000, 9000000) == 0);
}

static void a_standstill_is_told_from_rest(void **state)
{
	struct replay_rate rate = { 0 };

	assert_true(replay_rate_update(&rate, START_US, 1000, 1000) == 0);
	/* A write that is not there yet at the very next look says nothing. */
	assert_true(replay_rate_update(&rate, START_US + LOOK_US, 1000, 2000) == 0);
	assert_true(replay_rate_update(&rate, START_US + LOOK_US + REPLAY_RATE_WINDOW_US / 2, 1000,
				       2000) == 0);
	/* Still not there a window later: as if it took twice as long as it has stood. */
	assert_true(replay_rate_update(&rate, START_US + 2 * LOOK_US, 1000, 2000) ==
		    1000.0 / (2 * LOOK_US));
	assert_true(replay_rate_update(&rate, START_US + 11 * LOOK_US, 1000, 2000) ==
		    1000.0 / (20 * LOOK_US));
	assert_true(replay_rate_update(&rate, START_US + 12 * LOOK_US, 2000, 2000) == 0);
}

static void a_standstill_makes_no_replica_quicker(void **state)
{
	struct replay_rate rate = { 0 };
	double seen;

	(void)replay_rate_update(&rate, START_US, 0, 1 << 30);
	seen = replay_rate_update(&rate, START_US + LOOK_US, 4 * LOOK_US, 1 << 30);
	assert_true(replay_rate_update(&rate, START_US + 2 * LOOK_US, 4 * LOOK_US, 1 << 30) ==
		    seen);
	assert_true(replay_rate_update(&rate, START_US + 10000 * LOOK_US, 4 * LOOK_US, 1 << 30) <
		    seen);
}

static void the_rate_is_smoothed(void **state)
{
	struct replay_rate rate = { 0 };
	double seen;

	(void)replay_rate_update(&rate, START_US, 0, 1 << 30);
	seen = replay_rate_update(&rate, START_US + LOOK_US, 4 * LOOK_US, 1 << 30);
	assert_true(seen > 3.99 && seen < 4.01);
	seen = replay_rate_update(&rate, START_US + 2 * LOOK_US, 6 * LOOK_US, 1 << 30);
	assert_true(seen > 2.99 && seen < 3.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replica_that_keeps_up_has_no_rate),
		cmocka_unit_test(a_replica_that_falls_behind_shows_its_own_pace),
		cmocka_unit_test(a_standstill_is_told_from_rest),
		cmocka_unit_test(a_standstill_makes_no_replica_quicker),
		cmocka_unit_test(the_rate_is_smoothed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
