/* SPDX-License-Identifier: Apache-2.0 */
/* The heap of timers. */
#include "base/timers.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT 500

static struct timers timers;
static struct loop_timer timer[COUNT];
static struct random numbers;

static void nobody_calls(struct loop_timer *unused)
{
	(void)unused;
}

static int setup(void **state)
{
	timers_init(&timers);
	random_init(&numbers, 11);
	for (int i = 0; i < COUNT; i++)
		timer[i] = (struct loop_timer){ .on_due = nobody_calls };
	return 0;
}

static int teardown(void **state)
{
	timers_fini(&timers);
	return 0;
}

static void no_timer_is_never_due(void **state)
{
	assert_true(timers_next_us(&timers) == INT64_MAX);
	assert_null(timers_take_due(&timers, INT64_MAX));
	timers_cancel(&timers, &timer[0]);
}

static void timers_come_off_in_the_order_they_are_due(void **state)
{
	int64_t last_us = 0;
	int taken = 0;

	for (int i = 0; i < COUNT; i++)
		timers_set(&timers, &timer[i], (int64_t)random_below(&numbers, 1000));
	for (struct loop_timer *at; (at = timers_take_due(&timers, 10000)); taken++) {
		assert_true(at->due_us >= last_us);
		assert_int_equal(at->slot, 0);
		last_us = at->due_us;
	}
	assert_int_equal(taken, COUNT);
}

static void a_timer_not_yet_due_stays(void **state)
{
	timers_set(&timers, &timer[0], 100);
	assert_null(timers_take_due(&timers, 99));
	assert_ptr_equal(timers_take_due(&timers, 100), &timer[0]);
	assert_null(timers_take_due(&timers, 100));
}

static void moving_and_cancelling_keep_the_order(void **state)
{
	int64_t last_us = 0;
	int left = 0;

	for (int i = 0; i < COUNT; i++)
		timers_set(&timers, &timer[i], (int64_t)random_below(&numbers, 1000));
	for (int i = 0; i < 5000; i++) {
		struct loop_timer *one = &timer[random_below(&numbers, COUNT)];

		if (random_below(&numbers, 3))
			timers_set(&timers, one, (int64_t)random_below(&numbers, 1000));
		else
			timers_cancel(&timers, one);
		for (size_t slot = 2; slot <= timers.count; slot++) {
			assert_true(timers.heap[slot]->due_us >= timers.heap[slot / 2]->due_us);
			assert_int_equal(timers.heap[slot]->slot, slot);
		}
	}
	for (int i = 0; i < COUNT; i++)
		left += timer[i].slot != 0;
	for (struct loop_timer *at; (at = timers_take_due(&timers, 10000)); left--) {
		assert_true(at->due_us >= last_us);
		last_us = at->due_us;
	}
	assert_int_equal(left, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(no_timer_is_never_due, setup, teardown),
		cmocka_unit_test_setup_teardown(timers_come_off_in_the_order_they_are_due, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_timer_not_yet_due_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(moving_and_cancelling_keep_the_order, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
