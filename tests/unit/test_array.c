/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of PostgreSQL, as text. */
#include "base/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void elements_are_parted_and_quoted(void **state)
{
	struct buf array;

	(void)state;
	buf_init(&array);
	array_begin(&array);
	array_add_text(&array, text_of("plain"));
	array_add_text(&array, text_of("a \"b\"\\"));
	array_add_text(&array, (struct text){ NULL, 0 });
	array_add_text(&array, text_of(""));
	array_add_int(&array, -7);
	assert_string_equal(array_end(&array), "{\"plain\",\"a \\\"b\\\"\\\\\",NULL,\"\",-7}");
	array_begin(&array);
	assert_string_equal(array_end(&array), "{}");
	buf_fini(&array);
}

static void one_that_moves_into_an_arena_ends_there(void **state)
{
	struct arena arena;
	struct buf array;

	(void)state;
	arena_init(&arena);
	buf_init(&array);
	array_begin(&array);
	assert_string_equal(array_move(&array, &arena), "{}");
	buf_init(&array);
	array_begin(&array);
	array_add_int(&array, 1);
	array_add_int(&array, 2);
	assert_string_equal(array_move(&array, &arena), "{1,2}");
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_are_parted_and_quoted),
		cmocka_unit_test(one_that_moves_into_an_arena_ends_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
