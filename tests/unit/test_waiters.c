/* SPDX-License-Identifier: Apache-2.0 */
/* Waiters: one new position wakes exactly those it serves, in their order. */
#include "router/waiters.h"

#include "base/list.h"
#include "base/random.h"

#include <cmocka.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

struct sleeper {
	struct waiter waiter;
	unsigned woken;
};

static uint64_t last_woken;

static void sleeper_on_reached(struct waiter *waiter)
{
	struct sleeper *sleeper = container_of(waiter, struct sleeper, waiter);

	assert_int_equal(waiter->slot, 0);
	assert_true(waiter->lsn >= last_woken);
	last_woken = waiter->lsn;
	sleeper->woken++;
}

static void sleeper_park(struct waiters *waiters, struct sleeper *sleeper, uint64_t lsn)
{
	*sleeper = (struct sleeper){ .waiter = { .lsn = lsn, .on_reached = sleeper_on_reached } };
	assert_true(waiters_park(waiters, &sleeper->waiter));
}

static void a_position_wakes_those_at_or_before_it_and_nobody_else(void **state)
{
	static struct waiters waiters;
	struct sleeper early, exact, late;

	(void)state;
	last_woken = 0;
	waiters_init(&waiters);
	sleeper_park(&waiters, &late, 300);
	sleeper_park(&waiters, &early, 100);
	sleeper_park(&waiters, &exact, 200);

	waiters_reached(&waiters, 200);

	assert_int_equal(early.woken, 1);
	assert_int_equal(exact.woken, 1);
	assert_int_equal(late.woken, 0);
	assert_int_equal(waiters.count, 1);
}

static void one_who_left_is_not_woken(void **state)
{
	static struct waiters waiters;
	struct sleeper gone, stays;

	(void)state;
	last_woken = 0;
	waiters_init(&waiters);
	sleeper_park(&waiters, &gone, 100);
	sleeper_park(&waiters, &stays, 100);
	waiters_leave(&waiters, &gone.waiter);
	waiters_leave(&waiters, &gone.waiter);

	waiters_reached(&waiters, 100);

	assert_int_equal(gone.woken, 0);
	assert_int_equal(stays.woken, 1);
}

static void a_full_heap_refuses_one_more(void **state)
{
	static struct waiters waiters;
	static struct sleeper sleepers[PARKED_MAX];
	struct waiter one_more = { .lsn = 1 };

	(void)state;
	waiters_init(&waiters);
	for (size_t i = 0; i < PARKED_MAX; i++)
		sleeper_park(&waiters, &sleepers[i], i);

	assert_false(waiters_park(&waiters, &one_more));
}

static void any_order_of_parking_and_leaving_keeps_the_heap_right(void **state)
{
	static struct waiters waiters;
	static struct sleeper sleepers[500];
	struct random random;
	size_t left = 0;

	(void)state;
	last_woken = 0;
	random_init(&random, 7);
	waiters_init(&waiters);
	for (size_t i = 0; i < 500; i++)
		sleeper_park(&waiters, &sleepers[i], random_below(&random, 1000));
	for (size_t i = 0; i < 500; i++)
		if (random_below(&random, 2)) {
			waiters_leave(&waiters, &sleepers[i].waiter);
			left++;
		}

	for (uint64_t lsn = 0; lsn < 1000; lsn += 50)
		waiters_reached(&waiters, lsn);
	waiters_reached(&waiters, 1000);

	for (size_t i = 0; i < 500; i++)
		left += sleepers[i].woken;
	assert_int_equal(left, 500);
	assert_int_equal(waiters.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_position_wakes_those_at_or_before_it_and_nobody_else),
		cmocka_unit_test(one_who_left_is_not_woken),
		cmocka_unit_test(a_full_heap_refuses_one_more),
		cmocka_unit_test(any_order_of_parking_and_leaving_keeps_the_heap_right),
	};

	return cmocka_run_group_tests_name("waiters", tests, NULL, NULL);
}
