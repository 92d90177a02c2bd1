/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that dies together. */
#include "base/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void an_arena_takes_no_memory_before_the_first_allocation(void **state)
{
	struct arena arena;

	arena_init(&arena);
	assert_int_equal(arena.bytes, 0);
	arena_reset(&arena);
	arena_fini(&arena);
}

static void allocations_are_aligned_and_do_not_overlap(void **state)
{
	struct arena arena;
	char *before = NULL;

	arena_init(&arena);
	for (size_t bytes = 0; bytes < 300; bytes++) {
		char *ptr = arena_alloc(&arena, bytes);

		assert_int_equal((uintptr_t)ptr % _Alignof(max_align_t), 0);
		assert_ptr_not_equal(ptr, before);
		memset(ptr, (int)bytes, bytes);
		if (before)
			for (size_t i = 0; i < bytes - 1; i++)
				assert_int_equal((unsigned char)before[i], (bytes - 1) & 0xff);
		before = ptr;
	}
	arena_fini(&arena);
}

static void a_reset_arena_serves_the_same_again_without_malloc(void **state)
{
	struct arena arena;
	size_t bytes;
	void *first;

	arena_init(&arena);
	first = arena_alloc(&arena, 100);
	for (int i = 0; i < 100; i++)
		(void)!arena_alloc(&arena, 1000);
	assert_true(arena.bytes >= 100000);
	arena_reset(&arena);
	bytes = arena.bytes;

	assert_ptr_equal(arena_alloc(&arena, 100), first);
	assert_int_equal(arena.bytes, bytes);
	assert_true(bytes < 10000);
	arena_fini(&arena);
}

static void a_large_first_allocation_is_not_what_reset_keeps(void **state)
{
	struct arena arena;
	char *large;

	arena_init(&arena);
	large = arena_alloc(&arena, 10 << 20);
	large[(10 << 20) - 1] = 1;
	arena_reset(&arena);
	assert_true(arena.bytes < 10000);
	arena_fini(&arena);
}

static void zeroed_memory_is_clear_even_when_used_before(void **state)
{
	struct arena arena;
	char *ptr;

	arena_init(&arena);
	memset(arena_alloc(&arena, 1000), 0xff, 1000);
	arena_reset(&arena);
	ptr = arena_zero(&arena, 10, 100);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(ptr[i], 0);
	arena_fini(&arena);
}

static void copies_end_with_nul_and_absent_stays_absent(void **state)
{
	struct arena arena;
	struct text absent = { NULL, 0 }, copy;

	arena_init(&arena);
	assert_string_equal(arena_copy(&arena, "abcdef", 3), "abc");
	assert_string_equal(arena_copy(&arena, NULL, 0), "");
	copy = arena_text(&arena, (struct text){ "xyz", 2 });
	assert_true(text_is(copy, "xy"));
	assert_int_equal(copy.ptr[2], '\0');
	assert_null(arena_text(&arena, absent).ptr);
	assert_non_null(arena_text(&arena, TEXT("")).ptr);
	arena_fini(&arena);
}

static void printed_text_has_no_limit(void **state)
{
	struct arena arena;
	char *out;

	arena_init(&arena);
	assert_string_equal(arena_printf(&arena, "%s=%d", "n", 7), "n=7");
	out = arena_printf(&arena, "%*d", 50000, 1);
	assert_int_equal(strlen(out), 50000);
	assert_int_equal(out[49999], '1');
	arena_fini(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_arena_takes_no_memory_before_the_first_allocation),
		cmocka_unit_test(allocations_are_aligned_and_do_not_overlap),
		cmocka_unit_test(a_reset_arena_serves_the_same_again_without_malloc),
		cmocka_unit_test(a_large_first_allocation_is_not_what_reset_keeps),
		cmocka_unit_test(zeroed_memory_is_clear_even_when_used_before),
		cmocka_unit_test(copies_end_with_nul_and_absent_stays_absent),
		cmocka_unit_test(printed_text_has_no_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
