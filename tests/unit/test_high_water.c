/* SPDX-License-Identifier: Apache-2.0 */
/* The newest position that was heard of. */
#include "router/consistency/high_water.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct position at(uint32_t timeline, uint64_t lsn)
{
	return (struct position){ timeline, lsn };
}

static void it_covers_what_is_at_or_before_it(void **state)
{
	struct high_water high_water = { 0 };

	(void)state;
	assert_false(high_water_covers(&high_water, at(1, 1)));
	high_water_raise(&high_water, at(1, 100));
	high_water_raise(&high_water, at(1, 90));
	assert_true(high_water_covers(&high_water, at(1, 100)));
	assert_false(high_water_covers(&high_water, at(1, 101)));
}

static void each_timeline_begins_anew(void **state)
{
	struct high_water high_water = { 0 };

	(void)state;
	high_water_raise(&high_water, at(1, 100));
	high_water_raise(&high_water, at(2, 50));
	assert_true(high_water_covers(&high_water, at(2, 50)));
	assert_false(high_water_covers(&high_water, at(2, 51)));
	high_water_raise(&high_water, at(1, 200));
	assert_false(high_water_covers(&high_water, at(2, 51)));
	assert_false(high_water_covers(&high_water, at(1, 1)));
}

enum { THREADS = 4, RAISES = 20000 };

static struct high_water shared;

/* As loops that hear of promotions at different times: the older timelines came further. */
static void *raise_much(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < RAISES; i++) {
		uint32_t timeline = 1 + i * 64 / RAISES;

		high_water_raise(&shared, at(timeline, (100 - timeline) * 1000 + i % 10));
		high_water_raise(&shared, at(timeline - (timeline > 1), 1000000));
	}
	return NULL;
}

/* What was told of an older timeline never counts for a newer one. */
static void threads_never_mix_two_timelines(void **state)
{
	pthread_t threads[THREADS];

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, raise_much, NULL), 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	assert_true(high_water_covers(&shared, at(64, 36009)));
	assert_false(high_water_covers(&shared, at(64, 36010)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_covers_what_is_at_or_before_it),
		cmocka_unit_test(each_timeline_begins_anew),
		cmocka_unit_test(threads_never_mix_two_timelines),
	};

	return cmocka_run_group_tests_name("newest", tests, NULL, NULL);
}
