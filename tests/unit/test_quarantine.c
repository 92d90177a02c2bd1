/* SPDX-License-Identifier: Apache-2.0 */
/* Statements that break groups stay out of them, longer each time, and are forgiven. */
#include "base/limits.h"
#include "pg/admission/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned serve(struct statement *statement)
{
	unsigned runs = 0;

	for (; quarantine_is_on(statement); runs++)
		quarantine_serve(statement);
	return runs;
}

static void test_a_statement_is_exiled_for_some_runs(void **state)
{
	struct statement statement = { 0 };

	assert_false(quarantine_is_on(&statement));
	quarantine_begin(&statement);
	assert_int_equal(serve(&statement), GROUP_QUARANTINE_RUNS_MIN);
	quarantine_serve(&statement);
	assert_false(quarantine_is_on(&statement));
}

static void test_each_exile_is_twice_as_long_up_to_a_limit(void **state)
{
	struct statement statement = { 0 };

	for (unsigned runs = GROUP_QUARANTINE_RUNS_MIN; runs < GROUP_QUARANTINE_RUNS_MAX;
	     runs *= 2) {
		quarantine_begin(&statement);
		assert_int_equal(serve(&statement), runs);
	}
	quarantine_begin(&statement);
	quarantine_begin(&statement);
	assert_int_equal(serve(&statement), GROUP_QUARANTINE_RUNS_MAX);
}

static void test_good_groups_make_the_next_exile_short_again(void **state)
{
	struct statement statement = { 0 };

	for (unsigned i = 0; i < 5; i++)
		quarantine_begin(&statement);
	(void)serve(&statement);
	for (unsigned i = 0; i < 100; i++)
		quarantine_pardon(&statement);
	assert_false(quarantine_is_on(&statement));
	quarantine_begin(&statement);
	assert_int_equal(serve(&statement), GROUP_QUARANTINE_RUNS_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_statement_is_exiled_for_some_runs),
		cmocka_unit_test(test_each_exile_is_twice_as_long_up_to_a_limit),
		cmocka_unit_test(test_good_groups_make_the_next_exile_short_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
