/* SPDX-License-Identifier: Apache-2.0 */
/* The arithmetic of budgets, by a clock of the test. */
#include "router/health/budget.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_US (100 * US_PER_S)

static unsigned taken(struct budget *budget, int64_t now_us)
{
	unsigned count = 0;

	while (count < 10000 && budget_take(budget, now_us))
		count++;
	return count;
}

static void in_quiet_times_there_is_the_reserve(void **state)
{
	struct budget budget = { .percent = 10, .reserve = 10 };

	assert_int_equal(taken(&budget, START_US), 10);
	assert_int_equal(taken(&budget, START_US + 9 * US_PER_S), 0);
	assert_int_equal(taken(&budget, START_US + 10 * US_PER_S), 10);
}

static void requests_earn_their_share(void **state)
{
	struct budget budget = { .percent = 10, .reserve = 10 };

	for (int i = 0; i < 1000; i++)
		budget_earn(&budget, START_US);
	assert_int_equal(taken(&budget, START_US), 110);
}

static void without_a_reserve_nothing_is_given_before_it_is_earned(void **state)
{
	struct budget budget = { .percent = 2 };

	for (int i = 0; i < 49; i++)
		budget_earn(&budget, START_US);
	assert_int_equal(taken(&budget, START_US), 0);
	budget_earn(&budget, START_US);
	assert_int_equal(taken(&budget, START_US), 1);
}

static void what_was_earned_long_ago_is_gone(void **state)
{
	struct budget budget = { .percent = 10 };

	for (int i = 0; i < 1000; i++)
		budget_earn(&budget, START_US);
	assert_int_equal(taken(&budget, START_US + 10 * US_PER_S), 0);
}

/* The node fails all, everybody wants a retry: never more than a tenth on top, and the reserve. */
static void a_minute_of_errors_adds_a_tenth(void **state)
{
	struct budget budget = { .percent = 10, .reserve = 10 };
	unsigned paid = 0, requests = 0;

	for (int ms = 0; ms < 60000; ms++) {
		budget_earn(&budget, START_US + ms * US_PER_MS);
		requests++;
		paid += budget_take(&budget, START_US + ms * US_PER_MS);
	}
	assert_in_range(paid, requests / 10, requests / 10 + 60 + 10);
}

/* After ten calm seconds all fail: not even the first one bears more than its own tenth. */
static void a_node_in_trouble_does_not_spend_ten_seconds_in_one(void **state)
{
	struct budget budget = { .percent = 10, .reserve = 10 };
	unsigned paid = 0;

	(void)state;
	for (int ms = 0; ms < 10000; ms++)
		budget_earn(&budget, START_US + ms * US_PER_MS);
	for (int ms = 10000; ms < 11000; ms++) {
		budget_earn(&budget, START_US + ms * US_PER_MS);
		paid += budget_take_evenly(&budget, START_US + ms * US_PER_MS);
	}
	assert_in_range(paid, 85, 100);
	assert_true(budget_take(&budget, START_US + 11 * US_PER_S - 1));
}

static void of_a_node_in_trouble_with_few_requests_the_reserve_pays_one_a_second(void **state)
{
	struct budget budget = { .percent = 10, .reserve = 10 };
	unsigned paid = 0;

	(void)state;
	for (int ms = 0; ms < 5500; ms++)
		paid += budget_take_evenly(&budget, START_US + ms * US_PER_MS);
	assert_int_equal(paid, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_quiet_times_there_is_the_reserve),
		cmocka_unit_test(requests_earn_their_share),
		cmocka_unit_test(without_a_reserve_nothing_is_given_before_it_is_earned),
		cmocka_unit_test(what_was_earned_long_ago_is_gone),
		cmocka_unit_test(a_minute_of_errors_adds_a_tenth),
		cmocka_unit_test(a_node_in_trouble_does_not_spend_ten_seconds_in_one),
		cmocka_unit_test(
			of_a_node_in_trouble_with_few_requests_the_reserve_pays_one_a_second),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
