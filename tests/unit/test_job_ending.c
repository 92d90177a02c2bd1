/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a job whose attempt has failed. */
#include "write/jobs/ending.h"

#include "base/clock.h"
#include "pg/wire/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static enum job_fault fault_of(const char *sqlstate)
{
	struct pg_error error = { 0 };

	memcpy(error.sqlstate, sqlstate, 6);
	return job_fault_of(&error);
}

static void what_may_go_away_is_tried_again(void **state)
{
	static const char *const sqlstates[] = { "40001", "40P01", "53200", "53300", "55P03",
						 "57014", "57P01", "58030", "08006", "25P04" };

	for (size_t i = 0; i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++)
		assert_int_equal(fault_of(sqlstates[i]), JOB_FAULT_PASSING);
}

static void what_the_data_is_refused_for_is_not(void **state)
{
	static const char *const sqlstates[] = { "22012", "23505", "23514", "P0001", "P0002",
						 "PT409", "AB123", "21000", "44000", "54000" };

	for (size_t i = 0; i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++)
		assert_int_equal(fault_of(sqlstates[i]), JOB_FAULT_DATA);
}

static void what_a_deployment_did_counts_no_attempt(void **state)
{
	static const char *const sqlstates[] = { "42P01", "42703", "42501", "0A000", "26000",
						 "XX000", "25006", "3F000", "2D000" };

	for (size_t i = 0; i < sizeof(sqlstates) / sizeof(sqlstates[0]); i++)
		assert_int_equal(fault_of(sqlstates[i]), JOB_FAULT_DEPLOYMENT);
}

static void a_row_that_a_policy_refuses_is_the_jobs_own_fault(void **state)
{
	struct pg_error error = { .sqlstate = "42501", .source = ERROR_SOURCE_POLICY };

	assert_int_equal(job_fault_of(&error), JOB_FAULT_DATA);
}

static void the_last_attempt_that_fails_is_death(void **state)
{
	struct random random;

	random_init(&random, 1);
	for (unsigned ended = 0; ended < 5; ended++) {
		struct job_attempts attempts = { ended, 5, 2 * US_PER_S };
		struct job_ending ending = job_ending_of(JOB_FAULT_PASSING, attempts, &random);

		assert_int_equal(ending.end, ended < 4 ? JOB_RETRIED : JOB_DEAD);
	}
}

static void one_that_was_lost_is_tried_again_alone(void **state)
{
	struct job_attempts attempts = { 1, 3, 2 * US_PER_S };
	struct random random;

	random_init(&random, 1);
	assert_int_equal(job_ending_of(JOB_FAULT_LOST, attempts, &random).end, JOB_RETRIED_ALONE);
	attempts.ended = 2;
	assert_int_equal(job_ending_of(JOB_FAULT_LOST, attempts, &random).end, JOB_DEAD);
}

static void pauses_double_up_to_an_hour(void **state)
{
	struct random random;
	int64_t longest_us = 0;

	random_init(&random, 7);
	for (unsigned i = 0; i < 1000; i++) {
		int64_t pause_us = job_backoff_us(2, 2 * US_PER_S, &random);

		assert_true(pause_us >= 0);
		assert_true(pause_us <= 8 * US_PER_S);
		longest_us = pause_us > longest_us ? pause_us : longest_us;
	}
	assert_true(longest_us > 7 * US_PER_S);
	for (unsigned i = 0; i < 1000; i++)
		assert_true(job_backoff_us(60000, 2 * US_PER_S, &random) <= 3600 * US_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_may_go_away_is_tried_again),
		cmocka_unit_test(what_the_data_is_refused_for_is_not),
		cmocka_unit_test(what_a_deployment_did_counts_no_attempt),
		cmocka_unit_test(a_row_that_a_policy_refuses_is_the_jobs_own_fault),
		cmocka_unit_test(the_last_attempt_that_fails_is_death),
		cmocka_unit_test(one_that_was_lost_is_tried_again_alone),
		cmocka_unit_test(pauses_double_up_to_an_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
