/* SPDX-License-Identifier: Apache-2.0 */
/* How requests end: the table is the contract. */
#include "base/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void every_outcome_has_a_code_a_status_and_a_title(void **state)
{
	for (unsigned i = 0; i < OUTCOME_COUNT; i++) {
		const struct outcome_row *row = outcome_row((enum outcome)i);

		assert_true(strlen(row->code) > 1);
		assert_in_range(row->status, 200, 599);
		assert_true(strlen(row->title) > 1);
		for (unsigned j = 0; j < i; j++)
			assert_string_not_equal(row->code, outcome_row((enum outcome)j)->code);
	}
}

static void an_unknown_outcome_of_a_command_is_never_called_retryable(void **state)
{
	assert_false(outcome_row(OUTCOME_OUTCOME_UNKNOWN)->retryable);
	assert_true(outcome_row(OUTCOME_QUEUE_FULL)->retryable);
	assert_int_equal(outcome_row(OUTCOME_OK)->status, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_outcome_has_a_code_a_status_and_a_title),
		cmocka_unit_test(an_unknown_outcome_of_a_command_is_never_called_retryable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
