/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of buffers goes from one to the next. */
#include "base/recycled_bufs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct recycled_bufs recycled;

static int setup(void **state)
{
	recycled_bufs_init(&recycled);
	return 0;
}

static int teardown(void **state)
{
	recycled_bufs_fini(&recycled);
	return 0;
}

static struct buf with_bytes(size_t bytes)
{
	struct buf buf;

	buf_init(&buf);
	buf.len += buf_reserve(&buf, bytes) ? bytes : 0;
	return buf;
}

static void what_one_gives_back_the_next_one_takes_empty(void **state)
{
	struct buf first = with_bytes(10), next;
	char *ptr = first.ptr;

	recycled_bufs_give_back(&recycled, &first);
	assert_null(first.ptr);
	buf_init(&next);
	recycled_bufs_take(&recycled, &next);
	assert_ptr_equal(next.ptr, ptr);
	assert_int_equal(next.len, 0);
	assert_true(next.room >= 10);
	recycled_bufs_give_back(&recycled, &next);
}

static void where_none_was_given_back_it_has_no_memory_yet(void **state)
{
	struct buf buf;

	buf_init(&buf);
	recycled_bufs_take(&recycled, &buf);
	assert_null(buf.ptr);
	recycled_bufs_give_back(&recycled, &buf);
	assert_int_equal(recycled.count, 0);
}

static void a_large_one_is_not_kept(void **state)
{
	struct buf large = with_bytes(RECYCLED_BUF_BYTES_MAX + 1);

	recycled_bufs_give_back(&recycled, &large);
	assert_null(large.ptr);
	assert_int_equal(recycled.count, 0);
}

static void many_are_not_kept(void **state)
{
	struct buf many[RECYCLED_BUFS_MAX + 3];

	for (unsigned i = 0; i < RECYCLED_BUFS_MAX + 3; i++)
		many[i] = with_bytes(1);
	for (unsigned i = 0; i < RECYCLED_BUFS_MAX + 3; i++)
		recycled_bufs_give_back(&recycled, &many[i]);
	assert_int_equal(recycled.count, RECYCLED_BUFS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_one_gives_back_the_next_one_takes_empty, setup,
						teardown),
		cmocka_unit_test_setup_teardown(where_none_was_given_back_it_has_no_memory_yet,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_large_one_is_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(many_are_not_kept, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
