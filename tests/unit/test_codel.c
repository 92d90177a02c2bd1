/* SPDX-License-Identifier: Apache-2.0 */
/* When a queue counts as overloaded, by a clock of the test. */
#include "pg/admission/codel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_US (100 * US_PER_S)
#define CODEL_INTERVAL_US (100 * US_PER_MS)
#define CODEL_TARGET_US (5 * US_PER_MS)

/* One call leaves every step_us, and each has waited so long. Returns the time after. */
static int64_t leave(struct codel *codel, unsigned calls, int64_t step_us, int64_t waited_us,
		     int64_t now_us)
{
	for (unsigned i = 0; i < calls; i++, now_us += step_us)
		(void)codel_dequeued(codel, 1, waited_us, waited_us, now_us);
	return now_us;
}

static void a_queue_that_stands_is_overloaded(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us;

	now_us = leave(&codel, 110, US_PER_MS, CODEL_TARGET_US + US_PER_MS, START_US);
	assert_true(codel_overloaded(&codel, now_us));
	now_us = leave(&codel, 110, US_PER_MS, CODEL_TARGET_US + US_PER_MS, now_us);
	assert_true(codel_overloaded(&codel, now_us));
}

static void a_burst_is_not(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us = START_US;

	for (int i = 0; i < 10; i++) {
		now_us = leave(&codel, 80, US_PER_MS, 80 * US_PER_MS, now_us);
		now_us = leave(&codel, 1, US_PER_MS, 0, now_us);
		assert_false(codel_overloaded(&codel, now_us));
	}
}

static void it_is_so_until_few_had_to_be_refused_for_some_intervals(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us = leave(&codel, 110, US_PER_MS, 2 * CODEL_TARGET_US, START_US);

	for (int i = 0; i < 2 * CODEL_CALM; i++) {
		for (int refused = 0; refused < 30; refused++)
			codel_refused(&codel);
		now_us = leave(&codel, 101, US_PER_MS, 0, now_us);
		assert_true(codel_overloaded(&codel, now_us));
	}
	for (int i = 0; i < CODEL_CALM - 1; i++) {
		for (int refused = 0; refused < 20; refused++)
			codel_refused(&codel);
		now_us = leave(&codel, 101, US_PER_MS, 0, now_us);
	}
	assert_true(codel_overloaded(&codel, now_us));
	now_us = leave(&codel, 202, US_PER_MS, 0, now_us);
	assert_false(codel_overloaded(&codel, now_us));
}

static void one_that_waited_for_long_is_no_queue(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us = START_US;

	for (int i = 0; i < 20; i++) {
		now_us = leave(&codel, 2, 60 * US_PER_MS, 4 * CODEL_TARGET_US, now_us);
		assert_false(codel_overloaded(&codel, now_us));
	}
}

static void when_nobody_leaves_for_long_nothing_is_known(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us = leave(&codel, 110, US_PER_MS, 2 * CODEL_TARGET_US, START_US);

	assert_true(codel_overloaded(&codel, now_us + CODEL_INTERVAL_US));
	assert_false(codel_overloaded(&codel, now_us + 2 * CODEL_INTERVAL_US));
}

static void the_load_is_told_by_the_shortest_wait_of_an_interval(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us = leave(&codel, 220, US_PER_MS, CODEL_TARGET_US, START_US);

	assert_int_equal(codel_load(&codel), CODEL_HEAVY);
	now_us = leave(&codel, 220, US_PER_MS, CODEL_TARGET_US / 2, now_us);
	assert_int_equal(codel_load(&codel), CODEL_FULL);
	now_us = leave(&codel, 101, US_PER_MS, 0, now_us);
	now_us = leave(&codel, 101, US_PER_MS, CODEL_TARGET_US, now_us);
	assert_int_equal(codel_load(&codel), CODEL_LIGHT);
}

static void room_is_what_leaves_in_time(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };

	assert_int_equal(codel_room(&codel, codel_slack_us(&codel)), 1);
	(void)leave(&codel, 200, 100, US_PER_MS, START_US);
	assert_int_equal(codel_slack_us(&codel), 2 * CODEL_TARGET_US);
	assert_in_range(codel_room(&codel, codel_slack_us(&codel)), 99, 100);
	assert_in_range((int)codel_served(&codel), 999, 1001);
}

static void where_calls_leave_slowly_all_times_are_longer(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us = leave(&codel, 200, 50 * US_PER_MS, 40 * US_PER_MS, START_US);

	/* The queue was empty before each. */
	assert_int_equal(codel_slack_us(&codel), 2 * CODEL_TARGET_US);
	now_us = leave(&codel, 200, 50 * US_PER_MS, 60 * US_PER_MS, now_us);
	assert_int_equal(codel_slack_us(&codel), CODEL_INTERVAL_US / 2);
	assert_int_equal(codel_room(&codel, codel_slack_us(&codel)), 1);
	assert_true(codel_overloaded(&codel, now_us));
	now_us = leave(&codel, 20 * CODEL_CALM, 50 * US_PER_MS, 45 * US_PER_MS, now_us);
	assert_false(codel_overloaded(&codel, now_us));
}

static void the_calls_of_a_batch_leave_together(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US };
	int64_t now_us = START_US;

	for (int i = 0; i < 200; i++, now_us += US_PER_MS)
		(void)codel_dequeued(&codel, 10, US_PER_MS, 0, now_us);
	assert_in_range(codel_room(&codel, codel_slack_us(&codel)), 99, 100);
	assert_false(codel_overloaded(&codel, now_us));
}

/* Then nobody may wait behind another, so that nobody follows another either. */
static void a_pace_that_was_slow_is_found_quicker_by_those_who_wait_alone(void **state)
{
	struct codel codel = { .interval_us = CODEL_INTERVAL_US, .patience_us = CODEL_INTERVAL_US };
	int64_t now_us = leave(&codel, 5, 80 * US_PER_MS, 80 * US_PER_MS, START_US);

	assert_int_equal(codel_room(&codel, CODEL_INTERVAL_US), 1);
	/* Whoever did not wait at all says nothing. */
	now_us = leave(&codel, 40, 40 * US_PER_MS, 0, now_us);
	assert_int_equal(codel_room(&codel, CODEL_INTERVAL_US), 1);
	leave(&codel, 40, 40 * US_PER_MS, 10 * US_PER_MS, now_us);
	assert_true(codel_room(&codel, CODEL_INTERVAL_US) > 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_queue_that_stands_is_overloaded),
		cmocka_unit_test(a_burst_is_not),
		cmocka_unit_test(it_is_so_until_few_had_to_be_refused_for_some_intervals),
		cmocka_unit_test(one_that_waited_for_long_is_no_queue),
		cmocka_unit_test(when_nobody_leaves_for_long_nothing_is_known),
		cmocka_unit_test(the_load_is_told_by_the_shortest_wait_of_an_interval),
		cmocka_unit_test(room_is_what_leaves_in_time),
		cmocka_unit_test(where_calls_leave_slowly_all_times_are_longer),
		cmocka_unit_test(the_calls_of_a_batch_leave_together),
		cmocka_unit_test(a_pace_that_was_slow_is_found_quicker_by_those_who_wait_alone),
	};

	return cmocka_run_group_tests_name("codel", tests, NULL, NULL);
}
