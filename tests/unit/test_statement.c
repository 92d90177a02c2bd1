/* SPDX-License-Identifier: Apache-2.0 */
/* Statements are shared by loops: a shape is published once. */
#include "base/statement.h"

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct statement statement;

static void a_statement_has_no_shape_until_it_is_described(void **state)
{
	struct shape *shape = shape_new(2, 3);

	assert_null(statement_shape(&statement));
	assert_int_equal(shape->params, 2);
	assert_int_equal(shape->columns, 3);
	shape->param_types[1].oid = 23;
	shape->column_types[2].oid = 25;
	assert_int_equal(shape->param_types[0].oid, 0);
	assert_int_equal(shape->column_types[0].oid, 0);
	statement_set_shape(&statement, shape);
	assert_ptr_equal(statement_shape(&statement), shape);
	statement_fini(&statement);
	assert_null(statement_shape(&statement));
}

static void the_first_shape_stays_when_a_second_comes(void **state)
{
	struct shape *first = shape_new(0, 1);

	statement_set_shape(&statement, first);
	statement_set_shape(&statement, shape_new(0, 1));
	assert_ptr_equal(statement_shape(&statement), first);
	statement_fini(&statement);
}

static struct shape *described(uint32_t oid)
{
	struct shape *shape = shape_new(0, 1);

	shape->column_types[0].oid = oid;
	shape->generation = statement_next_generation();
	return shape;
}

static void a_shape_of_other_types_takes_the_place_of_the_first_which_is_kept(void **state)
{
	struct shape *first = described(23), *second = described(25);

	statement_set_shape(&statement, first);
	statement_renew_shape(&statement, second);
	assert_ptr_equal(statement_shape(&statement), second);
	assert_int_equal(statement_generation(&statement), second->generation);
	assert_int_equal(first->column_types[0].oid, 23);
	statement_fini(&statement);
}

static void the_same_types_described_anew_are_another_generation(void **state)
{
	struct shape *first = described(23), *second = described(23);
	uint32_t generation = second->generation;

	statement_set_shape(&statement, first);
	statement_renew_shape(&statement, second);
	assert_ptr_equal(statement_shape(&statement), first);
	assert_int_equal(statement_generation(&statement), generation);
	assert_null(first->before);
	statement_fini(&statement);
}

static void *describe(void *unused)
{
	(void)unused;
	for (int i = 0; i < 100; i++) {
		statement_set_shape(&statement, shape_new(1, 1));
		assert(statement_shape(&statement)->params == 1);
	}
	return NULL;
}

static void loops_that_describe_at_once_agree(void **state)
{
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, describe, NULL), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	assert_non_null(statement_shape(&statement));
	statement_fini(&statement);
}

static void ids_begin_at_one_and_never_repeat(void **state)
{
	uint32_t first = statement_next_id();

	assert_int_equal(first, 1);
	assert_int_equal(statement_next_id(), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_statement_has_no_shape_until_it_is_described),
		cmocka_unit_test(the_first_shape_stays_when_a_second_comes),
		cmocka_unit_test(a_shape_of_other_types_takes_the_place_of_the_first_which_is_kept),
		cmocka_unit_test(the_same_types_described_anew_are_another_generation),
		cmocka_unit_test(loops_that_describe_at_once_agree),
		cmocka_unit_test(ids_begin_at_one_and_never_repeat),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
