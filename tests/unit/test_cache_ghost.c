/* SPDX-License-Identifier: Apache-2.0 */
/* What was evicted lately is known for as long as was asked for, and no longer. */
#include "read/cache/ghost.h"

#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT 8000

static struct ghost ghost;
static void *memory;
static uint64_t hashes[20 * COUNT];

static int setup(void **state)
{
	struct random random;

	memory = aligned_alloc(64, ghost_bytes(COUNT));
	assert_non_null(memory);
	memset(memory, 0, ghost_bytes(COUNT));
	ghost_init(&ghost, memory, COUNT);
	random_init(&random, 1);
	for (size_t i = 0; i < sizeof(hashes) / sizeof(*hashes); i++)
		hashes[i] = random_next(&random);
	return 0;
}

static int teardown(void **state)
{
	free(memory);
	return 0;
}

static unsigned count_of(unsigned first, unsigned count, uint64_t last)
{
	unsigned found = 0;

	for (unsigned i = first; i < first + count; i++)
		found += ghost_take(&ghost, hashes[i], last);
	return found;
}

static void add_all(unsigned first, unsigned count)
{
	for (unsigned i = first; i < first + count; i++)
		ghost_add(&ghost, hashes[i]);
}

static void what_was_added_is_there_once(void **state)
{
	assert_int_equal(count_of(0, 1000, COUNT), 0);
	add_all(0, 1000);
	assert_int_equal(count_of(0, 1000, COUNT), 1000);
	assert_int_equal(count_of(0, 1000, COUNT), 0);
}

static void the_last_ones_are_known_and_the_others_not(void **state)
{
	add_all(0, 3000);
	/* A bucket that has too many forgets its first ones early. */
	assert_in_range(count_of(2000, 1000, 1000), 990, 1000);
	assert_in_range(count_of(0, 1990, 1000), 0, 2);
}

/* Four of five slots in use: most of them are still known. */
static void a_table_that_is_nearly_full_forgets_few_early(void **state)
{
	add_all(0, 16000);
	assert_in_range(count_of(16000 - COUNT * 8 / 10, COUNT * 8 / 10, COUNT * 8 / 10),
			COUNT * 8 / 10 * 93 / 100, COUNT * 8 / 10);
}

static void few_that_never_were_there_are_taken_for_others(void **state)
{
	add_all(0, 4 * COUNT);
	assert_in_range(count_of(5 * COUNT, 10 * COUNT, COUNT), 0, 40);
}

/* Time comes round several times. */
static void what_is_old_stays_forgotten_when_time_comes_round(void **state)
{
	add_all(0, 20 * COUNT);
	assert_in_range(count_of(0, 18 * COUNT, COUNT), 0, 60);
	assert_in_range(count_of(20 * COUNT - 1000, 1000, COUNT), 900, 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_was_added_is_there_once, setup, teardown),
		cmocka_unit_test_setup_teardown(the_last_ones_are_known_and_the_others_not, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_table_that_is_nearly_full_forgets_few_early,
						setup, teardown),
		cmocka_unit_test_setup_teardown(few_that_never_were_there_are_taken_for_others,
						setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_old_stays_forgotten_when_time_comes_round,
						setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
