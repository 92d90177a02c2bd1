/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements are slow, learnt from batches that show only their sums. */
#include "pg/admission/estimate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_nothing_is_slow_before_it_has_run(void **state)
{
	struct statement statement = { .id = 1 };

	assert_false(estimate_is_slow(&statement));
}

static void test_a_slow_statement_becomes_quick_again_only_well_below_the_limit(void **state)
{
	struct statement statement = { .id = 1 }, *one[] = { &statement };

	for (int i = 0; i < 100; i++)
		estimate_learn(one, 1, ESTIMATE_SLOW_US + 1000);
	assert_true(estimate_is_slow(&statement));
	for (int i = 0; i < 100; i++)
		estimate_learn(one, 1, (ESTIMATE_SLOW_US + ESTIMATE_QUICK_US) / 2);
	assert_true(estimate_is_slow(&statement));
	for (int i = 0; i < 100; i++)
		estimate_learn(one, 1, ESTIMATE_QUICK_US / 2);
	assert_false(estimate_is_slow(&statement));
}

static void test_the_slow_one_among_quick_mates_is_found_out(void **state)
{
	struct statement slow = { .id = 1 }, quick = { .id = 2 };
	struct statement *mixed[16] = { &slow }, *quicks[16];

	for (int i = 0; i < 16; i++) {
		quicks[i] = &quick;
		mixed[i] = i ? &quick : &slow;
	}
	for (int i = 0; i < 200; i++) {
		for (int j = 0; j < 10; j++)
			estimate_learn(quicks, 16, 16 * 50);
		estimate_learn(mixed, 16, 15 * 50 + 2 * ESTIMATE_SLOW_US);
	}
	assert_true(estimate_is_slow(&slow));
	assert_false(estimate_is_slow(&quick));
}

/* The machine stands still during a batch of the same statement, the first ever or a later one. */
static void test_one_batch_that_took_long_makes_nothing_slow(void **state)
{
	struct statement fresh = { .id = 1 }, known = { .id = 2 }, *same[20];

	for (int i = 0; i < 20; i++)
		same[i] = &fresh;
	estimate_learn(same, 20, 400000);
	assert_in_range(estimate_us(&fresh), 1, 400000 / 20);
	assert_false(estimate_is_slow(&fresh));

	for (int i = 0; i < 20; i++)
		same[i] = &known;
	for (int i = 0; i < 100; i++)
		estimate_learn(same, 20, 20 * 200);
	estimate_learn(same, 20, 400000);
	assert_in_range(estimate_us(&known), 200, 900);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_slow_before_it_has_run),
		cmocka_unit_test(
			test_a_slow_statement_becomes_quick_again_only_well_below_the_limit),
		cmocka_unit_test(test_the_slow_one_among_quick_mates_is_found_out),
		cmocka_unit_test(test_one_batch_that_took_long_makes_nothing_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
