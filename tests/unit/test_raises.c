/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that raise errors keep their savepoint for so many runs. */
#include "base/limits.h"
#include "pg/admission/raises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned passes_until_calm(struct statement *statement)
{
	unsigned runs = 0;

	for (; raises_lately(statement); runs++)
		raises_pass(statement);
	return runs;
}

static void test_a_statement_that_raises_nothing_has_not_raised_lately(void **state)
{
	struct statement statement = { 0 };

	raises_pass(&statement);
	assert_false(raises_lately(&statement));
}

static void test_an_error_is_remembered_for_so_many_runs(void **state)
{
	struct statement statement = { 0 };

	raises_add(&statement);
	assert_int_equal(passes_until_calm(&statement), GROUP_RAISE_RUNS);
}

static void test_errors_that_come_again_are_remembered_longer_up_to_a_limit(void **state)
{
	struct statement statement = { 0 };

	raises_add(&statement);
	raises_add(&statement);
	assert_int_equal(passes_until_calm(&statement), 2 * GROUP_RAISE_RUNS);
	for (unsigned i = 0; i < 100; i++)
		raises_add(&statement);
	assert_int_equal(passes_until_calm(&statement), GROUP_RAISE_RUNS_MAX);
}

/* What a group is redone for: an error of a statement that had raised none lately. */
static unsigned redone(unsigned one_in, unsigned runs)
{
	struct statement statement = { 0 };
	unsigned count = 0;

	for (unsigned run = 1; run <= runs; run++) {
		if (run % one_in != 0) {
			raises_pass(&statement);
			continue;
		}
		count += !raises_lately(&statement);
		raises_add(&statement);
	}
	return count;
}

static void test_groups_are_redone_for_it_once_in_so_many_runs_at_most(void **state)
{
	for (unsigned one_in = 1; one_in < 3 * GROUP_RAISE_RUNS; one_in++)
		assert_true(redone(one_in, 100000) <= 1 + 100000 / GROUP_RAISE_RUNS);
}

static void test_one_that_raises_more_often_than_that_is_redone_for_once(void **state)
{
	for (unsigned one_in = 1; one_in <= GROUP_RAISE_RUNS; one_in++)
		assert_int_equal(redone(one_in, 100000), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_statement_that_raises_nothing_has_not_raised_lately),
		cmocka_unit_test(test_an_error_is_remembered_for_so_many_runs),
		cmocka_unit_test(test_errors_that_come_again_are_remembered_longer_up_to_a_limit),
		cmocka_unit_test(test_groups_are_redone_for_it_once_in_so_many_runs_at_most),
		cmocka_unit_test(test_one_that_raises_more_often_than_that_is_redone_for_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
