/* SPDX-License-Identifier: Apache-2.0 */
/* The limit on a node that is simulated: some cores, and batches that take their turns. */
#include "base/clock.h"
#include "pg/admission/concurrency.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START_US (100 * US_PER_S)
#define BATCH_US (2 * US_PER_MS)

/* So long a load of that many batches at once, of which cores are served at a time, runs. */
static void run(struct concurrency *concurrency, unsigned cores, unsigned wanted, int64_t for_us,
		int64_t *now_us)
{
	int64_t until_us = *now_us + for_us;

	while (*now_us < until_us) {
		unsigned out = wanted;
		int64_t took_us;

		if (!concurrency_allows(concurrency, out - 1))
			out = concurrency_now(concurrency);
		took_us = out > cores ? BATCH_US * out / cores : BATCH_US;
		*now_us += took_us;
		for (unsigned i = 0; i < out; i++)
			concurrency_took(concurrency, took_us, 1, out, *now_us);
	}
}

static void a_fixed_one_stays(void **state)
{
	struct concurrency concurrency;
	int64_t now_us = START_US;

	concurrency_init(&concurrency, CONCURRENCY_FIXED, 4, 2, 64);
	run(&concurrency, 32, 64, 60 * US_PER_S, &now_us);
	concurrency_missed(&concurrency);
	assert_int_equal(concurrency_now(&concurrency), 4);
	assert_true(concurrency_allows(&concurrency, 3));
	assert_false(concurrency_allows(&concurrency, 4));
}

static void it_is_bounded_by_the_conns_and_is_one_at_least(void **state)
{
	struct concurrency concurrency;

	concurrency_init(&concurrency, CONCURRENCY_FIXED, 16, 8, 3);
	assert_int_equal(concurrency_now(&concurrency), 8);
	concurrency_init(&concurrency, CONCURRENCY_FIXED, 0, 0, 3);
	assert_int_equal(concurrency_now(&concurrency), 1);
	concurrency_init(&concurrency, CONCURRENCY_OFF, 4, 2, 64);
	assert_true(concurrency_allows(&concurrency, 1000));
}

static void it_grows_to_what_the_node_can_do(void **state)
{
	struct concurrency concurrency;
	int64_t now_us = START_US;

	concurrency_init(&concurrency, CONCURRENCY_ADAPTIVE, 4, 2, 64);
	run(&concurrency, 16, 64, 60 * US_PER_S, &now_us);
	assert_in_range(concurrency_now(&concurrency), 14, 24);
}

static void it_does_not_drift_in_a_long_overload(void **state)
{
	struct concurrency concurrency;
	int64_t now_us = START_US;

	concurrency_init(&concurrency, CONCURRENCY_ADAPTIVE, 16, 8, 64);
	run(&concurrency, 8, 4, 5 * US_PER_S, &now_us);
	for (int i = 0; i < 30; i++) {
		run(&concurrency, 8, 64, 10 * US_PER_S, &now_us);
		assert_in_range(concurrency_now(&concurrency), 8, 13);
	}
}

static void it_does_not_grow_while_it_is_not_used(void **state)
{
	struct concurrency concurrency;
	int64_t now_us = START_US;

	concurrency_init(&concurrency, CONCURRENCY_ADAPTIVE, 16, 4, 64);
	run(&concurrency, 64, 4, 60 * US_PER_S, &now_us);
	assert_int_equal(concurrency_now(&concurrency), 16);
}

static void it_shrinks_to_its_floor_and_what_is_missed_is_a_step(void **state)
{
	struct concurrency concurrency;
	int64_t now_us = START_US;

	concurrency_init(&concurrency, CONCURRENCY_ADAPTIVE, 20, 8, 64);
	concurrency_missed(&concurrency);
	assert_int_equal(concurrency_now(&concurrency), 18);
	run(&concurrency, 2, 1, 5 * US_PER_S, &now_us);
	run(&concurrency, 2, 64, 60 * US_PER_S, &now_us);
	assert_int_equal(concurrency_now(&concurrency), 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_fixed_one_stays),
		cmocka_unit_test(it_is_bounded_by_the_conns_and_is_one_at_least),
		cmocka_unit_test(it_grows_to_what_the_node_can_do),
		cmocka_unit_test(it_does_not_drift_in_a_long_overload),
		cmocka_unit_test(it_does_not_grow_while_it_is_not_used),
		cmocka_unit_test(it_shrinks_to_its_floor_and_what_is_missed_is_a_step),
	};

	return cmocka_run_group_tests_name("limit", tests, NULL, NULL);
}
