/* SPDX-License-Identifier: Apache-2.0 */
/* Which statements are slow, learnt from batches that show only their sums. */
#include "pg/estimate.h"

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

/* The machine stood still during the first batch: each has its share of that, and no more. */
static void test_no_statement_is_taken_for_longer_than_its_batch_took(void **state)
{
	struct statement quick = { .id = 1 }, *same[64];

	for (int i = 0; i < 64; i++)
		same[i] = &quick;
	estimate_learn(same, 64, 64 * 1000);
	assert_in_range(estimate_us(&quick), 900, 1000);
	estimate_learn(same, 64, 64 * 3000);
	assert_in_range(estimate_us(&quick), 1000, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_is_slow_before_it_has_run),
		cmocka_unit_test(
			test_a_slow_statement_becomes_quick_again_only_well_below_the_limit),
		cmocka_unit_test(test_the_slow_one_among_quick_mates_is_found_out),
		cmocka_unit_test(test_no_statement_is_taken_for_longer_than_its_batch_took),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
