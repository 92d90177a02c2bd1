/* SPDX-License-Identifier: Apache-2.0 */
/* How often a statement is described anew, and by whom. */
#include "base/limits.h"
#include "pg/revalidation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned renew(struct statement *statement, int64_t now_us)
{
	unsigned times = 0;

	while (times < 100 && revalidation_begin(statement, now_us)) {
		revalidation_end(statement);
		times++;
	}
	return times;
}

static void a_statement_is_described_anew_a_few_times_at_once_and_then_each_second(void **state)
{
	struct statement statement = { 0 };
	int64_t now_us = 5000000;

	(void)state;
	assert_int_equal(renew(&statement, now_us), REVALIDATION_BURST);
	assert_int_equal(renew(&statement, now_us + REVALIDATION_EVERY_US - 1), 0);
	assert_int_equal(renew(&statement, now_us + REVALIDATION_EVERY_US), 1);
	assert_int_equal(renew(&statement, now_us + 3 * REVALIDATION_EVERY_US), 2);
	assert_int_equal(renew(&statement, now_us + 1000 * REVALIDATION_EVERY_US),
			 REVALIDATION_BURST);
}

static void only_one_describes_at_a_time(void **state)
{
	struct statement statement = { 0 };

	(void)state;
	assert_false(revalidation_is_on(&statement));
	assert_true(revalidation_begin(&statement, 1));
	assert_true(revalidation_is_on(&statement));
	assert_false(revalidation_begin(&statement, 1));
	revalidation_end(&statement);
	assert_false(revalidation_is_on(&statement));
	assert_true(revalidation_begin(&statement, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_statement_is_described_anew_a_few_times_at_once_and_then_each_second),
		cmocka_unit_test(only_one_describes_at_a_time),
	};

	return cmocka_run_group_tests_name("renewal", tests, NULL, NULL);
}
