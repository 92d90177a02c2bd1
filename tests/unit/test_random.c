/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for jitter and choice, bytes for keys. */
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct random numbers;

static void the_same_seed_gives_the_numbers_of_the_reference_code(void **state)
{
	/* xoshiro256** with this state, by the authors' C code. */
	static const uint64_t want[] = { 11520, 0, 1509978240, 1215971899390074240 };

	numbers = (struct random){ { 1, 2, 3, 4 } };
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
		assert_true(random_next(&numbers) == want[i]);
}

static void another_seed_gives_other_numbers(void **state)
{
	struct random other;

	random_init(&numbers, 1);
	random_init(&other, 2);
	assert_true(random_next(&numbers) != random_next(&other));
	random_init(&other, 1);
	(void)random_next(&other);
	assert_true(random_next(&numbers) == random_next(&other));
}

static void numbers_below_a_limit_reach_all_of_them_and_never_the_limit(void **state)
{
	unsigned seen[7] = { 0 };

	random_init(&numbers, 3);
	for (int i = 0; i < 7000; i++) {
		uint64_t number = random_below(&numbers, 7);

		assert_true(number < 7);
		seen[number]++;
	}
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 800, 1200);
	assert_true(random_below(&numbers, 1) == 0);
}

static void pauses_double_up_to_the_longest_and_differ(void **state)
{
	static const int64_t most[] = { 1000, 2000, 4000, 8000, 10000, 10000 };

	random_init(&numbers, 4);
	for (unsigned n = 0; n < 6; n++) {
		int64_t least_us = INT64_MAX, most_us = 0;

		for (int i = 0; i < 1000; i++) {
			int64_t us = random_backoff_us(&numbers, n, 1000, 10000);

			least_us = us < least_us ? us : least_us;
			most_us = us > most_us ? us : most_us;
		}
		assert_in_range(least_us, most[n] / 2, most[n] / 2 + most[n] / 20);
		assert_in_range(most_us, most[n] - most[n] / 20, most[n]);
	}
	assert_true(random_backoff_us(&numbers, UINT32_MAX, 1, INT64_MAX) > 0);
}

static void bytes_for_keys_are_all_filled_and_never_twice_the_same(void **state)
{
	unsigned char one[1000] = { 0 }, two[1000] = { 0 };
	unsigned clear = 0;

	random_bytes(one, sizeof(one));
	random_bytes(two, sizeof(two));
	assert_memory_not_equal(one, two, sizeof(one));
	for (size_t i = 0; i < sizeof(one); i++)
		clear += one[i] == 0;
	assert_true(clear < 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_seed_gives_the_numbers_of_the_reference_code),
		cmocka_unit_test(another_seed_gives_other_numbers),
		cmocka_unit_test(numbers_below_a_limit_reach_all_of_them_and_never_the_limit),
		cmocka_unit_test(pauses_double_up_to_the_longest_and_differ),
		cmocka_unit_test(bytes_for_keys_are_all_filled_and_never_twice_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
