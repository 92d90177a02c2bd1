/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by which answers are counted. */
#include "read/cache/operations.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct cache_operations operations;

static void a_name_has_one_number(void **state)
{
	uint32_t first, second;

	(void)state;
	cache_operations_init(&operations);
	first = cache_operations_number(&operations, "first");
	second = cache_operations_number(&operations, "second");
	assert_int_not_equal(first, 0);
	assert_int_not_equal(second, 0);
	assert_int_not_equal(first, second);
	assert_int_equal(cache_operations_number(&operations, "first"), first);
	assert_string_equal(operations.names[second], "second");
	cache_operations_fini(&operations);
}

static void those_without_room_share_one(void **state)
{
	char name[16];

	(void)state;
	cache_operations_init(&operations);
	for (unsigned i = 1; i < CACHE_OPERATIONS_MAX; i++) {
		snprintf(name, sizeof(name), "o%u", i);
		assert_int_equal(cache_operations_number(&operations, name), i);
	}
	assert_int_equal(cache_operations_number(&operations, "more"), 0);
	assert_int_equal(cache_operations_number(&operations, "o7"), 7);
	assert_string_equal(operations.names[0], "other");
	cache_operations_fini(&operations);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_has_one_number),
		cmocka_unit_test(those_without_room_share_one),
	};

	return cmocka_run_group_tests_name("test_cache_operations", tests, NULL, NULL);
}
