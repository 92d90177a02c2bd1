/* SPDX-License-Identifier: Apache-2.0 */
/* Intrusive lists with a count. */
#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct member {
	int number;
	struct list_link link;
};

static struct list list;
static struct member members[4];

static int setup(void **state)
{
	list_init(&list);
	for (int i = 0; i < 4; i++)
		members[i] = (struct member){ .number = i };
	return 0;
}

static int teardown(void **state)
{
	return 0;
}

static void members_stand_in_the_order_they_were_put(void **state)
{
	int want = 0;

	list_append(&list, &members[1].link);
	list_append(&list, &members[2].link);
	list_prepend(&list, &members[0].link);
	list_each (&list, it)
		assert_int_equal(container_of(it, struct member, link)->number, want++);
	assert_int_equal(want, 3);
	assert_int_equal(list.count, 3);
}

static void a_removed_member_is_on_no_list(void **state)
{
	list_append(&list, &members[0].link);
	list_append(&list, &members[1].link);
	list_append(&list, &members[2].link);
	list_remove(&list, &members[1].link);
	assert_false(list_linked(&members[1].link));
	assert_int_equal(list.count, 2);
	assert_ptr_equal(list_take_first(&list), &members[0].link);
	assert_ptr_equal(list_take_first(&list), &members[2].link);
	assert_null(list_take_first(&list));
	assert_true(list_empty(&list));
	assert_null(list_first(&list));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(members_stand_in_the_order_they_were_put, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_removed_member_is_on_no_list, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
