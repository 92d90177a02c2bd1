/* SPDX-License-Identifier: Apache-2.0 */
/* When requests are planned, whatever becomes of them. */
/* links: bench/schedule.c */
#include "bench/schedule.h"

#include "base/clock.h"

#include <math.h>

#include <cmocka.h>

#define START_US INT64_C(5000000)

static struct schedule schedule;

static void constant_plans_do_not_drift(void **state)
{
	schedule_init(&schedule, SCHEDULE_CONSTANT, 3000.0, START_US, 1);
	for (int i = 0; i < 30000; i++) {
		int64_t exact = START_US + (int64_t)i * US_PER_S / 3000;

		assert_in_range(schedule_planned_us(&schedule, 0), exact - 1, exact + 1);
		schedule_advance(&schedule);
	}
}

static void random_arrivals_have_the_rate_and_the_gaps_of_a_poisson_process(void **state)
{
	enum { COUNT = 100000 };
	int64_t last_us = START_US;
	double squares = 0.0;
	int longer = 0;

	schedule_init(&schedule, SCHEDULE_POISSON, 1000.0, START_US, 1);
	for (int i = 0; i < COUNT; i++) {
		int64_t gap_us = schedule_planned_us(&schedule, 0) - last_us;

		assert_true(gap_us >= 0);
		squares += (double)(gap_us * gap_us);
		longer += gap_us > 1000;
		last_us += gap_us;
		schedule_advance(&schedule);
	}
	/* Mean 1 ms; the mean square of an exponential gap is twice the square of its mean. */
	assert_in_range((last_us - START_US) / COUNT, 985, 1015);
	assert_true(fabs(squares / COUNT / 1e6 - 2.0) < 0.1);
	assert_in_range(longer, (int)(COUNT * 0.358), (int)(COUNT * 0.378));
}

static void a_seed_gives_its_plan_again_and_another_seed_another(void **state)
{
	struct schedule again, other;

	schedule_init(&schedule, SCHEDULE_POISSON, 10.0, 0, 7);
	schedule_init(&again, SCHEDULE_POISSON, 10.0, 0, 7);
	schedule_init(&other, SCHEDULE_POISSON, 10.0, 0, 8);
	for (int i = 0; i < 10; i++) {
		assert_int_equal(schedule_planned_us(&schedule, 0),
				 schedule_planned_us(&again, 99));
		assert_int_not_equal(schedule_planned_us(&schedule, 0),
				     schedule_planned_us(&other, 0));
		schedule_advance(&schedule);
		schedule_advance(&again);
		schedule_advance(&other);
	}
}

static void a_plan_does_not_ask_what_time_it_is(void **state)
{
	schedule_init(&schedule, SCHEDULE_CONSTANT, 100.0, START_US, 1);
	schedule_advance(&schedule);
	assert_int_equal(schedule_planned_us(&schedule, START_US + 60 * US_PER_S),
			 START_US + 10000);
}

static void without_a_plan_the_next_request_is_due_now(void **state)
{
	schedule_init(&schedule, SCHEDULE_CLOSED, 0.0, START_US, 1);
	schedule_advance(&schedule);
	assert_int_equal(schedule_planned_us(&schedule, 42), 42);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(constant_plans_do_not_drift),
		cmocka_unit_test(random_arrivals_have_the_rate_and_the_gaps_of_a_poisson_process),
		cmocka_unit_test(a_seed_gives_its_plan_again_and_another_seed_another),
		cmocka_unit_test(a_plan_does_not_ask_what_time_it_is),
		cmocka_unit_test(without_a_plan_the_next_request_is_due_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
